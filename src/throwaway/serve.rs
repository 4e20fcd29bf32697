//! Throw-away hosts of an inventory: started, and made known to it.

use std::sync::Arc;

use super::host::{ThrowawayHost, start};
use crate::inventory::Inventory;
use crate::source::{Diagnostic, Span};
use crate::yaml::{Data, Node};

/// Start the hosts that the inventory asks for, and give them their address, port, user and keys. They are served until
/// what is given back is dropped.
///
/// # Errors
/// A host's directory cannot be made, or no port can be had.
pub fn serve(inventory: &mut Inventory) -> Result<Vec<ThrowawayHost>, Diagnostic> {
    let mut served = Vec::new();
    for plan in inventory.throwaway.clone() {
        let names: Vec<String> = plan.hosts.iter().map(|name| name.to_string()).collect();
        let directory = plan.directory.clone().unwrap_or_else(|| {
            std::env::temp_dir().join(format!("rprov-throwaway-{}", rustix::process::getuid().as_raw()))
        });
        let hosts = start(&names, &directory).map_err(|error| {
            Diagnostic::error(format!("the throw-away hosts cannot be started in {}", directory.display()))
                .at(plan.span)
                .cause(error.to_string())
                .hint("they need a directory that can be written, and a free port on 127.0.0.1")
        })?;
        for host in hosts {
            make_known(inventory, &host, plan.span);
            served.push(host);
        }
    }
    Ok(served)
}

fn make_known(inventory: &mut Inventory, host: &ThrowawayHost, span: Span) {
    let text = |text: &str| Data::String(Arc::from(text));
    let variables = [
        ("ansible_host", text(&host.address.to_string())),
        ("ansible_port", Data::Int(i64::from(host.port))),
        ("ansible_user", text(&host.user)),
        ("ansible_ssh_private_key_file", text(&host.private_key_file.display().to_string())),
        // Nothing of the user's own configuration concerns these hosts.
        ("ansible_ssh_args", text("-F none -o IdentitiesOnly=yes")),
        ("rprov_host_key", text(&host.host_key)),
    ];
    for (name, data) in variables {
        inventory.set_host_var(&host.name, name, Node { data, span });
    }
}
