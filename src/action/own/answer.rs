//! What a program of the user's own printed, as a result.
//!
//! It is JSON: an object that begins a line and ends one. What stands before it is passed over, what follows it is told of.

use rprov_modules::own::MARK;
use rprov_wire::{Map, Value};

/// What the agent gave back, as the module's result.
pub(crate) fn interpret(mut raw: Map) -> Map {
    // What the agent itself says (it was cancelled, has no room) is a result already.
    if raw.shift_remove(MARK).is_none() {
        return raw;
    }
    let rc = raw.get("rc").and_then(Value::as_int).unwrap_or(1);
    let stdout = raw.get("stdout").and_then(Value::as_str).unwrap_or_default();
    match object(stdout) {
        Ok((object, junk)) => {
            let mut result = object;
            let mut warnings = strip(&mut result);
            result.values_mut().for_each(untag);
            if !junk.is_empty() {
                warnings.push(format!("Module invocation had junk after the JSON data: {junk}"));
            }
            if !warnings.is_empty() {
                let mut all = match result.shift_remove("warnings") {
                    Some(Value::List(list)) => list,
                    Some(Value::Null) | None => Vec::new(),
                    Some(other) => vec![other],
                };
                all.extend(warnings.into_iter().map(Value::from));
                result.insert("warnings".to_owned(), Value::List(all));
            }
            result
        }
        Err(problem) => {
            let stderr = raw.get("stderr").cloned().unwrap_or_default();
            let told = stderr.as_str().unwrap_or_default().strip_suffix(": not found\n");
            let problem = match told {
                Some(interpreter) if rc == 127 && stdout.is_empty() && !interpreter.contains(['\n', ' ']) => {
                    format!("The module interpreter '{interpreter}' was not found.")
                }
                _ => format!("Module result deserialization failed: {problem}"),
            };
            Map::from_iter([
                ("failed".to_owned(), true.into()),
                ("module_stderr".to_owned(), stderr),
                ("module_stdout".to_owned(), stdout.into()),
                ("msg".to_owned(), problem.into()),
                ("rc".to_owned(), rc.into()),
            ])
        }
    }
}

/// The object in what was printed, and what follows it.
fn object(printed: &str) -> Result<(Map, String), String> {
    let lines: Vec<&str> = printed.lines().collect();
    let first =
        lines.iter().position(|line| line.trim_start().starts_with('{')).ok_or("No start of json char found")?;
    let last = lines.iter().rposition(|line| line.trim_end().ends_with('}')).filter(|last| *last >= first);
    let last = last.ok_or("No end of json char found")?;
    let text = lines.get(first..=last).unwrap_or_default().join("\n");
    let junk = lines.get(last + 1..).unwrap_or_default().join("\n").trim().to_owned();
    let value = serde_json::from_str::<serde_json::Value>(&text).or_else(|error| {
        // Python writes numbers that JSON does not have.
        serde_json::from_str(&without_specials(&text)).map_err(|_| error.to_string())
    })?;
    match Value::from_json(&value) {
        Value::Map(object) => Ok((object, junk)),
        _ => Err("No start of json char found".to_owned()),
    }
}

/// The text with `NaN` and `Infinity` outside of strings as null: there is no other number for them.
fn without_specials(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    let mut rest = text;
    let mut quoted = false;
    while let Some(character) = rest.chars().next() {
        let special = ["-Infinity", "Infinity", "NaN"].into_iter().find(|word| !quoted && rest.starts_with(word));
        let length = match special {
            Some(word) => {
                output.push_str("null");
                word.len()
            }
            None if character == '\\' => {
                let length = rest.chars().take(2).map(char::len_utf8).sum();
                output.push_str(rest.get(..length).unwrap_or_default());
                length
            }
            None => {
                quoted ^= character == '"';
                output.push(character);
                character.len_utf8()
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    output
}

/// Take out what only Ansible itself may say; what was at the top is told of.
fn strip(result: &mut Map) -> Vec<String> {
    let mut told = Vec::new();
    result.retain(|name, value| {
        let internal = name.starts_with("_ansible_");
        if internal {
            let value =
                crate::template::python::to_text(&crate::template::from_wire(value.clone())).unwrap_or_default();
            told.push(format!("Removed unexpected internal key in module return: {name} = {value}"));
        }
        !internal
    });
    result.values_mut().for_each(strip_below);
    told
}

fn strip_below(value: &mut Value) {
    match value {
        Value::Map(map) => {
            map.retain(|name, _| !name.starts_with("_ansible_"));
            map.values_mut().for_each(strip_below);
        }
        Value::List(items) => items.iter_mut().for_each(strip_below),
        _ => {}
    }
}

/// The name under which `AnsibleModule` says what kind of object of its own it has written (since ansible-core 2.19).
const TAG: &str = "__ansible_type";

/// Put plain values into the place of such objects.
fn untag(value: &mut Value) {
    match value {
        Value::List(items) => items.iter_mut().for_each(untag),
        Value::Map(map) => {
            map.values_mut().for_each(untag);
            let Some(kind) = map.shift_remove(TAG) else { return };
            let event = match map.shift_remove("event") {
                Some(Value::Map(event)) => event,
                _ => Map::new(),
            };
            let said = event.get("msg").cloned().unwrap_or_default();
            match kind.as_str().unwrap_or_default() {
                "WarningSummary" => *value = said,
                "ErrorSummary" => {
                    let traceback = event.get("formatted_traceback").filter(|text| !text.is_null());
                    *value = traceback.cloned().unwrap_or_else(|| "(traceback unavailable)".into());
                }
                "DeprecationSummary" => {
                    let name = map.get("deprecator").and_then(|by| by.get("resolved_name")).and_then(Value::as_str);
                    if let Some((collection, _)) = name.and_then(|name| name.rsplit_once('.')) {
                        let collection = collection.to_owned();
                        map.insert("collection_name".to_owned(), collection.into());
                    }
                    map.insert("msg".to_owned(), said);
                }
                _ => {
                    if map.len() == 1
                        && let Some(only) = map.shift_remove("value")
                    {
                        *value = only;
                    }
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn answer(stdout: &str) -> Map {
        interpret(Map::from_iter([
            (MARK.to_owned(), true.into()),
            ("rc".to_owned(), 1.into()),
            ("stdout".to_owned(), stdout.into()),
            ("stderr".to_owned(), "oops\n".into()),
        ]))
    }

    fn text(result: &Map, name: &str) -> String {
        result.get(name).and_then(Value::as_str).unwrap().to_owned()
    }

    #[test]
    fn an_object_is_found_among_noise() {
        let result = answer("noise\nmore {noise\n{\"a\": 1,\n \"b\": {\"_ansible_x\": 1}}\nafter\n");
        assert_eq!(result.get("a"), Some(&1.into()));
        assert_eq!(result.get("b"), Some(&Value::Map(Map::new())));
        let warnings = result.get("warnings").and_then(Value::as_list).unwrap();
        assert_eq!(warnings, ["Module invocation had junk after the JSON data: after".into()]);
        assert!(!result.contains_key("rc"));
    }

    #[test]
    fn what_is_no_object_fails_with_all_that_was_printed() {
        for (printed, problem) in [
            ("", "No start of json char found"),
            ("x {\"a\": 1}", "No start of json char found"),
            ("[1]", "No start of json char found"),
            ("{\"a\": 1", "No end of json char found"),
        ] {
            let result = answer(printed);
            assert_eq!(text(&result, "msg"), format!("Module result deserialization failed: {problem}"));
            assert_eq!(
                (text(&result, "module_stdout"), text(&result, "module_stderr")),
                (printed.into(), "oops\n".into())
            );
            assert_eq!(result.get("rc"), Some(&1.into()));
        }
        assert!(text(&answer("{\"a\" 1}"), "msg").starts_with("Module result deserialization failed: expected"));
    }

    #[test]
    fn numbers_that_only_python_writes_do_no_harm() {
        let result = answer("{\"a\": NaN, \"b\": \"NaN \\\" -Infinity\", \"c\": [-Infinity]}");
        assert_eq!(result.get("a"), Some(&Value::Null));
        assert_eq!(text(&result, "b"), "NaN \" -Infinity");
        assert_eq!(result.get("c"), Some(&Value::List(vec![Value::Null])));
    }

    #[test]
    fn objects_of_ansible_s_own_become_plain_values() {
        let result = answer(
            r#"{"warnings": [{"__ansible_type": "WarningSummary", "event": {"__ansible_type": "Event", "msg": "w"}}],
            "deprecations": [{"__ansible_type": "DeprecationSummary", "event": {"msg": "d"}, "version": "9",
            "deprecator": {"__ansible_type": "PluginInfo", "resolved_name": "ns.col.m",
            "type": {"__ansible_type": "PluginType", "value": "module"}}}],
            "exception": {"__ansible_type": "ErrorSummary", "event": {"msg": "boom"}}}"#,
        );
        assert_eq!(
            Value::Map(result).to_json(),
            serde_json::json!({
                "warnings": ["w"],
                "deprecations": [{"version": "9", "deprecator": {"resolved_name": "ns.col.m", "type": "module"},
                    "collection_name": "ns.col", "msg": "d"}],
                "exception": "(traceback unavailable)",
            })
        );
    }

    #[test]
    fn internal_keys_are_taken_out() {
        let result = answer("{\"_ansible_no_log\": false, \"warnings\": [\"w\"]}");
        let warnings = result.get("warnings").and_then(Value::as_list).unwrap();
        assert_eq!(
            warnings,
            ["w".into(), "Removed unexpected internal key in module return: _ansible_no_log = False".into()]
        );
    }
}
