//! What is asked at the terminal: passwords, `vars_prompt`, `pause`, `--step`.

use crate::project::{Project, play};
use crate::terminal::{INTERRUPT, Terminal};

/// `rprov run` with these words on a terminal.
fn start(project: &Project, words: &str) -> Terminal {
    Terminal::start(&mut project.command(words))
}

#[test]
fn passwords_are_asked_for_in_order_and_not_shown() {
    let tasks = "    - debug: msg={{ ansible_password | default('none') | length }}\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let mut terminal = start(&project, "-i h, -c local -k -K site.yml");
    terminal.wait_for("SSH password: ");
    terminal.enter("s3cret1\n");
    terminal.wait_for("BECOME password[defaults to SSH password]: ");
    terminal.enter("s3cret2\n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("PLAY RECAP") && !seen.contains("s3cret"), "{seen}");

    let mut terminal = start(&project, "-i h, -c local -K site.yml");
    terminal.wait_for("BECOME password: ");
    terminal.enter("s3cret3\n");
    let (code, seen) = terminal.end();
    assert!(code == 0 && !seen.contains("s3cret"), "{seen}");
}

#[test]
fn an_interrupt_at_a_password_ends_the_program_before_anything_is_done() {
    let project = Project::new().file("site.yml", &play("    - command: touch done\n"));
    let mut terminal = start(&project, "-i h, -c local -k site.yml");
    terminal.wait_for("SSH password: ");
    terminal.enter(INTERRUPT);
    let (code, seen) = terminal.end();
    assert_eq!(code, 99, "{seen}");
    assert!(seen.contains("User interrupted execution") && !project.path("done").exists(), "{seen}");
}

#[test]
fn a_password_is_not_shown_however_fast_it_is_typed() {
    let project = Project::new();
    for _ in 0..20 {
        let mut terminal = start(&project, "-k no_such_playbook.yml");
        terminal.enter_at("SSH password: ", "s3cret\n");
        let (_, seen) = terminal.end();
        assert!(!seen.contains("s3cret"), "{seen}");
    }
}

#[test]
fn an_interrupt_at_any_question_ends_the_run_with_its_recap() {
    let asked = |private: bool| {
        let first = play("    - debug: {}\n");
        let prompt = format!("  vars_prompt: [{{name: colour, prompt: Colour, private: {private}}}]\n  tasks:\n");
        format!("{first}{}", play("    - command: touch after\n").replace("  tasks:\n", &prompt))
    };
    let step = play("    - debug: {}\n    - name: two\n      command: touch after\n");
    let debugged = play("    - debug: {}\n      debugger: always\n    - command: touch after\n");
    for (text, words, question) in [
        (asked(false), "", "Colour: "),
        (asked(true), "", "Colour: "),
        (step, "--step ", "Perform task: two (N)o/(y)es/(c)ontinue: "),
        (debugged, "", "(debug)> "),
    ] {
        let project = Project::new().file("site.yml", &text);
        let mut terminal = start(&project, &format!("-i h, -c local {words}site.yml"));
        if !words.is_empty() {
            terminal.wait_for("ontinue: ");
            terminal.enter("y\n");
        }
        terminal.wait_for(question);
        terminal.enter(INTERRUPT);
        let (code, seen) = terminal.end();
        assert_eq!(code, 99, "{question}: {seen}");
        assert_eq!(seen.matches("User interrupted execution").count(), 1, "{question}: {seen}");
        assert!(seen.contains("PLAY RECAP") && seen.contains("ok=1 "), "{question}: {seen}");
        assert!(!project.path("after").exists(), "{question}: {seen}");
    }
}

#[test]
fn without_a_terminal_nobody_is_asked() {
    let prompts = "  vars_prompt:\n    - {name: open, private: false}\n    - {name: given, default: red}\n  tasks:\n";
    let text = play("    - debug: msg=\"{{ open }} {{ given }}\"\n").replace("  tasks:\n", prompts);
    let project = Project::new().file("site.yml", &format!("{text}{text}")).file("answers", "blue\ngreen\n");
    let answers = std::fs::File::open(project.path("answers")).unwrap();
    let outcome = project.outcome(project.command("-i h, -c local site.yml").stdin(answers));
    assert!(outcome.code == 0 && outcome.out.contains("\"None red\""), "{outcome}");
    assert_eq!(outcome.err, "[WARNING]: Not prompting as we are not in interactive mode\n");
    let encrypted = text.replace("private: false", "encrypt: sha512_crypt");
    let project = Project::new().file("site.yml", &encrypted);
    let outcome = project.run("-i h, -c local site.yml");
    assert!(outcome.code != 0 && outcome.err.contains("no terminal to ask for `open`"), "{outcome}");
}

#[test]
fn an_interrupted_task_is_not_rescued() {
    let tasks = "    - block:\n        - name: sleep\n          command: sleep 60\n      rescue:\n        - command: touch after\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let mut terminal = start(&project, "-i h, -c local site.yml");
    terminal.wait_for("TASK [sleep]");
    terminal.enter(INTERRUPT);
    let (code, seen) = terminal.end();
    assert_eq!(code, 99, "{seen}");
    assert!(seen.contains("failed=1 ") && seen.contains("rescued=0 "), "{seen}");
    assert!(!project.path("after").exists(), "{seen}");
}

#[test]
fn variables_are_asked_for_and_private_ones_not_shown() {
    let text = "- hosts: all\n  gather_facts: false\n  vars_prompt:\n    - {name: open, prompt: Colour, private: false, default: red}\n    - {name: hidden, prompt: Word, confirm: true}\n  tasks:\n    - debug: msg=\"{{ open }} {{ hidden | length }}\"\n";
    let project = Project::new().file("site.yml", text);
    let mut terminal = start(&project, "-i h, -c local site.yml");
    terminal.wait_for("Colour [red]: ");
    terminal.enter("blue\n");
    terminal.wait_for("Word: ");
    terminal.enter("s3cret1\n");
    terminal.wait_for("confirm Word: ");
    terminal.enter("s3cret22\n");
    terminal.wait_for("DO NOT MATCH");
    terminal.wait_for("Word: ");
    terminal.enter("s3cret333\n");
    terminal.wait_for("confirm Word: ");
    terminal.enter("s3cret333\n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("blue 9") && !seen.contains("s3cret"), "{seen}");
}

#[test]
fn a_pause_takes_what_is_typed() {
    let tasks = "    - pause: {prompt: Go on}\n      register: open\n    - pause: {prompt: Word, echo: false}\n      register: hidden\n    - debug: msg=\"{{ open.user_input }} {{ hidden.user_input | length }}\"\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let mut terminal = start(&project, "-i h, -c local site.yml");
    terminal.wait_for("Go on");
    terminal.enter("certainly\n");
    terminal.wait_for("Word");
    terminal.enter("s3cret\n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("certainly 6") && !seen.contains("s3cret"), "{seen}");
}

/// The playbook's pauses, what is shown while they wait, and what stands in its result.
const PAUSES: [(&str, &str); 4] = [
    ("{prompt: Go on}", "Go on:"),
    ("{prompt: Go on, echo: false}", "Go on (output is hidden):"),
    ("{seconds: 50}", "(ctrl+C then 'C' = continue early, ctrl+C then 'A' = abort)"),
    ("{seconds: 50, prompt: Go on}", "Go on:"),
];

/// A pause that shows this text, interrupted, then answered with a key: its project, the exit code and what was seen.
fn interrupted(pause: &str, text: &str, key: &str) -> (Project, i32, String) {
    let tasks = format!("    - pause: {pause}\n    - command: touch after\n");
    let project = Project::new().file("site.yml", &play(&tasks));
    let mut terminal = start(&project, "-i h, -c local site.yml");
    terminal.wait_for(text);
    terminal.enter(INTERRUPT);
    terminal.wait_for("Press 'C' to continue the play or 'A' to abort");
    terminal.enter(key);
    let (code, seen) = terminal.end();
    (project, code, seen)
}

#[test]
fn a_pause_goes_on_or_aborts_after_an_interrupt() {
    for (pause, text) in PAUSES {
        for (key, code) in [("x\nC", 0), ("a", 2)] {
            let (project, ended, seen) = interrupted(pause, text, key);
            assert_eq!(ended, code, "{pause} {key}: {seen}");
            assert_eq!(seen.contains("user requested abort!"), code != 0, "{pause} {key}: {seen}");
            assert_eq!(project.path("after").exists(), code == 0, "{pause} {key}: {seen}");
            assert!(seen.contains("PLAY RECAP"), "{pause} {key}: {seen}");
        }
    }
}

#[test]
fn a_second_interrupt_of_a_pause_ends_the_run() {
    for (pause, text) in PAUSES {
        let (project, code, seen) = interrupted(pause, text, INTERRUPT);
        assert_eq!(code, 99, "{pause}: {seen}");
        assert!(seen.contains("PLAY RECAP") && !project.path("after").exists(), "{pause}: {seen}");
    }
}

#[test]
fn what_is_typed_at_a_pause_can_be_corrected_and_a_timed_one_takes_nothing() {
    let tasks = "    - pause: {prompt: Word}\n      register: word\n    - pause: {prompt: Wait, seconds: 1}\n      register: timed\n    - debug: msg=\"<{{ word.user_input }}{{ timed.user_input }}>\"\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let mut terminal = start(&project, "-i h, -c local site.yml");
    terminal.wait_for("Word:");
    terminal.enter("h\u{e4}llo\u{7f}\u{7f}\u{7f}\u{7f}ey\r");
    terminal.wait_for("Wait:");
    terminal.enter("ignored\r");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("<hey>"), "{seen}");
}

#[test]
fn each_task_is_asked_for_at_the_terminal() {
    let tasks = "    - name: one\n      command: touch one\n    - name: two\n      command: touch two\n    - name: three\n      command: touch three\n    - name: four\n      command: touch four\n";
    let project = Project::new().file("site.yml", &play(tasks));
    let mut terminal = start(&project, "-i h, -c local --step site.yml");
    terminal.wait_for("Perform task: one (N)o/(y)es/(c)ontinue: ");
    terminal.enter("y\n");
    terminal.wait_for("Perform task: two (N)o/(y)es/(c)ontinue: ");
    terminal.enter("\n");
    terminal.wait_for("Perform task: three (N)o/(y)es/(c)ontinue: ");
    terminal.enter("c\n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    for (name, done) in [("one", true), ("two", false), ("three", true), ("four", true)] {
        assert_eq!(project.path(name).exists(), done, "{name}: {seen}");
    }
}

fn sleeping(project: &Project) -> Terminal {
    project.write("site.yml", &play("    - name: sleep\n      command: sleep 60\n    - command: touch after\n"));
    let mut terminal = start(project, "-i a,b,c -c local -f 2 site.yml");
    terminal.wait_for("TASK [sleep]");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal
}

#[test]
fn ctrl_c_cancels_what_runs_and_prints_the_recap() {
    let project = Project::new();
    let mut terminal = sleeping(&project);
    let begin = std::time::Instant::now();
    terminal.enter(INTERRUPT);
    let (code, seen) = terminal.end();
    assert_eq!(code, 99, "{seen}");
    assert!(begin.elapsed().as_secs() < 10, "{seen}");
    assert!(seen.contains("User interrupted execution") && seen.contains("PLAY RECAP"), "{seen}");
    assert!(!project.path("after").exists());
}

#[test]
fn ctrl_c_twice_quits_at_once() {
    let project = Project::new();
    let mut terminal = sleeping(&project);
    let begin = std::time::Instant::now();
    terminal.enter(&INTERRUPT.repeat(2));
    let (code, seen) = terminal.end();
    assert_eq!(code, 99, "{seen}");
    assert!(begin.elapsed().as_secs() < 5, "{seen}");
}

/// The passwords that are typed open a real `sshd` and `sudo`, and are nowhere else.
#[cfg(feature = "system-tests")]
mod secrets {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::start;
    use crate::project::Project;

    const USER: &str = "rprov-typed";
    const NEEDED: &str =
        "this test makes a user and starts sshd: run it as root, with openssh-server and sudo (CI does)";

    /// A user with a password, who may become root with it, and an `sshd` that takes it. Gone at the end.
    struct Host {
        port: u16,
        sshd: Child,
    }

    fn run(words: &[&str]) {
        let output = Command::new(words[0])
            .args(&words[1..])
            .output()
            .unwrap_or_else(|error| panic!("{words:?}: {error}. {NEEDED}"));
        assert!(output.status.success(), "{words:?}: {}. {NEEDED}", String::from_utf8_lossy(&output.stderr));
    }

    impl Host {
        fn new(directory: &Path, password: &str) -> Self {
            Self::remove();
            run(&["useradd", "-m", "-s", "/bin/sh", USER]);
            let mut child = Command::new("chpasswd").stdin(Stdio::piped()).spawn().unwrap();
            let line = format!("{USER}:{password}\n");
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), line.as_bytes()).unwrap();
            assert!(child.wait().unwrap().success());
            let rule = format!("/etc/sudoers.d/{USER}");
            std::fs::write(&rule, format!("Defaults:{USER} timestamp_timeout=0\n{USER} ALL=(ALL) ALL\n")).unwrap();
            std::fs::set_permissions(&rule, std::fs::Permissions::from_mode(0o440)).unwrap();
            std::fs::create_dir_all("/run/sshd").unwrap();
            let key = directory.join("host_key");
            run(&["ssh-keygen", "-q", "-N", "", "-t", "ed25519", "-f", key.to_str().unwrap()]);
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let config = directory.join("sshd_config");
            let text = format!(
                "ListenAddress 127.0.0.1\nPort {port}\nHostKey {}\nPidFile none\nUsePAM no\nPasswordAuthentication yes\n",
                key.display()
            );
            std::fs::write(&config, text).unwrap();
            let mut sshd = Command::new("/usr/sbin/sshd");
            sshd.arg("-D").arg("-f").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            let host = Self { port, sshd: sshd.spawn().unwrap_or_else(|error| panic!("sshd: {error}. {NEEDED}")) };
            let begin = Instant::now();
            while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
                assert!(begin.elapsed() < Duration::from_secs(20), "sshd does not start");
                std::thread::sleep(Duration::from_millis(20));
            }
            host
        }

        fn remove() {
            let _ = std::fs::remove_file(format!("/etc/sudoers.d/{USER}"));
            let _ = Command::new("userdel").args(["-r", "-f", USER]).output();
        }
    }

    impl Drop for Host {
        fn drop(&mut self) {
            let _ = self.sshd.kill();
            let _ = self.sshd.wait();
            Self::remove();
        }
    }

    /// Ends the watch, also where the test fails.
    struct End<'a>(&'a AtomicBool);

    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }

    fn contains(bytes: &[u8], secret: &str) -> bool {
        bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
    }

    /// Processes that have the secret in their arguments or environment.
    fn processes_that_show(secret: &str) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc").unwrap().flatten() {
            for part in ["cmdline", "environ"] {
                let path = entry.path().join(part);
                if std::fs::read(&path).is_ok_and(|bytes| contains(&bytes, secret)) {
                    found.push(path.display().to_string());
                }
            }
        }
        found
    }

    /// Files under a directory that have the secret in them.
    fn files_with(secret: &str, directory: &Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() {
                files_with(secret, &entry.path(), found);
            } else if kind.is_file() && std::fs::read(entry.path()).is_ok_and(|bytes| contains(&bytes, secret)) {
                found.push(entry.path().display().to_string());
            }
        }
    }

    #[test]
    fn typed_passwords_open_sshd_and_sudo_and_are_nowhere_else() {
        let secret = format!("typed s3cret' {}", std::process::id());
        let tasks = "    - command: sleep 1\n      become: false\n    - command: id -un\n      register: me\n    - copy: {content: \"{{ me.stdout }}\", dest: /home/rprov-typed/who}\n    - assert: {that: me.stdout == 'root'}\n";
        let text = format!("- hosts: all\n  become: true\n  tasks:\n{tasks}");
        let project = Project::new().file("site.yml", &text);
        let host = Host::new(&project.path("home"), &secret);
        project.write(
            "hosts",
            &format!("h ansible_host=127.0.0.1 ansible_port={} ansible_host_key_checking=false\n", host.port),
        );
        let done = AtomicBool::new(false);
        let (shown, files) = std::thread::scope(|scope| {
            let end = End(&done);
            let watch = scope.spawn(|| {
                let mut shown = Vec::new();
                let mut files = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    shown.extend(processes_that_show(&secret));
                    let home = format!("/home/{USER}");
                    for directory in [project.path(""), home.into(), "/var/tmp".into()] {
                        files_with(&secret, &directory, &mut files);
                    }
                    std::thread::sleep(Duration::from_millis(20));
                }
                (shown, files)
            });
            for (words, answers) in [
                // An empty answer to the second question is the first one's.
                (format!("-i hosts -u {USER} -k -K -vvvv site.yml"), ["\n"].as_slice()),
                (format!("-i hosts -u {USER} -kK --format json -vvvv site.yml"), &["{secret}\n"]),
            ] {
                let mut terminal = start(&project, &words);
                terminal.wait_for("SSH password: ");
                terminal.enter(&format!("{secret}\n"));
                terminal.wait_for("BECOME password[defaults to SSH password]: ");
                for answer in answers {
                    terminal.enter(&answer.replace("{secret}", &secret));
                }
                let (code, seen) = terminal.end();
                assert!(!seen.contains(&secret), "{words}: {seen}");
                assert_eq!(code, 0, "{words}: {seen}");
            }
            // A wrong one is refused, and not shown either.
            let mut terminal = start(&project, &format!("-i hosts -u {USER} -k site.yml"));
            terminal.wait_for("SSH password: ");
            terminal.enter(&format!("not {secret}\n"));
            let (code, seen) = terminal.end();
            assert!(!seen.contains(&secret), "{seen}");
            assert_eq!(code, 4, "{seen}");
            assert!(seen.contains("Permission denied") && seen.contains("refused were: the password"), "{seen}");
            drop(end);
            watch.join().unwrap()
        });
        assert_eq!(std::fs::read_to_string(format!("/home/{USER}/who")).unwrap(), "root");
        assert!(shown.is_empty() && files.is_empty(), "{shown:?} {files:?}");
    }
}
