//! Task lists: tasks, blocks, handlers, and the static imports among them.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;
use rprov_modules::argument::ArgumentProblem;
use rprov_wire::Map;

use crate::action;
use crate::playbook::arguments;
use crate::playbook::block::{Block, Item};
use crate::playbook::keyword;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Loader;
use crate::playbook::load::field::is_variable_name;
use crate::playbook::role::Role;
use crate::playbook::task::{ActionName, Arguments, Loop, LoopControl, LoopSource, Register, Task};
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::template::Written;
use crate::yaml::{Data, Node};

/// Where a task list stands.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    /// Directory of its file.
    pub directory: Arc<Path>,
    /// The role it belongs to.
    pub role: Option<Arc<Role>>,
}

impl Place {
    /// In a playbook file of that directory.
    pub(crate) fn play(directory: &Path) -> Self {
        Self { directory: Arc::from(directory), role: None }
    }

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

/// A task as it is read, before it is known what it does.
struct Draft {
    keywords: Keywords,
    name: Option<Written>,
    action: Option<(Node, Node)>,
    arguments: Option<Node>,
    looping: Option<(LoopSource, Span)>,
    control: LoopControl,
    register: Option<Register>,
    changed_when: Vec<crate::template::Conditional>,
    failed_when: Vec<crate::template::Conditional>,
    until: Vec<crate::template::Conditional>,
    retries: Option<Written>,
    delay: Option<Written>,
    asynchronous: Option<Written>,
    poll: Option<Written>,
    listen: Vec<Written>,
    local: bool,
    /// `static`, of old playbooks.
    imported: Option<bool>,
}

impl Draft {
    /// Whether the play is ready for its failure, or may pass it over.
    fn may_fail(&self) -> bool {
        !self.failed_when.is_empty() || self.keywords.ignore_errors.is_some() || !self.keywords.when.is_empty()
    }
}

impl Loader {
    /// A list of tasks and blocks.
    pub(crate) fn task_list(&mut self, node: &Node, outer: &Arc<Keywords>, place: &Place) -> Vec<Item> {
        let mut items = Vec::new();
        for entry in self.list(node, "a task list") {
            if entry.is_null() {
                continue;
            }
            items.extend(self.item(entry, outer, place, false));
        }
        items
    }

    /// A list of handlers; blocks among them are opened, since a handler runs on its own.
    pub(crate) fn handlers(&mut self, node: &Node, outer: &Arc<Keywords>, place: &Place) -> Vec<Arc<Task>> {
        let mut handlers = Vec::new();
        for entry in self.list(node, "a handler list") {
            for item in self.item(entry, outer, place, true) {
                item.each_task(&mut |task| handlers.push(Arc::clone(task)));
            }
        }
        handlers
    }

    fn item(&mut self, node: &Node, outer: &Arc<Keywords>, place: &Place, handler: bool) -> Vec<Item> {
        if node.as_map().is_none() {
            self.note(
                Diagnostic::error(format!("a task must be a dictionary, not {}", node.describe()))
                    .at(node.span)
                    .hint("write `- MODULE:` with its options indented below"),
            );
            return Vec::new();
        }
        if keyword::BLOCK.iter().any(|key| node.get(key).is_some()) {
            return self
                .block(node, outer, place, handler)
                .into_iter()
                .map(|block| Item::Block(Arc::new(block)))
                .collect();
        }
        self.task(node, outer, place, handler)
    }

    fn block(&mut self, node: &Node, outer: &Arc<Keywords>, place: &Place, handler: bool) -> Option<Block> {
        let mut keywords = Keywords::default();
        let mut name = None;
        for (key, value) in self.map(node, "a block") {
            let Some(word) = self.key(key) else { continue };
            match word {
                "name" => name = Some(Written::from_node(value)),
                "block" | "rescue" | "always" => {}
                _ if self.keyword(&mut keywords, key, word, value) => {}
                _ => self.unknown_keyword(key, word, "block", &[keyword::BLOCK, keyword::BASE, keyword::CONDITIONAL]),
            }
        }
        if node.get("block").is_none() {
            let section = node.entry("rescue").or_else(|| node.entry("always"));
            if let Some((key, _)) = section {
                let word = key.as_str().unwrap_or_default();
                self.note(
                    Diagnostic::error(format!("'{word}' keyword cannot be used without 'block'"))
                        .at(key.span)
                        .hint("put the tasks that may fail into `block:` beside it"),
                );
            }
        }
        let keywords = Arc::new(keywords.within(outer));
        let section = |loader: &mut Self, name: &str| -> Arc<[Item]> {
            let Some(value) = node.get(name) else { return Arc::from([]) };
            let mut items = Vec::new();
            for entry in loader.list(value, "a block's task list") {
                if !entry.is_null() {
                    items.extend(loader.item(entry, &keywords, place, handler));
                }
            }
            items.into()
        };
        let guarded = self.guarded;
        self.guarded |= node.get("rescue").is_some();
        let tasks = section(self, "block");
        self.guarded = guarded;
        let rescue = section(self, "rescue");
        let always = section(self, "always");
        Some(Block { name, tasks, rescue, always, role: None, span: node.span })
    }

    fn task(&mut self, node: &Node, outer: &Arc<Keywords>, place: &Place, handler: bool) -> Vec<Item> {
        let Some(mut draft) = self.draft(node, handler) else { return Vec::new() };
        let guarded = self.guarded;
        self.guarded |= draft.may_fail() || outer.ignore_errors.is_some() || !outer.when.is_empty();
        let called = self.action(&mut draft, outer, node);
        self.guarded = guarded;
        let Some((action, arguments)) = called else { return Vec::new() };
        if handler && matches!(action.short(), "include_role" | "import_role") {
            self.note(
                Diagnostic::error(format!("Using '{}' as a handler is not supported.", action.written))
                    .at(action.span)
                    .hint("notify a handler that does `include_tasks`, or the role's own handlers"),
            );
        }
        if matches!(action.short(), "include_tasks" | "include_role") {
            self.check_include_keywords(node, &action);
        }
        let looping = draft.looping.map(|(source, span)| Loop { source, control: draft.control, span });
        let mut keywords = draft.keywords;
        if draft.local {
            keywords.delegate_to = Some(Written::from_node(&super::keywords::text_node("localhost", node)));
        }
        let task = Task {
            name: draft.name,
            action,
            arguments,
            keywords: Arc::new(keywords.within(outer)),
            enclosing: Arc::clone(outer),
            looping,
            register: draft.register,
            changed_when: draft.changed_when,
            failed_when: draft.failed_when,
            until: draft.until,
            retries: draft.retries,
            delay: draft.delay,
            asynchronous: draft.asynchronous,
            poll: draft.poll,
            listen: draft.listen,
            role: place.role.clone(),
            directory: Arc::clone(&place.directory),
            span: node.span,
            handler,
            implicit: false,
        };
        self.check_templates(&task);
        match task.action.short() {
            "import_tasks" => self.import_tasks(&task, node, place, handler),
            "import_role" => self.import_role(&task, node, place, handler),
            _ => vec![Item::Task(Arc::new(task))],
        }
    }

    /// A dynamic include knows few keywords; the others are for the tasks that it brings.
    fn check_include_keywords(&mut self, node: &Node, action: &ActionName) {
        for (key, _) in node.as_map().unwrap_or_default() {
            let Some(name) = key.as_str() else { continue };
            let known = keyword::of_task(name) && !keyword::INCLUDE.contains(&name) && !name.starts_with("with_");
            if !known {
                continue;
            }
            let object = if action.short() == "include_role" { "IncludeRole" } else { "TaskInclude" };
            let note = Diagnostic::error(format!("'{name}' is not a valid attribute for a {object}")).at(key.span);
            let handed_down = keyword::BASE.contains(&name) || keyword::CONDITIONAL.contains(&name);
            self.note(match handed_down {
                true => note.hint(format!(
                    "to hand it down to the included tasks, write it in `apply` below `{}`",
                    action.written
                )),
                false => note.hint("write it at the included tasks themselves"),
            });
        }
    }

    /// Warn of templates in a task's own values that will fail when it runs.
    fn check_templates(&mut self, task: &Task) {
        let looping = task.looping.as_ref().map(|looping| match &looping.source {
            LoopSource::Loop(written) | LoopSource::With(_, written) => written,
        });
        let values = task
            .arguments
            .options
            .values()
            .chain(&task.arguments.template)
            .chain(looping)
            .chain(&task.keywords.delegate_to);
        for problem in values.flat_map(Written::check).collect::<Vec<_>>() {
            let hint = self.library().plugin_hint(&problem.message);
            self.note(match hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            });
        }
    }

    fn draft(&mut self, node: &Node, handler: bool) -> Option<Draft> {
        let mut draft = Draft {
            keywords: Keywords::default(),
            name: None,
            action: None,
            arguments: None,
            looping: None,
            control: LoopControl::default(),
            register: None,
            changed_when: Vec::new(),
            failed_when: Vec::new(),
            until: Vec::new(),
            retries: None,
            delay: None,
            asynchronous: None,
            poll: None,
            listen: Vec::new(),
            local: false,
            imported: None,
        };
        for (key, value) in self.map(node, "a task") {
            let word = self.key(key)?;
            let written = || Some(Written::from_node(value));
            match word {
                "name" => draft.name = written(),
                "args" => draft.arguments = Some(value.clone()),
                "register" => draft.register = self.register(value),
                "changed_when" => draft.changed_when = self.conditions(value),
                "failed_when" => draft.failed_when = self.conditions(value),
                "until" => draft.until = self.conditions(value),
                "retries" => draft.retries = written(),
                "delay" => draft.delay = written(),
                "async" => draft.asynchronous = written(),
                "poll" => draft.poll = written(),
                "listen" if handler => draft.listen = self.words(value, false),
                "listen" => self.unknown_keyword(key, word, "task", &[]),
                "static" => {
                    let imported = self.flag(value, "`static`");
                    self.deprecated(key, word, if imported { "import_tasks: FILE" } else { "include_tasks: FILE" });
                    draft.imported = Some(imported);
                }
                // A loop that has no value is none.
                "loop" if matches!(value.data, Data::Null) => {}
                "loop" => self.set_loop(&mut draft, LoopSource::Loop(Written::from_node(value)), key),
                "loop_control" => draft.control = self.loop_control(value),
                "action" | "local_action" => {
                    draft.local = word == "local_action";
                    self.set_action(&mut draft, key, value);
                }
                _ if word.strip_prefix("with_").is_some_and(crate::template::lookup::exists) => {
                    let lookup = word.strip_prefix("with_").unwrap_or_default();
                    if let Some(text) = value.as_str()
                        && crate::template::lookup::takes_bare_variable(lookup, text)
                    {
                        self.note(
                            Diagnostic::deprecation(format!(
                                "a variable without braces in `{word}` is of old playbooks"
                            ))
                            .at(value.span)
                            .hint(format!("write `{word}: \"{{{{ {text} }}}}\"`; for the text itself, write a list")),
                        );
                    }
                    self.set_loop(&mut draft, LoopSource::With(lookup.into(), Written::from_node(value)), key);
                }
                _ if word.starts_with("with_") => self.note(
                    Diagnostic::error(format!("`{word}` names no lookup"))
                        .at(key.span)
                        .did_you_mean(word.strip_prefix("with_").unwrap_or_default(), crate::template::lookup::names()),
                ),
                _ if self.keyword(&mut draft.keywords, key, word, value) => {}
                _ => self.set_action(&mut draft, key, value),
            }
        }
        Some(draft)
    }

    fn register(&mut self, value: &Node) -> Option<Register> {
        let name = self.plain(value, "`register`")?;
        if !is_variable_name(&name) {
            self.note(
                Diagnostic::error(format!("Invalid variable name in 'register' specified: '{name}'"))
                    .at(value.span)
                    .hint("a variable name is letters, digits and underscores, and does not begin with a digit"),
            );
            return None;
        }
        Some(Register { name: name.into() })
    }

    /// `include: FILE static=no a=b`: what stands behind the file was for the included tasks.
    fn old_include(&mut self, arguments: &mut Arguments, draft: &mut Draft, span: Span) {
        let mut variables = IndexMap::new();
        for name in arguments.options.keys().cloned().collect::<Vec<_>>() {
            if matches!(name.as_str(), "_raw_params" | "file" | "apply") {
                continue;
            }
            let Some(value) = arguments.options.shift_remove(&name) else { continue };
            arguments.spans.shift_remove(&name);
            if name != "static" {
                variables.insert(Arc::from(name), value);
            }
        }
        if !variables.is_empty() {
            self.note(
                Diagnostic::deprecation("variables behind the file of an `include` are of old playbooks")
                    .at(span)
                    .hint("write them as `vars:` of the task"),
            );
            draft.keywords.vars.push(Arc::new(variables));
        }
    }

    fn set_loop(&mut self, draft: &mut Draft, source: LoopSource, key: &Node) {
        if draft.looping.is_some() {
            self
                .note(Diagnostic::error("duplicate loop in task").at(key.span).label("there is another one above").hint(
                "a task has one loop; combine the lists with a filter, or use `include_tasks` for a loop within a loop",
            ));
        }
        draft.looping = Some((source, key.span));
    }

    fn set_action(&mut self, draft: &mut Draft, key: &Node, value: &Node) {
        if let Some((first, _)) = draft.action.clone() {
            let keywords = || [keyword::BASE, keyword::CONDITIONAL, keyword::TASK].into_iter().flatten().copied();
            let word = |key: &Node| key.as_str().unwrap_or_default().to_owned();
            let library = Arc::clone(self.library());
            let known = |key: &Node| library.resolve(&word(key), &[]).called.is_some();
            let misspelt = |key: &Node| rprov_modules::argument::closest(&word(key), keywords()).is_some();
            // Of two words that could each be the module, one may be a keyword that is spelt wrongly.
            let (first_known, known) = (known(&first), known(key));
            let wrong = match (first_known, known) {
                (true, true) => None,
                (true, false) => Some(key),
                (false, true) => Some(&first),
                (false, false) => [key, &first].into_iter().find(|key| misspelt(key)),
            };
            self.note(match wrong {
                Some(wrong) => {
                    let name = word(wrong);
                    Diagnostic::error(format!("`{name}` is not a valid keyword for a task"))
                        .at(wrong.span)
                        .did_you_mean(&name, keywords())
                }
                None => Diagnostic::error(format!("conflicting action statements: {}, {}", word(&first), word(key)))
                    .at(key.span)
                    .hint(
                        "a task calls one module; begin another task with `- `, or indent options below their module",
                    ),
            });
            if first_known || !known && wrong.is_none_or(|wrong| wrong.span != first.span) {
                return;
            }
        }
        draft.action = Some((key.clone(), value.clone()));
    }

    fn loop_control(&mut self, node: &Node) -> LoopControl {
        let mut control = LoopControl::default();
        for (key, value) in self.map(node, "`loop_control`") {
            let Some(word) = self.key(key) else { continue };
            let written = Some(Written::from_node(value));
            match word {
                "loop_var" => control.loop_var = written,
                "index_var" => control.index_var = written,
                "label" => control.label = written,
                "pause" => control.pause = written,
                "extended" => control.extended = written,
                "extended_allitems" => control.extended_allitems = written,
                "break_when" => control.break_when = self.conditions(value),
                _ => self.unknown_keyword(key, word, "loop_control", &[keyword::LOOP_CONTROL]),
            }
        }
        control
    }

    /// The action of a task and its arguments, in whichever form they were written.
    fn action(&mut self, draft: &mut Draft, outer: &Keywords, node: &Node) -> Option<(ActionName, Arguments)> {
        let Some((key, value)) = &draft.action else {
            self.note(
                Diagnostic::error("no module/action detected in task")
                    .at(node.span)
                    .label("this task calls no module")
                    .hint("every task has one key that is a module's name, such as `command:` or `copy:`"),
            );
            return None;
        };
        let word = key.as_str()?;
        let (name, name_node, value) = if word == "action" || word == "local_action" {
            self.action_statement(key, value)?
        } else {
            (word.to_owned(), key.clone(), value.clone())
        };
        let name_span = name_node.span;
        let old = name == "include";
        let name = if old {
            self.deprecated(key, "include", "include_tasks: FILE");
            if draft.imported == Some(true) { "import_tasks" } else { "include_tasks" }.to_owned()
        } else {
            name
        };
        let is_template = word != name && crate::template::is_template(&name);
        let found = match is_template {
            true => action::Resolution { called: Some(action::undetermined()), ..action::Resolution::default() },
            false => {
                let collections = draft.keywords.collections.as_ref().or(outer.collections.as_ref());
                self.library().resolve(&name, collections.map(AsRef::as_ref).unwrap_or_default())
            }
        };
        for warning in found.warnings {
            self.note(Diagnostic::warning(warning));
        }
        for deprecation in found.deprecations {
            self.note(Diagnostic::deprecation(deprecation).at(name_span));
        }
        if let Some(reason) = found.reason {
            self.note(Diagnostic::absent(reason).at(name_span));
            return None;
        }
        let Some(known) = found.called else {
            let own = self.library().names();
            let keywords = [keyword::BASE, keyword::CONDITIONAL, keyword::TASK];
            let names = action::names().into_iter().chain(keywords.into_iter().flatten().copied());
            let names = names.chain(own.iter().map(String::as_str));
            self.note(
                Diagnostic::error(format!(
                    "couldn't resolve module/action '{name}'. This often indicates a misspelling, missing collection, or incorrect module path"
                ))
                .at(name_span)
                .did_you_mean(&name, names),
            );
            return None;
        };
        if known.absent {
            self.note(
                Diagnostic::warning(format!("rprov has no module `{}` yet: this task fails if it is run", known.short))
                    .at(name_span),
            );
        }
        if let Some(notice) = action::notice(&known) {
            self.note(Diagnostic::warning(format!("{notice}: this task fails if it is run")).at(name_span));
        }
        let mut arguments =
            Arguments { options: IndexMap::new(), template: None, spans: IndexMap::new(), mistake: None };
        self.read_arguments(&mut arguments, &known, &value);
        if old {
            self.old_include(&mut arguments, draft, key.span);
        }
        if let Some(node) = &draft.arguments {
            match &node.data {
                Data::Map(entries) => {
                    for (key, value) in entries {
                        if let Some(name) = key.as_str()
                            && !arguments.options.contains_key(name)
                        {
                            arguments.options.insert(name.to_owned(), Written::from_node(value));
                            arguments.spans.insert(name.to_owned(), key.span);
                        }
                    }
                }
                Data::String(text) if text.contains("{{") => arguments.template = Some(Written::from_node(node)),
                Data::String(text) => self.key_value_arguments(&mut arguments, &known, text, node.span),
                Data::Null => {}
                _ => self.note(
                    Diagnostic::error(format!("`args` must be a dictionary, not {}", node.describe())).at(node.span),
                ),
            }
        }
        let template = is_template.then(|| Written::from_text(name.as_str(), Some(name_span)));
        let action = ActionName { written: name.as_str().into(), known, template, span: name_span };
        if !is_template {
            self.check_arguments(&action, &arguments, draft);
        }
        Some((action, arguments))
    }

    /// `action: copy src=a dest=b` or `action: {module: copy, src: a}`.
    fn action_statement(&mut self, key: &Node, value: &Node) -> Option<(String, Node, Node)> {
        match &value.data {
            Data::String(text) => {
                let text = text.trim();
                let (name, rest) = split_name(text);
                Some((
                    name.to_owned(),
                    value.clone(),
                    Node { data: Data::String(rest.trim().into()), span: value.span },
                ))
            }
            Data::Map(entries) => {
                let Some(named) = value.get("module").filter(|node| node.as_str().is_some()) else {
                    self.note(
                        Diagnostic::error("`action` names no module").at(key.span).hint("add `module: NAME` to it"),
                    );
                    return None;
                };
                let (name, rest) = split_name(named.as_str().unwrap_or_default().trim());
                let mut options: Vec<(Node, Node)> =
                    entries.iter().filter(|(key, _)| key.as_str() != Some("module")).cloned().collect();
                if !rest.trim().is_empty() {
                    let raw = Node { data: Data::String("_raw_params".into()), span: value.span };
                    options.push((raw, Node { data: Data::String(rest.trim().into()), span: value.span }));
                }
                Some((name.to_owned(), named.clone(), Node { data: Data::Map(options), span: value.span }))
            }
            _ => {
                self.note(
                    Diagnostic::error(format!("unexpected parameter type in action: {}", value.describe()))
                        .at(value.span),
                );
                None
            }
        }
    }

    fn read_arguments(&mut self, arguments: &mut Arguments, known: &action::Known, value: &Node) {
        match &value.data {
            Data::Null => {}
            Data::Map(entries) => {
                for (key, value) in entries {
                    let Some(name) = self.key(key) else { continue };
                    arguments.options.insert(name.to_owned(), Written::from_node(value));
                    arguments.spans.insert(name.to_owned(), key.span);
                }
            }
            Data::String(text) => self.key_value_arguments(arguments, known, text, value.span),
            Data::Unsafe(_) | Data::Vault(_) | Data::Bool(_) | Data::Int(_) | Data::BigInt(_) | Data::Float(_)
                if known.free_form.is_some() =>
            {
                arguments.options.insert("_raw_params".to_owned(), Written::from_node(value));
            }
            _ => self.note(
                Diagnostic::error(format!("unexpected arguments of `{}`: {}", known.short, value.describe()))
                    .at(value.span)
                    .hint("write the module's options as `name: value` lines below it"),
            ),
        }
    }

    fn key_value_arguments(&mut self, arguments: &mut Arguments, known: &action::Known, text: &str, span: Span) {
        let written = |text: &str| Written::from_node(&Node { data: Data::String(text.into()), span });
        let only: Option<Vec<&str>> = known.free_text.then(|| {
            known
                .spec
                .options()
                .flat_map(|option| std::iter::once(&option.name).chain(option.aliases).copied())
                .collect()
        });
        let Some(parsed) = arguments::parse(text, only.as_deref()) else {
            self.note(
                Diagnostic::error("failed at splitting arguments, either an unbalanced jinja2 block or quotes")
                    .at(span)
                    .hint("close every quote and every `{{`"),
            );
            return;
        };
        for (key, value) in parsed.pairs {
            arguments.spans.insert(key.clone(), span);
            arguments.options.insert(key, written(&value));
        }
        let Some(free) = parsed.free else { return };
        let whole_is_template = free.starts_with("{{") && free.ends_with("}}") && arguments.options.is_empty();
        if known.free_form.is_some() {
            arguments.options.insert("_raw_params".to_owned(), written(&free));
        } else if whole_is_template {
            arguments.template = Some(written(&free));
        } else {
            let message =
                format!("this task '{}' has extra params, which is only allowed in free-form modules", known.short);
            self.note_failure(
                Diagnostic::error(message.as_str())
                    .at(span)
                    .label(format!("`{free}` is not `name=value`"))
                    .hint("write the module's options as `name: value` lines below it"),
            );
            arguments.mistake = Some(message);
        }
    }

    /// Check what is known of the arguments already; what holds a template is checked when it is rendered.
    fn check_arguments(&mut self, action: &ActionName, arguments: &Arguments, draft: &Draft) {
        let known = &action.known;
        let whole_known = arguments.template.is_none() && draft.keywords.module_defaults.is_empty();
        let mut plain = Map::new();
        let mut pending = Vec::new();
        for (name, written) in &arguments.options {
            let target = match (name.as_str(), known.free_form) {
                ("_raw_params", Some(option)) => option,
                (other, _) => other,
            };
            match written.as_plain().and_then(|value| crate::template::to_wire(value).ok()) {
                Some(value) => {
                    plain.insert(target.to_owned(), value);
                }
                None => {
                    plain.insert(target.to_owned(), rprov_wire::Value::String(String::new()));
                    pending.push(target.to_owned());
                }
            }
        }
        for problem in known.spec.check(&known.short, &plain, |name| pending.iter().any(|pending| pending == name)) {
            let unknown = matches!(problem, ArgumentProblem::Unknown { .. });
            // A template may omit an option, and defaults may add one: only what was written for certain counts.
            if !unknown
                && (!whole_known
                    || !pending.is_empty()
                        && !matches!(problem, ArgumentProblem::Type { .. } | ArgumentProblem::Choice { .. }))
            {
                continue;
            }
            // Whether they hold depends on the role and the play in which the defaults stand.
            if matches!(problem, ArgumentProblem::Missing { .. } | ArgumentProblem::Rule { .. }) && self.open_defaults()
            {
                continue;
            }
            let top = problem.option().split('.').next().unwrap_or_default();
            let span = arguments.spans.get(top).copied().unwrap_or(action.span);
            let mut note = Diagnostic::error(match &problem {
                ArgumentProblem::Unknown { option, .. } => {
                    format!("unsupported parameter for ({}) module: {option}", known.short)
                }
                other => format!("`{}`: {other}", known.short),
            })
            .at(span);
            if let ArgumentProblem::Unknown { closest, .. } = &problem {
                note = match closest {
                    Some(closest) => note.hint(format!("did you mean `{closest}`?")),
                    None => note.hint(format!(
                        "its options are: {}",
                        known
                            .spec
                            .options()
                            .map(|option| option.name)
                            .filter(|name| !name.starts_with('_'))
                            .collect::<Vec<_>>()
                            .join(", ")
                    )),
                };
            }
            self.note_failure(note);
        }
    }

    /// Whether the play or something around a task sets `module_defaults`, which may supply what a task leaves out.
    fn open_defaults(&self) -> bool {
        self.defaults_in_force
    }

    fn import_tasks(&mut self, task: &Task, node: &Node, place: &Place, handler: bool) -> Vec<Item> {
        if let Some(looping) = &task.looping {
            self.note(
                Diagnostic::error(
                    "You cannot use loops on 'import_tasks' statements. You should use 'include_tasks' instead.",
                )
                .at(looping.span),
            );
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
        let (items, _) = self.task_file_items(&path, &task.keywords, place, handler, task.action.span);
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
    ) -> (Vec<Item>, ()) {
        let name = format!("task file {}", path.display());
        if self.open.contains(&name) {
            self.note(
                Diagnostic::error(format!("{name} imports itself"))
                    .at(span)
                    .hint("use `include_tasks` with a `when` that ends the recursion"),
            );
            return (Vec::new(), ());
        }
        let Some(root) = self.file(path) else { return (Vec::new(), ()) };
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
        (items, ())
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
            let (items, ()) = self.task_file_items(&path, keywords, &place, include.handler, include.action.span);
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

/// The name of an action, which may be a template, and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let end = match arguments::split_words(text).and_then(|words| words.into_iter().next()) {
        Some(first) if text.starts_with(&first) => first.len(),
        _ => text.find(char::is_whitespace).unwrap_or(text.len()),
    };
    text.split_at_checked(end).unwrap_or((text, ""))
}
