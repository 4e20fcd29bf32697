//! Facts that the host's administrator defined: `*.fact` files, as JSON, as INI, or as programs that print either.

use std::path::Path;

use rprov_wire::{Map, Value};

use crate::context::Context;
use crate::process::Command;
use crate::program::is_executable;

/// Add `local`, from the directory `path`; returns what went wrong with single files.
pub fn gather(path: &Path, context: &Context<'_>, facts: &mut Map) -> Vec<String> {
    let mut local = Map::new();
    let mut problems = Vec::new();
    for name in super::names(path) {
        let Some(base) = name.strip_suffix(".fact") else { continue };
        let file = path.join(&name);
        let value = if is_executable(&file) {
            match Command::new(file.as_os_str()).run(context) {
                Ok(output) if output.success() => parse(&output.stdout()),
                Ok(output) => Err(format!(
                    "Failure executing fact script ({}), rc: {}, err: {}",
                    file.display(),
                    output.rc,
                    output.stderr()
                )),
                Err(error) => Err(format!("Could not execute fact script ({}): {error}", file.display())),
            }
        } else {
            std::fs::read(&file)
                .map_err(|error| format!("could not read {}: {error}", file.display()))
                .and_then(|bytes| parse(&String::from_utf8_lossy(&bytes)))
        };
        let value = value.unwrap_or_else(|problem| {
            problems.push(problem.clone());
            Value::String(format!(
                "error loading facts as JSON or ini - please check content: {}: {problem}",
                file.display()
            ))
        });
        local.insert(base.to_owned(), value);
    }
    facts.insert("local".into(), local.into());
    problems
}

fn parse(text: &str) -> Result<Value, String> {
    if let Ok(value) = serde_json::from_str::<Value>(text) {
        return Ok(value);
    }
    let mut sections = Map::new();
    let mut section: Option<String> = None;
    for (number, line) in text.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            sections.entry(name.to_owned()).or_insert_with(|| Value::Map(Map::new()));
            section = Some(name.to_owned());
            continue;
        }
        let Some(current) = section.as_ref().and_then(|section| sections.get_mut(section)) else {
            return Err(format!("line {}: neither JSON nor an INI section", number + 1));
        };
        let Value::Map(entries) = current else { continue };
        match trimmed.find(['=', ':']) {
            Some(position) => {
                let (key, value) = trimmed.split_at(position);
                // Python's reader folds the names of options to lower case.
                entries.insert(key.trim().to_lowercase(), value.get(1..).unwrap_or_default().trim().into());
            }
            None => return Err(format!("line {}: no `=` in `{trimmed}`", number + 1)),
        }
    }
    Ok(sections.into())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::Options;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn facts_come_from_json_ini_and_programs() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str, mode: u32| {
            let path = directory.path().join(name);
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        };
        write("a.fact", r#"{"x": [1]}"#, 0o644);
        write("b.fact", "[one]\nKey = value\n", 0o644);
        write("c.fact", "#!/bin/sh\necho '{\"y\": true}'\n", 0o755);
        write("d.fact", "nonsense", 0o644);
        write("other", "ignored", 0o644);
        let options = Options::default();
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        let mut facts = Map::new();
        let problems = gather(directory.path(), &context, &mut facts);
        let mut local = facts.get("local").unwrap().to_json();
        let broken = local.as_object_mut().unwrap().remove("d").unwrap();
        assert_eq!(local, serde_json::json!({"a": {"x": [1]}, "b": {"one": {"key": "value"}}, "c": {"y": true}}));
        assert!(broken.as_str().unwrap().starts_with("error loading facts as JSON or ini"));
        assert_eq!(problems.len(), 1);
    }
}
