//! The keywords that objects share.

use std::sync::Arc;

use crate::playbook::keyword;
use crate::playbook::keywords::Keywords;
use crate::playbook::load::Loader;
use crate::source::Diagnostic;
use crate::template::Written;
use crate::yaml::{Data, Node};

impl Loader {
    /// Read one shared keyword into `keywords`; false if the key is none of them.
    pub(super) fn keyword(&mut self, keywords: &mut Keywords, key: &Node, name: &str, value: &Node) -> bool {
        let written = || Some(Written::from_node(value));
        match name {
            "connection" => {
                let missing = |name: &str| format!("the connection plugin '{name}' was not found");
                keywords.connection = Some(self.plugin(value, keyword::CONNECTIONS, missing));
            }
            "port" => keywords.port = written(),
            "remote_user" => keywords.remote_user = written(),
            "become" => keywords.r#become = written(),
            "become_user" => keywords.become_user = written(),
            "become_method" => {
                let missing =
                    |name: &str| format!("Invalid become method specified, could not find matching plugin: '{name}'");
                keywords.become_method = Some(self.plugin(value, keyword::BECOME_METHODS, missing));
            }
            "become_flags" => keywords.become_flags = written(),
            "become_exe" => keywords.become_exe = written(),
            "no_log" => keywords.no_log = written(),
            "run_once" => keywords.run_once = written(),
            "ignore_errors" => keywords.ignore_errors = written(),
            "ignore_unreachable" => keywords.ignore_unreachable = written(),
            "check_mode" => keywords.check_mode = written(),
            "diff" => keywords.diff = written(),
            "any_errors_fatal" => keywords.any_errors_fatal = written(),
            "throttle" => keywords.throttle = written(),
            "timeout" => keywords.timeout = written(),
            "debugger" => {
                let written = Written::from_node(value);
                if let Some(text) = written.as_plain().and_then(|value| value.as_str().map(str::to_owned))
                    && !keyword::DEBUGGER.contains(&text.as_str())
                {
                    self.note(
                        Diagnostic::error(format!(
                            "'{text}' is not a valid value for debugger. Must be one of {}",
                            keyword::DEBUGGER.join(", ")
                        ))
                        .at(value.span)
                        .did_you_mean(&text, keyword::DEBUGGER.iter().copied()),
                    );
                }
                keywords.debugger = Some(written);
            }
            "delegate_to" => keywords.delegate_to = written(),
            "delegate_facts" => keywords.delegate_facts = written(),
            "tags" => keywords.tags = self.words(value, true),
            "notify" => keywords.notify = self.words(value, false),
            "when" => keywords.when = self.conditions(value),
            "vars" => {
                let variables = self.variables(value, "`vars`");
                if !variables.is_empty() {
                    keywords.vars = vec![Arc::new(variables)];
                }
            }
            "environment" => {
                keywords.environment = match &value.data {
                    Data::List(items) => items.iter().map(Written::from_node).collect(),
                    Data::Null => Vec::new(),
                    _ => vec![Written::from_node(value)],
                }
            }
            "module_defaults" => {
                let written = |node: &&Node| !matches!(node.data, Data::Map(_) | Data::Null);
                match value.as_list() {
                    Some(items) => items.iter().find(written),
                    None => Some(value).filter(written),
                }
                .into_iter()
                .for_each(|node| self.no_defaults(node));
                keywords.module_defaults = match &value.data {
                    Data::Null => Vec::new(),
                    _ => self.without_default_groups(value).iter().map(Written::from_node).collect(),
                }
            }
            "collections" => keywords.collections = Some(self.collection_names(value)),
            "sudo" | "su" => {
                let off = matches!(value.data, Data::Bool(false));
                self.deprecated(key, name, if off { "become: false" } else { "become: true" });
                keywords.r#become = written();
                if name == "su" {
                    keywords.become_method = Some(Written::from_node(&text_node("su", key)));
                }
            }
            "sudo_user" | "su_user" => {
                self.deprecated(key, name, "become_user: NAME");
                keywords.become_user = written();
            }
            "always_run" => {
                self.deprecated(key, name, "check_mode: false");
                if self.flag(value, "`always_run`") {
                    keywords.check_mode = Some(Written::from_node(&Node { data: Data::Bool(false), span: value.span }));
                }
            }
            _ => return false,
        }
        true
    }

    /// The name of one of these, where it is no template.
    fn plugin(&mut self, value: &Node, built_in: &[&str], missing: impl Fn(&str) -> String) -> Written {
        let written = Written::from_node(value);
        if let Some(name) = written.as_plain().and_then(|value| value.as_str().map(str::to_owned))
            && !name.is_empty()
            && !keyword::is_plugin(&name, built_in)
        {
            let note = Diagnostic::error(missing(&name)).at(value.span).did_you_mean(&name, built_in.iter().copied());
            let note =
                if note.hints.is_empty() { note.hint(format!("there are: {}", built_in.join(", "))) } else { note };
            self.note_failure(note);
        }
        written
    }

    /// Which modules have defaults must be known when the playbook is loaded.
    fn no_defaults(&mut self, node: &Node) {
        self.note(
            Diagnostic::error(
                "`module_defaults` must be a dictionary, or a list of them, with the names of modules as keys",
            )
            .at(node.span)
            .hint("only the values may be templates: `module_defaults: {copy: \"{{ copy_defaults }}\"}`"),
        );
    }

    /// The names in `collections`.
    pub(super) fn collection_names(&mut self, value: &Node) -> Arc<[String]> {
        let names = match value.as_list() {
            Some(list) => list.iter().filter_map(Node::as_str).map(str::to_owned).collect(),
            None => value.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        };
        names.into()
    }

    /// `module_defaults` with the modules of a collection's group in the place of its name: in a map of their own before
    /// the others, since what is said of a module itself counts more.
    fn without_default_groups(&mut self, value: &Node) -> Vec<Node> {
        if let Data::List(items) = &value.data {
            return items.iter().flat_map(|item| self.without_default_groups(item)).collect();
        }
        let Data::Map(entries) = &value.data else { return vec![value.clone()] };
        let mut of_groups = Vec::new();
        let mut of_modules = Vec::new();
        for (key, defaults) in entries {
            let Some(group) = key.as_str().and_then(|name| name.strip_prefix("group/")) else {
                of_modules.push((key.clone(), defaults.clone()));
                continue;
            };
            if let Some(names) = self.library().group(group) {
                let named = |name: String| Node { data: Data::String(name.into()), span: key.span };
                of_groups.extend(names.into_iter().map(|name| (named(name), defaults.clone())));
            } else {
                self.note(
                    Diagnostic::error(format!(
                        "Error loading module_defaults: could not resolve the module_defaults group {group}"
                    ))
                    .at(key.span)
                    .hint("name the modules themselves: `module_defaults: {copy: {mode: ...}}`"),
                );
            }
        }
        let maps = [of_groups, of_modules].into_iter().filter(|entries| !entries.is_empty());
        maps.map(|entries| Node { data: Data::Map(entries), span: value.span }).collect()
    }

    /// Note an old keyword, with what to write instead.
    pub(super) fn deprecated(&mut self, key: &Node, name: &str, modern: &str) {
        self.note(
            Diagnostic::deprecation(format!("`{name}` is a keyword of old playbooks"))
                .at(key.span)
                .hint(format!("write `{modern}`")),
        );
    }

    /// Note an unknown keyword.
    pub(super) fn unknown_keyword(&mut self, key: &Node, name: &str, object: &str, known: &[&[&str]]) {
        let known = known.iter().flat_map(|list| list.iter().copied());
        self.note(
            Diagnostic::error(format!("`{name}` is not a valid keyword for a {object}"))
                .at(key.span)
                .did_you_mean(name, known),
        );
    }
}

/// A text node at the place of another.
pub(super) fn text_node(text: &str, place: &Node) -> Node {
    Node { data: Data::String(text.into()), span: place.span }
}
