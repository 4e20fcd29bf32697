//! XPath 1.0 on a [`Document`](crate::xml::tree::Document): the whole language but variables and the axis `namespace`.
//!
//! * [`syntax`]: expressions as types;
//! * `token`, `parse`: from text;
//! * [`evaluate`]: what an expression selects;
//! * `function`: the functions;
//! * `value`: what an expression is worth, and its conversions.

pub mod evaluate;
mod function;
mod parse;
pub mod syntax;
mod token;
mod value;

pub use evaluate::Evaluator;
pub use value::{Item, Value};

/// Why an expression is none, or cannot be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct XPathError(pub(crate) String);
