//! YAML with source positions and PyYAML's scalar rules.

mod node;

pub use node::{Data, Node};
