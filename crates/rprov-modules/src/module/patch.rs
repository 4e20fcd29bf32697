//! `patch`: a patch file, applied or taken back with the program of that name.

use std::path::{Path, PathBuf};

use rprov_wire::Content;

use crate::argument::Rule;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output};
use crate::{arguments, choices};

choices! {
    /// Whether the patch is to be applied.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Apply patch files using the GNU patch tool.
    pub struct Arguments {
        /// The directory that names in the patch count from.
        basedir: Option<PathBuf>,
        /// The file to patch, whatever name the patch has for it.
        dest | originalfile: Option<PathBuf>,
        /// The patch.
        src | patchfile: PathBuf,
        /// Whether it is to be applied.
        state: State = State::Present,
        /// The patch is on the host.
        remote_src: bool = false,
        /// How many leading directories are taken from names in the patch.
        strip: i64 = 0,
        /// Keep copies of the files as they were.
        backup: bool = false,
        /// Line ends stay as they are.
        binary: bool = false,
        /// White space is no difference.
        ignore_whitespace: bool = false,
        /// The patch, on the controller.
        _content: Option<Content>,
    }
    rules: [Rule::OneOf(&["dest", "basedir"])]
}

struct Patch<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    file: &'a Path,
    basedir: PathBuf,
}

impl Patch<'_> {
    fn run(&self, reverse: bool, dry: bool) -> Result<Output, Failure> {
        let arguments = self.arguments;
        let mut command = Command::new("patch")
            .args(["--quiet", "--forward", "--batch", "--reject-file=-"])
            .arg(format!("--strip={}", arguments.strip))
            .arg(format!("--directory={}", self.basedir.display()))
            .arg(format!("--input={}", self.file.display()))
            .plain_locale();
        for (wanted, flag) in [
            (dry, "--dry-run"),
            (reverse, "--reverse"),
            (arguments.binary, "--binary"),
            (arguments.ignore_whitespace, "--ignore-whitespace"),
        ] {
            if wanted {
                command = command.arg(flag);
            }
        }
        if arguments.backup && !dry {
            command = command.args(["--backup", "--version-control=numbered"]);
        }
        if let Some(dest) = &arguments.dest {
            command = command.arg(dest.as_os_str());
        }
        Ok(command.run(self.context)?)
    }
}

/// Apply the patch, or take it back.
///
/// # Errors
/// There is no such patch or program, or the patch does not fit.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let staged = match &arguments._content {
        None => None,
        Some(content) => {
            let fail = |error: std::io::Error| Failure::new(format!("could not store the patch: {error}"));
            let mut file = tempfile::NamedTempFile::new().map_err(fail)?;
            std::io::copy(&mut *context.transport.pull(content)?, &mut file).map_err(fail)?;
            Some(file)
        }
    };
    let file = staged.as_ref().map_or(arguments.src.as_path(), tempfile::NamedTempFile::path);
    if !file.is_file() {
        return Err(Failure::new(format!("src {} doesn't exist or not readable", arguments.src.display())));
    }
    if let Some(dest) = arguments.dest.as_ref().filter(|dest| arguments.basedir.is_none() && !dest.exists()) {
        return Err(Failure::new(format!("dest {} doesn't exist", dest.display())));
    }
    let basedir = match (&arguments.basedir, &arguments.dest) {
        (Some(directory), _) => directory.clone(),
        (None, Some(dest)) => crate::write::parent(dest).to_owned(),
        (None, None) => return Err(Failure::new("one of the following is required: dest, basedir")),
    };
    if !basedir.is_dir() {
        return Err(Failure::new(format!("basedir {} doesn't exist", basedir.display())));
    }
    let patch = Patch { arguments: &arguments, context, file, basedir };
    let back = arguments.state == State::Absent;
    // What could be done the other way round, has been done.
    if patch.run(!back, true)?.success() {
        return Ok(Outcome::unchanged());
    }
    // A patch that does not fit would leave copies of the files behind.
    for dry in [true, false].into_iter().take(if context.check() { 1 } else { 2 }) {
        let done = patch.run(back, dry)?;
        if !done.success() {
            let attempt = if back { "could not take the patch back" } else { "could not apply the patch" };
            return Err(done.failure(&format!("{attempt} {}", arguments.src.display())));
        }
    }
    Ok(Outcome::new(true))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    const PATCH: &str = "--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n";

    #[test]
    fn a_patch_is_applied_once_and_taken_back() {
        let bench = Bench::new();
        bench.file("dir/f", "one\ntwo\nthree\n");
        let basedir = bench.path("dir");
        let from_controller = json!({"src": "p", "_content": bench.content(PATCH), "basedir": basedir, "strip": 1});
        bench.converges("patch", from_controller);
        assert_eq!(bench.read("dir/f"), "one\n2\nthree\n");
        let src = bench.file("p", PATCH);
        let back =
            json!({"src": src, "remote_src": true, "dest": bench.path("dir/f"), "state": "absent", "backup": true});
        bench.converges("patch", back);
        assert_eq!(
            (bench.read("dir/f"), bench.read("dir/f.~1~")),
            ("one\ntwo\nthree\n".into(), "one\n2\nthree\n".into())
        );
    }

    #[test]
    fn a_patch_that_does_not_fit_changes_nothing() {
        let bench = Bench::new();
        let dest = bench.file("f", "something else\n");
        let src = bench.file("p", PATCH);
        let before = bench.snapshot();
        let message = bench.fails("patch", json!({"src": src, "remote_src": true, "dest": dest}));
        assert!(message.starts_with("could not apply the patch") && message.contains("FAILED"), "{message}");
        assert_eq!(bench.snapshot(), before);
        assert!(bench.fails("patch", json!({"src": src, "remote_src": true})).contains("dest, basedir"));
        let missing = json!({"src": bench.path("none"), "remote_src": true, "dest": dest});
        assert!(bench.fails("patch", missing).contains("doesn't exist"));
    }
}
