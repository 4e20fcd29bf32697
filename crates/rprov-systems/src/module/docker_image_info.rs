//! `docker_image_info`: what the Engine knows of images.

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::docker::image;
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Inspect Docker images.
    pub struct Arguments + Connection {
        /// Names or IDs of the images; all images if not given.
        name: Vec<String> = Vec::new(),
    }
}

/// Describe the images; what is not there is left out.
///
/// # Errors
/// The Engine cannot be reached.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let names: Vec<String> = if arguments.name.is_empty() {
        let list = engine.get("/images/json", &[])?;
        let list = list.as_array().cloned().unwrap_or_default();
        list.iter().map(|image| image::id(image).to_owned()).collect()
    } else {
        arguments.name
    };
    let mut images: Vec<Json> = Vec::new();
    for name in names {
        // Between list and look an image may go away; a name may be a short ID, to which no tag can be added.
        let found = match image::find(&engine, &name)? {
            Some(found) => Some(found),
            None => image::inspect(&engine, &name)?,
        };
        images.extend(found);
    }
    Ok(Outcome::unchanged().with("images", Value::from_json(&Json::Array(images))))
}
