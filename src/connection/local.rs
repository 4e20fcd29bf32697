//! `connection: local`: commands on this machine, and the session that needs none.

use std::fmt;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::OpenptFlags;
use rustix::termios::LocalModes;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::sync::oneshot;

use super::error::ConnectionError;
use super::session::Session;
use super::settings::BecomeSettings;
use super::store::AgentStore;
use super::transport::{Ending, Exit, Process, Transport};

/// Runs commands on this machine, by `/bin/sh -c`.
#[derive(Default)]
pub struct LocalTransport {
    environment: Vec<(String, Option<String>)>,
    shell: Option<Vec<String>>,
    groups: Arc<Mutex<Vec<u32>>>,
}

impl LocalTransport {
    /// Commands run with this process's environment.
    pub fn new() -> Self {
        Self::default()
    }

    /// Change one variable of the commands' environment; `None` takes it away.
    #[must_use]
    pub fn with_environment(mut self, name: &str, value: Option<&str>) -> Self {
        self.environment.push((name.to_owned(), value.map(str::to_owned)));
        self
    }

    /// Run commands by another shell, given as its command line without the command: `["/bin/bash", "-l", "-c"]`.
    #[must_use]
    pub fn with_shell(mut self, words: &[&str]) -> Self {
        self.shell = Some(words.iter().map(|word| (*word).to_owned()).collect());
        self
    }

    fn command(&self, command: &str) -> Command {
        let mut words = self.shell.iter().flatten().map(String::as_str);
        let mut process = match words.next() {
            Some(program) => {
                let mut process = Command::new(program);
                process.args(words);
                process
            }
            None => {
                let mut process = Command::new("/bin/sh");
                process.arg("-c");
                process
            }
        };
        process.arg(command);
        for (name, value) in &self.environment {
            match value {
                Some(value) => process.env(name, value),
                None => process.env_remove(name),
            };
        }
        process
    }

    /// Wait for the command in the background.
    fn wait(&self, mut child: Child) -> oneshot::Receiver<Exit> {
        let (sender, receiver) = oneshot::channel();
        let groups = Arc::clone(&self.groups);
        let group = child.id().unwrap_or(0);
        groups.lock().unwrap_or_else(PoisonError::into_inner).push(group);
        tokio::spawn(async move {
            let status = child.wait().await;
            groups.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| *other != group);
            if let Ok(status) = status {
                let exit = match (status.code(), status.signal()) {
                    (Some(code), _) => Exit::Code(code.unsigned_abs()),
                    (None, signal) => Exit::Signal(signal_name(signal.unwrap_or(0))),
                };
                // Nobody may want to know.
                let _ = sender.send(exit);
            }
        });
        receiver
    }
}

impl fmt::Debug for LocalTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LocalTransport")
    }
}

/// As SSH names it (RFC 4254, section 6.10).
pub(super) fn signal_name(number: i32) -> String {
    let name = match number {
        1 => "HUP",
        2 => "INT",
        3 => "QUIT",
        4 => "ILL",
        6 => "ABRT",
        7 => "BUS",
        8 => "FPE",
        9 => "KILL",
        11 => "SEGV",
        13 => "PIPE",
        14 => "ALRM",
        15 => "TERM",
        _ => return number.to_string(),
    };
    name.to_owned()
}

fn failed(what: &str, error: impl fmt::Display) -> ConnectionError {
    ConnectionError::Agent { reason: format!("{what} on this machine failed: {error}"), hint: None }
}

#[async_trait]
impl Transport for LocalTransport {
    fn is_local(&self) -> bool {
        true
    }

    async fn exec(&self, command: &str) -> Result<Process, ConnectionError> {
        let mut child = self
            .command(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // Ctrl-C in the terminal is for rprov, which then cancels what runs.
            .process_group(0)
            .spawn()
            .map_err(|error| failed("starting a shell", error))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(failed("starting a shell", "it has no pipes"));
        };
        Ok(Process {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            exit: self.wait(child),
            ending: Ending::default(),
        })
    }

    async fn exec_tty(&self, command: &str) -> Result<Process, ConnectionError> {
        let (own, other) = open_terminal().map_err(|error| failed("opening a terminal", error))?;
        let copy = |fd: &OwnedFd| fd.try_clone().map_err(|error| failed("opening a terminal", error));
        let mut process = self.command(command);
        process.stdin(copy(&other)?).stdout(copy(&other)?).stderr(other);
        let adopt = || {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        };
        // SAFETY: between fork and exec, it does no more than two system calls.
        unsafe { process.pre_exec(adopt) };
        let child = process.spawn().map_err(|error| failed("starting a shell", error))?;
        // Its copies of the terminal's other side would keep the terminal open.
        drop(process);
        let stdin = pipe::Sender::from_owned_fd_unchecked(copy(&own)?);
        let stdout = pipe::Receiver::from_owned_fd_unchecked(own);
        let (Ok(stdin), Ok(stdout)) = (stdin, stdout) else {
            return Err(failed("opening a terminal", "it cannot be polled"));
        };
        Ok(Process {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(tokio::io::empty()),
            exit: self.wait(child),
            ending: Ending::default(),
        })
    }

    async fn close(&self) {
        for group in self.groups.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            if let Some(pid) = i32::try_from(group).ok().filter(|group| *group > 0).and_then(Pid::from_raw) {
                // It may have ended just now.
                let _ = kill_process_group(pid, Signal::TERM);
            }
        }
    }
}

/// Both sides of a pseudo-terminal that does not echo.
fn open_terminal() -> rustix::io::Result<(OwnedFd, OwnedFd)> {
    use rustix::fs::{Mode, OFlags};
    use rustix::{fs, pty, termios};
    let own = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    rustix::io::fcntl_setfd(&own, rustix::io::FdFlags::CLOEXEC)?;
    fs::fcntl_setfl(&own, fs::fcntl_getfl(&own)? | OFlags::NONBLOCK)?;
    pty::grantpt(&own)?;
    pty::unlockpt(&own)?;
    let name = pty::ptsname(&own, Vec::new())?;
    let other = fs::open(name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let mut modes = termios::tcgetattr(&other)?;
    modes.local_modes.remove(LocalModes::ECHO);
    termios::tcsetattr(&other, termios::OptionalActions::Now, &modes)?;
    Ok((own, other))
}

impl Session {
    /// The session of `connection: local`: modules run within this process; as another user, in an agent that is
    /// started as on a host.
    ///
    /// # Errors
    /// As [`Session::start`], where another user is to be become.
    pub async fn local(r#become: Option<&BecomeSettings>, store: &AgentStore) -> Result<Session, ConnectionError> {
        match r#become {
            None => Ok(Session::here()),
            Some(_) => Session::start(Arc::new(LocalTransport::new()), r#become, store).await,
        }
    }
}
