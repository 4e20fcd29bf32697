//! `set_stats`: numbers for the recap.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rprov_modules::argument::{Argument, Raw};
use rprov_modules::arguments;
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop, entries};
use super::set_fact::{is_name, no_name};
use crate::run::Effect;

arguments! {
    /// Define and display stats for the current ansible run.
    pub struct Arguments {
        /// The values.
        data: Map = Map::new(),
        /// Keep them apart for each host. What is no boolean says no.
        per_host: Raw = Raw(false.into()),
        /// Add to what is there, instead of replacing it. What is no boolean says no.
        aggregate: Raw = Raw(true.into()),
    }
}

/// `set_stats`
pub(super) struct SetStats;

#[async_trait]
impl Action for SetStats {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let data = call.value(&["data"]).map(entries).unwrap_or_default();
        let data: BTreeMap<String, _> = data.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        if let Some(name) = data.keys().find(|name| !is_name(name)) {
            return Err(no_name(name, call.task.arguments.spans.get("data").copied()));
        }
        let says = |value: &Raw| bool::decode(&value.0).unwrap_or(false);
        let (per_host, aggregate) = (says(&arguments.per_host), says(&arguments.aggregate));
        let mut stats = Map::new();
        stats.insert("data".into(), arguments.data.into());
        stats.insert("per_host".into(), per_host.into());
        stats.insert("aggregate".into(), aggregate.into());
        let effect = Effect::Stats { data, per_host, aggregate };
        Ok(Done::unchanged().with("ansible_stats", stats).and(effect))
    }
}
