//! `validate`: a command that must accept new content before it takes the file's place.

use std::path::Path;
use std::process::Command;

use crate::context::Context;
use crate::outcome::Failure;

/// Run the command, with `%s` replaced by the path of the new content; no shell is involved.
///
/// # Errors
/// There is no `%s`, the command cannot be started, or it does not accept the content. The failure's values have
/// `exit_status`, `stdout` and `stderr` then.
pub fn validate(command: &str, path: &Path, context: &Context<'_>) -> Result<(), Failure> {
    if !command.contains("%s") {
        return Err(Failure::new(format!("validate must contain %s: {command}")));
    }
    let quoted = shlex::try_quote(&path.display().to_string()).map(|text| text.into_owned()).unwrap_or_default();
    let words = shlex::split(&command.replace("%s", &quoted))
        .filter(|words| !words.is_empty())
        .ok_or_else(|| Failure::new(format!("validate: the quotes in `{command}` do not match")))?;
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let output = Command::new(program)
        .args(arguments)
        .envs(context.options.environment.iter().map(|(name, value)| (name, value)))
        .output()
        .map_err(|error| Failure::new(format!("validate: could not start `{program}`: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::new("failed to validate")
        .with("exit_status", output.status.code())
        .with("stdout", stdout)
        .with("stderr", stderr))
}

/// The failure as modules that edit or assemble give it: exit code and error output in the message, and no values.
pub fn in_one_message(failure: Failure) -> Failure {
    let value =
        |name: &str| failure.values.get(name).map(|value| value.as_str().map_or(value.to_string(), str::to_owned));
    match (value("exit_status"), value("stderr")) {
        (Some(status), Some(stderr)) => Failure::new(format!("failed to validate: rc:{status} error:{stderr}")),
        _ => failure,
    }
}
