//! `dnf5`: as [`super::dnf`], by the program of that name.

pub use super::dnf::Arguments;
use super::dnf::{self, Backend};
use crate::context::Context;
use crate::outcome::{Failure, Outcome};

/// Bring the packages to their state.
///
/// # Errors
/// As [`dnf::run`].
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    dnf::run(Arguments { use_backend: Backend::Dnf5, ..arguments }, context)
}
