//! What can go wrong between a module and the Engine, with what to do about it.

use std::io;

use rprov_modules::outcome::Failure;

/// A failed exchange with the Engine.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// `docker_host` cannot be understood.
    #[error(
        "docker_host: `{given}` is not an address of a Docker Engine: {reason}; write it as unix:///var/run/docker.sock or tcp://192.0.2.1:2376"
    )]
    Address {
        /// What was given.
        given: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// Certificates or keys cannot be used.
    #[error("TLS to the Docker Engine cannot be set up: {reason}")]
    Tls {
        /// Which file, and why.
        reason: String,
    },
    /// No connection.
    #[error("cannot connect to the Docker Engine at {address}: {source}; {advice}")]
    Connect {
        /// Where it should be.
        address: String,
        /// The system's reason.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// The connection broke, or took too long.
    #[error("the Docker Engine at {address} did not complete {method} {path}: {source}{advice}")]
    Broken {
        /// Where it is.
        address: String,
        /// Method of the request.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// The reason.
        source: io::Error,
        /// What to do, or nothing.
        advice: &'static str,
    },
    /// The Engine refused the request.
    #[error("{method} {path}: the Docker Engine answers {status}: {message}")]
    Refused {
        /// Method of the request.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// HTTP status.
        status: u16,
        /// The Engine's own words.
        message: String,
    },
    /// The answer is no JSON.
    #[error("{method} {path}: the Docker Engine's answer cannot be read: {reason}")]
    Answer {
        /// Method of the request.
        method: &'static str,
        /// Path of the request.
        path: String,
        /// Why.
        reason: String,
    },
}

impl EngineError {
    /// The HTTP status, where the Engine refused.
    pub fn status(&self) -> Option<u16> {
        match self {
            EngineError::Refused { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The Engine knows no such thing.
    pub fn is_missing(&self) -> bool {
        self.status() == Some(404)
    }

    pub(super) fn connect(address: &str, source: io::Error) -> Self {
        let advice = match source.kind() {
            io::ErrorKind::NotFound => {
                "there is no such socket: install Docker on this host, start it (systemctl start docker), or set \
                 `docker_host`"
            }
            io::ErrorKind::PermissionDenied => {
                "this user may not open the socket: use `become: true`, or add the user to the group `docker`"
            }
            io::ErrorKind::ConnectionRefused => {
                "nothing listens there: start the daemon (systemctl start docker), or check `docker_host`"
            }
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => "check `docker_host` and the firewall",
            _ => "check `docker_host`",
        };
        EngineError::Connect { address: address.to_owned(), source, advice }
    }

    pub(super) fn broken(address: &str, method: &'static str, path: &str, source: io::Error) -> Self {
        let advice = match source.kind() {
            io::ErrorKind::TimedOut => "; raise `timeout`, or look at the daemon's log (journalctl -u docker)",
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                "; the daemon closed the connection, look at its log (journalctl -u docker)"
            }
            _ => "",
        };
        EngineError::Broken { address: address.to_owned(), method, path: path.to_owned(), source, advice }
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Failure::new(error.to_string())
    }
}
