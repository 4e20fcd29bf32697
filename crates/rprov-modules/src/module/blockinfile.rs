//! `blockinfile`: a block of lines between two marker lines is, or is not, in a text file.

use std::path::PathBuf;

use crate::argument::Rule;
use crate::attributes::FileAttributes;
use crate::context::Context;
use crate::edit::{Manner, Original};
use crate::outcome::{Failure, Outcome};
use crate::regex::{Flags, Pattern};
use crate::text::lines;
use crate::{arguments, choices};

choices! {
    /// Whether the block is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Insert, update or remove a text block surrounded by marker lines.
    pub struct Arguments + FileAttributes {
        /// The file to change.
        path | dest | destfile | name: PathBuf,
        /// Whether the block is to be there.
        state: State = State::Present,
        /// The marker line, with `{mark}` in place of `marker_begin` or `marker_end`.
        marker: String = "# {mark} ANSIBLE MANAGED BLOCK".to_owned(),
        /// The lines; none remove the block.
        block | content: String = String::new(),
        /// Insert after the last line that matches this regular expression, or at `EOF`.
        insertafter: Option<String>,
        /// Insert before the last line that matches this regular expression, or at `BOF`.
        insertbefore: Option<String>,
        /// Create the file if it does not exist.
        create: bool = false,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// What stands for `{mark}` in the first marker.
        marker_begin: String = "BEGIN".to_owned(),
        /// What stands for `{mark}` in the last marker.
        marker_end: String = "END".to_owned(),
        /// A blank line follows the block.
        append_newline: bool = false,
        /// A blank line precedes the block.
        prepend_newline: bool = false,
        /// Command that must accept the new file, given as `%s`.
        validate: Option<String>,
    }
    rules: [Rule::Exclusive(&["insertbefore", "insertafter"])]
}

/// Read, put the block in its place or take it away, and write.
///
/// # Errors
/// The file is missing, a directory, or cannot be written; a regular expression is not one.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let original = Original::read(&arguments.path)?;
    if original.text.is_none() {
        if !arguments.create {
            return Err(Failure::new(format!("Path {} does not exist !", arguments.path.display())).with("rc", 257));
        }
        if arguments.state == State::Absent {
            return Ok(Outcome::unchanged().with("msg", format!("File {} not present", arguments.path.display())));
        }
    }
    let before = original.text.clone().unwrap_or_default();
    let block = block(&arguments);
    let after = place(&arguments, &before, &block)?;
    let manner =
        Manner { backup: arguments.backup, validate: arguments.validate.as_deref(), attributes: &arguments.attributes };
    let written = original.write(&after, &manner, context)?;
    let message = match (written.content_changed, original.text.is_none(), block.is_empty()) {
        (false, _, _) => "",
        (true, true, _) => "File created",
        (true, false, true) => "Block removed",
        (true, false, false) => "Block inserted",
    };
    Ok(written.outcome(&original, &after).with("msg", written.message(message)))
}

fn markers(arguments: &Arguments) -> [String; 2] {
    [&arguments.marker_begin, &arguments.marker_end]
        .map(|word| format!("{}\n", arguments.marker.replace("{mark}", word)))
}

/// The lines with their markers, each with its end; none if the block is to go.
fn block(arguments: &Arguments) -> Vec<String> {
    if arguments.state == State::Absent || arguments.block.is_empty() {
        return Vec::new();
    }
    let [begin, end] = markers(arguments);
    let mut block = vec![begin];
    block.extend(lines(&arguments.block));
    if let Some(last) = block.last_mut()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    block.push(end);
    block
}

fn place(arguments: &Arguments, before: &str, block: &[String]) -> Result<String, Failure> {
    let mut lines = lines(before);
    let [begin, end] = markers(arguments);
    let last = |marker: &str| lines.iter().rposition(|line| line == marker);
    let mut position = match (last(&begin), last(&end)) {
        (Some(first), Some(second)) => {
            let (low, high) = (first.min(second), first.max(second));
            lines.drain(low..=high);
            low
        }
        _ => anchor(arguments, before, &lines)?,
    };
    if let Some(line) = position.checked_sub(1).and_then(|index| lines.get_mut(index))
        && !line.ends_with('\n')
    {
        line.push('\n');
    }
    let present = arguments.state == State::Present;
    let blank = |line: Option<&String>| line.is_none_or(|line| line == "\n");
    if arguments.prepend_newline && present && position > 0 && !blank(lines.get(position - 1)) {
        lines.insert(position, "\n".to_owned());
        position += 1;
    }
    lines.splice(position..position, block.iter().cloned());
    let following = position + block.len();
    if arguments.append_newline && present && !blank(lines.get(following)) {
        lines.insert(following, "\n".to_owned());
    }
    Ok(lines.concat())
}

/// Where a block goes that is not there yet.
fn anchor(arguments: &Arguments, text: &str, lines: &[String]) -> Result<usize, Failure> {
    let (source, after) = match (&arguments.insertafter, &arguments.insertbefore) {
        (Some(source), _) if source != "EOF" => (source, true),
        (None, Some(source)) if source != "BOF" => (source, false),
        (None, Some(_)) => return Ok(0),
        _ => return Ok(lines.len()),
    };
    let pattern = Pattern::new(source, Flags::default())?;
    // With `(?m)` the whole text is searched, so that the pattern may span lines.
    if source.starts_with("(?")
        && source.split(')').next().is_some_and(|flags| flags.contains('m') && !flags.contains([':', '<']))
    {
        let range = pattern.captures(text)?.and_then(|captures| captures.get(0).map(|found| found.range()));
        return Ok(range.map_or(lines.len(), |range| {
            let end = if after { range.end } else { range.start };
            let count = text.get(..end).unwrap_or_default().matches('\n').count();
            (if after { count + 1 } else { count }).min(lines.len())
        }));
    }
    let mut found = None;
    for (index, line) in lines.iter().enumerate() {
        if pattern.is_match(line)? {
            found = Some(index);
        }
    }
    Ok(found.map_or(lines.len(), |index| if after { index + 1 } else { index }))
}

#[cfg(test)]
mod tests {
    use rprov_wire::Value;
    use serde_json::json;

    use crate::testing::Bench;

    fn case(before: &str, mut arguments: serde_json::Value, after: &str) {
        let bench = Bench::new();
        arguments["path"] = bench.file("f", before).into();
        if before == after {
            bench.settled("blockinfile", arguments);
        } else {
            bench.converges("blockinfile", arguments);
        }
        assert_eq!(bench.read("f"), after);
    }

    const BLOCK: &str = "# BEGIN ANSIBLE MANAGED BLOCK\nx\ny\n# END ANSIBLE MANAGED BLOCK\n";

    #[test]
    fn a_block_is_inserted_updated_and_removed() {
        case("a\nb", json!({"block": "x\ny"}), &format!("a\nb\n{BLOCK}"));
        case(&format!("a\n{}b\n", BLOCK.replace("x\n", "")), json!({"block": "x\ny\n"}), &format!("a\n{BLOCK}b\n"));
        case(&format!("a\n{BLOCK}b\n"), json!({"state": "absent"}), "a\nb\n");
        case(&format!("a\n{BLOCK}b\n"), json!({"block": ""}), "a\nb\n");
        case("a\n", json!({"state": "absent"}), "a\n");
    }

    #[test]
    fn it_goes_where_it_was_asked_for() {
        case("a\nb\n", json!({"block": "x\ny", "insertafter": "^a"}), &format!("a\n{BLOCK}b\n"));
        case("a\nb\n", json!({"block": "x\ny", "insertbefore": "^b"}), &format!("a\n{BLOCK}b\n"));
        case("a\nb\n", json!({"block": "x\ny", "insertbefore": "BOF"}), &format!("{BLOCK}a\nb\n"));
        case("a\nb\n", json!({"block": "x\ny", "insertafter": "^z"}), &format!("a\nb\n{BLOCK}"));
        case("a\nb\nc\n", json!({"block": "x\ny", "insertafter": "(?m)a\nb$"}), &format!("a\nb\n{BLOCK}c\n"));
    }

    #[test]
    fn blank_lines_and_markers_are_as_asked_for() {
        let after = "a\n\n; B m\nq\n; E m\n\nb\n";
        let arguments = json!({"block": "q", "marker": "; {mark} m", "marker_begin": "B", "marker_end": "E",
            "insertafter": "^a", "append_newline": true, "prepend_newline": true});
        case("a\nb\n", arguments, after);
    }

    #[test]
    fn a_missing_file_is_created_only_on_request() {
        let bench = Bench::new();
        let path = bench.path("f");
        assert!(bench.fails("blockinfile", json!({"path": path, "block": "x"})).ends_with("does not exist !"));
        let result =
            bench.converges("blockinfile", json!({"path": path, "block": "x", "create": true, "mode": "0600"}));
        assert_eq!(result["msg"], Value::from("File created"));
    }
}
