//! Playbook files and plays.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::playbook::keyword;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Loader;
use crate::playbook::load::task::Place;
use crate::playbook::play::{Play, Playbook, Prompt};
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::template::Written;
use crate::vars::VarMap;
use crate::yaml::{Data, Node};

/// What an `import_playbook` hands down to the plays of its file.
#[derive(Clone, Default)]
struct Imported {
    keywords: Keywords,
    vars: VarMap,
}

impl Loader {
    /// Load a playbook file, everything that it imports, and the roles of its plays.
    ///
    /// # Errors
    /// All mistakes that can be known before a host is touched.
    pub fn playbook(&mut self, path: &Path) -> Result<(Playbook, Diagnostics), Diagnostics> {
        let mut plays = Vec::new();
        self.playbook_file(path, &Imported::default(), None, &mut plays);
        self.conclude(Playbook { path: path.to_owned(), plays })
    }

    /// Load a play that stands in no file; relative paths in it begin at `directory`.
    ///
    /// # Errors
    /// All mistakes that can be known before a host is touched.
    pub fn lone_play(&mut self, node: &Node, directory: &Path) -> Result<(Arc<Play>, Diagnostics), Diagnostics> {
        self.playbook_directory = directory.to_owned();
        self.library().add_playbook(directory);
        let play = self.play(node, directory, &Imported::default());
        let (play, notes) = self.conclude(play)?;
        play.map(|play| (Arc::new(play), notes)).ok_or_else(Diagnostics::new)
    }

    fn playbook_file(&mut self, path: &Path, imported: &Imported, importer: Option<Span>, plays: &mut Vec<Arc<Play>>) {
        let name = format!("playbook {}", path.display());
        if self.open.contains(&name) {
            let mut problem = Diagnostic::error(format!("{name} imports itself"))
                .hint("take one of the imports away, so that the circle is broken");
            problem.span = importer;
            self.note(problem);
            return;
        }
        if !path.is_file() {
            let what = if path.exists() { "does not appear to be a file" } else { "could not be found" };
            let mut problem = Diagnostic::absent(format!("the playbook: {} {what}", path.display()));
            problem.span = importer;
            self.note(problem);
            return;
        }
        let Some(root) = self.file(path) else { return };
        self.open.push(name);
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned());
        self.playbook_directory.clone_from(&directory);
        self.library().add_playbook(&directory);
        match &root.data {
            Data::List(items) if items.is_empty() => {
                self.note(Diagnostic::error("A playbook must contain at least one play").at(root.span));
            }
            Data::List(items) => {
                for item in items {
                    self.playbook_entry(item, &directory, imported, plays);
                    self.playbook_directory.clone_from(&directory);
                }
            }
            Data::Null => self.note(
                Diagnostic::error(format!("Empty playbook, nothing to do: {}", path.display()))
                    .at(root.span)
                    .hint("a playbook is a list of plays, each beginning with `- hosts: ...`"),
            ),
            _ => self.note(
                Diagnostic::error(format!("A playbook must be a list of plays, got {} instead", root.describe()))
                    .at(root.span)
                    .label("this should begin with `- `")
                    .hint("write `- hosts: all`, with everything else of the play indented below"),
            ),
        }
        self.open.pop();
    }

    fn playbook_entry(&mut self, node: &Node, directory: &Path, imported: &Imported, plays: &mut Vec<Arc<Play>>) {
        if node.as_map().is_none() {
            self.note(
                Diagnostic::error(format!(
                    "playbook entries must be either valid plays or 'import_playbook' statements, not {}",
                    node.describe()
                ))
                .at(node.span)
                .hint("a play begins with `- hosts: ...`"),
            );
            return;
        }
        for name in ["import_playbook", "ansible.builtin.import_playbook", "ansible.legacy.import_playbook", "include"]
        {
            if let Some((key, value)) = node.entry(name) {
                if name == "include" {
                    self.deprecated(key, name, "import_playbook: FILE");
                }
                self.import_playbook(node, value, name, directory, imported, plays);
                return;
            }
        }
        if let Some(play) = self.play(node, directory, imported) {
            plays.push(Arc::new(play));
        }
    }

    fn import_playbook(
        &mut self,
        node: &Node,
        value: &Node,
        import: &str,
        directory: &Path,
        outer: &Imported,
        plays: &mut Vec<Arc<Play>>,
    ) {
        let mut inner = Imported::default();
        for (key, value) in self.map(node, "`import_playbook`") {
            let Some(name) = self.key(key) else { continue };
            match name {
                "vars" => inner.vars = self.variables(value, "`vars`"),
                "name" => {}
                _ if name == import => {}
                "when" | "tags" => {
                    self.keyword(&mut inner.keywords, key, name, value);
                }
                _ => self.unknown_keyword(key, name, "playbook import", &[keyword::IMPORT_PLAYBOOK]),
            }
        }
        inner.keywords = inner.keywords.within(&outer.keywords);
        for (name, value) in &outer.vars {
            inner.vars.insert(name.clone(), value.clone());
        }
        let Some(text) = value.as_str() else {
            self.note(
                Diagnostic::error("playbook import parameter must be a string indicating a file path").at(value.span),
            );
            return;
        };
        let node = Node { data: Data::String(text.into()), span: value.span };
        let Some(file) = self.static_text(&Written::from_node(&node), value, "the file name of an import") else {
            return;
        };
        let path = directory.join(file.trim());
        self.playbook_file(&path, &inner, Some(value.span), plays);
    }

    fn play(&mut self, node: &Node, directory: &Path, imported: &Imported) -> Option<Play> {
        let entries = self.map(node, "a play");
        let mut keywords = Keywords::default();
        let mut vars = VarMap::default();
        // Variables first: static imports and role names may use them.
        if let Some(value) = node.get("vars") {
            vars = self.variables(value, "`vars`");
        }
        for (name, value) in &imported.vars {
            vars.insert(name.clone(), value.clone());
        }
        let vars = Arc::new(vars);
        let statics = self.statics.clone();
        self.statics = crate::vars::beneath(&statics, Arc::clone(&vars));

        let written = |value: &Node| Some(Written::from_node(value));
        let mut play = Play {
            name: None,
            hosts: Written::from_node(&Node { data: Data::Null, span: node.span }),
            directory: directory.to_owned(),
            keywords: Arc::default(),
            vars,
            vars_files: Vec::new(),
            vars_prompt: Vec::new(),
            gather_facts: None,
            gather_subset: None,
            gather_timeout: None,
            fact_path: None,
            serial: None,
            strategy: None,
            order: None,
            force_handlers: None,
            max_fail_percentage: None,
            roles: Vec::new(),
            pre_tasks: Vec::new(),
            role_tasks: Vec::new(),
            tasks: Vec::new(),
            post_tasks: Vec::new(),
            handlers: Vec::new(),
            span: node.span,
        };
        let mut has_hosts = false;
        for (key, value) in entries {
            let Some(name) = self.key(key) else { continue };
            match name {
                "name" => play.name = written(value),
                "hosts" => {
                    has_hosts = true;
                    self.check_hosts(value);
                    play.hosts = Written::from_node(value);
                }
                "vars" | "roles" | "pre_tasks" | "tasks" | "post_tasks" | "handlers" => {}
                "vars_files" => {
                    play.vars_files = match &value.data {
                        Data::List(items) => items.iter().map(Written::from_node).collect(),
                        Data::Null => Vec::new(),
                        _ => vec![Written::from_node(value)],
                    }
                }
                "vars_prompt" => play.vars_prompt = self.prompts(value),
                "gather_facts" => {
                    if Written::from_node(value).as_plain().is_some() && !value.is_null() {
                        self.flag(value, "`gather_facts`");
                    }
                    play.gather_facts = written(value);
                }
                "gather_subset" => play.gather_subset = written(value),
                "gather_timeout" => play.gather_timeout = written(value),
                "fact_path" => play.fact_path = written(value),
                "serial" => play.serial = written(value),
                "strategy" => play.strategy = written(value),
                "order" => play.order = written(value),
                "force_handlers" => play.force_handlers = written(value),
                "max_fail_percentage" => play.max_fail_percentage = written(value),
                "validate_argspec" => {}
                "user" => {
                    if node.get("remote_user").is_some() {
                        self.note(
                            Diagnostic::error("both 'user' and 'remote_user' are set for this play.")
                                .at(key.span)
                                .hint("keep `remote_user`"),
                        );
                    }
                    self.deprecated(key, name, "remote_user: NAME");
                    keywords.remote_user = written(value);
                }
                "when" | "notify" | "delegate_to" => {
                    self.unknown_keyword(key, name, "play", &[keyword::PLAY, keyword::BASE]);
                }
                _ if self.keyword(&mut keywords, key, name, value) => {}
                _ => self.unknown_keyword(key, name, "play", &[keyword::PLAY, keyword::BASE]),
            }
        }
        if !has_hosts {
            self.note(
                Diagnostic::error("the field 'hosts' is required but was not set")
                    .at(node.span)
                    .label("this play")
                    .hint("say on which hosts it runs: `hosts: all`"),
            );
        }
        let keywords = Arc::new(keywords.within(&imported.keywords));
        // Anywhere in the play they may be set; whether they apply to a task shows only in the run.
        self.defaults_in_force = mentions(node, "module_defaults");
        play.keywords = Arc::clone(&keywords);
        let place = Place::play(directory);
        let role_items = node.get("roles").map(|value| self.roles(value, &keywords));
        if let Some((roles, items, handlers)) = role_items {
            play.roles = roles;
            play.role_tasks = items;
            play.handlers = handlers;
        }
        for (section, target) in
            [("pre_tasks", &mut play.pre_tasks), ("tasks", &mut play.tasks), ("post_tasks", &mut play.post_tasks)]
        {
            if let Some(value) = node.get(section) {
                if value.as_list().is_none() && !value.is_null() {
                    let what = value.describe();
                    self.note(
                        Diagnostic::error(format!(
                            "A malformed block was encountered while loading {section}: {} should be a list or None",
                            Written::from_node(value).as_plain().map_or(what.to_string(), ToString::to_string)
                        ))
                        .at(value.span)
                        .hint("begin each task with `- `"),
                    );
                    continue;
                }
                *target = self.task_list(value, &keywords, &place);
            }
        }
        if let Some(value) = node.get("handlers") {
            let mut handlers = self.handlers(value, &keywords, &place);
            play.handlers.append(&mut handlers);
        }
        self.statics = statics;
        // Handlers of imported roles come before the play's own, like those of its `roles`.
        let mut handlers = std::mem::take(&mut self.imported_handlers);
        handlers.append(&mut play.handlers);
        play.handlers = handlers;
        play.roles.append(&mut self.imported_roles);
        Some(play)
    }

    fn check_hosts(&mut self, node: &Node) {
        let empty = match &node.data {
            Data::Null => true,
            Data::String(text) => text.trim().is_empty(),
            Data::List(items) => {
                for item in items {
                    if item.is_null() || item.as_map().is_some() || item.as_list().is_some() {
                        self.note(
                            Diagnostic::error(format!(
                                "Hosts list contains an invalid host value: {}",
                                item.describe()
                            ))
                            .at(item.span),
                        );
                    }
                }
                items.is_empty()
            }
            Data::Map(_) => {
                self.note(
                    Diagnostic::error("Hosts list must be a sequence or string. Please check your playbook.")
                        .at(node.span),
                );
                false
            }
            _ => false,
        };
        if empty {
            self.note(
                Diagnostic::error("Hosts list cannot be empty. Please check your playbook")
                    .at(node.span)
                    .hint("say on which hosts the play runs: `hosts: all`"),
            );
        }
    }

    fn prompts(&mut self, node: &Node) -> Vec<Prompt> {
        let mut prompts = Vec::new();
        for entry in self.list(node, "`vars_prompt`") {
            let mut prompt = Prompt {
                name: String::new(),
                prompt: None,
                default: None,
                private: true,
                confirm: false,
                encrypt: None,
                salt: None,
                salt_size: None,
                r#unsafe: false,
            };
            if entry.as_map().is_some() && entry.get("name").is_none() {
                self.note(Diagnostic::error("Invalid vars_prompt data structure, missing 'name' key").at(entry.span));
                continue;
            }
            for (key, value) in self.map(entry, "an entry of `vars_prompt`") {
                let Some(name) = self.key(key) else { continue };
                match name {
                    "name" => {
                        prompt.name = self.plain(value, "`name`").unwrap_or_default();
                        self.note_reserved(&prompt.name, value.span);
                    }
                    "prompt" => prompt.prompt = Some(Written::from_node(value)),
                    "default" => prompt.default = Some(Written::from_node(value)),
                    "private" => prompt.private = self.flag(value, "`private`"),
                    "confirm" => prompt.confirm = self.flag(value, "`confirm`"),
                    "encrypt" => prompt.encrypt = self.plain(value, "`encrypt`"),
                    "salt" => prompt.salt = self.plain(value, "`salt`"),
                    "salt_size" => {
                        prompt.salt_size = self.plain(value, "`salt_size`").and_then(|text| text.parse().ok());
                    }
                    "unsafe" => prompt.r#unsafe = self.flag(value, "`unsafe`"),
                    _ => self.unknown_keyword(key, name, "prompt", &[keyword::PROMPT]),
                }
            }
            if prompt.name.is_empty() {
                self.note(Diagnostic::error("Invalid vars_prompt data structure, missing 'name' key").at(entry.span));
            } else {
                prompts.push(prompt);
            }
        }
        prompts
    }

    /// Directory of the playbook whose play is being loaded or run.
    pub fn set_playbook_directory(&mut self, directory: PathBuf) {
        self.playbook_directory = directory;
    }
}

/// Whether a key occurs anywhere in a tree.
fn mentions(node: &Node, key: &str) -> bool {
    match &node.data {
        Data::Map(entries) => entries.iter().any(|(name, value)| name.as_str() == Some(key) || mentions(value, key)),
        Data::List(items) => items.iter().any(|item| mentions(item, key)),
        _ => false,
    }
}
