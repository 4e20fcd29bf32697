//! `archive`: files and trees of the host in an archive, or one file compressed.
//!
//! The archive is made apart from its place and compared with what is there. All that goes into it is a property of the
//! files, so that an archive of the same files is the same.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rprov_modules::attributes::{self, FileAttributes};
use rprov_modules::rprov_wire::Value;
use rprov_modules::shell_pattern::ShellPattern;
use rprov_modules::write::Staged;
use rprov_modules::{Context, Failure, Outcome, arguments, choices, place};

choices! {
    /// How the files are compressed.
    pub enum Format { Bz2 = "bz2", Gz = "gz", Tar = "tar", Xz = "xz", Zip = "zip" }
}

arguments! {
    /// Create a compressed archive of files or trees.
    pub struct Arguments + FileAttributes {
        /// The files, or patterns of their names.
        path: Vec<PathBuf>,
        /// How they are compressed.
        format: Format = Format::Gz,
        /// The archive; needed for more than one file.
        dest: Option<PathBuf>,
        /// Files to leave out of those named, or patterns of their names.
        exclude_path: Vec<PathBuf> = Vec::new(),
        /// Patterns of names to leave out anywhere.
        exclusion_patterns: Option<Vec<PathBuf>>,
        /// Make an archive even of a single file.
        force_archive: bool = false,
        /// Remove the files once they are in the archive.
        remove: bool = false,
    }
}

/// Paths as they were named, with patterns replaced by what they mean; and whether one was a pattern.
fn expand(paths: &[PathBuf]) -> (Vec<PathBuf>, bool) {
    let mut expanded = Vec::new();
    let mut pattern = false;
    for path in paths {
        let text = path.to_string_lossy();
        if text.contains(['*', '?', '[']) && path.symlink_metadata().is_err() {
            pattern = true;
            expanded.extend(glob::glob(&text).into_iter().flatten().flatten());
        } else {
            expanded.push(path.clone());
        }
    }
    (expanded, pattern)
}

/// The directory that holds all of the paths.
fn common_parent(paths: &[PathBuf]) -> PathBuf {
    let mut parents = paths.iter().filter_map(|path| path.parent());
    let Some(first) = parents.next() else { return PathBuf::new() };
    parents.fold(first.to_owned(), |common, parent| {
        common
            .components()
            .zip(parent.components())
            .take_while(|(one, other)| one == other)
            .map(|(one, _)| one)
            .collect()
    })
}

/// What goes into the archive.
#[derive(Default)]
struct Members {
    /// Files and the names that they have in the archive, in order.
    files: Vec<(PathBuf, PathBuf)>,
    /// Directories that were named, of which the archive has only what is in them.
    named: Vec<PathBuf>,
    missing: Vec<String>,
}

struct Selection<'a> {
    root: &'a Path,
    dest: &'a Path,
    patterns: &'a [ShellPattern],
}

impl Selection<'_> {
    fn add(&self, path: &Path, named: bool, members: &mut Members) -> Result<(), Failure> {
        let name = path.strip_prefix(self.root).unwrap_or(path).to_owned();
        if path == self.dest || self.patterns.iter().any(|pattern| pattern.is_path_match(&name)) {
            return Ok(());
        }
        let metadata = path.symlink_metadata().map_err(|error| Failure::io("read", path, error))?;
        // A directory that was named is told by what is in it.
        if named && metadata.is_dir() {
            members.named.push(path.to_owned());
        } else {
            members.files.push((path.to_owned(), name));
        }
        if metadata.is_dir() {
            let names: BTreeSet<PathBuf> = std::fs::read_dir(path)
                .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
                .map_err(|error| Failure::io("read", path, error))?;
            for path in names {
                self.add(&path, false, members)?;
            }
        }
        Ok(())
    }
}

/// Make the archive, or compress the file.
///
/// # Errors
/// There is nothing to put in, no `dest` where it is needed, or a file cannot be read or written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let (expanded, pattern) = expand(&arguments.path);
    let (excluded, _) = expand(&arguments.exclude_path);
    let paths: Vec<PathBuf> = expanded.iter().filter(|path| !excluded.contains(path)).cloned().collect();
    if expanded.is_empty() {
        return Err(Failure::new(format!("Error, no source paths were found: {}", listed(&arguments.path).join(", "))));
    }
    let single = match paths.as_slice() {
        [one] if !pattern && !arguments.force_archive && arguments.format != Format::Tar && !one.is_dir() => Some(one),
        _ => None,
    };
    let dest = match (&arguments.dest, single) {
        (Some(dest), _) => dest.clone(),
        (None, Some(one)) => PathBuf::from(format!("{}.{}", one.display(), arguments.format.word())),
        (None, None) => {
            return Err(Failure::new("Error, must specify \"dest\" when archiving multiple files or trees"));
        }
    };
    let root = common_parent(&paths);
    let patterns: Vec<ShellPattern> = arguments
        .exclusion_patterns
        .iter()
        .flatten()
        .map(|pattern| ShellPattern::new(&pattern.to_string_lossy()))
        .collect();
    let selection = Selection { root: &root, dest: &dest, patterns: &patterns };
    let mut members = Members::default();
    for path in &paths {
        if path.symlink_metadata().is_err() {
            members.missing.push(path.display().to_string());
        } else {
            selection.add(path, true, &mut members)?;
        }
    }
    let mut outcome = Outcome::unchanged();
    let mut dest_state = "absent";
    if members.files.is_empty() {
        // The files may have gone into it the last time, and been removed.
        if dest.exists() {
            dest_state = if single.is_some() { "compress" } else { "archive" };
        }
    } else {
        dest_state = match (single, members.missing.is_empty()) {
            (Some(_), _) if arguments.format != Format::Zip => "compress",
            (_, true) => "archive",
            (_, false) => "incomplete",
        };
        outcome.changed = store(&arguments, single.map(PathBuf::as_path), &members, &dest, context)?;
        if arguments.remove {
            outcome.changed = true;
            if !context.check() {
                remove(&members)?;
            }
        }
    }
    if dest.exists() {
        outcome.changed |= arguments.attributes.resolve()?.apply(&dest, context.check())?.changed;
    }
    let state = if single.is_some_and(|one| one.exists()) { "file" } else { "absent" };
    let archived: Vec<Value> = members
        .files
        .iter()
        .filter(|(path, _)| arguments.format != Format::Zip || !path.is_dir())
        .map(|(path, _)| path.display().to_string().into())
        .collect();
    let mut arcroot = root.display().to_string();
    if !arcroot.ends_with('/') {
        arcroot.push('/');
    }
    Ok(outcome
        .with("archived", archived)
        .with("dest", dest.display().to_string())
        .with("state", state)
        .with("arcroot", arcroot)
        .with("dest_state", dest_state)
        .with("missing", members.missing)
        .with("expanded_paths", listed(&expanded))
        .with("expanded_exclude_paths", listed(&excluded))
        .with_all(attributes::describe(&dest)))
}

fn listed(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|path| path.display().to_string()).collect()
}

/// Write the archive, if it differs from what is there.
fn store(
    arguments: &Arguments,
    single: Option<&Path>,
    members: &Members,
    dest: &Path,
    context: &Context<'_>,
) -> Result<bool, Failure> {
    let mut made = place::for_data("the archive")?;
    let fail = |error: io::Error| Failure::new(format!("could not make the archive {}: {error}", dest.display()));
    match (single, arguments.format) {
        (_, Format::Zip) => zip_archive(&mut made, members, context).map_err(fail)?,
        (Some(path), format) => {
            let mut file = File::open(path).map_err(|error| Failure::io("read", path, error))?;
            compress(&mut made, format, |writer| io::copy(&mut file, writer).map(drop)).map_err(fail)?;
        }
        (None, format) => compress(&mut made, format, |writer| tar_archive(writer, members, context)).map_err(fail)?,
    }
    made.seek(SeekFrom::Start(0)).map_err(fail)?;
    if is_same(&mut made, dest) {
        return Ok(false);
    }
    if context.check() {
        return Ok(true);
    }
    made.seek(SeekFrom::Start(0)).map_err(fail)?;
    let wanted = arguments.attributes.resolve()?;
    let mut staged = Staged::new(dest, wanted.unsafe_writes)?;
    staged.copy_from(&mut made)?;
    staged.commit(&wanted)?;
    Ok(true)
}

fn is_same(made: &mut File, dest: &Path) -> bool {
    let Ok(present) = File::open(dest) else { return false };
    let size = |file: &File| file.metadata().map(|metadata| metadata.len()).ok();
    if size(made) != size(&present) {
        return false;
    }
    let mut one = io::BufReader::new(made).bytes();
    let mut other = io::BufReader::new(present).bytes();
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(Ok(one)), Some(Ok(other))) if one == other => {}
            _ => return false,
        }
    }
}

fn compress(file: &mut File, format: Format, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let writer = io::BufWriter::new(file);
    let mut writer = match format {
        // Without a name or a time in it.
        Format::Gz => {
            let mut writer = flate2::GzBuilder::new().mtime(0).write(writer, flate2::Compression::default());
            fill(&mut writer)?;
            writer.finish()?
        }
        Format::Bz2 => {
            let mut writer = bzip2::write::BzEncoder::new(writer, bzip2::Compression::best());
            fill(&mut writer)?;
            writer.finish()?
        }
        Format::Xz => {
            let mut writer = lzma_rust2::XzWriter::new(writer, lzma_rust2::XzOptions::with_preset(6))?;
            fill(&mut writer)?;
            writer.finish()?
        }
        Format::Tar | Format::Zip => {
            let mut writer = writer;
            fill(&mut writer)?;
            writer
        }
    };
    writer.flush()
}

fn checkpoint(context: &Context<'_>) -> io::Result<()> {
    context.checkpoint().map_err(io::Error::other)
}

fn tar_archive(writer: &mut dyn Write, members: &Members, context: &Context<'_>) -> io::Result<()> {
    let mut archive = tar::Builder::new(writer);
    archive.follow_symlinks(false);
    for (path, name) in &members.files {
        checkpoint(context)?;
        archive
            .append_path_with_name(path, name)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))?;
    }
    archive.finish()
}

fn zip_archive(file: &mut File, members: &Members, context: &Context<'_>) -> io::Result<()> {
    let mut archive = zip::ZipWriter::new(file);
    for (path, name) in &members.files {
        checkpoint(context)?;
        let metadata = path.symlink_metadata()?;
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated)
            .large_file(metadata.len() >= u64::from(u32::MAX))
            .last_modified_time(zip_time(metadata.mtime()))
            .unix_permissions(metadata.mode() & 0o7777);
        let name = name.to_string_lossy();
        if metadata.is_dir() {
            archive.add_directory(name, options)?;
        } else if metadata.is_symlink() {
            archive.add_symlink(name, std::fs::read_link(path)?.to_string_lossy(), options)?;
        } else if metadata.is_file() {
            archive.start_file(name, options)?;
            io::copy(&mut File::open(path)?, &mut archive)?;
        }
    }
    archive.finish()?.flush()
}

/// The time as zip has it: local, from 1980, in steps of two seconds.
fn zip_time(seconds: i64) -> zip::DateTime {
    let moment = jiff::Timestamp::from_second(seconds).map(|moment| moment.to_zoned(jiff::tz::TimeZone::system()));
    moment
        .ok()
        .and_then(|moment| {
            let part = |number: i8| u8::try_from(number).unwrap_or_default();
            zip::DateTime::from_date_and_time(
                u16::try_from(moment.year()).unwrap_or_default(),
                part(moment.month()),
                part(moment.day()),
                part(moment.hour()),
                part(moment.minute()),
                part(moment.second()),
            )
            .ok()
        })
        .unwrap_or_default()
}

/// Remove what is in the archive; a directory only if nothing else is left in it.
fn remove(members: &Members) -> Result<(), Failure> {
    let files = members.files.iter().rev().map(|(path, _)| path);
    for path in files.chain(&members.named) {
        let removed = match path.symlink_metadata() {
            Ok(metadata) if metadata.is_dir() => match std::fs::remove_dir(path) {
                Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Ok(()),
                removed => removed,
            },
            Ok(_) => std::fs::remove_file(path),
            Err(error) => Err(error),
        };
        match removed {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::io("remove", path, error));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::collections::BTreeMap;

    use rprov_modules::testing::Bench;
    use serde_json::json;

    use super::*;
    use crate::bench;

    /// What is in an archive, as the agent's own reader sees it.
    fn content(path: &str) -> BTreeMap<String, String> {
        let mut file = File::open(path).unwrap();
        let format = rprov_modules::archive::Format::of(&mut file, path).unwrap();
        let mut found = BTreeMap::new();
        rprov_modules::archive::walk(&mut file, format, &mut |member, reader| {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            found.insert(member.path.display().to_string(), text);
            Ok(())
        })
        .unwrap();
        found.into_iter().filter(|(name, _)| !name.is_empty()).collect()
    }

    fn tree() -> Bench {
        let bench = bench();
        bench.file("in/a", "alpha");
        bench.file("in/sub/b", "beta");
        bench.file("in/sub/c.log", "noise");
        bench
    }

    #[test]
    fn a_tree_becomes_an_archive_of_every_format() {
        let bench = tree();
        for format in ["gz", "bz2", "xz", "tar", "zip"] {
            let dest = bench.path(&format!("out.{format}"));
            let arguments = json!({"path": bench.path("in"), "dest": dest, "format": format, "mode": "0600",
                "exclusion_patterns": ["*.log"]});
            let done = bench.converges("archive", arguments);
            assert_eq!(done["dest_state"].as_str(), Some("archive"));
            assert_eq!(done["mode"].as_str(), Some("0600"));
            let found = content(&dest);
            let names: Vec<&str> = found.keys().map(|name| name.trim_end_matches('/')).collect();
            assert_eq!(names, ["in/a", "in/sub", "in/sub/b"], "{format}");
            assert_eq!(found["in/sub/b"], "beta", "{format}");
            bench.file("in/a", format!("changed for {format}"));
            assert_eq!(
                bench.run("archive", json!({"path": bench.path("in"), "dest": dest, "format": format}), true).unwrap()
                    ["changed"]
                    .as_bool(),
                Some(true)
            );
        }
    }

    #[test]
    fn one_file_is_compressed_beside_it_and_removed() {
        let bench = tree();
        let arguments = json!({"path": bench.path("in/a"), "remove": true});
        let done = bench.converges("archive", arguments);
        assert_eq!(done["dest_state"].as_str(), Some("compress"));
        assert_eq!(done["dest"].as_str(), Some(bench.path("in/a.gz").as_str()));
        assert!(!std::path::Path::new(&bench.path("in/a")).exists());
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(bench.path("in/a.gz")).unwrap()).read_to_string(&mut text).unwrap();
        assert_eq!(text, "alpha");
        bench.converges("archive", json!({"path": bench.path("in"), "dest": bench.path("o.tgz"), "remove": true}));
        assert!(!std::path::Path::new(&bench.path("in")).exists());
    }

    #[test]
    fn patterns_exclusions_and_missing_files() {
        let bench = tree();
        bench.file("in/z", "last");
        let dest = bench.path("out.tar");
        let arguments = json!({"path": [bench.path("in/*"), bench.path("in/none")], "dest": dest, "format": "tar",
            "exclude_path": [bench.path("in/s*")]});
        let done = bench.converges("archive", arguments);
        assert_eq!(done["dest_state"].as_str(), Some("incomplete"));
        assert_eq!(done["missing"].to_json(), json!([bench.path("in/none")]));
        assert_eq!(done["arcroot"].as_str(), Some(bench.path("in/").as_str()));
        assert_eq!(content(&dest).into_keys().collect::<Vec<_>>(), ["a", "z"]);
        let message = bench.fails("archive", json!({"path": bench.path("in")}));
        assert!(message.contains("must specify \"dest\""), "{message}");
        let done = bench.apply("archive", json!({"path": bench.path("none"), "dest": bench.path("none.gz")}));
        assert_eq!((done["changed"].as_bool(), done["dest_state"].as_str()), (Some(false), Some("absent")));
        assert!(bench.fails("archive", json!({"path": bench.path("none/*")})).contains("no source paths were found"));
        assert!(bench.fails("archive", json!({"path": "/x", "format": "rar"})).contains("zip"));
    }
}
