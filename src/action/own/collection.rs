//! Installed collections, and what their `meta/runtime.yml` says of the names of modules.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::library::split;
use crate::vault::Keyring;
use crate::yaml::{self, Node};

/// Where collections are installed.
#[derive(Default)]
pub(super) struct Collections {
    /// Directories that hold `ansible_collections`.
    configured: Vec<PathBuf>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Those beside playbooks.
    beside: Vec<PathBuf>,
    runtimes: HashMap<String, Option<Arc<Node>>>,
}

/// Where a name leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Routed {
    /// To a module of that very name.
    Here {
        /// That it will go, and what to use.
        deprecation: Option<String>,
    },
    /// To another name.
    Elsewhere(String),
    /// Nowhere any more; the text says so.
    Gone(String),
}

impl Collections {
    pub(super) fn new(configured: Vec<PathBuf>) -> Self {
        Self { configured, state: Mutex::default() }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Look in this directory as well, before those of the settings.
    pub(super) fn add(&self, directory: &Path) {
        let mut state = self.state();
        if directory.is_dir() && !state.beside.iter().any(|known| known == directory) {
            state.beside.push(directory.to_owned());
            state.runtimes.clear();
        }
    }

    /// The directories of a collection that there are, in order.
    pub(super) fn roots(&self, collection: &str) -> Vec<PathBuf> {
        let Some((namespace, name)) = collection.split_once('.') else { return Vec::new() };
        let bases: Vec<PathBuf> = self.state().beside.iter().chain(&self.configured).cloned().collect();
        bases
            .iter()
            .map(|base| match base.file_name() {
                Some(last) if last == "ansible_collections" => base.clone(),
                _ => base.join("ansible_collections"),
            })
            .map(|base| base.join(namespace).join(name))
            .filter(|path| path.is_dir())
            .collect()
    }

    /// `meta/runtime.yml` of a collection.
    fn runtime(&self, collection: &str) -> Option<Arc<Node>> {
        if let Some(known) = self.state().runtimes.get(collection) {
            return known.clone();
        }
        let read = || {
            let file = self.roots(collection).first()?.join("meta/runtime.yml");
            // What cannot be read says nothing: the collection's modules are there all the same.
            yaml::load(&file, &Keyring::default()).ok().map(|loaded| Arc::new(loaded.root))
        };
        let runtime = read();
        self.state().runtimes.insert(collection.to_owned(), runtime.clone());
        runtime
    }

    /// Where the full name of a module leads.
    pub(super) fn route(&self, name: &str) -> Routed {
        let here = Routed::Here { deprecation: None };
        let Some((collection, rest)) = split(name) else { return here };
        let Some(runtime) = self.runtime(collection) else { return here };
        let routing = |kind: &str| runtime.get("plugin_routing")?.get(kind)?.get(rest);
        let Some(entry) = routing("modules").or_else(|| routing("action")) else { return here };
        let text = |node: &Node, key: &str| node.get(key).and_then(Node::as_str).map(str::to_owned);
        let notice = |node: &Node| {
            let when = text(node, "removal_version")
                .map(|version| format!("version {version}"))
                .or_else(|| text(node, "removal_date").map(|date| format!("a release after {date}")))
                .unwrap_or_else(|| "a future release".to_owned());
            let advice = text(node, "warning_text")
                .map(|text| format!(" {}.", text.trim().trim_end_matches('.')))
                .unwrap_or_default();
            (when, advice)
        };
        if let Some(tombstone) = entry.get("tombstone") {
            let (when, advice) = notice(tombstone);
            return Routed::Gone(format!(
                "The {name} module has been removed.{advice} This feature was removed from collection '{collection}' {when}."
            ));
        }
        if let Some(target) = text(entry, "redirect") {
            return Routed::Elsewhere(target);
        }
        let deprecation = entry.get("deprecation").map(|node| {
            let (when, advice) = notice(node);
            format!("{name} has been deprecated.{advice} This feature will be removed from collection '{collection}' {when}.")
        });
        Routed::Here { deprecation }
    }

    /// The full names of a group of modules.
    pub(super) fn group(&self, name: &str) -> Option<Vec<String>> {
        self.group_below(name, 0)
    }

    fn group_below(&self, name: &str, depth: u8) -> Option<Vec<String>> {
        let (collection, group) = split(name)?;
        let runtime = self.runtime(collection)?;
        let mut names = Vec::new();
        for entry in runtime.get("action_groups")?.get(group)?.as_list()? {
            let qualified = |name: &str| match name.contains('.') {
                true => name.to_owned(),
                false => format!("{collection}.{name}"),
            };
            if let Some(name) = entry.as_str() {
                names.push(qualified(name));
            } else if depth < 8
                && let Some(more) = entry.get("metadata").and_then(|metadata| metadata.get("extend_group"))
            {
                let more = more.as_list().map_or_else(|| vec![more], |list| list.iter().collect());
                for other in more.into_iter().filter_map(Node::as_str) {
                    names.extend(self.group_below(&qualified(other), depth + 1).unwrap_or_default());
                }
            }
        }
        Some(names)
    }
}
