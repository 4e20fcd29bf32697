//! One playbook of a role's tests, run by the engine of this process.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::action::Library;
use crate::cli::exit::Exit;
use crate::cli::output::Output;
use crate::cli::stage::{Kept, Stage, surroundings};
use crate::cli::stop::Stop;
use crate::cli::tell::{display, tell};
use crate::config::{Config, Setting};
use crate::facts::FactCache;
use crate::inventory::Inventory;
use crate::playbook::Loader;
use crate::report::Sink;
use crate::report::default::DefaultOutput;
use crate::role_test::watch::{Seen, Watcher};
use crate::run::{Interrupt, Options, Run};
use crate::template::Scope;
use crate::vars::{Layer, VarMap};

/// What all steps of a role's test have in common.
pub(super) struct Steps<'a> {
    pub(super) config: &'a Arc<Config>,
    pub(super) options: &'a Options,
    pub(super) extra: &'a Arc<VarMap>,
    pub(super) inventory: &'a Inventory,
    pub(super) sources: &'a [String],
    /// The directory of roles in which the role is.
    pub(super) roles: &'a Path,
    pub(super) module_path: &'a [String],
    pub(super) interrupt: &'a Interrupt,
    pub(super) color: bool,
}

/// How a step went.
pub(super) struct Went {
    pub(super) exit: Exit,
    pub(super) seen: Seen,
    pub(super) took: Duration,
}

impl Steps<'_> {
    /// Run a playbook on the hosts.
    ///
    /// # Errors
    /// Mistakes in what is written.
    pub(super) async fn run(&self, playbook: &Path, check: bool) -> Result<Went, Stop> {
        let begin = Instant::now();
        let surroundings = surroundings(self.config);
        let library = Arc::new(Library::new(self.config, self.module_path));
        let mut roles = vec![self.roles.to_owned()];
        roles.extend(self.config.paths(Setting::RolesPath).iter().cloned());
        let scope = Scope::new(Arc::new(Layer(Arc::clone(self.extra))), Arc::new(surroundings.clone()));
        let collections = self.config.paths(Setting::CollectionsPath).to_vec();
        let mut loader = Loader::new(roles, collections, Arc::clone(&library), scope);
        let (loaded, warnings) = loader.playbook(playbook).map_err(Stop::written)?;
        tell(&warnings, self.color);
        let options = Options { check, ..self.options.clone() };
        let watcher = Watcher::default();
        let out = std::io::BufWriter::new(Output);
        let shown = DefaultOutput::new(display(self.config, &options), out, std::io::stderr());
        let sinks: Vec<Box<dyn Sink>> = vec![Box::new(shown), Box::new(watcher.clone())];
        let stage = Stage {
            config: Arc::clone(self.config),
            options,
            extra: Arc::clone(self.extra),
            inventory: self.inventory.clone(),
            cache: Arc::new(FactCache::open(self.config)?),
            sources: self.sources.to_vec(),
            library,
            directory: playbook.parent().unwrap_or(playbook).to_owned(),
            kept: Kept::new(self.config),
            live: false,
        };
        let shared = stage.share_until(sinks, self.interrupt.clone());
        let mut run = Run::new(Arc::clone(&shared), loader, surroundings);
        let outcome = run.playbooks(std::slice::from_ref(&loaded)).await;
        shared.reporter.finish();
        outcome?;
        Ok(Went { exit: Exit::of(&run), seen: watcher.seen(), took: begin.elapsed() })
    }
}
