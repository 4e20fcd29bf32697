//! `ansible.cfg` and the environment, end to end.

use crate::project::{Project, play};

fn forks(project: &Project, environment: &[(&str, &str)]) -> String {
    let mut command = project.command("-i h, -c local site.yml");
    command.envs(environment.iter().copied());
    let outcome = project.outcome(&mut command);
    let (_, rest) = outcome.out.split_once("\"ansible_forks\": ").unwrap_or_else(|| panic!("{outcome}"));
    rest.lines().next().unwrap().to_owned()
}

#[test]
fn the_first_configuration_file_counts_and_the_environment_wins_over_it() {
    let project = Project::new().file("site.yml", &play("    - debug: var=ansible_forks\n"));
    assert_eq!(forks(&project, &[]), "5");
    project.write("home/.ansible.cfg", "[defaults]\nforks = 11\n");
    assert_eq!(forks(&project, &[]), "11");
    project.write("ansible.cfg", "[defaults]\nforks = 12\n");
    assert_eq!(forks(&project, &[]), "12");
    project.write("named.cfg", "[defaults]\nforks = 13\n");
    let named = project.path("named.cfg").display().to_string();
    assert_eq!(forks(&project, &[("ANSIBLE_CONFIG", &named)]), "13");
    assert_eq!(forks(&project, &[("ANSIBLE_CONFIG", &named), ("ANSIBLE_FORKS", "14")]), "14");
}

#[test]
fn a_configuration_file_that_anybody_may_write_is_ignored() {
    use std::os::unix::fs::PermissionsExt;
    let project = Project::new()
        .file("site.yml", &play("    - debug: var=ansible_forks\n"))
        .file("ansible.cfg", "[defaults]\nforks = 12\n");
    std::fs::set_permissions(project.path(""), std::fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(forks(&project, &[]), "5");
}

#[test]
fn the_inventory_and_tags_may_be_settings() {
    let project = Project::new()
        .file("site.yml", &play("    - {name: a, debug: , tags: a}\n    - {name: b, debug: , tags: b}\n"))
        .file("ansible.cfg", "[defaults]\ninventory = hosts\n[tags]\nskip = b\n")
        .file("hosts", "here ansible_connection=local\n");
    let outcome = project.run("site.yml");
    assert!(outcome.out.contains("ok: [here]") && !outcome.out.contains("TASK [b]"), "{outcome}");
}

#[test]
fn a_wrong_value_is_refused_with_its_place() {
    let project =
        Project::new().file("site.yml", &play("    - debug:\n")).file("ansible.cfg", "[defaults]\nforks = many\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @r"
    exit code 5
    --- stdout ---

    --- stderr ---
    error: `forks` takes an integer, not `many`
     --> [DIR]/ansible.cfg:2:1
      |
    2 | forks = many
      | ^^^^^^^^^^^^
    ");
    std::fs::remove_file(project.path("ansible.cfg")).unwrap();
    insta::assert_snapshot!(project.run_with("ANSIBLE_FORKS", "x", "-i h, -c local site.yml"), @r"
    exit code 5
    --- stdout ---

    --- stderr ---
    error: `ANSIBLE_FORKS` takes an integer, not `x`
     |
     = cause: it is set in the environment
    ");
}

#[test]
fn a_boolean_that_is_none_is_false_and_told_once() {
    let project = Project::new().file("site.yml", &play("    - debug:\n"));
    let outcome = project.run_with("ANSIBLE_PIPELINING", "perhaps", "-i h, -c local site.yml");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(outcome.err.matches("takes a boolean").count(), 1, "{outcome}");
}
