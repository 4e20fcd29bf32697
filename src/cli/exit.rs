//! Ansible's exit codes.

use crate::run::Run;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Success,
    /// A general error.
    Error,
    /// A task failed on a host; also wrong flags.
    Failed,
    /// A host could not be reached; also a file that cannot be parsed.
    Unreachable,
    /// A wrong option or setting.
    Options,
    /// Ctrl-C.
    Interrupted,
    /// A defect of this program.
    Unexpected,
}

impl Exit {
    /// How a run ended.
    pub(super) fn of(run: &Run) -> Self {
        if run.is_interrupted() {
            Exit::Interrupted
        } else if run.any_unreachable() {
            Exit::Unreachable
        } else if run.any_failed() {
            Exit::Failed
        } else {
            Exit::Success
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        let code: u8 = match exit {
            Exit::Success => 0,
            Exit::Error => 1,
            Exit::Failed => 2,
            Exit::Unreachable => 4,
            Exit::Options => 5,
            Exit::Interrupted => 99,
            Exit::Unexpected => 250,
        };
        Self::from(code)
    }
}
