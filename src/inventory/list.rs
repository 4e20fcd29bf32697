//! The inventory as `ansible-inventory --list` prints it.

use serde_json::{Map, Value, json};

use super::model::Inventory;
use super::variables::VarFiles;
use crate::source::Diagnostic;
use crate::yaml::{Data, Node};

/// Groups, hosts and their variables as JSON; templates stay as they were written. `files` are the variable files
/// beside the inventory's sources, from the weakest to the strongest.
///
/// # Errors
/// A variable file has a mistake in it.
pub fn list(inventory: &Inventory, files: &[VarFiles]) -> Result<Value, Diagnostic> {
    let mut root = Map::new();
    let mut hostvars = Map::new();
    for host in inventory.hosts() {
        let vars = vars_of(inventory, &host.name, files)?;
        if !vars.is_empty() {
            hostvars.insert(host.name.to_string(), Value::Object(vars));
        }
    }
    root.insert("_meta".to_owned(), json!({ "hostvars": hostvars, "profile": "inventory_legacy" }));
    for group in inventory.groups() {
        let mut content = Map::new();
        if &*group.name != "all" && !group.hosts.is_empty() {
            content.insert("hosts".to_owned(), json!(group.hosts.iter().map(|host| &**host).collect::<Vec<_>>()));
        }
        if !group.children.is_empty() {
            content
                .insert("children".to_owned(), json!(group.children.iter().map(|child| &**child).collect::<Vec<_>>()));
        }
        if !content.is_empty() {
            root.insert(group.name.to_string(), Value::Object(content));
        }
    }
    Ok(Value::Object(root))
}

/// A host's variables from the inventory and its files in Ansible's order of precedence.
fn vars_of(inventory: &Inventory, host: &str, files: &[VarFiles]) -> Result<Map<String, Value>, Diagnostic> {
    let mut vars = Map::new();
    let groups = inventory.groups_of(host);
    for group in &groups {
        vars.extend(group.vars.iter().map(|(name, value)| (name.to_string(), json_of(value))));
    }
    for all in [true, false] {
        for files in files {
            for group in groups.iter().filter(|group| (&*group.name == "all") == all) {
                for node in files.group(&group.name)?.iter() {
                    vars.extend(entries(node));
                }
            }
        }
    }
    if let Some(host) = inventory.host(host) {
        vars.extend(host.vars.iter().map(|(name, value)| (name.to_string(), json_of(value))));
    }
    for files in files {
        for node in files.host(host)?.iter() {
            vars.extend(entries(node));
        }
    }
    Ok(vars)
}

fn entries(node: &Node) -> impl Iterator<Item = (String, Value)> {
    node.as_map().unwrap_or_default().iter().map(|(key, value)| (key_of(key), json_of(value)))
}

fn key_of(key: &Node) -> String {
    match json_of(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

fn json_of(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::Null,
        Data::Bool(flag) => json!(flag),
        Data::Int(number) => json!(number),
        Data::BigInt(text) => {
            text.parse::<u64>().map_or_else(|_| json!(text.parse::<f64>().ok()), |number| json!(number))
        }
        Data::Float(number) => json!(number),
        Data::String(text) => json!(&**text),
        Data::Unsafe(text) => json!({ "__ansible_unsafe": &**text }),
        Data::Vault(text) => json!({ "__ansible_vault": &**text }),
        Data::List(items) => items.iter().map(json_of).collect(),
        Data::Map(entries) => Value::Object(entries.iter().map(|(key, value)| (key_of(key), json_of(value))).collect()),
    }
}
