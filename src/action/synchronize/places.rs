//! Where the two trees of `synchronize` are.

use rprov_modules::account::expand_path;

use super::command::{Arguments, Mode};
use super::prefix;
use crate::action::call::{Call, Stop};

/// The two places as rsync is told of them, and what lies between them.
#[derive(Debug)]
pub(super) struct Places {
    /// Where it comes from.
    pub(super) src: String,
    /// Where it goes.
    pub(super) dest: String,
    /// The one on the task's own host, less the host; the one that rsync's other side is to read or write.
    pub(super) there: String,
    /// rsync itself runs on the controller.
    pub(super) on_controller: bool,
    /// There is another side, on another host than rsync itself.
    pub(super) is_bridged: bool,
    /// One of them is that of an rsync daemon, which rsync speaks to without our help.
    pub(super) has_daemon: bool,
}

impl Places {
    pub(super) fn new(call: &Call<'_>, arguments: &Arguments) -> Result<Self, Stop> {
        // As they were written: what `~` means depends on the host.
        let text = |name: &str| {
            let value = call.arguments.get(name);
            value.map(|value| value.as_str().map_or_else(|| value.to_string(), str::to_owned)).unwrap_or_default()
        };
        let (mut src, mut dest) = (text("src"), text("dest"));
        let on_controller = call.remote.is_local() || call.own.is_none();
        let has_daemon = is_daemon(&src) || is_daemon(&dest);
        let is_one_host = match call.own {
            Some(own) => call.remote.same_host(own),
            None => call.remote.is_local(),
        };
        let is_bridged = !has_daemon && !is_one_host;
        let (near, far) = match arguments.mode {
            Mode::Push => (&mut src, &mut dest),
            Mode::Pull => (&mut dest, &mut src),
        };
        if !has_daemon {
            for path in [&*near, &*far] {
                if let Some(host) = host_of(path) {
                    return Err(Stop::failed(format!(
                        "`{path}` names the host {host} itself: give the path alone; the other host is the task's own, or \
                         the one of `delegate_to`"
                    )));
                }
            }
        }
        let there = far.clone();
        if on_controller && !is_daemon(near) {
            *near = on_this_machine(call, near);
        }
        if is_bridged {
            *far = prefix(call.own.unwrap_or(call.remote), arguments.set_remote_user) + far;
        } else if on_controller && !is_daemon(far) {
            *far = on_this_machine(call, far);
        }
        Ok(Self { src, dest, there, on_controller, is_bridged, has_daemon })
    }
}

/// A path of the controller: in the role's or the playbook's `files`, or beside the playbook. A slash at its end, by which
/// rsync tells a directory's content from the directory, stays.
fn on_this_machine(call: &Call<'_>, path: &str) -> String {
    let expanded = expand_path(path);
    let found = match expanded.is_absolute() {
        true => expanded,
        false => match call.find_file("files", path) {
            Ok(found) => found,
            Err(_) => call.scope.surroundings().playbook_dir.join(expanded),
        },
    };
    let found = found.display().to_string();
    if path.ends_with('/') && !found.ends_with('/') { found + "/" } else { found }
}

/// Whether rsync speaks to a daemon there.
fn is_daemon(path: &str) -> bool {
    path.starts_with("rsync://") || path.split('/').next().is_some_and(|start| start.contains("::"))
}

/// The host that a path names.
fn host_of(path: &str) -> Option<&str> {
    let (host, _) = path.split_once(':')?;
    (!host.is_empty() && !host.contains('/')).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_and_a_host_are_told_from_a_path() {
        assert!(is_daemon("rsync://a/b") && is_daemon("a::b") && !is_daemon("/a::b") && !is_daemon("a:/b"));
        assert_eq!(host_of("a@b:/c"), Some("a@b"));
        assert_eq!((host_of("/a:b"), host_of("./a:b"), host_of("a/b:c")), (None, None, None));
    }
}
