//! From the engine's errors to ours: Ansible's words, the place in the human's file, and what exactly is missing.

use std::ops::Range;
use std::sync::Arc;

use minijinja::value::Value;
use minijinja::{Error, ErrorKind};

use super::environment::{environment, knows, names};
use super::error::{TemplateError, TemplateErrorKind, carried};
use super::filter::logic::MANDATORY;
use super::place::Origin;
use super::python::type_name;
use super::rewrite::{Named, NamedKind};
use super::rewritten::Rewritten;
use super::scope::Inner;
use super::token::paths;
use super::value::plain_message;
use super::written::{LazyList, LazyMap};
use crate::vars::HostVars;

/// What is known about the template that failed.
pub(super) struct Failure<'a> {
    pub rewritten: &'a Rewritten,
    pub source: &'a str,
    pub origin: Origin,
    /// The part of the source to point at where the engine names no place.
    pub whole: Range<usize>,
    pub scope: Option<&'a Arc<Inner>>,
}

impl Failure<'_> {
    fn range(&self, error: &Error) -> Range<usize> {
        match error.range() {
            Some(range) if range.end > range.start => self.rewritten.original_range(range),
            _ => self.whole.clone(),
        }
    }

    /// The first name in the template that leads to nothing, for what the engine can't tell.
    pub(super) fn first_missing(&self) -> Option<TemplateError> {
        let scope = self.scope?;
        let text = self.source.get(self.whole.clone())?;
        for (at, path) in paths(text) {
            let mut keys = path.split('.');
            let root = keys.next().unwrap_or_default();
            let place = || {
                let start = self.whole.start + at;
                self.origin.locate(self.source, start..start + path.len())
            };
            if let Some(error) = scope.failure(root) {
                return Some(error);
            }
            let mut value = match scope.get(root) {
                Ok(Some(value)) => value,
                Ok(None) if matches!(root, "none" | "None") => Value::from(()),
                Ok(None) if matches!(root, "true" | "false" | "True" | "False") => Value::from(true),
                Ok(None) if environment().globals().any(|(name, _)| name == root) => continue,
                Ok(None) => return Some(TemplateError::undefined_variable(root).at(place())),
                Err(error) => return Some(error),
            };
            for key in keys {
                let key = Value::from(key);
                if let Some(error) = member_failure(&value, &key) {
                    return Some(error);
                }
                match value.get_item(&key) {
                    Ok(next) if !next.is_undefined() => value = next,
                    _ => return Some(no_attribute(&value, &key).at(place())),
                }
            }
        }
        None
    }

    /// The first name that has no value and is given to `mandatory`.
    fn unmet_demand(&self) -> Option<&str> {
        let scope = self.scope?;
        let mut parts = self.source.split('|').peekable();
        while let Some(part) = parts.next() {
            let next = parts.peek()?.trim_start();
            let next = next.strip_prefix("ansible.builtin.").unwrap_or(next);
            if !next.starts_with("mandatory") {
                continue;
            }
            let part = part.trim_end();
            let begin = part.rfind(|character: char| !character.is_alphanumeric() && character != '_');
            let name = part.get(begin.map_or(0, |at| at + 1)..).unwrap_or_default();
            if !name.is_empty() && scope.variable(name).is_none() {
                return Some(name);
            }
        }
        None
    }

    fn span(&self, error: &Error) -> Option<crate::source::Span> {
        self.origin.locate(self.source, self.range(error))
    }
}

/// The engine's error as ours.
pub(super) fn translate(error: &Error, failure: &Failure<'_>) -> TemplateError {
    let span = failure.span(error);
    if let Some(own) = carried(error) {
        return own.at(span);
    }
    let detail = plain_message(error);
    let syntax =
        |message: String| TemplateError::new(TemplateErrorKind::Syntax, format!("Syntax error in template: {message}"));
    match error.kind() {
        ErrorKind::UndefinedError => explain_undefined(error, failure),
        ErrorKind::UnknownFunction => match detail.strip_suffix(" is unknown") {
            Some(name) => TemplateError::undefined_variable(name),
            None => TemplateError::undefined(detail),
        },
        ErrorKind::UnknownMethod if detail.contains(" is undefined") => explain_undefined(error, failure),
        ErrorKind::UnknownMethod => TemplateError::undefined(detail),
        ErrorKind::UnknownFilter => match detail.strip_prefix("filter ").and_then(|d| d.strip_suffix(" is unknown")) {
            Some(name) => unknown(NamedKind::Filter, name),
            None => syntax(detail),
        },
        ErrorKind::UnknownTest => match detail.strip_prefix("test ").and_then(|d| d.strip_suffix(" is unknown")) {
            Some(name) => unknown(NamedKind::Test, name),
            None => syntax(detail),
        },
        ErrorKind::SyntaxError | ErrorKind::BadEscape => syntax(detail),
        _ if detail.contains("unsupported types") && detail.contains("undefined") => {
            failure.first_missing().unwrap_or_else(|| TemplateError::undefined(detail))
        }
        _ if detail.contains("` is undefined") && !detail.contains("template") => explain_undefined(error, failure),
        _ => {
            let mut source = std::error::Error::source(error);
            let mut message = detail;
            while let Some(inner) = source.and_then(|source| source.downcast_ref::<Error>()) {
                if inner.kind() == ErrorKind::UndefinedError {
                    return explain_undefined(inner, failure).at(span);
                }
                message = plain_message(inner);
                source = std::error::Error::source(inner);
            }
            TemplateError::failed(format!("Error rendering template: {}", in_python(&message)))
        }
    }
    .at(span)
}

/// An engine's message about an operator, as Python has it.
fn in_python(message: &str) -> String {
    if let Some(operation) = message.strip_prefix("unable to calculate ") {
        let division = [
            (" // 0", "integer division or modulo by zero"),
            (" % 0", "integer modulo by zero"),
            (" / 0", "division by zero"),
        ];
        let zero = division.iter().find(|(end, _)| operation.ends_with(end));
        return zero.map_or(message, |(_, told)| told).to_owned();
    }
    let parts = message
        .strip_prefix("tried to use ")
        .and_then(|rest| rest.split_once(" operator on unsupported types "))
        .and_then(|(operator, types)| Some((operator, types.split_once(" and ")?)));
    let Some((operator, (left, right))) = parts else { return message.to_owned() };
    let name = |kind: &str| match kind {
        "string" => "str",
        "number" => "int",
        "sequence" => "list",
        "map" => "dict",
        "none" => "NoneType",
        "bool" | "boolean" => "bool",
        _ => "object",
    };
    match (operator, left) {
        ("+", "string") => format!("can only concatenate str (not \"{}\") to str", name(right)),
        ("+", "sequence") => format!("can only concatenate list (not \"{}\") to list", name(right)),
        _ => format!("unsupported operand type(s) for {operator}: '{}' and '{}'", name(left), name(right)),
    }
}

/// What there is to say of the filters and tests that a text names, each with its place.
pub(super) fn remarks(named: &[Named], origin: Origin, text: &Arc<str>) -> Vec<TemplateError> {
    let told = |named: &Named| Some(remark(named)?.at(origin.locate(text, named.range.clone())));
    named.iter().filter_map(told).collect()
}

/// That a filter or test does not exist, or that a test is written as a filter.
fn remark(named: &Named) -> Option<TemplateError> {
    let name = named.name.as_str();
    if !knows(named.kind, name) {
        return Some(unknown(named.kind, name));
    }
    let short = name.strip_prefix("ansible.builtin.").unwrap_or(name);
    (matches!(named.kind, NamedKind::Filter) && super::test::was_filter(short)).then(|| {
        TemplateError::new(TemplateErrorKind::Old, format!("`{name}` is a test; old playbooks use it as a filter"))
            .hint(format!("write `is {name}` instead of `| {name}`"))
    })
}

/// A filter or test that does not exist.
pub(super) fn unknown(kind: NamedKind, name: &str) -> TemplateError {
    let word = match kind {
        NamedKind::Filter => "filter",
        NamedKind::Test => "test",
    };
    let error =
        TemplateError::new(TemplateErrorKind::Unknown, format!("Syntax error in template: No {word} named '{name}'."));
    let known = names(kind);
    match rprov_modules::argument::closest(name, known.iter().map(String::as_str)) {
        Some(close) => error.hint(format!("did you mean `{close}`?")),
        None => error,
    }
}

/// What is undefined, in Ansible's words. The engine says it as an expression between backticks.
pub(super) fn explain_undefined(error: &Error, failure: &Failure<'_>) -> TemplateError {
    if let Some(own) = carried(error) {
        return own;
    }
    let detail = error.detail().unwrap_or_default();
    // Other backticks are those of a filter that names itself.
    let path = detail.find("` is undefined").and_then(|end| {
        let head = detail.get(..end)?;
        let start = head.rfind('`')?;
        let own = head.get(..start).is_some_and(|before| before.is_empty() || before.ends_with('('));
        own.then(|| head.get(start + 1..).map(str::to_owned)).flatten()
    });
    if let Some(reason) = detail.strip_prefix(MANDATORY) {
        let name = failure.unmet_demand();
        return TemplateError::undefined(match (reason, name) {
            ("", Some(name)) => format!("{MANDATORY}Mandatory variable '{name}' not defined."),
            ("", None) => format!("{MANDATORY}Mandatory variable not defined."),
            _ => detail.to_owned(),
        });
    }
    let Some(path) = path else {
        if let Some(error) = failure.first_missing() {
            return error;
        }
        let shown = failure.source.get(failure.range(error)).unwrap_or_default().trim();
        if let Some(message) = detail.is_empty().then(|| nothing_in(shown)).flatten() {
            return TemplateError::undefined(message);
        }
        return TemplateError::undefined(match (detail.is_empty(), shown.is_empty()) {
            (false, _) => detail.to_owned(),
            (true, false) => format!("`{shown}` is undefined"),
            (true, true) => "a value in this template is undefined".to_owned(),
        });
    };
    let steps = steps(&path);
    let Some((root, keys)) = steps.split_first() else { return TemplateError::undefined(detail.to_owned()) };
    let root = root.as_str().unwrap_or_default();
    if let Some(scope) = failure.scope
        && let Some(error) = scope.failure(root)
    {
        return error;
    }
    if keys.is_empty() {
        return TemplateError::undefined_variable(root);
    }
    if root == "(...)"
        && let Some(error) = failure.first_missing()
    {
        return error;
    }
    let mut value = match root {
        "none" | "None" => Some(Value::from(())),
        "true" | "True" | "false" | "False" => Some(Value::from(true)),
        _ => failure.scope.and_then(|scope| scope.get(root).ok().flatten()),
    };
    for key in keys {
        let Some(parent) = &value else { break };
        if let Some(error) = member_failure(parent, key) {
            return error;
        }
        match parent.get_item(key) {
            Ok(next) if !next.is_undefined() => value = Some(next),
            _ => return no_attribute(parent, key),
        }
    }
    match keys.last() {
        Some(key) if key.as_str().is_some() => {
            TemplateError::undefined(format!("object of type 'dict' has no attribute {key:?}"))
        }
        Some(key) => TemplateError::undefined(format!("object of type 'list' has no attribute {key}")),
        None => TemplateError::undefined(format!("'{path}' is undefined")),
    }
}

/// What the last filter of an expression wanted of a list that has no items.
fn nothing_in(expression: &str) -> Option<&'static str> {
    let filter = expression.rsplit('|').next()?.split('(').next()?.trim();
    match filter.strip_prefix("ansible.builtin.").unwrap_or(filter) {
        "first" => Some("No first item, sequence was empty."),
        "last" => Some("No last item, sequence was empty."),
        "min" | "max" => Some("No aggregated item, sequence was empty."),
        "random" => Some("No random item, sequence was empty."),
        _ => None,
    }
}

/// The error that kept a member of a lazy list or dictionary from having a value.
fn member_failure(parent: &Value, key: &Value) -> Option<TemplateError> {
    match parent.downcast_object_ref::<LazyMap>() {
        Some(map) => map.failure(key),
        None => parent.downcast_object_ref::<LazyList>()?.failure(key),
    }
}

/// That a value has no such attribute or item.
pub(super) fn no_attribute(parent: &Value, key: &Value) -> TemplateError {
    if let (Some(hosts), Some(name)) = (parent.downcast_object_ref::<HostVars>(), key.as_str()) {
        let known = hosts.names();
        return TemplateError::undefined(format!("hostvars[{key:?}]")).hint(
            match rprov_modules::argument::closest(name, known.iter().map(String::as_str)) {
                Some(close) => format!("the inventory has no host `{name}`; did you mean `{close}`?"),
                None => format!("the inventory has no host `{name}`"),
            },
        );
    }
    let error = TemplateError::undefined(format!("object of type '{}' has no attribute {key:?}", type_name(parent)));
    let Some(name) = key.as_str() else { return error };
    let keys: Vec<String> = match parent.kind() {
        minijinja::value::ValueKind::Map => parent
            .try_iter()
            .map_or_else(|_| Vec::new(), |keys| keys.filter_map(|key| key.as_str().map(str::to_owned)).collect()),
        _ => Vec::new(),
    };
    match rprov_modules::argument::closest(name, keys.iter().map(String::as_str)) {
        Some(close) => error.hint(format!("did you mean `{close}`?")),
        None => error,
    }
}

/// The parts of `a.b['c'][0]`: the root's name and the keys.
fn steps(path: &str) -> Vec<Value> {
    let mut steps = Vec::new();
    let mut rest = path;
    if let Some(after) = path.strip_prefix("(...)") {
        steps.push(Value::from("(...)"));
        rest = after;
    }
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let end = match after.chars().next() {
                Some(quote @ ('\'' | '"')) => super::syntax::end_of_string(after, quote).unwrap_or(after.len()),
                _ => after.find(']').unwrap_or(after.len()),
            };
            let key = after.get(..end).unwrap_or_default();
            steps.push(match key.parse::<i64>() {
                Ok(number) => Value::from(number),
                Err(_) => Value::from(key.trim_matches(['\'', '"'])),
            });
            rest = after.get(end..).unwrap_or_default().strip_prefix(']').unwrap_or_default();
            continue;
        }
        let after = rest.strip_prefix('.').unwrap_or(rest);
        let end = after.find(['.', '[']).unwrap_or(after.len());
        if end == 0 && after.len() == rest.len() {
            break;
        }
        steps.push(Value::from(after.get(..end).unwrap_or_default()));
        rest = after.get(end..).unwrap_or_default();
    }
    steps
}
