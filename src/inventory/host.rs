//! One host of the inventory.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::yaml::Node;

/// A host and what its sources say of it alone.
#[derive(Clone, Debug)]
pub struct Host {
    /// Its name in the inventory.
    pub name: Arc<str>,
    /// Its own variables, as they were written.
    pub vars: IndexMap<Arc<str>, Node>,
    /// Groups that name it directly, in the order in which they did.
    pub groups: Vec<Arc<str>>,
    /// Whether no source names it: the `localhost` that is always there. It is not part of `all`.
    pub implicit: bool,
    /// The source that named it first (`inventory_file`), if that is a file.
    pub source: Option<PathBuf>,
}

impl Host {
    /// A host without variables.
    pub fn new(name: &str) -> Self {
        Self { name: Arc::from(name), vars: IndexMap::new(), groups: Vec::new(), implicit: false, source: None }
    }
}
