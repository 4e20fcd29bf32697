//! `docker_node`: role, availability and labels of a swarm's node.

use rprov_wire::{Map, Value};
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::docker::option::texts;
use crate::docker::swarm;
use crate::docker::{Connection, Engine, EngineError};
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether a node takes tasks.
    pub enum Availability { Active = "active", Pause = "pause", Drain = "drain" }
}

choices! {
    /// What a node is in the swarm.
    pub enum Role { Manager = "manager", Worker = "worker" }
}

choices! {
    /// What becomes of labels that the task does not name.
    pub enum LabelsState { Merge = "merge", Replace = "replace" }
}

arguments! {
    /// Manage a node of a Docker swarm.
    pub struct Arguments + Connection {
        /// Host name or ID of the node.
        hostname: String,
        /// Labels.
        labels: Option<Map>,
        /// Whether other labels stay (`merge`) or go (`replace`).
        labels_state: LabelsState = LabelsState::Merge,
        /// Labels to remove.
        labels_to_remove: Option<Vec<String>>,
        /// Whether the node takes tasks.
        availability: Option<Availability>,
        /// What it is in the swarm.
        role: Option<Role>,
    }
}

/// Bring the node to its state.
///
/// # Errors
/// The Engine cannot be reached, is no manager, or refuses; there is no such node.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    swarm::require_manager(&engine)?;
    let Some(node) = swarm::node(&engine, &arguments.hostname)? else {
        return Err(Failure::new(format!(
            "there is no node `{}` in the swarm; docker_node_info lists its nodes",
            arguments.hostname
        )));
    };
    let spec = node.get("Spec").cloned().unwrap_or_else(|| json!({}));
    if changed(&arguments, &spec) == spec {
        return Ok(Outcome::unchanged().with("node", Value::from_json(&node)));
    }
    if context.check() {
        let mut predicted = node.clone();
        predicted["Spec"] = changed(&arguments, &spec);
        return Ok(Outcome::new(true).with("node", Value::from_json(&predicted)));
    }
    let path = format!("/nodes/{}", encode(node.get("ID").and_then(Json::as_str).unwrap_or(&arguments.hostname)));
    swarm::update(&engine, &path, &[], &[], |node| changed(&arguments, node.get("Spec").unwrap_or(&Json::Null)))
        .map_err(|error| match &error {
            EngineError::Refused { message, .. } => {
                Failure::new(format!("Failed to update node {}: {message}", arguments.hostname))
            }
            _ => error.into(),
        })?;
    let node = engine.get(&path, &[])?;
    Ok(Outcome::new(true).with("node", Value::from_json(&node)))
}

/// The specification as it is wanted.
fn changed(arguments: &Arguments, spec: &Json) -> Json {
    let mut spec = spec.as_object().cloned().unwrap_or_default();
    if let Some(availability) = arguments.availability {
        spec.insert("Availability".to_owned(), availability.word().into());
    }
    if let Some(role) = arguments.role {
        spec.insert("Role".to_owned(), role.word().into());
    }
    let present = spec.get("Labels").and_then(Json::as_object).cloned().unwrap_or_default();
    let given = match arguments.labels.as_ref().map(texts) {
        Some(Json::Object(given)) => given,
        _ => JsonMap::new(),
    };
    let mut labels = present.clone();
    match arguments.labels_state {
        LabelsState::Replace => labels = given,
        LabelsState::Merge => {
            for name in arguments.labels_to_remove.iter().flatten() {
                labels.remove(name);
            }
            labels.extend(given);
        }
    }
    if labels != present {
        spec.insert("Labels".to_owned(), Json::Object(labels));
    }
    Json::Object(spec)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::Arguments as _;

    #[test]
    fn labels_are_merged_or_replaced_and_those_that_are_named_removed() {
        for (options, expected) in [
            (json!({"labels": {"a": 2, "c": "3"}}), json!({"a": "2", "b": "2", "c": "3"})),
            (json!({"labels_to_remove": ["a", "x"]}), json!({"b": "2"})),
            (json!({"labels": {"a": "9"}, "labels_to_remove": ["a", "b"]}), json!({"a": "9"})),
            (json!({"labels": {"a": "9"}, "labels_state": "replace"}), json!({"a": "9"})),
            (json!({"labels_state": "replace"}), json!({})),
            (json!({}), json!({"a": "1", "b": "2"})),
        ] {
            let mut options = options;
            options["hostname"] = "n".into();
            let arguments = Arguments::decode(Value::from_json(&options).as_map().unwrap()).unwrap();
            let spec = json!({"Role": "worker", "Availability": "active", "Labels": {"a": "1", "b": "2"}});
            assert_eq!(changed(&arguments, &spec)["Labels"], expected, "{options}");
        }
    }
}
