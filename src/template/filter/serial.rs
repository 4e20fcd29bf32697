//! Filters that read and write JSON and YAML. What is read is data: text that looks like a template stays text.

use std::path::Path;
use std::sync::Arc;

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};
use rprov_modules::json::{self, Style as JsonStyle};

use super::call::{Call, Run};
use super::python::{brief, compare, fail, int_argument, integer, items, number, pairs, text, type_name};
use crate::yaml::{Data, Flow, Node, Style, emit, parse, parse_all};

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("tojson", tojson),
    ("to_json", |_, call| to_json(&call, JsonStyle::default())),
    ("to_nice_json", |_, call| {
        to_json(&call, JsonStyle { indent: Some("    ".to_owned()), sort_keys: true, ..JsonStyle::default() })
    }),
    ("from_json", from_json),
    ("to_yaml", |_, call| to_yaml(&call, Style::to_yaml())),
    ("to_nice_yaml", |_, call| to_yaml(&call, Style::to_nice_yaml())),
    ("from_yaml", from_yaml),
    ("from_yaml_all", from_yaml_all),
];

fn tojson(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, indent] = call.bind(["value", "indent"], 1)?;
    let mut style = JsonStyle { sort_keys: true, ..JsonStyle::default() };
    style.indent = indentation(indent.as_ref())?;
    let safe = write_json(&value.unwrap_or_default(), &style)?
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\'', "\\u0027");
    Ok(Value::from_safe_string(safe))
}

fn indentation(value: Option<&Value>) -> Result<Option<String>, Error> {
    Ok(match value.filter(|value| !value.is_none()) {
        None => None,
        Some(value) => Some(match value.as_str() {
            Some(text) => text.to_owned(),
            None => " ".repeat(usize::try_from(int_argument(Some(value), "indent", 0)?).unwrap_or_default()),
        }),
    })
}

fn to_json(call: &Call, mut style: JsonStyle) -> Result<Value, Error> {
    let value = call.subject()?;
    // These take no effect here: data is never a template again, and vault values are text by now.
    const IGNORED: [&str; 6] = ["vault_to_text", "preprocess_unsafe", "allow_nan", "check_circular", "skipkeys", "cls"];
    let mut given: Vec<(&str, &Value)> = call.keyword.iter().map(|(name, value)| (name.as_str(), value)).collect();
    if let Some(first) = call.positional.get(1) {
        given.push(("indent", first));
    }
    for (name, option) in given {
        match name {
            "indent" => style.indent = indentation(Some(option))?,
            "sort_keys" => style.sort_keys = option.is_true(),
            "ensure_ascii" => style.ascii = option.is_true(),
            "separators" if !option.is_none() => {
                let pair = items(option)?;
                let [between, after] = pair.as_slice() else {
                    return Err(call.fail("separators must be a pair of texts"));
                };
                style.item_separator = Some(text(between)?);
                style.key_separator = text(after)?;
            }
            "separators" => {}
            other if IGNORED.contains(&other) => {}
            other => return Err(call.fail(format!("has no argument `{other}`"))),
        }
    }
    Ok(Value::from(write_json(&value, &style)?))
}

fn write_json(value: &Value, style: &JsonStyle) -> Result<String, Error> {
    let mut writer = json::Writer::new(style);
    write_value(value, style, &mut writer)?;
    Ok(writer.finish())
}

fn write_value(value: &Value, style: &JsonStyle, writer: &mut json::Writer<'_>) -> Result<(), Error> {
    if writer.depth() > 200 {
        return Err(fail("the value is nested too deeply for JSON"));
    }
    match value.kind() {
        ValueKind::None => writer.word("null"),
        ValueKind::Bool => writer.word(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => write_number(value, writer),
        ValueKind::String => writer.string(value.as_str().unwrap_or_default()),
        ValueKind::Seq | ValueKind::Iterable => {
            writer.items(['[', ']'], items(value)?, |writer, item| write_value(&item, style, writer))?;
        }
        ValueKind::Map => {
            let mut entries = pairs(value)?;
            if style.sort_keys {
                let mut failure = None;
                entries.sort_by(|(left, _), (right, _)| {
                    compare(left, right).unwrap_or_else(|error| {
                        failure.get_or_insert(error);
                        std::cmp::Ordering::Equal
                    })
                });
                if let Some(error) = failure {
                    return Err(error);
                }
            }
            writer.items(['{', '}'], entries, |writer, (key, item)| {
                let key = match key.kind() {
                    ValueKind::None => "null".to_owned(),
                    ValueKind::Bool => if key.is_true() { "true" } else { "false" }.to_owned(),
                    ValueKind::Number => {
                        let mut number = json::Writer::new(style);
                        write_number(&key, &mut number);
                        number.finish()
                    }
                    _ => text(&key)?,
                };
                writer.key(&key);
                write_value(&item, style, writer)
            })?;
        }
        ValueKind::Undefined | ValueKind::Invalid => super::call::defined(value, "to_json")?,
        _ => match value.downcast_object_ref::<super::time::DateTime>() {
            Some(time) => writer.string(&time.iso('T')),
            None => {
                return Err(fail(format!("a value of type '{}' can't be written as JSON", type_name(value))));
            }
        },
    }
    Ok(())
}

fn write_number(value: &Value, writer: &mut json::Writer<'_>) {
    match (integer(value), number(value)) {
        (Some(whole), _) => writer.word(&whole.to_string()),
        (None, Some(float)) => writer.float(float),
        (None, None) => writer.word(&value.to_string()),
    }
}

fn from_json(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.subject()?;
    let Some(source) = value.as_str() else {
        return Err(call.fail(format!("needs a string, got {} of type '{}'", brief(&value), type_name(&value))));
    };
    if let Some(special) = match source.trim() {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        _ => None,
    } {
        return Ok(Value::from(special));
    }
    let parsed: serde_json::Value = serde_json::from_str(source)
        .map_err(|error| call.fail(format!("this is not JSON: {error}; it begins {}", brief(&value))))?;
    Ok(json_value(&parsed))
}

/// A JSON value as a template's.
pub(crate) fn json_value(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(truth) => Value::from(*truth),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(whole)) => Value::from(whole),
            _ => Value::from(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(all) => Value::from(all.iter().map(json_value).collect::<Vec<_>>()),
        serde_json::Value::Object(entries) => {
            Value::from_pairs(entries.iter().map(|(key, item)| (Value::from(key.as_str()), json_value(item))))
        }
    }
}

/// A template's value as JSON has it; keys become text.
pub(crate) fn value_json(value: &Value) -> Result<serde_json::Value, Error> {
    Ok(match value.kind() {
        ValueKind::None => serde_json::Value::Null,
        ValueKind::Bool => serde_json::Value::Bool(value.is_true()),
        ValueKind::Number => match integer(value) {
            Some(whole) => match i64::try_from(whole) {
                Ok(small) => small.into(),
                Err(_) => u64::try_from(whole).map_or_else(|_| serde_json::Value::from(whole as f64), Into::into),
            },
            None => serde_json::Value::from(number(value).unwrap_or(f64::NAN)),
        },
        ValueKind::Seq | ValueKind::Iterable => {
            serde_json::Value::Array(items(value)?.iter().map(value_json).collect::<Result<_, _>>()?)
        }
        ValueKind::Map => {
            let mut entries = serde_json::Map::new();
            for (key, item) in pairs(value)? {
                entries.insert(text(&key)?, value_json(&item)?);
            }
            serde_json::Value::Object(entries)
        }
        ValueKind::Undefined | ValueKind::Invalid => {
            super::call::defined(value, "this filter")?;
            serde_json::Value::Null
        }
        _ => serde_json::Value::String(text(value)?),
    })
}

fn to_yaml(call: &Call, mut style: Style) -> Result<Value, Error> {
    let value = call.subject()?;
    for (name, option) in &call.keyword {
        let size = || int_argument(Some(option), name, 0).map(|size| i32::try_from(size).unwrap_or(i32::MAX));
        match name.as_str() {
            "indent" => style.indent = size()?,
            "width" => style.width = size()?,
            "default_flow_style" => {
                style.flow = if option.is_none() {
                    Flow::Leaves
                } else if option.is_true() {
                    Flow::All
                } else {
                    Flow::Block
                };
            }
            "sort_keys" => style.sort_keys = option.is_true(),
            "explicit_start" => style.explicit_start = option.is_true(),
            "explicit_end" => style.explicit_end = option.is_true(),
            "allow_unicode" => style.allow_unicode = option.is_true(),
            "default_style" => style.default_style = option.as_str().and_then(|text| text.chars().next()),
            "dump_vault_tags" | "vault_to_text" | "canonical" | "line_break" | "encoding" | "version" => {}
            other => return Err(call.fail(format!("has no argument `{other}`"))),
        }
    }
    if let Some(first) = call.positional.get(1) {
        style.indent = i32::try_from(int_argument(Some(first), "indent", 2)?).unwrap_or(2);
    }
    Ok(Value::from(emit(&value_json(&value)?, &style)))
}

/// What messages call the text given to `from_yaml`.
const NAME: &str = "<the text given to from_yaml>";

fn from_yaml(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    let Some(source) = value.as_str() else { return Ok(value) };
    let loaded = parse(Path::new(NAME), Arc::from(source)).map_err(|error| call.fail(told(&error)))?;
    Ok(node_value(&loaded.root))
}

fn from_yaml_all(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if value.is_none() {
        return Ok(Value::from(Vec::<Value>::new()));
    }
    let Some(source) = value.as_str() else { return Ok(value) };
    let (documents, _) = parse_all(Path::new(NAME), Arc::from(source)).map_err(|error| call.fail(told(&error)))?;
    Ok(Value::from(documents.iter().map(node_value).collect::<Vec<_>>()))
}

/// A mistake in YAML as one line.
fn told(diagnostic: &crate::source::Diagnostic) -> String {
    let mut out = diagnostic.message.clone();
    for cause in &diagnostic.causes {
        out.push_str(": ");
        out.push_str(cause);
    }
    out
}

/// A parsed YAML value as plain data.
pub(crate) fn node_value(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::from(()),
        Data::Bool(truth) => Value::from(*truth),
        Data::Int(whole) => Value::from(*whole),
        Data::BigInt(digits) => digits
            .parse::<i128>()
            .map_or_else(|_| Value::from(digits.parse::<f64>().unwrap_or(f64::INFINITY)), Value::from),
        Data::Float(float) => Value::from(*float),
        Data::Timestamp(text) => super::time::DateTime::of_yaml(text)
            .map_or_else(|| Value::from(Arc::clone(text)), super::time::DateTime::into_value),
        Data::String(text) | Data::Unsafe(text) | Data::Vault(text) => Value::from(Arc::clone(text)),
        Data::List(all) => Value::from(all.iter().map(node_value).collect::<Vec<_>>()),
        Data::Map(entries) => Value::from_pairs(entries.iter().map(|(key, item)| (node_value(key), node_value(item)))),
    }
}
