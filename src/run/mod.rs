//! The engine: plays, strategies, the cursor of each host, tasks, loops, handlers.
//!
//! * [`Run`]: a whole run: playbooks in, exit status out;
//! * [`Shared`]: what all hosts of the run have in common;
//! * `play`: one play: hosts, batches, variables;
//! * [`strategy`]: the only place that orders hosts;
//! * [`cursor`]: where a host stands;
//! * `task`: one task on one host, from `when` to its effects;
//! * `loops`: the items of a task's loop;
//! * `ask`: questions to the person at the terminal;
//! * `keys`: keys as they are typed, and Ctrl-C among them;
//! * `debugger`: the person at the terminal looks at a task, changes it, and has it run again;
//! * `failed_task`: what a `rescue` is told of the task that failed;
//! * `job`: what `async` makes of a task;
//! * [`Effect`]: what a task wants done to the run; applied by the strategy alone;
//! * `remote`: the connection that a task runs on.

pub(crate) mod ask;
mod connection_variables;
pub mod cursor;
mod debugger;
mod effect;
mod failed_task;
mod handlers;
mod include;
mod inside;
pub(crate) mod job;
pub(crate) mod keys;
mod loops;
mod meta;
mod options;
mod play;
mod remote;
mod result;
#[expect(clippy::module_inception, reason = "`run::Run` lives in the file that is named after it")]
mod run;
mod selection;
pub(crate) mod settings;
mod shared;
mod stats;
pub mod strategy;
mod task;

pub use effect::{Effect, IncludeRequest, IncludeTarget, MetaAction, NewHost};
pub use options::Options;
pub use remote::{Connections, Received, Remote};
pub use result::{Cause, Mistake, Outcome, Status, is_failed};
pub use run::{Run, RunError};
pub use selection::Selection;
pub use shared::{Interrupt, Shared};
pub use stats::{Counts, Stats};
