//! Services that a script in `/etc/init.d` starts: what `service` and `sysvinit` share.

use std::path::{Path, PathBuf};

use crate::context::Context;
use crate::fact;
use crate::outcome::Failure;
use crate::process::{Command, Output};
use crate::program::find_program;

/// A service's script.
pub(crate) struct InitScript<'a> {
    pub(crate) name: &'a str,
    /// More words for each call.
    pub(crate) arguments: &'a str,
    pub(crate) context: &'a Context<'a>,
}

impl InitScript<'_> {
    pub(crate) fn path(&self) -> PathBuf {
        Path::new("/etc/init.d").join(self.name)
    }

    /// Call it; a status other than 0 is no error here.
    pub(crate) fn call(&self, verb: &str) -> Result<Output, Failure> {
        let words = shlex::split(self.arguments).unwrap_or_default();
        let command = Command::new(self.path()).arg(verb).args(words);
        Ok(command.plain_locale().current_dir("/").run(self.context)?)
    }

    /// Whether it starts at boot, in one runlevel or in any: links like `S01ssh` in the runlevels' directories.
    pub(crate) fn is_enabled(&self, level: Option<&str>) -> bool {
        let levels: Vec<&str> = level.map_or_else(|| vec!["0", "1", "2", "3", "4", "5", "6", "S"], |level| vec![level]);
        levels.iter().any(|level| {
            ["/etc", "/etc/rc.d"].iter().any(|base| {
                fact::names(format!("{base}/rc{level}.d")).iter().any(|link| {
                    link.strip_prefix('S')
                        .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()) == self.name)
                })
            })
        })
    }

    /// Make it start at boot or not, in these runlevels or in those that the script names.
    ///
    /// # Errors
    /// The host has no program for that, or it refuses.
    pub(crate) fn enable(&self, enable: bool, levels: &[String]) -> Result<Output, Failure> {
        let verb = if enable { "enable" } else { "disable" };
        let attempt = format!("could not {verb} the service {}", self.name);
        let has = |program: &str| find_program(program, self.context).is_some();
        let command = if has("update-rc.d") {
            if enable {
                Command::new("update-rc.d").args([self.name, "defaults"]).run_or_fail(&attempt, self.context)?;
            }
            Command::new("update-rc.d").args([self.name, verb]).args(levels)
        } else if has("chkconfig") {
            let command = Command::new("chkconfig");
            let command = if levels.is_empty() { command } else { command.args(["--level", &levels.concat()]) };
            command.args([self.name, if enable { "on" } else { "off" }])
        } else {
            return Err(Failure::new(format!(
                "{attempt}: this host has none of systemctl, rc-update, update-rc.d and chkconfig"
            )));
        };
        command.plain_locale().run_or_fail(&attempt, self.context)
    }
}

/// Whether the output of a script's `status` says that the service runs; `None` where it does not know `status`.
pub(crate) fn says_running(output: &Output) -> Option<bool> {
    let text = output.stdout().to_lowercase();
    // The LSB's codes, unless the script knows no better than to exit with 0.
    match output.rc {
        0 => Some(!["not running", "is stopped", "is inactive", "dead"].iter().any(|sign| text.contains(sign))),
        1..=4 => Some(false),
        _ if text.contains("not running") => Some(false),
        _ => text.contains("running").then_some(true),
    }
}

/// Whether there is a process whose command line holds this text.
pub(crate) fn process_runs(pattern: &str) -> bool {
    let own = std::process::id().to_string();
    fact::names("/proc").iter().filter(|name| **name != own && name.bytes().all(|b| b.is_ascii_digit())).any(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ").contains(pattern)
    })
}
