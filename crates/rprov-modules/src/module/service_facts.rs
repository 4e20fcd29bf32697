//! `service_facts`: the services of the host and their states.

use rprov_wire::{Map, Value};

use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::program::find_program;

arguments! {
    /// Return service state information as fact data.
    pub struct Arguments {}
}

fn entry(name: &str, state: &str, status: Option<&str>, source: &str) -> Value {
    let mut map = Map::new();
    map.insert("name".into(), name.into());
    map.insert("state".into(), state.into());
    if let Some(status) = status {
        map.insert("status".into(), status.into());
    }
    map.insert("source".into(), source.into());
    map.into()
}

/// Units that run or could, then unit files that are not loaded.
fn systemd(services: &mut Map, context: &Context<'_>) -> Result<(), Failure> {
    let list = |words: &[&str]| -> Result<String, Failure> {
        Ok(Command::new("systemctl").plain_locale().args(words.iter().copied()).run(context)?.stdout())
    };
    for line in list(&["list-units", "--no-pager", "--type", "service", "--all", "--plain", "--no-legend"])?.lines() {
        let fields: Vec<&str> = line.trim_start_matches(['●', ' ', '*']).split_whitespace().collect();
        let [name, loaded, _active, sub, ..] = fields.as_slice() else { continue };
        if !name.ends_with(".service") {
            continue;
        }
        let state = if *sub == "running" { "running" } else { "stopped" };
        let status = match *loaded {
            "not-found" | "masked" | "failed" => *loaded,
            _ if *sub == "failed" => "failed",
            _ => "unknown",
        };
        services.insert((*name).to_owned(), entry(name, state, Some(status), "systemd"));
    }
    for line in list(&["list-unit-files", "--no-pager", "--type", "service", "--all", "--no-legend"])?.lines() {
        let mut fields = line.split_whitespace();
        let (Some(name), Some(status)) = (fields.next(), fields.next()) else { continue };
        match services.get_mut(name) {
            Some(Value::Map(known)) => {
                let failed = known.get("status").and_then(Value::as_str) == Some("failed");
                if !failed {
                    known.insert("status".into(), status.into());
                }
            }
            _ => {
                let shown = list(&["show", name, "--property=ActiveState"])?;
                let state = match shown.trim().strip_prefix("ActiveState=") {
                    Some("active") => "active",
                    Some(other) => other,
                    None => "unknown",
                };
                services.insert(name.to_owned(), entry(name, state, Some(status), "systemd"));
            }
        }
    }
    Ok(())
}

/// What `rc-status` says of each service, and in which runlevels it starts.
fn openrc(services: &mut Map, context: &Context<'_>) -> Result<(), Failure> {
    let ask = |program: &str, words: &[&str]| -> Result<String, Failure> {
        Ok(Command::new(program).args(words.iter().copied()).plain_locale().run(context)?.stdout())
    };
    let levels = ask("rc-update", &["show", "--verbose"])?;
    let levels_of = |service: &str| {
        let mut rows = levels.lines().filter_map(|line| line.split_once('|'));
        let (_, words) = rows.find(|(name, _)| name.trim() == service)?;
        Some(words.split_whitespace().map(str::to_owned).collect::<Vec<String>>()).filter(|words| !words.is_empty())
    };
    // Lines that are not indented are runlevels; those with a star are messages.
    let status = ask("rc-status", &["--all", "--servicelist"])?;
    for line in status.lines().filter(|line| line.starts_with(' ') && !line.trim_start().starts_with('*')) {
        let Some((name, rest)) = line.split_once('[') else { continue };
        let name = name.trim();
        let state = rest.trim_matches([' ', ']']).split_whitespace().next().unwrap_or("unknown");
        let entry = Value::from_iter([
            ("name", Value::from(name)),
            ("runlevels", levels_of(name).into()),
            ("state", if state == "started" { "running" } else { state }.into()),
            ("source", "openrc".into()),
        ]);
        services.insert(name.to_owned(), entry);
    }
    Ok(())
}

/// List the services.
///
/// # Errors
/// The service manager cannot be asked.
pub fn run(_arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut services = Map::new();
    if find_program("rc-status", context).is_some() {
        openrc(&mut services, context)?;
    } else if find_program("service", context).is_some() && !std::path::Path::new("/run/systemd/system").exists() {
        let output = Command::new("service").arg("--status-all").plain_locale().run(context)?;
        for line in output.stdout().lines() {
            let Some((sign, name)) = line.trim().strip_prefix('[').and_then(|rest| rest.split_once(']')) else {
                continue;
            };
            let state = if sign.trim() == "+" { "running" } else { "stopped" };
            services.insert(name.trim().to_owned(), entry(name.trim(), state, None, "sysv"));
        }
    }
    if std::path::Path::new("/run/systemd/system").exists() {
        systemd(&mut services, context)?;
    }
    let outcome = Outcome::unchanged().with("ansible_facts", Value::from_iter([("services", services.clone())]));
    Ok(if services.is_empty() {
        outcome.with("skipped", true).with(
            "msg",
            "Failed to find any services. This can be due to privileges or some other configuration issue.",
        )
    } else {
        outcome
    })
}
