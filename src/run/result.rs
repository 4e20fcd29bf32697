//! What became of one task on one host.

use std::sync::Arc;

use rprov_wire::{Map, Value};

use super::effect::Effect;
use crate::source::{Diagnostic, Span};
use crate::template::TemplateError;

/// The state that a result shows in the report and the recap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Done, and nothing had to be changed.
    Ok,
    /// Done, and something was changed.
    Changed,
    /// Not done, as its conditions say.
    Skipped,
    /// The module, or a condition, failed.
    Failed,
    /// There is no way to the host.
    Unreachable,
}

/// What a failure is about, as the report tells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Cause {
    /// The module on the host says so.
    #[default]
    Module,
    /// The action on the controller, or a condition of the task.
    Action,
    /// What a module of the user's own printed is no result.
    Unreadable,
    /// What the action was asked for cannot be done at all.
    Refused,
    /// There is no way to the host; what to do about it.
    Connection(Option<String>),
    /// The label of a loop's item cannot be rendered; the message says why.
    Label,
    /// Something in the playbook.
    Playbook(Arc<Mistake>),
}

/// A mistake in a playbook that shows while a task runs.
#[derive(Clone, Debug, PartialEq)]
pub struct Mistake {
    /// What was being done with the task; empty where there is nothing to say.
    pub stage: String,
    /// From there to the mistake itself, each with the place that it is about.
    pub steps: Vec<(String, Option<Span>)>,
    /// The mistake at its most exact place, with the variables on the way there and what to do.
    pub diagnostic: Diagnostic,
    /// What is said of it below the place.
    pub advice: &'static str,
    /// The whole task cannot be run because of it: its place is the only one that is shown.
    pub outright: bool,
}

impl Mistake {
    /// The way to a template's error: `doing` is what the template's value was wanted for, `written` where that is.
    pub fn new(stage: impl Into<String>, doing: &str, error: &TemplateError, written: Option<Span>) -> Self {
        let innermost = error.written().or_else(|| error.chain().iter().rev().find_map(|frame| frame.span));
        let whole = written.or(error.written()).or(error.span());
        let place = |span: Span| (span.source, span.line, span.column);
        let steps = match innermost.filter(|span| Some(place(*span)) != whole.map(place)) {
            Some(span) if !doing.is_empty() => {
                vec![(doing.to_owned(), whole), (error.message().to_owned(), Some(span))]
            }
            Some(span) => match error.message().split_once(": ") {
                Some((doing @ "Error while evaluating conditional", message)) => {
                    vec![(doing.to_owned(), whole), (message.to_owned(), Some(span))]
                }
                _ => vec![(error.message().to_owned(), Some(span))],
            },
            // A keyword's own value is wrong: both are told at its place.
            None if doing.is_empty() => match error.message().split_once(": ") {
                Some((doing, message)) if doing.starts_with("Error processing keyword '") => {
                    vec![(doing.to_owned(), whole), (message.to_owned(), whole)]
                }
                _ => vec![(error.message().to_owned(), whole)],
            },
            None => vec![(format!("{doing}: {}", error.message()), whole)],
        };
        Self { stage: stage.into(), steps, diagnostic: error.clone().into(), advice: "", outright: false }
    }

    /// A mistake that is told at the place of the task.
    pub fn plain(message: &str, span: Option<Span>) -> Self {
        let mut diagnostic = Diagnostic::error(message);
        diagnostic.span = span;
        let steps = vec![(message.to_owned(), None)];
        Self { stage: String::new(), steps, diagnostic, advice: "", outright: false }
    }

    /// All of it in one sentence.
    pub fn message(&self) -> String {
        if self.outright {
            return self.steps.iter().map(|(message, _)| message.as_str()).collect::<Vec<_>>().join(": ");
        }
        let stage = Some(self.stage.as_str()).filter(|stage| !stage.is_empty());
        let steps = self.steps.iter().map(|(message, _)| message.as_str());
        let parts: Vec<&str> = std::iter::once("Task failed").chain(stage).chain(steps).collect();
        parts.join(": ")
    }
}

/// What became of one task on one host.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// How it ended.
    pub status: Status,
    /// The failure (or unreachability) is ignored, as the task asks.
    pub ignored: bool,
    /// The result as it is registered, before `no_log` hides it.
    pub result: Arc<Map>,
    /// What is to be done to the run.
    pub effects: Vec<Effect>,
}

impl Outcome {
    /// The outcome that a result tells.
    pub fn of(result: Map, effects: Vec<Effect>) -> Self {
        Self { status: status_of(&result), ignored: false, result: Arc::new(result), effects }
    }

    /// Whether the host cannot go on because of it.
    pub fn is_failure(&self) -> bool {
        matches!(self.status, Status::Failed | Status::Unreachable) && !self.ignored
    }
}

/// The status that a result's flags tell.
pub fn status_of(result: &Map) -> Status {
    if flag(result, "unreachable") {
        Status::Unreachable
    } else if has_failed(result) {
        Status::Failed
    } else if flag(result, "skipped") {
        Status::Skipped
    } else if flag(result, "changed") {
        Status::Changed
    } else {
        Status::Ok
    }
}

/// Whether a result tells of a failure: what `failed_when` found counts more than the flag.
fn has_failed(result: &Map) -> bool {
    if result.contains_key("failed_when_result") {
        return flag(result, "failed_when_result");
    }
    let items = || match result.get("results") {
        Some(Value::List(items)) => items.iter().filter_map(Value::as_map).collect(),
        _ => Vec::new(),
    };
    if items().iter().any(|item| item.contains_key("failed_when_result")) {
        return items().iter().any(|item| flag(item, "failed_when_result"));
    }
    flag(result, "failed")
}

/// Whether a flag is set in a result; absent counts as not set.
pub fn flag(result: &Map, name: &str) -> bool {
    match result.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::Int(number)) => *number != 0,
        Some(Value::String(text)) => rprov_modules::argument::boolean(text).unwrap_or(!text.is_empty()),
        _ => false,
    }
}

/// A failed result with nothing but its message.
pub fn failed(message: impl Into<String>) -> Map {
    rprov_modules::Failure::new(message).into_map()
}

/// The outcome of a task whose future died: a defect of this program, told as a failure of that host alone.
pub(super) fn broken(error: &tokio::task::JoinError) -> Outcome {
    Outcome::of(failed(format!("internal error: the task died: {error}")), Vec::new())
}

/// Whether a result says that its module failed.
pub fn is_failed(result: &Map) -> bool {
    flag(result, "failed")
}
