//! `docker_swarm_service`: services of a Docker swarm.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::image::path_of;
use crate::docker::reference::Reference;
pub use crate::docker::service::Arguments;
use crate::docker::service::arguments::{Mode, State};
use crate::docker::service::field::read;
use crate::docker::service::wanted::fields;
use crate::docker::service::{Fields, differences, specification};
use crate::docker::{Engine, EngineError, Patience, registry_login, swarm};
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Diff, Failure, Outcome};

/// Bring the service to its state.
///
/// # Errors
/// The Engine cannot be reached, is no manager, or refuses; something that the service needs is not there.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    swarm::require_manager(&engine)?;
    let present = swarm::named(&engine, "/services", &arguments.name)?;
    let task = Task { arguments, engine, context };
    match task.arguments.state {
        State::Absent => task.absent(present.as_ref()),
        State::Present => task.present(present.as_ref()),
    }
}

/// What was done.
struct Done {
    message: &'static str,
    changed: bool,
    rebuilt: bool,
    changes: Vec<&'static str>,
    facts: Fields,
    before: Map,
    after: Map,
}

impl Done {
    fn into_outcome(self) -> Outcome {
        let changes: Vec<String> = self.changes.into_iter().map(str::to_owned).collect();
        Outcome::new(self.changed)
            .with("msg", self.message)
            .with("rebuilt", self.rebuilt)
            .with("changes", changes)
            .with("swarm_service", value(&self.facts))
            .with_diff(Diff::state(self.before, self.after))
    }
}

fn value(fields: &Fields) -> Value {
    Value::Map(fields.iter().map(|(name, field)| ((*name).to_owned(), Value::from_json(field))).collect())
}

struct Task<'a> {
    arguments: Arguments,
    engine: Engine,
    context: &'a Context<'a>,
}

impl Task<'_> {
    fn absent(&self, present: Option<&Json>) -> Result<Outcome, Failure> {
        let mut done = Done {
            message: "Service absent",
            changed: false,
            rebuilt: false,
            changes: Vec::new(),
            facts: Fields::new(),
            before: Map::new(),
            after: Map::new(),
        };
        if let Some(present) = present {
            done.changed = true;
            done.message = "Service removed";
            done.before.insert("exists".to_owned(), true.into());
            done.after.insert("exists".to_owned(), false.into());
            if !self.context.check() {
                self.delete(present)?;
            }
        }
        Ok(done.into_outcome())
    }

    fn present(&self, present: Option<&Json>) -> Result<Outcome, Failure> {
        let mut wanted = fields(&self.arguments, &self.engine)?;
        let image = self.arguments.image.clone().unwrap_or_default();
        wanted.insert("image", if self.arguments.resolve_image { self.resolve(&image)? } else { image }.into());
        let mut done = Done {
            message: "Service created",
            changed: true,
            rebuilt: false,
            changes: Vec::new(),
            facts: wanted.clone(),
            before: Map::new(),
            after: Map::new(),
        };
        let Some(present) = present else {
            done.before.insert("exists".to_owned(), false.into());
            done.after.insert("exists".to_owned(), true.into());
            if !self.context.check() {
                self.create(&wanted)?;
            }
            return self.described(done);
        };
        let current = read(present);
        done.changes = differences(&wanted, &current);
        for name in &done.changes {
            let side = |fields: &Fields| fields.get(name).map_or(Value::Null, Value::from_json);
            done.before.insert((*name).to_owned(), side(&current));
            done.after.insert((*name).to_owned(), side(&wanted));
        }
        // Before version 1.29 of the API, networks of a service could not be changed.
        let fixed = self.engine.version() < (1, 29) && done.changes.contains(&"networks");
        if fixed || done.changes.contains(&"mode") {
            done.message = "Service rebuilt";
            done.rebuilt = true;
            if !self.context.check() {
                self.rebuild(present, &wanted)?;
            }
        } else if self.arguments.force_update || !done.changes.is_empty() {
            done.message = if done.changes.is_empty() { "Service forcefully updated" } else { "Service updated" };
            if self.arguments.force_update {
                let count = current.get("force_update").and_then(Json::as_i64).unwrap_or_default();
                done.before.insert("force_update".to_owned(), count.into());
                done.after.insert("force_update".to_owned(), (count + 1).into());
                done.changes.push("force_update");
            }
            if !self.context.check() {
                self.update(present, &wanted)?;
            }
        } else {
            done.message = "Service unchanged";
            done.changed = false;
        }
        self.described(done)
    }

    /// The outcome, with the service as it is now.
    fn described(&self, mut done: Done) -> Result<Outcome, Failure> {
        if !self.context.check()
            && let Some(now) = swarm::named(&self.engine, "/services", &self.arguments.name)?
        {
            done.facts = read(&now);
        }
        Ok(done.into_outcome())
    }

    fn login(&self) -> Vec<(&'static str, String)> {
        let image = Reference::parse(self.arguments.image.as_deref().unwrap_or_default(), None);
        registry_login::header(image.registry(), self.context)
            .into_iter()
            .map(|login| ("X-Registry-Auth", login))
            .collect()
    }

    /// The image's name with the digest that its tag has at the registry now.
    fn resolve(&self, image: &str) -> Result<String, Failure> {
        let reference = Reference::parse(image, Some("latest"));
        if reference.is_digest() {
            return Ok(image.to_owned());
        }
        let path = format!("/distribution/{}/json", path_of(&reference.full()));
        let found = self.engine.json_with("GET", &path, &[], &self.login(), None, Patience::Normal).map_err(
            |error| match &error {
                EngineError::Refused { message, .. } => Failure::new(format!(
                    "the registry does not say which image {} is: {message}; log in to it (docker_login), check the \
                     name, or set resolve_image: false",
                    reference.full()
                )),
                _ => error.into(),
            },
        )?;
        match found.pointer("/Descriptor/digest").and_then(Json::as_str) {
            Some(digest) => Ok(format!("{}@{digest}", reference.full())),
            None => Err(Failure::new(format!("the registry tells no digest of {}", reference.full()))),
        }
    }

    /// Make it anew; if that is refused, the former one comes back.
    fn rebuild(&self, present: &Json, wanted: &Fields) -> Result<(), Failure> {
        self.delete(present)?;
        self.create(wanted).map_err(|mut failure| {
            let former = present.get("Spec").map_or_else(|| Ok(()), |spec| self.post(spec));
            failure.message.push_str(&match former {
                Ok(()) => "; the service is there again as it was".to_owned(),
                Err(error) => format!("; the former service is gone, and could not be made again: {error}"),
            });
            failure
        })
    }

    fn create(&self, wanted: &Fields) -> Result<(), Failure> {
        self.post(&specification(&self.arguments.name, wanted))
    }

    fn post(&self, spec: &Json) -> Result<(), Failure> {
        self.engine
            .json_with("POST", "/services/create", &[], &self.login(), Some(spec), Patience::Normal)
            .map(drop)
            .map_err(|error| self.refused("create", error))
    }

    fn update(&self, present: &Json, wanted: &Fields) -> Result<(), Failure> {
        let path = format!("/services/{}", encode(id(present)));
        swarm::update(&self.engine, &path, &[], &self.login(), |service| {
            let current = read(service);
            let mut fields = wanted.clone();
            if self.arguments.mode != Mode::Global && !fields.contains_key("replicas") {
                fields.insert("replicas", current.get("replicas").cloned().unwrap_or(json!(1)));
            }
            let count = current.get("force_update").and_then(Json::as_i64).unwrap_or_default();
            fields.insert("force_update", (count + i64::from(self.arguments.force_update)).into());
            specification(&self.arguments.name, &fields)
        })
        .map(drop)
        .map_err(|error| self.refused("update", error))
    }

    fn delete(&self, present: &Json) -> Result<(), Failure> {
        match self.engine.delete(&format!("/services/{}", encode(id(present))), &[]) {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing() => Ok(()),
            Err(error) => Err(self.refused("remove", error)),
        }
    }

    fn refused(&self, action: &str, error: EngineError) -> Failure {
        match error {
            EngineError::Refused { message, .. } => {
                Failure::new(format!("could not {action} the service {}: {message}", self.arguments.name))
            }
            other => other.into(),
        }
    }
}

fn id(service: &Json) -> &str {
    service.get("ID").and_then(Json::as_str).unwrap_or_default()
}
