//! `copy`: files and trees of the controller, put on the host.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use rprov_modules::json;
use rprov_wire::{Map, Source, Value};

use super::call::{Action, Call, Done, Stop, flag};
use super::content;
use crate::vault::Keyring;

/// `copy`
pub(super) struct Copy;

#[async_trait]
impl Action for Copy {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let mut arguments = call.arguments.clone();
        if flag(&arguments, "remote_src", false) {
            return Ok(Done::new(call.module("copy", arguments, Vec::new()).await?));
        }
        let destination = text(&arguments, "dest");
        let Some(destination) = destination.filter(|path| !path.is_empty()) else {
            return Err(Stop::failed("dest is required"));
        };
        if let Some(value) = arguments.shift_remove("content") {
            if arguments.contains_key("src") {
                return Err(Stop::failed("src and content are mutually exclusive"));
            }
            if destination.ends_with('/') {
                return Err(Stop::failed("can not use content with a dir as dest"));
            }
            // Structures are written out as JSON.
            let text = match call.value(&["content"]) {
                Some(native) if !matches!(value, Value::String(_)) => match value {
                    Value::List(_) | Value::Map(_) => json::to_text(&value, &json::Style::default()),
                    _ => native.to_string(),
                },
                _ => value.as_str().unwrap_or_default().to_owned(),
            };
            let (reference, source) = content::of_bytes(0, rprov_modules::text::encode(&text));
            arguments.insert("_content".into(), reference.to_value());
            return send(&call, arguments, source).await;
        }
        let Some(name) = text(&arguments, "src").filter(|name| !name.is_empty()) else {
            return Err(Stop::failed("src (or content) is required"));
        };
        let whole = name.ends_with('/');
        let path = call.find_file("files", &name)?;
        arguments.insert("src".into(), path.display().to_string().into());
        if text(&arguments, "mode").as_deref() == Some("preserve") {
            arguments.insert("mode".into(), mode_of(&path)?.into());
        }
        if !path.is_dir() {
            let (reference, source) = content::of_file(0, &path, call.vault(&arguments))?;
            arguments.insert("_content".into(), reference.to_value());
            arguments.insert("_source".into(), path.display().to_string().into());
            return send(&call, arguments, source).await;
        }
        // `src: dir` goes below `dest` with its name, `src: dir/` is its content alone.
        let prefix = match (whole, path.file_name()) {
            (false, Some(name)) => PathBuf::from(name),
            _ => PathBuf::new(),
        };
        let follow = flag(&arguments, "local_follow", true);
        let preserve = call.arguments.get("mode").and_then(Value::as_str) == Some("preserve");
        if preserve {
            arguments.shift_remove("mode");
        }
        let mut entries = Vec::new();
        let mut sources = Vec::new();
        if !prefix.as_os_str().is_empty() {
            entries.push(directory_entry(&prefix));
        }
        let mut way = vec![real(&path)];
        let walk = Walk { follow, preserve, vault: call.vault(&arguments) };
        walk.below(&path, &prefix, &mut way, &mut entries, &mut sources)?;
        arguments.insert("_tree".into(), Value::List(entries));
        Ok(Done::new(call.module("copy", arguments, sources).await?))
    }
}

/// Send one file. A result of new content, which names no `path`, has a list of differences, which is empty where they are not wanted.
pub(super) async fn send(call: &Call<'_>, arguments: Map, source: Source) -> Result<Done, Stop> {
    let mut result = call.module("copy", arguments, vec![source]).await?;
    if matches!(result.get("changed"), Some(Value::Bool(true))) && !result.contains_key("path") {
        result.entry("diff".to_owned()).or_insert_with(|| Value::List(Vec::new()));
    }
    Ok(Done::new(result))
}

fn text(arguments: &Map, name: &str) -> Option<String> {
    arguments.get(name).map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// A file's mode, as `mode` takes it.
pub(super) fn mode_of(path: &Path) -> Result<String, Stop> {
    let metadata =
        std::fs::metadata(path).map_err(|error| Stop::failed(format!("could not read {}: {error}", path.display())))?;
    Ok(format!("0{:03o}", metadata.permissions().mode() & 0o7777))
}

fn directory_entry(path: &Path) -> Value {
    Value::from_iter([("path", Value::from(path.display().to_string())), ("directory", true.into())])
}

/// Where a path leads to, with all links on its way resolved.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// How a directory is gone through.
struct Walk<'a> {
    /// Take what links lead to instead of the links.
    follow: bool,
    /// Each file keeps its mode.
    preserve: bool,
    vault: Option<&'a Keyring>,
}

impl Walk<'_> {
    /// All entries below a directory, parents before what is in them. `way` are the directories on the way there, which a
    /// link must not lead back into: such a link stays one.
    fn below(
        &self,
        directory: &Path,
        prefix: &Path,
        way: &mut Vec<PathBuf>,
        entries: &mut Vec<Value>,
        sources: &mut Vec<Source>,
    ) -> Result<(), Stop> {
        let problem = |error: std::io::Error| Stop::failed(format!("could not read {}: {error}", directory.display()));
        let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
            .map_err(problem)?
            .map(|entry| entry.map(|entry| entry.path()))
            .collect::<Result<_, _>>()
            .map_err(problem)?;
        // The files of a directory come before what is below it.
        found.sort_by_key(|path| (path.is_dir(), path.clone()));
        for path in found {
            let Some(name) = path.file_name() else { continue };
            let target = prefix.join(name);
            let metadata = std::fs::symlink_metadata(&path).map_err(problem)?;
            let circular = || path.is_dir() && way.contains(&real(&path));
            if metadata.is_symlink() && (!self.follow || !path.exists() || circular()) {
                let link = std::fs::read_link(&path).map_err(problem)?;
                entries.push(Value::from_iter([
                    ("path", Value::from(target.display().to_string())),
                    ("link", link.display().to_string().into()),
                ]));
                continue;
            }
            if path.is_dir() {
                entries.push(directory_entry(&target));
                way.push(real(&path));
                self.below(&path, &target, way, entries, sources)?;
                way.pop();
                continue;
            }
            let index = u32::try_from(sources.len()).map_err(|_| Stop::failed("too many files for one task"))?;
            let (reference, source) = content::of_file(index, &path, self.vault)?;
            let mut entry = Map::new();
            entry.insert("path".into(), target.display().to_string().into());
            entry.insert("_content".into(), reference.to_value());
            if self.preserve {
                entry.insert("mode".into(), mode_of(&path)?.into());
            }
            entries.push(entry.into());
            sources.push(source);
        }
        Ok(())
    }
}
