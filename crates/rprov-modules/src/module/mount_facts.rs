//! `mount_facts`: what is mounted, and what should be, with sizes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rprov_wire::{Map, Value};

use crate::argument::Raw;
use crate::context::Context;
use crate::fact::mounts::{sizes, sizes_in_time, unescape, uuid_of, uuids};
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::program::find_program;
use crate::shell_pattern::ShellPattern;
use crate::{arguments, choices};

choices! {
    /// What to do where a file system does not answer in time.
    pub enum OnTimeout { Error = "error", Warn = "warn", Ignore = "ignore" }
}

arguments! {
    /// Retrieve mount information.
    pub struct Arguments {
        /// Patterns of devices.
        devices: Option<Vec<String>>,
        /// Patterns of types of file systems.
        fstypes: Option<Vec<String>>,
        /// Where to look: files, `mount`, or `all`, `static`, `dynamic`.
        sources: Option<Vec<String>>,
        /// The program that lists mounts where no file does; null for none.
        mount_binary: Raw = Raw("mount".into()),
        /// Seconds that each mount may take.
        timeout: Option<f64>,
        /// What to do then.
        on_timeout: OnTimeout = OnTimeout::Error,
        /// Return repeated mount points as well.
        include_aggregate_mounts: Option<bool>,
    }
}

const DYNAMIC: [&str; 3] = ["/etc/mtab", "/proc/mounts", "/etc/mnttab"];
const STATIC: [&str; 2] = ["/etc/fstab", "/etc/vfstab"];

/// One mount, as a source has it.
struct Entry {
    source: String,
    line: String,
    /// Device, mount point, type, options, and the two numbers of a table.
    fields: Vec<String>,
}

impl Entry {
    /// `device point type options [dump [pass]]`
    fn of_table(source: &str, line: &str) -> Option<Self> {
        let text = line.trim();
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let fields: Vec<String> = text.split_whitespace().map(unescape).collect();
        (fields.len() >= 4).then(|| Entry { source: source.to_owned(), line: text.to_owned(), fields })
    }

    /// `device on point type type (options)`
    fn of_program(source: &str, line: &str) -> Option<Self> {
        let (device, rest) = line.trim().split_once(" on ")?;
        let (rest, options) = rest.rsplit_once(" (")?;
        let (point, kind) = rest.rsplit_once(" type ")?;
        let fields = [device, point, kind, options.trim_end_matches(')')].map(str::to_owned).to_vec();
        Some(Entry { source: source.to_owned(), line: line.trim().to_owned(), fields })
    }

    fn field(&self, index: usize) -> &str {
        self.fields.get(index).map_or("", String::as_str)
    }
}

/// The program to ask, where one is wanted.
fn program(value: &Value) -> Result<Option<&str>, Failure> {
    match value {
        Value::Null => Ok(None),
        Value::String(program) => Ok(Some(program)),
        other => Err(Failure::new(format!("argument 'mount_binary' must be a string or null, not {other}"))),
    }
}

fn ask(program: &str, source: &str, limit: Option<Duration>, context: &Context<'_>) -> Result<Vec<Entry>, Failure> {
    if find_program(program, context).is_none() {
        return Err(Failure::new(format!(
            "Failed to find required executable \"{program}\"; name another one in mount_binary, or files in sources"
        )));
    }
    let command = Command::new(program).plain_locale();
    let command = match limit {
        Some(limit) => command.timeout(limit),
        None => command,
    };
    let listed = command.run_or_fail("could not list the mounts", context)?;
    Ok(listed.stdout().lines().filter_map(|line| Entry::of_program(source, line)).collect())
}

/// All mounts of all sources, in their order.
fn collect(arguments: &Arguments, limit: Option<Duration>, context: &Context<'_>) -> Result<Vec<Entry>, Failure> {
    let program = program(&arguments.mount_binary.0)?;
    let all = ["all".to_owned()];
    let sources = arguments.sources.as_deref().unwrap_or(&all);
    if sources.iter().any(String::is_empty) {
        return Err(Failure::new("sources contains an empty string"));
    }
    let mut seen: Vec<PathBuf> = Vec::new();
    let mut entries = Vec::new();
    let mut read = |file: &str, entries: &mut Vec<Entry>| -> bool {
        let real = std::fs::canonicalize(file).unwrap_or_else(|_| Path::new(file).to_owned());
        if seen.contains(&real) {
            return true;
        }
        let Ok(bytes) = std::fs::read(&real) else { return false };
        seen.push(real);
        let text = String::from_utf8_lossy(&bytes);
        entries.extend(text.lines().filter_map(|line| Entry::of_table(file, line)));
        !bytes.is_empty()
    };
    for source in sources {
        if matches!(source.as_str(), "all" | "dynamic") {
            let mut found = false;
            for file in DYNAMIC {
                found |= read(file, &mut entries);
            }
            if let (false, Some(program)) = (found, program) {
                entries.extend(ask(program, program, limit, context)?);
            }
        }
        match source.as_str() {
            "dynamic" => {}
            "all" | "static" => STATIC.iter().for_each(|file| {
                read(file, &mut entries);
            }),
            source if source == "mount" || Some(source) == program => {
                entries.extend(ask(program.unwrap_or(source), source, limit, context)?);
            }
            file => {
                read(file, &mut entries);
            }
        }
    }
    Ok(entries)
}

/// List the mounts.
///
/// # Errors
/// A source cannot be read, or a file system does not answer in time.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if let Some(seconds) = arguments.timeout.filter(|seconds| *seconds <= 0.0) {
        return Err(Failure::new(format!(
            "argument 'timeout' must be a positive number or null, not {}",
            crate::text::float(seconds)
        )));
    }
    let limit = arguments.timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let patterns = |list: &Option<Vec<String>>| -> Option<Vec<ShellPattern>> {
        let list = list.as_ref().filter(|list| !list.is_empty());
        list.map(|list| list.iter().map(|text| ShellPattern::new(text)).collect())
    };
    let (devices, types) = (patterns(&arguments.devices), patterns(&arguments.fstypes));
    let fits = |patterns: &Option<Vec<ShellPattern>>, name: &str| {
        patterns.as_ref().is_none_or(|patterns| patterns.iter().any(|pattern| pattern.is_match(name)))
    };
    let mut entries = collect(&arguments, limit, context)?;
    entries.retain(|entry| fits(&devices, entry.field(0)) && fits(&types, entry.field(2)));
    let uuids = uuids();
    let mut warnings: Vec<String> = Vec::new();
    let mut points = Map::new();
    let mut all: Vec<Value> = Vec::new();
    let mut repeated: Vec<&str> = Vec::new();
    for entry in &entries {
        let (device, point) = (entry.field(0), entry.field(1));
        let mut mount = Map::new();
        for (index, name) in ["device", "mount", "fstype", "options", "dump", "passno"].into_iter().enumerate() {
            match entry.fields.get(index) {
                None => {}
                Some(text) if index < 4 => drop(mount.insert(name.into(), text.as_str().into())),
                Some(text) => drop(mount.insert(name.into(), text.parse::<i64>().unwrap_or(0).into())),
            }
        }
        let sizes = match limit {
            None => Ok(sizes(point)),
            Some(limit) => sizes_in_time(point.to_owned(), limit),
        };
        match sizes {
            Ok(sizes) => mount.extend(sizes.unwrap_or_default()),
            Err(_) => {
                let message = format!(
                    "The file system at {point} did not answer within {} s",
                    crate::text::float(limit.unwrap_or_default().as_secs_f64())
                );
                match arguments.on_timeout {
                    OnTimeout::Error => {
                        return Err(Failure::new(format!(
                            "{message}; raise timeout, or set on_timeout to leave its sizes out"
                        )));
                    }
                    OnTimeout::Warn => warnings.push(message),
                    OnTimeout::Ignore => {}
                }
                continue;
            }
        }
        let context = [("source", entry.source.as_str()), ("source_data", &entry.line)];
        mount.insert("ansible_context".into(), Value::from_iter(context));
        let uuid = device.strip_prefix("UUID=").or_else(|| uuid_of(device, &uuids));
        mount.insert("uuid".into(), uuid.into());
        if points.contains_key(point) {
            if !repeated.contains(&entry.source.as_str()) {
                repeated.push(&entry.source);
            }
        } else {
            points.insert(point.to_owned(), mount.clone().into());
        }
        all.push(mount.into());
    }
    if arguments.include_aggregate_mounts != Some(true) {
        all.clear();
    }
    if arguments.include_aggregate_mounts.is_none() && !repeated.is_empty() {
        let listed: Vec<String> = repeated
            .iter()
            .map(|source| {
                let of_source = entries.iter().filter(|entry| entry.source == *source);
                let names: Vec<String> = of_source.map(|entry| format!("'{}'", entry.field(1))).collect();
                format!("{source} ([{}])", names.join(", "))
            })
            .collect();
        warnings.push(format!(
            "mount_facts: ignoring repeat mounts in the following sources: {}. You can disable this warning by \
             configuring the 'include_aggregate_mounts' option as True or False.",
            listed.join(", ")
        ));
    }
    let facts = Value::from_iter([("mount_points", Value::Map(points)), ("aggregate_mounts", Value::List(all))]);
    let outcome = Outcome::unchanged().with("ansible_facts", facts);
    Ok(if warnings.is_empty() { outcome } else { outcome.with("warnings", warnings) })
}
