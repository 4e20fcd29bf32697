//! Where output goes and how it looks: colours, JSON lines, a terminal, a reader that has gone.

use std::process::Stdio;

use crate::project::{Project, play};
use crate::terminal::Terminal;

const RED: &str = "\u{1b}[0;31m";

#[test]
fn colours_are_for_terminals_unless_they_are_forced() {
    let project = Project::new().file("site.yml", &play("    - fail:\n"));
    let words = "-i h, -c local site.yml";
    assert!(!project.run(words).out.contains('\u{1b}'));
    assert!(project.run_with("ANSIBLE_FORCE_COLOR", "1", words).out.contains(RED));
    assert!(on_terminal(&project, words, &[]).contains(RED));
    assert!(!on_terminal(&project, words, &[("NO_COLOR", "1")]).contains("\u{1b}[0;31m"));
    assert!(!on_terminal(&project, words, &[("ANSIBLE_NOCOLOR", "1")]).contains("\u{1b}[0;31m"));
}

/// Run on a pseudo-terminal, and give back all that it was sent.
fn on_terminal(project: &Project, words: &str, environment: &[(&str, &str)]) -> String {
    Terminal::start(project.command(words).envs(environment.iter().copied())).end().1
}

/// What a terminal shows at the end: lines, with what was written over gone.
fn screen(sent: &str) -> Vec<String> {
    let mut lines: Vec<Vec<char>> = vec![Vec::new()];
    let (mut row, mut column) = (0_usize, 0_usize);
    let mut characters = sent.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' => {
                row += 1;
                if row == lines.len() {
                    lines.push(Vec::new());
                }
            }
            '\r' => column = 0,
            '\u{1b}' => {
                let mut number = String::new();
                let last = loop {
                    match characters.next() {
                        Some('[') => {}
                        Some(letter) if letter.is_ascii_alphabetic() => break letter,
                        Some(other) => number.push(other),
                        None => return Vec::new(),
                    }
                };
                match last {
                    'K' if number == "2" => lines[row].clear(),
                    'K' => lines[row].truncate(column),
                    'A' => row = row.saturating_sub(number.parse().unwrap_or(1)),
                    'B' => row = (row + number.parse::<usize>().unwrap_or(1)).min(lines.len() - 1),
                    _ => {}
                }
            }
            shown => {
                let line = &mut lines[row];
                while line.len() <= column {
                    line.push(' ');
                }
                line[column] = shown;
                column += 1;
            }
        }
    }
    lines.into_iter().map(|line| line.into_iter().collect::<String>().trim_end().to_owned()).collect()
}

#[test]
fn the_live_line_leaves_the_output_as_it_is() {
    let tasks = "    - name: slow\n      shell: for i in 1 2 3; do echo step $i; sleep 0.3; done\n    - name: loop\n      command: echo {{ item }}\n      loop: [1, 2, 3]\n    - fail: msg=broken\n      ignore_errors: true\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let plain = project.run("-i a,b -c local site.yml");
    let sent = on_terminal(&project, "-i a,b -c local site.yml", &[("NO_COLOR", "1")]);
    assert!(sent.contains("slow | a ") || sent.contains("slow | b "), "the live line says what runs where: {sent:?}");
    let sorted = |lines: Vec<String>| {
        let mut lines: Vec<String> = lines
            .into_iter()
            .map(|line| line.trim_end_matches(['*', ' ']).to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        lines.sort();
        lines
    };
    let shown = sorted(screen(&sent));
    let expected = sorted(
        plain
            .out
            .replace("[DIR]", project.path("").display().to_string().trim_end_matches('/'))
            .lines()
            .map(str::to_owned)
            .collect(),
    );
    assert_eq!(shown, expected);
}

#[test]
fn json_lines_are_one_event_each_and_keep_secrets() {
    let tasks = "    - name: hidden\n      debug: msg={{ item }}\n      loop: [s3cret1, s3cret2]\n      no_log: true\n    - name: hidden failure\n      fail: msg=s3cret3\n      no_log: true\n      ignore_errors: true\n    - name: shown\n      command: echo hello\n    - name: wrong\n      debug: msg={{ nothing }}\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let outcome = project.outcome(&mut project.command("-i h, -c local --format json site.yml"));
    assert_eq!(outcome.code, 2, "{outcome}");
    assert!(!outcome.out.contains("s3cret") && !outcome.err.contains("s3cret"), "{outcome}");
    let text = outcome.out.replace("[S]", "0");
    let events: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let names: Vec<&str> = events.iter().map(|event| event["event"].as_str().unwrap()).collect();
    assert_eq!(names.first(), Some(&"playbook"));
    assert_eq!(names.last(), Some(&"recap"));
    let shown = events.iter().find(|event| event["event"] == "result" && event["task"] == "shown").unwrap();
    assert_eq!(shown["host"], "h");
    assert_eq!(shown["status"], "changed");
    assert_eq!(shown["result"]["stdout"], "hello");
    assert!(shown["path"].as_str().unwrap().ends_with("site.yml:12:7"), "{shown}");
    let items = events.iter().filter(|event| event["event"] == "item").count();
    assert_eq!(items, 2);
    let wrong = events.iter().find(|event| event["event"] == "result" && event["task"] == "wrong").unwrap();
    assert_eq!(wrong["status"], "failed");
    assert_eq!(wrong["explanation"]["message"], "'nothing' is undefined");
    assert!(wrong["explanation"]["path"].as_str().unwrap().contains("site.yml:15:"), "{wrong}");
    assert_eq!(events.last().unwrap()["hosts"]["h"]["failed"], 1);
    assert_eq!(outcome.err, "");
}

#[test]
fn results_go_to_standard_output_and_talk_to_standard_error() {
    let project =
        Project::new().file("site.yml", "- hosts: all:nowhere\n  gather_facts: false\n  tasks:\n    - debug: msg=x\n");
    insta::assert_snapshot!(project.run("-i h, -c local site.yml"), @r#"
    exit code 0
    --- stdout ---

    PLAY [all:nowhere] *************************************************************

    TASK [debug] *******************************************************************
    ok: [h] => {
        "msg": "x"
    }

    PLAY RECAP *********************************************************************
    h                          : ok=1    changed=0    unreachable=0    failed=0    skipped=0    rescued=0    ignored=0   


    --- stderr ---
    [WARNING]: Could not match supplied host pattern, ignoring: nowhere
    "#);
}

#[test]
fn a_secret_stays_hidden_in_every_output() {
    let tasks = "    - debug: msg={{ item }}\n      loop: [s3cret1]\n      no_log: true\n    - command: echo s3cret2\n      no_log: true\n    - debug: msg={{ s3cret3 }}\n      no_log: true\n";
    let project = Project::new().file("site.yml", &play(tasks));
    for flags in ["", "-vvv", "-D"] {
        let outcome = project.run(&format!("-i h, -c local {flags} site.yml"));
        let shown =
            format!("{outcome}").replace("msg={{ s3cret3 }}", "").replace("echo s3cret2", "").replace("[s3cret1]", "");
        assert!(!shown.contains("s3cret"), "{flags}: {outcome}");
    }
}

#[test]
fn a_reader_that_has_gone_does_no_harm() {
    let project =
        Project::new().file("site.yml", &play("    - debug: msg={{ item }}\n      loop: \"{{ range(2000) }}\"\n"));
    for words in [
        "-i h, -c local site.yml",
        "-i h, -c local --format json site.yml",
        "-i h, --list-tasks site.yml",
        "-i h, --syntax-check site.yml",
    ] {
        let mut child = project.command(words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(!err.contains("panicked"), "{words}: {err}");
        assert_eq!(output.status.code(), Some(0), "{words}: {err}");
    }
    let mut child = project.command("-i h, -c local nowhere.yml").stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stderr.take());
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

#[test]
fn set_fact_takes_names_that_are_templates() {
    let tasks = "    - set_fact: {\"made_{{ item }}\": \"{{ item }}!\"}\n      loop: [one, two]\n    - debug: msg={{ made_one }}{{ made_two }}\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let outcome = project.outcome(&mut project.command("-i h, -c local site.yml"));
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(outcome.out.contains("\"msg\": \"one!two!\""), "{outcome}");
}

#[test]
fn the_log_has_what_is_shown_and_no_secret() {
    let tasks = "    - name: seen\n      ping:\n    - name: hidden\n      command: echo hunter2\n      no_log: true\n\
                 \x20   - meta: end_host\n      when: false\n    - debug: {msg: never}\n      diff: maybe\n      \
                 ignore_errors: true\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let outcome = project.outcome(
        project
            .command("-i h, -c local site.yml")
            .env("ANSIBLE_LOG_PATH", project.path("log"))
            .env("ANSIBLE_LOG_VERBOSITY", "3"),
    );
    assert_eq!(outcome.code, 0, "{outcome}");
    assert!(!outcome.out.contains("EXEC") && !outcome.out.contains("META"), "{outcome}");
    let log = std::fs::read_to_string(project.path("log")).unwrap();
    for record in [
        "INFO| TASK [seen] ***",
        "INFO| ok: [h] => {",
        "INFO| <h> EXEC rprov-agent",
        "INFO| META: end_host conditional evaluated to False, continuing execution for h",
        "ERROR| [ERROR]: Task failed: Error processing keyword 'diff'",
        "INFO| PLAY RECAP ***",
    ] {
        assert!(log.contains(record), "no `{record}` in\n{log}");
    }
    assert!(!log.contains("hunter2"), "{log}");
    assert!(log.lines().next().is_some_and(|line| line.contains(" p=") && line.contains(" n=ansible ")), "{log}");
    // A second run goes on in the same file; one that cannot be written is only a warning.
    project.outcome(project.command("-i h, -c local site.yml").env("ANSIBLE_LOG_PATH", project.path("log")));
    assert!(std::fs::read_to_string(project.path("log")).unwrap().starts_with(&log));
    let outcome =
        project.outcome(project.command("-i h, -c local site.yml").env("ANSIBLE_LOG_PATH", project.path("none/log")));
    assert!(outcome.code == 0 && outcome.err.contains("the log file cannot be written"), "{outcome}");
}

#[test]
fn what_meta_does_is_told_at_two_v() {
    let tasks =
        "    - meta: noop\n    - meta: clear_facts\n    - meta: end_play\n      when: false\n    - meta: end_host\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let outcome = project.run("-i h, -c local -vv site.yml");
    let told: Vec<&str> = outcome.out.lines().filter(|line| line.starts_with("META: ")).collect();
    let expected = [
        "META: noop",
        "META: facts cleared",
        "META: end_play conditional evaluated to False, continuing play",
        "META: ending play for h",
    ];
    assert_eq!(told, expected, "{outcome}");
    assert!(!project.run("-i h, -c local -v site.yml").out.contains("META: "));
}

#[test]
fn output_that_cannot_be_written_is_told_once() {
    let project = Project::new().file("site.yml", &play("    - command: touch done\n    - debug: {}\n"));
    for words in ["-i h, -c local site.yml", "-i h, -c local --format json site.yml", "-i h, --list-hosts site.yml"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let child = project.command(words).stdout(full).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words}: {told}");
        assert_eq!(told.matches("the output could not be written").count(), 1, "{words}: {told}");
        assert!(told.contains("No space left on device"), "{words}: {told}");
    }
    assert!(project.path("done").exists());
}

#[test]
fn that_nobody_reads_the_output_is_no_mistake() {
    let project = Project::new().file("site.yml", &play("    - command: touch done\n    - debug: {}\n"));
    for words in ["-i h, -c local site.yml", "-i h, -c local --format json site.yml", "-i h, --list-hosts site.yml"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let child = project.command(words).stdout(writer).stderr(std::process::Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(0) && told.is_empty(), "{words}: {:?} {told}", output.status);
    }
    assert!(project.path("done").exists());
}

#[test]
fn where_hosts_run_in_their_own_time_a_banner_comes_with_a_result() {
    let tasks = "    - command: 'true'\n    - meta: noop\n";
    let text = play(tasks).replace("  tasks:", "  strategy: free\n  tasks:");
    let outcome = Project::new().file("site.yml", &text).run("-i a,b,c -c local site.yml");
    let lines: Vec<&str> = outcome.out.lines().filter(|line| !line.is_empty()).collect();
    assert!(lines[1].starts_with("TASK [command]") && lines[5].starts_with("PLAY RECAP"), "{outcome}");
    assert!(lines[2..5].iter().all(|line| line.starts_with("changed: [")), "{outcome}");
}
