//! `docker_volume`: volumes on a Docker Engine.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::compare::{Comparison, Shape, agrees};
use crate::docker::option::texts;
use crate::docker::{Connection, Engine};
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Diff, Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a volume.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// When a volume that is there is made anew, with the loss of its data.
    pub enum Recreate { Always = "always", Never = "never", OptionsChanged = "options-changed" }
}

arguments! {
    /// Manage Docker volumes.
    pub struct Arguments + Connection {
        /// Name of the volume.
        volume_name | name: String,
        /// Driver.
        driver: String = "local".to_owned(),
        /// Options of the driver.
        driver_options: Option<Map>,
        /// Labels.
        labels: Option<Map>,
        /// When a volume that is there is made anew, with the loss of its data.
        recreate: Recreate = Recreate::Never,
        /// Whether it is to be there.
        state: State = State::Present,
    }
}

/// Bring the volume to its state.
///
/// # Errors
/// The Engine cannot be reached, or refuses: the volume is in use, the driver is unknown.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let path = format!("/volumes/{}", encode(&arguments.volume_name));
    let mut volume = engine.find(&path)?;
    let (mut before, mut after) = (Map::new(), Map::new());
    let mut changed = false;
    let mut differ = |name: &str, old: Value, new: Value| {
        before.insert(name.to_owned(), old);
        after.insert(name.to_owned(), new);
    };
    if arguments.state == State::Absent {
        if volume.is_some() {
            changed = true;
            differ("exists", true.into(), false.into());
            if !context.check() {
                engine.delete(&path, &[])?;
            }
        }
        return Ok(Outcome::new(changed).with_diff(Diff::state(before, after)));
    }
    let labels = match &arguments.labels {
        Some(labels) => Some(json!(crate::docker::container::Arguments::texts("labels", labels)?)),
        None => None,
    };
    let options = arguments.driver_options.as_ref().map(texts);
    if let Some(present) = &volume {
        let mut differences = false;
        let mut compare = |name: &str, shape: Shape, wanted: Option<Json>, place: &str| {
            let Some(wanted) = wanted else { return };
            let current = present.get(place).cloned().unwrap_or(Json::Null);
            let comparison = if shape == Shape::Map { Comparison::AllowMorePresent } else { Comparison::Strict };
            if !agrees(shape, comparison, &wanted, &current) && arguments.recreate != Recreate::Never {
                differences = true;
                differ(name, Value::from_json(&current), Value::from_json(&wanted));
            }
        };
        compare("driver", Shape::Value, Some(arguments.driver.as_str().into()), "Driver");
        compare("driver_options", Shape::Map, options.clone(), "Options");
        compare("labels", Shape::Map, labels.clone(), "Labels");
        if differences || arguments.recreate == Recreate::Always {
            changed = true;
            if !context.check() {
                engine.delete(&path, &[])?;
            }
            volume = None;
        }
    } else {
        differ("exists", false.into(), true.into());
    }
    if volume.is_none() {
        changed = true;
        if !context.check() {
            let mut body = json!({"Name": arguments.volume_name, "Driver": arguments.driver});
            if let Some(options) = options {
                body["DriverOpts"] = options;
            }
            if let Some(labels) = labels {
                body["Labels"] = labels;
            }
            engine.post("/volumes/create", &[], Some(&body))?;
            volume = engine.find(&path)?;
        }
    }
    let volume = volume.unwrap_or_else(|| json!({}));
    Ok(Outcome::new(changed).with("volume", Value::from_json(&volume)).with_diff(Diff::state(before, after)))
}
