//! Statements of SQL as playbooks give them: one or many, with places for values.

use rprov_modules::argument::Raw;
use rprov_modules::outcome::Failure;
use rprov_wire::{Map, Value};

/// The statements of an option that is text or a list.
///
/// # Errors
/// It is something else.
pub fn statements<'a>(option: &str, value: &'a Value) -> Result<Vec<&'a str>, Failure> {
    let wrong = |value: &Value| {
        let found = value.type_name();
        Failure::new(format!("the {option} option value must be a string or list, passed <class '{found}'>"))
    };
    match value {
        Value::String(text) => Ok(vec![text]),
        Value::List(items) => items.iter().map(|item| item.as_str().ok_or_else(|| wrong(item))).collect(),
        other => Err(wrong(other)),
    }
}

/// The values that a task gives for the places in its statements.
#[derive(Clone, Debug)]
pub enum Given<'a> {
    /// None: a `%` is a `%`.
    Nothing,
    /// One for each `%s`.
    Positional(&'a [Raw]),
    /// One for each name.
    Named(&'a Map),
}

impl<'a> Given<'a> {
    /// By the two options.
    pub fn new(positional: Option<&'a [Raw]>, named: Option<&'a Map>) -> Self {
        match (positional, named) {
            (Some(values), _) if !values.is_empty() => Given::Positional(values),
            (_, Some(values)) if !values.is_empty() => Given::Named(values),
            _ => Given::Nothing,
        }
    }
}

/// The statement with its values in place.
///
/// # Errors
/// There are too few or too many values, or a `%` stands for nothing.
pub fn fill(statement: &str, given: &Given<'_>, written: &dyn Fn(&Value) -> String) -> Result<String, Failure> {
    if matches!(given, Given::Nothing) {
        return Ok(statement.to_owned());
    }
    let wrong = |reason: String| Failure::new(format!("query: {reason}, in `{statement}`"));
    let mut filled = String::with_capacity(statement.len());
    let mut rest = statement;
    let mut next = 0;
    while let Some((before, after)) = rest.split_once('%') {
        filled.push_str(before);
        let value = if let Some(after) = after.strip_prefix('%') {
            filled.push('%');
            rest = after;
            continue;
        } else if let (Given::Positional(values), Some(after)) = (given, after.strip_prefix('s')) {
            rest = after;
            let value = values.get(next).map(|value| &value.0);
            next += 1;
            value.ok_or_else(|| wrong(format!("there are more `%s` than the {} positional_args", values.len())))?
        } else if let (Given::Named(values), Some((name, after))) =
            (given, after.strip_prefix('(').and_then(|after| after.split_once(")s")))
        {
            rest = after;
            values.get(name).ok_or_else(|| wrong(format!("named_args has no value for `{name}`")))?
        } else {
            let wanted = if matches!(given, Given::Named(_)) { "%(name)s" } else { "%s" };
            return Err(wrong(format!("a `%` is neither `{wanted}` nor `%%`")));
        };
        filled.push_str(&written(value));
    }
    filled.push_str(rest);
    match given {
        Given::Positional(values) if next < values.len() => {
            Err(wrong(format!("there are {} positional_args, but {next} `%s`", values.len())))
        }
        _ => Ok(filled),
    }
}

/// The first words of a statement in capitals, without comments.
pub fn words(statement: &str, count: usize) -> Vec<String> {
    let mut text = String::new();
    let mut rest = statement;
    while text.split_whitespace().count() <= count {
        let start = ["/*", "--", "#"].iter().filter_map(|mark| Some((rest.find(mark)?, *mark))).min();
        let Some((index, mark)) = start else {
            text.push_str(rest);
            break;
        };
        text.push_str(rest.get(..index).unwrap_or_default());
        text.push(' ');
        let comment = rest.get(index..).unwrap_or_default();
        let (end, length) = if mark == "/*" { (comment.find("*/"), 2) } else { (comment.find('\n'), 1) };
        rest = end.and_then(|end| comment.get(end + length..)).unwrap_or_default();
        if rest.is_empty() {
            break;
        }
    }
    let word = |word: &str| word.trim_matches(|character| "(;".contains(character)).to_ascii_uppercase();
    text.split_whitespace().map(word).take(count).collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn filled(statement: &str, given: &Given<'_>) -> Result<String, String> {
        fill(statement, given, &|value| format!("<{value}>")).map_err(|failure| failure.message)
    }

    #[test]
    fn each_value_comes_to_its_place() {
        let values = [Raw(Value::Int(1)), Raw("%s".into())];
        let positional = Given::new(Some(&values), None);
        assert_eq!(
            filled("a = %s and b like 'x%%' and c = %s", &positional).unwrap(),
            "a = <1> and b like 'x%' and c = <\"%s\">"
        );
        assert!(filled("%s", &positional).unwrap_err().contains("2 positional_args, but 1"));
        assert!(filled("%s %s %s", &positional).unwrap_err().contains("more `%s`"));
        assert!(filled("%d", &positional).unwrap_err().contains("neither `%s`"));
        let named = Map::from_iter([("a".to_owned(), Value::Int(1))]);
        let named = Given::new(None, Some(&named));
        assert_eq!(filled("%(a)s%(a)s", &named).unwrap(), "<1><1>");
        assert!(filled("%(b)s", &named).unwrap_err().contains("no value for `b`"));
        assert_eq!(filled("100%", &Given::new(None, None)).unwrap(), "100%");
    }

    #[test]
    fn words_are_found_behind_comments() {
        assert_eq!(words("-- a\n/* b\nc */ (select 1; # d", 2), ["SELECT", "1"]);
        assert_eq!(words("drop\ttable x", 1), ["DROP"]);
        assert!(words("/* never ends", 3).is_empty());
    }
}
