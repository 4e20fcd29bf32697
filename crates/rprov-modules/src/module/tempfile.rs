//! `tempfile`: a new temporary file or directory.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::write::explain;
use crate::{arguments, choices};

choices! {
    /// What to create.
    pub enum State { Directory = "directory", File = "file" }
}

arguments! {
    /// Create temporary files and directories.
    pub struct Arguments {
        /// What to create.
        state: State = State::File,
        /// Where; the host's directory for temporary files if not given.
        path: Option<PathBuf>,
        /// How its name starts.
        prefix: String = "ansible.".to_owned(),
        /// How its name ends.
        suffix: String = String::new(),
    }
}

/// Create it.
///
/// # Errors
/// The directory does not exist or may not be written to.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        // Nobody can tell the name.
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (tempfile) does not support check mode"));
    }
    let directory = arguments.path.unwrap_or_else(std::env::temp_dir);
    let mut builder = ::tempfile::Builder::new();
    builder.prefix(&arguments.prefix).suffix(&arguments.suffix).rand_bytes(8);
    let failure = |error: std::io::Error| explain("create a temporary file in", &directory, &error);
    let path = match arguments.state {
        State::File => builder.tempfile_in(&directory).and_then(|file| Ok(file.keep()?.1)).map_err(failure)?,
        State::Directory => {
            builder.permissions(std::fs::Permissions::from_mode(0o700)).tempdir_in(&directory).map_err(failure)?.keep()
        }
    };
    let values = crate::attributes::describe(&path);
    Ok(Outcome::new(true).with("path", path.display().to_string()).with_all(values))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn each_call_creates_another_that_only_the_owner_can_use() {
        let bench = Bench::new();
        let file = bench.apply("tempfile", json!({"path": bench.path(""), "prefix": "a", "suffix": ".b"}));
        let name = file["path"].as_str().unwrap();
        assert!(name.ends_with(".b") && std::path::Path::new(name).is_file());
        assert_eq!(file["mode"], Value::from("0600"));
        let directory = bench.apply("tempfile", json!({"path": bench.path(""), "state": "directory"}));
        assert_eq!((&directory["mode"], &directory["state"]), (&Value::from("0700"), &Value::from("directory")));
        let before = bench.snapshot();
        bench.run("tempfile", json!({"path": bench.path("")}), true).unwrap();
        assert_eq!(bench.snapshot(), before);
        assert!(bench.fails("tempfile", json!({"path": bench.path("no")})).contains("/no"));
    }
}
