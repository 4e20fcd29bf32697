//! `ini`: values of INI and properties files, as Python's `configparser` reads them.

use minijinja::{Error, Value};

use super::file::read;
use super::{OwnOptions, Request, Run};
use crate::template::filter::regex::{Flags, compile};

pub(super) const LOOKUPS: &[(&str, Run)] = &[("ini", ini)];

/// Sections with their entries, in order.
type Sections = Vec<(String, Vec<(String, String)>)>;

fn ini(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let options = OwnOptions::of(term, request)?;
        let properties = options.text("type", "ini")? == "properties";
        let name = options.text("file", "ansible.ini")?;
        let content = read(request, &name, "files")?;
        let keep_case = options.truth("case_sensitive", false);
        let bare = options.truth("allow_no_value", false) || options.truth("allow_none", false);
        let start = if properties { Some("java_properties") } else { None };
        let sections = parse(&content, start, keep_case, bare)
            .map_err(|message| request.fail(format!("the file '{name}' is not an INI file: {message}")))?;
        let section = if properties { "java_properties".to_owned() } else { options.text("section", "global")? };
        let Some((_, entries)) = sections.iter().find(|(known, _)| *known == section) else {
            return Err(request.fail(format!("there is no section '{section}' in '{name}'")));
        };
        let interpolate = options.truth("interpolation", true);
        let value = |raw: &str| if interpolate { expand(raw, entries, 0, request) } else { Ok(raw.to_owned()) };
        if options.truth("re", false) {
            let regex = compile(&options.key, Flags { at_start: true, ignorecase: !keep_case, ..Flags::default() })?;
            for (name, raw) in entries {
                if regex.is_match(name).unwrap_or(false) {
                    out.push(Value::from(value(raw)?));
                }
            }
            continue;
        }
        let wanted = if keep_case { options.key.clone() } else { options.key.to_lowercase() };
        match entries.iter().rev().find(|(name, _)| *name == wanted) {
            Some((_, raw)) => out.push(Value::from(value(raw)?)),
            None => out.push(Value::from(options.text("default", "")?)),
        }
    }
    Ok(out)
}

fn parse(content: &str, start: Option<&str>, keep_case: bool, bare: bool) -> Result<Sections, String> {
    let mut sections: Sections = start.map(|name| vec![(name.to_owned(), Vec::new())]).unwrap_or_default();
    let mut defaults: Vec<(String, String)> = Vec::new();
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
            value.push('\n');
            value.push_str(trimmed);
            continue;
        }
        if let Some(name) = trimmed.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(name, _)| name) {
            in_defaults = name == "DEFAULT";
            if !in_defaults && !sections.iter().any(|(known, _)| known == name) {
                sections.push((name.to_owned(), Vec::new()));
            } else if let Some(position) = sections.iter().position(|(known, _)| known == name) {
                let section = sections.remove(position);
                sections.push(section);
            }
            continues = false;
            continue;
        }
        let (key, value) = match trimmed.split_once(['=', ':']) {
            Some((key, value)) => (key.trim(), value.trim()),
            None if bare => (trimmed, ""),
            None => return Err(format!("line {} has neither a section nor key=value: '{trimmed}'", index + 1)),
        };
        let key = if keep_case { key.to_owned() } else { key.to_lowercase() };
        let entries = if in_defaults { Some(&mut defaults) } else { sections.last_mut().map(|(_, entries)| entries) };
        match entries {
            Some(entries) => entries.push((key, value.to_owned())),
            None => return Err(format!("line {} comes before any section", index + 1)),
        }
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
fn expand(raw: &str, entries: &[(String, String)], depth: usize, request: &Request<'_>) -> Result<String, Error> {
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
            out.push_str(&expand(value, entries, depth + 1, request)?);
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
