//! A directory with a playbook in it, and `rprov` run there.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A directory of its own, which is also the home of whoever runs the command.
pub struct Project {
    directory: tempfile::TempDir,
}

impl Project {
    pub fn new() -> Self {
        let project = Self { directory: tempfile::tempdir().unwrap() };
        std::fs::create_dir(project.path("home")).unwrap();
        project
    }

    /// With a file, and the directories above it.
    pub fn file(self, name: &str, text: &str) -> Self {
        self.write(name, text);
        self
    }

    /// With a file that can be executed.
    pub fn program(self, name: &str, text: &str) -> Self {
        use std::os::unix::fs::PermissionsExt;
        self.write(name, text);
        std::fs::set_permissions(self.path(name), std::fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    pub fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The command `rprov run` with these words, split at spaces; without the settings of whoever runs the test.
    pub fn command(&self, words: &str) -> Command {
        self.program_command(Path::new(env!("CARGO_BIN_EXE_rprov")), &format!("run {words}"))
    }

    /// The same under the name `ansible-playbook`.
    pub fn ansible_playbook(&self, words: &str) -> Command {
        self.named("ansible-playbook", words)
    }

    /// The command `ansible-vault` with these words.
    pub fn vault_command(&self, words: &str) -> Command {
        self.named("ansible-vault", words)
    }

    /// The program under another name, with these words.
    pub fn named(&self, name: &str, words: &str) -> Command {
        let link = self.path("home").join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rprov"), &link).unwrap();
        }
        self.program_command(&link, words)
    }

    /// Run `rprov` with these words, the command's name first.
    pub fn rprov(&self, words: &str) -> Outcome {
        self.outcome(&mut self.program_command(Path::new(env!("CARGO_BIN_EXE_rprov")), words))
    }

    fn program_command(&self, program: &Path, words: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(shlex::split(words).unwrap())
            .current_dir(self.directory.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// Run `rprov run` with these words.
    pub fn run(&self, words: &str) -> Outcome {
        self.outcome(&mut self.command(words))
    }

    /// Run `rprov run` with these words and an environment variable.
    pub fn run_with(&self, name: &str, value: &str, words: &str) -> Outcome {
        self.outcome(self.command(words).env(name, value))
    }

    /// Run a command to its end.
    pub fn outcome(&self, command: &mut Command) -> Outcome {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| self.plain(&String::from_utf8(bytes).unwrap());
        Outcome { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// The text without what differs from run to run.
    fn plain(&self, text: &str) -> String {
        let directory = self.directory.path().display().to_string();
        let text = text.replace(&directory, "[DIR]");
        let times = [
            (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+", "[TIME]"),
            (r"\d:\d\d:\d\d\.\d{6}", "[DELTA]"),
            (r#""seconds":[0-9.e-]+"#, r#""seconds":[S]"#),
            (r#""time":[0-9.e-]+"#, r#""time":[S]"#),
        ];
        times.iter().fold(text, |text, (pattern, shown)| {
            fancy_regex::Regex::new(pattern).unwrap().replace_all(&text, *shown).into_owned()
        })
    }
}

/// What a command did.
pub struct Outcome {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "exit code {}\n--- stdout ---\n{}\n--- stderr ---\n{}", self.code, self.out, self.err)
    }
}

impl Outcome {
    /// What is told of a failure: the exit code, the block before the first failed result, and standard error.
    pub fn failure(&self) -> String {
        let (_, block) = self.out.split_once("[ERROR]").unwrap_or_else(|| panic!("no error was told: {self}"));
        let (block, _) = block.split_once("\nfatal: ").unwrap_or_else(|| panic!("nothing failed: {self}"));
        format!("exit code {}\n[ERROR]{block}\n--- stderr ---\n{}", self.code, self.err)
    }
}

/// A play on one local host with these tasks, indented by four.
pub fn play(tasks: &str) -> String {
    format!("- hosts: all\n  gather_facts: false\n  tasks:\n{tasks}")
}
