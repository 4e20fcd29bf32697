//! Atomic writes: a reader of the file sees the old content or the new, never a part, also after a power cut.
//!
//! The new content goes to a temporary file in the same directory, is synced, gets its owner, mode and SELinux context,
//! and then takes the old file's place. Until it is complete it has no name where the file system allows that, so that
//! nothing is left of it when the agent is killed. Where that is impossible (a bind mount, as containers have for
//! `/etc/hosts`; a directory that may not be written to, with `unsafe_writes`) the old file is overwritten in place.

use std::fs::{File, Metadata};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

use crate::attributes::Wanted;
use crate::outcome::Failure;
use crate::permissions;

/// Largest extended attribute that is carried over.
const ATTRIBUTE_LIMIT: usize = 64 * 1024;

/// New content that waits beside its target; removed when it is dropped without [`Staged::commit`].
#[derive(Debug)]
pub struct Staged {
    file: Place,
    target: PathBuf,
}

#[derive(Debug)]
enum Place {
    /// In the target's directory, without a name yet.
    Unnamed(File),
    /// Next to the target: can take its place by a rename.
    Beside(NamedTempFile),
    /// Elsewhere, since the target's directory takes no new files: can only be copied over the target.
    Elsewhere(NamedTempFile),
}

impl Staged {
    /// Begin to write `target`. A symbolic link at `target` is replaced; see [`resolve`] to write through it.
    ///
    /// With `unsafe_writes`, a directory that takes no new files is no obstacle to overwriting the file in it.
    ///
    /// # Errors
    /// The directory does not exist, is read-only, or full.
    pub fn new(target: &Path, unsafe_writes: bool) -> Result<Self, Failure> {
        let directory = parent(target);
        if let Some(file) = unnamed_in(directory) {
            return Ok(Staged { file: Place::Unnamed(file), target: target.to_owned() });
        }
        let file = match temporary_in(directory) {
            Ok(file) => Place::Beside(file),
            Err(error) if unsafe_writes && overwritable(&error) && target.is_file() => Place::Elsewhere(
                temporary_in(&std::env::temp_dir())
                    .map_err(|error| explain("create a temporary file for", target, &error))?,
            ),
            Err(error) => return Err(explain("create a temporary file beside", target, &error)),
        };
        Ok(Staged { file, target: target.to_owned() })
    }

    /// Where the new content is, once all of it was written: for its checksum, or a command that validates it.
    ///
    /// # Errors
    /// The directory takes no new names any more.
    pub fn path(&mut self) -> Result<&Path, Failure> {
        if let Place::Unnamed(file) = &self.file {
            let named = link_in(parent(&self.target), file)
                .map_err(|error| explain("create a temporary file beside", &self.target, &error))?;
            self.file = Place::Beside(named);
        }
        match &self.file {
            Place::Beside(file) | Place::Elsewhere(file) => Ok(file.path()),
            Place::Unnamed(_) => Err(Failure::new(format!("{} has no new content", self.target.display()))),
        }
    }

    /// Write all that `reader` has; the number of bytes.
    ///
    /// # Errors
    /// Reading failed, or the disk is full.
    pub fn copy_from(&mut self, reader: &mut dyn Read) -> Result<u64, Failure> {
        let mut buffer = vec![0; 64 * 1024];
        let mut total = 0;
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => return Ok(total),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(Failure::io("read the new content of", &self.target, error)),
            };
            self.write(buffer.get(..count).unwrap_or_default())?;
            total += count as u64;
        }
    }

    /// Append these bytes.
    ///
    /// # Errors
    /// The disk is full, or gone.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.file.as_file().write_all(bytes).map_err(|error| explain("write", &self.target, &error))
    }

    /// Put the new content in the target's place.
    ///
    /// The file keeps the owner, mode, ACL and SELinux context of the one it replaces; a new one gets `0666` less
    /// the umask. `wanted` is applied on top of that, before the content appears under its name.
    ///
    /// # Errors
    /// The target is a directory, is immutable, or the attributes may not be set. Nothing was changed then.
    pub fn commit(mut self, wanted: &Wanted) -> Result<(), Failure> {
        self.file.as_file().sync_data().map_err(|error| explain("write", &self.target, &error))?;
        self.path()?;
        let Staged { file, target } = self;
        let existing = std::fs::symlink_metadata(&target).ok().filter(|metadata| !metadata.file_type().is_symlink());
        if existing.as_ref().is_some_and(Metadata::is_dir) {
            return Err(Failure::new(format!("could not write {}: it is a directory", target.display())));
        }
        let file = match file {
            Place::Beside(file) => file,
            Place::Elsewhere(file) => return overwrite(file.path(), &target, wanted),
            // It was given one just now.
            Place::Unnamed(_) => return Err(Failure::new(format!("{} has no new content", target.display()))),
        };
        adopt(file.as_file(), file.path(), existing.as_ref(), &target)?;
        wanted.apply_staged(file.path(), &target)?;
        match file.persist(&target) {
            Ok(_) => Ok(()),
            // A mount point cannot be replaced, only filled.
            Err(error) if error.error.raw_os_error() == Some(Errno::BUSY.raw_os_error()) => {
                overwrite(error.file.path(), &target, wanted)
            }
            Err(error) if wanted.unsafe_writes && overwritable(&error.error) && existing.is_some() => {
                overwrite(error.file.path(), &target, wanted)
            }
            Err(error) => Err(explain("replace", &target, &error.error)),
        }
    }
}

impl Place {
    fn as_file(&self) -> &File {
        match self {
            Place::Unnamed(file) => file,
            Place::Beside(file) | Place::Elsewhere(file) => file.as_file(),
        }
    }
}

/// Create a file without a name; `None` where that is not supported, or not possible.
fn unnamed_in(directory: &Path) -> Option<File> {
    // A name can be given through this directory alone, without privileges.
    if !Path::new("/proc/self/fd").exists() {
        return None;
    }
    let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
    rustix::fs::open(directory, flags, Mode::RUSR | Mode::WUSR).ok().map(File::from)
}

/// Give a file without a name a temporary one.
fn link_in(directory: &Path, file: &File) -> io::Result<NamedTempFile> {
    let descriptor = format!("/proc/self/fd/{}", file.as_raw_fd());
    named(directory, |path| {
        rustix::fs::linkat(CWD, descriptor.as_str(), CWD, path, AtFlags::SYMLINK_FOLLOW)?;
        file.try_clone()
    })
}

/// Create a file that nobody else can open, and that is removed when dropped.
fn temporary_in(directory: &Path) -> io::Result<NamedTempFile> {
    // The file is opened here since tempfile's own errors hide the system's error number.
    named(directory, |path| File::options().read(true).write(true).create_new(true).mode(0o600).open(path))
}

fn named(directory: &Path, make: impl FnMut(&Path) -> io::Result<File>) -> io::Result<NamedTempFile> {
    tempfile::Builder::new().prefix(".rprov-").suffix(".tmp").make_in(directory, make)
}

/// Replace the content of `target`, atomically; see [`Staged::commit`].
///
/// # Errors
/// As [`Staged`] has them.
pub fn replace(target: &Path, content: &[u8], wanted: &Wanted) -> Result<(), Failure> {
    let mut staged = Staged::new(target, wanted.unsafe_writes)?;
    staged.write(content)?;
    staged.commit(wanted)
}

/// Errors that stand in the way of a rename but not of overwriting.
fn overwritable(error: &io::Error) -> bool {
    [Errno::PERM, Errno::ACCESS, Errno::BUSY, Errno::ROFS, Errno::XDEV, Errno::TXTBSY]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

/// Fill the target with another file's content; its inode stays.
fn overwrite(source: &Path, target: &Path, wanted: &Wanted) -> Result<(), Failure> {
    let mut reader = File::open(source).map_err(|error| explain("read back the new content of", target, &error))?;
    let mut writer = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(target)
        .map_err(|error| explain("overwrite", target, &error))?;
    io::copy(&mut reader, &mut writer)
        .and_then(|_| writer.sync_data())
        .map_err(|error| explain("overwrite", target, &error))?;
    wanted.apply_staged(target, target)
}

/// Give a temporary file the owner, mode, ACL and SELinux context of the file whose place it takes.
fn adopt(file: &File, path: &Path, existing: Option<&Metadata>, target: &Path) -> Result<(), Failure> {
    let Some(existing) = existing else {
        let mode = 0o666 & !permissions::umask();
        file.set_permissions(std::fs::Permissions::from_mode(mode))
            .map_err(|error| explain("set the mode of", target, &error))?;
        crate::attributes::adopt_default_context(path, target);
        return Ok(());
    };
    let own = file.metadata().map_err(|error| explain("read the attributes of", target, &error))?;
    if (own.uid(), own.gid()) != (existing.uid(), existing.gid()) {
        match std::os::unix::fs::fchown(file, Some(existing.uid()), Some(existing.gid())) {
            Ok(()) => {}
            // Who may replace a file but not give it away becomes its owner, as with mv(1).
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(explain("keep the owner of", target, &error)),
        }
    }
    file.set_permissions(std::fs::Permissions::from_mode(existing.mode() & permissions::BITS))
        .map_err(|error| explain("keep the mode of", target, &error))?;
    let mut value = vec![0; ATTRIBUTE_LIMIT];
    for name in ["security.selinux", "system.posix_acl_access"] {
        if let Ok(length) = rustix::fs::lgetxattr(target, name, &mut value[..]) {
            let bytes = value.get(..length).unwrap_or_default();
            // File systems without support for it had nothing to keep.
            let _ = rustix::fs::fsetxattr(file, name, bytes, rustix::fs::XattrFlags::empty());
        }
    }
    Ok(())
}

/// The file that a path leads to, through symbolic links, whether or not it exists.
///
/// # Errors
/// The links go round in a circle, or a directory on the way cannot be read.
pub fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    let mut current = path.to_owned();
    for _ in 0..40 {
        match std::fs::read_link(&current) {
            Ok(next) => current = parent(&current).join(next),
            Err(_) => return Ok(current),
        }
    }
    Err(Failure::new(format!("could not follow {}: its symbolic links go round in a circle", path.display())))
}

/// The directory that holds `path`.
pub fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        _ if path.is_absolute() => Path::new("/"),
        _ => Path::new("."),
    }
}

/// Keep a copy of a file beside it, as `PATH.PID.YYYY-MM-DD@HH:MM:SS~`, with its owner, mode and times; the copy's
/// path, or `None` if there is nothing to copy.
///
/// # Errors
/// The copy could not be written.
pub fn backup(path: &Path) -> Result<Option<PathBuf>, Failure> {
    let Ok(metadata) = std::fs::metadata(path) else { return Ok(None) };
    let stamp = jiff::Zoned::now().strftime("%Y-%m-%d@%H:%M:%S");
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{stamp}~", std::process::id()));
    let copy = PathBuf::from(name);
    let mut reader = File::open(path).map_err(|error| explain("read", path, &error))?;
    let mut staged = Staged::new(&copy, false)?;
    staged.copy_from(&mut reader)?;
    staged.path()?;
    let Place::Beside(file) = &staged.file else {
        return Err(Failure::new(format!("could not back up {}: its directory takes no files", path.display())));
    };
    let times = std::fs::FileTimes::new()
        .set_accessed(metadata.accessed().unwrap_or(std::time::UNIX_EPOCH))
        .set_modified(metadata.modified().unwrap_or(std::time::UNIX_EPOCH));
    adopt(file.as_file(), file.path(), Some(&metadata), path)?;
    let _ = file.as_file().set_times(times);
    let Place::Beside(file) = staged.file else { return Ok(None) };
    file.persist(&copy).map_err(|error| explain("write the backup", &copy, &error.error))?;
    Ok(Some(copy))
}

/// An I/O error with what was tried, where, and what to do about the usual causes.
pub fn explain(action: &str, path: &Path, error: &io::Error) -> Failure {
    let advice = match error.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::NOSPC) => "; free space (or inodes, see `df -i`) on that file system",
        Some(Errno::DQUOT) => "; the user's disk quota is used up",
        Some(Errno::ROFS) => "; the file system is mounted read-only",
        Some(Errno::ACCESS) => "; run the task as a user that may (`become: true`)",
        Some(Errno::PERM) => {
            "; run the task as a user that may (`become: true`), or see `lsattr` for an immutable file"
        }
        Some(Errno::NOENT) => "; create its directory first",
        Some(Errno::TXTBSY) => "; the program is running",
        _ => "",
    };
    Failure::new(format!("could not {action} {}: {error}{advice}", path.display()))
        .with("path", path.display().to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(directory)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_replaced_file_keeps_its_mode_and_nothing_else_is_left() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("file");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        replace(&path, b"new", &Wanted::default()).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"new");
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o640);
        assert_eq!(names(tree.path()), ["file"]);
    }

    #[test]
    fn a_staged_file_that_is_not_committed_vanishes() {
        let tree = tempfile::tempdir().unwrap();
        let mut staged = Staged::new(&tree.path().join("file"), false).unwrap();
        staged.write(b"x").unwrap();
        // What a killed agent was writing is gone with it.
        assert!(names(tree.path()).is_empty());
        let complete = staged.path().unwrap().to_owned();
        assert_eq!(std::fs::read(&complete).unwrap(), b"x");
        staged.write(b"y").unwrap();
        assert_eq!(std::fs::read(&complete).unwrap(), b"xy");
        drop(staged);
        assert!(names(tree.path()).is_empty());
    }

    #[test]
    fn a_full_disk_is_named_and_leaves_the_old_content() {
        let error = explain("write", Path::new("/x"), &io::Error::from_raw_os_error(Errno::NOSPC.raw_os_error()));
        assert!(error.message.contains("/x") && error.message.contains("free space"), "{}", error.message);
    }

    #[test]
    fn a_directory_is_not_replaced() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("directory");
        std::fs::create_dir(&path).unwrap();
        assert!(replace(&path, b"x", &Wanted::default()).unwrap_err().message.contains("is a directory"));
        assert_eq!(names(tree.path()), ["directory"]);
    }

    #[test]
    fn a_missing_directory_is_an_error_with_advice() {
        let tree = tempfile::tempdir().unwrap();
        let error = replace(&tree.path().join("a/b"), b"x", &Wanted::default()).unwrap_err();
        assert!(error.message.contains("create its directory first"), "{}", error.message);
    }

    #[test]
    fn links_are_resolved_also_to_nowhere_and_circles_are_found() {
        let tree = tempfile::tempdir().unwrap();
        let link = tree.path().join("link");
        std::os::unix::fs::symlink("missing", &link).unwrap();
        assert_eq!(resolve(&link).unwrap(), tree.path().join("missing"));
        let circle = tree.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert!(resolve(&circle).is_err());
    }

    #[test]
    fn a_backup_has_the_time_in_its_name_and_the_same_mode() {
        let tree = tempfile::tempdir().unwrap();
        let path = tree.path().join("file");
        std::fs::write(&path, "old").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        let copy = backup(&path).unwrap().unwrap();
        let name = copy.file_name().unwrap().to_string_lossy().into_owned();
        let stamp = name.strip_prefix(&format!("file.{}.", std::process::id())).unwrap();
        assert_eq!((stamp.len(), stamp.as_bytes()[10], stamp.as_bytes()[19]), (20, b'@', b'~'));
        assert_eq!(std::fs::metadata(&copy).unwrap().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read(&copy).unwrap(), b"old");
        assert_eq!(backup(&tree.path().join("none")).unwrap(), None);
    }
}
