//! The methods of `dict` and `list` that change nothing.

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::arguments::Arguments;
use crate::template::chain::{changeable_list, changeable_map};

fn entries(value: &Value) -> impl Iterator<Item = (Value, Value)> {
    value.as_object().and_then(|object| object.try_iter_pairs()).into_iter().flatten()
}

/// Call a method of a dictionary; `None` if it has none of that name.
pub(super) fn call_map(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let arguments = Arguments::new(method, args);
    Ok(Some(match method {
        "items" => Value::from_iter(entries(value).map(Value::from)),
        "keys" => Value::from_iter(entries(value).map(|(key, _)| key)),
        "values" => Value::from_iter(entries(value).map(|(_, item)| item)),
        "get" => {
            let Some(key) = arguments.get(0, "key") else {
                return Err(Error::new(ErrorKind::MissingArgument, "get expected at least 1 argument, got 0"));
            };
            if key.is_undefined() {
                return Err(Error::from(ErrorKind::UndefinedError));
            }
            match value.get_item(&key)? {
                found if found.is_undefined() => arguments.get(1, "default").unwrap_or_else(|| Value::from(())),
                found => found,
            }
        }
        "copy" => changeable_map(entries(value)),
        "fromkeys" => {
            let default = arguments.get(1, "value").unwrap_or_else(|| Value::from(()));
            let keys = arguments.get(0, "iterable").unwrap_or_default();
            changeable_map(keys.try_iter()?.map(|key| (key, default.clone())).collect::<Vec<_>>())
        }
        "update" | "setdefault" | "pop" | "popitem" | "clear" => return Err(unchangeable("dictionary", method)),
        _ => return Ok(None),
    }))
}

/// Call a method of a list; `None` if it has none of that name.
pub(super) fn call_list(value: &Value, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let arguments = Arguments::new(method, args);
    Ok(Some(match method {
        "count" => {
            let wanted = arguments.get(0, "value").unwrap_or_default();
            Value::from(value.try_iter()?.filter(|item| *item == wanted).count())
        }
        "index" => {
            let wanted = arguments.get(0, "value").unwrap_or_default();
            let from = usize::try_from(arguments.integer(1, "start")?.unwrap_or(0)).unwrap_or(0);
            match value.try_iter()?.enumerate().skip(from).find(|(_, item)| *item == wanted) {
                Some((index, _)) => Value::from(index),
                None => {
                    return Err(Error::new(ErrorKind::InvalidOperation, format!("{wanted:?} is not in list")));
                }
            }
        }
        "copy" if value.kind() == ValueKind::Seq => changeable_list(value.try_iter()?.collect()),
        "append" | "extend" | "insert" | "pop" | "remove" | "clear" | "sort" | "reverse" => {
            return Err(unchangeable("list", method));
        }
        _ => return Ok(None),
    }))
}

fn unchangeable(what: &str, method: &str) -> Error {
    Error::new(
        ErrorKind::InvalidOperation,
        format!(
            "`{method}` can't change this {what}: it belongs to a variable. Copy it first: `{{% set x = y.copy() %}}`"
        ),
    )
}
