//! `docker_container`: containers on a Docker Engine.
//!
//! The container that is there is compared with what the playbook asks for, option by option. It is changed while it
//! lives where the Engine can do that, and otherwise removed and made anew.

use std::time::{Duration, Instant};

use indexmap::IndexMap;
use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::compare::{Comparison, Shape};
pub use crate::docker::container::Arguments;
use crate::docker::container::arguments::{NameMismatch, Network, Pull, PullCheckMode, State};
use crate::docker::container::network;
use crate::docker::container::wanted::{self, Surroundings};
use crate::docker::container::{Comparisons, Difference, Property, property};
use crate::docker::engine::Answer;
use crate::docker::image;
use crate::docker::reference::{Reference, is_id};
use crate::docker::{Body, Engine, EngineError, Patience, frames};
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Diff, Failure, Outcome};

/// How often a state that is waited for is looked at.
const POLL: Duration = Duration::from_millis(200);

/// Bring the container to its state.
///
/// # Errors
/// The Engine cannot be reached or refuses; the image is nowhere; a run to completion failed.
pub fn run(mut arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    arguments.apply_default_behavior();
    let comparisons = Comparisons::new(&arguments)?;
    let engine = Engine::new(&arguments.attributes, context)?;
    let mut task = Task {
        arguments,
        comparisons,
        engine,
        context,
        changed: false,
        actions: Vec::new(),
        before: Map::new(),
        after: Map::new(),
        finished: None,
    };
    let container = match task.arguments.state {
        State::Absent => {
            task.absent()?;
            None
        }
        _ => task.present()?,
    };
    task.outcome(container)
}

struct Task<'a> {
    arguments: Arguments,
    comparisons: Comparisons,
    engine: Engine,
    context: &'a Context<'a>,
    changed: bool,
    actions: Vec<Json>,
    before: Map,
    after: Map,
    /// Exit status and output of a run to completion.
    finished: Option<(i64, String)>,
}

/// A container as `inspect` gives it.
pub(super) struct Container(pub(super) Json);

impl Container {
    fn text(&self, pointer: &str) -> &str {
        self.0.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
    }

    fn flag(&self, pointer: &str) -> bool {
        self.0.pointer(pointer).and_then(Json::as_bool).unwrap_or_default()
    }

    pub(super) fn id(&self) -> &str {
        self.text("/Id")
    }

    fn is_running(&self) -> bool {
        self.flag("/State/Running") && !self.flag("/State/Ghost")
    }

    fn is_paused(&self) -> bool {
        self.flag("/State/Paused")
    }
}

/// Write text to the system log, if there is one: severity "info" of the facility "user" (RFC 3164).
fn log(text: &str) {
    if let Ok(socket) = std::os::unix::net::UnixDatagram::unbound() {
        // As with syslog(3), a log that is not there is nobody's failure.
        let _ = socket.send_to(format!("<14>docker_container: {text}").as_bytes(), "/dev/log");
    }
}

/// The container of that name or ID.
pub(super) fn find(engine: &Engine, name: &str) -> Result<Option<Container>, EngineError> {
    let found = engine.find(&format!("/containers/{}/json", encode(name)))?.map(Container);
    // The Engine also takes the start of an ID; a name of a few letters must not hit another container by chance.
    Ok(found.filter(|container| {
        container.text("/Name").trim_start_matches('/') == name.trim_start_matches('/')
            || (name.len() >= 12 && container.id().starts_with(name))
    }))
}

/// What is known of the image that the container is to have.
struct Image {
    found: Option<Json>,
    /// It was pulled, and is another one than before; in check mode, it would be.
    pulled: bool,
}

impl Task<'_> {
    fn act(&mut self, action: Json) {
        self.changed = true;
        self.actions.push(action);
    }

    fn differs(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name.to_owned(), before.into());
        self.after.insert(name.to_owned(), after.into());
    }

    fn outcome(self, container: Option<Container>) -> Result<Outcome, Failure> {
        let mut facts = container.map_or(Json::Object(serde_json::Map::new()), |container| container.0);
        let mut values = Map::new();
        if let (Some((status, output)), Some(facts)) = (&self.finished, facts.as_object_mut()) {
            facts.insert("Output".to_owned(), output.as_str().into());
            values.insert("status".to_owned(), (*status).into());
        }
        values.insert("container".to_owned(), Value::from_json(&facts));
        if self.arguments.attributes.debug {
            values.insert("actions".to_owned(), Value::from_json(&Json::Array(self.actions)));
        }
        if let Some((status, output)) = self.finished.filter(|(status, _)| *status != 0) {
            let message = match output.trim() {
                "" => format!("{} ended with status {status} and printed nothing", self.arguments.name),
                _ => output,
            };
            let mut failure = Failure::new(message).with("changed", self.changed);
            failure.values.extend(values);
            return Err(failure.with("status", status));
        }
        Ok(Outcome::new(self.changed).with_all(values).with_diff(Diff::state(self.before, self.after)))
    }

    fn absent(&mut self) -> Result<(), Failure> {
        let name = self.arguments.name.clone();
        let Some(container) = find(&self.engine, &name)? else { return Ok(()) };
        self.differs("exists", true, false);
        if container.is_running() {
            self.differs("running", true, false);
            self.stop(&container)?;
        }
        self.remove(&container)
    }

    fn present(&mut self) -> Result<Option<Container>, Failure> {
        let name = self.arguments.name.clone();
        let mut container = find(&self.engine, &name)?;
        let image = self.image(container.as_ref())?;
        let properties = self.properties(container.as_ref(), &image)?;
        let networks = self.networks()?;
        let mut created = false;

        match &container {
            None => {
                self.differs("exists", false, true);
                let Some(image_name) = self.arguments.image.clone() else {
                    return Err(Failure::new(format!(
                        "Cannot create container when image is not specified! There is no container {name} yet; give `image`"
                    )));
                };
                container = self.create(&properties, &networks, &image, &image_name)?;
                created = true;
            }
            Some(present) => {
                let differences = property::differences(&properties, &self.comparisons, &present.0);
                let other_image = self.image_differs(present, &image);
                for difference in &differences {
                    let (before, after) = (Value::from_json(&difference.current), Value::from_json(&difference.wanted));
                    self.differs(difference.option, before, after);
                }
                if let Some((before, after)) = &other_image {
                    self.differs("image", before.as_str(), after.as_str());
                }
                let must_recreate = differences.iter().any(|difference| !difference.live) || other_image.is_some();
                if must_recreate || self.arguments.recreate {
                    if self.arguments.recreate && !must_recreate {
                        self.differs("recreate", false, true);
                    }
                    let image_name =
                        self.arguments.image.clone().unwrap_or_else(|| present.text("/Config/Image").to_owned());
                    if present.is_running() {
                        self.stop(present)?;
                    }
                    self.remove(present)?;
                    container = self.create(&properties, &networks, &image, &image_name)?;
                    created = true;
                } else if !differences.is_empty() {
                    self.update(present, &properties, &differences)?;
                    container = self.refresh(container)?;
                }
            }
        }
        if let Some(present) = &container
            && self.connect(present, &networks)?
        {
            container = self.refresh(container)?;
        }
        container = self.reach_state(container, created)?;
        Ok(container)
    }

    /// Look again; in check mode nothing has changed.
    fn refresh(&self, container: Option<Container>) -> Result<Option<Container>, Failure> {
        match &container {
            Some(present) if !self.context.check() => Ok(find(&self.engine, present.id())?),
            _ => Ok(container),
        }
    }

    /// Start, stop, restart, pause: whatever the state asks for.
    fn reach_state(&mut self, container: Option<Container>, created: bool) -> Result<Option<Container>, Failure> {
        // In check mode a container that would be created is not there.
        let running = container.as_ref().is_some_and(Container::is_running) && !(created && self.context.check());
        let paused = container.as_ref().is_some_and(Container::is_paused);
        match self.arguments.state {
            State::Started | State::Healthy => {
                if !running {
                    self.differs("running", false, true);
                    return self.start(container);
                }
                if self.arguments.restart && !created {
                    self.differs("restarted", false, true);
                    self.restart(container.as_ref())?;
                }
                if let Some(wanted) = self.arguments.paused
                    && wanted != paused
                {
                    self.differs("paused", paused, wanted);
                    self.pause(container.as_ref(), wanted)?;
                }
                let container = self.refresh(container)?;
                self.wait_healthy(container)
            }
            State::Stopped => {
                if let Some(present) = container.as_ref().filter(|_| running) {
                    self.differs("running", true, false);
                    self.stop(present)?;
                }
                self.refresh(container)
            }
            State::Present | State::Absent => Ok(container),
        }
    }

    /// The image, pulled if that is asked for.
    fn image(&mut self, container: Option<&Container>) -> Result<Image, Failure> {
        let Some(name) = self.arguments.image.clone() else {
            let found = match container {
                Some(container) => image::inspect(&self.engine, container.text("/Image"))?,
                None => None,
            };
            return Ok(Image { found, pulled: false });
        };
        let found = image::find(&self.engine, &name)?;
        let pull = match self.arguments.pull {
            Pull::Always | Pull::Yes => true,
            Pull::Missing | Pull::No => found.is_none(),
            Pull::Never => false,
        };
        if is_id(&name) {
            return match found {
                Some(found) => Ok(Image { found: Some(found), pulled: false }),
                None => Err(Failure::new(format!(
                    "Cannot find image with ID {name}; an ID cannot be pulled, name the image by repository and tag"
                ))),
            };
        }
        if !pull {
            return match found {
                Some(found) => Ok(Image { found: Some(found), pulled: false }),
                None => Err(Failure::new(format!(
                    "Cannot find image with name {}, and pull=never; load or build it first, or set pull: missing",
                    image::canonical(&name)
                ))),
            };
        }
        let reference = Reference::parse(&name, Some("latest"));
        if self.context.check() {
            let predicted = found.is_none() || self.arguments.pull_check_mode_behavior == PullCheckMode::Always;
            if predicted {
                self.act(json!({"pulled_image": reference.full(), "changed": true}));
            }
            return Ok(Image { pulled: predicted, found });
        }
        let pulled = image::pull(&self.engine, &reference, self.arguments.platform.as_deref(), self.context)?;
        let changed = found.as_ref().map(image::id) != Some(image::id(&pulled));
        if changed {
            self.act(json!({"pulled_image": reference.full(), "changed": true}));
        }
        Ok(Image { found: Some(pulled), pulled: changed })
    }

    /// The image before and after, if the container has another one than it is to have.
    fn image_differs(&self, container: &Container, image: &Image) -> Option<(String, String)> {
        if self.comparisons.of("image", Shape::Value) == Comparison::Ignore {
            return None;
        }
        let wanted = self.arguments.image.as_deref()?;
        let Some(found) = &image.found else {
            // It is not there yet and would be pulled; the container cannot have been made from it.
            return image.pulled.then(|| (container.text("/Image").to_owned(), wanted.to_owned()));
        };
        if image::id(found) != container.text("/Image") {
            return Some((container.text("/Image").to_owned(), image::id(found).to_owned()));
        }
        let (before, after) = (image::canonical(container.text("/Config/Image")), image::canonical(wanted));
        let recreate = self.arguments.image_name_mismatch == NameMismatch::Recreate && !is_id(wanted);
        (recreate && before != after).then_some((before, after))
    }

    fn properties(&self, container: Option<&Container>, image: &Image) -> Result<Vec<Property>, Failure> {
        let mut ids = IndexMap::new();
        for mode in
            [&self.arguments.network_mode, &self.arguments.ipc_mode, &self.arguments.pid_mode].into_iter().flatten()
        {
            if let Some(name) = mode.strip_prefix("container:")
                && let Some(found) = find(&self.engine, name)?
            {
                ids.insert(name.to_owned(), found.id().to_owned());
            }
        }
        let current_image = match container {
            Some(container) => image::inspect(&self.engine, container.text("/Image"))?,
            None => None,
        };
        let surroundings = Surroundings {
            image: image.found.as_ref(),
            current_image: current_image.as_ref(),
            container_ids: Some(&ids),
        };
        wanted::properties(&self.arguments, &self.comparisons, surroundings)
    }

    /// The networks that are asked for, each with its name and ID on the Engine.
    fn networks(&self) -> Result<Vec<(Network, String, String)>, Failure> {
        let mut networks = Vec::new();
        for network in self.arguments.networks.iter().flatten() {
            let found = self.engine.find(&format!("/networks/{}", encode(&network.name)))?;
            let field = |name: &str| {
                found.as_ref().and_then(|found| found.get(name)).and_then(Json::as_str).unwrap_or_default().to_owned()
            };
            if found.is_none() && !self.context.check() {
                return Err(Failure::new(format!(
                    "networks: there is no network named {}; create it first (docker_network)",
                    network.name
                )));
            }
            let name = if found.is_none() { network.name.clone() } else { field("Name") };
            networks.push((network.clone(), name, field("Id")));
        }
        Ok(networks)
    }

    fn create(
        &mut self,
        properties: &[Property],
        networks: &[(Network, String, String)],
        image: &Image,
        name_of_image: &str,
    ) -> Result<Option<Container>, Failure> {
        let name_of_image = image::canonical(name_of_image);
        let mut body = property::creation(properties, &name_of_image);
        if let Some(mode) = wanted::network_mode(&self.arguments)
            && let Some((network, name, _)) = networks.iter().find(|(network, ..)| network.name == mode)
            && let Some(body) = body.as_object_mut()
        {
            body.insert("NetworkingConfig".to_owned(), json!({"EndpointsConfig": {name: network::endpoint(network)}}));
        }
        self.act(json!({"created": "Created container", "create_parameters": body}));
        if self.context.check() {
            return Ok(None);
        }
        if image.found.is_none() {
            return Err(Failure::new(format!("there is no image {name_of_image} to create a container from")));
        }
        let name = self.arguments.name.trim_start_matches('/').to_owned();
        let mut query = vec![("name", name.clone())];
        if let Some(platform) = &self.arguments.platform {
            query.push(("platform", platform.clone()));
        }
        let created = self.engine.post("/containers/create", &query, Some(&body)).map_err(|error| {
            let failure = Failure::from(error);
            Failure { message: format!("Error creating container {name}: {}", failure.message), ..failure }
        })?;
        let id = created.get("Id").and_then(Json::as_str).unwrap_or_default();
        Ok(find(&self.engine, id)?)
    }

    fn update(
        &mut self,
        container: &Container,
        properties: &[Property],
        differences: &[Difference],
    ) -> Result<(), Failure> {
        let mut body = property::update(properties, differences);
        // `docker run` lets swap grow with memory, and the Engine refuses memory above the swap of before.
        let memory = body.get("Memory").and_then(Json::as_i64).filter(|memory| *memory > 0);
        if let (Some(memory), None, Some(map)) = (memory, &self.arguments.memory_swap, body.as_object_mut()) {
            map.insert("MemorySwap".to_owned(), memory.saturating_mul(2).into());
        }
        self.act(json!({"updated": container.id(), "update_parameters": body}));
        if self.context.check() {
            return Ok(());
        }
        let answer = self.engine.post(&format!("/containers/{}/update", container.id()), &[], Some(&body))?;
        drop(answer);
        Ok(())
    }

    /// Connect to the networks that are asked for, and leave others where that is asked for. Tells if anything was done.
    fn connect(&mut self, container: &Container, wanted: &[(Network, String, String)]) -> Result<bool, Failure> {
        if self.arguments.networks.is_none() {
            return Ok(false);
        }
        let comparison = self.comparisons.of("networks", Shape::Records);
        if comparison == Comparison::Ignore {
            return Ok(false);
        }
        let empty = serde_json::Map::new();
        let current = container.0.pointer("/NetworkSettings/Networks").and_then(Json::as_object).unwrap_or(&empty);
        let mut acted = false;
        for (network, name, id) in wanted {
            let settings = network::endpoint(network);
            let present = current.get(name).or_else(|| {
                current.values().find(|endpoint| {
                    !id.is_empty() && endpoint.get("NetworkID").and_then(Json::as_str) == Some(id.as_str())
                })
            });
            if let Some(present) = present {
                if network::agrees(&settings, present) {
                    continue;
                }
                self.differs(&format!("network.{name}"), Value::from_json(present), Value::from_json(&settings));
                self.disconnect(container, name)?;
            } else {
                self.differs(&format!("network.{name}"), Value::Null, Value::from_json(&settings));
            }
            acted = true;
            self.act(json!({"added_to_network": name, "network_parameters": settings}));
            if !self.context.check() {
                let body = json!({"Container": container.id(), "EndpointConfig": settings});
                self.engine.post(&format!("/networks/{}/connect", encode(id)), &[], Some(&body))?;
            }
        }
        if comparison == Comparison::Strict {
            for (name, endpoint) in current {
                let id = endpoint.get("NetworkID").and_then(Json::as_str).unwrap_or_default();
                if wanted.iter().any(|(_, known, known_id)| known == name || (!id.is_empty() && known_id == id)) {
                    continue;
                }
                self.differs(&format!("network.{name}"), Value::from_json(endpoint), Value::Null);
                acted = true;
                self.disconnect(container, name)?;
            }
        }
        Ok(acted)
    }

    fn disconnect(&mut self, container: &Container, network: &str) -> Result<(), Failure> {
        self.act(json!({"removed_from_network": network}));
        if !self.context.check() {
            let body = json!({"Container": container.id(), "Force": false});
            self.engine.post(&format!("/networks/{}/disconnect", encode(network)), &[], Some(&body))?;
        }
        Ok(())
    }

    fn post(&self, container: &Container, verb: &str, query: &[(&str, String)]) -> Result<(), Failure> {
        let path = format!("/containers/{}/{verb}", container.id());
        self.engine.json("POST", &path, query, None, self.stop_patience(container))?;
        Ok(())
    }

    /// A stop answers only when the container has ended, which may take its grace period.
    fn stop_patience(&self, container: &Container) -> Patience {
        let own = container.0.pointer("/Config/StopTimeout").and_then(Json::as_i64).unwrap_or(10);
        let grace = self.arguments.stop_timeout.unwrap_or(own);
        match u64::try_from(grace) {
            Ok(grace) => Patience::Of(Duration::from_secs(grace.saturating_add(60))),
            // -1 waits for ever.
            Err(_) => Patience::Endless,
        }
    }

    fn stop(&mut self, container: &Container) -> Result<(), Failure> {
        if self.arguments.force_kill {
            let signal = self.arguments.kill_signal.clone();
            self.act(json!({"killed": container.id(), "signal": signal}));
            if self.context.check() {
                return Ok(());
            }
            let query: Vec<(&str, String)> = signal.map(|signal| ("signal", signal)).into_iter().collect();
            return match self.post(container, "kill", &query) {
                // It may have ended in between.
                Err(failure) if failure.message.contains("is not running") => Ok(()),
                other => other,
            };
        }
        self.act(json!({"stopped": container.id(), "timeout": self.arguments.stop_timeout}));
        if self.context.check() {
            return Ok(());
        }
        if container.is_paused() {
            // A frozen process cannot act on the stop signal.
            self.post(container, "unpause", &[])?;
        }
        let query: Vec<(&str, String)> =
            self.arguments.stop_timeout.map(|seconds| ("t", seconds.to_string())).into_iter().collect();
        self.post(container, "stop", &query)
    }

    fn remove(&mut self, container: &Container) -> Result<(), Failure> {
        let keep = self.arguments.keep_volumes;
        self.act(json!({"removed": container.id(), "volume_state": keep}));
        if self.context.check() {
            return Ok(());
        }
        self.delete(container, false)
    }

    fn delete(&self, container: &Container, force: bool) -> Result<(), Failure> {
        let volumes = !self.arguments.keep_volumes;
        let query = [("v", volumes.to_string()), ("force", force.to_string()), ("link", "false".to_owned())];
        let path = format!("/containers/{}", container.id());
        match self.engine.delete(&path, &query) {
            Ok(_) => {}
            // It removes itself, or is being removed already.
            Err(error) if error.is_missing() => return Ok(()),
            Err(EngineError::Refused { status: 409, message, .. }) if message.contains("already in progress") => {}
            Err(error) => return Err(error.into()),
        }
        let started = Instant::now();
        while self.engine.find(&format!("{path}/json"))?.is_some() {
            self.context.checkpoint()?;
            if self.arguments.removal_wait_timeout.is_some_and(|limit| started.elapsed().as_secs_f64() >= limit) {
                return Err(Failure::new(format!(
                    "container {} is still being removed; raise removal_wait_timeout",
                    self.arguments.name
                )));
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    fn restart(&mut self, container: Option<&Container>) -> Result<(), Failure> {
        let Some(container) = container else { return Ok(()) };
        self.act(json!({"restarted": container.id(), "timeout": self.arguments.stop_timeout}));
        if self.context.check() {
            return Ok(());
        }
        let query: Vec<(&str, String)> =
            self.arguments.stop_timeout.map(|seconds| ("t", seconds.to_string())).into_iter().collect();
        self.post(container, "restart", &query)
    }

    fn pause(&mut self, container: Option<&Container>, pause: bool) -> Result<(), Failure> {
        let Some(container) = container else { return Ok(()) };
        self.act(json!({"set_paused": pause}));
        if self.context.check() {
            return Ok(());
        }
        self.post(container, if pause { "pause" } else { "unpause" }, &[])
    }

    fn start(&mut self, container: Option<Container>) -> Result<Option<Container>, Failure> {
        self.act(json!({"started": container.as_ref().map(|container| container.id().to_owned())}));
        let pause = self.arguments.paused == Some(true);
        let Some(present) = container.as_ref().filter(|_| !self.context.check()) else { return Ok(container) };
        if self.arguments.detach == Some(false) {
            return self.run_to_completion(container);
        }
        self.post(present, "start", &[]).map_err(|failure| Failure {
            message: format!("Error starting container {}: {}", self.arguments.name, failure.message),
            ..failure
        })?;
        if pause {
            self.differs("paused", false, true);
            self.pause(container.as_ref(), true)?;
        }
        let started = self.refresh(container)?;
        self.wait_healthy(started)
    }

    /// Start it, show what it prints, wait until it ends, and remove it if that is asked for.
    fn run_to_completion(&mut self, container: Option<Container>) -> Result<Option<Container>, Failure> {
        let Some(present) = container.as_ref() else { return Ok(container) };
        let path = format!("/containers/{}", present.id());
        let post = |path: &str, query: &[(&str, String)]| -> Result<Answer, EngineError> {
            self.engine.send("POST", path, query, &[], Body::None, Patience::Endless)
        };
        let on = || "1".to_owned();
        // Both before the start, so that neither output nor status of a short run is missed.
        let mut output = post(&format!("{path}/attach"), &[("stream", on()), ("stdout", on()), ("stderr", on())])?;
        let auto_remove = present.flag("/HostConfig/AutoRemove");
        let condition = if auto_remove { "removed" } else { "next-exit" };
        let mut wait = post(&format!("{path}/wait"), &[("condition", condition.to_owned())])?;
        self.post(present, "start", &[])?;
        let live = self.context.options.live;
        let printed = frames::read(&mut output, present.flag("/Config/Tty"), |stream, data| {
            if live {
                self.context.transport.output(stream, data);
            }
        });
        let printed = printed.map_err(|error| output.error(error))?;
        let ended: Json = serde_json::from_reader(&mut wait).map_err(|error| wait.error(error.into()))?;
        let status = ended.get("StatusCode").and_then(Json::as_i64).unwrap_or_default();
        let text = String::from_utf8_lossy(&printed.both).into_owned();
        if self.arguments.output_logs {
            log(&text);
        }
        self.finished = Some((status, text));
        let seen = if auto_remove { container } else { self.refresh(container)? };
        if self.arguments.cleanup
            && !auto_remove
            && let Some(seen) = &seen
        {
            self.delete(seen, true)?;
        }
        Ok(seen)
    }

    fn wait_healthy(&self, container: Option<Container>) -> Result<Option<Container>, Failure> {
        let mut container = container;
        if self.arguments.state != State::Healthy || self.context.check() {
            return Ok(container);
        }
        let limit = self.arguments.healthy_wait_timeout;
        let started = Instant::now();
        loop {
            let Some(present) = &container else {
                return Err(Failure::new(format!("container {} is gone", self.arguments.name)));
            };
            let state = present.0.pointer("/State").cloned().unwrap_or(Json::Null);
            match state.pointer("/Health/Status").and_then(Json::as_str) {
                Some("healthy") => return Ok(container),
                None | Some("none") => {
                    return Err(Failure::new(format!(
                        "container {} has no health check, so it can never become healthy; give `healthcheck`",
                        self.arguments.name
                    )));
                }
                Some("unhealthy") => return Err(self.unhealthy(&state, "is unhealthy")),
                Some(_) if !present.is_running() => return Err(self.unhealthy(&state, "ended before it was healthy")),
                Some(_) => {}
            }
            if limit > 0.0 && started.elapsed().as_secs_f64() >= limit {
                return Err(self.unhealthy(&state, &format!("is not healthy after {limit} seconds")));
            }
            self.context.checkpoint()?;
            std::thread::sleep(POLL);
            container = find(&self.engine, &self.arguments.name)?;
        }
    }

    fn unhealthy(&self, state: &Json, what: &str) -> Failure {
        let log = state.pointer("/Health/Log").and_then(Json::as_array).and_then(|log| log.last());
        let output = log.and_then(|entry| entry.get("Output")).and_then(Json::as_str).unwrap_or_default().trim();
        let last = if output.is_empty() { String::new() } else { format!("; its last check said: {output}") };
        Failure::new(format!("container {} {what}{last}", self.arguments.name)).with("changed", self.changed)
    }
}
