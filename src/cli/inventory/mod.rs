//! `rprov inventory` (also `ansible-inventory`): the inventory as it is understood, as JSON, YAML, TOML or a picture.
//!
//! * `variables`: what is shown of a host's and a group's variables;
//! * `listing`: hosts and groups for `--list`, in the form of each format;
//! * `graph`: `--graph`;
//! * `text`: trees as JSON and as Python writes them; `toml` as TOML.

mod graph;
mod listing;
mod text;
mod toml;
mod variables;

use std::collections::HashSet;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Parser};

use self::variables::{Shown, Variables};
use super::exit::Exit;
use super::extra;
use super::identities::VaultFlags;
use super::tell::{say, settings, tell};
use crate::config::{Config, Setting};
use crate::facts::FactCache;
use crate::inventory::{Inventory, Pattern};
use crate::source::Diagnostic;
use crate::yaml::{Style, Tree, emit_tree};

/// Show the inventory.
#[derive(Debug, Parser)]
#[command(disable_version_flag = true)]
pub(super) struct InventoryCommand {
    /// The group to begin at, with `--graph`
    #[arg(value_name = "GROUP")]
    group: Option<String>,
    /// Show all hosts and groups
    #[arg(long)]
    list: bool,
    /// Show the variables of one host
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Show the groups and hosts as a picture
    #[arg(long)]
    graph: bool,
    /// YAML instead of JSON
    #[arg(short, long)]
    yaml: bool,
    /// TOML instead of JSON
    #[arg(long)]
    toml: bool,
    /// Show variables, too, with `--graph`
    #[arg(long)]
    vars: bool,
    /// Show variables where they are set, not where they count, with `--list`
    #[arg(long)]
    export: bool,
    /// Write to a file, with `--list`
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Inventory: a file, a directory, a script, or a list of hosts with commas; may be given several times
    #[arg(short, long, visible_alias = "inventory-file", value_name = "INVENTORY")]
    inventory: Vec<String>,
    /// Show only these hosts, with `--list`
    #[arg(short, long, value_name = "PATTERN")]
    limit: Option<String>,
    /// Directory whose `group_vars` and `host_vars` count as a playbook's
    #[arg(long, value_name = "DIRECTORY")]
    playbook_dir: Option<PathBuf>,
    /// Extra variables: key=value, JSON, or @FILE
    #[arg(short, long = "extra-vars", value_name = "VARIABLES")]
    extra: Vec<String>,
    /// Forget the facts that were cached
    #[arg(long)]
    flush_cache: bool,
    #[command(flatten)]
    vault: VaultFlags,
    /// Say more (accepted for Ansible's sake)
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// Show the version
    #[arg(long, action = ArgAction::Version)]
    version: (),
}

/// Why there is nothing to show, and the exit code.
type Stop = (Vec<Diagnostic>, Exit);

fn options(problem: Diagnostic) -> Stop {
    (vec![problem], Exit::Options)
}

fn failed(problem: Diagnostic) -> Stop {
    (vec![problem], Exit::Error)
}

impl InventoryCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        let (mut config, color) = match settings() {
            Ok(loaded) => loaded,
            Err(exit) => return exit,
        };
        let shown = match self.vault.keyring(&config) {
            Ok((keyring, notes)) => {
                tell(&notes, color);
                config.set_vault(keyring);
                self.shown(&config, color)
            }
            Err(problem) => Err(failed(problem)),
        };
        match shown.and_then(|text| self.put(&text)) {
            Ok(()) => Exit::Success,
            Err((problems, exit)) => {
                tell(&problems, color);
                exit
            }
        }
    }

    /// What is asked for.
    fn shown(&self, config: &Config, color: bool) -> Result<String, Stop> {
        match [self.list, self.host.is_some(), self.graph].iter().filter(|wanted| **wanted).count() {
            0 => {
                return Err(options(
                    Diagnostic::error(
                        "No action selected, at least one of --host, --graph or --list needs to be specified.",
                    )
                    .hint("`--list` shows everything, `--graph` gives an overview"),
                ));
            }
            1 => {}
            _ => {
                return Err(options(
                    Diagnostic::error(
                        "Conflicting options used, only one of --host, --graph or --list can be used at the same time.",
                    )
                    .hint("give one of them"),
                ));
            }
        }
        let (extra, warnings) =
            extra::variables(&self.extra, config.vault()).map_err(|problems| (problems, Exit::Options))?;
        tell(&warnings, color);
        let sources = self.sources(config);
        let (mut inventory, warnings) =
            Inventory::load_readable(&sources, config, &extra).map_err(|problems| (problems, Exit::Error))?;
        tell(&warnings, color);
        if inventory.nothing_read && config.bool(Setting::InventoryUnparsedWarning) {
            say("[WARNING]: No inventory was parsed, only implicit localhost is available");
        }
        let cache = FactCache::open(config).map_err(failed)?;
        if self.flush_cache {
            for host in inventory.hosts() {
                cache.forget(&host.name).map_err(failed)?;
            }
        }
        let base = self.playbook_dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let base = std::path::absolute(&base).unwrap_or(base);
        let shown =
            if self.export || config.bool(Setting::InventoryExport) { Shown::Written } else { Shown::Effective };
        if let Some(host) = &self.host {
            let (names, _) = Pattern::parse(host).hosts(&mut inventory, config, None).map_err(failed)?;
            let [host] = names.as_slice() else {
                return Err(options(
                    Diagnostic::error("You must pass a single valid host to --host parameter")
                        .did_you_mean(host, inventory.hosts().map(|host| &*host.name)),
                ));
            };
            let variables = Variables::new(&inventory, config, &base, &extra, &cache, shown);
            let tree = variables.of_host(host).map_err(failed)?;
            variables.tell_warnings(color);
            return self.dump(&tree, false);
        }
        if self.graph {
            let name = self.group.as_deref().unwrap_or("all");
            let variables = Variables::new(&inventory, config, &base, &extra, &cache, shown);
            let text = match inventory.group(name) {
                Some(group) => graph::picture(&variables, group, self.vars).map_err(failed)?,
                None => {
                    return Err(options(
                        Diagnostic::error("Pattern must be valid group name when using --graph")
                            .did_you_mean(name, inventory.groups().map(|group| &*group.name)),
                    ));
                }
            };
            variables.tell_warnings(color);
            return Ok(text);
        }
        let hosts = self.hosts(&mut inventory, config, color)?;
        let variables = Variables::new(&inventory, config, &base, &extra, &cache, shown);
        let tree = if self.yaml {
            listing::nested(&variables, &hosts)
        } else if self.toml {
            listing::tables(&variables, &hosts)
        } else {
            listing::script(&variables, &hosts)
        };
        let tree = tree.map_err(failed)?;
        variables.tell_warnings(color);
        self.dump(&tree, true)
    }

    fn sources(&self, config: &Config) -> Vec<String> {
        if !self.inventory.is_empty() {
            return self.inventory.clone();
        }
        // That there is none at the default place is not worth a word.
        let set = config.is_set(Setting::Inventory);
        let paths = config.paths(Setting::Inventory).iter().filter(|path| set || path.exists());
        paths.map(|path| path.display().to_string()).collect()
    }

    /// The hosts that `--limit` leaves.
    fn hosts(&self, inventory: &mut Inventory, config: &Config, color: bool) -> Result<HashSet<Arc<str>>, Stop> {
        let Some(limit) = &self.limit else {
            return Ok(inventory.hosts().map(|host| Arc::clone(&host.name)).collect());
        };
        let pattern = Pattern::limit(limit).map_err(failed)?;
        let (hosts, warnings) = pattern.hosts(inventory, config, None).map_err(failed)?;
        tell(&warnings, color);
        Ok(hosts.into_iter().collect())
    }

    /// A tree in the format that is asked for.
    fn dump(&self, tree: &Tree, marked: bool) -> Result<String, Stop> {
        if self.yaml {
            return Ok(emit_tree(tree, &Style { allow_unicode: true, ..Style::default() }));
        }
        if self.toml {
            return toml::text(tree).map_err(failed);
        }
        Ok(text::json(tree, marked))
    }

    /// Write it where it is asked for: to a file as it is, to standard output with a line's end behind it.
    fn put(&self, text: &str) -> Result<(), Stop> {
        if let Some(path) = self.output.as_deref().filter(|_| self.list) {
            return std::fs::write(path, text).map_err(|error| {
                failed(
                    Diagnostic::error(format!("Unable to write to destination ({})", path.display()))
                        .cause(error.to_string()),
                )
            });
        }
        let mut out = std::io::stdout().lock();
        let end = if text.ends_with('\n') { "" } else { "\n" };
        // Nobody may be reading.
        let _ = write!(out, "{text}{end}").and_then(|()| out.flush());
        Ok(())
    }
}
