//! Filters on truth and definedness: `default`, `mandatory`, `ternary`, `bool`, `type_debug`.

use minijinja::{Error, ErrorKind, State, Value};

use super::call::{Call, Run};
use super::python::{integer, number, text, truth_argument, type_name};
use crate::template::value::is_undefined;

pub(super) const FILTERS: &[(&str, Run)] = &[("bool", |_, call| Ok(Value::from(boolean(&call.only()?))))];

/// Those that may be given a value that is not defined.
pub(super) const TOLERANT: &[(&str, Run)] =
    &[("default", default), ("d", default), ("mandatory", mandatory), ("ternary", ternary), ("type_debug", type_debug)];

fn type_debug(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    Ok(Value::from(if is_undefined(&value) { "UndefinedMarker" } else { type_name(&value) }))
}

fn default(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, default, boolean] = call.bind(["value", "default_value", "boolean"], 1)?;
    let value = value.unwrap_or_default();
    let replace = is_undefined(&value) || truth_argument(boolean.as_ref(), false) && !value.is_true();
    Ok(if replace { default.unwrap_or_else(|| Value::from("")) } else { value })
}

/// How the message of `mandatory` begins; what is not defined is found out where its template is known.
pub(in crate::template) const MANDATORY: &str = "The filter plugin 'ansible.builtin.mandatory' failed: ";

fn mandatory(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, message] = call.bind(["value", "msg"], 1)?;
    let value = value.unwrap_or_default();
    if !value.is_undefined() {
        return Ok(value);
    }
    let message = message.filter(|message| !message.is_none()).map(|message| text(&message)).transpose()?;
    Err(Error::new(ErrorKind::UndefinedError, format!("{MANDATORY}{}", message.unwrap_or_default())))
}

fn ternary(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, true_value, false_value, none_value] = call.bind(["value", "true_val", "false_val", "none_val"], 3)?;
    let value = value.unwrap_or_default();
    super::call::defined(&value, call.name)?;
    Ok(match none_value {
        Some(none_value) if value.is_none() && !none_value.is_none() => none_value,
        _ if value.is_true() => true_value.unwrap_or_default(),
        _ => false_value.unwrap_or_default(),
    })
}

/// Whether a value says yes: true, 1, `yes`, `on`, `1`, `true`. Anything else says no.
pub(crate) fn boolean(value: &Value) -> bool {
    if let Some(source) = value.as_str() {
        return matches!(source.to_lowercase().as_str(), "yes" | "on" | "1" | "true");
    }
    integer(value).map_or_else(|| number(value) == Some(1.0), |integer| integer == 1)
}
