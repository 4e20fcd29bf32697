//! All variables as one task on one host sees them, in Ansible's order of precedence.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::sync::Arc;

use minijinja::Value;

use super::host::{HostVars, VarsObject, host_names};
use super::layered::{Offer, strongest};
use super::magic::{self, RunFacts};
use super::{HostVariables, PlayVariables, Values, VarMap};
use crate::playbook::Role;
use crate::template::{Scope, Surroundings, Variable, Variables, Written};

/// The layers of one task on one host. All of them are shared; making one costs a few reference counts.
#[derive(Clone, Debug)]
pub struct TaskVariables {
    /// The run.
    pub run: Arc<RunFacts>,
    /// The play.
    pub play: Arc<PlayVariables>,
    /// The host at this moment.
    pub host: Arc<HostVariables>,
    /// `vars_files`, which may differ from host to host.
    pub vars_files: Arc<[Arc<VarMap>]>,
    /// The role that the task belongs to.
    pub role: Option<Arc<Role>>,
    /// `vars` of blocks and the task, outermost first.
    pub vars: Vec<Arc<VarMap>>,
    /// `environment` of the play, blocks and the task, outermost first.
    pub environment: Vec<Written>,
    /// What the includes around the task handed down: loop items, `vars` of the include; outermost first.
    pub includes: Vec<Arc<Values>>,
    /// What lookups need to know.
    pub surroundings: Arc<Surroundings>,
}

const NAMES: &[&str] = &[
    "ansible_collection_name",
    "ansible_dependent_role_names",
    "ansible_parent_role_names",
    "ansible_parent_role_paths",
    "ansible_play_batch",
    "ansible_play_hosts",
    "ansible_play_hosts_all",
    "ansible_play_name",
    "ansible_play_role_names",
    "ansible_role_name",
    "ansible_role_names",
    "ansible_search_path",
    "environment",
    "hostvars",
    "play_hosts",
    "role_name",
    "role_names",
    "role_path",
    "vars",
];

impl TaskVariables {
    /// The scope for rendering.
    pub fn scope(self) -> Scope {
        let surroundings = Arc::clone(&self.surroundings);
        Scope::new(Arc::new(self), surroundings)
    }

    fn magic(&self, name: &str) -> Option<Variable> {
        let names = |hosts: &[Arc<str>]| hosts.iter().map(|host| Value::from(&**host)).collect::<Value>();
        let value = match name {
            "hostvars" => Value::from_object(HostVars {
                run: Arc::clone(&self.run),
                surroundings: Arc::clone(&self.surroundings),
            }),
            "vars" => Value::from_object(VarsObject(self.clone().scope())),
            "playbook_dir" => Value::from(self.play.directory.display().to_string()),
            "ansible_play_name" => Value::from(&*self.play.name),
            "ansible_play_hosts" => names(&self.play.hosts),
            "ansible_play_hosts_all" => names(&self.play.hosts_all),
            "ansible_play_batch" | "play_hosts" => names(&self.play.batch),
            "ansible_play_role_names" | "role_names" => self
                .play
                .roles
                .iter()
                .filter(|role| role.parents.is_empty())
                .map(|role| Value::from(role.name.as_str()))
                .collect(),
            "ansible_dependent_role_names" => self
                .play
                .roles
                .iter()
                .filter(|role| !role.parents.is_empty())
                .map(|role| Value::from(role.name.as_str()))
                .collect(),
            "ansible_role_names" => {
                let mut names: Vec<&str> = Vec::new();
                for role in &self.play.roles {
                    if !names.contains(&role.name.as_str()) {
                        names.push(&role.name);
                    }
                }
                names.into_iter().map(Value::from).collect()
            }
            "ansible_search_path" => {
                self.surroundings.search_paths.iter().map(|path| Value::from(path.display().to_string())).collect()
            }
            "ansible_delegated_vars" => return None,
            "environment" => return Some(Variable::Written(Written::list(self.environment.clone(), None))),
            _ => return self.role_magic(name).or_else(|| self.run.host_magic(name, &self.host)),
        };
        Some(Variable::Plain(value))
    }

    fn role_magic(&self, name: &str) -> Option<Variable> {
        let role = self.role.as_ref()?;
        let value = match name {
            "role_name" => Value::from(role.name.rsplit('/').next().unwrap_or_default()),
            "ansible_role_name" => Value::from(role.name.as_str()),
            "role_path" => Value::from(role.path.display().to_string()),
            "role_uuid" => Value::from(role.fingerprint.as_str()),
            "ansible_collection_name" => match role.name.splitn(3, '.').collect::<Vec<_>>()[..] {
                [namespace, collection, _] => Value::from(format!("{namespace}.{collection}")),
                _ => return None,
            },
            "ansible_parent_role_names" if !role.includers.is_empty() => {
                role.includers.iter().map(|role| Value::from(role.name.as_str())).collect()
            }
            "ansible_parent_role_paths" if !role.includers.is_empty() => {
                role.includers.iter().map(|role| Value::from(role.path.display().to_string())).collect()
            }
            _ => return None,
        };
        Some(Variable::Plain(value))
    }

    /// Roles whose variables count here, lowest first: the play's public ones, then the task's own with its parents.
    fn roles(&self) -> impl DoubleEndedIterator<Item = &Arc<Role>> {
        let own = self.role.iter().flat_map(|role| role.parents.iter().chain(std::iter::once(role)));
        let public: Vec<&Arc<Role>> = self.play.roles.iter().filter(|role| role.public).collect();
        public.into_iter().chain(own.collect::<Vec<_>>())
    }
}

impl TaskVariables {
    /// Offer all values of this name, the strongest first.
    fn offer(&self, name: &str, offer: &mut Offer<'_>) -> ControlFlow<()> {
        let written = |layer: &VarMap| layer.get(name).cloned().map(Variable::Written);
        let host = &self.host;
        let params = || self.role.iter().flat_map(|role| role.chain()).filter_map(|role| written(&role.params)).last();
        written(&self.run.extra).into_iter().try_for_each(&mut *offer)?;
        self.includes.iter().rev().filter_map(|layer| layer.get(name).cloned()).try_for_each(&mut *offer)?;
        params().into_iter().try_for_each(&mut *offer)?;
        host.registered.get(name).cloned().into_iter().try_for_each(&mut *offer)?;
        host.included.get(name).cloned().into_iter().try_for_each(&mut *offer)?;
        self.vars.iter().rev().filter_map(|layer| written(layer)).try_for_each(&mut *offer)?;
        self.roles().rev().filter_map(|role| written(&role.vars)).try_for_each(&mut *offer)?;
        self.vars_files.iter().rev().filter_map(|layer| written(layer)).try_for_each(&mut *offer)?;
        written(&self.play.prompted).into_iter().try_for_each(&mut *offer)?;
        written(&self.play.vars).into_iter().try_for_each(&mut *offer)?;
        host.injected_fact(name, self.run.inject_facts).into_iter().try_for_each(&mut *offer)?;
        host.offer_inventory(name, offer)?;
        self.roles().rev().filter_map(|role| written(&role.defaults)).try_for_each(&mut *offer)
    }
}

impl Variables for TaskVariables {
    fn get(&self, name: &str) -> Option<Variable> {
        self.magic(name).or_else(|| strongest(self.run.merge, |offer| self.offer(name, offer)))
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        fn keys(map: &VarMap) -> impl Iterator<Item = Cow<'_, str>> {
            map.keys().map(|name| Cow::Borrowed(&**name))
        }
        let mut names: Vec<Cow<'_, str>> =
            NAMES.iter().chain(magic::HOST_NAMES).map(|name| Cow::Borrowed(*name)).collect();
        names.extend(keys(&self.run.extra));
        names.extend(self.includes.iter().flat_map(|layer| layer.keys()).map(|name| Cow::Borrowed(&**name)));
        names.extend(self.vars.iter().flat_map(|layer| keys(layer)));
        names.extend(self.vars_files.iter().flat_map(|layer| keys(layer)));
        names.extend(keys(&self.play.prompted));
        names.extend(keys(&self.play.vars));
        let roles = self.play.roles.iter().chain(self.role.iter());
        names.extend(roles.flat_map(|role| keys(&role.params).chain(keys(&role.vars)).chain(keys(&role.defaults))));
        names.extend(host_names(&self.host, self.run.inject_facts));
        names
    }
}
