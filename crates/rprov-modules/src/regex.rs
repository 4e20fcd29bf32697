//! Regular expressions as Python's `re` reads them, since that is what playbooks are written for.
//!
//! The pattern is rewritten where Rust's dialect means something else: `\Z` and `$`, unescaped braces and brackets,
//! escaped punctuation. Replacements know `\1`, `\g<1>` and `\g<name>`.

use fancy_regex::{Captures, Regex, RegexBuilder};

use crate::outcome::Failure;

/// Steps after which a pattern that goes astray is given up.
const BACKTRACK_LIMIT: usize = 50_000_000;

/// A compiled pattern of Python's dialect.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
    source: String,
}

/// Python's compilation flags.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flags {
    /// `re.MULTILINE`
    pub multi_line: bool,
    /// `re.DOTALL`
    pub dot_all: bool,
}

impl Pattern {
    /// Compile.
    ///
    /// # Errors
    /// The pattern is not a regular expression.
    pub fn new(source: &str, flags: Flags) -> Result<Self, Failure> {
        let mut rewritten = String::with_capacity(source.len() + 8);
        if flags.multi_line {
            rewritten.push_str("(?m)");
        }
        if flags.dot_all {
            rewritten.push_str("(?s)");
        }
        rewrite(source, flags.multi_line, &mut rewritten);
        let regex = RegexBuilder::new(&rewritten).backtrack_limit(BACKTRACK_LIMIT).build().map_err(|error| {
            Failure::new(format!("`{source}` is not a valid regular expression: {error}; a literal needs a backslash before each of .^$*+?{{}}[]\\|()"))
        })?;
        Ok(Pattern { regex, source: source.to_owned() })
    }

    /// Whether it is found anywhere in the text (`re.search`).
    ///
    /// # Errors
    /// The pattern needs too many steps on this text.
    pub fn is_match(&self, text: &str) -> Result<bool, Failure> {
        self.regex.is_match(text).map_err(|error| self.failure(&error))
    }

    /// The first place where it is found, with its groups.
    ///
    /// # Errors
    /// The pattern needs too many steps on this text.
    pub fn captures<'t>(&self, text: &'t str) -> Result<Option<Captures<'t, str>>, Failure> {
        self.regex.captures(text).map_err(|error| self.failure(&error))
    }

    /// Whether it is found at the very start of the text (`re.match`).
    ///
    /// # Errors
    /// The pattern needs too many steps on this text.
    pub fn matches_at_start(&self, text: &str) -> Result<bool, Failure> {
        let found = self.regex.find(text).map_err(|error| self.failure(&error))?;
        Ok(found.is_some_and(|found| found.start() == 0))
    }

    /// Every place where it is found: byte ranges, in order.
    ///
    /// # Errors
    /// The pattern needs too many steps on this text.
    pub fn ranges(&self, text: &str) -> Result<Vec<std::ops::Range<usize>>, Failure> {
        self.regex
            .find_iter(text)
            .map(|found| found.map(|found| found.range()).map_err(|error| self.failure(&error)))
            .collect()
    }

    /// Replace every match (`re.subn`); the new text and the number of matches.
    ///
    /// # Errors
    /// The replacement names a group that is not there, or the pattern needs too many steps.
    pub fn replace_all(&self, text: &str, replacement: &Replacement) -> Result<(String, usize), Failure> {
        let mut out = String::with_capacity(text.len());
        let mut position = 0;
        let mut count = 0;
        for captures in self.regex.captures_iter(text) {
            let captures = captures.map_err(|error| self.failure(&error))?;
            let Some(whole) = captures.get(0) else { continue };
            out.push_str(text.get(position..whole.start()).unwrap_or_default());
            replacement.expand(&captures, &mut out)?;
            position = whole.end();
            count += 1;
        }
        out.push_str(text.get(position..).unwrap_or_default());
        Ok((out, count))
    }

    fn failure(&self, error: &fancy_regex::Error) -> Failure {
        Failure::new(format!(
            "the regular expression `{}` could not be evaluated: {error}; make it simpler",
            self.source
        ))
    }
}

fn rewrite(source: &str, multi_line: bool, out: &mut String) {
    let characters: Vec<char> = source.chars().collect();
    let mut multi_line = multi_line || inline_multi_line(source);
    let mut index = 0;
    // Position in the class: `Some(0)` right after `[` or `[^`.
    let mut class: Option<usize> = None;
    while let Some(&character) = characters.get(index) {
        index += 1;
        let next = characters.get(index).copied();
        if character == '\\' {
            index += 1;
            match next {
                None => out.push_str("\\\\"),
                Some('Z') if class.is_none() => out.push_str("\\z"),
                Some('b') if class.is_some() => out.push_str("\\x08"),
                Some('u') => {
                    let digits: String = characters.iter().skip(index).take(4).collect();
                    index += digits.chars().count();
                    out.push_str(&format!("\\x{{{digits}}}"));
                }
                Some('0') => {
                    let digits: String = characters
                        .iter()
                        .skip(index)
                        .take(2)
                        .take_while(|digit| ('0'..='7').contains(*digit))
                        .collect();
                    index += digits.chars().count();
                    out.push_str(&format!("\\x{{{:x}}}", u32::from_str_radix(&digits, 8).unwrap_or(0)));
                }
                Some(escaped) if escaped.is_alphanumeric() => out.extend(['\\', escaped]),
                Some(escaped) => push_literal(escaped, class.is_some(), out),
            }
            class = class.map(|position| position + 1);
            continue;
        }
        match (class, character) {
            (Some(position), ']') if position > 0 => {
                class = None;
                out.push(']');
            }
            (Some(position), '[' | ']' | '&' | '~') => {
                out.extend(['\\', character]);
                class = Some(position + 1);
            }
            (Some(position), _) => {
                out.push(character);
                class = Some(position + 1);
            }
            (None, '[') => {
                out.push('[');
                if next == Some('^') {
                    out.push('^');
                    index += 1;
                }
                class = Some(0);
            }
            (None, '$') => out.push_str(if multi_line { "$" } else { r"(?=\n?\z)" }),
            (None, '{') => match quantifier(&characters, index) {
                Some((text, length)) => {
                    out.push_str(&text);
                    index += length;
                }
                None => out.push_str("\\{"),
            },
            (None, '}') => out.push_str("\\}"),
            (None, '(') if next == Some('?') => {
                let rest: String = characters.iter().skip(index + 1).collect();
                if rest.starts_with('#') {
                    index += 1 + rest
                        .chars()
                        .position(|character| character == ')')
                        .map_or(rest.chars().count(), |end| end + 1);
                } else if let Some((flags, length)) = inline_flags(&rest) {
                    // `a`, `L` and `u` choose the character set; only the default is known here.
                    let kept: String = flags.chars().filter(|flag| !"aLu".contains(*flag)).collect();
                    multi_line |= kept.contains('m');
                    if !kept.is_empty() {
                        out.push_str(&format!("(?{kept})"));
                    }
                    index += 1 + length;
                } else {
                    out.push('(');
                }
            }
            (None, _) => out.push(character),
        }
    }
}

/// The text of a `{m,n}` quantifier whose brace was just read, and how many characters it took.
fn quantifier(characters: &[char], index: usize) -> Option<(String, usize)> {
    let body: String = characters.get(index..)?.iter().take_while(|character| **character != '}').collect();
    let length = body.chars().count();
    characters.get(index + length)?;
    let (low, high) = match body.split_once(',') {
        None => (body.as_str(), None),
        Some((low, high)) => (low, Some(high)),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if body.is_empty() || body == "," || !digits(low) || !high.is_none_or(digits) {
        return None;
    }
    let low = if low.is_empty() { "0" } else { low };
    Some((high.map_or_else(|| format!("{{{low}}}"), |high| format!("{{{low},{high}}}")), length + 1))
}

/// Flags of a group like `(?im)`, if `rest` (what follows `(?`) is one, and its length with the parenthesis.
fn inline_flags(rest: &str) -> Option<(&str, usize)> {
    let end = rest.find(')')?;
    let flags = rest.get(..end)?;
    (!flags.is_empty() && flags.chars().all(|flag| "aiLmsux".contains(flag))).then_some((flags, end + 1))
}

fn inline_multi_line(source: &str) -> bool {
    source.strip_prefix("(?").and_then(inline_flags).is_some_and(|(flags, _)| flags.contains('m'))
}

fn push_literal(character: char, in_class: bool, out: &mut String) {
    let special = if in_class { r"\[]^-&~" } else { r"\.+*?()|[]{}^$#" };
    if special.contains(character) {
        out.push('\\');
    }
    out.push(character);
}

/// A replacement of Python's dialect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Number(usize),
    Name(String),
}

impl Replacement {
    /// Read a replacement.
    ///
    /// # Errors
    /// `\g` without a group, or a backslash before a letter that means nothing.
    pub fn new(source: &str) -> Result<Self, Failure> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut characters = source.chars().peekable();
        while let Some(character) = characters.next() {
            if character != '\\' {
                text.push(character);
                continue;
            }
            match characters.next() {
                None => return Err(bad_replacement(source, "it ends in a single backslash")),
                Some('g') => {
                    let rest: String = characters.clone().collect();
                    let name = rest
                        .strip_prefix('<')
                        .and_then(|rest| rest.split_once('>'))
                        .map(|(name, _)| name.to_owned())
                        .filter(|name| !name.is_empty())
                        .ok_or_else(|| bad_replacement(source, "`\\g` must be followed by <number> or <name>"))?;
                    for _ in 0..name.chars().count() + 2 {
                        characters.next();
                    }
                    flush(&mut text, &mut pieces);
                    pieces.push(name.parse().map_or(Piece::Name(name), Piece::Number));
                }
                Some('0') => text.push('\0'),
                Some(digit) if digit.is_ascii_digit() => {
                    let mut number = digit.to_string();
                    if let Some(second) = characters.next_if(char::is_ascii_digit) {
                        number.push(second);
                    }
                    flush(&mut text, &mut pieces);
                    pieces.push(Piece::Number(number.parse().unwrap_or(0)));
                }
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('f') => text.push('\x0c'),
                Some('v') => text.push('\x0b'),
                Some('a') => text.push('\x07'),
                Some('b') => text.push('\x08'),
                Some('\\') => text.push('\\'),
                Some(letter) if letter.is_ascii_alphabetic() => {
                    return Err(bad_replacement(source, &format!("bad escape \\{letter}; for a backslash, write two")));
                }
                Some(other) => text.extend(['\\', other]),
            }
        }
        flush(&mut text, &mut pieces);
        Ok(Replacement(pieces))
    }

    /// Write it out with the groups of a match; a group that took no part is empty.
    ///
    /// # Errors
    /// It names a group that the pattern does not have.
    pub fn expand(&self, captures: &Captures<'_, str>, out: &mut String) -> Result<(), Failure> {
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Number(number) if *number < captures.len() => {
                    out.push_str(captures.get(*number).map_or("", |group| group.as_str()));
                }
                Piece::Number(number) => {
                    return Err(Failure::new(format!(
                        "invalid group reference {number}: the regular expression has {} groups",
                        captures.len() - 1
                    )));
                }
                Piece::Name(name) => out.push_str(captures.name(name).map_or("", |group| group.as_str())),
            }
        }
        Ok(())
    }
}

fn flush(text: &mut String, pieces: &mut Vec<Piece>) {
    if !text.is_empty() {
        pieces.push(Piece::Text(std::mem::take(text)));
    }
}

fn bad_replacement(source: &str, reason: &str) -> Failure {
    Failure::new(format!("`{source}` is not a valid replacement: {reason}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn found(pattern: &str, text: &str) -> bool {
        Pattern::new(pattern, Flags::default()).unwrap().is_match(text).unwrap()
    }

    fn replaced(pattern: &str, replacement: &str, text: &str) -> String {
        let flags = Flags { multi_line: true, ..Flags::default() };
        let replacement = Replacement::new(replacement).unwrap();
        Pattern::new(pattern, flags).unwrap().replace_all(text, &replacement).unwrap().0
    }

    #[test]
    fn the_end_is_where_python_sees_it() {
        assert!(found("^a=1$", "a=1\n"));
        assert!(!found(r"^a=1\Z", "a=1\n"));
        assert!(found(r"^a=1\Z", "a=1"));
        assert!(!found("^a=1$", "a=1\r\n"));
        assert!(found("(?m)^b$", "a\nb\nc"));
        assert!(!found("^b$", "a\nb\nc"));
    }

    #[test]
    fn braces_brackets_and_escaped_punctuation_are_literal_as_in_python() {
        assert!(found("^${HOME}|{a}$".trim_start_matches("^$"), "{HOME}"));
        assert!(found(r"\{\{ x \}\}", "{{ x }}"));
        assert!(found("[[]section]", "[section]"));
        assert!(found(r"\<tag\>", "<tag>"));
        assert!(found(r"a\-b\ c\/d\'\%\@\=\:\,", "a-b c/d'%@=:,"));
        assert!(found("[]x]", "]"));
        assert!(found("^a{,2}$", "aa"));
        assert!(!found("^a{,2}$", "aaa"));
        assert!(found("[a&&b]", "&"));
        assert!(found(r"[\w.-]+@[\]\-]", "a.b-c@-"));
    }

    #[test]
    fn groups_lookaround_and_flags_are_understood() {
        assert!(found("(?P<q>['\"])x(?P=q)", "'x'"));
        assert!(found(r"(a|b)\1", "bb"));
        assert!(found("(?<!#)Port", "Port"));
        assert!(!found("(?<!#)Port", "#Port"));
        assert!(found("(?i)port", "PORT"));
        assert!(found("a(?#comment)b", "ab"));
    }

    #[test]
    fn replacements_name_groups_by_number_and_name() {
        assert_eq!(replaced(r"(\w)=(?P<v>\w)", r"\g<v>=\1\g<1>0", "a=1\nb=2"), "1=aa0\n2=bb0");
        assert_eq!(replaced("^(x)?y", r"[\1]", "y"), "[]");
        assert_eq!(replaced("a", r"\\\n\.", "a"), "\\\n\\.");
        assert!(Replacement::new(r"\q").is_err());
        let pattern = Pattern::new("a", Flags::default()).unwrap();
        assert!(pattern.replace_all("a", &Replacement::new(r"\1").unwrap()).is_err());
    }

    #[test]
    fn what_is_no_pattern_is_said_to_be_none() {
        let failure = Pattern::new("(", Flags::default()).unwrap_err();
        assert!(failure.message.starts_with("`(` is not a valid regular expression"), "{failure}");
    }
}
