//! The tests that templates know (`is ...`), by family.

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

use super::filter::call::{Call, Run, plugin_failure};

mod collection;
mod kind;
mod order;
mod path;
mod pattern;
mod result;
mod uri;
pub(in crate::template) mod version;

const FAMILIES: &[&[(&str, Run)]] = &[
    kind::TESTS,
    order::TESTS,
    collection::TESTS,
    path::TESTS,
    pattern::TESTS,
    result::TESTS,
    uri::TESTS,
    version::TESTS,
];

/// Those that may be asked of what is undefined.
const TOLERANT: &[&[(&str, Run)]] = &[kind::TOLERANT];

/// Add them to the environment, each under its short name and as `ansible.builtin.NAME`.
pub fn register(env: &mut Environment<'static>) {
    for (families, strict) in [(FAMILIES, true), (TOLERANT, false)] {
        for (name, run) in families.iter().copied().flatten().copied() {
            for registered in [name.to_owned(), format!("ansible.builtin.{name}")] {
                env.add_test(
                    registered,
                    move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| -> Result<bool, Error> {
                        let call = Call::new(name, arguments)?;
                        if strict {
                            call.require_defined()?;
                        }
                        let answer = run(state, call).map_err(|error| plugin_failure("test", name, error))?;
                        Ok(answer.is_true())
                    },
                );
            }
        }
    }
}

/// Tests that old playbooks use as filters (`out | succeeded`).
const ONCE_FILTERS: &[&[(&str, Run)]] =
    &[collection::TESTS, path::TESTS, pattern::TESTS, result::TESTS, version::TESTS];

/// The tests that old playbooks use as filters, but for those whose name is a filter's.
pub(super) fn once_filters() -> impl Iterator<Item = (&'static str, Run)> {
    ONCE_FILTERS.iter().copied().flatten().copied().filter(|(name, _)| !super::filter::is_filter(name))
}

/// Whether old playbooks use this test as a filter.
pub(super) fn was_filter(name: &str) -> bool {
    once_filters().any(|(known, _)| known == name)
}

/// An answer as the value that the registry hands on.
fn answer(holds: bool) -> Result<Value, Error> {
    Ok(Value::from(holds))
}
