//! The tests that templates know (`is ...`), by family.

/// Add them to the environment.
pub fn register(_env: &mut minijinja::Environment<'static>) {}
