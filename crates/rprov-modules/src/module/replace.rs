//! `replace`: every match of a regular expression in a file is replaced.

use std::path::PathBuf;

use crate::arguments;
use crate::attributes::FileAttributes;
use crate::context::Context;
use crate::edit::{Manner, Original, content_diff};
use crate::encoding::Encoding;
use crate::outcome::{Failure, Outcome};
use crate::regex::{Flags, Pattern, Replacement};

arguments! {
    /// Replace all instances of a pattern within a file.
    pub struct Arguments + FileAttributes {
        /// The file to change.
        path | dest | destfile | name: PathBuf,
        /// Regular expression to look for; `^` and `$` match at every line.
        regexp: String,
        /// What to put there; may refer to groups. Empty removes.
        replace: String = String::new(),
        /// Only what follows a match of this is looked at; `.` matches line ends in it.
        after: Option<String>,
        /// Only what precedes a match of this is looked at.
        before: Option<String>,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// Command that must accept the new file, given as `%s`.
        validate: Option<String>,
        /// Encoding of the file, under the name that Python knows it by.
        encoding: String = "utf-8".to_owned(),
    }
}

/// Read, replace, and write.
///
/// # Errors
/// The file is missing, a directory, or cannot be written; a regular expression is not one.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let encoding = Encoding::named(&arguments.encoding)?;
    let pattern = Pattern::new(&arguments.regexp, Flags { multi_line: true, ..Flags::default() })?;
    let replacement = Replacement::new(&arguments.replace)?;
    let original = Original::read_encoded(&arguments.path, encoding)?;
    let Some(before) = original.text.clone() else {
        return Err(Failure::new(format!("Path {} does not exist !", arguments.path.display())).with("rc", 257));
    };
    let limits = match (&arguments.after, &arguments.before) {
        (Some(after), Some(before)) => Some(format!("{after}(?P<subsection>.*?){before}")),
        (Some(after), None) => Some(format!("{after}(?P<subsection>.*)")),
        (None, Some(before)) => Some(format!("(?P<subsection>.*){before}")),
        (None, None) => None,
    };
    let range = match &limits {
        None => 0..before.len(),
        Some(source) => {
            let section = Pattern::new(source, Flags { dot_all: true, ..Flags::default() })?;
            let captures = section.captures(&before)?;
            match captures.and_then(|captures| captures.name("subsection").map(|found| found.range())) {
                Some(range) => range,
                None => {
                    let message = format!("Pattern for before/after params did not match the given file: {source}");
                    return Ok(Outcome::unchanged().with("msg", message).with("rc", 0));
                }
            }
        }
    };
    let (head, rest) = before.split_at(range.start);
    let (section, tail) = rest.split_at(range.end - range.start);
    let (changed, count) = pattern.replace_all(section, &replacement)?;
    let after = [head, &changed, tail].concat();
    let manner =
        Manner { backup: arguments.backup, validate: arguments.validate.as_deref(), attributes: &arguments.attributes };
    let written = original.write(&after, &manner, context)?;
    let message = if written.content_changed { format!("{count} replacements made") } else { String::new() };
    let mut outcome = Outcome::new(written.changed()).with("msg", written.message(&message)).with("rc", 0);
    if let Some(backup) = &written.backup {
        outcome = outcome.with("backup_file", backup.display().to_string());
    }
    if written.content_changed {
        let header = arguments.path.display().to_string();
        outcome = outcome.with_diff(content_diff(&header, Some(&before), &after));
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    #[test]
    fn every_match_is_replaced_at_every_line() {
        let bench = Bench::new();
        let path = bench.file("f", "a=1\nb=2\n");
        let result =
            bench.converges("replace", json!({"path": path, "regexp": r"^(\w)=(\d)$", "replace": r"\g<2>:\1"}));
        assert_eq!(result["msg"], Value::from("2 replacements made"));
        assert_eq!(bench.read("f"), "1:a\n2:b\n");
    }

    #[test]
    fn only_the_section_is_looked_at() {
        let bench = Bench::new();
        let path = bench.file("f", "x\n[s]\nx\nx\n[t]\nx\n");
        let arguments = json!({"path": path, "regexp": "x", "replace": "y", "after": r"\[s\]", "before": r"\[t\]"});
        bench.converges("replace", arguments);
        assert_eq!(bench.read("f"), "x\n[s]\ny\ny\n[t]\nx\n");
        let none = bench.apply("replace", json!({"path": bench.path("f"), "regexp": "x", "after": "nowhere"}));
        assert!(none["msg"].as_str().is_some_and(|message| message.starts_with("Pattern for before/after")));
    }

    #[test]
    fn without_replacement_matches_are_removed() {
        let bench = Bench::new();
        let path = bench.file("f", "a # c\nb\n");
        bench.converges("replace", json!({"path": path, "regexp": r"\s*#.*$"}));
        assert_eq!(bench.read("f"), "a\nb\n");
    }

    #[test]
    fn a_missing_file_is_an_error() {
        let bench = Bench::new();
        assert!(bench.fails("replace", json!({"path": bench.path("no"), "regexp": "x"})).ends_with("does not exist !"));
    }
}
