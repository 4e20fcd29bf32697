//! `script`: the agent's half. A script comes from the controller, is run and removed.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rprov_wire::Content;

use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::place;
use crate::process::Command;
use crate::shell_pattern::any_exists;

arguments! {
    /// Run a local script on a remote node after transferring it.
    pub struct Arguments {
        /// The script, on the controller, and its arguments.
        cmd: Option<String>,
        /// Decrypt a vaulted script; done on the controller.
        decrypt: bool = true,
        /// The script's content; the controller fills this in.
        _content: Option<Content>,
        /// The script's name on the controller, for its name on the host; the controller fills this in.
        _name: String = "script".to_owned(),
        /// What follows the script's name in the task: arguments, as a shell reads them.
        _arguments: String = String::new(),
        /// The program to run the script with.
        executable: Option<String>,
        /// Run in this directory; an absolute path.
        chdir: Option<PathBuf>,
        /// A path or glob; if it exists, nothing is run.
        creates: Option<PathBuf>,
        /// A path or glob; if it does not exist, nothing is run.
        removes: Option<PathBuf>,
    }
    free_form: "cmd"
}

/// Fetch the script, run it, remove it.
///
/// # Errors
/// The script cannot be stored or started, or exits with anything but 0.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let Some(content) = &arguments._content else {
        return Err(Failure::new("no script was given: name one of the controller's files"));
    };
    let skipped = |message: String| Ok(Outcome::unchanged().with("skipped", true).with("msg", message));
    if let Some(pattern) = &arguments.creates
        && any_exists(pattern, None)
    {
        return skipped(format!("{} exists, matching creates option", pattern.display()));
    }
    if let Some(pattern) = &arguments.removes
        && !any_exists(pattern, None)
    {
        return skipped(format!("{} does not exist, matching removes option", pattern.display()));
    }
    if let Some(directory) = &arguments.chdir
        && !directory.is_absolute()
    {
        return Err(Failure::new(format!("chdir must be an absolute path, not {}", directory.display())));
    }
    if context.check() {
        // Only a condition tells what would happen.
        return if arguments.creates.is_some() || arguments.removes.is_some() {
            Ok(Outcome::new(true))
        } else {
            skipped("Check mode is not supported for this task.".to_owned())
        };
    }
    let directory = place::for_programs("rprov-script-", "the script")?;
    let name = arguments._name.rsplit('/').next().filter(|name| !name.is_empty() && *name != "..").unwrap_or("script");
    let path = directory.path().join(name);
    {
        let mut script = Vec::new();
        context
            .transport
            .pull(content)?
            .read_to_end(&mut script)
            .map_err(|error| Failure::io("receive", &path, error))?;
        // A program that is started meanwhile would hold the script open for writing, so that it could not be run.
        let _alone = crate::process::no_starts();
        let mut file = std::fs::File::create(&path).map_err(|error| Failure::io("create", &path, error))?;
        file.write_all(&script)
            .and_then(|()| file.flush())
            .and_then(|()| file.set_permissions(std::fs::Permissions::from_mode(0o700)))
            .map_err(|error| Failure::io("write", &path, error))?;
    }
    let text = path.to_string_lossy();
    let quoted = shlex::try_quote(&text).map_err(|error| Failure::io("quote the path", &path, error))?;
    let line = [arguments.executable.as_deref().unwrap_or_default(), &quoted, &arguments._arguments].join(" ");
    let mut command = Command::shell(line.trim(), None).live();
    if let Some(directory) = arguments.chdir {
        command = command.current_dir(directory);
    }
    let output = command.run(context)?;
    let outcome =
        Outcome::new(true).with("rc", output.rc).with("stdout", output.stdout()).with("stderr", output.stderr());
    if output.success() {
        return Ok(outcome);
    }
    let mut failure = Failure::new("non-zero return code");
    failure.values = outcome.values;
    Err(failure.with("changed", true))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Transport};
    use rprov_wire::{Map, Options, Stream, Value};

    struct Sends(&'static [u8]);

    impl Transport for Sends {
        fn pull(&self, _content: &Content) -> Result<Box<dyn std::io::Read + Send + '_>, Failure> {
            Ok(Box::new(self.0))
        }

        fn push(&self, _data: rprov_wire::Bytes, _last: bool) -> Result<(), Failure> {
            Ok(())
        }

        fn output(&self, _stream: Stream, _data: &[u8]) {}
    }

    #[test]
    fn a_script_runs_with_its_arguments_and_is_removed() {
        let content = Content { index: 0, size: 0, sha1: String::new() }.to_value();
        let mut map = Map::new();
        map.insert("_content".into(), content);
        map.insert("_arguments".into(), "one 'two three'".into());
        let context = Context {
            options: &Options::default(),
            transport: &Sends(b"#!/bin/sh\necho \"$0 $# $2\"\nexit 3\n"),
            cancel: &Cancel::default(),
        };
        let failure = crate::registry::entry("script").unwrap()(&map, &context).unwrap_err();
        assert_eq!(failure.values.get("rc"), Some(&Value::from(3)));
        let stdout = failure.values.get("stdout").unwrap().as_str().unwrap().to_owned();
        let (path, rest) = stdout.trim_end().split_once(' ').unwrap();
        assert_eq!(rest, "2 two three");
        assert!(!std::path::Path::new(path).exists());
    }
}
