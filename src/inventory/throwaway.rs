//! `plugin: throwaway`: hosts for a first try, which rprov serves itself. Here is only what the file says of them.

use std::path::PathBuf;
use std::sync::Arc;

use super::model::Inventory;
use super::yaml::{hosts, text_of};
use crate::source::{Diagnostic, Span};
use crate::yaml::{Data, Node};

/// Hosts that are to be started before the run.
#[derive(Clone, Debug)]
pub struct ThrowawayPlan {
    /// Their names; they are in the inventory already, without an address.
    pub hosts: Vec<Arc<str>>,
    /// Where their files are kept; absolute. `None` for a temporary directory.
    pub directory: Option<PathBuf>,
    /// The place of `plugin:`.
    pub span: Span,
}

const KEYS: [&str; 4] = ["plugin", "hosts", "groups", "directory"];

/// Read such a document into the inventory.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn load(inventory: &mut Inventory, root: &Node) -> Result<(), Diagnostic> {
    for (key, _) in root.as_map().unwrap_or_default() {
        let name = text_of(key).unwrap_or_default();
        if !KEYS.contains(&name.as_str()) {
            return Err(Diagnostic::error(format!("unknown key `{name}` of the `throwaway` inventory"))
                .at(key.span)
                .did_you_mean(&name, KEYS)
                .hint("it has `hosts`, `groups` and `directory`"));
        }
    }
    let Some(wanted) = root.get("hosts") else {
        return Err(Diagnostic::error("a `throwaway` inventory needs `hosts`")
            .at(root.span)
            .hint("add for example `hosts: [web1, web2]`"));
    };
    let known: Vec<Arc<str>> = inventory.hosts().map(|host| Arc::clone(&host.name)).collect();
    names(inventory, "ungrouped", wanted)?;
    let hosts: Vec<Arc<str>> =
        inventory.hosts().map(|host| Arc::clone(&host.name)).filter(|name| !known.contains(name)).collect();
    if let Some(groups) = root.get("groups") {
        let Some(entries) = groups.as_map() else {
            return Err(Diagnostic::error(format!("`groups` takes a dictionary, this is {}", groups.describe()))
                .at(groups.span)
                .hint("write `groups: {web: [web1, web2]}`"));
        };
        for (name, members) in entries {
            let group = text_of(name).unwrap_or_default();
            inventory.add_group(&group);
            for member in members.as_list().unwrap_or_default() {
                let host = text_of(member).unwrap_or_default();
                if inventory.host(&host).is_none() {
                    return Err(Diagnostic::error(format!("group `{group}` names the unknown host `{host}`"))
                        .at(member.span)
                        .did_you_mean(&host, hosts.iter().map(|host| &**host))
                        .hint("name it under `hosts` first"));
                }
                inventory.add_host_to_group(&host, &group);
            }
        }
    }
    let directory = match root.get("directory").map(|node| (node.as_str(), node)) {
        None => None,
        Some((Some(text), node)) => {
            let base = node.span.file().path.parent().map(std::path::Path::to_owned).unwrap_or_default();
            Some(std::path::absolute(base.join(text)).unwrap_or_else(|_| base.join(text)))
        }
        Some((None, node)) => {
            return Err(
                Diagnostic::error(format!("`directory` takes a path, this is {}", node.describe())).at(node.span)
            );
        }
    };
    let span = root.entry("plugin").map_or(root.span, |(key, _)| key.span);
    inventory.throwaway.push(ThrowawayPlan { hosts, directory, span });
    Ok(())
}

/// A list of names, or a dictionary of names with variables.
fn names(inventory: &mut Inventory, group: &str, wanted: &Node) -> Result<(), Diagnostic> {
    match &wanted.data {
        Data::List(items) => {
            for item in items {
                hosts(inventory, group, item, &Node { data: Data::Null, span: item.span })?;
            }
        }
        Data::Map(entries) => {
            for (name, vars) in entries {
                hosts(inventory, group, name, vars)?;
            }
        }
        _ => {
            return Err(Diagnostic::error(format!("`hosts` takes a list of names, this is {}", wanted.describe()))
                .at(wanted.span)
                .hint("write `hosts: [web1, web2]`"));
        }
    }
    Ok(())
}
