//! What is done with collections beside installing them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Map, Value, json};

use super::begin::Begin;
use super::install::directories;
use super::servers::ServerFlags;
use crate::cli::exit::Exit;
use crate::cli::stop::Stop;
use crate::cli::tell::{put, say};
use crate::config::{Config, Setting, path_list};
use crate::galaxy::collection::{Collection, root_of};
use crate::galaxy::requirement::is_collection_name;
use crate::galaxy::skeleton;
use crate::source::Diagnostic;
use crate::yaml;

#[derive(Args, Debug)]
pub(super) struct List {
    /// Only this collection
    collection: Option<String>,
    /// Directories of collections, separated by colons; beside those of the settings
    #[arg(short = 'p', long, value_name = "PATH")]
    collections_path: Vec<String>,
    /// Format
    #[arg(long, value_name = "FORMAT", default_value = "human", value_parser = ["human", "yaml", "json"])]
    format: String,
    #[command(flatten)]
    server: ServerFlags,
}

impl List {
    pub(super) fn execute(&self, config: &Config) -> Result<Exit, Stop> {
        if let Some(name) = self.collection.as_deref().filter(|name| !is_collection_name(name)) {
            return Err(Diagnostic::error(format!("`{name}` is no collection's name"))
                .hint("write `NAMESPACE.NAME`")
                .into());
        }
        let given = path_list(&self.collections_path).count();
        let directories = directories(&self.collections_path, config.paths(Setting::CollectionsPath));
        let mut all = Map::new();
        let mut text = String::new();
        for (index, directory) in directories.iter().enumerate() {
            let root = root_of(directory);
            if !root.is_dir() {
                if index < given {
                    say(&format!("[WARNING]: - the configured path {} does not exist.", directory.display()));
                }
                continue;
            }
            let mut found = Collection::all(directory);
            found.retain(|collection| self.collection.as_ref().is_none_or(|name| *name == collection.name));
            if found.is_empty() {
                continue;
            }
            let column =
                |fewest: usize, of: &dyn Fn(&Collection) -> usize| found.iter().map(of).max().unwrap_or(0).max(fewest);
            let (name, version) = (
                column("Collection".len(), &|collection| collection.name.len()),
                column("Version".len(), &|collection| collection.version.len()),
            );
            let _ = writeln!(text, "\n# {}\n{:name$} {:version$}", root.display(), "Collection", "Version");
            let _ = writeln!(text, "{:-<name$} {:-<version$}", "", "");
            let mut entries = Map::new();
            for collection in &found {
                let _ = writeln!(text, "{:name$} {:version$}", collection.name, collection.version);
                entries.insert(collection.name.clone(), json!({ "version": collection.version }));
            }
            all.insert(root.display().to_string(), Value::Object(entries));
        }
        match self.format.as_str() {
            "json" => put(&format!("{}\n", Value::Object(all))),
            "yaml" => put(&yaml::emit(&Value::Object(all), &yaml::Style::default())),
            _ => put(&text),
        }
        Ok(Exit::Success)
    }
}

#[derive(Args, Debug)]
pub(super) struct Init {
    /// The collection's name, NAMESPACE.NAME
    #[arg(value_name = "COLLECTION")]
    name: String,
    #[command(flatten)]
    begin: Begin,
    /// Directory whose files it begins with
    #[arg(long, value_name = "PATH")]
    collection_skeleton: Option<PathBuf>,
    #[command(flatten)]
    server: ServerFlags,
}

impl Init {
    pub(super) fn execute(&self, config: &Config) -> Result<Exit, Stop> {
        let Some((namespace, name)) = self.name.split_once('.').filter(|_| is_collection_name(&self.name)) else {
            return Err(Diagnostic::error(format!("`{}` cannot be a collection's name", self.name))
                .hint("write `NAMESPACE.NAME`, of letters, digits and `_`")
                .into());
        };
        let directory = self.begin.directory(&Path::new(namespace).join(name))?;
        match self.collection_skeleton.as_deref().or(config.path_of(Setting::GalaxyCollectionSkeleton)) {
            Some(from) => skeleton::copied(from, &directory)?,
            None => skeleton::collection(&directory, namespace, name)?,
        }
        put(&format!("- Collection {} was created successfully\n", self.name));
        Ok(Exit::Success)
    }
}
