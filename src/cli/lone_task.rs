//! A task of the command line: a module's name, its arguments as text, and the play around them.

use std::path::Path;
use std::sync::Arc;

use minijinja::Value;
use rprov_modules::argument::Type;

use super::stop::Stop;
use crate::action;
use crate::playbook::arguments;
use crate::source::{Diagnostic, Span, register};
use crate::template::python;
use crate::yaml::{self, Data, Node};

/// Where a task was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// In flags.
    Flags,
    /// At the console's prompt.
    Prompt,
}

impl Written {
    /// What messages call the place of a module's name.
    fn name(self) -> &'static str {
        match self {
            Written::Flags => "<CLI option '-m'>",
            Written::Prompt => "<unknown>",
        }
    }

    /// The same of its arguments.
    fn arguments(self) -> &'static str {
        match self {
            Written::Flags => "<CLI option '-a'>",
            Written::Prompt => "<unknown>",
        }
    }
}

/// One task, for all hosts of a pattern.
#[derive(Debug)]
pub(super) struct LoneTask<'a> {
    /// The play's name.
    pub(super) play: &'a str,
    /// Its hosts.
    pub(super) pattern: &'a str,
    /// The module's name.
    pub(super) module: &'a str,
    /// Its arguments: `key=value` pairs, free text, or a dictionary in braces.
    pub(super) arguments: &'a str,
    /// Seconds that it may take; 0 for no limit.
    pub(super) timeout: u32,
    /// Seconds that it may run in the background, and those between two looks at it.
    pub(super) background: Option<(u64, u64)>,
    /// Where it was written.
    pub(super) written: Written,
}

impl LoneTask<'_> {
    /// The play that runs it, as if it had been read from a playbook.
    pub(super) fn play(&self) -> Result<Node, Stop> {
        let (module, arguments) = (self.module, self.arguments.trim());
        // These modules have nothing to do without arguments.
        let needs = ["command", "shell", "raw", "script", "win_command", "win_shell"];
        let short =
            module.strip_prefix("ansible.builtin.").or(module.strip_prefix("ansible.legacy.")).unwrap_or(module);
        if arguments.is_empty() && needs.contains(&short) && self.written == Written::Flags {
            let meant = if self.pattern.ends_with(".yml") || self.pattern.ends_with(".yaml") {
                "to run a playbook, use `rprov run` (`ansible-playbook`)"
            } else {
                "give them with `-a`"
            };
            return Err(Stop::options(Diagnostic::error(format!("No argument passed to {module} module")).hint(meant)));
        }
        if short == "import_playbook" {
            return Err(Stop::options(
                Diagnostic::error(format!("'{module}' is not a valid action for ad-hoc commands"))
                    .hint("to run a playbook, use `rprov run` (`ansible-playbook`)"),
            ));
        }
        let options = self.options(arguments)?;
        let span = self.task_span(&options);
        let mut action = vec![(text(span, "module"), text_of(self.written.name(), module))];
        action.extend(options);
        let action = Node { data: Data::Map(action), span: text_of(self.written.name(), module).span };
        let mut task = vec![(text(span, "action"), action)];
        if self.timeout > 0 {
            task.push((text(span, "timeout"), Node { data: Data::Int(self.timeout.into()), span }));
        }
        if let Some((seconds, poll)) = self.background {
            let number = |number: u64| Node { data: Data::Int(i64::try_from(number).unwrap_or(i64::MAX)), span };
            task.push((text(span, "async"), number(seconds)));
            task.push((text(span, "poll"), number(poll)));
        }
        let tasks = Data::List(vec![Node { data: Data::Map(task), span }]);
        let entries = [
            ("name", Data::String(self.play.into())),
            ("hosts", Data::String(self.pattern.into())),
            ("gather_facts", Data::Bool(false)),
            ("tasks", tasks),
        ];
        let entries = entries.into_iter().map(|(name, data)| (text(span, name), Node { data, span })).collect();
        Ok(Node { data: Data::Map(entries), span })
    }

    /// The module's options, each with its value.
    fn options(&self, arguments: &str) -> Result<Vec<(Node, Node)>, Stop> {
        if arguments.starts_with('{') && arguments.ends_with('}') && !arguments.starts_with("{{") {
            let loaded =
                yaml::parse(Path::new(self.written.arguments()), Arc::from(arguments)).map_err(Stop::options)?;
            if let Data::Map(entries) = loaded.root.data {
                return Ok(entries);
            }
        }
        let known = action::find(self.module);
        let only: Option<Vec<&str>> = known.filter(|known| known.free_text).map(|known| {
            let options = known.spec.options();
            options.flat_map(|option| std::iter::once(&option.name).chain(option.aliases).copied()).collect()
        });
        let span = text_of(self.written.arguments(), arguments).span;
        let parsed = arguments::split_words(arguments).and_then(|_| arguments::parse(arguments, only.as_deref()));
        let Some(parsed) = parsed else {
            return Err(Stop::written(vec![
                Diagnostic::error("failed at splitting arguments, either an unbalanced jinja2 block or quotes")
                    .at(span)
                    .hint("close every quote and every `{{`"),
            ]));
        };
        let mut options: Vec<(Node, Node)> = Vec::new();
        for (name, value) in &parsed.pairs {
            options.retain(|(known, _)| known.as_str() != Some(name));
            options.push((text_of(self.written.arguments(), name), text_of(self.written.arguments(), value)));
        }
        if let Some(free) = parsed.free {
            if known.is_some_and(|known| known.free_form.is_none() && !known.spec.open) {
                return Err(Stop::written(vec![
                    Diagnostic::error(format!("Action '{}' does not support raw params.", self.module))
                        .at(span)
                        .label(format!("`{free}` is not `name=value`"))
                        .hint(
                            "write the options as -a 'name=value name=\"two words\"', or as -a '{\"name\": \"value\"}'",
                        ),
                ]));
            }
            options.push((text(span, "_raw_params"), text_of(self.written.arguments(), &free)));
        }
        Ok(options)
    }

    /// Where the task stands: in no file, so that it is shown whole.
    fn task_span(&self, options: &[(Node, Node)]) -> Span {
        // What a module keeps secret is not shown here either.
        let known = action::find(self.module);
        let secret = |name: &str| {
            known.and_then(|known| known.spec.option(name)).is_some_and(|option| matches!(option.kind, Type::Secret))
        };
        let options = dictionary(options.iter().map(|(name, value)| match name.as_str().unwrap_or_default() {
            name if secret(name) => (name, Value::from("VALUE_SPECIFIED_IN_NO_LOG_PARAMETER")),
            name => (name, shown(value)),
        }));
        let mut task =
            vec![("action", Value::from(self.module)), ("args", options), ("timeout", Value::from(self.timeout))];
        let place = match self.written {
            Written::Flags => {
                let (seconds, poll) = self.background.unwrap_or((0, 15));
                task.extend([("async_val", Value::from(seconds)), ("poll", Value::from(poll))]);
                format!("<adhoc '{}' task>", self.module)
            }
            Written::Prompt => "<unknown>".to_owned(),
        };
        let task = python::repr(&dictionary(task)).unwrap_or_default();
        Span::start_of(register(place, task))
    }
}

fn text(span: Span, text: &str) -> Node {
    Node { data: Data::String(text.into()), span }
}

/// Text that is a source of its own, so that messages show it.
fn text_of(origin: &str, content: &str) -> Node {
    text(Span::start_of(register(origin, content)), content)
}

/// A value as it is written.
fn shown(node: &Node) -> Value {
    match &node.data {
        Data::Null => Value::from(()),
        Data::Bool(flag) => Value::from(*flag),
        Data::Int(number) => Value::from(*number),
        Data::Float(number) => Value::from(*number),
        Data::BigInt(text) | Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) | Data::Vault(text) => {
            Value::from(&**text)
        }
        Data::List(items) => items.iter().map(shown).collect(),
        Data::Map(entries) => {
            dictionary(entries.iter().map(|(name, value)| (name.as_str().unwrap_or_default(), shown(value))))
        }
    }
}

fn dictionary<'a>(entries: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    Value::from_pairs(entries)
}
