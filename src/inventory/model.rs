//! The inventory: hosts and groups by name, and what changes them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::group::Group;
use super::host::Host;
use super::throwaway::ThrowawayPlan;
use crate::source::{Diagnostic, Diagnostics, SourceId, Span, register};
use crate::yaml::{Data, Node};

/// Names of this machine: one of them is found even if no source names it.
const LOCALHOST: [&str; 3] = ["127.0.0.1", "localhost", "::1"];

/// All hosts and groups, in the order in which they were named.
#[derive(Clone, Debug)]
pub struct Inventory {
    hosts: IndexMap<Arc<str>, Host>,
    groups: IndexMap<Arc<str>, Group>,
    /// The source that is being read.
    pub(super) current: Option<PathBuf>,
    sources: Vec<PathBuf>,
    localhost: Option<Arc<str>>,
    implicit: Option<Host>,
    /// Whether [`Group::depth`] is right.
    depths_known: bool,
    /// Whether dictionaries of one name are merged (`hash_behaviour = merge`).
    pub(super) merge: bool,
    /// Whether unusual characters in group names become underscores (`force_valid_group_names`).
    pub(super) clean_group_names: bool,
    /// The names that were made usual.
    cleaned: std::collections::BTreeSet<String>,
    /// Whether no source could be read, so that there is the implicit `localhost` only.
    pub nothing_read: bool,
    /// Hosts that are yet to be started.
    pub throwaway: Vec<ThrowawayPlan>,
    pub(super) warnings: Diagnostics,
}

impl Default for Inventory {
    fn default() -> Self {
        Self::new()
    }
}

impl Inventory {
    /// An inventory with the groups `all` and `ungrouped` and no hosts.
    pub fn new() -> Self {
        let mut inventory = Self {
            hosts: IndexMap::new(),
            groups: IndexMap::new(),
            current: None,
            sources: Vec::new(),
            localhost: None,
            implicit: None,
            depths_known: true,
            merge: false,
            clean_group_names: false,
            cleaned: std::collections::BTreeSet::new(),
            nothing_read: false,
            throwaway: Vec::new(),
            warnings: Vec::new(),
        };
        inventory.add_group("all");
        inventory.add_group("ungrouped");
        inventory.link("all", "ungrouped");
        inventory
    }

    /// Hosts in the order in which they were named, without the implicit one.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    /// Groups in the order in which they were named; `all` and `ungrouped` are the first two.
    pub fn groups(&self) -> impl Iterator<Item = &Group> {
        self.groups.values()
    }

    /// The group of this name.
    pub fn group(&self, name: &str) -> Option<&Group> {
        self.groups.get(name)
    }

    /// The host of this name, the implicit `localhost` only if it was called for before.
    pub fn host(&self, name: &str) -> Option<&Host> {
        self.hosts.get(name).or_else(|| self.implicit.as_ref().filter(|host| &*host.name == name))
    }

    /// Files and directories that were read.
    pub fn sources(&self) -> &[PathBuf] {
        &self.sources
    }

    pub(super) fn add_source(&mut self, path: PathBuf) {
        if !self.sources.contains(&path) {
            self.sources.push(path);
        }
    }

    /// The host that a name of this machine means: a named one, or the implicit one, which is made now.
    pub fn localhost(&mut self, name: &str) -> Option<&Host> {
        if !LOCALHOST.contains(&name) {
            return None;
        }
        if let Some(named) = self.localhost.clone() {
            return self.hosts.get(&named);
        }
        if self.implicit.is_none() {
            let source = implicit_source();
            let text = |value: &str| Node { data: Data::String(Arc::from(value)), span: Span::start_of(source) };
            let mut host = Host { implicit: true, ..Host::new(name) };
            host.vars.insert(Arc::from("ansible_connection"), text("local"));
            host.vars.insert(Arc::from("ansible_python_interpreter"), text("/usr/bin/python3"));
            self.implicit = Some(host);
        }
        self.implicit.as_ref()
    }

    /// Whether this name is one of this machine's.
    pub fn is_localhost(name: &str) -> bool {
        LOCALHOST.contains(&name)
    }

    /// A group's name as `force_valid_group_names` wants it.
    pub(super) fn group_name<'a>(&mut self, name: &'a str) -> Cow<'a, str> {
        if !self.clean_group_names {
            return Cow::Borrowed(name);
        }
        let clean = usual(name);
        if clean != name {
            self.cleaned.insert(name.to_owned());
        }
        clean
    }

    /// Add a host, if it is not there yet.
    pub fn add_host(&mut self, name: &str) {
        if self.hosts.contains_key(name) {
            return;
        }
        if LOCALHOST.contains(&name) {
            match &self.localhost {
                None => self.localhost = Some(Arc::from(name)),
                Some(first) => self.warnings.push(Diagnostic::warning(format!(
                    "a duplicate localhost-like entry was found (`{name}`); the first one, `{first}`, is `localhost`"
                ))),
            }
        }
        let host = Host { source: self.current.clone(), ..Host::new(name) };
        self.hosts.insert(Arc::clone(&host.name), host);
    }

    /// Add a group, if it is not there yet.
    pub fn add_group(&mut self, name: &str) {
        if !self.groups.contains_key(name) {
            let group = Group::new(name);
            self.groups.insert(Arc::clone(&group.name), group);
        }
    }

    /// Add a host, which is made if need be, to a group, which is made if need be.
    pub fn add_host_to_group(&mut self, host: &str, group: &str) {
        self.add_host(host);
        self.add_group(group);
        if let (Some(host), Some(group)) = (self.hosts.get_mut(host), self.groups.get_mut(group)) {
            // A host is in few groups, a group may have many hosts; each of the two lists tells what the other one has.
            if !host.groups.contains(&group.name) {
                host.groups.push(Arc::clone(&group.name));
                group.hosts.push(Arc::clone(&host.name));
            }
        }
    }

    /// Put a group, made if need be, into another one, made if need be.
    ///
    /// # Errors
    /// A diagnostic without a place, if the other one is in this group, or is this group.
    pub fn add_child(&mut self, parent: &str, child: &str) -> Result<(), Diagnostic> {
        self.add_group(parent);
        self.add_group(child);
        if parent == child {
            return Err(Diagnostic::error(format!("group `{child}` can't be its own child")));
        }
        if self.is_within(parent, child) {
            return Err(Diagnostic::error(format!(
                "group `{child}` can't be a child of `{parent}`, which is in `{child}`"
            ))
            .label("this closes a circle")
            .hint("remove one of the two from the other's children"));
        }
        self.link(parent, child);
        Ok(())
    }

    fn link(&mut self, parent: &str, child: &str) {
        let Some(child_name) = self.groups.get(child).map(|group| Arc::clone(&group.name)) else { return };
        let Some(group) = self.groups.get_mut(parent) else { return };
        let parent = Arc::clone(&group.name);
        // As with hosts, the shorter of the two lists is looked through.
        let known = self.groups.get(child).is_some_and(|group| group.parents.contains(&parent));
        if known {
            return;
        }
        if let Some(group) = self.groups.get_mut(&parent) {
            group.children.push(child_name);
        }
        if let Some(group) = self.groups.get_mut(child) {
            group.parents.push(parent);
        }
        self.depths_known = false;
    }

    /// Whether a group is in another one. Both ways are searched by turns, so that a chain of groups costs little
    /// whichever end of it is built first.
    fn is_within(&self, inner: &str, outer: &str) -> bool {
        let mut up = Search::from(inner);
        let mut down = Search::from(outer);
        loop {
            match up.step(&self.groups, |group| &group.parents) {
                Some(name) if &*name == outer => return true,
                Some(_) => {}
                None => return false,
            }
            match down.step(&self.groups, |group| &group.children) {
                Some(name) if &*name == inner => return true,
                Some(_) => {}
                None => return false,
            }
        }
    }

    /// Work out how deep each group is, if groups were put into each other since the last time.
    pub(super) fn settle_depths(&mut self) {
        if self.depths_known {
            return;
        }
        let mut waiting: HashMap<Arc<str>, usize> =
            self.groups.values().map(|group| (Arc::clone(&group.name), group.parents.len())).collect();
        let mut open: Vec<Arc<str>> = self
            .groups
            .values()
            .filter(|group| group.parents.is_empty())
            .map(|group| Arc::clone(&group.name))
            .collect();
        for name in &open {
            if let Some(group) = self.groups.get_mut(name) {
                group.depth = 0;
            }
        }
        let mut depths: HashMap<Arc<str>, usize> = HashMap::new();
        while let Some(name) = open.pop() {
            let Some(group) = self.groups.get_mut(&name) else { continue };
            group.depth = depths.get(&name).copied().unwrap_or(0);
            let below = group.depth + 1;
            for child in &group.children {
                let depth = depths.entry(Arc::clone(child)).or_insert(0);
                *depth = below.max(*depth);
                if let Some(left) = waiting.get_mut(child) {
                    *left -= 1;
                    if *left == 0 {
                        open.push(Arc::clone(child));
                    }
                }
            }
        }
        self.depths_known = true;
    }

    /// Set a host's variable; the host must be there.
    pub fn set_host_var(&mut self, host: &str, name: &str, value: Node) {
        let merge = self.merge;
        let implicit = self.implicit.as_mut().filter(|implicit| &*implicit.name == host);
        if let Some(host) = self.hosts.get_mut(host).or(implicit) {
            set(&mut host.vars, name, value, merge);
        }
    }

    /// Set a group's variable; the group must be there. `ansible_group_priority` is not a variable but its priority.
    pub fn set_group_var(&mut self, group: &str, name: &str, value: Node) {
        let merge = self.merge;
        let Some(group) = self.groups.get_mut(group) else { return };
        if name == "ansible_group_priority" {
            let priority = match &value.data {
                Data::Int(number) => Some(*number),
                Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) => text.trim().parse().ok(),
                Data::Bool(flag) => Some(i64::from(*flag)),
                Data::Float(number) => Some(*number as i64),
                _ => None,
            };
            match priority {
                Some(priority) => group.priority = priority,
                None => self.warnings.push(
                    Diagnostic::warning("`ansible_group_priority` takes an integer; this one is ignored")
                        .at(value.span),
                ),
            }
            return;
        }
        set(&mut group.vars, name, value, merge);
    }

    /// Bring `all` and `ungrouped` up to date: to be called when hosts or groups were added.
    pub fn reconcile(&mut self) {
        let orphans: Vec<Arc<str>> = self
            .groups
            .values()
            .filter(|group| &*group.name != "all" && group.parents.is_empty())
            .map(|group| Arc::clone(&group.name))
            .collect();
        for orphan in orphans {
            self.link("all", &orphan);
        }
        let mut moved: HashSet<Arc<str>> = HashSet::new();
        let mut lone: Vec<Arc<str>> = Vec::new();
        for host in self.hosts.values_mut() {
            if !host.groups.iter().any(|group| !matches!(&**group, "all" | "ungrouped")) {
                lone.push(Arc::clone(&host.name));
            } else if host.groups.iter().any(|group| &**group == "ungrouped") {
                host.groups.retain(|group| &**group != "ungrouped");
                moved.insert(Arc::clone(&host.name));
            }
        }
        for host in lone {
            self.add_host_to_group(&host, "ungrouped");
        }
        if let Some(ungrouped) = self.groups.get_mut("ungrouped")
            && !moved.is_empty()
        {
            ungrouped.hosts.retain(|host| !moved.contains(host));
        }
        self.settle_depths();
    }

    /// Warn of names that are both a host's and a group's.
    pub(super) fn check_names(&mut self) {
        for name in self.groups.keys().filter(|name| self.hosts.contains_key(*name)) {
            self.warnings.push(
                Diagnostic::warning(format!("found both group and host with same name: `{name}`"))
                    .hint("a pattern of this name means the host; rename one of them"),
            );
        }
    }

    /// Warn of group names that can't be used as variables, whether they are kept or cleaned.
    pub(super) fn check_group_names(&mut self) {
        let shown = |names: &mut dyn Iterator<Item = &str>| {
            names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        };
        let kept = shown(&mut self.groups.keys().map(|name| &**name).filter(|name| !is_usual(name)));
        let cleaned = shown(&mut self.cleaned.iter().map(String::as_str));
        for (names, done) in [(kept, "but not replaced"), (cleaned, "and automatically replaced")] {
            if !names.is_empty() {
                self.warnings.push(
                    Diagnostic::warning(format!("Invalid characters were found in group names {done}: {names}"))
                        .hint("letters, digits and underscores make a name that also works as `groups.name`"),
                );
            }
        }
    }

    /// A group and all groups in it, nearest first.
    pub(super) fn descendants(&self, group: &str) -> Vec<&Group> {
        let mut found: Vec<&Group> = self.groups.get(group).into_iter().collect();
        let mut seen: HashSet<&str> = found.iter().map(|group| &*group.name).collect();
        let mut next = 0;
        while let Some(group) = found.get(next).copied() {
            for child in &group.children {
                if let Some(child) = self.groups.get(child)
                    && seen.insert(&child.name)
                {
                    found.push(child);
                }
            }
            next += 1;
        }
        found
    }

    /// The names of a group's hosts, also those of the groups in it, in Ansible's order and each once.
    pub fn hosts_of(&self, group: &str) -> Vec<&Arc<str>> {
        let mut seen = HashSet::new();
        self.descendants(group).into_iter().flat_map(|group| &group.hosts).filter(|host| seen.insert(*host)).collect()
    }

    /// The groups that a host is in, directly or not, from the weakest variables to the strongest: by depth, priority
    /// and name. `all` is the first one. An implicit host is in `all` for this purpose only.
    pub fn groups_of(&self, host: &str) -> Vec<&Group> {
        let mut groups = self.named_groups_of(host);
        if let Some(all) = self.groups.get("all")
            && !groups.iter().any(|group| &*group.name == "all")
        {
            groups.push(all);
        }
        weakest_first(&mut groups);
        groups
    }

    /// The same before [`Inventory::reconcile`]: those alone that the sources name so far.
    pub(super) fn named_groups_of(&self, host: &str) -> Vec<&Group> {
        let mut found: HashMap<&str, &Group> = HashMap::new();
        let mut open: Vec<&Arc<str>> = self.host(host).map(|host| host.groups.iter().collect()).unwrap_or_default();
        while let Some(name) = open.pop() {
            if let Some(group) = self.groups.get(name)
                && found.insert(&group.name, group).is_none()
            {
                open.extend(&group.parents);
            }
        }
        let mut groups: Vec<&Group> = found.into_values().collect();
        weakest_first(&mut groups);
        groups
    }
}

fn weakest_first(groups: &mut [&Group]) {
    groups.sort_by(|left, right| {
        (left.depth, left.priority, &left.name).cmp(&(right.depth, right.priority, &right.name))
    });
}

/// Groups that are yet to be visited, and those that were.
struct Search {
    open: Vec<Arc<str>>,
    seen: HashSet<Arc<str>>,
}

impl Search {
    fn from(group: &str) -> Self {
        let start: Arc<str> = Arc::from(group);
        Self { open: vec![Arc::clone(&start)], seen: HashSet::from([start]) }
    }

    /// Visit one more group and find those next to it; its name, or `None` at the end.
    fn step(
        &mut self,
        groups: &IndexMap<Arc<str>, Group>,
        next: impl Fn(&Group) -> &Vec<Arc<str>>,
    ) -> Option<Arc<str>> {
        let name = self.open.pop()?;
        for neighbour in groups.get(&name).into_iter().flat_map(next) {
            if self.seen.insert(Arc::clone(neighbour)) {
                self.open.push(Arc::clone(neighbour));
            }
        }
        Some(name)
    }
}

/// A name with an underscore for each character that is not usual.
pub(super) fn usual(name: &str) -> Cow<'_, str> {
    if is_usual(name) {
        return Cow::Borrowed(name);
    }
    let clean = |(at, c): (usize, char)| if c.is_alphanumeric() && (at > 0 || !c.is_numeric()) { c } else { '_' };
    Cow::Owned(name.char_indices().map(clean).collect())
}

/// Letters, digits and underscores, no digit first.
fn is_usual(name: &str) -> bool {
    !name.starts_with(char::is_numeric) && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// Where the implicit host's variables stand.
fn implicit_source() -> SourceId {
    static SOURCE: std::sync::OnceLock<SourceId> = std::sync::OnceLock::new();
    *SOURCE.get_or_init(|| register("<implicit localhost>", ""))
}

fn set(vars: &mut IndexMap<Arc<str>, Node>, name: &str, value: Node, merge: bool) {
    match vars.get_mut(name) {
        Some(old) if merge => {
            let earlier = std::mem::replace(old, Node { data: Data::Null, span: value.span });
            *old = merged(earlier, value);
        }
        Some(old) => *old = value,
        None => {
            vars.insert(Arc::from(name), value);
        }
    }
}

/// `hash_behaviour = merge`: dictionaries are merged recursively, everything else is replaced.
fn merged(earlier: Node, later: Node) -> Node {
    match (earlier.data, later.data) {
        (Data::Map(mut entries), Data::Map(more)) => {
            for (key, value) in more {
                match entries.iter_mut().find(|(known, _)| known.data == key.data) {
                    Some((_, known)) => {
                        let old = std::mem::replace(known, Node { data: Data::Null, span: value.span });
                        *known = merged(old, value);
                    }
                    None => entries.push((key, value)),
                }
            }
            Node { data: Data::Map(entries), span: later.span }
        }
        (_, data) => Node { data, span: later.span },
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn names<'a>(groups: impl IntoIterator<Item = &'a Group>) -> Vec<&'a str> {
        groups.into_iter().map(|group| &*group.name).collect()
    }

    #[test]
    fn depth_is_the_longest_way() {
        let mut inventory = Inventory::new();
        inventory.add_child("a", "b").unwrap();
        inventory.add_child("b", "c").unwrap();
        inventory.add_child("a", "c").unwrap();
        inventory.add_host_to_group("h", "c");
        inventory.reconcile();
        assert_eq!(inventory.group("c").unwrap().depth, 3);
        assert_eq!(names(inventory.groups_of("h")), ["all", "a", "b", "c"]);
        assert!(inventory.add_child("c", "a").is_err());
        assert!(inventory.add_child("c", "c").is_err());
    }

    #[test]
    fn chains_of_groups_cost_little_whichever_end_is_built_first() {
        // Quadratic work would take minutes here.
        const COUNT: usize = 20_000;
        let name = |number: usize| format!("g{number}");
        for upwards in [true, false] {
            let mut inventory = Inventory::new();
            for step in 0..COUNT {
                let at = if upwards { COUNT - step } else { step };
                inventory.add_child(&name(at), &name(at + 1)).unwrap();
            }
            inventory.reconcile();
            let last = if upwards { COUNT + 1 } else { COUNT };
            let first = usize::from(upwards);
            assert_eq!(inventory.group(&name(last)).unwrap().depth, COUNT + 1);
            assert!(inventory.add_child(&name(last), &name(first)).is_err());
        }
    }

    #[test]
    fn priority_orders_groups_of_one_depth() {
        let mut inventory = Inventory::new();
        let source = register("t", "");
        for group in ["a", "b", "z"] {
            inventory.add_host_to_group("h", group);
        }
        inventory.set_group_var(
            "a",
            "ansible_group_priority",
            Node { data: Data::Int(10), span: Span::start_of(source) },
        );
        inventory.reconcile();
        assert_eq!(names(inventory.groups_of("h")), ["all", "b", "z", "a"]);
        assert!(inventory.group("a").unwrap().vars.is_empty());
    }

    #[test]
    fn a_host_leaves_ungrouped_when_it_gets_a_group() {
        let mut inventory = Inventory::new();
        inventory.add_host("h");
        inventory.reconcile();
        assert_eq!(inventory.group("ungrouped").unwrap().hosts.len(), 1);
        inventory.add_host_to_group("h", "g");
        inventory.reconcile();
        assert!(inventory.group("ungrouped").unwrap().hosts.is_empty());
        assert_eq!(inventory.hosts_of("all").len(), 1);
    }

    #[test]
    fn localhost_is_implicit_unless_it_is_named() {
        let mut inventory = Inventory::new();
        assert!(inventory.localhost("127.0.0.1").unwrap().implicit);
        assert!(inventory.hosts_of("all").is_empty());
        let mut inventory = Inventory::new();
        inventory.add_host("localhost");
        assert_eq!(&*inventory.localhost("127.0.0.1").unwrap().name, "localhost");
        assert!(inventory.localhost("elsewhere").is_none());
    }
}
