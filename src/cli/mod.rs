//! The commands. Each turns its flags into a run, and the outcome into an exit code.
//!
//! * [`start`]: which command is meant, by the program's name or the first word;
//! * `run`: `rprov run`, which is also `ansible-playbook`;
//! * `adhoc`: `rprov adhoc`, which is also `ansible`; `lone_task`: a task that stands in no playbook;
//! * `config`: `rprov config`, which is also `ansible-config`;
//! * `console`: `rprov console`, which is also `ansible-console`;
//! * `doc`: `rprov doc`, which is also `ansible-doc`;
//! * `galaxy`: `rprov galaxy`, which is also `ansible-galaxy`;
//! * `listing`: `--list-hosts`, `--list-tasks`, `--list-tags`;
//! * `extra`: `-e`;
//! * `vault`: `rprov vault`, which is also `ansible-vault`;
//! * `identities`: `--vault-id` and its kin;
//! * `flags`: flags that several commands take;
//! * `options`, `stage`: from flags and settings to what a run needs, for all commands that run tasks;
//! * `role`: `rprov role test`;
//! * `settings`: what all commands begin with; `tell`: how they speak; `stop`: why one ends early;
//! * `inventory`: `rprov inventory`, which is also `ansible-inventory`;
//! * `output`: standard output, where what was not written is noticed;
//! * `password`: `-k`, `-K` and their files;
//! * [`Exit`]: Ansible's exit codes.

mod adhoc;
mod config;
mod console;
mod doc;
mod exit;
mod extra;
mod flags;
mod galaxy;
mod identities;
mod inventory;
mod listing;
mod lone_task;
mod options;
mod output;
mod password;
mod role;
mod run;
mod settings;
mod stage;
mod start;
mod stop;
mod tell;
mod vault;

pub use exit::Exit;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use extra::variables as extra_variables;
pub use start::start;
