//! Mistakes: the message, the place, the source line with its caret, the cause, and what to do; and the exit code.

use crate::project::{Outcome, Project, play};

fn run(playbook: &str) -> Outcome {
    Project::new().file("site.yml", playbook).run("-i h, -c local site.yml")
}

fn tasks(tasks: &str) -> Outcome {
    run(&play(tasks))
}

#[test]
fn a_playbook_that_is_no_list() {
    insta::assert_snapshot!(run("hosts: all\ntasks: []\n"), @"");
}

#[test]
fn a_playbook_that_is_not_there_or_empty() {
    insta::assert_snapshot!(Project::new().run("nowhere.yml"), @"");
    insta::assert_snapshot!(Project::new().run("home"), @"");
    insta::assert_snapshot!(run(""), @"");
}

#[test]
fn a_tab() {
    insta::assert_snapshot!(run("- hosts: all\n  tasks:\n\t- debug:\n"), @"");
}

#[test]
fn a_duplicate_key_is_a_warning() {
    insta::assert_snapshot!(run("- hosts: all\n  gather_facts: true\n  gather_facts: false\n"), @"");
}

#[test]
fn a_role_that_is_not_there() {
    let project = Project::new()
        .file("site.yml", "- hosts: all\n  roles: [ngnix]\n")
        .file("roles/nginx/tasks/main.yml", "- debug:\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @"");
}

#[test]
fn several_mistakes_are_told_at_once() {
    let text = "- hosts: all\n  gather_facts: false\n  taskz: []\n  tasks:\n    - debgu: msg=x\n    - copy:\n        dset: /tmp/x\n        content: y\n    - file:\n        path: /tmp/x\n        state: nope\n    - debug:\n      wehn: true\n    - command: echo\n      when: x ==\n";
    insta::assert_snapshot!(run(text), @"");
}

#[test]
fn quotes_that_are_not_closed() {
    insta::assert_snapshot!(tasks("    - copy: content=\"x dest=/tmp/y\n"), @"");
}

#[test]
fn files_that_are_imported_and_not_there() {
    insta::assert_snapshot!(tasks("    - import_tasks: nowhere.yml\n"), @"");
}

#[test]
fn files_that_are_included_and_not_there() {
    insta::assert_snapshot!(tasks("    - include_tasks: nowhere.yml\n").failure(), @"");
}

#[test]
fn variable_files_that_are_not_there() {
    insta::assert_snapshot!(run("- hosts: all\n  gather_facts: false\n  vars_files: [nowhere.yml]\n"), @"");
}

#[test]
fn imports_in_a_circle() {
    let project = Project::new()
        .file("site.yml", &play("    - import_tasks: again.yml\n"))
        .file("again.yml", "- import_tasks: again.yml\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @"");
    insta::assert_snapshot!(run("- import_playbook: site.yml\n"), @"");
}

#[test]
fn an_undefined_variable_in_a_variable() {
    let text = "- hosts: all\n  gather_facts: false\n  vars:\n    greeting: \"hello {{ nmae }}\"\n    name: x\n  tasks:\n    - name: greet\n      debug:\n        msg: \"{{ greeting }}\"\n";
    insta::assert_snapshot!(run(text).failure(), @"");
}

#[test]
fn variables_that_need_each_other() {
    let text = "- hosts: all\n  gather_facts: false\n  vars:\n    a: \"{{ b }}\"\n    b: \"{{ a }}\"\n  tasks:\n    - debug:\n        msg: \"{{ a }}\"\n";
    insta::assert_snapshot!(run(text).failure(), @"");
}

/// A name that only some collection may know stops nothing before it is used, as in Ansible.
#[test]
fn a_filter_that_does_not_exist_is_told_before_and_fails_where_it_is_used() {
    insta::assert_snapshot!(tasks("    - debug:\n        msg: \"{{ 'a' | uper }}\"\n").failure(), @"");
    let skipped = tasks("    - debug:\n        msg: \"{{ 'a' | uper }}\"\n      when: false\n");
    assert_eq!(skipped.code, 0, "{skipped}");
    assert!(skipped.err.contains("No filter named 'uper'"), "{skipped}");
}

#[test]
fn a_condition_that_is_undefined_or_no_boolean() {
    insta::assert_snapshot!(tasks("    - debug:\n      when: inventory_hostnam == 'h'\n").failure(), @"");
    insta::assert_snapshot!(tasks("    - debug:\n      when: inventory_hostname\n").failure(), @"");
}

#[test]
fn a_loop_over_what_is_no_list() {
    insta::assert_snapshot!(tasks("    - debug:\n      loop: abc\n").failure(), @"");
}

#[test]
fn a_keyword_of_the_wrong_type() {
    insta::assert_snapshot!(tasks("    - debug:\n      become: perhaps\n").failure(), @"");
    insta::assert_snapshot!(run("- hosts: all\n  gather_facts: perhaps\n"), @"");
}

#[test]
fn a_changed_when_that_fails_keeps_the_result() {
    let outcome = tasks("    - command: echo kept\n      changed_when: nothing_here\n");
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(outcome.out.contains(r#""stdout": "kept""#), "{outcome}");
    assert!(
        outcome
            .out
            .contains(r#""changed_when_result": "Error while evaluating conditional: 'nothing_here' is undefined""#),
        "{outcome}"
    );
}

#[test]
fn a_template_file_is_told_by_its_own_lines() {
    let project = Project::new()
        .file("site.yml", &play("    - template: {src: a.j2, dest: out}\n"))
        .file("a.j2", "first\n{% for x in [1] %}\nsecond {{ hostnmae }}\n{% endfor %}\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml").failure(), @"");
    project.write("a.j2", "first\n{% if true %}\nno end\n");
    let outcome = project.run("-i h, -c local site.yml");
    assert!(outcome.err.contains("a.j2:3:"), "{outcome}");
    assert!(!project.path("out").exists());
}

#[test]
fn a_bad_line_of_an_inventory() {
    let project = Project::new().file("site.yml", &play("    - debug:\n")).file("hosts", "[web\nw1\n");
    insta::assert_snapshot!(project.run("-i hosts -c local site.yml"), @"");
    let project = Project::new().file("site.yml", &play("    - debug:\n")).file("hosts", "[web:children]\nnowhere\n");
    insta::assert_snapshot!(project.run("-i hosts -c local site.yml"), @"");
}

#[test]
fn an_inventory_that_is_not_there_leaves_localhost() {
    let project =
        Project::new().file("site.yml", "- hosts: localhost\n  gather_facts: false\n  tasks:\n    - debug: msg=x\n");
    let outcome = project.run("-i nowhere site.yml");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.err.contains("nowhere"), "{outcome}");
}

#[test]
fn exit_codes_tell_a_failed_host_from_one_that_cannot_be_reached() {
    let project = Project::new()
        .file("site.yml", &play("    - ping:\n    - fail:\n      when: inventory_hostname == 'here'\n"))
        .file("hosts", "here ansible_connection=local\ngone ansible_host=127.0.0.9 ansible_port=1\n");
    assert_eq!(project.run("-i hosts -l here site.yml").code, 2);
    insta::assert_snapshot!(project.run("-i hosts -l gone site.yml").failure(), @"");
    assert_eq!(project.run("-i hosts site.yml").code, 4);
    assert_eq!(project.run("-i hosts --nonsense site.yml").code, 2);
}

/// Later plays do not make up for a host that failed in an earlier one.
#[test]
fn a_failure_in_the_first_play_is_the_exit_code_of_the_run() {
    let text = format!("{}{}", play("    - fail:\n      when: inventory_hostname == 'a'\n"), play("    - debug:\n"));
    let outcome = Project::new().file("site.yml", &text).run("-i a,b -c local site.yml");
    assert_eq!(outcome.code, 2, "{outcome}");
}
