//! `docker_image_load`: load images from an archive.

use std::path::PathBuf;

use rprov_wire::Value;
use serde_json::Value as Json;

use crate::docker::image;
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Load Docker images from an archive.
    pub struct Arguments + Connection {
        /// The archive.
        path: PathBuf,
    }
}

/// Load them.
///
/// # Errors
/// The Engine cannot be reached; the archive cannot be read, or is none.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (docker_image_load) does not support check mode"));
    }
    let engine = Engine::new(&arguments.attributes, context)?;
    let list = engine.get("/images/json", &[])?;
    // Others may load and build meanwhile: only what is in the archive is compared.
    let held = |image: &Json, name: &str| {
        let same = |known: &&Json| known.get("Id") == image.get("Id");
        let tags = |known: &Json| known.get("RepoTags").and_then(Json::as_array).cloned().unwrap_or_default();
        let found = list.as_array().into_iter().flatten().find(same);
        found.is_some_and(|known| name.starts_with("sha256:") || tags(known).iter().any(|tag| tag == name))
    };
    let progress = image::load(&engine, &arguments.path, context)?;
    let names: Vec<String> = progress
        .text
        .lines()
        .filter_map(|line| line.strip_prefix("Loaded image ID: ").or_else(|| line.strip_prefix("Loaded image: ")))
        .map(|name| name.trim().to_owned())
        .collect();
    if names.is_empty() {
        return Err(Failure::new(format!(
            "{}: no image was loaded from this file: {}; is it an archive of images (docker save)?",
            arguments.path.display(),
            progress.text.trim()
        ))
        .with("stdout", progress.text));
    }
    let mut images = Vec::new();
    let mut changed = false;
    for name in &names {
        if let Some(image) = image::inspect(&engine, name)? {
            changed |= !held(&image, name);
            images.push(image);
        }
    }
    Ok(Outcome::new(changed)
        .with("image_names", names)
        .with("images", Value::from_json(&Json::Array(images)))
        .with("stdout", progress.text))
}
