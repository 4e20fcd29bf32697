//! `ini`: values of INI and properties files, as Python's `configparser` reads them.

use minijinja::{Error, Value};

use rprov_modules::encoding::Encoding;

use super::file::read_bytes;
use super::{OwnOptions, Request, Run};
use crate::template::filter::python::text;
use crate::template::filter::regex::{Flags, compile};

pub(super) const LOOKUPS: &[(&str, Run)] = &[("ini", ini)];

/// Options with their values, in order; a bare option has none.
type Entries = Vec<(String, Option<String>)>;

/// Sections with their options, in order.
type Sections = Vec<(String, Entries)>;

fn ini(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let options = OwnOptions::of(term, request)?;
        if let Some((unknown, _)) = options.pairs.iter().find(|(name, _)| !OPTIONS.contains(&name.as_str())) {
            return Err(request.fail(format!("'{unknown}' is not a valid option.")));
        }
        if options.key.is_empty() {
            let source = text(term)?;
            return Err(request
                .fail(format!("No key to look up was provided as first term within string inline options: {source}")));
        }
        let properties = options.text("type", "ini")? == "properties";
        let name = options.text("file", "ansible.ini")?;
        let encoding =
            Encoding::named(&options.text("encoding", "utf-8")?).map_err(|problem| request.fail(problem.message))?;
        let content = encoding
            .decode(&read_bytes(request, &name, "files")?)
            .map_err(|problem| request.fail(format!("the file '{name}': {}", problem.message)))?;
        let keep_case = options.truth("case_sensitive", false);
        let bare = options.truth("allow_no_value", false) || options.truth("allow_none", false);
        let start = if properties { Some("java_properties") } else { None };
        let sections = parse(&content, start, keep_case, bare).map_err(|mistake| request.fail(mistake.told(&name)))?;
        let section = if properties { "java_properties".to_owned() } else { options.text("section", "global")? };
        let Some((_, entries)) = sections.iter().find(|(known, _)| *known == section) else {
            return Err(request.fail(format!("No section '{section}' in '{name}'.")));
        };
        let interpolate = options.truth("interpolation", true);
        let value = |raw: &str| if interpolate { expand(raw, entries, 0, request) } else { Ok(raw.to_owned()) };
        if options.truth("re", false) {
            let regex = compile(&options.key, Flags { at_start: true, ignorecase: !keep_case, ..Flags::default() })?;
            for (name, raw) in entries {
                if let Some(raw) = raw
                    && regex.is_match(name).unwrap_or(false)
                {
                    out.push(Value::from(value(raw)?));
                }
            }
            continue;
        }
        let wanted = if keep_case { options.key.clone() } else { options.key.to_lowercase() };
        match entries.iter().rev().find(|(name, _)| *name == wanted) {
            Some((_, Some(raw))) => out.push(Value::from(value(raw)?)),
            Some((_, None)) => {}
            None => out.push(Value::from(options.text("default", "")?)),
        }
    }
    Ok(out)
}

/// What may stand behind the key in a term.
const OPTIONS: [&str; 10] = [
    "type",
    "file",
    "section",
    "re",
    "encoding",
    "default",
    "case_sensitive",
    "allow_no_value",
    "allow_none",
    "interpolation",
];

/// What is wrong with a file, with the number of its line.
enum Mistake {
    /// An option is given twice in a section.
    Twice { line: usize, option: String, section: String },
    /// A section begins a second time.
    Again { line: usize, section: String },
    /// Neither a section nor an option.
    Unreadable { line: usize, text: String },
    /// An option before any section.
    Headless { line: usize, text: String },
}

impl Mistake {
    fn told(&self, file: &str) -> String {
        match self {
            Mistake::Twice { line, option, section } => format!(
                "Duplicate option in '{file}': While reading from '{file}' [line {line:2}]: option '{option}' in section \
                 '{section}' already exists"
            ),
            Mistake::Again { line, section } => {
                format!("While reading from '{file}' [line {line:2}]: section '{section}' already exists")
            }
            Mistake::Unreadable { line, text } => {
                format!("Source contains parsing errors: '{file}'\n\t[line {line:2}]: '{text}'")
            }
            Mistake::Headless { line, text } => {
                format!("File contains no section headers.\nfile: '{file}', line: {line}\n'{text}'")
            }
        }
    }
}

fn parse(content: &str, start: Option<&str>, keep_case: bool, bare: bool) -> Result<Sections, Mistake> {
    let mut sections: Sections = start.map(|name| vec![(name.to_owned(), Vec::new())]).unwrap_or_default();
    let mut defaults = Entries::new();
    let mut in_defaults = false;
    let mut continues = false;
    for (index, line) in content.lines().enumerate() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continues &= !trimmed.is_empty();
            continue;
        }
        let entries = if in_defaults { Some(&mut defaults) } else { sections.last_mut().map(|(_, entries)| entries) };
        if line.starts_with(char::is_whitespace)
            && continues
            && let Some((_, value)) = entries.and_then(|entries| entries.last_mut())
        {
            let value = value.get_or_insert_default();
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            in_defaults = name == "DEFAULT";
            if !in_defaults {
                if sections.iter().any(|(known, _)| known == name) {
                    return Err(Mistake::Again { line: index + 1, section: name.to_owned() });
                }
                sections.push((name.to_owned(), Vec::new()));
            }
            continues = false;
            continue;
        }
        let (key, value) = match trimmed.split_once(['=', ':']) {
            Some((key, value)) => (key.trim(), Some(value.trim().to_owned())),
            None if bare => (trimmed, None),
            None => return Err(Mistake::Unreadable { line: index + 1, text: trimmed.to_owned() }),
        };
        let key = if keep_case { key.to_owned() } else { key.to_lowercase() };
        let (section, entries) = match sections.last_mut() {
            _ if in_defaults => ("DEFAULT", &mut defaults),
            Some((section, entries)) => (section.as_str(), entries),
            None => return Err(Mistake::Headless { line: index + 1, text: trimmed.to_owned() }),
        };
        if entries.iter().any(|(known, _)| *known == key) {
            return Err(Mistake::Twice { line: index + 1, option: key, section: section.to_owned() });
        }
        entries.push((key, value));
        continues = true;
    }
    for (_, entries) in &mut sections {
        let missing: Vec<_> =
            defaults.iter().filter(|(key, _)| !entries.iter().any(|(known, _)| known == key)).cloned().collect();
        entries.extend(missing);
    }
    Ok(sections)
}

/// `%(name)s` by the section's other values, `%%` by a percent sign.
fn expand(
    raw: &str,
    entries: &[(String, Option<String>)],
    depth: usize,
    request: &Request<'_>,
) -> Result<String, Error> {
    if depth > 10 {
        return Err(request.fail(format!("'{raw}' refers to itself")));
    }
    let mut out = String::new();
    let mut rest = raw;
    while let Some(at) = rest.find('%') {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        if let Some(tail) = after.strip_prefix("%%") {
            out.push('%');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix("%(").and_then(|inner| inner.split_once(")s")) {
            let lower = name.to_lowercase();
            let found = entries.iter().find(|(key, _)| *key == name || *key == lower);
            let (_, value) =
                found.ok_or_else(|| request.fail(format!("'{raw}' refers to '{name}', which is missing")))?;
            out.push_str(&expand(value.as_deref().unwrap_or_default(), entries, depth + 1, request)?);
            rest = tail;
        } else {
            return Err(
                request.fail(format!("'%' must be followed by '%' or '(' in '{raw}'; or give interpolation=false"))
            );
        }
    }
    out.push_str(rest);
    Ok(out)
}
