//! `modprobe`: kernel modules, now and at the next start.

use std::path::PathBuf;

use rprov_modules::attributes::Wanted;
use rprov_modules::process::Command;
use rprov_modules::{Context, Failure, Outcome, arguments, choices, write};

use crate::root;

choices! {
    /// Whether the module is to be loaded.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// Whether it is to be loaded when the system starts.
    pub enum Persistent { Disabled = "disabled", Absent = "absent", Present = "present" }
}

arguments! {
    /// Load or unload kernel modules.
    pub struct Arguments {
        /// The module.
        name: String,
        /// Whether it is to be loaded.
        state: State = State::Present,
        /// Its parameters.
        params: String = String::new(),
        /// Whether it is to be loaded when the system starts; `disabled` leaves that as it is.
        persistent: Persistent = Persistent::Disabled,
    }
}

const LOAD: &str = "/etc/modules-load.d";
const OPTIONS: &str = "/etc/modprobe.d";

/// Load or unload it, and see to the next start.
///
/// # Errors
/// `modprobe` refuses, or the files cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    if name.is_empty() || name.starts_with('-') || name.contains(['/', '\n', ' ']) {
        return Err(Failure::new(format!("`{name}` is no name of a kernel module")));
    }
    let wanted = arguments.state == State::Present;
    let mut changed = wanted != (is_loaded(name) || is_built_in(name));
    if changed && !context.check() {
        let mut command = Command::new("modprobe").plain_locale();
        if wanted {
            let parameters = shlex::split(&arguments.params)
                .ok_or_else(|| Failure::new(format!("params: the quotes in `{}` do not match", arguments.params)))?;
            command = command.arg(name).args(parameters);
        } else {
            command = command.args(["-r", name]);
        }
        let attempt = if wanted { "could not load" } else { "could not unload" };
        command.run_or_fail(&format!("{attempt} the module {name}"), context)?;
    }
    if arguments.persistent != Persistent::Disabled {
        let present = arguments.persistent == Persistent::Present;
        let is_name = |line: &str| same(line, name);
        changed |= keep(LOAD, is_name, present.then(|| name.to_owned()), name, context)?;
        let parameters = arguments.params.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = (present && !parameters.is_empty()).then(|| format!("options {name} {parameters}"));
        let is_option = |line: &str| {
            let mut words = line.split_whitespace();
            words.next() == Some("options") && words.next().is_some_and(|word| same(word, name))
        };
        // Without parameters, those that somebody set elsewhere stay.
        if line.is_some() || !present {
            changed |= keep(OPTIONS, is_option, line, name, context)?;
        }
    }
    Ok(Outcome::new(changed)
        .with("name", name)
        .with("params", arguments.params.as_str())
        .with("state", arguments.state.word()))
}

/// The kernel makes no difference between `-` and `_`.
fn same(one: &str, other: &str) -> bool {
    one.replace('-', "_") == other.replace('-', "_")
}

fn is_loaded(name: &str) -> bool {
    let text = std::fs::read_to_string(root::at("/proc/modules")).unwrap_or_default();
    text.lines().any(|line| line.split(' ').next().is_some_and(|word| same(word, name)))
}

fn is_built_in(name: &str) -> bool {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let list = root::at("/lib/modules").join(release).join("modules.builtin");
    let text = std::fs::read_to_string(list).unwrap_or_default();
    text.lines().any(|line| {
        let file = line.rsplit('/').next().unwrap_or(line);
        same(file.strip_suffix(".ko").unwrap_or(file), name)
    })
}

/// In all files of a directory, comment lines out that are about the module and are not this one; if it is in none of them, write
/// it to the module's own file. Whether something changed.
fn keep(
    directory: &str,
    is_about: impl Fn(&str) -> bool,
    wanted: Option<String>,
    name: &str,
    context: &Context<'_>,
) -> Result<bool, Failure> {
    let directory = root::at(directory);
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)
        .into_iter()
        .flatten()
        .filter_map(|entry| Some(entry.ok()?.path()).filter(|path| path.extension().is_some_and(|end| end == "conf")))
        .collect();
    files.sort();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut found = false;
    let mut changed = false;
    for file in files {
        let Ok(before) = std::fs::read_to_string(&file) else { continue };
        let mut after = String::new();
        for line in before.split_inclusive('\n') {
            let plain = line.trim();
            if is_about(plain) {
                let is_wanted = wanted.as_deref().is_some_and(|wanted| same(&words(plain), wanted));
                if is_wanted && !found {
                    found = true;
                } else {
                    after.push('#');
                }
            }
            after.push_str(line);
        }
        if after != before {
            changed = true;
            if !context.check() {
                write::replace(&file, after.as_bytes(), &Wanted::default())?;
            }
        }
    }
    let Some(wanted) = wanted.filter(|_| !found) else { return Ok(changed) };
    if !context.check() {
        std::fs::create_dir_all(&directory).map_err(|error| Failure::io("create", &directory, error))?;
        let file = directory.join(format!("{name}.conf"));
        let mut text = std::fs::read_to_string(&file).unwrap_or_default();
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&wanted);
        text.push('\n');
        write::replace(&file, text.as_bytes(), &Wanted::default())?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn a_module_is_loaded_once_and_unloaded() {
        let bench = bench();
        bench.file("proc/modules", "ext4 1 0 - Live 0x0\n");
        bench.program(
            "modprobe",
            "case $1 in -r) sed -i /^dummy/d proc/modules;; *) echo dummy_hcd 1 0 >>proc/modules;; esac",
        );
        bench.converges("modprobe", json!({"name": "dummy-hcd", "params": "numdummies=2 x='a b'"}));
        assert_eq!(bench.calls(), ["modprobe dummy-hcd numdummies=2 x=a b"]);
        bench.converges("modprobe", json!({"name": "dummy-hcd", "state": "absent"}));
        assert_eq!(bench.calls(), ["modprobe -r dummy-hcd"]);
        bench.program("modprobe", "echo 'modprobe: FATAL: Module nope not found' >&2; exit 1");
        let message = bench.fails("modprobe", json!({"name": "nope"}));
        assert_eq!(message, "could not load the module nope: modprobe: FATAL: Module nope not found");
        assert!(bench.fails("modprobe", json!({"name": "-r"})).contains("no name"));
    }

    #[test]
    fn what_is_built_in_needs_no_loading() {
        let bench = bench();
        let release = rustix::system::uname().release().to_string_lossy().into_owned();
        bench.file(&format!("lib/modules/{release}/modules.builtin"), "kernel/fs/fuse/fuse.ko\n");
        bench.settled("modprobe", json!({"name": "fuse"}));
    }

    #[test]
    fn the_next_start_is_seen_to() {
        let bench = bench();
        bench.file("proc/modules", "loop 1 0 - Live 0x0\n");
        bench.file("etc/modprobe.d/own.conf", "options loop max_loop=1\noptions other a=1\n");
        let arguments = |persistent: &str| json!({"name": "loop", "params": "max_loop=8", "persistent": persistent});
        bench.converges("modprobe", arguments("present"));
        assert_eq!(bench.read("etc/modules-load.d/loop.conf"), "loop\n");
        assert_eq!(bench.read("etc/modprobe.d/own.conf"), "#options loop max_loop=1\noptions other a=1\n");
        assert_eq!(bench.read("etc/modprobe.d/loop.conf"), "options loop max_loop=8\n");
        bench.converges("modprobe", arguments("absent"));
        assert_eq!(bench.read("etc/modules-load.d/loop.conf"), "#loop\n");
        assert_eq!(bench.read("etc/modprobe.d/loop.conf"), "#options loop max_loop=8\n");
        bench.settled("modprobe", arguments("disabled"));
    }
}
