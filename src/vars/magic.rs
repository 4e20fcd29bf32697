//! Magic variables: what the run itself tells a template.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use minijinja::Value;

use super::host::{HostStore, HostVariables};
use super::{InventoryLayers, VarMap};
use crate::facts::FactCache;
use crate::inventory::{Growth, Inventory};
use crate::template::Variable;

/// What is the same for all plays and hosts of a run.
#[derive(Debug)]
pub struct RunFacts {
    /// The inventory as it is now; `add_host` and `group_by` replace it.
    pub inventory: ArcSwap<Inventory>,
    /// The hosts' own variables.
    pub hosts: Arc<HostStore>,
    /// The hosts' inventory layers.
    pub layers: Arc<InventoryLayers>,
    /// `-e`
    pub extra: Arc<VarMap>,
    /// `-C`
    pub check: bool,
    /// `-D`
    pub diff: bool,
    /// `-f`
    pub forks: usize,
    /// `-v`
    pub verbosity: u8,
    /// `-l`
    pub limit: Option<String>,
    /// `-t`
    pub tags: Vec<String>,
    /// `--skip-tags`
    pub skip_tags: Vec<String>,
    /// The `ansible.cfg` in force.
    pub config_file: Option<PathBuf>,
    /// `-i`, in order.
    pub inventory_sources: Vec<String>,
    /// Facts also appear as variables of their own (`ansible_distribution`).
    pub inject_facts: bool,
    /// What `add_host` and `group_by` added, in order; read again after the sources.
    pub grown: Mutex<Vec<Growth>>,
    /// Dictionaries of one name are merged (`hash_behaviour = merge`).
    pub merge: bool,
    /// Facts that outlive the run.
    pub cache: Arc<FactCache>,
}

/// The groups that a host is in, sorted, without `all`.
pub fn group_names(inventory: &Inventory, host: &str) -> Vec<Arc<str>> {
    let groups = inventory.groups_of(host);
    let mut names: Vec<Arc<str>> =
        groups.into_iter().map(|group| Arc::clone(&group.name)).filter(|name| &**name != "all").collect();
    names.sort_unstable();
    names
}

/// `groups`: the hosts of every group.
pub fn groups_value(inventory: &Inventory) -> Value {
    Value::from_pairs(inventory.groups().map(|group| {
        let hosts = inventory.hosts_of(&group.name).into_iter().map(|host| Value::from(&**host));
        (Value::from(&*group.name), hosts.collect::<Value>())
    }))
}

/// Magic variables that depend on nothing but the host.
pub(super) const HOST_NAMES: &[&str] = &[
    "ansible_check_mode",
    "ansible_config_file",
    "ansible_diff_mode",
    "ansible_facts",
    "ansible_forks",
    "ansible_inventory_sources",
    "ansible_limit",
    "ansible_playbook_python",
    "ansible_run_tags",
    "ansible_skip_tags",
    "ansible_verbosity",
    "ansible_version",
    "group_names",
    "groups",
    "inventory_dir",
    "inventory_file",
    "inventory_hostname",
    "inventory_hostname_short",
    "playbook_dir",
];

/// The version of ansible-core whose behaviour is followed.
pub const ANSIBLE_VERSION: &str = "2.19.14";

impl RunFacts {
    /// Add to the inventory, now and whenever its sources are read again.
    pub fn grow(&self, addition: Growth) {
        let mut inventory = Inventory::clone(&self.inventory.load());
        inventory.grow([&addition]);
        self.inventory.store(Arc::new(inventory));
        self.grown.lock().unwrap_or_else(PoisonError::into_inner).push(addition);
    }

    /// A magic variable that depends on nothing but the host.
    pub(super) fn host_magic(&self, name: &str, host: &HostVariables) -> Option<Variable> {
        let inventory = || self.inventory.load();
        let value = match name {
            "inventory_hostname" => Value::from(&*host.name),
            "inventory_hostname_short" => Value::from(host.name.split('.').next().unwrap_or_default()),
            "inventory_dir" => {
                let inventory = inventory();
                let source = inventory.host(&host.name).and_then(|host| host.source.as_deref());
                path_value(source.and_then(|source| if source.is_dir() { Some(source) } else { source.parent() }))
            }
            "inventory_file" => path_value(inventory().host(&host.name).and_then(|host| host.source.as_deref())),
            "group_names" => group_names(&inventory(), &host.name).iter().map(|name| Value::from(&**name)).collect(),
            "groups" => groups_value(&inventory()),
            "ansible_facts" => host.facts_value(),
            "ansible_check_mode" => Value::from(self.check),
            "ansible_diff_mode" => Value::from(self.diff),
            "ansible_forks" => Value::from(self.forks),
            "ansible_verbosity" => Value::from(self.verbosity),
            "ansible_limit" => Value::from(self.limit.as_deref()?),
            "ansible_run_tags" => list(&self.tags, "all"),
            "ansible_skip_tags" => words(&self.skip_tags).map(Value::from).collect(),
            "ansible_config_file" => path_value(self.config_file.as_deref()),
            "ansible_inventory_sources" => self.inventory_sources.iter().map(String::as_str).map(Value::from).collect(),
            // There is no Python; templates that ask for it want something to run on the controller.
            "ansible_playbook_python" => Value::from("/usr/bin/python3"),
            "ansible_version" => version(),
            _ => return None,
        };
        Some(Variable::Plain(value))
    }
}

fn list(list_of: &[String], default: &str) -> Value {
    if list_of.is_empty() {
        return std::iter::once(Value::from(default)).collect();
    }
    words(list_of).map(Value::from).collect()
}

/// The tags of a list in which several may stand together, separated by commas.
fn words(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|word| !word.is_empty())
}

fn path_value(path: Option<impl AsRef<std::path::Path>>) -> Value {
    path.map_or(Value::from(()), |path| Value::from(path.as_ref().display().to_string()))
}

fn version() -> Value {
    let mut parts = ANSIBLE_VERSION.split('.').map(|part| part.parse::<i64>().unwrap_or_default());
    let [major, minor, revision] = std::array::from_fn(|_| parts.next().unwrap_or_default());
    Value::from_pairs([
        ("full", Value::from(ANSIBLE_VERSION)),
        ("major", Value::from(major)),
        ("minor", Value::from(minor)),
        ("revision", Value::from(revision)),
        ("string", Value::from(ANSIBLE_VERSION)),
    ])
}
