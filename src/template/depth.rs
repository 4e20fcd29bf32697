//! How deep an expression may go.
//!
//! Rewriting, compiling and dropping an expression follow its tree. A tree that is deeper than anybody writes would
//! overflow the stack, and is refused before that.

use std::ops::Range;

use super::syntax::SyntaxMistake;
use super::token::{Kind, tokens};

/// Brackets inside each other.
const BRACKETS: usize = 100;

/// Operators, filters, attributes and calls on the way from the outermost expression to the innermost.
const HEIGHT: usize = 800;

/// `elif`s of one `if`: each is an `if` in the `else` of the one before.
const BRANCHES: usize = 100;

/// Refuse the expression or statement in `range` of `source` if its tree is too deep.
pub(super) fn check(source: &str, range: Range<usize>) -> Result<(), SyntaxMistake> {
    // Of each open bracket, the outermost text first: how much stands before this place since the last comma.
    let mut before = vec![0_usize];
    let mut height = 0_usize;
    for token in tokens(source, range) {
        let operator = token.kind == Kind::Operator;
        match source.get(token.range.clone()).unwrap_or_default() {
            "(" | "[" | "{" if operator => before.push(0),
            ")" | "]" | "}" if operator => {
                if before.len() > 1 {
                    height -= before.pop().unwrap_or_default();
                }
                // A call or an index is a level of its own.
                height += 1;
                before.last_mut().into_iter().for_each(|count| *count += 1);
            }
            "," if operator => height -= before.last_mut().map_or(0, std::mem::take),
            _ => {
                height += 1;
                before.last_mut().into_iter().for_each(|count| *count += 1);
            }
        }
        let message = if before.len() > BRACKETS {
            format!("brackets are nested deeper than {BRACKETS} levels")
        } else if height > HEIGHT {
            format!("this expression has more than {HEIGHT} parts; use `set` or variables for parts of it")
        } else {
            continue;
        };
        return Err(SyntaxMistake { range: token.range, message });
    }
    Ok(())
}

/// Statements inside each other.
const STATEMENTS: usize = 100;

/// The statements that are open, and how many branches each has so far.
#[derive(Debug, Default)]
pub(super) struct Open(Vec<usize>);

impl Open {
    /// Take note of the statement in `range`, whose text is `inner`.
    pub(super) fn statement(&mut self, inner: &str, range: &Range<usize>) -> Result<(), SyntaxMistake> {
        let word = inner.trim_start_matches(['-', '+']).split_whitespace().next().unwrap_or_default();
        match word {
            "if" | "for" | "block" | "macro" | "call" | "filter" | "with" | "autoescape" => self.0.push(0),
            "set" if !inner.contains('=') => self.0.push(0),
            _ if word.starts_with("end") => drop(self.0.pop()),
            "elif" => {
                let count = self.0.last_mut().map_or(0, |count| {
                    *count += 1;
                    *count
                });
                if count > BRANCHES {
                    let message = format!("this `if` has more than {BRANCHES} branches; use a dictionary instead");
                    return Err(SyntaxMistake { range: range.clone(), message });
                }
            }
            _ => {}
        }
        if self.0.len() > STATEMENTS {
            let message = format!("statements are nested deeper than {STATEMENTS} levels");
            return Err(SyntaxMistake { range: range.clone(), message });
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn refused(text: &str) -> Option<String> {
        check(text, 0..text.len()).err().map(|mistake| mistake.message)
    }

    #[test]
    fn what_people_write_is_not_deep() {
        let long: Vec<String> = (0..5000).map(|number| format!("{{'a': {number}, 'b': [x | default(1)]}}")).collect();
        assert_eq!(refused(&format!("[{}]", long.join(", "))), None);
        assert_eq!(refused(&vec!["a.b"; 190].join(" and ")), None);
        assert_eq!(refused(")))] a"), None);
    }

    #[test]
    fn what_nobody_writes_is_refused_where_it_gets_too_deep() {
        assert!(refused(&"(".repeat(101)).unwrap().starts_with("brackets are nested deeper"));
        assert!(refused(&"-".repeat(5000)).unwrap().contains("more than 800 parts"));
        assert!(refused(&"a + (".repeat(99)).is_none());
        assert!(refused(&format!("a{}", "[0]".repeat(900))).is_some());
        assert!(refused(&vec!["a"; 600].join("+")).is_some());
        assert!(refused(&vec!["a, b"; 600].join("+")).is_none());
    }

    #[test]
    fn branches_are_counted_for_each_if() {
        let mut branches = Open::default();
        for _ in 0..10 {
            assert!(branches.statement(" if a ", &(0..1)).is_ok());
            assert!((0..BRANCHES).all(|_| branches.statement(" elif b ", &(0..1)).is_ok()));
            assert!(branches.statement("- endif ", &(0..1)).is_ok());
        }
        assert!((0..STATEMENTS).all(|_| branches.statement("for a in b", &(0..1)).is_ok()));
        assert!(branches.statement("for a in b", &(0..1)).is_err());
        (0..=STATEMENTS).for_each(|_| drop(branches.statement("endfor", &(0..1))));
        assert!(branches.statement(" if a ", &(0..1)).is_ok());
        assert!((0..=BRANCHES).any(|_| branches.statement(" elif b ", &(0..1)).is_err()));
    }
}
