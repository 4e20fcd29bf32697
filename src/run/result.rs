//! What became of one task on one host.

use std::sync::Arc;

use rprov_wire::{Map, Value};

use super::effect::Effect;

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
    } else if flag(result, "failed") {
        Status::Failed
    } else if flag(result, "skipped") {
        Status::Skipped
    } else if flag(result, "changed") {
        Status::Changed
    } else {
        Status::Ok
    }
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
