//! Values as Python writes them: `str()` and `repr()`, which is what a template gives out.

use std::fmt::Write;

use minijinja::value::{Value, ValueKind};

use super::error::TemplateError;
use super::filter::sequence::Group;
use super::filter::time::{DateTime, TimeDelta};
use super::value::{DEEPEST, Shape, shape, too_deep};

pub use rprov_modules::text::float;

/// `str(value)`: strings bare, everything else as `repr`.
pub fn to_text(value: &Value) -> Result<String, TemplateError> {
    value.as_str().map_or_else(|| repr(value), |text| Ok(text.to_owned()))
}

/// `repr(value)`.
pub fn repr(value: &Value) -> Result<String, TemplateError> {
    written(value, false)
}

/// What `{{ value }}` writes among other text: `str(value)` with lists in place of tuples.
pub(super) fn output(value: &Value) -> Result<String, TemplateError> {
    value.as_str().map_or_else(|| written(value, true), |text| Ok(text.to_owned()))
}

fn written(value: &Value, flat: bool) -> Result<String, TemplateError> {
    let mut text = String::new();
    write_repr(&mut text, value, flat, 0)?;
    Ok(text)
}

/// `flat` writes tuples as lists.
fn write_repr(out: &mut String, value: &Value, flat: bool, depth: usize) -> Result<(), TemplateError> {
    if depth > DEEPEST {
        return Err(too_deep());
    }
    match shape(value)? {
        Shape::Undefined => return Err(TemplateError::undefined("a value in this list or dictionary is undefined")),
        Shape::Text(text) => quote(out, text),
        Shape::Number(number) => out.push_str(&number_text(number)),
        Shape::List(items) => {
            // The pairs of `groupby` have a type of their own, which stays.
            let tuple = value.is_tuple() && !flat || value.downcast_object_ref::<Group>().is_some();
            let mut length = 0;
            out.push(if tuple { '(' } else { '[' });
            for item in items {
                if length > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &item, flat, depth + 1)?;
                length += 1;
            }
            if tuple && length == 1 {
                out.push(',');
            }
            out.push(if tuple { ')' } else { ']' });
        }
        Shape::Map(entries) => {
            out.push('{');
            for (index, (key, item)) in entries.enumerate() {
                if index > 0 {
                    out.push_str(", ");
                }
                write_repr(out, &key, flat, depth + 1)?;
                out.push_str(": ");
                write_repr(out, &item, flat, depth + 1)?;
            }
            out.push('}');
        }
        Shape::Other(value) => match value.downcast_object_ref::<DateTime>() {
            Some(time) if depth > 0 => out.push_str(&time.repr_text()),
            // Writing to a string can't fail.
            _ => {
                let _ = write!(out, "{value}");
            }
        },
    }
    Ok(())
}

/// A number, boolean or none as Python writes it.
fn number_text(value: &Value) -> String {
    match value.kind() {
        ValueKind::Number if !value.is_integer() => {
            f64::try_from(value.clone()).map_or_else(|_| value.to_string(), float)
        }
        _ => value.to_string(),
    }
}

/// A string literal as Python's `repr()` writes it.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    quote(&mut out, text);
    out
}

fn quote(out: &mut String, text: &str) {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    out.push(quote);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            c if (c as u32) < 0x20 || (0x7f..0xa1).contains(&(c as u32)) || c == '\u{ad}' => {
                let _ = write!(out, "\\x{:02x}", c as u32);
            }
            c => out.push(c),
        }
    }
    out.push(quote);
}

/// The name of a value's type as Python has it.
pub fn type_name(value: &Value) -> &'static str {
    match value.kind() {
        ValueKind::Undefined => "AnsibleUndefined",
        ValueKind::None => "NoneType",
        ValueKind::Bool => "bool",
        ValueKind::Number if value.is_integer() => "int",
        ValueKind::Number => "float",
        ValueKind::String => "str",
        ValueKind::Bytes => "bytes",
        ValueKind::Seq if value.is_tuple() => "tuple",
        ValueKind::Seq if value.downcast_object_ref::<Group>().is_some() => "GroupTuple",
        ValueKind::Seq => "list",
        ValueKind::Map => "dict",
        ValueKind::Iterable => "generator",
        _ if let Some(time) = value.downcast_object_ref::<DateTime>() => time.type_name(),
        _ if value.downcast_object_ref::<TimeDelta>().is_some() => "timedelta",
        _ => "object",
    }
}
