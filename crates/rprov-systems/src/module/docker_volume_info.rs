//! `docker_volume_info`: what the Engine knows of a volume.

use rprov_wire::Value;

use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Retrieve facts about a Docker volume.
    pub struct Arguments + Connection {
        /// Name of the volume.
        name | volume_name: String,
    }
}

/// Describe the volume.
///
/// # Errors
/// The Engine cannot be reached.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let volume = engine.find(&format!("/volumes/{}", encode(&arguments.name)))?.map(|volume| Value::from_json(&volume));
    Ok(Outcome::unchanged().with("exists", volume.is_some()).with("volume", volume))
}
