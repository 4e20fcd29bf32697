//! `acl`: entries of access control lists.

use std::path::PathBuf;

use crate::context::Context;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::{arguments, choices};

choices! {
    /// Whether the entry is to be there, or is only asked for.
    pub enum State { Absent = "absent", Present = "present", Query = "query" }
}

choices! {
    /// Whom an entry is about.
    pub enum Kind { Group = "group", Mask = "mask", Other = "other", User = "user" }
}

choices! {
    /// Whether the mask is calculated anew.
    pub enum Recalculate { Default = "default", Mask = "mask", NoMask = "no_mask" }
}

arguments! {
    /// Set and retrieve file ACL information.
    pub struct Arguments {
        /// The file.
        path | name: PathBuf,
        /// Whether the entry is to be there, or is only asked for.
        state: State = State::Query,
        /// Follow symbolic links.
        follow: bool = true,
        /// The entry is one that new files in the directory get.
        default: bool = false,
        /// The user or group.
        entity: String = String::new(),
        /// Whom the entry is about.
        etype: Option<Kind>,
        /// What they may do, such as `rwx` or `rX`.
        permissions: Option<String>,
        /// The entry in one text, `TYPE:NAME:PERMISSIONS`.
        entry: Option<String>,
        /// All files below the directory, too.
        recursive | recurse: bool = false,
        /// The file system has lists of NFS version 4.
        use_nfsv4_acls: bool = false,
        /// Whether the mask is calculated anew.
        recalculate_mask: Recalculate = Recalculate::Default,
    }
}

/// What contradicts itself in the arguments.
fn check(arguments: &Arguments) -> Result<(), Failure> {
    let fail = |message: &str| Err(Failure::new(message));
    let query = arguments.state == State::Query;
    if query && arguments.recursive {
        return fail("'recursive' MUST NOT be set when 'state=query'.");
    }
    if query && arguments.recalculate_mask != Recalculate::Default {
        return fail("'recalculate_mask' MUST NOT be set to 'mask' or 'no_mask' when 'state=query'.");
    }
    if arguments.entry.is_some() {
        if arguments.etype.is_some() || !arguments.entity.is_empty() || arguments.permissions.is_some() {
            return fail("'entry' MUST NOT be set when 'entity', 'etype' or 'permissions' are set.");
        }
        return Ok(());
    }
    match (arguments.state, arguments.etype) {
        (State::Query, _) | (State::Absent, Some(_)) => {}
        (State::Present, Some(_)) if arguments.permissions.is_some() => {}
        (State::Present, Some(_)) => return fail("'permissions' MUST be set when 'state=present'."),
        (_, None) => return fail("'entry' or 'etype' MUST be set when 'state=present' or 'state=absent'."),
    }
    if arguments.state == State::Absent && arguments.permissions.is_some() && !arguments.use_nfsv4_acls {
        return fail("'permissions' MUST NOT be set when 'state=absent'.");
    }
    Ok(())
}

/// The entry as setfacl takes it.
fn entry(arguments: &Arguments) -> Result<String, Failure> {
    let (default, kind, entity, permissions) = match &arguments.entry {
        None => (
            arguments.default,
            arguments.etype.map(Kind::word).unwrap_or_default().to_owned(),
            arguments.entity.clone(),
            arguments.permissions.clone().unwrap_or_default(),
        ),
        Some(text) => {
            let mut parts: Vec<&str> = text.split(':').collect();
            let default = matches!(parts.first(), Some(&("d" | "default")));
            if default {
                parts.remove(0);
            }
            match parts.as_slice() {
                [kind, entity, permissions] => {
                    (default || arguments.default, (*kind).to_owned(), (*entity).to_owned(), (*permissions).to_owned())
                }
                [kind, entity] if arguments.state == State::Absent => {
                    (default || arguments.default, (*kind).to_owned(), (*entity).to_owned(), String::new())
                }
                _ => {
                    return Err(Failure::new(format!(
                        "'entry' MUST have 3 or 4 sections divided by ':' (TYPE:NAME:PERMISSIONS), got `{text}`"
                    )));
                }
            }
        }
    };
    if arguments.use_nfsv4_acls {
        let flags = if kind == "group" { "g" } else { "" };
        return Ok(format!("A:{flags}:{entity}:{permissions}"));
    }
    let start = if default { "default:" } else { "" };
    Ok(if arguments.state == State::Absent {
        format!("{start}{kind}:{entity}")
    } else {
        format!("{start}{kind}:{entity}:{permissions}")
    })
}

fn command(arguments: &Arguments, program: &str) -> Command {
    Command::new(program).plain_locale().args((!arguments.follow).then_some("--physical"))
}

/// The entries as they are.
fn list(arguments: &Arguments, context: &Context<'_>) -> Result<Vec<String>, Failure> {
    let command = if arguments.use_nfsv4_acls {
        Command::new("nfs4_getfacl").plain_locale()
    } else {
        let command = command(arguments, "getfacl").args(["--omit-header", "--absolute-names"]);
        if arguments.default { command.arg("--default") } else { command }
    };
    let command = if arguments.recursive { command.arg("-R") } else { command };
    let attempt = format!("could not read the ACL of {}", arguments.path.display());
    let text = command.arg(arguments.path.as_os_str()).run_or_fail(&attempt, context)?.stdout();
    Ok(text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect())
}

/// Add, remove, or ask.
///
/// # Errors
/// There is no such file, it has no access control lists, or the entry is none.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    check(&arguments)?;
    let path = arguments.path.as_path();
    let Ok(metadata) = std::fs::metadata(path) else {
        return Err(Failure::new(format!("Path {} not found or not accessible.", path.display())));
    };
    if arguments.default && !metadata.is_dir() {
        return Err(Failure::new(format!("'default' needs a directory, and {} is none", path.display())));
    }
    if arguments.state == State::Query {
        return Ok(Outcome::unchanged().with("msg", "current acl").with("acl", list(&arguments, context)?));
    }
    let entry = entry(&arguments)?;
    let changed = if arguments.use_nfsv4_acls {
        let present = list(&arguments, context)?.contains(&entry);
        let changed = present == (arguments.state == State::Absent);
        if changed && !context.check() {
            let flag = if arguments.state == State::Absent { "-x" } else { "-a" };
            let command = Command::new("nfs4_setfacl").plain_locale().args(arguments.recursive.then_some("-R"));
            set(command.args([flag, &*entry]), &arguments, context)?;
        }
        changed
    } else {
        let flag = if arguments.state == State::Absent { "-x" } else { "-m" };
        let build = |test: bool| {
            let command = command(&arguments, "setfacl").args(test.then_some("--test"));
            let command = command.args(arguments.recursive.then_some("--recursive"));
            let command = match arguments.recalculate_mask {
                Recalculate::Default => command,
                Recalculate::Mask => command.arg("--mask"),
                Recalculate::NoMask => command.arg("--no-mask"),
            };
            command.args([flag, &*entry])
        };
        // A file whose list stays as it is, is told as `NAME: *,*`.
        let test = set(build(true), &arguments, context)?;
        let changed = test.lines().any(|line| !line.trim().is_empty() && !line.trim_end().ends_with("*,*"));
        if changed && !context.check() {
            set(build(false), &arguments, context)?;
        }
        changed
    };
    let state = if arguments.state == State::Absent { "is absent" } else { "is present" };
    Ok(Outcome::new(changed).with("msg", format!("{entry} {state}")).with("acl", list(&arguments, context)?))
}

fn set(command: Command, arguments: &Arguments, context: &Context<'_>) -> Result<String, Failure> {
    let attempt = format!("could not change the ACL of {}", arguments.path.display());
    Ok(command.arg(arguments.path.as_os_str()).run_or_fail(&attempt, context)?.stdout())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::Bench;

    /// Programs with the words of setfacl and getfacl, which keep the list in a file.
    fn bench() -> Bench {
        let bench = Bench::new();
        bench.file("f", "");
        bench.file("list", "user::rw-\ngroup::r--\n");
        bench.program("getfacl", "cat list");
        bench.program(
            "setfacl",
            "test=; [ \"$1\" = --test ] && { test=1; shift; }; f=$(eval echo \\${$#}); \
             case $1 in -m) grep -qxF \"$2\" list && { echo \"$f: *,*\"; exit; };; \
             -x) grep -q \"^$2:\" list || { echo \"$f: *,*\"; exit; };; esac; \
             [ $test ] && { echo \"$f: u::rw-,...\"; exit; }; \
             case $1 in -m) echo \"$2\" >>list;; -x) grep -v \"^$2:\" list >new; mv new list;; esac",
        );
        bench
    }

    #[test]
    fn an_entry_is_added_once_and_removed() {
        let bench = bench();
        let path = bench.path("f");
        let done = bench.converges(
            "acl",
            json!({"path": path, "entity": "joe", "etype": "user", "permissions": "r", "state": "present"}),
        );
        assert_eq!(done["acl"].to_json(), json!(["user::rw-", "group::r--", "user:joe:r"]));
        bench.settled("acl", json!({"name": path, "entry": "user:joe:r", "state": "present"}));
        bench.settled("acl", json!({"path": path}));
        bench.converges("acl", json!({"path": path, "entity": "joe", "etype": "user", "state": "absent"}));
    }

    #[test]
    fn arguments_that_make_no_entry_are_refused() {
        let bench = bench();
        let path = bench.path("f");
        let fails = |more: serde_json::Value| {
            let mut arguments = json!({"path": path, "state": "present"});
            for (name, value) in more.as_object().into_iter().flatten() {
                arguments[name] = value.clone();
            }
            bench.fails("acl", arguments)
        };
        assert!(fails(json!({})).contains("'entry' or 'etype'"));
        assert!(fails(json!({"etype": "user"})).contains("'permissions'"));
        assert!(fails(json!({"entry": "user"})).contains("sections"));
        assert!(fails(json!({"entry": "user:a:r", "etype": "user"})).contains("MUST NOT"));
        assert!(fails(json!({"state": "query", "recurse": true})).contains("'recursive'"));
        assert!(fails(json!({"path": "/nonexistent", "entry": "user:a:r"})).contains("/nonexistent"));
        assert!(fails(json!({"entry": "user:a:r", "default": true})).contains("directory"));
        assert!(fails(json!({"etype": "users"})).contains("mask"));
    }
}
