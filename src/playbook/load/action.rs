//! What a task does: its action and the arguments, in whichever form they were written.

use std::sync::Arc;

use indexmap::IndexMap;
use rprov_modules::argument::ArgumentProblem;
use rprov_wire::Map;

use super::task::Draft;
use crate::action;
use crate::playbook::arguments;
use crate::playbook::keyword;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Loader;
use crate::playbook::task::{ActionName, Arguments};
use crate::source::{Diagnostic, Span};
use crate::template::Written;
use crate::yaml::{Data, Node};

impl Loader {
    /// The action of a task and its arguments, in whichever form they were written.
    pub(super) fn action(
        &mut self,
        draft: &mut Draft,
        outer: &Keywords,
        node: &Node,
    ) -> Option<(ActionName, Arguments)> {
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
            Data::Timestamp(_)
            | Data::Unsafe(_)
            | Data::Vault(_)
            | Data::Bool(_)
            | Data::Int(_)
            | Data::BigInt(_)
            | Data::Float(_)
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
            // A template may omit an option, and defaults may add one: only what was written for certain counts. No template
            // gives an option that is not there.
            let certain = matches!(
                problem,
                ArgumentProblem::Type { .. } | ArgumentProblem::Choice { .. } | ArgumentProblem::Missing { .. }
            );
            if !unknown && (!whole_known || !pending.is_empty() && !certain) {
                continue;
            }
            // `module_defaults` may supply what the task leaves out; that depends on the role and the play they stand in.
            if matches!(problem, ArgumentProblem::Missing { .. } | ArgumentProblem::Rule { .. })
                && self.defaults_in_force
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
}

/// The name of an action, which may be a template, and what follows it.
fn split_name(text: &str) -> (&str, &str) {
    let end = match arguments::split_words(text).and_then(|words| words.into_iter().next()) {
        Some(first) if text.starts_with(&first) => first.len(),
        _ => text.find(char::is_whitespace).unwrap_or(text.len()),
    };
    text.split_at_checked(end).unwrap_or((text, ""))
}
