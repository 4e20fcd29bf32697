//! `gather_facts`: the facts of the host, by the `setup` module.

use async_trait::async_trait;
use rprov_modules::arguments;

use super::call::{Action, Call, Done, Stop};

arguments! {
    /// Gathers facts about remote hosts.
    pub struct Arguments {
        /// Which facts.
        gather_subset: Vec<String> = vec!["all".to_owned()],
        /// Seconds that one group of facts may take.
        gather_timeout: i64 = 10,
        /// Which facts to return, by shell patterns.
        filter: Vec<String> = Vec::new(),
        /// Directory of local facts.
        fact_path: Option<String>,
        /// Accepted for Ansible's sake: there is one fact module, so there is nothing to run side by side.
        parallel: Option<bool>,
    }
}

/// `gather_facts`
pub(super) struct GatherFacts;

#[async_trait]
impl Action for GatherFacts {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let _: Arguments = call.decode()?;
        if call.task.implicit && call.shared.options.gathering == "smart" && !call.host.facts.is_empty() {
            return Ok(Done::unchanged());
        }
        let mut arguments = call.arguments.clone();
        arguments.shift_remove("parallel");
        Ok(Done::new(call.module("setup", arguments, Vec::new()).await?))
    }
}
