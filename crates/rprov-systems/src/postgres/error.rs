//! What can go wrong between a module and a PostgreSQL server, with what to do about it.

use std::io;

use rprov_modules::outcome::Failure;

/// What a server says when it refuses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Refusal {
    /// Its code, as `28P01`.
    pub code: String,
    /// What is wrong.
    pub message: String,
    /// More about it.
    pub detail: String,
    /// What it would do.
    pub hint: String,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} ({})", self.message, self.code)?;
        if !self.detail.is_empty() {
            write!(formatter, "; {}", self.detail)?;
        }
        if !self.hint.is_empty() {
            write!(formatter, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// A failed exchange with a PostgreSQL server.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No connection.
    #[error("unable to connect to database: {address}: {source}; {advice}")]
    Connect {
        /// Where it should be.
        address: String,
        /// The system's reason.
        source: io::Error,
        /// What to do.
        advice: &'static str,
    },
    /// TLS cannot be set up, or is not spoken.
    #[error("unable to connect to database: {address}: TLS: {reason}")]
    Tls {
        /// Where the server is.
        address: String,
        /// Which file or step, and why.
        reason: String,
    },
    /// The server does not let the user in.
    #[error("unable to connect to database: {address}: {refusal}; {advice}")]
    Login {
        /// Where the server is.
        address: String,
        /// The server's own words.
        refusal: Box<Refusal>,
        /// What to do.
        advice: &'static str,
    },
    /// The server asks for a proof that this client cannot give.
    #[error("unable to connect to database: {address}: {reason}")]
    Proof {
        /// Where the server is.
        address: String,
        /// Which, why, and what to do.
        reason: String,
    },
    /// The connection broke, or took too long.
    #[error("the connection to the database server broke: {0}")]
    Broken(#[from] io::Error),
    /// What the server says cannot be understood.
    #[error("the database server's answer cannot be understood: {0}")]
    Protocol(&'static str),
    /// The server refuses a statement.
    #[error("Cannot execute SQL `{statement}`: {refusal}")]
    Refused {
        /// The statement, without secrets.
        statement: String,
        /// The server's own words.
        refusal: Box<Refusal>,
    },
}

impl PostgresError {
    /// The server's code for what it refuses.
    pub fn code(&self) -> Option<&str> {
        match self {
            PostgresError::Login { refusal, .. } | PostgresError::Refused { refusal, .. } => Some(&refusal.code),
            _ => None,
        }
    }
}

impl From<PostgresError> for Failure {
    fn from(error: PostgresError) -> Self {
        Failure::new(error.to_string())
    }
}
