//! Task lists: tasks, blocks, handlers, and the static imports among them.

use std::path::Path;
use std::sync::Arc;

use crate::playbook::block::{Block, Item};
use crate::playbook::keyword;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Loader;
use crate::playbook::load::field::is_variable_name;
use crate::playbook::role::Role;
use crate::playbook::task::{ActionName, Loop, LoopControl, LoopSource, Register, Task};
use crate::source::{Diagnostic, Span};
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
}

/// A task as it is read, before it is known what it does.
pub(super) struct Draft {
    pub(super) keywords: Keywords,
    pub(super) name: Option<Written>,
    pub(super) action: Option<(Node, Node)>,
    pub(super) arguments: Option<Node>,
    pub(super) looping: Option<(LoopSource, Span)>,
    pub(super) control: LoopControl,
    pub(super) register: Option<Register>,
    pub(super) changed_when: Vec<crate::template::Conditional>,
    pub(super) failed_when: Vec<crate::template::Conditional>,
    pub(super) until: Vec<crate::template::Conditional>,
    pub(super) retries: Option<Written>,
    pub(super) delay: Option<Written>,
    pub(super) asynchronous: Option<Written>,
    pub(super) poll: Option<Written>,
    pub(super) listen: Vec<Written>,
    pub(super) local: bool,
    /// `static`, of old playbooks.
    pub(super) imported: Option<bool>,
}

impl Draft {
    /// Whether the play is ready for its failure, or may pass it over.
    pub(super) fn may_fail(&self) -> bool {
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

    fn no_block(&mut self, node: &Node) {
        self.note(
            Diagnostic::error("Using a block as a handler is not supported.")
                .at(node.span)
                .hint("give each of its tasks a name, or let them `listen` to one topic"),
        );
    }

    /// A list of handlers.
    pub(crate) fn handlers(&mut self, node: &Node, outer: &Arc<Keywords>, place: &Place) -> Vec<Arc<Task>> {
        let mut handlers = Vec::new();
        for entry in self.list(node, "a handler list") {
            if entry.get("block").is_some() {
                self.no_block(entry);
                continue;
            }
            for item in self.item(entry, outer, place, true) {
                item.each_task(&mut |task| handlers.push(Arc::clone(task)));
            }
        }
        handlers
    }

    pub(super) fn item(&mut self, node: &Node, outer: &Arc<Keywords>, place: &Place, handler: bool) -> Vec<Item> {
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
                // A file of handlers counts as one block; blocks inside of it are too many.
                if handler && entry.get("block").is_some() {
                    loader.no_block(entry);
                } else if !entry.is_null() {
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
        let flushes = |name: &str| arguments.options.get(name).and_then(Written::text) == Some("flush_handlers");
        if handler && action.short() == "meta" && (flushes("_raw_params") || flushes("free_form")) {
            self.note(
                Diagnostic::error("flush_handlers cannot be used as a handler")
                    .at(action.span)
                    .hint("a handler may notify others, which then run behind it"),
            );
        }
        if matches!(action.short(), "include_tasks" | "include_role") {
            self.check_include_keywords(node, &action);
        }
        if action.short() == "set_fact" {
            arguments.spans.iter().for_each(|(name, span)| self.note_reserved(name, *span));
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
        self.note_reserved(&name, value.span);
        Some(Register { name: name.into() })
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
                    let problem =
                        Diagnostic::error(format!("`{name}` is not a valid keyword for a task")).at(wrong.span);
                    let module = word(if wrong.span == first.span { key } else { &first });
                    let called = library.resolve(&module, &[]).called;
                    if called.is_some_and(|called| called.spec.option(&name).is_some()) {
                        problem.hint(format!("`{name}` is an option of `{module}`: indent it below the module"))
                    } else {
                        problem.did_you_mean(&name, keywords())
                    }
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
}
