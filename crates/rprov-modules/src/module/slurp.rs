//! `slurp`: a file's content, in Base64.

use std::path::PathBuf;

use base64::Engine;

use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};

arguments! {
    /// Return a file's content from a host, encoded in Base64.
    pub struct Arguments {
        /// The file.
        src | path: PathBuf,
    }
}

/// Read.
///
/// # Errors
/// The file is missing, a directory, or cannot be read.
pub fn run(arguments: Arguments, _context: &Context<'_>) -> Result<Outcome, Failure> {
    let path = &arguments.src;
    if path.is_dir() {
        return Err(Failure::new(format!("Source is a directory and must be a file: {}", path.display())));
    }
    let bytes = std::fs::read(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Failure::new(format!("File not found: {}", path.display())),
        std::io::ErrorKind::PermissionDenied => Failure::new(format!(
            "File is not readable: {}; run the task as a user that may (`become: true`)",
            path.display()
        )),
        _ => Failure::new(format!("Unable to slurp file: {}: {error}", path.display())),
    })?;
    Ok(Outcome::unchanged()
        .with("content", base64::engine::general_purpose::STANDARD.encode(bytes))
        .with("encoding", "base64")
        .with("source", path.display().to_string()))
}

#[cfg(test)]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn content_comes_in_base64() {
        let bench = Bench::new();
        let path = bench.file("f", "bye\n");
        let result = bench.apply("slurp", json!({"src": path}));
        assert_eq!(result["content"], Value::from("YnllCg=="));
        assert_eq!(result["encoding"], Value::from("base64"));
        assert!(bench.fails("slurp", json!({"src": bench.path("no")})).starts_with("File not found: "));
        assert!(bench.fails("slurp", json!({"src": bench.path("")})).starts_with("Source is a directory"));
    }
}
