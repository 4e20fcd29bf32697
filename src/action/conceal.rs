//! Secrets among a module's arguments are not in its result: options that are secrets, and passwords in URLs.
//!
//! The reference does the same (`no_log` options): a value that is the secret is replaced as a whole, one that holds it in
//! that place.

use std::borrow::Cow;

use rprov_modules::argument::Type;
use rprov_modules::http;
use rprov_wire::{Map, Value};

use super::invocation::HIDDEN;
use super::registry::Known;

/// What stands for a secret within a text.
const MASK: &str = "********";

/// Options whose values are URLs, of all modules that reach for something elsewhere.
const URLS: [&str; 4] = ["repo", "repository", "src", "url"];

/// Take the secrets that are among the arguments out of the result.
pub(crate) fn conceal(known: &Known, arguments: &Map, result: &mut Map) {
    let mut secrets: Vec<(Cow<'_, str>, bool)> = Vec::new();
    for option in known.spec.options() {
        let names = std::iter::once(&option.name).chain(option.aliases);
        let Some(value) = names.filter_map(|name| arguments.get(*name)).find(|value| !value.is_null()) else {
            continue;
        };
        gather(value, &option.kind, &mut secrets);
        let Some(text) = value.as_str() else { continue };
        if !matches!(option.kind, Type::Secret)
            && URLS.contains(&option.name)
            && let Some((_, password)) = http::written_login(text)
            && !password.is_empty()
        {
            // Not the password wherever it may be found: it may be as short as a letter.
            secrets.push((format!(":{password}@").into(), false));
        }
    }
    if !secrets.is_empty() {
        result.values_mut().for_each(|value| mask(value, &secrets));
    }
}

/// The secrets in a value, however deep they are.
fn gather<'a>(value: &'a Value, kind: &Type, secrets: &mut Vec<(Cow<'a, str>, bool)>) {
    match (kind, value) {
        (Type::Secret, Value::String(text)) if !text.is_empty() => secrets.push((text.into(), true)),
        (Type::List(item), Value::List(items)) => items.iter().for_each(|value| gather(value, item, secrets)),
        (Type::Nested(spec), Value::Map(map)) => {
            for (name, value) in map {
                if let Some(option) = spec.option(name) {
                    gather(value, &option.kind, secrets);
                }
            }
        }
        _ => {}
    }
}

fn mask(value: &mut Value, secrets: &[(Cow<'_, str>, bool)]) {
    match value {
        Value::String(text) => {
            for (secret, whole) in secrets {
                if *whole && text == secret {
                    HIDDEN.clone_into(text);
                } else if text.contains(&**secret) {
                    *text = if *whole { text.replace(&**secret, MASK) } else { text.replace(&**secret, ":********@") };
                }
            }
        }
        Value::List(items) => items.iter_mut().for_each(|item| mask(item, secrets)),
        Value::Map(map) => map.values_mut().for_each(|value| mask(value, secrets)),
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use super::*;

    fn concealed(action: &str, arguments: serde_json::Value, result: serde_json::Value) -> serde_json::Value {
        let map = |json| match Value::from_json(&json) {
            Value::Map(map) => map,
            _ => panic!("a dictionary"),
        };
        let mut result = map(result);
        conceal(super::super::find(action).unwrap(), &map(arguments), &mut result);
        Value::Map(result).to_json()
    }

    #[test]
    fn secret_options_are_not_in_the_result() {
        let result = concealed(
            "uri",
            json!({"url": "http://h/", "password": "pass", "body": "x"}),
            json!({"msg": "no pass here", "given": "pass", "list": [{"a": "pass"}], "pass": 1, "status": 200}),
        );
        let expected =
            json!({"msg": "no ******** here", "given": HIDDEN, "list": [{"a": HIDDEN}], "pass": 1, "status": 200});
        assert_eq!(result, expected);
    }

    #[test]
    fn passwords_in_urls_are_not_in_the_result() {
        let result = concealed(
            "git",
            json!({"repo": "https://u:p@h/x.git", "dest": "/tmp/p"}),
            json!({"msg": "could not read https://u:p@h/x.git", "path": "/tmp/p", "cmd": ["ls", "https://u:p@h/x.git"]}),
        );
        let expected = json!({"msg": "could not read https://u:********@h/x.git", "path": "/tmp/p", "cmd": ["ls", "https://u:********@h/x.git"]});
        assert_eq!(result, expected);
        let plain = json!({"msg": "http://u@h/ http://h/?a=b:c@d"});
        assert_eq!(concealed("get_url", json!({"url": "http://u@h/?a=b:c@d", "dest": "/a"}), plain.clone()), plain);
    }
}
