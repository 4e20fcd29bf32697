//! A command on a channel: its streams, signals and end.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use rustix::process::{Pid, Signal};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{mpsc, watch};

use super::server::Login;
use crate::connection::ssh::pipe::{Sink, Source, pipe};

/// Bytes of input that wait for a command before the connection is held up.
const INPUT_LIMIT: usize = 2 * 1024 * 1024;

/// What a channel's packet holds.
const CHUNK: usize = 32 * 1024;

/// How long a command whose client has gone may take to clean up.
const GRACE: Duration = Duration::from_secs(2);

/// Start a command, or a shell that reads its commands from the channel, in a process group of its own.
pub(super) fn spawn(
    login: &Login,
    command: Option<&[u8]>,
    environment: Vec<(String, String)>,
) -> std::io::Result<Child> {
    let mut shell = Command::new("/bin/sh");
    if let Some(command) = command {
        shell.arg("-c").arg(OsStr::from_bytes(command));
    }
    shell
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin".into()))
        .env("HOME", &login.directory)
        .env("PWD", &login.directory)
        .env("USER", &login.user)
        .env("LOGNAME", &login.user)
        .env("SHELL", "/bin/sh")
        .envs(environment)
        .current_dir(&login.directory)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
}

/// Pass everything on between a command and its channel until both have ended.
pub(super) async fn attend(
    mut child: Child,
    channel: Channel<Msg>,
    handle: Handle,
    mut signals: mpsc::UnboundedReceiver<Sig>,
) {
    let id = channel.id();
    let group = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
    let (reading, writing) = channel.split();
    let writing = Arc::new(writing);
    let (gone, mut going) = watch::channel(false);
    let (input, waiting) = pipe(INPUT_LIMIT);
    tokio::spawn(receive(reading, input, gone));
    if let Some(stdin) = child.stdin.take() {
        tokio::spawn(feed(waiting, stdin, going.clone()));
    }
    let stdout = tokio::spawn(send(child.stdout.take(), Arc::clone(&writing), None, going.clone()));
    let stderr = tokio::spawn(send(child.stderr.take(), Arc::clone(&writing), Some(1), going.clone()));

    let mut listening = true;
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            signal = signals.recv(), if listening => match signal {
                Some(signal) => kill(group, number(&signal)),
                None => listening = false,
            },
            () = left(&mut going) => {
                // The agent cleans up when it is told that its client has gone; what does not is ended.
                kill(group, Some(Signal::HUP));
                let status = tokio::time::timeout(GRACE, child.wait()).await;
                kill(group, Some(Signal::KILL));
                match status {
                    Ok(status) => break status,
                    Err(_) => break child.wait().await,
                }
            }
        }
    };
    // As with sshd, output that a background process still holds open is waited for.
    let _ = tokio::join!(stdout, stderr);
    let _ = writing.eof().await;
    if let Ok(status) = status {
        report(status, &writing, &handle, id).await;
    }
    let _ = writing.close().await;
}

/// Take the channel's messages off the connection at once: unread ones would hold up all channels.
async fn receive(mut reading: ChannelReadHalf, input: Sink, gone: watch::Sender<bool>) {
    let mut input = Some(input);
    while let Some(message) = reading.wait().await {
        match message {
            ChannelMsg::Data { data } => {
                if let Some(open) = &input
                    && !open.send(data).await
                {
                    input = None;
                }
            }
            ChannelMsg::Eof => input = None,
            ChannelMsg::Close => break,
            _ => {}
        }
    }
    let _ = gone.send(true);
}

async fn feed(mut waiting: Source, mut stdin: ChildStdin, mut going: watch::Receiver<bool>) {
    loop {
        let chunk = tokio::select! {
            chunk = waiting.next() => chunk,
            () = left(&mut going) => return,
        };
        let Some(chunk) = chunk else { return };
        tokio::select! {
            written = stdin.write_all(&chunk) => if written.is_err() { return },
            () = left(&mut going) => return,
        }
    }
}

async fn send(
    stream: Option<impl AsyncRead + Unpin>,
    writing: Arc<ChannelWriteHalf<Msg>>,
    kind: Option<u32>,
    mut going: watch::Receiver<bool>,
) {
    let Some(mut stream) = stream else { return };
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(CHUNK);
        let read = tokio::select! {
            read = stream.read_buf(&mut buffer) => read,
            () = left(&mut going) => return,
        };
        if !matches!(read, Ok(1..)) {
            return;
        }
        let chunk = buffer.split().freeze();
        let sending = async {
            match kind {
                None => writing.data_bytes(chunk).await,
                Some(kind) => writing.extended_data_bytes(kind, chunk).await,
            }
        };
        tokio::select! {
            sent = sending => if sent.is_err() { return },
            () = left(&mut going) => return,
        }
    }
}

/// Wait until the client has left the channel.
async fn left(going: &mut watch::Receiver<bool>) {
    let _ = going.wait_for(|gone| *gone).await;
}

async fn report(status: ExitStatus, writing: &ChannelWriteHalf<Msg>, handle: &Handle, id: russh::ChannelId) {
    match (status.code(), status.signal()) {
        (Some(code), _) => {
            let _ = writing.exit_status(code.unsigned_abs()).await;
        }
        (None, signal) => {
            let signal = signal.unwrap_or_default();
            let name = SIGNALS
                .iter()
                .find(|(known, _)| known.as_raw() == signal)
                .map_or_else(|| Sig::Custom(format!("SIG{signal}@rprov")), |(_, name)| name.clone());
            let _ = handle.exit_signal_request(id, name, status.core_dumped(), String::new(), String::new()).await;
        }
    }
}

/// The signals that SSH has names for (RFC 4254, section 6.10).
static SIGNALS: &[(Signal, Sig)] = &[
    (Signal::ABORT, Sig::ABRT),
    (Signal::ALARM, Sig::ALRM),
    (Signal::FPE, Sig::FPE),
    (Signal::HUP, Sig::HUP),
    (Signal::ILL, Sig::ILL),
    (Signal::INT, Sig::INT),
    (Signal::KILL, Sig::KILL),
    (Signal::PIPE, Sig::PIPE),
    (Signal::QUIT, Sig::QUIT),
    (Signal::SEGV, Sig::SEGV),
    (Signal::TERM, Sig::TERM),
    (Signal::USR1, Sig::USR1),
];

fn number(signal: &Sig) -> Option<Signal> {
    let name = format!("{signal:?}");
    SIGNALS.iter().find(|(_, known)| format!("{known:?}") == name).map(|(signal, _)| *signal)
}

fn kill(group: Option<Pid>, signal: Option<Signal>) {
    if let (Some(group), Some(signal)) = (group, signal) {
        // A group that has ended already needs no signal.
        let _ = rustix::process::kill_process_group(group, signal);
    }
}
