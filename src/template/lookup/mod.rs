//! lookups
/// x
pub fn register(_env: &mut minijinja::Environment<'static>) {}
