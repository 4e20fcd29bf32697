//! Modules of the user's own: found in `library/` directories and in collections, packed, and run on the host by its own
//! programs.
//!
//! * [`Library`]: which module a name means, in Ansible's order of precedence;
//! * `collection`: installed collections, and what their `meta/runtime.yml` says of names;
//! * [`OwnModule`]: a module's file: what kind of program it is, and what the agent is sent for a call;
//! * `import`, `pack`, `installation`: Python modules with what they import of `ansible.module_utils` and collections;
//! * `arguments`: the file of arguments that such a program is given;
//! * `answer`: what it printed, as a result.
//!
//! Nothing of Ansible's code is in here: what a Python module imports comes from the user's own installation.

mod answer;
mod arguments;
mod collection;
mod import;
mod installation;
mod library;
mod module;
mod pack;
mod plugin;

pub(crate) use answer::interpret;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use import::imports;
pub use library::{Library, Resolution};
pub use module::{Circumstances, OwnModule};
pub(crate) use plugin::notice;
