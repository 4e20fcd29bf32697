//! `docker_stack_task_info`: the tasks of a stack.

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::docker::cli::{Cli, CliConnection};
use rprov_modules::argument::Rule;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// List the tasks of a Docker stack.
    pub struct Arguments + CliConnection {
        /// Name of the stack.
        name: String,
    }
    rules: [Rule::Exclusive(&["docker_host", "cli_context"])]
}

/// List them.
///
/// # Errors
/// The command `docker` is not there, or fails: there is no such stack.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let cli = Cli::new(&arguments.attributes, context)?;
    let tasks = cli.objects(["stack", "ps", &arguments.name, "--format", "{{json .}}"], context)?;
    Ok(Outcome::unchanged().with("results", Value::from_json(&Json::Array(tasks))))
}
