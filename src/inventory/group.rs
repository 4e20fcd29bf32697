//! One group of the inventory.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::yaml::Node;

/// A group and what its sources say of it alone.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name.
    pub name: Arc<str>,
    /// Its own variables, as they were written.
    pub vars: IndexMap<Arc<str>, Node>,
    /// Groups in it, in the order in which they were named.
    pub children: Vec<Arc<str>>,
    /// Groups that it is in.
    pub parents: Vec<Arc<str>>,
    /// Hosts that it names directly.
    pub hosts: Vec<Arc<str>>,
    /// The longest way from `all`, which has depth 0: variables of deeper groups win.
    pub depth: usize,
    /// `ansible_group_priority`: of groups of one depth, the higher one wins.
    pub priority: i64,
}

impl Group {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: Arc::from(name),
            vars: IndexMap::new(),
            children: Vec::new(),
            parents: Vec::new(),
            hosts: Vec::new(),
            depth: 0,
            priority: 1,
        }
    }
}
