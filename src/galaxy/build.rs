//! A collection's files from its sources: without what its `galaxy.yml` leaves out, with `MANIFEST.json` and `FILES.json`
//! in its place.

use std::fs;
use std::path::Path;

use rprov_modules::checksum::Algorithm;
use serde::Serialize as _;
use serde_json::{Map, Value, json};

use super::place;
use super::requirement::is_collection_name;
use crate::source::{Diagnostic, Span};
use crate::vault::Keyring;
use crate::yaml::{self, Data, Node};

/// What never belongs to a collection. Patterns match whole relative paths; `*` matches `/` too.
const LEFT_OUT: [&str; 9] = [
    "MANIFEST.json",
    "FILES.json",
    "galaxy.yml",
    "galaxy.yaml",
    ".git",
    "*.pyc",
    "*.retry",
    "tests/output",
    "__pycache__",
];

/// Whether a directory holds a collection, or its sources.
pub fn is_collection(path: &Path) -> bool {
    path.join("MANIFEST.json").is_file() || sources_of(path).is_some()
}

fn sources_of(path: &Path) -> Option<std::path::PathBuf> {
    ["galaxy.yml", "galaxy.yaml"].iter().map(|name| path.join(name)).find(|path| path.is_file())
}

/// Make a collection's files of a directory: of sources, or of a collection that is built already. What is to be told
/// comes back.
///
/// # Errors
/// There is no collection, or what it says of itself is wrong.
pub fn build(from: &Path, into: &Path) -> Result<Vec<Diagnostic>, Diagnostic> {
    let Some(galaxy) = sources_of(from) else {
        if from.join("MANIFEST.json").is_file() {
            place::copy(from, into, &|path, _| path == ".git")?;
            return Ok(Vec::new());
        }
        return Err(Diagnostic::error(format!("`{}` holds no collection", from.display())).hint(
            "a collection's directory has a `galaxy.yml`; in a repository with several, name one by `URL#/DIRECTORY`",
        ));
    };
    let root = yaml::load(&galaxy, &Keyring::default())?.root;
    let info = information(&root)?;
    let mut ignored: Vec<String> = LEFT_OUT.iter().map(|pattern| (*pattern).to_owned()).collect();
    let word = |key: &str| info.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    ignored.push(format!("{}-{}-*.tar.gz", word("namespace"), word("name")));
    ignored.extend(strings(&root, "build_ignore")?);
    if let Some(node) = root.get("manifest").filter(|node| !node.is_null()) {
        return Err(Diagnostic::error("a collection with `manifest` in its `galaxy.yml` cannot be built")
            .at(node.span)
            .hint("build it with `ansible-galaxy collection build`, and install the archive"));
    }
    let skip = |path: &str, directory: bool| {
        let name = path.rsplit('/').next().unwrap_or(path);
        ignored.iter().any(|pattern| {
            matches(pattern, path) || (!directory && matches(pattern, name) && pattern.starts_with("*."))
        }) || name == "__pycache__"
            || name == ".git"
    };
    let outside = place::copy(from, into, &skip)?;
    complete(into, info)?;
    Ok(outside
        .iter()
        .map(|link| {
            Diagnostic::warning(format!("the link `{}` leads out of the collection and is left out", link.display()))
        })
        .collect())
}

/// What `galaxy.yml` says, in the form and order of a manifest.
fn information(root: &Node) -> Result<Map<String, Value>, Diagnostic> {
    let text = |key: &str| -> Result<String, Diagnostic> {
        let missing = |span: Span| {
            Diagnostic::error(format!("the collection's `galaxy.yml` needs a `{key}`"))
                .at(span)
                .hint("it needs `namespace`, `name`, `version`, `readme` and `authors`")
        };
        let node = root.get(key).ok_or_else(|| missing(root.span))?;
        match &node.data {
            Data::Int(number) => Ok(number.to_string()),
            Data::Float(number) => Ok(number.to_string()),
            _ => node.as_str().map(str::to_owned).ok_or_else(|| missing(node.span)),
        }
    };
    let (namespace, name, version) = (text("namespace")?, text("name")?, text("version")?);
    if !is_collection_name(&format!("{namespace}.{name}")) {
        let span = root.get("name").map_or(root.span, |node| node.span);
        return Err(Diagnostic::error(format!("`{namespace}.{name}` cannot be a collection's name"))
            .at(span)
            .hint("namespace and name are letters, digits and `_`, and begin with no digit"));
    }
    let optional = |key: &str| root.get(key).and_then(Node::as_str).map_or(Value::Null, Value::from);
    let mut dependencies = Map::new();
    for (key, value) in root.get("dependencies").and_then(Node::as_map).unwrap_or_default() {
        let range = match &value.data {
            Data::Null => "*".to_owned(),
            Data::Int(number) => number.to_string(),
            Data::Float(number) => number.to_string(),
            _ => value.as_str().unwrap_or("*").to_owned(),
        };
        dependencies.insert(key.as_str().unwrap_or_default().to_owned(), Value::from(range));
    }
    let mut info = Map::new();
    info.insert("namespace".to_owned(), Value::from(namespace));
    info.insert("name".to_owned(), Value::from(name));
    info.insert("version".to_owned(), Value::from(version));
    info.insert("authors".to_owned(), Value::from(strings(root, "authors")?));
    info.insert("readme".to_owned(), Value::from(text("readme")?));
    info.insert("tags".to_owned(), Value::from(strings(root, "tags")?));
    info.insert("description".to_owned(), optional("description"));
    info.insert("license".to_owned(), Value::from(strings(root, "license")?));
    info.insert("license_file".to_owned(), optional("license_file"));
    info.insert("dependencies".to_owned(), Value::Object(dependencies));
    for key in ["repository", "documentation", "homepage", "issues"] {
        info.insert(key.to_owned(), optional(key));
    }
    Ok(info)
}

/// A list of texts, or one text; nothing where there is none.
fn strings(root: &Node, key: &str) -> Result<Vec<String>, Diagnostic> {
    let Some(node) = root.get(key).filter(|node| !node.is_null()) else { return Ok(Vec::new()) };
    if let Some(text) = node.as_str() {
        return Ok(vec![text.to_owned()]);
    }
    let items = node
        .as_list()
        .ok_or_else(|| Diagnostic::error(format!("`{key}` takes a list, this is {}", node.describe())).at(node.span))?;
    Ok(items.iter().filter_map(Node::as_str).map(str::to_owned).collect())
}

/// Write `FILES.json` and `MANIFEST.json`.
fn complete(collection: &Path, info: Map<String, Value>) -> Result<(), Diagnostic> {
    let mut entries = vec![entry(".", None)];
    list(collection, "", &mut entries)?;
    let files = indented(&json!({ "files": entries, "format": 1 }));
    let path = collection.join("FILES.json");
    fs::write(&path, &files).map_err(|error| place::unwritable(&path, &error))?;
    let sum = checksum(&path)?;
    let manifest =
        json!({ "collection_info": info, "file_manifest_file": entry("FILES.json", Some(&sum)), "format": 1 });
    let path = collection.join("MANIFEST.json");
    fs::write(&path, indented(&manifest)).map_err(|error| place::unwritable(&path, &error))
}

fn entry(name: &str, sum: Option<&str>) -> Value {
    let kind = if sum.is_some() { "file" } else { "dir" };
    json!({ "name": name, "ftype": kind, "chksum_type": sum.map(|_| "sha256"), "chksum_sha256": sum, "format": 1 })
}

fn list(directory: &Path, prefix: &str, entries: &mut Vec<Value>) -> Result<(), Diagnostic> {
    let mut found: Vec<_> =
        fs::read_dir(directory).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| {
            Diagnostic::error(format!("`{}` cannot be read", directory.display())).cause(error.to_string())
        })?;
    found.sort_by_key(fs::DirEntry::file_name);
    for item in found {
        let name = format!("{prefix}{}", item.file_name().to_string_lossy());
        let path = item.path();
        if path.is_dir() {
            entries.push(entry(&name, None));
            if !path.is_symlink() {
                list(&path, &format!("{name}/"), entries)?;
            }
        } else if path.is_file() {
            entries.push(entry(&name, Some(&checksum(&path)?)));
        }
    }
    Ok(())
}

pub(super) fn checksum(path: &Path) -> Result<String, Diagnostic> {
    Algorithm::Sha256.of_file(path).map_err(|failure| Diagnostic::error(failure.message))
}

/// JSON with one blank for each level.
fn indented(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b" ");
    // Writing to memory does not fail.
    let _ = value.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, formatter));
    bytes
}

fn matches(pattern: &str, path: &str) -> bool {
    rprov_modules::shell_pattern::ShellPattern::new(pattern).is_match(path)
}
