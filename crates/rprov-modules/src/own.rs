//! Modules of the user's own, the agent's half: a program comes from the controller, is run with a file of its arguments,
//! and removed.
//!
//! Which program runs it, what the arguments look like and what the output means is the controller's affair. Programs are
//! kept by their checksums beside the agent (`~/.cache/rprov/modules`), where the agent's bootstrap removes what is old.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rprov_wire::Content;

use crate::arguments;
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, Output, no_starts};

/// What the agent calls it.
pub const NAME: &str = "rprov.own";

/// Stands for the call's own directory in the text of the arguments.
pub const DIRECTORY: &str = "@rprov:directory@";

/// In a result: it is what such a program printed, not what a module says.
pub const MARK: &str = "_rprov_own";

/// The error number of a program that is not there.
const ABSENT: i32 = 2;

arguments! {
    /// Run a program of the user's own as a module.
    pub struct Arguments {
        /// The program.
        program: Option<Content>,
        /// The same in base64, where nothing can be asked of the controller any more.
        inline: String = String::new(),
        /// Its file name.
        name: String = "module".to_owned(),
        /// What may run it: the first that there is does. None: it runs by itself.
        interpreters: Vec<String> = Vec::new(),
        /// What stands between them and the program.
        words: Vec<String> = Vec::new(),
        /// Content of the file that is its argument.
        arguments: Option<String>,
    }
}

/// Fetch the program, run it, remove it. What it printed is the outcome, whatever that means.
///
/// # Errors
/// The program cannot be stored or started.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let program = program(&arguments, context)?;
    let directory = tempfile::Builder::new()
        .prefix("rprov-module-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir()
        .map_err(|error| Failure::io("create a directory for the module in", std::env::temp_dir(), error))?;
    let path = directory.path().join(&arguments.name);
    {
        // As for `script`: whoever is started meanwhile would hold it open for writing.
        let _alone = no_starts();
        write(&path, &program, 0o700).map_err(|error| Failure::io("write", &path, error))?;
    }
    let mut line: Vec<OsString> = arguments.words.iter().map(OsString::from).collect();
    line.push(path.into());
    if let Some(text) = &arguments.arguments {
        let path = directory.path().join("args");
        let text = text.replace(DIRECTORY, &format!("{}/", directory.path().display()));
        write(&path, text.as_bytes(), 0o600).map_err(|error| Failure::io("write", &path, error))?;
        line.push(path.into());
    }
    let mut absent = None;
    for interpreter in &arguments.interpreters {
        match Command::new(interpreter).args(&line).run(context) {
            Err(error) if error.errno() == Some(ABSENT) => absent = Some(interpreter),
            output => return Ok(outcome(output?)),
        }
    }
    if let Some(interpreter) = absent {
        let stderr = format!("{interpreter}: not found\n").into_bytes();
        return Ok(outcome(Output { rc: 127, stderr, ..Output::default() }));
    }
    let mut line = line.into_iter();
    Ok(outcome(Command::new(line.next().unwrap_or_default()).args(line).run(context)?))
}

fn outcome(output: Output) -> Outcome {
    Outcome::unchanged()
        .with(MARK, true)
        .with("rc", output.rc)
        .with("stdout", output.stdout())
        .with("stderr", output.stderr())
}

fn write(path: &Path, content: &[u8], mode: u32) -> std::io::Result<()> {
    let mut file = std::fs::File::create(path)?;
    file.set_permissions(std::fs::Permissions::from_mode(mode))?;
    file.write_all(content)
}

/// The program's content: from the cache, or from the controller.
fn program(arguments: &Arguments, context: &Context<'_>) -> Result<Vec<u8>, Failure> {
    let Some(content) = &arguments.program else {
        return STANDARD
            .decode(&arguments.inline)
            .map_err(|error| Failure::new(format!("the module {} came broken: {error}", arguments.name)));
    };
    let cache = cache();
    let kept = cache.as_ref().map(|directory| directory.join(&content.sha1));
    if let Some(bytes) = kept.as_ref().and_then(|path| std::fs::read(path).ok())
        && Algorithm::Sha1.of_bytes(&bytes) == content.sha1
    {
        return Ok(bytes);
    }
    let mut bytes = Vec::new();
    context
        .transport
        .pull(content)?
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::new(format!("could not receive the module {}: {error}", arguments.name)))?;
    // Without a cache it travels again.
    if let (Some(cache), Some(kept)) = (cache, kept)
        && let Ok(mut file) = tempfile::NamedTempFile::new_in(cache)
        && file.write_all(&bytes).is_ok()
    {
        let _ = file.persist(kept);
    }
    Ok(bytes)
}

/// Where programs are kept, if the user has a home.
fn cache() -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").filter(|home| !home.is_empty())?);
    let directory = home.is_dir().then(|| home.join(".cache/rprov/modules"))?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&directory).ok()?;
    Some(directory)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::{Map, Options, Value};

    fn call(program: &str, rest: serde_json::Value) -> Outcome {
        let Value::Map(mut map) = Value::from_json(&rest) else { panic!("not a map") };
        map.insert("inline".to_owned(), STANDARD.encode(program).into());
        let context = Context { options: &Options::default(), transport: &Detached, cancel: &Cancel::default() };
        crate::registry::entry(NAME).unwrap()(&map, &context).unwrap()
    }

    fn value(map: &Map, name: &str) -> String {
        map.get(name).map(|value| value.as_str().map_or_else(|| format!("{value:?}"), str::to_owned)).unwrap()
    }

    #[test]
    fn a_program_gets_the_file_of_its_arguments_and_both_are_removed() {
        let outcome = call(
            "#!/bin/sh\necho \"$0\"; cat \"$1\"; ls -l \"$1\" | cut -c1-10; echo oops >&2; exit 3\n",
            serde_json::json!({"name": "greet", "arguments": format!("tmp={DIRECTORY} a=1\n")}),
        );
        let stdout = value(&outcome.values, "stdout");
        let lines: Vec<&str> = stdout.lines().collect();
        let path = Path::new(lines[0]);
        assert_eq!(path.file_name().unwrap(), "greet");
        assert_eq!(lines[1], format!("tmp={}/ a=1", path.parent().unwrap().display()));
        assert_eq!(lines[2], "-rw-------");
        assert!(!path.parent().unwrap().exists());
        assert_eq!(value(&outcome.values, "stderr"), "oops\n");
        assert_eq!(outcome.values.get("rc"), Some(&3.into()));
    }

    #[test]
    fn the_first_interpreter_that_there_is_runs_it() {
        let outcome = call("echo $- $0", serde_json::json!({"interpreters": ["/no/such", "sh"], "words": ["-e"]}));
        assert!(value(&outcome.values, "stdout").starts_with('e'), "{outcome:?}");
        let outcome = call("echo", serde_json::json!({"interpreters": ["/no/such", "/none/either"]}));
        assert_eq!(outcome.values.get("rc"), Some(&127.into()));
        assert_eq!(value(&outcome.values, "stderr"), "/none/either: not found\n");
    }
}
