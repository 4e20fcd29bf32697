//! `expect`: a command on a terminal of its own, whose questions are answered.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use rprov_wire::{Map, Value};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, OptionalActions, Winsize};

use super::command::{duration, timestamp};
use crate::argument::{Argument, Raw};
use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::program::{find_in, search_path};
use crate::regex::{Flags, Pattern};

arguments! {
    /// Executes a command and responds to prompts.
    pub struct Arguments {
        /// The command; no shell is involved.
        command: String,
        /// Regular expressions of questions, each with its answer or a list of answers.
        responses: Map,
        /// Do nothing if this path exists.
        creates: Option<PathBuf>,
        /// Do nothing unless this path exists.
        removes: Option<PathBuf>,
        /// The directory to run it in.
        chdir: Option<PathBuf>,
        /// Seconds that each question may be waited for; null for no limit.
        timeout: Raw = Raw(30.into()),
        /// Whether answers show in the output.
        echo: bool = false,
    }
}

/// How much of what was said last is looked at for questions, in bytes.
const WINDOW: usize = 2000;

/// A question, and what is answered to it.
struct Prompt<'a> {
    name: &'a str,
    pattern: Pattern,
    answers: Vec<String>,
    /// The same answer each time.
    repeated: bool,
    given: usize,
}

impl<'a> Prompt<'a> {
    fn new(name: &'a str, answer: &Value) -> Result<Self, Failure> {
        let text = |value: &Value| String::decode(value).unwrap_or_default();
        let (answers, repeated) = match answer {
            Value::List(items) => (items.iter().map(text).collect(), false),
            single => (vec![text(single)], true),
        };
        let pattern = Pattern::new(name, Flags { multi_line: false, dot_all: true })?;
        Ok(Prompt { name, pattern, answers, repeated, given: 0 })
    }

    fn next(&mut self) -> Option<&str> {
        let index = if self.repeated { 0 } else { self.given };
        self.given += 1;
        self.answers.get(index).map(String::as_str)
    }
}

/// A command on its terminal.
struct Session {
    child: Child,
    terminal: File,
    /// All that it said.
    said: Vec<u8>,
    /// What of that was looked at already.
    passed: usize,
}

impl Session {
    fn start(words: &[String], arguments: &Arguments, context: &Context<'_>) -> Result<Self, Failure> {
        let (name, rest) = words.split_first().ok_or_else(|| Failure::new("no command given"))?;
        let found = if name.contains('/') {
            let path = arguments.chdir.as_deref().unwrap_or(Path::new("")).join(name);
            Some(path).filter(|path| crate::program::is_executable(path))
        } else {
            find_in(name.as_ref(), &search_path(context, &[], false))
        };
        let program =
            found.ok_or_else(|| Failure::new(format!("The command was not found or was not executable: {name}.")))?;
        let failed = |error: io::Error| Failure::new(format!("could not give `{name}` a terminal: {error}"));
        let (own, other) = open_terminal(arguments.echo).map_err(failed)?;
        let mut command = std::process::Command::new(program);
        command.arg0(name).args(rest).envs(context.options.environment.iter().map(|(name, value)| (name, value)));
        let directory = Some(&context.options.directory).filter(|directory| !directory.is_empty()).map(PathBuf::from);
        if let Some(directory) = arguments.chdir.clone().or(directory) {
            command.current_dir(directory);
        }
        command.stdin(other.try_clone().map_err(failed)?).stdout(other.try_clone().map_err(failed)?).stderr(other);
        let adopt = || {
            rustix::process::setsid()?;
            rustix::process::ioctl_tiocsctty(rustix::stdio::stdin())?;
            Ok(())
        };
        // SAFETY: between fork and exec, it does no more than two system calls.
        unsafe { command.pre_exec(adopt) };
        let child = {
            let _among_others = crate::process::starts();
            command.spawn().map_err(|error| Failure::new(format!("could not start `{name}`: {error}")))?
        };
        // The command keeps copies of the terminal's other side, as long as it is not dropped.
        drop(command);
        Ok(Session { child, terminal: File::from(own), said: Vec::new(), passed: 0 })
    }

    fn group(&self) -> Option<Pid> {
        i32::try_from(self.child.id()).ok().and_then(Pid::from_raw)
    }

    fn kill(&self, signal: Signal) {
        if let Some(group) = self.group() {
            let _ = kill_process_group(group, signal);
        }
    }

    /// Wait for it to say more: `Some(true)` if it did, `Some(false)` if it has closed its terminal, `None` where
    /// nothing happened.
    fn listen(&mut self, patience: Duration) -> io::Result<Option<bool>> {
        let limit = Timespec {
            tv_sec: i64::try_from(patience.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: patience.subsec_nanos().into(),
        };
        let mut polled = [PollFd::new(&self.terminal, PollFlags::IN)];
        match poll(&mut polled, Some(&limit)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(None),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let mut buffer = [0; WINDOW];
        match self.terminal.read(&mut buffer) {
            Ok(0) => Ok(Some(false)),
            Ok(count) => {
                self.said.extend_from_slice(buffer.get(..count).unwrap_or_default());
                Ok(Some(true))
            }
            // So a terminal tells that nobody has its other side any more.
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => Ok(Some(false)),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Answer the question that comes first in what was not looked at yet; whether there was one.
    fn answer(&mut self, prompts: &mut [Prompt<'_>]) -> Result<bool, Failure> {
        let new = self.said.get(self.passed..).unwrap_or_default();
        let skipped = new.len().saturating_sub(WINDOW);
        let text = String::from_utf8_lossy(new.get(skipped..).unwrap_or_default()).into_owned();
        let mut first: Option<(std::ops::Range<usize>, usize)> = None;
        for (index, prompt) in prompts.iter().enumerate() {
            if let Some(found) =
                prompt.pattern.captures(&text)?.and_then(|found| found.get(0).map(|whole| whole.range()))
                && first.as_ref().is_none_or(|(range, _)| found.start < range.start)
            {
                first = Some((found, index));
            }
        }
        let Some((range, index)) = first else { return Ok(false) };
        let Some(prompt) = prompts.get_mut(index) else { return Ok(false) };
        let Some(answer) = prompt.next() else {
            let output = String::from_utf8_lossy(&self.said).into_owned();
            return Err(Failure::new(format!(
                "No remaining responses for '{}', output was '{output}'; give the question one more answer",
                prompt.name
            )));
        };
        let line = format!("{}\n", answer.trim_end_matches('\n'));
        // The text may be longer than its bytes were, where they were not UTF-8: at worst, less is looked at again.
        self.passed = (self.passed + skipped + range.end).min(self.said.len());
        // Some programs switch echo off only after they have asked.
        std::thread::sleep(Duration::from_millis(50));
        match self.terminal.write_all(line.as_bytes()) {
            Err(error) if error.raw_os_error() != Some(rustix::io::Errno::IO.raw_os_error()) => {
                Err(Failure::new(format!("could not answer '{}': {error}", prompt.name)))
            }
            _ => Ok(true),
        }
    }
}

/// Both sides of a new terminal; `echo` tells whether it shows what it is given.
fn open_terminal(echo: bool) -> io::Result<(OwnedFd, OwnedFd)> {
    use rustix::{fs, pty, termios};
    let own = pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    pty::grantpt(&own)?;
    pty::unlockpt(&own)?;
    let name = pty::ptsname(&own, Vec::new())?;
    let other = fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    termios::tcsetwinsize(&other, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 })?;
    if !echo {
        let mut modes = termios::tcgetattr(&other)?;
        modes.local_modes.remove(LocalModes::ECHO);
        termios::tcsetattr(&other, OptionalActions::Now, &modes)?;
    }
    Ok((own, other))
}

/// The limit for each question.
fn limit(value: &Value) -> Result<Option<Duration>, Failure> {
    if value.is_null() {
        return Ok(None);
    }
    let seconds = i64::decode(value).map_err(|_| {
        Failure::new(format!(
            "argument 'timeout' is {value} and we were unable to convert to int; give seconds or null"
        ))
    })?;
    Ok(u64::try_from(seconds).ok().map(Duration::from_secs))
}

/// Run the command, and answer what it asks.
///
/// # Errors
/// It cannot be started, asks more than there are answers for, takes too long, or ends with an error.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (expect) does not support check mode"));
    }
    let limit = limit(&arguments.timeout.0)?;
    let prompts: Result<Vec<Prompt<'_>>, Failure> =
        arguments.responses.iter().map(|(name, answer)| Prompt::new(name, answer)).collect();
    let mut prompts = prompts?;
    let command = arguments.command.trim();
    let words = shlex::split(command).ok_or_else(|| Failure::new(format!("the quotes in `{command}` do not match")))?;
    if words.is_empty() {
        return Err(Failure::new("no command given").with("rc", 256));
    }
    let from = |path: &Path| arguments.chdir.as_deref().unwrap_or(Path::new("")).join(path);
    let skipped = |reason: String| {
        Outcome::unchanged().with("cmd", arguments.command.as_str()).with("stdout", reason).with("rc", 0)
    };
    if let Some(path) = arguments.creates.as_deref().filter(|path| from(path).exists()) {
        return Ok(skipped(format!("skipped, since {} exists", path.display())));
    }
    if let Some(path) = arguments.removes.as_deref().filter(|path| !from(path).exists()) {
        return Ok(skipped(format!("skipped, since {} does not exist", path.display())));
    }
    let start = jiff::Zoned::now();
    let mut session = Session::start(&words, &arguments, context)?;
    let guard = context.cancel.guard(session.child.id());
    let ended = converse(&mut session, &mut prompts, limit, context);
    if !matches!(ended, Ok(true)) {
        session.kill(Signal::HUP);
        std::thread::sleep(Duration::from_millis(50));
        session.kill(Signal::KILL);
    }
    let status = session.child.wait().map_err(|error| Failure::new(format!("could not wait for `{command}`: {error}")));
    drop(guard);
    let in_time = ended?;
    context.checkpoint()?;
    let status = status?;
    let rc = status.code().unwrap_or_else(|| -status.signal().unwrap_or(1));
    let end = jiff::Zoned::now();
    let said = String::from_utf8_lossy(&session.said).into_owned();
    let outcome = Outcome::new(true)
        .with("cmd", arguments.command.as_str())
        // A prompt that was left unanswered shows as it is.
        .with("stdout", if in_time { said.trim_end_matches(['\r', '\n']) } else { &said })
        .with("rc", in_time.then_some(rc))
        .with("start", timestamp(&start))
        .with("end", timestamp(&end))
        .with("delta", duration(end.timestamp().as_microsecond() - start.timestamp().as_microsecond()));
    if in_time && rc == 0 {
        return Ok(outcome);
    }
    let mut failure = Failure::new(if in_time { "non-zero return code" } else { "command exceeded timeout" });
    failure.values = outcome.into_map(false);
    Err(failure)
}

/// Answer until the command has closed its terminal and ended; `false` where it took too long.
fn converse(
    session: &mut Session,
    prompts: &mut [Prompt<'_>],
    limit: Option<Duration>,
    context: &Context<'_>,
) -> Result<bool, Failure> {
    let failed = |error: io::Error| Failure::new(format!("could not talk to the command: {error}"));
    let step = Duration::from_millis(100);
    let mut since = Instant::now();
    let mut ended = false;
    loop {
        context.checkpoint()?;
        match session.listen(step).map_err(failed)? {
            Some(true) => {
                while session.answer(prompts)? {
                    since = Instant::now();
                }
            }
            Some(false) => {
                // It may go on without a terminal.
                if session.child.try_wait().map_err(failed)?.is_some() {
                    return Ok(true);
                }
                std::thread::sleep(Duration::from_millis(5));
            }
            // Somebody that it left behind may hold the terminal.
            None if ended => return Ok(true),
            None => ended = session.child.try_wait().map_err(failed)?.is_some(),
        }
        if limit.is_some_and(|limit| since.elapsed() >= limit) && !ended {
            return Ok(false);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn questions_are_answered_in_turn_on_a_terminal() {
        let bench = Bench::new();
        let script =
            "for q in name age name; do printf '%s? ' $q; read a; echo \"[$a]\"; done; tty >/dev/null && echo tty";
        let arguments = json!({"command": format!("sh -c {}", shlex::try_quote(script).unwrap()),
            "responses": {"name\\? $": ["bob", "eve"], "(?i)AGE": 7}});
        let result = bench.apply("expect", arguments.clone());
        assert_eq!(result["stdout"].as_str(), Some("name? [bob]\r\nage? [7]\r\nname? [eve]\r\ntty"));
        let skipped = bench.run("expect", arguments, true).unwrap();
        assert_eq!(skipped["skipped"].to_json(), json!(true));
    }

    #[test]
    fn a_question_without_an_answer_ends_the_command() {
        let bench = Bench::new();
        let ask = |responses: serde_json::Value| json!({"command": "sh -c 'printf name?; read a; printf name?; read a'", "responses": responses, "timeout": 1});
        let message = bench.fails("expect", ask(json!({"name": ["bob"]})));
        assert!(message.starts_with("No remaining responses for 'name', output was 'name?name?"), "{message}");
        assert_eq!(bench.fails("expect", ask(json!({"other": "x"}))), "command exceeded timeout");
        let failure = bench.run("expect", json!({"command": "sh -c 'exit 3'", "responses": {}}), false).unwrap_err();
        assert_eq!(failure.values["rc"].to_json(), json!(3));
    }
}
