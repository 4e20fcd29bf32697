//! New elements from a playbook's values.

use rprov_modules::Failure;
use rprov_wire::{Map, Value};

use super::text::is_name;
use super::tree::{Document, NodeId, ROOT};

/// How deep the values may be in each other.
const DEEPEST: usize = 64;

/// Text of a scalar.
pub fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text.clone()),
        Value::Bool(true) => Some("True".to_owned()),
        Value::Bool(false) => Some("False".to_owned()),
        Value::List(_) | Value::Map(_) => None,
        number => Some(number.to_string()),
    }
}

/// The element that a list entry of the option describes: a name, or a name with its text, or with a map that has
/// attributes, the text under `+value` and children under `_`.
///
/// # Errors
/// It describes none.
pub fn element(document: &mut Document, entry: &Value, option: &str) -> Result<NodeId, Failure> {
    build(document, entry, option, 0)
}

fn build(document: &mut Document, entry: &Value, option: &str, depth: usize) -> Result<NodeId, Failure> {
    let wrong = |reason: &str| Failure::new(format!("{option}: {reason}"));
    if depth > DEEPEST {
        return Err(wrong(&format!("more than {DEEPEST} elements in each other")));
    }
    let (name, content) = match entry {
        Value::String(name) => (name, None),
        Value::Map(map) => match map.iter().next() {
            Some((name, content)) if map.len() == 1 => (name, Some(content)),
            _ => return Err(wrong("Can only create children from hashes with one key")),
        },
        other => {
            let reason = format!("{other} is no child; give a name, or a map of one name to its text or content");
            return Err(wrong(&reason));
        }
    };
    if !is_name(name) {
        return Err(wrong(&format!("`{name}` is no name for an element")));
    }
    let node = document.create(name);
    match content {
        None => {}
        Some(Value::Map(map)) => fill(document, node, map, option, depth)?,
        Some(other) => {
            let text = text(other)
                .ok_or_else(|| wrong(&format!("the content of {name} is a list; its children belong under `_`")))?;
            document.set_leading_text(node, &text);
        }
    }
    Ok(node)
}

fn fill(document: &mut Document, node: NodeId, map: &Map, option: &str, depth: usize) -> Result<(), Failure> {
    for (key, value) in map {
        match (key.as_str(), value) {
            ("_", Value::List(entries)) => {
                for entry in entries {
                    let child = build(document, entry, option, depth + 1)?;
                    document.append(node, child);
                }
            }
            ("_", _) => return Err(Failure::new(format!("{option}: the children under `_` are to be a list"))),
            (key, value) => {
                let text =
                    text(value).ok_or_else(|| Failure::new(format!("{option}: the value of {key} is to be text")))?;
                if key == "+value" {
                    document.set_leading_text(node, &text);
                } else if is_name(key) {
                    document.set_attribute(node, key, &text);
                } else {
                    return Err(Failure::new(format!("{option}: `{key}` is no name for an attribute")));
                }
            }
        }
    }
    Ok(())
}

/// The element that a list entry of the option is the text of.
///
/// # Errors
/// It is none.
pub fn parsed(document: &mut Document, entry: &Value, option: &str) -> Result<NodeId, Failure> {
    let Some(text) = entry.as_str() else {
        return Err(Failure::new(format!("{option}: with input_type=xml each entry is to be the text of an element")));
    };
    let part = Document::parse(text).map_err(|error| Failure::new(format!("{option}: {error}")))?;
    let element = part.elements(ROOT).next().unwrap_or(ROOT);
    Ok(document.import(&part, element))
}
