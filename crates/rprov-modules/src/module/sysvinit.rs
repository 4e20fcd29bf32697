//! `sysvinit`: services that a script in `/etc/init.d` starts.

use std::time::Duration;

use rprov_wire::{Map, Value};

use crate::argument::Rule::OneOf;
use crate::context::Context;
use crate::init_script::{InitScript, process_runs, says_running};
use crate::outcome::{Failure, Outcome};
use crate::process::Output;
use crate::{arguments, choices};

choices! {
    /// What the service is to do.
    pub enum State { Started = "started", Stopped = "stopped", Restarted = "restarted", Reloaded = "reloaded" }
}

arguments! {
    /// Manage SysV services.
    pub struct Arguments {
        /// The service.
        name | service: String,
        /// What it is to do.
        state: Option<State>,
        /// Whether it starts at boot.
        enabled: Option<bool>,
        /// Seconds between stop and start of a restart.
        sleep: u64 = 1,
        /// The service runs if a process's command line holds this text.
        pattern: Option<String>,
        /// The runlevels in which it is to start, or not; the script's own if not given.
        runlevels: Option<Vec<String>>,
        /// More arguments for the script.
        arguments | args: Option<String>,
        /// Accepted: what a script leaves behind never holds the task.
        daemonize: bool = false,
    }
    rules: [OneOf(&["state", "enabled"])]
}

/// What was done, as results tell it.
fn told(changed: bool, output: Option<&Output>) -> Map {
    Map::from_iter([
        ("changed".to_owned(), Value::from(changed)),
        ("rc".to_owned(), output.map(|output| output.rc).into()),
        ("stdout".to_owned(), output.map(Output::stdout).into()),
        ("stderr".to_owned(), output.map(Output::stderr).into()),
    ])
}

fn is_running(script: &InitScript<'_>, pattern: Option<&str>, warnings: &mut Vec<&str>) -> Result<bool, Failure> {
    let running = match pattern {
        Some(pattern) => process_runs(pattern).then_some(true),
        None => says_running(&script.call("status")?),
    };
    if running.is_none() {
        warnings.push("Unable to determine if service is up, assuming it is down");
    }
    Ok(running.unwrap_or(false))
}

/// Bring the service to its state.
///
/// # Errors
/// There is no such script, or it fails.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    let script = InitScript { name, arguments: arguments.arguments.as_deref().unwrap_or_default(), context };
    if !script.path().exists() {
        return Err(Failure::new(format!(
            "Could not find the requested service {name}: there is no {}",
            script.path().display()
        )));
    }
    let mut status = Map::new();
    let mut warnings = Vec::new();
    let levels = arguments.runlevels.clone().unwrap_or_default();
    let mut enabling = told(false, None);
    if let Some(enable) = arguments.enabled {
        let differs = if levels.is_empty() {
            script.is_enabled(None) != enable
        } else {
            levels.iter().any(|level| script.is_enabled(Some(level)) != enable)
        };
        let output = if differs && !context.check() { Some(script.enable(enable, &levels)?) } else { None };
        enabling = told(differs, output.as_ref());
        if !levels.is_empty() {
            enabling.insert("runlevels".to_owned(), levels.into());
        }
    }
    let mut changed = enabling.get("changed") == Some(&Value::from(true));
    status.insert("enabled".to_owned(), enabling.into());
    if let Some(state) = arguments.state {
        let running = is_running(&script, arguments.pattern.as_deref(), &mut warnings)?;
        let needed = match state {
            State::Started => !running,
            State::Stopped => running,
            State::Restarted | State::Reloaded => true,
        };
        let call = |verb: &str| script.call(verb)?.or_fail(&format!("Failed to {verb} service {name}"));
        let restart = || {
            call("stop")?;
            std::thread::sleep(Duration::from_secs(arguments.sleep));
            call("start")
        };
        let output = match state {
            _ if !needed || context.check() => None,
            State::Started => Some(call("start")?),
            State::Stopped => Some(call("stop")?),
            State::Restarted => Some(restart()?),
            // A script that cannot reload is started anew.
            State::Reloaded => Some(call("reload").or_else(|_| restart())?),
        };
        changed |= needed;
        status.insert(state.word().to_owned(), told(needed, output.as_ref()).into());
    }
    let outcome = Outcome::new(changed).with("name", name).with("status", status);
    Ok(if warnings.is_empty() { outcome } else { outcome.with("warnings", warnings) })
}
