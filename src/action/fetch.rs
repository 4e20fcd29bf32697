//! `fetch`: a file of the host, put on the controller.

use std::path::{Component, Path, PathBuf};

use async_trait::async_trait;
use rprov_modules::checksum::Algorithm;
use rprov_wire::{Map, Value};

use super::call::{Action, Call, Done, Stop, flag};
use crate::run::{Received, is_failed};

/// `fetch`
pub(super) struct Fetch;

#[async_trait]
impl Action for Fetch {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let text = |name: &str| call.arguments.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(source), Some(destination)) = (text("src"), text("dest")) else {
            return Err(Stop::failed("src and dest are required"));
        };
        if call.check() {
            return Ok(Done::unchanged()
                .with("skipped", true)
                .with("msg", "check mode not (yet) supported for this module"));
        }
        let flat = flag(&call.arguments, "flat", false);
        let target = target(&call, &source, &destination, flat)?;
        let known = super::content::of_file(0, &target, None).ok().map(|(content, _)| content.sha1);
        let mut arguments = call.arguments.clone();
        if let Some(known) = &known {
            arguments.insert("_known_sha1".into(), known.as_str().into());
        }
        // On the controller itself a relative path counts from the playbook.
        if call.remote.is_local() && !source.starts_with(['/', '~']) {
            let path = call.scope.surroundings().playbook_dir.join(&source);
            arguments.insert("src".into(), path.display().to_string().into());
        }
        let sums = Algorithm::told(call.options);
        let (result, received) = call.remote.fetch("fetch", call.options, arguments, &target, sums).await?;
        if is_failed(&result) || !result.contains_key("checksum") {
            if let Some(received) = received {
                let _ = std::fs::remove_file(received.path);
            }
            let mut result = result;
            result.shift_remove("sent");
            if is_failed(&result) {
                result.shift_remove("file");
            }
            return Ok(Done::new(result));
        }
        let remote_sum = result.get("checksum").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut done = Map::new();
        let changed = known.as_deref() != Some(remote_sum.as_str());
        let md5 = match received {
            Some(Received { path, sums }) => {
                let mut sums = sums.into_iter();
                let sha1 = sums.next().unwrap_or_default();
                if sha1 != remote_sum {
                    let md5 = Algorithm::Md5.of_file(&path)?;
                    let _ = std::fs::remove_file(&path);
                    let failure = rprov_modules::Failure::new("checksum mismatch")
                        .with("checksum", sha1)
                        .with("remote_checksum", remote_sum)
                        .with("md5sum", md5)
                        .with("dest", target.display().to_string())
                        .with("file", source);
                    return Err(failure.into());
                }
                std::fs::rename(&path, &target).map_err(|error| {
                    let _ = std::fs::remove_file(&path);
                    Stop::failed(format!("could not write {}: {error}", target.display()))
                })?;
                sums.next()
            }
            None if !call.options.brief && target.exists() => Some(Algorithm::Md5.of_file(&target)?),
            None => None,
        };
        done.insert("changed".into(), changed.into());
        if !call.options.brief {
            done.insert("md5sum".into(), md5.into());
        }
        done.insert("dest".into(), target.display().to_string().into());
        if changed {
            done.insert("remote_md5sum".into(), Value::Null);
            done.insert("checksum".into(), remote_sum.as_str().into());
            done.insert("remote_checksum".into(), remote_sum.into());
        } else {
            done.insert("file".into(), source.into());
            done.insert("checksum".into(), remote_sum.into());
        }
        Ok(Done::new(done))
    }
}

/// Where the file goes. The path on the host is data: it can never lead out of the destination.
fn target(call: &Call<'_>, source: &str, destination: &str, flat: bool) -> Result<PathBuf, Stop> {
    let base = rprov_modules::account::expand_path(destination);
    let base = match base.is_absolute() {
        true => base,
        false => call.scope.surroundings().playbook_dir.join(base),
    };
    let name = Path::new(source).file_name().ok_or_else(|| Stop::failed(format!("src is no file name: {source}")))?;
    if flat {
        if destination.ends_with('/') {
            return file(base.join(name));
        }
        if base.is_dir() {
            return Err(Stop::refused(
                "dest is an existing directory, use a trailing slash if you want to fetch src into that directory",
            ));
        }
        return Ok(base);
    }
    let own = base.join(&*call.host.name);
    let mut target = own.clone();
    for component in Path::new(source).components() {
        match component {
            Component::Normal(part) => target.push(part),
            // Never out of the host's own directory.
            Component::ParentDir if target.parent().is_some_and(|parent| parent.starts_with(&own)) => {
                target.pop();
            }
            _ => {}
        }
    }
    file(target)
}

/// The same path, which must not be a directory's.
fn file(target: PathBuf) -> Result<PathBuf, Stop> {
    if target.is_dir() {
        return Err(Stop::refused(format!(
            "calculated dest '{}' is an existing directory, use another path that does not point to an existing \
             directory",
            target.display()
        )));
    }
    Ok(target)
}
