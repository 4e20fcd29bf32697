//! A vault password with the label that it goes by, and where it comes from.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use zeroize::Zeroizing;

use crate::source::Diagnostic;

/// The label of a password that was given without one.
pub const DEFAULT_LABEL: &str = "default";

/// How a client program ends that has no password for the label.
const UNKNOWN_LABEL: i32 = 2;

/// A password and its label. The password is wiped when it is dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The label (`--vault-id LABEL@SOURCE`).
    pub label: String,
    password: Zeroizing<Vec<u8>>,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Identity").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Identity {
    /// A password; white space around it does not count.
    ///
    /// `None` if nothing is left of it.
    pub fn new(label: impl Into<String>, password: &[u8]) -> Option<Self> {
        let password = password.trim_ascii();
        (!password.is_empty()).then(|| Self { label: label.into(), password: Zeroizing::new(password.to_vec()) })
    }

    /// A password as it stands, white space and all.
    pub fn exact(label: impl Into<String>, password: &[u8]) -> Self {
        Self { label: label.into(), password: Zeroizing::new(password.to_vec()) }
    }

    /// The same password under another label.
    pub(super) fn labelled(&self, label: &str) -> Self {
        Self { label: label.to_owned(), password: self.password.clone() }
    }

    pub(super) fn password(&self) -> &[u8] {
        &self.password
    }
}

/// Where a password comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// It is asked for.
    Prompt,
    /// A file holds it, or prints it if it is a program. A program whose name ends in `-client` is called with
    /// `--vault-id LABEL`.
    File(PathBuf),
}

/// Puts a question at the terminal and gives the answer.
pub type Ask<'a> = dyn Fn(&str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> + 'a;

impl Source {
    /// Take `--vault-id`'s `[LABEL@]SOURCE` apart: the label, and the source (`prompt`, `prompt_ask_vault_pass` or a
    /// path).
    pub fn parse(text: &str) -> (String, Self) {
        let (label, source) = match text.split_once('@') {
            Some(("", source)) => (DEFAULT_LABEL, source),
            Some((label, source)) => (label, source),
            None => (DEFAULT_LABEL, text),
        };
        let source = match source {
            "prompt" | "prompt_ask_vault_pass" => Source::Prompt,
            path => Source::File(rprov_modules::account::expand_path(path)),
        };
        (label.to_owned(), source)
    }

    /// Fetch the password. `ask` puts a question at the terminal and gives the answer.
    ///
    /// # Errors
    /// There is no terminal, the file cannot be read, the program fails, or the password is empty.
    pub fn identity(&self, label: &str, ask: &Ask<'_>) -> Result<Identity, Diagnostic> {
        let (password, shown) = match self {
            Source::Prompt => {
                let question = match label {
                    DEFAULT_LABEL => "Vault password: ".to_owned(),
                    label => format!("Vault password ({label}): "),
                };
                (ask(&question)?, "the prompt".to_owned())
            }
            Source::File(path) => (read(path, label)?, path.display().to_string()),
        };
        Identity::new(label, &password).ok_or_else(|| {
            Diagnostic::error(format!("Invalid vault password was provided from {shown}"))
                .cause("it is empty")
                .hint("a vault password has at least one character that is not white space")
        })
    }
}

fn read(path: &Path, label: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    let shown = path.display();
    if !path.exists() {
        return Err(Diagnostic::absent(format!("The vault password file {shown} was not found"))
            .hint("relative paths start in the current directory"));
    }
    if !rprov_modules::program::is_executable(path) {
        return std::fs::read(path).map(Zeroizing::new).map_err(|error| {
            Diagnostic::error(format!("Could not read vault password file {shown}")).cause(error.to_string())
        });
    }
    let problem = |cause: String| {
        Diagnostic::error(format!("Problem running vault password script {shown}"))
            .cause(cause)
            .hint("if it is the password itself and no program, take away its execute permission: `chmod -x`")
    };
    let absolute = std::path::absolute(path).map_err(|error| problem(error.to_string()))?;
    let mut command = Command::new(absolute);
    let is_client = path.file_stem().is_some_and(|stem| stem.to_string_lossy().ends_with("-client"));
    if is_client {
        command.args(["--vault-id", label]);
    }
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| problem(error.to_string()))?;
    let password = Zeroizing::new(output.stdout);
    if output.status.success() {
        return Ok(password);
    }
    if is_client && output.status.code() == Some(UNKNOWN_LABEL) {
        return Err(Diagnostic::error(format!(
            "Vault password client script {shown} did not find a secret for vault-id={label}"
        ))
        .hint("check the label of `--vault-id LABEL@SOURCE`, or give the program a password for it"));
    }
    let code = output.status.code().map_or_else(|| output.status.to_string(), |code| code.to_string());
    Err(Diagnostic::error(format!("Vault password script {shown} returned non-zero ({code})"))
        .hint("run it by hand; its messages go to standard error, the password to standard output"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn never(_: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
        Err(Diagnostic::error("nobody is to be asked"))
    }

    #[test]
    fn labels_and_sources_are_told_apart() {
        let file = |path: &str| Source::File(PathBuf::from(path));
        for (text, label, source) in [
            ("/p", "default", file("/p")),
            ("@/p", "default", file("/p")),
            ("dev@/p", "dev", file("/p")),
            ("dev@/a@b", "dev", file("/a@b")),
            ("dev@prompt", "dev", Source::Prompt),
            ("prompt", "default", Source::Prompt),
        ] {
            assert_eq!(Source::parse(text), (label.to_owned(), source), "{text}");
        }
    }

    #[test]
    fn passwords_come_from_files_programs_and_prompts() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode: u32| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Source::File(path)
        };
        let password = |source: &Source| source.identity("dev", &never).map(|identity| identity.password().to_vec());
        assert_eq!(password(&write("plain", " pass word\n\n", 0o600)).unwrap(), b"pass word");
        assert_eq!(password(&write("client", "#!/bin/sh\necho \"got $*\"\n", 0o700)).unwrap(), b"got");
        assert_eq!(password(&write("my-client", "#!/bin/sh\necho \"$2\"\n", 0o700)).unwrap(), b"dev");
        assert_eq!(password(&write("my-client.sh", "#!/bin/sh\necho \"$2\"\n", 0o700)).unwrap(), b"dev");
        let problem = |source: &Source| password(source).unwrap_err().message;
        assert!(problem(&write("empty", " \n", 0o600)).starts_with("Invalid vault password"));
        assert!(problem(&write("fails", "#!/bin/sh\nexit 3\n", 0o700)).ends_with("returned non-zero (3)"));
        assert!(problem(&write("new-client", "#!/bin/sh\nexit 2\n", 0o700)).ends_with("a secret for vault-id=dev"));
        assert!(problem(&Source::File(directory.path().join("nothing"))).ends_with("was not found"));
        let asked = Source::Prompt.identity("dev", &|question| Ok(Zeroizing::new(question.as_bytes().to_vec())));
        assert_eq!(asked.unwrap().password(), b"Vault password (dev):");
    }

    #[test]
    fn a_password_is_not_printed() {
        let identity = Identity::new("dev", b"hidden").unwrap();
        assert!(!format!("{identity:?}").contains("hidden"));
    }
}
