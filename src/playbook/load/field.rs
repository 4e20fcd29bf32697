//! Reading one value of the language out of a YAML node.

use crate::playbook::load::Loader;
use crate::source::Diagnostic;
use crate::template::{Conditional, Written};
use crate::vars::VarMap;
use crate::yaml::{Data, Node};

impl Loader {
    /// The entries of a map; anything else is noted as a mistake.
    pub(super) fn map<'n>(&mut self, node: &'n Node, what: &str) -> &'n [(Node, Node)] {
        match &node.data {
            Data::Map(entries) => entries,
            Data::Null => &[],
            _ => {
                self.note(
                    Diagnostic::error(format!("{what} must be a dictionary, not {}", node.describe()))
                        .at(node.span)
                        .hint("write `key: value` lines, indented below the keyword"),
                );
                &[]
            }
        }
    }

    /// The items of a list; anything else is noted as a mistake.
    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.data {
            Data::List(items) => items,
            Data::Null => &[],
            _ => {
                self.note(
                    Diagnostic::error(format!("{what} must be a list, not {}", node.describe()))
                        .at(node.span)
                        .hint("begin each entry with `- `"),
                );
                &[]
            }
        }
    }

    /// The text of a key; Ansible's keywords are always text.
    pub(super) fn key<'n>(&mut self, key: &'n Node) -> Option<&'n str> {
        let text = key.as_str();
        if text.is_none() {
            self.note(Diagnostic::error(format!("a keyword must be text, not {}", key.describe())).at(key.span));
        }
        text
    }

    /// A list of texts: one text (with commas, where they separate), or a list.
    pub(super) fn words(&mut self, node: &Node, commas: bool) -> Vec<Written> {
        match &node.data {
            Data::Null => Vec::new(),
            Data::List(items) => items.iter().flat_map(|item| self.words(item, commas)).collect(),
            Data::String(text) if commas && text.contains(',') && !text.contains("{{") => text
                .split(',')
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(|word| Written::from_node(&Node { data: Data::String(word.into()), span: node.span }))
                .collect(),
            _ => vec![Written::from_node(node)],
        }
    }

    /// `when` and its kin: one condition or a list of them.
    pub(super) fn conditions(&mut self, node: &Node) -> Vec<Conditional> {
        match &node.data {
            Data::List(items) => items.iter().flat_map(|item| self.conditions(item)).collect(),
            _ => {
                let condition = Conditional::from_node(node);
                for problem in condition.check() {
                    self.note(problem);
                }
                vec![condition]
            }
        }
    }

    /// A `vars` map (or, as old playbooks have it, a list of maps).
    pub(super) fn variables(&mut self, node: &Node, what: &str) -> VarMap {
        let mut variables = VarMap::default();
        match &node.data {
            Data::List(items) => {
                for item in items {
                    variables.extend(self.variables(item, what));
                }
            }
            _ => {
                for (key, value) in self.map(node, what) {
                    match key.as_str() {
                        Some(name) if is_variable_name(name) => {
                            self.note_reserved(name, key.span);
                            variables.insert(name.into(), Written::from_node(value));
                        }
                        Some(name) => self.note(
                            Diagnostic::error(format!("invalid variable name `{name}` in {what}")).at(key.span).hint(
                                "a variable name is letters, digits and underscores, and does not begin with a digit",
                            ),
                        ),
                        None => {
                            self.key(key);
                        }
                    }
                }
            }
        }
        variables
    }

    /// A word that must be plain text.
    pub(super) fn plain(&mut self, node: &Node, what: &str) -> Option<String> {
        match &node.data {
            Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) => Some(text.to_string()),
            Data::Int(number) => Some(number.to_string()),
            _ => {
                self.note(Diagnostic::error(format!("{what} must be text, not {}", node.describe())).at(node.span));
                None
            }
        }
    }

    /// A boolean that must be known at once.
    pub(super) fn flag(&mut self, node: &Node, what: &str) -> bool {
        let found = match &node.data {
            Data::Bool(flag) => Some(*flag),
            Data::Int(number) => Some(*number != 0),
            Data::String(text) => rprov_modules::argument::boolean(text),
            _ => None,
        };
        found.unwrap_or_else(|| {
            self.note(Diagnostic::error(format!("{what} must be a boolean, not {}", node.describe())).at(node.span));
            false
        })
    }
}

/// Whether a variable may have this name.
pub(crate) fn is_variable_name(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(|first| first.is_alphabetic() || first == '_')
        && characters.all(|character| character.is_alphanumeric() || character == '_')
}
