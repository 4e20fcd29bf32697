//! Collections in directories: what they are, whether their files are whole, and which are installed.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::build::checksum;
use super::requirement::is_collection_name;
use super::version::Version;
use crate::source::Diagnostic;
use crate::vault::Keyring;
use crate::yaml;

/// A collection in a directory.
#[derive(Clone, Debug)]
pub struct Collection {
    /// `namespace.name`
    pub name: String,
    /// Its version; `*` where nobody said.
    pub version: String,
    /// What it needs: collections, and what is asked of their versions.
    pub dependencies: Vec<(String, String)>,
    /// Its directory.
    pub path: PathBuf,
}

impl Collection {
    /// The collection in a directory, by its `MANIFEST.json`.
    ///
    /// # Errors
    /// There is none, or it is none.
    pub fn read(path: &Path) -> Result<Self, Diagnostic> {
        let file = path.join("MANIFEST.json");
        let wrong = |cause: String| {
            Diagnostic::error("what came is no collection")
                .cause(cause)
                .hint("`ansible-galaxy collection build` makes an archive of a collection's sources")
        };
        let text = fs::read(&file).map_err(|error| wrong(format!("MANIFEST.json cannot be read: {error}")))?;
        let manifest: Value =
            serde_json::from_slice(&text).map_err(|error| wrong(format!("MANIFEST.json is no JSON: {error}")))?;
        let info =
            manifest.get("collection_info").ok_or_else(|| wrong("MANIFEST.json has no collection_info".to_owned()))?;
        let word = |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let name = format!("{}.{}", word("namespace"), word("name"));
        if !is_collection_name(&name) {
            return Err(wrong(format!("MANIFEST.json calls it `{name}`")));
        }
        let dependencies = info.get("dependencies").and_then(Value::as_object).into_iter().flatten();
        let dependencies =
            dependencies.map(|(name, range)| (name.clone(), range.as_str().unwrap_or("*").to_owned())).collect();
        Ok(Self { name, version: word("version"), dependencies, path: path.to_owned() })
    }

    /// Compare the files with what `MANIFEST.json` and `FILES.json` say of them.
    ///
    /// # Errors
    /// The first that differs.
    pub fn verify(&self) -> Result<(), Diagnostic> {
        let wrong = |cause: String| {
            Diagnostic::error(format!("the files of {} are not what its manifest says", self.name))
                .cause(cause)
                .hint("the archive is damaged, or was changed after it was built: fetch or build it again")
        };
        let json = |name: &str| -> Result<Value, Diagnostic> {
            let text = fs::read(self.path.join(name)).map_err(|error| wrong(format!("{name}: {error}")))?;
            serde_json::from_slice(&text).map_err(|error| wrong(format!("{name}: {error}")))
        };
        let manifest = json("MANIFEST.json")?;
        let check = |entry: &Value, name: &str| -> Result<(), Diagnostic> {
            let Some(expected) = entry.get("chksum_sha256").and_then(Value::as_str) else { return Ok(()) };
            let path = self.path.join(name);
            if !path.is_file() {
                return Err(wrong(format!("{name} is missing")));
            }
            if checksum(&path)? != expected { Err(wrong(format!("{name} differs"))) } else { Ok(()) }
        };
        if let Some(entry) = manifest.get("file_manifest_file") {
            check(entry, "FILES.json")?;
        }
        let files = json("FILES.json")?;
        for entry in files.get("files").and_then(Value::as_array).into_iter().flatten() {
            let name = entry.get("name").and_then(Value::as_str).unwrap_or_default();
            if Path::new(name).components().any(|part| matches!(part, std::path::Component::ParentDir)) {
                return Err(wrong(format!("FILES.json names {name}")));
            }
            if entry.get("ftype").and_then(Value::as_str) == Some("file") {
                check(entry, name)?;
            }
        }
        Ok(())
    }

    /// Its version, if it is one.
    pub fn parsed_version(&self) -> Option<Version> {
        Version::parse(&self.version)
    }

    /// The collection of that name, in the first of the directories that has one.
    pub fn find(name: &str, directories: &[PathBuf]) -> Option<Self> {
        directories
            .iter()
            .map(|directory| place_of(name, directory))
            .find(|path| path.is_dir())
            .map(|path| Self::installed(name, &path))
    }

    /// Whatever is installed at a place.
    pub fn installed(name: &str, path: &Path) -> Self {
        if let Ok(found) = Self::read(path) {
            return Self { name: name.to_owned(), ..found };
        }
        // Sources in the place of a collection: somebody works on it.
        let version = yaml::load(&path.join("galaxy.yml"), &Keyring::default())
            .ok()
            .and_then(|loaded| loaded.root.get("version")?.as_str().map(str::to_owned));
        Self {
            name: name.to_owned(),
            version: version.unwrap_or_else(|| "*".to_owned()),
            dependencies: Vec::new(),
            path: path.to_owned(),
        }
    }

    /// All collections in a directory, by name.
    pub fn all(directory: &Path) -> Vec<Self> {
        let names = |path: &Path| -> Vec<String> {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            let mut names: Vec<String> = entries
                .filter(|entry| entry.path().is_dir())
                .map(|entry| entry.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            names
        };
        let root = root_of(directory);
        let mut found = Vec::new();
        for namespace in names(&root).into_iter().filter(|namespace| !namespace.contains('.')) {
            for name in names(&root.join(&namespace)) {
                let full = format!("{namespace}.{name}");
                if is_collection_name(&full) {
                    found.push(Self::installed(&full, &root.join(&namespace).join(&name)));
                }
            }
        }
        found
    }
}

/// The directory `ansible_collections` of a directory for collections.
pub fn root_of(directory: &Path) -> PathBuf {
    match directory.file_name() {
        Some(name) if name == "ansible_collections" => directory.to_owned(),
        _ => directory.join("ansible_collections"),
    }
}

/// Where a collection is, or will be.
pub fn place_of(name: &str, directory: &Path) -> PathBuf {
    let (namespace, name) = name.split_once('.').unwrap_or((name, ""));
    root_of(directory).join(namespace).join(name)
}
