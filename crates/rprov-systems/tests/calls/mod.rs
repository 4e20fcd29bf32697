//! Calls of modules, as tests make them.
#![allow(dead_code, reason = "not every test program needs all of it")]

use rprov_modules::context::Detached;
use rprov_modules::rprov_wire::{Map, Options, Value};
use rprov_modules::{Cancel, Context, Failure};
use serde_json::{Value as Json, json};

pub fn run(module: &str, arguments: &Json, check: bool) -> Result<Map, Failure> {
    run_with(module, arguments, check, Vec::new())
}

/// As [`run`], with an environment of the task.
pub fn run_with(
    module: &str,
    arguments: &Json,
    check: bool,
    environment: Vec<(String, String)>,
) -> Result<Map, Failure> {
    let module = rprov_systems::find(module).unwrap();
    let arguments = Value::from_json(arguments);
    let arguments = arguments.as_map().unwrap();
    let problems = module.spec.check(module.name, arguments, |_| false);
    assert!(problems.is_empty(), "{problems:?}");
    let options = Options { check, diff: true, environment, ..Options::default() };
    let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
    rprov_systems::entry(module.name).unwrap()(arguments, &context).map(|outcome| outcome.into_map(true))
}

pub fn apply(module: &str, arguments: &Json) -> Json {
    let map = run(module, arguments, false).unwrap_or_else(|failure| panic!("{module} {arguments}: {failure}"));
    Value::Map(map).to_json()
}

/// What a call that must fail says.
pub fn refused(module: &str, arguments: &Json) -> String {
    match run(module, arguments, false) {
        Ok(map) => panic!("{module} {arguments} is not refused: {}", Value::Map(map)),
        Err(failure) => failure.message,
    }
}

/// Check mode predicts a change and the diff, applying changes, and applying again changes nothing.
pub fn converges(module: &str, arguments: &Json) -> Json {
    let applied = changes(module, arguments);
    settled(module, arguments);
    applied
}

/// Check mode predicts a change and the diff, and applying changes.
pub fn changes(module: &str, arguments: &Json) -> Json {
    let predicted = run(module, arguments, true).unwrap_or_else(|failure| panic!("{module} {arguments}: {failure}"));
    assert_eq!(predicted["changed"], Value::Bool(true), "{arguments}: check mode predicts a change");
    let applied = apply(module, arguments);
    assert_eq!(applied["changed"], true, "{arguments}: the first run changes");
    let predicted = predicted.get("diff").map_or(Json::Null, Value::to_json);
    assert_eq!(predicted, applied["diff"], "{arguments}: the predicted diff is the real one");
    applied
}

pub fn settled(module: &str, arguments: &Json) {
    for check in [true, false] {
        let again = run(module, arguments, check).unwrap_or_else(|failure| panic!("{module} {arguments}: {failure}"));
        assert_eq!(again["changed"], Value::Bool(false), "{arguments} (check={check}): {}", Value::Map(again.clone()));
    }
}

pub fn with(base: &Json, more: Json) -> Json {
    let mut all = base.clone();
    for (key, value) in more.as_object().unwrap() {
        all[key] = value.clone();
    }
    all
}

/// Arguments with which a container is removed.
pub fn container_absent(name: &str) -> (&'static str, Json) {
    ("docker_container", json!({"name": name, "state": "absent", "force_kill": true, "keep_volumes": false}))
}
