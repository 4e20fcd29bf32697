//! `-i host1,host2`: names with commas in place of a file, with or without ranges in them.

use super::address;
use super::ini;
use super::model::Inventory;
use super::range::NO_END;
use crate::source::{Diagnostic, SourceId, Span, register};
use crate::yaml::{Data, Node};

/// Add the hosts of the list (`host_list`); a name may have a port.
pub(super) fn load(inventory: &mut Inventory, list: &str) {
    let source = register("<command line>", list);
    for name in names(list) {
        let (host, port) = address::parse(name).unwrap_or((name, None));
        add(inventory, source, host, port);
    }
}

/// Add the hosts of the list (`advanced_host_list`); a name may have ranges and a port.
///
/// # Errors
/// A range that is none.
pub(super) fn load_ranges(inventory: &mut Inventory, list: &str) -> Result<(), Diagnostic> {
    let source = register("<command line>", list);
    for name in names(list) {
        let (hosts, port) = match ini::hosts(name) {
            Ok(found) => found,
            // As in Ansible, the name is taken as it is written then.
            Err(problem) if problem == NO_END => {
                inventory.warnings.push(
                    Diagnostic::warning(format!("Unable to parse address from hostname, leaving unchanged: {problem}"))
                        .at(Span::start_of(source)),
                );
                (vec![name.to_owned()], None)
            }
            Err(problem) => {
                return Err(Diagnostic::error(format!(
                    "Failed to parse inventory with 'advanced_host_list' plugin: invalid host pattern `{name}`"
                ))
                .at(Span::start_of(source))
                .label(problem));
            }
        };
        for host in hosts {
            add(inventory, source, &host, port);
        }
    }
    Ok(())
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(str::trim).filter(|name| !name.is_empty())
}

fn add(inventory: &mut Inventory, source: SourceId, host: &str, port: Option<u16>) {
    inventory.add_host_to_group(host, "ungrouped");
    if let Some(port) = port {
        let port = Node { data: Data::Int(i64::from(port)), span: Span::start_of(source) };
        inventory.set_host_var(host, "ansible_port", port);
    }
}
