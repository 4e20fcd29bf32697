//! `-i host1,host2`: names with commas in place of a file.

use super::address;
use super::model::Inventory;
use crate::source::{Span, register};
use crate::yaml::{Data, Node};

/// Add the hosts of the list; a name may have a port.
pub(super) fn load(inventory: &mut Inventory, list: &str) {
    let source = register("<command line>", list);
    for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let (host, port) = address::parse(name).unwrap_or((name, None));
        inventory.add_host_to_group(host, "ungrouped");
        if let Some(port) = port {
            let port = Node { data: Data::Int(i64::from(port)), span: Span::start_of(source) };
            inventory.set_host_var(host, "ansible_port", port);
        }
    }
}
