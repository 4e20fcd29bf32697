//! Running commands: the one place where modules start other programs.
//!
//! A command runs in a process group of its own that is registered with the request's [`Cancel`](crate::Cancel), so
//! that cancellation and timeouts reach what it started. The task's `environment` is merged into the child's, never
//! into the agent's: requests run side by side.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ExitStatus, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use rprov_wire::{Stream, Value};
use rustix::process::{Pid, Signal};

use crate::context::Context;
use crate::conversation::Conversation;
use crate::outcome::Failure;
use crate::program::{find_in, search_path};

/// How long the output of a command that has exited may stay silent before it counts as finished although something
/// that it left in the background still holds the pipe. Ansible waits as long.
const GRACE: Duration = Duration::from_secs(1);

/// Held for reading while a program is started, for writing while a file is written that is to be run: between fork and
/// exec a new process has all files of this one open.
static STARTS: RwLock<()> = RwLock::new(());

/// Held by whoever starts a program otherwise than by a [`Command`].
pub fn starts() -> RwLockReadGuard<'static, ()> {
    STARTS.read().unwrap_or_else(PoisonError::into_inner)
}

/// No program is started until this is dropped.
pub(crate) fn no_starts() -> RwLockWriteGuard<'static, ()> {
    STARTS.write().unwrap_or_else(PoisonError::into_inner)
}

/// A program to run, with all that it is given.
#[derive(Clone, Debug)]
pub struct Command {
    argv: Vec<OsString>,
    environment: Vec<(OsString, Option<OsString>)>,
    directory: Option<PathBuf>,
    stdin: Option<Vec<u8>>,
    umask: Option<u32>,
    timeout: Option<Duration>,
    live: bool,
    path_only: bool,
}

/// How a command ended and what it printed.
#[derive(Clone, Debug, Default)]
pub struct Output {
    /// Exit status; minus the signal's number where a signal ended it.
    pub rc: i32,
    /// What it printed, raw.
    pub stdout: Vec<u8>,
    /// What it printed to standard error, raw.
    pub stderr: Vec<u8>,
}

/// Why a command could not be run to its end.
#[derive(Debug, thiserror::Error)]
pub enum ProcessError {
    /// The program is in none of the directories searched.
    #[error("could not find `{program}` in {path}; install the package that has it, or put its directory in PATH")]
    NotFound {
        /// The program as it was given.
        program: String,
        /// The directories, separated by colons.
        path: String,
    },
    /// The working directory cannot be entered.
    #[error("could not enter the directory {} to run `{program}`: {source}", path.display())]
    Directory {
        /// The program.
        program: String,
        /// The directory.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The system could not start it.
    #[error("could not start `{program}`: {source}")]
    Spawn {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
    /// It took too long and was killed.
    #[error("`{program}` was killed: it was still running after {} s", limit.as_secs_f64())]
    Timeout {
        /// The program.
        program: String,
        /// The limit.
        limit: Duration,
        /// What it had printed by then.
        output: Box<Output>,
    },
    /// The request was cancelled and the command killed.
    #[error("`{program}` was killed: the task was cancelled")]
    Cancelled {
        /// The program.
        program: String,
    },
    /// A pipe to it failed.
    #[error("could not talk to `{program}`: {source}")]
    Pipe {
        /// The program.
        program: String,
        /// Why not.
        source: io::Error,
    },
}

impl ProcessError {
    /// The error number that the system gave, if one did (2 for a program that is not there).
    pub fn errno(&self) -> Option<i32> {
        match self {
            ProcessError::NotFound { .. } => Some(2),
            ProcessError::Directory { source, .. }
            | ProcessError::Spawn { source, .. }
            | ProcessError::Pipe { source, .. } => source.raw_os_error(),
            ProcessError::Timeout { .. } | ProcessError::Cancelled { .. } => None,
        }
    }
}

impl From<ProcessError> for Failure {
    fn from(error: ProcessError) -> Self {
        let failure = Failure::new(error.to_string());
        match error {
            ProcessError::Timeout { output, .. } => {
                failure.with("stdout", output.stdout()).with("stderr", output.stderr())
            }
            error => match error.errno() {
                Some(number) => failure.with("rc", number),
                None => failure,
            },
        }
    }
}

impl Output {
    /// Whether it exited with 0.
    pub fn success(&self) -> bool {
        self.rc == 0
    }

    /// What it printed, as text.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// What it printed to standard error, as text.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// A failure that says what was attempted (`"could not install nginx"`), with the command's last words and with
    /// `rc`, `stdout` and `stderr`.
    pub fn failure(&self, attempt: &str) -> Failure {
        let stderr = self.stderr();
        let stdout = self.stdout();
        let words = if stderr.trim().is_empty() { stdout.trim() } else { stderr.trim() };
        let message = if words.is_empty() {
            format!("{attempt}: the command failed with status {}", self.rc)
        } else {
            format!("{attempt}: {words}")
        };
        Failure::new(message).with("rc", self.rc).with("stdout", stdout.as_str()).with("stderr", stderr.as_str())
    }

    /// This output, if the command exited with 0.
    ///
    /// # Errors
    /// [`Output::failure`], if it did not.
    pub fn or_fail(self, attempt: &str) -> Result<Self, Failure> {
        if self.success() { Ok(self) } else { Err(self.failure(attempt)) }
    }
}

impl Command {
    /// A program by name or path. A name is looked for in `PATH` and in the directories for administrators.
    pub fn new(program: impl Into<OsString>) -> Self {
        Self {
            argv: vec![program.into()],
            environment: Vec::new(),
            directory: None,
            stdin: None,
            umask: None,
            timeout: None,
            live: false,
            path_only: false,
        }
    }

    /// A command line for a shell, by default `/bin/sh`.
    pub fn shell(text: impl Into<OsString>, shell: Option<&str>) -> Self {
        Self::new(shell.filter(|shell| !shell.is_empty()).unwrap_or("/bin/sh")).arg("-c").arg(text)
    }

    /// Add an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl Into<OsString>) -> Self {
        self.argv.push(argument.into());
        self
    }

    /// Add arguments.
    #[must_use]
    pub fn args<I: IntoIterator<Item = S>, S: Into<OsString>>(mut self, arguments: I) -> Self {
        self.argv.extend(arguments.into_iter().map(Into::into));
        self
    }

    /// Set a variable for the command; it wins over the task's environment.
    #[must_use]
    pub fn env(mut self, name: impl Into<OsString>, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), Some(value.into())));
        self
    }

    /// Hide a variable from the command.
    #[must_use]
    pub fn env_remove(mut self, name: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), None));
        self
    }

    /// Make it print untranslated, for output that is parsed.
    #[must_use]
    pub fn plain_locale(self) -> Self {
        self.env("LC_ALL", "C").env("LANG", "C").env("LC_MESSAGES", "C").env("LANGUAGE", "C")
    }

    /// Run in this directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Give it this to read; without, its standard input is empty.
    #[must_use]
    pub fn stdin(mut self, data: impl Into<Vec<u8>>) -> Self {
        self.stdin = Some(data.into());
        self
    }

    /// Set its file mode creation mask.
    #[must_use]
    pub fn umask(mut self, mask: u32) -> Self {
        self.umask = Some(mask);
        self
    }

    /// Kill it after this time.
    #[must_use]
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Show what it prints while it runs, where the user asked for live output.
    #[must_use]
    pub fn live(mut self) -> Self {
        self.live = true;
        self
    }

    /// Look for the program in `PATH` alone, as the user's own shell would.
    #[must_use]
    pub fn path_only(mut self) -> Self {
        self.path_only = true;
        self
    }

    /// The program and its arguments, as text for results.
    pub fn words(&self) -> Vec<String> {
        self.argv.iter().map(|word| word.to_string_lossy().into_owned()).collect()
    }

    /// The program and its arguments, as a value for results.
    pub fn to_value(&self) -> Value {
        Value::from(self.words())
    }

    fn program(&self) -> String {
        self.argv.first().map(|program| program.to_string_lossy().into_owned()).unwrap_or_default()
    }

    /// Run it to its end. A status other than 0 is no error here.
    ///
    /// # Errors
    /// It could not be started, took too long, or the request was cancelled.
    pub fn run(&self, context: &Context<'_>) -> Result<Output, ProcessError> {
        let child = self.spawn(context)?;
        self.attend(child, context)
    }

    /// Run it, and fail where it exits with anything but 0.
    ///
    /// # Errors
    /// As [`Command::run`], and [`Output::failure`] with `attempt` as what was tried.
    pub fn run_or_fail(&self, attempt: &str, context: &Context<'_>) -> Result<Output, Failure> {
        self.run(context)?.or_fail(attempt)
    }

    fn spawn(&self, context: &Context<'_>) -> Result<Child, ProcessError> {
        let path = search_path(context, &self.environment, !self.path_only);
        let name = self.argv.first().cloned().unwrap_or_default();
        // A relative path counts from the new working directory.
        let program = if name.as_encoded_bytes().contains(&b'/') {
            PathBuf::from(&name)
        } else {
            find_in(&name, &path).ok_or_else(|| ProcessError::NotFound {
                program: self.program(),
                path: path.to_string_lossy().into_owned(),
            })?
        };
        let mut command = match self.umask {
            None => {
                let mut command = std::process::Command::new(&program);
                command.arg0(&name);
                command
            }
            Some(mask) => {
                // Setting it between fork and exec would need unsafe code; a shell does it on its way to exec.
                let mut command = std::process::Command::new("/bin/sh");
                command.args(["-c", "umask \"$0\" && exec \"$@\"", &format!("{mask:04o}")]).arg(&program);
                command
            }
        };
        command.args(self.argv.iter().skip(1));
        for (name, value) in &context.options.environment {
            command.env(name, value);
        }
        for (name, value) in &self.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let directory = match &self.directory {
            Some(directory) => Some(directory.clone()),
            None => Some(&context.options.directory).filter(|directory| !directory.is_empty()).map(PathBuf::from),
        };
        if let Some(directory) = &directory {
            std::fs::metadata(directory)
                .and_then(
                    |metadata| {
                        if metadata.is_dir() { Ok(()) } else { Err(io::Error::from(io::ErrorKind::NotADirectory)) }
                    },
                )
                .map_err(|source| ProcessError::Directory {
                    program: self.program(),
                    path: directory.clone(),
                    source,
                })?;
            command.current_dir(directory);
        }
        let _among_others = starts();
        command
            .stdin(if self.stdin.is_some() { Stdio::piped() } else { Stdio::null() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
            .map_err(|source| ProcessError::Spawn { program: self.program(), source })
    }

    fn attend(&self, mut child: Child, context: &Context<'_>) -> Result<Output, ProcessError> {
        let guard = context.cancel.guard(child.id());
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        let pipe_error = |source: io::Error| ProcessError::Pipe { program: self.program(), source };
        // Cancelled between the start of the request and the guard: nobody else would kill it.
        if context.cancel.is_cancelled() {
            kill(pid);
        }
        let mut conversation = Conversation::new(&mut child, self.stdin.as_deref().unwrap_or_default(), pid)
            .inspect_err(|_| kill(pid))
            .map_err(pipe_error)?;
        let show = |stream: Stream, data: &[u8]| {
            if self.live && context.options.live && !context.options.no_log {
                context.transport.output(stream, data);
            }
        };
        let limit = match (self.timeout, context.options.timeout) {
            (Some(limit), _) => Some(limit),
            (None, 0) => None,
            (None, seconds) => Some(Duration::from_secs(seconds.into())),
        };
        let started = Instant::now();
        let mut timed_out = false;
        let mut status: Option<ExitStatus> = None;
        loop {
            if status.is_none() {
                status = child.try_wait().map_err(pipe_error)?;
                // What it left behind may still talk, but nobody has to be fed any more.
                if status.is_some() {
                    conversation.stop_feeding();
                }
            }
            if status.is_some() && conversation.is_over() {
                break;
            }
            if let Some(limit) = limit
                && !timed_out
                && status.is_none()
                && started.elapsed() >= limit
            {
                timed_out = true;
                kill(pid);
            }
            let remaining = limit.filter(|_| !timed_out).map(|limit| limit.saturating_sub(started.elapsed()));
            let patience = if status.is_some() { Some(GRACE) } else { remaining };
            let event = conversation.step(status.is_none(), patience, show).map_err(pipe_error)?;
            if !event && status.is_some() {
                break;
            }
        }
        drop(guard);
        let output = Output {
            rc: status.map_or(-1, |status| status.code().unwrap_or_else(|| -status.signal().unwrap_or(1))),
            stdout: conversation.stdout.data,
            stderr: conversation.stderr.data,
        };
        if context.cancel.is_cancelled() {
            return Err(ProcessError::Cancelled { program: self.program() });
        }
        match limit {
            Some(limit) if timed_out => {
                Err(ProcessError::Timeout { program: self.program(), limit, output: Box::new(output) })
            }
            _ => Ok(output),
        }
    }
}

fn kill(pid: Option<Pid>) {
    if let Some(pid) = pid {
        let _ = rustix::process::kill_process_group(pid, Signal::TERM);
        std::thread::sleep(Duration::from_millis(50));
        let _ = rustix::process::kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::Options;

    fn with<T>(options: Options, test: impl FnOnce(&Context<'_>) -> T) -> T {
        test(&Context { options: &options, transport: &Detached, cancel: &Cancel::default() })
    }

    #[test]
    fn both_streams_and_the_status_come_back() {
        let output = with(Options::default(), |context| {
            Command::shell("echo out; echo err >&2; exit 3", None).run(context).unwrap()
        });
        assert_eq!((output.rc, output.stdout(), output.stderr()), (3, "out\n".to_owned(), "err\n".to_owned()));
    }

    #[test]
    fn a_signal_is_a_negative_status() {
        let output = with(Options::default(), |context| Command::shell("kill -9 $$", None).run(context).unwrap());
        assert_eq!(output.rc, -9);
    }

    #[test]
    fn more_input_and_output_than_a_pipe_holds_does_not_dead_lock() {
        let data = vec![b'x'; 3 << 20];
        let output = with(Options::default(), |context| Command::new("cat").stdin(data.clone()).run(context).unwrap());
        assert!(output.stdout == data);
        let unread = with(Options::default(), |context| Command::new("true").stdin(data).run(context).unwrap());
        assert!(unread.success());
    }

    #[test]
    fn the_task_environment_and_the_directory_and_the_umask_reach_the_child() {
        let options = Options { environment: vec![("RPROV_A".into(), "1".into())], ..Options::default() };
        let output = with(options, |context| {
            Command::shell("echo $RPROV_A $RPROV_B; pwd; umask", None)
                .env("RPROV_B", "2")
                .current_dir("/usr")
                .umask(0o27)
                .run(context)
                .unwrap()
        });
        assert_eq!(output.stdout(), "1 2\n/usr\n0027\n");
        assert!(std::env::var_os("RPROV_A").is_none());
    }

    #[test]
    fn what_is_left_in_the_background_does_not_hold_the_command() {
        let started = Instant::now();
        let output =
            with(Options::default(), |context| Command::shell("sleep 20 & echo $!", None).run(context).unwrap());
        assert!(started.elapsed() < Duration::from_secs(5));
        let pid = Pid::from_raw(output.stdout().trim().parse().unwrap()).unwrap();
        rustix::process::kill_process(pid, Signal::KILL).unwrap();
    }

    #[test]
    fn a_timeout_kills_the_whole_group() {
        let error = with(Options::default(), |context| {
            Command::shell("echo $$; sleep 30; true", None)
                .timeout(Duration::from_millis(200))
                .run(context)
                .unwrap_err()
        });
        let ProcessError::Timeout { output, .. } = error else { panic!("{error}") };
        let group = output.stdout().trim().to_owned();
        let alive = || {
            std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
                let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
                let fields: Vec<&str> =
                    stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').collect()).unwrap_or_default();
                fields.first().is_some_and(|state| *state != "Z") && fields.get(2) == Some(&group.as_str())
            })
        };
        let killed = Instant::now();
        while alive() && killed.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!alive());
    }

    #[test]
    fn cancelling_ends_a_command() {
        let cancel = Cancel::default();
        let options = Options::default();
        let other = cancel.clone();
        let thread = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(200));
            other.cancel();
        });
        let context = Context { options: &options, transport: &Detached, cancel: &cancel };
        let error = Command::new("sleep").arg("30").run(&context).unwrap_err();
        thread.join().unwrap();
        assert!(matches!(error, ProcessError::Cancelled { .. }));
    }

    #[test]
    fn a_missing_program_is_named_with_the_directories_searched() {
        let error = with(Options::default(), |context| Command::new("no-such-program").run(context).unwrap_err());
        assert_eq!(error.errno(), Some(2));
        assert!(error.to_string().contains("could not find `no-such-program` in "), "{error}");
        assert!(error.to_string().contains("/usr/local/sbin"), "{error}");
    }
}
