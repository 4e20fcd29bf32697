//! `known_hosts`: host keys that SSH clients trust.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use crate::attributes::{self, Wanted};
use crate::context::Context;
use crate::outcome::{Diff, Failure, Outcome};
use crate::{arguments, choices};

choices! {
    /// Whether the key is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Add or remove a host from the known_hosts file.
    pub struct Arguments {
        /// The host, as it stands in `key`.
        name | host: String,
        /// The key, as a line of the file.
        key: Option<String>,
        /// The file.
        path: PathBuf = crate::account::expand_path("~/.ssh/known_hosts"),
        /// Hash the host's name.
        hash_host: bool = false,
        /// Whether the key is to be there.
        state: State = State::Present,
    }
}

/// HMAC of RFC 2104 with SHA-1, which is what OpenSSH hashes host names with.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    for (slot, byte) in block.iter_mut().zip(key) {
        *slot = *byte;
    }
    let inner = Sha1::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha1::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().to_vec()
}

/// Whether the first field of a line means the host.
fn names_host(field: &str, host: &str) -> bool {
    match field.strip_prefix("|1|") {
        None => field.split(',').any(|name| name == host),
        Some(hashed) => hashed.split_once('|').is_some_and(|(salt, hash)| {
            let (Ok(salt), Ok(hash)) = (STANDARD.decode(salt), STANDARD.decode(hash)) else { return false };
            hmac(&salt, host.as_bytes()) == hash
        }),
    }
}

/// Marker, host field, type and key of a line.
fn split(line: &str) -> Option<(&str, &str, &str, &str)> {
    let mut words = line.split_whitespace();
    let mut first = words.next().filter(|word| !word.starts_with('#'))?;
    let mut marker = "";
    if first.starts_with('@') {
        marker = first;
        first = words.next()?;
    }
    Some((marker, first, words.next()?, words.next()?))
}

/// The key is none of the host's, or none at all.
const NO_MATCH: &str = "Host parameter does not match hashed host field in supplied key";

/// Add or remove the key.
///
/// # Errors
/// The key is none or of another host, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let host = arguments.name.as_str();
    let path = arguments.path.as_path();
    if host.contains(',') {
        return Err(Failure::new(
            "Comma separated list of names is not supported. Please pass a single name to lookup in the known_hosts file.",
        ));
    }
    let key = match &arguments.key {
        None if arguments.state == State::Present => {
            return Err(Failure::new("No key specified when adding a host"));
        }
        None => None,
        Some(key) => {
            let line = key.trim();
            let parts = split(line).ok_or_else(|| Failure::new(NO_MATCH))?;
            if !names_host(parts.1, host) {
                return Err(Failure::new(NO_MATCH));
            }
            Some((line, parts))
        }
    };
    let before = match std::fs::read(path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("read", path, error)),
    };
    let mut lines: Vec<String> = Vec::new();
    let mut found = false;
    for line in before.lines() {
        let own = split(line).filter(|(_, field, _, _)| names_host(field, host));
        match (own, &key) {
            (None, _) => lines.push(line.to_owned()),
            // Without a key, the host goes with all that it has.
            (Some(_), None) => {}
            (Some((marker, field, kind, data)), Some((_, wanted))) => {
                let equal = (marker, kind, data) == (wanted.0, wanted.2, wanted.3);
                match arguments.state {
                    State::Absent if equal => {}
                    State::Absent => lines.push(line.to_owned()),
                    State::Present if equal && !found && field.starts_with("|1|") == arguments.hash_host => {
                        found = true;
                        lines.push(line.to_owned());
                    }
                    // A key of the same type is the former one; of authorities there may be several.
                    State::Present if kind == wanted.2 && marker.is_empty() && wanted.0.is_empty() => {}
                    State::Present => lines.push(line.to_owned()),
                }
            }
        }
    }
    if let (State::Present, false, Some((line, parts))) = (arguments.state, found, &key) {
        lines.push(if arguments.hash_host && !parts.1.starts_with("|1|") {
            let mut salt = [0_u8; 20];
            std::fs::File::open("/dev/urandom")
                .and_then(|mut file| std::io::Read::read_exact(&mut file, &mut salt))
                .map_err(|error| Failure::io("read", "/dev/urandom", error))?;
            let hashed = format!("|1|{}|{}", STANDARD.encode(salt), STANDARD.encode(hmac(&salt, host.as_bytes())));
            line.replacen(parts.1, &hashed, 1)
        } else {
            (*line).to_owned()
        });
    }
    let after: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let changed = after.trim_end() != before.trim_end();
    let diff = Diff {
        before_header: Some(if before.is_empty() {
            "/dev/null".to_owned()
        } else {
            path.to_string_lossy().into_owned()
        }),
        after_header: Some(path.to_string_lossy().into_owned()),
        before: before.as_str().into(),
        after: after.as_str().into(),
        ..Diff::default()
    };
    // Ansible's module shows it whether it is asked for or not.
    let outcome = Outcome::new(changed);
    let outcome = if context.diff() { outcome.with_diff(diff) } else { outcome.with("diff", diff.into_value()) };
    if context.check() {
        return Ok(outcome);
    }
    if changed {
        if let Some(directory) = path.parent()
            && !directory.exists()
        {
            std::fs::create_dir(directory)
                .and_then(|()| std::fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o700)))
                .map_err(|error| Failure::io("create", directory, error))?;
        }
        crate::write::replace(path, after.as_bytes(), &Wanted::default())?;
    }
    Ok(outcome
        .with("name", host)
        .with("key", arguments.key.clone())
        .with("path", path.to_string_lossy().into_owned())
        .with("hash_host", arguments.hash_host)
        .with("state", arguments.state.word())
        .with_all(attributes::describe(path)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::{Options, Value};

    #[test]
    fn a_host_is_added_plain_or_hashed_and_its_key_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        let call = |mut arguments: serde_json::Value| {
            let object = arguments.as_object_mut().unwrap();
            object.insert("path".into(), path.to_str().unwrap().into());
            object.insert("name".into(), "web".into());
            let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
            let options = Options::default();
            let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
            crate::registry::entry("known_hosts").unwrap()(&map, &context).map(|outcome| outcome.changed)
        };
        assert!(call(serde_json::json!({"key": "web ssh-rsa AAAA"})).unwrap());
        assert!(!call(serde_json::json!({"key": "web ssh-rsa AAAA"})).unwrap());
        assert!(call(serde_json::json!({"key": "web ssh-rsa BBBB"})).unwrap());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "web ssh-rsa BBBB\n");
        assert!(call(serde_json::json!({"key": "web ssh-rsa BBBB", "hash_host": true})).unwrap());
        assert!(!call(serde_json::json!({"key": "web ssh-rsa BBBB", "hash_host": true})).unwrap());
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("|1|"));
        assert!(call(serde_json::json!({"state": "absent"})).unwrap());
        assert!(call(serde_json::json!({"key": "other ssh-rsa BBBB"})).is_err());
    }
}
