//! Making hosts, and listening for them.

use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};

use super::server::{self, Login};

/// A host that exists as long as the program runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThrowawayHost {
    /// The name it was asked for by.
    pub name: String,
    /// `127.0.0.1`.
    pub address: String,
    /// Its port, chosen by the system.
    pub port: u16,
    /// The only user who can log in: the one who runs the program.
    pub user: String,
    /// Its public key, in OpenSSH's format (`ssh-ed25519 AAAA...`).
    pub host_key: String,
    /// The file of the only private key that opens it.
    pub private_key_file: PathBuf,
    /// Its home and working directory.
    pub directory: PathBuf,
}

/// Make hosts of these names, with their directories and the key to them below `root`, and listen for connections.
///
/// They are served by threads of their own, so it does not matter whether a runtime runs already.
///
/// # Errors
/// A name that is no file name; a directory or file that cannot be made; no free port.
pub fn start(names: &[String], root: &Path) -> io::Result<Vec<ThrowawayHost>> {
    if let Some(name) = names.iter().find(|name| !is_file_name(name)) {
        let message = format!("`{name}` cannot be the name of a throw-away host: it is no file name");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    std::fs::create_dir_all(root).map_err(|error| at(root, &error))?;
    let root = root.canonicalize().map_err(|error| at(root, &error))?;
    let key = new_key()?;
    let private_key_file = root.join("client_key");
    write_key(&private_key_file, &key).map_err(|error| at(&private_key_file, &error))?;
    let user = login_name();

    let mut hosts = Vec::with_capacity(names.len());
    let mut listening = Vec::with_capacity(names.len());
    for name in names {
        let directory = root.join(name);
        std::fs::create_dir_all(&directory).map_err(|error| at(&directory, &error))?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let host_key = new_key()?;
        hosts.push(ThrowawayHost {
            name: name.clone(),
            address: Ipv4Addr::LOCALHOST.to_string(),
            port: listener.local_addr()?.port(),
            user: user.clone(),
            host_key: host_key.public_key().to_openssh().map_err(io::Error::other)?.trim().to_owned(),
            private_key_file: private_key_file.clone(),
            directory: directory.clone(),
        });
        let login = Login { user: user.clone(), key: key.public_key().clone(), directory };
        listening.push((listener, server::config(host_key), Arc::new(login)));
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).thread_name("throwaway").enable_all().build()?;
    std::thread::Builder::new().name("throwaway".to_owned()).spawn(move || {
        let served = listening.into_iter().map(|(listener, config, login)| server::listen(listener, config, login));
        runtime.block_on(futures::future::join_all(served));
    })?;
    Ok(hosts)
}

fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | ".." | "client_key") && !name.contains(['/', '\0'])
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot make `{}`: {error}", path.display()))
}

fn new_key() -> io::Result<PrivateKey> {
    PrivateKey::random(&mut rand::rng(), Algorithm::Ed25519).map_err(io::Error::other)
}

fn write_key(file: &Path, key: &PrivateKey) -> io::Result<()> {
    let text = key.to_openssh(LineEnding::LF).map_err(io::Error::other)?;
    // A file of an earlier run may have other permissions, which opening would not change.
    match std::fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut opened = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    opened.write_all(text.as_bytes())
}

fn login_name() -> String {
    crate::connection::ssh::local::Local::current().user
}
