//! TOML inventories: tables of groups with `hosts`, `children` and `vars`.

use std::path::Path;
use std::sync::Arc;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};

use super::model::Inventory;
use super::yaml;
use crate::source::{Diagnostic, SourceId, Span, register};
use crate::yaml::{Data, Node};

/// Read a file's text into the inventory.
///
/// # Errors
/// The first mistake, with its place.
pub(super) fn load(inventory: &mut Inventory, path: &Path, text: &Arc<str>) -> Result<(), Diagnostic> {
    let places = Places { source: register(path, Arc::clone(text)), text };
    let table = DeTable::parse(text).map_err(|error| {
        let problem = Diagnostic::error(format!("invalid TOML: {}", error.message()));
        problem.at(error.span().map_or(Span::start_of(places.source), |range| places.span(range)))
    })?;
    let root = places.table(table.get_ref(), places.span(table.span()));
    // A list of children is TOML's way; the rest is as in YAML.
    yaml::load(inventory, &children_as_keys(root))
}

struct Places<'a> {
    source: SourceId,
    text: &'a str,
}

impl Places<'_> {
    fn span(&self, range: std::ops::Range<usize>) -> Span {
        let before = self.text.get(..range.start).unwrap_or("");
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or("").chars().count() + 1;
        let inside = self.text.get(range).unwrap_or("").lines().next().unwrap_or("");
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        Span {
            source: self.source,
            line: number(line),
            column: number(column),
            length: number(inside.chars().count()).max(1),
        }
    }

    fn table(&self, table: &DeTable<'_>, span: Span) -> Node {
        let entries = table.iter().map(|(key, value)| {
            let name = Data::String(Arc::from(key.get_ref().as_ref()));
            (Node { data: name, span: self.span(key.span()) }, self.node(value))
        });
        Node { data: Data::Map(entries.collect()), span }
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let span = self.span(value.span());
        let data = match value.get_ref() {
            DeValue::String(text) => Data::String(Arc::from(text.as_ref())),
            DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => match i64::try_from(number) {
                    Ok(number) => Data::Int(number),
                    Err(_) => Data::BigInt(Arc::from(number.to_string())),
                },
                Err(_) => Data::BigInt(Arc::from(number.as_str())),
            },
            DeValue::Float(number) => Data::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(flag) => Data::Bool(*flag),
            DeValue::Datetime(time) => Data::String(Arc::from(time.to_string())),
            DeValue::Array(items) => Data::List(items.iter().map(|item| self.node(item)).collect()),
            DeValue::Table(table) => return self.table(table, span),
        };
        Node { data, span }
    }
}

fn children_as_keys(root: Node) -> Node {
    let Data::Map(groups) = root.data else { return root };
    let groups = groups.into_iter().map(|(name, mut group)| {
        if let Data::Map(entries) = &mut group.data {
            for (key, value) in entries.iter_mut().filter(|(key, _)| key.as_str() == Some("children")) {
                if let Data::List(items) = &value.data {
                    let null = |span| Node { data: Data::Null, span };
                    let children = items.iter().map(|item| (item.clone(), null(item.span))).collect();
                    *value = Node { data: Data::Map(children), span: key.span };
                }
            }
        }
        (name, group)
    });
    Node { data: Data::Map(groups.collect()), span: root.span }
}
