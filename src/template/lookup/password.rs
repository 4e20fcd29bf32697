//! `password`: a random password, kept in a file so that the next run gets the same one.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use minijinja::{Error, Value};

use super::{Request, Run, key_values};
use crate::template::filter::password::hash;
use crate::template::filter::path::expand_user;
use crate::template::filter::python::{is_list, items, text};
use crate::template::filter::random::Generator;

pub(super) const LOOKUPS: &[(&str, Run)] = &[("password", password)];

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const SALT: &[u8] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct Wanted {
    path: String,
    length: usize,
    chars: Vec<String>,
    encrypt: Option<String>,
    ident: Option<String>,
    seed: Option<Value>,
}

fn password(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    request.terms.iter().map(|term| one(request, &wanted(request, &text(term)?)?).map(Value::from)).collect()
}

fn wanted(request: &Request<'_>, term: &str) -> Result<Wanted, Error> {
    let (path, pairs) = key_values(term)?;
    const KNOWN: [&str; 5] = ["length", "encrypt", "chars", "ident", "seed"];
    if let Some((unknown, _)) = pairs.iter().find(|(key, _)| !KNOWN.contains(&key.as_str())) {
        return Err(request.fail(format!("'{unknown}' is not one of {}", KNOWN.join(", "))));
    }
    let option = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| Value::from(value.as_str()))
            .or_else(|| request.option(name).cloned())
    };
    let length = match option("length") {
        Some(length) => {
            let length = text(&length)?;
            length.parse().map_err(|_| request.fail(format!("length must be a number, got '{length}'")))?
        }
        None => 20,
    };
    let chars = match option("chars") {
        Some(chars) if is_list(&chars) => items(&chars)?.iter().map(text).collect::<Result<_, _>>()?,
        Some(chars) => {
            // A comma itself is written as two.
            let source = text(&chars)?;
            let mut parts: Vec<String> = Vec::new();
            if source.contains(",,") {
                parts.push(",".to_owned());
            }
            let rest = source.replace(",,", ",");
            parts.extend(rest.split(',').filter(|part| !part.is_empty()).map(str::to_owned));
            parts
        }
        None => vec!["ascii_letters".to_owned(), "digits".to_owned(), ".,:-_".to_owned()],
    };
    let encrypt = option("encrypt")
        .map(|kind| text(&kind))
        .transpose()?
        .filter(|kind| !matches!(kind.as_str(), "" | "False" | "false" | "no"));
    let encrypt = encrypt
        .map(|kind| if matches!(kind.as_str(), "True" | "true" | "yes") { "sha512_crypt".to_owned() } else { kind });
    let ident = option("ident").map(|ident| text(&ident)).transpose()?;
    Ok(Wanted { path, length, chars, encrypt, ident, seed: option("seed") })
}

/// The characters that names of Python's `string` module and literal ones stand for.
fn candidates(parts: &[String]) -> Vec<char> {
    let mut out = String::new();
    for part in parts {
        match part.as_str() {
            "ascii_letters" => {
                out.push_str(LOWER);
                out.push_str(UPPER);
            }
            "ascii_lowercase" => out.push_str(LOWER),
            "ascii_uppercase" => out.push_str(UPPER),
            "digits" => out.push_str(DIGITS),
            "hexdigits" => out.push_str("0123456789abcdefABCDEF"),
            "octdigits" => out.push_str("01234567"),
            "punctuation" => out.push_str(PUNCTUATION),
            "whitespace" => out.push_str(" \t\n\r\u{b}\u{c}"),
            "printable" => {
                for all in [DIGITS, LOWER, UPPER, PUNCTUATION, " \t\n\r\u{b}\u{c}"] {
                    out.push_str(all);
                }
            }
            other => out.push_str(other),
        }
    }
    out.replace(['"', '\''], "").chars().collect()
}

fn one(request: &Request<'_>, wanted: &Wanted) -> Result<String, Error> {
    let keep = wanted.path != "/dev/null";
    let path = absolute(request, &wanted.path);
    let read = || if keep { fs::read_to_string(&path).ok() } else { None };
    let complete = |content: &Option<String>| {
        content.as_ref().is_some_and(|content| wanted.encrypt.is_none() || content.contains(" salt="))
    };
    let mut stored = read();
    // Hosts that ask for the same new password at the same time get the same one, and so do other runs.
    let mut _held = None;
    if keep && !complete(&stored) {
        _held =
            Some(hold(&path).map_err(|error| request.fail(format!("could not write '{}': {error}", path.display())))?);
        stored = read();
    }
    let mut changed = stored.is_none();
    let (plain, mut salt) = match &stored {
        Some(content) => {
            let line = content.trim_end_matches(['\n', '\r']);
            let (rest, _) = line.rsplit_once(" ident=").map_or((line, None), |(rest, ident)| (rest, Some(ident)));
            match rest.rsplit_once(" salt=") {
                Some((plain, salt)) => (plain.to_owned(), Some(salt.to_owned())),
                None => (rest.to_owned(), None),
            }
        }
        None => {
            let characters = candidates(&wanted.chars);
            let mut generator = Generator::new(wanted.seed.as_ref())?;
            let plain: String = (0..wanted.length).filter_map(|_| generator.choose(&characters)).collect();
            if plain.is_empty() && wanted.length > 0 {
                return Err(request.fail("there are no characters to choose from"));
            }
            (plain, None)
        }
    };
    if let Some(kind) = &wanted.encrypt
        && salt.is_none()
    {
        let mut generator = Generator::System;
        let size = if kind.contains("bcrypt") || kind == "blowfish" {
            22
        } else if kind.starts_with("md5") {
            8
        } else {
            16
        };
        salt = Some((0..size).filter_map(|_| generator.choose(SALT).map(|byte| char::from(*byte))).collect());
        changed = true;
    }
    if keep && changed {
        let mut content = plain.clone();
        if let Some(salt) = salt.as_ref().filter(|_| wanted.encrypt.is_some()) {
            content.push_str(&format!(" salt={salt}"));
            if let Some(ident) = &wanted.ident {
                content.push_str(&format!(" ident={ident}"));
            }
        }
        content.push('\n');
        store(&path, &content)
            .map_err(|error| request.fail(format!("could not write '{}': {error}", path.display())))?;
    }
    match &wanted.encrypt {
        Some(kind) => hash(&plain, kind, salt.as_deref(), None, None, wanted.ident.as_deref())
            .map_err(|message| crate::template::filter::password::failure(&message)),
        None => Ok(plain),
    }
}

fn absolute(request: &Request<'_>, path: &str) -> PathBuf {
    let path = PathBuf::from(expand_user(path));
    if path.is_absolute() { path } else { request.scope.surroundings().playbook_dir.join(path) }
}

/// The directory of a password file, made if need be, for this thread of this process alone until the file is dropped.
fn hold(path: &Path) -> std::io::Result<fs::File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let directory = fs::File::open(folder)?;
    match super::blocking(|| directory.lock()) {
        // A file system without locks: whoever writes last wins.
        Err(error) if error.kind() == std::io::ErrorKind::Unsupported => Ok(directory),
        other => other.map(|()| directory),
    }
}

/// Readable by the owner only; complete or not there at all.
fn store(path: &Path, content: &str) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let temporary = folder.join(format!(".{name}.{}", std::process::id()));
    let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(content.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
