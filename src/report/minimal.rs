//! The output of single tasks, as `ansible` prints it: `host | SUCCESS => {...}`, or what a command printed.
//!
//! Source of the format: what the `minimal`, `oneline` and `tree` callbacks print, observed on ansible-core 2.19.

use std::io::Write;
use std::path::PathBuf;

use rprov_modules::json::{self, Style};
use rprov_wire::{Map, Value};

use super::default::{BRIGHT_RED, CYAN, Color, DefaultOutput, GREEN, RED, YELLOW, is_bookkeeping, python_text};
use super::event::{Event, HostResult};
use super::reporter::Sink;
use crate::run::Status;

/// Actions whose result is what they printed.
const PRINTING: [&str; 6] = ["command", "shell", "raw", "script", "win_command", "win_shell"];

/// Writes one result after the other.
pub struct MinimalOutput<W, E> {
    talk: DefaultOutput<W, E>,
    one_line: bool,
}

impl<W, E> std::fmt::Debug for MinimalOutput<W, E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("MinimalOutput").field("one_line", &self.one_line).finish_non_exhaustive()
    }
}

impl<W: Write + Send, E: Write + Send> MinimalOutput<W, E> {
    /// Write by the means of `talk`; each result on one line if `one_line` says so.
    pub fn new(talk: DefaultOutput<W, E>, one_line: bool) -> Self {
        Self { talk, one_line }
    }

    fn result(&mut self, result: &HostResult) {
        let (word, color) = match result.status {
            Status::Ok => ("SUCCESS", GREEN),
            Status::Changed => ("CHANGED", YELLOW),
            Status::Failed => ("FAILED", RED),
            Status::Skipped => return self.talk.line(&format!("{} | SKIPPED", result.host), Some(CYAN)),
            Status::Unreachable => return self.unreachable(result),
        };
        if !self.one_line {
            if result.status == Status::Failed {
                self.talk.explain(result);
            }
            self.talk.diff(result);
        }
        let host = &result.host;
        let action = result.task.action.rsplit('.').next().unwrap_or_default();
        let printing = PRINTING.contains(&action) && !result.result.contains_key("ansible_job_id");
        let shout = if result.status == Status::Failed { "FAILED!" } else { word };
        match (printing, self.one_line) {
            (true, false) => self.put(&printed(host, word, &result.result), color),
            (true, true) => {
                self.put(&printed_on_one_line(host, word, &result.result), color);
                // The whole of a failure is told as well.
                if result.status == Status::Failed {
                    self.put(&format!("{host} | {shout} => {}", self.dump(result)), color);
                }
            }
            (false, _) => self.put(&format!("{host} | {shout} => {}", self.dump(result)), color),
        }
    }

    fn unreachable(&mut self, result: &HostResult) {
        let host = &result.host;
        if self.one_line {
            let message = result.result.get("msg").map(python_text).unwrap_or_default();
            return self.put(&format!("{host} | UNREACHABLE!: {message}"), BRIGHT_RED);
        }
        self.talk.explain(result);
        self.put(&format!("{host} | UNREACHABLE! => {}", self.dump(result)), BRIGHT_RED);
    }

    /// A text with one newline at its end.
    fn put(&mut self, text: &str, color: Color) {
        self.talk.line(text.strip_suffix('\n').unwrap_or(text), Some(color));
    }

    fn dump(&self, result: &HostResult) -> String {
        // What `debug` would hide is hidden where all went well.
        let shown = match result.status {
            Status::Ok | Status::Changed => self.talk.shown(&result.task, &result.result),
            _ => self.talk.shown_whole(&result.result),
        };
        if !self.one_line {
            return self.talk.written(shown, &result.result);
        }
        let shown = Value::Map(shown);
        let style = Style { indent: Some(String::new()), sort_keys: true, ascii: false, ..Style::default() };
        json::to_text(&shown, &style).replace('\n', "")
    }
}

impl<W: Write + Send, E: Write + Send> Sink for MinimalOutput<W, E> {
    fn shows_results(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::Result(result) => {
                self.talk.warnings(result);
                self.result(result);
            }
            Event::Diagnostic(_) | Event::Notice(_) | Event::Detail { .. } | Event::Warning(_) => {
                self.talk.event(event)
            }
            _ => {}
        }
        self.talk.flush();
    }
}

fn text(result: &Map, name: &str) -> String {
    result.get(name).map(python_text).unwrap_or_default()
}

fn code(result: &Map) -> String {
    result.get("rc").map_or_else(|| "-1".to_owned(), python_text)
}

/// What a command printed, below a line with its exit code.
fn printed(host: &str, word: &str, result: &Map) -> String {
    let [out, err, message] = ["stdout", "stderr", "msg"].map(|name| text(result, name));
    format!("{host} | {word} | rc={} >>\n{out}{err}{message}\n", code(result))
}

/// The same on one line.
fn printed_on_one_line(host: &str, word: &str, result: &Map) -> String {
    let [out, err] = ["stdout", "stderr"].map(|name| text(result, name).replace('\n', "\\n").replace('\r', "\\r"));
    let err = if err.is_empty() { err } else { format!(" (stderr) {err}") };
    format!("{host} | {word} | rc={} | (stdout) {out}{err}", code(result))
}

/// Writes each host's result to a file of the host's name in a directory.
#[derive(Debug)]
pub struct Tree {
    directory: PathBuf,
    /// The first file that could not be written was told.
    told: bool,
}

impl Tree {
    /// Write below this directory, which is made where it is missing.
    ///
    /// # Errors
    /// It cannot be made.
    pub fn new(directory: PathBuf) -> std::io::Result<Self> {
        std::fs::create_dir_all(&directory)?;
        Ok(Self { directory, told: false })
    }
}

impl Sink for Tree {
    fn shows_results(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event) {
        let Event::Result(result) = event else { return };
        if result.status == Status::Skipped {
            return;
        }
        let shown: Map = result
            .result
            .iter()
            .filter(|(name, _)| !is_bookkeeping(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let style = Style { sort_keys: true, ascii: false, ..Style::default() };
        // A host's name may be any text; it must not lead out of the directory.
        let name = result.host.replace('/', "_");
        let path = self.directory.join(if name == ".." || name == "." { "_" } else { &name });
        if let Err(error) = std::fs::write(&path, json::to_text(&Value::Map(shown), &style))
            && !self.told
        {
            self.told = true;
            eprintln!("[WARNING]: Unable to write to {}'s file: {}: {error}", result.host, path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result(entries: &[(&str, Value)]) -> Map {
        entries.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
    }

    #[test]
    fn what_a_command_printed_stands_below_its_exit_code_or_beside_it() {
        let failed = result(&[
            ("rc", Value::Int(3)),
            ("stdout", "a\nb".into()),
            ("stderr", "c".into()),
            ("msg", "non-zero return code".into()),
        ]);
        assert_eq!(printed("h", "FAILED", &failed), "h | FAILED | rc=3 >>\na\nbcnon-zero return code\n");
        assert_eq!(printed_on_one_line("h", "FAILED", &failed), "h | FAILED | rc=3 | (stdout) a\\nb (stderr) c");
        assert_eq!(printed("h", "FAILED", &result(&[("msg", "late".into())])), "h | FAILED | rc=-1 >>\nlate\n");
    }
}
