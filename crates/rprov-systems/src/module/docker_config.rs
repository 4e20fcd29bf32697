//! `docker_config`: configs of a Docker swarm.

use std::path::PathBuf;

use rprov_wire::Map;

use crate::docker::deposit::{self, Kind, Wanted};
use crate::docker::option::texts;
use crate::docker::{Connection, Engine, swarm};
use rprov_modules::argument::Rule;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a config.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// What fills in a config's templates.
    pub enum TemplateDriver { Golang = "golang" }
}

arguments! {
    /// Manage Docker configs.
    pub struct Arguments + Connection {
        /// Name of the config.
        name: String,
        /// The config itself.
        data: Option<String>,
        /// `data` is Base64.
        data_is_b64: bool = false,
        /// File on the host with the config.
        data_src: Option<PathBuf>,
        /// Labels.
        labels: Option<Map>,
        /// Make it anew even if nothing has changed.
        force: bool = false,
        /// Make a new version with a name of its own, instead of replacing the config.
        rolling_versions: bool = false,
        /// Versions to keep; -1 for all.
        versions_to_keep: i64 = 5,
        /// What fills in its templates.
        template_driver: Option<TemplateDriver>,
        /// Whether it is to be there.
        state: State = State::Present,
    }
    rules: [Rule::Exclusive(&["data", "data_src"]), Rule::IfAny("state", "present", &["data", "data_src"])]
}

/// Bring the config to its state.
///
/// # Errors
/// The Engine cannot be reached, is no manager, or refuses: the config is in use.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let wanted = Wanted {
        kind: Kind::Config,
        name: &arguments.name,
        labels: arguments.labels.as_ref().map(texts),
        template_driver: arguments.template_driver.map(TemplateDriver::word),
        force: arguments.force,
        rolling: arguments.rolling_versions,
        keep: arguments.versions_to_keep,
    };
    swarm::require_manager(&engine)?;
    if arguments.state == State::Absent {
        return wanted.remove(&engine, context);
    }
    let text = arguments.data.as_deref();
    wanted.hold(&deposit::data(text, arguments.data_is_b64, arguments.data_src.as_deref())?, &engine, context)
}
