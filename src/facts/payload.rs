//! One host's entry: JSON with a `__payload__` that is JSON as text again. In it, ansible-core notes with some values
//! where they were written; here they are read without that, and written plain.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use crate::template;
use crate::vars::Facts;

/// What precedes a host's name in keys: the number of ansible-core's form.
pub(super) const SCHEMA: &str = "s1_";

const PAYLOAD: &str = "__payload__";
const TYPE: &str = "__ansible_type";

/// The facts of an entry.
///
/// # Errors
/// What is wrong with the text.
pub(super) fn read(text: &str) -> Result<Facts, String> {
    let entry: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let payload = entry.get(PAYLOAD).and_then(Value::as_str).ok_or_else(|| format!("it has no `{PAYLOAD}`"))?;
    match serde_json::from_str(payload).map_err(|error| error.to_string())? {
        Value::Object(facts) => Ok(facts
            .into_iter()
            .map(|(name, value)| (Arc::from(name.as_str()), template::from_json(&plain(value))))
            .collect()),
        _ => Err("it holds something else than facts".to_owned()),
    }
}

/// The entry of some facts.
///
/// # Errors
/// A value that JSON has no form for.
pub(super) fn write(facts: &Facts) -> Result<String, template::TemplateError> {
    let mut map = Map::new();
    for (name, value) in facts {
        map.insert(name.to_string(), template::to_json(value)?);
    }
    Ok(json!({ PAYLOAD: Value::Object(map).to_string() }).to_string())
}

/// A value without ansible-core's notes.
fn plain(value: Value) -> Value {
    match value {
        Value::Object(mut map) => match (map.get(TYPE).and_then(Value::as_str).is_some(), map.remove("value")) {
            (true, Some(inner)) => plain(inner),
            (_, removed) => {
                map.extend(removed.map(|value| ("value".to_owned(), value)));
                Value::Object(map.into_iter().map(|(key, value)| (key, plain(value))).collect())
            }
        },
        Value::Array(items) => items.into_iter().map(plain).collect(),
        other => other,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_ansible_wrote_is_read_without_its_notes() {
        let inner = json!({
            "ansible_x": {"value": "a", "tags": [{"path": "p", "line_num": 1, "col_num": 2, "__ansible_type": "Origin"}], "__ansible_type": "_AnsibleTaggedStr"},
            "l": {"value": [{"value": {"k": 1, "value": 2}, "tags": [], "__ansible_type": "_AnsibleTaggedDict"}], "tags": [], "__ansible_type": "_AnsibleTaggedList"},
            "value": {"value": 3},
        });
        let facts = read(&json!({ PAYLOAD: inner.to_string() }).to_string()).unwrap();
        assert_eq!(facts["ansible_x"].to_string(), "a");
        assert_eq!(template::to_json(&facts["l"]).unwrap(), json!([{"k": 1, "value": 2}]));
        assert_eq!(template::to_json(&facts["value"]).unwrap(), json!({"value": 3}));
        let again = read(&write(&facts).unwrap()).unwrap();
        assert_eq!(template::to_json(&again["l"]).unwrap(), json!([{"k": 1, "value": 2}]));
        for wrong in ["", "{}", "[]", r#"{"__payload__": 1}"#, r#"{"__payload__": "[]"}"#, r#"{"__payload__": "{"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
