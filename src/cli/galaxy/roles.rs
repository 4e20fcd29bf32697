//! What is done with roles beside installing them.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::begin::Begin;
use super::install::directories;
use super::servers::ServerFlags;
use crate::cli::exit::Exit;
use crate::cli::stop::Stop;
use crate::cli::tell::{put, say};
use crate::config::{Config, Setting};
use crate::galaxy::requirement::is_directory_name;
use crate::galaxy::role::InstalledRole;
use crate::galaxy::{place, skeleton};
use crate::source::Diagnostic;
use crate::yaml::{Data, Node};

/// Where roles are.
#[derive(Args, Debug)]
struct Where {
    /// Directories of roles, separated by colons; before those of the settings
    #[arg(short = 'p', long, value_name = "PATH")]
    roles_path: Vec<String>,
    #[command(flatten)]
    server: ServerFlags,
}

impl Where {
    fn directories(&self, config: &Config) -> Vec<PathBuf> {
        directories(&self.roles_path, config.paths(Setting::RolesPath))
    }
}

#[derive(Args, Debug)]
pub(super) struct List {
    /// Only this role
    role: Option<String>,
    #[command(flatten)]
    place: Where,
}

impl List {
    pub(super) fn execute(&self, config: &Config) -> Result<Exit, Stop> {
        let directories = self.place.directories(config);
        let mut text = String::new();
        let mut any = false;
        let line = |text: &mut String, role: &InstalledRole| {
            let version = role.version.as_deref().filter(|version| !version.is_empty()).unwrap_or("(unknown version)");
            let _ = writeln!(text, "- {}, {version}", role.name);
        };
        if let Some(name) = &self.role {
            match InstalledRole::find(name, &directories) {
                Some(role) => {
                    let _ = writeln!(text, "# {}", role.path.parent().unwrap_or(&role.path).display());
                    line(&mut text, &role);
                }
                None => say(&format!("[WARNING]: - the role {name} was not found")),
            }
            put(&text);
            return Ok(Exit::Success);
        }
        for directory in &directories {
            if !directory.is_dir() {
                let what = if directory.exists() { "is no directory" } else { "does not exist" };
                say(&format!("[WARNING]: - the configured path {} {what}.", directory.display()));
                continue;
            }
            any = true;
            let _ = writeln!(text, "# {}", directory.display());
            InstalledRole::all(directory).iter().for_each(|role| line(&mut text, role));
        }
        put(&text);
        if !any {
            return Err(Stop::options(
                Diagnostic::error("none of the directories of roles is there")
                    .hint("name one by `-p`, or set `roles_path`"),
            ));
        }
        Ok(Exit::Success)
    }
}

#[derive(Args, Debug)]
pub(super) struct Remove {
    /// Roles
    #[arg(required = true, value_name = "ROLE")]
    roles: Vec<String>,
    #[command(flatten)]
    place: Where,
}

impl Remove {
    pub(super) fn execute(&self, config: &Config) -> Result<Exit, Stop> {
        let directories = self.place.directories(config);
        for name in &self.roles {
            if !is_directory_name(name) {
                return Err(Diagnostic::error(format!("`{name}` is no role's name")).into());
            }
            let Some(role) = InstalledRole::find(name, &directories) else {
                put(&format!("- {name} is not installed, skipping.\n"));
                continue;
            };
            if role.version.is_none() {
                return Err(Diagnostic::error(format!("`{}` did not come from an installation", role.path.display()))
                    .hint("remove the directory yourself if nobody needs it")
                    .into());
            }
            std::fs::remove_dir_all(&role.path).map_err(|error| place::unwritable(&role.path, &error))?;
            put(&format!("- successfully removed {name}\n"));
        }
        Ok(Exit::Success)
    }
}

#[derive(Args, Debug)]
pub(super) struct Init {
    /// The role's name
    #[arg(value_name = "ROLE")]
    name: String,
    #[command(flatten)]
    begin: Begin,
    /// Directory whose files it begins with
    #[arg(long, value_name = "PATH")]
    role_skeleton: Option<PathBuf>,
    /// Accepted for Ansible's sake: no server is asked
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    server: ServerFlags,
}

impl Init {
    pub(super) fn execute(&self, config: &Config) -> Result<Exit, Stop> {
        let name = &self.name;
        if !is_directory_name(name) {
            return Err(Diagnostic::error(format!("`{name}` cannot be a role's name"))
                .hint("`--init-path` says where it is begun")
                .into());
        }
        let directory = self.begin.directory(name.as_ref())?;
        match self.role_skeleton.as_deref().or(config.path_of(Setting::GalaxyRoleSkeleton)) {
            Some(from) => skeleton::copied(from, &directory)?,
            None => skeleton::role(&directory, name)?,
        }
        put(&format!("- Role {name} was created successfully\n"));
        Ok(Exit::Success)
    }
}

#[derive(Args, Debug)]
pub(super) struct Info {
    /// Roles
    #[arg(required = true, value_name = "ROLE")]
    roles: Vec<String>,
    /// Accepted for Ansible's sake: no server is asked
    #[arg(long)]
    offline: bool,
    #[command(flatten)]
    place: Where,
}

impl Info {
    pub(super) fn execute(&self, config: &Config) -> Result<Exit, Stop> {
        let directories = self.place.directories(config);
        let mut text = String::new();
        for name in &self.roles {
            let name = name.split(',').next().unwrap_or_default();
            let Some(role) = InstalledRole::find(name, &directories) else {
                let _ = writeln!(text, "- the role {name} was not found");
                continue;
            };
            let _ = writeln!(text, "\nRole: {name}");
            let meta = role.meta();
            let info = meta.as_ref().and_then(|meta| meta.get("galaxy_info"));
            if let Some(description) = info.and_then(|info| info.get("description")).and_then(Node::as_str) {
                let _ = writeln!(text, "\tdescription: {description}");
            }
            if let Some(needs) = meta.as_ref().and_then(|meta| meta.get("dependencies")) {
                let _ = writeln!(text, "\tdependencies: {}", shown(needs));
            }
            let _ = writeln!(text, "\tgalaxy_info:");
            for (key, value) in info.and_then(Node::as_map).unwrap_or_default() {
                let key = key.as_str().unwrap_or_default();
                if key != "description" {
                    let _ = writeln!(text, "\t\t{key}: {}", shown(value));
                }
            }
            if let Some(date) = role.install_date() {
                let _ = writeln!(text, "\tinstall_date: {date}");
            }
            if let Some(version) = &role.version {
                let _ = writeln!(text, "\tinstalled_version: {version}");
            }
            let _ = writeln!(text, "\tpath: {}", role.path.display());
        }
        put(&text);
        Ok(Exit::Success)
    }
}

/// A value on one line.
fn shown(node: &Node) -> String {
    match &node.data {
        Data::Null => String::new(),
        Data::Bool(flag) => flag.to_string(),
        Data::Int(number) => number.to_string(),
        Data::Float(number) => number.to_string(),
        Data::BigInt(text) | Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) => text.to_string(),
        Data::Vault(_) => "(encrypted)".to_owned(),
        Data::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        Data::Map(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", shown(key), shown(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}
