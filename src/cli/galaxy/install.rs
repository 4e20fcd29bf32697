//! `role install`, `collection install`, and `install` for both.

use std::path::{Path, PathBuf};

use clap::Args;

use super::servers::ServerFlags;
use crate::cli::exit::Exit;
use crate::cli::stop::Stop;
use crate::cli::tell::{put, say, tell};
use crate::config::{Config, Setting, path_list};
use crate::galaxy::collections::CollectionInstaller;
use crate::galaxy::requirement::{CollectionRequirement, RoleRequirement};
use crate::galaxy::requirements::{self, Requirements};
use crate::galaxy::roles::RoleInstaller;
use crate::source::Diagnostic;

/// How much is installed.
#[derive(Args, Debug)]
struct Extent {
    /// Replace what is there
    #[arg(short, long)]
    force: bool,
    /// Replace what is there, and what that needs
    #[arg(long, conflicts_with = "no_deps")]
    force_with_deps: bool,
    /// Leave out what roles and collections need
    #[arg(short, long)]
    no_deps: bool,
    /// Go on with the next one when one fails
    #[arg(short, long)]
    ignore_errors: bool,
}

#[derive(Args, Debug)]
pub(super) struct InstallRoles {
    /// Roles: NAME, git+URL, an archive's URL or path, or a directory, each with ,VERSION and ,NAME
    #[arg(value_name = "ROLE")]
    roles: Vec<String>,
    /// File that lists roles, and collections
    #[arg(short, long, visible_alias = "requirements-file", value_name = "FILE")]
    role_file: Option<PathBuf>,
    /// Directory to install to; several are separated by colons
    #[arg(short = 'p', long, value_name = "PATH")]
    roles_path: Vec<String>,
    /// Keep what git knows of the files
    #[arg(short = 'g', long)]
    keep_scm_meta: bool,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    server: ServerFlags,
}

#[derive(Args, Debug)]
pub(super) struct InstallCollections {
    /// Collections: NAMESPACE.NAME[:VERSION], git+URL[#/DIRECTORY][,VERSION], an archive's URL or path, or a directory
    #[arg(value_name = "COLLECTION")]
    collections: Vec<String>,
    /// File that lists collections
    #[arg(short, long, visible_alias = "role-file", value_name = "FILE")]
    requirements_file: Option<PathBuf>,
    /// Directory to install to
    #[arg(short = 'p', long, value_name = "PATH")]
    collections_path: Option<String>,
    /// Take the newest version that is allowed
    #[arg(short = 'U', long)]
    upgrade: bool,
    /// Versions before a release count
    #[arg(long)]
    pre: bool,
    /// Ask no server
    #[arg(long)]
    offline: bool,
    /// Accepted for Ansible's sake: answers of servers are not kept
    #[arg(long, hide = true)]
    no_cache: bool,
    /// Accepted for Ansible's sake: answers of servers are not kept
    #[arg(long, hide = true)]
    clear_response_cache: bool,
    /// Accepted for Ansible's sake: signatures are not checked
    #[arg(long, hide = true)]
    disable_gpg_verify: bool,
    #[command(flatten)]
    extent: Extent,
    #[command(flatten)]
    server: ServerFlags,
}

impl InstallRoles {
    /// Install roles; `both` installs the collections of a file, too.
    pub(super) fn execute(&self, config: &Config, color: bool, both: bool) -> Result<Exit, Stop> {
        let wanted = match (&self.role_file, self.roles.is_empty()) {
            (Some(file), true) => read(file, color)?,
            (Some(_), false) => return Err(not_both()),
            (None, true) => return Err(nothing("a role")),
            (None, false) => {
                let roles = self.roles.iter().map(|role| RoleRequirement::parse(role, None));
                Requirements { roles: roles.collect::<Result<_, _>>()?, collections: Vec::new() }
            }
        };
        let Requirements { roles, collections } = wanted;
        let mut well = true;
        if !roles.is_empty() {
            put("Starting galaxy role install process\n");
            let directories = writable_first(&self.roles_path, config.paths(Setting::RolesPath));
            let servers = self.server.servers(config)?;
            let installer = RoleInstaller {
                directories: &directories,
                force: self.extent.force,
                force_dependencies: self.extent.force_with_deps,
                no_dependencies: self.extent.no_deps,
                ignore_errors: self.extent.ignore_errors,
                keep_scm: self.keep_scm_meta,
                way: self.server.way(config),
                servers: &servers,
                say: &|text| put(&format!("{text}\n")),
                warn: &|warning| tell(&[warning], color),
            };
            // That failures were passed over on purpose is no failure.
            well &= installer.install(roles).map_err(general)? || self.extent.ignore_errors;
        } else if collections.is_empty() || !both {
            put("Skipping install, no requirements found\n");
        }
        if both && !collections.is_empty() {
            if self.roles_path.is_empty() {
                let order = CollectionOrder {
                    path: None,
                    upgrade: false,
                    pre: false,
                    offline: false,
                    extent: &self.extent,
                    server: &self.server,
                    config,
                    color,
                };
                well &= order.install(&collections)?;
            } else {
                say(
                    "[WARNING]: the collections of the file are left out, since `-p` is for roles: `collection install -r` installs them",
                );
            }
        }
        Ok(if well { Exit::Success } else { Exit::Error })
    }
}

impl InstallCollections {
    /// Install collections.
    pub(super) fn execute(&self, config: &Config, color: bool) -> Result<Exit, Stop> {
        let collections = match (&self.requirements_file, self.collections.is_empty()) {
            (Some(file), true) => read(file, color)?.collections,
            (Some(_), false) => return Err(not_both()),
            (None, true) => return Err(nothing("a collection")),
            (None, false) => {
                let collections = self.collections.iter().map(|text| CollectionRequirement::parse(text, None));
                collections.collect::<Result<_, _>>()?
            }
        };
        if collections.is_empty() {
            put("Skipping install, no requirements found\n");
            return Ok(Exit::Success);
        }
        let order = CollectionOrder {
            path: self.collections_path.as_deref(),
            upgrade: self.upgrade,
            pre: self.pre,
            offline: self.offline,
            extent: &self.extent,
            server: &self.server,
            config,
            color,
        };
        Ok(if order.install(&collections)? { Exit::Success } else { Exit::Error })
    }
}

/// How collections are to be installed.
struct CollectionOrder<'a> {
    path: Option<&'a str>,
    upgrade: bool,
    pre: bool,
    offline: bool,
    extent: &'a Extent,
    server: &'a ServerFlags,
    config: &'a Config,
    color: bool,
}

impl CollectionOrder<'_> {
    fn install(&self, collections: &[CollectionRequirement]) -> Result<bool, Stop> {
        put("Starting galaxy collection install process\n");
        let configured = self.config.paths(Setting::CollectionsPath);
        let own: Vec<String> = self.path.map(str::to_owned).into_iter().collect();
        let directories = writable_first(&own, configured);
        if let (Some(path), Some(first)) = (self.path, directories.first())
            && !configured.contains(first)
            && self.config.bool(Setting::GalaxyCollectionsPathWarning)
        {
            say(&format!(
                "[WARNING]: `{path}` is not on `collections_path`: playbooks find collections there only where it is their own `collections`"
            ));
        }
        let servers = self.server.servers(self.config)?;
        let installer = CollectionInstaller {
            directories: &directories,
            force: self.extent.force || self.extent.force_with_deps,
            force_dependencies: self.extent.force_with_deps,
            no_dependencies: self.extent.no_deps,
            upgrade: self.upgrade,
            pre: self.pre,
            offline: self.offline,
            ignore_errors: self.extent.ignore_errors,
            way: self.server.way(self.config),
            servers: &servers,
            say: &|text| put(&format!("{text}\n")),
            warn: &|warning| tell(&[warning], self.color),
        };
        Ok(installer.install(collections)? || self.extent.ignore_errors)
    }
}

fn read(file: &Path, color: bool) -> Result<Requirements, Stop> {
    if !file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml") {
        return Err(Diagnostic::error(format!("`{}` is no requirements file", file.display()))
            .hint("its name ends in `.yml` or `.yaml`")
            .into());
    }
    let (wanted, warnings) = requirements::read(file).map_err(general)?;
    tell(&warnings, color);
    Ok(wanted)
}

fn general(problems: Vec<Diagnostic>) -> Stop {
    Stop::new(problems, Exit::Error)
}

fn not_both() -> Stop {
    Stop::options(Diagnostic::error("both a file and names are given").hint("give one of the two"))
}

fn nothing(what: &str) -> Stop {
    Stop::options(
        Diagnostic::error(format!("neither {what} nor a requirements file is given")).hint("`-r FILE` names a file"),
    )
}

/// The directories to look in: those of the command line, then those of the settings.
pub(super) fn directories(own: &[String], configured: &[PathBuf]) -> Vec<PathBuf> {
    let own = path_list(own).map(|path| crate::source::normalized(&std::path::absolute(&path).unwrap_or(path)));
    own.chain(configured.iter().cloned()).collect()
}

/// The same, where something is written to the first: of those of the settings, the first that can be written to.
fn writable_first(own: &[String], configured: &[PathBuf]) -> Vec<PathBuf> {
    let mut directories = directories(own, configured);
    if own.is_empty()
        && let Some(first) = directories.iter().position(|path| is_writable(path))
    {
        let first = directories.remove(first);
        directories.insert(0, first);
    }
    directories
}

/// Whether something can be written to a directory, or it can be made.
fn is_writable(path: &Path) -> bool {
    let there = path.ancestors().find(|path| path.exists());
    there.is_some_and(|path| rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok())
}
