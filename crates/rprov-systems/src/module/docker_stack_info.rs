//! `docker_stack_info`: the stacks of a Docker swarm.

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::docker::cli::{Cli, CliConnection};
use rprov_modules::argument::Rule;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// List Docker stacks.
    pub struct Arguments + CliConnection {}
    rules: [Rule::Exclusive(&["docker_host", "cli_context"])]
}

/// List them.
///
/// # Errors
/// The command `docker` is not there, or fails: the node is no manager.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let cli = Cli::new(&arguments.attributes, context)?;
    let stacks = cli.objects(["stack", "ls", "--format", "{{json .}}"], context)?;
    Ok(Outcome::unchanged().with("results", Value::from_json(&Json::Array(stacks))))
}
