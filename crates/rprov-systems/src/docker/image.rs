//! Images on the Engine: look one up, pull it.

use std::time::Duration;

use serde_json::Value as Json;

use super::engine::{Body, Engine, Patience};
use super::error::EngineError;
use super::progress::{self, Progress};
use super::reference::{Reference, is_id};
use super::registry_login;
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;

/// How long a registry may keep silent while it is pulled from or pushed to.
pub const REGISTRY_SILENCE: Duration = Duration::from_secs(600);

/// The path of a name within a URL: slashes, colons and `@` stand for themselves.
pub fn path_of(name: &str) -> String {
    super::message::encode(name).replace("%2F", "/").replace("%3A", ":").replace("%40", "@")
}

/// What the Engine knows of an image, if it has it.
///
/// # Errors
/// The Engine cannot be reached.
pub fn inspect(engine: &Engine, name: &str) -> Result<Option<Json>, EngineError> {
    engine.find(&format!("/images/{}/json", path_of(name)))
}

/// As [`inspect`], for a name with or without a tag; an ID stands for itself.
///
/// # Errors
/// The Engine cannot be reached.
pub fn find(engine: &Engine, name: &str) -> Result<Option<Json>, EngineError> {
    inspect(engine, &canonical(name))
}

/// The name with its tag.
pub fn canonical(name: &str) -> String {
    if is_id(name) { name.to_owned() } else { Reference::parse(name, Some("latest")).full() }
}

/// An image's ID.
pub fn id(image: &Json) -> &str {
    image.get("Id").and_then(Json::as_str).unwrap_or_default()
}

/// Pull an image, and say what it is now.
///
/// # Errors
/// The registry does not have it, cannot be reached, or wants a login.
pub fn pull(
    engine: &Engine,
    reference: &Reference,
    platform: Option<&str>,
    context: &Context<'_>,
) -> Result<Json, Failure> {
    let tag = reference.tag.clone().unwrap_or_else(|| "latest".to_owned());
    let mut query = vec![("fromImage", reference.repository.clone()), ("tag", tag)];
    if let Some(platform) = platform {
        query.push(("platform", platform.to_owned()));
    }
    let headers: Vec<(&str, String)> =
        registry_login::header(reference.registry()).into_iter().map(|login| ("X-Registry-Auth", login)).collect();
    let failure = |reason: &str| {
        let registry = reference.registry().unwrap_or("docker.io");
        let advice = if reason.contains("unauthorized") || reason.contains("denied") {
            format!("; log in to {registry} first (docker_login), or check the name")
        } else if reason.contains("no such host") || reason.contains("timeout") || reason.contains("refused") {
            format!("; the host cannot reach the registry {registry}, check its network and proxy")
        } else {
            String::new()
        };
        Failure::new(format!("Error pulling image {}: {reason}{advice}", reference.full()))
    };
    let answer = engine
        .send("POST", "/images/create", &query, &headers, Body::None, Patience::Of(REGISTRY_SILENCE))
        .map_err(|error| match &error {
            EngineError::Refused { message, .. } => failure(message),
            _ => error.into(),
        })?;
    let progress = progress::follow(answer, context)?;
    if let Some(error) = &progress.error {
        return Err(failure(error));
    }
    inspect(engine, &reference.full())?.ok_or_else(|| {
        failure("the registry's answer ended without an error, but the image is not there; is the tag right?")
    })
}

/// Push an image.
///
/// # Errors
/// The registry refuses it, or cannot be reached.
pub fn push(engine: &Engine, reference: &Reference, context: &Context<'_>) -> Result<Progress, Failure> {
    // The Engine wants the header even where there is no login.
    let login = registry_login::header(reference.registry()).unwrap_or_else(|| "e30=".to_owned());
    let query: Vec<(&str, String)> = reference.tag.clone().into_iter().map(|tag| ("tag", tag)).collect();
    let path = format!("/images/{}/push", path_of(&reference.repository));
    let answer = engine.send(
        "POST",
        &path,
        &query,
        &[("X-Registry-Auth", login)],
        Body::None,
        Patience::Of(REGISTRY_SILENCE),
    )?;
    let progress = progress::follow(answer, context)?;
    if let Some(error) = &progress.error {
        return Err(Failure::new(format!("Error pushing image {}: {error}", reference.full())));
    }
    Ok(progress)
}
