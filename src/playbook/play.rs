//! Playbooks and plays.

use std::path::PathBuf;
use std::sync::Arc;

use super::block::Item;
use super::keywords::Keywords;
use super::role::Role;
use super::task::Task;
use crate::source::Span;
use crate::template::Written;
use crate::vars::VarMap;

/// One playbook file, with those that it imports.
#[derive(Debug)]
pub struct Playbook {
    /// Its path as it was given.
    pub path: PathBuf,
    /// Its plays in order.
    pub plays: Vec<Arc<Play>>,
}

/// A play.
#[derive(Debug)]
pub struct Play {
    /// `name`
    pub name: Option<Written>,
    /// `hosts`
    pub hosts: Written,
    /// Directory of the playbook file that it stands in.
    pub directory: PathBuf,
    /// Its keywords, the base of all inheritance.
    pub keywords: Arc<Keywords>,
    /// `vars`, with those of an `import_playbook`.
    pub vars: Arc<VarMap>,
    /// `vars_files`: each a path, or a list of paths of which the first that exists counts.
    pub vars_files: Vec<Written>,
    /// `vars_prompt`
    pub vars_prompt: Vec<Prompt>,
    /// `gather_facts`
    pub gather_facts: Option<Written>,
    /// `gather_subset`
    pub gather_subset: Option<Written>,
    /// `gather_timeout`
    pub gather_timeout: Option<Written>,
    /// `fact_path`
    pub fact_path: Option<Written>,
    /// `serial`
    pub serial: Option<Written>,
    /// `strategy`
    pub strategy: Option<Written>,
    /// `order`
    pub order: Option<Written>,
    /// `force_handlers`
    pub force_handlers: Option<Written>,
    /// `max_fail_percentage`
    pub max_fail_percentage: Option<Written>,
    /// The roles of the play, dependencies before those that need them.
    pub roles: Vec<Arc<Role>>,
    /// `pre_tasks`
    pub pre_tasks: Vec<Item>,
    /// The roles' tasks.
    pub role_tasks: Vec<Item>,
    /// `tasks`
    pub tasks: Vec<Item>,
    /// `post_tasks`
    pub post_tasks: Vec<Item>,
    /// The handlers of the play, then those of its roles; includes are resolved when they are notified.
    pub handlers: Vec<Arc<Task>>,
    /// Where it begins.
    pub span: Span,
}

/// One entry of `vars_prompt`.
#[derive(Clone, Debug)]
pub struct Prompt {
    /// The variable.
    pub name: String,
    /// What to ask.
    pub prompt: Option<Written>,
    /// The value if nothing is answered.
    pub default: Option<Written>,
    /// Do not echo the answer.
    pub private: bool,
    /// Ask twice.
    pub confirm: bool,
    /// Hash the answer by this scheme.
    pub encrypt: Option<String>,
    /// The salt for it.
    pub salt: Option<String>,
    /// Length of a random salt.
    pub salt_size: Option<usize>,
    /// The answer never is a template.
    pub r#unsafe: bool,
}
