//! The socket to the Engine: Unix or TCP, with or without TLS, with a limit on silence and an ear for cancellation.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};

use super::connection::Connection;
use super::error::EngineError;
use rprov_modules::context::Cancel;

/// How often a waiting read looks whether it was cancelled.
const TICK: Duration = Duration::from_millis(200);

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
        let socket = match self {
            Endpoint::Unix(path) => Socket::Unix(UnixStream::connect(path).map_err(failure)?),
            Endpoint::Tcp { host, port, .. } => {
                Socket::Tcp(connect_tcp(host, *port, limit.unwrap_or(Duration::from_secs(60))).map_err(failure)?)
            }
        };
        socket.set_timeouts(TICK, limit).map_err(failure)?;
        let patient = Patient { socket, limit, cancel: cancel.clone() };
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

fn connect_tcp(host: &str, port: u16, limit: Duration) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

impl Socket {
    fn set_timeouts(&self, read: Duration, write: Option<Duration>) -> io::Result<()> {
        match self {
            Socket::Unix(stream) => stream.set_read_timeout(Some(read)).and(stream.set_write_timeout(write)),
            Socket::Tcp(stream) => stream.set_read_timeout(Some(read)).and(stream.set_write_timeout(write)),
        }
    }
}

/// A socket whose reads end when the request is cancelled or the other side keeps silent for too long.
struct Patient {
    socket: Socket,
    limit: Option<Duration>,
    cancel: Cancel,
}

impl Read for Patient {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let started = Instant::now();
        loop {
            let result = match &mut self.socket {
                Socket::Unix(stream) => stream.read(buffer),
                Socket::Tcp(stream) => stream.read(buffer),
            };
            match result {
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.cancel.is_cancelled() {
                        return Err(io::Error::new(io::ErrorKind::ConnectionAborted, "cancelled"));
                    }
                    if let Some(limit) = self.limit
                        && started.elapsed() >= limit
                    {
                        let reason = format!("no answer for {} seconds", limit.as_secs_f64());
                        return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl Write for Patient {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let result = match &mut self.socket {
            Socket::Unix(stream) => stream.write(buffer),
            Socket::Tcp(stream) => stream.write(buffer),
        };
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the Engine takes no more data"))
            }
            result => result,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Unix(stream) => stream.flush(),
            Socket::Tcp(stream) => stream.flush(),
        }
    }
}

impl Stream for Patient {
    fn finish(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Unix(stream) => stream.shutdown(std::net::Shutdown::Write),
            Socket::Tcp(stream) => stream.shutdown(std::net::Shutdown::Write),
        }
    }
}

impl Stream for StreamOwned<ClientConnection, Patient> {
    fn finish(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}

fn tls_config(options: &Connection) -> Result<ClientConfig, EngineError> {
    let failure = |reason: String| EngineError::Tls { reason };
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| failure(error.to_string()))?;
    let builder = if options.validate_certs == Some(true) {
        let mut roots = RootCertStore::empty();
        match &options.ca_path {
            Some(path) => {
                for certificate in certificates(path)? {
                    roots.add(certificate).map_err(|error| failure(format!("{}: {error}", path.display())))?;
                }
            }
            None => {
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        builder.with_root_certificates(roots)
    } else {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
    };
    match (&options.client_cert, &options.client_key) {
        (Some(certificate), Some(key)) => {
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| failure(format!("client_key {}: {error}", key.display())))?;
            builder
                .with_client_auth_cert(certificates(certificate)?, private)
                .map_err(|error| failure(format!("client_cert {}: {error}", certificate.display())))
        }
        (None, None) => Ok(builder.with_no_client_auth()),
        _ => Err(failure("client_cert and client_key are needed together".to_owned())),
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, EngineError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| EngineError::Tls { reason: format!("{}: {error}", path.display()) })
}

/// `tls: true` without `validate_certs`: encrypted, but whoever answers is believed.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
