//! `--list`: hosts and groups in the form that each format has for them.

use std::collections::HashSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use super::variables::{Shown, Variables};
use crate::inventory::Group;
use crate::source::Diagnostic;
use crate::yaml::{Branch, Tree};

type Hosts = HashSet<Arc<str>>;

fn is_empty(tree: &Tree) -> bool {
    match &tree.data {
        Branch::Map(entries) => entries.is_empty(),
        Branch::List(items) => items.is_empty(),
        _ => false,
    }
}

/// Parts of a group that are not empty.
fn filled(parts: impl IntoIterator<Item = (&'static str, Tree)>) -> Tree {
    Tree::map(parts.into_iter().filter(|(_, part)| !is_empty(part)).map(|(name, part)| (name.to_owned(), part)))
}

/// The hosts of a group that are to be shown; `all` does not name any itself.
fn hosts_of<'a>(group: &'a Group, shown: &'a Hosts) -> impl Iterator<Item = &'a Arc<str>> {
    group.hosts.iter().filter(|host| &*group.name != "all" && shown.contains(*host))
}

fn exported(variables: &Variables<'_>, group: &Group) -> Result<Option<(&'static str, Tree)>, Diagnostic> {
    match variables.shown {
        Shown::Written => Ok(Some(("vars", variables.of_group(group)?))),
        Shown::Effective => Ok(None),
    }
}

/// What an inventory script prints.
pub(super) fn script(variables: &Variables<'_>, hosts: &Hosts) -> Result<Tree, Diagnostic> {
    let mut hostvars = Vec::new();
    for host in variables.inventory.hosts().filter(|host| hosts.contains(&host.name)) {
        let own = variables.of_host(&host.name)?;
        if !is_empty(&own) {
            hostvars.push((host.name.to_string(), own));
        }
    }
    let profile = Tree::from_json(Value::from("inventory_legacy"));
    let meta = Tree::map([("hostvars".to_owned(), Tree::map(hostvars)), ("profile".to_owned(), profile)]);
    let mut root = vec![("_meta".to_owned(), meta)];
    for group in variables.inventory.groups() {
        let children = Tree::texts(group.children.iter().map(|child| &**child));
        let named = Tree::texts(hosts_of(group, hosts).map(|host| &**host));
        let parts = [("hosts", named), ("children", children)].into_iter().chain(exported(variables, group)?);
        let content = filled(parts);
        if !is_empty(&content) {
            root.push((group.name.to_string(), content));
        }
    }
    Ok(Tree::map(root))
}

/// Groups inside each other, as a YAML inventory has them. What was shown once stands empty in other places.
pub(super) fn nested(variables: &Variables<'_>, hosts: &Hosts) -> Result<Tree, Diagnostic> {
    let mut seen = Seen { hosts: HashSet::new(), groups: HashSet::new() };
    let Some(all) = variables.inventory.group("all") else { return Ok(Tree::map([])) };
    let content = nested_group(variables, hosts, all, &mut seen)?;
    Ok(match is_empty(&content) {
        true => Tree::map([]),
        false => Tree::map([("all".to_owned(), content)]),
    })
}

struct Seen {
    hosts: HashSet<Arc<str>>,
    groups: HashSet<Arc<str>>,
}

fn nested_group(variables: &Variables<'_>, hosts: &Hosts, group: &Group, seen: &mut Seen) -> Result<Tree, Diagnostic> {
    let mut children = Vec::new();
    for child in group.children.iter().filter_map(|child| variables.inventory.group(child)) {
        if !seen.groups.insert(Arc::clone(&child.name)) {
            children.push((child.name.to_string(), Tree::map([])));
            continue;
        }
        let content = nested_group(variables, hosts, child, seen)?;
        if !is_empty(&content) {
            children.push((child.name.to_string(), content));
        }
    }
    let mut named = Vec::new();
    for host in hosts_of(group, hosts) {
        let own = match seen.hosts.insert(Arc::clone(host)) {
            true => variables.of_host(host)?,
            false => Tree::map([]),
        };
        named.push((host.to_string(), own));
    }
    let parts = [("children", Tree::map(children)), ("hosts", Tree::map(named))];
    Ok(filled(parts.into_iter().chain(exported(variables, group)?)))
}

/// One table for each group, as a TOML inventory has them.
pub(super) fn tables(variables: &Variables<'_>, hosts: &Hosts) -> Result<Tree, Diagnostic> {
    let mut tables = IndexMap::new();
    let mut seen = HashSet::new();
    if let Some(all) = variables.inventory.group("all") {
        table(variables, hosts, all, &mut seen, &mut tables)?;
    }
    Ok(Tree::map(tables.into_iter().filter(|(_, content)| !is_empty(content))))
}

fn table(
    variables: &Variables<'_>,
    hosts: &Hosts,
    group: &Group,
    seen: &mut HashSet<Arc<str>>,
    tables: &mut IndexMap<String, Tree>,
) -> Result<(), Diagnostic> {
    let inventory = variables.inventory;
    tables.entry(group.name.to_string()).or_insert_with(|| Tree::map([]));
    let mut children: Vec<&str> = Vec::new();
    for child in group.children.iter().filter_map(|child| inventory.group(child)) {
        if &*child.name == "ungrouped" && child.hosts.is_empty() {
            continue;
        }
        if &*group.name != "all" {
            children.push(&child.name);
        }
        // A group in several others is shown again, and only its last time counts.
        table(variables, hosts, child, seen, tables)?;
    }
    let mut named = Vec::new();
    for host in hosts_of(group, hosts) {
        let own = match seen.insert(Arc::clone(host)) {
            true => variables.of_host(host)?,
            false => Tree::map([]),
        };
        named.push((host.to_string(), own));
    }
    let parts = [("children", Tree::texts(children)), ("hosts", Tree::map(named))];
    let content = filled(parts.into_iter().chain(exported(variables, group)?));
    tables.insert(group.name.to_string(), content);
    Ok(())
}
