//! The filters that templates know, by family: Jinja2's, with its results where minijinja's own differ, and Ansible's.

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

mod address;
pub(crate) mod call;
mod community;
pub(crate) mod digest;
pub(crate) mod logic;
pub(crate) mod mapping;
pub(crate) mod markup;
pub(crate) mod number;
pub(crate) mod password;

pub(crate) use password::hash as hash_password;
pub(crate) mod path;
pub(crate) mod python;
pub(crate) mod random;
pub(crate) mod regex;
pub(crate) mod sequence;
pub(crate) mod serial;
pub(crate) mod set;
pub(crate) mod text;
pub mod time;
pub(crate) mod url;
mod vault;

use call::{Call, Run, plugin_failure};

const FAMILIES: &[&[(&str, Run)]] = &[
    text::FILTERS,
    markup::FILTERS,
    number::FILTERS,
    sequence::FILTERS,
    set::FILTERS,
    mapping::FILTERS,
    logic::FILTERS,
    path::FILTERS,
    digest::FILTERS,
    password::FILTERS,
    random::FILTERS,
    regex::FILTERS,
    serial::FILTERS,
    time::FILTERS,
    url::FILTERS,
    vault::FILTERS,
    community::FILTERS,
    address::FILTERS,
];

/// Those that look at definedness themselves; all others refuse what is undefined.
const TOLERANT: &[&[(&str, Run)]] = &[logic::TOLERANT];

/// Whether there is a filter of this short name, of ours or of the engine's.
pub(super) fn is_filter(name: &str) -> bool {
    FAMILIES.iter().chain(TOLERANT).copied().flatten().any(|(known, _)| short(known) == name)
}

/// The last part of a full name.
fn short(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Add them to the environment, each under its short name and its full one (`ansible.builtin.NAME`, or that of a collection).
pub fn register(env: &mut Environment<'static>) {
    for (families, strict) in [(FAMILIES, true), (TOLERANT, false)] {
        for (name, run) in families.iter().copied().flatten().copied() {
            let full = if name.contains('.') { name.to_owned() } else { format!("ansible.builtin.{name}") };
            for registered in [short(name).to_owned(), full] {
                env.add_filter(
                    registered,
                    move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| -> Result<Value, Error> {
                        let call = Call::new(name, arguments)?;
                        if strict {
                            call.require_defined()?;
                        }
                        run(state, call).map_err(|error| plugin_failure("filter", name, error))
                    },
                );
            }
        }
    }
    for (name, run) in super::test::once_filters() {
        env.add_filter(
            name,
            move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| -> Result<Value, Error> {
                let call = Call::new(name, arguments)?;
                call.require_defined()?;
                run(state, call).map_err(|error| plugin_failure("test", name, error))
            },
        );
    }
}
