//! `copy`: a file or a tree on the host has the given content.
//!
//! The content comes from the controller (`_content`, one file; `_tree`, a directory in one request), or from
//! elsewhere on the host (`remote_src`). What comes from the controller travels only if its checksum differs from
//! that of what is there. `template` uses this module too: the controller renders and sends the result as content.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rprov_wire::Content;

use crate::argument::{Mode, Rule};
use crate::arguments;
use crate::attributes::{self, FileAttributes, Wanted};
use crate::checksum::{Algorithm, Summing};
use crate::context::Context;
use crate::module::file::{attributes_only, place_link};
use crate::outcome::{Diff, Failure, Outcome};
use crate::permissions::{self, ModeChange};
use crate::text;
use crate::validate::validate;
use crate::write::{self, Staged, explain, parent};

/// Larger files are not shown in diffs.
const DIFF_LIMIT: u64 = 104_448;

arguments! {
    /// Copy files to hosts.
    pub struct Arguments + FileAttributes {
        /// The file or directory to copy; on the host with `remote_src`.
        src: Option<PathBuf>,
        /// What the file is to contain; the controller sends it as content.
        content: Option<String>,
        /// Where to.
        dest: PathBuf,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// Replace a file that differs; otherwise an existing file is left alone.
        force: bool = true,
        /// Decrypt vaulted sources; done on the controller.
        decrypt: bool = true,
        /// Mode of the directories that are created on the way.
        directory_mode: Option<Mode>,
        /// `src` is on the host.
        remote_src: bool = false,
        /// Write through a symbolic link at `dest` instead of replacing it.
        follow: bool = false,
        /// Copy what symbolic links in the source lead to, not the links.
        local_follow: Option<bool>,
        /// SHA-1 that the content must have.
        checksum: Option<String>,
        /// Command that must accept the new content, given as `%s`.
        validate: Option<String>,
        /// The content, on the controller.
        _content: Option<Content>,
        /// A directory's content, on the controller.
        _tree: Option<Vec<Entry>>,
        /// What the diff calls the new content; `dest` if not given.
        _source: Option<String>,
    }
    rules: [Rule::Exclusive(&["src", "content"])]
}

arguments! {
    /// One entry of a directory that comes from the controller: a directory, a symbolic link, or a file.
    pub struct Entry {
        /// Path below `dest`.
        path: String,
        /// Its own mode; that of the task if not given.
        mode: Option<Mode>,
        /// It is a directory.
        directory: bool = false,
        /// It is a symbolic link, to here.
        link: Option<String>,
        /// It is a file with this content.
        _content: Option<Content>,
    }
}

/// Compare, and copy what differs.
///
/// # Errors
/// The source is missing, the destination cannot be written, the checksum is another, or the new content was not
/// accepted.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let preserve = arguments.attributes.mode.as_ref().is_some_and(|mode| mode.0 == "preserve");
    let mut plain = arguments.attributes.clone();
    if preserve {
        plain.mode = None;
    }
    let wanted = plain.resolve()?;
    let directory_mode = arguments.directory_mode.as_ref().map(ModeChange::parse).transpose()?;
    let task = Task { wanted, preserve, directory_mode, context, arguments: &arguments };
    if let Some(tree) = &arguments._tree {
        return task.tree(tree);
    }
    if let Some(content) = &arguments._content {
        let source = arguments._source.as_deref().map(Path::new);
        let dest = task.destination(arguments.src.as_deref().or(source))?;
        return task.deliver(&dest, content);
    }
    match &arguments.src {
        Some(src) if arguments.remote_src => task.on_host(src),
        Some(src) => Err(Failure::new(format!("src {} did not arrive from the controller", src.display()))),
        None => Err(Failure::new("src (or content) is required")),
    }
}

struct Task<'a> {
    wanted: Wanted,
    /// `mode: preserve`
    preserve: bool,
    directory_mode: Option<ModeChange>,
    context: &'a Context<'a>,
    arguments: &'a Arguments,
}

/// Where new content comes from.
enum Origin<'a> {
    Controller(&'a Content),
    Host(&'a Path),
}

impl Origin<'_> {
    fn open<'t>(&'t self, context: &'t Context<'_>) -> Result<Box<dyn Read + Send + 't>, Failure> {
        match self {
            Origin::Controller(content) => context.transport.pull(content),
            Origin::Host(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(file)),
                Err(error) => Err(explain("read", path, &error)),
            },
        }
    }
}

fn ends_with_slash(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

impl Task<'_> {
    /// The path of the file: in `dest`, if that is a directory or is written as one.
    fn destination(&self, src: Option<&Path>) -> Result<PathBuf, Failure> {
        let dest = &self.arguments.dest;
        let name = src.and_then(Path::file_name);
        let is_directory = dest.is_dir();
        match name {
            Some(name) if is_directory || ends_with_slash(dest) => Ok(dest.join(name)),
            None if is_directory || ends_with_slash(dest) => {
                Err(Failure::new("can not use content with a dir as dest"))
            }
            _ => Ok(dest.clone()),
        }
    }

    /// Create the directory of a file whose `dest` is written as a directory; other directories must be there.
    fn prepare_directory(&self, dest: &Path) -> Result<(), Failure> {
        let directory = parent(dest);
        if directory.is_dir() {
            return Ok(());
        }
        if ends_with_slash(&self.arguments.dest) {
            return self.create_directories(directory).map(drop);
        }
        if self.context.check() {
            return Ok(());
        }
        Err(Failure::new(format!("Destination directory {} does not exist", directory.display())))
    }

    /// Create a directory and those above it; whether any was missing.
    fn create_directories(&self, directory: &Path) -> Result<bool, Failure> {
        let missing: Vec<&Path> =
            directory.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.is_dir()).collect();
        let attributes = self.wanted.with_mode(self.directory_mode.clone());
        for path in missing.iter().rev() {
            if std::fs::symlink_metadata(path).is_ok_and(|metadata| !metadata.is_symlink()) {
                return Err(Failure::new(format!(
                    "cannot create the directory {}: a file of that name is there",
                    path.display()
                )));
            }
            if !self.context.check() {
                match std::fs::create_dir(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists || !path.is_dir() => {
                        return Err(explain("create the directory", path, &error));
                    }
                    _ => {}
                }
                attributes::adopt_default_context(path, path);
                attributes.apply(path, false)?;
            }
        }
        Ok(!missing.is_empty())
    }

    fn deliver(&self, dest: &Path, content: &Content) -> Result<Outcome, Failure> {
        let source = self.arguments.src.as_ref().map(|path| path.display().to_string());
        let target = if self.arguments.follow { write::resolve(dest)? } else { dest.to_owned() };
        let existing = std::fs::symlink_metadata(&target).ok();
        if existing.is_some() && !self.arguments.force {
            return Ok(Outcome::unchanged()
                .with("dest", dest.display().to_string())
                .with("src", source.unwrap_or_else(|| dest.display().to_string())));
        }
        let same = matches!(&existing, Some(metadata) if metadata.is_file() && metadata.len() == content.size)
            && Algorithm::Sha1.of_file(&target)? == content.sha1;
        if same {
            let outcome = attributes_only(&target, &self.wanted, self.context.check())?;
            return Ok(outcome.with("dest", target.display().to_string()).with("checksum", content.sha1.as_str()));
        }
        let diff = self.content_diff(dest, dest.exists(), content)?;
        if self.context.check() {
            let diffs = Vec::from_iter(diff);
            return Ok(Outcome { changed: true, diffs, diff_list: true, ..Outcome::default() });
        }
        let written = self.write_content(&target, content);
        let (backup, md5) = match written {
            Ok(written) => written,
            // What was to be written is part of the failure.
            Err(mut failure) => {
                failure.values.entry("checksum".to_owned()).or_insert_with(|| content.sha1.as_str().into());
                if let Some(diff) = diff {
                    failure = failure.with("diff", vec![diff.into_value()]);
                }
                return Err(failure);
            }
        };
        let mut outcome = Outcome::new(true)
            .with("dest", target.display().to_string())
            .with("src", source.unwrap_or_else(|| target.display().to_string()))
            .with("checksum", content.sha1.as_str())
            .with_all(attributes::describe(&target));
        if let Some(md5) = md5 {
            outcome = outcome.with("md5sum", md5);
        }
        if let Some(backup) = backup {
            outcome = outcome.with("backup_file", backup.display().to_string());
        }
        outcome.diffs.extend(diff);
        outcome.diff_list = true;
        Ok(outcome)
    }

    /// Write content of the controller, if it is what `checksum` says; the backup's path and the content's MD5.
    fn write_content(&self, target: &Path, content: &Content) -> Result<(Option<PathBuf>, Option<String>), Failure> {
        if let Some(expected) =
            self.arguments.checksum.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&content.sha1))
        {
            return Err(Failure::new("Copied file does not match the expected checksum. Transfer failed.")
                .with("checksum", content.sha1.as_str())
                .with("expected_checksum", expected.as_str()));
        }
        self.prepare_directory(target)?;
        self.write(target, &Origin::Controller(content), &self.wanted, Some(&content.sha1))
    }

    /// Write new content with all that the task asks for; the backup's path, and the content's MD5 where
    /// somebody may look at it.
    fn write(
        &self,
        target: &Path,
        origin: &Origin<'_>,
        wanted: &Wanted,
        sha1: Option<&str>,
    ) -> Result<(Option<PathBuf>, Option<String>), Failure> {
        let mut staged = Staged::new(target, wanted.unsafe_writes)?;
        // While it comes: to read it again would take as long as its way here.
        let mut content = Summing::new(origin.open(self.context)?, Algorithm::told(self.context.options));
        staged.copy_from(&mut content)?;
        let mut sums = content.finish().into_iter();
        let arrived = sums.next().unwrap_or_default();
        if let Some(sha1) = sha1
            && arrived != sha1
        {
            return Err(Failure::new(format!(
                "the content of {} changed on its way: expected checksum {sha1}, got {arrived}; was the source changed meanwhile? run the task again",
                target.display()
            )));
        }
        if let Some(command) = &self.arguments.validate {
            validate(command, staged.path()?, self.context)?;
        }
        let backup = if self.arguments.backup { write::backup(target)? } else { None };
        staged.commit(wanted)?;
        wanted.apply(target, false)?;
        Ok((backup, sums.next()))
    }

    /// The texts before and after, and why one is missing where it is too large or no text.
    fn content_diff(&self, target: &Path, exists: bool, content: &Content) -> Result<Option<Diff>, Failure> {
        if !self.context.diff() {
            return Ok(None);
        }
        let old_size = std::fs::metadata(target).map_or(0, |metadata| metadata.len());
        let mut diff = Diff::default();
        if !exists {
            diff.before = "".into();
        } else if old_size > DIFF_LIMIT {
            diff.omitted.insert("dst_larger".into(), DIFF_LIMIT.into());
        } else {
            let before = std::fs::read(target).unwrap_or_default();
            if before.contains(&0) {
                diff.omitted.insert("dst_binary".into(), 1.into());
            } else {
                diff.before_header = Some(target.display().to_string());
                diff.before = text::printable(&text::decode(&before)).into();
            }
        }
        if content.size > DIFF_LIMIT {
            diff.omitted.insert("src_larger".into(), DIFF_LIMIT.into());
        } else {
            let mut after = Vec::new();
            Origin::Controller(content)
                .open(self.context)?
                .read_to_end(&mut after)
                .map_err(|error| Failure::io("read the new content of", target, error))?;
            if after.contains(&0) {
                diff.omitted.insert("src_binary".into(), 1.into());
            } else {
                let header = self.arguments._source.clone().unwrap_or_else(|| target.display().to_string());
                diff.after_header = Some(header);
                diff.after = text::printable(&text::decode(&after)).into();
            }
        }
        Ok(Some(diff))
    }

    /// A directory from the controller.
    fn tree(&self, entries: &[Entry]) -> Result<Outcome, Failure> {
        let dest = &self.arguments.dest;
        let mut changed = !dest.is_dir();
        self.create_directories(dest)?;
        for entry in entries {
            self.context.checkpoint()?;
            let relative = Path::new(&entry.path);
            if relative
                .components()
                .any(|part| !matches!(part, std::path::Component::Normal(_) | std::path::Component::CurDir))
            {
                return Err(Failure::new(format!("the path {} of a copied directory leads out of it", entry.path)));
            }
            changed |= self.entry(&dest.join(relative), entry)?;
        }
        // A directory's name ends in a slash in the result, also where it was given without.
        let mut outcome = Outcome::new(changed).with("dest", dest.join("").display().to_string());
        if let Some(src) = &self.arguments.src {
            outcome = outcome.with("src", src.display().to_string());
        }
        Ok(outcome)
    }

    fn entry(&self, path: &Path, entry: &Entry) -> Result<bool, Failure> {
        let check = self.context.check();
        let mode = entry.mode.as_ref().map(ModeChange::parse).transpose()?;
        if entry.directory {
            let created = self.create_directories(path)?;
            if created && check {
                return Ok(true);
            }
            let attributes = self.wanted.with_mode(self.directory_mode.clone().or(mode));
            return Ok(attributes.apply(path, check)?.changed || created);
        }
        let existing = std::fs::symlink_metadata(path).ok();
        if let Some(link) = &entry.link {
            let link = Path::new(link);
            let differs = !std::fs::read_link(path).is_ok_and(|target| target == link);
            if differs && !check {
                self.create_directories(parent(path))?;
                place_link(link, path, attributes::state(existing.as_ref()))?;
            }
            return Ok(differs);
        }
        let Some(content) = &entry._content else {
            return Err(Failure::new(format!("the entry {} of a copied directory has no content", entry.path)));
        };
        let target = if self.arguments.follow { write::resolve(path)? } else { path.to_owned() };
        let wanted = self.wanted.with_mode(mode.or_else(|| self.wanted.mode.clone()));
        if existing.is_some() && !self.arguments.force {
            return Ok(false);
        }
        let same = std::fs::symlink_metadata(&target)
            .is_ok_and(|metadata| metadata.is_file() && metadata.len() == content.size)
            && Algorithm::Sha1.of_file(&target)? == content.sha1;
        if same {
            return Ok(wanted.apply(&target, check)?.changed);
        }
        if !check {
            self.create_directories(parent(&target))?;
            self.write(&target, &Origin::Controller(content), &wanted, Some(&content.sha1))?;
        }
        Ok(true)
    }

    /// From elsewhere on the host.
    fn on_host(&self, src: &Path) -> Result<Outcome, Failure> {
        let metadata = std::fs::metadata(src).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::new(format!("Source {} not found", src.display())),
            _ => explain("read", src, &error),
        })?;
        if metadata.is_dir() {
            return self.directory_on_host(src);
        }
        if !metadata.is_file() {
            return Err(Failure::new(format!("Source {} is not a file", src.display())));
        }
        let dest = self.destination(Some(src))?;
        let target = if self.arguments.follow { write::resolve(&dest)? } else { dest };
        let sha1 = Algorithm::Sha1.of_file(src)?;
        if let Some(expected) =
            self.arguments.checksum.as_ref().filter(|expected| !expected.eq_ignore_ascii_case(&sha1))
        {
            return Err(Failure::new("Copied file does not match the expected checksum. Transfer failed.")
                .with("checksum", sha1)
                .with("expected_checksum", expected.as_str()));
        }
        let existing = std::fs::symlink_metadata(&target).ok();
        if existing.is_some() && !self.arguments.force {
            return Ok(Outcome::unchanged()
                .with("msg", "file already exists")
                .with("src", src.display().to_string())
                .with("dest", target.display().to_string())
                .with_all(attributes::describe(&target)));
        }
        let wanted = self.preserving(&metadata);
        let check = self.context.check();
        let same = matches!(&existing, Some(old) if old.is_file() && old.len() == metadata.len())
            && Algorithm::Sha1.of_file(&target)? == sha1;
        let mut outcome = if same {
            Outcome::new(wanted.apply(&target, check)?.changed)
        } else {
            self.prepare_directory(&target)?;
            let mut outcome = Outcome::new(true);
            if !check {
                let (backup, _) = self.write(&target, &Origin::Host(src), &wanted, Some(&sha1))?;
                if let Some(backup) = backup {
                    outcome = outcome.with("backup_file", backup.display().to_string());
                }
            }
            outcome
        };
        outcome = outcome
            .with("dest", target.display().to_string())
            .with("src", src.display().to_string())
            .with("checksum", sha1);
        if !self.context.options.brief {
            outcome = outcome.with("md5sum", Algorithm::Md5.of_file(src)?);
        }
        Ok(outcome.with_all(attributes::describe(&target)))
    }

    fn preserving(&self, source: &std::fs::Metadata) -> Wanted {
        let mut wanted = self.wanted.clone();
        if self.preserve {
            wanted.mode = Some(ModeChange::Absolute(source.mode() & permissions::BITS));
        }
        wanted
    }

    fn directory_on_host(&self, src: &Path) -> Result<Outcome, Failure> {
        let dest = &self.arguments.dest;
        if std::fs::symlink_metadata(dest).is_ok() && !dest.is_dir() {
            return Err(Failure::new(format!(
                "cannot copy the directory {} over {}, which is a file",
                src.display(),
                dest.display()
            )));
        }
        // `dest` takes the source by its name, unless the source ends in a slash: then only what is in it.
        let shown = if dest.is_dir() { None } else { Some(dest.clone()) };
        let target = match src.file_name() {
            Some(name) if !ends_with_slash(src) => dest.join(name),
            _ => dest.join(""),
        };
        let changed = self.copy_directory(src, &target, 0)?;
        let target = shown.unwrap_or(target);
        Ok(Outcome::new(changed)
            .with("dest", target.display().to_string())
            .with("src", src.display().to_string())
            .with("md5sum", rprov_wire::Value::Null)
            .with("checksum", rprov_wire::Value::Null)
            .with_all(attributes::describe(&target)))
    }

    fn copy_directory(&self, src: &Path, dest: &Path, depth: usize) -> Result<bool, Failure> {
        self.context.checkpoint()?;
        if depth > 200 {
            return Err(Failure::new(format!(
                "{} is nested too deeply: do symbolic links go round in a circle?",
                src.display()
            )));
        }
        let check = self.context.check();
        let source = std::fs::metadata(src).map_err(|error| explain("read", src, &error))?;
        let created = self.create_directories(dest)?;
        let mut changed = created;
        if !check || !created {
            let mut attributes = self.wanted.with_mode(self.directory_mode.clone());
            if created && attributes.mode.is_none() || self.preserve {
                attributes.mode = Some(ModeChange::Absolute(source.mode() & permissions::BITS));
            }
            changed |= attributes.apply(dest, check)?.changed;
        }
        let mut entries: Vec<PathBuf> = std::fs::read_dir(src)
            .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
            .map_err(|error| explain("list", src, &error))?;
        entries.sort_unstable();
        for path in entries {
            let Some(name) = path.file_name() else { continue };
            let target = dest.join(name);
            // With `dest` inside `src`, the copy must not copy itself.
            if path.as_path() == self.arguments.dest.as_path() || path.as_path() == dest {
                continue;
            }
            let own = std::fs::symlink_metadata(&path).map_err(|error| explain("read", &path, &error))?;
            let existing = std::fs::symlink_metadata(&target).ok();
            if own.is_symlink() && !self.arguments.local_follow.unwrap_or(false) {
                let link = std::fs::read_link(&path).map_err(|error| explain("read", &path, &error))?;
                if !std::fs::read_link(&target).is_ok_and(|there| there == link) {
                    changed = true;
                    if !check {
                        place_link(&link, &target, attributes::state(existing.as_ref()))?;
                    }
                }
                if !check || existing.is_some_and(|existing| existing.is_symlink()) {
                    // A link has an owner, and nothing else of its own.
                    changed |= self.wanted.owners().apply(&target, check)?.changed;
                }
                continue;
            }
            let metadata = std::fs::metadata(&path).map_err(|error| explain("read", &path, &error))?;
            if metadata.is_dir() {
                changed |= self.copy_directory(&path, &target, depth + 1)?;
            } else if metadata.is_file() {
                changed |= self.copy_file(&path, &metadata, &target, existing.as_ref())?;
            }
        }
        Ok(changed)
    }

    fn copy_file(
        &self,
        src: &Path,
        metadata: &std::fs::Metadata,
        target: &Path,
        existing: Option<&std::fs::Metadata>,
    ) -> Result<bool, Failure> {
        let check = self.context.check();
        let mut wanted = self.preserving(metadata);
        let same = existing.is_some_and(|old| old.is_file() && old.len() == metadata.len())
            && Algorithm::Sha1.of_file(src)? == Algorithm::Sha1.of_file(target)?;
        if same {
            return Ok(wanted.apply(target, check)?.changed);
        }
        if existing.is_some() && !self.arguments.force {
            return Ok(false);
        }
        if !check {
            if wanted.mode.is_none() && existing.is_none() {
                wanted.mode = Some(ModeChange::Absolute(metadata.mode() & permissions::BITS));
            }
            self.write(target, &Origin::Host(src), &wanted, None)?;
        }
        Ok(true)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    fn mode(bench: &Bench, name: &str) -> u32 {
        std::fs::metadata(bench.path(name)).unwrap().mode() & 0o7777
    }

    #[test]
    fn content_travels_only_when_it_differs() {
        let bench = Bench::new();
        let arguments = json!({"dest": bench.path("a"), "_content": bench.content("hello\n"), "mode": "0600"});
        let result = bench.converges("copy", arguments.clone());
        assert_eq!(result["checksum"], Value::from("f572d396fae9206628714fb2ce00f72e94f2258f"));
        assert_eq!(result["md5sum"], Value::from("b1946ac92492d2347c6235b4d2611184"));
        assert_eq!((&result["mode"], &result["state"]), (&Value::from("0600"), &Value::from("file")));
        let pulls = bench.pulls();
        let again = bench.apply("copy", arguments);
        assert_eq!((bench.pulls(), again.get("md5sum")), (pulls, None));
        assert_eq!(again["path"], Value::from(bench.path("a")));
    }

    #[test]
    fn a_mode_alone_changes_without_a_transfer() {
        let bench = Bench::new();
        bench.file("a", "x");
        let arguments = json!({"dest": bench.path("a"), "_content": bench.content("x"), "mode": "0640"});
        bench.converges("copy", arguments);
        assert_eq!((bench.pulls(), mode(&bench, "a")), (0, 0o640));
    }

    #[test]
    fn backup_force_and_validate() {
        let bench = Bench::new();
        let path = bench.file("a", "old");
        let arguments = json!({"dest": path, "_content": bench.content("new"), "force": false});
        bench.settled("copy", arguments);
        let arguments = json!({"dest": path, "_content": bench.content("new"), "validate": "/bin/false %s"});
        let failure = bench.run("copy", arguments, false).unwrap_err();
        assert_eq!((failure.message.as_str(), &failure.values["exit_status"]), ("failed to validate", &Value::Int(1)));
        let arguments = json!({"dest": path, "_content": bench.content("new"), "validate": "true"});
        assert_eq!(bench.fails("copy", arguments), "validate must contain %s: true");
        assert_eq!(bench.read("a"), "old");
        let arguments =
            json!({"dest": path, "_content": bench.content("new"), "backup": true, "validate": "grep -q new %s"});
        let result = bench.converges("copy", arguments);
        assert_eq!(std::fs::read_to_string(result["backup_file"].as_str().unwrap()).unwrap(), "old");
    }

    #[test]
    fn the_destination_may_be_a_directory_that_is_or_is_written_as_one() {
        let bench = Bench::new();
        let content = bench.content("x");
        let arguments =
            json!({"src": "files/n", "dest": bench.path("d/e/"), "_content": content, "directory_mode": "0700"});
        bench.converges("copy", arguments);
        assert_eq!((bench.read("d/e/n"), mode(&bench, "d/e"), mode(&bench, "d")), ("x".to_owned(), 0o700, 0o700));
        let result = bench.converges("copy", json!({"src": "m", "dest": bench.path("d"), "_content": content}));
        assert_eq!(result["dest"], Value::from(bench.path("d/m")));
        assert!(bench.fails("copy", json!({"dest": bench.path("d"), "_content": content})).contains("dir as dest"));
        assert!(
            bench
                .fails("copy", json!({"dest": bench.path("no/f"), "_content": content}))
                .contains("Destination directory")
        );
    }

    #[test]
    fn a_link_is_replaced_or_followed() {
        let bench = Bench::new();
        bench.file("f", "old");
        symlink("f", bench.path("l")).unwrap();
        let content = bench.content("new");
        bench.converges("copy", json!({"dest": bench.path("l"), "_content": content, "follow": true}));
        assert_eq!(bench.read("f"), "new");
        bench.converges("copy", json!({"dest": bench.path("l"), "_content": bench.content("own")}));
        assert_eq!((bench.read("f"), bench.read("l")), ("new".to_owned(), "own".to_owned()));
    }

    #[test]
    fn a_wrong_checksum_writes_nothing() {
        let bench = Bench::new();
        let arguments = json!({"dest": bench.path("f"), "_content": bench.content("x"), "checksum": "1234"});
        assert!(bench.fails("copy", arguments).contains("does not match the expected checksum"));
        assert!(!std::path::Path::new(&bench.path("f")).exists());
    }

    #[test]
    fn a_tree_from_the_controller_is_one_request() {
        let bench = Bench::new();
        let arguments = json!({"src": "tree/", "dest": bench.path("t"), "directory_mode": "0750", "_tree": [
            {"path": "sub", "directory": true},
            {"path": "sub/f", "_content": bench.content("one"), "mode": "0640"},
            {"path": "l", "link": "sub/f"},
            {"path": "deep/er/g", "_content": bench.content("two")},
        ]});
        bench.converges("copy", arguments);
        assert_eq!((bench.read("t/l"), bench.read("t/deep/er/g")), ("one".to_owned(), "two".to_owned()));
        assert_eq!((mode(&bench, "t/sub/f"), mode(&bench, "t/deep/er")), (0o640, 0o750));
    }

    #[test]
    fn a_tree_cannot_leave_its_destination() {
        let bench = Bench::new();
        let arguments = json!({"dest": bench.path("t"), "_tree": [{"path": "../x", "_content": bench.content("x")}]});
        assert!(bench.fails("copy", arguments).contains("leads out"));
    }

    #[test]
    fn files_and_trees_are_copied_on_the_host() {
        let bench = Bench::new();
        let file = bench.file("s/sub/f", "x");
        symlink("sub/f", bench.path("s/l")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o751)).unwrap();
        let arguments =
            json!({"src": bench.path("s/"), "dest": bench.path("d"), "remote_src": true, "mode": "preserve"});
        bench.converges("copy", arguments);
        assert_eq!((bench.read("d/sub/f"), mode(&bench, "d/sub/f")), ("x".to_owned(), 0o751));
        assert!(std::fs::symlink_metadata(bench.path("d/l")).unwrap().is_symlink());
        bench.converges("copy", json!({"src": bench.path("s"), "dest": bench.path("d"), "remote_src": true}));
        assert_eq!(bench.read("d/s/sub/f"), "x");
        let result = bench.converges("copy", json!({"src": file, "dest": bench.path("one"), "remote_src": true}));
        assert_eq!(result["checksum"], Value::from("11f6ad8ec52a2984abaafd7c3b516503785c2072"));
        assert!(
            bench
                .fails("copy", json!({"src": bench.path("no"), "dest": bench.path("x"), "remote_src": true}))
                .ends_with("not found")
        );
    }
}
