//! The parser's events: libyaml-safer behind types of our own, so that another parser is a change of this file only.
//!
//! libyaml-safer 0.3.0 panics on a few malformed inputs (its issues 6 and 7). One cause, a block scalar that ends with
//! the file and without a newline, is common and is cured by adding the newline; what is left is caught and becomes an
//! ordinary error.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use libyaml_safer::{EventData, Parser, ScalarStyle};

/// A position, both from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) line: u32,
    pub(super) column: u32,
}

impl From<libyaml_safer::Mark> for Mark {
    fn from(mark: libyaml_safer::Mark) -> Self {
        let clamp = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
        Self { line: clamp(mark.line), column: clamp(mark.column) }
    }
}

/// One event.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) kind: Kind,
    pub(super) start: Mark,
    pub(super) end: Mark,
}

/// What happens.
#[derive(Debug)]
pub(super) enum Kind {
    StreamStart,
    StreamEnd,
    DocumentStart,
    DocumentEnd,
    Alias(String),
    Scalar {
        properties: Properties,
        value: String,
        /// Neither quoted nor tagged: its type comes from its text.
        plain: bool,
        /// Written with `|` or `>`.
        block: bool,
    },
    SequenceStart(Properties),
    SequenceEnd,
    MappingStart(Properties),
    MappingEnd,
}

/// What may stand before a node.
#[derive(Debug, Default)]
pub(super) struct Properties {
    pub(super) anchor: Option<String>,
    /// The tag with its prefix resolved; `None` also for the bare `!`.
    pub(super) tag: Option<String>,
}

impl Properties {
    fn new(anchor: Option<String>, tag: Option<String>) -> Self {
        Self { anchor, tag: tag.filter(|tag| tag != "!") }
    }
}

/// Why the text is not YAML, in libyaml's words.
#[derive(Debug)]
pub(super) struct Malformed {
    pub(super) problem: &'static str,
    /// `None` if the parser does not say where.
    pub(super) at: Option<Mark>,
    /// What was being parsed, and where that began.
    pub(super) context: Option<(&'static str, Option<Mark>)>,
}

/// The source text in the form that the parser can take.
pub(super) fn with_final_newline(text: &str) -> Cow<'_, str> {
    if text.is_empty() || text.ends_with('\n') { Cow::Borrowed(text) } else { Cow::Owned(format!("{text}\n")) }
}

/// Events in the order of the text.
pub(super) struct Events<'a> {
    parser: Parser<&'a [u8]>,
}

impl<'a> Events<'a> {
    /// Events of a text that went through [`with_final_newline`].
    pub(super) fn new(text: &'a str) -> Self {
        let mut parser = Parser::new();
        parser.set_input(text.as_bytes());
        Self { parser }
    }

    /// The next one; `StreamEnd` again and again at the end.
    pub(super) fn next(&mut self) -> Result<Event, Malformed> {
        let parsed = quietly(|| self.parser.parse());
        let event = match parsed {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                return Err(Malformed {
                    problem: error.problem(),
                    at: error.problem_mark().map(Mark::from),
                    context: error.context().map(|context| (context, error.context_mark().map(Mark::from))),
                });
            }
            None => return Err(Malformed { problem: "malformed YAML", at: None, context: None }),
        };
        let kind = match event.data {
            EventData::StreamStart { .. } => Kind::StreamStart,
            EventData::StreamEnd => Kind::StreamEnd,
            EventData::DocumentStart { .. } => Kind::DocumentStart,
            EventData::DocumentEnd { .. } => Kind::DocumentEnd,
            EventData::Alias { anchor } => Kind::Alias(anchor),
            EventData::Scalar { anchor, tag, value, plain_implicit, style, .. } => Kind::Scalar {
                plain: plain_implicit && style == ScalarStyle::Plain && tag.is_none(),
                block: matches!(style, ScalarStyle::Literal | ScalarStyle::Folded),
                properties: Properties::new(anchor, tag),
                value,
            },
            EventData::SequenceStart { anchor, tag, .. } => Kind::SequenceStart(Properties::new(anchor, tag)),
            EventData::SequenceEnd => Kind::SequenceEnd,
            EventData::MappingStart { anchor, tag, .. } => Kind::MappingStart(Properties::new(anchor, tag)),
            EventData::MappingEnd => Kind::MappingEnd,
        };
        Ok(Event { kind, start: event.start_mark.into(), end: event.end_mark.into() })
    }
}

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Run what may panic; `None` if it did, with nothing printed.
fn quietly<T>(action: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                previous(panic);
            }
        }));
    });
    QUIET.set(true);
    let outcome = catch_unwind(AssertUnwindSafe(action)).ok();
    QUIET.set(false);
    outcome
}
