//! The swarm that an Engine is part of: what the Engine says of its own part, and changing what a swarm holds.

use serde_json::Value as Json;

use super::{Engine, EngineError, Patience, Query};
use rprov_modules::http::encode;
use rprov_modules::outcome::Failure;

/// How often a change is tried that another one came before.
const ATTEMPTS: u32 = 8;

/// An Engine's part in a swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// None.
    Outside,
    /// It runs what managers give it.
    Worker,
    /// It knows and changes the swarm's state.
    Manager,
    /// It has a part, but cannot play it: it waits for others, or for the key that unlocks it.
    Waiting,
}

/// What the Engine says of itself: its part, and the section `Swarm` of its description.
///
/// # Errors
/// The Engine cannot be reached.
pub fn part(engine: &Engine) -> Result<(Part, Json), EngineError> {
    let info = engine.get("/info", &[])?;
    let swarm = info.get("Swarm").cloned().unwrap_or(Json::Null);
    let state = swarm.get("LocalNodeState").and_then(Json::as_str).unwrap_or_default();
    let part = match state {
        "" | "inactive" => Part::Outside,
        "active" if swarm.get("ControlAvailable").and_then(Json::as_bool) == Some(true) => Part::Manager,
        "active" => Part::Worker,
        _ => Part::Waiting,
    };
    Ok((part, swarm))
}

/// Go on only where the Engine is a manager; gives the section `Swarm` of its description.
///
/// # Errors
/// It is none, or cannot be reached.
pub fn require_manager(engine: &Engine) -> Result<Json, Failure> {
    match part(engine)? {
        (Part::Manager, swarm) => Ok(swarm),
        (part, swarm) => Err(no_manager(engine, part, &swarm)),
    }
}

/// The failure that says why an Engine cannot do what only managers can.
pub fn no_manager(engine: &Engine, part: Part, swarm: &Json) -> Failure {
    let why = match part {
        Part::Manager => "it is one".to_owned(),
        Part::Outside => "it is part of no swarm; make one with docker_swarm, or join one".to_owned(),
        Part::Worker => {
            let managers: Vec<&str> = swarm
                .get("RemoteManagers")
                .and_then(Json::as_array)
                .into_iter()
                .flatten()
                .filter_map(|manager| manager.get("Addr")?.as_str())
                .collect();
            format!("it is a worker; run this on a manager ({})", managers.join(", "))
        }
        Part::Waiting => {
            let state = swarm.get("LocalNodeState").and_then(Json::as_str).unwrap_or_default();
            let error = swarm.get("Error").and_then(Json::as_str).unwrap_or_default();
            match state {
                "locked" => "its swarm is locked; unlock it (docker swarm unlock)".to_owned(),
                _ => format!("its part in the swarm is in the state `{state}` {error}"),
            }
        }
    };
    Failure::new(format!(
        "Error running docker swarm module: must run on swarm manager node. The Engine at {} is none: {}",
        engine.address(),
        why.trim_end()
    ))
}

/// What a list of the Engine's has under exactly this name; the Engine itself also finds names that start so.
///
/// # Errors
/// The Engine cannot be reached, or is no manager.
pub fn named(engine: &Engine, path: &str, name: &str) -> Result<Option<Json>, EngineError> {
    let filters = serde_json::json!({"name": [name]}).to_string();
    let list = engine.get(path, &[("filters", filters)])?;
    let of_name = |item: &&Json| item.pointer("/Spec/Name").and_then(Json::as_str) == Some(name);
    Ok(list.as_array().and_then(|list| list.iter().find(of_name)).cloned())
}

/// The version that an object of the swarm has now, without which it cannot be changed.
pub fn version(object: &Json) -> String {
    object.pointer("/Version/Index").map_or_else(|| "0".to_owned(), Json::to_string)
}

/// Change an object: read it, let `change` make a new specification of it, and write that; again from the start where
/// somebody else wrote meanwhile, as managers themselves do.
///
/// # Errors
/// The Engine refuses, or others write all the time.
pub fn update(
    engine: &Engine,
    path: &str,
    query: Query<'_>,
    headers: &[(&str, String)],
    change: impl Fn(&Json) -> Json,
) -> Result<Json, EngineError> {
    let mut attempt = 0;
    loop {
        let object = engine.get(path, &[])?;
        let mut query = query.to_vec();
        query.push(("version", version(&object)));
        match engine.json_with(
            "POST",
            &format!("{path}/update"),
            &query,
            headers,
            Some(&change(&object)),
            Patience::Normal,
        ) {
            Ok(answer) => return Ok(answer),
            Err(EngineError::Refused { message, .. }) if message.contains("out of sequence") && attempt < ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(std::time::Duration::from_millis(50 << attempt.min(4)));
            }
            Err(error) => return Err(error),
        }
    }
}

/// A node of the swarm by ID or host name; `None` if there is none.
///
/// # Errors
/// The Engine cannot be reached or is no manager; several nodes have that host name.
pub fn node(engine: &Engine, name: &str) -> Result<Option<Json>, Failure> {
    match engine.find(&format!("/nodes/{}", encode(name))) {
        Ok(node) => Ok(node),
        Err(EngineError::Refused { message, .. }) if message.contains("ambiguous") => Err(Failure::new(format!(
            "several nodes of the swarm have the host name {name} ({message}); name the node by its ID, which \
             docker_node_info tells"
        ))),
        Err(error) => Err(error.into()),
    }
}
