//! Files on the controller: `file`, `fileglob`, `unvault`, and how a relative path is found.

use std::path::{Path, PathBuf};

use minijinja::{Error, Value};

use super::{Request, Run};
use crate::template::error::TemplateError;
use crate::template::filter::path::{expand_user, files_matching};
use crate::template::filter::python::text;
use crate::template::scope::Scope;

pub(super) const LOOKUPS: &[(&str, Run)] = &[("file", file), ("fileglob", fileglob), ("unvault", unvault)];

/// The places where a relative path may be, nearest first: each search path's `folder`, then the search path itself.
fn places(folder: &str, scope: &Scope) -> Vec<PathBuf> {
    let surroundings = scope.surroundings();
    let mut roots = surroundings.search_paths.clone();
    if !surroundings.playbook_dir.as_os_str().is_empty() && !roots.contains(&surroundings.playbook_dir) {
        roots.push(surroundings.playbook_dir.clone());
    }
    if roots.is_empty() {
        roots.push(PathBuf::from("."));
    }
    roots.into_iter().flat_map(|root| [root.join(folder), root]).collect()
}

/// A file or folder by its name as a playbook writes it; `folder` is `files`, `templates` or `vars`.
pub(super) fn locate(name: &str, folder: &str, scope: &Scope) -> Option<PathBuf> {
    let name = expand_user(name);
    let path = Path::new(&name);
    if path.is_absolute() {
        return path.exists().then(|| path.to_owned());
    }
    places(folder, scope).into_iter().map(|place| place.join(path)).find(|candidate| candidate.exists())
}

/// The error of a file that is in none of the places.
pub(super) fn not_found(request: &Request<'_>, name: &str, folder: &str) -> Error {
    if Path::new(name).is_absolute() {
        return request.fail(format!("the file '{name}' was not found"));
    }
    let places: Vec<String> = places(folder, request.scope).iter().map(|place| place.display().to_string()).collect();
    let message = format!("Unable to access the file '{name}': File not found. Use -vvvvv to see paths searched.");
    let error = TemplateError::failed(format!("The lookup plugin '{}' failed: {message}", request.name));
    error.hint(format!("looked in: {}", places.join(", "))).into()
}

/// A located file's text.
pub(super) fn read(request: &Request<'_>, name: &str, folder: &str) -> Result<String, Error> {
    let path = locate(name, folder, request.scope).ok_or_else(|| not_found(request, name, folder))?;
    read_file(request, &path).map(|(text, _)| text)
}

/// A located file's bytes.
pub(super) fn read_bytes(request: &Request<'_>, name: &str, folder: &str) -> Result<Vec<u8>, Error> {
    let path = locate(name, folder, request.scope).ok_or_else(|| not_found(request, name, folder))?;
    opened(request, &path).map(|(bytes, _)| bytes)
}

/// A file's text, and whether it is encrypted on disk.
pub(super) fn read_file(request: &Request<'_>, path: &Path) -> Result<(String, bool), Error> {
    let (bytes, secret) = opened(request, path)?;
    let text = String::from_utf8(bytes)
        .map_err(|_| request.fail(format!("the file '{}' is not UTF-8 text", path.display())))?;
    Ok((text, secret))
}

/// A file's bytes, and whether it is encrypted on disk.
fn opened(request: &Request<'_>, path: &Path) -> Result<(Vec<u8>, bool), Error> {
    let vault = &request.scope.surroundings().vault;
    vault
        .read(path)
        .map_err(|error| request.fail(format!("could not read '{}': {error}", path.display())))?
        .map_err(|problem| request.fail(problem.message))
}

fn file(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let (left, right) = (request.truth_option("lstrip", false), request.truth_option("rstrip", true));
    request
        .terms
        .iter()
        .map(|term| {
            let content = read(request, &text(term)?, "files")?;
            let content = if left { content.trim_start() } else { &content };
            Ok(Value::from(if right { content.trim_end() } else { content }))
        })
        .collect()
}

fn unvault(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    request.terms.iter().map(|term| read(request, &text(term)?, "files").map(Value::from)).collect()
}

fn fileglob(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    let mut out = Vec::new();
    for term in &request.terms {
        let pattern = expand_user(&text(term)?);
        // Only the last part is a pattern: its directory is looked for by its name.
        if let Some((directory, name)) = pattern.rsplit_once('/') {
            let directory = if directory.is_empty() { "/" } else { directory };
            if let Some(found) = locate(directory, "files", request.scope) {
                let pattern = format!("{}/{name}", glob::Pattern::escape(&found.to_string_lossy()));
                out.extend(files_matching(&pattern).into_iter().map(Value::from));
            }
            continue;
        }
        for place in places("files", request.scope) {
            let found = files_matching(&place.join(&pattern).to_string_lossy());
            if !found.is_empty() {
                out.extend(found.into_iter().map(Value::from));
                break;
            }
        }
    }
    Ok(out)
}
