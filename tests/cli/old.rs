//! What the playbooks of 2014 to 2018 say: it runs, with a warning that shows the line and the modern form.

use crate::project::{Outcome, Project, play};

/// Run the tasks of a play; the first of them stands in line 4.
fn tasks(tasks: &str) -> Outcome {
    let tasks: String = tasks.lines().map(|line| format!("    {line}\n")).collect();
    Project::new()
        .file("site.yml", &play(&tasks))
        .file("more.yml", "- debug: msg=\"included {{ word | default('plain') }}\"\n")
        .run("-i h, -c local site.yml")
}

/// That the run succeeded with this in its output, and was told at this line to write the modern form.
#[track_caller]
fn runs(outcome: &Outcome, output: &str, warning: &str, line: &str, modern: &str) {
    let text = outcome.to_string();
    assert!(text.starts_with("exit code 0"), "{text}");
    assert!(text.contains(output), "no `{output}` in\n{text}");
    let (_, told) = text.split_once(&format!("deprecated: {warning}")).unwrap_or_else(|| panic!("{warning}?\n{text}"));
    let told = told.split("deprecated: ").next().unwrap_or_default();
    assert!(told.contains(&format!("--> site.yml:{line}")), "not at line {line}:\n{told}");
    assert!(told.contains(&format!("hint: write {modern}")), "no `{modern}` in\n{told}");
}

#[test]
fn sudo_for_a_play_and_a_task() {
    let project = Project::new()
        .file("site.yml", "- hosts: all\n  gather_facts: no\n  sudo: no\n  user: me\n  tasks:\n    - debug: msg=ran\n      sudo: no\n      sudo_user: root\n");
    let outcome = project.run("-i h, -c local site.yml");
    runs(&outcome, "\"msg\": \"ran\"", "`sudo` is a keyword of old playbooks", "3", "`become: false`");
    runs(&outcome, "\"msg\": \"ran\"", "`user` is a keyword of old playbooks", "4", "`remote_user: NAME`");
    runs(&outcome, "\"msg\": \"ran\"", "`sudo_user` is a keyword of old playbooks", "8", "`become_user: NAME`");
}

#[test]
fn include_with_and_without_static_and_variables() {
    let outcome = tasks("- include: more.yml\n- include: more.yml word=given\n- include: more.yml\n  static: yes\n");
    runs(&outcome, "included plain", "`include` is a keyword of old playbooks", "4", "`include_tasks: FILE`");
    runs(&outcome, "included given", "variables behind the file of an `include`", "5", "them as `vars:` of the task");
    runs(&outcome, "included plain", "`static` is a keyword of old playbooks", "7", "`import_tasks: FILE`");
    let text = outcome.to_string();
    // What is static is no task of its own.
    assert_eq!(text.matches("TASK [include_tasks]").count(), 2, "{text}");
}

#[test]
fn a_bare_variable_in_with_items() {
    let outcome = tasks("- debug: msg={{ item }}\n  with_items: packages\n  vars: {packages: [vim, git]}\n");
    let warning = "a variable without braces in `with_items` is of old playbooks";
    runs(&outcome, "(item=vim)", warning, "5", "`with_items: \"{{ packages }}\"`");
    // Text that names no variable is text.
    let outcome = tasks("- debug: msg={{ item }}\n  with_items: vim\n");
    runs(&outcome, "(item=vim)", warning, "5", "`with_items: \"{{ vim }}\"`");
}

#[test]
fn braces_around_a_condition() {
    let outcome = tasks("- debug: msg=ran\n  vars: {x: true}\n  when: \"{{ x }}\"\n");
    runs(&outcome, "\"msg\": \"ran\"", "Conditionals should not be surrounded", "6", "`x`");
}

#[test]
fn tests_as_filters() {
    let outcome =
        tasks("- command: \"true\"\n  register: out\n- debug: msg=ran\n  when: out|succeeded and not out | failed\n");
    runs(&outcome, "\"msg\": \"ran\"", "`succeeded` is a test", "7", "`is succeeded` instead of `| succeeded`");
    runs(&outcome, "\"msg\": \"ran\"", "`failed` is a test", "7", "`is failed` instead of `| failed`");
    let outcome = tasks("- debug: msg={{ '1.10' | version_compare('1.9', '>') }}\n");
    let modern = "`is version_compare` instead of `| version_compare`";
    runs(&outcome, "\"msg\": true", "`version_compare` is a test", "4", modern);
}

#[test]
fn always_run() {
    let outcome = tasks("- command: echo hi\n  always_run: yes\n");
    runs(&outcome, "changed: [h]", "`always_run` is a keyword of old playbooks", "5", "`check_mode: false`");
}
