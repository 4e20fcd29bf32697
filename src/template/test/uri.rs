//! Identifiers: `uri`, `url`, `urn`.

use minijinja::{Error, State, Value};

use super::answer;
use crate::template::filter::call::{Call, Run};
use crate::template::filter::python::items;
use crate::template::filter::url::{Parts, split};

pub(super) const TESTS: &[(&str, Run)] = &[("uri", uri), ("url", url), ("urn", urn)];

fn allowed(call: &Call) -> Result<(Option<Parts>, bool), Error> {
    let [value, schemes] = call.bind(["value", "schemes"], 1)?;
    let value = value.unwrap_or_default();
    let Some(source) = value.as_str() else { return Ok((None, false)) };
    let parts = split(source);
    let listed = match schemes.filter(|schemes| !schemes.is_none()) {
        Some(schemes) => items(&schemes)?.iter().any(|scheme| scheme.as_str() == Some(&*parts.scheme)),
        None => true,
    };
    Ok((Some(parts), listed))
}

/// Any part is enough: a relative reference is a URI reference too.
fn uri(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let (parts, listed) = allowed(&call)?;
    answer(
        listed
            && parts
                .is_some_and(|parts| !(parts.scheme.is_empty() && parts.netloc.is_empty() && parts.path.is_empty())),
    )
}

/// A URL has a scheme, and an authority unless it names a file.
fn url(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let (parts, listed) = allowed(&call)?;
    answer(
        listed
            && parts.is_some_and(|parts| {
                !parts.scheme.is_empty()
                    && (!parts.netloc.is_empty() || parts.scheme == "file" && !parts.path.is_empty())
            }),
    )
}

fn urn(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    answer(value.as_str().is_some_and(|source| split(source).scheme == "urn"))
}
