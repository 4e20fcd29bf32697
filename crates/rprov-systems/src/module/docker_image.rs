//! `docker_image`: pull, build, load, tag, push, archive and remove images on a Docker Engine.

use std::path::{Path, PathBuf};

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::build_context::BuildContext;
use crate::docker::engine::Patience;
use crate::docker::image::{self, REGISTRY_SILENCE, path_of};
use crate::docker::option::texts;
use crate::docker::progress::Progress;
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Connection, Engine, EngineError, quantity};
use rprov_modules::argument::Rule;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Diff, Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Where an image comes from.
    pub enum Source { Build = "build", Load = "load", Pull = "pull", Local = "local" }
}

choices! {
    /// The state of an image.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Limits of the containers that a build runs in.
    pub struct Limits {
        /// Memory, as in `512M`.
        memory: Option<String>,
        /// Memory and swap together; -1 for no limit.
        memswap: Option<String>,
        /// Relative weight of CPU.
        cpushares: Option<i64>,
        /// CPUs that may be used.
        cpusetcpus: Option<String>,
    }
}

arguments! {
    /// How an image is built.
    pub struct Build {
        /// The directory that is sent.
        path: PathBuf,
        /// The Dockerfile, relative to the directory or absolute.
        dockerfile: Option<String>,
        /// Values of the Dockerfile's `ARG`s.
        args: Option<Map>,
        /// Images whose layers may be used again.
        cache_from: Option<Vec<String>>,
        /// Names for /etc/hosts while building.
        etc_hosts: Option<Map>,
        /// Seconds that the Engine may keep silent.
        http_timeout: Option<u64>,
        /// Labels.
        labels: Option<Map>,
        /// Limits of the containers that a build runs in.
        container_limits: Option<Limits>,
        /// Network of those containers.
        network: Option<String>,
        /// Use nothing from the cache.
        nocache: bool = false,
        /// Platform, as `linux/arm64`.
        platform: Option<String>,
        /// Pull newer versions of the base images.
        pull: bool = false,
        /// Remove the containers of a build that went well.
        rm: bool = true,
        /// Size of /dev/shm, as in `64M`.
        shm_size: Option<String>,
        /// The stage to build.
        target: Option<String>,
        /// Take proxy settings from `config.json`. Has no effect: the Engine's own settings count.
        use_config_proxy: Option<bool>,
    }
}

arguments! {
    /// How an image is pulled.
    pub struct PullOptions {
        /// Platform, as `linux/arm64`.
        platform: Option<String>,
    }
}

arguments! {
    /// Manage Docker images.
    pub struct Arguments + Connection {
        /// Name of the image, with or without tag, or its ID.
        name: String,
        /// Tag, where the name has none.
        tag: String = "latest".to_owned(),
        /// Where it comes from.
        source: Option<Source>,
        /// How it is built.
        build: Option<Build>,
        /// How it is pulled.
        pull: Option<PullOptions>,
        /// File to write the image to.
        archive_path: Option<PathBuf>,
        /// File to load the image from.
        load_path: Option<PathBuf>,
        /// Get it again even if it is there.
        force_source: bool = false,
        /// Remove it even if containers use it.
        force_absent: bool = false,
        /// Tag it even if another image has that tag.
        force_tag: bool = false,
        /// Push it to its registry.
        push: bool = false,
        /// Another name for it, with or without tag.
        repository: Option<String>,
        /// Whether it is to be there.
        state: State = State::Present,
    }
    rules: [
        Rule::If("source", "build", &["build"]),
        Rule::If("source", "load", &["load_path"]),
    ]
}

/// Bring the image to its state.
///
/// # Errors
/// The Engine or the registry cannot be reached or refuses; the build fails; the image is nowhere.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.state == State::Present && arguments.source.is_none() {
        return Err(Failure::new(
            "state is present but all of the following are missing: source; set it to pull, build, load or local",
        ));
    }
    let engine = Engine::new(&arguments.attributes, context)?;
    let reference = Reference::parse(&arguments.name, Some(&arguments.tag));
    let name = if is_id(&arguments.name) { arguments.name.clone() } else { reference.full() };
    let mut task = Task {
        arguments,
        engine,
        context,
        name,
        reference,
        changed: false,
        actions: Vec::new(),
        image: None,
        output: String::new(),
        before: Map::new(),
        after: Map::new(),
    };
    match task.arguments.state {
        State::Present => task.present()?,
        State::Absent => task.absent()?,
    }
    let mut outcome = Outcome::new(task.changed)
        .with("actions", task.actions)
        .with("image", Value::from_json(&task.image.unwrap_or_else(|| json!({}))))
        .with_diff(Diff::state(task.before, task.after));
    if task.arguments.source == Some(Source::Build) {
        outcome = outcome.with("stdout", task.output);
    }
    Ok(outcome)
}

struct Task<'a> {
    arguments: Arguments,
    engine: Engine,
    context: &'a Context<'a>,
    /// The image's full name, or its ID.
    name: String,
    reference: Reference,
    changed: bool,
    actions: Vec<String>,
    image: Option<Json>,
    output: String,
    before: Map,
    after: Map,
}

impl Task<'_> {
    fn act(&mut self, action: String) {
        self.changed = true;
        self.actions.push(action);
    }

    fn differs(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name.to_owned(), before.into());
        self.after.insert(name.to_owned(), after.into());
    }

    fn present(&mut self) -> Result<(), Failure> {
        let found = image::inspect(&self.engine, &self.name)?;
        self.image.clone_from(&found);
        let source = self.arguments.source.unwrap_or(Source::Local);
        if found.is_none() || (self.arguments.force_source && source != Source::Local) {
            if is_id(&self.name) && source != Source::Local {
                return Err(Failure::new(format!(
                    "name: {} is an ID; to {} an image, name it by repository and tag",
                    self.name,
                    source.word()
                )));
            }
            let old = found.as_ref().map(|image| image::id(image).to_owned());
            match source {
                Source::Local => {
                    return Err(Failure::new(format!(
                        "Cannot find the image {} locally; pull, build or load it first, or check the name",
                        self.name
                    )));
                }
                Source::Pull => {
                    if self.context.check() {
                        // Whether the registry has a newer one is not known without asking for it.
                        self.act(format!("Pulled image {}", self.name));
                    } else {
                        let platform = self.arguments.pull.as_ref().and_then(|pull| pull.platform.clone());
                        let image = image::pull(&self.engine, &self.reference, platform.as_deref(), self.context)?;
                        self.fetched(old.as_deref(), image, format!("Pulled image {}", self.name));
                    }
                }
                Source::Build => {
                    let action = format!("Built image {}", self.name);
                    if self.context.check() {
                        self.act(action);
                    } else {
                        let image = self.build()?;
                        self.fetched(old.as_deref(), image, action);
                    }
                }
                Source::Load => {
                    let path = self.arguments.load_path.clone().unwrap_or_default();
                    let action = format!("Loaded image {} from {}", self.name, path.display());
                    if self.context.check() {
                        self.act(action);
                    } else {
                        let image = self.load(&path)?;
                        self.fetched(old.as_deref(), image, action);
                    }
                }
            }
            if self.changed && self.context.check() {
                self.differs("exists", old.is_some(), true);
            }
        }
        if let Some(path) = self.arguments.archive_path.clone() {
            self.archive(&path)?;
        }
        if let Some(repository) = self.arguments.repository.clone() {
            self.tag(&repository)?;
        }
        if self.arguments.push {
            self.push()?;
        }
        Ok(())
    }

    /// Take note of an image that was got, which may be the same as before.
    fn fetched(&mut self, old: Option<&str>, image: Json, action: String) {
        if old != Some(image::id(&image)) {
            self.act(action);
            self.differs("exists", old.is_some(), true);
            if let Some(old) = old {
                let new = image::id(&image).to_owned();
                self.differs("id", old, new);
            }
        } else {
            self.actions.push(action);
        }
        self.image = Some(image);
    }

    fn absent(&mut self) -> Result<(), Failure> {
        let Some(found) = image::inspect(&self.engine, &self.name)? else { return Ok(()) };
        self.differs("exists", true, false);
        self.act(format!("Removed image {}", self.name));
        if self.context.check() {
            return Ok(());
        }
        let query = [("force", self.arguments.force_absent.to_string())];
        match self.engine.delete(&format!("/images/{}", path_of(&self.name)), &query) {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing() => Ok(()),
            Err(EngineError::Refused { status: 409, message, .. }) => Err(Failure::new(format!(
                "cannot remove image {} ({}): {message}; remove what uses it, or set force_absent: true",
                self.name,
                image::id(&found)
            ))),
            Err(error) => Err(error.into()),
        }
    }

    fn build(&mut self) -> Result<Json, Failure> {
        let Some(build) = self.arguments.build.clone() else {
            return Err(Failure::new("source is build but `build` is missing"));
        };
        let tree = BuildContext::new(&build.path, build.dockerfile.as_deref())
            .map_err(|error| Failure::new(format!("build: {error}; check `build.path` and `build.dockerfile`")))?;
        let mut query = vec![
            ("t", self.name.clone()),
            ("dockerfile", tree.dockerfile.clone()),
            ("rm", build.rm.to_string()),
            // A build that fails leaves no containers behind either.
            ("forcerm", build.rm.to_string()),
            ("nocache", build.nocache.to_string()),
        ];
        let mut add = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
        add("pull", build.pull.then(|| "true".to_owned()));
        add("buildargs", build.args.as_ref().map(|args| texts(args).to_string()));
        add("cachefrom", build.cache_from.as_ref().map(|images| json!(images).to_string()));
        add("labels", build.labels.as_ref().map(|labels| texts(labels).to_string()));
        add("networkmode", build.network.clone());
        add("platform", build.platform.clone());
        add("target", build.target.clone());
        for (name, address) in build.etc_hosts.iter().flatten() {
            add("extrahosts", Some(format!("{name}:{}", address.as_str().unwrap_or_default())));
        }
        if let Some(size) = &build.shm_size {
            add("shmsize", Some(quantity::bytes("build.shm_size", size)?.to_string()));
        }
        if let Some(limits) = &build.container_limits {
            for (name, option, size) in [
                ("memory", "container_limits.memory", &limits.memory),
                ("memswap", "container_limits.memswap", &limits.memswap),
            ] {
                if let Some(size) = size {
                    add(name, Some(quantity::bytes(option, size)?.to_string()));
                }
            }
            add("cpushares", limits.cpushares.map(|shares| shares.to_string()));
            add("cpusetcpus", limits.cpusetcpus.clone());
        }
        let patience = build
            .http_timeout
            .map_or(Patience::Of(REGISTRY_SILENCE), |seconds| Patience::Of(std::time::Duration::from_secs(seconds)));
        let progress = image::build(&self.engine, &tree, &query, patience, self.context)?;
        self.output.clone_from(&progress.text);
        self.failed(&progress, &format!("Error building {}", self.name))?;
        image::inspect(&self.engine, &self.name)?.ok_or_else(|| {
            Failure::new(format!("the build ended without an error, but there is no image {}", self.name))
        })
    }

    fn failed(&self, progress: &Progress, what: &str) -> Result<(), Failure> {
        match &progress.error {
            None => Ok(()),
            Some(error) => Err(Failure::new(format!("{what}: {error}")).with("stdout", progress.text.as_str())),
        }
    }

    fn load(&mut self, path: &Path) -> Result<Json, Failure> {
        let progress = image::load(&self.engine, path, self.context)?;
        image::inspect(&self.engine, &self.name)?.ok_or_else(|| {
            Failure::new(format!(
                "{} does not contain the image {}; it has: {}",
                path.display(),
                self.name,
                progress.text.trim().replace('\n', ", ")
            ))
        })
    }

    fn archive(&mut self, path: &Path) -> Result<(), Failure> {
        let id = self.image.as_ref().map(|image| image::id(image).to_owned());
        let name = self.name.clone();
        if let (Some(id), Some([(archived, names)])) = (&id, image::archived(path).as_deref())
            && id.trim_start_matches("sha256:") == archived
            && (is_id(&name) || names.contains(&name))
        {
            return Ok(());
        }
        self.act(format!("Archived image {name} to {}", path.display()));
        self.differs("archive", Value::Null, path.display().to_string());
        if self.context.check() {
            return Ok(());
        }
        image::export(&self.engine, &[name], path)
    }

    fn tag(&mut self, repository: &str) -> Result<(), Failure> {
        let target = Reference::parse(repository, Some(&self.arguments.tag));
        let full = target.full();
        if target.is_digest() {
            return Err(Failure::new(format!("repository: {full} has a digest, which cannot be given to an image")));
        }
        let present = image::inspect(&self.engine, &full)?;
        let wanted = self.image.as_ref().map(|image| image::id(image).to_owned());
        let same = present.is_some() && present.as_ref().map(image::id) == wanted.as_deref();
        if !same || self.arguments.force_tag {
            if !same {
                self.act(format!("Tagged image {} to {full}", self.name));
                self.differs("tag", present.as_ref().map(image::id), wanted.clone());
            }
            if !self.context.check() {
                let query = [("repo", target.repository.clone()), ("tag", target.tag.clone().unwrap_or_default())];
                self.engine.post(&format!("/images/{}/tag", path_of(&self.name)), &query, None)?;
            }
        }
        if !self.context.check() {
            self.image = image::inspect(&self.engine, &full)?;
        }
        Ok(())
    }

    fn push(&mut self) -> Result<(), Failure> {
        let target = match &self.arguments.repository {
            Some(repository) => Reference::parse(repository, Some(&self.arguments.tag)),
            None if is_id(&self.name) => {
                return Err(Failure::new(
                    "push: an image that is named by its ID needs a `repository` to be pushed to",
                ));
            }
            None => self.reference.clone(),
        };
        let action = format!("Pushed image {} to {}", target.full(), target.registry().unwrap_or("docker.io"));
        if self.context.check() {
            self.act(action);
            return Ok(());
        }
        let progress = image::push(&self.engine, &target, self.context)?;
        if progress.has_pushed() {
            self.act(action);
        } else {
            self.actions.push(action);
        }
        if let (Some(image), Some(map)) = (&mut self.image, progress.aux.last().and_then(Json::as_object))
            && let Some(image) = image.as_object_mut()
        {
            image.insert("push_status".to_owned(), progress.status.as_str().into());
            image.extend(
                map.iter().filter(|(name, _)| *name == "Digest").map(|(name, value)| (name.clone(), value.clone())),
            );
        }
        Ok(())
    }
}
