//! MySQL's and MariaDB's own protocol, for the modules of community.mysql.
//!
//! Protocol: <https://dev.mysql.com/doc/dev/mysql-server/latest/PAGE_PROTOCOL.html> and
//! <https://mariadb.com/kb/en/clientserver-protocol/>. Statements travel as text, with their values quoted by
//! [`literal`]; nothing is prepared.
//!
//! * [`login`]: the options by which every module finds its server, with [`option_file`];
//! * [`connection`]: a connection, and what a statement gives back, with [`packet`] and [`handshake`];
//! * [`authentication`]: how a client proves who it is, with [`rsa`];
//! * [`account`], [`identity`] and [`privileges`]: users, how they prove who they are, and what they may do.

pub mod account;
pub mod answer;
pub mod authentication;
pub mod connection;
pub mod error;
pub mod handshake;
pub mod identity;
pub mod literal;
pub mod login;
pub mod option_file;
pub mod packet;
pub mod privileges;
pub mod rsa;
pub mod server;
pub mod session;
pub mod sha_crypt;

pub use answer::{Answer, Row};
pub use connection::Connection;
pub use error::MysqlError;
pub use login::Login;
