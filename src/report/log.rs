//! The log file (`log_path`): what is shown, each message with the time, the process, the user and a level.
//!
//! A message that was shown over several lines is one record; its other lines stand below the first. What `no_log` hides
//! is hidden here as well, since the records are made by the same code as what is shown.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::default::{DefaultOutput, Display};
use super::event::Event;
use super::reporter::Sink;

/// The log file of this program, if it has one.
static LOG: OnceLock<Log> = OnceLock::new();

/// An open log file.
#[derive(Clone, Debug)]
pub struct Log {
    file: Arc<Mutex<File>>,
    user: Arc<str>,
}

/// Begin to log to this file, at its end; it is made where it is not there. Only the first call in a program counts.
///
/// # Errors
/// It cannot be written.
pub fn open(path: &Path) -> io::Result<()> {
    let file = OpenOptions::new().create(true).append(true).open(path)?;
    let named = ["LOGNAME", "USER", "LNAME", "USERNAME"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|name| !name.is_empty()));
    let user = named.unwrap_or_else(|| {
        let id = rustix::process::getuid().as_raw();
        rprov_modules::account::user_by_id(id).map_or_else(|| id.to_string(), |user| user.name)
    });
    // A second file is not wanted: the first one goes on.
    let _ = LOG.set(Log { file: Arc::new(Mutex::new(file)), user: user.into() });
    Ok(())
}

/// Log one message that is shown outside of a run.
pub fn note(message: &str) {
    if let Some(log) = LOG.get() {
        log.record(message);
    }
}

/// What logs the events of a run, if there is a log file; `display` says how much of them.
pub fn sink(display: Display) -> Option<Box<dyn Sink>> {
    let log = LOG.get()?;
    let display = Display { color: false, columns: 79, ..display };
    Some(Box::new(Logged(DefaultOutput::new(display, Records(log.clone()), Records(log.clone())))))
}

impl Log {
    fn record(&self, message: &str) {
        let message = message.trim_matches('\n');
        if message.is_empty() {
            return;
        }
        // Readers of logs look for Ansible's words.
        let words =
            [("error: ", "[ERROR]: "), ("warning: ", "[WARNING]: "), ("deprecated: ", "[DEPRECATION WARNING]: ")];
        let found = words.iter().find_map(|(own, word)| Some(format!("{word}{}", message.strip_prefix(own)?)));
        let message = found.as_deref().unwrap_or(message);
        let level = match message {
            text if text.starts_with("[ERROR]") => "ERROR",
            text if text.starts_with("[WARNING]") => "WARNING",
            _ => "INFO",
        };
        let time = jiff::Zoned::now().strftime("%Y-%m-%d %H:%M:%S,%3f").to_string();
        let line = format!("{time} p={} u={} n=ansible {level}| {message}\n", std::process::id(), self.user);
        // A full disk is no reason to end the run.
        let _ = self.file.lock().unwrap_or_else(PoisonError::into_inner).write_all(line.as_bytes());
    }
}

/// Makes a record of each message; the default output writes each by one call.
struct Records(Log);

impl Write for Records {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.record(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn write_fmt(&mut self, message: fmt::Arguments<'_>) -> io::Result<()> {
        self.0.record(&message.to_string());
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Logged(DefaultOutput<Records, Records>);

impl Sink for Logged {
    fn event(&mut self, event: &Event) {
        self.0.event(event);
    }

    fn finish(&mut self) {
        self.0.finish();
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_record_with_its_level() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let file = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let log = Log { file: Arc::new(Mutex::new(file)), user: "me".into() };
        let mut records = Records(log.clone());
        writeln!(records, "\nTASK [a] ***").unwrap();
        writeln!(records).unwrap();
        writeln!(records, "[WARNING]: b\nOrigin: c").unwrap();
        log.record("error: d");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        let process = std::process::id();
        let tail = |line: &str| line.split_once(" p=").map(|(_, tail)| tail.to_owned());
        assert_eq!(tail(lines[0]), Some(format!("{process} u=me n=ansible INFO| TASK [a] ***")));
        assert_eq!(tail(lines[1]), Some(format!("{process} u=me n=ansible WARNING| [WARNING]: b")));
        assert_eq!(lines[2], "Origin: c");
        assert_eq!(tail(lines[3]), Some(format!("{process} u=me n=ansible ERROR| [ERROR]: d")));
        assert_eq!(lines[0].find(" p="), Some("2026-11-22 19:01:52,081".len()));
        assert_eq!(lines.len(), 4);
    }
}
