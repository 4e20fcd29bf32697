//! The outer syntax of a template: delimiters, whitespace rules, and the text cut at them.

use std::ops::Range;

/// Delimiters and whitespace rules, with Ansible's defaults (`trim_blocks` on).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Syntax {
    /// `{%`
    pub block_start: String,
    /// `%}`
    pub block_end: String,
    /// `{{`
    pub variable_start: String,
    /// `}}`
    pub variable_end: String,
    /// `{#`
    pub comment_start: String,
    /// `#}`
    pub comment_end: String,
    /// What makes a whole line a statement, if anything.
    pub line_statement_prefix: Option<String>,
    /// What makes the rest of a line a comment, if anything.
    pub line_comment_prefix: Option<String>,
    /// Take away the newline after a statement.
    pub trim_blocks: bool,
    /// Take away the spaces before a statement that begins its line.
    pub lstrip_blocks: bool,
    /// Keep the one newline that ends the text.
    pub keep_trailing_newline: bool,
}

impl Default for Syntax {
    fn default() -> Self {
        Self {
            block_start: "{%".into(),
            block_end: "%}".into(),
            variable_start: "{{".into(),
            variable_end: "}}".into(),
            comment_start: "{#".into(),
            comment_end: "#}".into(),
            line_statement_prefix: None,
            line_comment_prefix: None,
            trim_blocks: true,
            lstrip_blocks: false,
            keep_trailing_newline: false,
        }
    }
}

/// A mistake in the outer syntax: where, and what.
#[derive(Clone, Debug)]
pub(super) struct SyntaxMistake {
    pub range: Range<usize>,
    pub message: String,
}

/// A piece of a template, as byte ranges of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Segment {
    /// Text that is given out as it is.
    Text(Range<usize>),
    /// `{{ ... }}`
    Print(Tag),
    /// `{% ... %}`
    Block(Tag),
    /// `{# ... #}`
    Comment(Tag),
    /// `{% raw %} ... {% endraw %}` as a whole.
    Raw(Range<usize>),
}

/// A piece between delimiters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// With the delimiters.
    pub outer: Range<usize>,
    /// Without them and without their whitespace marks.
    pub inner: Range<usize>,
    /// `{{-`
    pub trim_left: bool,
    /// `-}}`
    pub trim_right: bool,
}

impl Syntax {
    /// Whether the text may hold a template at all.
    pub fn may_match(&self, text: &str) -> bool {
        text.contains(&self.variable_start)
            || text.contains(&self.block_start)
            || text.contains(&self.comment_start)
            || self.line_statement_prefix.as_ref().is_some_and(|prefix| text.contains(prefix.as_str()))
            || self.line_comment_prefix.as_ref().is_some_and(|prefix| text.contains(prefix.as_str()))
    }

    /// Cut a text at its delimiters.
    pub(super) fn split(&self, text: &str) -> Result<Vec<Segment>, SyntaxMistake> {
        let mut segments = Vec::new();
        let mut from = 0;
        let mut starts = self.starts(text);
        while let Some((start, kind)) = next_start(&mut starts, text, from) {
            if start > from {
                segments.push(Segment::Text(from..start));
            }
            let opening = match kind {
                Opening::Print => &self.variable_start,
                Opening::Block => &self.block_start,
                Opening::Comment => &self.comment_start,
            };
            let mut inner = start + opening.len();
            let mut trim_left = false;
            if let Some(mark @ ('-' | '+')) = text.get(inner..).and_then(|rest| rest.chars().next()) {
                trim_left = mark == '-';
                inner += 1;
            }
            let closing = match kind {
                Opening::Print => &self.variable_end,
                Opening::Block => &self.block_end,
                Opening::Comment => &self.comment_end,
            };
            let found = match kind {
                Opening::Comment => text.get(inner..).and_then(|rest| rest.find(closing.as_str())).map(|at| inner + at),
                _ => find_end(text, inner, closing)?,
            };
            let Some(close) = found else {
                return Err(SyntaxMistake {
                    range: start..(start + opening.len()),
                    message: match kind {
                        Opening::Print => {
                            format!("unexpected end of template: this `{opening}` has no `{closing}`")
                        }
                        Opening::Block => {
                            format!("unexpected end of template: this `{opening}` has no `{closing}`")
                        }
                        Opening::Comment => "Missing end of comment tag".to_owned(),
                    },
                });
            };
            let mut end = close;
            let mut trim_right = false;
            if end > inner
                && let Some(mark @ ('-' | '+')) = text.get(..end).and_then(|head| head.chars().next_back())
            {
                trim_right = mark == '-';
                end -= 1;
            }
            let tag = Tag { outer: start..close + closing.len(), inner: inner..end, trim_left, trim_right };
            from = tag.outer.end;
            match kind {
                Opening::Print => segments.push(Segment::Print(tag)),
                Opening::Comment => segments.push(Segment::Comment(tag)),
                Opening::Block if text.get(tag.inner.clone()).is_some_and(|inner| inner.trim() == "raw") => {
                    from = self.end_of_raw(text, &tag)?;
                    segments.push(Segment::Raw(start..from));
                }
                Opening::Block => segments.push(Segment::Block(tag)),
            }
        }
        if from < text.len() {
            segments.push(Segment::Text(from..text.len()));
        }
        Ok(segments)
    }

    /// The openings of this syntax, the text's first one of each.
    fn starts<'a>(&'a self, text: &str) -> Vec<Start<'a>> {
        [
            (&self.variable_start, Opening::Print),
            (&self.block_start, Opening::Block),
            (&self.comment_start, Opening::Comment),
        ]
        .into_iter()
        .filter(|(delimiter, _)| !delimiter.is_empty())
        .filter_map(|(delimiter, kind)| Some(Start { at: text.find(delimiter.as_str())?, delimiter, kind }))
        .collect()
    }

    fn end_of_raw(&self, text: &str, tag: &Tag) -> Result<usize, SyntaxMistake> {
        let mut from = tag.outer.end;
        while let Some(at) = text.get(from..).and_then(|rest| rest.find(&self.block_start)) {
            let inner = from + at + self.block_start.len();
            let rest = text.get(inner..).unwrap_or_default();
            let word = rest.trim_start_matches(['-', '+']).trim_start();
            if let Some(after) = word.strip_prefix("endraw") {
                let after = after.trim_start();
                let after = after.strip_prefix(['-', '+']).unwrap_or(after);
                if let Some(after) = after.strip_prefix(self.block_end.as_str()) {
                    return Ok(text.len() - after.len());
                }
            }
            from = inner;
        }
        Err(SyntaxMistake {
            range: tag.outer.clone(),
            message: "Missing end of raw directive: this `raw` has no `endraw`".to_owned(),
        })
    }
}

/// The next place of one of the openings.
struct Start<'a> {
    at: usize,
    delimiter: &'a str,
    kind: Opening,
}

/// The first opening at `from` or behind it. Each part of the text is searched once for each delimiter.
fn next_start(starts: &mut Vec<Start<'_>>, text: &str, from: usize) -> Option<(usize, Opening)> {
    starts.retain_mut(|start| {
        if start.at >= from {
            return true;
        }
        match text.get(from..).and_then(|rest| rest.find(start.delimiter)) {
            Some(at) => {
                start.at = from + at;
                true
            }
            None => false,
        }
    });
    let first = starts.iter().min_by_key(|start| (start.at, usize::MAX - start.delimiter.len()))?;
    Some((first.at, first.kind))
}

#[derive(Clone, Copy)]
enum Opening {
    Print,
    Block,
    Comment,
}

/// Where the tag that begins at `from` ends: at the first closing delimiter outside of strings and brackets.
fn find_end(text: &str, from: usize, closing: &str) -> Result<Option<usize>, SyntaxMistake> {
    let mut expected: Vec<(char, usize)> = Vec::new();
    let mut at = from;
    while let Some(rest) = text.get(at..)
        && let Some(next) = rest.chars().next()
    {
        if expected.is_empty() && rest.starts_with(closing) {
            return Ok(Some(at));
        }
        match next {
            '\'' | '"' => match end_of_string(rest, next) {
                Some(length) => {
                    at += length;
                    continue;
                }
                None => {
                    return Err(SyntaxMistake {
                        range: at..at + 1,
                        message: format!("unexpected char {next:?}: this string has no end"),
                    });
                }
            },
            '(' => expected.push((')', at)),
            '[' => expected.push((']', at)),
            '{' => expected.push(('}', at)),
            ')' | ']' | '}' => match expected.pop() {
                Some((bracket, _)) if bracket == next => {}
                Some((bracket, _)) => {
                    return Err(SyntaxMistake {
                        range: at..at + 1,
                        message: format!("unexpected '{next}', expected '{bracket}'"),
                    });
                }
                None => {
                    return Err(SyntaxMistake { range: at..at + 1, message: format!("unexpected '{next}'") });
                }
            },
            _ => {}
        }
        at += next.len_utf8();
    }
    match expected.pop() {
        Some((bracket, at)) => Err(SyntaxMistake {
            range: at..at + 1,
            message: format!("unexpected end of template, expected '{bracket}'"),
        }),
        None => Ok(None),
    }
}

/// The length of the string literal that begins a text, quotes included.
pub(super) fn end_of_string(text: &str, quote: char) -> Option<usize> {
    let mut chars = text.char_indices().skip(1);
    while let Some((at, next)) = chars.next() {
        if next == '\\' {
            chars.next();
        } else if next == quote {
            return Some(at + 1);
        }
    }
    None
}
