//! The facts of all hosts, in memory and, where the settings say so, in a place that outlives the run.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::jsonfile::JsonFiles;
use super::payload::{self, SCHEMA};
use super::redis::Database;
use crate::config::{Config, Origin, Setting};
use crate::source::Diagnostic;
use crate::vars::Facts;

/// Where facts are kept. All operations on a cache in memory do nothing: the run's own variables are that memory.
#[derive(Debug, Default)]
pub struct FactCache {
    place: Place,
    /// Facts by the names that modules gave them, of hosts that were asked for.
    known: Mutex<HashMap<Arc<str>, Facts>>,
}

#[derive(Debug, Default)]
enum Place {
    #[default]
    Memory,
    Files(JsonFiles),
    Redis(Box<Database>),
}

const PLUGINS: [&str; 3] = ["memory", "jsonfile", "redis"];

impl FactCache {
    /// Open the cache that the settings name.
    ///
    /// # Errors
    /// A kind of cache that there is not here, or one that cannot be used.
    pub fn open(config: &Config) -> Result<Self, Diagnostic> {
        let name = config.string(Setting::FactCaching).unwrap_or("memory");
        let short = name.rsplit('.').next().unwrap_or(name);
        let age = match config.int(Setting::FactCachingTimeout).and_then(|seconds| u64::try_from(seconds).ok()) {
            None | Some(0) => None,
            Some(seconds) => Some(Duration::from_secs(seconds)),
        };
        let text = |setting| config.string(setting).map(str::to_owned);
        let connection = config.string(Setting::FactCachingConnection).filter(|text| !text.is_empty());
        let needed = |what: &str| {
            Diagnostic::error(format!("the fact cache `{name}` needs `fact_caching_connection`"))
                .hint(format!("set it to {what}, under `[defaults]` or as `ANSIBLE_CACHE_PLUGIN_CONNECTION`"))
        };
        let place = match short {
            "memory" => Place::Memory,
            "jsonfile" => {
                let connection = connection.ok_or_else(|| needed("a directory that you may write to"))?;
                // The table's default is for databases: files have no prefix unless one is set.
                let prefix = match config.is_set(Setting::FactCachingPrefix) {
                    true => text(Setting::FactCachingPrefix).unwrap_or_default(),
                    false => String::new(),
                };
                Place::Files(JsonFiles::open(path(config, connection), prefix, age)?)
            }
            "redis" => {
                let connection = connection.ok_or_else(|| needed("HOST:PORT:DATABASE of a Redis server"))?;
                let prefix = text(Setting::FactCachingPrefix).unwrap_or_default();
                let keys = text(Setting::FactCachingRedisKeysetName).unwrap_or_default();
                Place::Redis(Box::new(Database::open(connection, prefix, keys, age)?))
            }
            _ => {
                let problem = Diagnostic::error(format!("Unable to load the facts cache plugin ({name})."))
                    .did_you_mean(short, PLUGINS)
                    .hint("`fact_caching` is `memory`, `jsonfile` or `redis`");
                return Err(match config.origin(Setting::FactCaching) {
                    Origin::File(span) => problem.at(*span),
                    _ => problem,
                });
            }
        };
        Ok(Self { place, known: Mutex::default() })
    }

    /// Whether facts outlive the run.
    pub fn is_persistent(&self) -> bool {
        !matches!(self.place, Place::Memory)
    }

    fn known(&self) -> MutexGuard<'_, HashMap<Arc<str>, Facts>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The facts that are kept of a host, by the names that modules gave them.
    ///
    /// # Errors
    /// What is kept cannot be read.
    pub fn get(&self, host: &str) -> Result<Option<Facts>, Diagnostic> {
        if !self.is_persistent() {
            return Ok(None);
        }
        if let Some(facts) = self.known().get(host) {
            return Ok(Some(facts.clone()));
        }
        let key = format!("{SCHEMA}{host}");
        let (text, place) = match &self.place {
            Place::Memory => return Ok(None),
            Place::Files(files) => (files.get(&key)?, files.place(&key)),
            Place::Redis(database) => (database.get(&key)?, database.place(&key)),
        };
        let Some(text) = text else { return Ok(None) };
        let facts = payload::read(&text).map_err(|problem| {
            Diagnostic::error(format!("the cached facts of `{host}` cannot be read"))
                .cause(format!("{place}: {problem}"))
                .hint("`--flush-cache` forgets what is cached")
        })?;
        self.known().insert(Arc::from(host), facts.clone());
        Ok(Some(facts))
    }

    /// Add facts to those of a host, and keep them.
    ///
    /// # Errors
    /// They cannot be kept.
    pub fn update(&self, host: &str, facts: Facts) -> Result<(), Diagnostic> {
        if !self.is_persistent() {
            return Ok(());
        }
        // What cannot be read is replaced.
        let mut all = self.get(host).ok().flatten().unwrap_or_default();
        all.extend(facts);
        let key = format!("{SCHEMA}{host}");
        let text = payload::write(&all).map_err(Diagnostic::from)?;
        self.known().insert(Arc::from(host), all);
        match &self.place {
            Place::Memory => Ok(()),
            Place::Files(files) => files.set(&key, &text),
            Place::Redis(database) => database.set(&key, &text),
        }
    }

    /// Forget the facts of a host.
    ///
    /// # Errors
    /// They cannot be removed.
    pub fn forget(&self, host: &str) -> Result<(), Diagnostic> {
        self.known().remove(host);
        let key = format!("{SCHEMA}{host}");
        match &self.place {
            Place::Memory => Ok(()),
            Place::Files(files) => files.remove(&key),
            Place::Redis(database) => database.remove(&key),
        }
    }
}

/// A directory of the settings: `~` and `$NAME` expanded, relative to the file that sets it.
fn path(config: &Config, text: &str) -> PathBuf {
    let path = rprov_modules::account::expand_path(text);
    let base = match config.origin(Setting::FactCachingConnection) {
        Origin::File(span) => span.file().path.parent().map(PathBuf::from).unwrap_or_default(),
        _ => PathBuf::new(),
    };
    let path = base.join(path);
    std::path::absolute(&path).unwrap_or(path)
}
