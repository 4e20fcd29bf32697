//! From a place in a template's text to the place in the file that a human wrote.

use std::ops::Range;

use crate::source::{SourceId, Span};

/// Where a template's text comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// Nowhere that could be shown.
    Unknown,
    /// A YAML scalar that begins there.
    Scalar(Span),
    /// The whole of a file.
    File(SourceId),
    /// A file without so many of its first bytes.
    Tail(SourceId, usize),
}

impl Origin {
    /// Where the text begins.
    pub fn start(self) -> Option<Span> {
        match self {
            Origin::Unknown => None,
            Origin::Scalar(span) => Some(span),
            Origin::File(source) | Origin::Tail(source, _) => Some(Span::start_of(source)),
        }
    }

    /// The place of a byte range of the text.
    pub(super) fn locate(self, text: &str, range: Range<usize>) -> Option<Span> {
        match self {
            Origin::Unknown => None,
            Origin::File(source) => Some(span_of(source, text, &range)),
            Origin::Tail(source, skipped) => {
                let file = crate::source::source_file(source);
                Some(span_of(source, &file.text, &(range.start + skipped..range.end + skipped)))
            }
            Origin::Scalar(span) => Some(within_scalar(span, text, &range).unwrap_or(span)),
        }
    }
}

fn span_of(source: SourceId, text: &str, range: &Range<usize>) -> Span {
    let head = text.get(..range.start).unwrap_or(text);
    let line_start = head.rfind('\n').map_or(0, |at| at + 1);
    let marked = text.get(range.clone()).unwrap_or_default();
    Span {
        source,
        line: 1 + head.matches('\n').count() as u32,
        column: 1 + head.get(line_start..).unwrap_or_default().chars().count() as u32,
        length: (marked.lines().next().unwrap_or_default().chars().count() as u32).max(1),
    }
}

/// YAML's folding and escapes are not undone here: the marked words are looked for in the file instead, after as many
/// equal ones as stand before them in the text.
fn within_scalar(span: Span, text: &str, range: &Range<usize>) -> Option<Span> {
    let file = span.file();
    let line_start = match span.line {
        1 => 0,
        line => file.text.match_indices('\n').nth(line as usize - 2)?.0 + 1,
    };
    let line = file.text.get(line_start..)?;
    let column = line.char_indices().nth(span.column as usize - 1).map_or(0, |(at, _)| at);
    let start = line_start + column;
    let needle = text.get(range.clone())?.lines().next()?.trim_end();
    if needle.is_empty() {
        return None;
    }
    let before = text.get(..range.start)?.matches(needle).count();
    let (at, _) = file.text.get(start..)?.match_indices(needle).nth(before)?;
    Some(span_of(span.source, &file.text, &(start + at..start + at + needle.len())))
}
