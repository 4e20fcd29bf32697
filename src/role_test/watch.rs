//! What a run changed, and where: a reader of its events.

use std::sync::{Arc, Mutex, PoisonError};

use crate::report::{Event, Sink};
use crate::run::{Counts, Status};

/// A task that changed something on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its name as it was shown.
    pub task: String,
    /// The host.
    pub host: String,
    /// `path:line:column`
    pub place: String,
}

/// What was seen of a run.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Tasks that changed something, in order.
    pub changes: Vec<Change>,
    /// The numbers of all hosts together.
    pub total: Counts,
    /// Hosts that a play worked on.
    pub hosts: usize,
}

/// A reader of events, whose sight is shared.
#[derive(Clone, Debug, Default)]
pub struct Watcher(Arc<Mutex<Seen>>);

impl Watcher {
    /// What it has seen by now.
    pub fn seen(&self) -> Seen {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Sink for Watcher {
    fn event(&mut self, event: &Event) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::Result(result) if result.status == Status::Changed => seen.changes.push(Change {
                task: result.task.name.clone(),
                host: result.host.to_string(),
                place: result.task.span.to_string(),
            }),
            Event::Recap(stats) => {
                seen.hosts = stats.hosts.len();
                seen.total = stats.hosts.values().fold(Counts::default(), |mut sum, counts| {
                    sum.ok += counts.ok;
                    sum.changed += counts.changed;
                    sum.failed += counts.failed;
                    sum.unreachable += counts.unreachable;
                    sum.skipped += counts.skipped;
                    sum
                });
            }
            _ => {}
        }
    }
}
