//! What keywords take.

use serde_json::{Map, Value, json};

use super::super::keyword as told;
use super::reference;
use crate::playbook::keyword as language;

/// The keywords of an object as properties, with what they do.
pub(super) fn properties(lists: &[&[&str]]) -> Map<String, Value> {
    let property = |name: &str| {
        let mut schema = schema(name);
        if let (Some(text), Some(object)) = (told::text_of(name), schema.as_object_mut()) {
            object.insert("description".to_owned(), json!(text));
        }
        (name.to_owned(), schema)
    };
    lists.iter().copied().flatten().map(|name| property(name)).collect()
}

fn schema(name: &str) -> Value {
    match name {
        // What stands beside a `$ref`, as the description does, is passed over in draft 7.
        "tasks" | "pre_tasks" | "post_tasks" | "handlers" | "block" | "rescue" | "always" => {
            json!({ "allOf": [reference("items")] })
        }
        "roles" => {
            json!({ "type": ["array", "null"], "items": one_of(&[json!({ "type": "string" }), reference("role")]) })
        }
        "loop_control" => one_of(&[reference("loop_control"), template(), null()]),
        "vars_prompt" => json!({ "type": ["array", "object", "null"], "items": reference("prompt") }),
        "vars" => json!({ "type": ["object", "array", "string", "null"] }),
        "debugger" => words(language::DEBUGGER),
        "strategy" => free_words(&["linear", "free", "host_pinned", "debug"]),
        "order" => free_words(&["inventory", "reverse_inventory", "sorted", "reverse_sorted", "shuffle"]),
        "connection" => free_words(language::CONNECTIONS),
        "become_method" => free_words(language::BECOME_METHODS),
        "become" | "check_mode" | "diff" | "run_once" | "no_log" | "ignore_errors" | "ignore_unreachable"
        | "any_errors_fatal" | "gather_facts" | "force_handlers" | "delegate_facts" | "extended"
        | "extended_allitems" | "private" | "confirm" | "unsafe" | "sudo" | "su" | "always_run" => flag(),
        "port"
        | "timeout"
        | "throttle"
        | "async"
        | "poll"
        | "delay"
        | "retries"
        | "gather_timeout"
        | "pause"
        | "max_fail_percentage"
        | "salt_size" => json!({ "type": ["number", "string", "null"] }),
        "serial" => json!({ "type": ["number", "string", "array", "null"] }),
        "when" | "changed_when" | "failed_when" | "until" | "break_when" => {
            json!({ "type": ["string", "boolean", "number", "array", "null"] })
        }
        "hosts" => json!({ "type": ["string", "array", "number"] }),
        "tags" | "notify" | "listen" | "collections" | "vars_files" => {
            json!({ "type": ["string", "array", "number", "boolean", "null"] })
        }
        "name" | "register" | "remote_user" | "become_user" | "become_exe" | "become_flags" | "loop_var"
        | "index_var" | "sudo_user" | "su_user" | "user" | "fact_path" | "delegate_to" | "prompt" | "encrypt"
        | "salt" => {
            json!({ "type": ["string", "number", "boolean", "null"] })
        }
        // `environment`, `module_defaults`, `args`, `loop`, `label` and such take structures.
        _ => json!({}),
    }
}

fn one_of(schemas: &[Value]) -> Value {
    json!({ "anyOf": schemas })
}

fn null() -> Value {
    json!({ "type": "null" })
}

fn flag() -> Value {
    one_of(&[json!({ "type": "boolean" }), json!({ "type": ["string", "number", "null"] })])
}

/// Text that is a template.
pub(super) fn template() -> Value {
    json!({ "type": "string", "pattern": "\\{[{%]" })
}

/// One of these, and nothing else.
fn words(words: &[&str]) -> Value {
    one_of(&[json!({ "enum": words }), template(), null()])
}

/// One of these, or what a plug-in is called.
fn free_words(words: &[&str]) -> Value {
    one_of(&[json!({ "enum": words }), json!({ "type": ["string", "null"] })])
}
