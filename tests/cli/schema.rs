//! `rprov schema`, as an editor uses it: by jsonschema and PyYAML (Debian's python3-jsonschema and python3-yaml).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::project::Project;

/// What the schema has to say of these files, each mistake with its place; files that are no YAML are left out.
fn mistakes(words: &str, files: &[PathBuf]) -> BTreeMap<PathBuf, Vec<String>> {
    let project = Project::new();
    let schema = project.rprov(&format!("schema {words}"));
    assert_eq!(schema.code, 0, "{schema}");
    project.write("schema.json", &schema.out);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/schema/validate.py");
    let output = Command::new("/usr/bin/python3").arg(script).arg(project.path("schema.json")).args(files).output();
    let output = output.unwrap_or_else(|error| panic!("this test needs python3: {error}"));
    assert!(
        output.status.success(),
        "this test needs python3-jsonschema and python3-yaml: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What is in a directory.
fn entries(path: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn what_the_schema_refuses_rprov_refuses() {
    let (mut found, mut plain) = (BTreeMap::new(), Vec::new());
    for case in entries(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")) {
        if case.is_dir() {
            let mut files = entries(&case);
            files.retain(|path| path.extension().is_some_and(|ending| ending == "yml"));
            if case.join("library").exists() || case.join("roles").exists() {
                found.extend(mistakes(&format!("--playbook-dir {}", case.display()), &files));
            } else {
                plain.extend(files);
            }
        }
    }
    found.extend(mistakes("playbook", &plain));
    // Whose modules `collections` names cannot be seen in the schema.
    found.retain(|path, _| !path.ends_with("own_collections/site.yml"));
    assert!(found.len() > 300, "only {} playbooks were looked at", found.len());
    let mut wrong = Vec::new();
    for (path, mistakes) in found.iter().filter(|(_, mistakes)| !mistakes.is_empty()) {
        let mut run = Project::new().command("--syntax-check");
        let outcome = run.current_dir(path.parent().unwrap()).arg(path.file_name().unwrap()).output().unwrap();
        // A mistake in a task that may never be reached is a warning.
        if outcome.status.success() && !String::from_utf8_lossy(&outcome.stderr).contains("warning") {
            wrong.push(format!("{}: {mistakes:#?}", path.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_slip_of_the_pen_is_found_by_the_schema() {
    let right = "
- hosts: all
  become: true
  roles: [common, {role: web, port: 80}]
  tasks:
    - name: a file
      ansible.builtin.copy: {src: a, dest: /a, mode: '0644', force: \"{{ yes }}\"}
      notify: again
    - shell: echo a
      args: {chdir: /tmp}
    - block:
        - community.docker.docker_container: {name: web, image: nginx, networks: [{name: net}]}
      rescue:
        - my.own.module: {anything: 1}
- import_playbook: other.yml
";
    let slips = [
        ("", "", ""),
        ("hosts: all", "host: all", "/0"),
        ("become: true", "becom: true", "/0"),
        ("mode: '0644'", "mod: '0644'", "/0/tasks/0/ansible.builtin.copy"),
        ("force: \"{{ yes }}\"", "force: perhaps", "/0/tasks/0/ansible.builtin.copy"),
        ("shell: echo a", "shel: echo a", "/0/tasks/1"),
        ("{name: net}", "{nam: net}", "/0/tasks/2/block/0/community.docker.docker_container"),
        ("rescue:", "rescued:", "/0/tasks/2"),
        ("import_playbook: other.yml", "import_playbook: [other.yml]", "/1/import_playbook"),
    ];
    let project = Project::new();
    let file = |index: usize| project.path(&format!("{index}.yml"));
    for (index, (from, to, _)) in slips.iter().enumerate() {
        assert!(right.contains(from));
        project.write(&format!("{index}.yml"), &right.replacen(from, to, 1));
    }
    let found = mistakes("playbook", &(0..slips.len()).map(file).collect::<Vec<_>>());
    assert_eq!(found[&file(0)], Vec::<String>::new());
    for (index, (_, to, place)) in slips.iter().enumerate().skip(1) {
        let found = &found[&file(index)];
        assert!(found.iter().any(|mistake| mistake.starts_with(&format!("{place}: "))), "{to}: {found:?}");
    }
    project.write("right.yml", "- debug: {msg: a}\n- name: again\n  listen: later\n  ping:\n");
    project.write("wrong.yml", "- debug: {message: a}\n");
    let found = mistakes("tasks", &[project.path("right.yml"), project.path("wrong.yml")]);
    assert_eq!(found.values().map(Vec::len).collect::<Vec<_>>(), [0, 1], "{found:?}");
}
