//! Numbers and order: `odd`, `divisibleby`, `eq`, `lt`, `in` ...

use std::cmp::Ordering;

use minijinja::{Error, Value};

use super::answer;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::python::{brief, compare, integer, is_list, is_map, items, number, type_name};

pub(super) const TESTS: &[(&str, Run)] = &[
    ("odd", |_, call| answer(modulo(&call, &call.only()?, &Value::from(2))? == 1.0)),
    ("even", |_, call| answer(modulo(&call, &call.only()?, &Value::from(2))? == 0.0)),
    ("divisibleby", |_, call| {
        let [value, divisor] = call.bind(["value", "num"], 2)?;
        answer(modulo(&call, &value.unwrap_or_default(), &divisor.unwrap_or_default())? == 0.0)
    }),
    ("eq", |_, call| equal(&call, true)),
    ("equalto", |_, call| equal(&call, true)),
    ("==", |_, call| equal(&call, true)),
    ("ne", |_, call| equal(&call, false)),
    ("!=", |_, call| equal(&call, false)),
    ("lt", |_, call| ordered(&call, &[Ordering::Less])),
    ("lessthan", |_, call| ordered(&call, &[Ordering::Less])),
    ("<", |_, call| ordered(&call, &[Ordering::Less])),
    ("le", |_, call| ordered(&call, &[Ordering::Less, Ordering::Equal])),
    ("<=", |_, call| ordered(&call, &[Ordering::Less, Ordering::Equal])),
    ("gt", |_, call| ordered(&call, &[Ordering::Greater])),
    ("greaterthan", |_, call| ordered(&call, &[Ordering::Greater])),
    (">", |_, call| ordered(&call, &[Ordering::Greater])),
    ("ge", |_, call| ordered(&call, &[Ordering::Greater, Ordering::Equal])),
    (">=", |_, call| ordered(&call, &[Ordering::Greater, Ordering::Equal])),
    ("in", |_, call| {
        let [value, container] = call.bind(["value", "seq"], 2)?;
        answer(contains(&container.unwrap_or_default(), &value.unwrap_or_default(), &call)?)
    }),
    ("contains", |_, call| {
        let [container, value] = call.bind(["value", "item"], 2)?;
        answer(contains(&container.unwrap_or_default(), &value.unwrap_or_default(), &call)?)
    }),
];

fn modulo(call: &Call, value: &Value, divisor: &Value) -> Result<f64, Error> {
    let (Some(left), Some(right)) = (number(value), number(divisor)) else {
        return Err(call.fail(format!("needs numbers, got '{}' and '{}'", type_name(value), type_name(divisor))));
    };
    if right == 0.0 {
        return Err(call.fail("division by zero"));
    }
    Ok(match (integer(value), integer(divisor)) {
        (Some(left), Some(right)) => left.rem_euclid(right) as f64,
        _ => left.rem_euclid(right),
    })
}

fn equal(call: &Call, wanted: bool) -> Result<Value, Error> {
    let [left, right] = call.bind(["value", "other"], 2)?;
    answer((left.unwrap_or_default() == right.unwrap_or_default()) == wanted)
}

fn ordered(call: &Call, wanted: &[Ordering]) -> Result<Value, Error> {
    let [left, right] = call.bind(["value", "other"], 2)?;
    answer(wanted.contains(&compare(&left.unwrap_or_default(), &right.unwrap_or_default())?))
}

/// Python's `value in container`.
fn contains(container: &Value, value: &Value, call: &Call) -> Result<bool, Error> {
    if let Some(text) = container.as_str() {
        let part = value.as_str().ok_or_else(|| {
            call.fail(format!("only a string can be in a string, got {} of type '{}'", brief(value), type_name(value)))
        })?;
        return Ok(text.contains(part));
    }
    if !is_list(container) && !is_map(container) {
        return Err(
            call.fail(format!("'{}' holds nothing: it is not a list, dictionary or string", type_name(container)))
        );
    }
    Ok(items(container)?.contains(value))
}
