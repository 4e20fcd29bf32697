//! Filters and tests on regular expressions, with the syntax and the results of Python's `re`.
//!
//! fancy-regex reads almost the same language; where a sign means something else there (`$`, `\Z`, `\<`, a bracket or
//! `&&` inside a class, a brace that is no quantifier), the pattern is rewritten first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use fancy_regex::{Captures, Regex};
use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::{fail, int_argument, quoted, text, text_argument, truth_argument, tuple};

pub(super) const FILTERS: &[(&str, Run)] =
    &[("regex_replace", replace), ("regex_search", search), ("regex_findall", find_all), ("regex_escape", escape)];

/// How a pattern is to be read.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Flags {
    /// Case does not count.
    pub(crate) ignorecase: bool,
    /// `^` and `$` match at lines.
    pub(crate) multiline: bool,
    /// The whole pattern matches at the start of the text only.
    pub(crate) at_start: bool,
    /// The pattern must match the text to its end.
    pub(crate) to_end: bool,
}

/// So many compiled patterns are kept.
const CACHE_LIMIT: usize = 256;

thread_local! {
    static COMPILED: RefCell<HashMap<(String, Flags), Rc<Regex>>> = RefCell::new(HashMap::new());
}

/// A pattern of Python's, compiled.
///
/// # Errors
///
/// The pattern and what is wrong with it.
pub(crate) fn compile(pattern: &str, flags: Flags) -> Result<Rc<Regex>, Error> {
    let key = (pattern.to_owned(), flags);
    if let Some(found) = COMPILED.with_borrow(|compiled| compiled.get(&key).cloned()) {
        return Ok(found);
    }
    let wrong = |message: &str| fail(format!("the regular expression {} is wrong: {message}", quoted(pattern)));
    let mut translated = String::new();
    if flags.ignorecase || flags.multiline {
        translated.push_str(match (flags.ignorecase, flags.multiline) {
            (true, true) => "(?im)",
            (true, false) => "(?i)",
            _ => "(?m)",
        });
    }
    let body = translate(pattern, flags.multiline).map_err(|message| wrong(&message))?;
    match (flags.at_start, flags.to_end) {
        (true, true) => translated.push_str(&format!(r"\A(?:{body})\z")),
        (true, false) => translated.push_str(&format!(r"\A(?:{body})")),
        _ => translated.push_str(&body),
    }
    let before = translated.chars().count().saturating_sub(body.chars().count() + if flags.at_start { 1 } else { 0 });
    let regex = Rc::new(Regex::new(&translated).map_err(|error| wrong(&mistake(&error, before)))?);
    COMPILED.with_borrow_mut(|compiled| {
        if compiled.len() >= CACHE_LIMIT {
            compiled.clear();
        }
        compiled.insert(key, regex.clone());
    });
    Ok(regex)
}

/// A pattern's mistake in Python's words, where it has some for it; `before` is what was put in front of the pattern.
fn mistake(error: &fancy_regex::Error, before: usize) -> String {
    use fancy_regex::{Error, ParseError};
    let Error::ParseError(position, problem) = error else { return error.to_string() };
    let position = position.saturating_sub(before);
    match problem {
        ParseError::TargetNotRepeatable => format!("nothing to repeat at position {position}"),
        ParseError::UnclosedOpenParen => {
            format!("missing ), unterminated subpattern at position {}", position.saturating_sub(1))
        }
        ParseError::InvalidClass => format!("unterminated character set at position {position}"),
        ParseError::GeneralParseError(text) if text == "end of string not reached" => {
            format!("unbalanced parenthesis at position {position}")
        }
        other => format!("{other} at position {position}"),
    }
}

/// A pattern in fancy-regex's spelling.
fn translate(pattern: &str, multiline: bool) -> Result<String, String> {
    let characters: Vec<char> = pattern.chars().collect();
    let at = |index: usize| characters.get(index).copied();
    let multiline = multiline || inline_flag(&characters, 'm');
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut index = 0;
    let mut class = false;
    let mut class_start = 0;
    while let Some(character) = at(index) {
        match character {
            '\\' => {
                let Some(next) = at(index + 1) else { return Err("bad escape (end of pattern)".to_owned()) };
                match next {
                    'Z' if !class => out.push_str(r"\z"),
                    '0' => {
                        let digits: String = characters
                            .iter()
                            .skip(index + 1)
                            .take(3)
                            .take_while(|digit| ('0'..='7').contains(*digit))
                            .collect();
                        let code = u32::from_str_radix(&digits, 8).unwrap_or_default();
                        out.push_str(&format!(r"\x{{{code:x}}}"));
                        index += digits.len().saturating_sub(1);
                    }
                    letter if letter.is_ascii_alphanumeric() => {
                        let known = if class { "afnrtvxuUdDsSwWb" } else { "AbBdDsSwWafnrtvxuU" };
                        if letter.is_ascii_alphabetic() && !known.contains(letter) {
                            return Err(format!("bad escape \\{letter} at position {index}"));
                        }
                        if class && letter == 'b' {
                            out.push_str(r"\x08");
                        } else {
                            out.push('\\');
                            out.push(letter);
                        }
                    }
                    sign if sign.is_ascii() && !sign.is_ascii_control() => {
                        out.push_str(&format!(r"\x{:02x}", sign as u32))
                    }
                    other => out.push(other),
                }
                index += 2;
                continue;
            }
            '[' if !class => {
                class = true;
                out.push('[');
                if at(index + 1) == Some('^') {
                    out.push('^');
                    index += 1;
                }
                class_start = index + 1;
                if at(index + 1) == Some(']') {
                    out.push_str(r"\]");
                    index += 1;
                }
            }
            '[' => out.push_str(r"\["),
            ']' if class => {
                class = false;
                out.push(']');
            }
            '&' | '~' if class => {
                out.push('\\');
                out.push(character);
            }
            '-' if class
                && (index == class_start || at(index + 1) == Some(']') || after_shorthand(&characters, index)) =>
            {
                out.push_str(r"\-");
            }
            '$' if !class && !multiline => out.push_str(r"(?=\n?\z)"),
            '{' if !class && !is_quantifier(&characters, index) => out.push_str(r"\{"),
            '}' if !class && !closes_quantifier(&characters, index) => out.push_str(r"\}"),
            other => out.push(other),
        }
        index += 1;
    }
    if class {
        return Err("unterminated character set".to_owned());
    }
    Ok(out)
}

/// Whether the pattern sets a flag for itself, as in `(?im)`.
fn inline_flag(characters: &[char], flag: char) -> bool {
    characters.windows(2).enumerate().any(|(index, pair)| {
        pair == ['(', '?']
            && characters
                .iter()
                .skip(index + 2)
                .take_while(|character| character.is_ascii_lowercase())
                .any(|character| *character == flag)
            && characters.get(index + 2).is_some_and(|first| first.is_ascii_lowercase())
    })
}

/// Whether the dash follows `\w`, `\d` or `\s` inside a class, where it can't make a range.
fn after_shorthand(characters: &[char], index: usize) -> bool {
    index >= 2
        && characters.get(index - 2) == Some(&'\\')
        && characters.get(index - 1).is_some_and(|letter| "wWdDsS".contains(*letter))
}

/// Whether `{` at this place begins `{n}`, `{n,}`, `{,m}` or `{n,m}`.
fn is_quantifier(characters: &[char], index: usize) -> bool {
    let body: String = characters.iter().skip(index + 1).take_while(|character| **character != '}').collect();
    let closed = characters.get(index + 1 + body.chars().count()) == Some(&'}');
    closed
        && index > 0
        && body.chars().all(|character| character.is_ascii_digit() || character == ',')
        && body.chars().filter(|character| *character == ',').count() <= 1
        && body.chars().any(|character| character.is_ascii_digit())
}

fn closes_quantifier(characters: &[char], index: usize) -> bool {
    let open = characters.iter().take(index).rposition(|character| *character == '{');
    open.is_some_and(|open| {
        is_quantifier(characters, open)
            && characters.iter().skip(open).position(|character| *character == '}') == Some(index - open)
    })
}

/// All matches, with the empty ones that Python finds: also right after a match that was not empty.
fn matches<'t>(regex: &Regex, source: &'t str, limit: usize) -> Result<Vec<Captures<'t, str>>, Error> {
    let mut found = Vec::new();
    let mut position = 0;
    while found.len() < limit && position <= source.len() {
        let captures = regex
            .captures_from_pos(source, position)
            .map_err(|error| fail(format!("the regular expression failed: {error}")))?;
        let Some(captures) = captures else { break };
        let Some(whole) = captures.get(0) else { break };
        position = whole.end();
        if whole.start() == whole.end() {
            position += source.get(position..).and_then(|rest| rest.chars().next()).map_or(1, char::len_utf8);
        }
        found.push(captures);
    }
    Ok(found)
}

/// One piece of a replacement.
enum Piece {
    Text(String),
    Group(usize),
}

/// A replacement template of Python's: `\1`, `\g<1>`, `\g<name>`, `\n` ...
fn template(source: &str, regex: &Regex) -> Result<Vec<Piece>, Error> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let group = |name: &str| {
        group_index(regex, name)
            .ok_or_else(|| fail(format!("invalid group reference {name} in the replacement {}", quoted(source))))
    };
    let mut characters = source.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '\\' {
            literal.push(character);
            continue;
        }
        let Some(next) = characters.next() else {
            return Err(fail(format!("bad escape (end of the replacement {})", quoted(source))));
        };
        let reference = match next {
            'g' => {
                if characters.next_if_eq(&'<').is_none() {
                    return Err(fail(format!("missing < after \\g in the replacement {}", quoted(source))));
                }
                let name: String = characters.by_ref().take_while(|character| *character != '>').collect();
                Some(group(&name)?)
            }
            '0' => {
                let mut digits = String::from("0");
                while digits.len() < 3
                    && let Some(digit) = characters.next_if(|digit| ('0'..='7').contains(digit))
                {
                    digits.push(digit);
                }
                literal.push(char::from_u32(u32::from_str_radix(&digits, 8).unwrap_or_default()).unwrap_or('\0'));
                None
            }
            digit if digit.is_ascii_digit() => {
                let mut name = digit.to_string();
                if let Some(second) = characters.next_if(char::is_ascii_digit) {
                    name.push(second);
                }
                Some(group(&name)?)
            }
            'n' => {
                literal.push('\n');
                None
            }
            't' => {
                literal.push('\t');
                None
            }
            'r' => {
                literal.push('\r');
                None
            }
            'a' => {
                literal.push('\u{7}');
                None
            }
            'f' => {
                literal.push('\u{c}');
                None
            }
            'v' => {
                literal.push('\u{b}');
                None
            }
            'b' => {
                literal.push('\u{8}');
                None
            }
            '\\' => {
                literal.push('\\');
                None
            }
            letter if letter.is_ascii_alphabetic() => {
                return Err(fail(format!("bad escape \\{letter} in the replacement {}", quoted(source))));
            }
            other => {
                literal.push('\\');
                literal.push(other);
                None
            }
        };
        if let Some(index) = reference {
            pieces.push(Piece::Text(std::mem::take(&mut literal)));
            pieces.push(Piece::Group(index));
        }
    }
    pieces.push(Piece::Text(literal));
    Ok(pieces)
}

/// A group's number by its number or name.
fn group_index(regex: &Regex, name: &str) -> Option<usize> {
    match name.parse::<usize>() {
        Ok(index) => (index < regex.captures_len()).then_some(index),
        Err(_) => regex.capture_names().position(|known| known == Some(name)),
    }
}

fn replace(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, pattern, replacement, ignorecase, multiline, count, mandatory] =
        call.bind(["value", "pattern", "replacement", "ignorecase", "multiline", "count", "mandatory_count"], 1)?;
    let source = text(&value.unwrap_or_default())?;
    let pattern = text_argument(pattern.as_ref(), "")?;
    let flags = Flags {
        ignorecase: truth_argument(ignorecase.as_ref(), false),
        multiline: truth_argument(multiline.as_ref(), false),
        ..Flags::default()
    };
    let regex = compile(&pattern, flags)?;
    let pieces = template(&text_argument(replacement.as_ref(), "")?, &regex)?;
    let limit = usize::try_from(int_argument(count.as_ref(), "count", 0)?).unwrap_or_default();
    let found = matches(&regex, &source, if limit == 0 { usize::MAX } else { limit })?;
    let wanted = int_argument(mandatory.as_ref(), "mandatory_count", 0)?;
    if wanted != 0 && wanted != found.len() as i128 {
        return Err(call.fail(format!(
            "{} should match {wanted} times, but matches {} times in {}",
            quoted(&pattern),
            found.len(),
            quoted(&source)
        )));
    }
    let mut out = String::with_capacity(source.len());
    let mut last = 0;
    for captures in &found {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(source.get(last..whole.start()).unwrap_or_default());
        for piece in &pieces {
            match piece {
                Piece::Text(literal) => out.push_str(literal),
                Piece::Group(index) => out.push_str(captures.get(*index).map_or("", |group| group.as_str())),
            }
        }
        last = whole.end();
    }
    out.push_str(source.get(last..).unwrap_or_default());
    Ok(Value::from(out))
}

fn search(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let source = text(&call.subject()?)?;
    let mut positional = call.positional.iter().skip(1);
    let mut pattern = positional.next().cloned();
    let mut flags = Flags::default();
    for (name, value) in &call.keyword {
        match name.as_str() {
            "ignorecase" => flags.ignorecase = value.is_true(),
            "multiline" => flags.multiline = value.is_true(),
            "regex" | "pattern" if pattern.is_none() => pattern = Some(value.clone()),
            _ => return Err(call.fail(format!("has no argument `{name}`; it takes ignorecase and multiline"))),
        }
    }
    let regex = compile(&text_argument(pattern.as_ref(), "")?, flags)?;
    let mut groups = Vec::new();
    for argument in positional {
        let wanted = text(argument)?;
        let name = wanted.strip_prefix("\\g<").and_then(|name| name.strip_suffix('>')).or_else(|| {
            wanted
                .strip_prefix('\\')
                .filter(|digits| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit()))
        });
        let Some(name) = name else {
            return Err(
                call.fail(format!("unknown argument {}; a group is written \\\\1 or \\\\g<name>", quoted(&wanted)))
            );
        };
        groups.push(name.to_owned());
    }
    let Some(captures) = matches(&regex, &source, 1)?.pop() else { return Ok(Value::from(())) };
    if groups.is_empty() {
        return Ok(Value::from(captures.get(0).map_or("", |whole| whole.as_str())));
    }
    let mut out = Vec::new();
    for name in groups {
        let index = group_index(&regex, &name).ok_or_else(|| call.fail(format!("the pattern has no group {name}")))?;
        out.push(captures.get(index).map_or(Value::from(()), |group| Value::from(group.as_str())));
    }
    Ok(Value::from(out))
}

fn find_all(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, pattern, multiline, ignorecase] = call.bind(["value", "regex", "multiline", "ignorecase"], 2)?;
    let source = text(&value.unwrap_or_default())?;
    let flags = Flags {
        ignorecase: truth_argument(ignorecase.as_ref(), false),
        multiline: truth_argument(multiline.as_ref(), false),
        ..Flags::default()
    };
    let regex = compile(&text_argument(pattern.as_ref(), "")?, flags)?;
    let mut out = Vec::new();
    for captures in matches(&regex, &source, usize::MAX)? {
        let group = |index: usize| Value::from(captures.get(index).map_or("", |group| group.as_str()));
        out.push(match regex.captures_len() {
            0 | 1 => group(0),
            2 => group(1),
            count => tuple((1..count).map(group).collect()),
        });
    }
    Ok(Value::from(out))
}

fn escape(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, kind] = call.bind(["string", "re_type"], 1)?;
    let source = text(&value.unwrap_or_default())?;
    match text_argument(kind.as_ref(), "python")?.as_str() {
        "python" => Ok(Value::from(escaped(&source))),
        "posix_basic" => {
            let mut out = String::new();
            for character in source.chars() {
                if "[].^$*\\".contains(character) {
                    out.push('\\');
                }
                out.push(character);
            }
            Ok(Value::from(out))
        }
        "posix_extended" => Err(call.fail("the type posix_extended is not implemented (neither is it in Ansible)")),
        other => Err(call.fail(format!("the type must be python or posix_basic, got '{other}'"))),
    }
}

/// The text as a pattern that matches it, spelled as Python's `re.escape` does.
pub(crate) fn escaped(source: &str) -> String {
    let mut out = String::new();
    for character in source.chars() {
        if "()[]{}?*+-|^$\\.&~# \t\n\r\u{b}\u{c}".contains(character) {
            out.push('\\');
        }
        out.push(character);
    }
    out
}
