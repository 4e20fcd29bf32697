//! `docker_image_pull`: get an image from a registry.

use rprov_wire::{Map, Value};
use serde_json::Value as Json;

use crate::docker::image;
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Connection, Engine};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Diff, Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// When the image is pulled.
    pub enum Pull { Always = "always", NotPresent = "not_present" }
}

arguments! {
    /// Pull a Docker image from a registry.
    pub struct Arguments + Connection {
        /// Name of the image, with or without tag or digest.
        name: String,
        /// Platform, as `linux/arm64`.
        platform: Option<String>,
        /// When the image is pulled.
        pull: Pull = Pull::Always,
        /// Tag, where the name has none.
        tag: String = "latest".to_owned(),
    }
}

/// Pull the image.
///
/// # Errors
/// The Engine or the registry cannot be reached or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if is_id(&arguments.name) {
        return Err(Failure::new("name: an ID cannot be pulled; name the image by repository and tag, or by digest"));
    }
    let reference = Reference::parse(&arguments.name, Some(&arguments.tag));
    let engine = Engine::new(&arguments.attributes, context)?;
    let found = image::inspect(&engine, &reference.full())?;
    let side = |id: Option<&str>| -> Map {
        match id {
            Some(id) => [("id".to_owned(), id.into())].into_iter().collect(),
            None => [("exists".to_owned(), false.into())].into_iter().collect(),
        }
    };
    let old = found.as_ref().map(|found| image::id(found).to_owned());
    let before = side(old.as_deref());
    let outcome = |changed: bool, actions: Vec<String>, image: Option<&Json>, after: Map| {
        Outcome::new(changed)
            .with("actions", actions)
            .with("image", image.map_or_else(|| Value::Map(Map::new()), Value::from_json))
            .with_diff(Diff::state(before.clone(), after))
    };
    if let Some(found) = &found
        && arguments.pull == Pull::NotPresent
        && arguments.platform.as_deref().is_none_or(|platform| is_for(found, platform))
    {
        return Ok(outcome(false, Vec::new(), Some(found), before.clone()));
    }
    let action = format!("Pulled image {}", reference.full());
    if context.check() {
        return Ok(outcome(true, vec![action], found.as_ref(), side(Some("unknown"))));
    }
    let image = image::pull(&engine, &reference, arguments.platform.as_deref(), context)?;
    let id = image::id(&image);
    Ok(outcome(old.as_deref() != Some(id), vec![action], Some(&image), side(Some(id))))
}

/// Whether an image is for a platform, of which only what is named counts.
fn is_for(image: &Json, platform: &str) -> bool {
    let has = |name: &str| image.get(name).and_then(Json::as_str).unwrap_or_default().to_lowercase();
    let plain = |architecture: &str| match architecture {
        "x86_64" | "x86-64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "i386" => "386".to_owned(),
        other => other.to_owned(),
    };
    let lower = platform.to_lowercase();
    let mut parts = lower.split('/');
    let first = parts.next().unwrap_or_default();
    let (system, architecture) = match parts.next() {
        Some(architecture) => (Some(first), Some(architecture)),
        None if matches!(first, "linux" | "windows" | "freebsd" | "darwin") => (Some(first), None),
        None => (None, Some(first)),
    };
    system.is_none_or(|system| has("Os") == system)
        && architecture.is_none_or(|architecture| plain(&has("Architecture")) == plain(architecture))
        && parts.next().is_none_or(|variant| has("Variant") == variant)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_platform_may_name_less_than_the_image_has() {
        let image = json!({"Os": "linux", "Architecture": "arm64", "Variant": "v8"});
        for (platform, fits) in [
            ("linux/arm64", true),
            ("linux", true),
            ("aarch64", true),
            ("linux/arm64/v8", true),
            ("linux/arm64/v7", false),
            ("linux/amd64", false),
            ("windows", false),
        ] {
            assert_eq!(is_for(&image, platform), fits, "{platform}");
        }
    }
}
