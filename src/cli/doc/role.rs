//! Roles, as their argument specifications tell of them: `meta/argument_specs.yml`, or that key of `meta/main.yml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::own::{options_text, paragraphs, shown, value};
use super::{Style, Subject};
use crate::config::{Config, Setting};
use crate::source::Diagnostic;
use crate::yaml::{self, Node};

/// A role that tells of itself.
pub(super) struct Role {
    name: String,
    collection: Option<String>,
    path: PathBuf,
    description: Option<String>,
    entries: Map<String, Value>,
}

/// Where roles are looked for.
pub(super) struct Places {
    directories: Vec<PathBuf>,
    collections: Vec<PathBuf>,
}

impl Places {
    /// `--roles-path`, `roles/` beside the playbook, and the settings; the collections beside the playbook and in the
    /// settings.
    pub(super) fn new(config: &Config, roles_path: &[String], playbook_directory: Option<&str>) -> Self {
        let given = roles_path.iter().flat_map(|paths| paths.split(':')).filter(|path| !path.is_empty());
        let mut directories: Vec<PathBuf> = given.map(rprov_modules::account::expand_path).collect();
        let mut collections: Vec<PathBuf> = Vec::new();
        let beside = playbook_directory.map_or_else(|| PathBuf::from("."), rprov_modules::account::expand_path);
        let beside = std::path::absolute(&beside).unwrap_or(beside);
        directories.push(beside.join("roles"));
        directories.extend(config.paths(Setting::RolesPath).iter().cloned());
        collections.push(beside.join("collections"));
        collections.extend(config.paths(Setting::CollectionsPath).iter().cloned());
        Self { directories, collections }
    }

    /// Every role with a `meta` file, by name; the first of a name counts.
    fn paths(&self) -> BTreeMap<String, PathBuf> {
        let mut found = BTreeMap::new();
        let mut add = |prefix: &str, directory: &Path| {
            for (name, path) in entries(directory) {
                if spec_file(&path).is_some() {
                    found.entry(format!("{prefix}{name}")).or_insert(path);
                }
            }
        };
        for directory in &self.directories {
            add("", directory);
        }
        for root in &self.collections {
            for (namespace, path) in entries(&root.join("ansible_collections")) {
                for (collection, path) in entries(&path) {
                    add(&format!("{namespace}.{collection}."), &path.join("roles"));
                }
            }
        }
        found
    }

    /// The names of all of them.
    pub(super) fn names(&self) -> Vec<String> {
        self.paths().into_keys().collect()
    }

    /// The role of this name; `None` where there is none. With an entry point, that one alone.
    ///
    /// # Errors
    /// Its file cannot be read or is no YAML, or it has no such entry point.
    pub(super) fn find(&self, name: &str, entry_point: Option<&str>) -> Result<Option<Role>, Diagnostic> {
        let Some(path) = self.paths().remove(name) else { return Ok(None) };
        let mut role = Role::read(name, path)?;
        if let Some(wanted) = entry_point {
            let there: Vec<String> = role.entries.keys().cloned().collect();
            role.entries.retain(|entry, _| entry == wanted);
            if role.entries.is_empty() {
                return Err(Diagnostic::error(format!("the role {name} has no entry point '{wanted}'"))
                    .hint(format!("there are: {}", there.join(", "))));
            }
        }
        Ok(Some(role))
    }
}

/// The directories in a directory, by name.
fn entries(directory: &Path) -> Vec<(String, PathBuf)> {
    let listing = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let directories = listing.map(|entry| entry.path()).filter(|path| path.is_dir());
    directories.filter_map(|path| Some((path.file_name()?.to_str()?.to_owned(), path))).collect()
}

/// The file that tells of a role's arguments, or may do so.
fn spec_file(role: &Path) -> Option<PathBuf> {
    let names = ["argument_specs.yml", "argument_specs.yaml", "main.yml", "main.yaml"];
    names.iter().map(|name| role.join("meta").join(name)).find(|path| path.is_file())
}

impl Role {
    fn read(name: &str, path: PathBuf) -> Result<Self, Diagnostic> {
        let document = |file: &Path| -> Result<Node, Diagnostic> {
            let text = std::fs::read_to_string(file).map_err(|error| {
                Diagnostic::error(format!("could not read {}", file.display())).cause(error.to_string())
            })?;
            Ok(yaml::parse(file, text.into())?.root)
        };
        let told = spec_file(&path).map(|file| document(&file)).transpose()?;
        let specs = told.as_ref().and_then(|root| root.get("argument_specs")).map(value);
        let meta =
            ["main.yml", "main.yaml"].iter().map(|name| path.join("meta").join(name)).find(|file| file.is_file());
        let meta = meta.map(|file| document(&file)).transpose()?;
        let info = meta.as_ref().and_then(|root| root.get("galaxy_info"));
        Ok(Self {
            name: name.to_owned(),
            collection: name.rsplit_once('.').map(|(collection, _)| collection.to_owned()),
            path,
            description: info.and_then(|info| info.get("description")).and_then(Node::as_str).map(str::to_owned),
            entries: match specs {
                Some(Value::Object(entries)) => entries,
                _ => Map::new(),
            },
        })
    }

    /// What a list has of it, for machines.
    pub(super) fn listed(&self) -> Value {
        let entries: Map<String, Value> =
            self.entries.iter().map(|(entry, spec)| (entry.clone(), short(spec).into())).collect();
        let mut listed =
            json!({"description": self.description.as_deref().unwrap_or("UNDOCUMENTED"), "entry_points": entries});
        if let (Some(collection), Some(listed)) = (&self.collection, listed.as_object_mut()) {
            listed.insert("collection".to_owned(), collection.as_str().into());
        }
        listed
    }
}

fn short(spec: &Value) -> String {
    spec.get("short_description").map_or_else(|| "UNDOCUMENTED".to_owned(), shown)
}

impl Subject for Role {
    fn name(&self) -> String {
        self.name.clone()
    }

    /// The short description of its main entry point, or what Galaxy is told.
    fn summary(&self) -> String {
        let main = self.entries.get("main").and_then(|spec| spec.get("short_description")).map(shown);
        main.or_else(|| self.description.clone()).unwrap_or_default()
    }

    fn text(&self, style: &Style) -> String {
        let mut text = format!("> ROLE: {} ({})\n", style.strong(&self.name), self.path.display());
        if self.entries.is_empty() {
            text.push_str(&format!("\n  {}\n", style.wrapped(&self.summary(), 2)));
            text.push_str("\n  It has no argument specification (meta/argument_specs.yml).\n");
        }
        for (entry, spec) in &self.entries {
            text.push_str(&format!("\nENTRY POINT: {} - {}\n", style.strong(entry), short(spec)));
            let description = paragraphs(spec.get("description"));
            if !description.is_empty() {
                text.push('\n');
            }
            for paragraph in description {
                text.push_str(&format!("  {}\n", style.wrapped(&paragraph, 2)));
            }
            if let Some(options) = spec.get("options").and_then(Value::as_object)
                && !options.is_empty()
            {
                text.push_str(&format!("\n{} (= indicates it is required):\n", style.strong("OPTIONS")));
                options_text(&mut text, options, 0, style);
            }
            let authors = paragraphs(spec.get("author"));
            if !authors.is_empty() {
                text.push_str(&format!("\n{}: {}\n", style.strong("AUTHOR"), authors.join(", ")));
            }
        }
        text
    }

    fn json(&self) -> Value {
        json!({"collection": self.collection, "entry_points": self.entries, "path": self.path.display().to_string()})
    }
}
