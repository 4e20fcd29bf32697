//! Options of a task as the Engine wants them.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

/// A map with every value as text, as the Engine wants options of drivers.
pub fn texts(map: &Map) -> Json {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        other => other.to_string(),
    };
    Json::Object(map.iter().map(|(key, value)| (key.clone(), text(value).into())).collect())
}

/// Filters as the Engine wants them: a map of lists of text.
pub fn filter_text(filters: &Map) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let lists: serde_json::Map<String, Json> = filters
        .iter()
        .map(|(name, value)| {
            let list: Json = match value {
                Value::List(items) => items.iter().map(text).collect(),
                other => json!([text(other)]),
            };
            (name.clone(), list)
        })
        .collect();
    Json::Object(lists).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_lists_of_text() {
        let filters = Value::from_json(&json!({"dangling": true, "label": ["a", "b"], "until": "24h"}));
        let text = filter_text(filters.as_map().unwrap_or(&Map::new()));
        assert_eq!(text, r#"{"dangling":["true"],"label":["a","b"],"until":["24h"]}"#);
    }
}
