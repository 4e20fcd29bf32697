//! Roles that are installed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::source::Diagnostic;
use crate::vault::Keyring;
use crate::yaml::{self, Node};

/// Where a role keeps how it came here.
pub const INSTALL_INFO: &str = "meta/.galaxy_install_info";

/// A role in a directory.
#[derive(Clone, Debug)]
pub struct InstalledRole {
    /// Its name.
    pub name: String,
    /// Its directory.
    pub path: PathBuf,
    /// Its version as it was installed; nothing if it came here in another way.
    pub version: Option<String>,
}

impl InstalledRole {
    /// The role of that name, in the first of the directories that has one.
    pub fn find(name: &str, directories: &[PathBuf]) -> Option<Self> {
        directories.iter().map(|directory| directory.join(name)).find(|path| path.is_dir()).map(Self::at)
    }

    /// The role in this directory.
    pub fn at(path: PathBuf) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let version = load(&path.join(INSTALL_INFO)).map(|info| {
            let text = info.get("version").and_then(Node::as_str);
            text.unwrap_or_default().to_owned()
        });
        Self { name, path, version }
    }

    /// All roles in a directory, by name.
    pub fn all(directory: &Path) -> Vec<Self> {
        let mut paths: Vec<PathBuf> =
            fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| meta_file(path, "main").is_some());
        paths.sort();
        paths.into_iter().map(Self::at).collect()
    }

    /// `meta/main.yml`.
    pub fn meta(&self) -> Option<Node> {
        load(&meta_file(&self.path, "main")?)
    }

    /// When it was installed.
    pub fn install_date(&self) -> Option<String> {
        load(&self.path.join(INSTALL_INFO))?.get("install_date")?.as_str().map(str::to_owned)
    }
}

/// A file below `meta`, with either of YAML's extensions.
pub fn meta_file(role: &Path, name: &str) -> Option<PathBuf> {
    ["yml", "yaml"]
        .iter()
        .map(|extension| role.join("meta").join(format!("{name}.{extension}")))
        .find(|path| path.is_file())
}

fn load(path: &Path) -> Option<Node> {
    path.is_file().then(|| yaml::load(path, &Keyring::default()).ok()).flatten().map(|loaded| loaded.root)
}

/// Write down how a role came here.
///
/// # Errors
/// It cannot be written.
pub fn note_installed(role: &Path, version: &str) -> Result<(), Diagnostic> {
    let date = jiff::Zoned::now().with_time_zone(jiff::tz::TimeZone::UTC).strftime("%a %b %e %H:%M:%S %Y").to_string();
    let info: Value = json!({ "install_date": date, "version": version });
    let path = role.join(INSTALL_INFO);
    fs::write(&path, yaml::emit(&info, &yaml::Style::default()))
        .map_err(|error| super::place::unwritable(&path, &error))
}
