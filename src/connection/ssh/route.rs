//! The way to a host: TCP, a proxy command, or other SSH hosts; with time limits and further attempts.

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use russh::client::{self, Config};
use russh::keys::PublicKey;
use russh::{Preferred, SshId};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};

use super::algorithms;
use super::alone::{self, Alone};
use super::authentication::{Credentials, authenticate};
use super::host_key::{Client, Doubt, HandshakeError, Policy, Server};
use super::identity::Identity;
use super::known_hosts::KnownKeys;
use super::local::Local;
use super::options::{AddressFamily, Options, Proxy};
use super::pace::Paced;
use super::session::Connection;
use super::ssh_config::ConfigError;
use crate::connection::transport::Ending;
use crate::connection::{ConnectionError, Password, Settings, Transport};

/// Hosts of a `ProxyJump` chain, after which it is taken for endless.
const MAXIMUM_HOPS: usize = 16;

/// How long an address may take before the next one of the same host is tried beside it (RFC 8305).
const STAGGER: Duration = Duration::from_millis(250);

/// How much one side may send on a channel before the other has to answer. A megabyte per 10 ms of distance is enough
/// for a gigabit.
const WINDOW: u32 = 8 * 1024 * 1024;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One SSH server on the way; the last one is the host itself.
struct Hop {
    options: Options,
    policy: Arc<Policy>,
    preferred: Preferred,
    identities: Vec<Identity>,
    password: Option<Password>,
}

impl Hop {
    /// How long it may leave questions for a sign of life without an answer.
    fn patience(&self) -> Option<Duration> {
        let questions = u32::try_from(self.options.alive_count_max).unwrap_or(u32::MAX);
        // The last of them has as long as the others.
        self.options.alive_interval.map(|interval| interval.saturating_mul(questions.saturating_add(1)))
    }
}

/// What an attempt is doing, for the message of a timeout.
type Stage = Mutex<String>;

/// An attempt that failed.
struct Failed {
    error: ConnectionError,
    /// Another attempt may go better.
    again: bool,
}

impl Failed {
    fn for_good(error: ConnectionError) -> Self {
        Self { error, again: false }
    }
}

/// Connect to a host and log in.
///
/// Everything that `settings` leaves open is looked up in `~/.ssh/config` and `/etc/ssh/ssh_config`, as `ssh` does.
/// The time limit covers name resolution, every hop, handshake and login of one attempt.
///
/// # Errors
/// A configuration that cannot be understood, no way to the host, a host key that is not trusted, or no login.
pub async fn connect(settings: &Settings) -> Result<Arc<dyn Transport>, ConnectionError> {
    let connection = reach(settings).await?;
    if connection.server.get().is_some_and(|server| alone::is_needed(server)) {
        return Ok(Arc::new(Alone::new(settings.clone(), connection)));
    }
    Ok(Arc::new(connection))
}

/// A new connection to a host.
pub(super) async fn reach(settings: &Settings) -> Result<Connection, ConnectionError> {
    let planned = settings.clone();
    let hops = tokio::task::spawn_blocking(move || plan(&planned))
        .await
        .map_err(|error| connect_error(&settings.address, error.to_string(), None))??;
    let target = hops.last().map(|hop| &hop.options);
    let limit = target.and_then(|options| options.connect_timeout).unwrap_or(settings.timeout);
    let attempts = target.map_or(1, |options| options.connection_attempts.max(1)).saturating_add(settings.retries);
    let address = target.map_or_else(|| settings.address.clone(), Options::address);
    let mut attempt = 0_u32;
    loop {
        attempt += 1;
        let stage = Stage::new(format!("looking up `{}`", settings.address));
        let result = match tokio::time::timeout(limit, travel(&hops, &stage)).await {
            Ok(result) => result,
            Err(_) => {
                let stage = stage.into_inner().unwrap_or_else(PoisonError::into_inner);
                Err(Failed {
                    error: connect_error(
                        &address,
                        format!("{address}: timed out after {} s while {stage}", limit.as_secs_f32()),
                        Some(
                            "check that the host is up and that no firewall is in between; a slow host gets more time \
                             with `--timeout` or `ansible_timeout`"
                                .to_owned(),
                        ),
                    ),
                    again: true,
                })
            }
        };
        match result {
            Ok(connection) => return Ok(connection),
            Err(failed) if failed.again && attempt < attempts => {
                let pause = 2_u64.saturating_pow(attempt - 1).saturating_sub(1).min(30);
                tokio::time::sleep(Duration::from_secs(pause)).await;
            }
            Err(failed) => return Err(failed.error),
        }
    }
}

fn connect_error(address: &str, reason: String, hint: Option<String>) -> ConnectionError {
    ConnectionError::Connect { address: address.to_owned(), reason, hint }
}

/// Find out everything that can be known before the first packet. Blocks.
fn plan(settings: &Settings) -> Result<Vec<Hop>, ConnectionError> {
    let local = Local::current();
    let wrong = |error: ConfigError| {
        let hint = "correct it, or read another file with `-F FILE` in `ansible_ssh_common_args`";
        connect_error(&settings.address, error.to_string(), Some(hint.to_owned()))
    };
    let target = Options::resolve(settings, &local).map_err(wrong)?;
    let mut chain = vec![target];
    while let Some(Proxy::Jump(hosts)) = chain.last().map(|options| options.proxy.clone()) {
        let Some((last, via)) = hosts.split_last() else { break };
        if chain.len() >= MAXIMUM_HOPS {
            let names: Vec<String> = chain.iter().rev().map(Options::address).collect();
            return Err(connect_error(
                &settings.address,
                format!("`ProxyJump` goes through more than {MAXIMUM_HOPS} hosts: {}", names.join(", ")),
                Some("hosts that jump through each other need a `ProxyJump none` in `~/.ssh/config`".to_owned()),
            ));
        }
        let files = chain.last().map(|options| options.files.clone()).unwrap_or(super::ssh_config::Files::Default);
        chain.push(Options::resolve_jump(last, via, &files, &local).map_err(wrong)?);
    }
    let is_target = |index: usize| index == 0;
    let hops = chain.into_iter().enumerate().map(|(index, options)| hop(options, settings, is_target(index)));
    let mut hops: Vec<Hop> = hops.collect::<Result<_, _>>()?;
    hops.reverse();
    Ok(hops)
}

/// `settings` speak of the host itself; hosts before it only know the configuration files, as in `ssh -J`.
fn hop(options: Options, settings: &Settings, is_target: bool) -> Result<Hop, ConnectionError> {
    let pinned = match settings.pinned_host_key.as_ref().filter(|_| is_target) {
        None => None,
        Some(text) => Some(PublicKey::from_openssh(text.trim()).map_err(|error| {
            connect_error(
                &options.address(),
                format!("the host key given for `{}` cannot be understood: {error}", options.hostname),
                Some("it must look like `ssh-ed25519 AAAA...`".to_owned()),
            )
        })?),
    };
    let (name, portless) = options.host_key_names();
    let known = if pinned.is_none() {
        let files = options.user_known_hosts_files.iter().chain(&options.global_known_hosts_files);
        KnownKeys::find(files, &name, portless.as_deref())
    } else {
        KnownKeys::default()
    };
    let mut preferred =
        algorithms::preferred(&options, &known).map_err(|reason| connect_error(&options.address(), reason, None))?;
    if let Some(pinned) = &pinned {
        let algorithm = pinned.algorithm();
        preferred.key.to_mut().sort_by_key(|offered| {
            !(*offered == algorithm
                || matches!(
                    (offered, &algorithm),
                    (russh::keys::Algorithm::Rsa { .. }, russh::keys::Algorithm::Rsa { .. })
                ))
        });
    }
    let passphrase = settings.private_key_passphrase.as_ref().filter(|_| is_target);
    let identities = if options.pubkey_authentication {
        let load = |path: &std::path::PathBuf| Identity::load(path, passphrase, &options.certificate_files);
        options.identity_files.iter().map(load).collect()
    } else {
        Vec::new()
    };
    let policy = Policy {
        name,
        hostname: options.host_key_alias.clone().unwrap_or_else(|| options.hostname.clone()),
        port: options.port,
        known,
        checking: options.host_key_checking,
        pinned,
        file: options.user_known_hosts_files.first().cloned(),
        hashed: options.hash_known_hosts,
    };
    Ok(Hop {
        password: settings.password.clone().filter(|_| is_target),
        policy: Arc::new(policy),
        preferred,
        identities,
        options,
    })
}

/// Go through all hops.
async fn travel(hops: &[Hop], stage: &Stage) -> Result<Connection, Failed> {
    let mut through: Vec<Box<dyn Any + Send + Sync>> = Vec::new();
    let mut before: Option<Connection> = None;
    let mut warnings = Vec::new();
    for hop in hops {
        let address = hop.options.address();
        let enter = |text: String| *stage.lock().unwrap_or_else(PoisonError::into_inner) = text;
        enter(format!("connecting to {address}"));
        let mut said = None;
        let stream: Box<dyn Stream> = match (before.take(), &hop.options.proxy) {
            (Some(connection), _) => {
                let stream = forward(&connection, &hop.options).await?;
                through.push(Box::new(connection));
                stream
            }
            (None, Proxy::Command(command)) => {
                let (stream, process, errors) = spawn_proxy(command, &address)?;
                through.push(process);
                said = Some((command, errors));
                stream
            }
            (None, _) => Box::new(dial(&hop.options).await?),
        };
        enter(format!("shaking hands with {address}"));
        let ending = Ending::default();
        let server = Server::default();
        let doubt = Doubt::default();
        let client = Client {
            policy: Arc::clone(&hop.policy),
            doubt: Arc::clone(&doubt),
            patience: hop.patience(),
            ending: Arc::clone(&ending),
            server: Arc::clone(&server),
        };
        let (stream, pace) = Paced::new(stream);
        let mut handle = match client::connect_stream(config(hop), stream, client).await {
            Ok(handle) => handle,
            Err(error) => {
                let said = match said {
                    // What the command has to say may arrive a little after the end of its output.
                    Some((command, errors)) => {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        let errors = errors.lock().unwrap_or_else(PoisonError::into_inner);
                        Some(format!("`ProxyCommand {command}` says: {}", String::from_utf8_lossy(&errors).trim()))
                    }
                    None => None,
                };
                return Err(handshake_failed(error, &address, said));
            }
        };
        enter(format!("logging in to {address} as {}", hop.options.user));
        let distrust = doubt.get();
        warnings.extend(distrust.map(|distrust| (distrust.reason.clone(), distrust.hint.clone())));
        let credentials = Credentials {
            options: &hop.options,
            identities: &hop.identities,
            password: hop.password.as_ref(),
            distrust,
        };
        authenticate(&mut handle, &ending, &credentials).await.map_err(Failed::for_good)?;
        let name = format!("{}@{address}", hop.options.user);
        let through = std::mem::take(&mut through);
        before = Some(Connection { handle, ending, server, pace, name, through, warnings: warnings.clone() });
    }
    before.ok_or_else(|| Failed::for_good(connect_error("", "there is no host to connect to".to_owned(), None)))
}

fn config(hop: &Hop) -> Arc<Config> {
    Arc::new(Config {
        client_id: SshId::Standard(concat!("SSH-2.0-rprov_", env!("CARGO_PKG_VERSION")).into()),
        window_size: WINDOW,
        preferred: hop.preferred.clone(),
        keepalive_interval: hop.options.alive_interval,
        keepalive_max: hop.options.alive_count_max,
        nodelay: true,
        ..Config::default()
    })
}

async fn forward(connection: &Connection, options: &Options) -> Result<Box<dyn Stream>, Failed> {
    let opened = connection
        .handle
        .channel_open_direct_tcpip(options.hostname.clone(), options.port.into(), "127.0.0.1", 0)
        .await;
    match opened {
        Ok(channel) => Ok(Box::new(channel.into_stream())),
        Err(error) => {
            let address = options.address();
            let (what, hint) = match error {
                russh::Error::ChannelOpenFailure(russh::ChannelOpenFailure::AdministrativelyProhibited) => {
                    ("refuses to forward".to_owned(), "allow it there: `AllowTcpForwarding yes` in its sshd_config")
                }
                russh::Error::ChannelOpenFailure(russh::ChannelOpenFailure::ConnectFailed) => {
                    ("cannot connect".to_owned(), "check that the address is right as seen from the jump host")
                }
                error => (error.to_string(), "check the jump host"),
            };
            let reason = format!("jump host {} {what} to {address}", connection.name);
            Err(Failed { error: connect_error(&address, reason, Some(hint.to_owned())), again: true })
        }
    }
}

type Proxied = (Box<dyn Stream>, Box<dyn Any + Send + Sync>, Arc<Mutex<Vec<u8>>>);

fn spawn_proxy(command: &str, address: &str) -> Result<Proxied, Failed> {
    let failed = |error: std::io::Error| {
        let reason = format!("cannot start `ProxyCommand {command}`: {error}");
        Failed::for_good(connect_error(address, reason, None))
    };
    let mut child = tokio::process::Command::new("/bin/sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let (Some(stdin), Some(stdout), Some(mut stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err(failed(std::io::ErrorKind::BrokenPipe.into()));
    };
    let errors = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&errors);
    tokio::spawn(async move {
        let mut buffer = [0; 1024];
        while let Ok(length @ 1..) = stderr.read(&mut buffer).await {
            let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.len() < 4096 {
                kept.extend_from_slice(buffer.get(..length).unwrap_or_default());
            }
        }
    });
    Ok((Box::new(tokio::io::join(stdout, stdin)), Box::new(child), errors))
}

/// Connect by TCP to whichever address of the host answers first.
async fn dial(options: &Options) -> Result<TcpStream, Failed> {
    let address = options.address();
    let failed = |reason: String, hint: &str| Failed {
        error: connect_error(&address, reason, Some(hint.to_owned())),
        again: true,
    };
    let addresses: Vec<SocketAddr> = match options.hostname.parse::<IpAddr>() {
        Ok(ip) => vec![SocketAddr::new(ip, options.port)],
        Err(_) => match tokio::net::lookup_host((options.hostname.as_str(), options.port)).await {
            Ok(addresses) => addresses.collect(),
            Err(error) => {
                return Err(failed(
                    format!("cannot resolve host name `{}`: {error}", options.hostname),
                    "correct the name, or give the address with `ansible_host`",
                ));
            }
        },
    };
    let wanted = |address: &SocketAddr| match options.address_family {
        AddressFamily::Any => true,
        AddressFamily::V4 => address.is_ipv4(),
        AddressFamily::V6 => address.is_ipv6(),
    };
    let mut addresses = addresses.into_iter().filter(wanted);
    let mut attempts = FuturesUnordered::new();
    let mut reasons = Vec::new();
    let mut more = true;
    loop {
        if more {
            match addresses.next() {
                Some(next) => attempts.push(dial_one(next, options.bind_address.as_deref())),
                None => more = false,
            }
        }
        if attempts.is_empty() && !more {
            break;
        }
        tokio::select! {
            result = attempts.next(), if !attempts.is_empty() => match result {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(reason)) => reasons.push(reason),
                None => {}
            },
            () = tokio::time::sleep(STAGGER), if more => {}
        }
    }
    if reasons.is_empty() {
        let hint = "check `AddressFamily`, `-4` and `-6`";
        return Err(failed(format!("`{}` has no address of the wanted family", options.hostname), hint));
    }
    let hint = if reasons.iter().all(|reason| reason.contains("refused")) {
        "check that an SSH server runs there and that the port is right (`ansible_port`)"
    } else {
        "check address and network"
    };
    Err(failed(reasons.join("; "), hint))
}

async fn dial_one(address: SocketAddr, bind: Option<&str>) -> Result<TcpStream, String> {
    let connect = async {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(bind) = bind {
            let from: IpAddr = bind.parse().map_err(std::io::Error::other)?;
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let _ = socket.set_keepalive(true);
        let stream = socket.connect(address).await?;
        stream.set_nodelay(true)?;
        Ok::<_, std::io::Error>(stream)
    };
    connect
        .await
        .map_err(|error| format!("ssh: connect to host {} port {}: {}", address.ip(), address.port(), describe(&error)))
}

/// The system's words for an error, without the number.
fn describe(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_owned()
}

fn handshake_failed(error: HandshakeError, address: &str, said: Option<String>) -> Failed {
    let error = match error {
        HandshakeError::HostKey { reason, hint } => {
            return Failed::for_good(ConnectionError::HostKey { address: address.to_owned(), reason, hint });
        }
        HandshakeError::Protocol(error) => error,
    };
    let (reason, hint, again) = match error {
        russh::Error::NoCommonAlgo { kind, theirs, .. } => (
            format!("{address}: no common {kind:?} algorithm; the host offers {}", theirs.join(",")),
            Some(
                "allow one of them in `~/.ssh/config`: `HostKeyAlgorithms +NAME`, `KexAlgorithms +NAME`, \
                 `Ciphers +NAME` or `MACs +NAME`"
                    .to_owned(),
            ),
            false,
        ),
        russh::Error::Version => (
            format!("{address}: whatever answers there does not speak SSH"),
            Some("check address and port (`ansible_host`, `ansible_port`)".to_owned()),
            false,
        ),
        error => {
            let what = match &error {
                russh::Error::IO(error) => describe(error),
                russh::Error::Disconnect | russh::Error::HUP => "the connection was closed".to_owned(),
                error => error.to_string(),
            };
            let hint = "the host closes a connection before the handshake when it has too many of them \
                        (`MaxStartups` in sshd_config), or when its firewall bans this address";
            (format!("{address}: handshake failed: {what}"), Some(hint.to_owned()), true)
        }
    };
    Failed { error: connect_error(address, reason, said.filter(|said| !said.ends_with(": ")).or(hint)), again }
}
