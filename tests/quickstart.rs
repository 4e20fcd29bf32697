//! The README's first command, word for word but for the directory: a play with three throw-away hosts over SSH, which
//! changes things the first time and nothing the second.

#![expect(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::{Command, Output};

/// A copy of the repository's quickstart, so that its hosts' directories are made anew.
fn quickstart(directory: &Path) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for part in ["inventories/quickstart", "playbooks", "roles"] {
        copy(&root.join(part), &directory.join(part));
    }
    // The settings say where the roles are.
    std::fs::copy(root.join("ansible.cfg"), directory.join("ansible.cfg")).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn run(directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["run", "-i", "inventories/quickstart", "playbooks/quickstart.yml"])
        .current_dir(directory)
        .env_remove("ANSIBLE_CONFIG")
        .output()
        .unwrap()
}

fn recap(output: &Output) -> Vec<String> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let begin = lines.iter().position(|line| line.starts_with("PLAY RECAP"));
    lines[begin.unwrap_or_else(|| panic!("no recap in:\n{text}")) + 1..].to_vec()
}

#[test]
fn the_quickstart_converges_and_the_second_run_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    quickstart(directory.path());
    let first = run(directory.path());
    assert!(
        first.status.success(),
        "{}{}",
        String::from_utf8_lossy(&first.stdout),
        String::from_utf8_lossy(&first.stderr)
    );
    assert_eq!(
        recap(&first)[..3],
        [
            "lb1 : ok=6 changed=2 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0",
            "web1 : ok=9 changed=3 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0",
            "web2 : ok=9 changed=3 unreachable=0 failed=0 skipped=0 rescued=0 ignored=0",
        ]
    );
    let second = run(directory.path());
    assert!(second.status.success());
    assert!(recap(&second)[..3].iter().all(|line| line.contains(" changed=0 ") && line.contains(" failed=0 ")));

    // The balancer's file was made from facts that the other hosts registered.
    let written = directory.path().join(".rprov/quickstart/lb1/site/conf.d/upstreams.conf");
    let text = std::fs::read_to_string(written).unwrap();
    assert!(text.contains("server 127.0.0.1:8001;  # web1, page "), "{text}");
    assert!(text.contains("server 127.0.0.1:8002;  # web2, page "), "{text}");
}
