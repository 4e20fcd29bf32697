//! Every filter, test and lookup against what ansible-core 2.19.14 answered (`tests/vectors/filters.json`, recorded by
//! `tests/vectors/generate_filters.py`). Each disagreement that is meant has its line, with the reason, below.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use minijinja::value::ValueKind;
use rprov::template::{Scope, Surroundings, Variable, Written, from_json};
use serde_json::{Value, json};

/// Expressions that answer otherwise here, and why.
const MEANT: &[(&str, &str)] = &[
    ("sparse|groupby('v', default=0)", "Ansible fails on the missing attribute before Jinja2 can take the default"),
    ("n is exists", "Python takes an integer for a file descriptor; here it is a mistake"),
    ("[[1]] is subset [[1],[2]]", "Python can't put lists in a set; here they compare by value"),
];

/// A value in the form that the recorder gives it.
fn plain(value: &minijinja::Value) -> Value {
    match value.kind() {
        ValueKind::None => Value::Null,
        ValueKind::Bool => json!(value.is_true()),
        ValueKind::Number if value.is_integer() => match i64::try_from(value.clone()) {
            Ok(small) => json!(small),
            Err(_) => u64::try_from(value.clone()).map_or_else(|_| json!(value.to_string()), |large| json!(large)),
        },
        ValueKind::Number => {
            let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
            if float.is_finite() { json!(float) } else { json!({"__float__": value.to_string().to_lowercase()}) }
        }
        ValueKind::String => json!(value.as_str()),
        ValueKind::Seq | ValueKind::Iterable => {
            value.try_iter().into_iter().flatten().map(|item| plain(&item)).collect()
        }
        ValueKind::Map => {
            let entries: Vec<_> = value
                .try_iter()
                .into_iter()
                .flatten()
                .map(|key| (plain(&key), plain(&value.get_item(&key).unwrap_or_default())))
                .collect();
            if entries.iter().all(|(key, _)| key.is_string()) {
                let named = entries.into_iter().map(|(key, item)| (key.as_str().unwrap_or_default().to_owned(), item));
                Value::Object(named.collect())
            } else {
                let pairs: Vec<Value> = entries.into_iter().map(|(key, item)| json!([key, item])).collect();
                json!({"__pairs__": pairs})
            }
        }
        _ => json!(value.to_string()),
    }
}

/// Equal in value, type and order of keys; floats to the last digits that a libm may give otherwise.
fn same(ours: &Value, theirs: &Value) -> bool {
    match (ours, theirs) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(x, y)| same(x, y)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|((k, x), (l, y))| k == l && same(x, y))
        }
        (Value::Number(a), Value::Number(b)) if a.is_f64() && b.is_f64() => {
            let (a, b) = (a.as_f64().unwrap_or(f64::NAN), b.as_f64().unwrap_or(f64::NAN));
            (a - b).abs() <= a.abs() * 1e-15
        }
        _ => ours == theirs,
    }
}

#[test]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
fn filters_tests_and_lookups_answer_as_ansible_does() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let files = root.join("files").to_string_lossy().into_owned();
    let home = std::env::var("HOME").unwrap_or_else(|_| "/root".to_owned());
    let recorded: Value = serde_json::from_str(&std::fs::read_to_string(root.join("filters.json")).unwrap()).unwrap();
    let variables: HashMap<String, Variable> = recorded["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), Variable::Plain(from_json(value))))
        .collect();
    let surroundings = Surroundings {
        playbook_dir: root.join("files"),
        search_paths: vec![root.join("files")],
        environment: HashMap::from([
            ("RPROV_VECTOR".to_owned(), "from the environment".to_owned()),
            ("HOME".to_owned(), "/root".to_owned()),
        ]),
        settings: HashMap::from([
            ("DEFAULT_FORKS".to_owned(), 5.into()),
            ("DEFAULT_TIMEOUT".to_owned(), 10.into()),
            ("DEFAULT_BECOME_USER".to_owned(), "root".into()),
        ]),
        ..Surroundings::default()
    };
    let scope = Scope::new(Arc::new(variables), Arc::new(surroundings));
    let vectors = recorded["vectors"].as_array().unwrap();
    let (mut agreed, mut report, mut failures) = (0, String::new(), 0);
    let mut unused: Vec<&str> = MEANT.iter().map(|(expression, _)| *expression).collect();
    for vector in vectors {
        let expression = vector["expression"].as_str().unwrap();
        let text = format!("{{{{ {} }}}}", expression.replace("@FILES@", &files));
        let ours = Written::from_text(text, None).render(&scope);
        let shown = match &ours {
            Ok(value) => {
                let shown = plain(value).to_string().replace(&files, "@FILES@");
                // They were recorded by root.
                let shown = if expression.contains("expand") { shown.replace(&home, "/root") } else { shown };
                serde_json::from_str(&shown).unwrap()
            }
            Err(error) => json!(format!("error: {}", error.message())),
        };
        let expected = vector.get("value");
        let agree = match (&ours, expected) {
            (Err(_), None) => true,
            (Ok(_), Some(expected)) => same(&shown, expected),
            _ => false,
        };
        if agree {
            agreed += 1;
        } else if MEANT.iter().any(|(meant, _)| *meant == expression) {
            unused.retain(|meant| *meant != expression);
        } else {
            failures += 1;
            let expected = expected.map_or_else(|| "an error".to_owned(), Value::to_string);
            let _ = writeln!(report, "{expression}\n    here:    {shown}\n    ansible: {expected}");
        }
    }
    println!("{agreed} of {} vectors agree, {} differ on purpose", vectors.len(), MEANT.len());
    assert!(failures == 0, "{failures} of {} vectors differ ({agreed} agree):\n{report}", vectors.len());
    assert!(unused.is_empty(), "these agree by now, so their exceptions must go: {unused:?}");
}

#[test]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
fn a_filter_that_is_given_nothing_says_so() {
    let error = Written::from_text("{{ nope | upper }}", None).render(&Scope::empty()).unwrap_err();
    assert!(error.is_undefined());
    assert_eq!(error.message(), "'nope' is undefined");
}
