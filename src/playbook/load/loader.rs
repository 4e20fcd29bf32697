//! What all parts of loading share.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::action::Library;
use crate::playbook::reserved;
use crate::playbook::role::Role;
use crate::playbook::task::Task;
use crate::source::{Diagnostic, Diagnostics, Severity, Span};
use crate::template::{Scope, Written};
use crate::yaml::{self, Node};

/// Loads playbooks, roles and included files.
///
/// It lives as long as the run, so that a file that is included a thousand times is read once.
pub struct Loader {
    /// Directories in which roles are looked for, beside those near the playbook.
    roles_path: Vec<PathBuf>,
    /// Directories that hold `ansible_collections`.
    collections_path: Vec<PathBuf>,
    /// Modules of the user's own.
    library: Arc<Library>,
    /// What names in static imports resolve to: extra variables, then those of the play.
    pub(super) statics: Scope,
    /// Directory of the playbook that is being loaded.
    pub(super) playbook_directory: PathBuf,
    notes: Diagnostics,
    /// Where names of variables were found to be reserved.
    reserved: HashSet<Span>,
    files: HashMap<PathBuf, Option<Arc<Node>>>,
    /// Files and roles that are being loaded, to notice when they import each other in a circle.
    pub(super) open: Vec<String>,
    /// `module_defaults` are in force around what is being loaded, and may supply required options.
    pub(super) defaults_in_force: bool,
    /// What is being loaded may fail, or may never be run: its mistakes are warnings until it is reached.
    pub(super) guarded: bool,
    /// Handlers of roles that `import_role` brought in; they join the play's.
    pub(super) imported_handlers: Vec<Arc<Task>>,
    /// Roles that `import_role` brought in; their variables join the play's.
    pub(super) imported_roles: Vec<Arc<Role>>,
}

impl std::fmt::Debug for Loader {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Loader").field("playbook_directory", &self.playbook_directory).finish_non_exhaustive()
    }
}

impl Loader {
    /// A loader that looks for roles and collections in these directories too; `statics` is what names in static
    /// imports resolve to.
    pub fn new(
        roles_path: Vec<PathBuf>,
        collections_path: Vec<PathBuf>,
        library: Arc<Library>,
        statics: Scope,
    ) -> Self {
        Self {
            roles_path,
            collections_path,
            library,
            statics,
            playbook_directory: PathBuf::from("."),
            notes: Vec::new(),
            reserved: HashSet::new(),
            files: HashMap::new(),
            open: Vec::new(),
            defaults_in_force: false,
            guarded: false,
            imported_handlers: Vec::new(),
            imported_roles: Vec::new(),
        }
    }

    /// Modules of the user's own.
    pub fn library(&self) -> &Arc<Library> {
        &self.library
    }

    /// Note a mistake or a warning.
    pub(super) fn note(&mut self, diagnostic: Diagnostic) {
        if !self.notes.contains(&diagnostic) {
            self.notes.push(diagnostic);
        }
    }

    /// Note, once, that a variable has a name that is reserved, if it has one.
    pub(super) fn note_reserved(&mut self, name: &str, place: Span) {
        if let Some(warning) = reserved::warning(name, Some(place))
            && self.reserved.insert(place)
        {
            self.note(warning);
        }
    }

    /// Note that a task will fail when it is run.
    pub(super) fn note_failure(&mut self, diagnostic: Diagnostic) {
        self.note(if self.guarded { diagnostic.into_warning() } else { diagnostic });
    }

    /// Take the notes made so far: the value if there is no error among them, with the warnings; else all of them.
    pub(super) fn conclude<T>(&mut self, value: T) -> Result<(T, Diagnostics), Diagnostics> {
        let notes = std::mem::take(&mut self.notes);
        if notes.iter().any(|note| note.severity == Severity::Error) { Err(notes) } else { Ok((value, notes)) }
    }

    /// Read a YAML file, once. `None` if it cannot be read, which is noted.
    pub(super) fn file(&mut self, path: &Path) -> Option<Arc<Node>> {
        if let Some(known) = self.files.get(path) {
            return known.clone();
        }
        let node = match yaml::load(path, &self.statics.surroundings().vault) {
            Ok(loaded) => {
                for warning in loaded.warnings {
                    self.note(warning);
                }
                Some(Arc::new(loaded.root))
            }
            Err(problem) => {
                self.note(problem);
                None
            }
        };
        self.files.insert(path.to_owned(), node.clone());
        node
    }

    /// A file name of a static import, rendered with what is known before the run.
    pub(super) fn static_text(&mut self, written: &Written, node: &Node, what: &str) -> Option<String> {
        match written.render(&self.statics) {
            Ok(value) => Some(value.to_string()),
            Err(error) => {
                self.note(
                    Diagnostic::from(error)
                        .at(node.span)
                        .cause(format!("{what} is read before any host is known"))
                        .hint("only extra variables and those of the play can be used here; use `include_*` instead"),
                );
                None
            }
        }
    }

    /// Where a role of that name is, looking from a role or play directory.
    pub(super) fn find_role(&self, name: &str, near: Option<&Path>) -> Option<PathBuf> {
        if let [namespace, collection, role] = name.split('.').collect::<Vec<_>>()[..] {
            let inside = Path::new("ansible_collections").join(namespace).join(collection).join("roles").join(role);
            let bases = std::iter::once(self.playbook_directory.join("collections"))
                .chain(self.collections_path.iter().cloned());
            for base in bases {
                let path = base.join(&inside);
                if path.is_dir() {
                    return Some(path);
                }
            }
        }
        self.role_directories(near).into_iter().map(|directory| directory.join(name)).find(|path| path.is_dir())
    }

    /// The directories in which roles are looked for, in order.
    pub(super) fn role_directories(&self, near: Option<&Path>) -> Vec<PathBuf> {
        let mut directories = vec![self.playbook_directory.join("roles")];
        directories.extend(self.roles_path.iter().cloned());
        directories.extend(near.and_then(Path::parent).map(Path::to_owned));
        directories.push(self.playbook_directory.clone());
        directories
    }

    /// Names of all roles that could be meant, for did-you-mean.
    pub(super) fn role_names(&self, near: Option<&Path>) -> Vec<String> {
        let mut names = Vec::new();
        for directory in self.role_directories(near) {
            let is_roles = directory.file_name().is_some_and(|name| name == "roles");
            for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
                if is_roles && entry.path().is_dir() {
                    names.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
        }
        names
    }
}
