//! Testing a role in throw-away hosts: what belongs to the role, and what to the lab. The command is `cli::role`.
//!
//! * [`tests`]: what a role's directory `tests` holds;
//! * [`lab`]: where hosts come from: a program that brings up as many as are asked for, and one that takes them away;
//! * [`hosts`]: the role's inventory, with the lab's hosts in the places of its own;
//! * [`watch`]: what a run changed, and where.

pub mod hosts;
pub mod lab;
pub mod tests;
pub mod watch;
