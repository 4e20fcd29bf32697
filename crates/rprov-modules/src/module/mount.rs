//! `mount`: file systems in fstab(5), and mounted.
//!
//! Whether something is mounted is read from the kernel's own table, so bind mounts are seen as well.

use std::path::{Path, PathBuf};

use crate::argument::Rule;
use crate::attributes::Wanted;
use crate::context::Context;
use crate::fact;
use crate::fact::mounts::unescape;
use crate::outcome::{Failure, Outcome};
use crate::process::Command;
use crate::write;
use crate::{arguments, choices};

choices! {
    /// What is to be true of the mount point.
    pub enum State {
        Absent = "absent",
        AbsentFromFstab = "absent_from_fstab",
        Mounted = "mounted",
        Present = "present",
        Unmounted = "unmounted",
        Remounted = "remounted",
        Ephemeral = "ephemeral",
    }
}

arguments! {
    /// Control active and configured mount points.
    pub struct Arguments {
        /// The mount point.
        path | name: PathBuf,
        /// What to mount there.
        src: Option<PathBuf>,
        /// The type of the file system.
        fstype: Option<String>,
        /// Mount options.
        opts: Option<String>,
        /// Do not return the options.
        opts_no_log: bool = false,
        /// The fifth field of fstab.
        dump: String = "0".to_owned(),
        /// The sixth field of fstab.
        passno: String = "0".to_owned(),
        /// What is to be true of the mount point.
        state: State,
        /// The file to use instead of `/etc/fstab`.
        fstab: Option<String>,
        /// Mount it when the system starts; otherwise `noauto` is added to the options.
        boot: bool = true,
        /// Keep a copy of the file as it was.
        backup: bool = false,
    }
    rules: [
        Rule::If("state", "mounted", &["src", "fstype"]),
        Rule::If("state", "present", &["src", "fstype"]),
        Rule::If("state", "ephemeral", &["src", "fstype"]),
    ]
}

const FSTAB: &str = "/etc/fstab";

/// A line of fstab, its fields without escapes.
#[derive(Clone, Debug, PartialEq)]
struct Entry {
    source: String,
    path: String,
    kind: String,
    options: String,
    dump: String,
    pass: String,
}

impl Entry {
    fn parse(line: &str) -> Option<Self> {
        let line = line.trim();
        if line.starts_with('#') {
            return None;
        }
        let mut words = line.split_whitespace();
        let mut next = || words.next().map(unescape);
        let (source, path, kind) = (next()?, next()?, next()?);
        let options = next().unwrap_or_else(|| "defaults".to_owned());
        let (dump, pass) = (next(), next());
        let zero = |field: Option<String>| field.unwrap_or_else(|| "0".to_owned());
        Some(Entry { source, path, kind, options, dump: zero(dump), pass: zero(pass) })
    }

    fn line(&self) -> String {
        let fields = [&self.source, &self.path, &self.kind, &self.options, &self.dump, &self.pass];
        fields.map(|field| escape(field)).join(" ") + "\n"
    }

    /// Whether this line and a wanted one are about the same thing; swap areas have no place of their own.
    fn is_about(&self, wanted: &Entry) -> bool {
        let swap = self.path == "none" && self.kind == "swap";
        without_slash(&self.path) == without_slash(&wanted.path)
            && (!swap || wanted.source.is_empty() || self.source == wanted.source)
    }
}

/// Blanks within a field are written as fstab(5) says.
fn escape(field: &str) -> String {
    field.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('\n', "\\012")
}

fn without_slash(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if path.starts_with('/') => "/",
        path => path,
    }
}

/// The text with the entry in it, or without it.
fn edit(before: &str, wanted: &Entry, present: bool) -> String {
    let mut after = String::with_capacity(before.len() + 64);
    let mut found = false;
    for line in before.split_inclusive('\n') {
        match Entry::parse(line).filter(|entry| entry.is_about(wanted)) {
            None => after.push_str(line),
            Some(_) if !present || found => {}
            Some(entry) => {
                found = true;
                if (Entry { path: wanted.path.clone(), ..entry }) == *wanted {
                    after.push_str(line);
                } else {
                    after.push_str(&wanted.line());
                }
            }
        }
    }
    if present && !found {
        if !after.is_empty() && !after.ends_with('\n') {
            after.push('\n');
        }
        after.push_str(&wanted.line());
    }
    after
}

/// What is mounted at a path: source and root within it, from the topmost mount.
fn mounted(path: &Path) -> Option<(String, String)> {
    // The last part may be missing, or the mount point of a file system that does not answer.
    let place = match (path.parent().and_then(|parent| parent.canonicalize().ok()), path.file_name()) {
        (Some(parent), Some(name)) if !path.is_symlink() => parent.join(name),
        _ => path.canonicalize().ok()?,
    };
    let table = fact::content("/proc/thread-self/mountinfo").or_else(|| fact::content("/proc/self/mountinfo"))?;
    table
        .lines()
        .filter_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let mut left = left.split(' ').skip(3).map(unescape);
            let (root, point) = (left.next()?, left.next()?);
            let source = right.split(' ').nth(1).map(unescape)?;
            (Path::new(&point) == place).then_some((source, root))
        })
        .next_back()
}

/// Whether what is mounted came from this source.
fn is_source(mounted: &(String, String), source: &str, path: &Path) -> bool {
    let device = match source.split_once('=') {
        Some((kind @ ("UUID" | "LABEL" | "PARTUUID" | "PARTLABEL"), value)) => {
            PathBuf::from(format!("/dev/disk/by-{}/{}", kind.to_lowercase(), value.trim_matches('"')))
        }
        _ => PathBuf::from(source),
    };
    let same_file = |one: &Path, other: &Path| {
        use std::os::unix::fs::MetadataExt;
        let (Ok(one), Ok(other)) = (std::fs::metadata(one), std::fs::metadata(other)) else { return false };
        (one.dev(), one.ino()) == (other.dev(), other.ino())
    };
    mounted.0 == source || same_file(Path::new(&mounted.0), &device) || same_file(path, &device)
}

/// Bring the mount point to its state.
///
/// # Errors
/// What `mount` or `umount` say, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let path = PathBuf::from(without_slash(&arguments.path.to_string_lossy()));
    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut options = arguments.opts.clone().unwrap_or_else(|| "defaults".to_owned());
    if !arguments.boot && !options.split(',').any(|option| option == "noauto") {
        options.push_str(",noauto");
    }
    let wanted = Entry {
        source: arguments.src.as_deref().map(text).unwrap_or_default(),
        path: text(&arguments.path),
        kind: arguments.fstype.clone().unwrap_or_default(),
        options,
        dump: arguments.dump.clone(),
        pass: arguments.passno.clone(),
    };
    let fstab = arguments.fstab.clone().unwrap_or_else(|| FSTAB.to_owned());
    let mut task = Task { arguments: &arguments, context, path, wanted, fstab, changed: false, backup: None };
    match arguments.state {
        State::Present => drop(task.write(true)?),
        State::AbsentFromFstab => drop(task.write(false)?),
        State::Absent => task.absent()?,
        State::Mounted => task.mounted()?,
        State::Unmounted => {
            if mounted(&task.path).is_some() {
                task.changed = true;
                task.unmount()?;
            }
        }
        State::Remounted => {
            task.changed = true;
            task.remount()?;
        }
        State::Ephemeral => task.ephemeral()?,
    }
    Ok(task.outcome())
}

struct Task<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    path: PathBuf,
    wanted: Entry,
    fstab: String,
    changed: bool,
    backup: Option<PathBuf>,
}

impl Task<'_> {
    fn outcome(self) -> Outcome {
        let hidden = self.arguments.opts_no_log;
        let mut outcome = Outcome::new(self.changed)
            .with("name", self.wanted.path)
            .with("dump", self.wanted.dump)
            .with("passno", self.wanted.pass)
            .with("fstab", self.fstab)
            .with("boot", if self.arguments.boot { "yes" } else { "no" })
            .with("backup_file", self.backup.map(|path| path.display().to_string()).unwrap_or_default())
            .with("opts", if hidden { "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER".to_owned() } else { self.wanted.options });
        for (name, value) in [("src", self.wanted.source), ("fstype", self.wanted.kind)] {
            if !value.is_empty() {
                outcome = outcome.with(name, value);
            }
        }
        outcome
    }

    /// Bring the line to the file; the file's former text.
    fn write(&mut self, present: bool) -> Result<Option<String>, Failure> {
        let file = Path::new(&self.fstab);
        let before = match std::fs::read_to_string(file) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => return Err(Failure::io("read", file, error)),
        };
        let after = edit(before.as_deref().unwrap_or_default(), &self.wanted, present);
        if before.as_deref().unwrap_or_default() == after {
            return Ok(before);
        }
        self.changed = true;
        if !self.context.check() {
            if self.arguments.backup {
                self.backup = write::backup(file)?;
            }
            let target = write::resolve(file)?;
            let directory = write::parent(&target);
            std::fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, error))?;
            write::replace(&target, after.as_bytes(), &Wanted::default())?;
        }
        Ok(before)
    }

    fn absent(&mut self) -> Result<(), Failure> {
        self.write(false)?;
        if !self.changed || self.context.check() {
            return Ok(());
        }
        if mounted(&self.path).is_some() {
            self.unmount()?;
        }
        match std::fs::remove_dir(&self.path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Failure::new(format!("Error rmdir {}: {error}", self.path.display())))
            }
            _ => Ok(()),
        }
    }

    fn mounted(&mut self) -> Result<(), Failure> {
        let created = self.directory()?;
        let before = self.write(true)?;
        let in_file = self.changed;
        let there = mounted(&self.path).is_some();
        self.changed |= created || !there;
        if self.context.check() {
            return Ok(());
        }
        let done = match (there, in_file) {
            (true, true) => self.remount(),
            (true, false) => Ok(()),
            (false, _) => self.mount(),
        };
        if done.is_err() {
            // What cannot be mounted is not to hinder the next start of the system.
            if in_file {
                match before {
                    Some(before) => {
                        write::replace(&write::resolve(Path::new(&self.fstab))?, before.as_bytes(), &Wanted::default())?
                    }
                    None => drop(std::fs::remove_file(&self.fstab)),
                }
            }
            if created {
                let _ = std::fs::remove_dir(&self.path);
            }
        }
        done
    }

    fn ephemeral(&mut self) -> Result<(), Failure> {
        let there = mounted(&self.path);
        if let Some(there) = &there
            && !is_source(there, &self.wanted.source, &self.path)
        {
            return Err(Failure::new(format!(
                "Ephemeral mount point is already mounted with a different source than the specified one. \
                 Failing in order to prevent an unwanted unmount or override operation. \
                 {} has {}; unmount it first (state: unmounted), or name another path",
                self.path.display(),
                there.0
            )));
        }
        self.changed = true;
        let created = self.directory()?;
        if there.is_some() {
            return self.remount();
        }
        let done = self.mount();
        if done.is_err() && created {
            let _ = std::fs::remove_dir(&self.path);
        }
        done
    }

    /// Make the mount point, unless something is there.
    fn directory(&self) -> Result<bool, Failure> {
        if self.path.exists() {
            return Ok(false);
        }
        if !self.context.check() {
            std::fs::create_dir_all(&self.path)
                .map_err(|error| Failure::new(format!("Error making dir {}: {error}", self.path.display())))?;
        }
        Ok(true)
    }

    fn mount(&self) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        let mut command = Command::new("mount").plain_locale();
        if self.arguments.state == State::Ephemeral {
            command = command.args(["-t", &self.wanted.kind, "-o", &self.wanted.options]).arg(&*self.wanted.source);
        } else if self.fstab != FSTAB {
            command = command.arg("-T").arg(&*self.fstab);
        }
        let attempt = format!("Error mounting {}", self.path.display());
        command.arg(self.path.as_os_str()).run_or_fail(&attempt, self.context).map(drop)
    }

    fn unmount(&self) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        let attempt = format!("Error unmounting {}", self.path.display());
        Command::new("umount").plain_locale().arg(self.path.as_os_str()).run_or_fail(&attempt, self.context).map(drop)
    }

    fn remount(&self) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        let given = self
            .arguments
            .opts
            .as_deref()
            .filter(|_| matches!(self.arguments.state, State::Remounted | State::Ephemeral));
        let options = given.map_or_else(|| "remount".to_owned(), |given| format!("remount,{given}"));
        let mut command = Command::new("mount").plain_locale();
        if self.fstab != FSTAB && self.arguments.state != State::Ephemeral {
            command = command.arg("-T").arg(&*self.fstab);
        }
        let output = command.arg("-o").arg(options).arg(self.path.as_os_str()).run(self.context)?;
        if output.success() {
            return Ok(());
        }
        if self.arguments.state == State::Remounted && given.is_some() {
            return Err(output.failure(&format!(
                "Error remounting {} with opts; nothing was unmounted, since that could change more than was asked for",
                self.path.display()
            )));
        }
        // Some file systems and bind mounts cannot be remounted.
        if mounted(&self.path).is_some() {
            self.unmount()?;
        }
        self.mount()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::Bench;

    const FSTAB: &str = "# static\nUUID=1 / ext4 defaults 0 1\n/dev/sda2 none swap sw 0 0\n";

    fn with(bench: &Bench, mut arguments: Value) -> Value {
        arguments["fstab"] = bench.path("fstab").into();
        arguments
    }

    #[test]
    fn a_line_is_added_changed_in_its_place_and_removed() {
        let bench = Bench::new();
        bench.file("fstab", FSTAB);
        let arguments = |opts: &str, boot: bool| {
            let arguments = json!({"path": "/mnt/a b/", "src": "LABEL=x", "fstype": "xfs", "opts": opts, "boot": boot,
                "state": "present", "backup": false});
            with(&bench, arguments)
        };
        let done = bench.converges("mount", arguments("ro", true));
        assert_eq!(bench.read("fstab"), format!("{FSTAB}LABEL=x /mnt/a\\040b/ xfs ro 0 0\n"));
        assert_eq!(done["name"].as_str(), Some("/mnt/a b/"));
        assert_eq!(done["boot"].as_str(), Some("yes"));
        bench.converges("mount", arguments("rw", false));
        assert_eq!(bench.read("fstab"), format!("{FSTAB}LABEL=x /mnt/a\\040b/ xfs rw,noauto 0 0\n"));
        bench.converges("mount", with(&bench, json!({"path": "/mnt/a b", "state": "absent_from_fstab"})));
        assert_eq!(bench.read("fstab"), FSTAB);
    }

    #[test]
    fn swap_areas_are_told_apart_by_their_device() {
        let bench = Bench::new();
        bench.file("fstab", FSTAB);
        let arguments = json!({"path": "none", "src": "/dev/sdb1", "fstype": "swap", "opts": "sw", "state": "present"});
        bench.converges("mount", with(&bench, arguments));
        assert_eq!(bench.read("fstab"), format!("{FSTAB}/dev/sdb1 none swap sw 0 0\n"));
    }

    #[test]
    fn what_is_needed_must_be_given_and_a_failed_mount_leaves_no_trace() {
        let bench = Bench::new();
        bench.file("fstab", FSTAB);
        assert!(bench.fails("mount", json!({"path": "/x", "state": "mounted", "src": "y"})).contains("fstype"));
        assert!(bench.fails("mount", json!({"path": "/x", "state": "gone"})).contains("absent_from_fstab"));
        bench.program("mount", "echo 'no such device' >&2; exit 32");
        let path = bench.path("point");
        let arguments = json!({"path": path, "src": "/dev/none", "fstype": "ext4", "state": "mounted"});
        let before = bench.snapshot();
        let message = bench.fails("mount", with(&bench, arguments));
        assert_eq!(message, format!("Error mounting {path}: no such device"));
        assert_eq!(bench.snapshot().keys().collect::<Vec<_>>(), before.keys().collect::<Vec<_>>());
        assert_eq!(bench.read("fstab"), FSTAB);
    }

    #[cfg(feature = "system-tests")]
    #[test]
    fn file_systems_are_mounted_remounted_and_unmounted() {
        use rustix::mount::{MountPropagationFlags, mount_change};
        use rustix::thread::{UnshareFlags, unshare_unsafe};
        // SAFETY: only this thread gets a mount namespace of its own, and the programs that it starts.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::FS) }.unwrap();
        mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
        let bench = Bench::new();
        bench.file("fstab", "");
        bench.file("source/file", "x");
        let point = bench.path("deep/point");
        let arguments = |opts: &str| {
            let arguments = json!({"path": point, "src": "tmpfs", "fstype": "tmpfs", "opts": opts, "state": "mounted"});
            with(&bench, arguments)
        };
        let mounted = || super::mounted(point.as_ref());
        bench.converges("mount", arguments("size=64k"));
        assert_eq!(mounted().unwrap().0, "tmpfs");
        bench.converges("mount", arguments("size=128k"));
        let table = std::fs::read_to_string("/proc/thread-self/mountinfo").unwrap();
        assert!(table.lines().any(|line| line.contains("deep/point") && line.contains("size=128k")), "{table}");
        let remounted = bench.apply("mount", with(&bench, json!({"path": point, "state": "remounted", "opts": "ro"})));
        assert_eq!(remounted["changed"].as_bool(), Some(true));
        assert!(std::fs::write(format!("{point}/x"), "").is_err());
        let unmounted = with(&bench, json!({"path": point, "state": "unmounted"}));
        assert_eq!(bench.apply("mount", unmounted.clone())["changed"].as_bool(), Some(true));
        bench.settled("mount", unmounted);
        bench.converges("mount", with(&bench, json!({"path": point, "state": "absent"})));
        assert!(!std::path::Path::new(&point).exists());
        // A bind mount is on the same device as its directory.
        let bind = json!({"path": bench.path("bound"), "src": bench.path("source"), "fstype": "none", "opts": "bind",
            "state": "mounted"});
        bench.converges("mount", with(&bench, bind.clone()));
        assert_eq!(bench.read("bound/file"), "x");
        let mut ephemeral = bind;
        ephemeral["state"] = "ephemeral".into();
        assert_eq!(bench.apply("mount", ephemeral.clone())["changed"].as_bool(), Some(true));
        ephemeral["src"] = bench.path("deep").into();
        assert!(bench.fails("mount", ephemeral).contains("different source"));
        bench.apply("mount", with(&bench, json!({"path": bench.path("bound"), "state": "absent"})));
        assert!(super::mounted(bench.path("bound").as_ref()).is_none());
    }
}
