//! The controller halves of modules, one file each, and the register of all that a task can call.
//!
//! Most modules need no controller half: their arguments go to the agent as they are. An [`Action`] is there where
//! something of the controller is involved: its files, its variables, the run itself.

mod add_host;
mod assemble;
mod assert;
mod async_status;
mod call;
mod conceal;
mod content;
mod copy;
mod debug;
mod fail;
mod fetch;
mod gather_facts;
mod group_by;
mod import_role;
mod import_tasks;
mod include_role;
mod include_tasks;
mod include_vars;
mod invocation;
mod meta;
mod own;
mod patch;
mod pause;
mod raw;
mod reboot;
mod refusal;
mod registry;
mod script;
mod set_fact;
mod set_stats;
mod synchronize;
mod template;
mod unarchive;
mod undetermined;
mod uri;
mod validate_argument_spec;
mod wait_for_connection;

pub use call::{Action, Call, Done, Stop, render_arguments};
pub(crate) use conceal::conceal;
pub(crate) use invocation::invocation;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use own::imports;
pub use own::{Circumstances, Library, OwnModule, Resolution};
pub(crate) use own::{interpret, notice};
pub use raw::{RawOutput, collect as collect_raw};
pub(crate) use refusal::refusal;
pub use registry::{Called, Known, OnHost, Parcel, find, names, undetermined};
