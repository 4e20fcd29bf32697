//! Which command is meant: by the name that the program was called by, or by the first word.

use std::ffi::OsString;
use std::path::Path;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use super::adhoc::AdhocCommand;
use super::config::ConfigCommand;
use super::console::ConsoleCommand;
use super::doc::{DocCommand, SchemaCommand};
use super::exit::Exit;
use super::galaxy::GalaxyCommand;
use super::inventory::InventoryCommand;
use super::output::checked;
use super::role::RoleCommand;
use super::run::RunCommand;
use super::vault::VaultCommand;

/// Agentless provisioning over SSH: runs Ansible playbooks on hosts that have nothing but SSH and a shell.
#[derive(Debug, Parser)]
#[command(name = "rprov", version, about, propagate_version = true)]
struct Program {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run playbooks (also as `ansible-playbook`)
    #[command(visible_alias = "playbook")]
    Run(Box<RunCommand>),
    /// Run one task on hosts (also as `ansible`)
    Adhoc(Box<AdhocCommand>),
    /// Show the settings (also as `ansible-config`)
    Config(ConfigCommand),
    /// Run tasks from a prompt (also as `ansible-console`)
    Console(Box<ConsoleCommand>),
    /// Show what modules, keywords, filters, tests and lookups there are (also as `ansible-doc`)
    Doc(DocCommand),
    /// Install, list and begin roles and collections (also as `ansible-galaxy`)
    Galaxy(GalaxyCommand),
    /// Show the inventory (also as `ansible-inventory`)
    Inventory(Box<InventoryCommand>),
    /// Test roles in throw-away hosts
    Role(RoleCommand),
    /// Show the playbook language as a JSON Schema, for editors
    Schema(SchemaCommand),
    /// Encrypt and decrypt files and values (also as `ansible-vault`)
    Vault(VaultCommand),
    /// Serve as the agent; used by rprov itself where no agent program is beside it
    #[command(hide = true, disable_help_flag = true)]
    Agent {
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

/// Run the program with these arguments, the program's own name first.
pub fn start(arguments: Vec<OsString>) -> Exit {
    let called = arguments
        .first()
        .and_then(|path| Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()))
        .unwrap_or_default();
    // A job of `connection: local` is this program under the agent's name.
    if called == "rprov-agent" {
        return serve(arguments.get(1..).unwrap_or_default());
    }
    let command = match called.as_str() {
        "ansible-playbook" => called_as(&called, &arguments).map(|command| Command::Run(Box::new(command))),
        "ansible" => called_as(&called, &arguments).map(|command| Command::Adhoc(Box::new(command))),
        "ansible-config" => called_as(&called, &arguments).map(Command::Config),
        "ansible-console" => called_as(&called, &arguments).map(|command| Command::Console(Box::new(command))),
        "ansible-doc" => called_as(&called, &arguments).map(Command::Doc),
        "ansible-galaxy" => called_as(&called, &arguments).map(Command::Galaxy),
        "ansible-inventory" => called_as(&called, &arguments).map(|command| Command::Inventory(Box::new(command))),
        "ansible-vault" => called_as(&called, &arguments).map(Command::Vault),
        _ => parsed::<Program>(Program::command(), &arguments).map(|program| program.command),
    };
    let exit = match command {
        Ok(Command::Run(command)) => command.execute(),
        Ok(Command::Adhoc(command)) => command.execute(),
        Ok(Command::Config(command)) => command.execute(),
        Ok(Command::Console(command)) => command.execute(),
        Ok(Command::Doc(command)) => command.execute(),
        Ok(Command::Galaxy(command)) => command.execute(),
        Ok(Command::Inventory(command)) => command.execute(),
        Ok(Command::Role(command)) => command.execute(),
        Ok(Command::Schema(command)) => command.execute(),
        Ok(Command::Vault(command)) => command.execute(),
        Ok(Command::Agent { arguments }) => return serve(&arguments),
        Err(error) => usage(&error),
    };
    checked(exit)
}

/// Be the agent.
fn serve(arguments: &[OsString]) -> Exit {
    let code = rprov_agent::program::run(
        arguments.iter().map(|word| word.to_string_lossy().into_owned()),
        crate::connection::entry,
    );
    if code == std::process::ExitCode::SUCCESS { Exit::Success } else { Exit::Error }
}

/// The command whose name in Ansible the program was called by; it tells that program's version, too.
fn called_as<C: CommandFactory + FromArgMatches>(name: &str, arguments: &[OsString]) -> Result<C, clap::Error> {
    let version = format!("[core {}] (rprov {})", crate::vars::ANSIBLE_VERSION, env!("CARGO_PKG_VERSION"));
    parsed(C::command().name(name.to_owned()).version(version), arguments)
}

/// The flags as Ansible takes them: the last one counts where it was given twice, and long ones may be cut short.
fn parsed<C: FromArgMatches>(command: clap::Command, arguments: &[OsString]) -> Result<C, clap::Error> {
    let mut command = command.args_override_self(true).infer_long_args(true);
    let matches = command.try_get_matches_from_mut(arguments).map_err(|error| ambiguous(error, &command, arguments))?;
    C::from_arg_matches(&matches)
}

/// Where a flag is unknown since it could be several, say which.
fn ambiguous(error: clap::Error, command: &clap::Command, arguments: &[OsString]) -> clap::Error {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
    let Some(ContextValue::String(given)) = error.get(ContextKind::InvalidArg) else { return error };
    let Some(start) = given.strip_prefix("--").filter(|start| !start.is_empty()) else { return error };
    if error.kind() != ErrorKind::UnknownArgument {
        return error;
    }
    // The command that it was given to.
    let words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    let command = words.fold(command, |command, word| command.find_subcommand(word).unwrap_or(command));
    let flags = command.get_arguments().filter(|flag| !flag.is_hide_set());
    let names = flags.flat_map(|flag| flag.get_long_and_visible_aliases().unwrap_or_default());
    let fitting: Vec<String> = names.filter(|name| name.starts_with(start)).map(|name| format!("--{name}")).collect();
    if fitting.len() < 2 {
        return error;
    }
    let message = format!("ambiguous option: {given} could match {}\n", fitting.join(", "));
    command.clone().error(ErrorKind::UnknownArgument, message.trim_end())
}

/// Tell what is wrong with the flags, or the help that was asked for.
fn usage(error: &clap::Error) -> Exit {
    // Nobody may be reading.
    let _ = error.print();
    if error.use_stderr() { Exit::Failed } else { Exit::Success }
}
