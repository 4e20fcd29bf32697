//! `hostname`: the host's name.

use rprov_wire::Value;

use crate::context::Context;
use crate::fact::{self, distribution};
use crate::outcome::{Diff, Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// The way in which the name is set.
    pub enum Use {
        Alpine = "alpine",
        Debian = "debian",
        Generic = "generic",
        Openrc = "openrc",
        Redhat = "redhat",
        Sles = "sles",
        Systemd = "systemd",
    }
}

arguments! {
    /// Manage hostname.
    pub struct Arguments {
        /// The name.
        name: String,
        /// How to set it; found out where it is not given.
        r#use: Option<Use>,
    }
}

const OPENRC: &str = "/etc/conf.d/hostname";

/// Set the name, now and for the next start.
///
/// # Errors
/// It cannot be set.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    let way = arguments.r#use.unwrap_or_else(|| {
        if std::path::Path::new("/run/systemd/system").exists() {
            Use::Systemd
        } else {
            match distribution::os_family().as_str() {
                "Alpine" => Use::Alpine,
                "Gentoo" => Use::Openrc,
                "RedHat" => Use::Redhat,
                "Suse" => Use::Sles,
                _ => Use::Debian,
            }
        }
    });
    let kernel = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let openrc = || fact::content(OPENRC).unwrap_or_default();
    let redhat = || fact::content("/etc/sysconfig/network").unwrap_or_default();
    let file = if way == Use::Sles { "/etc/HOSTNAME" } else { "/etc/hostname" };
    let permanent = match way {
        Use::Openrc => assignment(&openrc(), "hostname"),
        Use::Redhat => assignment(&redhat(), "HOSTNAME").or_else(|| fact::content(file)),
        Use::Generic => Some(kernel.clone()),
        _ => fact::content(file),
    }
    .unwrap_or_default();
    let changed = kernel != name || permanent != name;
    if changed && !context.check() {
        if way == Use::Systemd {
            for kind in ["--transient", "--static"] {
                Command::new("hostnamectl")
                    .args([kind, "set-hostname", name])
                    .run_or_fail(&format!("could not set the hostname {name}"), context)?;
            }
        } else {
            if kernel != name {
                rustix::system::sethostname(name.as_bytes()).map_err(|error| {
                    Failure::new(format!(
                        "could not set the hostname {name}: {error}; this needs root and, in a container, CAP_SYS_ADMIN"
                    ))
                })?;
            }
            if permanent != name {
                let (path, content) = match way {
                    Use::Openrc => (OPENRC, assign(&openrc(), "hostname", &format!("\"{name}\""))),
                    Use::Redhat if !redhat().is_empty() => {
                        ("/etc/sysconfig/network", assign(&redhat(), "HOSTNAME", name))
                    }
                    _ => (file, format!("{name}\n")),
                };
                crate::write::replace(
                    std::path::Path::new(path),
                    content.as_bytes(),
                    &crate::attributes::Wanted::default(),
                )?;
            }
        }
    }
    let short = name.split('.').next().unwrap_or(name);
    let full = crate::fact::platform::full_name(name, context);
    let facts = Value::from_iter([
        ("ansible_hostname", short.to_owned()),
        ("ansible_nodename", name.to_owned()),
        ("ansible_domain", full.split_once('.').map(|(_, domain)| domain.to_owned()).unwrap_or_default()),
        ("ansible_fqdn", full),
    ]);
    let outcome = Outcome::new(changed).with("name", name).with("ansible_facts", facts);
    Ok(if changed {
        outcome.with_diff(Diff::state(format!("hostname = {kernel}\n"), format!("hostname = {name}\n")))
    } else {
        outcome
    })
}

/// The value of `key` in a file of shell assignments.
fn assignment(text: &str, key: &str) -> Option<String> {
    text.lines()
        .find_map(|line| line.trim().strip_prefix(key)?.trim_start().strip_prefix('='))
        .map(|value| value.trim().trim_matches(['"', '\'']).to_owned())
}

/// The file with the assignment to `key` replaced, or added.
fn assign(text: &str, key: &str, value: &str) -> String {
    let mut found = false;
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let own = line.trim().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
            found |= own;
            if own { format!("{key}={value}") } else { line.to_owned() }
        })
        .collect();
    if !found {
        lines.push(format!("{key}={value}"));
    }
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_replaced_in_place_or_added() {
        let text = "# name\nhostname=\"old\"\nx=1\n";
        assert_eq!(assignment(text, "hostname").as_deref(), Some("old"));
        assert_eq!(assign(text, "hostname", "\"new\""), "# name\nhostname=\"new\"\nx=1\n");
        assert_eq!(assign("x=1", "HOSTNAME", "new"), "x=1\nHOSTNAME=new\n");
    }
}
