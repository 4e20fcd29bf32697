//! `assert`: fail unless conditions hold.

use async_trait::async_trait;
use rprov_modules::argument::Raw;
use rprov_modules::arguments;
use rprov_wire::{Map, Value};

use super::call::{Action, Call, Done, Stop};
use crate::template::{self, Conditional, Written};

arguments! {
    /// Assert that given expressions are true.
    pub struct Arguments {
        /// The conditions, as in `when`.
        that: Raw,
        /// What to say when one of them does not hold.
        fail_msg | msg: Option<Raw>,
        /// What to say when all of them hold.
        success_msg: Option<Raw>,
        /// Show only what failed.
        quiet: bool = false,
    }
}

/// `assert`
pub(super) struct Assert;

#[async_trait]
impl Action for Assert {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        for (name, given) in [("fail_msg", &arguments.fail_msg), ("success_msg", &arguments.success_msg)] {
            if let Some(Raw(given)) = given
                && !is_text(given)
            {
                return Err(Stop::refused(format!(
                    "argument '{name}' is of type {} and we were unable to convert to str_or_list_of_str: a string or \
                     list of strings is required",
                    template::python::type_name(&template::from_wire(given.clone()))
                )));
            }
        }
        let conditions = conditions(call.task.arguments.options.get("that"), &arguments.that.0);
        let message = |given: Option<Raw>, default: &str| given.map_or_else(|| Value::from(default), |raw| raw.0);
        for (condition, text) in &conditions {
            if condition.test(call.scope)? {
                continue;
            }
            let mut result = Map::new();
            result.insert("changed".into(), false.into());
            result.insert("failed".into(), true.into());
            result.insert("assertion".into(), text.clone());
            result.insert("evaluated_to".into(), false.into());
            if !arguments.quiet {
                result.insert("_ansible_verbose_always".into(), true.into());
            }
            result.insert("msg".into(), message(arguments.fail_msg, "Assertion failed"));
            return Err(Stop::Failed(result));
        }
        let mut done = Done::unchanged();
        if !arguments.quiet {
            done.result.insert("_ansible_verbose_always".into(), true.into());
        }
        done.result.insert("msg".into(), message(arguments.success_msg, "All assertions passed"));
        Ok(done)
    }
}

/// Whether it is a text or a list of them.
fn is_text(value: &Value) -> bool {
    match value {
        Value::String(_) => true,
        Value::List(items) => items.iter().all(|item| matches!(item, Value::String(_))),
        _ => false,
    }
}

/// The conditions as they were written. What a template gave as a whole is data, and counts by its truth.
fn conditions(written: Option<&Written>, rendered: &Value) -> Vec<(Conditional, Value)> {
    let from_written = |written: &Written| {
        let text = written.text().map(str::to_owned);
        match (text, written.as_plain()) {
            (Some(text), _) => Some((Conditional::from_text(text.as_str(), written.span()), Value::from(text))),
            (None, Some(value)) => {
                let text = value.to_string();
                let shown = crate::template::to_wire(value).unwrap_or_default();
                Some((Conditional::from_text(text.as_str(), written.span()), shown))
            }
            (None, None) => None,
        }
    };
    if let Some(written) = written {
        let items = written.items().unwrap_or_else(|| vec![written.clone()]);
        let conditions: Vec<_> = items.iter().filter_map(from_written).collect();
        if conditions.len() == items.len() {
            return conditions;
        }
    }
    let items = match rendered {
        Value::List(items) => items.clone(),
        other => vec![other.clone()],
    };
    items
        .into_iter()
        .map(|item| {
            let text = item.as_str().map_or_else(|| item.to_string(), str::to_owned);
            (Conditional::from_text(text.as_str(), written.and_then(Written::span)), item)
        })
        .collect()
}
