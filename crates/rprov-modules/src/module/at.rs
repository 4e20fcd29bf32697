//! `at`: commands that run once, later.

use crate::argument::Rule;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// Units of time.
    pub enum Units { Minutes = "minutes", Hours = "hours", Days = "days", Weeks = "weeks" }
}

choices! {
    /// Whether the job is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Schedule the execution of a command or script file via the at command.
    pub struct Arguments {
        /// The command.
        command: Option<String>,
        /// A script on the host.
        script_file: Option<String>,
        /// How many units from now.
        count: Option<i64>,
        /// Of what.
        units: Option<Units>,
        /// Whether the job is to be there.
        state: State = State::Present,
        /// Add no second job that does the same.
        unique: bool = false,
    }
    rules: [Rule::Exclusive(&["command", "script_file"]), Rule::OneOf(&["command", "script_file"])]
}

/// The numbers of the jobs that run this text.
fn matching(text: &str, context: &Context<'_>) -> Result<Vec<String>, Failure> {
    let queue = Command::new("atq").plain_locale().run_or_fail("could not list the jobs of at", context)?.stdout();
    let mut found = Vec::new();
    for number in queue.lines().filter_map(|line| line.split_whitespace().next()) {
        let job = Command::new("at").args(["-c", number]).plain_locale().run(context)?;
        // It ends with the text, behind all that sets up its environment. It may have run by now.
        if job.success() && format!("\n{}", job.stdout().trim_end()).ends_with(&format!("\n{}", text.trim_end())) {
            found.push(number.to_owned());
        }
    }
    Ok(found)
}

/// Add the job, or remove it.
///
/// # Errors
/// There is no `at`, the script cannot be read, or a time is missing.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let text = match (&arguments.command, &arguments.script_file) {
        (Some(command), _) => command.clone(),
        (None, Some(path)) => {
            let path = crate::account::expand_path(path);
            let bytes = std::fs::read(&path).map_err(|error| Failure::io("read", &path, error))?;
            String::from_utf8_lossy(&bytes).into_owned()
        }
        (None, None) => return Err(Failure::new("one of the following is required: command, script_file")),
    };
    if text.trim().is_empty() {
        return Err(Failure::new("there is nothing in the command or script"));
    }
    let outcome = |changed: bool| Outcome::new(changed).with("state", arguments.state.word());
    if arguments.state == State::Absent {
        let jobs = matching(&text, context)?;
        if !jobs.is_empty() && !context.check() {
            let command = Command::new("at").arg("-r").args(jobs.iter().map(String::as_str)).plain_locale();
            command.run_or_fail("could not remove the job", context)?;
        }
        return Ok(outcome(!jobs.is_empty()));
    }
    let (Some(count), Some(units)) = (arguments.count, arguments.units) else {
        return Err(Failure::new("This module requires count and units: when the job is to run"));
    };
    if count < 0 {
        return Err(Failure::new(format!("count: {count} {} from now is in the past", units.word())));
    }
    if arguments.unique && !matching(&text, context)?.is_empty() {
        return Ok(outcome(false));
    }
    if !context.check() {
        let mut input = text.clone();
        if !input.ends_with('\n') {
            input.push('\n');
        }
        let command =
            Command::new("at").args(["now", "+", &count.to_string(), units.word()]).plain_locale().stdin(input);
        command.run_or_fail("could not add the job", context)?;
    }
    let mut outcome = outcome(true).with("count", count).with("units", units.word());
    if let Some(path) = &arguments.script_file {
        outcome = outcome.with("script_file", path.as_str());
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    fn bench() -> Bench {
        let bench = Bench::new();
        bench.file("jobs/.keep", "");
        bench.program("atq", "ls jobs");
        bench.program(
            "at",
            "case $1 in -c) printf '#!/bin/sh\\numask 22\\ncd / || exit 1\\n'; cat jobs/$2;; \
             -r) shift; for n; do rm jobs/$n; done;; now) cat >jobs/$(($(ls jobs | wc -l) + 1));; esac",
        );
        bench
    }

    #[test]
    fn a_job_is_added_once_where_it_is_to_be_unique_and_removed() {
        let bench = bench();
        let job = json!({"command": "ls -d / >/dev/null", "count": 20, "units": "minutes", "unique": true});
        bench.converges("at", job.clone());
        assert!(bench.calls().contains(&"at now + 20 minutes".to_owned()));
        assert_eq!(bench.read("jobs/1"), "ls -d / >/dev/null\n");
        let mut again = job;
        again["unique"] = false.into();
        assert_eq!(bench.apply("at", again)["changed"].as_bool(), Some(true));
        bench.settled("at", json!({"command": "-d / >/dev/null", "state": "absent"}));
        bench.converges("at", json!({"command": "ls -d / >/dev/null", "state": "absent"}));
        let script = bench.file("script", "#!/bin/sh\ntrue\n");
        bench.converges("at", json!({"script_file": script, "count": 1, "units": "weeks", "unique": true}));
    }

    #[test]
    fn a_job_needs_a_time_and_something_to_do() {
        let bench = bench();
        assert!(bench.fails("at", json!({"command": "x"})).contains("count and units"));
        assert!(bench.fails("at", json!({"count": 1, "units": "days"})).contains("script_file"));
        assert!(bench.fails("at", json!({"command": "x", "script_file": "y"})).contains("exclusive"));
        assert!(bench.fails("at", json!({"command": "x", "count": 1, "units": "years"})).contains("weeks"));
    }
}
