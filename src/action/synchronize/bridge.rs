//! Runs rsync, and carries the bytes between its two sides.

use std::time::Duration;

use rprov_modules::Failure;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use super::command::{Client, SEPARATOR};
use super::server::Expected;
use crate::action::call::Stop;
use crate::connection::{ConnectionError, Exit, Loss, Process, Script, lock};

/// Bytes that are carried at once.
const PIECE: usize = 128 * 1024;

/// The longest command that is taken for the other side.
const COMMAND: u64 = 256 * 1024;

/// Bytes of what the other side says beside its protocol that are kept.
const TALK: u64 = 64 * 1024;

/// How long the other side may take to end when rsync has.
const EPILOGUE: Duration = Duration::from_secs(10);

/// What became of rsync.
#[derive(Debug)]
pub(super) struct Transfer {
    /// Its exit code.
    pub(super) code: i64,
    /// What it printed.
    pub(super) stdout: String,
    /// What it complained.
    pub(super) stderr: String,
    /// The other side, if it was started.
    pub(super) server: Option<Server>,
}

/// What became of the other side.
#[derive(Debug)]
pub(super) struct Server {
    /// Its program.
    pub(super) program: String,
    /// Its exit code, if it had one.
    pub(super) code: Option<i64>,
    /// What it complained.
    pub(super) stderr: String,
}

/// Run rsync where it needs no other side.
pub(super) async fn run(mut shell: Process, client: &Client<'_>) -> Result<Transfer, Stop> {
    // Where it has ended already, its exit says why.
    let _ = Script::new(client.script()).send(&mut shell).await;
    let Process { stdin, mut stdout, mut stderr, exit, ending } = shell;
    drop(stdin);
    let (mut sink, mut said) = (tokio::io::sink(), Vec::new());
    let (_, read) = tokio::join!(tokio::io::copy(&mut stdout, &mut sink), stderr.read_to_end(&mut said));
    read.map_err(|error| lost(error.to_string().into()))?;
    let code = match exit.await {
        Ok(exit) => code_of(&exit),
        Err(_) => return Err(lost(loss(&ending))),
    };
    Ok(Transfer::new(code, &said))
}

/// Run rsync in one shell, and its other side in another. `expected` is what that may be asked to do, where rsync runs on
/// a host.
pub(super) async fn between(
    mut here: Process,
    mut there: Process,
    client: &Client<'_>,
    expected: Option<&Expected>,
) -> Result<Transfer, Stop> {
    // As above.
    let _ = Script::new(client.script()).send(&mut here).await;
    let mut from_here = BufReader::with_capacity(PIECE, here.stdout);
    let mut said = Vec::new();
    let listening = here.stderr.read_to_end(&mut said);
    tokio::pin!(listening);
    let mut command = Vec::new();
    // A lot may be said before the other side is asked for.
    let listened = {
        let mut start = (&mut from_here).take(COMMAND);
        let asking = start.read_until(0, &mut command);
        tokio::pin!(asking);
        tokio::select! {
            _ = &mut asking => None,
            read = &mut listening => {
                let _ = asking.await;
                Some(read)
            }
        }
    };
    let mut server = None;
    if command.pop() == Some(0) {
        let command = String::from_utf8_lossy(&command).into_owned();
        if let Some(expected) = expected {
            expected.check(&command).map_err(Failure::new)?;
        }
        let _ = Script::new(&command).send(&mut there).await;
        let answering = answer(there.stdout, there.stderr, here.stdin);
        let near = async {
            let listen = async {
                match listened {
                    Some(read) => read,
                    None => listening.await,
                }
            };
            tokio::join!(listen, carry(from_here, there.stdin)).0
        };
        tokio::pin!(answering, near);
        let mut complaints = None;
        let read = loop {
            tokio::select! {
                read = &mut near => break read,
                said = &mut answering, if complaints.is_none() => complaints = Some(said),
            }
        };
        read.map_err(|error| lost(error.to_string().into()))?;
        let complaints = match complaints {
            Some(said) => said,
            None => timeout(EPILOGUE, answering).await.unwrap_or_default(),
        };
        let code = timeout(EPILOGUE, there.exit).await.ok().and_then(Result::ok).map(|exit| code_of(&exit));
        if let Some(loss) = lock(&there.ending).clone().filter(|_| code.is_none()) {
            return Err(lost(loss));
        }
        let program = command.split(" --server").next().unwrap_or_default().to_owned();
        server = Some(Server { program, code, stderr: String::from_utf8_lossy(&complaints).into_owned() });
    } else {
        let read = match listened {
            Some(read) => read,
            None => listening.await,
        };
        read.map_err(|error| lost(error.to_string().into()))?;
    }
    let code = match here.exit.await {
        Ok(exit) => code_of(&exit),
        Err(_) => return Err(lost(loss(&here.ending))),
    };
    Ok(Transfer { server, ..Transfer::new(code, &said) })
}

impl Transfer {
    fn new(code: i64, said: &[u8]) -> Self {
        let said = String::from_utf8_lossy(said).into_owned();
        let (stdout, stderr) = said.rsplit_once(SEPARATOR).unwrap_or((&said, ""));
        Self { code, stdout: stdout.to_owned(), stderr: stderr.to_owned(), server: None }
    }
}

/// Carry what the other side says to rsync; what it complains.
async fn answer(
    from: impl AsyncRead + Unpin,
    complaints: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
) -> Vec<u8> {
    let listen = async {
        let (mut kept, mut limited) = (Vec::new(), complaints.take(TALK));
        let _ = limited.read_to_end(&mut kept).await;
        // What is beyond the limit is read, too: the other side must not wait for it.
        let _ = tokio::io::copy(limited.get_mut(), &mut tokio::io::sink()).await;
        kept
    };
    tokio::join!(carry(from, to), listen).1
}

/// Carry bytes until one side has enough; which, shows in how its program ends. Only when `to` is gone does its reader know
/// that there is no more.
async fn carry(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) {
    let mut piece = vec![0; PIECE];
    while let Ok(count) = from.read(&mut piece).await {
        let Some(read) = piece.get(..count).filter(|read| !read.is_empty()) else { break };
        if to.write_all(read).await.is_err() || to.flush().await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}

fn code_of(exit: &Exit) -> i64 {
    match exit {
        Exit::Code(code) => i64::from(*code),
        Exit::Signal(_) => 255,
    }
}

fn loss(ending: &crate::connection::Ending) -> Loss {
    lock(ending).clone().unwrap_or_else(|| "rsync's end was never told".to_owned().into())
}

fn lost(loss: Loss) -> Stop {
    Stop::Connection(ConnectionError::from(loss))
}
