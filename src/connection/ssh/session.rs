//! Commands on the channels of one SSH connection.
//!
//! Every channel has a task that takes its messages off the connection at once: a channel whose messages are not read
//! stops all others, because they share one stream. A second task feeds its standard input as the host makes room.

use std::fmt;
use std::sync::{Arc, PoisonError};

use async_trait::async_trait;
use futures::FutureExt as _;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelOpenFailure, ChannelReadHalf, ChannelWriteHalf, Disconnect, Pty, Sig};
use tokio::sync::{oneshot, watch};

use super::host_key::{Client, Server};
use super::pace::Pace;
use super::pipe::{Sink, Source, pipe};
use crate::connection::error::Loss;
use crate::connection::transport::Ending;
use crate::connection::{ConnectionError, Exit, Process, Transport};

/// Bytes of output that wait for their reader before the connection is held up.
const OUTPUT_LIMIT: usize = 4 * 1024 * 1024;

/// Bytes of input that wait for the host.
const INPUT_LIMIT: usize = 128 * 1024;

/// Bytes of input after which the socket must have taken some before there are more.
const STRETCH: usize = 128 * 1024;

/// Nearly a raw terminal: input is not echoed, and bytes go through unchanged in both directions.
const TERMINAL_MODES: &[(Pty, u32)] = &[
    (Pty::ECHO, 0),
    (Pty::ECHOE, 0),
    (Pty::ECHOK, 0),
    (Pty::ECHONL, 0),
    (Pty::ECHOCTL, 0),
    (Pty::ECHOKE, 0),
    (Pty::ISIG, 0),
    (Pty::ICANON, 0),
    (Pty::IEXTEN, 0),
    (Pty::IXON, 0),
    (Pty::IXOFF, 0),
    (Pty::IXANY, 0),
    (Pty::ICRNL, 0),
    (Pty::INLCR, 0),
    (Pty::IGNCR, 0),
    (Pty::ISTRIP, 0),
    (Pty::INPCK, 0),
    (Pty::OPOST, 0),
    (Pty::ONLCR, 0),
    (Pty::CS8, 1),
    (Pty::PARENB, 0),
];

/// An open, authenticated connection.
pub(super) struct Connection {
    pub(super) handle: Handle<Client>,
    pub(super) ending: Ending,
    pub(super) server: Server,
    /// How far it has got with what is sent.
    pub(super) pace: Pace,
    /// `user@host:port`.
    pub(super) name: String,
    /// What the connection goes through: earlier connections and processes, which must live as long.
    pub(super) through: Vec<Box<dyn std::any::Any + Send + Sync>>,
    /// What somebody should know of the hosts on the way, and what to do about it.
    pub(super) warnings: Vec<(String, String)>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Connection")
            .field("name", &self.name)
            .field("through", &self.through.len())
            .finish_non_exhaustive()
    }
}

impl Connection {
    async fn open(&self) -> Result<Channel<Msg>, ConnectionError> {
        self.handle.channel_open_session().await.map_err(|error| self.lost(&error))
    }

    /// Start a command, with a terminal or without. `ended` is called when its
    /// channel is closed and the command has surely ended.
    pub(super) async fn run(
        &self,
        command: &str,
        terminal: bool,
        ended: impl FnOnce() + Send + 'static,
    ) -> Result<Process, ConnectionError> {
        let channel = self.open().await?;
        if terminal {
            channel
                .request_pty(false, "dumb", 80, 24, 0, 0, TERMINAL_MODES)
                .await
                .map_err(|error| self.lost(&error))?;
        }
        channel.exec(true, command).await.map_err(|error| self.lost(&error))?;
        Ok(start(channel, self.pace.clone(), Arc::clone(&self.ending), ended))
    }

    /// Wait until the host has dealt with all that was sent so far. `false`: the connection is gone.
    pub(super) async fn answers(&self) -> bool {
        self.handle.send_ping().await.is_ok() && !self.handle.is_closed()
    }

    fn lost(&self, error: &russh::Error) -> ConnectionError {
        let ending = self.ending.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let reason = match (ending, error) {
            (Some(Loss { reason, hint }), _) => {
                return ConnectionError::Lost { reason: format!("{}: {reason}", self.name), hint };
            }
            (None, russh::Error::ChannelOpenFailure(failure)) => match failure {
                ChannelOpenFailure::ConnectFailed | ChannelOpenFailure::ResourceShortage => format!(
                    "{}: the host refuses another session on this connection; raise `MaxSessions` in its sshd_config",
                    self.name
                ),
                _ => format!("{}: the host refuses to open a session ({failure:?})", self.name),
            },
            (None, error) => format!("{}: {error}", self.name),
        };
        ConnectionError::Lost { reason, hint: None }
    }
}

#[async_trait]
impl Transport for Connection {
    async fn exec(&self, command: &str) -> Result<Process, ConnectionError> {
        self.run(command, false, || ()).await
    }

    async fn exec_tty(&self, command: &str) -> Result<Process, ConnectionError> {
        self.run(command, true, || ()).await
    }

    async fn close(&self) {
        // The message goes out when there is room for it; otherwise the socket's end says the same.
        let _ = self.handle.disconnect(Disconnect::ByApplication, "", "").now_or_never();
    }

    fn warnings(&self) -> Vec<(String, String)> {
        self.warnings.clone()
    }
}

fn start(channel: Channel<Msg>, pace: Pace, ending: Ending, ended: impl FnOnce() + Send + 'static) -> Process {
    let (reading, writing) = channel.split();
    let writing = Arc::new(writing);
    let (stdin_sink, stdin) = pipe(INPUT_LIMIT);
    let (stdout, stdout_source) = pipe(OUTPUT_LIMIT);
    let (stderr, stderr_source) = pipe(OUTPUT_LIMIT);
    let (exit_sender, exit) = oneshot::channel();
    let (closed_sender, closed) = watch::channel(false);
    tokio::spawn(feed(Arc::clone(&writing), stdin, pace, closed));
    tokio::spawn(async move {
        let exit = drain(reading, writing, &stdout, &stderr, &exit_sender).await;
        let _ = closed_sender.send(true);
        // Before anybody can know of the end.
        if exit.is_some() {
            ended();
        } else {
            drop(ended);
        }
        drop((stdout, stderr));
        if let Some(exit) = exit {
            let _ = exit_sender.send(exit);
        }
    });
    Process {
        stdin: Box::new(stdin_sink),
        stdout: Box::new(stdout_source),
        stderr: Box::new(stderr_source),
        exit,
        ending,
    }
}

/// Send what is written to standard input, as far as the channel's window allows, and then its end.
async fn feed(
    writing: Arc<ChannelWriteHalf<Msg>>,
    mut stdin: Source,
    mut pace: Pace,
    mut closed: watch::Receiver<bool>,
) {
    let sending = async {
        let mut stretch = 0;
        while let Some(chunk) = stdin.next().await {
            stretch += chunk.len();
            let full = stretch >= STRETCH;
            if full {
                // Before the last of it is sent: the flush that takes this one along must count.
                stretch = 0;
                pace.mark();
            }
            if writing.data_bytes(chunk).await.is_err() {
                return;
            }
            if full {
                pace.flushed().await;
            }
        }
        let _ = writing.eof().await;
    };
    tokio::select! {
        () = sending => {}
        // A window that nobody will open again must not be waited for.
        _ = closed.changed() => {}
    }
}

/// Take the channel's messages off the connection until it is closed; how the command has ended.
async fn drain(
    mut reading: ChannelReadHalf,
    writing: Arc<ChannelWriteHalf<Msg>>,
    stdout: &Sink,
    stderr: &Sink,
    exit_sender: &oneshot::Sender<Exit>,
) -> Option<Exit> {
    let mut exit = None;
    let mut closing = false;
    while let Some(message) = reading.wait().await {
        let read = match message {
            ChannelMsg::Data { data } => stdout.send(data).await,
            ChannelMsg::ExtendedData { data, ext: 1 } => stderr.send(data).await,
            ChannelMsg::ExitStatus { exit_status } => {
                exit = Some(Exit::Code(exit_status));
                true
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                exit = Some(Exit::Signal(signal(signal_name)));
                true
            }
            ChannelMsg::Failure => {
                // No shell could be started for the command.
                exit.get_or_insert(Exit::Code(255));
                let _ = writing.close().await;
                true
            }
            ChannelMsg::Close => break,
            _ => true,
        };
        if !read && !closing && stdout.is_abandoned() && stderr.is_abandoned() && exit_sender.is_closed() {
            // Nobody is interested in the command any more.
            closing = true;
            let _ = writing.close().await;
        }
    }
    exit
}

fn signal(signal: Sig) -> String {
    match signal {
        Sig::Custom(name) => name,
        signal => format!("{signal:?}"),
    }
}
