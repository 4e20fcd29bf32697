//! `docker_image_remove`: remove an image, or one of its names.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::image::{self, path_of};
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Connection, Engine, EngineError};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Diff, Failure, Outcome};

arguments! {
    /// Remove a Docker image.
    pub struct Arguments + Connection {
        /// Name of the image, with or without tag, or its ID.
        name: String,
        /// Tag, where the name has none.
        tag: String = "latest".to_owned(),
        /// Remove it even if containers use it, or if it has other names.
        force: bool = false,
        /// Remove the images without a name that it was made of as well.
        prune: bool = true,
    }
}

/// Remove the image.
///
/// # Errors
/// The Engine cannot be reached, or refuses: containers use the image.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = if is_id(&arguments.name) {
        arguments.name.clone()
    } else {
        Reference::parse(&arguments.name, Some(&arguments.tag)).full()
    };
    let engine = Engine::new(&arguments.attributes, context)?;
    let done = |changed: bool, image: &Json, deleted: Vec<String>, untagged: Vec<String>, after: Json| {
        let map = |side: &Json| match Value::from_json(side) {
            Value::Map(map) => map,
            _ => Map::new(),
        };
        let before = match image.get("Id") {
            Some(id) => {
                json!({"exists": true, "id": id, "tags": texts(image, "RepoTags"), "digests": texts(image, "RepoDigests")})
            }
            None => json!({"exists": false}),
        };
        let actions: Vec<String> = changed.then(|| format!("Removed image {name}")).into_iter().collect();
        Outcome::new(changed)
            .with("actions", actions)
            .with("image", Value::from_json(image))
            .with("deleted", deleted)
            .with("untagged", untagged)
            .with_diff(Diff::state(map(&before), map(&after)))
    };
    let Some(found) = image::inspect(&engine, &name)? else {
        return Ok(done(false, &json!({}), Vec::new(), Vec::new(), json!({"exists": false})));
    };
    let id = image::id(&found).to_owned();
    if context.check() {
        let (deleted, untagged, after) = prediction(&found, &name);
        return Ok(done(true, &found, deleted, untagged, after));
    }
    let query = [("force", arguments.force.to_string()), ("noprune", (!arguments.prune).to_string())];
    let removed = match engine.delete(&format!("/images/{}", path_of(&name)), &query) {
        Ok(removed) => removed,
        Err(error) if error.is_missing() => Json::Null,
        Err(EngineError::Refused { status: 409, message, .. }) => {
            return Err(Failure::new(format!(
                "Error removing image {name}: {message}; remove what uses it, or set force: true"
            )));
        }
        Err(error) => return Err(error.into()),
    };
    let list = |kind: &str| -> Vec<String> {
        let items = removed.as_array().into_iter().flatten();
        let mut names: Vec<String> = items.filter_map(|item| item.get(kind)?.as_str()).map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let after = match image::inspect(&engine, &id)? {
        Some(left) => {
            json!({"exists": true, "id": id, "tags": texts(&left, "RepoTags"), "digests": texts(&left, "RepoDigests")})
        }
        None => json!({"exists": false}),
    };
    Ok(done(true, &found, list("Deleted"), list("Untagged"), after))
}

fn texts(image: &Json, name: &str) -> Vec<String> {
    let mut texts: Vec<String> = image
        .get(name)
        .and_then(Json::as_array)
        .into_iter()
        .flatten()
        .filter_map(Json::as_str)
        .map(str::to_owned)
        .collect();
    texts.sort_unstable();
    texts
}

/// What removing would delete and untag, and what would be left; of images that this one was made of nothing is known.
fn prediction(image: &Json, name: &str) -> (Vec<String>, Vec<String>, Json) {
    let id = image::id(image).to_owned();
    let (mut tags, mut digests) = (texts(image, "RepoTags"), texts(image, "RepoDigests"));
    let mut untagged = Vec::new();
    let mut take = |list: &mut Vec<String>, which: &dyn Fn(&String) -> bool| {
        let (gone, left): (Vec<String>, Vec<String>) = list.drain(..).partition(|item| which(item));
        untagged.extend(gone);
        *list = left;
    };
    if is_id(name) {
        take(&mut tags, &|_| true);
        take(&mut digests, &|_| true);
    } else {
        take(&mut tags, &|tag| tag == name);
        take(&mut digests, &|digest| digest == name);
        let repository = Reference::parse(name, None).repository;
        // The digest of a repository goes with the last of its tags.
        if !tags.iter().any(|tag| Reference::parse(tag, None).repository == repository) {
            take(&mut digests, &|digest| Reference::parse(digest, None).repository == repository);
        }
    }
    untagged.sort_unstable();
    if tags.is_empty() && digests.is_empty() {
        return (vec![id], untagged, json!({"exists": false}));
    }
    (Vec::new(), untagged, json!({"exists": true, "id": id, "tags": tags, "digests": digests}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_gone_with_the_last_of_its_names() {
        let image = json!({"Id": "sha256:a", "RepoTags": ["r/a:1", "b:1"], "RepoDigests": ["r/a@sha256:x"]});
        let (deleted, untagged, after) = prediction(&image, "r/a:1");
        assert_eq!((deleted.len(), untagged), (0, vec!["r/a:1".to_owned(), "r/a@sha256:x".to_owned()]));
        assert_eq!(after, json!({"exists": true, "id": "sha256:a", "tags": ["b:1"], "digests": []}));
        let one = json!({"Id": "sha256:a", "RepoTags": ["b:1"], "RepoDigests": []});
        assert_eq!(prediction(&one, "b:1").0, ["sha256:a"]);
    }
}
