//! YAML read and written as PyYAML does, by the vectors that `tests/vectors/yaml/generate.py` made with it.
#![expect(clippy::expect_used, reason = "a test may panic")]

use std::path::Path;
use std::sync::Arc;

use rprov::yaml::{self, Data, Flow, Node, Style};
use serde_json::{Value, json};

fn vectors(text: &str) -> Vec<Value> {
    let cases: Vec<Value> = serde_json::from_str(text).expect("the vectors are JSON");
    assert!(!cases.is_empty());
    cases
}

fn typed(node: &Node) -> Value {
    match &node.data {
        Data::Null => json!(["null"]),
        Data::Bool(flag) => json!(["bool", flag]),
        Data::Int(number) => json!(["int", number.to_string()]),
        Data::BigInt(text) => json!(["int", text.as_ref()]),
        Data::Float(number) => json!(["float", yaml::float_text(*number)]),
        Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) | Data::Vault(text) => {
            json!(["str", text.as_ref()])
        }
        Data::List(items) => json!(["list", items.iter().map(typed).collect::<Vec<_>>()]),
        Data::Map(entries) => {
            json!(["map", entries.iter().map(|(key, value)| json!([typed(key), typed(value)])).collect::<Vec<_>>()])
        }
    }
}

#[test]
fn documents_are_read_as_pyyaml_reads_them() {
    let mut wrong = Vec::new();
    for case in vectors(include_str!("vectors/yaml/load.json")) {
        let source = case["source"].as_str().expect("a source");
        let expected = &case["expected"];
        let loaded = yaml::parse(Path::new("vector.yml"), Arc::from(source));
        // PyYAML knows no value for `=`; a text is the only sensible one.
        let agrees = match (&loaded, expected[0].as_str()) {
            (Err(_), Some("error")) => true,
            (Ok(_), Some("error")) => false,
            (Ok(loaded), _) => typed(&loaded.root) == *expected,
            (Err(_), _) => false,
        };
        if !agrees {
            wrong.push(format!("{source:?}\n  expected {expected}\n  got {loaded:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn values_are_written_as_pyyaml_writes_them() {
    let mut wrong = Vec::new();
    for case in vectors(include_str!("vectors/yaml/emit.json")) {
        let name = case["style"].as_str().expect("a style");
        let style = match name {
            "to_yaml" => Style::to_yaml(),
            "to_nice_yaml" => Style::to_nice_yaml(),
            "default" => Style::default(),
            "flow" => Style { flow: Flow::All, width: 40, ..Style::default() },
            "unsorted" => {
                Style { sort_keys: false, explicit_start: true, explicit_end: true, indent: 3, ..Style::default() }
            }
            "double" => Style { default_style: Some('"'), ..Style::default() },
            "literal" => Style { default_style: Some('|'), allow_unicode: true, ..Style::default() },
            other => panic!("unknown style {other}"),
        };
        let text = yaml::emit(&case["value"], &style);
        if text != case["text"] {
            wrong.push(format!("{name}\n  expected {}\n  got      {}", case["text"], json!(text)));
        }
    }
    let count = wrong.len();
    assert!(wrong.is_empty(), "{count} differ:\n{}", wrong.into_iter().take(12).collect::<Vec<_>>().join("\n"));
}
