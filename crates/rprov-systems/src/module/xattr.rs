//! `xattr`: extended attributes of a file, by the kernel's calls.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rprov_modules::{Context, Failure, Outcome, arguments, choices};
use rprov_wire::{Map, Value};
use rustix::fs::{
    XattrFlags, getxattr, lgetxattr, listxattr, llistxattr, lremovexattr, lsetxattr, removexattr, setxattr,
};
use rustix::io::Errno;

/// The kernel's own limits.
const LARGEST: usize = 64 << 10;

choices! {
    /// What to do.
    pub enum State { Absent = "absent", All = "all", Keys = "keys", Present = "present", Read = "read" }
}

arguments! {
    /// Manage user defined extended attributes.
    pub struct Arguments {
        /// The file.
        path | name: PathBuf,
        /// The namespace of the attribute.
        namespace: String = "user".to_owned(),
        /// The attribute.
        key: Option<String>,
        /// What it is to be; text, or `0x` and hexadecimal digits, or `0s` and base64.
        value: Option<String>,
        /// What to do; to set it where a value is given.
        state: State = State::Read,
        /// Mean the file that a symbolic link leads to.
        follow: bool = true,
    }
}

/// Read, set or remove attributes.
///
/// # Errors
/// There is no such file, its file system has none, or they may not be changed.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let path = arguments.path.as_path();
    let metadata = if arguments.follow { std::fs::metadata(path) } else { std::fs::symlink_metadata(path) };
    metadata.map_err(|error| Failure::new(format!("path not found or not accessible! {}: {error}", path.display())))?;
    let prefix = format!("{}.", arguments.namespace);
    let key = arguments
        .key
        .as_ref()
        .filter(|key| !key.is_empty())
        .map(|key| if key.starts_with(&prefix) { key.clone() } else { format!("{prefix}{key}") });
    // A value is there to be set.
    let state = match (arguments.state, &arguments.value) {
        (State::Read, Some(_)) => State::Present,
        (state, _) => state,
    };
    let needed =
        |state: State| key.clone().ok_or_else(|| Failure::new(format!("{} needs a key parameter", state.word())));
    let shown = |values: &[(String, Vec<u8>)], with_values: bool| {
        let entry = |(name, value): &(String, Vec<u8>)| {
            (name.clone(), Value::from(if with_values { text(value) } else { String::new() }))
        };
        Value::Map(values.iter().map(entry).collect::<Map>())
    };
    let one = |name: &str| -> Result<Vec<(String, Vec<u8>)>, Failure> {
        Ok(read(&arguments, name)?.map(|value| (name.to_owned(), value)).into_iter().collect())
    };
    Ok(match state {
        State::All => {
            Outcome::unchanged().with("msg", "dumping all").with("xattr", shown(&all(&arguments, &prefix)?, true))
        }
        State::Keys => Outcome::unchanged()
            .with("msg", "returning all keys")
            .with("xattr", shown(&all(&arguments, &prefix)?, false)),
        State::Read => {
            let (message, values) = match &key {
                Some(key) => (format!("returning {key}"), one(key)?),
                None => ("dumping all".to_owned(), all(&arguments, &prefix)?),
            };
            Outcome::unchanged().with("msg", message).with("xattr", shown(&values, true))
        }
        State::Present => {
            let key = needed(state)?;
            let value = arguments.value.as_ref().ok_or_else(|| Failure::new("present needs a value parameter"))?;
            let wanted = bytes(value)?;
            let before = one(&key)?;
            let changed = before.first().is_none_or(|(_, present)| *present != wanted);
            if changed && !context.check() {
                let set = if arguments.follow { setxattr } else { lsetxattr };
                set(path, key.as_str(), &wanted, XattrFlags::empty())
                    .map_err(|error| failed("set", &key, &arguments, error))?;
            }
            Outcome::new(changed).with("msg", format!("{key} set to {value}")).with("xattr", shown(&before, true))
        }
        State::Absent => {
            let key = needed(state)?;
            let before = one(&key)?;
            if !before.is_empty() && !context.check() {
                let removed = if arguments.follow { removexattr(path, &*key) } else { lremovexattr(path, &*key) };
                removed.map_err(|error| failed("remove", &key, &arguments, error))?;
            }
            let changed = !before.is_empty();
            Outcome::new(changed).with("msg", format!("{key} removed")).with("xattr", shown(&before, true))
        }
    })
}

fn failed(action: &str, key: &str, arguments: &Arguments, error: Errno) -> Failure {
    let hint = match error {
        Errno::OPNOTSUPP => "; its file system, or this kind of file, has no such attributes",
        Errno::PERM | Errno::ACCESS => "; some namespaces are for root, and `user` is for files and directories alone",
        _ => "",
    };
    Failure::new(format!("could not {action} {key} of {}: {error}{hint}", arguments.path.display()))
}

fn read(arguments: &Arguments, key: &str) -> Result<Option<Vec<u8>>, Failure> {
    let mut buffer = vec![0; LARGEST];
    let path = arguments.path.as_path();
    let got =
        if arguments.follow { getxattr(path, key, &mut buffer[..]) } else { lgetxattr(path, key, &mut buffer[..]) };
    match got {
        Ok(size) => {
            buffer.truncate(size);
            Ok(Some(buffer))
        }
        Err(Errno::NODATA) => Ok(None),
        Err(error) => Err(failed("read", key, arguments, error)),
    }
}

/// All of a namespace, in their order.
fn all(arguments: &Arguments, prefix: &str) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut buffer = vec![0; LARGEST];
    let path = arguments.path.as_path();
    let listed = if arguments.follow { listxattr(path, &mut buffer[..]) } else { llistxattr(path, &mut buffer[..]) };
    let size = listed.map_err(|error| failed("list the attributes", "", arguments, error))?;
    buffer.truncate(size);
    let names = buffer.split(|byte| *byte == 0).map(|name| String::from_utf8_lossy(name).into_owned());
    let mut names: Vec<String> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    let mut found = Vec::new();
    for name in names {
        if let Some(value) = read(arguments, &name)? {
            found.push((name, value));
        }
    }
    Ok(found)
}

/// A value as setfattr(1) takes it.
fn bytes(value: &str) -> Result<Vec<u8>, Failure> {
    let wrong = || Failure::new(format!("value: what follows the first two characters of `{value}` cannot be decoded"));
    if let Some(digits) = value.strip_prefix("0x").or_else(|| value.strip_prefix("0X")) {
        let pair = |at: usize| digits.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        return (0..digits.len()).step_by(2).map(pair).collect::<Option<_>>().ok_or_else(wrong);
    }
    if let Some(encoded) = value.strip_prefix("0s").or_else(|| value.strip_prefix("0S")) {
        return STANDARD.decode(encoded).map_err(|_| wrong());
    }
    Ok(value.as_bytes().to_vec())
}

/// A value as getfattr(1) tells it: text as it is, other bytes in base64.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.contains(|character: char| character.is_control()) => text.to_owned(),
        _ => format!("0s{}", STANDARD.encode(value)),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::{Value, json};

    use crate::bench;

    /// As [`Bench::converges`](rprov_modules::testing::Bench::converges), which cannot see attributes.
    fn changes(bench: &rprov_modules::testing::Bench, arguments: &Value) {
        for (check, changed) in [(true, true), (true, true), (false, true), (true, false), (false, false)] {
            let result = bench.run("xattr", arguments.clone(), check).unwrap();
            assert_eq!(result["changed"].as_bool(), Some(changed), "{arguments} (check={check})");
        }
    }

    #[test]
    fn attributes_are_set_read_and_removed() {
        let bench = bench();
        let path = bench.file("a", "x");
        let link = bench.path("link");
        std::os::unix::fs::symlink("a", &link).unwrap();
        changes(&bench, &json!({"path": path, "key": "foo", "value": "bar \"baz\""}));
        changes(&bench, &json!({"name": link, "key": "user.foo", "value": "0x4142", "state": "present"}));
        changes(&bench, &json!({"path": path, "key": "bin", "value": "0s/wA="}));
        let told = |more: Value| {
            let mut arguments = json!({"path": path});
            arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let result = bench.apply("xattr", arguments);
            assert_eq!(result["changed"].as_bool(), Some(false));
            (result["msg"].as_str().unwrap().to_owned(), result["xattr"].to_json())
        };
        assert_eq!(told(json!({"key": "foo"})), ("returning user.foo".to_owned(), json!({"user.foo": "AB"})));
        assert_eq!(told(json!({"key": "none"})).1, json!({}));
        assert_eq!(told(json!({"state": "all"})).1, json!({"user.bin": "0s/wA=", "user.foo": "AB"}));
        assert_eq!(told(json!({"state": "keys"})).1, json!({"user.bin": "", "user.foo": ""}));
        assert_eq!(told(json!({"state": "all", "namespace": "nope"})).1, json!({}));
        changes(&bench, &json!({"path": path, "key": "foo", "state": "absent"}));
        // The link itself can have none.
        let message = bench.fails("xattr", json!({"path": link, "follow": false, "key": "foo", "value": "x"}));
        assert!(message.contains("could not set user.foo of "), "{message}");
    }

    #[test]
    fn wrong_calls_are_refused() {
        let bench = bench();
        let path = bench.file("a", "x");
        assert!(bench.fails("xattr", json!({"path": bench.path("none")})).contains("not found"));
        assert!(bench.fails("xattr", json!({"path": path, "state": "absent"})).contains("absent needs a key"));
        assert!(bench.fails("xattr", json!({"path": path, "value": "x"})).contains("present needs a key"));
        let message = bench.fails("xattr", json!({"path": path, "state": "present", "key": "x"}));
        assert!(message.contains("needs a value"), "{message}");
        assert!(bench.fails("xattr", json!({"path": path, "key": "x", "value": "0x4"})).contains("value: "));
        assert!(bench.fails("xattr", json!({"path": path, "key": "x", "value": "0s?"})).contains("value: "));
    }
}
