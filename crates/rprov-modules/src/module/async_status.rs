//! `async_status`: the agent's half. The file of a job is read or removed; the controller says what it means.

use std::io::ErrorKind;

use crate::account::expand_path;
use crate::arguments;
use crate::choices;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};

choices! {
    /// What to do about a job.
    pub enum Mode {
        /// Remove its file.
        Cleanup = "cleanup",
        /// Tell how it stands.
        Status = "status",
    }
}

arguments! {
    /// Obtain the status of an asynchronous task.
    pub struct Arguments {
        /// The number of the job.
        jid: String,
        /// Tell how the job stands, or remove its file.
        mode: Mode = Mode::Status,
        /// Where the files of jobs are; the controller fills this in.
        _directory: String = "~/.ansible_async".to_owned(),
    }
}

/// The job's file, what is in it where it was read (`content`), and whether it is there at all (`exists`).
///
/// # Errors
/// The file can be neither read nor removed.
pub fn run(arguments: Arguments, _context: &Context<'_>) -> Result<Outcome, Failure> {
    let path = expand_path(&arguments._directory).join(&arguments.jid);
    let outcome = Outcome::unchanged().with("path", path.display().to_string());
    let (doing, done) = match arguments.mode {
        Mode::Cleanup => ("remove", std::fs::remove_file(&path).map(|()| None)),
        Mode::Status => ("read", std::fs::read_to_string(&path).map(Some)),
    };
    match done {
        Ok(content) => {
            let outcome = outcome.with("exists", true);
            Ok(match content {
                Some(content) => outcome.with("content", content),
                None => outcome,
            })
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(outcome.with("exists", false)),
        Err(error) => Err(Failure::io(doing, &path, error)),
    }
}
