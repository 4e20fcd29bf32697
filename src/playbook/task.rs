//! Tasks and handlers.

use std::path::Path;
use std::sync::Arc;

use indexmap::IndexMap;

use super::keywords::Keywords;
use super::role::Role;
use crate::action::Called;
use crate::source::Span;
use crate::template::{Conditional, Written};

/// One task, or handler, with everything that it inherited.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its name as written.
    pub name: Option<Written>,
    /// What it does.
    pub action: ActionName,
    /// What it is told.
    pub arguments: Arguments,
    /// Its keywords, those of its blocks, role and play included.
    pub keywords: Arc<Keywords>,
    /// The keywords of what it stands in, without its own: what a dynamic include hands down.
    pub enclosing: Arc<Keywords>,
    /// What it loops over.
    pub looping: Option<Loop>,
    /// Where its result goes.
    pub register: Option<Register>,
    /// `changed_when`
    pub changed_when: Vec<Conditional>,
    /// `failed_when`
    pub failed_when: Vec<Conditional>,
    /// `until`
    pub until: Vec<Conditional>,
    /// `retries`
    pub retries: Option<Written>,
    /// `delay`, seconds
    pub delay: Option<Written>,
    /// `async`, seconds
    pub asynchronous: Option<Written>,
    /// `poll`, seconds
    pub poll: Option<Written>,
    /// `listen`, on handlers
    pub listen: Vec<Written>,
    /// The role that it belongs to.
    pub role: Option<Arc<Role>>,
    /// Directory of the file that it stands in, for relative paths.
    pub directory: Arc<Path>,
    /// Where it begins.
    pub span: Span,
    /// It is a handler.
    pub handler: bool,
    /// Nobody wrote it: fact gathering, the flushes between sections.
    pub implicit: bool,
}

/// The name of an action.
#[derive(Clone, Debug)]
pub struct ActionName {
    /// As it was written (`ansible.builtin.copy`).
    pub written: Arc<str>,
    /// The action or module that it means.
    pub known: Called,
    /// The name is a template: what it means is found for each host.
    pub template: Option<Written>,
    /// Where the name stands.
    pub span: Span,
}

/// The arguments of a task.
#[derive(Clone, Debug)]
pub struct Arguments {
    /// By option name; free text under `_raw_params`.
    pub options: IndexMap<String, Written>,
    /// `args: "{{ a_dictionary }}"`: options that are known only when it is rendered; they yield to `options`.
    pub template: Option<Written>,
    /// Where each option's value stands.
    pub spans: IndexMap<String, Span>,
    /// Why they cannot be understood, of a task that may fail.
    pub mistake: Option<String>,
}

/// Where a task's result goes.
#[derive(Clone, Debug)]
pub struct Register {
    /// The variable.
    pub name: Arc<str>,
}

/// A loop.
#[derive(Clone, Debug)]
pub struct Loop {
    /// What it goes over.
    pub source: LoopSource,
    /// `loop_control`
    pub control: LoopControl,
    /// Where it stands.
    pub span: Span,
}

/// What a loop goes over.
#[derive(Clone, Debug)]
pub enum LoopSource {
    /// `loop:`
    Loop(Written),
    /// `with_LOOKUP:`
    With(Arc<str>, Written),
}

/// `loop_control`
#[derive(Clone, Debug, Default)]
pub struct LoopControl {
    /// Name of the item's variable, instead of `item`.
    pub loop_var: Option<Written>,
    /// Name of a variable for the index.
    pub index_var: Option<Written>,
    /// What to show instead of the item.
    pub label: Option<Written>,
    /// Seconds between items.
    pub pause: Option<Written>,
    /// Provide `ansible_loop`.
    pub extended: Option<Written>,
    /// `ansible_loop.allitems` too.
    pub extended_allitems: Option<Written>,
    /// Stop when this holds after an item.
    pub break_when: Vec<Conditional>,
}

impl ActionName {
    /// The short name of what is built in (`copy`); empty for what is the user's own.
    pub fn short(&self) -> &str {
        if self.known.file.is_none() { &self.known.short } else { "" }
    }
}

impl Task {
    /// Whether the action is the built-in one of this short name.
    pub fn is(&self, short: &str) -> bool {
        self.action.short() == short
    }

    /// A dynamic include, whose tasks are loaded while the play runs.
    pub fn is_include(&self) -> bool {
        matches!(self.action.short(), "include_tasks" | "include_role")
    }
}
