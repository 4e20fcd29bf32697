//! `rprov role`: what is done with a role as a whole.
//!
//! * `test`: its flags, and the hosts that it tests in; `step`: one playbook of the tests; `summary`: what is told.

mod step;
mod summary;
mod test;

use clap::{Parser, Subcommand};

use super::exit::Exit;

/// Test roles
#[derive(Debug, Parser)]
#[command(subcommand_required = true, arg_required_else_help = true)]
pub(super) struct RoleCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Test roles in throw-away hosts: converge, again without changes, verify, destroy
    Test(Box<test::TestCommand>),
}

impl RoleCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        match self.action {
            Action::Test(command) => command.execute(),
        }
    }
}
