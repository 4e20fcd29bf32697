//! Trees as TOML, laid out as the Python library tomli-w does it, which ansible-core uses.

use serde_json::Value;

use crate::source::Diagnostic;
use crate::yaml::{Branch, Tree, float_text};

/// A line of an array may be this long before its tables get headers of their own.
const LINE: usize = 100;

type Entries = [(Value, Tree)];

/// A document.
///
/// # Errors
/// A value that TOML has no form for: null, a vault value.
pub(super) fn text(tree: &Tree) -> Result<String, Diagnostic> {
    let mut document = Document { text: String::new() };
    if let Branch::Map(entries) = &tree.data {
        document.table(entries, "", false)?;
    }
    Ok(document.text)
}

struct Document {
    text: String,
}

impl Document {
    fn table(&mut self, entries: &Entries, name: &str, in_array: bool) -> Result<(), Diagnostic> {
        let mut literals = Vec::new();
        let mut tables: Vec<(&Value, &Entries, bool)> = Vec::new();
        for (key, value) in entries {
            match &value.data {
                Branch::Map(inner) => tables.push((key, inner, false)),
                Branch::List(items) if is_array_of_long_tables(items)? => {
                    tables.extend(items.iter().filter_map(|item| match &item.data {
                        Branch::Map(inner) => Some((key, inner.as_slice(), true)),
                        _ => None,
                    }));
                }
                _ => literals.push((key, value)),
            }
        }
        let mut separate = false;
        if in_array {
            self.text.push_str(&format!("[[{name}]]\n"));
            separate = true;
        } else if !name.is_empty() && (!literals.is_empty() || tables.is_empty()) {
            self.text.push_str(&format!("[{name}]\n"));
            separate = true;
        }
        for (key, value) in literals {
            self.text.push_str(&format!("{} = {}\n", key_text(key), literal(value, 0)?));
            separate = true;
        }
        for (key, inner, in_array) in tables {
            if separate {
                self.text.push('\n');
            }
            separate = true;
            let part = key_text(key);
            let full = if name.is_empty() { part } else { format!("{name}.{part}") };
            self.table(inner, &full, in_array)?;
        }
        Ok(())
    }
}

/// Whether a list holds tables alone, one of which is too long for a line.
fn is_array_of_long_tables(items: &[Tree]) -> Result<bool, Diagnostic> {
    if items.is_empty() || !items.iter().all(|item| matches!(item.data, Branch::Map(_))) {
        return Ok(false);
    }
    for item in items {
        let line = format!("    {},", literal(item, 0)?);
        if line.chars().count() > LINE || line.contains('\n') {
            return Ok(true);
        }
    }
    Ok(false)
}

fn literal(tree: &Tree, level: usize) -> Result<String, Diagnostic> {
    let absent = |what: &str| {
        Err(Diagnostic::error(format!("{what} cannot be written as TOML"))
            .hint("leave out `--toml`: JSON and YAML have a form for it"))
    };
    match &tree.data {
        Branch::Scalar(Value::Null) => absent("a variable without a value (null)"),
        Branch::Vault(_) => absent("an encrypted value"),
        Branch::Scalar(Value::String(text)) => Ok(quoted(text)),
        Branch::Scalar(Value::Number(number)) if number.is_f64() => Ok(float_text(number.as_f64().unwrap_or(f64::NAN))),
        Branch::Scalar(value) => Ok(value.to_string()),
        Branch::Unsafe(text) => Ok(quoted(text)),
        Branch::List(items) if items.is_empty() => Ok("[]".to_owned()),
        Branch::List(items) => {
            let indent = "    ".repeat(level + 1);
            let lines = items
                .iter()
                .map(|item| Ok(format!("{indent}{},\n", literal(item, level + 1)?)))
                .collect::<Result<String, Diagnostic>>()?;
            Ok(format!("[\n{lines}{}]", "    ".repeat(level)))
        }
        Branch::Map(entries) if entries.is_empty() => Ok("{}".to_owned()),
        Branch::Map(entries) => {
            let parts = entries
                .iter()
                .map(|(key, value)| Ok(format!("{} = {}", key_text(key), literal(value, 0)?)))
                .collect::<Result<Vec<_>, Diagnostic>>()?;
            Ok(format!("{{ {} }}", parts.join(", ")))
        }
    }
}

fn key_text(key: &Value) -> String {
    let text = match key {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !text.is_empty() && text.chars().all(bare) { text } else { quoted(&text) }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '\u{8}' => quoted.push_str("\\b"),
            '\n' => quoted.push_str("\\n"),
            '\u{c}' => quoted.push_str("\\f"),
            '\r' => quoted.push_str("\\r"),
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\t' => quoted.push('\t'),
            c if c.is_ascii_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_toml_has_no_form_for_is_refused() {
        let with = |value| text(&Tree::map([("a".to_owned(), value)]));
        assert_eq!(with(Tree::texts(["x"])).unwrap(), "a = [\n    \"x\",\n]\n");
        assert!(with(Tree::from_json(Value::Null)).is_err());
        assert!(with(Tree { data: Branch::Vault("$ANSIBLE_VAULT".into()), identity: None }).is_err());
        assert!(with(Tree::from_json(serde_json::json!([{"x": null}]))).is_err());
    }
}
