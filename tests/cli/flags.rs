//! Every flag of `rprov run`.

use std::io::Write;
use std::process::Stdio;

use crate::project::{Project, play};

const HELLO: &str = "    - debug: msg=hello\n";

fn hosts_of(project: &Project, words: &str) -> Vec<String> {
    let outcome = project.run(&format!("{words} --list-hosts site.yml"));
    assert_eq!(outcome.code, 0, "{outcome}");
    let (_, hosts) = outcome.out.split_once("hosts (").unwrap();
    hosts.lines().skip(1).map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn an_inventory_is_a_file_a_directory_a_script_or_a_list_and_there_may_be_several() {
    let project = Project::new()
        .file("site.yml", &play(HELLO))
        .file("hosts", "[web]\nw1\nw2\n")
        .file("inventories/a.ini", "a1\n")
        .file("inventories/b.yml", "all:\n  hosts:\n    b1:\n")
        .program("script.sh", "#!/bin/sh\necho '{\"db\": {\"hosts\": [\"s1\"]}, \"_meta\": {\"hostvars\": {}}}'\n");
    assert_eq!(hosts_of(&project, "-i hosts"), ["w1", "w2"]);
    assert_eq!(hosts_of(&project, "-i inventories"), ["b1", "a1"]);
    assert_eq!(hosts_of(&project, "-i ./script.sh"), ["s1"]);
    assert_eq!(hosts_of(&project, "-i x1,x2"), ["x1", "x2"]);
    assert_eq!(hosts_of(&project, "-i x1,"), ["x1"]);
    let mut all = hosts_of(&project, "-i hosts --inventory x1, --inventory-file inventories");
    all.sort();
    assert_eq!(all, ["a1", "b1", "w1", "w2", "x1"]);
}

#[test]
fn a_limit_is_a_pattern_or_a_file_of_them() {
    let project = Project::new()
        .file("site.yml", &play(HELLO))
        .file("hosts", "[web]\nw1\nw2\n[db]\nd1\n")
        .file("retry", "w2\nd1\n");
    assert_eq!(hosts_of(&project, "-i hosts -l w1"), ["w1"]);
    assert_eq!(hosts_of(&project, "-i hosts --limit web:!w1"), ["w2"]);
    assert_eq!(hosts_of(&project, "-i hosts -l @retry"), ["w2", "d1"]);
    let outcome = project.run("-i hosts -l nothing site.yml");
    insta::assert_snapshot!(outcome, @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    warning: Could not match supplied host pattern, ignoring: nothing
    error: Specified inventory, host pattern and/or --limit leaves us with no hosts to target.
     |
     = hint: `--list-hosts` without `-l` shows the hosts that there are
    ");
    let outcome = project.run("-i hosts -l @nowhere site.yml");
    insta::assert_snapshot!(outcome, @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: unable to read limit file `nowhere`
     |
     = cause: No such file or directory (os error 2)
     = hint: `--limit @file` takes a file with one pattern per line
    ");
}

#[test]
fn extra_variables_come_as_pairs_json_yaml_or_a_file() {
    let project = Project::new()
        .file("site.yml", &play("    - debug: msg=\"{{ a }} {{ b }} {{ c }} {{ d }} {{ e }}\"\n"))
        .file("vars.yml", "d: from file\na: lost\n")
        .file("vars.json", r#"{"e": [1, 2]}"#);
    let mut command = project.command("-i h, -c local -e @vars.yml -e @vars.json site.yml");
    command.args(["-e", "a=1 b='two words'", "--extra-vars", r#"{"c": true}"#]);
    let outcome = project.outcome(&mut command);
    assert!(outcome.out.contains(r#""msg": "1 two words True from file [1, 2]""#), "{outcome}");
    assert_eq!(project.run("-i h, -c local -e @nowhere site.yml").code, 1);
}

#[test]
fn forks_must_be_a_number_of_at_least_one() {
    let project = Project::new().file("site.yml", &play(HELLO));
    for forks in ["0", "x", "-1"] {
        let outcome = project.run(&format!("-i h, -c local --forks={forks} site.yml"));
        assert_eq!(outcome.code, 2, "{outcome}");
        assert!(outcome.err.contains("--forks"), "{outcome}");
    }
    let shown = Project::new().file("site.yml", &play("    - debug: var=ansible_forks\n"));
    assert!(shown.run("-i h, -c local -f 7 site.yml").out.contains("\"ansible_forks\": 7"));
}

#[test]
fn tags_select_and_leave_out_tasks() {
    let tasks = "    - {name: a, debug: , tags: [a]}\n    - {name: b, debug: , tags: [b]}\n    - {name: plain, debug: }\n    - {name: always, debug: , tags: [always]}\n    - {name: never, debug: , tags: [never, x]}\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let run = |flags: &str| {
        let outcome = project.run(&format!("-i h, -c local {flags} site.yml"));
        let names = outcome.out.lines().filter_map(|line| line.strip_prefix("TASK [")?.split(']').next());
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(run(""), "a b plain always");
    assert_eq!(run("-t a"), "a always");
    assert_eq!(run("-t a,b"), "a b always");
    assert_eq!(run("-t a -t b"), "a b always");
    assert_eq!(run("--tags x"), "always never");
    assert_eq!(run("--skip-tags a,always"), "b plain");
    assert_eq!(run("-t untagged"), "plain always");
    assert_eq!(run("-t tagged --skip-tags b"), "a always");
}

#[test]
fn check_mode_predicts_a_difference_and_changes_nothing() {
    let project = Project::new();
    let target = project.path("target");
    let tasks = format!("    - copy:\n        content: \"one\\nnew\\n\"\n        dest: {}\n", target.display());
    project.write("site.yml", &play(&tasks));
    std::fs::write(&target, "one\nold\n").unwrap();
    let outcome = project.run("-i h, -c local --check --diff site.yml");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "one\nold\n");
    assert!(outcome.out.contains("-old\n+new\n"), "{outcome}");
    assert!(outcome.out.contains("changed=1"), "{outcome}");
    assert!(!project.run("-i h, -c local -C site.yml").out.contains("+new"));
    assert!(project.run("-i h, -c local -D site.yml").out.contains("-old\n+new\n"));
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "one\nnew\n");
    assert!(project.run("-i h, -c local -D site.yml").out.contains("changed=0"));
}

#[test]
fn more_is_said_with_every_v() {
    let project = Project::new().file("site.yml", &play("    - command: echo hi\n"));
    let run = |flags: &str| project.run(&format!("-i h, -c local {flags} site.yml")).out;
    assert!(run("").contains("\nchanged: [h]\n"));
    assert!(run("-v").contains("changed: [h] => {") && run("-v").contains(r#""stdout": "hi""#));
    assert!(!run("-v").contains("task path:"));
    assert!(run("-vv").contains("task path: [DIR]/site.yml:4"));
    assert!(run("-v -v").contains("task path: [DIR]/site.yml:4"));
    assert!(run("-vvv").contains("\"stdout_lines\": [\n"));
    assert!(run("-vvvv").contains("\"stdout_lines\": [\n"));
}

const LISTED: &str = r#"- name: first play
  hosts: web:db
  gather_facts: false
  tags: [playtag]
  vars: {nm: x}
  pre_tasks:
    - debug: msg=pre
      tags: pre
  roles:
    - role: r1
      tags: [rtag]
  tasks:
    - name: plain
      debug: msg=1
      tags: a,b
    - name: "templated {{ nm }}"
      debug: msg=1
      tags: [b, never]
    - block:
        - name: in block
          debug: msg=1
        - meta: flush_handlers
      rescue:
        - name: in rescue
          debug: msg=1
      always:
        - name: in always
          debug: msg=2
          tags: always
      tags: blk
    - import_tasks: more.yml
      tags: imp
    - include_tasks: more.yml
      tags: inc
    - import_role: {name: r1}
    - include_role: {name: r1}
    - ansible.builtin.command: /bin/true
    - name: ""
      debug: msg=x
  post_tasks:
    - name: post
      debug: msg=post
  handlers:
    - name: h
      debug: msg=h
- hosts: all,!db
  gather_facts: false
  tasks: []
- hosts: [web, nothere]
  gather_facts: false
  tasks:
    - debug: msg=x
      tags: "{{ tg | default('dyn') }}"
- import_playbook: other.yml
  tags: pbt
"#;

fn listed() -> Project {
    Project::new()
        .file("site.yml", LISTED)
        .file("hosts", "[web]\nw1\nw2\n[db]\nd1\n")
        .file("other.yml", "- hosts: web\n  tasks:\n    - name: other task\n      debug: msg=x\n")
        .file("more.yml", "- name: more one\n  debug: msg=1\n- name: more two\n  debug: msg=1\n  tags: two\n")
        .file("roles/r1/tasks/main.yml", "- name: role task\n  debug: msg=r\n  tags: x\n- debug: msg=unnamed\n")
}

/// The listings are those of ansible-core 2.19.14 for the same playbook, but for the order of hosts, which it leaves
/// to chance.
#[test]
fn hosts_are_listed() {
    insta::assert_snapshot!(listed().run("-i hosts --list-hosts site.yml"), @r"
    exit code 0
    --- stdout ---

    playbook: site.yml

      play #1 (web:db): first play	TAGS: [playtag]
        pattern: ['web:db']
        hosts (3):
          w1
          w2
          d1

      play #2 (all,!db): all,!db	TAGS: []
        pattern: ['all,!db']
        hosts (2):
          w1
          w2

      play #3 (web,nothere): web,nothere	TAGS: []
        pattern: ['web', 'nothere']
        hosts (2):
          w1
          w2

      play #4 (web): web	TAGS: [pbt]
        pattern: ['web']
        hosts (2):
          w1
          w2

    --- stderr ---
    [WARNING]: Could not match supplied host pattern, ignoring: nothere
    ");
}

#[test]
fn tasks_are_listed_as_they_go_when_nothing_fails() {
    insta::assert_snapshot!(listed().run("-i hosts --list-tasks site.yml").out, @r"
    playbook: site.yml

      play #1 (web:db): first play	TAGS: [playtag]
        tasks:
          debug	TAGS: [playtag, pre]
          r1 : role task	TAGS: [playtag, rtag, x]
          debug	TAGS: [playtag, rtag]
          plain	TAGS: [a, b, playtag]
          in block	TAGS: [blk, playtag]
          meta	TAGS: [blk, playtag]
          more one	TAGS: [imp, playtag]
          more two	TAGS: [imp, playtag, two]
          include_tasks	TAGS: [inc, playtag]
          r1 : role task	TAGS: [playtag, x]
          debug	TAGS: [playtag]
          include_role	TAGS: [playtag]
          ansible.builtin.command	TAGS: [playtag]
          debug	TAGS: [playtag]
          post	TAGS: [playtag]

      play #2 (all,!db): all,!db	TAGS: []
        tasks:

      play #3 (web,nothere): web,nothere	TAGS: []
        tasks:
          debug	TAGS: [dyn]

      play #4 (web): web	TAGS: [pbt]
        tasks:
          other task	TAGS: [pbt]
    ");
}

#[test]
fn tags_are_listed_of_the_tasks_that_are_selected() {
    insta::assert_snapshot!(listed().run("-i hosts --list-tags -t a site.yml").out, @r"
    playbook: site.yml

      play #1 (web:db): first play	TAGS: [playtag]
          TASK TAGS: [a, b, playtag]

      play #2 (all,!db): all,!db	TAGS: []
          TASK TAGS: []

      play #3 (web,nothere): web,nothere	TAGS: []
          TASK TAGS: []

      play #4 (web): web	TAGS: [pbt]
          TASK TAGS: [pbt]
    ");
}

#[test]
fn a_syntax_check_touches_no_host() {
    let project = Project::new().file("site.yml", &play("    - command: touch made\n"));
    let outcome = project.run("-i h, -c local --syntax-check site.yml");
    insta::assert_snapshot!(outcome, @r"
    exit code 0
    --- stdout ---

    playbook: site.yml

    --- stderr ---
    ");
    assert!(!project.path("made").exists());
}

#[test]
fn a_run_begins_at_the_task_that_is_named() {
    let tasks = "    - {name: one, debug: }\n    - {name: two, debug: }\n    - {name: three, debug: }\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let outcome = project.run("-i h, -c local --start-at-task two site.yml");
    assert!(!outcome.out.contains("TASK [one]") && outcome.out.contains("TASK [three]"), "{outcome}");
    let outcome = project.run("-i h, -c local --start-at-task nowhere site.yml");
    insta::assert_snapshot!(outcome, @r#"
    exit code 0
    --- stdout ---

    PLAY [all] *********************************************************************

    PLAY RECAP *********************************************************************


    --- stderr ---
    error: No matching task "nowhere" found
     |
     = hint: `--start-at-task` takes a task's whole name, or a pattern with `*`
     = hint: tasks of `include_tasks` and `include_role` are not known beforehand; `--list-tasks` shows those that are
    "#);
}

#[test]
fn a_step_is_confirmed_first() {
    let tasks = "    - {name: one, debug: }\n    - {name: two, debug: }\n    - {name: three, debug: }\n    - {name: four, debug: }\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let mut child = project
        .command("-i h, -c local --step site.yml")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(b"y\nn\nc\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success());
    assert!(text.contains("ok=3"), "{text}");
    assert!(!text.contains("TASK [two] *"), "{text}");
}

#[test]
fn handlers_of_a_failed_host_run_by_force() {
    let text = "- hosts: all\n  gather_facts: false\n  tasks:\n    - command: /bin/true\n      notify: told\n    - fail:\n  handlers:\n    - name: told\n      debug: msg=handled\n";
    let project = Project::new().file("site.yml", text);
    assert!(!project.run("-i h, -c local site.yml").out.contains("handled"));
    let outcome = project.run("-i h, -c local --force-handlers site.yml");
    assert!(outcome.out.contains("handled"), "{outcome}");
    assert_eq!(outcome.code, 2);
}

#[test]
fn flags_that_matter_to_other_connections_are_taken() {
    let project = Project::new().file("site.yml", &play(HELLO)).file("password", "secret\n").file("key", "");
    let flags = "-u someone -T 3 --private-key key --ssh-common-args '-o X=y' --ssh-extra-args=-v --scp-extra-args=-l \
                 --sftp-extra-args=-f --flush-cache --vault-id dev@password --vault-password-file password \
                 --connection-password-file password --become-password-file password -M modules";
    let outcome = project.run(&format!("-i h, -c local {flags} site.yml"));
    assert_eq!(outcome.code, 0, "{outcome}");
    let flags = "--user someone --timeout 3 --key-file key --vault-pass-file password --conn-pass-file password \
                 --become-pass-file password --become-method sudo --become-user root --module-path modules";
    let outcome = project.run(&format!("-i h, --connection local {flags} site.yml"));
    assert_eq!(outcome.code, 0, "{outcome}");
}

#[test]
fn a_password_file_may_be_a_program_and_must_exist() {
    let project = Project::new()
        .file("site.yml", &play("    - debug: msg=x\n"))
        .program("ask", "#!/bin/sh\necho asked >> log\necho secret\n")
        .program("broken", "#!/bin/sh\nexit 3\n");
    assert_eq!(project.run("-i h, -c local --become-password-file ./ask site.yml").code, 0);
    assert_eq!(std::fs::read_to_string(project.path("log")).unwrap(), "asked\n");
    insta::assert_snapshot!(project.run("-i h, -c local --become-password-file nowhere site.yml"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: could not read the password file nowhere
     |
     = cause: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(project.run("-i h, -c local --connection-password-file ./broken site.yml"), @r"
    exit code 1
    --- stdout ---

    --- stderr ---
    error: the password program ./broken failed: exit status: 3
    ");
    let outcome = project.run("-i h, -c local -k --connection-password-file ./ask site.yml");
    assert_eq!(outcome.code, 2, "{outcome}");
}

#[test]
fn it_answers_to_the_name_ansible_playbook() {
    let project = Project::new().file("site.yml", &play(HELLO));
    let outcome = project.outcome(&mut project.ansible_playbook("-i h, -c local site.yml"));
    insta::assert_snapshot!(outcome, @r#"
    exit code 0
    --- stdout ---

    PLAY [all] *********************************************************************

    TASK [debug] *******************************************************************
    ok: [h] => {
        "msg": "hello"
    }

    PLAY RECAP *********************************************************************
    h                          : ok=1    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   


    --- stderr ---
    "#);
    let version = project.outcome(&mut project.ansible_playbook("--version"));
    assert!(version.out.starts_with("ansible-playbook [core 2.19.14]"), "{version}");
    assert_eq!(project.outcome(&mut project.ansible_playbook("--nonsense site.yml")).code, 2);
    assert_eq!(project.outcome(&mut project.ansible_playbook("")).code, 2);
}

#[test]
fn several_playbooks_run_one_after_the_other() {
    let project = Project::new()
        .file("a.yml", &play("    - debug: msg=first\n"))
        .file("b.yml", &play("    - debug: msg=second\n"));
    let outcome = project.run("-i h, -c local a.yml b.yml");
    assert!(outcome.out.find("first").unwrap() < outcome.out.find("second").unwrap(), "{outcome}");
    assert!(outcome.out.contains("ok=2"), "{outcome}");
}

#[test]
fn of_a_flag_that_is_given_twice_the_last_counts() {
    let tasks =
        "    - debug: msg=\"{{ ansible_forks }} {{ ansible_check_mode }} {{ a }} {{ b }} {{ ansible_run_tags }}\"\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let words = "-i a, -i h, -c ssh -c local -u a -u b -f 1 -f 3 -C -C -D -D -b -b --become-user a --become-user b \
                 --become-method su --become-method sudo -l a -l h --private-key x --private-key y -T 1 -T 2 \
                 --ssh-common-args a --ssh-common-args b --ssh-extra-args a --ssh-extra-args b --flush-cache --flush-cache \
                 --force-handlers --force-handlers -e a=1 -e b=2 -t all -t x --skip-tags a --skip-tags b -M a -M b";
    for mut command in [project.command(words), project.ansible_playbook(words)] {
        let outcome = project.outcome(command.arg("site.yml"));
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(outcome.out.contains("ok: [h] =>") && outcome.out.contains("3 True 1 2 ['all', 'x']"), "{outcome}");
        assert!(!outcome.out.contains("[a]"), "{outcome}");
    }
    for words in ["--syntax-check --syntax-check", "--list-hosts --list-hosts", "--list-tasks --list-tasks"] {
        assert_eq!(project.run(&format!("-i h, {words} site.yml")).code, 0, "{words}");
    }
    let outcome = project.rprov("adhoc -i h, -c ssh -c local -m setup -m debug -a msg=a -a msg=b -o -o h");
    assert!(outcome.code == 0 && outcome.out.contains("\"b\""), "{outcome}");
}

#[test]
fn long_flags_may_be_cut_short_where_it_is_clear_what_is_meant() {
    let project = Project::new().file("site.yml", &play("    - debug: msg={{ a }}\n"));
    let outcome = project.run("--inv a,h --connection local --lim h --extra a=x --fork=2 site.yml");
    assert!(outcome.code == 0 && outcome.out.contains("ok: [h]") && !outcome.out.contains("[a]"), "{outcome}");
    for (words, told) in [
        ("run --list site.yml", "ambiguous option: --list could match --list-hosts, --list-tasks, --list-tags"),
        ("adhoc h --bec", "ambiguous option: --bec could match --become, "),
        ("run --listen site.yml", "unexpected argument '--listen'"),
    ] {
        let outcome = project.rprov(words);
        assert!(outcome.code == 2 && outcome.err.contains(told), "{words}: {outcome}");
    }
}

#[test]
fn no_host_is_asked_for_its_facts_where_no_task_is_begun_at() {
    let text = play("    - name: one\n      debug: {}\n").replace("  gather_facts: false\n", "");
    let second = text.replace("one", "two");
    let project = Project::new().file("site.yml", &format!("{text}{second}"));
    let outcome = project.run("-i h, -c local --start-at-task none site.yml");
    assert!(outcome.code == 0 && !outcome.out.contains("TASK"), "{outcome}");
    assert!(outcome.err.contains("No matching task \"none\" found"), "{outcome}");
    let outcome = project.run("-i h, -c local --start-at-task two site.yml");
    assert_eq!(outcome.out.matches("TASK [Gathering Facts]").count(), 1, "{outcome}");
    assert!(outcome.out.contains("TASK [two]") && outcome.out.contains("ok=2 "), "{outcome}");
}

#[test]
fn extra_variables_that_are_none_are_refused() {
    let project = Project::new().file("site.yml", &play("    - debug: {}\n")).file("empty.yml", "# nothing\n");
    for (given, code) in [("'{bad'", 4), ("@empty.yml", 5), ("'[1]'", 5), ("@none.yml", 1), ("'{}'", 0), ("''", 0)] {
        let outcome = project.run(&format!("-i h, -c local -e {given} site.yml"));
        assert_eq!(outcome.code, code, "{given}: {outcome}");
    }
}
