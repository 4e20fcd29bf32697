//! `ping`: shows that the host can run modules, and returns `pong`.

use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};

arguments! {
    /// Try to connect to a host and run a module there; return `pong` on success.
    pub struct Arguments {
        /// What to return as `ping`; `crash` makes the module fail.
        data: String = "pong".to_owned(),
    }
}

/// Answer.
///
/// # Errors
/// With `data=crash`, which asks for it.
pub fn run(arguments: Arguments, _context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.data == "crash" {
        return Err(Failure::new("boom"));
    }
    Ok(Outcome::unchanged().with("ping", arguments.data))
}
