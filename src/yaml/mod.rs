//! YAML with source positions and PyYAML's scalar rules.
//!
//! * [`load`], [`parse`], [`parse_all`]: a file or a text to a tree of [`Node`]s, each with its [`Span`];
//! * [`parse_scalar`]: what a plain scalar means in YAML 1.1;
//! * [`emit`]: a value to text, byte for byte as PyYAML writes it.
//!
//! The parser's events come from libyaml-safer, behind `event`; the composer is ours, since no crate gives positions,
//! YAML 1.1's scalars and Ansible's tags at once.
//!
//! [`Span`]: crate::source::Span

mod compose;
mod emit;
mod event;
mod load;
mod mistake;
mod node;
mod scalar;
mod tree;

pub use emit::{Flow, Style, emit, emit_tree};
pub use load::{Loaded, load, parse, parse_all};
pub use node::{Data, Node};
pub use rprov_modules::text::float as float_text;
pub use scalar::parse_scalar;
pub use tree::{Branch, Tree};
