//! The role's inventory, with the lab's hosts in the places of its own.
//!
//! Every host that the role's inventory names is a host of the lab, but for `localhost`, which is the machine where the
//! test runs. Where `localhost` is all that it names, as in a new role, a host of the lab stands in for it: a role is never
//! tried on the machine of whoever tests it.

use crate::inventory::Inventory;
use crate::source::{Diagnostic, Span, register};
use crate::yaml::{Data, Node};

/// The names of the hosts that are wanted, in order; never none.
pub fn wanted(role: &Inventory) -> Vec<String> {
    let names: Vec<String> =
        role.hosts().map(|host| host.name.to_string()).filter(|name| !Inventory::is_localhost(name)).collect();
    if !names.is_empty() {
        return names;
    }
    let local = role.hosts().next().map_or_else(|| "localhost".to_owned(), |host| host.name.to_string());
    vec![local]
}

/// Give each of the hosts a host of the lab: that of its own name, or else the next that is free.
///
/// # Errors
/// The lab has fewer hosts.
pub fn stand_in(mut role: Inventory, lab: &Inventory) -> Result<Inventory, Diagnostic> {
    let names = wanted(&role);
    for name in &names {
        role.add_host(name);
    }
    role.reconcile();
    let mut free: Vec<String> =
        lab.hosts().map(|host| host.name.to_string()).filter(|node| !names.contains(node)).collect();
    free.reverse();
    for name in &names {
        let own = lab.host(name).map(|host| host.name.to_string());
        let Some(node) = own.or_else(|| free.pop()) else {
            return Err(Diagnostic::error(format!("the lab has no host for `{name}`"))
                .cause(format!("{} are wanted, and its inventory has {}", names.len(), lab.hosts().count()))
                .hint("`up N` brings up as many hosts as it is told"));
        };
        // The lab knows how its hosts are reached, so what it says wins.
        for group in lab.groups_of(&node) {
            for (variable, value) in &group.vars {
                role.set_host_var(name, variable, value.clone());
            }
        }
        for (variable, value) in lab.host(&node).into_iter().flat_map(|host| &host.vars) {
            role.set_host_var(name, variable, value.clone());
        }
        if lab.host(&node).is_some_and(|host| !host.vars.contains_key("ansible_host")) && *name != node {
            role.set_host_var(name, "ansible_host", text(&node));
        }
    }
    let local: Vec<String> = role
        .hosts()
        .filter(|host| !names.contains(&host.name.to_string()) && !host.vars.contains_key("ansible_connection"))
        .map(|host| host.name.to_string())
        .collect();
    for name in local {
        role.set_host_var(&name, "ansible_connection", text("local"));
    }
    Ok(role)
}

fn text(text: &str) -> Node {
    Node { data: Data::String(text.into()), span: Span::start_of(register("<role test>", text)) }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn inventory(hosts: &[&str]) -> Inventory {
        let mut inventory = Inventory::new();
        hosts.iter().for_each(|host| inventory.add_host(host));
        inventory.reconcile();
        inventory
    }

    fn lab(count: usize) -> Inventory {
        let names: Vec<String> = (1..=count).map(|number| format!("node{number}")).collect();
        let mut lab = inventory(&names.iter().map(String::as_str).collect::<Vec<_>>());
        for name in &names {
            lab.set_host_var(name, "ansible_host", text(&format!("address of {name}")));
            lab.add_host_to_group(name, "lab");
        }
        lab.set_group_var("lab", "ansible_user", text("lab"));
        lab.reconcile();
        lab
    }

    fn variable(inventory: &Inventory, host: &str, name: &str) -> Option<String> {
        Some(inventory.host(host)?.vars.get(name)?.as_str()?.to_owned())
    }

    #[test]
    fn hosts_of_other_names_get_the_nodes_that_are_free() {
        let role = inventory(&["web", "node2", "db", "localhost"]);
        assert_eq!(wanted(&role), ["web", "node2", "db"]);
        let role = stand_in(role, &lab(3)).unwrap();
        for (host, node) in [("web", "node1"), ("node2", "node2"), ("db", "node3")] {
            assert_eq!(variable(&role, host, "ansible_host").unwrap(), format!("address of {node}"));
            assert_eq!(variable(&role, host, "ansible_user").unwrap(), "lab");
        }
        assert_eq!(variable(&role, "localhost", "ansible_connection").unwrap(), "local");
        assert!(role.host("node1").is_none());
    }

    #[test]
    fn nothing_but_localhost_is_a_host_of_the_lab() {
        for role in [inventory(&["localhost"]), Inventory::new()] {
            assert_eq!(wanted(&role), ["localhost"]);
            let role = stand_in(role, &lab(1)).unwrap();
            assert_eq!(variable(&role, "localhost", "ansible_host").unwrap(), "address of node1");
            assert!(variable(&role, "localhost", "ansible_connection").is_none());
        }
    }

    #[test]
    fn a_lab_with_too_few_hosts_is_told() {
        assert!(stand_in(inventory(&["a", "b"]), &lab(1)).is_err());
    }
}
