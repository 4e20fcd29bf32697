//! Repositories, through the program `git`: it knows the user's keys, credentials and proxies.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use super::requirement::without_password;
use crate::source::Diagnostic;

/// Clone a repository into a directory that is not there yet, at a branch, tag or commit.
///
/// # Errors
/// git is missing, or says that it cannot.
pub fn clone(url: &str, version: &str, into: &Path) -> Result<(), Diagnostic> {
    if version.starts_with('-') {
        return Err(Diagnostic::error(format!("`{version}` is no branch, tag or commit")));
    }
    let shown = without_password(url);
    let words = [OsStr::new("clone"), OsStr::new("--quiet"), OsStr::new("--"), OsStr::new(url), into.as_os_str()];
    git(&words, None, &format!("`{shown}` cannot be cloned"), &[url, &shown])?;
    if !version.is_empty() && version != "HEAD" {
        let what = format!("`{shown}` has no branch, tag or commit `{version}`");
        git(&["checkout", "--quiet", version, "--"].map(OsStr::new), Some(into), &what, &[url, &shown])?;
    }
    Ok(())
}

/// Write the files of a clone's present commit as an archive, without those that `export-ignore` leaves out.
///
/// # Errors
/// git says that it cannot.
pub fn archive(clone: &Path, into: &Path) -> Result<(), Diagnostic> {
    let words =
        [OsStr::new("archive"), OsStr::new("--format=tar"), OsStr::new("-o"), into.as_os_str(), OsStr::new("HEAD")];
    git(&words, Some(clone), "no archive can be made of the repository", &["", ""])
}

fn git(words: &[&OsStr], directory: Option<&Path>, what: &str, hide: &[&str; 2]) -> Result<(), Diagnostic> {
    let mut command = Command::new("git");
    command.args(words).stdin(Stdio::inherit()).stdout(Stdio::null()).stderr(Stdio::piped());
    if let Some(directory) = directory {
        command.current_dir(directory);
        // The repository is the one that was cloned, whatever this program was called from.
        for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
            command.env_remove(name);
        }
    }
    let output = {
        let _starts = rprov_modules::process::starts();
        command.spawn()
    }
    .and_then(std::process::Child::wait_with_output)
    .map_err(|error| {
        Diagnostic::error("the program `git` cannot be run").cause(error.to_string()).hint("install git")
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said = if hide[0].is_empty() { said.into_owned() } else { said.replace(hide[0], hide[1]) };
    let mut problem = Diagnostic::error(what);
    for line in said.lines().map(str::trim).filter(|line| !line.is_empty()).take(4) {
        problem = problem.cause(line);
    }
    Err(problem
        .hint("check the URL, the version and that you may read the repository: `git ls-remote URL` shows what it has"))
}
