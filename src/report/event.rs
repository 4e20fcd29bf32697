//! Everything observable about a run.

use std::sync::Arc;
use std::time::Duration;

use rprov_wire::{Map, Stream};

use crate::run::{Cause, Stats, Status};
use crate::source::{Diagnostic, Span};

/// What is shown of a task. Made once for all hosts that run it.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskInfo {
    /// Number within the run; equal for all hosts that run the task at the same time, or in their own time.
    pub number: u64,
    /// Its name as shown, with the role's name before it.
    pub name: String,
    /// The action as it was written.
    pub action: String,
    /// Where the task is.
    pub span: Span,
    /// Where the action's name is.
    pub action_span: Span,
    /// It is a handler.
    pub handler: bool,
    /// It runs in check mode.
    pub check: bool,
    /// Nobody wrote it.
    pub implicit: bool,
}

/// A loop item, as it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct ItemInfo {
    /// Its index in the loop.
    pub index: usize,
    /// What to show: the item itself, or its `label`.
    pub label: rprov_wire::Value,
}

/// Another host than the task's own, that does the task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delegate {
    /// Its name.
    pub name: Arc<str>,
    /// Its address, where that is not its name.
    pub address: Option<Arc<str>>,
}

impl std::fmt::Display for Delegate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.address {
            Some(address) => write!(formatter, "{}({address})", self.name),
            None => formatter.write_str(&self.name),
        }
    }
}

/// The result of a task, or of one item of its loop, on one host. Censored already where `no_log` asks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct HostResult {
    /// The task.
    pub task: Arc<TaskInfo>,
    /// The host whose task it is.
    pub host: Arc<str>,
    /// The host that did it, if that is another one.
    pub delegate: Option<Delegate>,
    /// How it ended.
    pub status: Status,
    /// A failure that does not count.
    pub ignored: bool,
    /// What is returned.
    pub result: Arc<Map>,
    /// What a failure is about.
    pub cause: Cause,
    /// The task has a loop; of the whole result, only the items are shown.
    pub looped: bool,
    /// `diff` is on for this task.
    pub diff: bool,
    /// `no_log` is on for this task.
    pub no_log: bool,
    /// How long it took.
    pub duration: Duration,
}

/// How a job (`async`) stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// It runs, or is to.
    Running,
    /// It is done.
    Done,
    /// It has failed, or nothing is known of it any more.
    Failed,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A playbook begins.
    PlaybookStart {
        /// Its path as given.
        path: String,
    },
    /// A play, or a batch of its hosts, begins.
    PlayStart {
        /// Its name as shown.
        name: String,
        /// Its hosts.
        hosts: Arc<[Arc<str>]>,
        /// It runs in check mode.
        check: bool,
    },
    /// No host of the inventory matches the play's pattern.
    NoHostsMatched,
    /// Every host of the play has failed.
    NoHostsRemaining,
    /// A task begins on its hosts.
    TaskStart {
        /// The task.
        task: Arc<TaskInfo>,
        /// The hosts that run it.
        hosts: Vec<Arc<str>>,
        /// Each host comes to it in its own time, so that its results need not follow.
        apart: bool,
    },
    /// A task is done on a host.
    Result(HostResult),
    /// One item of a task's loop is done on a host.
    Item(HostResult, ItemInfo),
    /// A task is tried again.
    Retry {
        /// The task.
        task: Arc<TaskInfo>,
        /// The host.
        host: Arc<str>,
        /// The host that does it, if that is another one.
        delegate: Option<Delegate>,
        /// Attempts that are left.
        left: u32,
        /// The item, in a loop.
        item: Option<ItemInfo>,
        /// The result that was not good enough.
        result: Arc<Map>,
    },
    /// A task that runs as a job (`async`) was looked after.
    Job {
        /// The task.
        task: Arc<TaskInfo>,
        /// The host.
        host: Arc<str>,
        /// How the job stands.
        state: JobState,
        /// The job's number; none where `no_log` hides it.
        number: Option<String>,
    },
    /// A file or role was included.
    Included {
        /// The file, or the role's name.
        name: String,
        /// The hosts that go through it.
        hosts: Vec<Arc<str>>,
        /// The item's label, in a loop.
        item: Option<String>,
    },
    /// A handler was notified.
    Notified {
        /// The handler's name.
        handler: String,
        /// The host.
        host: Arc<str>,
    },
    /// Something to be told on standard error.
    Diagnostic(Diagnostic),
    /// Something that a task tells the person who watches, among its results.
    Notice(String),
    /// Something for those who want to know more.
    Detail {
        /// How many `-v` it takes to see it.
        verbosity: u8,
        /// One line.
        text: String,
    },
    /// A note in Ansible's `[WARNING]: ...` form.
    Warning(String),
    /// A command prints while it runs.
    Output {
        /// The host.
        host: Arc<str>,
        /// Which stream.
        stream: Stream,
        /// What it prints.
        text: String,
    },
    /// The run is over.
    Recap(Box<Stats>),
}
