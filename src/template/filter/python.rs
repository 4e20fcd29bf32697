//! Python's semantics of values: text, order, iteration, subscripts, numbers.
//!
//! Filters are specified in terms of Python's `str()`, `<`, `iter()`, `int()`; minijinja's own notions differ in corners
//! that playbooks reach (mixed types compare, floats print differently), so plugins go through these.

use std::cmp::Ordering;

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};

use crate::template::python;
pub(crate) use crate::template::python::{quoted, type_name};

/// An error with this text.
pub(crate) fn fail(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message.into())
}

/// Whether the value is one of Python's floats.
pub(crate) fn is_float(value: &Value) -> bool {
    value.kind() == ValueKind::Number && !value.is_integer()
}

/// Whether the value is a list, a tuple or another sequence of values (not text).
pub(crate) fn is_list(value: &Value) -> bool {
    matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable)
}

/// Whether the value is a dictionary.
pub(crate) fn is_map(value: &Value) -> bool {
    value.kind() == ValueKind::Map
}

/// Python's `str()`; nothing for a value that was not given.
///
/// # Errors
/// Something in the value is undefined.
pub(crate) fn text(value: &Value) -> Result<String, Error> {
    if value.is_undefined() { Ok(String::new()) } else { Ok(python::to_text(value)?) }
}

/// Python's `repr()`.
///
/// # Errors
/// Something in the value is undefined.
pub(crate) fn repr(value: &Value) -> Result<String, Error> {
    Ok(python::repr(value)?)
}

/// The value as a float if it is a number or a boolean.
pub(crate) fn number(value: &Value) -> Option<f64> {
    match value.kind() {
        ValueKind::Bool => Some(if value.is_true() { 1.0 } else { 0.0 }),
        ValueKind::Number => match f64::try_from(value.clone()) {
            Ok(float) => Some(float),
            Err(_) => i128::try_from(value.clone()).ok().map(|integer| integer as f64),
        },
        _ => None,
    }
}

/// The value as an integer if it is an integer or a boolean.
pub(crate) fn integer(value: &Value) -> Option<i128> {
    match value.kind() {
        ValueKind::Bool => Some(i128::from(value.is_true())),
        ValueKind::Number if value.is_integer() => i128::try_from(value.clone()).ok(),
        _ => None,
    }
}

/// An integer, in minijinja's smallest form.
pub(crate) fn int_value(value: i128) -> Value {
    i64::try_from(value).map_or_else(|_| Value::from(value), Value::from)
}

/// Python's `int(text, base)`: blanks around, a sign, `_` between digits, a base prefix if it fits.
pub(crate) fn parse_int(text: &str, base: u32) -> Option<i128> {
    let mut rest = text.trim();
    let negative = rest.starts_with('-');
    if let Some(stripped) = rest.strip_prefix(['-', '+']) {
        rest = stripped;
    }
    let lower = rest.to_ascii_lowercase();
    let prefix = match lower.get(..2) {
        Some("0x") => Some(16),
        Some("0o") => Some(8),
        Some("0b") => Some(2),
        _ => None,
    };
    let mut base = base;
    if let Some(found) = prefix
        && (base == found || base == 0)
    {
        base = found;
        rest = rest.get(2..)?;
        rest = rest.strip_prefix('_').unwrap_or(rest);
    } else if base == 0 {
        base = 10;
    }
    if !(2..=36).contains(&base)
        || rest.is_empty()
        || rest.starts_with('_')
        || rest.ends_with('_')
        || rest.contains("__")
    {
        return None;
    }
    let mut result: i128 = 0;
    for character in rest.chars().filter(|character| *character != '_') {
        let digit = character.to_digit(base).or_else(|| decimal_digit(character).filter(|digit| *digit < base))?;
        result = result.checked_mul(i128::from(base))?.checked_add(i128::from(digit))?;
    }
    Some(if negative { -result } else { result })
}

/// The value of a decimal digit of the scripts Python reads numbers in (each a run of ten code points).
fn decimal_digit(character: char) -> Option<u32> {
    const ZEROS: [u32; 14] =
        [0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xe50, 0xff10];
    let code = character as u32;
    ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|digit| *digit < 10))
}

/// Python's `float(text)`.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let trimmed = text.trim();
    let lower = trimmed.to_ascii_lowercase();
    let bare = lower.strip_prefix(['+', '-']).unwrap_or(&lower);
    if matches!(bare, "inf" | "infinity" | "nan") {
        let value = if bare == "nan" { f64::NAN } else { f64::INFINITY };
        return Some(if lower.starts_with('-') { -value } else { value });
    }
    if !bare.starts_with(|first: char| first.is_ascii_digit() || first == '.')
        || bare.contains("__")
        || bare.ends_with('_')
    {
        return None;
    }
    trimmed.replace('_', "").parse().ok()
}

/// The items that Python's `iter()` gives: a list's items, a dictionary's keys, a text's characters.
pub(crate) fn items(value: &Value) -> Result<Vec<Value>, Error> {
    match value.kind() {
        ValueKind::String => {
            Ok(value.as_str().unwrap_or_default().chars().map(|character| Value::from(character.to_string())).collect())
        }
        ValueKind::Seq | ValueKind::Iterable | ValueKind::Map => value.try_iter()?.checked().collect(),
        ValueKind::Undefined | ValueKind::Invalid => {
            super::call::defined(value, "this expression")?;
            Ok(Vec::new())
        }
        _ => Err(fail(format!("'{}' object is not iterable", type_name(value)))),
    }
}

/// A dictionary's entries in order.
pub(crate) fn pairs(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if !is_map(value) {
        return Err(fail(format!("expected a dictionary, got {} of type '{}'", brief(value), type_name(value))));
    }
    let mut entries = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let item = value.get_item(&key)?;
        entries.push((key, item));
    }
    Ok(entries)
}

/// A Python tuple.
pub(crate) fn tuple(items: Vec<Value>) -> Value {
    Value::from(minijinja::value::Tuple::new(items))
}

/// The value's representation, cut to a length that suits a message.
pub(crate) fn brief(value: &Value) -> String {
    let full = repr(value).unwrap_or_else(|error| error.to_string());
    if full.chars().count() > 60 {
        let cut: String = full.chars().take(57).collect();
        format!("{cut}...")
    } else {
        full
    }
}

/// Python's `<` and `>` as one order; values of types that have none are an error.
pub(crate) fn compare(left: &Value, right: &Value) -> Result<Ordering, Error> {
    if let (Some(a), Some(b)) = (integer(left), integer(right)) {
        return Ok(a.cmp(&b));
    }
    if let (Some(a), Some(b)) = (number(left), number(right)) {
        return Ok(a.partial_cmp(&b).unwrap_or(Ordering::Equal));
    }
    if let (Some(a), Some(b)) = (left.as_str(), right.as_str()) {
        return Ok(a.cmp(b));
    }
    if is_list(left) && is_list(right) && left.is_tuple() == right.is_tuple() {
        let (a, b) = (items(left)?, items(right)?);
        for (x, y) in a.iter().zip(&b) {
            if x != y {
                return compare(x, y);
            }
        }
        return Ok(a.len().cmp(&b.len()));
    }
    if let (Some(a), Some(b)) =
        (left.downcast_object_ref::<super::time::DateTime>(), right.downcast_object_ref::<super::time::DateTime>())
        && let Some(order) = a.order(b)
    {
        return Ok(order);
    }
    Err(fail(format!("'<' not supported between instances of '{}' and '{}'", type_name(left), type_name(right))))
}

/// A stable sort by key; the first pair without an order is the error.
pub(crate) fn sort_by_key(items: Vec<(Value, Value)>, reverse: bool) -> Result<Vec<Value>, Error> {
    let mut failure = None;
    let mut items = items;
    items.sort_by(|(left, _), (right, _)| match compare(left, right) {
        Ok(order) if reverse => order.reverse(),
        Ok(order) => order,
        Err(error) => {
            failure.get_or_insert(error);
            Ordering::Equal
        }
    });
    match failure {
        // A single item is never compared, as in Python.
        Some(error) => Err(error),
        None => Ok(items.into_iter().map(|(_, item)| item).collect()),
    }
}

/// Jinja2's subscript: an item of a list or dictionary, a character of a text; undefined if there is none.
pub(crate) fn subscript(value: &Value, key: &Value) -> Result<Value, Error> {
    super::call::defined(value, "a subscript")?;
    let found = match value.get_item(key) {
        Ok(found) => found,
        Err(_) => Value::UNDEFINED,
    };
    if found.is_undefined()
        && let Some(name) = key.as_str()
        && let Ok(attribute) = value.get_attr(name)
    {
        return Ok(attribute);
    }
    Ok(found)
}

/// The parts of an attribute path: `a.b.0`, an integer, or another key.
fn steps(path: &Value) -> Vec<Value> {
    match path.as_str() {
        Some(text) => text
            .split('.')
            .map(|part| match part.parse::<i64>() {
                Ok(index) if part.bytes().all(|byte| byte.is_ascii_digit()) => Value::from(index),
                _ => Value::from(part),
            })
            .collect(),
        None => vec![path.clone()],
    }
}

/// A value by an attribute path as `map(attribute=...)` takes it: `a.b.0`, an integer, or a list of paths' parts.
/// An undefined step takes `default` if there is one.
pub(crate) fn attribute(value: &Value, path: &Value, default: Option<&Value>) -> Result<Value, Error> {
    let mut current = value.clone();
    for part in steps(path) {
        if current.is_undefined() {
            return Err(missing_attribute(value, path));
        }
        current = subscript(&current, &part)?;
        if current.is_undefined()
            && let Some(default) = default
        {
            current = default.clone();
        }
    }
    Ok(current)
}

/// The error of an item that lacks an attribute: it names the first step of the path that is not there.
pub(crate) fn missing_attribute(value: &Value, path: &Value) -> Error {
    let mut current = value.clone();
    for part in steps(path) {
        match subscript(&current, &part) {
            Ok(next) if !next.is_undefined() => current = next,
            _ => {
                let message = format!("object of type '{}' has no attribute {}", type_name(&current), brief(&part));
                return Error::new(ErrorKind::UndefinedError, message);
            }
        }
    }
    Error::new(ErrorKind::UndefinedError, format!("{} has no attribute {}", brief(value), brief(path)))
}

/// An integer argument (`default` if absent).
pub(crate) fn int_argument(value: Option<&Value>, name: &str, default: i128) -> Result<i128, Error> {
    match value {
        None => Ok(default),
        Some(value) => integer(value).ok_or_else(|| fail(format!("`{name}` must be an integer, got {}", brief(value)))),
    }
}

/// A text argument (`default` if absent).
pub(crate) fn text_argument(value: Option<&Value>, default: &str) -> Result<String, Error> {
    value.map_or_else(|| Ok(default.to_owned()), text)
}

/// A truth argument (`default` if absent).
pub(crate) fn truth_argument(value: Option<&Value>, default: bool) -> bool {
    value.map_or(default, Value::is_true)
}

/// The subject as text; lists and dictionaries are refused where Python's function would refuse them.
pub(crate) fn text_only(value: &Value, user: &str) -> Result<String, Error> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or_else(|| fail(format!("`{user}` needs a string, got {} of type '{}'", brief(value), type_name(value))))
}
