//! What a task wants done to the run. Tasks run side by side and change nothing themselves; the strategy applies what
//! they hand back, one after the other.

use std::collections::BTreeMap;
use std::sync::Arc;

use minijinja::Value;

use crate::playbook::RoleUse;
use crate::source::Diagnostic;
use crate::vars::{Facts, Values};
use crate::yaml::Node;

/// One thing to be done to the run.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Set variables of a host (`register`, `set_fact`).
    Variables {
        /// Another host than the task's own.
        host: Option<Arc<str>>,
        /// The variables.
        values: Values,
    },
    /// Set variables of a host that came out of a file (`include_vars`): weaker than those that were set.
    Included {
        /// Another host than the task's own.
        host: Option<Arc<str>>,
        /// The variables.
        values: Values,
    },
    /// Add to a host's facts.
    Facts {
        /// Another host than the task's own.
        host: Option<Arc<str>>,
        /// The facts, by the names that the module gave them.
        facts: Facts,
    },
    /// Notify handlers by their names or topics.
    Notify(Vec<String>),
    /// Do not show the result: it comes out of an encrypted file.
    Conceal,
    /// A handler was notified that there is not: nothing more is run.
    UnknownHandler(Box<Diagnostic>),
    /// Add a host to the inventory.
    AddHost(NewHost),
    /// Put the task's host into a group.
    GroupBy {
        /// The group.
        group: String,
        /// Groups that it is in.
        parents: Vec<String>,
    },
    /// Go through tasks of a file or role.
    Include(IncludeRequest),
    /// Something for the strategy itself.
    Meta(MetaAction),
    /// Numbers for the recap (`set_stats`).
    Stats {
        /// The values.
        data: BTreeMap<String, Value>,
        /// Keep them apart for each host.
        per_host: bool,
        /// Add to what is there.
        aggregate: bool,
    },
}

/// A host for the inventory.
#[derive(Clone, Debug)]
pub struct NewHost {
    /// Its name.
    pub name: String,
    /// The groups that it joins.
    pub groups: Vec<String>,
    /// Its variables.
    pub variables: Values,
}

/// What a dynamic include wants, for one item of its loop.
#[derive(Clone, Debug)]
pub struct IncludeRequest {
    /// What to include.
    pub target: IncludeTarget,
    /// `apply`
    pub apply: Option<Node>,
    /// Variables for the included tasks.
    pub variables: Values,
    /// The item's label, in a loop.
    pub label: Option<String>,
}

/// What a dynamic include goes to.
#[derive(Clone, Debug)]
pub enum IncludeTarget {
    /// A task file.
    Tasks(String),
    /// A role.
    Role(Box<RoleUse>),
}

/// What `meta` can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetaAction {
    /// Nothing.
    Noop,
    /// Run the notified handlers now.
    FlushHandlers,
    /// Read the inventory again.
    RefreshInventory,
    /// Forget the facts of the hosts.
    ClearFacts,
    /// Forget the failures of the hosts.
    ClearHostErrors,
    /// End this batch of the play.
    EndBatch,
    /// End the play for all hosts.
    EndPlay,
    /// End the play for this host.
    EndHost,
    /// End the role for this host.
    EndRole,
    /// Close the host's connection, so that the next task opens a new one.
    ResetConnection,
}

impl MetaAction {
    /// The action of that name.
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, action)| *action)
    }

    /// All actions by their names.
    pub const ALL: &[(&str, MetaAction)] = &[
        ("noop", MetaAction::Noop),
        ("flush_handlers", MetaAction::FlushHandlers),
        ("refresh_inventory", MetaAction::RefreshInventory),
        ("clear_facts", MetaAction::ClearFacts),
        ("clear_host_errors", MetaAction::ClearHostErrors),
        ("end_batch", MetaAction::EndBatch),
        ("end_play", MetaAction::EndPlay),
        ("end_host", MetaAction::EndHost),
        ("end_role", MetaAction::EndRole),
        ("reset_connection", MetaAction::ResetConnection),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, action)| *action == self).map_or("", |(name, _)| name)
    }
}
