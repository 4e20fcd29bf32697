//! Flags that several commands take, by what they are about.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{ArgAction, Args};

use super::identities::VaultFlags;
use super::stop::Stop;
use crate::action::Library;
use crate::config::{Config, Setting};
use crate::source::Diagnostic;

/// What every command that runs tasks takes.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct RunFlags {
    #[command(flatten)]
    pub(super) inventory: InventoryFlags,
    #[command(flatten)]
    pub(super) connection: ConnectionFlags,
    #[command(flatten)]
    pub(super) r#become: BecomeFlags,
    #[command(flatten)]
    pub(super) task: TaskFlags,
    #[command(flatten)]
    pub(super) vault: VaultFlags,
}

/// Which hosts there are, and which of them are meant.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct InventoryFlags {
    /// Inventory: a file, a directory, a script, or a list of hosts with commas; may be given several times
    #[arg(short, long, visible_alias = "inventory-file", value_name = "INVENTORY")]
    pub(super) inventory: Vec<String>,
    /// Work only on these hosts
    #[arg(short, long, value_name = "PATTERN")]
    pub(super) limit: Option<String>,
    /// Forget the facts that were cached
    #[arg(long)]
    pub(super) flush_cache: bool,
}

/// As whom and how to log in.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct ConnectionFlags {
    /// Log in as this user
    #[arg(short, long, value_name = "USER")]
    pub(super) user: Option<String>,
    /// Ask for the password to log in with
    #[arg(short = 'k', long)]
    pub(super) ask_pass: bool,
    /// File with the password to log in with
    #[arg(long, visible_alias = "conn-pass-file", value_name = "FILE", conflicts_with = "ask_pass")]
    pub(super) connection_password_file: Option<PathBuf>,
    /// Private key to log in with
    #[arg(long, visible_alias = "key-file", value_name = "FILE")]
    pub(super) private_key: Option<PathBuf>,
    /// Seconds that a connection attempt may take
    #[arg(short = 'T', long, value_name = "SECONDS")]
    pub(super) timeout: Option<u64>,
    /// Connection: ssh or local
    #[arg(short, long, value_name = "CONNECTION")]
    pub(super) connection: Option<String>,
    /// Arguments of ssh (-o, -J, -F ...)
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub(super) ssh_common_args: Option<String>,
    /// More arguments of ssh
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true)]
    pub(super) ssh_extra_args: Option<String>,
    /// Accepted for Ansible's sake: files travel on the agent's channel, not by scp
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true, hide = true)]
    scp_extra_args: Option<String>,
    /// Accepted for Ansible's sake: files travel on the agent's channel, not by sftp
    #[arg(long, value_name = "ARGUMENTS", allow_hyphen_values = true, hide = true)]
    sftp_extra_args: Option<String>,
}

/// Whom to become on a host.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct BecomeFlags {
    /// Become another user
    #[arg(short, long)]
    pub(super) r#become: bool,
    /// How to become another user: sudo, su or doas
    #[arg(long, value_name = "METHOD")]
    pub(super) become_method: Option<String>,
    /// The user to become
    #[arg(long, value_name = "USER")]
    pub(super) become_user: Option<String>,
    /// Ask for the password to become another user with
    #[arg(short = 'K', long)]
    pub(super) ask_become_pass: bool,
    /// File with the password to become another user with
    #[arg(long, visible_alias = "become-pass-file", value_name = "FILE", conflicts_with = "ask_become_pass")]
    pub(super) become_password_file: Option<PathBuf>,
}

/// How tasks are run.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct TaskFlags {
    /// Extra variables: key=value, JSON, or @FILE
    #[arg(short, long = "extra-vars", value_name = "VARIABLES")]
    pub(super) extra: Vec<String>,
    /// Hosts that are worked on at the same time
    #[arg(short, long, value_name = "N")]
    pub(super) forks: Option<usize>,
    /// Predict, and change nothing
    #[arg(short = 'C', long)]
    pub(super) check: bool,
    /// Show what changes in files
    #[arg(short = 'D', long)]
    pub(super) diff: bool,
    /// Say more; up to -vvvv
    #[arg(short, long, action = ArgAction::Count)]
    pub(super) verbose: u8,
    /// Look for modules of your own in these directories too, separated by colons
    #[arg(short = 'M', long, value_name = "PATH")]
    pub(super) module_path: Vec<String>,
}

impl TaskFlags {
    /// Where modules of the user's own are looked for.
    pub(super) fn library(&self, config: &Config) -> Arc<Library> {
        Arc::new(Library::new(config, &self.module_path))
    }
}

/// Tasks that stand in no playbook.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct LoneTaskFlags {
    /// Directory that stands in for a playbook's: relative paths, roles and group_vars begin there
    #[arg(long, value_name = "DIRECTORY")]
    pub(super) playbook_dir: Option<PathBuf>,
    /// Seconds that a task may take
    #[arg(long, value_name = "SECONDS")]
    pub(super) task_timeout: Option<u32>,
}

impl LoneTaskFlags {
    /// Where relative paths begin: the given directory, that of the settings, or the present one.
    pub(super) fn directory(&self, config: &Config) -> Result<PathBuf, Stop> {
        let given =
            self.playbook_dir.as_deref().map(|path| rprov_modules::account::expand_path(&path.to_string_lossy()));
        let path = given.or_else(|| config.path_of(Setting::PlaybookDir).map(Path::to_owned));
        let path = path.unwrap_or_else(|| PathBuf::from("."));
        let unusable = |cause: String| {
            Diagnostic::error(format!("the playbook directory {} cannot be used", path.display()))
                .cause(cause)
                .hint("`--playbook-dir` takes a directory that there is")
        };
        match path.canonicalize() {
            Ok(path) if path.is_dir() => Ok(path),
            Ok(_) => Err(unusable("it is no directory".to_owned()).into()),
            Err(error) => Err(unusable(error.to_string()).into()),
        }
    }
}
