//! `debug`: show a message or a variable.

use async_trait::async_trait;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};
use crate::template::{self, Expression};

arguments! {
    /// Print statements during execution.
    pub struct Arguments {
        /// The message; without one, a generic one is shown.
        msg: Option<rprov_modules::argument::Raw>,
        /// A variable, or an expression, to show.
        var: Option<rprov_modules::argument::Raw>,
        /// Show it only when the run is at least this verbose.
        verbosity: i64 = 0,
    }
    rules: [rprov_modules::argument::Rule::Exclusive(&["msg", "var"])]
}

/// `debug`
pub(super) struct Debug;

#[async_trait]
impl Action for Debug {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        if arguments.verbosity > i64::from(call.shared.options.verbosity) {
            let mut done = Done::unchanged().with("skipped", true);
            done.result.insert("skipped_reason".into(), "Verbosity threshold not met.".into());
            return Ok(done);
        }
        let mut done = Done::unchanged();
        match call.value(&["var"]) {
            Some(name) => {
                let text = name.as_str().map(str::to_owned);
                let (label, value) = match text {
                    Some(text) => {
                        let span = call.task.arguments.spans.get("var").copied();
                        let value = match Expression::parse(text.as_str(), span).evaluate(call.scope) {
                            Ok(value) => template::to_wire(&value)?,
                            Err(error) if error.is_undefined() => format!("<< error 1 - {} >>", error.message()).into(),
                            Err(error) => return Err(error.into()),
                        };
                        (text, value)
                    }
                    // A template gave the value itself.
                    None => (type_label(name), template::to_wire(name)?),
                };
                done.result.insert(label, value);
            }
            None => {
                let message = call.value(&["msg"]).map(template::to_wire).transpose()?;
                done.result.insert("msg".into(), message.unwrap_or_else(|| "Hello world!".into()));
            }
        }
        done.result.insert("_ansible_verbose_always".into(), true.into());
        Ok(done)
    }
}

fn type_label(value: &minijinja::Value) -> String {
    match value.kind() {
        minijinja::value::ValueKind::Map => "<class 'dict'>".to_owned(),
        minijinja::value::ValueKind::Seq => "<class 'list'>".to_owned(),
        _ => value.to_string(),
    }
}
