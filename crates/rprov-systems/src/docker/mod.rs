//! A client of the Docker Engine API, and what the Docker modules share.
//!
//! The Engine is spoken to directly over its socket: no SDK, no `docker` command, nothing to install on the host.
//! API: <https://docs.docker.com/reference/api/engine/>.
//!
//! * [`connection`]: the options by which every module finds its Engine;
//! * [`endpoint`], [`message`], [`engine`]: socket, HTTP/1.1, and requests;
//! * [`option`](mod@option): texts and filters as the Engine wants them;
//! * [`error`]: what can go wrong on the way, with what to do about it;
//! * [`reference`](mod@reference), [`registry_login`], [`image`], [`progress`]: names of images, logins, pulling;
//! * [`build_context`]: the directory that is sent to a build;
//! * [`frames`]: standard output and error, as logs and commands send them;
//! * [`compare`], [`container`]: whether a container is as it is wanted;
//! * [`swarm`], [`deposit`]: the Engine's part in a swarm, and the secrets and configs that a swarm holds;
//! * [`service`]: whether a service is as it is wanted;
//! * [`cli`], [`stack`], [`compose`]: the command `docker`, and what it says of stacks and projects.

pub mod build_context;
pub mod cli;
pub mod compare;
pub mod compose;
pub mod connection;
pub mod container;
pub mod deposit;
pub mod endpoint;
pub mod engine;
pub mod error;
pub mod frames;
pub mod image;
pub mod message;
pub mod option;
pub mod progress;
pub mod quantity;
pub mod reference;
pub mod registry_login;
pub mod service;
pub mod stack;
pub mod swarm;

pub use connection::Connection;
pub use engine::{Body, Engine, Patience, Query};
pub use error::EngineError;
