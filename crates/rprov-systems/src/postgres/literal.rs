//! Names and values as statements have them. The connection keeps `standard_conforming_strings` on.

use rprov_wire::Value;

use crate::dotted;

/// A name in quotes.
pub fn name(name: &str) -> String {
    dotted::quoted(name, '"')
}

/// A name with dots between its parts, `schema.table`; parts that are quoted already stay as they are.
pub fn path(text: &str) -> String {
    parts(text).iter().map(|part| name(part)).collect::<Vec<_>>().join(".")
}

/// The parts of a name, at the dots outside of quotes, without the quotes.
pub fn parts(text: &str) -> Vec<String> {
    dotted::parts(text, '"')
}

/// A text in quotes.
pub fn text(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A value; a list is an array, a map JSON.
pub fn value(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(flag) => flag.to_string(),
        Value::String(string) => text(string),
        Value::List(items) if items.is_empty() => "'{}'".to_owned(),
        Value::List(items) => {
            format!("ARRAY[{}]", items.iter().map(self::value).collect::<Vec<_>>().join(","))
        }
        Value::Map(_) => text(&value.to_string()),
        // A minus directly behind another one would begin a comment.
        number => {
            let number = number.to_string();
            if number.starts_with('-') { format!(" {number}") } else { number }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        assert_eq!(name("a\"b"), "\"a\"\"b\"");
        assert_eq!(path("s.\"t.x\""), "\"s\".\"t.x\"");
        assert_eq!(text("it's \\"), "'it''s \\'");
        assert_eq!(value(&vec![Value::Int(1), "a'".into(), Value::Null].into()), "ARRAY[1,'a''',NULL]");
        assert_eq!(value(&Value::Int(-1)), " -1");
    }
}
