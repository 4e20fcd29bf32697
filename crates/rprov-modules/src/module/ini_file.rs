//! `ini_file`: an option of a section is, or is not, in an INI file. Everything else in the file stays as it is.

use std::path::PathBuf;

use crate::argument::Rule;
use crate::attributes::{self, FileAttributes};
use crate::context::Context;
use crate::edit::{Manner, Original};
use crate::outcome::{Failure, Outcome};
use crate::text::lines;
use crate::write;
use crate::{arguments, choices};

choices! {
    /// Whether the option, or the section, is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// What a section has, to be told from others of its name.
    pub struct Holding {
        /// The option.
        option: String,
        /// Its value; any if not given.
        value: Option<String>,
        /// Its values, where it is there several times.
        values: Option<Vec<String>>,
    }
    rules: [Rule::Exclusive(&["value", "values"])]
}

impl Holding {
    fn values(&self) -> Vec<&str> {
        self.value.iter().chain(self.values.iter().flatten()).map(String::as_str).collect()
    }

    /// Whether lines hold the option, with all of its values.
    fn is_in(&self, lines: &[String]) -> bool {
        let found: Vec<Option<&str>> = lines
            .iter()
            .filter_map(|line| parse(line, &self.option))
            .filter_map(|(value, active)| active.then_some(value))
            .collect();
        !found.is_empty() && self.values().into_iter().all(|wanted| found.contains(&Some(wanted)))
    }
}

arguments! {
    /// Tweak settings in INI files.
    pub struct Arguments + FileAttributes {
        /// The file to change.
        path | dest: PathBuf,
        /// The section; the lines before the first one if not given.
        section: Option<String>,
        /// The option; the whole section if not given.
        option: Option<String>,
        /// Of several sections of that name, the first one that has all of these.
        section_has_values: Option<Vec<Holding>>,
        /// Its value.
        value: Option<String>,
        /// Its values, where it is there several times.
        values: Option<Vec<String>>,
        /// Keep a copy of the file as it was.
        backup: bool = false,
        /// Whether it is to be there.
        state: State = State::Present,
        /// No other values of the option stay.
        exclusive: bool = true,
        /// Write `option=value` instead of `option = value`.
        no_extra_spaces: bool = false,
        /// Spaces around `=` are no difference.
        ignore_spaces: bool = false,
        /// Create the file if it does not exist.
        create: bool = true,
        /// An option may be there without a value.
        allow_no_value: bool = false,
        /// Turn a commented option into the wanted one instead of adding a line.
        modify_inactive_option: bool = true,
        /// Write through a symbolic link.
        follow: bool = false,
    }
    rules: [Rule::Exclusive(&["value", "values"])]
}

/// Read, edit, and write.
///
/// # Errors
/// The file is missing (without `create`), or a value is.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let wanted = wanted_values(&arguments)?;
    let path = if arguments.follow { write::resolve(&arguments.path)? } else { arguments.path.clone() };
    let original = Original::read(&path)?;
    if original.text.is_none() && !arguments.create {
        return Err(Failure::new(format!("Destination {} does not exist!", path.display())).with("rc", 257));
    }
    let before = original.text.clone().unwrap_or_default();
    let (after, message) = edit(&arguments, &wanted, lines(&before));
    let after = after.concat();
    if original.text.is_none() && arguments.state == State::Absent {
        return Ok(Outcome::unchanged().with("msg", "OK").with("path", path.display().to_string()));
    }
    let manner = Manner { backup: arguments.backup, validate: None, attributes: &arguments.attributes };
    let written = original.write(&after, &manner, context)?;
    let message = if written.content_changed { message } else { "OK" };
    let mut outcome = written.outcome(&original, &after);
    // The reference tells nothing of attributes here.
    outcome.diffs.truncate(1);
    Ok(outcome.with("msg", message).with("path", path.display().to_string()).with_all(attributes::describe(&path)))
}

/// The values that the option is to have; `None` stands for the option alone.
fn wanted_values(arguments: &Arguments) -> Result<Vec<Option<String>>, Failure> {
    let given: Vec<Option<String>> = match (&arguments.value, &arguments.values) {
        (Some(value), _) => vec![Some(value.clone())],
        (None, Some(values)) => values.iter().cloned().map(Some).collect(),
        (None, None) => Vec::new(),
    };
    if !given.is_empty() || arguments.state == State::Absent {
        return Ok(given);
    }
    if arguments.allow_no_value {
        return Ok(if arguments.option.is_some() { vec![None] } else { Vec::new() });
    }
    Err(Failure::new("Parameter 'value(s)' must be defined if state=present and allow_no_value=False."))
}

fn section_name(line: &str) -> Option<&str> {
    line.trim().strip_prefix('[')?.split_once(']').map(|(name, _)| name)
}

/// The option's value on a line, and whether the line is active; `None` if the line is about something else.
fn parse<'a>(line: &'a str, option: &str) -> Option<(Option<&'a str>, bool)> {
    let line = line.trim_end_matches(['\r', '\n']);
    let bare = line.trim_start();
    let uncommented = bare.trim_start_matches(['#', ';']);
    let active = uncommented.len() == bare.len();
    let rest = uncommented.trim_start().strip_prefix(option)?.trim_start();
    match rest.strip_prefix('=') {
        Some(value) => Some((Some(value.trim()), active)),
        None if rest.is_empty() => Some((None, active)),
        None => None,
    }
}

/// The line behind a section that starts at `start`.
fn section_end(lines: &[String], start: usize) -> usize {
    lines.iter().skip(start).position(|line| section_name(line).is_some()).map_or(lines.len(), |at| start + at)
}

/// The header of the section that is meant.
fn find_section(arguments: &Arguments, name: &str, lines: &[String]) -> Option<usize> {
    lines.iter().enumerate().filter(|(_, line)| section_name(line) == Some(name)).map(|(index, _)| index).find(
        |header| {
            let body = lines.get(header + 1..section_end(lines, header + 1)).unwrap_or_default();
            arguments.section_has_values.iter().flatten().all(|holding| holding.is_in(body))
        },
    )
}

/// An option as it is written.
fn line(arguments: &Arguments, option: &str, value: Option<&str>) -> String {
    match value {
        Some(value) if arguments.no_extra_spaces => format!("{option}={value}\n"),
        Some(value) => format!("{option} = {value}\n"),
        None => format!("{option}\n"),
    }
}

fn edit(arguments: &Arguments, wanted: &[Option<String>], mut lines: Vec<String>) -> (Vec<String>, &'static str) {
    if let Some(last) = lines.last_mut()
        && !last.ends_with('\n')
    {
        last.push('\n');
    }
    let present = arguments.state == State::Present;
    // What was empty keeps an empty line, as the reference leaves one.
    if present && lines.is_empty() {
        lines.push("\n".to_owned());
    }
    let first_header = lines.iter().position(|line| section_name(line).is_some()).unwrap_or(lines.len());
    let mut added_section = false;
    let start = match &arguments.section {
        None => 0,
        Some(section) => match find_section(arguments, section, &lines) {
            Some(header) => header + 1,
            None if !present => return (lines, "OK"),
            None => {
                lines.push(format!("[{section}]\n"));
                added_section = true;
                lines.len()
            }
        },
    };
    if added_section {
        for holding in arguments.section_has_values.iter().flatten() {
            let values = holding.values();
            lines.extend(values.iter().map(|value| line(arguments, &holding.option, Some(value))));
            if values.is_empty() {
                lines.push(line(arguments, &holding.option, None));
            }
        }
    }
    let end = match &arguments.section {
        None => first_header,
        Some(_) => section_end(&lines, start),
    };
    let tail = lines.split_off(end);
    let mut body = lines.split_off(start);
    let message = match (&arguments.option, present) {
        (None, true) => "only section added",
        (None, false) if arguments.section.is_none() => "OK",
        (None, false) => {
            // The section goes with its header.
            lines.pop();
            body.clear();
            "section removed"
        }
        (Some(option), false) => {
            body.retain(|line| match parse(line, option) {
                Some((value, true)) if !arguments.exclusive => !wanted.iter().any(|wanted| wanted.as_deref() == value),
                Some((_, active)) => !active,
                None => true,
            });
            "option changed"
        }
        (Some(option), true) => {
            let replaced = set(arguments, option, wanted, &mut body);
            match (added_section, replaced) {
                (true, _) => "section and option added",
                (false, true) => "option changed",
                (false, false) => "option added",
            }
        }
    };
    lines.extend(body);
    lines.extend(tail);
    (lines, message)
}

/// Give an option its values within a section; whether a line was replaced or removed.
fn set(arguments: &Arguments, option: &str, wanted: &[Option<String>], body: &mut Vec<String>) -> bool {
    let written = |value: &Option<String>| line(arguments, option, value.as_deref());
    let mut missing: Vec<&Option<String>> = wanted.iter().collect();
    let mut others = Vec::new();
    let mut inactive = Vec::new();
    for (index, line) in body.iter_mut().enumerate() {
        let Some((value, active)) = parse(line, option) else { continue };
        if !active {
            inactive.push(index);
            continue;
        }
        match missing.iter().position(|wanted| wanted.as_deref() == value) {
            Some(found) => {
                let value = missing.remove(found);
                let new = written(value);
                if !arguments.ignore_spaces && *line != new {
                    *line = new;
                }
            }
            None => others.push(index),
        }
    }
    let mut replaced = false;
    let mut free: Vec<usize> = if arguments.exclusive { others } else { Vec::new() };
    let mut removed = Vec::new();
    if arguments.modify_inactive_option && free.len() < missing.len() {
        free.extend(inactive);
    }
    for index in free {
        let Some(line) = body.get_mut(index) else { continue };
        let active = parse(line, option).is_some_and(|(_, active)| active);
        if !missing.is_empty() {
            *line = written(missing.remove(0));
            replaced = true;
        } else if active {
            removed.push(index);
        }
    }
    // New lines go to the end of the section, before what only sets it off from the next.
    let set_off = |line: &String| line.trim().is_empty() || line.trim_start().starts_with(['#', ';']);
    let position = body.iter().rposition(|line| !set_off(line)).map_or(0, |index| index + 1);
    body.splice(position..position, missing.into_iter().map(written));
    // Something is removed only where nothing was missing, so the places have not moved.
    for index in removed.into_iter().rev() {
        body.remove(index);
        replaced = true;
    }
    replaced
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    fn case(before: &str, mut arguments: serde_json::Value, after: &str) {
        let bench = Bench::new();
        arguments["path"] = bench.file("f", before).into();
        if before == after {
            bench.settled("ini_file", arguments);
        } else {
            bench.converges("ini_file", arguments);
        }
        assert_eq!(bench.read("f"), after);
    }

    const FILE: &str = "top = 1\n[a]\nx = 1\n#y = 2\n\n[b]\nx=3\n";

    #[test]
    fn of_sections_of_one_name_the_one_that_has_the_values_is_meant() {
        let bench = Bench::new();
        let path = bench.file("f", "[peer]\nkey = a\nport = 1\n[peer]\nkey = b\nport = 2\n");
        let arguments = |key: &str, port: &str| {
            json!({"path": path, "section": "peer", "option": "port", "value": port,
                "section_has_values": [{"option": "key", "value": key}]})
        };
        bench.converges("ini_file", arguments("b", "3"));
        assert_eq!(bench.read("f"), "[peer]\nkey = a\nport = 1\n[peer]\nkey = b\nport = 3\n");
        bench.converges("ini_file", arguments("c", "4"));
        assert!(bench.read("f").ends_with("[peer]\nkey = c\nport = 4\n"), "{}", bench.read("f"));
        let absent = json!({"path": path, "section": "peer", "state": "absent",
            "section_has_values": [{"option": "key", "values": ["a"]}]});
        bench.converges("ini_file", absent);
        assert!(bench.read("f").starts_with("[peer]\nkey = b\n"), "{}", bench.read("f"));
    }

    #[test]
    fn options_are_changed_added_and_uncommented_in_their_section() {
        let option =
            |section: &str, option: &str, value: &str| json!({"section": section, "option": option, "value": value});
        case(FILE, option("a", "x", "9"), &FILE.replace("x = 1", "x = 9"));
        case(FILE, option("a", "y", "7"), &FILE.replace("#y = 2", "y = 7"));
        case(FILE, option("a", "z", "1"), &FILE.replace("#y = 2\n", "z = 1\n#y = 2\n"));
        case(FILE, option("c", "z", "1"), &format!("{FILE}[c]\nz = 1\n"));
        case(FILE, json!({"option": "top", "value": "2"}), &FILE.replace("top = 1", "top = 2"));
        case(FILE, json!({"section": "b", "option": "x", "value": "3", "ignore_spaces": true}), FILE);
        case(
            FILE,
            json!({"section": "b", "option": "x", "value": "4", "no_extra_spaces": true}),
            &FILE.replace("x=3", "x=4"),
        );
        case("", json!({"section": "a", "option": "x", "allow_no_value": true}), "\n[a]\nx\n");
    }

    #[test]
    fn several_values_and_removal() {
        case(
            "[a]\nx = 1\nx = 2\n",
            json!({"section": "a", "option": "x", "values": ["2", "3"]}),
            "[a]\nx = 3\nx = 2\n",
        );
        case(
            "[a]\nx = 1\n",
            json!({"section": "a", "option": "x", "values": ["2"], "exclusive": false}),
            "[a]\nx = 1\nx = 2\n",
        );
        case("[a]\nx = 1\nx = 2\n", json!({"section": "a", "option": "x", "value": "2"}), "[a]\nx = 2\n");
        case(FILE, json!({"section": "a", "option": "x", "state": "absent"}), &FILE.replace("x = 1\n", ""));
        case(FILE, json!({"section": "a", "state": "absent"}), "top = 1\n[b]\nx=3\n");
        case(FILE, json!({"section": "z", "state": "absent"}), FILE);
    }

    #[test]
    fn a_missing_value_and_a_missing_file_are_explained() {
        let bench = Bench::new();
        let path = bench.path("f");
        assert!(
            bench.fails("ini_file", json!({"path": path, "section": "a", "option": "x"})).contains("must be defined")
        );
        let arguments = json!({"path": path, "section": "a", "option": "x", "value": "1", "create": false});
        assert!(bench.fails("ini_file", arguments).ends_with("does not exist!"));
        bench.converges("ini_file", json!({"path": path, "section": "a", "option": "x", "value": "1", "mode": "0600"}));
    }
}
