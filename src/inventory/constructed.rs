//! `plugin: constructed`: variables and groups made from the variables of the hosts that earlier sources named.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::value::{Value, ValueKind};

use super::model::{Inventory, usual};
use super::script::node;
use super::variables::VarFiles;
use super::yaml::text_of;
use crate::config::{Config, Setting};
use crate::facts::FactCache;
use crate::source::{Diagnostic, Severity, Span};
use crate::template::{
    Conditional, Expression, Scope, Surroundings, TemplateError, Variable, Variables, Written, to_json,
};
use crate::yaml::{Data, Node};

const KEYS: [&str; 8] = [
    "plugin",
    "strict",
    "compose",
    "groups",
    "keyed_groups",
    "use_vars_plugins",
    "use_extra_vars",
    "leading_separator",
];

const ENTRY_KEYS: [&str; 6] = ["key", "prefix", "separator", "parent_group", "default_value", "trailing_separator"];

type Layer = Arc<IndexMap<Arc<str>, Variable>>;

/// Read such a document, and change the inventory as it says.
///
/// # Errors
/// The first mistake, with its place: with `strict` also an expression that cannot be evaluated.
pub(super) fn load(
    inventory: &mut Inventory,
    root: &Node,
    config: &Config,
    extra: &IndexMap<Arc<str>, Written>,
    cache: &FactCache,
) -> Result<(), Diagnostic> {
    let plan = Plan::read(inventory, root)?;
    let files: Vec<VarFiles> = match plan.use_vars_plugins {
        true => inventory.bases().iter().map(|base| VarFiles::new(base, config)).collect(),
        false => Vec::new(),
    };
    let use_extra = plan.use_extra_vars.unwrap_or_else(|| config.bool(Setting::InventoryUseExtraVars));
    let extra: Layer = match use_extra {
        true => Arc::new(extra.iter().map(|(name, value)| (Arc::clone(name), value.clone().into())).collect()),
        false => Layer::default(),
    };
    let mut worker = Worker {
        surroundings: Arc::new(Surroundings { vault: Arc::clone(config.vault()), ..Surroundings::default() }),
        plan,
        files,
        extra,
        cache,
        groups: HashMap::new(),
    };
    let hosts: Vec<Arc<str>> = inventory.hosts().map(|host| Arc::clone(&host.name)).collect();
    for host in hosts {
        worker.host(inventory, &host)?;
    }
    for files in &worker.files {
        inventory.warnings.extend(files.take_warnings());
    }
    Ok(())
}

/// The document.
struct Plan {
    strict: bool,
    compose: Vec<(String, Expression, Span)>,
    groups: Vec<(String, Conditional)>,
    keyed: Vec<Keyed>,
    use_vars_plugins: bool,
    use_extra_vars: Option<bool>,
    leading_separator: bool,
}

/// An entry of `keyed_groups`.
struct Keyed {
    key: Expression,
    prefix: String,
    separator: String,
    parent: Option<Written>,
    default: Option<String>,
    trailing_separator: bool,
    span: Span,
}

impl Plan {
    fn read(inventory: &mut Inventory, root: &Node) -> Result<Self, Diagnostic> {
        inventory.check_keys(root, "the `constructed` inventory", &KEYS);
        let expression = |value: &Node| Expression::parse(plain_text(value), Some(value.span));
        let mut plan = Self {
            strict: flag(root, "strict")?.unwrap_or(false),
            compose: Vec::new(),
            groups: Vec::new(),
            keyed: Vec::new(),
            use_vars_plugins: flag(root, "use_vars_plugins")?.unwrap_or(false),
            use_extra_vars: flag(root, "use_extra_vars")?,
            leading_separator: flag(root, "leading_separator")?.unwrap_or(true),
        };
        for (name, value) in entries(root, "compose")? {
            let name = text_of(name).unwrap_or_default();
            if value.as_str().is_some() {
                plan.compose.push((name, expression(value), value.span));
                continue;
            }
            // Ansible passes over it without a word.
            let problem = Diagnostic::warning(format!(
                "`{name}` is not set: `compose` takes expressions, this is {}",
                value.describe()
            ))
            .at(value.span)
            .hint("quote it: an expression is text");
            if plan.strict {
                return Err(Diagnostic { severity: Severity::Error, ..problem });
            }
            inventory.warnings.push(problem);
        }
        for (name, value) in entries(root, "groups")? {
            plan.groups.push((text_of(name).unwrap_or_default(), Conditional::from_node(value)));
        }
        let keyed = root.get("keyed_groups").filter(|list| !list.is_null());
        let items = match keyed.map(|list| (list.as_list(), list)) {
            None => &[][..],
            Some((Some(items), _)) => items,
            Some((None, other)) => {
                return Err(Diagnostic::error(format!("`keyed_groups` takes a list, this is {}", other.describe()))
                    .at(other.span)
                    .hint("write `keyed_groups: [{key: variable, prefix: name}]`"));
            }
        };
        for item in items {
            if item.as_map().is_none() {
                return Err(Diagnostic::error(format!(
                    "an entry of `keyed_groups` is a dictionary, this is {}",
                    item.describe()
                ))
                .at(item.span)
                .hint("write `- key: variable`"));
            }
            inventory.check_keys(item, "an entry of `keyed_groups`", &ENTRY_KEYS);
            let Some(key) = item.get("key") else {
                return Err(Diagnostic::error("an entry of `keyed_groups` needs `key`")
                    .at(item.span)
                    .hint("`key` is the expression whose value names the group"));
            };
            let text = |name: &str| item.get(name).filter(|value| !value.is_null()).map(plain_text);
            if let Some((later, _)) = item.entry("trailing_separator").filter(|_| text("default_value").is_some()) {
                return Err(Diagnostic::error(
                    "`default_value` and `trailing_separator` of `keyed_groups` exclude each other",
                )
                .at(later.span)
                .hint("keep one of the two"));
            }
            plan.keyed.push(Keyed {
                key: expression(key),
                prefix: text("prefix").unwrap_or_default(),
                separator: text("separator").unwrap_or_else(|| "_".to_owned()),
                parent: item.get("parent_group").filter(|value| !value.is_null()).map(Written::from_node),
                default: text("default_value"),
                trailing_separator: flag(item, "trailing_separator")?.unwrap_or(true),
                span: key.span,
            });
        }
        Ok(plan)
    }
}

/// What a scalar is as text, the way it would be written in an expression.
fn plain_text(value: &Node) -> String {
    match &value.data {
        Data::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Data::Float(number) => crate::yaml::float_text(*number),
        Data::Null => String::new(),
        _ => text_of(value).unwrap_or_default(),
    }
}

fn flag(node: &Node, name: &str) -> Result<Option<bool>, Diagnostic> {
    let Some(value) = node.get(name).filter(|value| !value.is_null()) else { return Ok(None) };
    match rprov_modules::argument::boolean(&plain_text(value)) {
        Some(flag) => Ok(Some(flag)),
        None => Err(Diagnostic::error(format!("`{name}` takes a boolean, not {}", value.describe()))
            .at(value.span)
            .hint("write `true` or `false`")),
    }
}

fn entries<'a>(root: &'a Node, name: &str) -> Result<&'a [(Node, Node)], Diagnostic> {
    match root.get(name).filter(|value| !value.is_null()) {
        None => Ok(&[]),
        Some(value) => value.as_map().ok_or_else(|| {
            Diagnostic::error(format!("`{name}` takes a dictionary, this is {}", value.describe()))
                .at(value.span)
                .hint("write `name: expression` lines below it")
        }),
    }
}

struct Worker<'a> {
    plan: Plan,
    files: Vec<VarFiles>,
    extra: Layer,
    cache: &'a FactCache,
    surroundings: Arc<Surroundings>,
    /// The layers of groups, which all their hosts share.
    groups: HashMap<Arc<str>, Arc<[Layer]>>,
}

impl Worker<'_> {
    fn host(&mut self, inventory: &mut Inventory, host: &Arc<str>) -> Result<(), Diagnostic> {
        let facts = self.facts(host)?;
        if !self.plan.compose.is_empty() {
            let scope = self.scope(inventory, host, &facts, true)?;
            for (name, expression, span) in &self.plan.compose {
                match expression.evaluate(&scope) {
                    Ok(value) => {
                        let value = composed(&value, *span, is_data(expression.text(), &scope))?;
                        inventory.set_host_var(host, name, value);
                    }
                    Err(error) => self.lenient(error, &format!("could not set `{name}` for host `{host}`"))?,
                }
            }
        }
        if !self.plan.groups.is_empty() {
            // Ansible has extra variables everywhere but here.
            let scope = self.scope(inventory, host, &facts, false)?;
            for (name, condition) in &self.plan.groups {
                match condition.test(&scope) {
                    Ok(true) => inventory.add_host_to_group(host, &usual(name)),
                    Ok(false) => {}
                    Err(error) => self.lenient(error, &format!("could not add host `{host}` to group `{name}`"))?,
                }
            }
        }
        if self.plan.keyed.is_empty() {
            return Ok(());
        }
        let scope = self.scope(inventory, host, &facts, true)?;
        for keyed in &self.plan.keyed {
            match keyed.key.evaluate(&scope) {
                Ok(value) => self.keyed(inventory, host, keyed, &value, &scope)?,
                Err(error) => {
                    let doing = format!("could not generate a group for host `{host}` from `{}`", keyed.key.text());
                    self.lenient(error, &doing)?;
                }
            }
        }
        Ok(())
    }

    /// With `strict`, an expression that fails is a mistake; else it is as if it were not there.
    fn lenient(&self, error: TemplateError, doing: &str) -> Result<(), Diagnostic> {
        if !self.plan.strict {
            return Ok(());
        }
        Err(Diagnostic::from(error)
            .cause(doing.to_owned())
            .hint("`strict: false` passes over what cannot be evaluated"))
    }

    fn keyed(
        &self,
        inventory: &mut Inventory,
        host: &str,
        keyed: &Keyed,
        value: &Value,
        scope: &Scope,
    ) -> Result<(), Diagnostic> {
        let empty = value.is_none() || value.as_str() == Some("");
        let named = value.is_true() || (empty && keyed.default.is_some());
        if !named {
            let harmless = matches!(value.kind(), ValueKind::Seq | ValueKind::Map);
            if self.plan.strict && !harmless {
                return Err(Diagnostic::error(format!(
                    "No key or key resulted empty for `{}` in host {host}, invalid entry",
                    keyed.key.text()
                ))
                .at(keyed.span)
                .hint("give a `default_value`, or leave out `strict`"));
            }
            return Ok(());
        }
        for name in names(keyed, value, empty)? {
            let separator = if keyed.prefix.is_empty() && !self.plan.leading_separator { "" } else { &keyed.separator };
            let group = format!("{}{separator}{name}", keyed.prefix);
            let group = usual(&group);
            inventory.add_host_to_group(host, &group);
            let Some(parent) = &keyed.parent else { continue };
            match parent.render(scope).map(|parent| parent.to_string()) {
                Ok(parent) if parent.is_empty() => {}
                Ok(parent) => {
                    let parent = usual(&parent);
                    inventory.add_child(&parent, &group).map_err(|error| error.at(keyed.span))?;
                }
                Err(error) => {
                    self.lenient(error, &format!("could not generate the parent of group `{group}`"))?;
                }
            }
        }
        Ok(())
    }

    fn facts(&self, host: &str) -> Result<Layer, Diagnostic> {
        let facts = self.cache.get(host)?.unwrap_or_default();
        Ok(Arc::new(facts.into_iter().map(|(name, value)| (name, value.into())).collect()))
    }

    /// What names in an expression stand for.
    fn scope(
        &mut self,
        inventory: &mut Inventory,
        host: &Arc<str>,
        facts: &Layer,
        with_extra: bool,
    ) -> Result<Scope, Diagnostic> {
        inventory.settle_depths();
        let groups = inventory.named_groups_of(host);
        let mut names: Vec<&str> = groups.iter().map(|group| &*group.name).filter(|name| *name != "all").collect();
        names.sort_unstable();
        let mut layers: Vec<Layer> = Vec::new();
        let mut of_files: Vec<Layer> = Vec::new();
        for group in &groups {
            if let Some(known) = self.groups.get(&group.name) {
                of_files.extend(known.iter().skip(1).cloned());
                layers.extend(known.iter().take(1).cloned());
                continue;
            }
            let mut own = vec![written(&group.vars)];
            for files in &self.files {
                own.extend(file_layer(&files.group(&group.name)?));
            }
            let own: Arc<[Layer]> = own.into();
            layers.extend(own.iter().take(1).cloned());
            of_files.extend(own.iter().skip(1).cloned());
            self.groups.insert(Arc::clone(&group.name), own);
        }
        layers.append(&mut of_files);
        let mut magic: IndexMap<Arc<str>, Variable> = IndexMap::new();
        let mut tell = |name: &str, value: Value| magic.insert(Arc::from(name), value.into());
        tell("inventory_hostname", Value::from(&**host));
        tell("inventory_hostname_short", Value::from(host.split('.').next().unwrap_or_default()));
        tell("group_names", names.into_iter().map(Value::from).collect());
        if let Some(found) = inventory.host(host) {
            layers.push(written(&found.vars));
            if let Some(source) = &found.source {
                tell("inventory_file", Value::from(source.display().to_string()));
                if let Some(directory) = source.parent() {
                    tell("inventory_dir", Value::from(directory.display().to_string()));
                }
            }
        }
        layers.push(Arc::new(magic));
        for files in &self.files {
            layers.extend(file_layer(&files.host(host)?));
        }
        layers.push(Arc::clone(facts));
        if with_extra {
            layers.push(Arc::clone(&self.extra));
        }
        Ok(Scope::new(Arc::new(Layers(layers)), Arc::clone(&self.surroundings)))
    }
}

/// The parts that the value gives for names of groups.
fn names(keyed: &Keyed, value: &Value, empty: bool) -> Result<Vec<String>, Diagnostic> {
    let default = || keyed.default.clone().unwrap_or_default();
    let or_default = |name: &Value| match name.as_str() {
        Some("") => default(),
        _ => name.to_string(),
    };
    if empty {
        return Ok(vec![default()]);
    }
    match value.kind() {
        ValueKind::String => Ok(vec![value.to_string()]),
        ValueKind::Seq => Ok(value.try_iter().into_iter().flatten().map(|name| or_default(&name)).collect()),
        ValueKind::Map => {
            let keys = value.try_iter().into_iter().flatten();
            Ok(keys
                .map(|key| {
                    let inner = value.get_item(&key).unwrap_or_default();
                    let blank = inner.is_none() || inner.as_str() == Some("");
                    match (blank, &keyed.default) {
                        (true, Some(default)) => format!("{key}{}{default}", keyed.separator),
                        (true, None) if !keyed.trailing_separator => key.to_string(),
                        (true, None) => format!("{key}{}", keyed.separator),
                        (false, _) => format!("{key}{}{inner}", keyed.separator),
                    }
                })
                .collect())
        }
        _ => Err(Diagnostic::error(format!(
            "Invalid group name format, expected a string or a list of them or dictionary, got: {value}"
        ))
        .at(keyed.span)
        .hint(format!("make it text: `({}) | string`", keyed.key.text()))),
    }
}

/// Whether an expression's text comes out as data: only what is a variable as it stands may be a template.
fn is_data(expression: &str, scope: &Scope) -> bool {
    match scope.variable(expression.trim()) {
        Some(Variable::Written(written)) => written.as_plain().is_none(),
        Some(Variable::Plain(_)) | None => true,
    }
}

fn composed(value: &Value, span: Span, data: bool) -> Result<Node, Diagnostic> {
    let json = to_json(value).map_err(Diagnostic::from)?;
    let node = node(&json, span);
    Ok(if data { untrusted(node) } else { node })
}

fn untrusted(node: Node) -> Node {
    let data = match node.data {
        Data::String(text) => Data::Unsafe(text),
        Data::List(items) => Data::List(items.into_iter().map(untrusted).collect()),
        Data::Map(entries) => Data::Map(entries.into_iter().map(|(key, value)| (key, untrusted(value))).collect()),
        other => other,
    };
    Node { data, span: node.span }
}

fn written(vars: &IndexMap<Arc<str>, Node>) -> Layer {
    Arc::new(vars.iter().map(|(name, value)| (Arc::clone(name), Written::from_node(value).into())).collect())
}

fn file_layer(nodes: &[Node]) -> Option<Layer> {
    let mut layer = IndexMap::new();
    for node in nodes {
        for (key, value) in node.as_map().unwrap_or_default() {
            layer.insert(Arc::from(text_of(key).unwrap_or_default()), Written::from_node(value).into());
        }
    }
    (!layer.is_empty()).then(|| Arc::new(layer))
}

/// Layers of variables, the strongest last.
#[derive(Debug)]
struct Layers(Vec<Layer>);

impl Variables for Layers {
    fn get(&self, name: &str) -> Option<Variable> {
        self.0.iter().rev().find_map(|layer| layer.get(name).cloned())
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.0.iter().flat_map(|layer| layer.keys()).map(|name| Cow::Borrowed(&**name)).collect()
    }
}
