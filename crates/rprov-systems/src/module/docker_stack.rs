//! `docker_stack`: deploy stacks to a Docker swarm, and remove them.

use std::io::Write;
use std::time::Duration;

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::docker::cli::{Cli, CliConnection, failed};
use crate::docker::stack::{difference, specifications};
use rprov_modules::argument::{Raw, Rule};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a stack.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// When the registry is asked which image a tag means.
    pub enum ResolveImage { Always = "always", Changed = "changed", Never = "never" }
}

arguments! {
    /// Manage Docker stacks.
    pub struct Arguments + CliConnection {
        /// Name of the stack.
        name: String,
        /// Compose files: paths on the host, or their content as maps.
        compose: Vec<Raw> = Vec::new(),
        /// Do not wait until the tasks run.
        detach: bool = true,
        /// Remove services that the files do not name.
        prune: bool = false,
        /// Give the nodes the logins for registries.
        with_registry_auth: bool = false,
        /// When the registry is asked which image a tag means.
        resolve_image: Option<ResolveImage>,
        /// Whether it is to be there.
        state: State = State::Present,
        /// How often it is tried to remove all of a stack.
        absent_retries: i64 = 0,
        /// Seconds between attempts.
        absent_retries_interval: i64 = 1,
    }
    rules: [Rule::Exclusive(&["docker_host", "cli_context"])]
}

/// Bring the stack to its state.
///
/// # Errors
/// The command `docker` is not there, or fails; something of a removed stack is still there.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (docker_stack) does not support check mode"));
    }
    let cli = Cli::new(&arguments.attributes, context)?;
    match arguments.state {
        State::Present => deploy(&arguments, &cli, context),
        State::Absent => remove(&arguments, &cli, context),
    }
}

fn deploy(arguments: &Arguments, cli: &Cli, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.compose.is_empty() {
        return Err(Failure::new("compose parameter must be a list containing at least one element"));
    }
    let before = specifications(cli, &arguments.name, context)?;
    // Their content may hold secrets: the files are their user's alone, and gone afterwards.
    let mut files = Vec::new();
    let mut command = cli.command(["stack", "deploy"]).live();
    if arguments.prune {
        command = command.arg("--prune");
    }
    if !arguments.detach {
        command = command.arg("--detach=false");
    }
    if arguments.with_registry_auth {
        command = command.arg("--with-registry-auth");
    }
    if let Some(when) = arguments.resolve_image {
        command = command.arg("--resolve-image").arg(when.word());
    }
    for definition in &arguments.compose {
        match &definition.0 {
            Value::String(path) => {
                let path = rprov_modules::account::expand_path(path);
                if !path.is_file() {
                    return Err(Failure::new(format!("compose: there is no file {} on this host", path.display())));
                }
                command = command.arg("--compose-file").arg(path);
            }
            map @ Value::Map(_) => {
                let failed =
                    |error: std::io::Error| Failure::io("write a compose file to", std::env::temp_dir(), error);
                let mut file = tempfile::Builder::new().suffix(".yml").tempfile().map_err(failed)?;
                // JSON is YAML, too.
                file.write_all(map.to_json().to_string().as_bytes()).map_err(failed)?;
                command = command.arg("--compose-file").arg(file.path());
                files.push(file);
            }
            other => {
                return Err(Failure::new(format!(
                    "compose: `{other}` is neither the path of a file nor a compose file's content as a map"
                )));
            }
        }
    }
    let command = command.arg(&arguments.name);
    let output = command.run(context)?;
    if !output.success() {
        let mut failure = failed(&command, &output);
        failure.message = format!("docker stack up deploy command failed: {}", output.stderr().trim());
        return Err(failure);
    }
    let after = specifications(cli, &arguments.name, context)?;
    let different = difference(&before, &after);
    let outcome = Outcome::new(!different.is_empty())
        .with("rc", i64::from(output.rc))
        .with("stdout", output.stdout())
        .with("stderr", output.stderr());
    Ok(if different.is_empty() {
        outcome
    } else {
        outcome.with("stack_spec_diff", Value::from_json(&Json::Object(different)))
    })
}

fn remove(arguments: &Arguments, cli: &Cli, context: &Context<'_>) -> Result<Outcome, Failure> {
    if specifications(cli, &arguments.name, context)?.is_empty() {
        return Ok(Outcome::unchanged());
    }
    let command = cli.command(["stack", "rm"]).live().arg(&arguments.name);
    let mut left = arguments.absent_retries;
    loop {
        let output = command.run(context)?;
        let said = output.stderr();
        let gone = said.contains("Nothing found in stack");
        if !output.success() && !gone && left <= 0 {
            let mut failure = failed(&command, &output);
            failure.message = format!("'docker stack rm' command failed: {}", said.trim());
            return Err(failure);
        }
        if gone || arguments.absent_retries <= 0 {
            return Ok(Outcome::new(true)
                .with("rc", i64::from(output.rc))
                .with("stdout", output.stdout())
                .with("stderr", said));
        }
        if left <= 0 {
            return Err(Failure::new(format!(
                "the stack {} is not removed completely after {} attempts; raise absent_retries",
                arguments.name,
                arguments.absent_retries + 1
            ))
            .with("stdout", output.stdout())
            .with("stderr", said));
        }
        left -= 1;
        context.checkpoint()?;
        std::thread::sleep(Duration::from_secs(u64::try_from(arguments.absent_retries_interval).unwrap_or_default()));
    }
}
