//! Why there is no way to a host.

use std::time::Duration;

/// A connection could not be made, or was lost. It marks the host as unreachable.
#[derive(Debug, thiserror::Error)]
pub enum ConnectionError {
    /// No connection at all: name resolution, refused, timed out ...
    #[error("Failed to connect to the host via ssh: {reason}")]
    Connect {
        /// `host:port`
        address: String,
        /// What happened.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The host's key is unknown, changed or revoked.
    #[error("Host key verification failed: {reason}")]
    HostKey {
        /// `host:port`
        address: String,
        /// What disagrees, with file and line of the entry where there is one.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// None of the ways to log in was accepted.
    #[error("{user}@{address}: Permission denied ({tried})")]
    Authentication {
        /// `host:port`
        address: String,
        /// The user.
        user: String,
        /// The methods that were tried or are offered.
        tried: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Becoming another user failed: wrong password, not allowed, no such program.
    #[error("{reason}")]
    Become {
        /// What the host said.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// Neither a question for the password nor the other user's shell has come.
    #[error("{reason}")]
    BecomeTimeout {
        /// How long was waited, and what the host said.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The agent cannot be installed or started on the host.
    #[error("cannot start the agent: {reason}")]
    Agent {
        /// What was tried, and what the host said.
        reason: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The connection broke while something was under way.
    #[error("connection lost: {reason}")]
    Lost {
        /// What happened.
        reason: String,
        /// What to do about it, beside running the playbook again.
        hint: Option<String>,
    },
}

/// Why a connection or an agent was lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// What happened.
    pub reason: String,
    /// What to do about it, beside running the playbook again.
    pub hint: Option<String>,
}

impl Loss {
    /// A host that has not answered for so long.
    pub(super) fn silence(patience: Option<Duration>) -> Self {
        let time = patience.map_or_else(String::new, |time| format!(" for {} s", time.as_secs()));
        Self {
            reason: format!("the host gave no answer{time}"),
            hint: Some(
                "what was under way may have been done or not; check the host and the network; `ServerAliveInterval` and `ServerAliveCountMax` (in `~/.ssh/config`, or \
                 with `-o` in `ansible_ssh_common_args`) say how often a silent host is asked for a sign of life, and \
                 how many questions it may leave without an answer"
                    .to_owned(),
            ),
        }
    }
}

impl From<String> for Loss {
    fn from(reason: String) -> Self {
        Self { reason, hint: None }
    }
}

impl From<Loss> for ConnectionError {
    fn from(Loss { reason, hint }: Loss) -> Self {
        ConnectionError::Lost { reason, hint }
    }
}

impl ConnectionError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&str> {
        match self {
            ConnectionError::Connect { hint, .. }
            | ConnectionError::HostKey { hint, .. }
            | ConnectionError::Authentication { hint, .. }
            | ConnectionError::Become { hint, .. }
            | ConnectionError::BecomeTimeout { hint, .. }
            | ConnectionError::Agent { hint, .. } => hint.as_deref(),
            ConnectionError::Lost { hint, .. } => Some(
                hint.as_deref()
                    .unwrap_or("what was under way may have been done or not; run the playbook again to find out"),
            ),
        }
    }
}
