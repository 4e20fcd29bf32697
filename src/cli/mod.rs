//! The commands. Each turns its flags into a run, and the outcome into an exit code.
//!
//! * [`start`]: which command is meant, by the program's name or the first word;
//! * `run`: `rprov run`, which is also `ansible-playbook`;
//! * `listing`: `--list-hosts`, `--list-tasks`, `--list-tags`;
//! * `extra`: `-e`;
//! * `vault`: `rprov vault`, which is also `ansible-vault`;
//! * `identities`: `--vault-id` and its kin;
//! * `inventory`: `rprov inventory`, which is also `ansible-inventory`;
//! * `tell`: settings and diagnostics, which all commands begin with;
//! * `password`: `-k`, `-K` and their files;
//! * [`Exit`]: Ansible's exit codes.

mod exit;
mod extra;
mod identities;
mod inventory;
mod listing;
mod password;
mod run;
mod start;
mod tell;
mod vault;

pub use exit::Exit;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use extra::variables as extra_variables;
pub use start::start;
