//! What all commands begin with, and how they speak to a person: settings, diagnostics and lines on standard error.

use std::io::{IsTerminal as _, Write as _};

use super::exit::Exit;
use crate::config::{Config, Setting};
use crate::source::{Diagnostic, Severity, render};

/// The settings, and whether standard error takes colours. What is wrong with them is told.
///
/// # Errors
/// The exit code, if there is a mistake in them.
pub(super) fn settings() -> Result<(Config, bool), Exit> {
    let (config, notes) = Config::load_here();
    let color = color_of(&config, std::io::stderr().is_terminal());
    tell(&notes, color);
    match notes.iter().any(|note| note.severity == Severity::Error) {
        true => Err(Exit::Options),
        false => Ok((config, color)),
    }
}

/// Whether to write colours, to a terminal or not.
pub(super) fn color_of(config: &Config, terminal: bool) -> bool {
    let off = config.bool(Setting::NoColor) || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    config.bool(Setting::ForceColor) || (terminal && !off && std::env::var("TERM").as_deref() != Ok("dumb"))
}

/// Show diagnostics.
pub(super) fn tell(problems: &[Diagnostic], color: bool) {
    for problem in problems {
        say(render(problem, color).trim_end());
    }
}

/// A line on standard error, if anybody reads it.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}
