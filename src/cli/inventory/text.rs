//! Trees as text: JSON as Python's `json.dumps(indent=4, sort_keys=True)` writes it, and values as Python's `str` does.

use rprov_modules::json::{Style, Writer};
use serde_json::Value;

use crate::template::{self, from_json, python as as_python};
use crate::yaml::{Branch, Tree};

/// JSON. `marked` says whether text that is never a template is shown as such, so that an inventory script can say it.
pub(super) fn json(tree: &Tree, marked: bool) -> String {
    let style = Style { indent: Some("    ".to_owned()), sort_keys: true, ascii: false, ..Style::default() };
    let mut writer = Writer::new(&style);
    write(&mut writer, tree, marked);
    writer.finish()
}

fn write(writer: &mut Writer<'_>, tree: &Tree, marked: bool) {
    // Nothing here fails.
    let _: Result<(), std::convert::Infallible> = match &tree.data {
        Branch::Scalar(value) => {
            scalar(writer, value);
            Ok(())
        }
        Branch::Unsafe(text) if !marked => {
            writer.string(text);
            Ok(())
        }
        Branch::Unsafe(text) => writer.items(['{', '}'], [text], |writer, text| {
            writer.key("__ansible_unsafe");
            writer.string(text);
            Ok(())
        }),
        Branch::Vault(text) => writer.items(['{', '}'], [text], |writer, text| {
            writer.key("__ansible_vault");
            writer.string(text);
            Ok(())
        }),
        Branch::List(items) => writer.items(['[', ']'], items, |writer, item| {
            write(writer, item, marked);
            Ok(())
        }),
        Branch::Map(entries) => {
            let mut entries: Vec<(String, &Tree)> = entries.iter().map(|(key, value)| (key_text(key), value)).collect();
            entries.sort_by(|(left, _), (right, _)| left.cmp(right));
            writer.items(['{', '}'], entries, |writer, (key, value)| {
                writer.key(&key);
                write(writer, value, marked);
                Ok(())
            })
        }
    };
}

fn scalar(writer: &mut Writer<'_>, value: &Value) {
    match value {
        Value::String(text) => writer.string(text),
        Value::Number(number) if number.is_f64() => writer.float(number.as_f64().unwrap_or(f64::NAN)),
        other => writer.word(&other.to_string()),
    }
}

fn key_text(key: &Value) -> String {
    match key {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A value as Python's `str` writes it.
pub(super) fn python(tree: &Tree) -> String {
    as_python::to_text(&plain(tree)).unwrap_or_default()
}

fn plain(tree: &Tree) -> template::Value {
    match &tree.data {
        Branch::Scalar(value) => from_json(value),
        Branch::Unsafe(text) | Branch::Vault(text) => template::Value::from(&**text),
        Branch::List(items) => items.iter().map(plain).collect(),
        Branch::Map(entries) => {
            template::Value::from_pairs(entries.iter().map(|(key, value)| (from_json(key), plain(value))))
        }
    }
}
