//! `docker_image_tag`: give an image more names.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::image::{self, path_of};
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Connection, Engine};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Diff, Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// What becomes of a name that another image has.
    pub enum Existing { Keep = "keep", Overwrite = "overwrite" }
}

arguments! {
    /// Tag a Docker image with new names.
    pub struct Arguments + Connection {
        /// Name of the image, with or without tag, or its ID.
        name: String,
        /// Tag, where the name has none.
        tag: String = "latest".to_owned(),
        /// The new names, with or without tag.
        repository: Vec<String>,
        /// What becomes of a name that another image has.
        existing_images: Existing = Existing::Overwrite,
    }
}

/// Tag the image.
///
/// # Errors
/// The Engine cannot be reached; the image is not there.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = if is_id(&arguments.name) {
        arguments.name.clone()
    } else {
        Reference::parse(&arguments.name, Some(&arguments.tag)).full()
    };
    let mut targets = Vec::new();
    for repository in &arguments.repository {
        let target = Reference::parse(repository, Some(&arguments.tag));
        if is_id(repository) || target.is_digest() {
            return Err(Failure::new(format!(
                "repository: {repository} names an image by its content; write a repository and a tag"
            )));
        }
        targets.push(target);
    }
    let engine = Engine::new(&arguments.attributes, context)?;
    let Some(found) = image::inspect(&engine, &name)? else {
        return Err(Failure::new(format!("Cannot find the image {name}; pull, build or load it first")));
    };
    let id = image::id(&found);
    let (mut tagged, mut actions, mut before, mut after) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for target in targets {
        let full = target.full();
        let present = image::inspect(&engine, &full)?;
        let side = |id: Option<&str>| match id {
            Some(id) => json!({"name": full, "id": id}),
            None => json!({"name": full, "exists": false}),
        };
        let old = present.as_ref().map(image::id);
        before.push(side(old));
        if old == Some(id) || (old.is_some() && arguments.existing_images == Existing::Keep) {
            after.push(side(old));
            continue;
        }
        after.push(side(Some(id)));
        if !context.check() {
            let query = [("repo", target.repository.clone()), ("tag", target.tag.clone().unwrap_or_default())];
            engine.post(&format!("/images/{}/tag", path_of(&name)), &query, None)?;
        }
        actions.push(format!("Tagged image {name} as {full}"));
        tagged.push(full);
    }
    let images = |list: Vec<Json>| -> Map {
        [("images".to_owned(), Value::from_json(&Json::Array(list)))].into_iter().collect()
    };
    Ok(Outcome::new(!tagged.is_empty())
        .with("actions", actions)
        .with("image", Value::from_json(&found))
        .with("tagged_images", tagged)
        .with_diff(Diff::state(images(before), images(after))))
}
