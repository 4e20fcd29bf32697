//! Results of tasks: `changed`, `failed`, `skipped`, `succeeded`, `finished` ...

use minijinja::{Error, Value};

use super::answer;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::python::{brief, is_list, is_map, items, type_name};

pub(super) const TESTS: &[(&str, Run)] = &[
    ("changed", |_, call| changed(&call)),
    ("change", |_, call| changed(&call)),
    ("failed", |_, call| answer(flag(&call, "failed", false)?)),
    ("failure", |_, call| answer(flag(&call, "failed", false)?)),
    ("success", |_, call| answer(!flag(&call, "failed", false)?)),
    ("succeeded", |_, call| answer(!flag(&call, "failed", false)?)),
    ("successful", |_, call| answer(!flag(&call, "failed", false)?)),
    ("skipped", |_, call| answer(flag(&call, "skipped", false)?)),
    ("skip", |_, call| answer(flag(&call, "skipped", false)?)),
    ("reachable", |_, call| answer(!flag(&call, "unreachable", false)?)),
    ("unreachable", |_, call| answer(flag(&call, "unreachable", false)?)),
    ("finished", |_, call| answer(flag(&call, "finished", true)?)),
    ("started", |_, call| answer(flag(&call, "started", true)?)),
    ("timedout", |_, call| answer(timed_out(&call)?)),
];

fn result(call: &Call) -> Result<Value, Error> {
    let value = call.only()?;
    if is_map(&value) {
        return Ok(value);
    }
    Err(call.fail(format!(
        "expects the registered result of a task, got {} of type '{}'",
        brief(&value),
        type_name(&value)
    )))
}

fn flag(call: &Call, name: &str, default: bool) -> Result<bool, Error> {
    let found = result(call)?.get_attr(name)?;
    Ok(if found.is_undefined() { default } else { found.is_true() })
}

/// A loop's result that does not say it itself has changed if one of its items has.
fn changed(call: &Call) -> Result<Value, Error> {
    let value = result(call)?;
    let own = value.get_attr("changed")?;
    if !own.is_undefined() {
        return answer(own.is_true());
    }
    let results = value.get_attr("results")?;
    if !is_list(&results) {
        return answer(false);
    }
    for item in items(&results)? {
        if is_map(&item) && item.get_attr("changed")?.is_true() {
            return answer(true);
        }
    }
    answer(false)
}

fn timed_out(call: &Call) -> Result<bool, Error> {
    let found = result(call)?.get_attr("timedout")?;
    if !is_map(&found) {
        return Ok(false);
    }
    Ok(found.get_attr("period")?.is_true())
}
