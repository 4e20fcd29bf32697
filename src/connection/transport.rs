//! Running a command on a host, through its login shell.

use std::fmt;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;

use super::error::{ConnectionError, Loss};

/// A way to a host on which commands can be run, several at a time.
#[async_trait]
pub trait Transport: Send + Sync + fmt::Debug {
    /// Start a command through the login shell of the transport's user.
    ///
    /// The future ends as soon as the command was sent; that it could not be started shows in its [`Exit`].
    ///
    /// # Errors
    /// The connection is gone.
    async fn exec(&self, command: &str) -> Result<Process, ConnectionError>;

    /// Like [`Transport::exec`], with a pseudo-terminal without echo: for `su`, which reads passwords only there.
    ///
    /// # Errors
    /// The connection is gone.
    async fn exec_tty(&self, command: &str) -> Result<Process, ConnectionError>;

    /// Close the connection without waiting for the other side.
    async fn close(&self);

    /// Whether it leads to this machine.
    fn is_local(&self) -> bool {
        false
    }

    /// What somebody can type to try the same.
    fn by_hand(&self) -> String {
        "ssh HOST true".to_owned()
    }

    /// What somebody should know of the way to the host although it works, each with what to do about it.
    fn warnings(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Why a connection ended; empty while it lasts.
pub type Ending = Arc<Mutex<Option<Loss>>>;

/// A started command. Its output is drained in the background, so that an unread stream never blocks another channel
/// for longer than the reader takes to notice.
pub struct Process {
    /// Its standard input; closed when dropped.
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    /// Its standard output.
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    /// Its standard error.
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// How it ended; an error where the connection was lost before.
    pub exit: oneshot::Receiver<Exit>,
    /// Why there is no exit, where the connection was lost.
    pub ending: Ending,
}

impl fmt::Debug for Process {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Process")
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// With an exit code.
    Code(u32),
    /// By a signal (`TERM`).
    Signal(String),
}
