//! The task debugger, with a person at a terminal.

use crate::project::{Project, play};
use crate::terminal::Terminal;

const PROMPT: &str = "(debug)> ";

/// Run a playbook on a terminal, give these answers one after the other, and see it to its end.
fn talk(project: &Project, words: &str, answers: &[&str]) -> (i32, String) {
    let mut terminal = Terminal::start(project.command(words).env("NO_COLOR", "1"));
    for answer in answers {
        terminal.wait_for(PROMPT);
        terminal.enter(answer);
        terminal.enter("\n");
    }
    let (code, seen) = terminal.end();
    (code, seen.replace("\r\n", "\n").replace('\u{1b}', ""))
}

fn project(tasks: &str) -> Project {
    let head = "- hosts: all\n  gather_facts: false\n  vars: {program: 'false'}\n  tasks:\n";
    Project::new().file("site.yml", &format!("{head}{tasks}")).file("inventory", "here ansible_connection=local\n")
}

#[test]
fn a_changed_argument_mends_a_task() {
    let project = project(
        "    - {name: wrong, command: 'false', debugger: on_failed, register: r}\n    - debug: {msg: 'rc {{ r.rc }}'}\n",
    );
    let (code, seen) =
        talk(&project, "site.yml -i inventory", &["p task.args", "task.args['_raw_params'] = 'true'", "redo"]);
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("[here] TASK: wrong (debug)> "), "{seen}");
    assert!(seen.contains("{'_raw_params': 'false'}\n"), "{seen}");
    assert!(seen.contains("\"msg\": \"rc 0\""), "{seen}");
    // The failure that was mended does not count.
    assert!(seen.contains("ok=2    changed=1    unreachable=0    failed=0"), "{seen}");
}

#[test]
fn a_changed_variable_mends_a_task_once_it_is_made_anew() {
    let project = project("    - {name: wrong, command: '{{ program }}', debugger: on_failed}\n");
    let answers = ["task_vars['program'] = 'true'", "r", "p task.args['_raw_params']", "task_vars['program'] = 'true'"];
    let (code, seen) =
        talk(&project, "site.yml -i inventory", &[&answers[..], &["u", "p task.args['_raw_params']", "r"]].concat());
    assert_eq!(code, 0, "{seen}");
    // Without `update_task` the task is as it was.
    assert_eq!(seen.matches("fatal: [here]: FAILED!").count(), 2, "{seen}");
    assert!(seen.contains("'false'\n") && seen.contains("'true'\n"), "{seen}");
}

#[test]
fn expressions_are_shown_and_mistakes_are_told() {
    let project = project("    - {name: wrong, command: 'false', debugger: on_failed}\n");
    let answers = [
        "p task",
        "p host",
        "p result._result.rc + 41",
        "p task_vars.program",
        "p nothing",
        "nonsense",
        "help p",
        "help",
        "continue",
    ];
    let (code, seen) = talk(&project, "site.yml -i inventory", &answers);
    assert_eq!(code, 2, "{seen}");
    for shown in
        ["TASK: wrong\n", "here\n", "42\n", "'false'\n", "***'nothing' is undefined\n", "***`nonsense` is no command"]
    {
        assert!(seen.contains(shown), "`{shown}`:\n{seen}");
    }
    assert!(seen.contains("update_task\n") && seen.contains("failed=1"), "{seen}");
}

#[test]
fn quitting_ends_the_run_without_a_recap() {
    let project = project("    - {name: fine, debug: {}, debugger: always}\n    - {name: after, debug: {}}\n");
    let (code, seen) = talk(&project, "site.yml -i inventory", &["quit"]);
    assert_eq!(code, 99, "{seen}");
    assert!(
        seen.contains("User interrupted execution") && !seen.contains("RECAP") && !seen.contains("after"),
        "{seen}"
    );
}

#[test]
fn the_keyword_says_when_and_is_inherited() {
    let project = Project::new().file("inventory", "here ansible_connection=local\n").file(
        "site.yml",
        "- hosts: all\n  gather_facts: false\n  debugger: on_skipped\n  tasks:\n\
         \x20   - {name: fails, command: 'false', ignore_errors: true}\n\
         \x20   - {name: skipped, command: 'false', when: false}\n\
         \x20   - {name: never, command: 'false', when: false, debugger: never}\n\
         \x20   - {name: ignored, command: 'false', ignore_errors: true, debugger: on_failed}\n\
         \x20   - {name: unreachable, ping: , ignore_unreachable: true, debugger: on_unreachable, \
         vars: {ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}}\n",
    );
    let (code, seen) = talk(&project, "site.yml -i inventory", &["c", "c"]);
    assert_eq!(code, 0, "{seen}");
    let asked: Vec<&str> = seen.split("TASK: ").skip(1).filter_map(|part| part.split(' ').next()).collect();
    assert_eq!(asked, ["skipped", "unreachable"], "{seen}");
}

#[test]
fn a_setting_or_the_strategy_calls_it_for_every_failure() {
    let tasks = "    - {name: wrong, command: 'false'}\n";
    let failing = project(tasks);
    let mut terminal =
        Terminal::start(failing.command("site.yml -i inventory").env("ANSIBLE_ENABLE_TASK_DEBUGGER", "1"));
    terminal.wait_for(PROMPT);
    terminal.enter("c\n");
    assert_eq!(terminal.end().0, 2);
    let project = Project::new()
        .file("inventory", "here ansible_connection=local\n")
        .file("site.yml", &play(tasks).replace("  tasks:", "  strategy: debug\n  tasks:"));
    assert_eq!(talk(&project, "site.yml -i inventory", &["c"]).0, 2);
}

#[test]
fn a_word_that_it_does_not_know_is_told_before_anything_runs() {
    let outcome = project("    - {debug: {}, debugger: sometimes}\n").run("site.yml -i inventory");
    assert_eq!(outcome.code, 4, "{outcome}");
    assert!(outcome.err.contains("'sometimes' is not a valid value for debugger"), "{outcome}");
}
