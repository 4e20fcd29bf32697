//! Containers: what the playbook asks for, as the Engine has it, and where the two differ.
//!
//! * [`arguments`](mod@arguments): the options of `docker_container`;
//! * [`wanted`]: from options to properties of the Engine's container, each with its place and its comparison;
//! * [`ports`], [`storage`], [`network`]: the options that have a notation of their own.

pub mod arguments;
pub mod network;
pub mod ports;
pub mod storage;
pub mod wanted;

pub use arguments::Arguments;
pub use wanted::{Comparisons, Property};
