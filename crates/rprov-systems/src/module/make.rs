//! `make`: a target of a Makefile.

use std::path::PathBuf;

use rprov_modules::argument::Rule;
use rprov_modules::process::Command;
use rprov_modules::program::find_program;
use rprov_modules::rprov_wire::{Map, Value};
use rprov_modules::{Context, Failure, Outcome, arguments};

arguments! {
    /// Run targets in a Makefile.
    pub struct Arguments {
        /// The directory to run make in.
        chdir: PathBuf,
        /// The Makefile.
        file: Option<PathBuf>,
        /// How many jobs run at once.
        jobs: Option<i64>,
        /// The program to run as make.
        make: Option<PathBuf>,
        /// Variables; one without a value is given by its name alone.
        params: Option<Map>,
        /// The target.
        target: Option<String>,
        /// The targets.
        targets: Option<Vec<String>>,
    }
    rules: [Rule::Exclusive(&["target", "targets"])]
}

/// Run make, unless it says that nothing is to be done.
///
/// # Errors
/// There is no make, or it fails.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let program = match &arguments.make {
        Some(path) => path.clone(),
        None => find_program("gmake", context)
            .or_else(|| find_program("make", context))
            .ok_or_else(|| Failure::new("there is no make on this host; install it, or name another with `make`"))?,
    };
    let words = words(&arguments);
    let command = |more: &[&str]| {
        Command::new(program.as_os_str()).args(more).args(words.clone()).current_dir(&arguments.chdir).plain_locale()
    };
    let question = command(&["-q"]).run(context)?;
    let made = command(&[]);
    let line = made.words().join(" ");
    // 0: up to date; 1: something is to be done; 2: make cannot tell, so the real run shall say what is wrong.
    let changed = !question.success();
    let output = if changed && !context.check() { made.live().run_or_fail("make failed", context)? } else { question };
    let value = |value: Option<String>| Value::from(value);
    Ok(Outcome::new(changed)
        .with("stdout", output.stdout().trim_end())
        .with("stderr", output.stderr().trim_end())
        .with("command", line)
        .with("chdir", arguments.chdir.display().to_string())
        .with("file", value(arguments.file.map(|path| path.display().to_string())))
        .with("jobs", arguments.jobs.map_or(Value::Null, Value::from))
        .with("params", arguments.params.map_or(Value::Null, Value::Map))
        .with("target", value(arguments.target))
        .with("targets", arguments.targets.map_or(Value::Null, Value::from)))
}

fn words(arguments: &Arguments) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(jobs) = arguments.jobs {
        words.extend(["-j".to_owned(), jobs.to_string()]);
    }
    if let Some(file) = &arguments.file {
        words.extend(["--file".to_owned(), file.display().to_string()]);
    }
    words.extend(arguments.target.iter().chain(arguments.targets.iter().flatten()).cloned());
    for (name, value) in arguments.params.iter().flatten() {
        words.push(match value {
            Value::Null => name.clone(),
            Value::String(text) if text.is_empty() => name.clone(),
            Value::String(text) => format!("{name}={text}"),
            other => format!("{name}={other}"),
        });
    }
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn a_target_is_made_once() {
        let bench = bench();
        bench.file("Own.mk", "all: a b\na b:\n\techo $(WORD)$(FLAG) >$@\nbad:\n\t@echo no >&2; exit 3\n");
        let arguments = json!({"chdir": bench.root().to_str(), "file": "Own.mk", "target": "all", "jobs": 2,
            "params": {"WORD": "hello", "FLAG=": null}});
        let done = bench.converges("make", arguments);
        assert_eq!(bench.read("b"), "hello\n");
        assert!(done["command"].as_str().is_some_and(|line| line.ends_with("-j 2 --file Own.mk all WORD=hello FLAG=")));
        let message = bench.fails("make", json!({"chdir": bench.root().to_str(), "file": "Own.mk", "target": "bad"}));
        assert!(message.starts_with("make failed: no"), "{message}");
        let both = json!({"chdir": "/", "target": "a", "targets": ["b"]});
        assert!(bench.fails("make", both).contains("target|targets"));
    }
}
