//! SSH, spoken by the program itself: no `ssh` is needed on the controller.
//!
//! * `ssh_config`, `options`, `local`, `pattern`: what `~/.ssh/config`, arguments and settings say of a host;
//! * `known_hosts`, `host_key`: whether the host is the one it claims to be;
//! * `algorithms`: what is offered in the handshake;
//! * `identity`, `authentication`: logging in;
//! * `route`: the bytes' way to the host: TCP, `ProxyJump`, `ProxyCommand`; timeouts and further attempts;
//! * `session`, `pipe`, `pace`: the [`Transport`](super::Transport): commands on channels of the connection.

mod algorithms;
mod authentication;
mod host_key;
mod identity;
mod known_hosts;
pub(crate) mod local;
mod options;
mod pace;
mod pattern;
pub(crate) mod pipe;
mod route;
mod session;
mod ssh_config;

pub use route::connect;
