//! `docker_prune`: remove what nothing uses.

use rprov_wire::{Map, Value};
use serde_json::Value as Json;

use crate::docker::image::REGISTRY_SILENCE;
use crate::docker::option::filter_text;
use crate::docker::{Connection, Engine, Patience, quantity};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Prune Docker objects.
    pub struct Arguments + Connection {
        /// Remove stopped containers.
        containers: bool = false,
        /// Which containers.
        containers_filters: Option<Map>,
        /// Remove images: those without a tag, unless the filter `dangling` is false.
        images: bool = false,
        /// Which images.
        images_filters: Option<Map>,
        /// Remove networks.
        networks: bool = false,
        /// Which networks.
        networks_filters: Option<Map>,
        /// Remove volumes.
        volumes: bool = false,
        /// Which volumes.
        volumes_filters: Option<Map>,
        /// Remove what builds left.
        builder_cache: bool = false,
        /// Remove also what later builds would use.
        builder_cache_all: bool = false,
        /// Which of it.
        builder_cache_filters: Option<Map>,
        /// How much of it to keep, as in `10GB`.
        builder_cache_keep_storage: Option<String>,
    }
}

/// Remove it.
///
/// # Errors
/// The Engine cannot be reached, or knows no such filter.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    if context.check() {
        return Err(Failure::new(
            "docker_prune cannot predict what would be removed; run it without check mode, or set `check_mode: false`",
        ));
    }
    let mut outcome = Outcome::unchanged();
    let mut prune = |name: &str, path: &str, list: &str, space: bool, query: Vec<(&str, String)>| {
        let pruned = engine.json("POST", path, &query, None, Patience::Of(REGISTRY_SILENCE))?;
        let removed =
            pruned.get(list).filter(|list| list.is_array()).cloned().unwrap_or_else(|| Json::Array(Vec::new()));
        let freed = pruned.get("SpaceReclaimed").and_then(Json::as_i64).unwrap_or_default();
        outcome.changed |= removed.as_array().is_some_and(|list| !list.is_empty()) || freed > 0;
        outcome.values.insert(name.to_owned(), Value::from_json(&removed));
        if space {
            outcome.values.insert(format!("{name}_space_reclaimed"), freed.into());
        }
        Ok::<(), Failure>(())
    };
    let query = |filters: &Option<Map>| -> Vec<(&str, String)> {
        filters.iter().map(|filters| ("filters", filter_text(filters))).collect()
    };
    if arguments.containers {
        prune("containers", "/containers/prune", "ContainersDeleted", true, query(&arguments.containers_filters))?;
    }
    if arguments.images {
        prune("images", "/images/prune", "ImagesDeleted", true, query(&arguments.images_filters))?;
    }
    if arguments.networks {
        prune("networks", "/networks/prune", "NetworksDeleted", false, query(&arguments.networks_filters))?;
    }
    if arguments.volumes {
        prune("volumes", "/volumes/prune", "VolumesDeleted", true, query(&arguments.volumes_filters))?;
    }
    if arguments.builder_cache {
        let mut parameters = query(&arguments.builder_cache_filters);
        if arguments.builder_cache_all {
            parameters.push(("all", "true".to_owned()));
        }
        if let Some(size) = &arguments.builder_cache_keep_storage {
            parameters.push(("keep-storage", quantity::bytes("builder_cache_keep_storage", size)?.to_string()));
        }
        prune("builder_cache", "/build/prune", "CachesDeleted", true, parameters)?;
        if let Some(caches) = outcome.values.shift_remove("builder_cache") {
            outcome.values.insert("builder_cache_caches_deleted".to_owned(), caches);
        }
    }
    Ok(outcome)
}
