//! What kind of value it is: `string`, `mapping`, `integer`, `defined` ...

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::answer;
use crate::template::Scope;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::logic::boolean;
use crate::template::filter::python::{integer, is_float, is_list, is_map, number, text, truth_argument};
use crate::template::value::is_undefined;

pub(super) const TESTS: &[(&str, Run)] = &[
    ("boolean", |_, call| answer(call.only()?.kind() == ValueKind::Bool)),
    ("integer", |_, call| answer(is_integer(&call.only()?))),
    ("float", |_, call| answer(is_float(&call.only()?))),
    ("number", |_, call| answer(number(&call.only()?).is_some())),
    ("string", |_, call| answer(call.only()?.as_str().is_some())),
    ("sequence", |_, call| answer(is_iterable(&call.only()?))),
    ("iterable", |_, call| answer(is_iterable(&call.only()?))),
    ("mapping", |_, call| answer(is_map(&call.only()?))),
    ("none", |_, call| answer(call.only()?.is_none())),
    ("callable", |_, call| answer(is_callable(&call.only()?))),
    ("escaped", |_, call| answer(call.only()?.is_safe())),
    ("true", |_, call| answer(is_bool(&call.only()?, true))),
    ("false", |_, call| answer(is_bool(&call.only()?, false))),
    ("lower", |_, call| cased(&call.only()?, char::is_lowercase, char::is_uppercase)),
    ("upper", |_, call| cased(&call.only()?, char::is_uppercase, char::is_lowercase)),
    ("nan", |_, call| answer(number(&call.only()?).is_some_and(f64::is_nan))),
    ("isnan", |_, call| answer(number(&call.only()?).is_some_and(f64::is_nan))),
    ("sameas", sameas),
    ("filter", is_filter),
    ("test", is_test),
    ("truthy", |_, call| answer(truthy(&call)?)),
    ("falsy", |_, call| answer(!truthy(&call)?)),
    ("vault_encrypted", vault_encrypted),
];

pub(super) const TOLERANT: &[(&str, Run)] = &[
    ("defined", |_, call| answer(!is_undefined(&call.only()?))),
    ("undefined", |_, call| answer(is_undefined(&call.only()?))),
];

fn is_integer(value: &Value) -> bool {
    value.kind() == ValueKind::Number && value.is_integer()
}

fn is_iterable(value: &Value) -> bool {
    is_list(value) || is_map(value) || value.as_str().is_some()
}

/// Functions and macros are objects with nothing inside.
fn is_callable(value: &Value) -> bool {
    value.kind() == ValueKind::Plain
}

fn is_bool(value: &Value, wanted: bool) -> bool {
    value.kind() == ValueKind::Bool && value.is_true() == wanted
}

/// Python's `islower()` and `isupper()`: at least one letter of the case, none of the other.
fn cased(value: &Value, this: fn(char) -> bool, other: fn(char) -> bool) -> Result<Value, Error> {
    let source = text(value)?;
    answer(source.chars().any(this) && !source.chars().any(other))
}

fn sameas(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [left, right] = call.bind(["value", "other"], 2)?;
    let (left, right) = (left.unwrap_or_default(), right.unwrap_or_default());
    // Values have no identity here: what is equal and of one type counts as the same.
    answer(left.kind() == right.kind() && left == right && left.is_integer() == right.is_integer())
}

/// A `!vault` value, also where another variable refers to it; what is made of it is plain text.
fn vault_encrypted(state: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    let scope = Scope::of(state);
    answer(value.as_str().zip(scope).is_some_and(|(text, scope)| scope.surroundings().vault.is_opened_value(text)))
}

fn is_filter(state: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let name = text(&call.only()?)?;
    answer(exists(state.apply_filter(&name, &[]).err(), minijinja::ErrorKind::UnknownFilter))
}

fn is_test(state: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let name = text(&call.only()?)?;
    answer(exists(state.perform_test(&name, &[]).err(), minijinja::ErrorKind::UnknownTest))
}

/// The environment tells a name it does not know by its kind of error; without arguments a known one fails otherwise.
fn exists(error: Option<Error>, unknown: minijinja::ErrorKind) -> bool {
    error.is_none_or(|error| error.kind() != unknown)
}

fn truthy(call: &Call) -> Result<bool, Error> {
    let [value, convert] = call.bind(["value", "convert_bool"], 1)?;
    let value = value.unwrap_or_default();
    if !truth_argument(convert.as_ref(), false) {
        return Ok(value.is_true());
    }
    let known = match value.as_str() {
        Some(source) => matches!(
            source.to_lowercase().as_str(),
            "yes" | "on" | "1" | "true" | "y" | "t" | "no" | "off" | "0" | "false" | "n" | "f" | "1.0" | "0.0"
        ),
        None => matches!(integer(&value), Some(0 | 1)),
    };
    Ok(if !known {
        value.is_true()
    } else {
        boolean(&value)
            || value.as_str().is_some_and(|source| matches!(source.to_lowercase().as_str(), "y" | "t" | "1.0"))
    })
}
