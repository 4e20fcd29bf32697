//! The methods that Python's types have, for the values that templates see.
//! <https://docs.python.org/3/library/stdtypes.html>

mod arguments;
mod container;
mod format;
mod number;
mod text;

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, State};

use super::explain::no_attribute;

/// Call a method that the engine does not know; the methods of changeable values are with their types.
pub(super) fn call(state: &mut State<'_, '_>, value: &Value, method: &str, args: &[Value]) -> Result<Value, Error> {
    let found = match value.kind() {
        ValueKind::String => text::call(value.as_str().unwrap_or_default(), method, args)?,
        ValueKind::Bytes => match (method, value.as_bytes()) {
            ("decode", Some(bytes)) => Some(Value::from(String::from_utf8_lossy(bytes).into_owned())),
            _ => None,
        },
        ValueKind::Map => container::call_map(value, method, args)?,
        ValueKind::Seq | ValueKind::Iterable => container::call_list(value, method, args)?,
        ValueKind::Number | ValueKind::Bool => number::call(value, method, args)?,
        _ => None,
    };
    match found {
        Some(result) => Ok(result),
        None if value.is_undefined() => Err(Error::from(minijinja::ErrorKind::UnknownMethod)),
        None => match value.as_object().and_then(|object| object.get_value_by_str(method)) {
            // A function that is a member, such as a macro of an imported template.
            Some(member) => member.call(state, args),
            None => Err(no_attribute(value, &Value::from(method)).into()),
        },
    }
}

fn type_name_of(value: &Value) -> &'static str {
    super::python::type_name(value)
}
