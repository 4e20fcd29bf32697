//! `docker_swarm_service_info`: what a manager knows of a service.

use rprov_wire::Value;

use crate::docker::{Connection, Engine, swarm};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Retrieve information about a service of a Docker swarm.
    pub struct Arguments + Connection {
        /// Name or ID of the service.
        name: String,
    }
}

/// Describe the service.
///
/// # Errors
/// The Engine cannot be reached, or is no manager.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    swarm::require_manager(&engine)?;
    let found = engine.find(&format!("/services/{}", encode(&arguments.name)))?;
    Ok(Outcome::unchanged()
        .with("exists", found.is_some())
        .with("service", found.as_ref().map_or(Value::Null, Value::from_json)))
}
