//! `group_by`: groups made from facts.

use async_trait::async_trait;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};
use crate::run::Effect;

arguments! {
    /// Create Ansible groups based on facts.
    pub struct Arguments {
        /// Name of the group.
        key: String,
        /// Groups that it belongs to.
        parents: Vec<String> = vec!["all".to_owned()],
    }
}

/// `group_by`
pub(super) struct GroupBy;

#[async_trait]
impl Action for GroupBy {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let group = arguments.key.replace(' ', "-");
        let parents: Vec<String> = arguments.parents.iter().map(|parent| parent.replace(' ', "-")).collect();
        let inventory = call.shared.facts.inventory.load();
        let changed = !crate::vars::group_names(&inventory, &call.host.name).iter().any(|known| **known == *group);
        let mut done = Done::unchanged();
        done.result.insert("changed".into(), changed.into());
        done.result.insert("add_group".into(), group.as_str().into());
        done.result.insert("parent_groups".into(), parents.clone().into());
        Ok(done.and(Effect::GroupBy { group, parents }))
    }
}
