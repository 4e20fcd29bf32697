//! The words of an expression.

use super::XPathError;

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name; whether it is an operator depends on where it stands.
    Name(String),
    Number(f64),
    Literal(String),
    Symbol(&'static str),
}

const SYMBOLS: [&str; 21] =
    ["::", "//", "..", "!=", "<=", ">=", "(", ")", "[", "]", ".", "@", ",", "/", "|", "+", "-", "=", "<", ">", "*"];

/// How many words an expression may have.
const LONGEST: usize = 2000;

fn starts_name(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

fn in_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | '\u{b7}')
}

/// The part of the text that such characters make at its beginning.
fn prefix(text: &str, is: impl Fn(char) -> bool) -> &str {
    let length = text.find(|character| !is(character)).unwrap_or(text.len());
    text.get(..length).unwrap_or_default()
}

/// A name with a prefix is one word, `p:*` as well.
fn name(text: &str) -> &str {
    let first = prefix(text, in_name);
    let rest = text.get(first.len()..).unwrap_or_default();
    let Some(local) = rest.strip_prefix(':').filter(|local| !local.starts_with(':')) else { return first };
    let more = if local.starts_with('*') {
        1
    } else if local.starts_with(starts_name) {
        prefix(local, in_name).len()
    } else {
        return first;
    };
    text.get(..first.len() + 1 + more).unwrap_or(first)
}

/// The words.
pub(super) fn split(text: &str) -> Result<Vec<Token>, XPathError> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let (token, length) = if first == '"' || first == '\'' {
            let body = rest.get(1..).unwrap_or_default();
            let Some((literal, _)) = body.split_once(first) else {
                return Err(XPathError(format!("the quote at `{rest}` is not closed")));
            };
            (Token::Literal(literal.to_owned()), literal.len() + 2)
        } else if first.is_ascii_digit() || (first == '.' && rest.chars().nth(1).is_some_and(|c| c.is_ascii_digit())) {
            let number = prefix(rest, |character| character.is_ascii_digit() || character == '.');
            let value = number.parse().map_err(|_| XPathError(format!("`{number}` is no number")))?;
            (Token::Number(value), number.len())
        } else if starts_name(first) {
            let name = name(rest);
            (Token::Name(name.to_owned()), name.len())
        } else if first == '$' {
            return Err(XPathError(format!("variables, as at `{rest}`, have no value here")));
        } else {
            let symbol = SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol));
            let symbol = symbol.ok_or_else(|| XPathError(format!("`{rest}` is not understood")))?;
            (Token::Symbol(symbol), symbol.len())
        };
        tokens.push(token);
        if tokens.len() > LONGEST {
            return Err(XPathError(format!("the expression has more than {LONGEST} words")));
        }
        rest = rest.get(length..).unwrap_or_default().trim_start();
    }
    Ok(tokens)
}
