//! `include_vars`: variables from files of the controller.

use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rprov_modules::{arguments, choices};
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop};
use crate::playbook::reserved;
use crate::run::Effect;
use crate::template::filter::mapping::merge_deep;
use crate::template::{self, Variable, Written};
use crate::vars::{self, Values, VarMap};
use crate::yaml;

choices! {
    /// What becomes of a dictionary that exists.
    pub enum HashBehaviour { Replace = "replace", Merge = "merge" }
}

arguments! {
    /// Load variables from files, dynamically within a task.
    pub struct Arguments {
        /// The file.
        file | _raw_params: Option<String>,
        /// A directory of files.
        dir: Option<String>,
        /// Put all variables into this dictionary.
        name: Option<String>,
        /// How deep to go into the directory; 0 for all the way.
        depth: i64 = 0,
        /// A regular expression for the names of files.
        files_matching: Option<String>,
        /// Names of files to leave out.
        ignore_files: Vec<String> = Vec::new(),
        /// Extensions of files to read.
        extensions: Vec<String> = vec!["json".to_owned(), "yaml".to_owned(), "yml".to_owned()],
        /// Leave out files of other extensions, instead of failing.
        ignore_unknown_extensions: bool = false,
        /// What to do with dictionaries that exist: `replace` or `merge`.
        hash_behaviour: Option<HashBehaviour>,
    }
    free_form: "file"
}

/// `include_vars`
pub(super) struct IncludeVars;

#[async_trait]
impl Action for IncludeVars {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let mut files = Vec::new();
        match (&arguments.file, &arguments.dir) {
            (Some(_), Some(_)) => {
                return Err(Stop::failed("You are mixing file only and dir only arguments, these are incompatible"));
            }
            (Some(file), None) => files.push(call.find_file("vars", file.trim()).map_err(unread)?),
            (None, Some(directory)) => {
                let directory = call.find_file("vars", directory)?;
                if !directory.is_dir() {
                    return Err(Stop::failed(format!("{} directory does not exist", directory.display())));
                }
                let pattern = arguments
                    .files_matching
                    .as_deref()
                    .map(fancy_regex::Regex::new)
                    .transpose()
                    .map_err(|error| Stop::failed(format!("files_matching is no regular expression: {error}")))?;
                collect(&directory, arguments.depth, 1, &arguments, pattern.as_ref(), &mut files)?;
            }
            (None, None) => return Err(Stop::failed("No files or directories were given: set `file` or `dir`")),
        }
        let mut written = VarMap::new();
        let mut secret = false;
        for file in &files {
            let loaded = yaml::load(file, &call.scope.surroundings().vault).map_err(|problem| {
                let stop = Stop::failed(problem.message);
                if problem.absent { unread(stop) } else { stop }
            })?;
            secret |= loaded.root.span.file().secret;
            written.extend(
                vars::written(&loaded.root)
                    .ok_or_else(|| Stop::failed(format!("{} must be stored as a dictionary/hash", file.display())))?,
            );
        }
        for warning in reserved::warnings(&written).filter(|_| arguments.name.is_none()) {
            call.shared.reporter.send(crate::report::Event::Diagnostic(warning));
        }
        if let Some(name) = &arguments.name {
            let entries = written.into_iter().map(|(key, value)| (minijinja::Value::from(&*key), value)).collect();
            written = VarMap::from_iter([(name.as_str().into(), Written::map(entries, None))]);
        }
        let mut shown = Map::new();
        let mut values = Values::new();
        for (name, value) in written {
            if arguments.hash_behaviour == Some(HashBehaviour::Merge)
                && let Some(earlier) = call.scope.get(&name)?
                && let Ok(later) = value.render(call.scope)
            {
                let merged = merge_deep(&template::finalize(&earlier)?, &later)
                    .map_err(|error| Stop::failed(format!("could not merge {name}: {error}")))?;
                shown.insert(name.to_string(), template::to_wire(&merged)?);
                values.insert(name, merged.into());
                continue;
            }
            // What is shown is shown as far as it can be rendered now.
            let rendered = value.render(call.scope).ok().and_then(|value| template::to_wire(&value).ok());
            let fallback = || value.text().map_or(rprov_wire::Value::Null, rprov_wire::Value::from);
            shown.insert(name.to_string(), rendered.unwrap_or_else(fallback));
            values.insert(name, Variable::Written(value));
        }
        let files = files.iter().map(|path| rprov_wire::Value::from(path.display().to_string())).collect();
        let mut done = Done::unchanged();
        done.result.insert("ansible_included_var_files".into(), rprov_wire::Value::List(files));
        done.result.insert("ansible_facts".into(), shown.into());
        let owner = super::set_fact::delegated(&call)?;
        if secret {
            done = done.and(Effect::Conceal);
        }
        Ok(done.and(Effect::Included { host: owner, values }))
    }
}

/// The result of a file that cannot be read has what a good one has.
fn unread(stop: Stop) -> Stop {
    let Stop::Failed(mut result) = stop else { return stop };
    result.insert("ansible_facts".into(), Map::new().into());
    result.insert("ansible_included_var_files".into(), rprov_wire::Value::List(Vec::new()));
    if let Some(message) = result.get("msg").cloned() {
        result.insert("message".into(), message);
    }
    Stop::Failed(result)
}

fn collect(
    directory: &Path,
    depth: i64,
    level: i64,
    arguments: &Arguments,
    pattern: Option<&fancy_regex::Regex>,
    files: &mut Vec<PathBuf>,
) -> Result<(), Stop> {
    let mut entries: Vec<PathBuf> = std::fs::read_dir(directory)
        .map_err(|error| Stop::failed(format!("could not read {}: {error}", directory.display())))?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    entries.sort();
    for entry in &entries {
        let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if entry.is_dir() {
            continue;
        }
        if arguments.ignore_files.contains(&name)
            || pattern.is_some_and(|pattern| !pattern.is_match(&name).unwrap_or(false))
        {
            continue;
        }
        let extension = entry.extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default();
        if !arguments.extensions.contains(&extension) {
            if arguments.ignore_unknown_extensions || name.starts_with('.') {
                continue;
            }
            return Err(Stop::failed(format!(
                "{} does not have a valid extension: {}",
                entry.display(),
                arguments.extensions.join(", ")
            )));
        }
        files.push(entry.clone());
    }
    if depth == 0 || level < depth {
        for entry in entries.iter().filter(|entry| entry.is_dir()) {
            collect(entry, depth, level + 1, arguments, pattern, files)?;
        }
    }
    Ok(())
}
