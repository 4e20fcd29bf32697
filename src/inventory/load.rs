//! Which source has which format, and directories of sources.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::model::Inventory;
use super::script::{self, Failure};
use super::{constructed, generator, host_list, ini, throwaway, toml, yaml};
use crate::config::{Config, Setting};
use crate::facts::FactCache;
use crate::source::{Diagnostic, Diagnostics, register_secret};
use crate::template::Written;
use crate::yaml as yaml_text;

impl Inventory {
    /// Read all sources: files, directories, scripts, lists of names with a comma. Later ones override earlier ones.
    /// `extra` is what `-e` gives, for `constructed` with `use_extra_vars`; `cache` has facts that it sees.
    ///
    /// A source that does not exist is a warning, as in Ansible, unless the settings
    /// `inventory.any_unparsed_is_failed` or (if nothing else was read) `inventory.unparsed_is_failed` say otherwise.
    ///
    /// # Errors
    /// All sources that have a mistake in them, one diagnostic each.
    pub fn load(
        sources: &[String],
        config: &Config,
        extra: &IndexMap<Arc<str>, Written>,
        cache: &FactCache,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        Self::read(sources, config, extra, cache, Broken::Refused)
    }

    /// The same, with a choice of what becomes of a source with a mistake in it.
    ///
    /// # Errors
    /// Mistakes that are not passed over; the settings refuse what could not be read, or leave nothing to read it with.
    pub fn read(
        sources: &[String],
        config: &Config,
        extra: &IndexMap<Arc<str>, Written>,
        cache: &FactCache,
        broken: Broken,
    ) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut inventory = Self::new();
        inventory.merge = config.string(Setting::HashBehaviour) == Some("merge");
        let names = config.string(Setting::ForceValidGroupNames);
        inventory.clean_group_names = matches!(names, Some("always" | "silently"));
        let enabled = enabled(config, &mut inventory.warnings);
        if enabled.is_empty() {
            return Err(vec![
                Diagnostic::error(
                    "No inventory plugins available to generate inventory, make sure you have at least one enabled.",
                )
                .cause(format!("`enable_plugins` is set by {}", config.origin(Setting::InventoryEnabled)))
                .hint(format!("there are {}", PLUGINS.map(|(name, _)| name).join(", "))),
            ]);
        }
        let loader = Loader { config, extra, cache, enabled };
        let mut errors = Vec::new();
        let mut read = 0_usize;
        let mut unread = Vec::new();
        for source in sources.iter().filter(|source| !source.is_empty()) {
            let before = (broken == Broken::PassedOver).then(|| inventory.clone());
            match (loader.source(&mut inventory, source), before) {
                (Ok(true), _) => read += 1,
                (Ok(false), _) => unread.push(source),
                (Err(mut found), None) => errors.append(&mut found),
                (Err(found), Some(before)) => {
                    inventory = before;
                    let warned = found.into_iter().map(Diagnostic::into_warning);
                    inventory.warnings.extend(warned);
                    unread.push(source);
                }
            }
        }
        let all_must = config.bool(Setting::InventoryAnyUnparsedIsFailed);
        let one_must = config.bool(Setting::InventoryUnparsedIsFailed) && read == 0;
        for source in unread {
            let problem = loader.unread(source);
            if all_must || one_must {
                errors.push(problem);
            } else {
                inventory.warnings.push(problem.into_warning());
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        inventory.current = None;
        inventory.nothing_read = read == 0;
        inventory.reconcile();
        inventory.check_names();
        if names.is_none_or(|names| matches!(names, "never" | "always")) {
            inventory.check_group_names();
        }
        let warnings = std::mem::take(&mut inventory.warnings);
        Ok((inventory, warnings))
    }
}

/// What becomes of a source with a mistake in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// It is an error.
    Refused,
    /// It is told as a warning, and nothing of it is taken: for looking at what can be read.
    PassedOver,
}

/// What reads a source; `[inventory] enable_plugins` lists them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plugin {
    HostList,
    AdvancedHostList,
    Script,
    /// A YAML file whose `plugin` key names the plugin.
    Auto,
    Yaml,
    Ini,
    Toml,
    Constructed,
    Generator,
}

const PLUGINS: [(&str, Plugin); 9] = [
    ("host_list", Plugin::HostList),
    ("advanced_host_list", Plugin::AdvancedHostList),
    ("script", Plugin::Script),
    ("auto", Plugin::Auto),
    ("yaml", Plugin::Yaml),
    ("ini", Plugin::Ini),
    ("toml", Plugin::Toml),
    ("constructed", Plugin::Constructed),
    ("generator", Plugin::Generator),
];

/// A plugin's name without the collection that Ansible has it in.
fn short(name: &str) -> &str {
    name.trim()
        .strip_prefix("ansible.builtin.")
        .or_else(|| name.trim().strip_prefix("ansible.legacy."))
        .unwrap_or(name.trim())
}

fn enabled(config: &Config, warnings: &mut Diagnostics) -> Vec<Plugin> {
    let mut enabled = Vec::new();
    for name in config.list(Setting::InventoryEnabled) {
        match PLUGINS.iter().find(|(known, _)| *known == short(name)) {
            Some((_, plugin)) => enabled.push(*plugin),
            None => warnings.push(
                Diagnostic::warning(format!("Failed to load inventory plugin, skipping {name}"))
                    .cause(format!("`enable_plugins` is set by {}", config.origin(Setting::InventoryEnabled)))
                    .did_you_mean(name, PLUGINS.iter().map(|(known, _)| *known)),
            ),
        }
    }
    enabled
}

struct Loader<'a> {
    config: &'a Config,
    extra: &'a IndexMap<Arc<str>, Written>,
    cache: &'a FactCache,
    enabled: Vec<Plugin>,
}

impl Loader<'_> {
    fn reads(&self, plugin: Plugin) -> bool {
        self.enabled.contains(&plugin)
    }

    /// What to say of a source that there was nothing to read of.
    fn unread(&self, source: &str) -> Diagnostic {
        let path = PathBuf::from(source);
        let absolute = std::path::absolute(&path).unwrap_or_else(|_| path.clone());
        let shown = match source.contains(',') {
            true => source.to_owned(),
            false => absolute.display().to_string(),
        };
        let problem = Diagnostic::error(format!("unable to parse `{shown}` as an inventory source"));
        if path.is_dir() {
            return problem.cause("no file in the directory is an inventory").hint(
                "hidden files, `group_vars`, `host_vars` and names like `*.bak`, `*.txt` or `*.md` are passed over",
            );
        }
        if path.exists() || source.contains(',') {
            let names: Vec<&str> =
                PLUGINS.iter().filter(|(_, plugin)| self.reads(*plugin)).map(|(name, _)| *name).collect();
            return problem
                .cause(format!("the enabled inventory plugins ({}) do not read it", names.join(", ")))
                .hint("`[inventory] enable_plugins` or `ANSIBLE_INVENTORY_ENABLED` lists them");
        }
        problem
            .cause("no such file or directory")
            .hint("there is no such file; a list of hosts needs a comma, as in `-i host1,`")
    }

    /// Whether there was something to read.
    fn source(&self, inventory: &mut Inventory, source: &str) -> Result<bool, Diagnostics> {
        let path = Path::new(source);
        if source.contains(',') && !path.exists() {
            inventory.current = None;
            let plugin =
                self.enabled.iter().find(|plugin| matches!(plugin, Plugin::HostList | Plugin::AdvancedHostList));
            return match plugin {
                Some(Plugin::AdvancedHostList) => {
                    host_list::load_ranges(inventory, source).map(|()| true).map_err(|error| vec![error])
                }
                Some(_) => {
                    host_list::load(inventory, source);
                    Ok(true)
                }
                None => Ok(false),
            };
        }
        if !path.exists() {
            return Ok(false);
        }
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        inventory.add_source(absolute);
        self.path(inventory, path)
    }

    fn path(&self, inventory: &mut Inventory, path: &Path) -> Result<bool, Diagnostics> {
        if path.is_dir() {
            return self.directory(inventory, path);
        }
        inventory.current = Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        self.file(inventory, path).map_err(|error| vec![error])
    }

    fn directory(&self, inventory: &mut Inventory, path: &Path) -> Result<bool, Diagnostics> {
        let unreadable = |error: std::io::Error| {
            vec![Diagnostic::error(format!("could not read directory `{}`", path.display())).cause(error.to_string())]
        };
        let mut names: Vec<String> = std::fs::read_dir(path)
            .and_then(|entries| entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect())
            .map_err(unreadable)?;
        names.sort();
        let extensions = self.config.list(Setting::InventoryIgnoreExts);
        let patterns: Vec<fancy_regex::Regex> = self
            .config
            .list(Setting::InventoryIgnorePatterns)
            .iter()
            .filter_map(|pattern| fancy_regex::Regex::new(pattern).ok())
            .collect();
        let mut errors = Vec::new();
        let mut read = false;
        for name in names {
            let ignored = name.starts_with('.')
                || matches!(name.as_str(), "group_vars" | "host_vars" | "vars_plugins")
                || extensions.iter().any(|extension| name.ends_with(extension.as_str()))
                || patterns.iter().any(|pattern| pattern.is_match(&name).unwrap_or(false));
            if ignored {
                continue;
            }
            match self.path(inventory, &path.join(name)) {
                Ok(found) => read |= found,
                Err(mut found) => errors.append(&mut found),
            }
        }
        if errors.is_empty() { Ok(read) } else { Err(errors) }
    }

    /// Read a file by the first enabled plugin that is for files of its kind; whether there is one.
    fn file(&self, inventory: &mut Inventory, path: &Path) -> Result<bool, Diagnostic> {
        let (bytes, secret) = self.config.vault().read(path).map_err(|error| {
            Diagnostic::error(format!("could not read inventory `{}`", path.display())).cause(error.to_string())
        })??;
        let executable = rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        if self.reads(Plugin::Script) && (executable || bytes.starts_with(b"#!")) {
            match script::load(inventory, path) {
                Ok(()) => return Ok(true),
                Err(Failure::NotAProgram) => {}
                Err(Failure::Failed(error)) => return Err(error),
            }
        }
        let text: Arc<str> = match String::from_utf8(bytes) {
            Ok(text) => Arc::from(text),
            Err(_) => {
                return Err(Diagnostic::error(format!("inventory `{}` is not UTF-8", path.display()))
                    .hint("convert it, for example with `iconv`"));
            }
        };
        if secret {
            register_secret(path, Arc::clone(&text));
        }
        let extension = path.extension().map(|extension| format!(".{}", extension.to_string_lossy()));
        let by_name = extension
            .as_deref()
            .is_some_and(|known| self.config.list(Setting::InventoryYamlExtensions).iter().any(|yaml| yaml == known));
        let by_content = matches!(extension.as_deref(), None | Some(".config")) && looks_like_yaml(&text);
        if (by_name || by_content) && self.yaml(inventory, path, &text)? {
            return Ok(true);
        }
        if extension.as_deref() == Some(".toml") && self.reads(Plugin::Toml) {
            return toml::load(inventory, path, &text).map(|()| true);
        }
        if self.reads(Plugin::Ini) && !by_name {
            return ini::load(inventory, path, &text).map(|()| true);
        }
        Ok(false)
    }

    /// Read a YAML file: hosts, or a plugin's configuration. Whether there is an enabled plugin for it.
    fn yaml(&self, inventory: &mut Inventory, path: &Path, text: &Arc<str>) -> Result<bool, Diagnostic> {
        let kinds = [Plugin::Auto, Plugin::Yaml, Plugin::Constructed, Plugin::Generator];
        if !kinds.iter().any(|plugin| self.reads(*plugin)) {
            return Ok(false);
        }
        let mut loaded = yaml_text::parse(path, Arc::clone(text))?;
        inventory.warnings.append(&mut loaded.warnings);
        let root = loaded.root;
        let Some((key, plugin)) = root.entry("plugin").filter(|(_, plugin)| plugin.as_str().is_some()) else {
            return if self.reads(Plugin::Yaml) { yaml::load(inventory, &root).map(|()| true) } else { Ok(false) };
        };
        let name = short(plugin.as_str().unwrap_or(""));
        let auto = self.reads(Plugin::Auto);
        match name {
            "throwaway" | "rprov.throwaway" if auto => throwaway::load(inventory, &root)?,
            "constructed" if auto || self.reads(Plugin::Constructed) => {
                constructed::load(inventory, &root, self.config, self.extra, self.cache)?;
            }
            "generator" if auto || self.reads(Plugin::Generator) => generator::load(inventory, &root)?,
            "throwaway" | "rprov.throwaway" | "constructed" | "generator" => return Ok(false),
            _ => {
                return Err(Diagnostic::error(format!("inventory plugin `{name}` is not supported"))
                    .at(plugin.span)
                    .did_you_mean(name, ["constructed", "generator", "throwaway"])
                    .cause(format!("`{}` makes this file a plugin's configuration", key.as_str().unwrap_or("plugin")))
                    .hint("a script that prints the same hosts as JSON works: `-i script`"));
            }
        }
        Ok(true)
    }
}

/// Files without an extension may be either: a YAML inventory is a dictionary, and no INI file reads as one.
fn looks_like_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match lines.next() {
        Some("---") => true,
        Some(first) if first.starts_with('{') || first.starts_with("plugin:") => true,
        Some(first) => {
            let key = first.split(" #").next().unwrap_or(first).trim_end();
            key.ends_with(':') && !key.contains(['[', '=', ' '])
        }
        None => false,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::source::Severity;

    fn config(env: &[(&str, &str)]) -> Config {
        let find = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::load(Path::new("/nonexistent"), find).0
    }

    fn load(name: &str, text: &str) -> Result<(Inventory, Diagnostics), Diagnostics> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        Inventory::load(&[path.display().to_string()], &config(&[]), &IndexMap::new(), &FactCache::default())
    }

    #[test]
    fn a_missing_source_is_a_warning_unless_it_must_be_there() {
        let sources = ["/nowhere/hosts".to_owned()];
        let (_, warnings) = Inventory::load(&sources, &config(&[]), &IndexMap::new(), &FactCache::default()).unwrap();
        assert_eq!(warnings[0].message, "unable to parse `/nowhere/hosts` as an inventory source");
        let strict = config(&[("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1")]);
        let errors = Inventory::load(&sources, &strict, &IndexMap::new(), &FactCache::default()).unwrap_err();
        assert_eq!(errors[0].severity, Severity::Error);
    }

    #[test]
    fn all_broken_sources_are_told_at_once() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), "[web\n").unwrap();
        std::fs::write(directory.path().join("b.yml"), "- x\n").unwrap();
        let errors = Inventory::load(
            &[directory.path().display().to_string()],
            &config(&[]),
            &IndexMap::new(),
            &FactCache::default(),
        )
        .unwrap_err();
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(
            messages,
            ["this section has no closing bracket", "a YAML inventory is a dictionary of groups, this is a list"]
        );
    }

    #[test]
    fn throwaway_hosts_are_planned() {
        let text =
            "plugin: throwaway\nhosts: {'web[1:2]': , db1: {role: db}}\ngroups: {web: [web1, web2]}\ndirectory: lab\n";
        let (inventory, _) = load("hosts.yml", text).unwrap();
        let plan = &inventory.throwaway[0];
        assert_eq!(plan.hosts.iter().map(|host| &**host).collect::<Vec<_>>(), ["web1", "web2", "db1"]);
        assert!(plan.directory.as_ref().unwrap().is_absolute());
        assert_eq!(inventory.hosts_of("web").len(), 2);
        assert_eq!(inventory.host("db1").unwrap().vars["role"].as_str(), Some("db"));
        let (inventory, _) = load("hosts.yml", "plugin: throwaway\nhosts: [web1]\n").unwrap();
        assert_eq!(inventory.throwaway[0].directory, None);
    }

    #[test]
    fn mistakes_in_plugin_files_are_shown() {
        for (text, message) in [
            ("plugin: throwawy\n", "inventory plugin `throwawy` is not supported"),
            ("plugin: throwaway\nhost: [a]\n", "unknown key `host` of the `throwaway` inventory"),
            ("plugin: throwaway\n", "a `throwaway` inventory needs `hosts`"),
            ("plugin: throwaway\nhosts: [web1]\ngroups: {web: [wbe1]}\n", "group `web` names the unknown host `wbe1`"),
        ] {
            let errors = load("hosts.yml", text).unwrap_err();
            assert_eq!(errors[0].message, message);
            assert!(errors[0].span.is_some() && !errors[0].hints.is_empty());
        }
    }

    /// An inventory of hosts, and what a second file makes of it.
    fn constructed(text: &str) -> Result<(Inventory, Diagnostics), Diagnostics> {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).unwrap();
            directory.path().join(name).display().to_string()
        };
        let hosts = write("hosts", "[web]\nw1 os=Debian n=1\nw2 os=''\n[web:vars]\nv={{ os }}!\n");
        let sources = [hosts, write("made.yml", &format!("plugin: constructed\n{text}"))];
        Inventory::load(&sources, &config(&[]), &IndexMap::new(), &FactCache::default())
    }

    #[test]
    fn variables_and_groups_are_made_of_variables() {
        let (inventory, warnings) = constructed(
            "compose: {c: v ~ n}\ngroups: {deb: os == 'Debian', never: nowhere == 1}\n\
             keyed_groups: [{key: os, prefix: os, default_value: none, parent_group: systems}]\n",
        )
        .unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        assert_eq!(inventory.host("w1").unwrap().vars["c"].as_str(), Some("Debian!1"));
        assert!(!inventory.host("w2").unwrap().vars.contains_key("c"));
        for (group, hosts) in
            [("deb", &["w1"][..]), ("os_Debian", &["w1"]), ("os_none", &["w2"]), ("systems", &["w1", "w2"])]
        {
            assert_eq!(inventory.hosts_of(group).iter().map(|host| &***host).collect::<Vec<_>>(), hosts, "{group}");
        }
        assert!(inventory.group("never").is_none());
    }

    #[test]
    fn mistakes_of_a_constructed_inventory_are_shown() {
        for (text, message) in [
            ("strict: true\ngroups: {g: nowhere == 1}\n", "'nowhere' is undefined"),
            ("strict: maybe\n", "`strict` takes a boolean, not a string"),
            ("groups: [a]\n", "`groups` takes a dictionary, this is a list"),
            ("keyed_groups: {key: os}\n", "`keyed_groups` takes a list, this is a dictionary"),
            ("keyed_groups: [os]\n", "an entry of `keyed_groups` is a dictionary, this is a string"),
            ("keyed_groups: [{prefix: os}]\n", "an entry of `keyed_groups` needs `key`"),
            (
                "keyed_groups: [{key: n}]\n",
                "Invalid group name format, expected a string or a list of them or dictionary, got: 1",
            ),
            (
                "keyed_groups: [{key: os, default_value: x, trailing_separator: false}]\n",
                "`default_value` and `trailing_separator` of `keyed_groups` exclude each other",
            ),
        ] {
            let errors = constructed(text).unwrap_err();
            assert!(errors[0].message.contains(message), "{errors:?}");
            assert!(errors[0].span.is_some() && !errors[0].hints.is_empty(), "{errors:?}");
        }
        let (_, warnings) = constructed("group: {}\n").unwrap();
        assert_eq!(warnings[0].hints, ["did you mean `groups`?"]);
    }

    #[test]
    fn mistakes_of_a_generator_are_shown() {
        for (text, message) in [
            ("plugin: generator\nlayers: {a: [b]}\n", "a `generator` inventory needs `hosts`"),
            ("plugin: generator\nhosts: {name: x}\n", "a `generator` inventory needs `layers`"),
            ("plugin: generator\nhosts: {}\nlayers: {}\n", "`hosts` of a `generator` inventory needs `name`"),
            ("plugin: generator\nhosts: {name: x}\nlayers: {a: b}\n", "layer `a` takes a list, this is a string"),
            ("plugin: generator\nhosts: {name: '{{ b }}'}\nlayers: {a: [b]}\n", "'b' is undefined"),
            (
                "plugin: generator\nhosts: {name: x, parents: [{}]}\nlayers: {a: [b]}\n",
                "Element x has a parent with no name.",
            ),
        ] {
            let errors = load("hosts.yml", text).unwrap_err();
            assert!(errors[0].message.contains(message), "{errors:?}");
        }
    }

    #[test]
    fn only_enabled_plugins_read_sources() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("h.yml");
        std::fs::write(&path, "web: {hosts: {a: }}\n").unwrap();
        let sources = [path.display().to_string(), "b,".to_owned()];
        let enabled = |plugins| config(&[("ANSIBLE_INVENTORY_ENABLED", plugins)]);
        let (inventory, warnings) =
            Inventory::load(&sources, &enabled("host_list,ymal"), &IndexMap::new(), &FactCache::default()).unwrap();
        assert_eq!(inventory.hosts().map(|host| &*host.name).collect::<Vec<_>>(), ["b"]);
        assert_eq!(warnings[0].hints, ["did you mean `yaml`?"]);
        assert!(warnings[1].message.starts_with("unable to parse"), "{warnings:?}");
        let errors = Inventory::load(&sources, &enabled("ymal"), &IndexMap::new(), &FactCache::default()).unwrap_err();
        assert!(errors[0].message.starts_with("No inventory plugins available"), "{errors:?}");
    }

    #[test]
    fn wrong_yaml_toml_and_scripts_are_errors() {
        for (name, text, message) in [
            ("h.yml", "web:\n  hosts: [a]\n", "`hosts` of group `web` takes a dictionary, this is a list"),
            ("h.yml", "web:\n  hosts:\n    a: 1\n", "the variables of `a` are an integer"),
            ("h.toml", "[web\n", "invalid TOML"),
            ("h", "#!/bin/sh\n", "could not run inventory script"),
        ] {
            let errors = load(name, text).unwrap_err();
            assert!(errors[0].message.starts_with(message), "{errors:?}");
        }
        let (_, warnings) = load("h.yml", "web:\n  host: {a: }\n").unwrap();
        assert_eq!(warnings[0].hints, ["did you mean `hosts`?"]);
    }
}
