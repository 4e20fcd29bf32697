//! The engine against ansible-core's results: every snippet of `vectors/templates.json`, which
//! `vectors/generate_templates.py` makes by running ansible-core.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use rprov::template::{Conditional, FileOptions, Scope, Surroundings, TemplateFile, Value, Variable, Written, to_json};
use serde_json::Value as Json;

/// What is known to differ, and why. A template that is listed here and agrees is an error too.
const DIFFERENCES: &[(&str, &str)] = &[
    (
        "{% for i in list %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}",
        "`continue` works without naming `jinja2.ext.loopcontrols` in `jinja2_extensions`",
    ),
    (
        "{% for i in list %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}",
        "`break` works without naming `jinja2.ext.loopcontrols` in `jinja2_extensions`",
    ),
    ("{{ items_key.items }}", "a key wins over the method of the same name where the method is not called"),
    ("{{ '{0[name]}|{0.name}'.format(user) }}", "a key can be read as an attribute in `str.format`"),
    ("{{ list.count(2) }}", "Ansible's lazy list counts what was touched alone; this one counts"),
    ("{{ 'a' < 1 }}", "the engine orders values of different types; Python refuses"),
    ("{{ {} < 1 }}", "the engine orders values of different types; Python refuses"),
];

fn vectors() -> Json {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/templates.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn written(json: &Json) -> Written {
    match json {
        Json::String(text) => Written::from_text(text.as_str(), None),
        Json::Array(items) => Written::list(items.iter().map(written).collect(), None),
        Json::Object(map) => Written::map(
            map.iter().map(|(key, item)| (Value::from(key.as_str()), written(item))).collect::<IndexMap<_, _>>(),
            None,
        ),
        other => Written::plain(rprov::template::from_json(other)),
    }
}

fn scope(vectors: &Json) -> Scope {
    let variables: HashMap<String, Variable> = vectors["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), Variable::Written(written(value))))
        .collect();
    Scope::new(Arc::new(variables), Arc::new(Surroundings::default()))
}

/// Numbers count as equal across int and float only where JSON itself can't tell them apart.
fn equal(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((key, a), (other, b))| key == other && equal(a, b))
        }
        (Json::Number(a), Json::Number(b)) => a == b || (!a.is_i64() && a.as_f64() == b.as_f64()),
        (a, b) => a == b,
    }
}

/// The errors whose words are compared; of the others only that there is one.
fn same_words(expected: &str) -> bool {
    expected.contains("is undefined") || expected.contains("has no attribute") || expected.contains("Conditional")
}

fn compare(label: &str, case: &Json, ours: Result<Json, String>, wrong: &mut Vec<String>) {
    let agrees = match (&ours, case.get("value"), case.get("error").and_then(Json::as_str)) {
        (Ok(ours), Some(theirs), _) => equal(ours, theirs),
        (Err(ours), None, Some(theirs)) => !same_words(theirs) || ours == theirs,
        _ => false,
    };
    let known = DIFFERENCES.iter().any(|(known, _)| *known == label);
    if agrees == known {
        let theirs = case.get("value").map_or_else(|| case["error"].to_string(), Json::to_string);
        let ours = ours.map_or_else(|error| format!("error {error:?}"), |value| value.to_string());
        wrong.push(match known {
            false => format!("{label:?}\n   ansible: {theirs}\n   rprov:   {ours}"),
            true => format!("{label:?} is listed as a difference, but agrees"),
        });
    }
}

#[test]
fn templates_give_what_ansible_gives() {
    let vectors = vectors();
    let mut wrong = Vec::new();
    let cases = vectors["templates"].as_array().unwrap();
    for case in cases {
        let text = case["template"].as_str().unwrap();
        let scope = scope(&vectors);
        let ours = Written::from_text(text, None)
            .render(&scope)
            .and_then(|value| to_json(&value))
            .map_err(|error| error.message().to_owned());
        compare(text, case, ours, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn conditions_give_what_ansible_gives() {
    let vectors = vectors();
    let mut wrong = Vec::new();
    let cases = vectors["conditions"].as_array().unwrap();
    for case in cases {
        let text = case["condition"].as_str().unwrap();
        let scope = scope(&vectors);
        let ours =
            Conditional::from_text(text, None).test(&scope).map(Json::from).map_err(|error| error.message().to_owned());
        compare(text, case, ours, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn template_files_give_what_ansible_gives() {
    let vectors = vectors();
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in vectors["included"].as_object().unwrap() {
        std::fs::write(directory.path().join(name), text.as_str().unwrap()).unwrap();
    }
    let mut wrong = Vec::new();
    let cases = vectors["files"].as_array().unwrap();
    for case in cases {
        let mut options = FileOptions { search_paths: vec![directory.path().to_owned()], ..FileOptions::default() };
        for (name, value) in case["overrides"].as_object().unwrap() {
            let text = value.as_str().unwrap_or_default().to_owned();
            match name.as_str() {
                "trim_blocks" => options.syntax.trim_blocks = value.as_bool().unwrap(),
                "lstrip_blocks" => options.syntax.lstrip_blocks = value.as_bool().unwrap(),
                "variable_start_string" => options.syntax.variable_start = text,
                "variable_end_string" => options.syntax.variable_end = text,
                "block_start_string" => options.syntax.block_start = text,
                "block_end_string" => options.syntax.block_end = text,
                other => panic!("{other}"),
            }
        }
        let scope = scope(&vectors);
        let source = rprov::source::register("test.j2", case["text"].as_str().unwrap());
        let ours = TemplateFile::compile(source, &options)
            .and_then(|file| file.render(&scope))
            .map(Json::from)
            .map_err(|error| error.message().to_owned());
        compare(case["name"].as_str().unwrap(), case, ours, &mut wrong);
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}
