//! Names and texts as statements have them.

use crate::dotted;

/// A name in backquotes.
pub fn name(name: &str) -> String {
    dotted::quoted(name, '`')
}

/// A name that may consist of parts with dots between them, `db.table`; parts that are quoted already stay as they are.
pub fn path(text: &str) -> String {
    parts(text).iter().map(|part| if part == "*" { part.clone() } else { name(part) }).collect::<Vec<_>>().join(".")
}

/// The parts of a name, at the dots outside of backquotes, without the quotes.
pub fn parts(text: &str) -> Vec<String> {
    dotted::parts(text, '`')
}

/// A text in quotes. In the mode `NO_BACKSLASH_ESCAPES` a backslash stands for itself.
pub fn text(text: &str, no_backslash: bool) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for character in text.chars() {
        match character {
            '\'' => quoted.push_str("''"),
            '\\' if !no_backslash => quoted.push_str("\\\\"),
            '\0' if !no_backslash => quoted.push_str("\\0"),
            '\n' if !no_backslash => quoted.push_str("\\n"),
            '\r' if !no_backslash => quoted.push_str("\\r"),
            '\x1a' if !no_backslash => quoted.push_str("\\Z"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_gets_out_of_its_quotes() {
        assert_eq!(name("a`b"), "`a``b`");
        assert_eq!(path("db.t"), "`db`.`t`");
        assert_eq!(path("`my.db`.*"), "`my.db`.*");
        assert_eq!(parts("`a``b`.c"), ["a`b", "c"]);
        assert_eq!(text("it's \\ 'x\n", false), r"'it''s \\ ''x\n'");
        assert_eq!(text("a\\", true), "'a\\'");
    }
}
