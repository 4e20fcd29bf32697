//! Paths by their text alone.

use std::path::{Component, Path, PathBuf};

/// The path without `.` and `..`, as it is written: links are not followed.
pub fn normalized(path: &Path) -> PathBuf {
    let mut normalized = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(normalized.pop()),
            Component::CurDir => {}
            part => normalized.push(part),
        }
    }
    normalized
}
