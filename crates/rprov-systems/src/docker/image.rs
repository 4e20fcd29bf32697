//! Images on the Engine: look one up, pull, push, build, load and export it.

use std::fs::File;
use std::io::{BufReader, Read, Write};
use std::path::Path;
use std::time::Duration;

use serde_json::Value as Json;

use super::build_context::BuildContext;
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
    rprov_modules::http::encode(name).replace("%2F", "/").replace("%3A", ":").replace("%40", "@")
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

/// What to do where a registry refuses or does not answer.
fn advice(reference: &Reference, reason: &str) -> String {
    let registry = reference.registry().unwrap_or("docker.io");
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    if has(&["unauthorized", "denied", "no basic auth"]) {
        format!("; log in to {registry} first (docker_login), or check the name")
    } else if has(&["no such host", "timeout", "refused"]) {
        format!("; the host cannot reach the registry {registry}, check its network and proxy")
    } else {
        String::new()
    }
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
    let headers: Vec<(&str, String)> = registry_login::header(reference.registry(), context)
        .into_iter()
        .map(|login| ("X-Registry-Auth", login))
        .collect();
    let failure = |reason: &str| {
        Failure::new(format!("Error pulling image {}: {reason}{}", reference.full(), advice(reference, reason)))
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
    let login = registry_login::header(reference.registry(), context).unwrap_or_else(|| "e30=".to_owned());
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
        let advice = advice(reference, error);
        return Err(Failure::new(format!("Error pushing image {}: {error}{advice}", reference.full())));
    }
    Ok(progress)
}

/// Build an image; the parameters are the Engine's. That the build itself failed is in [`Progress::error`].
///
/// # Errors
/// The Engine cannot be reached or refuses, or a file cannot be read.
pub fn build(
    engine: &Engine,
    tree: &BuildContext,
    query: &[(&str, String)],
    patience: Patience,
    context: &Context<'_>,
) -> Result<Progress, Failure> {
    let logins = registry_login::all_headers(context);
    let headers: Vec<(&str, String)> = logins.into_iter().map(|logins| ("X-Registry-Config", logins)).collect();
    let mut write = |writer: &mut dyn Write| tree.write(writer);
    match engine.send("POST", "/build", query, &headers, Body::Tar(&mut write), patience) {
        Ok(answer) => progress::follow(answer, context),
        Err(EngineError::Refused { message, .. }) => Ok(Progress::failed(message)),
        Err(error) => Err(error.into()),
    }
}

/// Load images from an archive; gives what the Engine says of them.
///
/// # Errors
/// The archive cannot be read, or is none.
pub fn load(engine: &Engine, path: &Path, context: &Context<'_>) -> Result<Progress, Failure> {
    File::open(path).map_err(|error| Failure::io("load image from", path, error))?;
    let mut write = |writer: &mut dyn Write| {
        let mut file = File::open(path)?;
        std::io::copy(&mut file, writer).map(drop)
    };
    let patience = Patience::Of(REGISTRY_SILENCE);
    let answer = engine.send("POST", "/images/load", &[], &[], Body::Tar(&mut write), patience)?;
    let progress = progress::follow(answer, context)?;
    match &progress.error {
        None => Ok(progress),
        Some(error) => Err(Failure::new(format!("Error loading image from {}: {error}", path.display()))
            .with("stdout", progress.text.as_str())),
    }
}

/// Write images to an archive, which is there as a whole or not at all.
///
/// # Errors
/// The file cannot be written, or the Engine refuses.
pub fn export(engine: &Engine, names: &[String], path: &Path) -> Result<(), Failure> {
    let directory = rprov_modules::write::parent(path);
    let mut file = ::tempfile::NamedTempFile::new_in(directory).map_err(|error| Failure::io("create", path, error))?;
    let query: Vec<(&str, String)> = names.iter().map(|name| ("names", name.clone())).collect();
    let patience = Patience::Of(REGISTRY_SILENCE);
    let mut answer = engine.send("GET", "/images/get", &query, &[], Body::None, patience)?;
    std::io::copy(&mut answer, &mut file).map_err(|error| Failure::io("write the image to", path, error))?;
    file.as_file().sync_all().map_err(|error| Failure::io("write", path, error))?;
    file.persist(path).map_err(|error| Failure::io("write", path, error.error))?;
    Ok(())
}

/// The IDs (without `sha256:`) and the names of the images in an archive; `None` if it is no archive of images.
pub fn archived(path: &Path) -> Option<Vec<(String, Vec<String>)>> {
    let mut archive = tar::Archive::new(BufReader::new(File::open(path).ok()?));
    for entry in archive.entries().ok()? {
        let mut entry = entry.ok()?;
        if entry.path().ok()?.as_ref() != Path::new("manifest.json") {
            continue;
        }
        let mut text = String::new();
        entry.by_ref().take(16 << 20).read_to_string(&mut text).ok()?;
        let manifest: Json = serde_json::from_str(&text).ok()?;
        let image = |image: &Json| {
            // `<id>.json`, or since version 25 `blobs/sha256/<id>`.
            let config = Path::new(image.get("Config")?.as_str()?).file_name()?.to_str()?;
            let names = image.get("RepoTags").and_then(Json::as_array).into_iter().flatten();
            let names = names.filter_map(Json::as_str).map(str::to_owned).collect();
            Some((config.trim_end_matches(".json").to_owned(), names))
        };
        return manifest.as_array()?.iter().map(image).collect();
    }
    None
}
