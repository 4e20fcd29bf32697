//! What the controller's system tells: `pipe`, `lines` (a command's output), `env`.

use std::process::{Command, Stdio};

use minijinja::{Error, ErrorKind, Value};

use super::{Request, Run, blocking};
use crate::template::filter::call::defined;
use crate::template::filter::python::text;
use crate::template::filter::text::split_lines;
use crate::template::global::MANDATORY;

pub(super) const LOOKUPS: &[(&str, Run)] = &[("pipe", pipe), ("lines", lines), ("env", env)];

/// A shell command's standard output, run in the playbook's folder.
fn output(request: &Request<'_>, command: &str) -> Result<String, Error> {
    let mut shell = Command::new("/bin/sh");
    shell.arg("-c").arg(command).stdin(Stdio::null());
    let folder = &request.scope.surroundings().playbook_dir;
    if folder.is_dir() {
        shell.current_dir(folder);
    }
    let finished = blocking(|| shell.stderr(Stdio::inherit()).output())
        .map_err(|error| request.fail(format!("could not start '{command}': {error}")))?;
    if !finished.status.success() {
        let status = finished.status.code().map_or_else(|| finished.status.to_string(), |code| code.to_string());
        return Err(request.fail(format!("the command '{command}' returned {status}")));
    }
    Ok(String::from_utf8_lossy(&finished.stdout).into_owned())
}

fn pipe(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    request.terms.iter().map(|term| output(request, &text(term)?).map(|shown| Value::from(shown.trim_end()))).collect()
}

fn lines(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let shown = output(request, &text(term)?)?;
        out.extend(split_lines(&shown, false).into_iter().map(|line| Value::from(line.trim_end())));
    }
    Ok(out)
}

fn env(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let source = text(term)?;
        let name = source.split_whitespace().next().unwrap_or_default();
        let set = &request.scope.surroundings().environment;
        let found = set.get(name).cloned().or_else(|| std::env::var(name).ok());
        let default = request.options.iter().find(|(key, _)| key == "default").map(|(_, default)| default);
        out.push(match (found, default) {
            (Some(found), _) => Value::from(found),
            (None, Some(default)) => {
                defined(default, "env").map_err(|error| match error.detail() {
                    Some(MANDATORY) => {
                        Error::new(ErrorKind::UndefinedError, format!("The environment variable '{name}' is not set."))
                    }
                    _ => error,
                })?;
                default.clone()
            }
            (None, None) => Value::from(""),
        });
    }
    Ok(out)
}
