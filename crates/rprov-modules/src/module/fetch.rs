//! `fetch`: a file's content goes to the controller, unless the controller's copy is the same.
//!
//! Where it goes is the controller's business (`dest`, `flat`), which tells the checksum of what it has there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use rprov_wire::CHUNK;

use crate::arguments;
use crate::checksum::{Algorithm, Summing};
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::write::explain;

arguments! {
    /// Fetch a file from a host.
    pub struct Arguments {
        /// The file on the host.
        src: PathBuf,
        /// Directory on the controller.
        dest: String,
        /// Do not put the host's name and the path below `dest`.
        flat: bool = false,
        /// A missing file is an error.
        fail_on_missing: bool = true,
        /// Compare checksums after the transfer.
        validate_checksum: bool = true,
        /// SHA-1 of what the controller has already.
        _known_sha1: Option<String>,
    }
}

/// Bytes that are read at a time.
const BLOCK: usize = 4 * CHUNK;

/// Compare, and send if it differs. `checksum`, `size` and `sent` tell the controller what came.
///
/// # Errors
/// The file is a directory, is missing (with `fail_on_missing`), or cannot be read.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let path = &arguments.src;
    let name = path.display().to_string();
    let metadata = match std::fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let message = "the remote file does not exist, not transferring, ignored";
            return if arguments.fail_on_missing {
                Err(Failure::new(message).with("file", name))
            } else {
                Ok(Outcome::unchanged().with("msg", message).with("file", name).with("sent", false))
            };
        }
        Err(error) => {
            let failure = unreadable(path, &error);
            return match arguments.fail_on_missing {
                true => Err(failure.with("file", name)),
                false => Ok(Outcome::unchanged().with("msg", format!("{}, ignored", failure.message))),
            };
        }
    };
    if metadata.is_dir() {
        let message = "remote file is a directory, fetch cannot work on directories";
        return match arguments.fail_on_missing {
            true => Err(Failure::new(message).with("file", name)),
            false => Ok(Outcome::unchanged().with("msg", format!("{message}, not transferring, ignored"))),
        };
    }
    let outcome = |checksum: &str| {
        Outcome::unchanged().with("file", name.as_str()).with("checksum", checksum).with("size", metadata.len())
    };
    // Where there is nothing to compare with, the checksum is taken on the way.
    if arguments._known_sha1.is_some() || context.check() {
        let checksum = Algorithm::Sha1.of_file(path)?;
        if arguments._known_sha1.as_deref() == Some(checksum.as_str()) {
            return Ok(outcome(&checksum).with("sent", false));
        }
        if context.check() {
            return Ok(Outcome { changed: true, ..outcome(&checksum) }.with("sent", false));
        }
    }
    let file = File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut file = Summing::new(file, &[Algorithm::Sha1]);
    loop {
        context.checkpoint()?;
        let mut block = Vec::with_capacity(BLOCK);
        file.by_ref().take(BLOCK as u64).read_to_end(&mut block).map_err(|error| explain("read", path, &error))?;
        let last = block.is_empty();
        context.transport.push(block.into(), last)?;
        if last {
            break;
        }
    }
    let checksum = file.finish().pop().unwrap_or_default();
    Ok(Outcome { changed: true, ..outcome(&checksum) }.with("sent", true))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => Failure::new(format!(
            "File is not readable: {}: Permission denied; run the task as a user that may (`become: true`)",
            path.display()
        )),
        _ => explain("read", path, error),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn only_what_the_controller_does_not_have_is_sent() {
        let bench = Bench::new();
        let content = "x".repeat(200_000);
        let path = bench.file("f", &content);
        let result = bench.apply("fetch", json!({"src": path, "dest": "d"}));
        assert_eq!((&result["changed"], &result["sent"]), (&Value::Bool(true), &Value::Bool(true)));
        assert_eq!(bench.pushed(), content.as_bytes());
        bench.settled("fetch", json!({"src": path, "dest": "d", "_known_sha1": result["checksum"].to_json()}));
        assert_eq!(bench.pushed().len(), content.len());
    }

    #[test]
    fn missing_files_and_directories() {
        let bench = Bench::new();
        assert!(
            bench
                .fails("fetch", json!({"src": bench.path("no"), "dest": "d"}))
                .starts_with("the remote file does not exist")
        );
        let result =
            bench.run("fetch", json!({"src": bench.path("no"), "dest": "d", "fail_on_missing": false}), false).unwrap();
        assert_eq!(result["changed"], Value::Bool(false));
        assert!(bench.fails("fetch", json!({"src": bench.path(""), "dest": "d"})).contains("is a directory"));
    }
}
