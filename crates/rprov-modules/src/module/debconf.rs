//! `debconf`: answers to the questions that Debian packages ask when they are configured.

use rprov_wire::{Map, Value};

use crate::argument::Raw;
use crate::context::Context;
use crate::dpkg::lock;
use crate::outcome::{Diff, Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// What kind of question it is.
    pub enum Kind {
        Boolean = "boolean",
        Error = "error",
        Multiselect = "multiselect",
        Note = "note",
        Password = "password",
        Seen = "seen",
        Select = "select",
        String = "string",
        Text = "text",
        Title = "title",
    }
}

arguments! {
    /// Configure a Debian package.
    pub struct Arguments {
        /// The package.
        name | pkg: String,
        /// The question; without one, all answers are returned.
        question | selection | setting: Option<String>,
        /// What kind of question it is.
        vtype: Option<Kind>,
        /// The answer.
        value | answer: Option<Raw>,
        /// Do not mark the question as seen.
        unseen: bool = false,
    }
    rules: [crate::argument::Rule::Together(&["question", "vtype", "value"])]
}

/// Compare, and answer if the answer is another.
///
/// # Errors
/// The value does not fit the question, or debconf refuses it.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    let shown = debconf("debconf-show").arg(name).run_or_fail("could not ask debconf", context)?;
    let known: Map = shown.stdout().lines().filter_map(answer).collect();
    let (Some(question), Some(kind), Some(Raw(value))) = (&arguments.question, arguments.vtype, &arguments.value)
    else {
        return Ok(Outcome::unchanged().with("current", known).with("msg", ""));
    };
    let wanted = wanted(kind, value)?;
    let present = match kind {
        // debconf-show tells no passwords.
        Kind::Password => password(name, question, context)?,
        Kind::Multiselect => known.get(question).and_then(Value::as_str).map(sorted),
        _ => known.get(question).and_then(Value::as_str).map(str::to_owned),
    };
    let changed = present.as_deref() != Some(wanted.as_str());
    let told = |value: &str| Value::from(if kind == Kind::Password { "********" } else { value });
    let previous = present.as_deref().map(told);
    let pair = |value: Value| Map::from_iter([(question.clone(), value)]);
    let mut outcome = Outcome::new(changed).with("msg", "");
    if !changed {
        return Ok(outcome.with("current", known));
    }
    if !context.check() {
        let kind = kind.word();
        // By standard input, so that a password is on no command line.
        let line = format!("{name} {question} {kind} {wanted}\n");
        lock::wait("Failed to lock debconf", &[lock::DEBCONF], lock::Limit::USUAL, context)?;
        let flag = arguments.unseen.then_some("-u");
        debconf("debconf-set-selections")
            .args(flag)
            .stdin(line)
            .run_or_fail(&format!("could not answer {question}"), context)?;
    }
    outcome = outcome.with("current", pair(told(&wanted))).with("previous", pair(previous.clone().unwrap_or_default()));
    Ok(if context.diff() {
        outcome.with_diff(Diff::state(pair(previous.unwrap_or_default()), pair(told(&wanted))))
    } else {
        outcome
    })
}

/// A program of debconf's, which is to ask nobody.
fn debconf(program: &str) -> Command {
    Command::new(program).env("DEBIAN_FRONTEND", "noninteractive").plain_locale()
}

/// Question and answer of a line such as `* tzdata/Zones/Etc: UTC`.
fn answer(line: &str) -> Option<(String, Value)> {
    let (question, value) = line.trim_start_matches('*').trim().split_once(':')?;
    Some((question.trim().to_owned(), value.trim().into()))
}

fn wanted(kind: Kind, value: &Value) -> Result<String, Failure> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    Ok(match (kind, value) {
        (Kind::Boolean, _) => text.to_lowercase(),
        (Kind::Multiselect, Value::List(items)) => {
            let words: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            let words = words.ok_or_else(|| {
                Failure::new("Invalid value provided for multiselect: every item of the list must be a string")
            })?;
            sorted(&words.join(","))
        }
        _ => text,
    })
}

/// The words between the commas, in the order of the alphabet.
fn sorted(text: &str) -> String {
    let mut words: Vec<&str> = text.split(',').map(str::trim).collect();
    words.sort_unstable();
    words.join(", ")
}

/// The present password; none where the question is not known.
fn password(name: &str, question: &str, context: &Context<'_>) -> Result<Option<String>, Failure> {
    // Its exit code is that of the last answer.
    let asked = debconf("debconf-communicate").arg(name).stdin(format!("get {question}\n")).run(context)?;
    Ok(asked.stdout().strip_prefix("0").map(|value| value.trim().to_owned()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn answers_are_written_as_debconf_has_them() {
        let list = |items: &[&str]| Value::List(items.iter().map(|item| Value::from(*item)).collect());
        assert_eq!(wanted(Kind::Boolean, &Value::Bool(true)).unwrap(), "true");
        assert_eq!(wanted(Kind::Boolean, &"FALSE".into()).unwrap(), "false");
        assert_eq!(wanted(Kind::Multiselect, &list(&["b", "a"])).unwrap(), "a, b");
        assert_eq!(wanted(Kind::Multiselect, &"b, a".into()).unwrap(), "b, a");
        assert!(wanted(Kind::Multiselect, &Value::List(vec![1.into()])).is_err());
        assert_eq!(answer("* tzdata/Zones/Etc: UTC"), Some(("tzdata/Zones/Etc".to_owned(), "UTC".into())));
        assert_eq!(answer("  a/b:"), Some(("a/b".to_owned(), "".into())));
    }
}
