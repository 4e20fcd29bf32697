//! `ansible-vault`, and playbooks with secrets in them.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
#[cfg(feature = "system-tests")]
use std::process::{Command, Stdio};

use crate::project::{Outcome, Project, play};
use crate::terminal::Terminal;

const PLAIN: &str = "token: kennwort\n";

/// A directory with two passwords, a client program and a plain file `a.yml`.
fn project() -> Project {
    Project::new().file("one", "correct horse\n").file("two", "battery staple\n").file("a.yml", PLAIN).program(
        "my-client.sh",
        "#!/bin/sh\ncase \"$1 $2\" in '--vault-id dev') echo correct horse ;; *) exit 2 ;; esac\n",
    )
}

/// `ansible-vault` with these words.
fn vault(project: &Project, words: &str) -> Outcome {
    project.outcome(&mut project.vault_command(words))
}

/// It succeeds and says this.
fn gives(project: &Project, words: &str, out: &str) {
    let outcome = vault(project, words);
    assert!(outcome.code == 0 && outcome.out == out, "{words}: {outcome}");
}

/// It fails with this exit code, and says this.
fn fails(project: &Project, words: &str, code: i32, said: &str) {
    let outcome = vault(project, words);
    assert!(outcome.code == code && outcome.err.contains(said), "{words}: {outcome}");
    assert!(!outcome.err.contains("kennwort") && !outcome.err.contains("horse"), "{words}: {outcome}");
}

fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}

fn header(project: &Project, name: &str) -> String {
    read(&project.path(name)).lines().next().unwrap().to_owned()
}

/// A command that is given this on standard input.
fn fed(project: &Project, words: &str, input: &[u8]) -> (i32, Vec<u8>) {
    project.write("input", "");
    std::fs::write(project.path("input"), input).unwrap();
    let input = std::fs::File::open(project.path("input")).unwrap();
    let output = project.vault_command(words).stdin(input).output().unwrap();
    (output.status.code().unwrap(), output.stdout)
}

#[test]
fn files_are_encrypted_shown_rekeyed_and_decrypted() {
    let project = project();
    std::fs::set_permissions(project.path("a.yml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    gives(&project, "encrypt a.yml --vault-password-file one", "");
    assert_eq!(header(&project, "a.yml"), "$ANSIBLE_VAULT;1.1;AES256");
    gives(&project, "view a.yml --vault-password-file one", PLAIN);
    gives(&project, "decrypt a.yml --vault-password-file one --output -", PLAIN);
    gives(&project, "rekey a.yml --vault-password-file one --new-vault-password-file two", "");
    fails(&project, "view a.yml --vault-password-file one", 1, "Decryption failed");
    gives(&project, "view a.yml --vault-password-file two", PLAIN);
    gives(&project, "rekey a.yml --vault-password-file two --new-vault-id dev@one", "");
    assert_eq!(header(&project, "a.yml"), "$ANSIBLE_VAULT;1.2;AES256;dev");
    gives(&project, "decrypt a.yml --vault-password-file one --output b.yml", "");
    assert_eq!(read(&project.path("b.yml")), PLAIN);
    gives(&project, "decrypt a.yml --vault-id dev@my-client.sh", "");
    assert_eq!(read(&project.path("a.yml")), PLAIN);
    assert_eq!(project.path("a.yml").metadata().unwrap().permissions().mode() & 0o777, 0o640);
    gives(&project, "encrypt a.yml b.yml --vault-password-file one", "");
    gives(&project, "view a.yml b.yml --vault-password-file one", &PLAIN.repeat(2));
}

#[test]
fn standard_input_is_converted() {
    let project = project();
    let (code, encrypted) = fed(&project, "encrypt --vault-password-file one", PLAIN.as_bytes());
    assert!(code == 0 && encrypted.starts_with(b"$ANSIBLE_VAULT;1.1;AES256\n"));
    assert_eq!(fed(&project, "decrypt --vault-password-file one", &encrypted), (0, PLAIN.into()));
    assert_eq!(fed(&project, "view - --vault-password-file one", &encrypted), (0, PLAIN.into()));
    assert_eq!(fed(&project, "decrypt --vault-password-file two", &encrypted), (1, vec![]));
}

#[test]
fn an_editor_gets_the_plain_text_and_leaves_none_behind() {
    let project = project();
    std::fs::create_dir(project.path("tmp")).unwrap();
    std::fs::create_dir(project.path("memory")).unwrap();
    project.write(
        "ed.sh",
        "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > seen; cat \"$1\" >> seen; echo 'more: 1' >> \"$1\"\n",
    );
    let edit = |words: &str| {
        let mut command = project.vault_command(words);
        command.env("EDITOR", "sh ed.sh").env("TMPDIR", project.path("tmp"));
        project.outcome(command.env("XDG_RUNTIME_DIR", project.path("memory")))
    };
    assert_eq!(edit("create c.yml --vault-password-file one").code, 5, "no terminal");
    let outcome = edit("create sub/c.yml --vault-password-file one --skip-tty-check");
    assert_eq!(outcome.code, 0, "{outcome}");
    gives(&project, "view sub/c.yml --vault-password-file one", "more: 1\n");
    assert_eq!(edit("create sub/c.yml --vault-password-file one --skip-tty-check").code, 1, "it exists");

    gives(&project, "encrypt a.yml --vault-id dev@one", "");
    // Another label opens it; it keeps its own.
    let outcome = edit("edit a.yml --vault-id two --vault-id other@one");
    assert_eq!(outcome.code, 0, "{outcome}");
    assert_eq!(header(&project, "a.yml"), "$ANSIBLE_VAULT;1.2;AES256;dev");
    gives(&project, "view a.yml --vault-password-file one", &format!("{PLAIN}more: 1\n"));
    let seen = read(&project.path("seen"));
    let lines: Vec<&str> = seen.lines().collect();
    assert!(lines[0].starts_with("600 ") && lines[0].ends_with(".yml"), "{seen}");
    assert!(lines[1].starts_with("700 ") && lines[2] == PLAIN.trim(), "{seen}");
    for place in ["tmp", "memory"] {
        assert_eq!(std::fs::read_dir(project.path(place)).unwrap().count(), 0, "{place}");
    }

    let before = read(&project.path("a.yml"));
    let failing = |editor: &str| {
        let mut command = project.vault_command("edit a.yml --vault-password-file one");
        let outcome = project.outcome(command.env("EDITOR", editor).env("XDG_RUNTIME_DIR", project.path("memory")));
        assert_eq!(read(&project.path("a.yml")), before);
        assert_eq!(std::fs::read_dir(project.path("memory")).unwrap().count(), 0);
        outcome.code
    };
    assert_eq!(failing("true"), 0);
    assert_eq!(failing("no-such-editor"), 1);
    assert_eq!(failing("false"), 1);
}

#[test]
fn strings_are_encrypted_for_yaml() {
    let project = project();
    let salted = |words: &str| {
        let outcome = project.outcome(project.vault_command(words).env("ANSIBLE_VAULT_ENCRYPT_SALT", "salty"));
        assert_eq!(outcome.code, 0, "{outcome}");
        outcome
    };
    let named = salted("encrypt_string --vault-password-file one --name token kennwort").out;
    assert!(named.starts_with("token: !vault |\n          $ANSIBLE_VAULT;1.1;AES256\n          "), "{named}");
    assert!(named.ends_with('\n') && !named.contains("kennwort"));
    let unnamed = salted("encrypt_string --vault-id dev@one kennwort").out;
    assert!(unnamed.starts_with("!vault |\n          $ANSIBLE_VAULT;1.2;AES256;dev\n"), "{unnamed}");
    let both = salted("encrypt_string --vault-password-file one kennwort other --name token --name second");
    assert!(both.out.starts_with(&named) && both.out.contains("\nsecond: !vault |\n"), "{both}");
    assert!(both.err.contains("string #2 from the command line args"), "{both}");
    salted("encrypt_string --vault-password-file one kennwort --name token --output token.yml");
    assert_eq!(read(&project.path("token.yml")), named);

    let (code, out) = fed(&project, "encrypt_string --vault-password-file one --stdin-name token", b"kennwort");
    let text = String::from_utf8(out).unwrap();
    assert!(code == 0 && text.starts_with("token: !vault |\n"), "{text}");
    project.write("vars.yml", &text);
    project.write("site.yml", &play("    - debug: {msg: \"{{ token }}\"}\n"));
    let outcome = project.run("-i h, -c local site.yml -e @vars.yml --vault-password-file one");
    assert!(outcome.code == 0 && outcome.out.contains("\"msg\": \"kennwort\""), "{outcome}");

    fails(&project, "encrypt_string --vault-password-file one", 5, "stdin was empty");
    fails(&project, "encrypt_string --vault-password-file one ''", 5, "empty, not encrypting");
    fails(&project, "encrypt_string --vault-password-file one --prompt -", 5, "--prompt");
}

#[test]
fn identities_are_chosen_by_label_and_settings() {
    let project = project();
    fails(&project, "encrypt a.yml --vault-id a@one --vault-id b@two", 5, "vault-ids a,b are available");
    fails(&project, "encrypt a.yml --vault-id a@one --encrypt-vault-id c", 1, "--encrypt-vault-id=c");
    assert_eq!(read(&project.path("a.yml")), PLAIN);
    gives(&project, "encrypt a.yml --vault-id a@one --vault-id b@two --encrypt-vault-id b", "");
    assert_eq!(header(&project, "a.yml"), "$ANSIBLE_VAULT;1.2;AES256;b");
    gives(&project, "view a.yml --vault-id a@one --vault-id b@two", PLAIN);
    gives(&project, "view a.yml --vault-id a@two", PLAIN);

    let with =
        |name: &str, value: &str, words: &str| project.outcome(project.vault_command(words).env(name, value)).code;
    assert_eq!(with("ANSIBLE_VAULT_ID_MATCH", "1", "view a.yml --vault-id a@two"), 1);
    assert_eq!(with("ANSIBLE_VAULT_ID_MATCH", "1", "view a.yml --vault-id b@two"), 0);
    assert_eq!(with("ANSIBLE_VAULT_PASSWORD_FILE", "two", "view a.yml"), 0);
    assert_eq!(with("ANSIBLE_VAULT_PASSWORD_FILE", "one", "view a.yml"), 1);
    assert_eq!(with("ANSIBLE_VAULT_IDENTITY_LIST", "a@one,b@two", "view a.yml"), 0);
    assert_eq!(with("ANSIBLE_VAULT_IDENTITY_LIST", "a@one", "view a.yml"), 1);
    // One that cannot be had is a warning as long as there is another.
    let outcome = vault(&project, "view a.yml --vault-id a@nowhere --vault-id b@two");
    assert!(outcome.code == 0 && outcome.err.contains("nowhere was not found"), "{outcome}");
}

#[test]
fn mistakes_have_ansibles_exit_codes() {
    let project = project().file("empty", "\n").program("fails", "#!/bin/sh\nexit 3\n");
    fails(&project, "view a.yml --vault-password-file one", 1, "Input is not vault encrypted data");
    fails(&project, "decrypt a.yml --vault-password-file one", 1, "Input is not vault encrypted data");
    fails(&project, "view nowhere.yml --vault-password-file one", 1, "nowhere.yml");
    fails(&project, "encrypt a.yml --vault-password-file nowhere", 1, "nowhere was not found");
    fails(&project, "encrypt a.yml --vault-password-file empty", 1, "Invalid vault password");
    fails(&project, "encrypt a.yml --vault-password-file fails", 1, "returned non-zero (3)");
    fails(&project, "encrypt a.yml --vault-id prod@my-client.sh", 1, "did not find a secret for vault-id=prod");
    fails(&project, "encrypt a.yml a.yml --output b --vault-password-file one", 5, "At most one input file");
    fails(&project, "encrypt a.yml --no-such-flag", 2, "--no-such-flag");
    fails(&project, "encrypt a.yml -J --vault-password-file one", 2, "cannot be used with");
    fails(&project, "shred a.yml", 2, "shred");
    fails(&project, "", 2, "Usage");
    assert_eq!(read(&project.path("a.yml")), PLAIN);
    gives(&project, "encrypt a.yml --vault-password-file one", "");
    let encrypted = read(&project.path("a.yml"));
    fails(&project, "encrypt a.yml --vault-password-file one", 1, "already encrypted");
    fails(&project, "edit a.yml --vault-password-file two", 1, "Decryption failed");
    fails(&project, "rekey a.yml --vault-password-file two --new-vault-password-file one", 1, "Decryption failed");
    assert_eq!(read(&project.path("a.yml")), encrypted);
    project.write("a.yml", &encrypted[..encrypted.len() / 2]);
    fails(&project, "view a.yml --vault-password-file one", 1, "was a line lost");
}

#[test]
fn a_password_is_asked_for_at_the_terminal() {
    let project = project();
    let mut terminal = Terminal::start(&mut project.vault_command("encrypt a.yml"));
    terminal.wait_for("New Vault password: ");
    terminal.enter("correct horse\n");
    terminal.wait_for("Confirm New Vault password: ");
    terminal.enter("correct horse\n");
    let (code, seen) = terminal.end();
    assert!(code == 0 && seen.contains("Encryption successful") && !seen.contains("horse"), "{seen}");
    gives(&project, "view a.yml --vault-password-file one", PLAIN);

    let mut terminal = Terminal::start(&mut project.vault_command("decrypt a.yml --output b.yml"));
    terminal.wait_for("Vault password: ");
    terminal.enter("correct horse\n");
    let (code, seen) = terminal.end();
    assert!(code == 0 && seen.contains("Decryption successful"), "{seen}");

    let mut terminal = Terminal::start(&mut project.vault_command("encrypt b.yml --vault-id dev@prompt"));
    terminal.wait_for("New vault password (dev): ");
    terminal.enter("one\n");
    terminal.wait_for("Confirm new vault password (dev): ");
    terminal.enter("other\n");
    let (code, seen) = terminal.end();
    assert!(code == 1 && seen.contains("Passwords do not match"), "{seen}");
    assert_eq!(read(&project.path("b.yml")), PLAIN);

    project.write("site.yml", &play("    - debug: {msg: \"{{ token | length }} letters\"}\n"));
    let mut terminal = Terminal::start(&mut project.command("-i h, -c local -J -e @a.yml site.yml"));
    terminal.wait_for("Vault password: ");
    terminal.enter("correct horse\n");
    let (code, seen) = terminal.end();
    assert!(code == 0 && seen.contains("8 letters") && !seen.contains("horse"), "{seen}");
}

/// What a run says, on both streams.
fn said(outcome: &Outcome) -> String {
    format!("{}{}", outcome.out, outcome.err)
}

#[test]
fn nothing_of_a_secret_is_told() {
    let project = project().file(
        "site.yml",
        "- hosts: all\n  gather_facts: false\n  vars_files: [a.yml]\n  tasks:\n    - include_vars: included.yml\n    - include_vars: included.yml\n      loop: [1]\n    - copy: {src: file, dest: out, mode: '0600'}\n    - shell: test {{ token | quote }} = kenn''wort\n      environment: {TOKEN: '{{ token }}'}\n      no_log: true\n    - shell: cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n' | grep -c 'correct hors[e]' || true\n      register: count\n    - assert: {that: count.stdout == '0'}\n",
    );
    project.write("included.yml", "hidden: kennwort\n");
    project.write("file", "kennwort\n");
    gives(&project, "encrypt a.yml included.yml file --vault-password-file one", "");
    for format in ["default", "json"] {
        let words = format!("-i h, -c local -vvvv --format {format} --vault-password-file one site.yml");
        let outcome = project.run(&words);
        assert_eq!(outcome.code, 0, "{outcome}");
        assert!(!said(&outcome).contains("kennwort") && !said(&outcome).contains("correct horse"), "{outcome}");
    }
    assert_eq!(read(&project.path("out")), "kennwort\n");
}

#[test]
fn mistakes_in_encrypted_files_have_a_place_and_no_text() {
    for (text, place) in [
        ("- debug:\n    msg: \"kennwort {{ nothing_here }}\"\n", "tasks.yml:"),
        ("- debug:\n    msg: \"kennwort {{ 1 + }}\"\n", "tasks.yml:"),
        ("- debug: {msg: [kennwort\n", "tasks.yml:"),
        ("- debug: {msg: x}\n  kennwort: x\n  when: '{{'\n", "tasks.yml:"),
    ] {
        let project = project().file("site.yml", &play("    - include_tasks: tasks.yml\n"));
        project.write("tasks.yml", text);
        gives(&project, "encrypt tasks.yml --vault-password-file one", "");
        for format in ["default", "json"] {
            let words = format!("-i h, -c local -vvvv --format {format} --vault-password-file one site.yml");
            let outcome = project.run(&words);
            assert!(outcome.code != 0, "{text}: {outcome}");
            let line = said(&outcome);
            assert!(line.contains(place) || format == "json", "{text}: {outcome}");
            assert!(!line.contains("kennwort {{"), "{text}: {outcome}");
        }
    }
}

#[test]
fn what_ansible_encrypted_is_opened_and_made_again() {
    let vectors: serde_json::Value = serde_json::from_str(include_str!("../vectors/vault.json")).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert!(vectors.len() > 10);
    let project = Project::new();
    for vector in vectors {
        let field = |name: &str| vector[name].as_str().unwrap();
        let plain: Vec<u8> = field("plain")
            .as_bytes()
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect();
        project.write("password", field("password"));
        project.write("encrypted", field("encrypted"));
        std::fs::write(project.path("plain"), &plain).unwrap();
        let id = format!("--vault-id {}@password --output -", field("label"));
        let opened = project.vault_command(&format!("decrypt encrypted {id}")).output().unwrap();
        assert_eq!(opened.stdout, plain, "{vector}");
        let mut command = project.vault_command(&format!("encrypt plain {id}"));
        let made = command.env("ANSIBLE_VAULT_ENCRYPT_SALT", field("salt")).output().unwrap();
        assert_eq!(String::from_utf8(made.stdout).unwrap(), field("encrypted"));
    }
}

/// Both programs on the same files, with labels and without.
#[cfg(feature = "system-tests")]
#[test]
fn ansible_vault_and_rprov_read_each_other() {
    let folder = std::env::var("RPROV_ANSIBLE").unwrap_or_else(|_| "/opt/ansible/bin".to_owned());
    let project = project();
    let reference = |words: &str| {
        let mut command = Command::new(format!("{folder}/ansible-vault"));
        command.args(shlex::split(words).unwrap()).current_dir(project.path(".")).env("HOME", project.path("home"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{words}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    for id in ["default@one", "dev@one"] {
        gives(&project, &format!("encrypt a.yml --vault-id {id}"), "");
        assert_eq!(reference(&format!("view a.yml --vault-id {id}")), PLAIN);
        reference(&format!("rekey a.yml --vault-id {id} --new-vault-id x@two"));
        gives(&project, "view a.yml --vault-password-file two", PLAIN);
        gives(&project, &format!("rekey a.yml --vault-id two --new-vault-id {id}"), "");
        reference(&format!("decrypt a.yml --vault-id {id}"));
        assert_eq!(read(&project.path("a.yml")), PLAIN);
    }
}
