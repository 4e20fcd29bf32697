//! `selinux`: its mode and policy, in the running kernel and in its configuration.
//!
//! The kernel's part is read and set by its own files, so that no library is needed on the host.

use std::path::{Path, PathBuf};

use crate::attributes::Wanted;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices, write};

choices! {
    /// The modes.
    pub enum Mode { Disabled = "disabled", Enforcing = "enforcing", Permissive = "permissive" }
}

arguments! {
    /// Change policy and state of SELinux.
    pub struct Arguments {
        /// The policy; needed but for `disabled`.
        policy: Option<String>,
        /// The mode.
        state: Mode,
        /// Tell the kernel by its command line, too; needs `grubby`.
        update_kernel_param: bool = false,
        /// The configuration.
        configfile | conf | file: String = "/etc/selinux/config".to_owned(),
    }
}

const KERNEL: &str = "/sys/fs/selinux";

/// A variable of the configuration.
fn variable(text: &str, name: &str) -> Option<String> {
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim().to_owned())
}

/// The configuration with a variable set.
fn assign(text: &str, name: &str, value: &str) -> String {
    let mut found = false;
    let mut after: String = text
        .lines()
        .map(|line| match line.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')) {
            true => {
                found = true;
                format!("{name}={value}\n")
            }
            false => format!("{line}\n"),
        })
        .collect();
    if !found {
        after.push_str(&format!("{name}={value}\n"));
    }
    after
}

/// What the kernel does.
fn running(kernel: &Path) -> Mode {
    match std::fs::read_to_string(kernel.join("enforce")) {
        Ok(text) if text.trim() == "1" => Mode::Enforcing,
        Ok(_) => Mode::Permissive,
        Err(_) => Mode::Disabled,
    }
}

/// Whether kernels are started without SELinux, by the boot loader's entries.
fn kernel_disabled(context: &Context<'_>) -> Result<bool, Failure> {
    let command = Command::new("grubby").arg("--info=ALL").plain_locale();
    let text = command.run_or_fail("could not read the kernels' command lines", context)?.stdout();
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("args=")).peekable();
    Ok(lines.peek().is_some()
        && lines.all(|line| line.trim_matches('"').split_whitespace().any(|word| word == "selinux=0")))
}

/// Change what differs.
///
/// # Errors
/// The configuration is not there, the policy is missing, or something cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    apply(arguments, Path::new(KERNEL), context)
}

fn apply(arguments: Arguments, kernel: &Path, context: &Context<'_>) -> Result<Outcome, Failure> {
    let file = PathBuf::from(&arguments.configfile);
    let before = std::fs::read_to_string(&file).map_err(|error| {
        Failure::new(format!(
            "Unable to find file {}: {error}; SELinux is not installed, or its configuration is elsewhere (configfile)",
            file.display()
        ))
    })?;
    let wanted = arguments.state;
    let config_state = variable(&before, "SELINUX").unwrap_or_default();
    let config_policy = variable(&before, "SELINUXTYPE").unwrap_or_default();
    let policy = match (&arguments.policy, wanted) {
        (Some(policy), _) => policy.clone(),
        (None, Mode::Disabled) => config_policy.clone(),
        (None, _) => {
            return Err(Failure::new(format!("Policy is required if state is not 'disabled': {}", wanted.word())));
        }
    };
    let now = running(kernel);
    let mut messages = Vec::new();
    let mut reboot = false;
    let mut after = before.clone();
    if policy != config_policy {
        if !file.parent().is_some_and(|directory| directory.join(&policy).is_dir()) && wanted != Mode::Disabled {
            return Err(Failure::new(format!(
                "Policy {policy} does not exist in {}; install it first",
                write::parent(&file).display()
            )));
        }
        after = assign(&after, "SELINUXTYPE", &policy);
        messages.push(format!(
            "SELinux policy configuration in '{}' changed from '{config_policy}' to '{policy}'",
            file.display()
        ));
        reboot |= now != Mode::Disabled;
    }
    if config_state != wanted.word() {
        after = assign(&after, "SELINUX", wanted.word());
        messages.push(format!("Config SELinux state changed from '{config_state}' to '{}'", wanted.word()));
    }
    let mut set_running = None;
    match (now, wanted) {
        (Mode::Disabled, Mode::Disabled) => {}
        // The kernel cannot change these while it runs; at least nothing is forbidden any more.
        (Mode::Disabled, _) => reboot = true,
        (_, Mode::Disabled) => {
            reboot = true;
            if now == Mode::Enforcing {
                set_running = Some(Mode::Permissive);
                messages.push("SELinux state temporarily changed from 'enforcing' to 'permissive'. State change will take effect next reboot.".to_owned());
            }
        }
        (now, wanted) if now != wanted => {
            set_running = Some(wanted);
            messages.push(format!("SELinux state changed from '{}' to '{}'", now.word(), wanted.word()));
        }
        _ => {}
    }
    let mut set_kernel = None;
    if arguments.update_kernel_param {
        let disabled = kernel_disabled(context)?;
        if disabled != (wanted == Mode::Disabled) {
            set_kernel = Some(if disabled { "--remove-args" } else { "--args" });
            let word = |disabled: bool| if disabled { "disabled" } else { "enabled" };
            messages.push(format!(
                "Updated kernel boot parameters: SELinux '{}' to '{}'",
                word(disabled),
                word(!disabled)
            ));
        }
    }
    let outcome = Outcome::new(!messages.is_empty())
        .with("msg", messages.join(", "))
        .with("configfile", arguments.configfile.as_str())
        .with("policy", policy)
        .with("state", wanted.word())
        .with("reboot_required", reboot);
    if context.check() {
        return Ok(outcome);
    }
    if after != before {
        write::replace(&write::resolve(&file)?, after.as_bytes(), &Wanted::default())?;
    }
    if let Some(mode) = set_running {
        let enforce = kernel.join("enforce");
        let value = if mode == Mode::Enforcing { "1" } else { "0" };
        std::fs::write(&enforce, value).map_err(|error| Failure::io("write", &enforce, error))?;
    }
    if let Some(flag) = set_kernel {
        let command = Command::new("grubby").args(["--update-kernel=ALL", flag, "selinux=0"]).plain_locale();
        command.run_or_fail("could not change the kernels' command lines", context)?;
    }
    Ok(outcome)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::{Map, Options, Value};
    use serde_json::json;

    use super::*;
    use crate::argument::Arguments as _;
    use crate::context::{Cancel, Detached};
    use crate::testing::Bench;

    fn apply(bench: &Bench, mut arguments: serde_json::Value, check: bool) -> Result<Map, Failure> {
        arguments["configfile"] = bench.path("config").into();
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
        let options = Options { check, ..Options::default() };
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        let outcome = super::apply(Arguments::decode(&map)?, &bench.root().join("kernel"), &context)?;
        Ok(outcome.into_map(false))
    }

    fn changes(bench: &Bench, arguments: serde_json::Value, message: &str, reboot: bool) {
        for (check, changed) in [(true, true), (false, true), (true, false), (false, false)] {
            let done = apply(bench, arguments.clone(), check).unwrap();
            assert_eq!(done["changed"].as_bool(), Some(changed), "{arguments} check={check}");
            assert_eq!(done["reboot_required"].as_bool(), Some(reboot), "{arguments}");
            assert!(!changed || done["msg"].as_str().unwrap().contains(message), "{}", done["msg"]);
        }
    }

    #[test]
    fn mode_and_policy_are_set_in_kernel_and_configuration() {
        let bench = Bench::new();
        bench.file("config", "# c\nSELINUX=enforcing\nSELINUXTYPE=targeted\n");
        bench.file("kernel/enforce", "1");
        bench.file("mls/x", "");
        let permissive = json!({"policy": "targeted", "state": "permissive"});
        changes(&bench, permissive, "SELinux state changed from 'enforcing' to 'permissive'", false);
        assert_eq!(bench.read("kernel/enforce"), "0");
        assert_eq!(bench.read("config"), "# c\nSELINUX=permissive\nSELINUXTYPE=targeted\n");
        let done = apply(&bench, json!({"policy": "mls", "state": "permissive"}), false).unwrap();
        assert_eq!(done["reboot_required"].as_bool(), Some(true));
        changes(&bench, json!({"state": "disabled"}), "Config SELinux state changed", true);
        assert_eq!(bench.read("config"), "# c\nSELINUX=disabled\nSELINUXTYPE=mls\n");
    }

    #[test]
    fn where_it_is_off_it_needs_a_new_start() {
        let bench = Bench::new();
        bench.file("config", "SELINUX=disabled\nSELINUXTYPE=targeted\n");
        changes(&bench, json!({"policy": "targeted", "state": "enforcing"}), "from 'disabled' to 'enforcing'", true);
    }

    #[test]
    fn what_is_missing_is_told() {
        let bench = Bench::new();
        let fails = |arguments| apply(&bench, arguments, false).unwrap_err().message;
        assert!(fails(json!({"state": "disabled"})).contains("Unable to find file"));
        bench.file("config", "SELINUX=disabled\nSELINUXTYPE=targeted\n");
        assert!(fails(json!({"state": "enforcing"})).contains("Policy is required"));
        assert!(fails(json!({"state": "enforcing", "policy": "none"})).contains("does not exist"));
        assert!(fails(json!({"state": "on"})).contains("permissive"));
    }
}
