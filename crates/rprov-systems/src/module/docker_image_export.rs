//! `docker_image_export`: write images to an archive.

use std::path::PathBuf;

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::docker::image;
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Export Docker images to an archive.
    pub struct Arguments + Connection {
        /// Names of the images, with or without tag, or their IDs.
        names | name: Vec<String>,
        /// Tag, where a name has none.
        tag: String = "latest".to_owned(),
        /// The archive.
        path: Option<PathBuf>,
        /// Write it even if it has these images already.
        force: bool = false,
    }
}

/// Export them.
///
/// # Errors
/// The Engine cannot be reached; an image is not there; the archive cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let Some(path) = arguments.path else {
        return Err(Failure::new("missing required arguments: path; it is the file that the images are written to"));
    };
    if arguments.names.is_empty() {
        return Err(Failure::new("names: name at least one image"));
    }
    let engine = Engine::new(&arguments.attributes, context)?;
    let (mut images, mut names) = (Vec::new(), Vec::new());
    for name in &arguments.names {
        let full = if is_id(name) { name.clone() } else { Reference::parse(name, Some(&arguments.tag)).full() };
        let Some(found) = image::inspect(&engine, &full)? else {
            return Err(Failure::new(format!("Image {full} not found; pull, build or load it first")));
        };
        images.push(found);
        names.push(full);
    }
    let archived = image::archived(&path).unwrap_or_default();
    let holds = |image: &Json, name: &String| {
        archived.iter().any(|(id, names)| {
            image::id(image).trim_start_matches("sha256:") == id && (is_id(name) || names.contains(name))
        })
    };
    let held: usize = archived.iter().map(|(_, names)| names.len().max(1)).sum();
    let same = images.iter().zip(&names).all(|(image, name)| holds(image, name)) && held == names.len();
    let mut actions = Vec::new();
    let changed = arguments.force || !same;
    if changed {
        actions.push(format!("Exported image(s) {} to {}", names.join(", "), path.display()));
        if !context.check() {
            image::export(&engine, &names, &path)?;
        }
    }
    Ok(Outcome::new(changed).with("actions", actions).with("images", Value::from_json(&Json::Array(images))))
}
