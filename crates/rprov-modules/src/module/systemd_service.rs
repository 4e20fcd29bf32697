//! `systemd_service`, also known as `systemd`: units of systemd, by `systemctl`.

use std::path::Path;

use rprov_wire::{Map, Value};

use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::{arguments, choices};

choices! {
    /// What the unit is to do.
    pub enum State { Reloaded = "reloaded", Restarted = "restarted", Started = "started", Stopped = "stopped" }
}

choices! {
    /// Whose systemd.
    pub enum Scope { System = "system", User = "user", Global = "global" }
}

arguments! {
    /// Manage systemd units.
    pub struct Arguments {
        /// The unit; `.service` is added where it has no suffix.
        name | service | unit: Option<String>,
        /// What it is to do.
        state: Option<State>,
        /// Whether it starts at boot.
        enabled: Option<bool>,
        /// Overwrite existing symbolic links when it is enabled.
        force: bool = false,
        /// Whether it can be started at all.
        masked: Option<bool>,
        /// Make systemd read its files again first.
        daemon_reload | "daemon-reload": bool = false,
        /// Make systemd execute itself anew first.
        daemon_reexec | "daemon-reexec": bool = false,
        /// Whose systemd to talk to.
        scope: Scope = Scope::System,
        /// Do not wait until it is done.
        no_block: bool = false,
    }
    rules: [
        crate::argument::Rule::By("state", &["name"]),
        crate::argument::Rule::By("enabled", &["name"]),
        crate::argument::Rule::By("masked", &["name"]),
    ],
}

/// How many lines of its log a unit's failure shows.
const LOG_LINES: usize = 10;

struct Systemctl<'a> {
    base: Vec<&'static str>,
    context: &'a Context<'a>,
}

impl Systemctl<'_> {
    fn command(&self, program: &str) -> Command {
        let command = Command::new(program).plain_locale();
        // The user's own systemd is found by this.
        if self.base.contains(&"--user") && std::env::var_os("XDG_RUNTIME_DIR").is_none() {
            return command.env("XDG_RUNTIME_DIR", format!("/run/user/{}", rustix::process::geteuid().as_raw()));
        }
        command
    }

    fn run(&self, words: &[&str]) -> Result<Output, Failure> {
        let command = self.command("systemctl").args(self.base.iter().copied()).args(words.iter().copied());
        Ok(command.run(self.context)?)
    }

    /// Change the unit's state. Where that fails, the message has what the unit logged meanwhile: systemctl itself only
    /// tells by which commands that is found.
    fn switch(&self, verb: &str, unit: &str) -> Result<(), Failure> {
        let started = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        self.change(&[verb, unit], &format!("Unable to {verb} service {unit}")).map_err(|mut failure| {
            let log = self.log(unit, started.as_secs());
            if !log.is_empty() {
                failure.message.push_str("\nThe last lines of its log:\n");
                failure.message.push_str(&log);
            }
            failure
        })
    }

    /// The last lines that a unit logged since a time, in seconds since the epoch; empty where there is no journal.
    fn log(&self, unit: &str, since: u64) -> String {
        let mut words = vec!["--quiet".to_owned(), "--no-pager".to_owned(), "--output=cat".to_owned()];
        words.extend([format!("--lines={LOG_LINES}"), format!("--since=@{since}"), format!("--unit={unit}")]);
        if self.base.contains(&"--user") {
            words.push("--user".to_owned());
        }
        let output = self.command("journalctl").args(words).run(self.context);
        output.map(|output| output.stdout().trim_end().to_owned()).unwrap_or_default()
    }

    fn change(&self, words: &[&str], attempt: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        self.run(words)?.or_fail(attempt).map(drop)
    }
}

/// Properties as `systemctl show` prints them; a value may go on over lines while its brace is open.
fn properties(text: &str) -> Map {
    let mut map = Map::new();
    let mut open: Option<(String, String)> = None;
    for line in text.lines() {
        if let Some((key, mut value)) = open.take() {
            value.push('\n');
            value.push_str(line);
            if line.trim_end().ends_with('}') {
                map.insert(key, value.trim().into());
            } else {
                open = Some((key, value));
            }
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        if key.starts_with("Exec") && value.trim_start().starts_with('{') && !value.trim_end().ends_with('}') {
            open = Some((key.to_owned(), value.to_owned()));
        } else {
            map.insert(key.to_owned(), value.trim().into());
        }
    }
    map
}

/// Bring the unit to its state.
///
/// # Errors
/// There is no such unit, or systemd refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut base = Vec::new();
    match arguments.scope {
        Scope::System => {}
        Scope::User => base.push("--user"),
        Scope::Global => base.push("--global"),
    }
    if arguments.no_block {
        base.push("--no-block");
    }
    if arguments.force {
        base.push("--force");
    }
    let systemctl = Systemctl { base, context };
    let mut changed = false;
    if arguments.daemon_reload {
        systemctl.change(&["daemon-reload"], "failure during daemon-reload")?;
    }
    if arguments.daemon_reexec {
        systemctl.change(&["daemon-reexec"], "failure during daemon-reexec")?;
    }
    let Some(name) = arguments.name.as_deref() else {
        return Ok(Outcome::unchanged().with("name", Value::Null).with("status", Map::new()));
    };
    if name.contains(['*', '?', '[']) {
        return Err(Failure::new(format!(
            "This module does not currently support using glob patterns, found '{name}' in service name"
        )));
    }
    let unit = name;
    let mut status = Map::new();
    let shown = systemctl.run(&["show", unit])?;
    let text = shown.stdout();
    let offline =
        shown.stderr().contains("Running in chroot, ignoring") || text.contains("Running in chroot, ignoring");
    if shown.success() && !offline {
        status = properties(&text);
    }
    let value = |status: &Map, key: &str| status.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let loaded = value(&status, "LoadState");
    let is_masked = loaded == "masked" || value(&status, "UnitFileState").starts_with("masked");
    let has_script = Path::new("/etc/init.d").join(unit).exists();
    let found = (!loaded.is_empty() && loaded != "not-found") || has_script;
    let missing = || {
        Failure::new(format!("Could not find the requested service {name}: host"))
            .with("status", status.clone())
            .with("name", name)
    };
    if !shown.success() && !offline {
        return Err(Failure::new(format!(
            "Service is in unknown state: systemctl show {unit}: {}",
            shown.stderr().trim()
        ))
        .with("status", status.clone()));
    }

    if let Some(masked) = arguments.masked
        && masked != is_masked
    {
        if masked && !found && !offline {
            return Err(missing());
        }
        changed = true;
        let verb = if masked { "mask" } else { "unmask" };
        systemctl.change(&[verb, unit], &format!("Unable to {verb} service {unit}"))?;
    }

    if let Some(enable) = arguments.enabled {
        if !found && !offline {
            return Err(missing());
        }
        let answer = systemctl.run(&["is-enabled", unit])?;
        let word = answer.stdout().trim().to_owned();
        let mut enabled = answer.success();
        if enabled && word == "enabled-runtime" {
            enabled = false;
        }
        // systemctl calls these enabled, and `disable` would never change that: there is no link to remove.
        if enabled && !enable && matches!(word.as_str(), "static" | "indirect" | "generated" | "transient") {
            enabled = false;
        }
        if enable != enabled {
            changed = true;
            let verb = if enable { "enable" } else { "disable" };
            systemctl.change(&[verb, unit], &format!("Unable to {verb} service {unit}"))?;
        }
    }

    if let Some(state) = arguments.state {
        if !found && !offline {
            return Err(missing());
        }
        let active = value(&status, "ActiveState");
        let running = matches!(active.as_str(), "active" | "activating" | "reloading");
        let verb = match state {
            State::Started => (!running).then_some("start"),
            State::Stopped => (running || active == "deactivating").then_some("stop"),
            State::Reloaded => Some(if running { "reload" } else { "start" }),
            State::Restarted => Some("restart"),
        };
        // A chroot has no systemd that could start anything: the reference only says so.
        if let Some(verb) = verb.filter(|_| !offline) {
            changed = true;
            systemctl.switch(verb, unit)?;
        }
    }
    let mut outcome = Outcome::new(changed).with("name", name).with("status", status);
    if let Some(enabled) = arguments.enabled {
        outcome = outcome.with("enabled", enabled);
    }
    if let Some(state) = arguments.state {
        outcome = outcome.with("state", if matches!(state, State::Stopped) { "stopped" } else { "started" });
    }
    if offline {
        outcome = outcome.with("warnings", vec!["Target is a chroot or systemd is offline. This can lead to false positives or prevent the init system tools from working."]);
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_may_go_on_over_lines() {
        let map = properties("Id=ssh.service\nExecStart={ path=/x ; argv[]=a\n b ; }\nActiveState=active\n");
        assert_eq!(map.keys().collect::<Vec<_>>(), ["Id", "ExecStart", "ActiveState"]);
        assert_eq!(map.get("ActiveState"), Some(&Value::from("active")));
    }
}
