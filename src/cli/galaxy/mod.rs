//! `rprov galaxy` (also `ansible-galaxy`): install, list, remove and begin roles and collections.
//!
//! * `servers`: flags and settings of Galaxy's servers;
//! * `install`: `role install`, `collection install`, and `install` for both;
//! * `roles`: what else is done with roles; `collections`: with collections; `begin`: where both begin new ones.

mod begin;
mod collections;
mod install;
mod roles;
mod servers;

use clap::{ArgAction, Parser, Subcommand};

use super::exit::Exit;
use super::settings::with_settings;
use super::stop::Stop;
use crate::config::Config;

/// Install, list and begin roles and collections
#[derive(Debug, Parser)]
#[command(name = "ansible-galaxy", subcommand_required = true, arg_required_else_help = true)]
pub(super) struct GalaxyCommand {
    #[command(subcommand)]
    action: Action,
    /// Say more (accepted for Ansible's sake)
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Do something with roles
    #[command(subcommand)]
    Role(Role),
    /// Do something with collections
    #[command(subcommand)]
    Collection(Collection),
    /// What is done with roles, without the word; `install` takes the collections of a requirements file, too
    #[command(flatten)]
    Short(Role),
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Install roles; without the word `role` also the collections of a requirements file
    Install(install::InstallRoles),
    /// List the roles that are installed
    List(roles::List),
    /// Remove roles
    Remove(roles::Remove),
    /// Begin a role
    Init(roles::Init),
    /// Show what is known of roles
    Info(roles::Info),
}

#[derive(Debug, Subcommand)]
enum Collection {
    /// Install collections
    Install(install::InstallCollections),
    /// List the collections that are installed
    List(collections::List),
    /// Begin a collection
    Init(collections::Init),
}

impl GalaxyCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_settings(|config, color| self.action.done(&config, color))
    }
}

impl Action {
    fn done(&self, config: &Config, color: bool) -> Result<Exit, Stop> {
        match self {
            Action::Short(role) => role.done(config, color, true),
            Action::Role(role) => role.done(config, color, false),
            Action::Collection(Collection::Install(command)) => command.execute(config, color),
            Action::Collection(Collection::List(command)) => command.execute(config),
            Action::Collection(Collection::Init(command)) => command.execute(config),
        }
    }
}

impl Role {
    /// Do it; `both` installs the collections of a requirements file, too.
    fn done(&self, config: &Config, color: bool, both: bool) -> Result<Exit, Stop> {
        match self {
            Self::Install(command) => command.execute(config, color, both),
            Self::List(command) => command.execute(config),
            Self::Remove(command) => command.execute(config),
            Self::Init(command) => command.execute(config),
            Self::Info(command) => command.execute(config),
        }
    }
}
