//! `docker_secret`: secrets of a Docker swarm.

use std::path::PathBuf;

use rprov_wire::Map;

use crate::docker::deposit::{self, Kind, Wanted};
use crate::docker::option::texts;
use crate::docker::{Connection, Engine, swarm};
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a secret.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Manage Docker secrets.
    pub struct Arguments + Connection {
        /// Name of the secret.
        name: String,
        /// The secret itself.
        data: Option<Secret>,
        /// `data` is Base64.
        data_is_b64: bool = false,
        /// File on the host with the secret.
        data_src: Option<PathBuf>,
        /// Labels.
        labels: Option<Map>,
        /// Make it anew even if nothing has changed.
        force: bool = false,
        /// Make a new version with a name of its own, instead of replacing the secret.
        rolling_versions: bool = false,
        /// Versions to keep; -1 for all.
        versions_to_keep: i64 = 5,
        /// Whether it is to be there.
        state: State = State::Present,
    }
    rules: [Rule::Exclusive(&["data", "data_src"]), Rule::IfAny("state", "present", &["data", "data_src"])]
}

/// Bring the secret to its state.
///
/// # Errors
/// The Engine cannot be reached, is no manager, or refuses: the secret is in use.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let wanted = Wanted {
        kind: Kind::Secret,
        name: &arguments.name,
        labels: arguments.labels.as_ref().map(texts),
        template_driver: None,
        force: arguments.force,
        rolling: arguments.rolling_versions,
        keep: arguments.versions_to_keep,
    };
    swarm::require_manager(&engine)?;
    if arguments.state == State::Absent {
        return wanted.remove(&engine, context);
    }
    let text = arguments.data.as_ref().map(Secret::expose);
    wanted.hold(&deposit::data(text, arguments.data_is_b64, arguments.data_src.as_deref())?, &engine, context)
}
