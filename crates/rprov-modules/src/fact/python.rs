//! The host's Python. Nothing here needs it, but playbooks ask for its version.

use std::path::{Path, PathBuf};

use rprov_wire::{Map, Value};

use crate::context::Context;
use crate::process::Command;

/// Where a host's Python is, if nobody says it.
const PLACES: [&str; 3] = ["/usr/bin/python3", "/usr/local/bin/python3", "/usr/bin/python"];

/// Add `python` and `python_version`; nothing where there is no Python.
pub fn gather(interpreter: Option<&Path>, context: &Context<'_>, facts: &mut Map) {
    let named = interpreter.map(Path::to_owned).filter(|path| path.exists());
    let found = || PLACES.iter().map(Path::new).find(|path| path.exists()).map(resolved);
    let Some(executable) = named.or_else(found) else { return };
    let Ok(output) = Command::new(&executable).arg("-V").run(context) else { return };
    let Some(version) = Version::read(&output.stdout()) else { return };
    let numbers = [("major", version.major), ("minor", version.minor), ("micro", version.micro)];
    let mut parts: Map = numbers.iter().map(|(name, number)| ((*name).to_owned(), (*number).into())).collect();
    parts.insert("releaselevel".into(), version.level.into());
    parts.insert("serial".into(), version.serial.into());
    let mut list: Vec<Value> = numbers.iter().map(|(_, number)| (*number).into()).collect();
    list.extend([version.level.into(), version.serial.into()]);
    let mut python = Map::new();
    python.insert("executable".into(), executable.to_string_lossy().into_owned().into());
    python.insert("has_sslcontext".into(), true.into());
    python.insert("type".into(), "cpython".into());
    python.insert("version".into(), parts.into());
    python.insert("version_info".into(), Value::List(list));
    facts.insert("python".into(), python.into());
    let text = format!("{}.{}.{}", version.major, version.minor, version.micro);
    facts.insert("python_version".into(), text.into());
}

/// The program that a link such as `python3` stands for, in the link's directory.
fn resolved(path: &Path) -> PathBuf {
    match super::link_name(path) {
        Some(name) if path.with_file_name(&name).exists() => path.with_file_name(name),
        _ => path.to_owned(),
    }
}

#[derive(Debug, PartialEq)]
struct Version {
    major: i64,
    minor: i64,
    micro: i64,
    level: &'static str,
    serial: i64,
}

impl Version {
    /// From what `python -V` prints: `Python 3.13.0rc1`.
    fn read(text: &str) -> Option<Self> {
        let version = text.trim().strip_prefix("Python ")?;
        let mut parts = version.splitn(3, '.');
        let (major, minor, last) = (parts.next()?, parts.next()?, parts.next()?);
        let end = last.find(|character: char| !character.is_ascii_digit()).unwrap_or(last.len());
        let (micro, rest) = last.split_at(end);
        let levels = [("rc", "candidate"), ("a", "alpha"), ("b", "beta")];
        let (level, serial) = levels
            .iter()
            .find_map(|(short, level)| Some((*level, rest.strip_prefix(short)?)))
            .unwrap_or(("final", "0"));
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().ok()?,
            micro: micro.parse().ok()?,
            level,
            serial: serial.trim_end_matches('+').parse().unwrap_or_default(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_five_parts() {
        let version = |major, minor, micro, level, serial| Some(Version { major, minor, micro, level, serial });
        assert_eq!(Version::read("Python 3.11.2\n"), version(3, 11, 2, "final", 0));
        assert_eq!(Version::read("Python 3.13.0rc1"), version(3, 13, 0, "candidate", 1));
        assert_eq!(Version::read("Python 3.14.0a2+"), version(3, 14, 0, "alpha", 2));
        assert_eq!(Version::read("not found"), None);
    }
}
