//! `apt_key`: keys that apt trusts, by the program `apt-key`, which newer systems no longer have.

use std::path::PathBuf;

use rprov_wire::Value;

use crate::argument::Rule::Exclusive;
use crate::context::Context;
use crate::openpgp;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::program::find_program;
use crate::{arguments, choices};

choices! {
    /// Whether the key is to be trusted.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Add or remove an apt key.
    pub struct Arguments {
        /// The key itself.
        data: Option<String>,
        /// The key's file on the host.
        file: Option<PathBuf>,
        /// The key's id.
        id: Option<String>,
        /// The file in `/etc/apt/trusted.gpg.d` that has it.
        keyring: Option<PathBuf>,
        /// The server to ask for it.
        keyserver: Option<String>,
        /// Whether it is to be trusted.
        state: State = State::Present,
        /// Where to fetch it from.
        url: Option<String>,
        /// Check the server's certificate.
        validate_certs: bool = true,
    }
    rules: [Exclusive(&["data", "file", "keyserver", "url"])]
}

/// An id, with and without its first digits.
struct Id {
    /// As it was given.
    given: String,
    /// Without `0x`.
    key: String,
    /// The last eight digits.
    short: String,
    /// What `apt-key` is to list: the last sixteen digits, or eight where there are no more.
    listed: String,
}

impl Id {
    fn parse(given: &str) -> Result<Self, Failure> {
        let key = given.strip_prefix("0x").unwrap_or(given).to_uppercase();
        let last = |count: usize| key.get(key.len().saturating_sub(count)..).unwrap_or_default().to_owned();
        let hexadecimal = key.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !hexadecimal || !(key.len() == 8 || key.len() >= 16) {
            return Err(Failure::new("Invalid key_id").with("id", given));
        }
        Ok(Id { given: given.to_owned(), short: last(8), listed: last(if key.len() == 8 { 8 } else { 16 }), key })
    }
}

struct AptKey<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
}

impl AptKey<'_> {
    fn command(&self) -> Command {
        let command = Command::new("apt-key").plain_locale();
        match &self.arguments.keyring {
            Some(keyring) => command.arg("--keyring").arg(keyring),
            None => command,
        }
    }

    /// The ids of all keys, subkeys included.
    fn list(&self, id: &Id) -> Result<Vec<String>, Failure> {
        if self.arguments.keyring.as_ref().is_some_and(|keyring| !keyring.exists()) {
            return Ok(Vec::new());
        }
        let format = if id.listed.len() == 8 { "--keyid-format=short" } else { "--keyid-format=long" };
        let listed = self
            .command()
            .args(["adv", "--list-public-keys", format])
            .run_or_fail("could not list the keys", self.context)?;
        let key = |line: &str| -> Option<String> {
            let rest = line.strip_prefix("pub").or_else(|| line.strip_prefix("sub"))?;
            let (_, id) = rest.split_whitespace().next()?.split_once('/')?;
            Some(id.to_owned())
        };
        Ok(listed.stdout().lines().filter_map(key).collect())
    }

    fn add(&self, id: &Id, content: Option<Vec<u8>>) -> Result<(), Failure> {
        let command = self.command();
        let attempt = format!("could not add the key {}", id.key);
        let command = match (content, &self.arguments.keyserver) {
            (Some(content), _) => command.args(["add", "-"]).stdin(content),
            (None, Some(server)) => {
                let attempt = format!("Error fetching key {} from keyserver: {server}", id.key);
                let command = command.args(["adv", "--no-tty", "--keyserver", server, "--recv", &id.key]);
                return command.run_or_fail(&attempt, self.context).map(drop);
            }
            (None, None) => {
                return Err(Failure::new(format!("{attempt}: give data, file, url or keyserver")));
            }
        };
        command.run_or_fail(&attempt, self.context).map(drop)
    }
}

/// The key that is to be added, and how messages call it.
fn content(arguments: &Arguments, context: &Context<'_>) -> Result<Option<(Vec<u8>, String)>, Failure> {
    if let Some(data) = &arguments.data {
        return Ok(Some((data.clone().into_bytes(), "inline data".to_owned())));
    }
    if let Some(path) = &arguments.file {
        let name = path.display().to_string();
        let bytes = std::fs::read(path)
            .map_err(|error| Failure::new(format!("Unable to extract key from '{name}': {error}")))?;
        return Ok(Some((bytes, name)));
    }
    let Some(url) = &arguments.url else { return Ok(None) };
    let bytes = openpgp::fetch(url, arguments.validate_certs, context)
        .map_err(|failure| Failure::new(format!("Failed to download key at {url}: {}", failure.message)))?;
    Ok(Some((bytes, url.clone())))
}

/// Add or remove the key.
///
/// # Errors
/// There is no `apt-key`, it refuses, or what is to be a key is none.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let present = arguments.state == State::Present;
    let given = arguments.id.as_deref().map(Id::parse).transpose()?;
    if find_program("apt-key", context).is_none() {
        return Err(Failure::new(
            "could not find `apt-key`: this system no longer has it; use deb822_repository with signed_by",
        ));
    }
    let key = AptKey { arguments: &arguments, context };
    // The content is needed for the id, or once it is known that the key is to be added.
    let mut found = None;
    let id = match given {
        Some(id) => id,
        None => {
            found = if present { content(&arguments, context)? } else { None };
            let Some((bytes, name)) = &found else {
                return Err(Failure::new("Invalid key_id; name the key by its id").with("id", Value::Null));
            };
            let first = openpgp::fingerprints(bytes).into_iter().next();
            let long = first.and_then(|fingerprint| fingerprint.get(fingerprint.len() - 16..).map(str::to_owned));
            Id::parse(&long.ok_or_else(|| Failure::new(format!("Unable to extract key from '{name}'")))?)?
        }
    };
    let before = key.list(&id)?;
    let changed = before.contains(&id.listed) != present;
    let values = Outcome::new(changed)
        .with("id", id.given.as_str())
        .with("short_id", id.short.as_str())
        .with("fp", id.listed.as_str())
        .with("key_id", id.key.as_str())
        .with("before", before);
    if !changed || context.check() {
        return Ok(values);
    }
    if present {
        let bytes = match found {
            Some((bytes, _)) => Some(bytes),
            None => content(&arguments, context)?.map(|(bytes, _)| bytes),
        };
        key.add(&id, bytes)?;
    } else {
        let attempt = format!("error removing key_id \"{}\"", id.key);
        key.command().args(["del", &id.key]).run_or_fail(&attempt, context)?;
    }
    let after = key.list(&id)?;
    let done = after.contains(&id.listed) == present;
    let values = values.with("after", after);
    if done {
        return Ok(values);
    }
    let what = if present { "but failed to add the key" } else { "but the key was not removed" };
    let mut failure = Failure::new(format!(
        "apt-key did not return an error, {what} (check that the id is correct and *not* a subkey)"
    ));
    failure.values = values.into_map(false);
    Err(failure)
}
