//! `docker_network_info`: what the Engine knows of a network.

use rprov_wire::Value;

use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Retrieve facts about a Docker network.
    pub struct Arguments + Connection {
        /// Name of the network, or its ID.
        name: String,
    }
}

/// Describe the network.
///
/// # Errors
/// The Engine cannot be reached.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let network =
        engine.find(&format!("/networks/{}", encode(&arguments.name)))?.map(|network| Value::from_json(&network));
    Ok(Outcome::unchanged().with("exists", network.is_some()).with("network", network))
}
