//! `gluster_heal_info`: how far healing or rebalancing of a GlusterFS volume is.

use rprov_wire::Value;

use crate::gluster::{Gluster, answer};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// What to look at.
    pub enum Filter { SelfHeal = "self-heal", Rebalance = "rebalance" }
}

arguments! {
    /// Tell how far healing or rebalancing of a GlusterFS volume is.
    pub struct Arguments {
        /// Name of the volume.
        name | volume: String,
        /// What to look at.
        status_filter: Filter = Filter::SelfHeal,
    }
}

/// Look.
///
/// # Errors
/// The daemon does not run, or there is no such volume.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let gluster = Gluster::new(context);
    let name = arguments.name.as_str();
    let empty = || Value::from("");
    let (heal, rebalance) = match arguments.status_filter {
        Filter::SelfHeal => {
            let heals = answer::heals(&gluster.ask(&["volume", "heal", name, "info"])?)?;
            let entry = |heal: answer::Heal| {
                let fields = [("brick", heal.brick), ("status", heal.status), ("no_of_entries", heal.entries)];
                fields.into_iter().collect::<Value>()
            };
            (Value::List(heals.into_iter().map(entry).collect()), empty())
        }
        Filter::Rebalance => {
            let nodes = answer::rebalances(&gluster.ask(&["volume", "rebalance", name, "status"])?)?;
            let entry = |node: answer::Rebalance| {
                let fields = [
                    ("node", node.node),
                    ("rebalanced_files", node.files),
                    ("failures", node.failures),
                    ("status", node.status),
                ];
                fields.into_iter().collect::<Value>()
            };
            (empty(), Value::List(nodes.into_iter().map(entry).collect()))
        }
    };
    let facts: [(&str, Value); 4] = [
        ("volume", name.into()),
        ("status_filter", arguments.status_filter.word().into()),
        ("heal_info", heal),
        ("rebalance", rebalance),
    ];
    Ok(Outcome::unchanged().with("glusterfs", Value::from_iter(facts)))
}
