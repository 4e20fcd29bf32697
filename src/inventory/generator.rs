//! `plugin: generator`: a host for each combination of the layers' values.

use std::collections::HashMap;

use super::model::Inventory;
use super::script::node;
use super::yaml::text_of;
use crate::source::Diagnostic;
use crate::template::{Scope, Surroundings, TemplateError, Variable, Written, to_json};
use crate::yaml::{Data, Node};

const KEYS: [&str; 3] = ["plugin", "hosts", "layers"];

/// Read such a document into the inventory.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn load(inventory: &mut Inventory, root: &Node) -> Result<(), Diagnostic> {
    inventory.check_keys(root, "the `generator` inventory", &KEYS);
    let needed = |part: &str, example: &str| {
        Diagnostic::error(format!("a `generator` inventory needs `{part}`"))
            .at(root.span)
            .hint(format!("add for example `{example}`"))
    };
    let hosts = root.get("hosts").ok_or_else(|| needed("hosts", "hosts: {name: \"{{ stage }}-{{ role }}\"}"))?;
    let layers = root.get("layers").ok_or_else(|| needed("layers", "layers: {stage: [dev, prod], role: [web, db]}"))?;
    let name = hosts.get("name").ok_or_else(|| {
        Diagnostic::error("`hosts` of a `generator` inventory needs `name`")
            .at(hosts.span)
            .hint("it is a template of the layers, such as `name: \"{{ stage }}-{{ role }}\"`")
    })?;
    let combinations = combinations(layers)?;
    let name = Written::from_node(name);
    for values in combinations {
        let scope = Scope::new(std::sync::Arc::new(values), std::sync::Arc::new(Surroundings::default()));
        let host = text(&name, &scope)?;
        inventory.add_host(&host);
        parents(inventory, Child::Host(&host), hosts.get("parents"), &scope)?;
    }
    Ok(())
}

/// Every choice of one value from each layer; the last layer's values change fastest.
fn combinations(layers: &Node) -> Result<Vec<HashMap<String, Variable>>, Diagnostic> {
    let Some(entries) = layers.as_map() else {
        return Err(Diagnostic::error(format!("`layers` takes a dictionary of lists, this is {}", layers.describe()))
            .at(layers.span)
            .hint("write `layers: {stage: [dev, prod]}`"));
    };
    let mut combinations = vec![HashMap::new()];
    for (name, values) in entries {
        let layer = text_of(name).unwrap_or_default();
        let Some(values) = values.as_list() else {
            return Err(Diagnostic::error(format!("layer `{layer}` takes a list, this is {}", values.describe()))
                .at(values.span)
                .hint(format!("write `{layer}: [one, two]`")));
        };
        let mut longer = Vec::with_capacity(combinations.len() * values.len());
        for combination in &combinations {
            for value in values {
                let mut with: HashMap<String, Variable> = HashMap::clone(combination);
                with.insert(layer.clone(), Written::from_node(value).into());
                longer.push(with);
            }
        }
        combinations = longer;
    }
    Ok(combinations)
}

/// What is put into a group.
#[derive(Clone, Copy)]
enum Child<'a> {
    Host(&'a str),
    Group(&'a str),
}

fn parents(
    inventory: &mut Inventory,
    child: Child<'_>,
    parents_of: Option<&Node>,
    scope: &Scope,
) -> Result<(), Diagnostic> {
    let Some(list) = parents_of.filter(|list| !list.is_null()) else { return Ok(()) };
    let Some(items) = list.as_list() else {
        return Err(Diagnostic::error(format!("`parents` takes a list of groups, this is {}", list.describe()))
            .at(list.span)
            .hint("write `parents: [{name: group}]`"));
    };
    for parent in items {
        let Some(name) = parent.get("name") else {
            let (Child::Host(element) | Child::Group(element)) = child;
            return Err(Diagnostic::error(format!("Element {element} has a parent with no name."))
                .at(parent.span)
                .hint("write `- name: group`; its own `vars` and `parents` stand beside it"));
        };
        let written = text(&Written::from_node(name), scope)?;
        let group = inventory.group_name(&written).into_owned();
        inventory.add_group(&group);
        for (key, value) in parent.get("vars").and_then(Node::as_map).unwrap_or_default() {
            // As in Ansible, only what is text itself is rendered.
            let value = match &value.data {
                Data::String(_) => {
                    let rendered = Written::from_node(value).render(scope).and_then(|value| to_json(&value));
                    node(&rendered.map_err(Diagnostic::from)?, value.span)
                }
                _ => value.clone(),
            };
            inventory.set_group_var(&group, &text_of(key).unwrap_or_default(), value);
        }
        match child {
            Child::Host(host) => inventory.add_host_to_group(host, &group),
            Child::Group(child) => inventory.add_child(&group, child).map_err(|error| error.at(name.span))?,
        }
        parents(inventory, Child::Group(&group), parent.get("parents"), scope)?;
    }
    Ok(())
}

fn text(written: &Written, scope: &Scope) -> Result<String, Diagnostic> {
    written.render(scope).map(|value| value.to_string()).map_err(|error: TemplateError| error.into())
}
