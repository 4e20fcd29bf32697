//! `git`: a working copy of a repository, by the `git` program.

use std::path::{Path, PathBuf};

use rprov_wire::{Map, Value};

use crate::argument::{Raw, Rule};
use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::permissions;
use crate::process::{Command, Output};
use crate::write;

arguments! {
    /// Deploy software (or files) from git checkouts.
    pub struct Arguments {
        /// Address of the repository.
        repo | name: String,
        /// Where the working copy is to be.
        dest: PathBuf,
        /// Branch, tag or commit.
        version: String = "HEAD".to_owned(),
        /// Accept the host key of an SSH server, whatever it is.
        accept_hostkey: bool = false,
        /// Accept the host key of an SSH server that is not known yet.
        accept_newhostkey: bool = false,
        /// Options for ssh.
        ssh_opts: Option<String>,
        /// Private key for ssh.
        key_file: Option<PathBuf>,
        /// A local repository to borrow objects from.
        reference: Option<String>,
        /// Name of the remote.
        remote: String = "origin".to_owned(),
        /// More to fetch.
        refspec: Option<String>,
        /// Throw local changes away.
        force: bool = false,
        /// Only the newest commits.
        depth: Option<u32>,
        /// Clone where there is no working copy yet.
        clone: bool = true,
        /// Fetch what is new.
        update: bool = true,
        /// The git program.
        executable: Option<PathBuf>,
        /// A bare repository.
        bare: bool = false,
        /// Mask for new files.
        umask: Option<Raw>,
        /// Bring submodules along.
        recursive: bool = true,
        /// Only the history of one branch.
        single_branch: bool = false,
        /// Follow the branches of submodules.
        track_submodules: bool = false,
        /// Verify the signature of the commit.
        verify_commit: bool = false,
        /// Fingerprints of the keys that may have signed; any key that gpg trusts if there are none.
        gpg_allowlist | gpg_whitelist: Vec<String> = Vec::new(),
        /// Where the repository itself goes.
        separate_git_dir: Option<PathBuf>,
        /// Also write the version's files into this archive: `.tar`, `.tar.gz`, `.tgz` or `.zip`.
        archive: Option<PathBuf>,
        /// What each path in the archive starts with.
        archive_prefix: Option<String>,
    }
    rules: [Rule::By("archive_prefix", &["archive"])]
}

struct Git<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    ssh: String,
    umask: Option<u32>,
}

impl Git<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let program = self.arguments.executable.as_deref().unwrap_or_else(|| Path::new("git"));
        let mut command = Command::new(program.as_os_str())
            .args(words.iter().copied())
            .plain_locale()
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_SSH_COMMAND", self.ssh.as_str());
        if let Some(mask) = self.umask {
            command = command.umask(mask);
        }
        command
    }

    fn here(&self, words: &[&str]) -> Result<Output, Failure> {
        Ok(self.command(words).current_dir(&self.arguments.dest).run(self.context)?)
    }

    fn must(&self, words: &[&str], attempt: &str) -> Result<String, Failure> {
        Ok(self.here(words)?.or_fail(attempt)?.stdout().trim().to_owned())
    }

    /// The commit that the version is at the remote; itself where it is a commit.
    fn remote_version(&self, source: &str) -> Result<Option<String>, Failure> {
        let version = self.arguments.version.as_str();
        if is_commit(version) && version.len() == 40 {
            return Ok(Some(version.to_owned()));
        }
        let output = self
            .command(&["ls-remote", "--", source])
            .run(self.context)?
            .or_fail(&format!("could not read from the repository {}", self.arguments.repo))?;
        let text = output.stdout();
        let find = |name: &str| {
            text.lines().find_map(|line| {
                line.split_once('\t').filter(|(_, found)| *found == name).map(|(commit, _)| commit.to_owned())
            })
        };
        if version == "HEAD" {
            return Ok(find("HEAD"));
        }
        // The commit behind an annotated tag is what is checked out.
        Ok(find(&format!("refs/heads/{version}"))
            .or_else(|| find(&format!("refs/tags/{version}^{{}}")))
            .or_else(|| find(&format!("refs/tags/{version}")))
            .or_else(|| find(version)))
    }

    fn submodules(&self) -> Result<bool, Failure> {
        if !self.arguments.recursive || self.arguments.bare || !self.arguments.dest.join(".gitmodules").exists() {
            return Ok(false);
        }
        let before = self.must(&["submodule", "status", "--recursive"], "could not look at the submodules")?;
        self.must(&["submodule", "sync", "--recursive"], "could not synchronise the submodules")?;
        let mut words = vec!["submodule", "update", "--init", "--recursive"];
        if self.arguments.track_submodules {
            words.push("--remote");
        }
        if self.arguments.force {
            words.push("--force");
        }
        self.must(&words, "could not update the submodules")?;
        Ok(before != self.must(&["submodule", "status", "--recursive"], "could not look at the submodules")?)
    }

    fn check_signature(&self) -> Result<(), Failure> {
        if self.arguments.verify_commit {
            let version = self.arguments.version.as_str();
            let tag = self.here(&["rev-parse", "-q", "--verify", &format!("refs/tags/{version}")])?.success();
            let verb = if tag { "verify-tag" } else { "verify-commit" };
            let attempt = format!("Failed to verify GPG signature of commit/tag \"{version}\"");
            if self.arguments.gpg_allowlist.is_empty() {
                self.must(&[verb, version], &attempt)?;
            } else {
                let output = self.here(&[verb, version, "--raw"])?.or_fail(&attempt)?;
                self.check_signer(&output.stderr())?;
            }
        }
        Ok(())
    }

    /// Whether one of the allowed keys has signed, from gpg's machine-readable words (`--status-fd`, doc/DETAILS).
    fn check_signer(&self, status: &str) -> Result<(), Failure> {
        let signer = status.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                // The key that signed, and behind it, if that is a subkey, the primary key.
                ["[GNUPG:]", "VALIDSIG", signer, rest @ ..] => Some((*signer, rest.last().copied())),
                _ => None,
            }
        });
        let Some((signer, primary)) = signer else {
            return Err(Failure::new("gpg gave no fingerprint for the signature; is the key imported?"));
        };
        let allowed = |key: &str| self.arguments.gpg_allowlist.iter().any(|allowed| allowed.eq_ignore_ascii_case(key));
        if allowed(signer) || primary.is_some_and(allowed) {
            return Ok(());
        }
        Err(Failure::new(format!(
            "The gpg_allowlist does not include the public key \"{}\" for this commit",
            primary.unwrap_or(signer)
        )))
    }

    /// Write the archive, if it is not there with the same content already; whether that was (or would be) done.
    fn archive(&self, archive: &Path, copy_changes: bool) -> Result<bool, Failure> {
        let name = archive.to_string_lossy();
        let format = ["tar.gz", "tar", "zip", "tgz"].into_iter().find(|end| name.ends_with(&format!(".{end}")));
        let Some(format) = format else {
            return Err(Failure::new(format!("Unable to get file extension from archive file name : {name}"))
                .with("details", "Please specify archive as filename with extension. File extension can be one of ['tar', 'tar.gz', 'zip', 'tgz']"));
        };
        if self.context.check() && (copy_changes || !archive.exists()) {
            return Ok(true);
        }
        let directory = if self.context.check() { std::env::temp_dir() } else { write::parent(archive).to_owned() };
        let new = tempfile::Builder::new()
            .prefix(".rprov-")
            .tempfile_in(&directory)
            .map_err(|error| write::explain("write the archive in", &directory, &error))?;
        let mut words =
            vec!["archive".to_owned(), format!("--format={format}"), format!("--output={}", new.path().display())];
        words.extend(self.arguments.archive_prefix.as_ref().map(|prefix| format!("--prefix={prefix}")));
        words.push(self.arguments.version.clone());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        self.must(&words, "Failed to perform archive operation")?;
        let read = |path: &Path| std::fs::read(path).map_err(|error| write::explain("read", path, &error));
        if archive.exists() && read(archive)? == read(new.path())? {
            return Ok(false);
        }
        if !self.context.check() {
            let mode = 0o666 & !permissions::umask();
            std::fs::set_permissions(new.path(), std::os::unix::fs::PermissionsExt::from_mode(mode))
                .map_err(|error| write::explain("set the mode of", archive, &error))?;
            new.persist(archive).map_err(|error| write::explain("write the archive", archive, &error.error))?;
        }
        Ok(true)
    }

    fn checkout(&self, commit: Option<&str>) -> Result<(), Failure> {
        let version = self.arguments.version.as_str();
        let remote = self.arguments.remote.as_str();
        let attempt = format!("Failed to checkout {version}");
        let branch = if version == "HEAD" {
            let head = self.here(&["symbolic-ref", "-q", &format!("refs/remotes/{remote}/HEAD")])?.stdout();
            let known = head.trim().rsplit_once(&format!("{remote}/")).map(|(_, branch)| branch.to_owned());
            // Without the remote's word on its HEAD, the branch that is checked out is the one.
            match known {
                Some(branch) => Some(branch),
                None => Some(self.here(&["symbolic-ref", "-q", "--short", "HEAD"])?.stdout().trim().to_owned())
                    .filter(|name| !name.is_empty()),
            }
        } else {
            Some(version.to_owned())
        };
        let tracked = match &branch {
            Some(branch) => {
                self.here(&["rev-parse", "-q", "--verify", &format!("refs/remotes/{remote}/{branch}")])?.success()
            }
            None => false,
        };
        if let (Some(branch), true) = (&branch, tracked) {
            let origin = format!("{remote}/{branch}");
            let local = self.here(&["rev-parse", "-q", "--verify", &format!("refs/heads/{branch}")])?.success();
            if local {
                self.must(&["checkout", "--force", branch, "--"], &attempt)?;
            } else {
                self.must(&["checkout", "--force", "--track", "-b", branch, &origin], &attempt)?;
            }
            self.must(&["reset", "--hard", &origin, "--"], &attempt)?;
        } else {
            self.must(&["checkout", "--force", commit.unwrap_or(version)], &attempt)?;
        }
        Ok(())
    }
}

fn is_commit(text: &str) -> bool {
    text.len() >= 7 && text.len() <= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Bring the working copy to the version.
///
/// # Errors
/// The repository cannot be read, the version is unknown, local changes are in the way, or git fails.
pub fn run(mut arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    // Else git would link the files of a repository on the same machine instead of copying them.
    if arguments.repo.starts_with('/') {
        arguments.repo.insert_str(0, "file://");
    }
    if arguments.version.starts_with('-') || arguments.repo.starts_with('-') {
        return Err(Failure::new("repo and version may not start with a dash"));
    }
    let mut ssh = "ssh -o BatchMode=yes".to_owned();
    if let Some(options) = &arguments.ssh_opts {
        ssh.push_str(&format!(" {options}"));
    }
    if arguments.accept_hostkey {
        ssh.push_str(" -o StrictHostKeyChecking=no");
    } else if arguments.accept_newhostkey {
        ssh.push_str(" -o StrictHostKeyChecking=accept-new");
    }
    if let Some(key) = &arguments.key_file {
        let text = key.to_string_lossy();
        let quoted = shlex::try_quote(&text).map_err(|error| Failure::io("quote", key, error))?;
        ssh.push_str(&format!(" -i {quoted} -o IdentitiesOnly=yes"));
    }
    let umask = match arguments.umask.as_ref().map(|raw| &raw.0) {
        None => None,
        // YAML has read the octal digits already where they were not quoted.
        Some(Value::Int(number)) => u32::try_from(*number).ok(),
        Some(Value::String(text)) => u32::from_str_radix(text, 8).ok(),
        Some(_) => return Err(Failure::new("umask must be octal digits")),
    };
    let git = Git { arguments: &arguments, context, ssh, umask };
    let mut outcome = bring(&git)?;
    let has_copy = arguments.dest.join(if arguments.bare { "config" } else { ".git" }).exists();
    if let Some(archive) = arguments.archive.as_deref().filter(|_| has_copy || context.check()) {
        outcome.changed |= git.archive(archive, outcome.changed || !has_copy)?;
    }
    Ok(outcome)
}

/// Bring the working copy alone.
fn bring(git: &Git<'_>) -> Result<Outcome, Failure> {
    let Git { arguments, context, .. } = git;
    let dest = arguments.dest.as_path();
    let directory = if arguments.bare { dest.to_owned() } else { dest.join(".git") };
    let has_copy = if arguments.bare { directory.join("config").exists() } else { directory.exists() };
    let repo = arguments.repo.as_str();
    let changed_from = |before: Option<&str>, after: Option<&str>| {
        let outcome = Outcome::new(true).with("before", before).with("after", after);
        match (context.diff(), before, after) {
            (true, None, Some(after)) => {
                let text = format!(">> Newly checked out {after}");
                outcome.with("diff", Value::from_iter([("prepared", text)]))
            }
            _ => outcome,
        }
    };

    if !has_copy {
        if !arguments.clone {
            return Ok(Outcome::unchanged().with("before", Value::Null).with("after", git.remote_version(repo)?));
        }
        if context.check() {
            return Ok(changed_from(None, git.remote_version(repo)?.as_deref()));
        }
        if let Some(parent) = dest.parent() {
            std::fs::create_dir_all(parent).map_err(|error| Failure::io("create", parent, error))?;
        }
        let version = arguments.version.as_str();
        let commit = git.remote_version(repo)?;
        let mut words: Vec<String> = vec!["clone".to_owned(), "--origin".to_owned(), arguments.remote.clone()];
        if arguments.bare {
            words.push("--bare".to_owned());
        }
        let is_ref = commit.is_some() && version != "HEAD" && !is_commit(version) && !version.starts_with("refs/");
        if let Some(depth) = arguments.depth.filter(|_| is_ref || version == "HEAD") {
            words.push(format!("--depth={depth}"));
            if is_ref {
                words.extend(["--branch".to_owned(), version.to_owned()]);
            }
        }
        if arguments.single_branch && is_ref {
            words.extend(["--single-branch".to_owned(), "--branch".to_owned(), version.to_owned()]);
        }
        if let Some(reference) = &arguments.reference {
            words.extend(["--reference".to_owned(), reference.clone()]);
        }
        if let Some(separate) = &arguments.separate_git_dir {
            words.push(format!("--separate-git-dir={}", separate.display()));
        }
        words.extend(["--".to_owned(), repo.to_owned(), dest.to_string_lossy().into_owned()]);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        git.command(&words).live().run_or_fail(&format!("could not clone {repo}"), context)?;
        if let Some(refspec) = &arguments.refspec {
            git.must(&["fetch", &arguments.remote, refspec], &format!("could not fetch {refspec}"))?;
        }
        git.check_signature()?;
        if !arguments.bare {
            git.checkout(commit.as_deref().filter(|_| is_commit(version) || version.starts_with("refs/")))?;
            git.submodules()?;
        }
        let after = git.must(&["rev-parse", "HEAD"], "could not read the new HEAD")?;
        return Ok(changed_from(None, Some(&after)));
    }

    let before = git.must(&["rev-parse", "HEAD"], "could not read the present HEAD")?;
    if !arguments.update {
        return Ok(Outcome::unchanged().with("before", before.as_str()).with("after", before.as_str()));
    }
    let remote = arguments.remote.as_str();
    let address = git.here(&["config", "--get", &format!("remote.{remote}.url")])?.stdout().trim().to_owned();
    let moved = address != repo;
    let mut discarded = false;
    let notes = |discarded: bool| {
        let mut notes = Map::new();
        if discarded {
            let message = format!("Local modifications exist in the destination: {}", dest.display());
            notes.insert("msg".to_owned(), message.into());
        }
        notes.insert("remote_url_changed".to_owned(), moved.into());
        notes
    };
    if !arguments.bare {
        let status = git.must(&["status", "--porcelain"], "could not look at the working copy")?;
        let dirty = status.lines().any(|line| !line.starts_with("??"));
        if dirty && !arguments.force {
            return Err(Failure::new(format!(
                "Local modifications exist in the destination: {} (force=no).",
                dest.display()
            ))
            .with("before", before));
        }
        if dirty && !context.check() {
            discarded = true;
            git.must(&["reset", "--hard", "HEAD", "--"], "could not throw the local changes away")?;
        }
        if dirty && context.check() {
            return Ok(changed_from(Some(&before), git.remote_version(repo)?.as_deref()));
        }
    }
    if moved && !context.check() {
        let verb = if address.is_empty() { "add" } else { "set-url" };
        git.must(&["remote", verb, remote, repo], &format!("Failed to set a new url {repo} for {remote}"))?;
    }
    let target = git.remote_version(repo)?;
    let settled = target.as_deref() == Some(before.as_str())
        || (is_commit(&arguments.version) && before.starts_with(&arguments.version));
    if settled && arguments.refspec.is_none() {
        let modules = if context.check() { false } else { git.submodules()? };
        return Ok(Outcome::new(moved || modules || discarded)
            .with("before", before.as_str())
            .with("after", before.as_str())
            .with_all(notes(discarded)));
    }
    if context.check() {
        let after = target.unwrap_or_else(|| arguments.version.clone());
        return Ok(changed_from(Some(&before), Some(&after)));
    }
    let mut words: Vec<String> = vec!["fetch".to_owned(), "--tags".to_owned(), "--force".to_owned()];
    if let Some(depth) = arguments.depth {
        words.push(format!("--depth={depth}"));
    }
    words.push(remote.to_owned());
    if arguments.bare {
        words.push("+refs/heads/*:refs/heads/*".to_owned());
    } else {
        words.push(format!("+refs/heads/*:refs/remotes/{remote}/*"));
    }
    words.extend(arguments.refspec.clone());
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    git.must(&words, &format!("Failed to download remote objects and refs from {repo}"))?;
    git.check_signature()?;
    let mut modules = false;
    if !arguments.bare {
        git.checkout(
            target.as_deref().filter(|_| is_commit(&arguments.version) || arguments.version.starts_with("refs/")),
        )?;
        modules = git.submodules()?;
    }
    let after = git.must(&["rev-parse", "HEAD"], "could not read the new HEAD")?;
    let mut outcome = Outcome::new(before != after || moved || modules || discarded)
        .with("before", before.as_str())
        .with("after", after.as_str());
    outcome = outcome.with_all(notes(discarded));
    if context.diff() && before != after {
        let text = git.here(&["diff", &before, &after])?.stdout();
        outcome = outcome.with("diff", Value::from_iter([("prepared", text)]));
    }
    Ok(outcome)
}

// It needs git, which a machine with a Rust toolchain need not have.
#[cfg(all(test, feature = "system-tests"))]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::Options;

    #[test]
    fn a_copy_is_cloned_followed_and_pinned() {
        let directory = tempfile::tempdir().unwrap();
        let origin = directory.path().join("origin");
        std::fs::create_dir(&origin).unwrap();
        let options = Options {
            environment: ["GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"]
                .map(|name| (name.to_owned(), "x".to_owned()))
                .to_vec(),
            ..Options::default()
        };
        let cancel = Cancel::default();
        let shell = |text: &str| {
            let context = Context { options: &options, transport: &Detached, cancel: &cancel };
            Command::shell(text, None)
                .current_dir(&origin)
                .run_or_fail(text, &context)
                .unwrap()
                .stdout()
                .trim()
                .to_owned()
        };
        let call = |version: &str, check: bool| {
            let own = Options { check, ..options.clone() };
            let context = Context { options: &own, transport: &Detached, cancel: &cancel };
            let arguments = serde_json::json!({
                "repo": origin.to_str(), "dest": directory.path().join("copy").to_str(), "version": version,
            });
            let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
            crate::registry::entry("git").unwrap()(&map, &context)
        };
        shell("git init -q -b main . && echo 1 > a && git add a && git commit -qm 1 && git tag one");
        let first = shell("git rev-parse HEAD");
        assert!(call("HEAD", true).unwrap().changed);
        assert!(!directory.path().join("copy").exists());
        let cloned = call("HEAD", false).unwrap();
        assert_eq!(cloned.values.get("after"), Some(&first.as_str().into()));
        assert!(!call("HEAD", false).unwrap().changed);
        shell("echo 2 > a && git commit -qam 2");
        let second = shell("git rev-parse HEAD");
        assert!(call("main", true).unwrap().changed);
        let moved = call("main", false).unwrap();
        assert_eq!((moved.changed, moved.values.get("after")), (true, Some(&second.as_str().into())));
        assert!(!call("main", false).unwrap().changed);
        assert_eq!(call("one", false).unwrap().values.get("after"), Some(&first.as_str().into()));
        assert!(!call(&first, false).unwrap().changed);
        std::fs::write(directory.path().join("copy/a"), "mine").unwrap();
        assert!(call("main", false).unwrap_err().message.starts_with("Local modifications exist"));
    }
}
