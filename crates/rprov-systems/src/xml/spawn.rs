//! The elements and attributes that a path names and that are missing: `/a/b[@c='d']/e` makes what of it is not there.

use rprov_wire::Map;

use super::tree::{Document, NodeId, ROOT};
use crate::xpath::syntax::{Axis, Comparison, Expression, Path, Step, Test};
use crate::xpath::{Evaluator, Item, XPathError};

/// Make what the path names, if it selects nothing; tells whether anything was made.
///
/// # Errors
/// The path is none, or says too little of what is missing.
pub fn spawn(document: &mut Document, expression: &Expression, namespaces: &Map) -> Result<bool, XPathError> {
    if !Evaluator::new(document, namespaces).select(expression)?.is_empty() {
        return Ok(false);
    }
    let Expression::Path(path) = expression else {
        return Err(XPathError("only a plain path says what is to be made".to_owned()));
    };
    extend(document, path, namespaces)?;
    Ok(true)
}

/// The nodes at the end of the path, which are made where there are none.
fn extend(document: &mut Document, path: &Path, namespaces: &Map) -> Result<Vec<Item>, XPathError> {
    let expression = Expression::Path(path.clone());
    let found = Evaluator::new(document, namespaces).select(&expression)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let Some((last, before)) = path.steps.split_last() else {
        return Err(XPathError("it names nothing that could be made".to_owned()));
    };
    if !matches!(last.test, Test::Named(..)) || !matches!(last.axis, Axis::Child | Axis::Attribute) {
        return Err(XPathError("only elements and attributes can be made, and only by their names".to_owned()));
    }
    let parents = extend(document, &Path { is_absolute: path.is_absolute, steps: before.to_vec() }, namespaces)?;
    let parents: Vec<NodeId> = parents
        .into_iter()
        .filter_map(|parent| match parent {
            Item::Node(id) => document.element(id).map(|_| id),
            Item::Attribute(..) => None,
        })
        .collect();
    if parents.is_empty() {
        return Err(XPathError("there can be one outermost element only, and it has another name".to_owned()));
    }
    if last.axis == Axis::Attribute {
        for parent in parents {
            make_attribute(document, parent, last, "", namespaces)?;
        }
    } else if let Some(parent) = parents.last() {
        make_element(document, *parent, last, namespaces)?;
    }
    let made = Evaluator::new(document, namespaces).select(&expression)?;
    if made.is_empty() {
        return Err(XPathError("what was made does not fulfil its conditions".to_owned()));
    }
    Ok(made)
}

fn make_element(document: &mut Document, parent: NodeId, step: &Step, namespaces: &Map) -> Result<NodeId, XPathError> {
    let Test::Named(prefix, local) = &step.test else { return Err(unclear()) };
    let node = document.create(local);
    document.append(parent, node);
    if let Some(prefix) = prefix {
        let uri = Evaluator::new(document, namespaces).namespace(prefix)?.to_owned();
        match document.prefix(node, &uri, false) {
            Some(None) => {}
            Some(Some(own)) => document.rename(node, format!("{own}:{local}")),
            None => {
                document.rename(node, format!("{prefix}:{local}"));
                document.set_attribute(node, &format!("xmlns:{prefix}"), &uri);
            }
        }
    } else if document.namespace(node, None).is_some() {
        // A name without prefix is in no namespace.
        document.set_attribute(node, "xmlns", "");
    }
    for predicate in &step.predicates {
        fulfil(document, node, predicate, namespaces)?;
    }
    Ok(node)
}

fn unclear() -> XPathError {
    XPathError(
        "of what is missing, the conditions may only be names, attributes and text, alone or with what they equal"
            .to_owned(),
    )
}

/// Make a new element fulfil a condition.
fn fulfil(document: &mut Document, node: NodeId, condition: &Expression, namespaces: &Map) -> Result<(), XPathError> {
    match condition {
        Expression::And(left, right) => {
            fulfil(document, node, left, namespaces)?;
            fulfil(document, node, right, namespaces)
        }
        Expression::Compare(Comparison::Equal, left, right) => {
            let (path, value) = match (left.as_ref(), right.as_ref()) {
                (Expression::Path(path), value) | (value, Expression::Path(path)) => (path, value),
                _ => return Err(unclear()),
            };
            let value = match value {
                Expression::Literal(text) => text.clone(),
                Expression::Number(number) => number.to_string(),
                _ => return Err(unclear()),
            };
            satisfy(document, node, path, Some(&value), namespaces)
        }
        Expression::Path(path) => satisfy(document, node, path, None, namespaces),
        _ => Err(unclear()),
    }
}

fn satisfy(
    document: &mut Document,
    node: NodeId,
    path: &Path,
    value: Option<&str>,
    namespaces: &Map,
) -> Result<(), XPathError> {
    let [step] = path.steps.as_slice() else { return Err(unclear()) };
    if path.is_absolute {
        return Err(unclear());
    }
    match (step.axis, &step.test, value) {
        (Axis::Child, Test::Text, Some(value)) | (Axis::Itself, Test::Node, Some(value)) => {
            document.set_leading_text(node, value);
        }
        (Axis::Attribute, Test::Named(..), value) => {
            make_attribute(document, node, step, value.unwrap_or_default(), namespaces)?;
        }
        (Axis::Child, Test::Named(..), value) => {
            let child = make_element(document, node, step, namespaces)?;
            document.set_leading_text(child, value.unwrap_or_default());
        }
        _ => return Err(unclear()),
    }
    Ok(())
}

fn make_attribute(
    document: &mut Document,
    node: NodeId,
    step: &Step,
    value: &str,
    namespaces: &Map,
) -> Result<(), XPathError> {
    let Test::Named(prefix, local) = &step.test else { return Err(unclear()) };
    let name = attribute_name(document, node, prefix.as_deref(), local, namespaces)?;
    document.set_attribute(node, &name, value);
    Ok(())
}

/// How an attribute of that name is called at the element; its namespace is declared there where none of its prefixes is.
///
/// # Errors
/// The prefix stands for nothing.
pub fn attribute_name(
    document: &mut Document,
    node: NodeId,
    prefix: Option<&str>,
    local: &str,
    namespaces: &Map,
) -> Result<String, XPathError> {
    let Some(prefix) = prefix else { return Ok(local.to_owned()) };
    let uri = Evaluator::new(document, namespaces).namespace(prefix)?.to_owned();
    if prefix == "xml" {
        return Ok(format!("xml:{local}"));
    }
    if let Some(Some(own)) = document.prefix(node, &uri, true) {
        return Ok(format!("{own}:{local}"));
    }
    // The prefix may stand for something else here.
    let mut own = prefix.to_owned();
    while document.namespace(node, Some(&own)).is_some() {
        own.push('_');
    }
    document.set_attribute(node, &format!("xmlns:{own}"), &uri);
    Ok(format!("{own}:{local}"))
}

/// Where a node is, as a path that selects it alone.
pub fn path_of(document: &Document, item: &Item) -> String {
    let id = match item {
        Item::Attribute(element, name) => {
            return format!("{}/@{name}", path_of(document, &Item::Node(*element)));
        }
        Item::Node(id) => *id,
    };
    let mut parts = Vec::new();
    let mut place = Some(id);
    while let Some(id) = place.filter(|id| *id != ROOT) {
        place = document.parent(id);
        let siblings = place.map(|parent| document.children(parent)).unwrap_or_default();
        let word = |id: NodeId| match document.element(id) {
            // A path has no default namespace.
            Some(element) if !element.name.contains(':') && document.namespace(id, None).is_some() => "*".to_owned(),
            Some(element) => element.name.clone(),
            None if document.own_text(id).is_some() => "text()".to_owned(),
            None => "node()".to_owned(),
        };
        let own = word(id);
        let like = |other: &NodeId| {
            own == "node()" || word(*other) == own || (own == "*" && document.element(*other).is_some())
        };
        let alike: Vec<NodeId> = siblings.iter().copied().filter(like).collect();
        let at = alike.iter().position(|other| *other == id).unwrap_or_default() + 1;
        parts.push(if alike.len() > 1 { format!("/{own}[{at}]") } else { format!("/{own}") });
    }
    if parts.is_empty() { "/".to_owned() } else { parts.into_iter().rev().collect() }
}
