//! What can go wrong between a module and the database server, with what to do about it.

use std::io;

use rprov_modules::outcome::Failure;

/// A failed exchange with a MySQL or MariaDB server.
#[derive(Debug, thiserror::Error)]
pub enum MysqlError {
    /// No connection.
    #[error("unable to connect to the database server at {address}: {source}; {advice}")]
    Connect {
        /// Where it should be.
        address: String,
        /// The system's reason.
        source: io::Error,
        /// What to do.
        advice: String,
    },
    /// TLS cannot be set up.
    #[error("unable to connect to the database server at {address}: TLS: {reason}")]
    Tls {
        /// Where the server is.
        address: String,
        /// Which file or step, and why.
        reason: String,
    },
    /// The server does not let the user in.
    #[error("unable to connect to the database server at {address}: {message} ({code}); {advice}")]
    Login {
        /// Where the server is.
        address: String,
        /// The server's number for it.
        code: u16,
        /// The server's own words.
        message: String,
        /// What to do.
        advice: &'static str,
    },
    /// The server asks for a proof that this client cannot give.
    #[error(
        "unable to connect to the database server at {address}: it asks for the authentication plugin `{plugin}`, {reason}"
    )]
    Plugin {
        /// Where the server is.
        address: String,
        /// Name of the plugin.
        plugin: String,
        /// Why not, and what to do.
        reason: &'static str,
    },
    /// The connection broke, or took too long.
    #[error("the connection to the database server broke: {0}")]
    Broken(#[from] io::Error),
    /// What the server says cannot be understood.
    #[error("the database server's answer cannot be understood: {0}")]
    Protocol(&'static str),
    /// The server refuses a statement.
    #[error("the database server refuses `{statement}`: {message} ({code})")]
    Refused {
        /// The statement, without secrets.
        statement: String,
        /// The server's number for it.
        code: u16,
        /// The server's own words.
        message: String,
    },
}

impl MysqlError {
    /// The server's number for what it refuses.
    pub fn code(&self) -> Option<u16> {
        match self {
            MysqlError::Login { code, .. } | MysqlError::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }
}

impl From<MysqlError> for Failure {
    fn from(error: MysqlError) -> Self {
        Failure::new(error.to_string())
    }
}
