//! The locks of dpkg, apt and debconf: who holds one, and waiting for it.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::context::Context;
use crate::outcome::Failure;

/// Held by whoever calls dpkg, for as long as it has work for it.
pub const FRONTEND: &str = "/var/lib/dpkg/lock-frontend";
/// Held by dpkg itself.
pub const DATABASE: &str = "/var/lib/dpkg/lock";
/// Held by whoever asks, or answers, debconf's questions.
pub const DEBCONF: &str = "/var/cache/debconf/config.dat";

/// How long to wait for a lock.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    seconds: u64,
    advice: Option<&'static str>,
}

impl Limit {
    /// As long as an option of the module says.
    pub fn option(name: &'static str, seconds: u64) -> Self {
        Limit { seconds, advice: Some(name) }
    }

    /// As long as `apt` waits by default, for modules without such an option.
    pub const USUAL: Limit = Limit { seconds: 60, advice: None };
}

/// Wait until nobody holds the locks.
///
/// # Errors
/// Somebody still does at the end; the message starts with what could not be done, and names the process.
pub fn wait(attempt: &str, paths: &[&str], limit: Limit, context: &Context<'_>) -> Result<(), Failure> {
    let started = Instant::now();
    loop {
        let Some((path, holder)) = paths.iter().find_map(|path| Some((*path, holder(Path::new(path))?))) else {
            return Ok(());
        };
        if started.elapsed() >= Duration::from_secs(limit.seconds) {
            let advice = limit.advice.map(|option| format!(", or raise {option}")).unwrap_or_default();
            return Err(Failure::new(format!(
                "{attempt}: {path} is held by {holder}; waited {} s. Wait for it to end{advice}",
                limit.seconds
            )));
        }
        context.checkpoint()?;
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The process that holds a lock on the file, as `process 12 (apt-get)`.
fn holder(path: &Path) -> Option<String> {
    let inode = std::fs::metadata(path).ok()?.ino();
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    locks.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip_while(|field| field.ends_with(':') || *field == "->");
        let _kind = fields.next()?;
        let _mandatory = fields.next()?;
        let _access = fields.next()?;
        let pid = fields.next()?;
        let file = fields.next()?;
        let found = file.rsplit(':').next()?.parse::<u64>().ok()? == inode;
        if !found || line.contains("->") {
            return None;
        }
        let name = std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Some(format!("process {pid} ({})", name.trim()))
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use rprov_wire::Options;

    use super::*;
    use crate::context::{Cancel, Detached};

    #[test]
    fn who_holds_a_lock_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(holder(file.path()), None);
        rustix::fs::fcntl_lock(file.as_file(), rustix::fs::FlockOperation::LockExclusive).unwrap();
        let holder = holder(file.path()).unwrap();
        assert!(holder.starts_with(&format!("process {} (", std::process::id())), "{holder}");
        let options = Options::default();
        let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
        let limit = Limit::option("lock_timeout", 0);
        let failure = wait("no lock", &[file.path().to_str().unwrap()], limit, &context).unwrap_err();
        assert!(failure.message.contains(&holder) && failure.message.ends_with("or raise lock_timeout"));
    }
}
