//! `first_found`: the first of several files that exists.

use minijinja::{Error, Value};

use super::file::locate;
use super::{Request, Run};
use crate::template::error::TemplateError;
use crate::template::filter::logic::boolean;
use crate::template::filter::python::{brief, is_list, is_map, items, text};

pub(super) const LOOKUPS: &[(&str, Run)] = &[("first_found", first_found)];

/// Texts in a list, or in one text with separators.
fn texts(value: &Value, separators: &[char]) -> Result<Vec<String>, Error> {
    if is_list(value) {
        let mut out = Vec::new();
        for item in items(value)? {
            out.extend(texts(&item, separators)?);
        }
        return Ok(out);
    }
    Ok(text(value)?.split(separators).map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect())
}

fn joined(files: Vec<String>, paths: &[String], out: &mut Vec<String>) {
    if paths.is_empty() {
        out.extend(files);
        return;
    }
    for path in paths {
        out.extend(files.iter().map(|file| format!("{}/{file}", path.trim_end_matches('/'))));
    }
}

fn collect(request: &Request<'_>, terms: &[Value], skip: &mut bool, out: &mut Vec<String>) -> Result<(), Error> {
    for term in terms {
        if is_map(term) {
            let part = |name: &str| term.get_attr(name).ok().filter(|value| !value.is_undefined() && !value.is_none());
            let files = part("files").map_or_else(|| Ok(Vec::new()), |files| texts(&files, &[',', ';']))?;
            let paths = part("paths").map_or_else(|| Ok(Vec::new()), |paths| texts(&paths, &[',', ':', ';']))?;
            if let Some(flag) = part("skip") {
                *skip = if flag.as_str().is_some() { boolean(&flag) } else { flag.is_true() };
            }
            if files.is_empty() { out.extend(paths) } else { joined(files, &paths, out) }
        } else if is_list(term) {
            collect(request, &items(term)?, skip, out)?;
        } else if term.as_str().is_some() {
            out.extend(texts(term, &[',', ';'])?);
        } else {
            return Err(request.fail(format!("each term must be a file's name or a dictionary, got {}", brief(term))));
        }
    }
    Ok(())
}

fn first_found(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut skip = request.truth_option("skip", false);
    let mut candidates = Vec::new();
    if let Some(files) = request.option("files") {
        let paths = request.option("paths").map_or_else(|| Ok(Vec::new()), |paths| texts(paths, &[',', ':', ';']))?;
        joined(texts(files, &[',', ';'])?, &paths, &mut candidates);
    }
    collect(request, &request.terms, &mut skip, &mut candidates)?;
    for candidate in &candidates {
        for folder in ["files", "templates", "vars"] {
            if let Some(path) = locate(candidate, folder, request.scope) {
                return Ok(vec![Value::from(path.to_string_lossy().into_owned())]);
            }
        }
    }
    if skip {
        return Ok(Vec::new());
    }
    let message = "The lookup plugin 'first_found' failed: No file was found when using first_found.";
    Err(TemplateError::failed(message).hint(format!("none of these exists: {}", candidates.join(", "))).into())
}
