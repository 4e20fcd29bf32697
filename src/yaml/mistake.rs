//! The parser's complaints in words that help: its own message, the place, and what is usually wrong there.

use super::event::{Malformed, Mark};
use crate::source::{Diagnostic, SourceId, Span};

/// A diagnostic for what the parser said.
pub(super) fn explain(malformed: &Malformed, source: SourceId, text: &str) -> Diagnostic {
    if let Some((at, character)) = malformed.at.is_none().then(|| control_character(text)).flatten() {
        return Diagnostic::error(format!("control character `\\x{:02x}` in YAML", u32::from(character)))
            .at(span(source, at))
            .label(malformed.problem)
            .hint("remove it, or write it as an escape in a double-quoted string");
    }
    let last = u32::try_from(text.lines().count().saturating_sub(1)).unwrap_or(u32::MAX);
    let at = malformed.at.unwrap_or(Mark { line: last, column: 0 });
    let mut error = Diagnostic::error(format!("invalid YAML: {}", malformed.problem));
    let lines: Vec<&str> = text.lines().collect();
    let line = |number: u32| lines.get(number as usize).copied().unwrap_or("");
    // At the end of the file there is no line to show: the last one that says something serves better.
    let mut shown = at;
    while shown.line > 0 && (shown.line as usize >= lines.len() || line(shown.line).trim().is_empty()) {
        let above = line(shown.line - 1).trim_end();
        shown =
            Mark { line: shown.line - 1, column: u32::try_from(above.chars().count()).unwrap_or(0).saturating_sub(1) };
    }
    if let Some((context, mark)) = malformed.context {
        let place = mark.map_or(String::new(), |mark| {
            format!(" that begins at line {}, column {}", mark.line + 1, mark.column + 1)
        });
        error = error.cause(format!("{context}{place}"));
    }
    let seen = Seen {
        problem: malformed.problem,
        context: malformed.context.and_then(|(_, mark)| mark),
        at: shown,
        lines: &lines,
    };
    let (place, label, hint) = seen.advice();
    error = error.at(span(source, place.unwrap_or(shown)));
    if let Some(label) = label {
        error = error.label(label);
    }
    match hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}

fn span(source: SourceId, mark: Mark) -> Span {
    Span { source, line: mark.line + 1, column: mark.column + 1, length: 1 }
}

/// The first character that YAML does not allow anywhere.
fn control_character(text: &str) -> Option<(Mark, char)> {
    for (line, content) in (0..).zip(text.split('\n')) {
        for (column, character) in (0..).zip(content.chars()) {
            let allowed = matches!(character,
                '\t' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
                | '\u{10000}'..='\u{10ffff}');
            if !allowed {
                return Some((Mark { line, column }, character));
            }
        }
    }
    None
}

/// What there is to judge by.
struct Seen<'a> {
    problem: &'static str,
    context: Option<Mark>,
    at: Mark,
    lines: &'a [&'a str],
}

type Advice = (Option<Mark>, Option<String>, Option<String>);

impl Seen<'_> {
    fn line(&self, number: u32) -> &str {
        self.lines.get(number as usize).copied().unwrap_or("")
    }

    /// A better place than the parser's, a label, a hint.
    fn advice(&self) -> Advice {
        let line = self.line(self.at.line);
        if let Some(mark) = self.indenting_tab() {
            return (
                Some(mark),
                Some("this is a tab".to_owned()),
                Some("YAML is indented with spaces; replace the tab with spaces".to_owned()),
            );
        }
        for number in [Some(self.at.line), self.at.line.checked_sub(1), self.context.map(|mark| mark.line)] {
            let Some(number) = number else { continue };
            if let Some((column, value)) = unquoted_template(self.line(number)) {
                return (
                    Some(Mark { line: number, column }),
                    Some("a template begins this value".to_owned()),
                    Some(format!("quote the whole value: `\"{}\"`", value.replace('"', "'"))),
                );
            }
        }
        if let Some((column, value)) = text_after_quotes(line) {
            return (
                Some(Mark { line: self.at.line, column }),
                Some("text goes on after the closing quote".to_owned()),
                Some(format!("quote the whole value, as in `'{}'`", value.replace('\'', "''"))),
            );
        }
        let character = line.chars().nth(self.at.column as usize);
        let hint = match self.problem {
            "found character that cannot start any token" => match character {
                Some(first @ ('@' | '`' | '%')) => Some(format!("a value can't begin with `{first}`: quote it")),
                _ => None,
            },
            "mapping values are not allowed in this context" => Some(self.colon()),
            "found unknown escape character" => {
                Some("in double quotes a backslash begins an escape: double it, or use single quotes".to_owned())
            }
            "found unexpected end of stream" if self.context.is_some() => {
                return (
                    self.context,
                    Some("this quote is never closed".to_owned()),
                    Some("close the quote, or double an apostrophe inside single quotes (`''`)".to_owned()),
                );
            }
            "could not find expected ':'" => {
                Some("a key ends with a colon and a space, as in `name: value`".to_owned())
            }
            "did not find expected ',' or '}'" | "did not find expected ',' or ']'" => {
                Some("close the bracket, or quote the value if the bracket is part of a text".to_owned())
            }
            "did not find expected key"
            | "did not find expected '-' indicator"
            | "did not find expected <document start>" => Some(self.indentation()),
            "did not find expected alphabetic or numeric character" => {
                Some("text that begins with `*` or `&` must be quoted".to_owned())
            }
            "found a tab character that violates indentation" => {
                Some("YAML is indented with spaces; replace the tab with spaces".to_owned())
            }
            _ => None,
        };
        (None, None, hint)
    }

    /// A tab in the blanks before this line's or the next one's text.
    fn indenting_tab(&self) -> Option<Mark> {
        let number = self.at.line;
        let indent: &str = self.line(number);
        let blanks = indent.chars().take_while(|c| matches!(c, ' ' | '\t'));
        let column = (0..).zip(blanks).find(|(_, c)| *c == '\t')?.0;
        Some(Mark { line: number, column })
    }

    fn colon(&self) -> String {
        let line = self.line(self.at.line);
        let indent = |text: &str| text.len() - text.trim_start_matches([' ', '-']).len();
        let colons = line.matches(": ").count() + usize::from(line.trim_end().ends_with(':'));
        if colons > 1 {
            let value = line.split_once(": ").map_or("", |(_, value)| value).trim();
            return format!("quote a value that has a colon and a space in it: `'{}'`", value.replace('\'', "''"));
        }
        let above = (0..self.at.line).rev().map(|number| self.line(number)).find(|line| !line.trim().is_empty());
        match above {
            Some(above) if indent(line) > indent(above) => "this line is indented deeper than the one above it, which \
                already has a value: give both the same indentation"
                .to_owned(),
            _ => "check the indentation of this line and the quotes above it".to_owned(),
        }
    }

    fn indentation(&self) -> String {
        let line = self.line(self.at.line);
        let own = indent(line);
        let mut around: Vec<usize> = Vec::new();
        for above in (0..self.at.line).rev().map(|number| self.line(number)).filter(|line| !line.trim().is_empty()) {
            let begins = indent(above);
            if around.last().is_none_or(|last| begins < *last) {
                around.push(begins);
            }
        }
        if !around.contains(&own) && !around.is_empty() {
            let around: Vec<String> = around.iter().map(usize::to_string).collect();
            return format!(
                "this line is indented by {own}, the lines around it that it could belong to by {}: use one of those",
                around.join(" or ")
            );
        }
        if self.problem == "did not find expected '-' indicator" {
            return "an item of a list begins with `- `; what does not belong to the list needs another indentation"
                .to_owned();
        }
        "check the indentation of this line, and the quotes and brackets above it".to_owned()
    }
}

fn indent(line: &str) -> usize {
    line.chars().take_while(|c| *c == ' ').count()
}

/// Where a value begins on this line (after `- ` and `key: `), in bytes.
fn value_start(line: &str) -> usize {
    let mut start = line.len() - line.trim_start().len();
    while let Some(rest) = line.get(start..).and_then(|rest| rest.strip_prefix("- ")) {
        start = line.len() - rest.trim_start().len();
    }
    let rest = line.get(start..).unwrap_or("");
    match rest.find(": ") {
        Some(colon) if !rest.starts_with(['"', '\'', '{', '[']) => {
            let after = rest.get(colon + 1..).unwrap_or("");
            line.len() - after.trim_start().len()
        }
        _ => start,
    }
}

/// A value that begins with `{{` outside quotes: its column and its text.
pub(super) fn unquoted_template(line: &str) -> Option<(u32, &str)> {
    let start = value_start(line);
    let value = line.get(start..)?.trim_end();
    if !value.starts_with("{{") {
        return None;
    }
    let column = line.get(..start)?.chars().count();
    Some((u32::try_from(column).ok()?, value))
}

/// A quoted value with more text behind it: the column of that text, and the value without those quotes.
fn text_after_quotes(line: &str) -> Option<(u32, String)> {
    let start = value_start(line);
    let value = line.get(start..)?.trim_end();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let close = value.get(1..)?.find(quote)? + 1;
    let rest = value.get(close + 1..)?;
    let begins = rest.trim_start();
    if begins.is_empty() || begins.starts_with(['#', ',', ':', ']', '}', quote]) {
        return None;
    }
    let column = line.get(..start + close + 1)?.chars().count() + (rest.chars().count() - begins.chars().count());
    Some((u32::try_from(column).ok()?, format!("{}{rest}", value.get(1..close)?)))
}
