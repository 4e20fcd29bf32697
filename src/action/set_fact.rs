//! `set_fact`: set variables of the host.

use async_trait::async_trait;
use rprov_modules::argument::{Spec, boolean};
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop};
use crate::run::{Effect, Mistake};
use crate::source::Span;
use crate::template;
use crate::vars::{Facts, Values};

/// `set_fact` takes whatever names it is given, so it has no list of options to check.
#[derive(Debug)]
pub struct Arguments;

impl rprov_modules::Arguments for Arguments {
    const SPEC: Spec = Spec {
        doc: "Set host variable(s) and fact(s).\n",
        own: &[],
        shared: None,
        rules: &[],
        free_form: None,
        open: true,
    };

    fn decode(_arguments: &Map) -> Result<Self, rprov_modules::argument::ArgumentProblem> {
        Ok(Self)
    }
}

/// `set_fact`
pub(super) struct SetFact;

#[async_trait]
impl Action for SetFact {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let mut values = Values::new();
        let mut facts = Facts::new();
        let mut shown = Map::new();
        let mut cacheable = false;
        for (name, value) in call.values {
            if name == "cacheable" {
                cacheable = boolean(&value.to_string()).unwrap_or(false);
                continue;
            }
            if !is_name(name) {
                return Err(no_name(name, call.task.arguments.spans.get(name).copied()));
            }
            shown.insert(name.clone(), template::to_wire(value)?);
            values.insert(name.as_str().into(), value.clone().into());
            facts.insert(name.as_str().into(), value.clone());
        }
        if values.is_empty() {
            return Err(Stop::refused(
                "No key/value pairs provided, at least one is required for this action to succeed",
            ));
        }
        let owner = delegated(&call)?;
        let mut done = Done::unchanged();
        done.result.insert("ansible_facts".into(), shown.into());
        if cacheable {
            done.result.insert("_ansible_facts_cacheable".into(), true.into());
            done = done.and(Effect::Facts { host: owner.clone(), facts });
        }
        Ok(done.and(Effect::Variables { host: owner, values }))
    }
}

/// The failure of something that is no name for a variable.
pub(super) fn no_name(name: &str, span: Option<Span>) -> Stop {
    let message = format!("Invalid variable name '{name}'.");
    let mistake = Mistake {
        steps: vec![(message.clone(), span)],
        advice: "Variable names must be strings starting with a letter or underscore character, and contain only letters, numbers and underscores.",
        ..Mistake::plain(&message, span)
    };
    Stop::Mistaken { mistake: Box::new(mistake), message: None }
}

/// Whether a variable can have this name.
pub(super) fn is_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}

/// The host that facts of a delegated task belong to, with `delegate_facts`.
pub(super) fn delegated(call: &Call<'_>) -> Result<Option<std::sync::Arc<str>>, Stop> {
    let keywords = &call.task.keywords;
    let Some(written) = &keywords.delegate_facts else { return Ok(None) };
    let wanted = written.render(call.scope)?;
    Ok(call.remote.delegate().filter(|_| wanted.is_true()).cloned())
}
