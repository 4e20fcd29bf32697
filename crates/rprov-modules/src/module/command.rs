//! `command`: runs a program without a shell. `shell` is the same with one.

use std::path::PathBuf;

use rprov_wire::Value;

use crate::arguments;
use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::{Command, ProcessError};
use crate::shell_pattern::any_exists;

arguments! {
    /// Execute commands on targets.
    pub struct Arguments {
        /// The command line; split at blanks as a shell would, but no shell sees it.
        cmd | _raw_params: Option<String>,
        /// The program and its arguments as a list.
        argv: Option<Vec<String>>,
        /// Change into this directory first.
        chdir: Option<PathBuf>,
        /// A path or glob; if it exists, nothing is run.
        creates: Option<PathBuf>,
        /// A path or glob; if it does not exist, nothing is run.
        removes: Option<PathBuf>,
        /// Text for the command's standard input.
        stdin: Option<String>,
        /// Add a newline to `stdin`.
        stdin_add_newline: bool = true,
        /// Strip empty lines from the end of stdout and stderr.
        strip_empty_ends: bool = true,
        /// Expand `~` and `$VARIABLE` in the arguments.
        expand_argument_vars: bool = true,
        /// Not used: `shell` has a use for it. Old playbooks say it here as well.
        executable: Option<String>,
    }
    // The first name is the free form's, which the reference tells as well.
    rules: [
        crate::argument::Rule::Exclusive(&["_raw_params", "cmd", "argv"]),
        crate::argument::Rule::OneOf(&["_raw_params", "cmd", "argv"]),
    ],
    free_form: "cmd",
}

/// What `command` and `shell` say when there is nothing to run.
pub(super) const NO_COMMAND: &str = "one of the following is required: _raw_params, cmd, argv";

/// Run the command.
///
/// # Errors
/// There is no command, it cannot be started, or it exits with anything but 0.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let text = arguments.cmd.filter(|text| !text.trim().is_empty());
    let words = match (text, arguments.argv.filter(|words| !words.is_empty())) {
        (Some(_), Some(_)) => {
            return Err(Failure::new("parameters are mutually exclusive: _raw_params|cmd|argv"));
        }
        (Some(text), None) => shlex::split(&text).ok_or_else(|| {
            Failure::new(format!("could not split the command into words: a quote is not closed in `{text}`"))
                .with("rc", 256)
        })?,
        (None, Some(words)) => words,
        (None, None) => return Err(Failure::new(NO_COMMAND)),
    };
    let expanded: Vec<String> = if arguments.expand_argument_vars {
        words.iter().map(|word| expand(word, context)).collect()
    } else {
        words.clone()
    };
    let mut expanded = expanded.into_iter();
    let command = Command::new(expanded.next().unwrap_or_default()).args(expanded).path_only();
    let outcome = Execution {
        shown: Value::from(words),
        command,
        chdir: arguments.chdir,
        creates: arguments.creates,
        removes: arguments.removes,
        stdin: arguments.stdin,
        stdin_add_newline: arguments.stdin_add_newline,
        strip_empty_ends: arguments.strip_empty_ends,
    }
    .run(context)?;
    Ok(match arguments.executable {
        None => outcome,
        Some(shell) => outcome.with(
            "warnings",
            vec![format!(
                "As of Ansible 2.4, the parameter 'executable' is no longer supported with the 'command' module. Not using \
                 '{shell}'."
            )],
        ),
    })
}

/// What `command` and `shell` have in common, once it is known what to execute.
pub(crate) struct Execution {
    /// The command as it is returned.
    pub shown: Value,
    /// The process.
    pub command: Command,
    /// Its working directory.
    pub chdir: Option<PathBuf>,
    /// Run unless this exists.
    pub creates: Option<PathBuf>,
    /// Run only if this exists.
    pub removes: Option<PathBuf>,
    /// Standard input.
    pub stdin: Option<String>,
    /// End standard input with a newline.
    pub stdin_add_newline: bool,
    /// Strip newlines at the end of what was printed.
    pub strip_empty_ends: bool,
}

impl Execution {
    /// Look at the conditions, and run.
    pub(crate) fn run(self, context: &Context<'_>) -> Result<Outcome, Failure> {
        let result = |changed: bool, rc: i32, stdout: &str, message: &str| {
            Outcome::new(changed)
                .with("stdout", stdout)
                .with("stderr", "")
                .with("rc", rc)
                .with("cmd", self.shown.clone())
                .with("start", Value::Null)
                .with("end", Value::Null)
                .with("delta", Value::Null)
                .with("msg", message)
        };
        // A relative condition counts from the working directory of the command.
        let base = self
            .chdir
            .clone()
            .or_else(|| Some(&context.options.directory).filter(|directory| !directory.is_empty()).map(PathBuf::from));
        if let Some(directory) = &self.chdir {
            std::fs::read_dir(directory).map_err(|error| {
                Failure::new(format!(
                    "Unable to change directory before execution: could not enter {}: {error}",
                    directory.display()
                ))
                .with("cmd", self.shown.clone())
                .with("rc", Value::Null)
                .with("stdout", "")
                .with("stderr", "")
                .with("start", Value::Null)
                .with("end", Value::Null)
                .with("delta", Value::Null)
            })?;
        }
        let would = if context.check() { "Would" } else { "Did" };
        if let Some(pattern) = &self.creates
            && any_exists(pattern, base.as_deref())
        {
            let pattern = pattern.display();
            return Ok(result(
                false,
                0,
                &format!("skipped, since {pattern} exists"),
                &format!("{would} not run command since '{pattern}' exists"),
            ));
        }
        if let Some(pattern) = &self.removes
            && !any_exists(pattern, base.as_deref())
        {
            let pattern = pattern.display();
            return Ok(result(
                false,
                0,
                &format!("skipped, since {pattern} does not exist"),
                &format!("{would} not run command since '{pattern}' does not exist"),
            ));
        }
        if context.check() {
            let unconditional = self.creates.is_none() && self.removes.is_none();
            let outcome = result(!unconditional, 0, "", "Command would have run if not in check mode");
            return Ok(if unconditional { outcome.with("skipped", true) } else { outcome });
        }

        let mut command = self.command.live();
        if let Some(directory) = self.chdir {
            command = command.current_dir(directory);
        }
        if let Some(mut stdin) = self.stdin {
            if self.stdin_add_newline {
                stdin.push('\n');
            }
            command = command.stdin(stdin);
        }
        let start = jiff::Zoned::now();
        let output = command.run(context).map_err(|error| {
            let not_started = matches!(error, ProcessError::NotFound { .. } | ProcessError::Spawn { .. });
            let text = error.to_string();
            let mut failure = Failure::from(error);
            if not_started {
                failure.message = format!("Error executing command: {text}");
            }
            for name in ["stdout", "stderr"] {
                failure.values.entry(name.to_owned()).or_insert_with(|| "".into());
            }
            let shown = match &self.shown {
                Value::List(words) => {
                    let words = words.iter().filter_map(Value::as_str);
                    shlex::try_join(words).map_or_else(|_| self.shown.clone(), Value::from)
                }
                other => other.clone(),
            };
            failure.with("cmd", shown)
        })?;
        let end = jiff::Zoned::now();
        let strip = |text: String| {
            if self.strip_empty_ends { text.trim_end_matches(['\r', '\n']).to_owned() } else { text }
        };
        let stdout = strip(output.stdout());
        let stderr = strip(output.stderr());
        let values = Outcome::new(true)
            .with("stdout", stdout)
            .with("stderr", stderr)
            .with("rc", output.rc)
            .with("cmd", self.shown)
            .with("start", timestamp(&start))
            .with("end", timestamp(&end))
            .with("delta", duration(end.timestamp().as_microsecond() - start.timestamp().as_microsecond()));
        if output.success() {
            return Ok(values.with("msg", ""));
        }
        let mut failure = Failure::new("non-zero return code");
        failure.values = values.values;
        Err(failure.with("changed", true))
    }
}

/// `2026-11-22 08:53:01.537650`, in local time.
pub(crate) fn timestamp(time: &jiff::Zoned) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// `0:00:01.537650`
pub(crate) fn duration(microseconds: i64) -> String {
    let microseconds = microseconds.max(0);
    let seconds = microseconds / 1_000_000;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let prefix = match days {
        0 => String::new(),
        1 => "1 day, ".to_owned(),
        days => format!("{days} days, "),
    };
    format!("{prefix}{}:{:02}:{:02}.{:06}", rest / 3600, rest / 60 % 60, rest % 60, microseconds % 1_000_000)
}

/// Expand variables of the task's environment or the agent's, and a leading `~`.
fn expand(word: &str, context: &Context<'_>) -> String {
    if !word.contains(['$', '~']) {
        return word.to_owned();
    }
    let mut out = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(position) = rest.find('$') {
        let (before, after) = rest.split_at(position);
        out.push_str(before);
        let after = after.get(1..).unwrap_or_default();
        let (name, length) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((name, _)) => (name, name.len() + 2),
            None => {
                let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
                (after.get(..end).unwrap_or_default(), end)
            }
        };
        let value = context
            .options
            .environment
            .iter()
            .rev()
            .find(|(variable, _)| variable == name)
            .map(|(_, value)| value.clone())
            .or_else(|| if name.is_empty() || name.contains(['=', '\0']) { None } else { std::env::var(name).ok() });
        match value {
            Some(value) => out.push_str(&value),
            None => {
                out.push('$');
                out.push_str(after.get(..length).unwrap_or_default());
            }
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    if !out.starts_with('~') {
        return out;
    }
    let (user, tail) = out.split_at(out.find('/').unwrap_or(out.len()));
    let home = match user {
        "~" => crate::account::expand_path("~").to_string_lossy().into_owned(),
        _ => match crate::account::user_by_name(user.trim_start_matches('~')) {
            Some(user) => user.home,
            None => return out,
        },
    };
    format!("{}{tail}", home.trim_end_matches('/'))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::context::{Cancel, Detached};
    use rprov_wire::{Map, Options};

    fn call(arguments: serde_json::Value, options: Options) -> Result<Outcome, Failure> {
        let Value::Map(map) = Value::from_json(&arguments) else { panic!("not a map") };
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        crate::registry::entry("command").unwrap()(&map, &context)
    }

    fn value(map: &Map, name: &str) -> Value {
        map.get(name).cloned().unwrap_or_default()
    }

    #[test]
    fn the_words_are_split_and_expanded_and_shown_as_they_were_written() {
        let options = Options { environment: vec![("RPROV_X".into(), "a b".into())], ..Options::default() };
        let result = call(serde_json::json!({"cmd": "printf '%s|' $RPROV_X \"c d\" ~root"}), options).unwrap();
        assert_eq!(value(&result.values, "stdout"), "a b|c d|/root|".into());
        assert_eq!(value(&result.values, "cmd"), vec!["printf", "%s|", "$RPROV_X", "c d", "~root"].into());
        assert!(result.changed);
    }

    #[test]
    fn creates_and_removes_take_globs_and_say_why_nothing_ran() {
        let result = call(serde_json::json!({"cmd": "false", "creates": "/etc/pass*"}), Options::default()).unwrap();
        assert!(!result.changed);
        assert_eq!(value(&result.values, "msg"), "Did not run command since '/etc/pass*' exists".into());
        assert_eq!(value(&result.values, "stdout"), "skipped, since /etc/pass* exists".into());
        let result = call(serde_json::json!({"cmd": "false", "removes": "/no/such"}), Options::default()).unwrap();
        assert_eq!(value(&result.values, "msg"), "Did not run command since '/no/such' does not exist".into());
    }

    #[test]
    fn check_mode_skips_unless_a_condition_tells() {
        let check = Options { check: true, ..Options::default() };
        let result = call(serde_json::json!({"cmd": "false"}), check.clone()).unwrap();
        assert_eq!((result.changed, value(&result.values, "skipped")), (false, true.into()));
        let result = call(serde_json::json!({"cmd": "false", "creates": "/no/such"}), check).unwrap();
        assert_eq!((result.changed, value(&result.values, "skipped")), (true, Value::Null));
    }

    #[test]
    fn a_failing_command_has_changed_and_a_missing_one_has_not() {
        let failure =
            call(serde_json::json!({"argv": ["sh", "-c", "echo x; exit 4"]}), Options::default()).unwrap_err();
        assert_eq!((value(&failure.values, "rc"), value(&failure.values, "changed")), (4.into(), true.into()));
        let failure = call(serde_json::json!({"cmd": "no-such-program x"}), Options::default()).unwrap_err();
        assert!(failure.message.starts_with("Error executing command: could not find `no-such-program`"));
        assert_eq!((value(&failure.values, "rc"), value(&failure.values, "changed")), (2.into(), Value::Null));
    }

    #[test]
    fn a_duration_reads_as_python_writes_it() {
        assert_eq!(duration(1_537_650), "0:00:01.537650");
        assert_eq!(duration(90_061_000_001), "1 day, 1:01:01.000001");
    }
}
