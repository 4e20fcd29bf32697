//! `unarchive`: a directory holds what an archive holds.
//!
//! The archive is read twice: once to compare each member with what is there, and, if something differs, once more
//! to write that. So nothing is touched that is right already, and check mode predicts exactly.

use std::collections::{BTreeSet, HashMap};
use std::fs::{File, FileTimes};
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rprov_wire::{Content, Value};

use crate::account;
use crate::archive::{Format, Kind, Member, walk};
use crate::argument::Rule;
use crate::arguments;
use crate::attributes::{self, FileAttributes, Wanted};
use crate::context::Context;
use crate::http::{self, Call};
use crate::module::file::place_link;
use crate::outcome::{Failure, Outcome};
use crate::permissions;
use crate::place;
use crate::shell_pattern::{ShellPattern, any_exists};
use crate::write::{Staged, explain, parent};

arguments! {
    /// Unpack an archive.
    pub struct Arguments + FileAttributes {
        /// The archive: on the controller, on the host with `remote_src`, or a URL.
        src: String,
        /// The directory to unpack in; it must exist.
        dest: PathBuf,
        /// The old, inverted form of `remote_src`.
        copy: bool = true,
        /// Do nothing if this file exists.
        creates: Option<PathBuf>,
        /// Return the names of the archive's members.
        list_files: bool = false,
        /// Leave out members that match these shell patterns.
        exclude: Vec<String> = Vec::new(),
        /// Only members that match these shell patterns, or are below such.
        include: Vec<String> = Vec::new(),
        /// Leave files alone that are newer than the archive's.
        keep_newer: bool = false,
        /// Options of tar: `--strip-components`, `--exclude`, `--no-same-owner`, `--no-same-permissions` and those
        /// that ask for what is done anyway.
        extra_opts: Vec<String> = Vec::new(),
        /// The archive is on the host.
        remote_src: bool = false,
        /// Check the server's certificate, for a URL.
        validate_certs: bool = true,
        /// Decrypt a vaulted archive; done on the controller.
        decrypt: bool = true,
        /// Size of the buffer for a download; of no concern here.
        io_buffer_size: i64 = 65_536,
        /// The archive, on the controller.
        _content: Option<Content>,
    }
    rules: [Rule::Exclusive(&["include", "exclude"])]
}

/// Compare, and write what differs.
///
/// # Errors
/// The archive is missing, damaged or of an unknown format, a member leads out of the directory, or the directory
/// cannot be written to.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if let Some(path) = arguments.creates.as_ref().filter(|path| any_exists(path, None)) {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", format!("skipped, since {} exists", path.display())));
    }
    let dest = std::fs::canonicalize(&arguments.dest)
        .ok()
        .filter(|path| path.is_dir())
        .ok_or_else(|| Failure::new(format!("dest '{}' must be an existing dir", arguments.dest.display())))?;
    let wanted = arguments.attributes.resolve()?;
    let options = TarOptions::read(&arguments)?;
    let mut archive = open(&arguments, context)?;
    let format = Format::of(&mut archive, &arguments.src)?;
    let mut task = Task { dest, wanted, options, names: Names::default(), check: context.check() };

    let mut names = Vec::new();
    let mut differing = BTreeSet::new();
    let mut paths = BTreeSet::new();
    let mut position = 0_usize;
    walk(&mut archive, format, &mut |member, content| {
        context.checkpoint()?;
        let index = position;
        position += 1;
        let Some(path) = task.target(member)? else { return Ok(()) };
        names.push(member.name.clone());
        if task.differs(member, &path, content)? {
            differing.insert(index);
        }
        paths.insert(path);
        Ok(())
    })?;
    let mut changed = !differing.is_empty();
    if changed && !task.check {
        let mut position = 0_usize;
        let mut directories = Vec::new();
        walk(&mut archive, format, &mut |member, content| {
            context.checkpoint()?;
            let index = position;
            position += 1;
            match task.target(member)? {
                Some(path) if differing.contains(&index) => task.unpack(member, &path, content, &mut directories),
                _ => Ok(()),
            }
        })?;
        // Files that were written later would have changed the times of their directories.
        for (path, modified) in directories.into_iter().rev() {
            set_modified(&path, modified);
        }
    }
    for path in &paths {
        // What is about to be unpacked counts as changed already.
        if std::fs::symlink_metadata(path).is_ok() {
            changed |= task.wanted.apply(path, task.check)?.changed;
        }
    }
    let mut outcome = Outcome::new(changed)
        .with("dest", arguments.dest.display().to_string())
        .with("src", arguments.src.as_str())
        .with("handler", format.handler());
    if arguments.list_files {
        outcome = outcome.with("files", names);
    }
    if !differing.is_empty() && !task.check {
        let results = Value::from_iter([
            ("cmd", Value::List(Vec::new())),
            ("rc", Value::Int(0)),
            ("out", Value::from("")),
            ("err", Value::from("")),
        ]);
        outcome = outcome.with("extract_results", results);
    }
    Ok(outcome.with_all(attributes::describe(&arguments.dest)))
}

/// The archive as a file that can be read twice.
fn open(arguments: &Arguments, context: &Context<'_>) -> Result<File, Failure> {
    let src = &arguments.src;
    if src.contains("://") {
        let mut answer = http::send(&Call { validate: arguments.validate_certs, ..Call::get(src) }, context)?;
        if answer.status != 200 {
            return Err(Failure::new(format!("Failure downloading {src}, {}", answer.message())));
        }
        return spool(&mut answer.reader());
    }
    if let Some(content) = &arguments._content {
        return spool(&mut *context.transport.pull(content)?);
    }
    if !arguments.remote_src && arguments.copy {
        return Err(Failure::new(format!("the archive {src} did not arrive from the controller")));
    }
    let path = account::expand_path(src);
    if !path.exists() {
        return Err(Failure::new(format!("Source '{}' does not exist", path.display())));
    }
    if path.is_dir() {
        return Err(Failure::new(format!("Source '{}' is a directory, not an archive", path.display())));
    }
    File::open(&path).map_err(|error| explain("read", &path, &error))
}

fn spool(reader: &mut dyn Read) -> Result<File, Failure> {
    let mut file = place::for_data("the archive")?;
    let failed = |error: std::io::Error| Failure::new(format!("could not store the archive on the host: {error}"));
    std::io::copy(reader, &mut file).map_err(failed)?;
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    Ok(file)
}

/// What tar's options change.
struct TarOptions {
    strip: usize,
    same_owner: bool,
    same_permissions: bool,
    exclude: Vec<ShellPattern>,
    include: Vec<ShellPattern>,
    keep_newer: bool,
}

impl TarOptions {
    fn read(arguments: &Arguments) -> Result<Self, Failure> {
        let root = rustix::process::geteuid().is_root();
        let mut options = TarOptions {
            strip: 0,
            same_owner: root,
            same_permissions: root,
            exclude: globs(&arguments.exclude),
            include: globs(&arguments.include),
            keep_newer: arguments.keep_newer,
        };
        let mut words =
            arguments.extra_opts.iter().flat_map(|option| option.split_whitespace().map(str::to_owned)).peekable();
        while let Some(word) = words.next() {
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (word, None),
            };
            let mut operand = || value.clone().or_else(|| words.next()).unwrap_or_default();
            match name.as_str() {
                "--strip-components" | "--strip" => {
                    let number = operand();
                    options.strip = number.parse().map_err(|_| {
                        Failure::new(format!("extra_opts: --strip-components needs a number, not `{number}`"))
                    })?;
                }
                "--exclude" => {
                    let pattern = operand();
                    options.exclude.extend(globs(&[pattern]));
                }
                "--no-same-owner" | "-o" => options.same_owner = false,
                "--same-owner" => options.same_owner = true,
                "--no-same-permissions" => options.same_permissions = false,
                "--same-permissions" | "--preserve-permissions" | "-p" => options.same_permissions = true,
                "--keep-newer-files" => options.keep_newer = true,
                "--overwrite" | "--wildcards" | "--verbose" | "-v" | "--no-overwrite-dir" | "--numeric-owner"
                | "-q" | "-qq" => {}
                _ => {
                    return Err(Failure::new(format!(
                        "extra_opts: `{name}` is not supported, as no tar or unzip program is involved; there are --strip-components, --exclude, --no-same-owner, --no-same-permissions and --keep-newer-files"
                    )));
                }
            }
        }
        Ok(options)
    }
}

fn globs(patterns: &[String]) -> Vec<ShellPattern> {
    let inner = |pattern: &String| ShellPattern::new(pattern.trim_start_matches("./").trim_end_matches('/'));
    patterns.iter().map(inner).collect()
}

/// Numbers of users and groups by name, looked up once.
#[derive(Default)]
struct Names {
    users: HashMap<String, Option<u32>>,
    groups: HashMap<String, Option<u32>>,
}

impl Names {
    fn user(&mut self, (name, number): &(String, u32)) -> u32 {
        let look_up = || account::user_by_name(name).map(|user| user.uid);
        self.users.entry(name.clone()).or_insert_with(|| (!name.is_empty()).then(look_up).flatten()).unwrap_or(*number)
    }

    fn group(&mut self, (name, number): &(String, u32)) -> u32 {
        let look_up = || account::group_by_name(name).map(|group| group.gid);
        self.groups.entry(name.clone()).or_insert_with(|| (!name.is_empty()).then(look_up).flatten()).unwrap_or(*number)
    }
}

struct Task {
    dest: PathBuf,
    wanted: Wanted,
    options: TarOptions,
    names: Names,
    check: bool,
}

impl Task {
    /// Where a member goes; `None` if it is left out.
    fn target(&self, member: &Member) -> Result<Option<PathBuf>, Failure> {
        let path = &member.path;
        let matches = |globs: &[ShellPattern]| {
            path.ancestors()
                .filter(|above| !above.as_os_str().is_empty())
                .any(|above| globs.iter().any(|glob| glob.is_path_match(above)))
        };
        let by_name = |globs: &[ShellPattern]| {
            path.components().any(|part| globs.iter().any(|glob| glob.is_match(&part.as_os_str().to_string_lossy())))
        };
        if matches(&self.options.exclude) || by_name(&self.options.exclude) {
            return Ok(None);
        }
        if !self.options.include.is_empty() && !matches(&self.options.include) {
            return Ok(None);
        }
        let stripped: PathBuf = path.components().skip(self.options.strip).collect();
        if self.options.strip > 0 && stripped.as_os_str().is_empty() {
            return Ok(None);
        }
        let target = if stripped.as_os_str().is_empty() { self.dest.clone() } else { self.dest.join(stripped) };
        self.guard(&target)?;
        Ok(Some(target))
    }

    /// No symbolic link on the way may lead out of the directory.
    fn guard(&self, target: &Path) -> Result<(), Failure> {
        if target == self.dest {
            return Ok(());
        }
        let existing = target.ancestors().skip(1).find(|above| std::fs::symlink_metadata(above).is_ok());
        match existing.map(std::fs::canonicalize) {
            Some(Ok(real)) if real.starts_with(&self.dest) => Ok(()),
            _ => Err(Failure::new(format!(
                "{} would be written outside of {}, through a symbolic link; remove the link, or unpack elsewhere",
                target.display(),
                self.dest.display()
            ))),
        }
    }

    fn hardlink_target(&self, link: &Path) -> PathBuf {
        self.dest.join(link.components().skip(self.options.strip).collect::<PathBuf>())
    }

    fn mode(&self, member: &Member) -> Option<u32> {
        if self.wanted.mode.is_some() {
            return None;
        }
        let mode = member.mode?;
        Some(if self.options.same_permissions { mode } else { mode & 0o777 & !permissions::umask() })
    }

    fn owner(&mut self, member: &Member) -> (Option<u32>, Option<u32>) {
        if !self.options.same_owner {
            return (None, None);
        }
        let uid = member.owner.as_ref().filter(|_| self.wanted.uid.is_none());
        let gid = member.group.as_ref().filter(|_| self.wanted.gid.is_none());
        (uid.map(|owner| self.names.user(owner)), gid.map(|group| self.names.group(group)))
    }

    fn differs(&mut self, member: &Member, path: &Path, content: &mut dyn Read) -> Result<bool, Failure> {
        let Ok(own) = std::fs::symlink_metadata(path) else { return Ok(true) };
        if let Kind::Symlink(target) = &member.kind {
            return Ok(!std::fs::read_link(path).is_ok_and(|there| there == *target));
        }
        if let Kind::Hardlink(target) = &member.kind {
            let other = std::fs::symlink_metadata(self.hardlink_target(target));
            return Ok(!other.is_ok_and(|other| (other.dev(), other.ino()) == (own.dev(), own.ino())));
        }
        if member.kind == Kind::Directory {
            if !path.is_dir() {
                return Ok(true);
            }
        } else {
            if !own.is_file() {
                return Ok(true);
            }
            if self.options.keep_newer && member.modified.is_some_and(|modified| own.mtime() > modified as i64) {
                return Ok(false);
            }
            if member.modified.is_some_and(|modified| own.mtime() != modified as i64) || !same_content(path, content)? {
                return Ok(true);
            }
        }
        let (uid, gid) = self.owner(member);
        let metadata = std::fs::metadata(path).map_err(|error| explain("look at", path, &error))?;
        Ok(self.mode(member).is_some_and(|mode| mode != metadata.mode() & permissions::BITS)
            || uid.is_some_and(|uid| uid != metadata.uid())
            || gid.is_some_and(|gid| gid != metadata.gid()))
    }

    fn unpack(
        &mut self,
        member: &Member,
        path: &Path,
        content: &mut dyn Read,
        directories: &mut Vec<(PathBuf, u64)>,
    ) -> Result<(), Failure> {
        if path != self.dest {
            let above = parent(path);
            std::fs::create_dir_all(above).map_err(|error| explain("create the directory", above, &error))?;
        }
        let previous = attributes::state(std::fs::symlink_metadata(path).ok().as_ref());
        let failed = |error: std::io::Error| explain("unpack", path, &error);
        match &member.kind {
            Kind::Symlink(target) => {
                place_link(target, path, previous)?;
                return self.give_away(member, path);
            }
            Kind::Hardlink(target) => {
                let source = self.hardlink_target(target);
                self.guard(&source)?;
                if previous != "absent" {
                    std::fs::remove_file(path).map_err(failed)?;
                }
                return std::fs::hard_link(source, path).map_err(failed);
            }
            Kind::Directory => {
                if !path.is_dir() {
                    if previous != "absent" {
                        std::fs::remove_file(path).map_err(failed)?;
                    }
                    std::fs::create_dir(path).map_err(failed)?;
                }
                if let Some(modified) = member.modified {
                    directories.push((path.to_owned(), modified));
                }
            }
            Kind::File => {
                let mut staged = Staged::new(path, self.wanted.unsafe_writes)?;
                staged.copy_from(content)?;
                staged.commit(&Wanted::nothing(self.wanted.unsafe_writes))?;
            }
        }
        self.give_away(member, path)?;
        if let Some(mode) = self.mode(member) {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
        }
        if let (Kind::File, Some(modified)) = (&member.kind, member.modified) {
            set_modified(path, modified);
        }
        Ok(())
    }

    fn give_away(&mut self, member: &Member, path: &Path) -> Result<(), Failure> {
        let (uid, gid) = self.owner(member);
        if uid.is_none() && gid.is_none() {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, uid, gid).map_err(|error| explain("set the owner of", path, &error))
    }
}

/// Times are a courtesy: a file system that does not keep them is no failure.
fn set_modified(path: &Path, modified: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(modified);
    if let Ok(file) = File::open(path) {
        let _ = file.set_times(FileTimes::new().set_modified(time));
    }
}

fn same_content(path: &Path, content: &mut dyn Read) -> Result<bool, Failure> {
    let file = File::open(path).map_err(|error| explain("read", path, &error))?;
    let mut there = std::io::BufReader::with_capacity(64 * 1024, file);
    let mut new = vec![0; 64 * 1024];
    let mut old = vec![0; 64 * 1024];
    loop {
        let count = content.read(&mut new).map_err(|error| Failure::new(format!("the archive is damaged: {error}")))?;
        let (Some(new), Some(old)) = (new.get(..count), old.get_mut(..count.max(1))) else { return Ok(false) };
        if count == 0 {
            let more = there.read(old).map_err(|error| explain("read", path, &error))?;
            return Ok(more == 0);
        }
        match there.read_exact(old) {
            Ok(()) if old == new => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(explain("read", path, &error)),
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Write;

    use serde_json::json;

    use super::*;
    use crate::testing::Bench;

    fn tar_of(members: &[(&str, tar::EntryType, &str, u32)]) -> Vec<u8> {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, kind, content, mode) in members {
            let mut header = tar::Header::new_gnu();
            header.set_entry_type(*kind);
            header.set_mode(*mode);
            header.set_mtime(1_500_000_000);
            header.set_uid(u64::from(rustix::process::geteuid().as_raw()));
            header.set_gid(u64::from(rustix::process::getegid().as_raw()));
            let bytes = header.as_old_mut();
            bytes.name[..name.len()].copy_from_slice(name.as_bytes());
            if matches!(kind, tar::EntryType::Symlink | tar::EntryType::Link) {
                bytes.linkname[..content.len()].copy_from_slice(content.as_bytes());
                header.set_size(0);
                header.set_cksum();
                builder.append(&header, &b""[..]).unwrap();
            } else {
                header.set_size(content.len() as u64);
                header.set_cksum();
                builder.append(&header, content.as_bytes()).unwrap();
            }
        }
        builder.into_inner().unwrap()
    }

    fn sample() -> Vec<u8> {
        use tar::EntryType as T;
        tar_of(&[
            ("top/", T::Directory, "", 0o750),
            ("top/f", T::Regular, "content\n", 0o640),
            ("top/sub/g", T::Regular, "other\n", 0o644),
            ("top/l", T::Symlink, "f", 0o777),
            ("top/h", T::Link, "top/f", 0o640),
        ])
    }

    fn dest(bench: &Bench) -> String {
        std::fs::create_dir_all(bench.path("d")).unwrap();
        bench.path("d")
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_tar_is_unpacked_once_with_modes_times_and_links() {
        let bench = Bench::new();
        for (bytes, handler) in [(sample(), "TarArchive"), (gzip(&sample()), "TgzArchive")] {
            let bench = &bench;
            let dest = dest(bench);
            let arguments = json!({"src": "a.tar", "dest": dest, "_content": bench.content(bytes), "list_files": true});
            let result = bench.converges("unarchive", arguments);
            assert_eq!((&result["handler"], &result["dest"]), (&Value::from(handler), &Value::from(dest.as_str())));
            assert_eq!(result["files"].as_list().unwrap().len(), 5);
            let metadata = std::fs::metadata(bench.path("d/top/f")).unwrap();
            assert_eq!((metadata.mode() & 0o7777, metadata.mtime(), metadata.nlink()), (0o640, 1_500_000_000, 2));
            assert_eq!(bench.read("d/top/l"), "content\n");
            std::fs::remove_dir_all(dest).unwrap();
        }
    }

    #[test]
    fn every_compression_is_known_by_content() {
        let bench = Bench::new();
        bench.file("plain", sample());
        for program in ["bzip2", "xz", "zstd"] {
            let output = match std::process::Command::new(program).args(["-c", &bench.path("plain")]).output() {
                Ok(output) => output.stdout,
                Err(error) => {
                    eprintln!("NOT TESTED: {program} is not here: {error}");
                    continue;
                }
            };
            let arguments = json!({"src": "a", "dest": dest(&bench), "_content": bench.content(output)});
            assert_eq!(bench.converges("unarchive", arguments)["handler"], Value::from("TarArchive"));
            std::fs::remove_dir_all(bench.path("d")).unwrap();
        }
    }

    #[test]
    fn what_differs_is_put_right_again() {
        let bench = Bench::new();
        let arguments = json!({"src": "a", "dest": dest(&bench), "_content": bench.content(sample())});
        bench.converges("unarchive", arguments.clone());
        bench.file("d/top/sub/g", "changed\n");
        bench.converges("unarchive", arguments.clone());
        assert_eq!(bench.read("d/top/sub/g"), "other\n");
        let mut newer = arguments;
        bench.file("d/top/sub/g", "newer\n");
        newer["keep_newer"] = true.into();
        bench.settled("unarchive", newer);
    }

    #[test]
    fn members_are_chosen_stripped_and_given_a_mode() {
        let bench = Bench::new();
        let content = bench.content(sample());
        bench.converges("unarchive", json!({"src": "a", "dest": dest(&bench), "_content": content, "extra_opts": ["--strip-components=1"], "exclude": ["*.x", "sub", "h"], "mode": "u=rwX,go="}));
        assert_eq!(std::fs::metadata(bench.path("d/f")).unwrap().mode() & 0o7777, 0o600);
        assert!(!Path::new(&bench.path("d/sub")).exists());
        std::fs::create_dir(bench.path("e")).unwrap();
        bench.converges(
            "unarchive",
            json!({"src": "a", "dest": bench.path("e"), "_content": content, "include": ["top/sub"]}),
        );
        assert!(Path::new(&bench.path("e/top/sub/g")).exists() && !Path::new(&bench.path("e/top/f")).exists());
        let arguments =
            json!({"src": "a", "dest": bench.path("e"), "_content": content, "extra_opts": ["--transform=s/a/b/"]});
        assert!(bench.fails("unarchive", arguments).contains("`--transform` is not supported"));
    }

    #[test]
    fn a_zip_is_unpacked_from_the_host() {
        let bench = Bench::new();
        let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = zip::write::SimpleFileOptions::default().unix_permissions(0o755);
        writer.add_directory("z/", options).unwrap();
        writer.start_file("z/run", options).unwrap();
        writer.write_all(b"#!/bin/sh\n").unwrap();
        let path = bench.file("a.zip", writer.finish().unwrap().into_inner());
        let arguments = json!({"src": path, "dest": dest(&bench), "remote_src": true});
        let result = bench.converges("unarchive", arguments);
        assert_eq!(result["handler"], Value::from("ZipArchive"));
        assert_eq!(std::fs::metadata(bench.path("d/z/run")).unwrap().mode() & 0o7777, 0o755);
    }

    #[test]
    fn nothing_is_written_outside_of_the_directory() {
        use tar::EntryType as T;
        let bench = Bench::new();
        let evil = [
            tar_of(&[("../out", T::Regular, "x", 0o644)]),
            tar_of(&[("l", T::Symlink, "..", 0o777), ("l/out", T::Regular, "x", 0o644)]),
            tar_of(&[("h", T::Link, "../secret", 0o644)]),
        ];
        for bytes in evil {
            let arguments = json!({"src": "a", "dest": dest(&bench), "_content": bench.content(bytes)});
            let message = bench.fails("unarchive", arguments);
            assert!(message.contains("leads out of") || message.contains("outside of"), "{message}");
            assert!(!Path::new(&bench.path("out")).exists());
        }
        let arguments = json!({"src": "a", "dest": dest(&bench), "_content": bench.content(tar_of(&[("/abs", T::Regular, "x", 0o644)]))});
        bench.converges("unarchive", arguments);
        assert_eq!(bench.read("d/abs"), "x");
    }

    #[test]
    fn creates_and_wrong_arguments() {
        let bench = Bench::new();
        let path = bench.file("there", "no archive");
        let arguments = json!({"src": path, "dest": bench.path("none"), "remote_src": true, "creates": path});
        assert_eq!(bench.apply("unarchive", arguments)["skipped"], Value::Bool(true));
        let arguments = json!({"src": path, "dest": bench.path("none"), "remote_src": true});
        assert!(bench.fails("unarchive", arguments).ends_with("must be an existing dir"));
        let arguments = json!({"src": path, "dest": dest(&bench), "remote_src": true});
        assert!(bench.fails("unarchive", arguments).starts_with("Failed to find handler for"));
        let arguments = json!({"src": bench.path("gone"), "dest": dest(&bench), "remote_src": true});
        assert!(bench.fails("unarchive", arguments).ends_with("does not exist"));
    }
}
