//! Values: what kind they are, made final, and turned into the wire's and JSON's values and back.

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};

use super::error::{TemplateError, carried};
use super::omit::is_omit;
use super::python::{self, type_name};
use super::written::{LazyList, LazyMap};

/// A value's items.
pub(super) type Items = Box<dyn Iterator<Item = Value> + Send + Sync>;
/// A dictionary's entries.
pub(super) type Entries = Box<dyn Iterator<Item = (Value, Value)> + Send + Sync>;

/// What kind of value it is, with what is needed to go on.
pub(super) enum Shape<'a> {
    Undefined,
    /// A number, a boolean or none.
    Number(&'a Value),
    Text(&'a str),
    List(Items),
    Map(Entries),
    /// A function, a namespace, `omit` ...
    Other(&'a Value),
}

/// Look at a value; a value that is an error is given back as that error.
pub(super) fn shape(value: &Value) -> Result<Shape<'_>, TemplateError> {
    Ok(match value.kind() {
        ValueKind::Undefined => Shape::Undefined,
        ValueKind::None | ValueKind::Bool | ValueKind::Number => Shape::Number(value),
        ValueKind::String => Shape::Text(value.as_str().unwrap_or_default()),
        ValueKind::Map => match value.as_object().and_then(|object| object.try_iter_pairs()) {
            Some(entries) => Shape::Map(entries),
            None => Shape::Other(value),
        },
        ValueKind::Seq | ValueKind::Iterable => match value.as_object().and_then(|object| object.try_iter()) {
            Some(items) => Shape::List(items),
            None => Shape::Other(value),
        },
        ValueKind::Invalid => return Err(error_in(value)),
        _ => Shape::Other(value),
    })
}

/// The engine's error that a value is, such as `undef()`.
pub(super) fn held_error(value: &Value) -> Option<minijinja::Error> {
    if value.kind() != ValueKind::Invalid {
        return None;
    }
    // The engine gives it back only where it is an item of something.
    let held = Value::from(vec![value.clone()]);
    held.try_iter().ok().and_then(|items| items.checked().find_map(Result::err))
}

/// Whether a value is undefined, by a missing name or by `undef()`.
pub(super) fn is_undefined(value: &Value) -> bool {
    value.is_undefined() || held_error(value).is_some_and(|error| error.kind() == minijinja::ErrorKind::UndefinedError)
}

/// The error that a value is.
fn error_in(value: &Value) -> TemplateError {
    match held_error(value) {
        Some(error) => carried(&error).unwrap_or_else(|| TemplateError::failed(plain_message(&error))),
        None => TemplateError::failed(value.to_string()),
    }
}

/// An engine's message without its kind and place.
pub(super) fn plain_message(error: &minijinja::Error) -> String {
    match error.detail() {
        Some(detail) => detail.to_owned(),
        None => error.kind().to_string(),
    }
}

/// So many lists and dictionaries may be inside each other; a list that was put into itself has no end.
pub(super) const DEEPEST: usize = 256;

/// A value is nested more deeply than any text can show.
pub(super) fn too_deep() -> TemplateError {
    TemplateError::failed(format!("a list or dictionary is nested more than {DEEPEST} levels deep"))
        .hint("it may contain itself: look for an `append` or `update` with the value that it belongs to")
}

/// Make a value final: nothing lazy, changeable or undefined is left in it, and what is `omit` is gone from its lists
/// and dictionaries.
pub fn finalize(value: &Value) -> Result<Value, TemplateError> {
    finalize_at(value, 0)
}

fn finalize_at(value: &Value, depth: usize) -> Result<Value, TemplateError> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    if let Some(map) = value.downcast_object_ref::<LazyMap>() {
        return map.finalize();
    }
    if let Some(list) = value.downcast_object_ref::<LazyList>() {
        return list.finalize();
    }
    // What was finalized before is shared, not copied.
    if value.downcast_object_ref::<FinalList>().is_some() || value.downcast_object_ref::<FinalMap>().is_some() {
        return Ok(value.clone());
    }
    Ok(match shape(value)? {
        Shape::Undefined => return Err(TemplateError::undefined("a value in this template is undefined")),
        Shape::Number(_) => value.clone(),
        Shape::Text(_) if value.is_safe() => Value::from(value.as_str().unwrap_or_default()),
        Shape::Text(_) => value.clone(),
        Shape::List(items) => {
            final_list(items.filter(|item| !is_omit(item)).map(|item| finalize_at(&item, depth + 1)))?
        }
        Shape::Map(entries) => final_map(
            entries.filter(|(_, item)| !is_omit(item)).map(|(key, item)| Ok((key, finalize_at(&item, depth + 1)?))),
        )?,
        Shape::Other(_) => value.clone(),
    })
}

/// A list of values that are final.
pub(super) fn final_list(items: impl Iterator<Item = Result<Value, TemplateError>>) -> Result<Value, TemplateError> {
    Ok(Value::from_object(FinalList(items.collect::<Result<_, _>>()?)))
}

/// A dictionary of values that are final.
pub(super) fn final_map(
    entries: impl Iterator<Item = Result<(Value, Value), TemplateError>>,
) -> Result<Value, TemplateError> {
    Ok(Value::from_object(FinalMap(entries.collect::<Result<_, _>>()?)))
}

/// A list in which nothing is lazy.
#[derive(Debug)]
struct FinalList(Vec<Value>);

impl Object for FinalList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.len())
    }
}

/// A dictionary in which nothing is lazy.
#[derive(Debug)]
struct FinalMap(IndexMap<Value, Value>);

impl Object for FinalMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.0.get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let this = self.clone();
        let mut next = 0;
        Enumerator::KeyValueIter(Box::new(std::iter::from_fn(move || {
            let (key, value) = this.0.get_index(next)?;
            next += 1;
            Some((key.clone(), value.clone()))
        })))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.0.len())
    }
}

/// A value from the wire: data that a host gave, never a template.
pub fn from_wire(value: rprov_wire::Value) -> Value {
    match value {
        rprov_wire::Value::Null => Value::from(()),
        rprov_wire::Value::Bool(flag) => Value::from(flag),
        rprov_wire::Value::Int(number) => Value::from(number),
        rprov_wire::Value::BigInt(number) => Value::from(number),
        rprov_wire::Value::Float(number) => Value::from(number),
        rprov_wire::Value::String(text) => Value::from(text),
        rprov_wire::Value::List(items) => Value::from_object(FinalList(items.into_iter().map(from_wire).collect())),
        rprov_wire::Value::Map(map) => Value::from_object(FinalMap(
            map.into_iter().map(|(key, value)| (Value::from(key), from_wire(value))).collect(),
        )),
    }
}

/// The same value for the wire. Lazy values are rendered; what is undefined is an error; a key that is no string
/// becomes one as JSON would have it.
pub fn to_wire(value: &Value) -> Result<rprov_wire::Value, TemplateError> {
    let value = finalize(value)?;
    to_wire_final(&value)
}

fn to_wire_final(value: &Value) -> Result<rprov_wire::Value, TemplateError> {
    use rprov_wire::Value as Wire;
    Ok(match shape(value)? {
        Shape::Undefined => return Err(TemplateError::undefined("a value is undefined")),
        Shape::Text(text) => Wire::String(text.to_owned()),
        Shape::Number(number) => match number.kind() {
            ValueKind::None => Wire::Null,
            ValueKind::Bool => Wire::Bool(number.is_true()),
            _ if number.is_integer() => match number.as_i64() {
                Some(integer) => Wire::Int(integer),
                None => i128::try_from(number.clone()).map_or_else(|_| Wire::Float(float_of(number)), Wire::from),
            },
            _ => Wire::Float(float_of(number)),
        },
        Shape::List(items) => Wire::List(items.map(|item| to_wire_final(&item)).collect::<Result<_, _>>()?),
        Shape::Map(entries) => Wire::Map(
            entries.map(|(key, item)| Ok((key_text(&key)?, to_wire_final(&item)?))).collect::<Result<_, _>>()?,
        ),
        Shape::Other(other) => {
            if let Some(time) = other.downcast_object_ref::<super::filter::time::DateTime>() {
                return Ok(Wire::String(time.iso('T')));
            }
            return match other.as_bytes() {
                Some(bytes) => Ok(Wire::String(String::from_utf8_lossy(bytes).into_owned())),
                None => Err(unsupported(other)),
            };
        }
    })
}

fn unsupported(value: &Value) -> TemplateError {
    TemplateError::failed(format!("Type '{}' is unsupported for variable storage", type_name(value))).hint(
        "a function has to be called; `omit` stands for a whole argument, or for an entry of a list or dictionary",
    )
}

fn float_of(value: &Value) -> f64 {
    f64::try_from(value.clone()).unwrap_or(f64::NAN)
}

/// A dictionary's key as JSON has it.
pub(super) fn key_text(key: &Value) -> Result<String, TemplateError> {
    Ok(match key.kind() {
        ValueKind::String => key.as_str().unwrap_or_default().to_owned(),
        ValueKind::None => "null".to_owned(),
        ValueKind::Bool => if key.is_true() { "true" } else { "false" }.to_owned(),
        _ => python::to_text(key)?,
    })
}

/// A value from JSON's: data, never a template. Integers beyond 64 bits stay exact as far as the engine has them.
pub fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::from(()),
        serde_json::Value::Bool(flag) => Value::from(*flag),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Value::from(integer),
            None => match number.as_u64() {
                Some(integer) => Value::from(integer),
                None => Value::from(number.as_f64().unwrap_or(f64::NAN)),
            },
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::from_object(FinalList(items.iter().map(from_json).collect())),
        serde_json::Value::Object(map) => Value::from_object(FinalMap(
            map.iter().map(|(key, value)| (Value::from(key.as_str()), from_json(value))).collect(),
        )),
    }
}

/// The same value as JSON has it; errors as for [`to_wire`].
pub fn to_json(value: &Value) -> Result<serde_json::Value, TemplateError> {
    Ok(to_wire(value)?.to_json())
}
