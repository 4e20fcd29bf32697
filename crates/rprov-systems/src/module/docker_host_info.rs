//! `docker_host_info`: the Engine itself, and lists of what it holds.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::option::filter_text;
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Retrieve facts about a Docker host and lists of its objects.
    pub struct Arguments + Connection {
        /// List containers.
        containers: bool = false,
        /// List stopped containers as well.
        containers_all: bool = false,
        /// Which containers.
        containers_filters: Option<Map>,
        /// List images.
        images: bool = false,
        /// Which images.
        images_filters: Option<Map>,
        /// List networks.
        networks: bool = false,
        /// Which networks.
        networks_filters: Option<Map>,
        /// List volumes.
        volumes: bool = false,
        /// Which volumes.
        volumes_filters: Option<Map>,
        /// How much disk is used.
        disk_usage: bool = false,
        /// Give all that the Engine says of each, and not only the most important.
        verbose_output: bool = false,
    }
}

/// Describe the Engine.
///
/// # Errors
/// The Engine cannot be reached.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)
        .map_err(|error| Failure::from(error).with("can_talk_to_docker", false))?;
    let info = engine.get("/info", &[])?;
    let mut outcome = Outcome::unchanged().with("can_talk_to_docker", true).with("host_info", Value::from_json(&info));
    let filters = |filters: &Option<Map>| {
        let mut query = Vec::new();
        if let Some(filters) = filters {
            query.push(("filters", filter_text(filters)));
        }
        query
    };
    let short = |list: &Json, names: &[&str]| -> Value {
        let list = list.as_array().cloned().unwrap_or_default();
        let items = list.iter().map(|item| {
            if arguments.verbose_output {
                return item.clone();
            }
            names.iter().map(|name| ((*name).to_owned(), item.get(*name).cloned().unwrap_or(Json::Null))).collect()
        });
        Value::from_json(&items.collect())
    };
    if arguments.containers {
        let mut query = filters(&arguments.containers_filters);
        query.push(("all", arguments.containers_all.to_string()));
        let list = engine.get("/containers/json", &query)?;
        let names = ["Id", "Image", "Command", "Created", "Status", "Ports", "Names"];
        outcome = outcome.with("containers", short(&list, &names));
    }
    if arguments.images {
        let list = engine.get("/images/json", &filters(&arguments.images_filters))?;
        outcome = outcome.with("images", short(&list, &["Id", "RepoTags", "Created", "Size"]));
    }
    if arguments.networks {
        let list = engine.get("/networks", &filters(&arguments.networks_filters))?;
        outcome = outcome.with("networks", short(&list, &["Id", "Driver", "Name", "Scope"]));
    }
    if arguments.volumes {
        let list = engine.get("/volumes", &filters(&arguments.volumes_filters))?;
        let list = list.get("Volumes").cloned().unwrap_or(Json::Null);
        outcome = outcome.with("volumes", short(&list, &["Driver", "Name"]));
    }
    if arguments.disk_usage {
        let usage = engine.get("/system/df", &[])?;
        let usage = if arguments.verbose_output { usage } else { json!({"LayersSize": usage.get("LayersSize")}) };
        outcome = outcome.with("disk_usage", Value::from_json(&usage));
    }
    Ok(outcome)
}
