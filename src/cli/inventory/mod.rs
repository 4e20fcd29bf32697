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
use std::path::PathBuf;
use std::sync::Arc;

use clap::{ArgAction, Parser};

use self::variables::{Shown, Variables};
use super::exit::Exit;
use super::flags::InventoryFlags;
use super::identities::VaultFlags;
use super::settings::with_vault;
use super::stage::{Hosts, extra_variables};
use super::stop::Stop;
use super::tell::{put, tell};
use crate::config::{Config, Setting};
use crate::inventory::{Broken, Inventory, Pattern};
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
    #[command(flatten)]
    inventory: InventoryFlags,
    /// Directory whose `group_vars` and `host_vars` count as a playbook's
    #[arg(long, value_name = "DIRECTORY")]
    playbook_dir: Option<PathBuf>,
    /// Extra variables: key=value, JSON, or @FILE
    #[arg(short, long = "extra-vars", value_name = "VARIABLES")]
    extra: Vec<String>,
    #[command(flatten)]
    vault: VaultFlags,
    /// Say more (accepted for Ansible's sake)
    #[arg(short, long, action = ArgAction::Count)]
    verbose: u8,
    /// Show the version
    #[arg(long, action = ArgAction::Version)]
    version: (),
}

impl InventoryCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_vault(&self.vault, |config, color| {
            self.write(&self.shown(&config, color)?)?;
            Ok(Exit::Success)
        })
    }

    /// What is asked for.
    fn shown(&self, config: &Config, color: bool) -> Result<String, Stop> {
        match [self.list, self.host.is_some(), self.graph].iter().filter(|wanted| **wanted).count() {
            0 => {
                return Err(Stop::options(
                    Diagnostic::error(
                        "No action selected, at least one of --host, --graph or --list needs to be specified.",
                    )
                    .hint("`--list` shows everything, `--graph` gives an overview"),
                ));
            }
            1 => {}
            _ => {
                return Err(Stop::options(
                    Diagnostic::error(
                        "Conflicting options used, only one of --host, --graph or --list can be used at the same time.",
                    )
                    .hint("give one of them"),
                ));
            }
        }
        let extra = extra_variables(&self.extra, config, color)?;
        let hosts = Hosts::read(&self.inventory, config, &extra, Broken::PassedOver, color)?;
        if self.inventory.flush_cache {
            hosts.flush_cache()?;
        }
        let Hosts { mut inventory, cache, .. } = hosts;
        let base = self.playbook_dir.clone().unwrap_or_else(|| PathBuf::from("."));
        let base = std::path::absolute(&base).unwrap_or(base);
        let shown =
            if self.export || config.bool(Setting::InventoryExport) { Shown::Written } else { Shown::Effective };
        if let Some(host) = &self.host {
            let (names, _) = Pattern::parse(host).hosts(&mut inventory, config, None)?;
            let [host] = names.as_slice() else {
                return Err(Stop::options(
                    Diagnostic::error("You must pass a single valid host to --host parameter")
                        .did_you_mean(host, inventory.hosts().map(|host| &*host.name)),
                ));
            };
            let variables = Variables::new(&inventory, config, &base, &extra, &cache, shown);
            let tree = variables.of_host(host)?;
            variables.tell_warnings(color);
            return self.dump(&tree, false);
        }
        if self.graph {
            let name = self.group.as_deref().unwrap_or("all");
            let variables = Variables::new(&inventory, config, &base, &extra, &cache, shown);
            let text = match inventory.group(name) {
                Some(group) => graph::picture(&variables, group, self.vars)?,
                None => {
                    return Err(Stop::options(
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
        let tree = tree?;
        variables.tell_warnings(color);
        self.dump(&tree, true)
    }

    /// The hosts that `--limit` leaves.
    fn hosts(&self, inventory: &mut Inventory, config: &Config, color: bool) -> Result<HashSet<Arc<str>>, Stop> {
        let Some(limit) = &self.inventory.limit else {
            return Ok(inventory.hosts().map(|host| Arc::clone(&host.name)).collect());
        };
        let pattern = Pattern::limit(limit)?;
        let (hosts, warnings) = pattern.hosts(inventory, config, None)?;
        tell(&warnings, color);
        Ok(hosts.into_iter().collect())
    }

    /// A tree in the format that is asked for.
    fn dump(&self, tree: &Tree, marked: bool) -> Result<String, Stop> {
        if self.yaml {
            return Ok(emit_tree(tree, &Style { allow_unicode: true, ..Style::default() }));
        }
        if self.toml {
            return Ok(toml::text(tree)?);
        }
        Ok(text::json(tree, marked))
    }

    /// Write it where it is asked for: to a file as it is, to standard output with a line's end behind it.
    fn write(&self, text: &str) -> Result<(), Stop> {
        if let Some(path) = self.output.as_deref().filter(|_| self.list) {
            return std::fs::write(path, text).map_err(|error| {
                let what = format!("Unable to write to destination ({})", path.display());
                Diagnostic::error(what).cause(error.to_string()).into()
            });
        }
        put(text);
        if !text.ends_with('\n') {
            put("\n");
        }
        Ok(())
    }
}
