//! Regular expressions: `match`, `search`, `regex`.

use minijinja::{Error, State, Value};

use super::answer;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::python::{fail, text, text_argument, truth_argument};
use crate::template::filter::regex::{Flags, compile};

pub(super) const TESTS: &[(&str, Run)] = &[("match", start), ("search", search), ("regex", regex)];

fn start(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, pattern, ignorecase, multiline] = call.bind(["value", "pattern", "ignorecase", "multiline"], 2)?;
    holds(&value, &pattern, &ignorecase, &multiline, "match")
}

fn search(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, pattern, ignorecase, multiline] = call.bind(["value", "pattern", "ignorecase", "multiline"], 2)?;
    holds(&value, &pattern, &ignorecase, &multiline, "search")
}

fn regex(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, pattern, ignorecase, multiline, kind] =
        call.bind(["value", "pattern", "ignorecase", "multiline", "match_type"], 2)?;
    holds(&value, &pattern, &ignorecase, &multiline, &text_argument(kind.as_ref(), "search")?)
}

fn holds(
    value: &Option<Value>,
    pattern: &Option<Value>,
    ignorecase: &Option<Value>,
    multiline: &Option<Value>,
    kind: &str,
) -> Result<Value, Error> {
    let (at_start, to_end) = match kind {
        "search" => (false, false),
        "match" => (true, false),
        "fullmatch" => (true, true),
        other => return Err(fail(format!("match_type must be search, match or fullmatch, got '{other}'"))),
    };
    let flags = Flags {
        ignorecase: truth_argument(ignorecase.as_ref(), false),
        multiline: truth_argument(multiline.as_ref(), false),
        at_start,
        to_end,
    };
    let source = value.as_ref().map_or_else(|| Ok(String::new()), text)?;
    let regex = compile(&text_argument(pattern.as_ref(), "")?, flags)?;
    answer(regex.is_match(&source).map_err(|error| fail(format!("the regular expression failed: {error}")))?)
}
