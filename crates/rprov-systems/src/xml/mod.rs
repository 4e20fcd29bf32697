//! XML that is edited in place: what is not touched keeps every byte.
//!
//! No entity is ever fetched or expanded but the five that XML itself has; others stay as they are written.
//!
//! * [`tree`]: the document and its edits;
//! * `parse`: from text, with the position of what is wrong;
//! * [`pretty`]: with a line for each element;
//! * [`text`]: characters and how they are written;
//! * [`build`]: new elements from a playbook's values;
//! * [`spawn`]: the elements that a path names and that are missing.

pub mod build;
mod parse;
pub mod pretty;
pub mod spawn;
pub mod text;
pub mod tree;

/// Why a text is no XML, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {reason}")]
pub struct XmlError {
    /// The line, from 1.
    pub line: usize,
    /// The character in it, from 1.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}
