//! The agent's process entry.
fn main() {}
