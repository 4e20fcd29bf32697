//! `timezone`: the system's time zone, and whether the hardware clock has it too.
//!
//! Where systemd runs, `timedatectl` is told, so that who listens hears of it. Elsewhere the files are written that C
//! libraries and start scripts read: `/etc/localtime`, `/etc/timezone`, `/etc/sysconfig/clock`, `/etc/adjtime`.

use std::path::{Path, PathBuf};

use rprov_modules::argument::Rule;
use rprov_modules::attributes::Wanted;
use rprov_modules::process::Command;
use rprov_modules::program::find_program;
use rprov_modules::rprov_wire::Map;
use rprov_modules::{Context, Diff, Failure, Outcome, arguments, choices, write};

use crate::root;

choices! {
    /// What the hardware clock shows.
    pub enum Clock { Local = "local", Utc = "UTC" }
}

arguments! {
    /// Configure the time zone.
    pub struct Arguments {
        /// The zone's name, such as `Europe/Berlin`.
        name: Option<String>,
        /// What the hardware clock shows.
        hwclock | rtc: Option<Clock>,
    }
    rules: [Rule::OneOf(&["name", "hwclock"])]
}

const ZONES: &str = "/usr/share/zoneinfo";

/// Set what differs.
///
/// # Errors
/// The host has no such zone, or the setting cannot be made.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if let Some(name) = &arguments.name {
        let plain =
            !name.is_empty() && !name.starts_with('/') && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
        if !plain || !root::at(ZONES).join(name).is_file() {
            return Err(Failure::new(format!(
                "given timezone \"{name}\" is not available: there is no {ZONES}/{name}; \
                 check the name, or install the package that has time zones (tzdata)"
            )));
        }
    }
    let mut before = Map::new();
    let mut after = Map::new();
    let zone = arguments.name.as_deref().filter(|wanted| {
        let present = present_zone();
        let differs = present.as_deref() != Some(*wanted);
        before.insert("name".to_owned(), present.unwrap_or_else(|| "n/a".to_owned()).into());
        after.insert("name".to_owned(), (*wanted).into());
        differs
    });
    let clock = arguments.hwclock.filter(|wanted| {
        let present = present_clock();
        before.insert("hwclock".to_owned(), present.word().into());
        after.insert("hwclock".to_owned(), wanted.word().into());
        present != *wanted
    });
    let changed = zone.is_some() || clock.is_some();
    if changed && !context.check() {
        let systemd = root::at("/run/systemd/system").exists() && find_program("timedatectl", context).is_some();
        if let Some(zone) = zone {
            if systemd {
                tell(&["set-timezone", zone], "could not set the time zone", context)?;
            } else {
                write_zone(zone)?;
            }
        }
        if let Some(clock) = clock {
            if systemd {
                let local = if clock == Clock::Local { "yes" } else { "no" };
                tell(&["set-local-rtc", local], "could not set the hardware clock", context)?;
            } else {
                write_clock(clock, context)?;
            }
        }
    }
    let mut outcome = Outcome::new(changed);
    if changed {
        outcome = outcome.with_diff(Diff::state(before, after));
    }
    Ok(outcome)
}

fn tell(arguments: &[&str], attempt: &str, context: &Context<'_>) -> Result<(), Failure> {
    let command = Command::new("timedatectl").arg("--no-ask-password").args(arguments).plain_locale();
    command.run_or_fail(attempt, context).map(drop)
}

/// What `/etc/localtime` leads to; where it is a copy, what `/etc/timezone` says, if the copy is of that zone.
fn present_zone() -> Option<String> {
    let local = root::at("/etc/localtime");
    if let Ok(target) = std::fs::read_link(&local) {
        let target = target.to_string_lossy().into_owned();
        return target.split_once("zoneinfo/").map(|(_, name)| name.to_owned());
    }
    let name = std::fs::read_to_string(root::at("/etc/timezone")).ok()?.trim().to_owned();
    let same = std::fs::read(root::at(ZONES).join(&name)).ok() == std::fs::read(local).ok();
    (same && !name.is_empty()).then_some(name)
}

/// Replace a file by a symbolic link in one step.
fn link(target: &str, path: &Path) -> Result<(), Failure> {
    let fail = |error: std::io::Error| Failure::io("replace", path, error);
    let directory = tempfile::tempdir_in(write::parent(path)).map_err(fail)?;
    let fresh = directory.path().join("link");
    std::os::unix::fs::symlink(target, &fresh).map_err(fail)?;
    std::fs::rename(&fresh, path).map_err(fail)
}

fn write_zone(zone: &str) -> Result<(), Failure> {
    link(&format!("{ZONES}/{zone}"), &root::at("/etc/localtime"))?;
    let file = root::at("/etc/timezone");
    if file.exists() || root::at("/etc/debian_version").exists() {
        write::replace(&file, format!("{zone}\n").as_bytes(), &Wanted::default())?;
    }
    assign("/etc/sysconfig/clock", "ZONE", &format!("\"{zone}\""))
}

/// Give a shell variable its value in a file, if there is the file.
fn assign(path: &str, name: &str, value: &str) -> Result<(), Failure> {
    let file: PathBuf = root::at(path);
    let Ok(before) = std::fs::read_to_string(&file) else { return Ok(()) };
    let is_it = |line: &&str| line.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with('='));
    let mut after: String = before.lines().filter(|line| !is_it(line)).map(|line| format!("{line}\n")).collect();
    after.push_str(&format!("{name}={value}\n"));
    write::replace(&file, after.as_bytes(), &Wanted::default())
}

/// The third line of adjtime(5) says it; without one it is UTC.
fn present_clock() -> Clock {
    let text = std::fs::read_to_string(root::at("/etc/adjtime")).unwrap_or_default();
    if text.lines().nth(2).is_some_and(|line| line.trim() == "LOCAL") { Clock::Local } else { Clock::Utc }
}

fn write_clock(clock: Clock, context: &Context<'_>) -> Result<(), Failure> {
    let local = clock == Clock::Local;
    for file in ["/etc/default/rcS", "/etc/conf.d/hwclock", "/etc/sysconfig/clock"] {
        assign(file, "UTC", if local { "no" } else { "yes" })?;
    }
    let flag = if local { "--localtime" } else { "--utc" };
    let command = Command::new("hwclock").args(["--systohc", flag]).plain_locale();
    command.run_or_fail("could not set the hardware clock", context).map(drop)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn without_systemd_the_files_are_written() {
        let bench = bench();
        bench.file("usr/share/zoneinfo/Europe/Berlin", "berlin");
        bench.file("etc/debian_version", "12\n");
        bench.file("etc/sysconfig/clock", "ZONE=\"UTC\"\nSRM=no\n");
        let done = bench.converges("timezone", json!({"name": "Europe/Berlin"}));
        assert_eq!(bench.read("etc/timezone"), "Europe/Berlin\n");
        assert_eq!(bench.read("etc/sysconfig/clock"), "SRM=no\nZONE=\"Europe/Berlin\"\n");
        let target = std::fs::read_link(bench.path("etc/localtime")).unwrap();
        assert_eq!(target.to_str(), Some("/usr/share/zoneinfo/Europe/Berlin"));
        assert_eq!(done["diff"].get("after").unwrap().get("name").unwrap().as_str(), Some("Europe/Berlin"));
        bench.program("hwclock", "printf '0 0 0\\n0\\nLOCAL\\n' >etc/adjtime");
        bench.converges("timezone", json!({"rtc": "local"}));
        assert_eq!(bench.calls(), ["hwclock --systohc --localtime"]);
    }

    #[test]
    fn systemd_is_told() {
        let bench = bench();
        bench.file("usr/share/zoneinfo/Europe/Berlin", "berlin");
        bench.file("run/systemd/system/x", "");
        bench.file("etc/x", "");
        bench.program("timedatectl", "ln -sf /usr/share/zoneinfo/$3 etc/localtime");
        bench.converges("timezone", json!({"name": "Europe/Berlin"}));
        assert_eq!(bench.calls(), ["timedatectl --no-ask-password set-timezone Europe/Berlin"]);
    }

    #[test]
    fn a_zone_that_is_not_there_is_refused() {
        let bench = bench();
        bench.file("usr/share/zoneinfo/Europe/Berlin", "berlin");
        bench.file("usr/share/x", "no zone");
        for name in ["Europe/Bonn", "../x", ""] {
            assert!(bench.fails("timezone", json!({"name": name})).contains("is not available"), "{name}");
        }
        assert!(bench.fails("timezone", json!({})).contains("hwclock"));
    }
}
