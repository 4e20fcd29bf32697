//! `sudoers`: a rule for sudo, in a file of its own.

use std::path::PathBuf;

use rprov_modules::argument::Rule;
use rprov_modules::attributes::Wanted;
use rprov_modules::permissions::ModeChange;
use rprov_modules::process::Command;
use rprov_modules::program::find_program;
use rprov_modules::{Context, Failure, Outcome, arguments, choices, write};

choices! {
    /// Whether the rule is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// Whether `visudo` must accept the rule.
    pub enum Validation { Absent = "absent", Detect = "detect", Required = "required" }
}

arguments! {
    /// Manage sudoers files.
    pub struct Arguments {
        /// What may be run; `ALL` for everything.
        commands: Option<Vec<String>>,
        /// The group that the rule is for.
        group: Option<String>,
        /// The rule's name, which is that of its file.
        name: String,
        /// The commands may not run others.
        noexec: bool = false,
        /// No password is asked for.
        nopassword: bool = true,
        /// The environment may be kept.
        setenv: bool = false,
        /// The host that the rule is for.
        host: String = "ALL".to_owned(),
        /// As whom the commands may be run.
        runas: Option<String>,
        /// The directory of the rules.
        sudoers_path: String = "/etc/sudoers.d".to_owned(),
        /// Whether the rule is to be there.
        state: State = State::Present,
        /// The user that the rule is for.
        user: Option<String>,
        /// Whether `visudo` must accept the rule: never, where it is there, or always.
        validation: Validation = Validation::Detect,
    }
    rules: [
        Rule::Exclusive(&["user", "group"]),
        Rule::If("state", "present", &["commands"]),
        Rule::IfAny("state", "present", &["user", "group"]),
    ]
}

const MODE: u32 = 0o440;

fn content(arguments: &Arguments) -> Result<String, Failure> {
    let owner = match (&arguments.user, &arguments.group) {
        (Some(user), _) => user.clone(),
        (None, Some(group)) => format!("%{group}"),
        (None, None) => return Err(Failure::new("user or group is needed: whom the rule is for")),
    };
    let mut tags = String::new();
    for (wanted, tag) in
        [(arguments.noexec, "NOEXEC:"), (arguments.nopassword, "NOPASSWD:"), (arguments.setenv, "SETENV:")]
    {
        if wanted {
            tags.push_str(tag);
        }
    }
    let runas = arguments.runas.as_ref().map(|user| format!("({user})")).unwrap_or_default();
    let commands = arguments.commands.clone().unwrap_or_default().join(", ");
    Ok(format!("{owner} {}={runas}{tags} {commands}\n", arguments.host))
}

/// Write or remove the rule.
///
/// # Errors
/// `visudo` does not accept it, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.name.is_empty() || arguments.name.contains('/') || arguments.name.starts_with('.') {
        return Err(Failure::new(format!(
            "name: `{}` is no name of a file in {}",
            arguments.name, arguments.sudoers_path
        )));
    }
    let path = PathBuf::from(&arguments.sudoers_path).join(&arguments.name);
    let present = match std::fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => return Err(Failure::io("read", &path, error)),
    };
    if arguments.state == State::Absent {
        if present.is_some() && !context.check() {
            std::fs::remove_file(&path).map_err(|error| Failure::io("remove", &path, error))?;
        }
        return Ok(Outcome::new(present.is_some()));
    }
    let text = content(&arguments)?;
    let mut wanted = Wanted::default();
    wanted.mode = Some(ModeChange::Absolute(MODE));
    if present.as_deref() == Some(text.as_str()) {
        return Ok(Outcome::new(wanted.apply(&path, context.check())?.changed));
    }
    validate(&arguments, &text, context)?;
    if !context.check() {
        write::replace(&path, text.as_bytes(), &wanted)?;
    }
    Ok(Outcome::new(true))
}

/// A rule that cannot be read would lock everybody out of sudo.
fn validate(arguments: &Arguments, text: &str, context: &Context<'_>) -> Result<(), Failure> {
    if arguments.validation == Validation::Absent {
        return Ok(());
    }
    if find_program("visudo", context).is_none() {
        return match arguments.validation {
            Validation::Required => Err(Failure::new(
                "validation is required, but there is no visudo on this host; install sudo, or say `validation: detect`",
            )),
            _ => Ok(()),
        };
    }
    let output = Command::new("visudo").args(["-c", "-f", "-"]).plain_locale().stdin(text).run(context)?;
    if output.success() {
        return Ok(());
    }
    Err(output.failure(&format!("Failed to validate sudoers rule `{}`", text.trim_end())))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn a_rule_is_written_changed_and_removed() {
        let bench = bench();
        let path = bench.root().display().to_string();
        let mut arguments = json!({"name": "rule", "sudoers_path": path, "user": "bob", "commands": ["/bin/a x", "/b"],
            "validation": "absent"});
        bench.converges("sudoers", arguments.clone());
        assert_eq!(bench.read("rule"), "bob ALL=NOPASSWD: /bin/a x, /b\n");
        let mode =
            std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(bench.path("rule")).unwrap().permissions());
        assert_eq!(mode & 0o7777, 0o440);
        arguments = json!({"name": "rule", "sudoers_path": path, "group": "ops", "commands": "ALL", "runas": "alice",
            "nopassword": false, "setenv": true, "noexec": true, "host": "web", "validation": "absent"});
        bench.converges("sudoers", arguments);
        assert_eq!(bench.read("rule"), "%ops web=(alice)NOEXEC:SETENV: ALL\n");
        bench.converges("sudoers", json!({"name": "rule", "sudoers_path": path, "state": "absent"}));
    }

    #[test]
    fn what_visudo_refuses_is_not_written() {
        let bench = bench();
        let path = bench.root().display().to_string();
        bench.program("visudo", "grep -q ' /' || { echo 'stdin:1: syntax error' >&2; exit 1; }");
        let arguments =
            |commands: &str| json!({"name": "r", "sudoers_path": path, "user": "bob", "commands": commands});
        assert!(bench.fails("sudoers", arguments("((")).contains("stdin:1: syntax error"));
        assert!(bench.snapshot().keys().all(String::is_empty));
        bench.converges("sudoers", arguments("/bin/a"));
    }

    #[test]
    fn arguments_that_make_no_rule_are_refused() {
        let bench = bench();
        let both = json!({"name": "r", "user": "a", "group": "b", "commands": "ALL"});
        assert!(bench.fails("sudoers", both).contains("exclusive"));
        assert!(bench.fails("sudoers", json!({"name": "r", "user": "a"})).contains("commands"));
        assert!(bench.fails("sudoers", json!({"name": "r", "commands": "ALL"})).contains("user"));
        assert!(bench.fails("sudoers", json!({"name": "../x", "state": "absent"})).contains("no name of a file"));
    }
}
