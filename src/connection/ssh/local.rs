//! Who runs the program, and on which machine: what OpenSSH's `~` and `%` tokens stand for.

use std::path::{Path, PathBuf};

/// The user and machine of the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Local {
    /// Login name.
    pub(crate) user: String,
    /// Home directory from the user database, as in OpenSSH; `$HOME` where that has none.
    pub(crate) home: PathBuf,
    /// User id.
    pub(crate) uid: u32,
    /// The machine's name.
    pub(crate) hostname: String,
    /// `SSH_AUTH_SOCK`.
    pub(crate) agent: Option<PathBuf>,
}

impl Local {
    /// Ask the system.
    pub(crate) fn current() -> Self {
        let uid = rustix::process::getuid().as_raw();
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let entry = passwd.lines().find_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            match fields.as_slice() {
                [name, _, id, _, _, home, ..] if id.parse() == Ok(uid) => Some((name.to_string(), PathBuf::from(home))),
                _ => None,
            }
        });
        // A user of a directory service is in no file, but its session has the variables.
        let (user, home) = entry.unwrap_or_else(|| {
            let user = std::env::var("LOGNAME").or_else(|_| std::env::var("USER")).unwrap_or_else(|_| uid.to_string());
            (user, std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from))
        });
        Self {
            user,
            home,
            uid,
            hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            agent: std::env::var_os("SSH_AUTH_SOCK").filter(|socket| !socket.is_empty()).map(PathBuf::from),
        }
    }

    /// `~` and `~user` at the start of a path.
    pub(crate) fn expand_tilde(&self, path: &str) -> PathBuf {
        let Some(rest) = path.strip_prefix('~') else { return PathBuf::from(path) };
        let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
        let home = if name.is_empty() { Some(self.home.clone()) } else { home_of(name) };
        match home {
            Some(home) if below.is_empty() => home,
            Some(home) => home.join(below.trim_start_matches('/')),
            None => PathBuf::from(path),
        }
    }

    /// A path below `~/.ssh`.
    pub(crate) fn dot_ssh(&self, name: &str) -> PathBuf {
        Path::new(&self.home).join(".ssh").join(name)
    }
}

fn home_of(user: &str) -> Option<PathBuf> {
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(user)).then(|| fields.nth(4).map(PathBuf::from)).flatten()
    })
}
