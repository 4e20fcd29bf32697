//! Filters on paths, as Python's `posixpath` and `ntpath` see them; `fileglob` and `realpath` look at the disk.

use std::path::Path;

use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::{brief, is_list, items, text, text_only, tuple, type_name};

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("basename", |_, call| on_text(&call, |path| split(path).1.to_owned())),
    ("dirname", |_, call| on_text(&call, |path| split(path).0.to_owned())),
    ("win_basename", |_, call| on_text(&call, |path| win_split(path).1.to_owned())),
    ("win_dirname", |_, call| on_text(&call, |path| win_split(path).0)),
    ("win_splitdrive", win_splitdrive),
    ("expanduser", |_, call| on_text(&call, expand_user)),
    ("expandvars", |_, call| on_text(&call, expand_variables)),
    ("normpath", |_, call| on_text(&call, normalize)),
    ("realpath", |_, call| on_text(&call, real)),
    ("relpath", relpath),
    ("path_join", path_join),
    ("splitext", splitext),
    ("commonpath", commonpath),
    ("fileglob", fileglob),
];

fn on_text(call: &Call, function: impl Fn(&str) -> String) -> Result<Value, Error> {
    Ok(Value::from(function(&text_only(&call.only()?, call.name)?)))
}

/// The folder and the last component; the folder keeps a root's slashes and loses trailing ones.
fn split(path: &str) -> (&str, &str) {
    let cut = path.rfind('/').map_or(0, |slash| slash + 1);
    let (head, tail) = path.split_at(cut);
    let trimmed = head.trim_end_matches('/');
    (if trimmed.is_empty() { head } else { trimmed }, tail)
}

/// A Windows path's drive (or `\\server\share`) and the rest.
fn win_drive(path: &str) -> (&str, &str) {
    let separator = |character: char| character == '\\' || character == '/';
    if path.starts_with(separator) && path.get(1..).is_some_and(|rest| rest.starts_with(separator)) {
        let after = path.get(2..).unwrap_or_default();
        let Some(share) = after.find(separator) else { return (path, "") };
        let rest = after.get(share + 1..).unwrap_or_default();
        return match rest.find(separator) {
            Some(end) => path.split_at(2 + share + 1 + end),
            None => (path, ""),
        };
    }
    if path.get(1..2) == Some(":") { path.split_at(2) } else { ("", path) }
}

fn win_split(path: &str) -> (String, &str) {
    let (drive, rest) = win_drive(path);
    let cut = rest.rfind(['\\', '/']).map_or(0, |slash| slash + 1);
    let (head, tail) = rest.split_at(cut);
    let trimmed = head.trim_end_matches(['\\', '/']);
    (format!("{drive}{}", if trimmed.is_empty() { head } else { trimmed }), tail)
}

fn win_splitdrive(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let path = text_only(&call.only()?, call.name)?;
    let (drive, rest) = win_drive(&path);
    Ok(tuple(vec![Value::from(drive), Value::from(rest)]))
}

/// `~` and `~user` at the start of a path.
pub(crate) fn expand_user(path: &str) -> String {
    let Some(rest) = path.strip_prefix('~') else { return path.to_owned() };
    let (user, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let home = if user.is_empty() {
        std::env::var("HOME").ok()
    } else {
        std::fs::read_to_string("/etc/passwd").ok().and_then(|passwd| {
            let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
            line.split(':').nth(5).map(str::to_owned)
        })
    };
    match home {
        Some(home) => {
            let joined = format!("{}{tail}", home.trim_end_matches('/'));
            if joined.is_empty() { "/".to_owned() } else { joined }
        }
        None => path.to_owned(),
    }
}

/// `$NAME` and `${NAME}`; unknown names stay.
pub(crate) fn expand_variables(path: &str) -> String {
    let mut out = String::new();
    let mut rest = path;
    while let Some(start) = rest.find('$') {
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let body = after.get(1..).unwrap_or_default();
        let (name, length) = match body.strip_prefix('{').and_then(|inner| inner.find('}').map(|end| (inner, end))) {
            Some((inner, end)) => (inner.get(..end).unwrap_or_default(), end + 3),
            None => {
                let end = body
                    .find(|character: char| !(character.is_ascii_alphanumeric() || character == '_'))
                    .unwrap_or(body.len());
                (body.get(..end).unwrap_or_default(), end + 1)
            }
        };
        match std::env::var(name) {
            Ok(value) if !name.is_empty() => out.push_str(&value),
            _ => out.push_str(after.get(..length).unwrap_or_default()),
        }
        rest = after.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// The path without `.`, `..` and doubled slashes, by its text alone.
pub(crate) fn normalize(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    let root = if path.starts_with("//") && !path.starts_with("///") {
        "//"
    } else if path.starts_with('/') {
        "/"
    } else {
        ""
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if !root.is_empty() => {}
            other => parts.push(other),
        }
    }
    let joined = format!("{root}{}", parts.join("/"));
    if joined.is_empty() { ".".to_owned() } else { joined }
}

fn absolute(path: &str) -> String {
    if path.starts_with('/') {
        return normalize(path);
    }
    let here = std::env::current_dir().map(|path| path.to_string_lossy().into_owned()).unwrap_or_default();
    normalize(&format!("{here}/{path}"))
}

/// The path with symbolic links followed as far as the path exists.
fn real(path: &str) -> String {
    let full = if path.starts_with('/') { path.to_owned() } else { absolute(path) };
    let mut resolved = String::new();
    let mut pending: Vec<String> = full.split('/').rev().map(str::to_owned).collect();
    let mut links = 0;
    while let Some(part) = pending.pop() {
        match part.as_str() {
            "" | "." => continue,
            ".." => {
                resolved.truncate(resolved.rfind('/').unwrap_or(0));
                continue;
            }
            _ => {}
        }
        let candidate = format!("{resolved}/{part}");
        match std::fs::read_link(&candidate) {
            Ok(target) if links < 40 => {
                links += 1;
                let target = target.to_string_lossy().into_owned();
                if target.starts_with('/') {
                    resolved.clear();
                }
                pending.extend(target.split('/').rev().map(str::to_owned));
            }
            _ => resolved = candidate,
        }
    }
    if resolved.is_empty() { "/".to_owned() } else { resolved }
}

fn relpath(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [path, start] = call.bind(["path", "start"], 1)?;
    let path = text_only(&path.unwrap_or_default(), call.name)?;
    if path.is_empty() {
        return Err(call.fail("the path is empty"));
    }
    let start = start.filter(|start| !start.is_none()).map_or_else(|| Ok(".".to_owned()), |start| text(&start))?;
    let (path, start) = (absolute(&path), absolute(&start));
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (path, start) = (parts(&path), parts(&start));
    let common = path.iter().zip(&start).take_while(|(a, b)| a == b).count();
    let mut relative = vec!["..".to_owned(); start.len() - common];
    relative.extend(path.into_iter().skip(common));
    Ok(Value::from(if relative.is_empty() { ".".to_owned() } else { relative.join("/") }))
}

fn path_join(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if value.as_str().is_some() {
        return Ok(value);
    }
    if !is_list(&value) {
        return Err(call.fail(format!(
            "needs a string or a list, got {} of type '{}'",
            brief(&value),
            type_name(&value)
        )));
    }
    let parts = items(&value)?;
    let Some((first, rest)) = parts.split_first() else {
        return Err(call.fail("the list of paths is empty"));
    };
    let mut joined = text_only(first, call.name)?;
    for part in rest {
        join_onto(&mut joined, &text_only(part, call.name)?);
    }
    Ok(Value::from(joined))
}

fn join_onto(path: &mut String, part: &str) {
    if part.starts_with('/') {
        path.clear();
    } else if !path.is_empty() && !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(part);
}

fn splitext(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let path = text_only(&call.only()?, call.name)?;
    let name = path.rfind('/').map_or(0, |slash| slash + 1);
    let base = path.get(name..).unwrap_or_default();
    let leading = base.len() - base.trim_start_matches('.').len();
    let cut = match base.rfind('.') {
        Some(dot) if dot >= leading && dot > 0 => name + dot,
        _ => path.len(),
    };
    let (stem, extension) = path.split_at(cut);
    Ok(tuple(vec![Value::from(stem), Value::from(extension)]))
}

fn commonpath(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if !is_list(&value) {
        return Err(call.fail(format!("needs a list, got {} of type '{}'", brief(&value), type_name(&value))));
    }
    let paths = items(&value)?.iter().map(|path| text_only(path, call.name)).collect::<Result<Vec<_>, _>>()?;
    let Some(first) = paths.first() else {
        return Err(call.fail("the list of paths is empty"));
    };
    let rooted = first.starts_with('/');
    if paths.iter().any(|path| path.starts_with('/') != rooted) {
        return Err(call.fail("can't mix absolute and relative paths"));
    }
    let split =
        |path: &str| path.split('/').filter(|part| !matches!(*part, "" | ".")).map(str::to_owned).collect::<Vec<_>>();
    let mut common = split(first);
    for path in &paths {
        let same = split(path).iter().zip(&common).take_while(|(a, b)| a == b).count();
        common.truncate(same);
    }
    Ok(Value::from(format!("{}{}", if rooted { "/" } else { "" }, common.join("/"))))
}

fn fileglob(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let pattern = text_only(&call.only()?, call.name)?;
    Ok(Value::from(files_matching(&pattern).into_iter().map(Value::from).collect::<Vec<_>>()))
}

/// The files (not folders) that a shell pattern matches, sorted. Hidden ones match only if the pattern says so.
pub(crate) fn files_matching(pattern: &str) -> Vec<String> {
    let options =
        glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: true };
    let Ok(found) = glob::glob_with(pattern, options) else { return Vec::new() };
    found.flatten().filter(|path| Path::is_file(path)).map(|path| path.to_string_lossy().into_owned()).collect()
}
