//! A socket to a service: Unix or TCP, with a limit on silence and an ear for cancellation; and TLS on top of it.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rprov_modules::context::Cancel;

/// How often a waiting read looks whether it was cancelled.
const TICK: Duration = Duration::from_millis(200);

enum Socket {
    Unix(UnixStream),
    Tcp(TcpStream),
}

/// Where a server listens.
#[derive(Clone, Debug, PartialEq)]
pub enum Endpoint {
    /// A Unix socket.
    Unix(PathBuf),
    /// A TCP port.
    Tcp(String, u16),
}

impl std::fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Endpoint::Unix(path) => path.display().fmt(formatter),
            Endpoint::Tcp(host, port) => write!(formatter, "{host}:{port}"),
        }
    }
}

impl Endpoint {
    /// Connect, over TCP trying each address for at most `patience`. Reads fail with `TimedOut` after `limit` of silence.
    ///
    /// # Errors
    /// Nobody listens, or the user may not connect.
    pub fn connect(&self, patience: Duration, limit: Option<Duration>, cancel: &Cancel) -> io::Result<Patient> {
        match self {
            Endpoint::Unix(path) => Patient::unix(path, limit, cancel),
            Endpoint::Tcp(host, port) => Patient::tcp(host, *port, patience, limit, cancel),
        }
    }
}

/// A socket whose reads end when the request is cancelled or the other side keeps silent for too long.
pub struct Patient {
    socket: Socket,
    limit: Option<Duration>,
    cancel: Cancel,
}

impl std::fmt::Debug for Patient {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Patient").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Patient {
    /// Connect to a Unix socket. Reads fail with `TimedOut` after `limit` of silence.
    ///
    /// # Errors
    /// Nobody listens, or the user may not connect.
    pub fn unix(path: &Path, limit: Option<Duration>, cancel: &Cancel) -> io::Result<Self> {
        Self::of(Socket::Unix(UnixStream::connect(path)?), limit, cancel)
    }

    /// Connect to a TCP port, trying each address of the name for at most `patience`.
    ///
    /// # Errors
    /// The name has no address, or nobody listens.
    pub fn tcp(
        host: &str,
        port: u16,
        patience: Duration,
        limit: Option<Duration>,
        cancel: &Cancel,
    ) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, patience) {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    return Self::of(Socket::Tcp(stream), limit, cancel);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn of(socket: Socket, limit: Option<Duration>, cancel: &Cancel) -> io::Result<Self> {
        let mut patient = Patient { socket, limit, cancel: cancel.clone() };
        patient.set_limit(limit)?;
        Ok(patient)
    }

    /// How long the other side may keep silent from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn set_limit(&mut self, limit: Option<Duration>) -> io::Result<()> {
        self.limit = limit;
        match &self.socket {
            Socket::Unix(stream) => stream.set_read_timeout(Some(TICK)).and(stream.set_write_timeout(limit)),
            Socket::Tcp(stream) => stream.set_read_timeout(Some(TICK)).and(stream.set_write_timeout(limit)),
        }
    }

    /// Say that nothing more will be written.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn finish(&mut self) -> io::Result<()> {
        match &mut self.socket {
            Socket::Unix(stream) => stream.shutdown(Shutdown::Write),
            Socket::Tcp(stream) => stream.shutdown(Shutdown::Write),
        }
    }
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
                Err(io::Error::new(io::ErrorKind::TimedOut, "the other side takes no more data"))
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

/// A socket in plain or in TLS, for protocols that change from one to the other.
pub enum Channel {
    /// As it is.
    Plain(Patient),
    /// In TLS.
    Tls(Box<rustls::StreamOwned<rustls::ClientConnection, Patient>>),
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(if self.is_encrypted() { "Channel::Tls" } else { "Channel::Plain" })
    }
}

impl Channel {
    /// Speak TLS from now on; the handshake is made at once.
    ///
    /// # Errors
    /// The name is none that a certificate can be for, or the handshake fails.
    pub fn encrypt(self, config: Arc<rustls::ClientConfig>, name: &str) -> Result<Self, String> {
        let Channel::Plain(mut socket) = self else { return Ok(self) };
        let name = rustls::pki_types::ServerName::try_from(name.to_owned())
            .map_err(|_| format!("`{name}` is no name that a certificate can be for"))?;
        let mut connection = rustls::ClientConnection::new(config, name).map_err(|error| error.to_string())?;
        while connection.is_handshaking() {
            connection.complete_io(&mut socket).map_err(|error| error.to_string())?;
        }
        Ok(Channel::Tls(Box::new(rustls::StreamOwned::new(connection, socket))))
    }

    /// Nobody on the way can read it.
    pub fn is_encrypted(&self) -> bool {
        matches!(self, Channel::Tls(_))
    }

    /// It is a Unix socket.
    pub fn is_local(&self) -> bool {
        matches!(self.socket().socket, Socket::Unix(_))
    }

    fn socket(&self) -> &Patient {
        match self {
            Channel::Plain(socket) => socket,
            Channel::Tls(stream) => &stream.sock,
        }
    }

    /// How long the other side may keep silent from now on.
    ///
    /// # Errors
    /// The system refuses.
    pub fn set_limit(&mut self, limit: Option<Duration>) -> io::Result<()> {
        match self {
            Channel::Plain(socket) => socket.set_limit(limit),
            Channel::Tls(stream) => stream.sock.set_limit(limit),
        }
    }
}

impl Read for Channel {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(socket) => socket.read(buffer),
            Channel::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Channel {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        match self {
            Channel::Plain(socket) => socket.write(buffer),
            Channel::Tls(stream) => stream.write(buffer),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Channel::Plain(socket) => socket.flush(),
            Channel::Tls(stream) => stream.flush(),
        }
    }
}
