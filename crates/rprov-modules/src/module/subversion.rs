//! `subversion`: a working copy of a Subversion repository, by the program `svn`.

use std::path::{Path, PathBuf};

use rprov_wire::Value;

use crate::argument::Secret;
use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};

arguments! {
    /// Deploys a subversion repository.
    pub struct Arguments {
        /// The repository's URL.
        repo | name | repository: String,
        /// The directory.
        dest: Option<PathBuf>,
        /// The revision.
        revision | rev | version: String = "HEAD".to_owned(),
        /// Discard changes to files; without it they are an error.
        force: bool = false,
        /// Make a working copy of a directory that is there.
        in_place: bool = false,
        /// User name.
        username: Option<String>,
        /// Password.
        password: Option<Secret>,
        /// The program.
        executable: Option<PathBuf>,
        /// Make a working copy where there is none.
        checkout: bool = true,
        /// Bring what is there up to date.
        update: bool = true,
        /// Export instead of making a working copy.
        export: bool = false,
        /// Follow the repository's URL where it has changed.
        switch: bool = true,
        /// Check the server's certificate.
        validate_certs: bool = false,
    }
}

struct Svn<'a> {
    arguments: &'a Arguments,
    dest: &'a Path,
    context: &'a Context<'a>,
}

/// A version of a working copy: `Revision: 3` and `URL: ...`.
type Version = Vec<String>;

/// Whether a line of `svn update` or `svn switch` tells of a change to a file or its properties.
fn tells_change(line: &str) -> bool {
    let (signs, path) = line.split_at_checked(4).unwrap_or(("", ""));
    !path.trim().is_empty() && !signs.trim().is_empty() && signs.chars().all(|sign| " ABCDEGU".contains(sign))
}

impl Svn<'_> {
    fn call(&self, words: &[&str]) -> Result<Output, Failure> {
        let a = self.arguments;
        let program = a.executable.as_ref().map_or_else(|| "svn".into(), |path| path.clone().into_os_string());
        let mut command = Command::new(program).plain_locale().args(["--non-interactive", "--no-auth-cache"]);
        // The locale decides which names of files svn can write.
        command = command.env("LC_ALL", "C.UTF-8");
        if !a.validate_certs {
            command = command.arg("--trust-server-cert");
        }
        if let Some(user) = &a.username {
            command = command.args(["--username", user]);
        }
        if let Some(password) = &a.password {
            command = command.arg("--password-from-stdin").stdin(password.expose());
        }
        Ok(command.args(words.iter().copied()).run(self.context)?)
    }

    fn call_or_fail(&self, words: &[&str]) -> Result<Output, Failure> {
        let output = self.call(words)?;
        let words: Vec<&str> = words.iter().copied().take(1).collect();
        output.or_fail(&format!("svn {} of {} failed", words.concat(), self.arguments.repo))
    }

    fn info(&self, words: &[&str]) -> Result<Version, Failure> {
        let output = self.call_or_fail(&[&["info"], words].concat())?;
        let wanted = ["Revision:", "URL:"];
        let lines = wanted
            .iter()
            .filter_map(|key| output.stdout().lines().find(|line| line.starts_with(key)).map(str::to_owned));
        Ok(lines.collect())
    }

    fn version(&self) -> Result<Version, Failure> {
        self.info(&[&self.dest()])
    }

    fn dest(&self) -> String {
        self.dest.display().to_string()
    }

    /// Whether files differ from the repository's; files that it does not know do not count.
    fn is_modified(&self) -> Result<bool, Failure> {
        let listed = self.call_or_fail(&["status", "--quiet", "--ignore-externals", &self.dest()])?;
        Ok(listed.stdout().lines().any(|line| !line.is_empty() && !line.starts_with(['?', 'X'])))
    }

    fn revert(&self) -> Result<(), Failure> {
        self.call_or_fail(&["revert", "-R", &self.dest()]).map(drop)
    }

    fn check_out(&self, force: bool) -> Result<(), Failure> {
        let dest = self.dest();
        let words = ["checkout", "--force", "-r", &self.arguments.revision, &self.arguments.repo, &dest];
        let plain: Vec<&str> = words.iter().copied().filter(|word| force || *word != "--force").collect();
        self.call_or_fail(&plain).map(drop)
    }

    fn export(&self) -> Result<(), Failure> {
        let dest = self.dest();
        let words = ["export", "--force", "-r", &self.arguments.revision, &self.arguments.repo, &dest];
        let force = self.arguments.force;
        let plain: Vec<&str> = words.iter().copied().filter(|word| force || *word != "--force").collect();
        self.call_or_fail(&plain).map(drop)
    }

    /// Bring a working copy up to date.
    fn update(&self, before: Version) -> Result<Outcome, Failure> {
        let a = self.arguments;
        let dest = self.dest();
        let modified = self.is_modified()?;
        if modified && !a.force {
            return Err(Failure::new(format!(
                "ERROR: modified files exist in the repository. Discard them with force: true, or see `svn status {dest}`"
            )));
        }
        if self.context.check() {
            let url = if a.switch { a.repo.as_str() } else { dest.as_str() };
            let after = self.info(&["-r", &a.revision, url])?;
            let changed = modified || before != after;
            return Ok(told(changed, before.into(), after.into()));
        }
        if modified {
            self.revert()?;
        }
        let mut touched = false;
        if a.switch {
            let output = self.call_or_fail(&["switch", "--ignore-ancestry", "-r", &a.revision, &a.repo, &dest])?;
            touched |= output.stdout().lines().any(tells_change);
        }
        let output = self.call_or_fail(&["update", "-r", &a.revision, &dest])?;
        touched |= output.stdout().lines().any(tells_change);
        let after = self.version()?;
        Ok(told(touched || modified || before != after, before.into(), after.into()))
    }
}

fn told(changed: bool, before: Value, after: Value) -> Outcome {
    Outcome::new(changed).with("before", before).with("after", after)
}

/// Check out, update or export.
///
/// # Errors
/// The directory is in the way, files were changed, or svn fails; its words are returned.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let a = &arguments;
    let Some(dest) = a.dest.as_deref() else {
        if a.checkout || a.update || a.export {
            return Err(Failure::new(
                "the destination directory must be specified unless checkout=no, update=no, and export=no",
            ));
        }
        let svn = Svn { arguments: a, dest: Path::new(""), context };
        let after = svn.info(&["-r", &a.revision, &a.repo])?.into_iter().next();
        return Ok(Outcome::unchanged().with("after", after));
    };
    let svn = Svn { arguments: a, dest, context };
    if a.export {
        if !context.check() {
            svn.export()?;
        }
        return Ok(Outcome::new(true));
    }
    if !dest.exists() {
        if !a.checkout {
            return Ok(Outcome::unchanged());
        }
        if context.check() {
            return Ok(Outcome::new(true));
        }
        svn.check_out(false)?;
        return Ok(told(true, Value::Null, svn.version()?.into()));
    }
    if let Ok(before) = svn.version() {
        return if a.update { svn.update(before) } else { Ok(Outcome::unchanged()) };
    }
    if !a.in_place {
        return Err(Failure::new(format!(
            "ERROR: {} folder already exists, but its not a subversion repository. Take it away, or set in_place: true",
            dest.display()
        )));
    }
    if context.check() {
        return Ok(Outcome::new(true));
    }
    svn.check_out(true)?;
    if a.force && svn.is_modified()? {
        svn.revert()?;
    }
    Ok(told(true, Value::Null, svn.version()?.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_svn_prints_of_a_change_is_told_from_the_rest() {
        for line in ["U    file", "A    dir/file", " U   .", "UU   a b", "   C dir"] {
            assert!(tells_change(line), "{line}");
        }
        for line in ["Updating 'co':", "At revision 3.", "Updated to revision 3.", "", "Restored 'x'", "Summary of"] {
            assert!(!tells_change(line), "{line}");
        }
    }
}
