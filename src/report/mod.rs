//! Events, and those who read them.
//!
//! * [`Event`]: everything observable about a run;
//! * [`Reporter`]: the engine's end of the stream;
//! * [`Sink`]: a reader of events;
//! * [`default`]: the output that Ansible's users know; [`json`]: one event per line, for machines;
//! * [`minimal`]: the output of single tasks;
//! * [`log`]: the log file;
//! * [`live`]: on a terminal, what is running where and for how long.

pub mod default;
mod event;
pub mod json;
pub mod live;
pub mod log;
pub mod minimal;
mod reporter;

pub use event::{Delegate, Event, HostResult, ItemInfo, JobState, TaskInfo};
pub use reporter::{Reporter, Sink};
