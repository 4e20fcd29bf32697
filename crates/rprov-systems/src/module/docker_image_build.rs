//! `docker_image_build`: build an image.
//!
//! The reference runs Docker's plugin buildx; here the Engine's own builder does it, so nothing is needed on the host. What
//! only buildx can do is refused.

use std::path::PathBuf;

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::build_context::BuildContext;
use crate::docker::cli::CliConnection;
use crate::docker::image::{self, REGISTRY_SILENCE, path_of};
use crate::docker::option::texts;
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Engine, Patience, quantity};
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether an image that is there is built again.
    pub enum Rebuild { Never = "never", Always = "always" }
}

choices! {
    /// What becomes of an image that was built.
    pub enum OutputType { Local = "local", Tar = "tar", Oci = "oci", Docker = "docker", Image = "image" }
}

choices! {
    /// Where a secret comes from.
    pub enum SecretType { File = "file", Env = "env", Value = "value" }
}

arguments! {
    /// What becomes of an image that was built.
    pub struct Output {
        /// What becomes of it.
        r#type: OutputType,
        /// Path of a file or directory.
        dest: Option<PathBuf>,
        /// Context of the command `docker`.
        context: Option<String>,
        /// Names of the image.
        name: Option<Vec<String>>,
        /// Push it to its registry.
        push: bool = false,
    }
}

arguments! {
    /// A secret that the build sees as a file.
    pub struct BuildSecret {
        /// Its name.
        id: String,
        /// Where it comes from.
        r#type: SecretType,
        /// The file.
        src: Option<PathBuf>,
        /// The variable.
        env: Option<String>,
        /// The secret itself.
        value: Option<Secret>,
    }
}

arguments! {
    /// Build a Docker image.
    pub struct Arguments + CliConnection {
        /// Name of the image, with or without tag.
        name: String,
        /// Tag, where the name has none.
        tag: String = "latest".to_owned(),
        /// The directory that is sent.
        path: PathBuf,
        /// The Dockerfile, relative to the directory or absolute.
        dockerfile: Option<String>,
        /// Images whose layers may be used again.
        cache_from: Option<Vec<String>>,
        /// Pull newer versions of the base images.
        pull: bool = false,
        /// Network of the containers that the build runs in.
        network: Option<String>,
        /// Use nothing from the cache.
        nocache: bool = false,
        /// Names for /etc/hosts while building.
        etc_hosts: Option<Map>,
        /// Values of the Dockerfile's `ARG`s.
        args: Option<Map>,
        /// The stage to build.
        target: Option<String>,
        /// Platforms, as `linux/arm64`; the Engine's own builder takes one.
        platform: Option<Vec<String>>,
        /// Size of /dev/shm, as in `64M`.
        shm_size: Option<String>,
        /// Labels.
        labels: Option<Map>,
        /// Whether an image that is there is built again.
        rebuild: Rebuild = Rebuild::Never,
        /// Secrets for the build; they need Docker's plugin buildx, and are refused.
        secrets: Option<Vec<BuildSecret>>,
        /// What becomes of the image; but for `image`, this needs Docker's plugin buildx, and is refused.
        outputs: Option<Vec<Output>>,
    }
    rules: [Rule::Exclusive(&["docker_host", "cli_context"])]
}

/// Build the image.
///
/// # Errors
/// The Engine cannot be reached; the build fails; something is asked for that needs buildx.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let reference = Reference::parse(&arguments.name, Some(&arguments.tag));
    if is_id(&arguments.name) || reference.is_digest() {
        return Err(Failure::new(
            "name: an image cannot be built to have a given ID or digest; name a repository and tag",
        ));
    }
    let (names, pushed) = outputs(&arguments, &reference)?;
    let engine = Engine::new(&arguments.attributes.direct()?, context)?;
    let name = reference.full();
    let found = image::inspect(&engine, &name)?;
    let done = |changed: bool, actions: Vec<String>, image: Option<&Json>| {
        Outcome::new(changed)
            .with("actions", actions)
            .with("image", image.map_or_else(|| Value::Map(Map::new()), Value::from_json))
    };
    if found.is_some() && arguments.rebuild == Rebuild::Never {
        return Ok(done(false, Vec::new(), found.as_ref()));
    }
    let tree = BuildContext::new(&arguments.path, arguments.dockerfile.as_deref())
        .map_err(|error| Failure::new(format!("{error}; check `path` and `dockerfile`")))?;
    let mut query = query(&arguments, &tree)?;
    query.extend(names.iter().map(|name| ("t", name.clone())));
    let action = format!("Built image {name}");
    if context.check() {
        return Ok(done(true, vec![action], found.as_ref()));
    }
    let progress = image::build(&engine, &tree, &query, Patience::Of(REGISTRY_SILENCE), context)?;
    if let Some(error) = &progress.error {
        return Err(Failure::new(format!("Building {name} failed: {error}")).with("stdout", progress.text.as_str()));
    }
    let mut actions = vec![action];
    let built = names.first().unwrap_or(&name);
    let image = image::inspect(&engine, built)?.ok_or_else(|| {
        Failure::new(format!("the build ended without an error, but there is no image {built}"))
            .with("stdout", progress.text.as_str())
    })?;
    let mut changed = found.as_ref().map(image::id) != Some(image::id(&image));
    for name in pushed {
        let progress = image::push(&engine, &Reference::parse(&name, Some("latest")), context)?;
        changed |= progress.has_pushed();
        actions.push(format!("Pushed image {name}"));
    }
    Ok(done(changed, actions, Some(&image)).with("stdout", progress.text))
}

/// The names that the image gets, and those under which it is pushed.
fn outputs(arguments: &Arguments, reference: &Reference) -> Result<(Vec<String>, Vec<String>), Failure> {
    let needs = |what: &str| {
        Failure::new(format!(
            "{what} needs Docker's plugin buildx, which rprov does not use: it builds with the Engine's own builder; run \
             `docker buildx build` with the module command instead"
        ))
    };
    if arguments.secrets.as_ref().is_some_and(|secrets| !secrets.is_empty()) {
        return Err(needs("secrets"));
    }
    if arguments.platform.as_ref().is_some_and(|platforms| platforms.len() > 1) {
        return Err(needs("more than one platform"));
    }
    let (mut names, mut pushed) = (vec![reference.full()], Vec::new());
    for output in arguments.outputs.iter().flatten() {
        match output.r#type {
            OutputType::Image => {}
            OutputType::Docker if output.dest.is_none() && output.context.is_none() => {}
            other => return Err(needs(&format!("outputs: the type {}", other.word()))),
        }
        let of_output: Vec<String> = match &output.name {
            Some(names) => names.iter().map(|name| Reference::parse(name, Some("latest")).full()).collect(),
            None => vec![reference.full()],
        };
        if output.push {
            pushed.extend(of_output.iter().cloned());
        }
        names.extend(of_output);
    }
    for list in [&mut names, &mut pushed] {
        let mut seen = std::collections::HashSet::new();
        list.retain(|name| seen.insert(path_of(name)));
    }
    Ok((names, pushed))
}

fn query(arguments: &Arguments, tree: &BuildContext) -> Result<Vec<(&'static str, String)>, Failure> {
    let mut query = vec![
        ("dockerfile", tree.dockerfile.clone()),
        ("rm", "true".to_owned()),
        // A build that fails leaves no containers behind either.
        ("forcerm", "true".to_owned()),
        ("nocache", arguments.nocache.to_string()),
    ];
    let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
    add("pull", arguments.pull.then(|| "true".to_owned()));
    add("buildargs", arguments.args.as_ref().map(|args| texts(args).to_string()));
    add("cachefrom", arguments.cache_from.as_ref().map(|images| json!(images).to_string()));
    add("labels", arguments.labels.as_ref().map(|labels| texts(labels).to_string()));
    add("networkmode", arguments.network.clone());
    add("platform", arguments.platform.as_ref().and_then(|platforms| platforms.first().cloned()));
    add("target", arguments.target.clone());
    if let Some(hosts) = &arguments.etc_hosts {
        for (name, address) in texts(hosts).as_object().into_iter().flatten() {
            add("extrahosts", Some(format!("{name}:{}", address.as_str().unwrap_or_default())));
        }
    }
    if let Some(size) = &arguments.shm_size {
        add("shmsize", Some(quantity::bytes("shm_size", size)?.to_string()));
    }
    Ok(query)
}
