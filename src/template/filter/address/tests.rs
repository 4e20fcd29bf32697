//! Every filter against what ansible.utils answered (`tests/vectors/addresses.json`, recorded by
//! `tests/vectors/generate_addresses.py`).
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use minijinja::value::ValueKind;
use serde_json::{Value as Json, json};

use crate::template::{Scope, Surroundings, Variable, Written, from_json};

/// Answers that are meant to differ: filter, value, argument, why. `*` stands for any.
const MEANT: &[(&str, &str, &str, &str)] = &[
    ("ipaddr", "\"::/0\"", "[\"range_usable\"]", "the first address is one of version 4 there"),
    ("ipaddr", "\"::/0\"", "[\"first_usable\"]", "as above"),
    ("ipaddr", "\"::/0\"", "[\"next_usable\"]", "as above"),
    ("ipaddr", "\"::/0\"", "[\"previous_usable\"]", "it fails for what is below 0"),
    ("ipaddr", "\"0.0.0.0/0\"", "[\"previous_usable\"]", "as above"),
    ("next_nth_usable", "\"0.0.0.0/0\"", "*", "as above"),
    ("previous_nth_usable", "\"0.0.0.0/0\"", "*", "as above"),
    ("ipsubnet", "\"::1\"", "[20,99]", "there is a network of that length"),
    ("ipsubnet", "\"::1\"", "[\"192.168.0.0/16\"]", "it is in no network of version 4"),
    ("ipsubnet", "\"::1\"", "[\"192.168.5.0/24\"]", "as above"),
    ("ipsubnet", "\"::1\"", "[\"192.168.0.0/16\",24]", "as above"),
    ("ipsubnet", "\"::1\"", "[\"192.168.5.9\"]", "as above"),
    ("ipsubnet", "\"::1\"", "[\"192.168.5.9/32\"]", "as above"),
    ("ipsubnet", "\"::1\"", "[\"10.0.0.0/8\"]", "as above"),
    ("network_in_network", "\"10.0.0.0/31\"", "[\"10.0.0.1\"]", "it is in there"),
];

fn plain(value: &minijinja::Value) -> Json {
    match value.kind() {
        ValueKind::None => Json::Null,
        ValueKind::Bool => json!(value.is_true()),
        ValueKind::Number => match i64::try_from(value.clone()) {
            Ok(small) => json!(small),
            Err(_) => json!(value.to_string().parse::<f64>().unwrap()),
        },
        ValueKind::Seq | ValueKind::Iterable => value.try_iter().unwrap().map(|item| plain(&item)).collect(),
        _ => json!(value.to_string()),
    }
}

fn answer(filter: &str, arguments: &[Json]) -> (Json, String) {
    let names: Vec<String> = (0..arguments.len()).map(|index| format!("a{index}")).collect();
    let variables: HashMap<String, Variable> =
        names.iter().zip(arguments).map(|(name, value)| (name.clone(), Variable::Plain(from_json(value)))).collect();
    let scope = Scope::new(Arc::new(variables), Arc::new(Surroundings::default()));
    let rest = names.get(1..).unwrap_or_default().join(", ");
    match Written::from_text(format!("{{{{ a0 | {filter}({rest}) }}}}"), None).render(&scope) {
        Ok(value) => (plain(&value), String::new()),
        Err(error) => (json!("!"), error.message().to_owned()),
    }
}

/// Numbers of more than 64 bits are compared as floats, which is how they are read from the file.
fn normal(value: &Json) -> Json {
    match value {
        Json::Number(number) if number.as_i64().is_none() => json!(number.as_f64().unwrap()),
        Json::Array(items) => items.iter().map(normal).collect(),
        other => other.clone(),
    }
}

#[test]
fn answers_are_those_of_the_collection() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/addresses.json");
    let recorded: Json = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut calls: Vec<(String, Vec<Json>, Json)> = Vec::new();
    for (filter, table) in recorded["tables"].as_object().unwrap() {
        for (value, answers) in table["values"].as_array().unwrap().iter().zip(table["answers"].as_array().unwrap()) {
            for (arguments, answer) in table["arguments"].as_array().unwrap().iter().zip(answers.as_array().unwrap()) {
                let all = std::iter::once(value).chain(arguments.as_array().unwrap()).cloned().collect();
                calls.push((filter.clone(), all, answer.clone()));
            }
        }
    }
    for (filter, cases) in recorded["cases"].as_object().unwrap() {
        for case in cases.as_array().unwrap() {
            calls.push((filter.clone(), case[0].as_array().unwrap().clone(), case[1].clone()));
        }
    }
    assert!(calls.len() > 5000);
    let mut report = String::new();
    let mut unused: Vec<_> = MEANT.iter().collect();
    for (filter, arguments, expected) in &calls {
        let (ours, message) = answer(filter, arguments);
        if normal(&ours) == normal(expected) {
            continue;
        }
        let (value, rest) = (arguments[0].to_string(), json!(arguments[1..]).to_string());
        let meant = MEANT
            .iter()
            .find(|(name, about, with, _)| name == filter && *about == value && (*with == rest || *with == "*"));
        match meant {
            Some(meant) => unused.retain(|other| *other != meant),
            None => writeln!(report, "{value} | {filter} {rest}: {ours} {message}, expected {expected}").unwrap(),
        }
    }
    let count = report.lines().count();
    let shown: Vec<&str> = report.lines().take(60).collect();
    assert!(report.is_empty(), "{count} of {} differ:\n{}", calls.len(), shown.join("\n"));
    assert!(unused.is_empty(), "not needed any more: {unused:?}");
}

#[test]
fn filters_go_by_all_of_their_names() {
    for name in ["ipaddr", "ansible.utils.ipaddr", "ansible.netcommon.ipaddr"] {
        assert_eq!(answer(name, &[json!("192.0.2.1/24"), json!("network")]).0, json!("192.0.2.0"));
    }
    assert!(answer("ipaddr", &[json!("192.0.2.1"), json!("netwrok")]).1.contains("unknown filter type: netwrok"));
}
