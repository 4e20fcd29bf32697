//! Why a task failed where what was written is to blame: the steps from the whole to the particular, each with the
//! place where it was written, and the mistake itself as a diagnostic.

use super::diagnostic::Diagnostic;
use super::file::Span;

/// One step on the way from a task to the mistake in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// What failed, without what made it fail: `Error while resolving value for 'msg'`.
    pub message: String,
    /// Where that was written.
    pub span: Option<Span>,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// From the whole (`Task failed`) to the particular; never empty.
    pub reasons: Vec<Reason>,
    /// The mistake itself, at its most exact place, with the variables on the way there and what to do.
    pub diagnostic: Diagnostic,
}

impl Explanation {
    /// An explanation of a mistake that these reasons lead to.
    pub fn new(reasons: Vec<Reason>, diagnostic: Diagnostic) -> Self {
        Self { reasons, diagnostic }
    }

    /// The whole story in one line, as a result's `msg` tells it.
    pub fn message(&self) -> String {
        let messages: Vec<&str> = self.reasons.iter().map(|reason| reason.message.as_str()).collect();
        messages.join(": ")
    }

    /// The reasons, those at the same place (or at none) put together with the one before.
    pub fn places(&self) -> Vec<Reason> {
        let mut places: Vec<Reason> = Vec::with_capacity(self.reasons.len());
        for reason in &self.reasons {
            match places.last_mut() {
                Some(last) if reason.span.is_none() || reason.span.map(place) == last.span.map(place) => {
                    last.message.push_str(": ");
                    last.message.push_str(&reason.message);
                }
                _ => places.push(reason.clone()),
            }
        }
        places
    }
}

/// What makes two places one, whatever their length.
fn place(span: Span) -> (super::SourceId, u32, u32) {
    (span.source, span.line, span.column)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::register;

    #[test]
    fn reasons_at_one_place_are_told_together() {
        let source = register("reasons.yml", "a\nb\n");
        let at = |line, length| Some(Span { source, line, column: 1, length });
        let reason = |message: &str, span| Reason { message: message.to_owned(), span };
        let explanation = Explanation::new(
            vec![reason("Task failed", at(1, 1)), reason("resolving 'a'", at(2, 5)), reason("no 'b'", at(2, 1))],
            Diagnostic::error("no 'b'"),
        );
        assert_eq!(explanation.message(), "Task failed: resolving 'a': no 'b'");
        assert_eq!(explanation.places(), [reason("Task failed", at(1, 1)), reason("resolving 'a': no 'b'", at(2, 5))]);
    }
}
