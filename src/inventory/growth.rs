//! What a run adds to the inventory, which is added again when the sources are read anew.

use std::sync::Arc;

use super::model::Inventory;

/// One addition.
#[derive(Clone, Debug)]
pub enum Growth {
    /// `add_host`
    Host {
        /// Its name.
        name: Arc<str>,
        /// The groups that it joins.
        groups: Vec<String>,
    },
    /// `group_by`
    Member {
        /// The host.
        host: Arc<str>,
        /// The group that it joins.
        group: String,
        /// Groups that the group is in.
        parents: Vec<String>,
    },
}

impl Inventory {
    /// Add hosts and groups that a run made. [`Inventory::reconcile`] is called.
    pub fn grow<'a>(&mut self, additions: impl IntoIterator<Item = &'a Growth>) {
        for addition in additions {
            match addition {
                Growth::Host { name, groups } => {
                    if self.host(name).is_none_or(|host| host.implicit) {
                        // A new host stands in `all` itself, so it comes before those of the groups.
                        self.add_host_to_group(name, "all");
                    }
                    for group in groups {
                        self.add_host_to_group(name, group);
                    }
                }
                Growth::Member { host, group, parents } => {
                    // A host that is no longer there joins nothing.
                    if self.host(host).is_none() {
                        continue;
                    }
                    self.add_group(group);
                    for parent in parents {
                        // A parent that is a child of its own group is no parent.
                        let _ = self.add_child(parent, group);
                    }
                    self.add_host_to_group(host, group);
                }
            }
        }
        self.reconcile();
    }
}
