//! SSH, spoken by the program itself: no `ssh` is needed on the controller.
//!
//! * `ssh_config`, `options`, `local`, `pattern`: what `~/.ssh/config`, arguments and settings say of a host;
//! * `known_hosts`, `host_key`: whether the host is the one it claims to be;
//! * `algorithms`: what is offered in the handshake;
//! * `key_format`, `identity`, `authentication`: logging in;
//! * `route`: the bytes' way to the host: TCP, `ProxyJump`, `ProxyCommand`; timeouts and further attempts;
//! * `session`, `pipe`, `pace`: the [`Transport`](super::Transport): commands on channels of the connection;
//! * `alone`: the same for servers on which a connection may have one command only.

mod algorithms;
mod alone;
mod authentication;
mod host_key;
mod identity;
mod key_format;
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

/// Read a `known_hosts` file for the fuzzer.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_known_hosts(path: &std::path::Path, name: &str) {
    let files = [path.to_owned()];
    let ported = format!("[{name}]:2222");
    let known = known_hosts::KnownKeys::find(&files, &ported, Some(name));
    for authority in known.authorities() {
        let _ = known.check(authority);
        let _ = known.has_key_for(&authority.algorithm());
    }
}

/// Read a private key for the fuzzer.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_private_key(text: &str) {
    if let Err(error) = key_format::decode(text, None) {
        drop(error.to_string());
    }
}

/// Read an `ssh_config` file for the fuzzer, with all that follows for one host.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn read_config(path: &std::path::Path, name: &str) {
    let settings = crate::connection::Settings {
        connection: "ssh".to_owned(),
        host: name.to_owned(),
        address: name.to_owned(),
        port: None,
        user: None,
        password: None,
        private_key_file: None,
        private_key_passphrase: None,
        host_key_checking: None,
        timeout: std::time::Duration::from_secs(10),
        ssh_arguments: vec!["-F".to_owned(), path.display().to_string()],
        retries: 0,
        pinned_host_key: None,
        entry: None,
    };
    match options::Options::resolve(&settings, &local::Local::current()) {
        Ok(options) => drop(format!("{options:?}")),
        Err(error) => drop(error.to_string()),
    }
}
