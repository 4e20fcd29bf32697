//! Where files of a task's own may lie on the host for a while.
//!
//! `/tmp` may be read-only, not this user's, or mounted noexec. The agent's bootstrap has looked for a place in which
//! programs run, and the agent is the proof that it found one; beside that, the places are the same that it looks at.

use std::fs::{DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::StatVfsMountFlags;
use tempfile::TempDir;

use crate::outcome::Failure;

/// A private directory in which programs can be executed; it is removed when it is dropped.
///
/// # Errors
/// There is no such place; `what` names what was to lie there.
pub fn for_programs(prefix: &str, what: &str) -> Result<TempDir, Failure> {
    let places = beside_agent().into_iter().chain(shared());
    first(places, what, |place| {
        if rustix::fs::statvfs(place).is_ok_and(|mount| mount.f_flag.contains(StatVfsMountFlags::NOEXEC)) {
            return Err(io::Error::other("programs cannot be executed there (noexec)"));
        }
        tempfile::Builder::new().prefix(prefix).permissions(Permissions::from_mode(0o700)).tempdir_in(place)
    })
}

/// A file without a name, gone when it is closed.
///
/// # Errors
/// There is no place to write to; `what` names what was to lie there.
pub fn for_data(what: &str) -> Result<File, Failure> {
    first(shared().chain(beside_agent()), what, |place| tempfile::tempfile_in(place))
}

/// The directory that the agent's file is in; nothing in a process that is no agent.
fn beside_agent() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    program.file_name()?.to_str()?.starts_with("agent-").then(|| program.parent().map(Path::to_owned))?
}

fn shared() -> impl Iterator<Item = PathBuf> {
    let places: [fn() -> Option<PathBuf>; 4] =
        [|| Some(std::env::temp_dir()), in_home, || Some("/var/tmp".into()), || Some("/tmp".into())];
    places.into_iter().filter_map(|place| place())
}

/// `~/.cache/rprov`, made where it is missing, if the user has a home.
pub(crate) fn in_home() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").filter(|home| !home.is_empty())?);
    let directory = home.is_dir().then(|| home.join(".cache/rprov"))?;
    // Where it cannot be made, its use says why.
    let _ = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    Some(directory)
}

/// The first place with which it works.
fn first<T>(
    places: impl Iterator<Item = PathBuf>,
    what: &str,
    attempt: impl Fn(&Path) -> io::Result<T>,
) -> Result<T, Failure> {
    let mut tried: Vec<PathBuf> = Vec::new();
    let mut problems = Vec::new();
    for place in places {
        if tried.contains(&place) {
            continue;
        }
        match attempt(&place) {
            Ok(made) => return Ok(made),
            Err(error) => problems.push(format!("{}: {}", place.display(), described(&error))),
        }
        tried.push(place);
    }
    Err(Failure::new(format!(
        "the host has no place for {what}: {}; one of them must be writable, not full, and not mounted noexec",
        problems.join("; ")
    )))
}

/// The error without the path that is named already.
fn described(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" at path ").next().unwrap_or(&text).to_owned()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_fails_is_passed_over_and_told_where_none_works() {
        let there = tempfile::tempdir().unwrap();
        let missing = PathBuf::from("/nonexistent/place");
        let make = |place: &Path| tempfile::tempdir_in(place);
        let places = [missing.clone(), there.path().to_owned()];
        let made = first(places.into_iter(), "a test", make).unwrap();
        assert_eq!(made.path().parent().unwrap(), there.path());
        let failure = first([missing.clone(), missing].into_iter(), "a test", make).unwrap_err();
        let text = failure.to_string();
        assert_eq!(text.matches("/nonexistent/place").count(), 1, "{text}");
        assert!(text.starts_with("the host has no place for a test: /nonexistent/place: No such file"), "{text}");
    }

    #[test]
    fn a_program_can_be_run_where_programs_go() {
        let directory = for_programs("test-", "a test").unwrap();
        let mode = std::fs::metadata(directory.path()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let program = directory.path().join("program");
        {
            // A program that another test starts meanwhile would hold the file open for writing.
            let _alone = crate::process::no_starts();
            std::fs::copy("/bin/true", &program).unwrap();
        }
        assert!(std::process::Command::new(program).status().unwrap().success());
    }
}
