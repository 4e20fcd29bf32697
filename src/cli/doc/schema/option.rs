//! What modules take.

use rprov_modules::argument::{OptionSpec, Spec, Type};
use serde_json::{Map, Value, json};

use super::super::module::{Module, paragraphs};
use super::keyword::template;

/// What a boolean may be written as.
const BOOLEAN: &str =
    "^([yY]([eE][sS])?|[nN][oO]?|[tT]([rR][uU][eE])?|[fF]([aA][lL][sS][eE])?|[oO][nN]|[oO][fF][fF]|[01](\\.0)?)$";

/// What may stand behind a module's name: its options, or text that holds them.
pub(super) fn module(module: &Module) -> Value {
    let spec = module.spec();
    json!({
        "description": paragraphs(spec.doc).join("\n\n"),
        "anyOf": [options(spec, false), { "type": ["string", "number", "boolean", "null"] }],
    })
}

/// Options as an object. Required ones are demanded of suboptions alone: others may come from `args` and `module_defaults`.
fn options(spec: &'static Spec, demanded: bool) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for option in spec.options() {
        for name in std::iter::once(option.name).chain(option.aliases.iter().copied()) {
            properties.insert(name.to_owned(), one(option));
        }
        // By which of its names an option is given is free.
        if demanded && option.required && option.aliases.is_empty() {
            required.push(option.name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties });
    if !spec.open {
        schema["additionalProperties"] = json!(false);
    }
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

fn one(option: &'static OptionSpec) -> Value {
    let mut schema = json!({ "description": paragraphs(option.doc).join("\n\n") });
    let alternatives = alternatives(&option.kind);
    if !alternatives.is_empty() {
        let empty = json!({ "type": "null" });
        schema["anyOf"] = alternatives.into_iter().chain(std::iter::once(empty)).collect();
    }
    if let Some(default) = option.default {
        schema["default"] = default().to_json();
    }
    schema
}

/// The forms that a value may have; none where it may be anything.
fn alternatives(kind: &'static Type) -> Vec<Value> {
    let text = || json!({ "type": "string" });
    match kind {
        Type::Path | Type::Mode => vec![json!({ "type": ["string", "number", "boolean"] })],
        Type::Int => vec![
            json!({ "type": ["number", "boolean"] }),
            json!({ "type": "string", "pattern": "^[-+ \\d_.]+$" }),
            template(),
        ],
        Type::Float => vec![json!({ "type": ["number", "boolean"] }), text()],
        Type::Bool => {
            vec![
                json!({ "type": "boolean" }),
                json!({ "enum": [0, 1] }),
                json!({ "type": "string", "pattern": BOOLEAN }),
                template(),
            ]
        }
        Type::Choice(words) => {
            let mut forms = vec![json!({ "enum": words }), template()];
            // YAML reads some words as something else.
            if words
                .iter()
                .any(|word| ["yes", "no", "true", "false", "on", "off"].contains(&word.to_lowercase().as_str()))
            {
                forms.push(json!({ "type": "boolean" }));
            }
            if words.iter().any(|word| word.parse::<f64>().is_ok()) {
                forms.push(json!({ "type": "number" }));
            }
            forms
        }
        Type::List(item) => {
            let item = alternatives(item);
            let items = if item.is_empty() { json!({}) } else { json!({ "anyOf": item }) };
            let mut forms = vec![json!({ "type": "array", "items": items })];
            // A single one, or several with commas between them.
            forms.extend(item);
            forms.push(text());
            forms
        }
        Type::Dict => vec![json!({ "type": "object" }), text()],
        Type::Nested(spec) => vec![options(spec, true), text()],
        // A structure becomes its text.
        Type::Str | Type::Secret | Type::Raw | Type::Json => Vec::new(),
    }
}
