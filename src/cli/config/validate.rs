//! `ansible-config validate`: whether the configuration file, or the environment, sets what there is to set.

use std::collections::BTreeSet;

use super::{Type, Validate, galaxy};
use crate::cli::stop::Stop;
use crate::config::{Config, elsewhere};
use crate::source::{Diagnostic, Diagnostics};

impl Validate {
    /// What is to be printed where nothing is wrong.
    pub(super) fn text(&self, config: &Config) -> Result<String, Stop> {
        let problems = match self.format.as_str() {
            "env" => self.environment(config),
            _ => self.file(config),
        };
        match problems.is_empty() {
            true => Ok("All configurations seem valid!\n".to_owned()),
            false => Err(Stop::written_settings(problems)),
        }
    }

    fn has_all(&self) -> bool {
        matches!(self.which.of, Type::All | Type::Base)
    }

    fn file(&self, config: &Config) -> Diagnostics {
        let file = config.path().map(|path| path.display().to_string()).unwrap_or_default();
        let places = self.which.settings().flat_map(|setting| setting.ini());
        let mut known: BTreeSet<(String, String)> = places
            .chain(elsewhere::KEYS.iter().filter(|_| self.has_all()))
            .filter_map(|place| place.split_once('.'))
            .map(|(section, key)| (section.to_owned(), key.to_owned()))
            .collect();
        if self.which.of == Type::All {
            for server in galaxy::servers(config) {
                known.extend(galaxy::OPTIONS.map(|option| (galaxy::section(server.name), option.to_owned())));
            }
        }
        let mut problems = Vec::new();
        for (section, span, keys) in config.written() {
            if known.iter().all(|(name, _)| name != section) {
                let sections = known.iter().map(|(name, _)| name.as_str());
                problems.push(
                    Diagnostic::error(format!("Found unknown section '{section}' in '{file}'"))
                        .at(span)
                        .did_you_mean(section, sections),
                );
                continue;
            }
            for (key, span) in keys {
                if !known.contains(&(section.to_owned(), key.to_owned())) {
                    let keys = known.iter().filter(|(name, _)| name == section).map(|(_, key)| key.as_str());
                    problems.push(
                        Diagnostic::error(format!("Found unknown key '{key}' in section '{section}' in '{file}'"))
                            .at(span)
                            .did_you_mean(key, keys),
                    );
                }
            }
        }
        problems
    }

    fn environment(&self, config: &Config) -> Diagnostics {
        let names = self.which.settings().flat_map(|setting| setting.env());
        let names = names.chain(elsewhere::VARIABLES.iter().filter(|_| self.has_all()));
        let mut known: BTreeSet<String> = names.map(|name| (*name).to_owned()).collect();
        for server in galaxy::servers(config) {
            known.extend(galaxy::OPTIONS.map(|option| galaxy::variable(server.name, option)));
        }
        let mut set: Vec<String> = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        set.sort();
        let unknown = set.into_iter().filter(|name| is_meant_for_ansible(name) && !known.contains(name));
        unknown
            .map(|name| {
                Diagnostic::error(format!("Found unknown environment variable '{name}'"))
                    .did_you_mean(&name, known.iter().map(String::as_str))
            })
            .collect()
    }
}

/// Ansible's own variables, without those that are no settings.
fn is_meant_for_ansible(name: &str) -> bool {
    name.starts_with("ANSIBLE_")
        && !["ANSIBLE_TEST_", "ANSIBLE_LINT_"].iter().any(|prefix| name.starts_with(prefix))
        && !matches!(name, "ANSIBLE_CONFIG" | "ANSIBLE_DEV_HOME")
}
