//! Templates: what a human wrote, rendered against the variables of whoever reads it.

pub mod filter;
pub mod lookup;
pub mod test;
