//! Containers: what the playbook asks for, as the Engine has it, and where the two differ.
//!
//! * [`arguments`](mod@arguments): the options of `docker_container`;
//! * [`property`]: one of them as the Engine has it; [`comparisons`](mod@comparisons): how it is compared;
//! * [`wanted`]: from options to properties of the Engine's container;
//! * [`ports`], [`storage`], [`network`]: the options that have a notation of their own.

pub mod arguments;
pub mod comparisons;
pub mod network;
pub mod ports;
pub mod property;
pub mod storage;
pub mod wanted;

pub use arguments::Arguments;
pub use comparisons::Comparisons;
pub use property::{Difference, Property};
