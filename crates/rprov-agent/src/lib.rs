//! The main loop of rprov's agent: requests in, modules run, results out.
//!
//! * [`Agent`]: runs requests, each on a thread of its own, wherever they come from: the channel of the program
//!   `rprov-agent`, or the controller itself (`connection: local`). Which modules there are is said by who makes it;
//! * [`program`]: that program, and `rprov-systems`, which has other modules: frames on standard input and output.
//!
//! Nothing of it may link the controller's parts (tokio, russh, the template engine).

mod agent;
mod job;
mod link;
mod panic;
pub mod program;
mod request;

pub use agent::{Agent, Find, Sink};
