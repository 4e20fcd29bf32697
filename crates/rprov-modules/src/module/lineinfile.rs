//! `lineinfile`: one line is, or is not, in a text file.

use std::path::PathBuf;

use crate::argument::Rule;
use crate::attributes::FileAttributes;
use crate::context::Context;
use crate::edit::{Manner, Original};
use crate::outcome::{Failure, Outcome};
use crate::regex::{Flags, Pattern, Replacement};
use crate::text::lines;
use crate::{arguments, choices};

choices! {
    /// Whether the line is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Manage lines in text files.
    pub struct Arguments + FileAttributes {
        /// The file to change.
        path | dest | destfile | name: PathBuf,
        /// Regular expression to look for in every line; the last line found is replaced, or all removed.
        regexp | regex: Option<String>,
        /// Text to look for in every line, instead of `regexp`.
        search_string: Option<String>,
        /// Whether the line is to be there.
        state: State = State::Present,
        /// The line.
        line | value: Option<String>,
        /// `line` may refer to groups of `regexp`; without a match the file is left alone.
        backrefs: bool = false,
        /// Insert after the last line that matches this regular expression, or at `EOF`.
        insertafter: Option<String>,
        /// Insert before the last line that matches this regular expression, or at `BOF`.
        insertbefore: Option<String>,
        /// Create the file if it does not exist.
        create: bool = false,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// The first line that matches counts, not the last.
        firstmatch: bool = false,
        /// Command that must accept the new file, given as `%s`.
        validate: Option<String>,
    }
    rules: [
        Rule::Exclusive(&["insertbefore", "insertafter"]),
        Rule::Exclusive(&["regexp", "search_string"]),
        Rule::Exclusive(&["backrefs", "search_string"]),
    ]
}

/// Read, insert, replace or remove, and write.
///
/// # Errors
/// The file is missing, a directory, or cannot be written; a regular expression is not one.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let pattern = compile(arguments.regexp.as_deref())?;
    if arguments.backrefs && pattern.is_none() {
        return Err(Failure::new("regexp is required with backrefs=true"));
    }
    let needs_line = arguments.state == State::Present;
    if needs_line && arguments.line.is_none() {
        return Err(Failure::new("line is required with state=present"));
    }
    if !needs_line && arguments.line.is_none() && pattern.is_none() && arguments.search_string.is_none() {
        return Err(Failure::new("one of line, search_string, or regexp is required with state=absent"));
    }
    let original = Original::read(&arguments.path)?;
    if original.text.is_none() {
        if !needs_line {
            return Ok(Outcome::unchanged().with("msg", "file not present"));
        }
        if !arguments.create {
            return Err(
                Failure::new(format!("Destination {} does not exist !", arguments.path.display())).with("rc", 257)
            );
        }
    }
    let before = original.text.clone().unwrap_or_default();
    let (after, message, found) = if needs_line {
        let (after, message) = insert(&arguments, pattern.as_ref(), lines(&before))?;
        (after.concat(), message.to_owned(), None)
    } else {
        let (after, found) = remove(&arguments, pattern.as_ref(), lines(&before))?;
        let message = if found > 0 { format!("{found} line(s) removed") } else { String::new() };
        (after.concat(), message, Some(found))
    };
    let manner =
        Manner { backup: arguments.backup, validate: arguments.validate.as_deref(), attributes: &arguments.attributes };
    let written = original.write(&after, &manner, context)?;
    let backup = written.backup.as_ref().map(|path| path.display().to_string()).unwrap_or_default();
    let mut outcome = Outcome::new(written.changed()).with("msg", written.message(&message)).with("backup", backup);
    if let Some(found) = found {
        outcome = outcome.with("found", found);
    }
    outcome.diffs = written.diffs(&original, &after);
    Ok(outcome)
}

fn compile(source: Option<&str>) -> Result<Option<Pattern>, Failure> {
    source.map(|source| Pattern::new(source, Flags::default())).transpose()
}

fn bare(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

fn terminated(line: &str) -> String {
    if line.ends_with('\n') { line.to_owned() } else { format!("{line}\n") }
}

fn insert(
    arguments: &Arguments,
    pattern: Option<&Pattern>,
    mut lines: Vec<String>,
) -> Result<(Vec<String>, &'static str), Failure> {
    let line = arguments.line.clone().unwrap_or_default();
    let mut found = None;
    for (index, current) in lines.iter().enumerate() {
        let matches = match (pattern, &arguments.search_string) {
            (Some(pattern), _) => pattern.is_match(current)?,
            (None, Some(wanted)) => current.contains(wanted.as_str()),
            (None, None) => false,
        };
        if matches {
            found = Some(index);
            if arguments.firstmatch {
                break;
            }
        }
    }
    let matched = found.is_some();
    let insertafter = match (&arguments.insertafter, &arguments.insertbefore) {
        (None, None) => Some("EOF"),
        (after, _) => after.as_deref(),
    };
    let insertbefore = arguments.insertbefore.as_deref();
    let anchor = compile(match (insertafter, insertbefore) {
        (Some("BOF" | "EOF"), _) | (None, Some("BOF") | None) => None,
        (Some(source), _) | (None, Some(source)) => Some(source),
    })?;
    let mut position = None;
    if !matched {
        for (index, current) in lines.iter().enumerate() {
            if bare(current) == line {
                found = Some(index);
            } else if let Some(anchor) = &anchor
                && anchor.is_match(current)?
            {
                position = Some(if insertafter.is_some() { index + 1 } else { index });
                if arguments.firstmatch {
                    break;
                }
            }
        }
    }
    let end_line = |lines: &mut Vec<String>| {
        if let Some(last) = lines.last_mut()
            && !last.ends_with(['\n', '\r'])
        {
            last.push('\n');
        }
    };
    if let Some(slot) = found.and_then(|index| lines.get_mut(index)) {
        let mut replacement = line.clone();
        if let (true, true, Some(pattern)) = (arguments.backrefs, matched, pattern)
            && let Some(captures) = pattern.captures(slot)?
        {
            replacement.clear();
            Replacement::new(&line)?.expand(&captures, &mut replacement)?;
        }
        let replacement = terminated(&replacement);
        if *slot == replacement {
            return Ok((lines, ""));
        }
        *slot = replacement;
        return Ok((lines, "line replaced"));
    }
    if arguments.backrefs {
        return Ok((lines, ""));
    }
    let new = format!("{line}\n");
    match position {
        _ if insertbefore == Some("BOF") || insertafter == Some("BOF") => lines.insert(0, new),
        None => {
            end_line(&mut lines);
            lines.push(new);
        }
        Some(position) if insertafter.is_some() => {
            let neighbour = lines.get(position).or(lines.last()).map(|neighbour| bare(neighbour).to_owned());
            if neighbour.as_deref() == Some(line.as_str()) {
                return Ok((lines, ""));
            }
            if position == lines.len() {
                end_line(&mut lines);
            }
            lines.insert(position, new);
        }
        Some(position) => lines.insert(position, new),
    }
    Ok((lines, "line added"))
}

fn remove(
    arguments: &Arguments,
    pattern: Option<&Pattern>,
    lines: Vec<String>,
) -> Result<(Vec<String>, usize), Failure> {
    let mut kept = Vec::with_capacity(lines.len());
    let mut found = 0;
    for current in lines {
        let matches = match (pattern, &arguments.search_string, &arguments.line) {
            (Some(pattern), _, _) => pattern.is_match(&current)?,
            (None, Some(wanted), _) => current.contains(wanted.as_str()),
            (None, None, Some(line)) => bare(&current) == line,
            (None, None, None) => false,
        };
        if matches {
            found += 1;
        } else {
            kept.push(current);
        }
    }
    Ok((kept, found))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    /// Content before, arguments, content after; applied, applied again, and in check mode.
    fn case(before: &str, mut arguments: serde_json::Value, after: &str) {
        let bench = Bench::new();
        arguments["path"] = bench.file("f", before).into();
        if before == after {
            bench.settled("lineinfile", arguments);
        } else {
            bench.converges("lineinfile", arguments);
        }
        assert_eq!(bench.read("f"), after);
    }

    #[test]
    fn the_last_matching_line_is_replaced() {
        case("a=1\nb=2\nb=3\n", json!({"regexp": "^b=", "line": "b=5"}), "a=1\nb=2\nb=5\n");
        case("b=2\nc=3\n", json!({"search_string": "b=", "line": "x"}), "x\nc=3\n");
        case("# x = y\n", json!({"regexp": r"^#?\s*x\s*=.*$", "line": "x = z"}), "x = z\n");
    }

    #[test]
    fn firstmatch_takes_the_first() {
        let bench = Bench::new();
        let path = bench.file("f", "b=1\nb=2\n");
        bench.converges("lineinfile", json!({"path": path, "regexp": "^b=1", "line": "b=0", "firstmatch": true}));
        assert_eq!(bench.read("f"), "b=0\nb=2\n");
    }

    #[test]
    fn a_missing_line_goes_where_it_was_asked_for() {
        case("a\nb", json!({"line": "c"}), "a\nb\nc\n");
        case("", json!({"line": "c"}), "c\n");
        case("a\nb\n", json!({"line": "c", "insertafter": "^a"}), "a\nc\nb\n");
        case("a\nb", json!({"line": "c", "insertafter": "^b"}), "a\nb\nc\n");
        case("a\nb\n", json!({"line": "c", "insertbefore": "^b"}), "a\nc\nb\n");
        case("a\n", json!({"line": "c", "insertbefore": "BOF"}), "c\na\n");
        case("a\n", json!({"line": "c", "insertbefore": "^z"}), "a\nc\n");
        case("a\nb\n", json!({"line": "a"}), "a\nb\n");
    }

    #[test]
    fn backrefs_fill_in_groups_and_do_nothing_without_a_match() {
        let bench = Bench::new();
        let path = bench.file("f", "max = 10  # x\n");
        let arguments = json!({"path": path, "regexp": r"^(max = )\d+(.*)$", "line": r"\g<1>20\2", "backrefs": true});
        bench.converges("lineinfile", arguments);
        assert_eq!(bench.read("f"), "max = 20  # x\n");
        case("a\n", json!({"regexp": "^(zz)", "line": r"\1", "backrefs": true}), "a\n");
    }

    #[test]
    fn absent_removes_every_match_and_counts() {
        let bench = Bench::new();
        let path = bench.file("f", "a\nb\na\n");
        let result = bench.converges("lineinfile", json!({"path": path, "line": "a", "state": "absent"}));
        assert_eq!((&result["found"], &result["msg"]), (&Value::Int(2), &Value::from("2 line(s) removed")));
        assert_eq!(bench.read("f"), "b\n");
        let none = bench.apply("lineinfile", json!({"path": bench.path("no"), "line": "a", "state": "absent"}));
        assert_eq!(none["msg"], Value::from("file not present"));
    }

    #[test]
    fn a_file_that_is_not_text_keeps_its_bytes() {
        let bench = Bench::new();
        let path = bench.file("f", b"\xff\xfe\x00\nend\n");
        bench.converges("lineinfile", json!({"path": path, "line": "new"}));
        assert_eq!(std::fs::read(bench.path("f")).unwrap(), b"\xff\xfe\x00\nend\nnew\n");
    }

    #[test]
    fn a_new_file_gets_its_directory_and_a_link_is_followed() {
        let bench = Bench::new();
        bench.converges("lineinfile", json!({"path": bench.path("d/f"), "line": "x", "create": true}));
        std::os::unix::fs::symlink("f", bench.path("d/l")).unwrap();
        bench.converges("lineinfile", json!({"path": bench.path("d/l"), "line": "y"}));
        assert_eq!(bench.read("d/f"), "x\ny\n");
        assert!(std::fs::symlink_metadata(bench.path("d/l")).unwrap().is_symlink());
    }

    #[test]
    fn mode_backup_and_diff_are_told() {
        let bench = Bench::new();
        let path = bench.file("f", "x\n");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let result = bench.converges("lineinfile", json!({"path": path, "line": "x", "mode": "0600"}));
        assert_eq!(result["msg"], Value::from("ownership, perms or SE linux context changed"));
        let result = bench.converges("lineinfile", json!({"path": path, "line": "y", "mode": "0640", "backup": true}));
        assert_eq!(result["msg"], Value::from("line added and ownership, perms or SE linux context changed"));
        assert_eq!(result["diff"].as_list().unwrap().len(), 2);
        assert_eq!(std::fs::read_to_string(result["backup"].as_str().unwrap()).unwrap(), "x\n");
    }

    #[test]
    fn wrong_arguments_and_targets_are_explained() {
        let bench = Bench::new();
        let path = bench.file("f", "x\n");
        assert_eq!(bench.fails("lineinfile", json!({"path": path})), "line is required with state=present");
        assert!(
            bench.fails("lineinfile", json!({"path": bench.path("no"), "line": "x"})).ends_with("does not exist !")
        );
        assert!(bench.fails("lineinfile", json!({"path": bench.path(""), "line": "x"})).contains("is a directory"));
        assert!(
            bench.fails("lineinfile", json!({"path": path, "line": "x", "regexp": "("})).contains("regular expression")
        );
        let message = bench.fails("lineinfile", json!({"path": path, "line": "z", "validate": "/bin/false %s"}));
        assert_eq!(message, "failed to validate: rc:1 error:");
        assert!(
            bench
                .fails("lineinfile", json!({"path": path, "line": "z", "insertafter": "a", "insertbefore": "b"}))
                .contains("mutually exclusive")
        );
        assert_eq!(bench.read("f"), "x\n");
    }
}
