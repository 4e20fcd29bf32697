//! Runs modules as the agent does, in check mode and for real.
#![allow(dead_code, reason = "not every test file needs all of it")]

use rprov_modules::context::Detached;
use rprov_modules::rprov_wire::{Map, Options, Value};
use rprov_modules::{Cancel, Context, Failure};
use serde_json::Value as Json;

/// Run a module, after the check that the controller makes.
pub fn run(module: &str, arguments: &Json, check: bool) -> Result<Map, Failure> {
    let module = rprov_systems::find(module).unwrap();
    let arguments = Value::from_json(arguments);
    let arguments = arguments.as_map().unwrap();
    let problems = module.spec.check(module.name, arguments, |_| false);
    assert!(problems.is_empty(), "{problems:?}");
    let options = Options { check, diff: true, ..Options::default() };
    let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
    rprov_systems::entry(module.name).unwrap()(arguments, &context).map(|outcome| outcome.into_map(true))
}

/// Run it for real, which is to go well.
pub fn apply(module: &str, arguments: &Json) -> Json {
    let map = run(module, arguments, false).unwrap_or_else(|failure| panic!("{module} {arguments}: {failure}"));
    Value::Map(map).to_json()
}

/// Check mode predicts a change and the diff, applying changes, and applying again changes nothing.
pub fn converges(module: &str, arguments: &Json) -> Json {
    for _ in 0..2 {
        let predicted =
            run(module, arguments, true).unwrap_or_else(|failure| panic!("{module} {arguments}: {failure}"));
        assert_eq!(
            predicted["changed"],
            Value::Bool(true),
            "{arguments}: check mode predicts a change, and makes none"
        );
    }
    let predicted = run(module, arguments, true).unwrap();
    let applied = apply(module, arguments);
    assert_eq!(applied["changed"], true, "{arguments}: the first run changes");
    let predicted = predicted.get("diff").map_or(Json::Null, Value::to_json);
    assert_eq!(predicted, applied["diff"], "{arguments}: the predicted diff is the real one");
    settled(module, arguments);
    applied
}

/// Nothing changes.
pub fn settled(module: &str, arguments: &Json) {
    for check in [true, false] {
        let again = run(module, arguments, check).unwrap_or_else(|failure| panic!("{module} {arguments}: {failure}"));
        let shown = Value::Map(again.clone());
        assert_eq!(again["changed"], Value::Bool(false), "{arguments} (check={check}): {shown}");
    }
}
