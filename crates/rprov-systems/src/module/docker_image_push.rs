//! `docker_image_push`: send an image to a registry.

use rprov_wire::Value;

use crate::docker::image;
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Push a Docker image to a registry.
    pub struct Arguments + Connection {
        /// Name of the image, with or without tag.
        name: String,
        /// Tag, where the name has none.
        tag: String = "latest".to_owned(),
    }
}

/// Push the image.
///
/// # Errors
/// The Engine or the registry cannot be reached or refuses; the image is not there.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (docker_image_push) does not support check mode"));
    }
    let reference = Reference::parse(&arguments.name, Some(&arguments.tag));
    if is_id(&arguments.name) || reference.is_digest() {
        return Err(Failure::new(format!(
            "name: {} names an image by its content; to push it, tag it (docker_image_tag) and name that tag",
            arguments.name
        )));
    }
    let engine = Engine::new(&arguments.attributes, context)?;
    let Some(found) = image::inspect(&engine, &reference.full())? else {
        return Err(Failure::new(format!(
            "Cannot find image with name {}; pull, build, load or tag it first",
            reference.full()
        )));
    };
    let progress = image::push(&engine, &reference, context)?;
    let mut image = found;
    if let Some(map) = image.as_object_mut() {
        map.insert("push_status".to_owned(), progress.status.as_str().into());
    }
    let action = format!("Pushed image {} to {}", reference.full(), reference.registry().unwrap_or("docker.io"));
    Ok(Outcome::new(progress.has_pushed()).with("actions", vec![action]).with("image", Value::from_json(&image)))
}
