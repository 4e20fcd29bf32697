//! `docker_node_info`: what a manager knows of nodes.

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::docker::swarm;
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Retrieve facts about nodes of a Docker swarm.
    pub struct Arguments + Connection {
        /// Host names or IDs of the nodes; all nodes if not given.
        name: Option<Vec<String>>,
        /// Only the node that is asked.
        self_: bool = false,
    }
}

/// Describe the nodes; what is not there is left out.
///
/// # Errors
/// The Engine cannot be reached, or is no manager.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let section = swarm::require_manager(&engine)?;
    let names = match arguments.name {
        _ if arguments.self_ => section.get("NodeID").and_then(Json::as_str).map(str::to_owned).into_iter().collect(),
        Some(names) => names,
        None => Vec::new(),
    };
    let mut nodes = Vec::new();
    if names.is_empty() {
        nodes = engine.get("/nodes", &[])?.as_array().cloned().unwrap_or_default();
    } else {
        for name in names {
            nodes.extend(swarm::node(&engine, &name)?);
        }
    }
    Ok(Outcome::unchanged().with("nodes", Value::from_json(&Json::Array(nodes))))
}
