//! The server's side of a connection: one user, one key, commands, and nothing else.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use russh::keys::{PrivateKey, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, MethodKind, Preferred, Pty, Sig, SshId, cipher};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::command;

/// Ciphers with hardware support first.
const CIPHERS: &[cipher::Name] =
    &[cipher::AES_128_GCM, cipher::AES_256_GCM, cipher::CHACHA20_POLY1305, cipher::AES_256_CTR, cipher::AES_128_CTR];

/// How much the client may send before a command has taken it.
const WINDOW: u32 = 1024 * 1024;

/// Who may log in, and where they land.
pub(super) struct Login {
    pub(super) user: String,
    pub(super) key: PublicKey,
    pub(super) directory: PathBuf,
}

/// The configuration of a host with this key.
pub(super) fn config(host_key: PrivateKey) -> Arc<Config> {
    Arc::new(Config {
        server_id: SshId::Standard(concat!("SSH-2.0-rprov_", env!("CARGO_PKG_VERSION")).into()),
        methods: (&[MethodKind::PublicKey][..]).into(),
        // Whoever can connect to loopback and guess keys has better ways.
        auth_rejection_time: Duration::from_millis(10),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host_key],
        window_size: WINDOW,
        preferred: Preferred { cipher: CIPHERS.into(), ..Preferred::default() },
        inactivity_timeout: None,
        nodelay: true,
        ..Config::default()
    })
}

/// Serve every connection to a host.
pub(super) async fn listen(listener: std::net::TcpListener, config: Arc<Config>, login: Arc<Login>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(serve(stream, Arc::clone(&config), Arc::clone(&login)));
            }
            // Too many open files, or a client that hung up already.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

async fn serve(stream: TcpStream, config: Arc<Config>, login: Arc<Login>) {
    let _ = stream.set_nodelay(true);
    let guest = Guest { login, waiting: HashMap::new(), running: HashMap::new() };
    if let Ok(session) = russh::server::run_stream(config, stream, guest).await {
        // How a connection ended is the client's concern.
        let _ = session.await;
    }
}

/// A client.
struct Guest {
    login: Arc<Login>,
    /// Channels on which nothing runs yet.
    waiting: HashMap<ChannelId, Waiting>,
    /// Where signals for a running command go.
    running: HashMap<ChannelId, mpsc::UnboundedSender<Sig>>,
}

struct Waiting {
    channel: Channel<Msg>,
    environment: Vec<(String, String)>,
}

impl Guest {
    fn judge(&self, user: &str, key: &PublicKey) -> Auth {
        match user == self.login.user && key.key_data() == self.login.key.key_data() {
            true => Auth::Accept,
            false => Auth::reject(),
        }
    }

    fn run(&mut self, id: ChannelId, command: Option<&[u8]>, session: &mut Session) -> Result<(), russh::Error> {
        let Some(Waiting { channel, environment }) = self.waiting.remove(&id) else {
            return session.channel_failure(id);
        };
        let (signals, receiver) = mpsc::unbounded_channel();
        match command::spawn(&self.login, command, environment) {
            Ok(child) => {
                session.channel_success(id)?;
                self.running.insert(id, signals);
                tokio::spawn(command::attend(child, channel, session.handle(), receiver));
                Ok(())
            }
            Err(error) => {
                session.channel_success(id)?;
                session.extended_data(id, 1, format!("cannot start `/bin/sh`: {error}\n").into_bytes())?;
                session.exit_status_request(id, 127)?;
                session.eof(id)?;
                session.close(id)
            }
        }
    }
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, russh::Error> {
        Ok(self.judge(user, offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, russh::Error> {
        Ok(self.judge(user, key.public_key))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), russh::Error> {
        self.waiting.insert(channel.id(), Waiting { channel, environment: Vec::new() });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), russh::Error> {
        self.waiting.remove(&channel);
        self.running.remove(&channel);
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        match self.waiting.get_mut(&channel) {
            Some(waiting) if name == "LANG" || name.starts_with("LC_") => {
                waiting.environment.push((name.to_owned(), value.to_owned()));
                session.channel_success(channel)
            }
            _ => session.channel_failure(channel),
        }
    }

    /// A terminal is granted, and made of pipes: there is no line discipline, so nothing is echoed either.
    async fn pty_request(
        &mut self,
        channel: ChannelId,
        term: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        if let Some(waiting) = self.waiting.get_mut(&channel) {
            waiting.environment.push(("TERM".to_owned(), term.to_owned()));
        }
        session.channel_success(channel)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        self.run(channel, Some(command), session)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), russh::Error> {
        self.run(channel, None, session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), russh::Error> {
        session.channel_failure(channel)
    }

    async fn signal(&mut self, channel: ChannelId, signal: Sig, _: &mut Session) -> Result<(), russh::Error> {
        if let Some(signals) = self.running.get(&channel) {
            let _ = signals.send(signal);
        }
        Ok(())
    }
}
