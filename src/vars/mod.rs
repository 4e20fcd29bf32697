//! Variables: layers in Ansible's order of precedence, each kept once and shared.
//!
//! * [`HostVariables`]: what belongs to one host: inventory, facts, registered results; an immutable snapshot that is
//!   replaced after each task;
//! * [`PlayVariables`]: what a play brings: its `vars`, files, prompts, and those of its roles;
//! * [`TaskVariables`]: all of it as one task on one host sees it, with the magic variables on top;
//! * [`HostStore`]: the snapshots of all hosts, which `hostvars` reads.

mod host;
mod inventory;
mod layered;
mod magic;
mod play;
mod statics;
mod task;

use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

pub use host::{GATHERED, HostStore, HostVariables, HostVars, variables_object};
pub use inventory::InventoryLayers;
pub use layered::merged;
pub use magic::{ANSIBLE_VERSION, RunFacts, group_names, groups_value};
pub use play::PlayVariables;
pub use statics::{Layer, beneath, of_role, written};
pub use task::TaskVariables;

use crate::template::{Variable, Written};

/// Variables as a human wrote them.
pub type VarMap = IndexMap<Arc<str>, Written>;

/// Variables that came about in the run: facts, registered results, and what `include_vars` read.
pub type Values = IndexMap<Arc<str>, Variable>;

/// Facts, by the names that modules gave them.
pub type Facts = IndexMap<Arc<str>, Value>;
