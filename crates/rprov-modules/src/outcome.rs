//! What a module gives back: its values and whether it changed something, or why it failed.

use rprov_wire::{Map, Value};

/// A module's success.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Something was changed, or would be in check mode.
    pub changed: bool,
    /// The module's own return values, under Ansible's names.
    pub values: Map,
    /// What was, or would be, changed; only looked at in diff mode.
    pub diffs: Vec<Diff>,
    /// The diff is returned as a list even if there is only one.
    pub diff_list: bool,
}

/// One `diff` entry: the state before and after, as text or as structures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// Header of the former state, often a path.
    pub before_header: Option<String>,
    /// Header of the new state.
    pub after_header: Option<String>,
    /// The former state.
    pub before: Value,
    /// The new state.
    pub after: Value,
    /// Why a side is not shown: `src_binary`, `dst_binary` (it is no text), `src_larger`, `dst_larger` (it has more
    /// bytes than this). `src` is the new state, `dst` the former one.
    pub omitted: Map,
}

impl Outcome {
    /// Nothing was changed, and there is nothing more to say.
    pub fn unchanged() -> Self {
        Self::default()
    }

    /// Whether something was changed, and nothing more to say yet.
    pub fn new(changed: bool) -> Self {
        Self { changed, ..Self::default() }
    }

    /// Add a return value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// Add all values of a map.
    #[must_use]
    pub fn with_all(mut self, values: Map) -> Self {
        self.values.extend(values);
        self
    }

    /// Add a diff entry.
    #[must_use]
    pub fn with_diff(mut self, diff: Diff) -> Self {
        self.diffs.push(diff);
        self
    }

    /// The result as it travels: `changed`, the values, and `diff` where it was asked for.
    pub fn into_map(self, diff: bool) -> Map {
        let mut map = Map::with_capacity(self.values.len() + 2);
        map.insert("changed".to_owned(), self.changed.into());
        map.extend(self.values);
        if diff && !self.diffs.is_empty() {
            let mut diffs: Vec<Value> = self.diffs.into_iter().map(Diff::into_value).collect();
            let value = if diffs.len() == 1 && !self.diff_list { diffs.remove(0) } else { Value::List(diffs) };
            map.insert("diff".to_owned(), value);
        }
        map
    }
}

impl Diff {
    /// Two texts, with the same header on both sides.
    pub fn text(header: &str, before: impl Into<String>, after: impl Into<String>) -> Self {
        Self {
            before_header: Some(header.to_owned()),
            after_header: Some(header.to_owned()),
            before: Value::String(before.into()),
            after: Value::String(after.into()),
            ..Self::default()
        }
    }

    /// Two structures; the reporter writes them out.
    pub fn state(before: impl Into<Value>, after: impl Into<Value>) -> Self {
        Self { before: before.into(), after: after.into(), ..Self::default() }
    }

    /// The entry as it is returned.
    pub fn into_value(self) -> Value {
        let mut map = Map::new();
        if let Some(header) = self.before_header {
            map.insert("before_header".to_owned(), header.into());
        }
        if let Some(header) = self.after_header {
            map.insert("after_header".to_owned(), header.into());
        }
        // A side that is null was left out for a reason that is given.
        for (name, side) in [("before", self.before), ("after", self.after)] {
            if self.omitted.is_empty() || !side.is_null() {
                map.insert(name.to_owned(), side);
            }
        }
        map.extend(self.omitted);
        Value::Map(map)
    }
}

/// A module's failure: data, as a success is.
#[derive(Clone, Debug, Default, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What went wrong, on which thing, and what to do about it.
    pub message: String,
    /// Return values that are known all the same (`rc`, `stderr` ...), `changed` among them where it is true.
    pub values: Map,
}

impl Failure {
    /// A failure with nothing but its message.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), values: Map::new() }
    }

    /// An I/O error, named with what was tried (`"create"`) and the path.
    pub fn io(action: &str, path: impl AsRef<std::path::Path>, error: impl std::fmt::Display) -> Self {
        Self::new(format!("could not {action} {}: {error}", path.as_ref().display()))
    }

    /// Add a return value.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// The result as it travels: `failed`, `msg`, `changed`, and the values.
    pub fn into_map(self) -> Map {
        let mut map = Map::with_capacity(self.values.len() + 3);
        map.insert("changed".to_owned(), false.into());
        map.insert("failed".to_owned(), true.into());
        map.insert("msg".to_owned(), self.message.into());
        map.extend(self.values);
        map
    }
}

impl From<crate::argument::ArgumentProblem> for Failure {
    fn from(problem: crate::argument::ArgumentProblem) -> Self {
        Failure::new(problem.to_string())
    }
}
