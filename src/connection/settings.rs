//! Everything that variables, flags and `ansible.cfg` say of a host's connection.

use std::path::PathBuf;
use std::time::Duration;

use zeroize::Zeroizing;

use super::inside::Entry;

/// A password or passphrase: wiped when it is dropped, and never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Keep a password.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text itself, for the one place that sends it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Password(…)")
    }
}

/// What to do with a host key that no `known_hosts` file has. A key that disagrees is refused in all cases but `Off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostKeyChecking {
    /// Refuse it.
    Strict,
    /// Accept it and write it down.
    AcceptNew,
    /// Check nothing (`ANSIBLE_HOST_KEY_CHECKING=False`, `StrictHostKeyChecking no`).
    Off,
}

/// How to reach one host as its login user. What is `None` is left to `~/.ssh/config`, then to OpenSSH's defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `ssh`, `local`, `docker`, `podman` or `chroot`.
    pub connection: String,
    /// Name as the inventory has it; `Host` patterns of `~/.ssh/config` match `address`.
    pub host: String,
    /// `ansible_host`, or the inventory name.
    pub address: String,
    /// `ansible_port`.
    pub port: Option<u16>,
    /// `ansible_user`, `-u`.
    pub user: Option<String>,
    /// `ansible_password`, `-k`.
    pub password: Option<Password>,
    /// `ansible_ssh_private_key_file`, `--private-key`.
    pub private_key_file: Option<PathBuf>,
    /// `ansible_ssh_private_key_passphrase`.
    pub private_key_passphrase: Option<Password>,
    /// `ansible_host_key_checking`; `None` leaves it to `StrictHostKeyChecking` in the arguments and `~/.ssh/config`.
    pub host_key_checking: Option<HostKeyChecking>,
    /// Seconds until a connection attempt is given up (`-T`, `ansible_timeout`).
    pub timeout: Duration,
    /// Words of `ansible_ssh_args`, `ansible_ssh_common_args`, `ansible_ssh_extra_args`, in this order, shell-split:
    /// `-o Key=Value`, `-J`, `-F`, `-i`, `-p`, `-l` are honoured as `ssh` does, before `~/.ssh/config`.
    pub ssh_arguments: Vec<String>,
    /// Connection attempts after the first (`ansible_ssh_retries`).
    pub retries: u32,
    /// A key that the host must have, in OpenSSH's format, whatever `known_hosts` says (throw-away hosts).
    pub pinned_host_key: Option<String>,
    /// For `docker`, `podman` and `chroot`: the way in.
    pub entry: Option<Entry>,
}

/// How to be another user on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BecomeSettings {
    /// `sudo`, `su` or `doas`.
    pub method: String,
    /// The user to become.
    pub user: String,
    /// `ansible_become_password`, `-K`.
    pub password: Option<Password>,
    /// `ansible_become_exe`.
    pub exe: Option<String>,
    /// `ansible_become_flags`, instead of the method's default flags.
    pub flags: Option<String>,
    /// What `su` asks with, less its colon (`ansible_su_prompt_l10n`); where there is none, whatever looks like a
    /// question.
    pub prompts: Vec<String>,
    /// How long to wait for the question or the other user's shell, where that was said.
    pub patience: Option<Duration>,
}
