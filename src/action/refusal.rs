//! What an action says of arguments that do not fit, where it says it in words of its own.
//!
//! Playbooks look for these words in results, so they are Ansible's.

use rprov_modules::argument::ArgumentProblem;
use rprov_wire::{Map, Value};

use super::call::Stop;

/// The action's own answer to what is wrong with its arguments; `None` where it has no words of its own.
pub(crate) fn refusal(action: &str, arguments: &Map, problems: &[ArgumentProblem]) -> Option<Stop> {
    if action == "shell" && arguments.contains_key("expand_argument_vars") {
        // Only `command` has it; the shell expands by itself.
        return Some(Stop::refused("Unsupported parameters for (shell) module: expand_argument_vars"));
    }
    let first = problems.first()?;
    let given = |name: &str| arguments.get(name).is_some_and(|value| !matches!(value, Value::Null));
    let absent = matches!(first, ArgumentProblem::Missing { .. } | ArgumentProblem::Rule { .. });
    Some(match (action, first) {
        ("copy", _) if absent => match (given("src"), given("content")) {
            (false, false) => Stop::failed("src (or content) is required"),
            (true, true) => Stop::failed("src and content are mutually exclusive"),
            _ => Stop::failed("dest is required"),
        },
        ("template" | "fetch" | "assemble", ArgumentProblem::Missing { .. }) => {
            Stop::refused("src and dest are required")
        }
        ("synchronize", ArgumentProblem::Missing { .. }) => {
            Stop::failed("synchronize requires both src and dest parameters are set")
        }
        ("unarchive", ArgumentProblem::Missing { .. }) => Stop::refused("src (or content) and dest are required"),
        ("fetch", ArgumentProblem::Type { option, .. }) if option == "src" => {
            Stop::refused("Invalid type supplied for source option, it must be a string")
        }
        ("package", _) if absent && unknown_manager(arguments).is_some() => {
            let manager = unknown_manager(arguments)?;
            Stop::refused(format!("Could not find a matching action for the \"{manager}\" package manager."))
        }
        ("group_by", ArgumentProblem::Missing { .. }) => {
            Stop::failed("the 'key' param is required when using group_by")
        }
        ("set_stats", ArgumentProblem::Type { option, .. }) if option == "data" => {
            Stop::failed("The 'data' option needs to be a dictionary/hash")
        }
        ("pause", ArgumentProblem::Type { option, found, .. }) if option == "minutes" || option == "seconds" => {
            let value = arguments.get(option);
            let value = value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            let value = value.unwrap_or_default();
            Stop::refused(format!(
                "argument '{option}' is of type {found} and we were unable to convert to int: invalid literal for int() \
                 with base 10: '{value}'"
            ))
        }
        ("fail" | "group_by" | "set_stats" | "wait_for_connection", ArgumentProblem::Unknown { .. }) => {
            let mut names: Vec<&str> = problems
                .iter()
                .filter(|problem| matches!(problem, ArgumentProblem::Unknown { .. }))
                .map(ArgumentProblem::option)
                .collect();
            names.sort_unstable();
            Stop::refused(format!("Invalid options for {action}: {}", names.join(",")))
        }
        _ => return None,
    })
}

/// The package manager that is asked for, if it is none that there is.
fn unknown_manager(arguments: &Map) -> Option<&str> {
    const MANAGERS: [&str; 8] = ["auto", "apt", "dnf", "dnf5", "yum", "zypper", "apk", "pacman"];
    let name = arguments.get("use").and_then(Value::as_str)?;
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    (!MANAGERS.contains(&short)).then_some(name)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn message(action: &str, arguments: serde_json::Value) -> Option<String> {
        let Value::Map(arguments) = Value::from_json(&arguments) else { panic!("arguments are a dictionary") };
        let known = crate::action::find(action).unwrap();
        let problems = known.spec.check(&known.short, &arguments, |_| false);
        let stop = refusal(action, &arguments, &problems)?;
        stop.into_result()["msg"].as_str().map(str::to_owned)
    }

    #[test]
    fn actions_refuse_arguments_in_their_own_words() {
        use serde_json::json;
        for (action, arguments, words) in [
            ("copy", json!({"dest": "/a", "src": "b", "content": "c"}), "src and content are mutually exclusive"),
            ("copy", json!({}), "src (or content) is required"),
            ("copy", json!({"src": "a"}), "dest is required"),
            ("template", json!({"src": "a"}), "src and dest are required"),
            ("fetch", json!({}), "src and dest are required"),
            ("fetch", json!({"src": [1], "dest": "a"}), "Invalid type supplied for source option, it must be a string"),
            ("unarchive", json!({"src": "a"}), "src (or content) and dest are required"),
            ("synchronize", json!({"src": "a"}), "synchronize requires both src and dest parameters are set"),
            ("group_by", json!({}), "the 'key' param is required when using group_by"),
            ("set_stats", json!({"data": [1]}), "The 'data' option needs to be a dictionary/hash"),
            ("wait_for_connection", json!({"b": 1, "a": 1}), "Invalid options for wait_for_connection: a,b"),
        ] {
            assert_eq!(message(action, arguments).as_deref(), Some(words), "{action}");
        }
        assert!(message("pause", json!({"seconds": "x"})).unwrap().ends_with("with base 10: 'x'"));
        assert_eq!(message("file", json!({"state": "touch"})), None);
    }
}
