//! A host's inventory layers: variables of the sources, and `group_vars` and `host_vars` beside them and beside the
//! playbook. Each map is made once and shared by all hosts that see it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::VarMap;
use crate::config::{Config, Setting};
use crate::inventory::{self, Group, Host, Inventory, Origin, VarFiles};
use crate::playbook::reserved;
use crate::source::{Diagnostic, Diagnostics};
use crate::template::{Variable, Written};
use crate::yaml::Node;

/// Makes and keeps the layers.
#[derive(Debug)]
pub struct InventoryLayers {
    config: Arc<Config>,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    files: HashMap<PathBuf, Arc<VarFiles>>,
    maps: HashMap<(Kind, PathBuf, Arc<str>), Option<Arc<VarMap>>>,
    added: HashMap<Arc<str>, Arc<VarMap>>,
    /// Warnings about names that are reserved.
    reserved: Diagnostics,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    GroupSource,
    HostSource,
    GroupFiles,
    HostFiles,
}

impl InventoryLayers {
    /// No layers yet.
    pub fn new(config: Arc<Config>) -> Self {
        Self { config, known: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forget what was read, before the inventory is read again. What `add_host` gave stays.
    pub fn forget(&self) {
        let mut known = self.known();
        known.files.clear();
        known.maps.clear();
    }

    /// Variables that `add_host` gives a host; they win over those of the sources.
    pub fn add(&self, host: &Arc<str>, variables: VarMap) {
        let merge = self.config.string(Setting::HashBehaviour) == Some("merge");
        let mut known = self.known();
        let mut all = known.added.get(host).map(|old| VarMap::clone(old)).unwrap_or_default();
        for (name, value) in variables {
            let value = match all.shift_remove(&name) {
                Some(old) if merge => super::merged([Variable::Written(value), Variable::Written(old)]),
                _ => Some(Variable::Written(value)),
            };
            if let Some(Variable::Written(value)) = value {
                all.insert(name, value);
            }
        }
        known.added.insert(Arc::clone(host), Arc::new(all));
    }

    /// A host's layers, lowest precedence first, as seen from a playbook directory.
    ///
    /// # Errors
    /// A file of `group_vars` or `host_vars` that cannot be read or is no dictionary.
    pub fn of(&self, inventory: &Inventory, name: &str, playbook: &Path) -> Result<Arc<[Arc<VarMap>]>, Diagnostic> {
        let mut known = self.known();
        let mut layers = Vec::new();
        let bases = inventory.bases();
        let precedence = self.config.list(Setting::VariablePrecedence);
        for origin in inventory::origins(inventory, name, precedence, &bases, Some(playbook)) {
            layers.extend(match origin {
                Origin::Group(group) => known.group_source(group),
                Origin::Host(host) => known.host_source(host),
                Origin::GroupFiles(base, group) => known.files(&self.config, Kind::GroupFiles, base, group)?,
                Origin::HostFiles(base, host) => known.files(&self.config, Kind::HostFiles, base, host)?,
            });
        }
        layers.extend(known.added.get(name).cloned());
        Ok(layers.into())
    }

    /// Warnings about files that were read, and variables that were found, since the last call.
    pub fn take_warnings(&self) -> Diagnostics {
        let mut known = self.known();
        let mut warnings = std::mem::take(&mut known.reserved);
        warnings.extend(known.files.values().flat_map(|files| files.take_warnings()));
        warnings
    }
}

fn map_of<'a>(entries: impl IntoIterator<Item = (&'a Arc<str>, &'a Node)>) -> Option<Arc<VarMap>> {
    let map: VarMap = entries.into_iter().map(|(name, node)| (Arc::clone(name), Written::from_node(node))).collect();
    (!map.is_empty()).then(|| Arc::new(map))
}

impl Known {
    fn group_source(&mut self, group: &Group) -> Option<Arc<VarMap>> {
        let key = (Kind::GroupSource, PathBuf::new(), Arc::clone(&group.name));
        if let Some(map) = self.maps.get(&key) {
            return map.clone();
        }
        self.keep(key, map_of(&group.vars))
    }

    fn host_source(&mut self, host: &Host) -> Option<Arc<VarMap>> {
        let key = (Kind::HostSource, PathBuf::new(), Arc::clone(&host.name));
        if let Some(map) = self.maps.get(&key) {
            return map.clone();
        }
        self.keep(key, map_of(&host.vars))
    }

    /// Keep a layer, and note the names in it that are reserved.
    fn keep(&mut self, key: (Kind, PathBuf, Arc<str>), map: Option<Arc<VarMap>>) -> Option<Arc<VarMap>> {
        self.reserved.extend(map.iter().flat_map(|map| reserved::warnings(map)));
        self.maps.insert(key, map.clone());
        map
    }

    fn files(
        &mut self,
        config: &Config,
        kind: Kind,
        base: &Path,
        name: &str,
    ) -> Result<Option<Arc<VarMap>>, Diagnostic> {
        let key = (kind, base.to_owned(), Arc::from(name));
        if let Some(map) = self.maps.get(&key) {
            return Ok(map.clone());
        }
        let files = self.files.entry(base.to_owned()).or_insert_with(|| Arc::new(VarFiles::new(base, config)));
        let nodes = match kind {
            Kind::GroupFiles | Kind::GroupSource => files.group(name)?,
            Kind::HostFiles | Kind::HostSource => files.host(name)?,
        };
        let merge = config.string(Setting::HashBehaviour) == Some("merge");
        let mut map = VarMap::new();
        for node in nodes.iter() {
            for (key, value) in node.as_map().unwrap_or_default() {
                if let Some(name) = key.as_str() {
                    let value = Variable::Written(Written::from_node(value));
                    let value = match map.shift_remove(name) {
                        Some(old) if merge => super::merged([value, Variable::Written(old)]),
                        _ => Some(value),
                    };
                    if let Some(Variable::Written(value)) = value {
                        map.insert(Arc::from(name), value);
                    }
                }
            }
        }
        Ok(self.keep(key, (!map.is_empty()).then(|| Arc::new(map))))
    }
}
