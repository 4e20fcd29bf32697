//! Hosts for a first try: an SSH server on loopback, inside the program.
//!
//! Each host has keys made on the spot, a port of its own and a directory that is its home. Commands run through
//! `/bin/sh` as the user who runs the program; nobody else gets in, and nothing of it outlives the program.
//!
//! * `host`: making hosts and listening for them;
//! * [`serve`](fn@serve): the hosts that an inventory asks for;
//! * `server`: the server's side of a connection;
//! * `command`: a command on a channel.

mod command;
mod host;
mod serve;
mod server;

pub use host::{ThrowawayHost, start};
pub use serve::serve;
