//! `rprov config`; what `dump` and `view` print is compared with Ansible's by `tests/golden/config`.

use crate::project::Project;

/// The lines of a dump without their origins.
fn values(dump: &str) -> Vec<String> {
    let origin = fancy_regex::Regex::new(r"^(\w+)\([^)]*\) = ").unwrap();
    let lines = dump.lines().filter(|line| !line.starts_with("CONFIG_FILE"));
    lines.map(|line| origin.replace(line, "$1 = ").into_owned()).collect()
}

#[test]
fn the_file_that_init_writes_holds_the_defaults() {
    let project = Project::new();
    let before = project.rprov("config dump -t all");
    assert_eq!(before.code, 0, "{before}");
    let file = project.rprov("config init -t all");
    assert_eq!(file.code, 0, "{file}");
    assert!(file.out.starts_with("[defaults]\n# (boolean) ANSIBLE_ACTION_WARNINGS\naction_warnings=True\n"), "{file}");
    assert!(file.out.contains("\n;become_exe=\n"), "{file}");
    let here = project.path("").display().to_string();
    let real = |text: &str| text.replace("[DIR]", here.trim_end_matches('/'));
    project.write("ansible.cfg", &real(&file.out));
    let after = project.rprov("config dump -t all");
    assert_eq!(after.err, "");
    assert!(after.out.contains("DEFAULT_FORKS([DIR]/ansible.cfg) = 5\n"), "{after}");
    assert_eq!(values(&before.out), values(&after.out));
    // With all of it off, nothing is set.
    project.write("ansible.cfg", &real(&project.rprov("config init -t all --disabled").out));
    let after = project.rprov("config dump --only-changed");
    assert_eq!(after.out, "CONFIG_FILE() = [DIR]/ansible.cfg\n\nGALAXY_SERVERS:\n");
}

#[test]
fn the_environment_that_init_writes_is_a_shell_s() {
    let project = Project::new();
    let text = project.rprov("config init --format env").out;
    assert!(text.contains("\n# (integer) ANSIBLE_FORKS\nANSIBLE_FORKS=5\n"), "{text}");
    assert!(text.contains("\n#ANSIBLE_BECOME_EXE=\n"), "{text}");
    project.write("env.sh", &text);
    let status = std::process::Command::new("sh").args(["-eu", "env.sh"]).current_dir(project.path(".")).status();
    assert!(status.unwrap().success());
}

#[test]
fn settings_are_listed_with_what_sets_them() {
    let project = Project::new();
    let text = project.rprov("config list").out;
    let forks = "DEFAULT_FORKS:\n  default: 5\n  env:\n  - name: ANSIBLE_FORKS\n  ini:\n  - key: forks\n    section: defaults\n  type: integer\n";
    assert!(text.contains(forks), "{text}");
    let text = project.rprov("config list -t become sudo --format json").out;
    let listed: serde_json::Value = serde_json::from_str(&text).unwrap();
    let sudo = &listed["PLUGINS"]["become"]["sudo"];
    assert_eq!(sudo["become_exe"]["default"], "sudo", "{text}");
    assert!(listed["PLUGINS"]["become"]["su"].is_null(), "{text}");
}

#[test]
fn a_wrong_setting_is_told_with_its_place() {
    let project = Project::new().file("ansible.cfg", "[defaults]\nforks = many\n");
    let outcome = project.rprov("config dump");
    insta::assert_snapshot!(outcome, @r"
    exit code 5
    --- stdout ---

    --- stderr ---
    error: `forks` takes an integer, not `many`
     --> [DIR]/ansible.cfg:2:1
      |
    2 | forks = many
      | ^^^^^^^^^^^^
    ");
}
