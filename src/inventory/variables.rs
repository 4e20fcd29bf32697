//! `group_vars/` and `host_vars/` of one directory, read when a name is first asked for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::config::{Config, Setting};
use crate::source::{Diagnostic, Diagnostics};
use crate::vault::Keyring;
use crate::yaml::{self, Node};

/// The variable files beside one inventory or playbook.
#[derive(Debug)]
pub struct VarFiles {
    base: PathBuf,
    extensions: Vec<String>,
    vault: Arc<Keyring>,
    /// Read already, by kind and name.
    read: Mutex<Read>,
    warnings: Mutex<Diagnostics>,
}

type Read = HashMap<(Kind, Arc<str>), Arc<[Node]>>;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Group,
    Host,
}

impl Kind {
    fn directory(self) -> &'static str {
        match self {
            Self::Group => "group_vars",
            Self::Host => "host_vars",
        }
    }
}

impl VarFiles {
    /// The files of `base/group_vars` and `base/host_vars`; neither need exist.
    pub fn new(base: &Path, config: &Config) -> Self {
        Self {
            base: base.to_owned(),
            extensions: config.list(Setting::YamlFilenameExtensions).to_vec(),
            vault: Arc::clone(config.vault()),
            read: Mutex::default(),
            warnings: Mutex::default(),
        }
    }

    /// The directory that this is about.
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// A group's files, each a dictionary (or `null`); later ones override earlier ones.
    ///
    /// # Errors
    /// A file can't be read, is not YAML, or is not a dictionary.
    pub fn group(&self, name: &str) -> Result<Arc<[Node]>, Diagnostic> {
        self.named(Kind::Group, name)
    }

    /// A host's files; see [`VarFiles::group`].
    ///
    /// # Errors
    /// As there.
    pub fn host(&self, name: &str) -> Result<Arc<[Node]>, Diagnostic> {
        self.named(Kind::Host, name)
    }

    /// Warnings since the last call.
    pub fn take_warnings(&self) -> Diagnostics {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn named(&self, kind: Kind, name: &str) -> Result<Arc<[Node]>, Diagnostic> {
        let key = (kind, Arc::from(name));
        if let Some(known) = self.read.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(Arc::clone(known));
        }
        let mut nodes = Vec::new();
        // A name with a slash would lead out of the directory.
        if !name.contains('/') && name != "." && name != ".." {
            for file in self.files(&self.base.join(kind.directory()).join(name)) {
                nodes.extend(self.file(&file)?);
            }
        }
        let nodes: Arc<[Node]> = Arc::from(nodes);
        self.read.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&nodes));
        Ok(nodes)
    }

    /// The first that exists of `name` and `name` with each extension; of a directory, all files in it.
    fn files(&self, path: &Path) -> Vec<PathBuf> {
        let with = |extension: &str| {
            let mut name = path.as_os_str().to_owned();
            name.push(extension);
            PathBuf::from(name)
        };
        let candidates =
            std::iter::once(path.to_owned()).chain(self.extensions.iter().map(|extension| with(extension)));
        match candidates.into_iter().find(|candidate| candidate.exists()) {
            Some(directory) if directory.is_dir() => {
                let mut files = Vec::new();
                self.directory(&directory, &mut files);
                files
            }
            Some(file) => vec![file],
            None => Vec::new(),
        }
    }

    fn directory(&self, path: &Path, files: &mut Vec<PathBuf>) {
        let mut names: Vec<String> = std::fs::read_dir(path)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok().map(|entry| entry.file_name().to_string_lossy().into_owned()))
            .filter(|name| !name.starts_with('.') && !name.ends_with('~'))
            .collect();
        names.sort();
        for name in names {
            let full = path.join(&name);
            let extension = full.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
            if full.is_dir() {
                if extension.is_none() {
                    self.directory(&full, files);
                }
            } else if extension.is_none_or(|extension| self.extensions.contains(&extension)) {
                files.push(full);
            }
        }
    }

    fn file(&self, path: &Path) -> Result<Option<Node>, Diagnostic> {
        let mut loaded = yaml::load(path, &self.vault)?;
        self.warnings.lock().unwrap_or_else(PoisonError::into_inner).append(&mut loaded.warnings);
        let root = loaded.root;
        if root.is_null() {
            return Ok(None);
        }
        if root.as_map().is_some() {
            return Ok(Some(root));
        }
        Err(Diagnostic::error(format!("a file of variables is a dictionary, this is {}", root.describe()))
            .at(root.span)
            .hint("write `name: value` lines"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_in_ansible_s_order() {
        let base = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = base.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("group_vars/all/20.yml", "b: 1");
        write("group_vars/all/10", "a: 1");
        write("group_vars/all/sub/x.json", "{\"c\": 1}");
        write("group_vars/all/.hidden.yml", "d: 1");
        write("group_vars/all/x.txt", "e: 1");
        write("group_vars/all.yml", "f: 1");
        write("group_vars/web.yml", "g: 1");
        write("group_vars/empty.yml", "");
        write("host_vars/h.yaml", "- no\n");
        let (config, _) = Config::load(Path::new("/nonexistent"), |_| None);
        let files = VarFiles::new(base.path(), &config);
        let keys = |nodes: Arc<[Node]>| -> Vec<String> {
            nodes.iter().map(|node| node.as_map().unwrap()[0].0.as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(keys(files.group("all").unwrap()), ["a", "b", "c"]);
        assert_eq!(keys(files.group("web").unwrap()), ["g"]);
        assert!(files.group("empty").unwrap().is_empty());
        assert!(files.group("none").unwrap().is_empty());
        assert!(files.group("../group_vars/web").unwrap().is_empty());
        assert!(files.host("h").unwrap_err().message.contains("a list"));
    }
}
