//! What a play brings: its `vars`, files, prompts, and the variables of its roles.

use std::path::PathBuf;
use std::sync::Arc;

use super::VarMap;
use crate::playbook::Role;

/// The variables of one play in one batch of hosts. Replaced as a whole when `include_role` makes a role public.
#[derive(Clone, Debug)]
pub struct PlayVariables {
    /// The play's name, as shown.
    pub name: Arc<str>,
    /// Directory of the playbook.
    pub directory: PathBuf,
    /// `vars`
    pub vars: Arc<VarMap>,
    /// `vars_prompt`
    pub prompted: Arc<VarMap>,
    /// Roles whose variables every task of the play sees, dependencies before those that need them.
    pub roles: Vec<Arc<Role>>,
    /// Hosts of the whole play.
    pub hosts_all: Arc<[Arc<str>]>,
    /// Hosts of this batch.
    pub batch: Arc<[Arc<str>]>,
    /// Hosts of the play that have not failed.
    pub hosts: Arc<[Arc<str>]>,
}
