//! `rprov adhoc`; what it prints where all goes as it does under Ansible is compared by `tests/golden/adhoc`.

use crate::project::Project;

#[test]
fn mistakes_are_told_before_a_host_is_touched() {
    let project = Project::new();
    let outcome = project.rprov("adhoc -i h, -c local h -m pin");
    insta::assert_snapshot!(outcome, @r"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: couldn't resolve module/action 'pin'. This often indicates a misspelling, missing collection, or incorrect module path
     --> <CLI option '-m'>:1:1
      |
    1 | pin
      | ^
      |
      = hint: did you mean `ping`?
    ");
    let outcome = project.rprov("adhoc -i h, -c local h -m file -a 'state=touch some path'");
    insta::assert_snapshot!(outcome, @r#"
    exit code 4
    --- stdout ---

    --- stderr ---
    error: Action 'file' does not support raw params.
     --> <CLI option '-a'>:1:1
      |
    1 | state=touch some path
      | ^ `some path` is not `name=value`
      |
      = hint: write the options as -a 'name=value name="two words"', or as -a '{"name": "value"}'
    "#);
    let outcome = project.rprov("adhoc -i h, -c local h --playbook-dir nowhere -m ping");
    assert!(outcome.code == 1 && outcome.err.contains("the playbook directory nowhere cannot be used"), "{outcome}");
    let outcome = project.rprov("adhoc -i h, -c local site.yml");
    assert!(outcome.code == 5 && outcome.err.contains("use `rprov run`"), "{outcome}");
}

#[test]
fn a_task_in_the_background_is_waited_for_or_left() {
    let project = Project::new();
    let outcome = project.rprov("adhoc -i h, -c local h -a 'touch left' -B 60 -P 0");
    assert!(outcome.code == 0 && outcome.out.contains("ansible_job_id"), "{outcome}");
    let begin = std::time::Instant::now();
    while !project.path("left").exists() {
        assert!(begin.elapsed().as_secs() < 60, "the task that was left is not done: {outcome}");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let outcome = project.rprov("adhoc -i h, -c local h -a 'echo waited' -B 60 -P 1");
    assert!(outcome.code == 0 && outcome.out.contains(r#""stdout": "waited""#), "{outcome}");
}

#[test]
fn a_host_s_name_does_not_lead_out_of_the_tree() {
    let project = Project::new();
    let outcome = project.rprov("adhoc -i ../../out,.., -c local all -m ping -t results");
    assert_eq!(outcome.code, 0, "{outcome}");
    let mut names: Vec<String> = std::fs::read_dir(project.path("results"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, [".._.._out", "_"]);
}

#[test]
fn output_for_machines_is_one_event_per_line() {
    let project = Project::new();
    let outcome = project.rprov("adhoc -i h, -c local h -m ping --format json");
    assert_eq!(outcome.code, 0, "{outcome}");
    let result = outcome.out.lines().find(|line| line.contains(r#""event":"result""#)).unwrap();
    assert!(result.contains(r#""ping":"pong""#) && result.contains(r#""host":"h""#), "{result}");
}

#[test]
fn a_secret_option_is_not_shown_where_the_task_is() {
    let project = Project::new();
    let outcome =
        project.rprov("adhoc -i h, -c local h -m get_url -a 'url=http://127.0.0.1:1/ dest=got url_password=s3cret'");
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.out.contains("'url_password': 'VALUE_SPECIFIED_IN_NO_LOG_PARAMETER'"), "{outcome}");
    assert!(!outcome.out.contains("s3cret") && !outcome.err.contains("s3cret"), "{outcome}");
}
