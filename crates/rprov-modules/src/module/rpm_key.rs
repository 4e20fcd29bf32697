//! `rpm_key`: keys that rpm trusts.

use std::io::Write;
use std::path::Path;

use crate::context::Context;
use crate::openpgp;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// Whether the key is to be trusted.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Adds or removes a gpg key from the rpm db.
    pub struct Arguments {
        /// The key: a URL, a file on the host, or the id of a key that rpm has.
        key: String,
        /// Whether it is to be trusted.
        state: State = State::Present,
        /// Check the server's certificate.
        validate_certs: bool = true,
        /// Fingerprints, of which the key must have one.
        fingerprint: Option<Vec<String>>,
    }
}

/// The digits of an id, with or without `0x`.
fn key_id(text: &str) -> Option<String> {
    let digits = text.trim().strip_prefix("0x").unwrap_or(text.trim());
    (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| digits.to_uppercase())
}

/// What rpm calls a key: `version` of its package, with all of the package's name.
fn installed(context: &Context<'_>) -> Result<Vec<(String, String)>, Failure> {
    let format = "%{version}\t%{name}-%{version}-%{release}\n";
    // It fails where there is none.
    let listed = Command::new("rpm").args(["-q", "gpg-pubkey", "--qf", format]).plain_locale().run(context)?;
    Ok(listed
        .stdout()
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(version, name)| (version.to_uppercase(), name.to_owned()))
        .collect())
}

/// Import or erase the key.
///
/// # Errors
/// It is none, it has another fingerprint, or rpm refuses it.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let key = arguments.key.as_str();
    let content = if key.contains("://") {
        Some(openpgp::fetch(key, arguments.validate_certs, context).map_err(|failure| {
            Failure::new(format!("failed to fetch key at {key} , error was: {}", failure.message))
        })?)
    } else if Path::new(key).is_file() {
        Some(std::fs::read(key).map_err(|error| Failure::io("read the key", key, error))?)
    } else {
        None
    };
    let fingerprints = content.as_deref().map(openpgp::fingerprints).unwrap_or_default();
    let id = match (&content, fingerprints.first()) {
        (Some(_), Some(fingerprint)) => fingerprint.clone(),
        (Some(_), None) => {
            return Err(Failure::new(format!("{key} has no OpenPGP key; give the file of a public key")));
        }
        (None, _) => key_id(key).ok_or_else(|| Failure::new(format!("Not a valid key {key}")))?,
    };
    // Older versions of rpm call a key by the last eight digits.
    let short = id.get(id.len() - 8..).unwrap_or(&id);
    let known: Vec<String> = installed(context)?
        .into_iter()
        .filter(|(version, _)| {
            version == short || version.len() > 8 && (version.ends_with(&id) || id.ends_with(version.as_str()))
        })
        .map(|(_, name)| name)
        .collect();
    if arguments.state == State::Absent {
        if !known.is_empty() && !context.check() {
            Command::new("rpm")
                .args(["--erase", "--allmatches"])
                .args(&known)
                .run_or_fail(&format!("could not remove the key {key}"), context)?;
        }
        return Ok(Outcome::new(!known.is_empty()));
    }
    if !known.is_empty() {
        return Ok(Outcome::unchanged());
    }
    let Some(content) = content else {
        return Err(Failure::new("When importing a key, a valid file must be given"));
    };
    let plain = |text: &String| text.chars().filter(|digit| !digit.is_whitespace()).collect::<String>().to_uppercase();
    let wanted: Vec<String> = arguments.fingerprint.iter().flatten().map(plain).collect();
    if arguments.fingerprint.is_some() && !wanted.iter().any(|wanted| fingerprints.contains(wanted)) {
        let set = |list: &[String]| format!("{{'{}'}}", list.join("', '"));
        return Err(Failure::new(format!(
            "The specified fingerprint, '{}', does not match any key fingerprints in '{}'",
            set(&wanted),
            set(&fingerprints)
        )));
    }
    if !context.check() {
        // rpm reads a key twice, so it must be a file.
        let mut file =
            tempfile::NamedTempFile::new().map_err(|error| Failure::io("create", std::env::temp_dir(), error))?;
        file.write_all(&content).map_err(|error| Failure::io("write", file.path(), error))?;
        Command::new("rpm")
            .arg("--import")
            .arg(file.path())
            .run_or_fail(&format!("could not import the key {key}"), context)?;
    }
    Ok(Outcome::new(true))
}
