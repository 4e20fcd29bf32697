//! Roles, as their argument specifications tell of them: `meta/argument_specs.yml`, or that key of `meta/main.yml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::own::{options_text, paragraphs, shown, value};
use super::{Style, Subject};
use crate::config::{Config, Setting, path_list};
use crate::galaxy::role::meta_file;
use crate::source::Diagnostic;
use crate::vault::Keyring;
use crate::yaml::{self, Node};

/// A role that tells of itself.
pub(super) struct Role {
    name: String,
    collection: Option<String>,
    path: PathBuf,
    description: Option<String>,
    entries: Map<String, Value>,
}

/// The roles that there are: every directory with a `meta` file, by name; the first of a name counts.
pub(super) struct Roles(BTreeMap<String, PathBuf>);

impl Roles {
    /// Those of `--roles-path`, of `roles/` beside the playbook, and of the settings; those of the collections beside the
    /// playbook and in the settings.
    pub(super) fn new(config: &Config, roles_path: &[String], playbook_directory: Option<&str>) -> Self {
        let mut directories: Vec<PathBuf> = path_list(roles_path).collect();
        let beside = playbook_directory.map_or_else(|| PathBuf::from("."), rprov_modules::account::expand_path);
        let beside = std::path::absolute(&beside).unwrap_or(beside);
        directories.push(beside.join("roles"));
        directories.extend(config.paths(Setting::RolesPath).iter().cloned());
        let mut collections = vec![beside.join("collections")];
        collections.extend(config.paths(Setting::CollectionsPath).iter().cloned());
        let mut found = BTreeMap::new();
        let mut add = |prefix: &str, directory: &Path| {
            for (name, path) in entries(directory) {
                if meta_file(&path, "argument_specs").or_else(|| meta_file(&path, "main")).is_some() {
                    found.entry(format!("{prefix}{name}")).or_insert(path);
                }
            }
        };
        for directory in &directories {
            add("", directory);
        }
        for root in &collections {
            for (namespace, path) in entries(&root.join("ansible_collections")) {
                for (collection, path) in entries(&path) {
                    add(&format!("{namespace}.{collection}."), &path.join("roles"));
                }
            }
        }
        Self(found)
    }

    /// The names of all of them.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The role of this name; `None` where there is none. With an entry point, that one alone.
    ///
    /// # Errors
    /// Its file cannot be read or is no YAML, or it has no such entry point.
    pub(super) fn find(&self, name: &str, entry_point: Option<&str>) -> Result<Option<Role>, Diagnostic> {
        let Some(path) = self.0.get(name) else { return Ok(None) };
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

impl Role {
    fn read(name: &str, path: &Path) -> Result<Self, Diagnostic> {
        let document = |file: PathBuf| yaml::load(&file, &Keyring::default()).map(|loaded| loaded.root);
        let meta = meta_file(path, "main").map(document).transpose()?;
        let own = meta_file(path, "argument_specs").map(document).transpose()?;
        let specs = own.as_ref().or(meta.as_ref()).and_then(|root| root.get("argument_specs")).map(value);
        let info = meta.as_ref().and_then(|root| root.get("galaxy_info"));
        Ok(Self {
            name: name.to_owned(),
            collection: name.rsplit_once('.').map(|(collection, _)| collection.to_owned()),
            path: path.to_owned(),
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
