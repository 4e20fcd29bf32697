//! `service`: services, whatever manages them on the host: systemd, OpenRC, Upstart or System V scripts.

use std::path::Path;

use super::{systemd_service, sysvinit};
use crate::context::Context;
use crate::fact::distribution;
use crate::init_script::{InitScript, process_runs, says_running};
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::program::find_program;
use crate::upstart;
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
    if manager == "sysvinit" {
        return sysvinit::run(
            sysvinit::Arguments {
                name: arguments.name,
                state: arguments.state.map(|state| match state {
                    State::Reloaded => sysvinit::State::Reloaded,
                    State::Restarted => sysvinit::State::Restarted,
                    State::Started => sysvinit::State::Started,
                    State::Stopped => sysvinit::State::Stopped,
                }),
                enabled: arguments.enabled,
                sleep: arguments.sleep.unwrap_or(1),
                pattern: arguments.pattern,
                runlevels: None,
                arguments: Some(arguments.arguments),
                daemonize: false,
            },
            context,
        );
    }
    let script = InitScript { name: &arguments.name, arguments: &arguments.arguments, context };
    let kind = if find_program("rc-service", context).is_some() {
        Kind::OpenRc
    } else if Path::new(&format!("/etc/init/{}.conf", arguments.name)).exists()
        && find_program("initctl", context).is_some()
    {
        Kind::Upstart
    } else {
        Kind::SystemV
    };
    Script { kind, script, arguments: &arguments, context }.run()
}

/// Who runs the services where that is not systemd.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    OpenRc,
    Upstart,
    SystemV,
}

/// A service that systemd does not run.
struct Script<'a> {
    kind: Kind,
    script: InitScript<'a>,
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl Script<'_> {
    fn name(&self) -> &str {
        &self.arguments.name
    }

    fn call(&self, verb: &str) -> Result<Output, Failure> {
        let words = shlex::split(&self.arguments.arguments).unwrap_or_default();
        let command = match self.kind {
            Kind::SystemV => return self.script.call(verb),
            Kind::OpenRc => Command::new("rc-service").args([self.name(), verb]).args(words),
            Kind::Upstart => Command::new("initctl").args([verb, self.name()]).args(words),
        };
        Ok(command.plain_locale().current_dir("/").run(self.context)?)
    }

    fn is_running(&self) -> Result<bool, Failure> {
        if let Some(pattern) = &self.arguments.pattern {
            return Ok(process_runs(pattern));
        }
        let output = self.call("status")?;
        Ok(match self.kind {
            // `cron start/running, process 1`
            Kind::Upstart => output.stdout().contains(" start/"),
            _ => says_running(&output).unwrap_or(false),
        })
    }

    fn change(&self, verb: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        self.call(verb)?.or_fail(&format!("Unable to {verb} service {}", self.name())).map(drop)
    }

    fn is_enabled(&self) -> Result<bool, Failure> {
        match self.kind {
            Kind::SystemV => Ok(self.script.is_enabled(None)),
            Kind::Upstart => Ok(upstart::is_enabled(Path::new("/etc/init"), self.name())),
            Kind::OpenRc => {
                let output = Command::new("rc-update").args(["show", &self.arguments.runlevel]).run(self.context)?;
                let listed = output.stdout();
                let mut names = listed.lines().filter_map(|line| line.split('|').next());
                Ok(names.any(|name| name.trim() == self.name()))
            }
        }
    }

    fn enable(&self, enable: bool) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        match self.kind {
            Kind::SystemV => self.script.enable(enable, &[]).map(drop),
            Kind::Upstart => upstart::enable(Path::new("/etc/init"), self.name(), enable),
            Kind::OpenRc => {
                let verb = if enable { "add" } else { "del" };
                Command::new("rc-update")
                    .args([verb, self.name(), &self.arguments.runlevel])
                    .run_or_fail(&format!("could not {verb} the service {}", self.name()), self.context)
                    .map(drop)
            }
        }
    }

    fn run(&self) -> Result<Outcome, Failure> {
        let mut changed = false;
        if self.kind != Kind::Upstart && !self.script.path().exists() {
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
