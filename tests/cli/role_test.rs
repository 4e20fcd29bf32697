//! `rprov role test`, in a lab whose hosts are directories of this machine.

use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use crate::project::{Outcome, Project};

const UP: &str = r#"#!/bin/sh
here=$(cd "$(dirname "$0")" && pwd)
echo "up $1" >>"$here/log"
: >"$here/hosts.ini"
number=1
while [ $number -le "$1" ]; do
	mkdir -p "$here/hosts/node$number"
	echo "node$number ansible_connection=local tree=$here/hosts/node$number" >>"$here/hosts.ini"
	number=$((number + 1))
done
echo "talk that is no path"
# As a daemon does that the lab starts, this keeps standard output open.
while [ -d "$here/hosts" ]; do sleep 0.1; done 2>/dev/null &
echo "$here/hosts.ini"
"#;
const DOWN: &str =
    "#!/bin/sh\nhere=$(cd \"$(dirname \"$0\")\" && pwd)\necho down >>\"$here/log\"\nrm -rf \"$here/hosts\"\n";

const GOOD: &str =
    "- name: Make the file\n  copy: {content: \"{{ inventory_hostname }}\\n\", dest: \"{{ tree }}/made\"}\n";
const TEST: &str = "- hosts: all\n  gather_facts: false\n  roles: [subject]\n";

/// A role with these tasks, and a lab above it.
fn project(tasks: &str) -> Project {
    Project::new()
        .program("tests/lab/up", UP)
        .program("tests/lab/down", DOWN)
        .file("roles/subject/tasks/main.yml", tasks)
        .file("roles/subject/tests/test.yml", TEST)
}

fn test(project: &Project, words: &str) -> Outcome {
    project.rprov(&format!("role test {words}"))
}

fn log(project: &Project) -> String {
    std::fs::read_to_string(project.path("tests/lab/log")).unwrap_or_default()
}

/// The lines of the summary, with `T` for each time.
fn summary(outcome: &Outcome) -> Vec<String> {
    let (_, lines) = outcome.out.split_once("\nROLE TEST [").unwrap_or_else(|| panic!("no summary: {outcome}"));
    let time = fancy_regex::Regex::new(r"\d+\.\d\d s").unwrap();
    lines
        .lines()
        .skip(1)
        .map(|line| time.replace_all(&line.split_whitespace().collect::<Vec<_>>().join(" "), "T").into_owned())
        .collect()
}

#[test]
fn a_good_role_converges_changes_nothing_again_and_is_verified() {
    let project = project(GOOD);
    project.write("roles/subject/tests/inventory", "[web]\nnode1\n[db]\nmain\n[all:vars]\nword=hello\n");
    project.write(
        "roles/subject/tests/prepare.yml",
        "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: touch {{ tree }}/prepared\n",
    );
    let verify = "- hosts: db\n  gather_facts: false\n  tasks:\n    - command: cat {{ tree }}/made {{ tree }}/prepared\n      register: r\n      changed_when: false\n    - assert: {that: \"r.stdout == 'main' and word == 'hello' and tree is search('node2')\"}\n- hosts: localhost\n  gather_facts: false\n  tasks:\n    - assert: {that: tree is not defined}\n";
    project.write("roles/subject/tests/verify.yml", verify);
    let outcome = test(&project, "subject --check");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(
        summary(&outcome),
        [
            "ok create T 2 hosts",
            "ok prepare T changed=2",
            "ok check T changed=2 predicted",
            "ok converge T changed=2",
            "ok again T changed=0",
            "ok verify T changed=0",
            "ok destroy T",
        ],
        "{outcome}"
    );
    assert_eq!(log(&project), "up 2\ndown\n");
    assert!(!project.path("tests/lab/hosts").exists());
}

#[test]
fn a_role_that_changes_something_again_fails_and_the_task_is_named() {
    let project = project(&format!("{GOOD}- name: Note the time\n  shell: date +%N >> {{{{ tree }}}}/times\n"));
    let outcome = test(&project, "subject");
    assert_eq!(outcome.code, 2, "{outcome}");
    assert_eq!(
        summary(&outcome),
        [
            "ok create T 1 host",
            "ok converge T changed=2",
            "FAILED again T changed=1",
            "changed: [localhost] subject : Note the time ([DIR]/roles/subject/tasks/main.yml:3:3)",
            "missing verify tests/verify.yml is not there: nothing was verified",
            "ok destroy T",
        ],
        "{outcome}"
    );
    assert_eq!(log(&project), "up 1\ndown\n");
}

#[test]
fn the_hosts_are_destroyed_after_each_kind_of_failure() {
    for (tasks, verify, step) in [
        ("- command: 'false'\n", None, "FAILED converge T failed=1 unreachable=0"),
        (
            GOOD,
            Some("- hosts: all\n  gather_facts: false\n  tasks:\n    - fail: msg=no\n"),
            "FAILED verify T failed=1 unreachable=0",
        ),
        (
            GOOD,
            Some("- hosts: nobody\n  tasks: []\n"),
            "FAILED verify T no play of verify.yml has a host of the inventory",
        ),
    ] {
        let project = project(tasks);
        verify.into_iter().for_each(|text| project.write("roles/subject/tests/verify.yml", text));
        let outcome = test(&project, "subject");
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(summary(&outcome).iter().any(|line| line == step), "{outcome}");
        assert_eq!(log(&project), "up 1\ndown\n", "{outcome}");
    }
    let project = project("- nonsense:\n");
    let outcome = test(&project, "subject");
    assert_eq!(outcome.code, 4, "{outcome}");
    assert_eq!(log(&project), "up 1\ndown\n", "{outcome}");
}

#[test]
fn a_prediction_that_is_wrong_is_told() {
    let project = project(&format!(
        "{GOOD}- name: Surprise\n  shell: touch {{{{ tree }}}}/x\n  args: {{creates: \"{{{{ tree }}}}/x\"}}\n  when: not ansible_check_mode\n"
    ));
    let outcome = test(&project, "subject --check");
    assert_eq!(outcome.code, 2, "{outcome}");
    let lines = summary(&outcome);
    assert!(lines.contains(&"FAILED predict check mode predicted 1, it was 2".to_owned()), "{outcome}");
    assert!(lines.iter().any(|line| line.contains("[localhost] not predicted: subject : Surprise (")), "{outcome}");
}

#[test]
fn kept_hosts_stay_and_are_named() {
    let project = project(GOOD);
    let outcome = test(&project, "subject --keep");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.err.contains("their inventory is [DIR]/tests/lab/hosts.ini"), "{outcome}");
    assert_eq!(log(&project), "up 1\n");
    assert_eq!(std::fs::read_to_string(project.path("tests/lab/hosts/node1/made")).unwrap(), "localhost\n");
}

#[test]
fn a_new_role_is_tested_as_it_is_begun() {
    let project = project(GOOD);
    assert_eq!(project.rprov("galaxy init fresh --init-path roles").code, 0);
    project.write(
        "roles/fresh/tasks/main.yml",
        "- command: touch {{ tree }}/by-{{ inventory_hostname }}\n  args: {creates: \"{{ tree }}/by-localhost\"}\n",
    );
    let outcome = test(&project, "fresh subject -e unused=1");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(log(&project), "up 1\ndown\nup 1\ndown\n");
    let both = outcome.out.matches("\nROLE TEST [").count();
    assert_eq!(both, 2, "{outcome}");
}

#[test]
fn what_is_missing_is_told_before_a_host_is_up() {
    let project = project(GOOD);
    project.write("roles/bare/tasks/main.yml", "- debug:\n");
    for (words, code, text) in [
        ("subjekt", 1, "did you mean `subject`?"),
        ("bare", 1, "the role 'bare' has no tests"),
        ("subject --lab roles", 1, "`roles` is no lab"),
        ("subject bare", 1, "the role 'bare' has no tests"),
        ("subject subject --keep", 5, "`--keep` keeps the hosts of one role"),
    ] {
        let outcome = test(&project, words);
        assert_eq!(outcome.code, code, "{words}: {outcome}");
        assert!(outcome.err.contains(text), "{words}: {outcome}");
    }
    assert_eq!(log(&project), "");
    std::fs::remove_dir_all(project.path("tests/lab")).unwrap();
    let outcome = test(&project, "subject");
    assert!(outcome.err.contains("there is no lab to test in"), "{outcome}");
}

#[test]
fn a_lab_that_does_not_come_up_is_told_and_taken_down() {
    for (up, text) in
        [("#!/bin/sh\nexit 3\n", "ended with exit status: 3"), ("#!/bin/sh\necho nothing\n", "it is `nothing`")]
    {
        let project = project(GOOD).program("tests/lab/up", up);
        let outcome = test(&project, "subject");
        assert_eq!(outcome.code, 1, "{outcome}");
        assert!(outcome.err.contains(text), "{outcome}");
        assert_eq!(log(&project), "down\n");
    }
}

/// Interrupts a test when a line is seen on a stream, and gives its exit code and all it says there.
fn interrupted(project: &Project, at: &str) -> (Option<i32>, String) {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_rprov"));
    command.args(["role", "test", "subject"]).current_dir(project.path("")).env("HOME", project.path("home"));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut seen = String::new();
    while at != "up" && !seen.contains(at) {
        assert!(out.read_line(&mut seen).unwrap() > 0, "{seen}");
    }
    for _ in 0..600 {
        if at != "up" || project.path("tests/lab/begun").exists() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    out.read_to_string(&mut seen).unwrap();
    (child.wait().unwrap().code(), seen)
}

#[test]
fn an_interrupt_ends_the_run_and_the_hosts_are_destroyed() {
    let project = project("- name: Sleep\n  command: sleep 600\n");
    let (code, seen) = interrupted(&project, "TASK [subject : Sleep]");
    assert_eq!(code, Some(99), "{seen}");
    assert_eq!(log(&project), "up 1\ndown\n");
    assert!(seen.contains("ok       destroy"), "{seen}");
}

#[test]
fn an_interrupt_while_the_lab_comes_up_ends_that_too() {
    let up = "#!/bin/sh\ntouch \"$(dirname \"$0\")/begun\"\nsleep 600\n";
    let project = project(GOOD).program("tests/lab/up", up);
    let (code, seen) = interrupted(&project, "up");
    assert_eq!(code, Some(99), "{seen}");
    assert_eq!(log(&project), "down\n");
}
