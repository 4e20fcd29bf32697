//! What can go wrong between a module and a Redis server, with what to do about it.

use std::io;

use rprov_modules::outcome::Failure;

/// A failed exchange with a Redis server.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// No connection.
    #[error(
        "unable to connect to database: {address}: {source}; start the server, or check `login_host` and `login_port`"
    )]
    Connect {
        /// Where it should be.
        address: String,
        /// The system's reason.
        source: io::Error,
    },
    /// TLS cannot be set up, or is not spoken.
    #[error("unable to connect to database: {address}: TLS: {reason}; check `tls`, `ca_certs` and `validate_certs`")]
    Tls {
        /// Where the server is.
        address: String,
        /// Which file or step, and why.
        reason: String,
    },
    /// The server does not let the user in.
    #[error("unable to connect to database: {address}: {message}; check `login_user` and `login_password`")]
    Login {
        /// Where the server is.
        address: String,
        /// The server's own words.
        message: String,
    },
    /// The connection broke, or took too long.
    #[error("the connection to the Redis server broke: {0}")]
    Broken(#[from] io::Error),
    /// What the server says cannot be understood.
    #[error("the Redis server's answer cannot be understood: {0}; check that it is Redis, and whether it wants `tls`")]
    Protocol(&'static str),
    /// The server refuses a command.
    #[error("the Redis server refuses {command}: {message}")]
    Refused {
        /// The command, without what it is given.
        command: String,
        /// The server's own words.
        message: String,
    },
}

impl RedisError {
    /// The server's own words, where it refused a command.
    pub fn words(&self) -> String {
        match self {
            RedisError::Refused { message, .. } => message.strip_prefix("ERR ").unwrap_or(message).to_owned(),
            other => other.to_string(),
        }
    }
}

impl From<RedisError> for Failure {
    fn from(error: RedisError) -> Self {
        Failure::new(error.to_string())
    }
}
