//! Inventory scripts: programs that print groups and hosts as JSON for `--list`, and variables for `--host NAME`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use serde_json::{Map, Value};

use super::model::Inventory;
use crate::source::{Diagnostic, SourceId, Span, register};
use crate::yaml::{Data, Node};

/// Why there is nothing from a script.
pub(super) enum Failure {
    /// The system does not know how to execute it: it is a data file with its executable bit set.
    NotAProgram,
    /// Everything else.
    Failed(Diagnostic),
}

impl From<Diagnostic> for Failure {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Failed(diagnostic)
    }
}

/// Run the script and read what it prints into the inventory. Its standard error goes to ours.
///
/// # Errors
/// The script can't be run, fails, or prints something else than such JSON.
pub(super) fn load(inventory: &mut Inventory, path: &Path) -> Result<(), Failure> {
    let script = Script { path };
    let (root, source) = script.json(&["--list"])?;
    let span = Span::start_of(source);
    let Value::Object(mut groups) = root else {
        return Err(script.unexpected("--list", "a dictionary of groups", &root, span).into());
    };
    let meta = groups.remove("_meta");
    let vars = meta.as_ref().and_then(|meta| meta.get("hostvars")).and_then(Value::as_object);
    let known: Vec<Arc<str>> = inventory.hosts().map(|host| Arc::clone(&host.name)).collect();
    for (name, content) in groups {
        script.group(inventory, &name, content, span)?;
    }
    let hosts: Vec<Arc<str>> = inventory.hosts().map(|host| Arc::clone(&host.name)).collect();
    for host in hosts {
        match vars {
            Some(vars) => set_vars(inventory, &host, vars.get(&*host), span),
            None if known.contains(&host) => {}
            None => {
                let (own, source) = script.json(&["--host", &host])?;
                set_vars(inventory, &host, Some(&own), Span::start_of(source));
            }
        }
    }
    Ok(())
}

fn set_vars(inventory: &mut Inventory, host: &str, vars: Option<&Value>, span: Span) {
    for (name, value) in vars.and_then(Value::as_object).into_iter().flatten() {
        inventory.set_host_var(host, name, node(value, span));
    }
}

struct Script<'a> {
    path: &'a Path,
}

impl Script<'_> {
    fn json(&self, arguments: &[&str]) -> Result<(Value, SourceId), Failure> {
        let shown = format!("{} {}", self.path.display(), arguments.join(" "));
        let output = self.run(arguments)?;
        let _ = std::io::stderr().write_all(&output.stderr);
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let mut error =
                Diagnostic::error(format!("inventory script `{shown}` failed")).cause(output.status.to_string());
            if let Some(last) = said.lines().rev().find(|line| !line.trim().is_empty()) {
                error = error.cause(last.trim().to_owned());
            }
            return Err(error.hint("run it by hand to see why").into());
        }
        let text = String::from_utf8(output.stdout)
            .map_err(|_| Diagnostic::error(format!("inventory script `{shown}` printed what is not UTF-8")))?;
        let source = register(format!("<output of {shown}>"), text.as_str());
        if text.trim().is_empty() {
            return Ok((Value::Object(Map::new()), source));
        }
        let value = serde_json::from_str(&text).map_err(|error| {
            let place = Span {
                source,
                line: u32::try_from(error.line()).unwrap_or(1).max(1),
                column: u32::try_from(error.column()).unwrap_or(1).max(1),
                length: 1,
            };
            Diagnostic::error(format!("inventory script `{shown}` printed invalid JSON"))
                .at(place)
                .cause(error.to_string())
                .hint("it must print JSON and nothing else on standard output")
        })?;
        Ok((value, source))
    }

    fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        // A path without a slash would be looked up in `PATH`.
        let program = std::path::absolute(self.path).unwrap_or_else(|_| self.path.to_owned());
        Command::new(program).args(arguments).stdin(std::process::Stdio::null()).output().map_err(|error| {
            if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) {
                return Failure::NotAProgram;
            }
            let failed = Diagnostic::error(format!("could not run inventory script `{}`", self.path.display()))
                .cause(error.to_string());
            Failure::Failed(match error.kind() {
                std::io::ErrorKind::PermissionDenied => failed.hint(format!("`chmod +x {}`", self.path.display())),
                _ => failed.hint("check the interpreter in its first line"),
            })
        })
    }

    fn unexpected(&self, part: &str, wanted: &str, found: &Value, span: Span) -> Diagnostic {
        let found = match found {
            Value::Null => "nothing",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Object(_) => "a dictionary",
        };
        Diagnostic::error(format!("inventory script `{}`: `{part}` must be {wanted}, not {found}", self.path.display()))
            .at(span)
    }

    fn group(&self, inventory: &mut Inventory, name: &str, content: Value, span: Span) -> Result<(), Diagnostic> {
        let group = inventory.group_name(name).into_owned();
        inventory.add_group(&group);
        let (hosts, vars, children) = match content {
            Value::Object(mut map) if ["hosts", "vars", "children"].iter().any(|key| map.contains_key(*key)) => {
                (map.remove("hosts"), map.remove("vars"), map.remove("children"))
            }
            // Anything else in a dictionary is a host of the group's name with those variables.
            Value::Object(map) => (Some(Value::Array(vec![Value::from(name)])), Some(Value::Object(map)), None),
            list => (Some(list), None, None),
        };
        match hosts {
            None | Some(Value::Null) => {}
            Some(Value::Array(hosts)) => {
                for host in hosts {
                    match host.as_str() {
                        Some(host) => inventory.add_host_to_group(host, &group),
                        None => return Err(self.unexpected(&format!("{name}.hosts"), "a list of names", &host, span)),
                    }
                }
            }
            Some(other) => return Err(self.unexpected(&format!("{name}.hosts"), "a list", &other, span)),
        }
        match vars {
            None | Some(Value::Null) => {}
            Some(Value::Object(vars)) => {
                for (name, value) in &vars {
                    inventory.set_group_var(&group, name, node(value, span));
                }
            }
            Some(other) => return Err(self.unexpected(&format!("{name}.vars"), "a dictionary", &other, span)),
        }
        for child in children.iter().filter_map(Value::as_array).flatten() {
            match child.as_str() {
                Some(child) => {
                    let child = inventory.group_name(child).into_owned();
                    inventory.add_child(&group, &child).map_err(|error| error.at(span))?;
                }
                None => return Err(self.unexpected(&format!("{name}.children"), "a list of names", child, span)),
            }
        }
        Ok(())
    }
}

/// JSON as a tree; as in Ansible, the strings of a script may hold templates.
pub(super) fn node(value: &Value, span: Span) -> Node {
    let data = match value {
        Value::Null => Data::Null,
        Value::Bool(flag) => Data::Bool(*flag),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Data::Int(number),
            (None, Some(number)) => Data::BigInt(Arc::from(number.to_string())),
            (None, None) => Data::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => Data::String(Arc::from(text.as_str())),
        Value::Array(items) => Data::List(items.iter().map(|item| node(item, span)).collect()),
        Value::Object(map) => match (map.len(), map.get("__ansible_unsafe"), map.get("__ansible_vault")) {
            (1, Some(Value::String(text)), _) => Data::Unsafe(Arc::from(text.as_str())),
            (1, _, Some(Value::String(text))) => Data::Vault(Arc::from(text.as_str())),
            _ => {
                let key = |name: &str| Node { data: Data::String(Arc::from(name)), span };
                Data::Map(map.iter().map(|(name, value)| (key(name), node(value, span))).collect())
            }
        },
    };
    Node { data, span }
}
