//! What is shown of the variables of hosts and groups: as they were written, templates and all.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::Value;

use crate::cli::tell::tell;
use crate::config::{Config, Setting};
use crate::facts::FactCache;
use crate::inventory::{Group, Inventory, Origin, VarFiles, origins};
use crate::source::{Diagnostic, Span};
use crate::template::{Form, Written, to_json};
use crate::vars::VarMap;
use crate::yaml::{Branch, Data, Node, Tree};

/// Which variables of a host are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shown {
    /// All that count for it.
    Effective,
    /// Those that are set for it itself (`--export`).
    Written,
}

/// Reads variables for showing.
pub(super) struct Variables<'a> {
    pub(super) inventory: &'a Inventory,
    pub(super) shown: Shown,
    precedence: &'a [String],
    bases: Vec<PathBuf>,
    playbook: &'a Path,
    files: HashMap<PathBuf, VarFiles>,
    extra: &'a VarMap,
    cache: &'a FactCache,
    inject: bool,
    merge: bool,
    /// Lists, dictionaries and vault values by where they were written: the same place is the same value.
    known: RefCell<HashMap<Span, usize>>,
}

type Shelf = IndexMap<String, Tree>;

impl<'a> Variables<'a> {
    pub(super) fn new(
        inventory: &'a Inventory,
        config: &'a Config,
        playbook: &'a Path,
        extra: &'a VarMap,
        cache: &'a FactCache,
        shown: Shown,
    ) -> Self {
        let bases = inventory.bases();
        let files = bases
            .iter()
            .map(PathBuf::as_path)
            .chain([playbook])
            .map(|base| (base.to_owned(), VarFiles::new(base, config)))
            .collect();
        Self {
            inventory,
            shown,
            precedence: config.list(Setting::VariablePrecedence),
            bases,
            playbook,
            files,
            extra,
            cache,
            inject: config.bool(Setting::InjectFactsAsVars),
            merge: config.string(Setting::HashBehaviour) == Some("merge"),
            known: RefCell::default(),
        }
    }

    /// Tell what was noticed in variable files.
    pub(super) fn tell_warnings(&self, color: bool) {
        for files in self.files.values() {
            tell(&files.take_warnings(), color);
        }
    }

    /// A host's variables.
    ///
    /// # Errors
    /// A variable file has a mistake in it.
    pub(super) fn of_host(&self, host: &str) -> Result<Tree, Diagnostic> {
        let mut shelf = Shelf::new();
        for origin in origins(self.inventory, host, self.precedence, &self.bases, Some(self.playbook)) {
            let own = matches!(origin, Origin::Host(_) | Origin::HostFiles(..));
            if own || self.shown == Shown::Effective {
                self.add(&mut shelf, origin)?;
            }
        }
        if self.shown == Shown::Effective {
            for (name, value) in self.cache.get(host)?.unwrap_or_default() {
                if (self.inject && !name.starts_with("_ansible_")) || &*name == "ansible_local" {
                    let value = untrusted(Tree::from_json(to_json(&value).map_err(Diagnostic::from)?));
                    self.put(&mut shelf, name.to_string(), value);
                }
            }
            for (name, value) in self.extra {
                let value = self.written(value)?;
                self.put(&mut shelf, name.to_string(), value);
            }
        }
        Ok(Tree::map(shelf))
    }

    /// The variables that are set for a group itself.
    ///
    /// # Errors
    /// A variable file has a mistake in it.
    pub(super) fn of_group(&self, group: &Group) -> Result<Tree, Diagnostic> {
        let mut shelf = Shelf::new();
        self.add(&mut shelf, Origin::Group(group))?;
        for base in self.bases.iter().map(PathBuf::as_path).chain([self.playbook]) {
            self.add(&mut shelf, Origin::GroupFiles(base, &group.name))?;
        }
        if group.priority != 1 {
            self.put(&mut shelf, "ansible_group_priority".to_owned(), Tree::from_json(group.priority.into()));
        }
        Ok(Tree::map(shelf))
    }

    fn add(&self, shelf: &mut Shelf, origin: Origin<'_>) -> Result<(), Diagnostic> {
        let file_nodes = match origin {
            Origin::Group(group) => {
                for (name, value) in &group.vars {
                    self.put(shelf, name.to_string(), self.tree(value, None, true));
                }
                return Ok(());
            }
            Origin::Host(host) => {
                for (name, value) in &host.vars {
                    // Each host has a copy of its own.
                    self.put(shelf, name.to_string(), self.tree(value, None, false));
                }
                return Ok(());
            }
            Origin::GroupFiles(base, group) => self.files.get(base).map(|files| files.group(group)),
            Origin::HostFiles(base, host) => self.files.get(base).map(|files| files.host(host)),
        };
        let Some(nodes) = file_nodes else { return Ok(()) };
        for node in nodes?.iter() {
            for (key, value) in node.as_map().unwrap_or_default() {
                let name = match scalar(key) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                self.put(shelf, name, self.tree(value, None, true));
            }
        }
        Ok(())
    }

    fn put(&self, shelf: &mut Shelf, name: String, value: Tree) {
        match shelf.get_mut(&name) {
            Some(old) if self.merge => {
                let earlier = std::mem::replace(old, Tree::map([]));
                *old = merged(earlier, value);
            }
            Some(old) => *old = value,
            None => {
                shelf.insert(name, value);
            }
        }
    }

    fn tree(&self, node: &Node, parent: Option<Span>, shared: bool) -> Tree {
        // Parts of an INI value have its place; they are not the same value for that.
        let identity = |span: Span| (shared && parent != Some(span)).then(|| self.identity(span));
        match &node.data {
            Data::List(items) => Tree {
                data: Branch::List(items.iter().map(|item| self.tree(item, Some(node.span), shared)).collect()),
                identity: identity(node.span),
            },
            Data::Map(entries) => {
                let entries = entries
                    .iter()
                    .map(|(key, value)| (scalar(key), self.tree(value, Some(node.span), shared)))
                    .collect();
                Tree { data: Branch::Map(entries), identity: identity(node.span) }
            }
            Data::Vault(text) => Tree { data: Branch::Vault(Arc::clone(text)), identity: identity(node.span) },
            Data::Unsafe(text) => Tree { data: Branch::Unsafe(Arc::clone(text)), identity: None },
            _ => Tree { data: Branch::Scalar(scalar(node)), identity: None },
        }
    }

    fn identity(&self, span: Span) -> usize {
        let mut known = self.known.borrow_mut();
        let next = known.len();
        *known.entry(span).or_insert(next)
    }

    /// A value of `-e`.
    fn written(&self, value: &Written) -> Result<Tree, Diagnostic> {
        let identity = value.span().map(|span| self.identity(span));
        let data = match value.form() {
            Form::Plain(plain) => {
                let tree = Tree::from_json(to_json(plain).map_err(Diagnostic::from)?);
                return Ok(match tree.data {
                    Branch::List(_) | Branch::Map(_) => Tree { identity, ..tree },
                    _ => tree,
                });
            }
            Form::Unsafe(text) => Branch::Unsafe(Arc::clone(text)),
            Form::Template(template) => return Ok(Tree::from_json(template.text().into())),
            Form::Unless(both) => return self.written(&both.0),
            Form::Vault(ciphertext) => Branch::Vault(Arc::clone(ciphertext)),
            Form::List(items) => Branch::List(items.iter().map(|item| self.written(item)).collect::<Result<_, _>>()?),
            Form::Map(entries) => Branch::Map(
                entries
                    .iter()
                    .map(|(key, item)| Ok((to_json(key).map_err(Diagnostic::from)?, self.written(item)?)))
                    .collect::<Result<_, Diagnostic>>()?,
            ),
        };
        Ok(Tree { data, identity })
    }
}

/// What is no list or dictionary, as JSON.
fn scalar(node: &Node) -> Value {
    match &node.data {
        Data::Bool(flag) => Value::from(*flag),
        Data::Int(number) => Value::from(*number),
        Data::BigInt(digits) => {
            digits.parse::<u64>().map_or_else(|_| digits.parse::<f64>().map_or(Value::Null, Value::from), Value::from)
        }
        Data::Float(number) => Value::from(*number),
        Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) | Data::Vault(text) => Value::from(&**text),
        Data::Null | Data::List(_) | Data::Map(_) => Value::Null,
    }
}

fn untrusted(tree: Tree) -> Tree {
    let data = match tree.data {
        Branch::Scalar(Value::String(text)) => Branch::Unsafe(Arc::from(text)),
        Branch::List(items) => Branch::List(items.into_iter().map(untrusted).collect()),
        Branch::Map(entries) => Branch::Map(entries.into_iter().map(|(key, item)| (key, untrusted(item))).collect()),
        other => other,
    };
    Tree { data, identity: tree.identity }
}

/// `hash_behaviour = merge`: dictionaries are merged recursively, everything else is replaced.
fn merged(earlier: Tree, later: Tree) -> Tree {
    match (earlier.data, later.data) {
        (Branch::Map(mut entries), Branch::Map(more)) => {
            for (key, value) in more {
                match entries.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, known)) => {
                        let old = std::mem::replace(known, Tree::map([]));
                        *known = merged(old, value);
                    }
                    None => entries.push((key, value)),
                }
            }
            Tree { data: Branch::Map(entries), identity: None }
        }
        (_, data) => Tree { data, identity: later.identity },
    }
}
