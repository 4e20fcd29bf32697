//! `synchronize` with OpenSSH's server and rsync, by playbooks: between the controller and a host, between two hosts, on
//! one, as other users. They need root, sshd, sudo and rsync.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod openssh;

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::PathBuf;
use std::process::Command;

use openssh::Server;

/// A playbook's directory, and hosts that are users and connections of this machine.
struct World {
    directory: tempfile::TempDir,
    server: Server,
}

struct Outcome {
    code: Option<i32>,
    text: String,
}

impl World {
    fn new() -> Self {
        let made = Command::new("rsync").arg("--version").output();
        assert!(made.is_ok_and(|output| output.status.success()), "rsync is needed: install it");
        let directory = tempfile::tempdir().unwrap();
        // Other users come here, too.
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let world = Self { directory, server: Server::start() };
        let inventory = format!(
            "one ansible_host=127.0.0.1\ntwo ansible_host=127.0.0.1 ansible_user=root\n[all:vars]\nansible_port={}\n\
             ansible_private_key_file={}\nansible_host_key_checking=false\nansible_ssh_common_args='-F none -o \
             IdentityAgent=none'\n",
            world.server.port,
            world.server.path("ed25519").display()
        );
        world.write("hosts", &inventory);
        for (name, text) in
            [("a", "first"), ("sub/b c", "second"), (".rsync-filter", "- left out\n"), ("left out", "x")]
        {
            world.write(&format!("files/tree/{name}"), text);
        }
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn program(&self, name: &str, text: &str) {
        self.write(name, text);
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Run these tasks on the host `one`; `AT` is the directory.
    fn run(&self, tasks: &str, flags: &str) -> Outcome {
        let tasks: Vec<String> = tasks.lines().map(|line| format!("    {line}")).collect();
        let text = format!("- hosts: one\n  gather_facts: false\n  tasks:\n{}\n", tasks.join("\n"));
        self.write("site.yml", &text.replace("AT", &self.directory.path().display().to_string()));
        let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
            .args(["run", "-i", "hosts", "site.yml"])
            .args(flags.split_whitespace())
            .current_dir(self.directory.path())
            .env("HOME", self.path("home"))
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).join("\n");
        Outcome { code: output.status.code(), text }
    }

    fn succeeds(&self, tasks: &str) -> String {
        let outcome = self.run(tasks, "");
        assert_eq!(outcome.code, Some(0), "{}", outcome.text);
        outcome.text
    }

    fn fails(&self, tasks: &str) -> String {
        let outcome = self.run(tasks, "");
        assert_eq!(outcome.code, Some(2), "{}", outcome.text);
        outcome.text
    }
}

#[test]
fn a_tree_is_pushed_and_then_left_alone() {
    let world = World::new();
    world.succeeds(
        r#"
- synchronize: {src: tree, dest: "AT/host"}
  check_mode: true
  diff: true
  register: predicted
- stat: {path: "AT/host"}
  register: there
- assert:
    that:
      - predicted is changed and not there.stat.exists
      - predicted.diff.prepared is search('tree/a\n')
      - "'--dry-run' in predicted.cmd"
- synchronize: {src: tree, dest: "AT/host"}
  register: done
- assert:
    that:
      - done is changed and done.rc == 0
      - "done.cmd == \"rsync --delay-updates -F --compress --archive '--out-format=<<CHANGED>>%i %n%L' AT/files/tree 127.0.0.1:AT/host\""
      - "'<f+++++++++ tree/a' in done.stdout_lines and done.stdout_lines == done.msg.splitlines()"
- ansible.posix.synchronize: {src: tree, dest: "AT/host"}
  register: again
- assert: {that: "again is not changed and again.stdout_lines == []"}
- synchronize: {src: tree/, dest: "AT/host/bare name/"}
- copy: {content: stray, dest: "AT/host/bare name/stray"}
- synchronize: {src: tree/, dest: "AT/host/bare name/", delete: true}
  register: done
- assert: {that: "done.stdout_lines | select('search', 'deleting') | map('split') | map('last') | list == ['stray']"}
"#,
    );
    assert_eq!(world.read("host/tree/sub/b c"), "second");
    assert_eq!(world.read("host/bare name/a"), "first");
    assert!(!world.path("host/tree/left out").exists() && !world.path("host/bare name/stray").exists());
    let outcome = world.run("- synchronize: {src: tree/, dest: AT/new}", "--check --diff");
    assert!(outcome.code == Some(0) && outcome.text.contains("changed=1") && !world.path("new").exists());
    assert!(outcome.text.contains("<f+++++++++ a"), "{}", outcome.text);
}

#[test]
fn much_is_carried_in_both_directions_and_arrives_whole() {
    let world = World::new();
    let mut state = 1u64;
    let bytes: Vec<u8> = (0..6_000_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        })
        .collect();
    std::fs::write(world.path("files/tree/large"), &bytes).unwrap();
    for number in 0..800 {
        world.write(&format!("files/tree/many/{number}"), &number.to_string());
    }
    world.succeeds(
        r#"
- synchronize: {src: tree, dest: "AT/host/", compress: false}
- synchronize: {src: "AT/host/tree/", dest: back, mode: pull, rsync_opts: ["-vv", "--stats"]}
  register: done
- assert: {that: "done is changed and 'Number of files' in done.msg"}
- synchronize: {src: "AT/host/tree/", dest: back, mode: pull, rsync_opts: ["-vv"]}
  register: done
- assert: {that: "done is not changed and '.f          large' in done.stdout_lines", fail_msg: "{{ done | string }}"}
"#,
    );
    assert_eq!(std::fs::read(world.path("back/large")).unwrap(), bytes);
    assert_eq!(world.read("back/many/799"), "799");
}

#[test]
fn another_user_is_become_also_with_a_password() {
    let world = World::new();
    world.program(
        "su",
        "#!/bin/sh\nprintf 'Password: ' >&2\nread -r word\n[ \"$word\" = s3cret ] || exit 1\nexec setpriv --reuid=65534 --regid=65534 --clear-groups /bin/sh -c \"$3\"\n",
    );
    std::fs::create_dir(world.path("theirs")).unwrap();
    std::os::unix::fs::chown(world.path("theirs"), Some(65534), Some(65534)).unwrap();
    let text = world.succeeds(
        r#"
- synchronize: {src: tree/, dest: "AT/theirs/sudo"}
  become: true
  become_user: nobody
- synchronize: {src: tree/, dest: "AT/theirs/su"}
  become: true
  become_user: nobody
  become_method: su
  vars: {ansible_become_exe: "AT/su", ansible_become_password: s3cret}
- synchronize: {src: tree/, dest: "AT/theirs/local"}
  delegate_to: one
  become: true
  become_user: nobody
  vars: {src: x}
- synchronize: {src: tree/, dest: "AT/theirs/plain", rsync_path: rsync}
  become: true
  become_user: nobody
"#
        .replace("{src: tree/, dest: \"AT/theirs/local\"}", "{src: \"AT/files/tree/\", dest: \"AT/theirs/local\"}")
        .as_str(),
    );
    assert!(!text.contains("s3cret"), "{text}");
    for (name, owner) in [("sudo", 65534), ("su", 65534), ("local", 65534), ("plain", 0)] {
        assert_eq!(world.path(&format!("theirs/{name}/a")).metadata().unwrap().uid(), owner, "{name}");
    }
    let text = world.run(
        "- synchronize: {src: tree/, dest: AT/theirs/wrong}\n  become: true\n  become_method: su\n  vars: {ansible_become_exe: AT/su, ansible_become_password: wrong}",
        "",
    );
    assert!(text.code == Some(2) && text.text.contains("su ended before"), "{}", text.text);
}

#[test]
fn a_delegate_is_the_other_side() {
    let world = World::new();
    std::fs::create_dir(world.path("home of two")).unwrap();
    world.succeeds(
        r#"
- synchronize: {src: "AT/files/tree/", dest: "AT/from two"}
  delegate_to: two
  register: done
- assert:
    that: "done is changed and done.cmd is search(\"AT/files/tree/ '127.0.0.1:AT/from two'\")"
- synchronize: {src: "AT/from two", dest: "AT/to two/", mode: pull, compress: false, rsync_opts: ["--exclude=a"]}
  delegate_to: two
- synchronize: {src: "AT/from two/", dest: "~/back home/", mode: pull}
  delegate_to: two
  environment: {HOME: "AT/home of two"}
- synchronize: {src: "AT/files/tree/", dest: "AT/alone"}
  delegate_to: "{{ inventory_hostname }}"
  register: done
- assert: {that: "done is changed and done.cmd is search('AT/files/tree/ AT/alone')"}
- synchronize: {src: tree/, dest: "AT/by localhost"}
  delegate_to: localhost
- synchronize: {src: tree/, dest: here}
  connection: local
"#,
    );
    for name in
        ["from two/a", "alone/a", "to two/from two/sub/b c", "by localhost/a", "here/a", "home of two/back home/a"]
    {
        assert!(world.path(name).exists(), "{name}");
    }
    assert!(!world.path("to two/from two/a").exists());
}

#[test]
fn a_delegate_gets_no_other_command_through() {
    let world = World::new();
    let ask = |command: &str| {
        world.program("rsync", &format!("#!/bin/sh\neval \"set -- $RSYNC_RSH\"\n\"$@\" host '{command}' </dev/null\n"));
        world.fails(
            "- synchronize: {src: AT/files/tree/, dest: AT/there}\n  delegate_to: two\n  vars: {ansible_rsync_path: AT/rsync}",
        )
    };
    let text = ask(&format!("touch {}", world.path("touched").display()));
    assert!(text.contains("is not passed on"), "{text}");
    let text = ask(&format!(
        "rsync --server -v . {}; touch {}",
        world.path("there").display(),
        world.path("touched").display()
    ));
    assert!(text.contains("a shell would do more"), "{text}");
    assert!(!world.path("touched").exists() && !world.path("there").exists());
}

#[test]
fn what_is_missing_or_wrong_is_told_once() {
    let world = World::new();
    for (tasks, told) in [
        (
            "- synchronize: {src: tree/, dest: AT/x}\n  vars: {ansible_rsync_path: /no/rsync}",
            "there is no program `/no/rsync` on the controller, where synchronize has to start it",
        ),
        (
            "- synchronize: {src: tree/, dest: AT/x, rsync_path: /no/rsync}",
            "there is no program `/no/rsync` on one, the other side of synchronize",
        ),
        (
            "- synchronize: {src: AT/x, dest: AT/y}\n  delegate_to: two\n  vars: {ansible_rsync_path: /no/rsync}",
            "there is no program `/no/rsync` on two",
        ),
        ("- synchronize: {src: AT/none/, dest: AT/x}", "failed: No such file or directory"),
        ("- synchronize: {src: tree/, dest: 'other:/x'}", "names the host other itself"),
        ("- synchronize: {src: tree/, dest: AT/x, link_dest: [AT/files/tree/sub]}", "would cause recursion"),
        ("- synchronize: {src: tree/, dest: AT/x, rsync_opts: [--no-such]}", "unknown option"),
        ("- synchronize: {src: tree/, dest: 'rsync://127.0.0.1:1/x'}", "failed to connect"),
    ] {
        let text = world.fails(tasks);
        assert!(text.contains(told) && text.contains("changed=0"), "{told}: {text}");
    }
    let outcome = world.run("- synchronize: {src: tree/, dest: AT/x, delet: true}", "");
    assert!(outcome.code == Some(4) && outcome.text.contains("did you mean `delete`"), "{}", outcome.text);
    assert!(!world.path("x").exists());
}

#[test]
fn links_are_made_to_what_is_there_already() {
    let world = World::new();
    world.succeeds(
        r#"
- synchronize: {src: tree/, dest: "AT/old/"}
- synchronize: {src: tree/, dest: "AT/new/", link_dest: ["AT/old"]}
  register: done
- assert: {that: "done is changed"}
- synchronize: {src: tree/, dest: "AT/new/", link_dest: ["AT/old"]}
  register: done
- assert: {that: "done is not changed"}
"#,
    );
    let inode = |name: &str| world.path(name).metadata().unwrap().ino();
    assert_eq!(inode("old/a"), inode("new/a"));
}
