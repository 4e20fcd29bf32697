//! `sysctl`: kernel parameters, in the running kernel and in a file for the next start.

use std::path::{Path, PathBuf};

use crate::argument::Raw;
use crate::attributes::Wanted;
use crate::context::Context;
use crate::fact;
use crate::outcome::{Diff, Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// Whether the parameter is to be in the file.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Manage entries in sysctl.conf.
    pub struct Arguments {
        /// The parameter, with dots or slashes.
        name | key: String,
        /// Its value.
        value | val: Option<Raw>,
        /// Whether it is to be in the file.
        state: State = State::Present,
        /// Do not fail where the kernel does not know the parameter.
        ignoreerrors: bool = false,
        /// Read the file again after a change.
        reload: bool = true,
        /// The file.
        sysctl_file: PathBuf = PathBuf::from("/etc/sysctl.conf"),
        /// Set the value in the running kernel too.
        sysctl_set: bool = false,
    }
    rules: [crate::argument::Rule::If("state", "present", &["value"])],
}

/// Values are lists of words; how they are separated means nothing.
fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where the kernel has a parameter: dots separate, and slashes stand for dots within a name.
fn kernel_path(name: &str) -> PathBuf {
    let swapped: String = match name.find(['.', '/']).and_then(|position| name.get(position..=position)) {
        Some("/") => name.to_owned(),
        _ => name
            .chars()
            .map(|c| match c {
                '.' => '/',
                '/' => '.',
                c => c,
            })
            .collect(),
    };
    Path::new("/proc/sys").join(swapped)
}

fn key_of(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with(['#', ';']) {
        return None;
    }
    line.split_once('=').map(|(key, value)| (key.trim().trim_start_matches('-').trim(), value.trim()))
}

/// Set or remove the parameter.
///
/// # Errors
/// The kernel does not know it or refuses the value, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.trim();
    if name.is_empty() || name.split(['.', '/']).any(str::is_empty) {
        return Err(Failure::new(format!("`{name}` is no name of a kernel parameter, such as net.ipv4.ip_forward")));
    }
    let value = match arguments.value.as_ref().map(|value| &value.0) {
        None => None,
        Some(rprov_wire::Value::Bool(flag)) => Some(if *flag { "1" } else { "0" }.to_owned()),
        Some(rprov_wire::Value::String(text)) => Some(match text.to_lowercase().as_str() {
            "yes" | "true" | "on" => "1".to_owned(),
            "no" | "false" | "off" => "0".to_owned(),
            _ => words(text),
        }),
        Some(other) => Some(other.to_string()),
    };
    let file = arguments.sysctl_file.as_path();
    let before = std::fs::read(file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let same = |key: &str| kernel_path(key) == kernel_path(name);
    let mut lines = Vec::new();
    let mut written = false;
    for line in before.lines() {
        match key_of(line) {
            Some((key, present)) if same(key) => {
                if let (State::Present, Some(value)) = (arguments.state, &value)
                    && !written
                {
                    written = true;
                    lines.push(if words(present) == *value { line.to_owned() } else { format!("{name}={value}") });
                }
            }
            _ => lines.push(line.to_owned()),
        }
    }
    if let (State::Present, Some(value), false) = (arguments.state, &value, written) {
        lines.push(format!("{name}={value}"));
    }
    let mut after = lines.join("\n");
    if !after.is_empty() {
        after.push('\n');
    }
    let in_file = words(&before) != words(&after);
    let path = kernel_path(name);
    let running = fact::content(&path).map(|text| words(&text));
    let in_kernel = arguments.sysctl_set && arguments.state == State::Present && running != value;
    let outcome = Outcome::new(in_file || in_kernel);
    let outcome =
        if in_file { outcome.with_diff(Diff::text(&file.to_string_lossy(), before, after.as_str())) } else { outcome };
    if context.check() {
        return Ok(outcome);
    }
    if in_kernel && let Some(value) = &value {
        match std::fs::write(&path, format!("{value}\n")) {
            Ok(()) => {}
            Err(_) if arguments.ignoreerrors => {}
            Err(error) => {
                return Err(Failure::new(format!(
                    "setting {name} failed: could not write {value} to {}: {error}",
                    path.display()
                )));
            }
        }
    }
    if in_file {
        crate::write::replace(file, after.as_bytes(), &Wanted::default())?;
        if arguments.reload {
            let mut command = Command::new("sysctl");
            if arguments.ignoreerrors {
                command = command.arg("-e");
            }
            let output = command.arg("-p").arg(file.as_os_str()).plain_locale().run(context)?;
            if !output.success() && !arguments.ignoreerrors {
                return Err(output.failure(&format!("could not load {}", file.display())).with("changed", true));
            }
        }
    }
    Ok(outcome)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::{Options, Value};

    #[test]
    fn an_entry_is_replaced_in_its_place_once_and_only_when_it_differs() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("sysctl.conf");
        std::fs::write(&file, "# c\nkernel.pid_max = 5\nvm.swappiness=1\n").unwrap();
        let call = |value: serde_json::Value| {
            let arguments = serde_json::json!({
                "name": "kernel.pid_max", "value": value, "sysctl_file": file.to_str(), "reload": false,
            });
            let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
            let options = Options::default();
            let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
            crate::registry::entry("sysctl").unwrap()(&map, &context).unwrap().changed
        };
        assert!(!call("5".into()));
        assert!(call(6.into()) && !call(6.into()));
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "# c\nkernel.pid_max=6\nvm.swappiness=1\n");
        assert_eq!(kernel_path("net.ipv4.conf.eth0/1.x"), Path::new("/proc/sys/net/ipv4/conf/eth0.1/x"));
    }
}
