//! `--vault-id`, `--vault-password-file` and `-J`: the identities that a command may use.

use std::path::PathBuf;

use clap::Args;
use zeroize::Zeroizing;

use crate::config::{Config, Setting};
use crate::run::ask::secret;
use crate::source::{Diagnostic, Diagnostics, Severity};
use crate::vault::{Identity, Keyring, Source};

/// The flags by which vault passwords are given.
#[derive(Args, Clone, Debug, Default)]
pub(super) struct VaultFlags {
    /// The vault identity to use: LABEL@SOURCE, where SOURCE is a file, a program or `prompt`
    #[arg(long, value_name = "ID")]
    pub(super) vault_id: Vec<String>,
    /// File that holds a vault password, or a program that prints it
    #[arg(long, visible_alias = "vault-pass-file", value_name = "FILE", conflicts_with = "ask_vault_pass")]
    pub(super) vault_password_file: Vec<PathBuf>,
    /// Ask for the vault password
    #[arg(short = 'J', long, visible_alias = "ask-vault-password")]
    pub(super) ask_vault_pass: bool,
}

impl VaultFlags {
    /// Labels and sources, in the order in which they are tried: those of the settings first.
    pub(super) fn sources(&self, config: &Config) -> Vec<(String, Source)> {
        let mut sources: Vec<(String, Source)> = config
            .list(Setting::VaultIdentityList)
            .iter()
            .chain(&self.vault_id)
            .map(|text| Source::parse(text))
            .collect();
        let label = config.string(Setting::VaultIdentity).unwrap_or("default");
        let from_settings = config.path_of(Setting::VaultPasswordFile).map(PathBuf::from);
        let files = match self.vault_password_file.as_slice() {
            [] if !self.ask_vault_pass => from_settings.as_slice(),
            given => given,
        };
        for file in files {
            let path = rprov_modules::account::expand_path(&file.to_string_lossy());
            sources.push((label.to_owned(), Source::File(path)));
        }
        if self.ask_vault_pass || (config.bool(Setting::AskVaultPass) && files.is_empty()) {
            sources.push((label.to_owned(), Source::Prompt));
        }
        sources
    }

    /// The identities, their passwords fetched or asked for now, and warnings about those that cannot be had.
    ///
    /// # Errors
    /// None of the passwords can be had, or one that is asked for cannot.
    pub(super) fn keyring(&self, config: &Config) -> Result<(Keyring, Diagnostics), Diagnostic> {
        let mut identities: Vec<Identity> = Vec::new();
        let mut problems = Diagnostics::new();
        for (label, source) in self.sources(config) {
            match (source.identity(&label, &ask), source) {
                (Ok(identity), _) => identities.push(identity),
                (Err(problem), Source::File(_)) => problems.push(problem),
                (Err(problem), Source::Prompt) => return Err(problem),
            }
        }
        if identities.is_empty()
            && let Some(last) = problems.pop()
        {
            return Err(last);
        }
        for problem in &mut problems {
            problem.severity = Severity::Warning;
        }
        Ok((Keyring::new(identities, same_label(config)), problems))
    }
}

/// `vault_id_match`, which is text in Ansible's table.
pub(super) fn same_label(config: &Config) -> bool {
    config.string(Setting::VaultIdMatch).and_then(rprov_modules::argument::boolean).unwrap_or(false)
}

/// Ask at the terminal, without echo.
pub(super) fn ask(question: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    secret(question).map(|answer| Zeroizing::new(answer.into_bytes())).map_err(|error| {
        if error.kind() == std::io::ErrorKind::Interrupted {
            return Diagnostic::interrupted();
        }
        Diagnostic::error("a vault password was to be asked for, and there is no terminal")
            .cause(error.to_string())
            .hint("give it by a file or program: `--vault-password-file`, `--vault-id LABEL@FILE`")
    })
}

/// Ask for a new password, twice.
pub(super) fn ask_new(question: &str) -> Result<Zeroizing<Vec<u8>>, Diagnostic> {
    let (first, second) = match question.strip_prefix("Vault password (") {
        Some(label) => (format!("New vault password ({label}"), format!("Confirm new vault password ({label}")),
        None => ("New Vault password: ".to_owned(), "Confirm New Vault password: ".to_owned()),
    };
    let password = ask(&first)?;
    if ask(&second)? != password {
        return Err(Diagnostic::error("Passwords do not match").hint("nothing was written; try again"));
    }
    Ok(password)
}
