//! `docker_swarm_info`: the swarm, and lists of what it holds.

use std::collections::HashMap;

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::option::filter_text;
use crate::docker::swarm::{self, Part};
use crate::docker::{Connection, Engine};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Retrieve facts about a Docker swarm.
    pub struct Arguments + Connection {
        /// List nodes.
        nodes: bool = false,
        /// Which nodes.
        nodes_filters: Option<Map>,
        /// List services.
        services: bool = false,
        /// Which services.
        services_filters: Option<Map>,
        /// List tasks.
        tasks: bool = false,
        /// Which tasks.
        tasks_filters: Option<Map>,
        /// Tell the key that unlocks managers.
        unlock_key: bool = false,
        /// Give all that the Engine says of each, and not only the most important.
        verbose_output: bool = false,
    }
}

/// Describe the swarm.
///
/// # Errors
/// The Engine cannot be reached, or is no manager; what is known of it all the same is in the failure.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let known = |failure: Failure, talks: bool, active: bool| {
        failure
            .with("can_talk_to_docker", talks)
            .with("docker_swarm_active", active)
            .with("docker_swarm_manager", false)
    };
    let engine =
        Engine::new(&arguments.attributes, context).map_err(|error| known(Failure::from(error), false, false))?;
    let (part, section) = swarm::part(&engine).map_err(|error| known(Failure::from(error), false, false))?;
    if part != Part::Manager {
        return Err(known(swarm::no_manager(&engine, part, &section), true, part != Part::Outside));
    }
    let facts = engine.get("/swarm", &[])?;
    let mut outcome = Outcome::unchanged()
        .with("can_talk_to_docker", true)
        .with("docker_swarm_active", true)
        .with("docker_swarm_manager", true)
        .with("swarm_facts", Value::from_json(&facts));
    if arguments.unlock_key {
        let answer = engine.get("/swarm/unlockkey", &[])?;
        let key = answer.get("UnlockKey").and_then(Json::as_str).filter(|key| !key.is_empty());
        outcome = outcome.with("swarm_unlock_key", key.map(str::to_owned));
    }
    let all_nodes = if arguments.nodes || arguments.services || arguments.tasks {
        engine.get("/nodes", &[])?.as_array().cloned().unwrap_or_default()
    } else {
        Vec::new()
    };
    let list = |path: &str, filters: &Option<Map>| -> Result<Vec<Json>, Failure> {
        let query: Vec<(&str, String)> = filters.iter().map(|filters| ("filters", filter_text(filters))).collect();
        Ok(engine.get(path, &query)?.as_array().cloned().unwrap_or_default())
    };
    let shown = |list: Vec<Json>, brief: &dyn Fn(&Json) -> Json| {
        let list = if arguments.verbose_output { list } else { list.iter().map(brief).collect() };
        Value::from_json(&Json::Array(list))
    };
    if arguments.nodes {
        outcome = outcome.with("nodes", shown(list("/nodes", &arguments.nodes_filters)?, &node));
    }
    if arguments.services {
        let nodes = all_nodes.len();
        let list = list("/services", &arguments.services_filters)?;
        outcome = outcome.with("services", shown(list, &|item| service(item, nodes)));
    }
    if arguments.tasks {
        let names: HashMap<&str, &str> = all_nodes
            .iter()
            .filter_map(|node| Some((text(node, "/ID")?, text(node, "/Description/Hostname")?)))
            .collect();
        let list = list("/tasks", &arguments.tasks_filters)?;
        outcome = outcome.with("tasks", shown(list, &|item| task(item, &names)));
    }
    Ok(outcome)
}

fn text<'a>(item: &'a Json, pointer: &str) -> Option<&'a str> {
    item.pointer(pointer).and_then(Json::as_str)
}

fn node(item: &Json) -> Json {
    let manager = match item.get("ManagerStatus") {
        Some(status) if status.get("Leader").and_then(Json::as_bool) == Some(true) => Some("Leader".to_owned()),
        Some(status) => status.get("Reachability").and_then(Json::as_str).map(|word| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
        }),
        None => None,
    };
    let mut facts = json!({
        "ID": item.get("ID"), "Hostname": text(item, "/Description/Hostname"), "Status": text(item, "/Status/State"),
        "Availability": text(item, "/Spec/Availability"),
        "EngineVersion": text(item, "/Description/Engine/EngineVersion"),
    });
    if let Some(manager) = manager {
        facts["ManagerStatus"] = manager.into();
    }
    facts
}

fn service(item: &Json, nodes: usize) -> Json {
    let (mode, replicas) = match item.pointer("/Spec/Mode") {
        Some(mode) if mode.get("Global").is_some() => ("Global", json!(nodes)),
        Some(mode) if mode.get("ReplicatedJob").is_some() => {
            ("ReplicatedJob", mode.pointer("/ReplicatedJob/MaxConcurrent").cloned().unwrap_or(json!(1)))
        }
        Some(mode) if mode.get("GlobalJob").is_some() => ("GlobalJob", json!(nodes)),
        mode => ("Replicated", mode.and_then(|mode| mode.pointer("/Replicated/Replicas")).cloned().unwrap_or(json!(1))),
    };
    let ports = item.pointer("/Endpoint/Spec/Ports").or_else(|| item.pointer("/Spec/EndpointSpec/Ports"));
    json!({
        "ID": item.get("ID"), "Name": text(item, "/Spec/Name"), "Mode": mode, "Replicas": replicas,
        "Image": text(item, "/Spec/TaskTemplate/ContainerSpec/Image"),
        "Ports": ports.cloned().unwrap_or_else(|| json!([])),
    })
}

fn task(item: &Json, nodes: &HashMap<&str, &str>) -> Json {
    json!({
        "ID": item.get("ID"), "ContainerID": text(item, "/Status/ContainerStatus/ContainerID"),
        "Image": text(item, "/Spec/ContainerSpec/Image"),
        "Node": text(item, "/NodeID").map(|id| nodes.get(id).copied().unwrap_or(id)),
        "DesiredState": text(item, "/DesiredState"), "CurrentState": text(item, "/Status/State"),
        "Error": text(item, "/Status/Err"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_important_is_told_as_lists_of_the_command_tell_it() {
        let leader = json!({"ID": "a", "Description": {"Hostname": "h", "Engine": {"EngineVersion": "20"}},
            "Status": {"State": "ready"}, "Spec": {"Availability": "active"}, "ManagerStatus": {"Leader": true}});
        assert_eq!(
            node(&leader),
            json!({"ID": "a", "Hostname": "h", "Status": "ready", "Availability": "active", "EngineVersion": "20",
                "ManagerStatus": "Leader"})
        );
        assert_eq!(node(&json!({"ManagerStatus": {"Reachability": "reachable"}}))["ManagerStatus"], "Reachable");
        assert_eq!(node(&json!({})).get("ManagerStatus"), None);
        let found = service(&json!({"Spec": {"Mode": {"Global": {}}}}), 3);
        assert_eq!((&found["Mode"], &found["Replicas"]), (&json!("Global"), &json!(3)));
        let found = task(&json!({"NodeID": "n1", "Status": {"State": "failed", "Err": "no"}}), &[("n1", "h")].into());
        assert_eq!((&found["Node"], &found["Error"]), (&json!("h"), &json!("no")));
    }
}
