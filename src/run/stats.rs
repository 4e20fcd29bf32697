//! The numbers of the recap.

use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

/// One host's line of the recap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tasks that are as wanted, changed or not.
    pub ok: u32,
    /// Tasks that changed something.
    pub changed: u32,
    /// Attempts that found no way to the host.
    pub unreachable: u32,
    /// Tasks that failed for good.
    pub failed: u32,
    /// Tasks that were passed over by their conditions.
    pub skipped: u32,
    /// Failures that a `rescue` took over.
    pub rescued: u32,
    /// Failures that the task asked to ignore.
    pub ignored: u32,
}

/// The numbers of all hosts.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    /// By host.
    pub hosts: BTreeMap<Arc<str>, Counts>,
    /// `set_stats`, by host; `None` for those of the whole run.
    pub custom: IndexMap<Option<Arc<str>>, BTreeMap<String, Value>>,
}

impl Stats {
    /// The numbers of one host.
    pub fn host(&mut self, name: &Arc<str>) -> &mut Counts {
        self.hosts.entry(Arc::clone(name)).or_default()
    }

    /// Whether any host failed.
    pub fn any_failed(&self) -> bool {
        self.hosts.values().any(|counts| counts.failed > 0)
    }

    /// Whether any host was unreachable.
    pub fn any_unreachable(&self) -> bool {
        self.hosts.values().any(|counts| counts.unreachable > 0)
    }
}
