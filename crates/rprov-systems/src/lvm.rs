//! LVM's programs, and what they tell.

use rprov_modules::process::Command;
use rprov_modules::{Context, Failure};

/// A program of LVM.
pub fn program(name: &str) -> Command {
    // It complains of every file that is open in the agent.
    Command::new(name).plain_locale().env("LVM_SUPPRESS_FD_WARNINGS", "1")
}

/// Rows of such fields, sizes in bytes. Rows of volume groups that are not there are none.
///
/// # Errors
/// The program fails for another reason than that there is no such volume group or device.
pub fn rows(report: &str, fields: &str, of: Option<&str>, context: &Context<'_>) -> Result<Vec<Vec<String>>, Failure> {
    let list = ["--noheadings", "--nosuffix", "--units", "b", "--separator", ";", "-o", fields];
    let output = program(report).args(list).args(of).run(context)?;
    let stderr = output.stderr();
    let is_missing =
        ["not found", "Failed to find", "No physical volume label"].iter().any(|word| stderr.contains(word));
    if !(output.success() || is_missing && of.is_some()) {
        return Err(output.failure(&format!("could not read what {report} tells")));
    }
    let row = |line: &str| line.trim().split(';').map(|field| field.trim().to_owned()).collect();
    Ok(output.stdout().lines().filter(|line| !line.trim().is_empty()).map(row).collect())
}

/// A field of a row.
pub fn field(row: &[String], at: usize) -> &str {
    row.get(at).map(String::as_str).unwrap_or_default()
}

/// A field of a row that is a size or count.
pub fn number(row: &[String], at: usize) -> u64 {
    field(row, at).parse().unwrap_or_default()
}

/// Options as one text, split as a shell would.
///
/// # Errors
/// The quotes do not match.
pub fn options(option: &str, text: &str) -> Result<Vec<String>, Failure> {
    shlex::split(text).ok_or_else(|| Failure::new(format!("{option}: the quotes in `{text}` do not match")))
}

/// Refuse a name that a program would take for an option.
///
/// # Errors
/// It begins with a dash, or is empty.
pub fn named(option: &str, name: &str) -> Result<(), Failure> {
    if name.is_empty() || name.starts_with('-') || name.contains(char::is_whitespace) {
        return Err(Failure::new(format!("{option}: `{name}` is no name")));
    }
    Ok(())
}

/// Whether a volume is active, by its attributes; `None` where LVM does not know, as without the kernel's device mapper.
pub fn is_active(attributes: &str) -> Option<bool> {
    match attributes.chars().nth(4) {
        Some('X') | None => None,
        Some(state) => Some(state == 'a'),
    }
}
