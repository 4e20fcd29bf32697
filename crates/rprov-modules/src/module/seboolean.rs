//! `seboolean`: switches of the SELinux policy.

use std::path::Path;

use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::program::find_program;

arguments! {
    /// Toggle SELinux booleans.
    pub struct Arguments {
        /// The boolean.
        name: String,
        /// Keep it over the next start.
        persistent: bool = false,
        /// What it is to be.
        state: bool,
        /// Go on where SELinux is off, as in a chroot.
        ignore_selinux_state: bool = false,
    }
}

const KERNEL: &str = "/sys/fs/selinux";

/// The value in the running policy.
fn running(kernel: &Path, name: &str) -> Option<bool> {
    let text = std::fs::read_to_string(kernel.join("booleans").join(name)).ok()?;
    Some(text.split_whitespace().next()? == "1")
}

/// The value that is kept: `NAME (on , off) description`, of which the second is the policy's.
fn kept(name: &str, context: &Context<'_>) -> Result<Option<bool>, Failure> {
    if find_program("semanage", context).is_none() {
        return Ok(None);
    }
    let command = Command::new("semanage").args(["boolean", "-l", "-n"]).plain_locale();
    let text = command.run_or_fail("could not list the booleans", context)?.stdout();
    Ok(text.lines().find_map(|line| {
        let rest = line.strip_prefix(name)?.trim_start().strip_prefix('(')?;
        Some(rest.split(')').next()?.split(',').nth(1)?.trim() == "on")
    }))
}

/// Set it where it differs.
///
/// # Errors
/// SELinux is off, or knows no such boolean.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    apply(arguments, Path::new(KERNEL), context)
}

fn apply(arguments: Arguments, kernel: &Path, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    if name.is_empty() || name.starts_with('-') || name.contains(['/', '=', ' ']) {
        return Err(Failure::new(format!("`{name}` is no name of a boolean")));
    }
    let enabled = kernel.join("enforce").exists();
    if !enabled && !arguments.ignore_selinux_state {
        return Err(Failure::new("SELinux is disabled on this host."));
    }
    let now = running(kernel, name);
    if enabled && now.is_none() {
        return Err(Failure::new(format!("SELinux boolean {name} does not exist.")));
    }
    let mut changed = now.is_some_and(|now| now != arguments.state);
    if arguments.persistent {
        changed |= kept(name, context)?.or(now) != Some(arguments.state);
    }
    if changed && !context.check() {
        let mut command = Command::new("setsebool").plain_locale();
        if arguments.persistent {
            command = command.arg("-P");
        }
        let command = command.args([name, if arguments.state { "on" } else { "off" }]);
        command.run_or_fail(&format!("could not set the boolean {name}"), context)?;
    }
    Ok(Outcome::new(changed).with("name", name).with("persistent", arguments.persistent).with("state", arguments.state))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::{Options, Value};
    use serde_json::json;

    use super::*;
    use crate::argument::Arguments as _;
    use crate::context::{Cancel, Detached};
    use crate::testing::Bench;

    fn apply(bench: &Bench, arguments: serde_json::Value, check: bool) -> Result<bool, Failure> {
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
        let environment = vec![("PATH".to_owned(), format!("{}:/usr/bin:/bin", bench.programs().display()))];
        let options = Options { check, environment, ..Options::default() };
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        Ok(super::apply(Arguments::decode(&map)?, &bench.root().join("kernel"), &context)?.changed)
    }

    #[test]
    fn a_boolean_is_set_now_or_for_good() {
        let bench = Bench::new();
        bench.file("kernel/enforce", "1");
        bench.file("kernel/booleans/ftp", "0 0");
        bench.file("kept", "ftp (off , off) Allow\nftpd (on , on) x\n");
        bench.program("semanage", "cat kept");
        bench.program(
            "setsebool",
            "[ $1 = -P ] && { shift; sed -i \"s/^$1 (.*,.*)/$1 ($2 , $2)/\" kept; }; \
             [ $2 = on ] && echo '1 1' >kernel/booleans/$1 || echo '0 0' >kernel/booleans/$1",
        );
        let now = json!({"name": "ftp", "state": true});
        let kept = json!({"name": "ftp", "state": "yes", "persistent": true});
        for arguments in [now, kept] {
            let calls = [(true, true), (false, true), (false, false), (true, false)];
            for (check, changed) in calls {
                assert_eq!(apply(&bench, arguments.clone(), check).unwrap(), changed, "{arguments} {check}");
            }
        }
        assert_eq!(bench.read("kept"), "ftp (on , on) Allow\nftpd (on , on) x\n");
    }

    #[test]
    fn what_is_not_there_is_told() {
        let bench = Bench::new();
        let fails = |name: &str| apply(&bench, json!({"name": name, "state": true}), false).unwrap_err().message;
        assert!(fails("ftp").contains("disabled on this host"));
        bench.file("kernel/enforce", "1");
        assert!(fails("ftp").contains("ftp does not exist"));
        assert!(fails("-P").contains("no name"));
    }
}
