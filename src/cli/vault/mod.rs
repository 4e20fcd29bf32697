//! `rprov vault` (also `ansible-vault`): encrypt and decrypt files and values.
//!
//! * `file`: reading and writing files, so that neither a crash nor a link loses one;
//! * `string`: `encrypt_string`.

mod file;
mod string;

use std::io::{IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Parser, Subcommand};
use zeroize::Zeroizing;

use super::exit::Exit;
use super::identities::{VaultFlags, ask, ask_new, same_label};
use super::settings::with_settings;
use super::stop::Stop;
use super::tell::{color_of, say, tell};
use crate::cli::output::Output;
use crate::config::{Config, Setting};
use crate::source::Diagnostic;
use crate::vault::{Envelope, Identity, Keyring, Source};

/// Encrypt and decrypt files and values
#[derive(Debug, Parser)]
#[command(name = "ansible-vault", subcommand_required = true, arg_required_else_help = true)]
pub(super) struct VaultCommand {
    #[command(subcommand)]
    action: Action,
    /// Say more (accepted for Ansible's sake)
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Write a new encrypted file in the editor
    Create(Create),
    /// Decrypt files, or standard input
    Decrypt(Convert),
    /// Change an encrypted file in the editor
    Edit(Edit),
    /// Show an encrypted file
    View(View),
    /// Encrypt files, or standard input
    Encrypt(EncryptFiles),
    /// Encrypt a value for a YAML file
    #[command(name = "encrypt_string")]
    EncryptString(string::EncryptString),
    /// Encrypt files with another password
    Rekey(Rekey),
}

#[derive(Args, Debug)]
struct Create {
    #[command(flatten)]
    identities: VaultFlags,
    #[command(flatten)]
    with: EncryptWith,
    /// Start the editor even if there is no terminal
    #[arg(long)]
    skip_tty_check: bool,
    /// File to write
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Args, Debug)]
struct Convert {
    #[command(flatten)]
    identities: VaultFlags,
    /// Where to write; `-` is standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Files; `-` or none is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
struct EncryptFiles {
    #[command(flatten)]
    convert: Convert,
    #[command(flatten)]
    with: EncryptWith,
}

#[derive(Args, Debug)]
struct Edit {
    #[command(flatten)]
    identities: VaultFlags,
    /// Accepted for Ansible's sake: a file keeps the label that it bears
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
    /// Files to edit, one after the other
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
struct View {
    #[command(flatten)]
    identities: VaultFlags,
    /// Files; `-` is standard input
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Args, Debug)]
struct Rekey {
    #[command(flatten)]
    identities: VaultFlags,
    #[command(flatten)]
    with: EncryptWith,
    /// File that holds the new password, or a program that prints it
    #[arg(long, value_name = "FILE", conflicts_with = "new_vault_id")]
    new_vault_password_file: Option<PathBuf>,
    /// The new identity: LABEL@SOURCE
    #[arg(long, value_name = "ID")]
    new_vault_id: Option<String>,
    /// Files; `-` or none is standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

#[derive(Args, Clone, Debug, Default)]
struct EncryptWith {
    /// The label of the identity to encrypt with, where there are several
    #[arg(long, value_name = "LABEL")]
    encrypt_vault_id: Option<String>,
}

impl VaultCommand {
    /// Do it.
    pub(super) fn execute(self) -> Exit {
        with_settings(|config, _| {
            match self.action {
                Action::Create(command) => command.execute(&config),
                Action::Decrypt(command) => command.decrypt(&config),
                Action::Edit(command) => command.execute(&config),
                Action::View(command) => command.execute(&config),
                Action::Encrypt(command) => command.execute(&config),
                Action::EncryptString(command) => command.execute(&config),
                Action::Rekey(command) => command.execute(&config),
            }
            .map(|()| Exit::Success)
        })
    }
}

/// An identity to encrypt with: of those that the flags and settings name, the one that is asked for. If none is given,
/// a new password is asked for.
fn encrypting(flags: &VaultFlags, with: &EncryptWith, config: &Config) -> Result<Identity, Stop> {
    let mut sources = flags.sources(config);
    if sources.is_empty() {
        sources.push(("default".to_owned(), Source::Prompt));
    }
    let wanted = with.encrypt_vault_id.as_deref().or(config.string(Setting::VaultEncryptIdentity));
    let labels = || sources.iter().map(|(label, _)| label.as_str()).collect::<Vec<_>>().join(",");
    let (label, source) = match wanted {
        Some(wanted) => sources.iter().find(|(label, _)| label == wanted).ok_or_else(|| {
            Diagnostic::error(format!("Did not find a match for --encrypt-vault-id={wanted}"))
                .cause(format!("the known vault ids are: {}", labels()))
                .hint("give it as well: `--vault-id LABEL@SOURCE`")
        })?,
        None => match sources.as_slice() {
            [only] => only,
            several if several.iter().all(|one| Some(one) == several.first()) => &several[0],
            _ => {
                let problem = Diagnostic::error(format!("The vault-ids {} are available to encrypt", labels()))
                    .hint("say which one with `--encrypt-vault-id LABEL`");
                return Err(Stop::options(problem));
            }
        },
    };
    Ok(source.identity(label, &ask_new)?)
}

/// Identities to decrypt with; asked for if none is given.
fn decrypting(flags: &VaultFlags, config: &Config) -> Result<Keyring, Stop> {
    if flags.sources(config).is_empty() {
        let identity = Source::Prompt.identity("default", &ask)?;
        return Ok(Keyring::new(vec![identity], same_label(config)));
    }
    let (keyring, notes) = flags.keyring(config)?;
    tell(&notes, color_of(config, std::io::stderr().is_terminal()));
    Ok(keyring)
}

fn seal(plain: &[u8], identity: &Identity, config: &Config) -> String {
    Keyring::seal(plain, identity, config.string(Setting::VaultEncryptSalt).map(str::as_bytes))
}

/// The content of an encrypted file, opened; and the identity's label.
fn open(bytes: &[u8], keyring: &Keyring, shown: &Path) -> Result<crate::vault::Opened, Stop> {
    if !Envelope::is_one(bytes) {
        return Err(Diagnostic::error(format!("Input is not vault encrypted data: {}", shown.display())).into());
    }
    keyring.open(bytes).map_err(|error| {
        Diagnostic::error(error.to_string()).cause(format!("for {}", shown.display())).hint(error.hint()).into()
    })
}

/// Say that it is done, to a person.
fn say_done(text: &str) {
    if std::io::stdout().is_terminal() {
        say(text);
    }
}

impl Convert {
    /// The files, standard input if there are none. Several cannot go to one output.
    fn inputs(&self) -> Result<Vec<PathBuf>, Stop> {
        if self.output.is_some() && self.files.len() > 1 {
            return Err(Stop::options(
                Diagnostic::error("At most one input file may be used with the --output option")
                    .hint("call it once for each file"),
            ));
        }
        Ok(if self.files.is_empty() { vec![PathBuf::from("-")] } else { self.files.clone() })
    }

    fn each(
        &self,
        doing: &str,
        convert: impl Fn(&[u8], &Path) -> Result<Zeroizing<Vec<u8>>, Stop>,
    ) -> Result<(), Stop> {
        for input in self.inputs()? {
            if input == Path::new("-") && std::io::stdin().is_terminal() {
                say(&format!("Reading {doing} input from stdin"));
            }
            let content = file::read(&input)?;
            let converted = convert(&content, &input)?;
            file::write(self.output.as_deref().unwrap_or(&input), &converted)?;
        }
        Ok(())
    }

    fn decrypt(&self, config: &Config) -> Result<(), Stop> {
        let keyring = decrypting(&self.identities, config)?;
        self.each("ciphertext", |content, shown| open(content, &keyring, shown).map(|opened| opened.plain))?;
        say_done("Decryption successful");
        Ok(())
    }
}

impl EncryptFiles {
    fn execute(&self, config: &Config) -> Result<(), Stop> {
        let identity = encrypting(&self.convert.identities, &self.with, config)?;
        self.convert.each("plaintext", |content, shown| {
            if Envelope::is_one(content) {
                let problem = Diagnostic::error("input is already encrypted").cause(shown.display().to_string());
                return Err(problem.hint("`rekey` encrypts it with another password").into());
            }
            Ok(Zeroizing::new(seal(content, &identity, config).into_bytes()))
        })?;
        say_done("Encryption successful");
        Ok(())
    }
}

impl Create {
    fn execute(&self, config: &Config) -> Result<(), Stop> {
        if self.file.exists() {
            return Err(Diagnostic::error(format!("{} exists", self.file.display()))
                .hint("`rprov vault edit` changes it")
                .into());
        }
        if !std::io::stdout().is_terminal() && !self.skip_tty_check {
            return Err(Stop::options(
                Diagnostic::error("not a tty, editor cannot be opened")
                    .hint("`--skip-tty-check` opens it all the same; `encrypt` encrypts a file that there is"),
            ));
        }
        let identity = encrypting(&self.identities, &self.with, config)?;
        if let Some(directory) = self.file.parent().filter(|path| !path.as_os_str().is_empty() && !path.exists()) {
            std::fs::create_dir_all(directory).map_err(|error| file::problem(directory, "create", &error))?;
        }
        let plain = file::edited(&[], &self.file)?;
        file::write(&self.file, seal(&plain, &identity, config).as_bytes())
    }
}

impl Edit {
    fn execute(&self, config: &Config) -> Result<(), Stop> {
        let keyring = decrypting(&self.identities, config)?;
        for path in &self.files {
            let content = file::read(path)?;
            let opened = open(&content, &keyring, path)?;
            let plain = file::edited(&opened.plain, path)?;
            if plain == opened.plain {
                continue;
            }
            file::write(path, seal(&plain, &opened.identity, config).as_bytes())?;
        }
        Ok(())
    }
}

impl View {
    fn execute(&self, config: &Config) -> Result<(), Stop> {
        let keyring = decrypting(&self.identities, config)?;
        for path in &self.files {
            let opened = open(&file::read(path)?, &keyring, path)?;
            if std::io::stdout().is_terminal() {
                file::page(&opened.plain)?;
            } else {
                // Nobody may be reading.
                let _ = Output.write_all(&opened.plain);
            }
        }
        Ok(())
    }
}

impl Rekey {
    fn execute(&self, config: &Config) -> Result<(), Stop> {
        let keyring = decrypting(&self.identities, config)?;
        let inputs = if self.files.is_empty() { vec![PathBuf::from("-")] } else { self.files.clone() };
        let contents: Vec<Zeroizing<Vec<u8>>> = inputs.iter().map(|path| file::read(path)).collect::<Result<_, _>>()?;
        // All must open before any is written.
        let opened = inputs
            .iter()
            .zip(&contents)
            .map(|(path, content)| open(content, &keyring, path))
            .collect::<Result<Vec<_>, _>>()?;
        let (label, source) = match (&self.new_vault_id, &self.new_vault_password_file) {
            (Some(id), _) => Source::parse(id),
            (None, Some(file)) => {
                (self.with.encrypt_vault_id.clone().unwrap_or_else(|| "default".to_owned()), Source::File(file.clone()))
            }
            (None, None) => {
                (self.with.encrypt_vault_id.clone().unwrap_or_else(|| "default".to_owned()), Source::Prompt)
            }
        };
        let identity = source.identity(&label, &ask_new)?;
        for (path, opened) in inputs.iter().zip(&opened) {
            file::write(path, seal(&opened.plain, &identity, config).as_bytes())?;
        }
        say("Rekey successful");
        Ok(())
    }
}
