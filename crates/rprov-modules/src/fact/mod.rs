//! Facts about the host, under the names that Ansible's `setup` gives them (without the `ansible_` prefix).
//!
//! Nothing here starts a program where a file or a kernel interface has the answer. Each family is one file with a
//! function that adds its facts to a map.

pub mod distribution;
pub mod hardware;
pub mod local;
pub mod mounts;
pub mod network;
pub mod platform;
pub mod python;
mod rtnetlink;
pub mod user;
pub mod virtualization;

use std::path::Path;

/// The text of a file without blanks around it; `None` if it cannot be read or is empty.
pub(crate) fn content(path: impl AsRef<Path>) -> Option<String> {
    let bytes = std::fs::read(path).ok()?;
    let text = String::from_utf8_lossy(&bytes).trim().to_owned();
    if text.is_empty() { None } else { Some(text) }
}

/// Names in a directory, sorted; none where it cannot be read.
pub(crate) fn names(path: impl AsRef<Path>) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(path)
        .map(|entries| entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect())
        .unwrap_or_default();
    names.sort_unstable();
    names
}

/// The last part of the path that a symbolic link holds.
pub(crate) fn link_name(path: impl AsRef<Path>) -> Option<String> {
    std::fs::read_link(path).ok()?.file_name().map(|name| name.to_string_lossy().into_owned())
}
