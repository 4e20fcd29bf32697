//! Where the Engine listens: Unix or TCP, with or without TLS.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::connection::Connection;
use super::error::EngineError;
use crate::socket::Patient;
use crate::tls::{Settings, Trust};
use rprov_modules::context::Cancel;

/// Where the Engine listens.
#[derive(Clone)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// Host, without brackets.
        host: String,
        /// Port.
        port: u16,
        /// TLS settings, and the name on the server's certificate.
        tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    },
}

impl std::fmt::Debug for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.address())
    }
}

/// A connection, to be read and written.
pub trait Stream: Read + Write {
    /// Say that nothing more will be written.
    ///
    /// # Errors
    /// The connection is gone.
    fn finish(&mut self) -> io::Result<()>;
}

impl Endpoint {
    /// The endpoint at `address`, with the TLS that the options ask for.
    ///
    /// # Errors
    /// The address cannot be understood, or certificates cannot be read.
    pub fn new(address: &str, options: &Connection) -> Result<Self, EngineError> {
        let wrong = |reason| EngineError::Address { given: address.to_owned(), reason };
        let (scheme, rest) = address.split_once("://").ok_or_else(|| wrong("the scheme is missing"))?;
        match scheme {
            "unix" | "http+unix" if rest.is_empty() => Err(wrong("the path is missing")),
            "unix" | "http+unix" => Ok(Endpoint::Unix(Path::new("/").join(rest))),
            "tcp" | "http" | "https" => {
                let tls = scheme == "https" || options.tls == Some(true) || options.validate_certs == Some(true);
                let authority = rest.trim_end_matches('/');
                let (host, port) = match authority.rsplit_once(':') {
                    Some((host, port)) if !port.ends_with(']') => {
                        (host, port.parse().map_err(|_| wrong("the port is no number"))?)
                    }
                    _ => (authority, if tls { 2376 } else { 2375 }),
                };
                let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
                if host.is_empty() || host.contains('/') {
                    return Err(wrong("the host is missing"));
                }
                let tls = if tls {
                    let name = options.tls_hostname.clone().unwrap_or_else(|| host.clone());
                    let name = ServerName::try_from(name)
                        .map_err(|_| wrong("the host is no name that a certificate can be for"))?;
                    Some((Arc::new(tls_config(options)?), name))
                } else {
                    None
                };
                Ok(Endpoint::Tcp { host, port, tls })
            }
            "ssh" => Err(wrong("ssh:// is not needed, the agent runs on the host of the task already")),
            "npipe" => Err(wrong("npipe:// is Windows only")),
            _ => Err(wrong("the scheme is neither unix nor tcp")),
        }
    }

    /// The address, for messages.
    pub fn address(&self) -> String {
        match self {
            Endpoint::Unix(path) => format!("unix://{}", path.display()),
            Endpoint::Tcp { host, port, .. } => format!("tcp://{host}:{port}"),
        }
    }

    /// Connect. Reads fail with `TimedOut` after `limit` of silence.
    ///
    /// # Errors
    /// Nobody listens, or the user may not connect.
    pub fn connect(&self, limit: Option<Duration>, cancel: &Cancel) -> Result<Box<dyn Stream>, EngineError> {
        let failure = |error| EngineError::connect(&self.address(), error);
        let patient = match self {
            Endpoint::Unix(path) => Patient::unix(path, limit, cancel),
            Endpoint::Tcp { host, port, .. } => {
                Patient::tcp(host, *port, limit.unwrap_or(Duration::from_secs(60)), limit, cancel)
            }
        }
        .map_err(failure)?;
        match self {
            Endpoint::Tcp { tls: Some((config, name)), .. } => {
                let connection = ClientConnection::new(config.clone(), name.clone())
                    .map_err(|error| EngineError::Tls { reason: error.to_string() })?;
                Ok(Box::new(StreamOwned::new(connection, patient)))
            }
            _ => Ok(Box::new(patient)),
        }
    }
}

impl Stream for Patient {
    fn finish(&mut self) -> io::Result<()> {
        Patient::finish(self)
    }
}

impl Stream for StreamOwned<ClientConnection, Patient> {
    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

fn tls_config(options: &Connection) -> Result<ClientConfig, EngineError> {
    let settings = Settings {
        trust: if options.validate_certs == Some(true) { Trust::Name } else { Trust::Anybody },
        authorities: options.ca_path.as_deref(),
        certificate: options.client_cert.as_deref(),
        key: options.client_key.as_deref(),
    };
    settings.config().map_err(|reason| EngineError::Tls { reason })
}
