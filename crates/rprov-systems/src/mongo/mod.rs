//! MongoDB: its wire protocol and BSON, for the modules of community.mongodb.
//!
//! * [`bson`]: documents as bytes;
//! * [`message`]: documents on the wire;
//! * [`session`]: commands and their answers over any stream, and logging in, with [`proof`];
//! * [`login`]: the options by which a server is found, and [`settings`], those that come as text;
//! * [`error`]: what can go wrong.

pub mod bson;
pub mod error;
pub mod login;
pub mod message;
pub mod proof;
pub mod session;
pub mod settings;

pub use bson::{Bson, Document, document};
pub use error::MongoError;
pub use login::{Connection, Login};
