//! `invocation`: what a module was called with, as results of loops show it.

use rprov_modules::argument::{Type, boolean};
use rprov_wire::{Map, Value};

use super::registry::Known;

/// What stands for an argument that must not be seen.
pub(super) const HIDDEN: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

/// All options of a module with the values that a call gave them, or their defaults; secrets are hidden. `free` says that
/// the command was given as the module's text, not as an option.
pub(crate) fn invocation(known: &Known, arguments: &Map, free: bool) -> Value {
    let mut shown = Map::new();
    for option in known.spec.options().filter(|option| !option.name.starts_with('_')) {
        let given = arguments.get(option.name).map(|value| typed(value, &option.kind));
        let value = given.or_else(|| option.default.map(|default| default()));
        let value = match value.unwrap_or_default() {
            Value::Null => Value::Null,
            // It may well be a secret, and is long if it is none.
            _ if known.short == "copy" && option.name == "content" => HIDDEN.into(),
            value => veiled(value, &option.kind),
        };
        shown.insert(option.name.to_owned(), value);
    }
    // In Ansible both are one module.
    if matches!(&*known.short, "command" | "shell") {
        shown.insert("_uses_shell".to_owned(), (known.short == "shell").into());
        for option in ["_raw_params", "argv", "executable", "strip_empty_ends", "expand_argument_vars"] {
            let default =
                if option.starts_with(['s', 'e']) && option != "executable" { true.into() } else { Value::Null };
            shown.entry(option.to_owned()).or_insert(default);
        }
        if free && let Some(text) = known.free_form.and_then(|name| shown.insert(name.to_owned(), Value::Null)) {
            shown.insert("_raw_params".to_owned(), text);
        }
    }
    let mut invocation = Map::new();
    invocation.insert("module_args".to_owned(), shown.into());
    invocation.into()
}

/// A value without the secrets in it, however deep they are.
fn veiled(value: Value, kind: &Type) -> Value {
    match (kind, value) {
        (_, Value::Null) => Value::Null,
        (Type::Secret, _) => HIDDEN.into(),
        (Type::List(item), Value::List(items)) => {
            Value::List(items.into_iter().map(|value| veiled(value, item)).collect())
        }
        (Type::Nested(spec), Value::Map(map)) => {
            let veil = |(name, value): (String, Value)| {
                let value = match spec.option(&name) {
                    Some(option) => veiled(value, &option.kind),
                    None => value,
                };
                (name, value)
            };
            Value::Map(map.into_iter().map(veil).collect())
        }
        (_, value) => value,
    }
}

/// A given value in the option's type.
fn typed(value: &Value, kind: &Type) -> Value {
    match (kind, value) {
        (Type::Bool, Value::String(text)) => boolean(text).map_or_else(|| value.clone(), Value::from),
        (Type::Int, Value::String(text)) => text.trim().parse::<i64>().map_or_else(|_| value.clone(), Value::from),
        (Type::Str | Type::Path | Type::Mode | Type::Secret, Value::Int(number)) => number.to_string().into(),
        _ => value.clone(),
    }
}

#[cfg(test)]
#[expect(clippy::expect_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_hidden_and_numbers_are_numbers() {
        let known = crate::action::find("user").expect("there is a module `user`");
        let mut arguments = Map::new();
        arguments.insert("name".to_owned(), "joe".into());
        arguments.insert("password".to_owned(), "secret".into());
        arguments.insert("uid".to_owned(), "1001".into());
        let Value::Map(shown) = invocation(known, &arguments, false) else { panic!("it is a dictionary") };
        let shown = shown.get("module_args").and_then(Value::as_map).expect("the arguments are there");
        assert_eq!(shown.get("name"), Some(&"joe".into()));
        assert_eq!(shown.get("password"), Some(&HIDDEN.into()));
        assert_eq!(shown.get("uid"), Some(&1001.into()));
        assert_eq!(shown.get("state"), Some(&"present".into()));
        let known = crate::action::find("nmcli").expect("there is a module `nmcli`");
        let security = Map::from_iter([("psk".to_owned(), "secret".into()), ("key-mgmt".to_owned(), "sae".into())]);
        let shown = invocation(known, &Map::from_iter([("wifi_sec".to_owned(), security.into())]), false);
        let shown = shown.get("module_args").and_then(|shown| shown.get("wifi_sec")).cloned().unwrap_or_default();
        assert_eq!(shown.get("psk"), Some(&HIDDEN.into()));
        assert_eq!(shown.get("key-mgmt"), Some(&"sae".into()));
        let known = crate::action::find("copy").expect("there is a module `copy`");
        let arguments = Map::from_iter([("content".to_owned(), "secret".into())]);
        let shown = invocation(known, &arguments, false).get("module_args").cloned().unwrap_or_default();
        assert_eq!(shown.get("content"), Some(&HIDDEN.into()));
    }
}
