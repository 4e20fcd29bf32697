//! `file`: a path is a file, a directory, a link or nothing, with the given attributes.

use std::fs::{FileTimes, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rprov_wire::{Map, Value};

use crate::attributes::{self, Difference, FileAttributes, Wanted};
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::write::{explain, parent, resolve};
use crate::{arguments, choices};

choices! {
    /// What the path is to be.
    pub enum State {
        Absent = "absent",
        Directory = "directory",
        File = "file",
        Hard = "hard",
        Link = "link",
        Touch = "touch",
    }
}

arguments! {
    /// Manage files, links and directories, and their attributes.
    pub struct Arguments + FileAttributes {
        /// The path.
        path | dest | name: PathBuf,
        /// What it is to be; what it is if not given, or else a file.
        state: Option<State>,
        /// Apply the attributes to everything in the directory.
        recurse: bool = false,
        /// Create a link to what does not exist, or in place of a file.
        force: bool = false,
        /// Apply to what symbolic links lead to, not to the links.
        follow: bool = true,
        /// What a link leads to.
        src: Option<PathBuf>,
        /// Time of last change: `preserve`, `now`, or in `modification_time_format`.
        modification_time: Option<String>,
        /// Format of `modification_time`, as strftime(3) has it.
        modification_time_format: String = "%Y%m%d%H%M.%S".to_owned(),
        /// Time of last access: `preserve`, `now`, or in `access_time_format`.
        access_time: Option<String>,
        /// Format of `access_time`, as strftime(3) has it.
        access_time_format: String = "%Y%m%d%H%M.%S".to_owned(),
    }
}

/// Bring the path to its state.
///
/// # Errors
/// Something else is there, the source is missing, or the system refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let mut arguments = arguments;
    let previous = state(&arguments.path);
    let wanted_state = arguments.state.unwrap_or(match previous {
        "directory" => State::Directory,
        "link" => State::Link,
        "hard" => State::Hard,
        "absent" if arguments.recurse => State::Directory,
        _ => State::File,
    });
    if arguments.recurse && wanted_state != State::Directory {
        return Err(failure(&arguments.path, "recurse option requires state to be 'directory'"));
    }
    if arguments.src.is_some() && !matches!(wanted_state, State::Link | State::Hard) {
        return Err(failure(&arguments.path, "src option requires state to be 'link' or 'hard'"));
    }
    if let (State::Hard, true, Some(name)) =
        (wanted_state, arguments.path.is_dir(), arguments.src.as_deref().and_then(Path::file_name))
    {
        arguments.path.push(name);
    }
    match wanted_state {
        State::Link if previous == "absent" && arguments.src.is_none() => {
            return Err(Failure::new("src is required for creating new symlinks"));
        }
        State::Hard if previous == "absent" && arguments.src.is_none() => {
            return Err(Failure::new("src is required for creating new hardlinks"));
        }
        _ => {}
    }
    let times = Times::read(&arguments, wanted_state)?;
    let task = Task { arguments, times, check: context.check() };
    let result = match wanted_state {
        State::Absent => task.absent(),
        State::Directory => task.directory(context),
        State::File => task.file(),
        State::Hard => task.hard(),
        State::Link => task.link(),
        State::Touch => task.touch(),
    };
    let warnings: Vec<Value> = if task.check && wanted_state != State::Absent {
        task.arguments.attributes.unknown_names().into_iter().map(Value::from).collect()
    } else {
        Vec::new()
    };
    match result {
        Ok(outcome) if warnings.is_empty() => Ok(outcome),
        Ok(outcome) => Ok(outcome.with("warnings", warnings)),
        Err(failure) => {
            let failure = with_path(failure, &task.arguments.path);
            Err(if warnings.is_empty() { failure } else { failure.with("warnings", warnings) })
        }
    }
}

/// Set attributes on a file that is there already, as `state=file` does.
///
/// # Errors
/// It may not be done.
pub(crate) fn attributes_only(path: &Path, wanted: &Wanted, check: bool) -> Result<Outcome, Failure> {
    let difference = wanted.apply(path, check)?;
    Ok(Outcome::new(difference.changed)
        .with("path", path.display().to_string())
        .with_all(attributes::describe(path))
        .with_diff(difference.into_diff(path)))
}

struct Task {
    arguments: Arguments,
    times: Times,
    check: bool,
}

fn state(path: &Path) -> &'static str {
    attributes::state(std::fs::symlink_metadata(path).ok().as_ref())
}

fn failure(path: &Path, message: &str) -> Failure {
    with_path(Failure::new(message), path)
}

fn with_path(mut failure: Failure, path: &Path) -> Failure {
    if !failure.values.contains_key("dest") {
        failure.values.entry("path".to_owned()).or_insert_with(|| path.display().to_string().into());
    }
    for (name, value) in attributes::describe(path) {
        failure.values.entry(name).or_insert(value);
    }
    failure
}

/// The first lines of a diff: the path and, where it changes, the state.
fn state_diff(before: &str, after: &str) -> Difference {
    let mut difference = Difference::default();
    if before != after {
        difference.before.insert("state".to_owned(), before.into());
        difference.after.insert("state".to_owned(), after.into());
    }
    difference
}

impl Task {
    /// Where the attributes go: the end of a link if links are followed.
    fn followed(&self) -> Result<PathBuf, Failure> {
        let path = &self.arguments.path;
        if self.arguments.follow && state(path) == "link" { resolve(path) } else { Ok(path.clone()) }
    }

    /// The attributes as they can be set: with the numbers of users and groups. Those that are yet to be made do no
    /// harm where nothing is there in check mode, so this is asked only where attributes are compared or set.
    fn wanted(&self) -> Result<Wanted, Failure> {
        self.arguments.attributes.resolve()
    }

    fn finish(&self, name: &str, path: &Path, difference: Difference) -> Outcome {
        Outcome::new(difference.changed)
            .with(name, path.display().to_string())
            .with_all(attributes::describe(path))
            .with_diff(difference.into_diff(path))
    }

    fn absent(&self) -> Result<Outcome, Failure> {
        let path = &self.arguments.path;
        let Ok(metadata) = std::fs::symlink_metadata(path) else {
            return Ok(Outcome::unchanged().with("path", path.display().to_string()).with("state", "absent"));
        };
        let mut difference = state_diff(attributes::state(Some(&metadata)), "absent");
        difference.changed = true;
        if metadata.is_dir() {
            difference.before.insert("path_content".to_owned(), tree_content(path));
        }
        if !self.check {
            let removed = if metadata.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    let action = if metadata.is_dir() { "remove the directory" } else { "remove" };
                    return Err(explain(action, path, &error));
                }
                _ => {}
            }
        }
        Ok(Outcome::new(true)
            .with("path", path.display().to_string())
            .with("state", "absent")
            // In check mode it is there still, and is described.
            .with_all(attributes::describe(path))
            .with_diff(difference.into_diff(path)))
    }

    fn file(&self) -> Result<Outcome, Failure> {
        let path = self.followed()?;
        let previous = state(&path);
        if previous != "file" && previous != "hard" {
            return Err(Failure::new(format!("file ({}) is {previous}, cannot continue", path.display()))
                .with("path", path.display().to_string())
                .with("state", previous));
        }
        let mut difference = state_diff(previous, "file");
        difference.merge(self.wanted()?.apply(&path, self.check)?);
        self.times.apply(&path, self.check, &mut difference)?;
        Ok(self.finish("path", &path, difference))
    }

    fn directory(&self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let path = self.followed()?;
        let previous = state(&path);
        let mut difference = state_diff(previous, "directory");
        match previous {
            "absent" => {
                difference.changed = true;
                if !self.check {
                    difference.merge(self.create_directories(&path)?);
                }
            }
            "directory" => {
                difference.merge(self.wanted()?.apply(&path, self.check)?);
                self.times.apply(&path, self.check, &mut difference)?;
            }
            other => return Err(failure(&path, &format!("{} already exists as a {other}", path.display()))),
        }
        if self.arguments.recurse && path.is_dir() {
            difference.changed |= self.recurse(&path, &self.wanted()?, context, 0)?;
        }
        Ok(self.finish("path", &path, difference))
    }

    /// Create a directory and those above it, each with the attributes; the difference of the last.
    fn create_directories(&self, path: &Path) -> Result<Difference, Failure> {
        let wanted = self.wanted()?;
        let missing: Vec<&Path> =
            path.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.is_dir()).collect();
        let mut difference = Difference::default();
        for directory in missing.into_iter().rev() {
            match std::fs::create_dir(directory) {
                Ok(()) => {}
                // Somebody else was faster.
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists && directory.is_dir() => {}
                Err(error) => {
                    return Err(Failure {
                        message: format!(
                            "There was an issue creating {} as requested: {}",
                            directory.display(),
                            explain("create", directory, &error).message
                        ),
                        values: Map::new(),
                    });
                }
            }
            attributes::adopt_default_context(directory, directory);
            difference = wanted.apply(directory, false)?;
        }
        self.times.apply(path, false, &mut difference)?;
        Ok(difference)
    }

    /// Apply the attributes to everything below a directory; whether anything changed.
    fn recurse(&self, directory: &Path, wanted: &Wanted, context: &Context<'_>, depth: usize) -> Result<bool, Failure> {
        context.checkpoint()?;
        if depth > 200 {
            return Err(Failure::new(format!(
                "{} is nested too deeply: do symbolic links go round in a circle?",
                directory.display()
            )));
        }
        let mut changed = false;
        let entries = std::fs::read_dir(directory).map_err(|error| explain("list", directory, &error))?;
        for entry in entries {
            let path = entry.map_err(|error| explain("list", directory, &error))?.path();
            let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
            let mut difference = wanted.apply(&path, self.check)?;
            if !metadata.is_symlink() {
                self.times.apply(&path, self.check, &mut difference)?;
            }
            changed |= difference.changed;
            if metadata.is_dir() {
                changed |= self.recurse(&path, wanted, context, depth + 1)?;
            } else if metadata.is_symlink() && self.arguments.follow && path.exists() {
                let target = resolve(&path)?;
                changed |= wanted.apply(&target, self.check)?.changed;
                if target.is_dir() && !directory.starts_with(&target) {
                    changed |= self.recurse(&target, wanted, context, depth + 1)?;
                }
            }
        }
        Ok(changed)
    }

    fn link(&self) -> Result<Outcome, Failure> {
        let path = &self.arguments.path;
        let previous = state(path);
        let force = self.arguments.force;
        let current = std::fs::read_link(path).ok();
        let src =
            self.arguments.src.clone().or_else(|| current.clone().filter(|_| self.arguments.follow && path.exists()));
        if let Some(src) = &src {
            let base = if previous == "directory" { path.as_path() } else { parent(path) };
            let absolute = base.join(src);
            if !force && !absolute.exists() {
                return Err(Failure::new(format!(
                    "src file does not exist, use 'force=yes' if you really want to create the link: {}",
                    absolute.display()
                ))
                .with("src", src.display().to_string()));
            }
        }
        match previous {
            "directory" if !force => {
                return Err(Failure::new(format!(
                    "refusing to convert from {previous} to symlink for {}",
                    path.display()
                )));
            }
            "directory" if std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_some()) => {
                return Err(Failure::new(format!(
                    "the directory {} is not empty, refusing to convert it",
                    path.display()
                )));
            }
            "file" | "hard" if !force => {
                return Err(Failure::new(format!(
                    "refusing to convert from {previous} to symlink for {}",
                    path.display()
                )));
            }
            _ => {}
        }
        let mut difference = state_diff(previous, "link");
        match (&src, &current) {
            (None, None) => return Err(Failure::new("src is required for creating new symlinks")),
            (Some(src), Some(current)) if src != current => {
                difference.changed = true;
                difference.before.insert("src".to_owned(), current.display().to_string().into());
                difference.after.insert("src".to_owned(), src.display().to_string().into());
            }
            (Some(_), None) => difference.changed = true,
            _ => {}
        }
        if let (true, false, Some(src)) = (difference.changed, self.check, &src) {
            place_link(src, path, previous)?;
        }
        let mut warning = None;
        let pending = self.check && (difference.changed || !path.exists());
        if !pending {
            let target = self.followed()?;
            if self.arguments.follow && state(path) == "link" && !target.exists() {
                warning = Some(
                    "Cannot set fs attributes on a non-existent symlink target. follow should be set to False to avoid this.",
                );
            } else {
                let mut applied = self.wanted()?.apply(&target, self.check)?;
                self.times.apply(&target, self.check, &mut applied)?;
                difference.merge(applied);
            }
        }
        let mut outcome = self.finish("dest", path, difference).with("src", src.map(|src| src.display().to_string()));
        if let Some(warning) = warning {
            outcome = outcome.with("warnings", vec![warning]);
        }
        Ok(outcome)
    }

    fn hard(&self) -> Result<Outcome, Failure> {
        let path = &self.arguments.path;
        let src = self.arguments.src.as_deref();
        let named = |failure: Failure| {
            failure.with("dest", path.display().to_string()).with("src", src.map(|src| src.display().to_string()))
        };
        let previous = state(path);
        let own = std::fs::symlink_metadata(path).ok();
        let mut difference = state_diff(previous, "hard");
        match src {
            // Without a state, a hard link stays what it is.
            None if self.arguments.state.is_some() => {
                return Err(named(Failure::new("src is required for creating new hardlinks")));
            }
            None => {}
            Some(src) => {
                let source = std::fs::metadata(src).map_err(|error| match error.kind() {
                    std::io::ErrorKind::NotFound => named(Failure::new("src does not exist")),
                    _ => explain("look at", src, &error),
                })?;
                let same = |own: &Metadata| (own.dev(), own.ino()) == (source.dev(), source.ino());
                if own.as_ref().is_some_and(same) {
                    difference = Difference::default();
                } else {
                    self.place_hard_link(src, previous).map_err(named)?;
                    difference.changed = true;
                }
            }
        }
        if !(self.check && difference.changed) {
            let mut applied = self.wanted()?.apply(path, self.check)?;
            self.times.apply(path, self.check, &mut applied)?;
            difference.merge(applied);
        }
        Ok(self.finish("dest", path, difference).with("src", src.map(|src| src.display().to_string())))
    }

    /// Give the source this name too, where nothing speaks against it; in check mode only look.
    fn place_hard_link(&self, src: &Path, previous: &str) -> Result<(), Failure> {
        let path = &self.arguments.path;
        if previous == "directory" {
            return Err(Failure::new(format!("Cannot link: directory exists at destination {}", path.display())));
        }
        if previous != "absent" && previous != "link" && !self.arguments.force {
            return Err(Failure::new(format!(
                "Cannot link, different hard link exists at destination {}; `force: true` replaces it",
                path.display()
            )));
        }
        if self.check {
            return Ok(());
        }
        let failed = |error: std::io::Error| explain("link", path, &error);
        if previous == "absent" {
            return std::fs::hard_link(src, path).map_err(failed);
        }
        let temporary = beside(path);
        std::fs::hard_link(src, &temporary).map_err(failed)?;
        std::fs::rename(&temporary, path).map_err(|error| {
            let _ = std::fs::remove_file(&temporary);
            failed(error)
        })
    }

    fn touch(&self) -> Result<Outcome, Failure> {
        let path = &self.arguments.path;
        let target = self.followed()?;
        let previous = state(path);
        let mut difference = state_diff(previous, "touch");
        let made = !target.exists();
        if made {
            difference.changed = true;
            if self.check {
                return Ok(Outcome::new(true).with("dest", path.display().to_string()));
            }
            self.wanted()?;
            match std::fs::File::options().write(true).create_new(true).open(&target) {
                Ok(_) => attributes::adopt_default_context(&target, &target),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Failure::new(format!(
                        "Error, could not touch target: {}",
                        explain("create", &target, &error).message
                    )));
                }
            }
        }
        let finished = self
            .wanted()
            .and_then(|wanted| wanted.apply(&target, self.check))
            .map(|more| difference.merge(more))
            .and_then(|()| self.times.apply(&target, self.check, &mut difference));
        if let Err(failure) = finished {
            if made {
                // A file of the wrong owner or mode is worse than none.
                let _ = std::fs::remove_file(&target);
            }
            return Err(failure);
        }
        Ok(self.finish("dest", path, difference))
    }
}

fn beside(path: &Path) -> PathBuf {
    let stamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos();
    parent(path).join(format!(".rprov-{}-{stamp}.tmp", std::process::id()))
}

/// Put a symbolic link at `path`, atomically where something else is there.
pub(crate) fn place_link(src: &Path, path: &Path, previous: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| explain("link", path, &error);
    if previous == "absent" {
        return std::os::unix::fs::symlink(src, path).map_err(failed);
    }
    let temporary = beside(path);
    std::os::unix::fs::symlink(src, &temporary).map_err(failed)?;
    let placed = if previous == "directory" {
        std::fs::remove_dir(path).and_then(|()| std::fs::rename(&temporary, path))
    } else {
        std::fs::rename(&temporary, path)
    };
    placed.map_err(|error| {
        let _ = std::fs::remove_file(&temporary);
        failed(error)
    })
}

/// What a directory holds, for the diff of its removal.
fn tree_content(path: &Path) -> Value {
    let mut directories = Vec::new();
    let mut files = Vec::new();
    let mut stack = vec![path.to_owned()];
    while let Some(directory) = stack.pop() {
        let Ok(entries) = std::fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let name = entry.path().display().to_string();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                directories.push(name);
                stack.push(entry.path());
            } else {
                files.push(name);
            }
        }
    }
    directories.sort_unstable();
    files.sort_unstable();
    Value::from_iter([("directories", Value::from(directories)), ("files", Value::from(files))])
}

/// A time that a file is to have.
#[derive(Clone, Copy, Debug)]
enum Time {
    Preserve,
    Now,
    At(SystemTime),
}

struct Times {
    accessed: Time,
    modified: Time,
}

/// Both times are to be the present one.
const NOW: rustix::fs::Timestamps = {
    const PRESENT: rustix::fs::Timespec = rustix::fs::Timespec { tv_sec: 0, tv_nsec: rustix::fs::UTIME_NOW };
    rustix::fs::Timestamps { last_access: PRESENT, last_modification: PRESENT }
};

impl Times {
    fn read(arguments: &Arguments, state: State) -> Result<Self, Failure> {
        let read = |given: &Option<String>, format: &str| match given.as_deref() {
            None if state == State::Touch => Ok(Time::Now),
            None | Some("preserve") => Ok(Time::Preserve),
            Some("now") => Ok(Time::Now),
            Some(text) => parse_time(text, format).map(Time::At),
        };
        Ok(Times {
            accessed: read(&arguments.access_time, &arguments.access_time_format)?,
            modified: read(&arguments.modification_time, &arguments.modification_time_format)?,
        })
    }

    fn apply(&self, path: &Path, check: bool, difference: &mut Difference) -> Result<(), Failure> {
        if let (Time::Preserve, Time::Preserve) = (self.accessed, self.modified) {
            return Ok(());
        }
        let metadata = std::fs::metadata(path).map_err(|error| explain("look at", path, &error))?;
        let now = SystemTime::now();
        let mut times = FileTimes::new();
        let mut changed = false;
        for (name, wanted, current) in
            [("atime", self.accessed, metadata.accessed()), ("mtime", self.modified, metadata.modified())]
        {
            let current = current.map_err(|error| explain("look at the times of", path, &error))?;
            let new = match wanted {
                Time::Preserve => current,
                Time::Now => now,
                Time::At(time) => time,
            };
            times = if name == "atime" { times.set_accessed(new) } else { times.set_modified(new) };
            if new != current {
                changed = true;
                difference.before.insert(name.to_owned(), seconds(current));
                difference.after.insert(name.to_owned(), seconds(new));
            }
        }
        if changed {
            difference.changed = true;
            if !check {
                let set = if let (Time::Now, Time::Now) = (self.accessed, self.modified) {
                    // Whoever may write a file may do this much; any other time is its owner's to set.
                    rustix::fs::utimensat(rustix::fs::CWD, path, &NOW, rustix::fs::AtFlags::empty()).map_err(Into::into)
                } else {
                    std::fs::File::open(path).and_then(|file| file.set_times(times))
                };
                set.map_err(|error| explain("set the times of", path, &error))?;
            }
        }
        Ok(())
    }
}

fn seconds(time: SystemTime) -> Value {
    let value = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => after.as_secs_f64(),
        Err(before) => -before.duration().as_secs_f64(),
    };
    Value::Float(value)
}

/// A local time in the given format.
fn parse_time(text: &str, format: &str) -> Result<SystemTime, Failure> {
    let failed = |_: jiff::Error| {
        Failure::new(format!(
            "Error while obtaining timestamp for time {text} using format {format}: time data '{text}' does not match format '{format}'"
        ))
    };
    let broken = jiff::fmt::strtime::parse(format, text).map_err(failed)?;
    let civil = broken.to_datetime().or_else(|_| broken.to_date().map(|date| date.at(0, 0, 0, 0))).map_err(failed)?;
    let timestamp = civil.to_zoned(jiff::tz::TimeZone::system()).map_err(failed)?.timestamp();
    let offset = Duration::new(timestamp.as_second().unsigned_abs(), 0);
    Ok(if timestamp.as_second() < 0 { SystemTime::UNIX_EPOCH - offset } else { SystemTime::UNIX_EPOCH + offset })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn directories_are_made_with_those_above_and_their_mode() {
        let bench = Bench::new();
        let arguments = json!({"path": bench.path("a/b"), "state": "directory", "mode": "0700"});
        // What is not there has no mode to predict a change of.
        let predicted = bench.run("file", arguments.clone(), true).unwrap();
        assert_eq!(
            (&predicted["changed"], predicted["diff"].get("before").unwrap().get("mode")),
            (&Value::Bool(true), None)
        );
        let result = bench.apply("file", arguments.clone());
        bench.settled("file", arguments);
        assert_eq!((&result["mode"], &result["state"]), (&Value::from("0700"), &Value::from("directory")));
        assert_eq!(std::fs::metadata(bench.path("a")).unwrap().mode() & 0o7777, 0o700);
        let diff = result["diff"].get("before").unwrap();
        assert_eq!((diff.get("state"), diff.get("mode")), (Some(&"absent".into()), Some(&"0755".into())));
    }

    #[test]
    fn a_tree_gets_its_attributes_and_is_removed() {
        let bench = Bench::new();
        bench.file("d/s/f", "x");
        symlink("f", bench.path("d/s/l")).unwrap();
        std::fs::set_permissions(bench.path("d"), std::fs::Permissions::from_mode(0o700)).unwrap();
        let arguments =
            json!({"path": bench.path("d"), "state": "directory", "mode": "u=rwX,g=rX,o=", "recurse": true});
        bench.converges("file", arguments);
        assert_eq!(std::fs::metadata(bench.path("d/s/f")).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(std::fs::metadata(bench.path("d/s")).unwrap().mode() & 0o7777, 0o750);
        let result = bench.converges("file", json!({"path": bench.path("d"), "state": "absent"}));
        assert_eq!(result["state"], Value::from("absent"));
        let content = result["diff"].get("before").unwrap().get("path_content").unwrap();
        assert_eq!(content.get("files").unwrap().as_list().unwrap().len(), 2);
    }

    #[test]
    fn a_link_is_made_changed_and_refused() {
        let bench = Bench::new();
        bench.file("f", "x");
        bench.file("g", "x");
        let path = bench.path("l");
        let result = bench.converges("file", json!({"path": path, "src": "f", "state": "link"}));
        assert_eq!((&result["src"], &result["state"]), (&Value::from("f"), &Value::from("link")));
        bench.converges("file", json!({"path": path, "src": "g", "state": "link"}));
        let message = bench.fails("file", json!({"path": path, "src": "none", "state": "link"}));
        assert!(message.starts_with("src file does not exist, use 'force=yes'"), "{message}");
        let message = bench.fails("file", json!({"path": bench.path("f"), "src": "g", "state": "link"}));
        assert!(message.starts_with("refusing to convert from file to symlink"), "{message}");
        bench.converges("file", json!({"path": bench.path("f"), "src": "g", "state": "link", "force": true}));
        bench.converges(
            "file",
            json!({"path": bench.path("x"), "src": "none", "state": "link", "force": true, "follow": false}),
        );
    }

    #[test]
    fn the_mode_goes_to_what_a_link_leads_to() {
        let bench = Bench::new();
        let file = bench.file("f", "x");
        symlink("f", bench.path("l")).unwrap();
        bench.converges("file", json!({"path": bench.path("l"), "state": "file", "mode": "0600"}));
        assert_eq!(std::fs::metadata(file).unwrap().mode() & 0o7777, 0o600);
    }

    #[test]
    fn hard_links() {
        let bench = Bench::new();
        let src = bench.file("f", "x");
        bench.file("other", "y");
        bench.converges("file", json!({"path": bench.path("h"), "src": src, "state": "hard"}));
        assert_eq!(std::fs::metadata(bench.path("f")).unwrap().nlink(), 2);
        let arguments = json!({"path": bench.path("other"), "src": bench.path("f"), "state": "hard"});
        assert!(bench.fails("file", arguments).contains("force"));
        let arguments = json!({"path": bench.path("other"), "src": bench.path("f"), "state": "hard", "force": true});
        bench.converges("file", arguments);
        assert!(
            bench
                .fails("file", json!({"path": bench.path("z"), "src": bench.path("no"), "state": "hard"}))
                .starts_with("src does not exist")
        );
    }

    #[test]
    fn touch_creates_and_sets_times_once() {
        let bench = Bench::new();
        let path = bench.path("t");
        let created = bench.apply("file", json!({"path": path, "state": "touch"}));
        assert_eq!((&created["dest"], &created["changed"]), (&Value::from(path.as_str()), &Value::Bool(true)));
        let arguments = json!({"path": path, "state": "touch", "mode": "0600", "access_time": "preserve",
            "modification_time": "202001020304.05"});
        bench.converges("file", arguments);
        bench.settled(
            "file",
            json!({"path": path, "state": "touch", "access_time": "preserve", "modification_time": "preserve"}),
        );
        assert_eq!(bench.apply("file", json!({"path": path, "state": "touch"}))["changed"], Value::Bool(true));
        let arguments = json!({"path": path, "state": "touch", "modification_time": "20201"});
        assert!(bench.fails("file", arguments).contains("does not match format"));
        let arguments = json!({"path": bench.path("new"), "state": "touch", "owner": "no such user"});
        assert!(!bench.fails("file", arguments).is_empty());
        assert!(!std::path::Path::new(&bench.path("new")).exists(), "what could not be finished is gone");
    }

    #[test]
    fn what_is_there_is_kept_without_a_state_and_what_is_not_is_an_error() {
        let bench = Bench::new();
        bench.settled("file", json!({"path": bench.path("")}));
        let failure = bench.run("file", json!({"path": bench.path("no"), "mode": "0600"}), false).unwrap_err();
        assert!(failure.message.ends_with("is absent, cannot continue"), "{failure}");
        assert_eq!(failure.values["state"], Value::from("absent"));
        let path = bench.file("f", "x");
        assert!(bench.fails("file", json!({"path": path, "state": "directory"})).ends_with("already exists as a file"));
        assert!(bench.fails("file", json!({"path": path, "state": "file", "recurse": true})).contains("recurse"));
        assert!(
            bench.fails("file", json!({"path": path, "state": "file", "src": "x"})).contains("src option requires")
        );
        assert!(bench.fails("file", json!({"path": path, "mode": "9"})).contains("octal"));
    }
}
