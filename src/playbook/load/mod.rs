//! From files to the types of the language.
//!
//! Loading never stops at the first mistake: each is noted with its place, and all are shown together.
//!
//! * [`Loader`]: what all parts share: search paths, the notes, files read once;
//! * `play`, `task`, `role`, `keywords`: one file for each kind of object;
//! * `action`: what a task does; `include`: task files.

mod action;
mod field;
mod include;
mod keywords;
mod loader;
mod play;
mod role;
mod task;

pub use loader::Loader;
pub(crate) use role::own_variables;
pub use role::{LoadedRole, RoleUse};
