//! A YAML document as a tree in which every value knows where it was written.

use std::sync::Arc;

use crate::source::Span;

/// A value and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub data: Data,
    /// Where it begins.
    pub span: Span,
}

/// A value by YAML 1.1's types, as PyYAML resolves them.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// `null`, `~`, or nothing.
    Null,
    /// `true`, `yes`, `on` ...
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// An integer that does not, in decimal digits.
    BigInt(Arc<str>),
    /// A float.
    Float(f64),
    /// Text that may hold a template.
    String(Arc<str>),
    /// A date, or a date and a time, as it is written.
    Timestamp(Arc<str>),
    /// `!unsafe`: text that never is a template.
    Unsafe(Arc<str>),
    /// `!vault`: ciphertext, decrypted when it is read.
    Vault(Arc<str>),
    /// A list.
    List(Vec<Node>),
    /// A map in the order in which it was written. Keys are unique; of duplicates, the last one's value stays (with a
    /// warning), merge keys (`<<`) are resolved.
    Map(Vec<(Node, Node)>),
}

impl Node {
    /// The text, if this is text of any trust.
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) => Some(text),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if this is a map.
    pub fn as_map(&self) -> Option<&[(Node, Node)]> {
        match &self.data {
            Data::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value under a text key, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(name, _)| name.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The entry under a text key, key included.
    pub fn entry(&self, key: &str) -> Option<&(Node, Node)> {
        self.as_map()?.iter().find(|(name, _)| name.as_str() == Some(key))
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        self.data == Data::Null
    }

    /// The type's name for messages (`a list`, `a string` ...).
    pub fn describe(&self) -> &'static str {
        match self.data {
            Data::Null => "nothing",
            Data::Bool(_) => "a boolean",
            Data::Int(_) | Data::BigInt(_) => "an integer",
            Data::Float(_) => "a float",
            Data::String(_) | Data::Unsafe(_) => "a string",
            Data::Timestamp(_) => "a date",
            Data::Vault(_) => "a vault value",
            Data::List(_) => "a list",
            Data::Map(_) => "a dictionary",
        }
    }
}
