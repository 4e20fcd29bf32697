//! The filters that templates know, by family.

/// Add them to the environment.
pub fn register(_env: &mut minijinja::Environment<'static>) {}
