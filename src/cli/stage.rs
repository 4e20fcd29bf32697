//! What commands that run tasks set up before the first of them: extra variables, hosts, and what the hosts of a run
//! share.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use super::exit::Exit;
use super::extra;
use super::flags::InventoryFlags;
use super::stop::Stop;
use super::tell::{logged, say, tell};
use crate::action::Library;
use crate::config::{Config, Setting};
use crate::connection::AgentStore;
use crate::facts::FactCache;
use crate::inventory::{Broken, Inventory, Pattern};
use crate::playbook::Loader;
use crate::report::{Reporter, Sink};
use crate::run::{Connections, Interrupt, Options, Shared};
use crate::source::Diagnostic;
use crate::template::{Scope, Surroundings, Untrusted};
use crate::throwaway::ThrowawayHost;
use crate::vars::{HostStore, InventoryLayers, Layer, RunFacts, VarMap};

/// The variables of `-e`.
pub(super) fn extra_variables(given: &[String], config: &Config, color: bool) -> Result<Arc<VarMap>, Stop> {
    let (extra, warnings) = extra::variables(given, config.vault())?;
    tell(&warnings, color);
    Ok(Arc::new(extra))
}

/// What templates see of the settings.
pub(super) fn surroundings(config: &Config) -> Surroundings {
    let value = |setting| crate::template::from_json(&config.value(setting).to_json());
    Surroundings {
        settings: Setting::all().map(|setting| (setting.name().to_owned(), value(setting))).collect(),
        vault: Arc::clone(config.vault()),
        untrusted: match config.string(Setting::TemplarUntrustedTemplateBehavior) {
            Some("fail") => Untrusted::Refused,
            Some("warning") => Untrusted::Told(|text| say(&format!("[WARNING]: {text}"))),
            _ => Untrusted::Text,
        },
        ..Surroundings::default()
    }
}

/// What loads playbooks, roles and tasks.
pub(super) fn loader(
    config: &Config,
    library: Arc<Library>,
    extra: &Arc<VarMap>,
    surroundings: &Surroundings,
) -> Loader {
    Loader::new(
        config.paths(Setting::RolesPath).to_vec(),
        config.paths(Setting::CollectionsPath).to_vec(),
        library,
        Scope::new(Arc::new(Layer(Arc::clone(extra))), Arc::new(surroundings.clone())),
    )
}

/// Do what waits for hosts, on a runtime of its own.
pub(super) fn block_on(work: impl Future<Output = Result<Exit, Stop>>) -> Result<Exit, Stop> {
    let runtime = runtime()?;
    let outcome = runtime.block_on(work);
    // What still runs in the background (a closing connection) is not waited for.
    runtime.shutdown_background();
    outcome
}

/// A runtime for what waits for hosts.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Stop> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Stop::new(vec![Diagnostic::error(format!("cannot start: {error}"))], Exit::Unexpected))
}

/// The hosts that there are.
pub(super) struct Hosts {
    /// All of them.
    pub(super) inventory: Inventory,
    /// Facts of theirs that earlier runs have left.
    pub(super) cache: Arc<FactCache>,
    /// Where they were read from.
    pub(super) sources: Vec<String>,
    /// Throw-away hosts, which end with this.
    pub(super) served: Vec<ThrowawayHost>,
}

impl Hosts {
    /// Read the inventory.
    pub(super) fn read(
        flags: &InventoryFlags,
        config: &Config,
        extra: &VarMap,
        broken: Broken,
        color: bool,
    ) -> Result<Self, Stop> {
        let sources = sources(flags, config);
        let cache = Arc::new(FactCache::open(config)?);
        let (inventory, warnings) = Inventory::read(&sources, config, extra, &cache, broken)
            .map_err(|problems| Stop::new(problems, Exit::Error))?;
        tell(&warnings, color);
        if inventory.nothing_read && config.bool(Setting::InventoryUnparsedWarning) {
            say("[WARNING]: No inventory was parsed, only implicit localhost is available");
        }
        Ok(Self { inventory, cache, sources, served: Vec::new() })
    }

    /// Read the inventory, and start the throw-away hosts in it. A limit that leaves none is refused.
    pub(super) fn load(flags: &InventoryFlags, config: &Config, extra: &VarMap, color: bool) -> Result<Self, Stop> {
        let mut hosts = Self::read(flags, config, extra, Broken::Refused, color)?;
        check_limit(&hosts.inventory, config, flags.limit.as_deref())?;
        if flags.flush_cache {
            hosts.flush_cache()?;
        }
        hosts.served = crate::throwaway::serve(&mut hosts.inventory)?;
        Ok(hosts)
    }

    /// Forget the facts that earlier runs have left.
    pub(super) fn flush_cache(&self) -> Result<(), Stop> {
        for host in self.inventory.hosts() {
            self.cache.forget(&host.name)?;
        }
        // It is there without being in the inventory.
        self.cache.forget("localhost")?;
        Ok(())
    }
}

fn sources(flags: &InventoryFlags, config: &Config) -> Vec<String> {
    if !flags.inventory.is_empty() {
        return flags.inventory.clone();
    }
    // That there is none at the default place is not worth a word.
    let set = config.is_set(Setting::Inventory);
    let paths = config.paths(Setting::Inventory).iter().filter(|path| set || path.exists());
    paths.map(|path| path.display().to_string()).collect()
}

/// Refuse a `--limit` that leaves nothing of an inventory that has hosts.
fn check_limit(inventory: &Inventory, config: &Config, limit: Option<&str>) -> Result<(), Stop> {
    let Some(limit) = limit else { return Ok(()) };
    let mut inventory = inventory.clone();
    let any = inventory.hosts().next().is_some();
    let (hosts, warnings) = Pattern::limit(limit)?.hosts(&mut inventory, config, None)?;
    if !any || !hosts.is_empty() {
        return Ok(());
    }
    let mut problems = warnings;
    problems.push(no_hosts_left());
    Err(Stop::new(problems, Exit::Error))
}

/// The hosts of a pattern within a limit. That there are none is told.
pub(super) fn matching(
    inventory: &Inventory,
    config: &Config,
    pattern: &str,
    limit: Option<&str>,
    color: bool,
) -> Result<Vec<Arc<str>>, Stop> {
    let mut inventory = inventory.clone();
    let (any, _) = Pattern::parse("all").hosts(&mut inventory, config, None)?;
    if any.is_empty() && config.bool(Setting::LocalhostWarning) && !Inventory::is_localhost(pattern) {
        say(
            "[WARNING]: provided hosts list is empty, only localhost is available. Note that the implicit localhost does \
             not match 'all'",
        );
    }
    let (mut hosts, mut notes) = Pattern::parse(pattern).hosts(&mut inventory, config, None)?;
    if let Some(limit) = limit {
        let limit = Pattern::limit(limit)?;
        let (limited, more) = limit.hosts(&mut inventory, config, None)?;
        hosts.retain(|host| limited.contains(host));
        notes.extend(more);
        if hosts.is_empty() && !any.is_empty() {
            notes.push(no_hosts_left());
            return Err(Stop::new(notes, Exit::Error));
        }
    }
    tell(&notes, color);
    if hosts.is_empty() && !any.is_empty() {
        say("[WARNING]: No hosts matched, nothing to do");
    }
    Ok(hosts)
}

/// What is told where the limit leaves no hosts.
pub(super) fn no_hosts_left() -> Diagnostic {
    Diagnostic::error("Specified inventory, host pattern and/or --limit leaves us with no hosts to target.")
        .hint("`--list-hosts` without `-l` shows the hosts that there are")
}

/// What may outlive a run.
#[derive(Clone)]
pub(super) struct Kept {
    /// Open connections.
    pub(super) connections: Arc<Connections>,
    /// The hosts' variables.
    hosts: Arc<HostStore>,
    /// What the inventory and tasks say of hosts.
    layers: Arc<InventoryLayers>,
}

impl Kept {
    /// Nothing yet.
    pub(super) fn new(config: &Arc<Config>) -> Self {
        Self {
            connections: Arc::new(Connections::new(AgentStore::new())),
            hosts: Arc::default(),
            layers: Arc::new(InventoryLayers::new(Arc::clone(config))),
        }
    }
}

/// What the hosts of a run share.
pub(super) struct Stage {
    pub(super) config: Arc<Config>,
    pub(super) options: Options,
    pub(super) extra: Arc<VarMap>,
    pub(super) inventory: Inventory,
    pub(super) cache: Arc<FactCache>,
    pub(super) sources: Vec<String>,
    /// Modules of the user's own.
    pub(super) library: Arc<Library>,
    /// Directory of the first playbook, or what stands in for it.
    pub(super) directory: PathBuf,
    /// What earlier runs have left, and later ones will find.
    pub(super) kept: Kept,
    /// Somebody watches what commands print while they run.
    pub(super) live: bool,
}

impl Stage {
    /// Put it together; events go to these readers. Ctrl-C is watched as long as the second value is kept.
    pub(super) fn share(self, sinks: Vec<Box<dyn Sink>>) -> (Arc<Shared>, Watch) {
        let shared = self.share_until(sinks, Interrupt::default());
        let watch = watch_interrupt(&shared);
        (shared, watch)
    }

    /// The same, where somebody else watches for Ctrl-C.
    pub(super) fn share_until(self, mut sinks: Vec<Box<dyn Sink>>, interrupt: Interrupt) -> Arc<Shared> {
        sinks.extend(crate::report::log::sink(logged(&self.config, &self.options)));
        let options = self.options;
        let facts = RunFacts {
            inventory: ArcSwap::from_pointee(self.inventory),
            hosts: self.kept.hosts,
            layers: self.kept.layers,
            extra: self.extra,
            check: options.check,
            diff: options.diff,
            forks: options.forks,
            verbosity: options.verbosity,
            limit: options.limit.clone(),
            tags: options.tags.clone(),
            skip_tags: options.skip_tags.clone(),
            config_file: self.config.path().map(Path::to_owned),
            inventory_sources: self.sources,
            inject_facts: self.config.bool(Setting::InjectFactsAsVars),
            cache: self.cache,
            grown: Mutex::default(),
            merge: self.config.string(Setting::HashBehaviour) == Some("merge"),
        };
        Arc::new(Shared {
            options,
            config: self.config,
            facts: Arc::new(facts),
            library: self.library,
            connections: self.kept.connections,
            reporter: Reporter::start(sinks),
            interrupt,
            live: self.live,
            directory: self.directory,
        })
    }
}

/// Watches for Ctrl-C until it is dropped.
pub(super) struct Watch(Vec<tokio::task::JoinHandle<()>>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.iter().for_each(tokio::task::JoinHandle::abort);
    }
}

/// Ctrl-C (or SIGTERM) once ends the run in order; a second time it ends at once.
fn watch_interrupt(shared: &Arc<Shared>) -> Watch {
    use tokio::signal::unix::{SignalKind, signal};
    let mut tasks = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        // Where signals cannot be watched, they end the program as they always do.
        let Ok(mut signals) = signal(kind) else { continue };
        let shared = Arc::clone(shared);
        tasks.push(tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if shared.press_interrupt() >= 2 {
                    std::process::exit(99);
                }
            }
        }));
    }
    Watch(tasks)
}
