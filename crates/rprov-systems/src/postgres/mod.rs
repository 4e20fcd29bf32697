//! PostgreSQL's own protocol, version 3, for the modules of community.postgresql.
//!
//! Protocol: <https://www.postgresql.org/docs/current/protocol.html>. Statements travel as text ("simple query"), with their
//! values quoted by [`literal`].
//!
//! * [`login`]: the options by which every module finds its server, as libpq would;
//! * [`connection`]: a connection, and what a statement gives back, with [`message`] and [`scram`];
//! * [`answer`]: rows and their types;
//! * [`transaction`]: changes that are made as one;
//! * [`privileges`]: who may do what.

pub mod answer;
pub mod connection;
pub mod error;
pub mod literal;
pub mod login;
pub mod message;
pub mod privileges;
pub mod scram;
pub mod transaction;

pub use answer::Answer;
pub use connection::Connection;
pub use error::PostgresError;
pub use login::Login;
