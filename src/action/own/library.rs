//! Which action or module a name means.
//!
//! Order of precedence, as observed on ansible-core 2.19 (`tests/golden/own_precedence`): the collections that the
//! `collections` keyword names; `library/` beside the playbook and in roles, in the order in which they were loaded;
//! `--module-path`; the setting `library`; what is built in. Actions that have a part on the controller (`copy`, `debug`)
//! are never replaced, and `ansible.builtin.NAME` always means what is built in.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::collection::{Collections, Routed};
use super::module::OwnModule;
use super::{installation, plugin};
use crate::action::registry::{self, Called, Known, OnHost};
use crate::config::{Config, Setting, path_list};

/// Endings of files that are no modules, by ansible-core's documentation (`MODULE_IGNORE_EXTS`, and what it never loads).
const IGNORED: [&str; 14] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".yaml", ".yml", ".ini", ".orig", ".cfg"];

/// Actions that choose a module themselves: they are not replaced by one of their name.
const CHOOSING: [&str; 2] = ["package", "shell"];

/// What a name was found to mean.
#[derive(Clone, Debug, Default)]
pub struct Resolution {
    /// What is called; `None` where there is nothing of that name.
    pub called: Option<Called>,
    /// What is to be told about it.
    pub warnings: Vec<String>,
    /// The same, of names that will go.
    pub deprecations: Vec<String>,
    /// Why it is nothing, where that is known.
    pub reason: Option<String>,
}

/// Looks up the actions and modules of a run.
#[derive(Default)]
pub struct Library {
    configured: Vec<PathBuf>,
    action_paths: Vec<PathBuf>,
    utility_paths: Vec<PathBuf>,
    collections: Collections,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The playbook's directory and those of roles, in the order in which they were loaded.
    bases: Vec<PathBuf>,
    /// The modules of a directory, by name.
    listings: HashMap<PathBuf, Arc<HashMap<String, PathBuf>>>,
    /// What was found, by name and `collections`.
    found: HashMap<(String, Vec<String>), Resolution>,
    /// The modules that were found, by file.
    modules: HashMap<PathBuf, Called>,
}

impl std::fmt::Debug for Library {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Library").field("configured", &self.configured).finish_non_exhaustive()
    }
}

impl Library {
    /// The library that the settings and `--module-path` tell of.
    pub fn new(config: &Config, module_path: &[String]) -> Self {
        let mut configured: Vec<PathBuf> = path_list(module_path).collect();
        configured.extend(config.paths(Setting::Library).iter().cloned());
        Self {
            configured,
            action_paths: config.paths(Setting::ActionPluginPath).to_vec(),
            utility_paths: config.paths(Setting::ModuleUtilsPath).to_vec(),
            collections: Collections::new(config.paths(Setting::CollectionsPath).to_vec()),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on, look beside a playbook as well.
    pub fn add_playbook(&self, directory: &Path) {
        self.collections.add(&directory.join("collections"));
        self.add_role(directory);
    }

    /// From now on, look in a role as well.
    pub fn add_role(&self, base: &Path) {
        let mut state = self.state();
        if state.bases.iter().any(|known| known == base) {
            return;
        }
        state.bases.push(base.to_owned());
        // What was not there may be there now.
        if ["library", "action_plugins", "collections"].iter().any(|name| base.join(name).is_dir()) {
            state.found.clear();
        }
    }

    /// The directories of the playbook and the roles that are called `name`, then those of the settings.
    fn directories(&self, name: &str, configured: &[PathBuf]) -> Vec<PathBuf> {
        let beside = self.state().bases.iter().map(|base| base.join(name)).collect::<Vec<_>>();
        beside.into_iter().chain(configured.iter().cloned()).collect()
    }

    /// Directories with Python code for modules, in order.
    pub(super) fn utilities(&self) -> Vec<PathBuf> {
        self.directories("module_utils", &self.utility_paths)
    }

    /// Installed collections.
    pub(super) fn collections(&self) -> &Collections {
        &self.collections
    }

    /// What a name means where `collections` are in force.
    pub fn resolve(self: &Arc<Self>, name: &str, collections: &[String]) -> Resolution {
        let key = (name.to_owned(), collections.to_vec());
        if let Some(known) = self.state().found.get(&key) {
            return known.clone();
        }
        let found = self.look_up(name, collections);
        self.state().found.insert(key, found.clone());
        found
    }

    fn look_up(self: &Arc<Self>, name: &str, collections: &[String]) -> Resolution {
        let built_in = |name: &str| Resolution { called: registry::find(name).cloned(), ..Resolution::default() };
        let parts: Vec<&str> = name.split('.').collect();
        match parts.as_slice() {
            [_] => {
                for collection in collections {
                    let found = match collection.as_str() {
                        "ansible.builtin" => built_in(&format!("{collection}.{name}")),
                        "ansible.legacy" => self.legacy(name),
                        _ => self.in_collection(&format!("{collection}.{name}")),
                    };
                    if found.called.is_some() || found.reason.is_some() {
                        return found;
                    }
                }
                self.legacy(name)
            }
            ["ansible", "builtin", _] => built_in(name),
            ["ansible", "legacy", short] => self.legacy(short),
            [_, _, ..] => self.in_collection(name),
            [] => Resolution::default(),
        }
    }

    /// A name without a collection.
    fn legacy(self: &Arc<Self>, name: &str) -> Resolution {
        let mut found = Resolution { called: registry::find(name).cloned(), ..Resolution::default() };
        let fixed = found
            .called
            .as_ref()
            .is_some_and(|known| known.action.is_some() || known.module.is_none() || CHOOSING.contains(&&*known.short));
        if let Some(file) = self
            .directories("action_plugins", &self.action_paths)
            .iter()
            .find_map(|directory| Some(directory.join(format!("{name}.py"))).filter(|file| file.is_file()))
        {
            match &found.called {
                Some(known) => found.warnings.push(format!(
                    "the action plugin {} is in Python and is not used: rprov does what is built in as `{}`",
                    file.display(),
                    known.full_name()
                )),
                _ => found.called = Some(plugin::action(name, "ansible.legacy", file)),
            }
            return found;
        }
        if fixed {
            return found;
        }
        for directory in self.directories("library", &self.configured) {
            let listing = self.listing(&directory);
            if let Some(file) = listing.get(name) {
                found.called = Some(self.module("ansible.legacy", name, file));
                return found;
            }
            if let Some(file) = listing.get(&format!("_{name}")) {
                found.called = Some(self.module("ansible.legacy", name, file));
                found.deprecations.push(format!(
                    "the module '{name}' is called '_{name}' ({}), which marks it as one that will go",
                    file.display()
                ));
                return found;
            }
        }
        found
    }

    /// A name with its collection.
    fn in_collection(self: &Arc<Self>, name: &str) -> Resolution {
        let mut resolution = Resolution::default();
        let mut name = name.to_owned();
        // A redirection may lead to another.
        for _ in 0..8 {
            if let Some(known) = registry::find(&name) {
                resolution.called = Some(Arc::clone(known));
                return resolution;
            }
            match self.collections.route(&name) {
                Routed::Elsewhere(target) => name = target,
                Routed::Gone(reason) => {
                    resolution.reason = Some(reason);
                    return resolution;
                }
                Routed::Here { deprecation } => {
                    resolution.deprecations.extend(deprecation);
                    resolution.called = self.of_collection(&name);
                    return resolution;
                }
            }
            if let Some(short) = name.strip_prefix("ansible.legacy.") {
                return self.legacy(short);
            }
        }
        resolution.reason = Some(format!("the redirections of '{name}' lead in a circle"));
        resolution
    }

    fn of_collection(self: &Arc<Self>, name: &str) -> Option<Called> {
        let (collection, rest) = split(name)?;
        let inside = rest.replace('.', "/");
        let (below, last) = inside.rsplit_once('/').unwrap_or(("", &inside));
        for root in self.roots(collection) {
            let plugins = root.join("plugins");
            let action = plugins.join("action").join(format!("{inside}.py"));
            if action.is_file() {
                return Some(plugin::action(rest, collection, action));
            }
            if let Some(file) = self.listing(&plugins.join("modules").join(below)).get(last) {
                return Some(self.module(collection, rest, file));
            }
        }
        None
    }

    /// The directories of a collection; those of an installed Ansible come last, and only where there are no others.
    fn roots(&self, collection: &str) -> Vec<PathBuf> {
        let roots = self.collections.roots(collection);
        if !roots.is_empty() {
            return roots;
        }
        let installed = installation::find().ok().and_then(|ansible| ansible.collection(collection));
        installed.into_iter().collect()
    }

    /// The modules of a directory by their names.
    fn listing(&self, directory: &Path) -> Arc<HashMap<String, PathBuf>> {
        if let Some(known) = self.state().listings.get(directory) {
            return Arc::clone(known);
        }
        let mut files: Vec<(String, PathBuf)> = std::fs::read_dir(directory)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Some((entry.file_name().into_string().ok()?, entry.path())))
            .filter(|(name, path)| !IGNORED.iter().any(|ending| name.ends_with(ending)) && path.is_file())
            .collect();
        // Of several, the one without an ending is meant, then Python's, then the first by name.
        files.sort_by_key(|(name, _)| (name.contains('.'), !name.ends_with(".py"), name.clone()));
        let mut listing = HashMap::new();
        for (name, path) in files {
            let stem = name.rsplit_once('.').map_or(name.as_str(), |(stem, _)| stem);
            if !stem.is_empty() && stem != "__init__" {
                listing.entry(stem.to_owned()).or_insert(path);
            }
        }
        let listing = Arc::new(listing);
        self.state().listings.insert(directory.to_owned(), Arc::clone(&listing));
        listing
    }

    fn module(self: &Arc<Self>, collection: &str, name: &str, file: &Path) -> Called {
        if let Some(known) = self.state().modules.get(file) {
            return Arc::clone(known);
        }
        let module = OwnModule::new(format!("{collection}.{name}"), file, Arc::downgrade(self));
        let known = Arc::new(Known {
            short: name.to_owned().into(),
            collection: collection.to_owned().into(),
            spec: plugin::OPEN,
            free_form: None,
            free_text: false,
            action: None,
            module: Some(OnHost::Own(Arc::new(module))),
            file: Some(file.to_owned()),
        });
        self.state().modules.insert(file.to_owned(), Arc::clone(&known));
        known
    }

    /// What to say of a filter or test that there is not, where the user has such plug-ins.
    pub fn plugin_hint(&self, message: &str) -> Option<String> {
        let kind = ["filter", "test"].into_iter().find(|kind| message.contains(&format!("No {kind} named")))?;
        let directories = self.directories(&format!("{kind}_plugins"), &[]);
        let directory = directories.iter().find(|directory| directory.is_dir())?;
        Some(format!(
            "what {} has is Python, which rprov cannot run: it has no Python on the controller; the filters and tests \
             that are built in are listed by `rprov doc -t {kind} -l`",
            directory.display()
        ))
    }

    /// The full names of the modules of a group (`group/NAMESPACE.COLLECTION.NAME`), if a collection declares it.
    pub fn group(&self, name: &str) -> Option<Vec<String>> {
        self.collections.group(name)
    }

    /// The modules that stand in `library/` directories, for did-you-mean.
    pub fn names(&self) -> Vec<String> {
        let directories = self.directories("library", &self.configured);
        directories.iter().flat_map(|directory| self.listing(directory).keys().cloned().collect::<Vec<_>>()).collect()
    }
}

/// `NAMESPACE.COLLECTION` and what follows.
pub(super) fn split(name: &str) -> Option<(&str, &str)> {
    let dot = name.match_indices('.').nth(1)?.0;
    Some((name.get(..dot)?, name.get(dot + 1..)?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn place(root: &Path, files: &[&str]) {
        for file in files {
            let path = root.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "#!/bin/sh\n").unwrap();
        }
    }

    /// The file that a name leads to, below `root`; what is built in has none.
    fn found(library: &Arc<Library>, root: &Path, name: &str, collections: &[&str]) -> Option<String> {
        let collections: Vec<String> = collections.iter().map(|name| (*name).to_owned()).collect();
        let called = library.resolve(name, &collections).called?;
        Some(match &called.file {
            Some(file) => file.strip_prefix(root).unwrap().display().to_string(),
            None => called.full_name(),
        })
    }

    #[test]
    fn what_was_loaded_first_comes_first_and_the_settings_last() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        place(
            root,
            &[
                "play/library/mine",
                "play/library/notes.md",
                "role/library/mine.sh",
                "role/library/theirs.py",
                "role/library/theirs.sh",
                "set/mine",
                "set/theirs",
                "set/ping",
                "set/copy",
                "set/package",
                "set/_old.py",
            ],
        );
        let library = Arc::new(Library { configured: vec![root.join("set")], ..Library::default() });
        let find = |name| found(&library, root, name, &[]);
        assert_eq!(find("mine").as_deref(), Some("set/mine"));
        library.add_role(&root.join("role"));
        assert_eq!(find("mine").as_deref(), Some("role/library/mine.sh"));
        library.add_playbook(&root.join("play"));
        assert_eq!(find("mine").as_deref(), Some("role/library/mine.sh"));
        assert_eq!(find("theirs").as_deref(), Some("role/library/theirs.py"));
        assert_eq!(find("notes"), None);
        // Modules are replaced, and what has a part on the controller is not.
        assert_eq!(find("ping").as_deref(), Some("set/ping"));
        assert_eq!(find("ansible.legacy.ping").as_deref(), Some("set/ping"));
        assert_eq!(find("ansible.builtin.ping").as_deref(), Some("ansible.builtin.ping"));
        assert_eq!(find("copy").as_deref(), Some("ansible.builtin.copy"));
        assert_eq!(find("package").as_deref(), Some("ansible.builtin.package"));
        assert_eq!(find("old").as_deref(), Some("set/_old.py"));
        assert_eq!(library.resolve("old", &[]).deprecations.len(), 1);
    }

    #[test]
    fn collections_are_searched_in_their_order_and_may_lead_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        let collection = |name: &str| format!("installed/ansible_collections/ns/{name}");
        let (one, two) = (collection("one"), collection("two"));
        place(
            root,
            &[
                &format!("{one}/plugins/modules/ping.py"),
                &format!("{two}/plugins/modules/ping.py"),
                &format!("{two}/plugins/modules/deep/inner.py"),
                &format!("{two}/plugins/modules/acts.py"),
                &format!("{two}/plugins/action/acts.py"),
                &format!("{two}/meta/x"),
            ],
        );
        let runtime = "plugin_routing:\n  modules:\n    moved: {redirect: ns.one.ping}\n    circle: {redirect: ns.two.circle}\n    gone: {tombstone: {removal_version: 2.0.0, warning_text: Use another}}\n    going: {deprecation: {removal_date: 2030-01-01}}\n    inner: {redirect: ns.two.deep.inner}\naction_groups:\n  all: [ping, {metadata: {extend_group: [more]}}]\n  more: [ns.one.ping]\n";
        std::fs::write(root.join(&two).join("meta/runtime.yml"), runtime).unwrap();
        let library =
            Arc::new(Library { collections: Collections::new(vec![root.join("installed")]), ..Library::default() });
        let find = |name, collections: &[&str]| found(&library, root, name, collections);
        assert_eq!(find("ns.two.ping", &[]), Some(format!("{two}/plugins/modules/ping.py")));
        assert_eq!(find("ping", &["ns.two", "ns.one"]), Some(format!("{two}/plugins/modules/ping.py")));
        assert_eq!(find("ping", &["ansible.builtin", "ns.one"]).as_deref(), Some("ansible.builtin.ping"));
        assert_eq!(find("ping", &[]).as_deref(), Some("ansible.builtin.ping"));
        assert_eq!(find("ns.two.moved", &[]), Some(format!("{one}/plugins/modules/ping.py")));
        assert_eq!(find("ns.two.inner", &[]), Some(format!("{two}/plugins/modules/deep/inner.py")));
        assert_eq!(find("ns.two.acts", &[]), Some(format!("{two}/plugins/action/acts.py")));
        assert_eq!(find("ns.two.nothing", &[]), None);
        assert_eq!(find("ns.three.ping", &[]), None);
        let reason = |name| library.resolve(name, &[]).reason.unwrap();
        assert!(reason("ns.two.gone").contains("Use another. "), "{}", reason("ns.two.gone"));
        assert!(reason("ns.two.circle").contains("circle"));
        assert_eq!(library.group("ns.two.all").unwrap(), ["ns.two.ping", "ns.one.ping"]);
        assert_eq!(library.group("ns.two.none"), None);
    }

    #[test]
    fn an_action_plugin_is_told_of_and_never_run() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        place(root, &["action_plugins/mine.py", "action_plugins/debug.py", "library/mine"]);
        let library = Arc::new(Library::default());
        library.add_playbook(root);
        let mine = library.resolve("mine", &[]).called.unwrap();
        assert!(super::plugin::notice(&mine).unwrap().contains("action_plugins/mine.py"));
        let debug = library.resolve("debug", &[]);
        assert_eq!(debug.called.unwrap().full_name(), "ansible.builtin.debug");
        assert!(debug.warnings.first().unwrap().contains("action_plugins/debug.py"));
    }
}
