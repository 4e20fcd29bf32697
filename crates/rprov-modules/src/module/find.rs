//! `find`: the files in directories that meet the given conditions.

use std::fs::Metadata;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rprov_wire::{Map, Value};

use crate::argument::Mode;
use crate::attributes;
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::encoding::Encoding;
use crate::inode;
use crate::outcome::{Failure, Outcome};
use crate::permissions::{self, ModeChange};
use crate::process::Command;
use crate::regex::{Flags, Pattern};
use crate::shell_pattern::ShellPattern;
use crate::text;
use crate::{arguments, choices};

choices! {
    /// The time that `age` is about.
    pub enum Stamp { Atime = "atime", Ctime = "ctime", Mtime = "mtime" }
}

choices! {
    /// The kind of file to find.
    pub enum Kind { Any = "any", Directory = "directory", File = "file", Link = "link" }
}

arguments! {
    /// Return a list of files based on specific criteria.
    pub struct Arguments {
        /// Minimum age, or with a minus maximum age: a number with `s`, `m`, `h`, `d` or `w`.
        age: Option<String>,
        /// The time that `age` is about.
        age_stamp: Stamp = Stamp::Mtime,
        /// Shell patterns, or with `use_regex` regular expressions, of names to find.
        patterns | pattern: Option<Vec<String>>,
        /// Patterns of names to leave out.
        excludes | exclude: Option<Vec<String>>,
        /// Regular expression that a line of the file must match from its start.
        contains: Option<String>,
        /// Match `contains` against the whole file, anywhere in it.
        read_whole_file: bool = false,
        /// Encoding of the files that `contains` looks into.
        encoding: Option<String>,
        /// Directories to look in.
        paths | name | path: Vec<PathBuf>,
        /// The kind of file to find.
        file_type: Kind = Kind::File,
        /// Look into directories below as well.
        recurse: bool = false,
        /// Minimum size, or with a minus maximum size: a number with `b`, `k`, `m`, `g` or `t`.
        size: Option<String>,
        /// Find names that start with a dot too.
        hidden: bool = false,
        /// Permissions that the file must have.
        mode: Option<Mode>,
        /// Exactly those of `mode`; otherwise at least those.
        exact_mode: bool = true,
        /// Follow symbolic links to directories.
        follow: bool = false,
        /// Return a checksum of each file.
        get_checksum: bool = false,
        /// Algorithm of the checksum.
        checksum_algorithm | checksum | checksum_algo: Algorithm = Algorithm::Sha1,
        /// Patterns are regular expressions.
        use_regex: bool = false,
        /// How many levels to go down.
        depth: Option<i64>,
        /// How many files to return at most.
        limit: Option<i64>,
    }
}

/// Walk.
///
/// # Errors
/// A pattern, an age, a size or a mode cannot be read.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let conditions = Conditions::read(&arguments)?;
    let mut search = Search {
        conditions: &conditions,
        arguments: &arguments,
        context,
        examined: 0,
        files: Vec::new(),
        skipped: Map::new(),
        visited: Vec::new(),
    };
    for path in &arguments.paths {
        if !path.is_dir() {
            let name = path.display().to_string();
            search.skipped.insert(name.clone(), format!("'{name}' is not a directory").into());
            continue;
        }
        match search.directory(path, 1) {
            Ok(()) => {}
            Err(End::Abandoned(reason)) => {
                search.skipped.insert(path.display().to_string(), reason.into());
            }
            Err(End::Failed(failure)) => return Err(failure),
        }
    }
    let message = if search.full() {
        "Limit of matches reached".to_owned()
    } else if search.skipped.is_empty() {
        "All paths examined".to_owned()
    } else {
        "Not all paths examined, check warnings for details".to_owned()
    };
    let Search { examined, files, skipped, .. } = search;
    let warnings: Vec<String> = skipped
        .iter()
        .map(|(path, reason)| {
            format!("Skipped '{path}' path due to this access issue: {}\n", reason.as_str().unwrap_or_default())
        })
        .collect();
    let matched = files.len();
    let mut outcome = Outcome::unchanged();
    if !warnings.is_empty() {
        outcome = outcome.with("warnings", warnings);
    }
    Ok(outcome
        .with("files", files)
        .with("msg", message)
        .with("matched", matched)
        .with("examined", examined)
        .with("skipped_paths", skipped))
}

/// The conditions, ready for use.
struct Conditions {
    patterns: Vec<Name>,
    excludes: Vec<Name>,
    contains: Option<Pattern>,
    encoding: Reading,
    age: Option<i64>,
    size: Option<i64>,
    mode: Option<ModeChange>,
    now: f64,
}

/// A pattern that names are held against.
enum Name {
    Shell(ShellPattern),
    Regex(Pattern),
}

impl Name {
    fn read(source: &str, regex: bool) -> Result<Self, Failure> {
        if regex {
            return Ok(Name::Regex(Pattern::new(source, Flags::default())?));
        }
        Ok(Name::Shell(ShellPattern::new(source)))
    }

    fn matches(&self, name: &str) -> Result<bool, Failure> {
        match self {
            Name::Shell(pattern) => Ok(pattern.is_match(name)),
            Name::Regex(pattern) => pattern.matches_at_start(name),
        }
    }
}

/// How the text of files is read.
enum Reading {
    /// As UTF-8, whatever is in them.
    Any,
    /// In this encoding, and no other.
    Own(Encoding),
    /// By the host's `iconv`, which knows many encodings.
    Iconv(String),
}

impl Reading {
    fn named(name: Option<&str>) -> Self {
        match name.map(|name| (name, Encoding::named(name))) {
            None => Reading::Any,
            Some((_, Ok(encoding))) => Reading::Own(encoding),
            Some((name, Err(_))) => Reading::Iconv(name.to_owned()),
        }
    }

    fn text(&self, bytes: Vec<u8>, path: &Path, context: &Context<'_>) -> Result<String, End> {
        let wrong = |name: &str| {
            let path = path.display();
            End::Abandoned(format!("Failed to read the file {path} due to an encoding error. current encoding: {name}"))
        };
        match self {
            Reading::Any => Ok(text::decode(&bytes)),
            Reading::Own(Encoding::Utf8) => String::from_utf8(bytes).map_err(|_| wrong("utf-8")),
            Reading::Own(encoding) => encoding.decode(&bytes).map_err(|_| wrong(&format!("{encoding:?}"))),
            Reading::Iconv(name) => {
                let command = Command::new("iconv").args(["-f", name, "-t", "UTF-8"]).plain_locale().stdin(bytes);
                match command.run(context) {
                    Ok(output) if output.success() => Ok(output.stdout()),
                    // It says so of its input; anything else is about the encoding.
                    Ok(output) if ["input", "incomplete"].iter().any(|word| output.stderr().contains(word)) => {
                        Err(wrong(name))
                    }
                    _ => Err(End::Abandoned(format!("unknown encoding: {name}"))),
                }
            }
        }
    }
}

/// Why a directory was not gone through to its end.
enum End {
    /// The search cannot be made.
    Failed(Failure),
    /// Something in there could not be read.
    Abandoned(String),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        End::Failed(failure)
    }
}

impl Conditions {
    fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let names = |sources: &Option<Vec<String>>| -> Result<Vec<Name>, Failure> {
            sources.iter().flatten().map(|source| Name::read(source, arguments.use_regex)).collect()
        };
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let contains = match &arguments.contains {
            Some(source) => Some(Pattern::new(source, Flags::default())?),
            None => None,
        };
        let age_units = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];
        let size_units = [('b', 1), ('k', 1 << 10), ('m', 1 << 20), ('g', 1 << 30), ('t', 1_i64 << 40)];
        let age = arguments.age.as_deref();
        let size = arguments.size.as_deref();
        Ok(Conditions {
            patterns: names(&arguments.patterns)?,
            excludes: names(&arguments.excludes)?,
            contains,
            encoding: Reading::named(arguments.encoding.as_deref()),
            age: age.map(|text| quantity(text, &age_units).ok_or_else(|| unreadable("age", text))).transpose()?,
            size: size.map(|text| quantity(text, &size_units).ok_or_else(|| unreadable("size", text))).transpose()?,
            mode: arguments.mode.as_ref().map(ModeChange::parse).transpose()?,
            now,
        })
    }
}

fn unreadable(option: &str, text: &str) -> Failure {
    let units = if option == "age" { "s, m, h, d or w" } else { "b, k, m, g or t" };
    Failure::new(format!("failed to process {option}: `{text}` is not a number with one of the units {units}"))
        .with(option, text)
}

/// A number with a unit, of which the first letter counts.
fn quantity(text: &str, units: &[(char, i64)]) -> Option<i64> {
    let text = text.to_ascii_lowercase();
    let end = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let factor = match unit.chars().next() {
        None => 1,
        Some(letter) if unit.chars().all(|character| character.is_ascii_alphabetic()) => {
            units.iter().find(|(unit, _)| *unit == letter)?.1
        }
        Some(_) => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(factor)
}

struct Search<'a> {
    conditions: &'a Conditions,
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    examined: usize,
    files: Vec<Value>,
    skipped: Map,
    /// Directories above, by device and inode, so that links cannot lead round in a circle.
    visited: Vec<(u64, u64)>,
}

impl Search<'_> {
    fn full(&self) -> bool {
        self.arguments.limit.is_some_and(|limit| limit > 0 && self.files.len() as i64 >= limit)
    }

    fn directory(&mut self, directory: &Path, depth: i64) -> Result<(), End> {
        self.context.checkpoint()?;
        if self.arguments.depth.is_some_and(|limit| limit > 0 && depth > limit) {
            // What is right below is counted, though nothing is found in it.
            self.examined += std::fs::read_dir(directory).map_or(0, Iterator::count);
            return Ok(());
        }
        let entries = std::fs::read_dir(directory).and_then(|entries| entries.collect::<Result<Vec<_>, _>>());
        let mut paths: Vec<PathBuf> = match entries {
            Ok(entries) => entries.into_iter().map(|entry| entry.path()).collect(),
            Err(error) => {
                self.skipped.insert(directory.display().to_string(), error.to_string().into());
                return Ok(());
            }
        };
        paths.sort_unstable();
        let mut below = Vec::new();
        for path in paths {
            if self.full() {
                return Ok(());
            }
            self.examined += 1;
            let name = path.file_name().map(|name| text::decode(name.as_encoded_bytes())).unwrap_or_default();
            let Ok(own) = std::fs::symlink_metadata(&path) else { continue };
            let led_to = std::fs::metadata(&path).ok();
            if own.is_dir() || (self.arguments.follow && led_to.as_ref().is_some_and(Metadata::is_dir)) {
                below.push(path.clone());
            }
            if name.starts_with('.') && !self.arguments.hidden {
                continue;
            }
            if let Some(file) = self.describe(&path, &name, &own, led_to.as_ref())? {
                self.files.push(file);
            }
        }
        if self.arguments.recurse {
            for path in below {
                let Ok(metadata) = std::fs::metadata(&path) else { continue };
                let identity = (metadata.dev(), metadata.ino());
                if self.visited.contains(&identity) {
                    continue;
                }
                self.visited.push(identity);
                self.directory(&path, depth + 1)?;
                self.visited.pop();
                if self.full() {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The file's entry, if it meets the conditions.
    fn describe(
        &self,
        path: &Path,
        name: &str,
        own: &Metadata,
        led_to: Option<&Metadata>,
    ) -> Result<Option<Value>, End> {
        let metadata = if self.arguments.follow { led_to.unwrap_or(own) } else { own };
        let right_kind = match self.arguments.file_type {
            Kind::Any => true,
            Kind::Directory => metadata.is_dir(),
            Kind::File => metadata.is_file(),
            Kind::Link => own.is_symlink(),
        };
        if !right_kind || !self.name_matches(name)? || !self.old_enough(metadata) || !self.mode_matches(metadata) {
            return Ok(None);
        }
        // Sizes and contents are conditions on files; other kinds pass where all kinds are asked for.
        if metadata.is_file() && (!self.large_enough(metadata) || !self.content_matches(path)?) {
            return Ok(None);
        }
        let mut entry = describe(path, metadata);
        if metadata.is_file() && self.arguments.get_checksum {
            entry.insert("checksum".to_owned(), self.arguments.checksum_algorithm.of_file(path)?.into());
        }
        Ok(Some(entry.into()))
    }

    fn name_matches(&self, name: &str) -> Result<bool, End> {
        let any = |names: &[Name]| -> Result<bool, Failure> {
            for pattern in names {
                if pattern.matches(name)? {
                    return Ok(true);
                }
            }
            Ok(false)
        };
        Ok((self.conditions.patterns.is_empty() || any(&self.conditions.patterns)?) && !any(&self.conditions.excludes)?)
    }

    fn old_enough(&self, metadata: &Metadata) -> bool {
        let Some(age) = self.conditions.age else { return true };
        let stamp = match self.arguments.age_stamp {
            Stamp::Atime => metadata.atime(),
            Stamp::Ctime => metadata.ctime(),
            Stamp::Mtime => metadata.mtime(),
        };
        let passed = self.conditions.now - stamp as f64;
        if age >= 0 { passed >= age as f64 } else { passed <= age.unsigned_abs() as f64 }
    }

    fn large_enough(&self, metadata: &Metadata) -> bool {
        match self.conditions.size {
            None => true,
            Some(size) if size >= 0 => metadata.len() >= size.unsigned_abs(),
            Some(size) => metadata.len() <= size.unsigned_abs(),
        }
    }

    fn mode_matches(&self, metadata: &Metadata) -> bool {
        let Some(change) = &self.conditions.mode else { return true };
        let present = metadata.mode() & permissions::BITS;
        match change {
            ModeChange::Absolute(bits) if self.arguments.exact_mode => present == *bits,
            ModeChange::Absolute(bits) => present & bits == *bits,
            symbolic => {
                let bits = symbolic.apply(0, metadata.is_dir(), permissions::umask());
                if self.arguments.exact_mode { present == bits } else { present & bits == bits }
            }
        }
    }

    fn content_matches(&self, path: &Path) -> Result<bool, End> {
        let Some(pattern) = &self.conditions.contains else { return Ok(true) };
        let mut bytes = Vec::new();
        if std::fs::File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)).is_err() {
            return Ok(false);
        }
        let content = self.conditions.encoding.text(bytes, path, self.context)?;
        if self.arguments.read_whole_file {
            return Ok(pattern.is_match(&content)?);
        }
        for line in content.split_inclusive('\n') {
            if pattern.matches_at_start(line)? {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn describe(path: &Path, metadata: &Metadata) -> Map {
    let mut map = Map::new();
    map.insert("path".to_owned(), path.display().to_string().into());
    map.extend(inode::describe(metadata));
    map.insert("gr_name".to_owned(), attributes::group_name(metadata.gid()).into());
    map.insert("pw_name".to_owned(), attributes::owner_name(metadata.uid()).into());
    map
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::Bench;

    fn bench() -> Bench {
        let bench = Bench::new();
        bench.file("a.txt", "alpha\n");
        bench.file("b.log", "x\nbeta\n");
        bench.file(".hidden", "");
        bench.file("sub/deep/c.txt", "c".repeat(5000));
        std::os::unix::fs::symlink("a.txt", bench.path("link")).unwrap();
        let old = SystemTime::now() - std::time::Duration::from_secs(3 * 86_400);
        std::fs::File::open(bench.path("b.log")).unwrap().set_modified(old).unwrap();
        bench
    }

    fn found(bench: &Bench, mut arguments: serde_json::Value) -> Vec<String> {
        arguments["paths"] = bench.path("").into();
        let before = bench.snapshot();
        let result = bench.apply("find", arguments);
        assert_eq!(bench.snapshot(), before);
        let files = result["files"].as_list().unwrap();
        assert_eq!(result["matched"], Value::from(files.len()));
        let name = |file: &Value| {
            let path = Path::new(file.get("path").unwrap().as_str().unwrap()).to_owned();
            path.strip_prefix(bench.root()).unwrap().display().to_string()
        };
        files.iter().map(name).collect()
    }

    #[test]
    fn names_kinds_and_depth() {
        let bench = bench();
        assert_eq!(found(&bench, json!({})), ["a.txt", "b.log"]);
        assert_eq!(found(&bench, json!({"hidden": true})), [".hidden", "a.txt", "b.log"]);
        assert_eq!(found(&bench, json!({"patterns": "*.txt", "recurse": true})), ["a.txt", "sub/deep/c.txt"]);
        assert_eq!(found(&bench, json!({"patterns": "*.txt", "recurse": true, "depth": 2})), ["a.txt"]);
        assert_eq!(found(&bench, json!({"patterns": ["*.txt", "*.log"], "excludes": "a*"})), ["b.log"]);
        assert_eq!(found(&bench, json!({"patterns": r"^[ab]\.(log|md)$", "use_regex": true})), ["b.log"]);
        assert_eq!(found(&bench, json!({"file_type": "directory", "recurse": true})), ["sub", "sub/deep"]);
        assert_eq!(found(&bench, json!({"file_type": "link"})), ["link"]);
        assert_eq!(found(&bench, json!({"file_type": "any"})), ["a.txt", "b.log", "link", "sub"]);
        assert_eq!(found(&bench, json!({"limit": 1})), ["a.txt"]);
    }

    #[test]
    fn age_size_content_and_mode() {
        let bench = bench();
        assert_eq!(found(&bench, json!({"age": "2d"})), ["b.log"]);
        assert_eq!(found(&bench, json!({"age": "-2d"})), ["a.txt"]);
        assert_eq!(found(&bench, json!({"size": "1k", "recurse": true})), ["sub/deep/c.txt"]);
        assert_eq!(found(&bench, json!({"size": "-1k"})), ["a.txt", "b.log"]);
        assert_eq!(found(&bench, json!({"contains": "be.a"})), ["b.log"]);
        assert_eq!(found(&bench, json!({"contains": "eta"})), Vec::<String>::new());
        assert_eq!(found(&bench, json!({"contains": r"x\nbeta", "read_whole_file": true})), ["b.log"]);
        assert_eq!(found(&bench, json!({"mode": "0111", "exact_mode": false})), Vec::<String>::new());
    }

    #[test]
    fn what_is_no_directory_is_skipped_and_wrong_units_are_errors() {
        let bench = bench();
        let result = bench.apply("find", json!({"paths": [bench.path("none")]}));
        assert_eq!(result["skipped_paths"].as_map().unwrap().len(), 1);
        assert!(bench.fails("find", json!({"paths": "/", "age": "3x"})).starts_with("failed to process age"));
        assert!(bench.fails("find", json!({"paths": "/", "size": "k3"})).starts_with("failed to process size"));
    }
}
