//! Connections into what this machine holds: containers, by `docker exec` and `podman exec`, and directories, by `chroot`.
//!
//! The agent is put there and started as on any host; only the way in is another.

use std::path::Path;

use async_trait::async_trait;

use super::error::ConnectionError;
use super::local::LocalTransport;
use super::transport::{Process, Transport};

/// How a command is run inside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// The command line on this machine, up to the shell's `-c`: `docker exec -i NAME /bin/sh -c`.
    pub words: Vec<String>,
    /// The same with a terminal inside.
    pub terminal: Vec<String>,
    /// Variables of that command line, which it may pass on.
    pub environment: Vec<(String, String)>,
    /// The directory, where there is one that must be fit to be the root.
    pub root: Option<String>,
    /// Only root may do this.
    pub needs_root: bool,
}

/// Runs commands inside of something.
#[derive(Debug)]
pub struct InsideTransport {
    plain: LocalTransport,
    terminal: LocalTransport,
    by_hand: String,
}

impl InsideTransport {
    /// Commands run by this entry.
    ///
    /// # Errors
    /// Its program is not there, or the directory cannot be entered.
    pub fn new(entry: &Entry) -> Result<Self, ConnectionError> {
        let fault = |reason: String, hint: &str| ConnectionError::Agent { reason, hint: Some(hint.to_owned()) };
        let program = entry.words.first().map(String::as_str).unwrap_or_default();
        if entry.needs_root && !rustix::process::geteuid().is_root() {
            return Err(fault(
                format!("{program} connection requires running as root"),
                "run rprov as root, or set `ansible_chroot_disable_root_check` where the program is allowed to others",
            ));
        }
        if let Some(root) = &entry.root {
            if !Path::new(root).is_dir() {
                return Err(fault(
                    format!("{root} is not a directory"),
                    "`ansible_host`, or the host's name, is the path of the directory that becomes the root",
                ));
            }
            // In there it may be a link to an absolute path, which leads elsewhere from here.
            if Path::new(root).join("bin/sh").symlink_metadata().is_err() {
                return Err(fault(
                    format!("{root} does not look like a chrootable dir (/bin/sh missing)"),
                    "put a system there first, for example with debootstrap",
                ));
            }
        }
        if !is_there(program) {
            return Err(fault(
                format!("there is no program `{program}` on this machine"),
                "install it on the machine that rprov runs on; the connection is made by it",
            ));
        }
        let transport = |words: &[String]| {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let plain = LocalTransport::new().with_shell(&words);
            entry.environment.iter().fold(plain, |made, (name, value)| made.with_environment(name, Some(value)))
        };
        let quoted = shlex::try_join(entry.words.iter().map(String::as_str)).unwrap_or_default();
        Ok(Self {
            plain: transport(&entry.words),
            terminal: transport(&entry.terminal),
            by_hand: format!("{quoted} true"),
        })
    }
}

/// A program of this machine, by path or by name.
fn is_there(program: &str) -> bool {
    if program.contains('/') {
        return rprov_modules::program::is_executable(Path::new(program));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    rprov_modules::program::find_in(program.as_ref(), &path).is_some()
}

#[async_trait]
impl Transport for InsideTransport {
    async fn exec(&self, command: &str) -> Result<Process, ConnectionError> {
        self.plain.exec(command).await
    }

    async fn exec_tty(&self, command: &str) -> Result<Process, ConnectionError> {
        self.terminal.exec_tty(command).await
    }

    async fn close(&self) {
        self.plain.close().await;
        self.terminal.close().await;
    }

    fn by_hand(&self) -> String {
        self.by_hand.clone()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_fit_is_told_before_it_is_entered() {
        let message = |entry: Entry| InsideTransport::new(&entry).unwrap_err().to_string();
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        let missing = Entry { words: words(&["rprovtest-none", "exec"]), ..Entry::default() };
        assert!(message(missing).contains("there is no program `rprovtest-none`"));
        let directory = tempfile::tempdir().unwrap();
        let root =
            |path: &Path| Entry { words: words(&["sh"]), root: Some(path.display().to_string()), ..Entry::default() };
        assert!(message(root(directory.path())).contains("/bin/sh missing"));
        assert!(message(root(&directory.path().join("none"))).contains("is not a directory"));
    }
}
