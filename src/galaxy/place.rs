//! Putting a directory in the place of another, all or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use super::unpack::stays_inside;
use crate::source::Diagnostic;

/// A directory beside where it will be in the end; gone with this, unless it was put there.
#[derive(Debug)]
pub struct Staging(tempfile::TempDir);

impl Staging {
    /// A new one below this directory, which is made if need be.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn below(directory: &Path) -> Result<Self, Diagnostic> {
        let made = fs::create_dir_all(directory)
            .and_then(|()| tempfile::Builder::new().prefix(".rprov-").tempdir_in(directory));
        made.map(Self).map_err(|error| unwritable(directory, &error))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Move a directory of it to its place; what was there is gone then.
    ///
    /// # Errors
    /// It cannot be moved; what was there is still there.
    pub fn put(&self, directory: &Path, place: &Path) -> Result<(), Diagnostic> {
        let failed = |error: std::io::Error| unwritable(place, &error);
        let aside = self.path().join("replaced");
        let there = place.symlink_metadata().is_ok();
        if there {
            fs::rename(place, &aside).map_err(failed)?;
        }
        let moved = fs::rename(directory, place);
        if moved.is_err() && there {
            fs::rename(&aside, place).map_err(failed)?;
        }
        moved.map_err(failed)
    }
}

/// That something cannot be written.
pub fn unwritable(path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("`{}` cannot be written", path.display()))
        .cause(error.to_string())
        .hint("name another directory by `-p`, or check its owner and mode")
}

/// Copy a directory's files, directories and links that stay inside, but for those that `skip` names by their relative
/// path. The second value is of links that lead out.
///
/// # Errors
/// Something cannot be read or written.
pub fn copy(from: &Path, to: &Path, skip: &dyn Fn(&str, bool) -> bool) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut outside = Vec::new();
    fs::create_dir_all(to).map_err(|error| unwritable(to, &error))?;
    // It may be below the directory that is copied, and would never be done then.
    let own = to.canonicalize().map_err(|error| unwritable(to, &error))?;
    let failed = |path: &Path, error: std::io::Error| {
        Diagnostic::error(format!("`{}` cannot be copied", path.display())).cause(error.to_string())
    };
    let mut directories = vec![PathBuf::new()];
    while let Some(relative) = directories.pop() {
        let source = from.join(&relative);
        fs::create_dir_all(to.join(&relative)).map_err(|error| unwritable(&to.join(&relative), &error))?;
        let entries = fs::read_dir(&source).map_err(|error| failed(&source, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| failed(&source, error))?;
            let relative = relative.join(entry.file_name());
            let kind = entry.file_type().map_err(|error| failed(&entry.path(), error))?;
            if skip(&relative.to_string_lossy(), kind.is_dir()) {
                continue;
            }
            let target = to.join(&relative);
            if kind.is_dir() {
                if entry.path().canonicalize().is_ok_and(|path| path != own) {
                    directories.push(relative);
                }
            } else if kind.is_symlink() {
                let link = fs::read_link(entry.path()).map_err(|error| failed(&entry.path(), error))?;
                if stays_inside(&relative, &link) {
                    std::os::unix::fs::symlink(link, &target).map_err(|error| unwritable(&target, &error))?;
                } else if entry.path().is_file() {
                    fs::copy(entry.path(), &target).map_err(|error| failed(&entry.path(), error))?;
                } else {
                    outside.push(relative);
                }
            } else if kind.is_file() {
                fs::copy(entry.path(), &target).map_err(|error| failed(&entry.path(), error))?;
            }
        }
    }
    Ok(outside)
}

/// Whether two directories hold the same files, with the same content.
pub fn same(left: &Path, right: &Path) -> bool {
    let listed = |path: &Path| -> Option<Vec<std::ffi::OsString>> {
        let mut names: Vec<_> = fs::read_dir(path)
            .ok()?
            .map(|entry| entry.map(|entry| entry.file_name()))
            .collect::<Result<_, _>>()
            .ok()?;
        names.sort();
        Some(names)
    };
    let (Ok(one), Ok(other)) = (left.symlink_metadata(), right.symlink_metadata()) else { return false };
    if one.file_type() != other.file_type() {
        return false;
    }
    if one.is_symlink() {
        return fs::read_link(left).ok() == fs::read_link(right).ok();
    }
    if one.is_file() {
        use std::os::unix::fs::PermissionsExt;
        let executable = |metadata: &fs::Metadata| metadata.permissions().mode() & 0o100;
        return one.len() == other.len()
            && executable(&one) == executable(&other)
            && fs::read(left).ok() == fs::read(right).ok();
    }
    let (Some(names), Some(others)) = (listed(left), listed(right)) else { return false };
    names == others && names.iter().all(|name| same(&left.join(name), &right.join(name)))
}
