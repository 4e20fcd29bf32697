//! Stacks: what `docker stack` makes of compose files, and what a deployment changed.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::cli::{Cli, failed};
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;

/// The specifications of a stack's services, by name.
///
/// # Errors
/// The command fails.
pub fn specifications(cli: &Cli, name: &str, context: &Context<'_>) -> Result<JsonMap<String, Json>, Failure> {
    let command = cli.command(["stack", "services", name, "--format", "{{.Name}}"]);
    let output = command.run(context)?;
    if output.stderr().contains("Nothing found in stack") {
        return Ok(JsonMap::new());
    }
    if !output.success() {
        return Err(failed(&command, &output));
    }
    let text = output.stdout();
    let names: Vec<&str> = text.lines().map(str::trim).filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Ok(JsonMap::new());
    }
    let mut words = vec!["service", "inspect"];
    words.extend(names);
    let services = cli.objects(words, context)?;
    let spec = |service: Json| {
        let spec = service.get("Spec")?.clone();
        Some((spec.get("Name")?.as_str()?.to_owned(), spec))
    };
    Ok(services.into_iter().filter_map(spec).collect())
}

/// What is different, as deep as maps go: new values by name, and under `delete` the names that are gone.
pub fn difference(before: &JsonMap<String, Json>, after: &JsonMap<String, Json>) -> JsonMap<String, Json> {
    let mut found = JsonMap::new();
    for (name, new) in after {
        match (before.get(name), new) {
            (Some(old), new) if old == new => {}
            (Some(Json::Object(old)), Json::Object(new)) => {
                found.insert(name.clone(), Json::Object(difference(old, new)));
            }
            _ => {
                found.insert(name.clone(), new.clone());
            }
        }
    }
    let gone: Vec<&String> = before.keys().filter(|name| !after.contains_key(*name)).collect();
    if !gone.is_empty() {
        found.insert("delete".to_owned(), json!(gone));
    }
    found
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn only_what_differs_is_told() {
        let map = |json: Json| json.as_object().unwrap().clone();
        let before = map(json!({"a": {"x": 1, "y": {"z": [1], "gone": 2}}, "b": {}}));
        let after = map(json!({"a": {"x": 1, "y": {"z": [1, 2]}}, "c": {"new": true}}));
        assert_eq!(
            Json::Object(difference(&before, &after)),
            json!({"a": {"y": {"z": [1, 2], "delete": ["gone"]}}, "c": {"new": true}, "delete": ["b"]})
        );
        assert!(difference(&before, &before).is_empty());
    }
}
