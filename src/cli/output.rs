//! Standard output, where what was not written is noticed.

use std::io::{self, Write};
use std::sync::OnceLock;

use super::exit::Exit;
use super::tell::tell;
use crate::source::Diagnostic;

/// Why something could not be written, the first time.
static LOST: OnceLock<String> = OnceLock::new();

/// Standard output. That nobody reads any more is no mistake; that something is lost is told at the end.
#[derive(Debug)]
pub(super) struct Output;

impl Output {
    fn noticed<T>(outcome: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &outcome
            && !matches!(error.kind(), io::ErrorKind::BrokenPipe | io::ErrorKind::Interrupted)
        {
            LOST.get_or_init(|| error.to_string());
        }
        outcome
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Self::noticed(io::stdout().write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Self::noticed(io::stdout().flush())
    }
}

/// How the program ends: as it would, unless its output is lost.
pub(super) fn checked(exit: Exit) -> Exit {
    let _ = Output.flush();
    let Some(cause) = LOST.get() else { return exit };
    let problem = Diagnostic::error("the output could not be written").cause(cause.clone());
    tell(
        &[problem.hint("what was to be done was done all the same; make room, or write the output to another place")],
        false,
    );
    if exit == Exit::Success { Exit::Error } else { exit }
}
