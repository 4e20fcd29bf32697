//! What can go wrong between a module and a MongoDB server, with what to do about it.

use std::io;

use rprov_modules::outcome::Failure;

/// A failed exchange with a MongoDB server.
#[derive(Debug, thiserror::Error)]
pub enum MongoError {
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
    #[error("unable to connect to database: {address}: TLS: {reason}; check `ssl`, `ssl_ca_certs` and `ssl_cert_reqs`")]
    Tls {
        /// Where the server is.
        address: String,
        /// Which file or step, and why.
        reason: String,
    },
    /// The server does not let the user in, or cannot prove that it knows the user.
    #[error(
        "unable to connect to database: {address}: {message}; check `login_user`, `login_password` and `login_database`"
    )]
    Login {
        /// Where the server is.
        address: String,
        /// The server's words, or what is wrong with them.
        message: String,
    },
    /// An option asks for what cannot be.
    #[error("{0}")]
    Option(String),
    /// The connection broke, or took too long.
    #[error("the connection to the MongoDB server broke: {0}; check whether it wants `ssl`")]
    Broken(#[from] io::Error),
    /// What the server says cannot be understood.
    #[error("the MongoDB server's answer cannot be understood: {0}; check that it is MongoDB 3.6 or later")]
    Protocol(&'static str),
    /// The server refuses a command.
    #[error("the MongoDB server refuses {command}: {message} ({code})")]
    Refused {
        /// The command's name.
        command: String,
        /// The server's number for it.
        code: i64,
        /// The server's own words.
        message: String,
    },
}

impl MongoError {
    /// The server's number for what it refuses.
    pub fn code(&self) -> Option<i64> {
        match self {
            MongoError::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl From<MongoError> for Failure {
    fn from(error: MongoError) -> Self {
        Failure::new(error.to_string())
    }
}
