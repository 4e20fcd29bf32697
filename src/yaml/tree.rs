//! A value to be written out, which knows where it is the same as another one: PyYAML writes such a value once, with an
//! anchor, and then refers to it.

use std::sync::Arc;

use serde_json::Value;

/// A value to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Tree {
    /// The value.
    pub data: Branch,
    /// Values with the same number are one value.
    pub identity: Option<usize>,
}

/// What a tree is made of.
#[derive(Clone, Debug, PartialEq)]
pub enum Branch {
    /// Null, a boolean, a number or text; not a list or map.
    Scalar(Value),
    /// Text that is never a template.
    Unsafe(Arc<str>),
    /// A vault value's ciphertext.
    Vault(Arc<str>),
    /// A list.
    List(Vec<Tree>),
    /// A map; its keys are scalars.
    Map(Vec<(Value, Tree)>),
}

impl Tree {
    /// A map in this order.
    pub fn map(entries: impl IntoIterator<Item = (String, Tree)>) -> Self {
        let entries = entries.into_iter().map(|(key, tree)| (Value::from(key), tree));
        Self { data: Branch::Map(entries.collect()), identity: None }
    }

    /// A list of texts.
    pub fn texts<'a>(items: impl IntoIterator<Item = &'a str>) -> Self {
        let items = items.into_iter().map(|item| Self { data: Branch::Scalar(item.into()), identity: None });
        Self { data: Branch::List(items.collect()), identity: None }
    }

    /// From JSON.
    pub fn from_json(value: Value) -> Self {
        let data = match value {
            Value::Array(items) => Branch::List(items.into_iter().map(Self::from_json).collect()),
            Value::Object(entries) => Branch::Map(
                entries.into_iter().map(|(key, value)| (Value::from(key), Self::from_json(value))).collect(),
            ),
            scalar => Branch::Scalar(scalar),
        };
        Self { data, identity: None }
    }
}
