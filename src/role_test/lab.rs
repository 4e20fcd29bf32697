//! A lab: a directory with two programs, which bring hosts up and take them away.
//!
//! `LAB/up N` gives N fresh hosts `node1` to `nodeN`, in place of those of before. It ends with 0 when they can be logged
//! in to; the last line of its standard output is the path of an inventory that has them. `LAB/down` takes them away, and
//! may be called where there are none.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::AsyncReadExt as _;
use tokio::process::{ChildStdout, Command};

use crate::run::Interrupt;
use crate::source::Diagnostic;

/// How long the output of `up` may be silent when it has ended.
const GRACE: Duration = Duration::from_secs(1);

/// A lab.
#[derive(Clone, Debug)]
pub struct Lab {
    directory: PathBuf,
}

impl Lab {
    /// The lab that was named, or else `tests/lab` beside or above a directory of roles.
    ///
    /// # Errors
    /// There is none.
    pub fn find(given: Option<&Path>, roles: &Path) -> Result<Self, Diagnostic> {
        if let Some(given) = given {
            let directory = std::path::absolute(given).unwrap_or_else(|_| given.to_owned());
            return match is_lab(&directory) {
                true => Ok(Self { directory }),
                false => Err(Diagnostic::error(format!("`{}` is no lab", given.display())).hint(
                    "a lab is a directory with two programs: `up N`, which prints the path of an inventory, and `down`",
                )),
            };
        }
        let found = roles.ancestors().map(|above| above.join("tests/lab")).find(|path| is_lab(path));
        found.map(|directory| Self { directory }).ok_or_else(|| {
            Diagnostic::error("there is no lab to test in")
                .cause(format!(
                    "no `tests/lab` with the programs `up` and `down` is beside or above `{}`",
                    roles.display()
                ))
                .hint("`--lab DIRECTORY` or the environment variable RPROV_LAB names one")
        })
    }

    /// Where it is.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Bring up fresh hosts. Gives the path of their inventory.
    ///
    /// # Errors
    /// It failed, says nothing of an inventory, or somebody wants no more.
    pub async fn up(&self, hosts: usize, interrupt: &Interrupt) -> Result<PathBuf, Diagnostic> {
        let program = self.directory.join("up");
        let wrong = |cause: String| {
            Diagnostic::error("the lab's hosts did not come up")
                .cause(cause)
                .hint(format!("try `{} {hosts}`", program.display()))
        };
        let mut child = Command::new(&program)
            .arg(hosts.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // Ctrl-C is for this program, which then ends the lab's.
            .process_group(0)
            .spawn()
            .map_err(|error| wrong(format!("`{}`: {error}", program.display())))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let said: Arc<Mutex<Vec<u8>>> = Arc::default();
        let reading = child.stdout.take().map(|out| tokio::spawn(read(out, Arc::clone(&said))));
        let status = tokio::select! {
            status = child.wait() => status,
            () = interrupt.pressed() => {
                if let Some(group) = group {
                    let _ = kill_process_group(group, Signal::TERM);
                }
                let _ = child.wait().await;
                return Err(Diagnostic::interrupted());
            }
        };
        if let Some(mut reading) = reading {
            // What it has started may keep its output open.
            let _ = tokio::time::timeout(GRACE, &mut reading).await;
            reading.abort();
        }
        let text = String::from_utf8_lossy(&said.lock().unwrap_or_else(PoisonError::into_inner)).into_owned();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => return Err(wrong(format!("`{}` ended with {status}", program.display()))),
            Err(error) => return Err(wrong(error.to_string())),
        }
        let line = text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default();
        // Relative to where it was called.
        let inventory = PathBuf::from(line);
        if line.is_empty() || !inventory.exists() {
            return Err(wrong(format!(
                "the last line of its standard output is to be the path of an inventory; it is `{line}`"
            )));
        }
        Ok(inventory)
    }

    /// Take the hosts away. Nothing interrupts it.
    ///
    /// # Errors
    /// It failed.
    pub async fn down(&self) -> Result<(), Diagnostic> {
        let program = self.directory.join("down");
        let ended = Command::new(&program).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0).status().await;
        let cause = match ended {
            Ok(status) if status.success() => return Ok(()),
            Ok(status) => format!("`{}` ended with {status}", program.display()),
            Err(error) => format!("`{}`: {error}", program.display()),
        };
        Err(Diagnostic::error("the lab's hosts may still be there")
            .cause(cause)
            .hint(format!("call `{}` yourself", program.display())))
    }
}

async fn read(mut out: ChildStdout, said: Arc<Mutex<Vec<u8>>>) {
    let mut part = [0; 4096];
    while let Ok(size @ 1..) = out.read(&mut part).await {
        let part = part.get(..size).unwrap_or_default();
        said.lock().unwrap_or_else(PoisonError::into_inner).extend(part);
    }
}

/// The lab that the environment names.
pub fn of_environment() -> Option<OsString> {
    std::env::var_os("RPROV_LAB").filter(|path| !path.is_empty())
}

fn is_lab(directory: &Path) -> bool {
    ["up", "down"].iter().all(|name| rprov_modules::program::is_executable(&directory.join(name)))
}
