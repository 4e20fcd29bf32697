//! rprov's modules: the only code that touches a machine.
//!
//! A module describes a desired state. It reads the present state, computes the difference, and applies it unless
//! in check mode, so that check mode, diff and idempotence come from one path.
//!
//! * [`argument`]: a module's arguments as a Rust struct, from which come its documentation, the controller's
//!   static check and the decoding on the host;
//! * [`context`]: what a running module may use: check mode, live output, content from the controller;
//! * [`outcome`]: what it gives back;
//! * [`registry`]: every module by its name;
//! * [`module`]: the modules themselves, one file each, under their exact Ansible names;
//! * the rest is what several modules share: [`attributes`] (owner, group, mode ...), [`permissions`]
//!   (octal and symbolic modes), [`mod@write`] (atomic writes), [`process`] (commands), [`program`] (where they are), [`fact`] (what `setup` and others
//!   know of the host), [`account`] (users and groups without NSS).

pub mod account;
pub mod archive;
pub mod argument;
pub mod attributes;
pub mod checksum;
pub mod context;
pub mod conversation;
pub mod crypt;
mod dnf_output;
pub mod dpkg;
pub mod edit;
pub mod encoding;
pub mod fact;
pub mod http;
mod init_script;
pub mod inode;
pub mod json;
pub mod module;
pub mod openpgp;
pub mod outcome;
pub mod own;
pub mod permissions;
pub mod place;
pub mod process;
pub mod program;
pub mod regex;
pub mod registry;
pub mod shell_pattern;
#[cfg(any(test, feature = "testing"))]
#[doc(hidden)]
#[expect(clippy::unwrap_used, clippy::new_without_default, reason = "for tests")]
pub mod testing;
pub mod text;
mod upstart;
pub mod validate;
pub mod write;

pub use argument::{Arguments, Spec};
pub use context::{Cancel, Context, Transport};
pub use outcome::{Diff, Failure, Outcome};
pub use registry::{Module, find, modules};
#[doc(hidden)]
pub use rprov_wire;
