//! Which source has which format, and directories of sources.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::model::Inventory;
use super::script::{self, Failure};
use super::{host_list, ini, throwaway, toml, yaml};
use crate::config::{Config, Setting};
use crate::source::{Diagnostic, Diagnostics, register_secret};
use crate::yaml as yaml_text;

impl Inventory {
    /// Read all sources: files, directories, scripts, lists of names with a comma. Later ones override earlier ones.
    ///
    /// A source that does not exist is a warning, as in Ansible, unless the settings
    /// `inventory.any_unparsed_is_failed` or (if nothing else was read) `inventory.unparsed_is_failed` say otherwise.
    ///
    /// # Errors
    /// All sources that have a mistake in them, one diagnostic each.
    pub fn load(sources: &[String], config: &Config) -> Result<(Self, Diagnostics), Diagnostics> {
        let mut inventory = Self::new();
        inventory.merge = config.string(Setting::HashBehaviour) == Some("merge");
        let names = config.string(Setting::ForceValidGroupNames);
        inventory.clean_group_names = matches!(names, Some("always" | "silently"));
        let loader = Loader { config };
        let mut errors = Vec::new();
        let mut read = 0_usize;
        let mut missing = Vec::new();
        for source in sources.iter().filter(|source| !source.is_empty()) {
            match loader.source(&mut inventory, source) {
                Ok(true) => read += 1,
                Ok(false) => missing.push(source),
                Err(mut found) => errors.append(&mut found),
            }
        }
        let all_must = config.bool(Setting::InventoryAnyUnparsedIsFailed);
        let one_must = config.bool(Setting::InventoryUnparsedIsFailed) && read == 0;
        for source in missing {
            let path = PathBuf::from(source);
            let absolute = std::path::absolute(&path).unwrap_or(path);
            let message = format!("unable to parse `{}` as an inventory source", absolute.display());
            let hint = "there is no such file; a list of hosts needs a comma, as in `-i host1,`";
            if all_must || one_must {
                errors.push(Diagnostic::error(message).cause("no such file or directory").hint(hint));
            } else {
                inventory.warnings.push(Diagnostic::warning(message).cause("no such file or directory").hint(hint));
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        inventory.current = None;
        inventory.reconcile();
        inventory.check_names();
        if names.is_none_or(|names| names == "never") {
            inventory.check_group_names();
        }
        let warnings = std::mem::take(&mut inventory.warnings);
        Ok((inventory, warnings))
    }
}

struct Loader<'a> {
    config: &'a Config,
}

impl Loader<'_> {
    /// Whether there was something to read.
    fn source(&self, inventory: &mut Inventory, source: &str) -> Result<bool, Diagnostics> {
        let path = Path::new(source);
        if source.contains(',') && !path.exists() {
            inventory.current = None;
            host_list::load(inventory, source);
            return Ok(true);
        }
        if !path.exists() {
            return Ok(false);
        }
        let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        inventory.add_source(absolute);
        self.path(inventory, path)?;
        Ok(true)
    }

    fn path(&self, inventory: &mut Inventory, path: &Path) -> Result<(), Diagnostics> {
        if path.is_dir() {
            return self.directory(inventory, path);
        }
        inventory.current = Some(std::path::absolute(path).unwrap_or_else(|_| path.to_owned()));
        self.file(inventory, path).map_err(|error| vec![error])
    }

    fn directory(&self, inventory: &mut Inventory, path: &Path) -> Result<(), Diagnostics> {
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
        for name in names {
            let ignored = name.starts_with('.')
                || matches!(name.as_str(), "group_vars" | "host_vars" | "vars_plugins")
                || extensions.iter().any(|extension| name.ends_with(extension.as_str()))
                || patterns.iter().any(|pattern| pattern.is_match(&name).unwrap_or(false));
            if !ignored && let Err(mut found) = self.path(inventory, &path.join(name)) {
                errors.append(&mut found);
            }
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    fn file(&self, inventory: &mut Inventory, path: &Path) -> Result<(), Diagnostic> {
        let (bytes, secret) = self.config.vault().read(path).map_err(|error| {
            Diagnostic::error(format!("could not read inventory `{}`", path.display())).cause(error.to_string())
        })??;
        let executable = rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok();
        if executable || bytes.starts_with(b"#!") {
            match script::load(inventory, path) {
                Ok(()) => return Ok(()),
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
        match extension.as_deref() {
            Some(".toml") => toml::load(inventory, path, &text),
            Some(known) if self.config.list(Setting::InventoryYamlExtensions).iter().any(|yaml| yaml == known) => {
                self.yaml(inventory, path, &text)
            }
            Some(_) => ini::load(inventory, path, &text),
            None if looks_like_yaml(&text) => self.yaml(inventory, path, &text),
            None => ini::load(inventory, path, &text),
        }
    }

    fn yaml(&self, inventory: &mut Inventory, path: &Path, text: &Arc<str>) -> Result<(), Diagnostic> {
        let mut loaded = yaml_text::parse(path, Arc::clone(text))?;
        inventory.warnings.append(&mut loaded.warnings);
        let root = loaded.root;
        let Some((key, plugin)) = root.entry("plugin").filter(|(_, plugin)| plugin.as_str().is_some()) else {
            return yaml::load(inventory, &root);
        };
        let name = plugin.as_str().unwrap_or("");
        match name {
            "throwaway" | "rprov.throwaway" => throwaway::load(inventory, &root),
            _ => Err(Diagnostic::error(format!("inventory plugin `{name}` is not supported"))
                .at(plugin.span)
                .did_you_mean(name, ["throwaway"])
                .cause(format!("`{}` makes this file a plugin's configuration", key.as_str().unwrap_or("plugin")))
                .hint("a script that prints the same hosts as JSON works: `-i script`")),
        }
    }
}

/// Files without an extension may be either: a YAML inventory is a dictionary, and no INI file reads as one.
fn looks_like_yaml(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'));
    match lines.next() {
        Some("---") => true,
        Some(first) if first.starts_with('{') => true,
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
        Inventory::load(&[path.display().to_string()], &config(&[]))
    }

    #[test]
    fn a_missing_source_is_a_warning_unless_it_must_be_there() {
        let sources = ["/nowhere/hosts".to_owned()];
        let (_, warnings) = Inventory::load(&sources, &config(&[])).unwrap();
        assert_eq!(warnings[0].message, "unable to parse `/nowhere/hosts` as an inventory source");
        let errors = Inventory::load(&sources, &config(&[("ANSIBLE_INVENTORY_UNPARSED_FAILED", "1")])).unwrap_err();
        assert_eq!(errors[0].severity, Severity::Error);
    }

    #[test]
    fn all_broken_sources_are_told_at_once() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("a"), "[web\n").unwrap();
        std::fs::write(directory.path().join("b.yml"), "- x\n").unwrap();
        let errors = Inventory::load(&[directory.path().display().to_string()], &config(&[])).unwrap_err();
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
