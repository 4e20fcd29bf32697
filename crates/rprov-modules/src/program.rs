//! Where programs are.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::context::Context;

/// Where administration programs are, also for users whose `PATH` does not name these.
const SYSTEM_DIRECTORIES: [&str; 3] = ["/sbin", "/usr/sbin", "/usr/local/sbin"];

/// `PATH` where the agent was started without one.
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// The directories to search for programs: `PATH` as the command will see it, then those for administrators.
pub(crate) fn search_path(context: &Context<'_>, own: &[(OsString, Option<OsString>)], system: bool) -> OsString {
    let own = own.iter().rev().find(|(name, _)| name == "PATH").and_then(|(_, value)| value.clone());
    let task =
        || context.options.environment.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| value.into());
    let mut path = own.or_else(task).or_else(|| std::env::var_os("PATH")).unwrap_or_else(|| DEFAULT_PATH.into());
    if system {
        for directory in SYSTEM_DIRECTORIES {
            if !std::env::split_paths(&path).any(|known| known == Path::new(directory)) {
                if !path.is_empty() {
                    path.push(":");
                }
                path.push(directory);
            }
        }
    }
    path
}

/// The first program of that name in these directories.
pub fn find_in(name: &OsStr, path: &OsStr) -> Option<PathBuf> {
    if name.is_empty() {
        return None;
    }
    std::env::split_paths(path).map(|directory| directory.join(name)).find(|candidate| is_executable(candidate))
}

/// Whether the path is a file that somebody may execute.
pub fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The path of a program, from the task's `PATH` and the directories for administrators.
pub fn find_program(name: &str, context: &Context<'_>) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| is_executable(path));
    }
    find_in(OsStr::new(name), &search_path(context, &[], true))
}
