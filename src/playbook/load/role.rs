//! Roles: finding them, reading their files, and their dependencies.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::playbook::block::{Block, Item};
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Loader;
use crate::playbook::load::task::Place;
use crate::playbook::role::Role;
use crate::playbook::task::Task;
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::template::Written;
use crate::vars::VarMap;
use crate::yaml::{Data, Node};

/// Which files of a role are used, and how.
#[derive(Clone, Debug)]
pub struct RoleUse {
    /// The role's name.
    pub name: String,
    /// `tasks_from`
    pub tasks_from: Option<String>,
    /// `vars_from`
    pub vars_from: Option<String>,
    /// `defaults_from`
    pub defaults_from: Option<String>,
    /// `handlers_from`
    pub handlers_from: Option<String>,
    /// Its variables are visible to the rest of the play.
    pub public: bool,
    /// Its arguments are checked against its specification.
    pub validate: bool,
    /// It runs however often it is asked for.
    pub allow_duplicates: Option<bool>,
    /// Its parameters.
    pub params: VarMap,
    /// What was written of `when`, `tags` and `vars` where it is asked for; uses that differ in it are different uses.
    pub conditions: String,
    /// The roles whose tasks ask for it, innermost first.
    pub includers: Vec<Arc<Role>>,
    /// A task asks for it, not a list of roles.
    pub by_task: bool,
    /// Where it is asked for.
    pub span: Span,
}

/// A role that was loaded: the role, its task blocks (dependencies first), and its handlers (dependencies' first).
#[derive(Debug)]
pub struct LoadedRole {
    /// The role itself.
    pub role: Arc<Role>,
    /// Blocks of the dependencies, then its own.
    pub items: Vec<Item>,
    /// Handlers of the dependencies, then its own.
    pub handlers: Vec<Arc<Task>>,
    /// The role and its dependencies, dependencies first.
    pub all: Vec<Arc<Role>>,
}

impl RoleUse {
    /// The plain use of a role.
    pub fn new(name: &str, span: Span) -> Self {
        Self {
            name: name.to_owned(),
            tasks_from: None,
            vars_from: None,
            defaults_from: None,
            handlers_from: None,
            public: true,
            validate: true,
            allow_duplicates: None,
            params: VarMap::default(),
            conditions: String::new(),
            includers: Vec::new(),
            by_task: false,
            span,
        }
    }
}

impl RoleUse {
    /// Say which task asks for it: its `vars` tell uses of the role apart.
    pub fn for_task(&mut self, task: &Task) {
        self.by_task = true;
        self.includers =
            task.role.iter().flat_map(|role| std::iter::once(role).chain(&role.includers)).cloned().collect();
        self.conditions = own_variables(task).map(|vars| text_of(vars)).collect();
    }
}

/// A task's own `vars`, without those of what it stands in.
pub(crate) fn own_variables(task: &Task) -> impl Iterator<Item = &Arc<VarMap>> {
    let outer = &task.enclosing.vars;
    task.keywords.vars.iter().filter(|vars| !outer.iter().any(|known| Arc::ptr_eq(known, vars)))
}

impl Loader {
    /// The `roles` of a play.
    pub(super) fn roles(&mut self, node: &Node, outer: &Arc<Keywords>) -> (Vec<Arc<Role>>, Vec<Item>, Vec<Arc<Task>>) {
        let mut roles = Vec::new();
        let mut items = Vec::new();
        let mut handlers = Vec::new();
        if node.as_list().is_none() && !node.is_null() {
            self.note(
                Diagnostic::error(format!(
                    "A malformed role declaration was encountered. `roles` must be a list, not {}",
                    node.describe()
                ))
                .at(node.span)
                .hint("begin each entry with `- `"),
            );
        }
        for entry in node.as_list().unwrap_or_default() {
            let Some((usage, keywords)) = self.role_entry(entry, outer, None) else { continue };
            if let Some(mut loaded) = self.load_role(&usage, &keywords, &[]) {
                roles.append(&mut loaded.all);
                items.append(&mut loaded.items);
                handlers.append(&mut loaded.handlers);
            }
        }
        (roles, items, handlers)
    }

    /// One entry of `roles` or `dependencies`: a name, or a map with keywords and parameters.
    fn role_entry(
        &mut self,
        node: &Node,
        outer: &Arc<Keywords>,
        near: Option<&Path>,
    ) -> Option<(RoleUse, Arc<Keywords>)> {
        let name_node = match &node.data {
            Data::String(text) if text.contains('=') || text.contains(',') => {
                self.note(
                    Diagnostic::error(format!("Invalid old style role requirement: {text}"))
                        .at(node.span)
                        .hint("write `- role: NAME` with its parameters on lines below"),
                );
                return None;
            }
            Data::String(_) => node,
            Data::Map(_) => match node.get("role").or_else(|| node.get("name")) {
                Some(name) => name,
                None => {
                    self.note(
                        Diagnostic::error("role definitions must contain a role name")
                            .at(node.span)
                            .hint("add `role: NAME`"),
                    );
                    return None;
                }
            },
            _ => {
                self.note(
                    Diagnostic::error(format!("a role must be a name or a dictionary, not {}", node.describe()))
                        .at(node.span),
                );
                return None;
            }
        };
        if name_node.as_str().is_none() {
            self.note(Diagnostic::error("role definitions must contain a role name").at(name_node.span));
            return None;
        }
        let name = self.static_text(&Written::from_node(name_node), name_node, "a role's name")?;
        let mut usage = RoleUse::new(name.trim(), name_node.span);
        let mut keywords = Keywords::default();
        for (key, value) in node.as_map().unwrap_or_default() {
            let Some(word) = self.key(key) else { continue };
            match word {
                "role" | "name" => {}
                "tasks_from" => usage.tasks_from = self.plain(value, word),
                "vars_from" => usage.vars_from = self.plain(value, word),
                "defaults_from" => usage.defaults_from = self.plain(value, word),
                "handlers_from" => usage.handlers_from = self.plain(value, word),
                // Requirements files share this shape.
                "src" | "version" | "scm" if near.is_some() => {}
                _ if self.keyword(&mut keywords, key, word, value) => {}
                _ => {
                    usage.params.insert(word.into(), Written::from_node(value));
                }
            }
        }
        usage.conditions = conditions_of(&keywords);
        Some((usage, Arc::new(keywords.within(outer))))
    }

    /// Read a role and its dependencies.
    fn load_role(&mut self, usage: &RoleUse, keywords: &Arc<Keywords>, parents: &[Arc<Role>]) -> Option<LoadedRole> {
        let near = parents.last().map(|parent| parent.path.clone());
        let Some(path) = self.find_role(&usage.name, near.as_deref()) else {
            let names = self.role_names(near.as_deref());
            let directories: Vec<String> = self
                .role_directories(near.as_deref())
                .iter()
                .map(|directory| directory.display().to_string())
                .collect();
            self.note(
                Diagnostic::absent(format!("the role '{}' was not found in {}", usage.name, directories.join(":")))
                    .at(usage.span)
                    .did_you_mean(&usage.name, names.iter().map(String::as_str)),
            );
            return None;
        };
        let open = format!("role {}", path.display());
        if parents.iter().any(|parent| parent.path == path) {
            self.note(
                Diagnostic::error(format!("{open} depends on itself"))
                    .at(usage.span)
                    .hint("take one of the dependencies away, so that the circle is broken"),
            );
            return None;
        }
        let meta = self.role_file(&path, "meta", "main", usage.span, false);
        let meta = meta.as_deref();
        self.library().add_role(&path);
        let keywords = &self.role_keywords(keywords, &usage.name, meta);
        let defaults = self.role_variables(&path, "defaults", usage.defaults_from.as_deref(), usage.span);
        let vars = self.role_variables(&path, "vars", usage.vars_from.as_deref(), usage.span);
        let declared_duplicates = match meta.and_then(|meta| meta.get("allow_duplicates")) {
            Some(node) => self.flag(node, "`allow_duplicates`"),
            None => false,
        };
        let allow_duplicates = usage.allow_duplicates.unwrap_or(declared_duplicates);
        let argument_spec = match usage.validate {
            true => self.argument_spec(&path, meta, usage),
            false => None,
        };
        let fingerprint = format!(
            "{} {:?} {:?} {:?} {:?} {} {} {}",
            path.display(),
            usage.tasks_from,
            usage.vars_from,
            usage.defaults_from,
            usage.handlers_from,
            usage.by_task,
            usage.conditions,
            text_of(&usage.params),
        );
        let base = Role {
            name: usage.name.clone(),
            path: path.clone(),
            defaults: Arc::new(defaults),
            vars: Arc::new(vars),
            params: Arc::new(usage.params.clone()),
            parents: parents.to_vec(),
            includers: usage.includers.clone(),
            dependencies: Vec::new(),
            allow_duplicates,
            public: usage.public,
            fingerprint,
            argument_spec,
        };
        let mut loaded = LoadedRole { role: Arc::new(base), items: Vec::new(), handlers: Vec::new(), all: Vec::new() };
        // A dependency sees the variables of the role that needs it, so that role must exist first.
        let mut chain = parents.to_vec();
        chain.push(Arc::clone(&loaded.role));
        let mut dependencies = Vec::new();
        if let Some(list) = meta.and_then(|meta| meta.get("dependencies")) {
            for entry in self.list(list, "`dependencies`") {
                let Some((mut dependency, keywords)) = self.role_entry(entry, keywords, Some(&path)) else { continue };
                dependency.includers.clone_from(&usage.includers);
                let usage = dependency;
                let Some(mut dependency) = self.load_role(&usage, &keywords, &chain) else { continue };
                dependencies.push(Arc::clone(&dependency.role));
                loaded.items.append(&mut dependency.items);
                loaded.handlers.append(&mut dependency.handlers);
                loaded.all.append(&mut dependency.all);
            }
        }
        if !dependencies.is_empty() {
            let role = &loaded.role;
            loaded.role = Arc::new(Role {
                name: role.name.clone(),
                path: role.path.clone(),
                defaults: Arc::clone(&role.defaults),
                vars: Arc::clone(&role.vars),
                params: Arc::clone(&role.params),
                parents: role.parents.clone(),
                includers: role.includers.clone(),
                dependencies,
                allow_duplicates: role.allow_duplicates,
                public: role.public,
                fingerprint: role.fingerprint.clone(),
                argument_spec: role.argument_spec.clone(),
            });
        }
        loaded.all.push(Arc::clone(&loaded.role));
        let place =
            |section: &str| Place { directory: Arc::from(path.join(section)), role: Some(Arc::clone(&loaded.role)) };
        let tasks_place = place("tasks");
        let handlers_place = place("handlers");
        let tasks_from = usage.tasks_from.as_deref();
        let mut tasks: Vec<Item> = Vec::new();
        if let Some(validation) = self.argument_validation(&loaded.role, keywords, &tasks_place, usage) {
            tasks.push(validation);
        }
        if let Some(node) =
            self.role_file(&path, "tasks", tasks_from.unwrap_or("main"), usage.span, tasks_from.is_some())
        {
            self.open.push(open);
            tasks.extend(self.task_list(&node, keywords, &tasks_place));
            self.open.pop();
        }
        if let Some(node) = self.role_file(
            &path,
            "handlers",
            usage.handlers_from.as_deref().unwrap_or("main"),
            usage.span,
            usage.handlers_from.is_some(),
        ) {
            let mut handlers = self.handlers(&node, keywords, &handlers_place);
            loaded.handlers.append(&mut handlers);
        }
        loaded.items.push(Item::Block(Arc::new(Block {
            name: None,
            tasks: tasks.into(),
            rescue: Arc::from([]),
            always: Arc::from([]),
            role: Some(Arc::clone(&loaded.role)),
            span: usage.span,
        })));
        Some(loaded)
    }

    /// What holds for the tasks of a role: the collections of the play are not its own.
    fn role_keywords(&mut self, keywords: &Arc<Keywords>, name: &str, meta: Option<&Node>) -> Arc<Keywords> {
        let mut collections: Vec<String> = Vec::new();
        if let [namespace, collection, _] = name.split('.').collect::<Vec<_>>()[..] {
            collections.push(format!("{namespace}.{collection}"));
        }
        if let Some(more) = meta.and_then(|meta| meta.get("collections")) {
            collections.extend(self.collection_names(more).iter().cloned());
        }
        let collections = Some(collections).filter(|names| !names.is_empty()).map(Arc::from);
        match keywords.collections == collections {
            true => Arc::clone(keywords),
            false => Arc::new(Keywords { collections, ..Keywords::clone(keywords) }),
        }
    }

    /// A file of a role: `SECTION/NAME` with any of YAML's extensions, or none.
    fn role_file(&mut self, role: &Path, section: &str, name: &str, span: Span, required: bool) -> Option<Arc<Node>> {
        let found = role_paths(role, section, name).into_iter().find(|path| path.is_file());
        if let Some(path) = found {
            return self.file(&path);
        }
        if required {
            self.note(
                Diagnostic::error(format!("Could not find specified file in role: {section}/{name}"))
                    .at(span)
                    .hint(format!("looked in {}", role.join(section).display())),
            );
        }
        None
    }

    /// The variables of `defaults` or `vars`: a file, or a directory of files.
    fn role_variables(&mut self, role: &Path, section: &str, from: Option<&str>, span: Span) -> VarMap {
        let name = from.unwrap_or("main");
        let directory = role.join(section).join(name);
        let mut files = Vec::new();
        if let Some(path) = role_paths(role, section, name).into_iter().find(|path| path.is_file()) {
            files.push(path);
        } else if directory.is_dir() {
            variable_files(&directory, &mut files);
        } else if from.is_some() {
            self.note(Diagnostic::error(format!("Could not find specified file in role: {section}/{name}")).at(span));
        }
        let mut variables = VarMap::default();
        for path in files {
            if let Some(node) = self.file(&path)
                && !node.is_null()
            {
                variables.extend(self.variables(&node, &format!("{section}/{name}")));
            }
        }
        variables
    }

    /// The argument specification of the entry point that is used.
    fn argument_spec(&mut self, path: &Path, meta: Option<&Node>, usage: &RoleUse) -> Option<Node> {
        let own = role_paths(path, "meta", "argument_specs").into_iter().find(|path| path.is_file());
        let file = own.and_then(|path| self.file(&path));
        let specs =
            file.as_deref().and_then(|node| node.get("argument_specs")).or_else(|| meta?.get("argument_specs"))?;
        let entry = usage.tasks_from.as_deref().unwrap_or("main");
        let entry = entry.strip_suffix(".yml").or_else(|| entry.strip_suffix(".yaml")).unwrap_or(entry);
        specs.get(entry).cloned()
    }

    /// The implicit task that checks a role's arguments against its specification.
    fn argument_validation(
        &mut self,
        role: &Arc<Role>,
        keywords: &Arc<Keywords>,
        place: &Place,
        usage: &RoleUse,
    ) -> Option<Item> {
        let spec = role.argument_spec.clone()?;
        let span = spec.span;
        let entry = usage.tasks_from.as_deref().unwrap_or("main");
        let text = |text: &str| Node { data: Data::String(text.into()), span };
        let title = spec.get("short_description").and_then(Node::as_str).map_or_else(
            || format!("Validating arguments against arg spec '{entry}'"),
            |description| format!("Validating arguments against arg spec '{entry}' - {description}"),
        );
        let options = spec.get("options").cloned().unwrap_or(Node { data: Data::Map(Vec::new()), span });
        let map = |entries: Vec<(&str, Node)>| Node {
            data: Data::Map(entries.into_iter().map(|(key, value)| (text(key), value)).collect()),
            span,
        };
        let context = map(vec![
            ("type", text("role")),
            ("name", text(role.name.rsplit('.').next().unwrap_or_default())),
            ("argument_spec_name", text(entry)),
            ("path", text(&role.path.display().to_string())),
        ]);
        let node = map(vec![
            ("name", text(&title)),
            (
                "ansible.builtin.validate_argument_spec",
                map(vec![("argument_spec", options), ("validate_args_context", context)]),
            ),
            ("tags", map_list(span, &["always"])),
        ]);
        self.task_list(&Node { data: Data::List(vec![node]), span }, keywords, place).into_iter().next()
    }

    /// `import_role`: read at once, and put in place of the task.
    pub(super) fn import_role(&mut self, task: &Task, node: &Node, place: &Place, handler: bool) -> Vec<Item> {
        if self.refuse_loop(task, "import_role", "include_role") {
            return Vec::new();
        }
        let mut texts = Vec::new();
        for (name, written) in &task.arguments.options {
            if matches!(name.as_str(), "public" | "allow_duplicates" | "rolespec_validate") {
                continue;
            }
            match self.static_text(written, node, "an imported role") {
                Some(text) => texts.push((name.clone(), text)),
                None => return Vec::new(),
            }
        }
        let mut usage = RoleUse::new("", task.action.span);
        for (name, text) in texts {
            match name.as_str() {
                "name" | "role" | "_raw_params" => usage.name = text,
                "tasks_from" => usage.tasks_from = Some(text),
                "vars_from" => usage.vars_from = Some(text),
                "defaults_from" => usage.defaults_from = Some(text),
                "handlers_from" => usage.handlers_from = Some(text),
                _ => {}
            }
        }
        if usage.name.is_empty() {
            self.note(Diagnostic::error("'name' is a required field for import_role.").at(task.action.span));
            return Vec::new();
        }
        usage.public = self.static_flag(task, "public", true, node);
        usage.validate = self.static_flag(task, "rolespec_validate", true, node);
        usage.allow_duplicates = Some(self.static_flag(task, "allow_duplicates", true, node));
        usage.for_task(task);
        let parents: Vec<Arc<Role>> =
            place.role.iter().flat_map(|role| role.chain().cloned().collect::<Vec<_>>()).collect();
        let open = match &usage.tasks_from {
            Some(file) => format!("role {} ({file})", usage.name),
            None => format!("role {}", usage.name),
        };
        if self.open.contains(&open) {
            self.note(
                Diagnostic::error(format!("{open} imports itself"))
                    .at(task.action.span)
                    .hint("use `include_role` with a `when` that ends the recursion"),
            );
            return Vec::new();
        }
        self.open.push(open);
        let loaded = self.load_imported(&usage, &task.keywords, &parents);
        self.open.pop();
        let Some(loaded) = loaded else { return Vec::new() };
        self.imported_roles.extend(loaded.all.iter().cloned());
        if !handler {
            self.imported_handlers.extend(loaded.handlers);
        }
        vec![Item::Block(Arc::new(Block {
            name: None,
            tasks: loaded.items.into(),
            rescue: Arc::from([]),
            always: Arc::from([]),
            role: None,
            span: node.span,
        }))]
    }

    /// A role that a task of another role brings in may be one of that role's own parents only through recursion,
    /// which `open` has excluded; its parents give it variables, but are no dependencies.
    fn load_imported(
        &mut self,
        usage: &RoleUse,
        keywords: &Arc<Keywords>,
        parents: &[Arc<Role>],
    ) -> Option<LoadedRole> {
        let path = self.find_role(&usage.name, parents.last().map(|parent| parent.path.as_path()));
        let parents: Vec<Arc<Role>> =
            parents.iter().filter(|parent| Some(&parent.path) != path.as_ref()).cloned().collect();
        self.load_role(usage, keywords, &parents)
    }

    fn static_flag(&mut self, task: &Task, name: &str, default: bool, node: &Node) -> bool {
        let Some(written) = task.arguments.options.get(name) else { return default };
        self.static_text(written, node, "an imported role")
            .and_then(|text| rprov_modules::argument::boolean(&text))
            .unwrap_or(default)
    }

    /// The role of a dynamic `include_role`.
    ///
    /// `keywords` is what the include hands down: what it stands in, and its `apply`.
    ///
    /// # Errors
    /// The role is not there, or has mistakes.
    pub fn include_role(
        &mut self,
        include: &Task,
        usage: &RoleUse,
        keywords: &Arc<Keywords>,
    ) -> Result<(LoadedRole, Diagnostics), Diagnostics> {
        let parents: Vec<Arc<Role>> =
            include.role.iter().flat_map(|role| role.chain().cloned().collect::<Vec<_>>()).collect();
        let loaded = self.load_imported(usage, keywords, &parents);
        let (loaded, warnings) = self.conclude(loaded)?;
        Ok((loaded.ok_or_else(Diagnostics::new)?, warnings))
    }

    /// The roles that were imported since this was asked last, with their handlers.
    pub fn take_imported(&mut self) -> (Vec<Arc<Role>>, Vec<Arc<Task>>) {
        (std::mem::take(&mut self.imported_roles), std::mem::take(&mut self.imported_handlers))
    }
}

/// What was written of the keywords that tell uses of a role apart.
fn conditions_of(own: &Keywords) -> String {
    let mut text = String::new();
    for condition in &own.when {
        text.push_str(&condition.text());
        text.push('\n');
    }
    for tag in &own.tags {
        text.push_str(&tag.source());
        text.push('\n');
    }
    for vars in &own.vars {
        text.push_str(&text_of(vars));
    }
    text
}

/// Variables as they were written.
fn text_of(variables: &VarMap) -> String {
    variables.iter().map(|(name, written)| format!("{name}={}\n", written.source())).collect()
}

fn map_list(span: Span, words: &[&str]) -> Node {
    let items = words.iter().map(|word| Node { data: Data::String((*word).into()), span }).collect();
    Node { data: Data::List(items), span }
}

/// Paths at which a role's file may be, in order.
fn role_paths(role: &Path, section: &str, name: &str) -> Vec<PathBuf> {
    let base = role.join(section).join(name);
    let mut paths = vec![base.clone()];
    if base.extension().is_none()
        || !["yml", "yaml", "json"].iter().any(|known| base.extension().is_some_and(|found| found == *known))
    {
        for extension in ["yml", "yaml", "json"] {
            let mut with_extension = base.clone().into_os_string();
            with_extension.push(".");
            with_extension.push(extension);
            paths.push(with_extension.into());
        }
        // The bare name counts last: a file without an extension is rare, a directory of that name is not.
        paths.rotate_left(1);
    }
    paths
}

/// All variable files below a directory, in order of their names.
fn variable_files(directory: &Path, files: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for entry in entries {
        let hidden = entry.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if entry.is_dir() && !hidden {
            variable_files(&entry, files);
        } else if entry
            .extension()
            .is_some_and(|extension| ["yml", "yaml", "json"].iter().any(|known| extension == *known))
        {
            files.push(entry);
        }
    }
}
