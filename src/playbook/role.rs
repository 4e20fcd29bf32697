//! Roles: a directory tree with tasks, handlers, variables, templates and files.

use std::path::PathBuf;
use std::sync::Arc;

use crate::vars::VarMap;

/// One use of a role in a play: the role's own variables with the parameters of this use.
#[derive(Debug)]
pub struct Role {
    /// Its name as it was asked for.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// `defaults/main`: lowest precedence.
    pub defaults: Arc<VarMap>,
    /// `vars/main`.
    pub vars: Arc<VarMap>,
    /// Keys of the role entry that are no keywords, and `vars` of `include_role`/`import_role`.
    pub params: Arc<VarMap>,
    /// The roles that brought it in as a dependency, outermost first.
    pub parents: Vec<Arc<Role>>,
    /// The roles whose tasks brought it in, innermost first.
    pub includers: Vec<Arc<Role>>,
    /// The roles that it depends on, in order.
    pub dependencies: Vec<Arc<Role>>,
    /// `allow_duplicates` of its `meta/main`.
    pub allow_duplicates: bool,
    /// Its variables are visible to the whole play.
    pub public: bool,
    /// Identifies equal uses, which run once unless `allow_duplicates` says otherwise.
    pub fingerprint: String,
    /// `meta/argument_specs`: options of the entry point, if there are any.
    pub argument_spec: Option<crate::yaml::Node>,
}

impl Role {
    /// The layers of a task in this role, lowest first: those of parents, then its own.
    pub fn chain(self: &Arc<Self>) -> impl Iterator<Item = &Arc<Role>> {
        self.parents.iter().chain(std::iter::once(self))
    }
}
