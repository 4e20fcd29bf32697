//! What is told of a role's test: a line for each step.

use std::fmt::Write as _;
use std::time::Duration;

use crate::cli::exit::Exit;
use crate::role_test::watch::Change;

/// How a step ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// As it should.
    Well,
    /// Otherwise.
    Failed,
    /// The role has nothing for it.
    Missing,
    /// It was not come to.
    Left,
}

/// One line.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) step: &'static str,
    pub(super) ended: Ended,
    pub(super) took: Option<Duration>,
    pub(super) text: String,
    /// What the line is about, each below it.
    pub(super) changes: Vec<Change>,
}

/// All lines of one role.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) lines: Vec<Line>,
    /// How the program ends by it.
    pub(super) exit: Option<Exit>,
}

impl Summary {
    pub(super) fn add(&mut self, step: &'static str, ended: Ended, took: Option<Duration>, text: impl Into<String>) {
        self.lines.push(Line { step, ended, took, text: text.into(), changes: Vec::new() });
    }

    pub(super) fn failed(&self) -> bool {
        self.lines.iter().any(|line| line.ended == Ended::Failed)
    }

    /// As text.
    pub(super) fn text(&self, role: &str) -> String {
        let mut text = format!("\nROLE TEST [{role}]\n");
        for line in &self.lines {
            let word = match line.ended {
                Ended::Well => "ok",
                Ended::Failed => "FAILED",
                Ended::Missing => "missing",
                Ended::Left => "left out",
            };
            let took = line.took.map(|took| format!("{:.2} s", took.as_secs_f64())).unwrap_or_default();
            let row = format!("{word:8} {:9} {took:>10}  {}", line.step, line.text);
            let _ = writeln!(text, "{}", row.trim_end());
            for Change { task, host, place } in &line.changes {
                let _ = writeln!(text, "{:31}changed: [{host}] {task} ({place})", "");
            }
        }
        text
    }
}
