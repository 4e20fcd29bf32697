//! The words of an expression, and what they tell without its being parsed.

use std::ops::Range;

use super::syntax::end_of_string;

/// What kind of word it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Name,
    Number,
    Text,
    Operator,
}

/// A word, number, string or sign of an expression.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// Whether a word is no name.
pub(super) fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "and"
            | "or"
            | "not"
            | "in"
            | "is"
            | "if"
            | "else"
            | "elif"
            | "recursive"
            | "ignore"
            | "missing"
            | "without"
            | "context"
            | "as"
            | "import"
            | "required"
            | "scoped"
    )
}

/// The words, numbers, strings and signs of an expression.
pub(super) fn tokens(source: &str, range: Range<usize>) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut at = range.start;
    while at < range.end
        && let Some(rest) = source.get(at..range.end)
        && let Some(next) = rest.chars().next()
    {
        if next.is_whitespace() {
            at += next.len_utf8();
            continue;
        }
        let after_dot = tokens.last().is_some_and(|token: &Token| source.get(token.range.clone()) == Some("."));
        let (kind, length) = if next == '\'' || next == '"' {
            (Kind::Text, end_of_string(rest, next).unwrap_or(rest.len()))
        } else if next.is_alphabetic() || next == '_' {
            (Kind::Name, rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()))
        } else if next.is_ascii_digit() {
            (Kind::Number, number(rest, after_dot))
        } else {
            let two = rest.get(..2).unwrap_or_default();
            let length = if matches!(two, "**" | "//" | "==" | "!=" | "<=" | ">=") { 2 } else { next.len_utf8() };
            (Kind::Operator, length)
        };
        tokens.push(Token { kind, range: at..at + length });
        at += length;
    }
    tokens
}

/// The length of the number that begins a text; after a dot it is an index, so that `a.0.1` is two of them.
fn number(text: &str, index: bool) -> usize {
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    if index {
        return text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    }
    let mut length = digits(text);
    if let Some(fraction) = text.get(length..).and_then(|rest| rest.strip_prefix('.'))
        && fraction.starts_with(|c: char| c.is_ascii_digit())
    {
        length += 1 + digits(fraction);
    }
    if text.get(..length).is_some_and(|number| number.ends_with(['e', 'E']) && !number.starts_with("0x"))
        && let Some(exponent) = text.get(length..).and_then(|rest| rest.strip_prefix(['+', '-']))
        && exponent.starts_with(|c: char| c.is_ascii_digit())
    {
        length += 1 + digits(exponent);
    }
    length
}

/// The variables that an expression names as `a` or `a.b.c`, with their places; not its filters, tests, named arguments
/// and methods.
pub(super) fn paths(text: &str) -> Vec<(usize, &str)> {
    let tokens = tokens(text, 0..text.len());
    let word = |index: usize| tokens.get(index).and_then(|token| text.get(token.range.clone())).unwrap_or_default();
    let mut paths = Vec::new();
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let before = index.checked_sub(1).map_or("", word);
        let before_that = index.checked_sub(2).map_or("", word);
        let named = token.kind == Kind::Name && !is_keyword(word(index));
        let is_test = before == "is" || (before == "not" && before_that == "is");
        let is_argument = word(index + 1) == "=";
        if !named || matches!(before, "|" | ".") || is_test || is_argument {
            index += 1;
            continue;
        }
        let start = token.range.start;
        let mut end = token.range.end;
        index += 1;
        while word(index) == "." && tokens.get(index + 1).is_some_and(|token| token.kind == Kind::Name) {
            if word(index + 2) == "(" {
                break;
            }
            end = tokens.get(index + 1).map_or(end, |token| token.range.end);
            index += 2;
        }
        let forgiven = word(index) == "is" || (word(index) == "|" && matches!(word(index + 1), "default" | "d"));
        if !forgiven {
            paths.extend(text.get(start..end).map(|path| (start, path)));
        }
    }
    paths
}

/// The names of a macro's parameters.
pub(super) fn parameters(text: &str) -> Vec<&str> {
    let tokens = tokens(text, 0..text.len());
    let mut depth = 0_usize;
    let mut expected = true;
    let mut names = Vec::new();
    for token in &tokens {
        let word = text.get(token.range.clone()).unwrap_or_default();
        match word {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                expected = true;
                continue;
            }
            name if expected && token.kind == Kind::Name => names.push(name),
            _ => {}
        }
        expected = false;
    }
    names
}
