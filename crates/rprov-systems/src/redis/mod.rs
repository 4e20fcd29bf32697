//! Redis, and whatever speaks its protocol: a client of our own, for the modules of community.general.
//!
//! * [`resp`]: what goes over the wire;
//! * [`client`]: a connection, and one command after the other;
//! * [`login`]: the options by which a server is found;
//! * [`report`]: the texts in which a server tells of itself;
//! * [`error`]: what can go wrong.

pub mod client;
pub mod error;
pub mod login;
pub mod report;
pub mod resp;

pub use client::Client;
pub use error::RedisError;
pub use login::Login;
pub use resp::Reply;
