//! Lookups (`lookup`, `query`, `q`), one file per source of data.

/// Add them to the environment.
pub fn register(_env: &mut minijinja::Environment<'static>) {}
