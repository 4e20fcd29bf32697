//! The commands, as a person at a shell sees them: whole output, exit code, and what is left on disk.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod adhoc;
mod becoming;
mod config;
mod console;
mod debugger;
mod doc;
mod errors;
mod flags;
mod galaxy;
mod jobs;
mod lookups;
mod mutations;
mod old;
mod output;
mod own;
mod project;
mod prompts;
mod role_test;
#[cfg(feature = "system-tests")]
mod schema;
mod settings;
mod signals;
mod terminal;
mod vault;
