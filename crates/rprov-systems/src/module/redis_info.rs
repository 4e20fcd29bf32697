//! `redis_info`: what a Redis server tells of itself.

use crate::redis::{Login, report};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Gather information about a Redis server.
    pub struct Arguments + Login {
        /// Speak TLS.
        tls: bool = false,
        /// Ask for the state of the cluster, too.
        cluster: bool = false,
    }
}

/// Ask the server.
///
/// # Errors
/// The server cannot be reached, or is in no cluster though that is asked for.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut client = arguments.attributes.connect(arguments.tls, context)?;
    let info = client.text(&["INFO"])?.unwrap_or_default();
    let outcome = Outcome::unchanged().with("info", report::read(&info));
    if !arguments.cluster {
        return Ok(outcome);
    }
    let cluster = client.text(&["CLUSTER", "INFO"])?.unwrap_or_default();
    // The documentation names one, the reference gives the other.
    Ok(outcome.with("cluster", report::read(&cluster)).with("cluster_info", report::read_plain(&cluster)))
}
