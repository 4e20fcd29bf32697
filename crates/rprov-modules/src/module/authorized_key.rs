//! `authorized_key`: SSH keys that may log in as a user.

use std::os::unix::fs::{PermissionsExt, chown};
use std::path::PathBuf;

use crate::account;
use crate::attributes::{self, Wanted};
use crate::context::Context;
use crate::outcome::{Diff, Failure, Outcome};
use crate::{arguments, choices};

choices! {
    /// Whether the keys are to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Adds or removes an SSH authorized key.
    pub struct Arguments {
        /// The user.
        user: String,
        /// The keys, one on a line.
        key: String,
        /// The file; by default `.ssh/authorized_keys` in the user's home.
        path: Option<PathBuf>,
        /// Create the file's directory, with the user as its owner.
        manage_dir: bool = true,
        /// Whether the keys are to be there.
        state: State = State::Present,
        /// Options to put in front of each key.
        key_options: Option<String>,
        /// Remove every other key.
        exclusive: bool = false,
        /// Accepted; keys given as addresses are not fetched.
        validate_certs: bool = true,
        /// The comment of the key.
        comment: Option<String>,
        /// Write through a symbolic link.
        follow: bool = false,
    }
}

/// A line of the file that is a key.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    options: String,
    kind: String,
    data: String,
    comment: String,
}

impl Key {
    /// Options may hold quoted blanks, and come before the type.
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let mut words = Vec::new();
        let mut word = String::new();
        let mut quoted = false;
        let mut escaped = false;
        for character in line.chars() {
            match character {
                '"' if !escaped => quoted = !quoted,
                ' ' | '\t' if !quoted => {
                    if !word.is_empty() {
                        words.push(std::mem::take(&mut word));
                    }
                    continue;
                }
                _ => {}
            }
            escaped = character == '\\' && !escaped;
            word.push(character);
        }
        if !word.is_empty() {
            words.push(word);
        }
        let is_kind =
            |word: &String| ["ssh-", "ecdsa-", "sk-ssh-", "sk-ecdsa-"].iter().any(|prefix| word.starts_with(prefix));
        let position = words.iter().take(2).position(is_kind)?;
        let data = words.get(position + 1)?.clone();
        Some(Self {
            options: if position == 1 { words.first()?.clone() } else { String::new() },
            kind: words.get(position)?.clone(),
            data,
            comment: words.get(position + 2..).unwrap_or_default().join(" "),
        })
    }

    fn write(&self) -> String {
        [&self.options, &self.kind, &self.data, &self.comment]
            .into_iter()
            .filter(|part| !part.is_empty())
            .map(String::as_str)
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// Add or remove the keys.
///
/// # Errors
/// The user does not exist, a key is none, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let user = account::user_by_name(&arguments.user);
    // An earlier task may make the user; where the file is does not depend on it if its path is given.
    if user.is_none() && !(context.check() && arguments.path.is_some()) {
        return Err(Failure::new(format!(
            "Failed to lookup user {}: there is no such user on this host",
            arguments.user
        )));
    }
    let home = user.as_ref().map(|user| PathBuf::from(&user.home)).unwrap_or_default();
    let mut wanted = Vec::new();
    for line in arguments.key.lines().filter(|line| !line.trim().is_empty() && !line.trim().starts_with('#')) {
        if line.contains("://") && !line.contains(' ') {
            return Err(Failure::new(format!(
                "key {line} is an address: fetch it on the controller with the url lookup, and give its text"
            )));
        }
        let mut key = Key::parse(line).ok_or_else(|| Failure::new(format!("invalid key specified: {line}")))?;
        if let Some(options) = &arguments.key_options {
            key.options.clone_from(options);
        }
        if let Some(comment) = &arguments.comment {
            key.comment.clone_from(comment);
        }
        wanted.push(key);
    }
    let mut path = arguments.path.clone().unwrap_or_else(|| home.join(".ssh/authorized_keys"));
    if arguments.follow {
        path = std::fs::canonicalize(&path).unwrap_or(path);
    }
    let before = match std::fs::read(&path) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("read", &path, error)),
    };
    let same = |left: &Key, right: &Key| left.data == right.data && left.kind == right.kind;
    let mut lines: Vec<String> = Vec::new();
    let mut seen: Vec<Key> = Vec::new();
    for line in before.lines() {
        let Some(present) = Key::parse(line) else {
            lines.push(line.to_owned());
            continue;
        };
        match wanted.iter().find(|key| same(key, &present)) {
            Some(_) if arguments.state == State::Absent => {}
            Some(_) if seen.iter().any(|key| same(key, &present)) => {}
            Some(key) => {
                seen.push(key.clone());
                // A comment that differs says nothing about the key.
                let kept = arguments.comment.is_none() && key.options == present.options;
                lines.push(if kept || *key == present { line.to_owned() } else { key.write() });
            }
            None if arguments.exclusive && arguments.state == State::Present => {}
            None => lines.push(line.to_owned()),
        }
    }
    if arguments.state == State::Present {
        for key in &wanted {
            if !seen.iter().any(|other| same(other, key)) {
                seen.push(key.clone());
                lines.push(key.write());
            }
        }
    }
    let mut after = lines.join("\n");
    if !after.is_empty() {
        after.push('\n');
    }
    let changed = after.trim_end() != before.trim_end();
    let outcome = Outcome::new(changed)
        .with("user", arguments.user.as_str())
        .with("key", arguments.key.as_str())
        .with("keyfile", path.to_string_lossy().into_owned())
        .with("state", arguments.state.word())
        .with("exclusive", arguments.exclusive)
        .with("key_options", arguments.key_options.clone())
        .with("comment", arguments.comment.clone())
        .with("manage_dir", arguments.manage_dir)
        .with("follow", arguments.follow)
        .with("validate_certs", arguments.validate_certs)
        .with("path", arguments.path.as_ref().map(|path| path.to_string_lossy().into_owned()));
    let describe =
        |outcome: Outcome| outcome.with_all(arguments.path.as_deref().map(attributes::describe).unwrap_or_default());
    if !changed {
        return Ok(describe(outcome));
    }
    let outcome = outcome.with_diff(Diff::text(&path.to_string_lossy(), before.as_str(), after.as_str()));
    if context.check() {
        return Ok(describe(outcome));
    }
    let owned = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
            .and_then(|()| chown(path, user.as_ref().map(|user| user.uid), user.as_ref().map(|user| user.gid)))
            .map_err(|error| Failure::io("change owner and mode of", path, error))
    };
    if arguments.manage_dir
        && let Some(directory) = path.parent()
        && !directory.exists()
    {
        std::fs::create_dir(directory).map_err(|error| Failure::io("create", directory, error))?;
        owned(directory, 0o700)?;
    }
    let user = user.as_ref().filter(|_| !path.exists());
    let mut wanted = Wanted::default();
    wanted.uid = user.map(|user| user.uid);
    wanted.gid = user.map(|user| user.gid);
    wanted.mode = user.map(|_| crate::permissions::ModeChange::Absolute(0o600));
    crate::write::replace(&path, after.as_bytes(), &wanted)?;
    Ok(describe(outcome))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::{Options, Value};

    #[test]
    fn keys_are_added_changed_and_removed_by_what_they_are() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("keys");
        std::fs::write(&path, "# mine\nfrom=\"a b\" ssh-rsa AAAA one\n").unwrap();
        let call = |mut arguments: serde_json::Value| {
            let object = arguments.as_object_mut().unwrap();
            object.insert("user".into(), "root".into());
            object.insert("path".into(), path.to_str().unwrap().into());
            let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
            let options = Options::default();
            let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
            crate::registry::entry("authorized_key").unwrap()(&map, &context).map(|outcome| outcome.changed)
        };
        let read = || std::fs::read_to_string(&path).unwrap();
        assert!(call(serde_json::json!({"key": "ssh-ed25519 BBBB two"})).unwrap());
        assert!(!call(serde_json::json!({"key": "ssh-ed25519 BBBB another comment"})).unwrap());
        assert_eq!(read(), "# mine\nfrom=\"a b\" ssh-rsa AAAA one\nssh-ed25519 BBBB two\n");
        assert!(!call(serde_json::json!({"key": "from=\"a b\" ssh-rsa AAAA x"})).unwrap());
        assert!(call(serde_json::json!({"key": "ssh-rsa AAAA", "state": "absent"})).unwrap());
        assert!(call(serde_json::json!({"key": "ssh-rsa CCCC", "exclusive": true})).unwrap());
        assert_eq!(read(), "# mine\nssh-rsa CCCC\n");
        assert!(call(serde_json::json!({"key": "nonsense"})).is_err());
    }
}
