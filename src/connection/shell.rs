//! A program of the host whose streams rprov itself reads and writes, for any user.
//!
//! What runs is no part of a command line: it goes to the shell as its first line of input, so that no login shell has a
//! say in quotes, and nobody sees the environment.

use std::io::Cursor;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::r#become::Become;
use super::bootstrap::{self, Started};
use super::error::ConnectionError;
use super::settings::BecomeSettings;
use super::store::AgentStore;
use super::transport::{Process, Transport};

/// Text of a POSIX shell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script(String);

impl Script {
    /// This text, which may have several lines.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The line by which it is sent: what `printf %b` turns into the text.
    fn line(&self) -> String {
        self.0.replace('\\', "\\0134").replace('\n', "\\0012") + "\n"
    }

    /// Send it to a shell that was started.
    ///
    /// # Errors
    /// The shell reads no more.
    pub async fn send(&self, shell: &mut Process) -> std::io::Result<()> {
        shell.stdin.write_all(self.line().as_bytes()).await?;
        shell.stdin.flush().await
    }
}

/// Start a shell that waits for its [`Script`].
///
/// # Errors
/// The other user cannot be become, and what the transport says.
pub async fn start(
    transport: &dyn Transport,
    r#become: Option<&BecomeSettings>,
    store: &AgentStore,
) -> Result<Process, ConnectionError> {
    let r#become = r#become.map(Become::new).transpose()?;
    let Started { stdin, stdout, stderr, exit, ending, frames, .. } =
        bootstrap::shell(transport, r#become.as_ref(), store).await?;
    Ok(Process { stdin, stdout: Box::new(Cursor::new(frames).chain(stdout)), stderr, exit, ending })
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use crate::connection::{Exit, LocalTransport};

    #[tokio::test]
    async fn a_script_arrives_as_it_is_and_has_the_rest_as_its_input() {
        let store = AgentStore::with_directories(Vec::new());
        let mut shell = start(&LocalTransport::new(), None, &store).await.unwrap();
        let script = "printf '%s|' 'a\\n\\0134 %s' \"$(printf x)\"\nread -r rest\necho \"$rest\"\nexit 3";
        Script::new(script).send(&mut shell).await.unwrap();
        shell.stdin.write_all(b"it's\n").await.unwrap();
        let mut output = String::new();
        shell.stdout.read_to_string(&mut output).await.unwrap();
        assert_eq!(output, "a\\n\\0134 %s|x|it's\n");
        assert_eq!(shell.exit.await.unwrap(), Exit::Code(3));
    }
}
