//! Task files: those that are imported with the playbook, and those that are included while it runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::task::Place;
use crate::playbook::block::{Block, Item};
use crate::playbook::keyword;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Loader;
use crate::playbook::task::Task;
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::yaml::Node;

impl Place {
    /// Paths at which an included task file may be, in order.
    fn task_files(&self, name: &str, playbook_directory: &Path) -> Vec<PathBuf> {
        let name = Path::new(name);
        if name.is_absolute() {
            return vec![name.to_owned()];
        }
        let mut paths = vec![self.directory.join(name)];
        if let Some(role) = &self.role {
            paths.push(role.path.join("tasks").join(name));
            paths.push(role.path.join(name));
        }
        paths.push(playbook_directory.join(name));
        paths.push(playbook_directory.join("tasks").join(name));
        paths
    }
}

impl Loader {
    /// Whether an import has a loop, which is a mistake.
    pub(super) fn refuse_loop(&mut self, task: &Task, import: &str, include: &str) -> bool {
        let Some(looping) = &task.looping else { return false };
        let what = format!("You cannot use loops on '{import}' statements. You should use '{include}' instead.");
        self.note(Diagnostic::error(what).at(looping.span));
        true
    }

    /// `import_tasks`: read at once, and put in place of the task.
    pub(super) fn import_tasks(&mut self, task: &Task, node: &Node, place: &Place, handler: bool) -> Vec<Item> {
        if self.refuse_loop(task, "import_tasks", "include_tasks") {
            return Vec::new();
        }
        let Some(written) = task.arguments.options.get("_raw_params").or_else(|| task.arguments.options.get("file"))
        else {
            self.note(Diagnostic::error("No file specified for import_tasks").at(task.action.span));
            return Vec::new();
        };
        let statics = self.statics.clone();
        for vars in &task.keywords.vars {
            self.statics = crate::vars::beneath(&self.statics, Arc::clone(vars));
        }
        if let Some(role) = &place.role {
            for vars in [&role.vars, &role.defaults] {
                self.statics = crate::vars::beneath(&self.statics, Arc::clone(vars));
            }
            self.statics = crate::vars::beneath(&self.statics, Arc::new(crate::vars::of_role(role)));
        }
        let file = self.static_text(written, node, "the file name of an import");
        self.statics = statics;
        let Some(file) = file else { return Vec::new() };
        let Some(path) = self.task_file(&file, place, task.action.span) else { return Vec::new() };
        let items = self.task_file_items(&path, &task.keywords, place, handler, task.action.span);
        vec![Item::Block(Arc::new(Block {
            name: None,
            tasks: items.into(),
            rescue: Arc::from([]),
            always: Arc::from([]),
            role: None,
            span: node.span,
        }))]
    }

    /// Find an included task file.
    fn task_file(&mut self, name: &str, place: &Place, span: Span) -> Option<PathBuf> {
        let paths = place.task_files(name.trim(), &self.playbook_directory.clone());
        if let Some(path) = paths.iter().find(|path| path.is_file()) {
            return Some(path.clone());
        }
        let mut searched: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        searched.dedup();
        self.note(
            Diagnostic::absent(format!("Could not find or access '{name}' on the Ansible Controller."))
                .at(span)
                .hint(format!("looked for it at: {}", searched.join(", "))),
        );
        None
    }

    /// The items of a task file; in it, relative paths begin at its own directory.
    fn task_file_items(
        &mut self,
        path: &Path,
        keywords: &Arc<Keywords>,
        place: &Place,
        handler: bool,
        span: Span,
    ) -> Vec<Item> {
        let name = format!("task file {}", path.display());
        if self.open.contains(&name) {
            self.note(
                Diagnostic::error(format!("{name} imports itself"))
                    .at(span)
                    .hint("use `include_tasks` with a `when` that ends the recursion"),
            );
            return Vec::new();
        }
        let Some(root) = self.file(path) else { return Vec::new() };
        self.open.push(name);
        let inner = Place {
            directory: path.parent().map_or_else(|| Arc::clone(&place.directory), Arc::from),
            role: place.role.clone(),
        };
        let mut items = Vec::new();
        for entry in self.list(&root, "an included task file") {
            if !entry.is_null() {
                items.extend(self.item(entry, keywords, &inner, handler));
            }
        }
        self.open.pop();
        items
    }

    /// The tasks of a dynamic `include_tasks`, for one rendered file name.
    ///
    /// `keywords` is what the include hands down: what it stands in, and its `apply`.
    ///
    /// # Errors
    /// The file is not there, or has mistakes.
    pub fn include_tasks(
        &mut self,
        include: &Task,
        file: &str,
        keywords: &Arc<Keywords>,
    ) -> Result<(PathBuf, Vec<Item>, Diagnostics), Diagnostics> {
        let place = Place { directory: Arc::clone(&include.directory), role: include.role.clone() };
        let found = self.task_file(file, &place, include.action.span).map(|path| {
            let open = std::mem::take(&mut self.open);
            let items = self.task_file_items(&path, keywords, &place, include.handler, include.action.span);
            self.open = open;
            (path, items)
        });
        let (found, warnings) = self.conclude(found)?;
        found.map(|(path, items)| (path, items, warnings)).ok_or_else(Diagnostics::new)
    }

    /// The keywords of an include's `apply`.
    ///
    /// # Errors
    /// `apply` holds what is no keyword.
    pub fn apply_keywords(&mut self, apply: &Node, enclosing: &Keywords) -> Result<Arc<Keywords>, Diagnostics> {
        let mut keywords = Keywords::default();
        for (key, value) in self.map(apply, "`apply`") {
            let Some(name) = self.key(key) else { continue };
            if !self.keyword(&mut keywords, key, name, value) && name != "name" {
                self.unknown_keyword(key, name, "block", &[keyword::BASE, keyword::CONDITIONAL]);
            }
        }
        let keywords = Arc::new(keywords.within(enclosing));
        self.conclude(keywords).map(|(keywords, _)| keywords)
    }
}
