//! `service`: services, whatever manages them on the host: systemd, OpenRC or System V scripts.

use std::path::Path;

use super::systemd_service;
use crate::context::Context;
use crate::fact::{self, distribution};
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::program::find_program;
use crate::{arguments, choices};

choices! {
    /// What the service is to do.
    pub enum State { Reloaded = "reloaded", Restarted = "restarted", Started = "started", Stopped = "stopped" }
}

arguments! {
    /// Manage services.
    pub struct Arguments {
        /// The service.
        name: String,
        /// What it is to do.
        state: Option<State>,
        /// Seconds to wait between stop and start of a restart; without systemd only.
        sleep: Option<u64>,
        /// If the service cannot tell its status: it runs if a process's command line holds this text.
        pattern: Option<String>,
        /// Whether it starts at boot.
        enabled: Option<bool>,
        /// OpenRC's runlevel.
        runlevel: String = "default".to_owned(),
        /// More arguments for its script; without systemd only.
        arguments | args: String = String::new(),
        /// The service manager; found out where it is `auto`.
        r#use: String = "auto".to_owned(),
    }
    rules: [crate::argument::Rule::OneOf(&["state", "enabled"])],
}

/// Bring the service to its state.
///
/// # Errors
/// There is no such service, or its manager refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let manager = match arguments.r#use.rsplit('.').next().unwrap_or("auto") {
        "auto" => distribution::service_manager(),
        manager => manager.to_owned(),
    };
    if matches!(manager.as_str(), "systemd" | "systemd_service") {
        let state = arguments.state.map(|state| match state {
            State::Reloaded => systemd_service::State::Reloaded,
            State::Restarted => systemd_service::State::Restarted,
            State::Started => systemd_service::State::Started,
            State::Stopped => systemd_service::State::Stopped,
        });
        return systemd_service::run(
            systemd_service::Arguments {
                name: Some(arguments.name),
                state,
                enabled: arguments.enabled,
                force: false,
                masked: None,
                daemon_reload: false,
                daemon_reexec: false,
                scope: systemd_service::Scope::System,
                no_block: false,
            },
            context,
        );
    }
    Script { openrc: find_program("rc-service", context).is_some(), arguments: &arguments, context }.run()
}

/// A service that a script starts.
struct Script<'a> {
    openrc: bool,
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl Script<'_> {
    fn name(&self) -> &str {
        &self.arguments.name
    }

    fn call(&self, verb: &str) -> Result<Output, Failure> {
        let words = shlex::split(&self.arguments.arguments).unwrap_or_default();
        let command = if self.openrc {
            Command::new("rc-service").args([self.name(), verb])
        } else if Path::new("/etc/init.d").join(self.name()).exists() {
            Command::new(format!("/etc/init.d/{}", self.name())).arg(verb)
        } else if find_program("service", self.context).is_some() {
            Command::new("service").args([self.name(), verb])
        } else {
            return Err(Failure::new(format!("Could not find the requested service {}: host", self.name())));
        };
        Ok(command.args(words).plain_locale().current_dir("/").run(self.context)?)
    }

    fn is_running(&self) -> Result<bool, Failure> {
        if let Some(pattern) = &self.arguments.pattern {
            let own = std::process::id().to_string();
            return Ok(fact::names("/proc")
                .iter()
                .filter(|name| **name != own && name.bytes().all(|b| b.is_ascii_digit()))
                .any(|pid| {
                    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
                    String::from_utf8_lossy(&line).replace('\0', " ").contains(pattern.as_str())
                }));
        }
        let output = self.call("status")?;
        let text = output.stdout().to_lowercase();
        // The LSB's codes, unless the script knows no better than to exit with 0.
        Ok(match output.rc {
            0 => !["not running", "is stopped", "is inactive", "dead"].iter().any(|sign| text.contains(sign)),
            1..=4 => false,
            _ => text.contains("running") && !text.contains("not running"),
        })
    }

    fn change(&self, verb: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        self.call(verb)?.or_fail(&format!("Unable to {verb} service {}", self.name())).map(drop)
    }

    fn is_enabled(&self) -> Result<bool, Failure> {
        if self.openrc {
            let output = Command::new("rc-update").args(["show", &self.arguments.runlevel]).run(self.context)?;
            return Ok(output
                .stdout()
                .lines()
                .any(|line| line.split('|').next().is_some_and(|name| name.trim() == self.name())));
        }
        // Links like S01ssh in the directories of the runlevels.
        Ok((2..=5).any(|level| {
            ["/etc", "/etc/rc.d"].iter().any(|base| {
                fact::names(format!("{base}/rc{level}.d")).iter().any(|link| {
                    link.strip_prefix('S')
                        .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()) == self.name())
                })
            })
        }))
    }

    fn enable(&self, enable: bool) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        let verb = if enable { "enable" } else { "disable" };
        let command = if self.openrc {
            Command::new("rc-update").args([if enable { "add" } else { "del" }, self.name(), &self.arguments.runlevel])
        } else if find_program("update-rc.d", self.context).is_some() {
            if enable {
                Command::new("update-rc.d")
                    .args([self.name(), "defaults"])
                    .run_or_fail("could not run update-rc.d", self.context)?;
            }
            Command::new("update-rc.d").args([self.name(), verb])
        } else if find_program("chkconfig", self.context).is_some() {
            Command::new("chkconfig").args([self.name(), if enable { "on" } else { "off" }])
        } else {
            return Err(Failure::new(format!(
                "could not {verb} the service {}: this host has none of systemctl, rc-update, update-rc.d and chkconfig",
                self.name()
            )));
        };
        command.run_or_fail(&format!("could not {verb} the service {}", self.name()), self.context).map(drop)
    }

    fn run(&self) -> Result<Outcome, Failure> {
        let mut changed = false;
        if !Path::new("/etc/init.d").join(self.name()).exists() {
            return Err(Failure::new(format!("Could not find the requested service {}: host", self.name())));
        }
        if let Some(enable) = self.arguments.enabled
            && enable != self.is_enabled()?
        {
            changed = true;
            self.enable(enable)?;
        }
        if let Some(state) = self.arguments.state {
            match state {
                State::Started if !self.is_running()? => {
                    changed = true;
                    self.change("start")?;
                }
                State::Stopped if self.is_running()? => {
                    changed = true;
                    self.change("stop")?;
                }
                State::Restarted => {
                    changed = true;
                    match self.arguments.sleep {
                        Some(seconds) if !self.context.check() => {
                            self.call("stop")?;
                            std::thread::sleep(std::time::Duration::from_secs(seconds));
                            self.change("start")?;
                        }
                        _ => self.change("restart")?,
                    }
                }
                State::Reloaded => {
                    changed = true;
                    self.change(if self.is_running()? { "reload" } else { "start" })?;
                }
                _ => {}
            }
        }
        let mut outcome = Outcome::new(changed).with("name", self.name());
        if let Some(state) = self.arguments.state {
            outcome = outcome.with("state", if state == State::Stopped { "stopped" } else { "started" });
        }
        if let Some(enabled) = self.arguments.enabled {
            outcome = outcome.with("enabled", enabled);
        }
        Ok(outcome)
    }
}
