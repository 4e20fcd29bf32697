//! What an expression selects.

use std::collections::HashSet;

use rprov_wire::Map;

use super::syntax::{Axis, Comparison, Expression, Operator, Path, Step, Test};
use super::value::{Item, Value, boolean, number};
use super::{XPathError, function};
use crate::xml::tree::{Document, Kind, NodeId, ROOT};

/// Evaluates expressions on a document that does not change meanwhile.
#[derive(Debug)]
pub struct Evaluator<'a> {
    pub(super) document: &'a Document,
    namespaces: &'a Map,
    /// The place of each node in the document's order.
    ranks: Vec<usize>,
}

/// Where an expression is evaluated.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) item: Item,
    pub(super) position: usize,
    pub(super) size: usize,
}

type Result<T> = std::result::Result<T, XPathError>;

impl<'a> Evaluator<'a> {
    /// For a document, with the prefixes that expressions may use.
    pub fn new(document: &'a Document, namespaces: &'a Map) -> Self {
        let mut ranks = vec![0; document.size()];
        for (rank, id) in document.descendants(ROOT).into_iter().enumerate() {
            if let Some(place) = ranks.get_mut(Document::index(id)) {
                *place = rank;
            }
        }
        Evaluator { document, namespaces, ranks }
    }

    /// What an expression is worth at the root.
    ///
    /// # Errors
    /// It uses a prefix or a function that there is not.
    pub fn evaluate(&self, expression: &Expression) -> Result<Value> {
        self.value(expression, &Place { item: Item::Node(ROOT), position: 1, size: 1 })
    }

    /// The nodes that an expression selects.
    ///
    /// # Errors
    /// As [`Evaluator::evaluate`], and it selects no nodes but gives a value.
    pub fn select(&self, expression: &Expression) -> Result<Vec<Item>> {
        match self.evaluate(expression)? {
            Value::Nodes(items) => Ok(items),
            other => Err(XPathError(format!("the expression selects no nodes, its value is `{}`", self.text(&other)))),
        }
    }

    pub(super) fn value(&self, expression: &Expression, place: &Place) -> Result<Value> {
        Ok(match expression {
            Expression::Or(left, right) => {
                Value::Boolean(boolean(&self.value(left, place)?) || boolean(&self.value(right, place)?))
            }
            Expression::And(left, right) => {
                Value::Boolean(boolean(&self.value(left, place)?) && boolean(&self.value(right, place)?))
            }
            Expression::Compare(comparison, left, right) => {
                Value::Boolean(self.compare(*comparison, &self.value(left, place)?, &self.value(right, place)?))
            }
            Expression::Compute(operator, left, right) => {
                let left = self.number(&self.value(left, place)?);
                let right = self.number(&self.value(right, place)?);
                Value::Number(match operator {
                    Operator::Add => left + right,
                    Operator::Subtract => left - right,
                    Operator::Multiply => left * right,
                    Operator::Divide => left / right,
                    Operator::Remainder => left % right,
                })
            }
            Expression::Negate(inner) => Value::Number(-self.number(&self.value(inner, place)?)),
            Expression::Union(left, right) => {
                let mut items = self.nodes(left, place)?;
                items.extend(self.nodes(right, place)?);
                Value::Nodes(self.ordered(items))
            }
            Expression::Path(Path { is_absolute, steps }) => {
                let start = if *is_absolute { Item::Node(ROOT) } else { place.item.clone() };
                Value::Nodes(self.walk(vec![start], steps)?)
            }
            Expression::Filter(inner, predicates, steps) => {
                let mut items = self.nodes(inner, place)?;
                for predicate in predicates {
                    items = self.filter(items, predicate)?;
                }
                Value::Nodes(self.walk(items, steps)?)
            }
            Expression::Literal(text) => Value::Text(text.clone()),
            Expression::Number(number) => Value::Number(*number),
            Expression::Call(name, arguments) => function::call(self, name, arguments, place)?,
        })
    }

    pub(super) fn nodes(&self, expression: &Expression, place: &Place) -> Result<Vec<Item>> {
        match self.value(expression, place)? {
            Value::Nodes(items) => Ok(items),
            other => Err(XPathError(format!("nodes are expected, not `{}`", self.text(&other)))),
        }
    }

    fn walk(&self, mut items: Vec<Item>, steps: &[Step]) -> Result<Vec<Item>> {
        for step in steps {
            let mut found = Vec::new();
            for item in &items {
                let mut reached = Vec::new();
                for candidate in self.along(step.axis, item) {
                    if self.passes(&step.test, step.axis, &candidate)? {
                        reached.push(candidate);
                    }
                }
                for predicate in &step.predicates {
                    reached = self.filter(reached, predicate)?;
                }
                found.extend(reached);
            }
            items = self.ordered(found);
        }
        Ok(items)
    }

    fn filter(&self, items: Vec<Item>, predicate: &Expression) -> Result<Vec<Item>> {
        let size = items.len();
        let mut kept = Vec::new();
        for (index, item) in items.into_iter().enumerate() {
            let place = Place { item, position: index + 1, size };
            let passes = match self.value(predicate, &place)? {
                Value::Number(number) => number == place.position as f64,
                other => boolean(&other),
            };
            if passes {
                kept.push(place.item);
            }
        }
        Ok(kept)
    }

    /// In the document's order, each once.
    fn ordered(&self, mut items: Vec<Item>) -> Vec<Item> {
        let rank = |id: &NodeId| self.ranks.get(Document::index(*id)).copied().unwrap_or_default();
        items.sort_by_cached_key(|item| match item {
            Item::Node(id) => (rank(id), 0),
            Item::Attribute(id, name) => {
                let attributes = self.document.element(*id).map(|element| element.attributes.as_slice());
                let at = attributes.unwrap_or_default().iter().position(|attribute| attribute.name == *name);
                (rank(id), at.unwrap_or_default() + 1)
            }
        });
        let mut seen = HashSet::new();
        items.retain(|item| seen.insert(item.clone()));
        items
    }

    /// What lies in a direction, the nearest first.
    fn along(&self, axis: Axis, item: &Item) -> Vec<Item> {
        let document = self.document;
        let id = match item {
            Item::Node(id) => *id,
            Item::Attribute(element, _) => {
                let ancestors = std::iter::successors(Some(*element), |id| document.parent(*id)).map(Item::Node);
                return match axis {
                    Axis::Itself | Axis::DescendantOrSelf => vec![item.clone()],
                    Axis::Parent => vec![Item::Node(*element)],
                    Axis::Ancestor => ancestors.collect(),
                    Axis::AncestorOrSelf => std::iter::once(item.clone()).chain(ancestors).collect(),
                    _ => Vec::new(),
                };
            }
        };
        let ancestors = || std::iter::successors(document.parent(id), |id| document.parent(*id));
        let siblings = |forward: bool, id: NodeId| -> Vec<NodeId> {
            let all = document.parent(id).map(|parent| document.children(parent)).unwrap_or_default();
            let at = all.iter().position(|sibling| *sibling == id).unwrap_or_default();
            if forward {
                all.iter().skip(at + 1).copied().collect()
            } else {
                all.iter().take(at).rev().copied().collect()
            }
        };
        let lineage = || std::iter::once(id).chain(ancestors());
        let found: Vec<NodeId> = match axis {
            Axis::Itself => vec![id],
            Axis::Child => document.children(id).to_vec(),
            Axis::Parent => document.parent(id).into_iter().collect(),
            Axis::Ancestor => ancestors().collect(),
            Axis::AncestorOrSelf => lineage().collect(),
            Axis::Descendant => document.descendants(id).into_iter().skip(1).collect(),
            Axis::DescendantOrSelf => document.descendants(id),
            Axis::FollowingSibling => siblings(true, id),
            Axis::PrecedingSibling => siblings(false, id),
            Axis::Following => {
                lineage().flat_map(|id| siblings(true, id)).flat_map(|id| document.descendants(id)).collect()
            }
            Axis::Preceding => lineage()
                .flat_map(|id| siblings(false, id))
                .flat_map(|id| document.descendants(id).into_iter().rev())
                .collect(),
            Axis::Attribute => {
                let attributes = document.element(id).map(|element| element.attributes.as_slice()).unwrap_or_default();
                let own = attributes.iter().filter(|attribute| !attribute.is_declaration());
                return own.map(|attribute| Item::Attribute(id, attribute.name.clone())).collect();
            }
        };
        found.into_iter().map(Item::Node).collect()
    }

    /// The namespace that a prefix stands for in expressions.
    ///
    /// # Errors
    /// It stands for none.
    pub fn namespace(&self, prefix: &str) -> Result<&str> {
        if prefix == "xml" {
            return Ok("http://www.w3.org/XML/1998/namespace");
        }
        self.namespaces
            .get(prefix)
            .and_then(rprov_wire::Value::as_str)
            .ok_or_else(|| XPathError(format!("Undefined namespace prefix `{prefix}`; name its URI in `namespaces`")))
    }

    fn passes(&self, test: &Test, axis: Axis, item: &Item) -> Result<bool> {
        let is_named = match (axis, item) {
            (Axis::Attribute, _) | (_, Item::Attribute(..)) => matches!(item, Item::Attribute(..)),
            (_, Item::Node(id)) => self.document.element(*id).is_some(),
        };
        Ok(match test {
            // The declaration is none of the document's nodes, nor are the types.
            Test::Node => !matches!(item, Item::Node(id) if !self.counts(*id)),
            Test::Any => is_named,
            Test::AnyOf(prefix) => {
                let uri = self.namespace(prefix)?;
                is_named && self.name(item).0.as_deref() == Some(uri)
            }
            Test::Named(prefix, local) => {
                let uri = prefix.as_deref().map(|prefix| self.namespace(prefix)).transpose()?;
                let (namespace, name) = self.name(item);
                is_named && name == *local && namespace.as_deref() == uri
            }
            Test::Text => matches!(item, Item::Node(id) if self.counts(*id) && self.document.own_text(*id).is_some()),
            Test::Comment => matches!(item, Item::Node(id) if matches!(self.document.kind(*id), Kind::Comment(_))),
            Test::Instruction(target) => match item {
                Item::Node(id) => match self.document.kind(*id) {
                    Kind::Instruction(text) => {
                        let name = text.split(char::is_whitespace).next().unwrap_or_default();
                        self.counts(*id) && target.as_ref().is_none_or(|target| target == name)
                    }
                    _ => false,
                },
                Item::Attribute(..) => false,
            },
        })
    }

    fn counts(&self, id: NodeId) -> bool {
        match self.document.kind(id) {
            Kind::Doctype(_) => false,
            Kind::Instruction(text) => !text.starts_with("xml ") && !text.starts_with("xml\t"),
            Kind::Text(_) => self.document.parent(id) != Some(ROOT),
            _ => true,
        }
    }

    /// Namespace and name of an item, which only elements and attributes have.
    pub(super) fn name(&self, item: &Item) -> (Option<String>, String) {
        let (namespace, name) = match item {
            Item::Node(id) => self.document.expanded(*id),
            Item::Attribute(element, name) => self.document.expanded_attribute(*element, name),
        };
        (namespace, name.to_owned())
    }

    fn compare(&self, comparison: Comparison, left: &Value, right: &Value) -> bool {
        let is_equality = matches!(comparison, Comparison::Equal | Comparison::Unequal);
        match (left, right) {
            (Value::Nodes(_), Value::Boolean(_)) | (Value::Boolean(_), Value::Nodes(_)) if is_equality => {
                (boolean(left) == boolean(right)) == (comparison == Comparison::Equal)
            }
            (Value::Nodes(items), other) => {
                items.iter().any(|item| self.compare(comparison, &Value::Text(self.item_text(item)), other))
            }
            (other, Value::Nodes(items)) => {
                items.iter().any(|item| self.compare(comparison, other, &Value::Text(self.item_text(item))))
            }
            (left, right) if is_equality => {
                let kinds = (left, right);
                let same = if matches!(kinds, (Value::Boolean(_), _) | (_, Value::Boolean(_))) {
                    boolean(left) == boolean(right)
                } else if matches!(kinds, (Value::Number(_), _) | (_, Value::Number(_))) {
                    self.number(left) == self.number(right)
                } else {
                    self.text(left) == self.text(right)
                };
                same == (comparison == Comparison::Equal)
            }
            (left, right) => {
                let (left, right) = (self.number(left), self.number(right));
                match comparison {
                    Comparison::Less => left < right,
                    Comparison::LessOrEqual => left <= right,
                    Comparison::Greater => left > right,
                    _ => left >= right,
                }
            }
        }
    }

    pub(super) fn sum(&self, items: &[Item]) -> f64 {
        items.iter().map(|item| number(&self.item_text(item))).sum()
    }
}
