//! `docker_container_info`: what the Engine knows of a container.

use rprov_wire::Value;

use super::docker_container::find;
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Retrieve facts about a Docker container.
    pub struct Arguments + Connection {
        /// Name or ID of the container.
        name: String,
    }
}

/// Describe the container.
///
/// # Errors
/// The Engine cannot be reached.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let container = find(&engine, &arguments.name)?.map(|container| Value::from_json(&container.0));
    Ok(Outcome::unchanged().with("exists", container.is_some()).with("container", container))
}
