//! Services of a swarm: what the playbook asks for, as the Engine has it, and where the two differ.
//!
//! * [`arguments`](mod@arguments): the options of `docker_swarm_service`;
//! * [`field`]: what a service is made of, by the names under which the module returns it, and where the Engine has it;
//! * [`wanted`]: from options to fields.

pub mod arguments;
pub mod field;
pub mod wanted;

pub use arguments::Arguments;
pub use field::{Fields, differences, specification};
