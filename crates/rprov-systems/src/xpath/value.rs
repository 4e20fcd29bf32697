//! What an expression is worth, and how one kind of value becomes another.

use crate::xml::tree::{Kind, NodeId};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// A node of the tree.
    Node(NodeId),
    /// An attribute of an element, by its name as it is written.
    Attribute(NodeId, String),
}

/// A value of XPath.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nodes, in the document's order.
    Nodes(Vec<Item>),
    /// A boolean.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

/// Text as a number.
pub(super) fn number(text: &str) -> f64 {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_number = digits.chars().all(|character| character.is_ascii_digit() || character == '.');
    if is_number { text.parse().unwrap_or(f64::NAN) } else { f64::NAN }
}

/// A number as text.
pub(super) fn written(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    // There is no zero below zero.
    if number == 0.0 { "0".to_owned() } else { number.to_string() }
}

impl super::Evaluator<'_> {
    /// The text of an item.
    pub fn item_text(&self, item: &Item) -> String {
        match item {
            Item::Attribute(element, name) => self.document.attribute(*element, name).unwrap_or_default(),
            Item::Node(id) => match self.document.kind(*id) {
                Kind::Comment(text) => text.clone(),
                Kind::Instruction(text) => text
                    .split_once(char::is_whitespace)
                    .map(|(_, content)| content.trim_start())
                    .unwrap_or_default()
                    .to_owned(),
                _ => self.document.text(*id),
            },
        }
    }

    /// A value as text.
    pub fn text(&self, value: &Value) -> String {
        match value {
            Value::Nodes(items) => items.first().map(|item| self.item_text(item)).unwrap_or_default(),
            Value::Boolean(flag) => flag.to_string(),
            Value::Number(number) => written(*number),
            Value::Text(text) => text.clone(),
        }
    }

    pub(super) fn number(&self, value: &Value) -> f64 {
        match value {
            Value::Boolean(flag) => f64::from(u8::from(*flag)),
            Value::Number(number) => *number,
            other => number(&self.text(other)),
        }
    }
}

/// A value as a boolean.
pub(super) fn boolean(value: &Value) -> bool {
    match value {
        Value::Nodes(items) => !items.is_empty(),
        Value::Boolean(flag) => *flag,
        Value::Number(number) => *number != 0.0 && !number.is_nan(),
        Value::Text(text) => !text.is_empty(),
    }
}
