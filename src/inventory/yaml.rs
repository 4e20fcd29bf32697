//! YAML inventories: groups with `hosts`, `children` and `vars`; and JSON ones, which are YAML too.

use super::ini;
use super::model::Inventory;
use crate::source::Diagnostic;
use crate::yaml::{Data, Node};

/// What a group may have.
const SECTIONS: [&str; 3] = ["vars", "children", "hosts"];

/// Read a document into the inventory.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn load(inventory: &mut Inventory, root: &Node) -> Result<(), Diagnostic> {
    let Some(groups) = root.as_map() else {
        return Err(Diagnostic::error(format!(
            "a YAML inventory is a dictionary of groups, this is {}",
            root.describe()
        ))
        .at(root.span)
        .hint("begin with a group, for example `all:`, and its `hosts:`"));
    };
    for (name, content) in groups {
        group(inventory, name, content)?;
    }
    Ok(())
}

/// Read a group, and give back its name.
fn group(inventory: &mut Inventory, name: &Node, content: &Node) -> Result<Option<String>, Diagnostic> {
    let Some(text) = text_of(name) else {
        return Err(Diagnostic::error(format!("a group's name is text, this is {}", name.describe()))
            .at(name.span)
            .hint("quote the name"));
    };
    let entries = match &content.data {
        Data::Null => &[][..],
        Data::Map(entries) => entries,
        _ => {
            inventory.warnings.push(
                Diagnostic::warning(format!("skipping `{text}`, which is {} and not a group", content.describe()))
                    .at(name.span)
                    .hint("a group has `hosts`, `children` and `vars`; variables stand below `vars`"),
            );
            return Ok(None);
        }
    };
    let group_name = inventory.group_name(&text).into_owned();
    inventory.add_group(&group_name);
    for (key, value) in entries {
        let section = key.as_str().filter(|key| SECTIONS.contains(key));
        let Some(section) = section else {
            let shown = text_of(key).unwrap_or_default();
            inventory.warnings.push(
                Diagnostic::warning(format!("skipping unexpected key `{shown}` in group `{text}`"))
                    .at(key.span)
                    .label("a group has `vars`, `children` and `hosts` only")
                    .did_you_mean(&shown, SECTIONS),
            );
            continue;
        };
        let single;
        let entries = match &value.data {
            Data::Null => continue,
            Data::Map(entries) => entries.as_slice(),
            // One name alone stands for a dictionary with nothing in it.
            Data::String(_) | Data::Timestamp(_) | Data::Unsafe(_) => {
                single = [(value.clone(), Node { data: Data::Null, span: value.span })];
                &single
            }
            _ => {
                return Err(Diagnostic::error(format!(
                    "`{section}` of group `{text}` takes a dictionary, this is {}",
                    value.describe()
                ))
                .at(value.span)
                .hint("write each name as a key, `name:`, without `- `"));
            }
        };
        match section {
            "vars" => {
                for (name, value) in entries {
                    inventory.set_group_var(&group_name, &text_of(name).unwrap_or_default(), value.clone());
                }
            }
            "children" => {
                for (name, content) in entries {
                    if let Some(child) = group(inventory, name, content)? {
                        inventory.add_child(&group_name, &child).map_err(|error| error.at(name.span))?;
                    }
                }
            }
            _ => {
                for (pattern, vars) in entries {
                    hosts(inventory, &group_name, pattern, vars)?;
                }
            }
        }
    }
    Ok(Some(group_name))
}

impl Inventory {
    /// Warn of keys that a part of a plugin's configuration does not have.
    pub(super) fn check_keys(&mut self, part: &Node, what: &str, known: &[&str]) {
        for (key, _) in part.as_map().unwrap_or_default() {
            let name = text_of(key).unwrap_or_default();
            if !known.contains(&name.as_str()) {
                self.warnings.push(
                    Diagnostic::warning(format!("unknown key `{name}` of {what} is ignored"))
                        .at(key.span)
                        .did_you_mean(&name, known.iter().copied()),
                );
            }
        }
    }
}

/// The hosts of one key, and their variables.
pub(super) fn hosts(inventory: &mut Inventory, group: &str, pattern: &Node, vars: &Node) -> Result<(), Diagnostic> {
    let (Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text)) = &pattern.data else {
        let what = match text_of(pattern) {
            Some(number) => number,
            None => pattern.describe().to_string(),
        };
        return Err(Diagnostic::error(format!("Host pattern {what} must be a string"))
            .at(pattern.span)
            .hint("enclose numbers in quotation marks"));
    };
    let (names, port) = ini::hosts(text).map_err(|problem| {
        Diagnostic::error(format!("invalid host pattern `{text}`")).at(pattern.span).label(problem)
    })?;
    let vars = match &vars.data {
        Data::Null => &[][..],
        Data::Map(entries) => entries,
        _ => {
            return Err(Diagnostic::error(format!("the variables of `{text}` are {}", vars.describe()))
                .at(vars.span)
                .hint("variables stand below the host's name, as `name: value`"));
        }
    };
    for host in &names {
        inventory.add_host_to_group(host, group);
        if let Some(port) = port {
            let port = Node { data: Data::Int(i64::from(port)), span: pattern.span };
            inventory.set_host_var(host, "ansible_port", port);
        }
        for (name, value) in vars {
            inventory.set_host_var(host, &text_of(name).unwrap_or_default(), value.clone());
        }
    }
    Ok(())
}

/// A key as a name; numbers count as what they are written as.
pub(super) fn text_of(key: &Node) -> Option<String> {
    match &key.data {
        Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) | Data::BigInt(text) => Some(text.to_string()),
        Data::Int(number) => Some(number.to_string()),
        _ => None,
    }
}
