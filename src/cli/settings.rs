//! What every command begins with: the settings, and for those that read other files the vault's passwords.

use std::io::IsTerminal as _;
use std::sync::Arc;

use super::exit::Exit;
use super::identities::VaultFlags;
use super::stop::Stop;
use super::tell::{color_of, tell};
use crate::config::{Config, Setting};
use crate::report::log;
use crate::source::{Diagnostic, Severity};

/// Do what a command is for with the settings, and say how it ended. It is told, too, whether standard error takes
/// colours. What is wrong with the settings, and what stops the command, is told.
pub(super) fn with_settings(command: impl FnOnce(Config, bool) -> Result<Exit, Stop>) -> Exit {
    let (config, notes) = Config::load_here();
    let color = color_of(&config, std::io::stderr().is_terminal());
    if let Some(path) = config.path_of(Setting::LogPath)
        && let Err(error) = log::open(path)
    {
        let what = format!("the log file cannot be written: {}", path.display());
        let hint = format!("`log_path` is set by {}", config.origin(Setting::LogPath));
        tell(&[Diagnostic::warning(what).cause(error.to_string()).hint(hint)], color);
    }
    tell(&notes, color);
    if notes.iter().any(|note| note.severity == Severity::Error) {
        return Exit::Options;
    }
    command(config, color).unwrap_or_else(|stop| stop.told(color))
}

/// The same with settings that hold the vault's passwords; they are fetched or asked for now.
pub(super) fn with_vault(vault: &VaultFlags, command: impl FnOnce(Arc<Config>, bool) -> Result<Exit, Stop>) -> Exit {
    with_settings(|mut config, color| {
        let (keyring, notes) = vault.keyring(&config)?;
        tell(&notes, color);
        config.set_vault(keyring);
        command(Arc::new(config), color)
    })
}
