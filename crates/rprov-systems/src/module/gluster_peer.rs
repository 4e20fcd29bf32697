//! `gluster_peer`: the hosts of a GlusterFS pool.

use crate::gluster::Gluster;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the hosts belong to the pool.
    pub enum State { Present = "present", Absent = "absent" }
}

arguments! {
    /// Attach hosts to a GlusterFS pool, or detach them.
    pub struct Arguments {
        /// Whether the hosts belong to the pool.
        state: State = State::Present,
        /// The hosts.
        nodes: Vec<String>,
        /// Detach hosts also if some host of the pool is down.
        force: bool = false,
    }
}

/// Attach or detach those that are not as they should be.
///
/// # Errors
/// The daemon does not run, or a host cannot be reached or is in use.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (gluster_peer) does not support check mode"));
    }
    if arguments.nodes.iter().any(String::is_empty) {
        return Err(Failure::new("nodes: one of them is empty"));
    }
    let gluster = Gluster::new(context);
    let changed = match arguments.state {
        State::Present => gluster.probe(&arguments.nodes)?,
        State::Absent => {
            let peers = gluster.peers()?;
            let there: Vec<String> =
                arguments.nodes.iter().filter(|node| peers.iter().any(|peer| peer.is(node))).cloned().collect();
            for node in &there {
                let mut words = vec!["peer", "detach", node.as_str()];
                words.extend(arguments.force.then_some("force"));
                gluster.ask(&words)?;
            }
            there
        }
    };
    let done = if arguments.state == State::Present { "attached" } else { "detached" };
    let message = if changed.is_empty() { String::new() } else { format!("{done}: {}", changed.join(", ")) };
    Ok(Outcome::new(!changed.is_empty()).with("msg", message))
}
