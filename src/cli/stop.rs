//! Why a command ends before its work is done.

use super::exit::Exit;
use super::tell::tell;
use crate::run::RunError;
use crate::source::{Diagnostic, Diagnostics, misread};

/// Why a command ends before its run: diagnostics to show, and the exit code.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) problems: Diagnostics,
    exit: Exit,
}

impl Stop {
    pub(super) fn new(problems: Diagnostics, exit: Exit) -> Self {
        Self { problems, exit }
    }

    /// What was given does not fit together.
    pub(super) fn options(problem: Diagnostic) -> Self {
        Self::new(vec![problem], Exit::Options)
    }

    /// The settings cannot be used.
    pub(super) fn settings(problems: Diagnostics) -> Self {
        Self::new(problems, Exit::Options)
    }

    /// Settings that do nothing, where somebody asked for them.
    pub(super) fn written_settings(problems: Diagnostics) -> Self {
        Self::new(problems, Exit::Error)
    }

    /// Mistakes in what was written. Which of them are errors tells the exit code: a file that is not there is a
    /// general error, a file that cannot be understood has a code of its own.
    pub(super) fn written(problems: Diagnostics) -> Self {
        let exit = if misread(&problems) { Exit::Unreachable } else { Exit::Error };
        Self::new(problems, exit)
    }

    /// Both, with the exit code of the first.
    pub(super) fn and(mut self, other: Self) -> Self {
        self.problems.extend(other.problems);
        self
    }

    /// Tell it.
    pub(super) fn told(&self, color: bool) -> Exit {
        tell(&self.problems, color);
        if self.problems.iter().any(|problem| problem.interrupted) { Exit::Interrupted } else { self.exit }
    }
}

impl From<Diagnostic> for Stop {
    fn from(problem: Diagnostic) -> Self {
        Self::new(vec![problem], Exit::Error)
    }
}

impl From<RunError> for Stop {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Language(problems) => Self::written(problems),
            RunError::Left => Self::new(vec![Diagnostic::error(error.to_string())], Exit::Interrupted),
            RunError::Prompt(error) => Diagnostic::error(format!("no answer to a prompt: {error}")).into(),
        }
    }
}
