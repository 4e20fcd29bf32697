//! `set_stats`: numbers for the recap.

use async_trait::async_trait;
use rprov_modules::arguments;
use rprov_wire::Map;

use super::call::{Action, Call, Done, Stop, entries};
use crate::run::Effect;

arguments! {
    /// Define and display stats for the current ansible run.
    pub struct Arguments {
        /// The values.
        data: Map,
        /// Keep them apart for each host.
        per_host: bool = false,
        /// Add to what is there, instead of replacing it.
        aggregate: bool = true,
    }
}

/// `set_stats`
pub(super) struct SetStats;

#[async_trait]
impl Action for SetStats {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let data = call.value(&["data"]).map(entries).unwrap_or_default();
        let data = data.into_iter().map(|(name, value)| (name.to_string(), value)).collect();
        let mut stats = Map::new();
        stats.insert("data".into(), arguments.data.into());
        stats.insert("per_host".into(), arguments.per_host.into());
        stats.insert("aggregate".into(), arguments.aggregate.into());
        let effect = Effect::Stats { data, per_host: arguments.per_host, aggregate: arguments.aggregate };
        Ok(Done::unchanged().with("ansible_stats", stats).and(effect))
    }
}
