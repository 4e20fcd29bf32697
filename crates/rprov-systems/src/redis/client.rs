//! A connection to a server: one command, one reply.

use std::io::BufReader;

use super::error::RedisError;
use super::resp::{self, Reply};
use crate::socket::Channel;

/// A connection.
#[derive(Debug)]
pub struct Client {
    channel: BufReader<Channel>,
}

impl Client {
    /// Speak over this channel.
    pub fn new(channel: Channel) -> Self {
        Self { channel: BufReader::new(channel) }
    }

    /// From now on the server may take its time.
    ///
    /// # Errors
    /// The system refuses.
    pub fn wait_for_ever(&mut self) -> Result<(), RedisError> {
        Ok(self.channel.get_mut().set_limit(None)?)
    }

    /// Give a command. Messages name its first word alone, since what follows may be a secret.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Reply, RedisError> {
        resp::write(self.channel.get_mut(), words)?;
        match resp::read(&mut self.channel)? {
            Reply::Error(message) => {
                let name = words.first().map(|word| String::from_utf8_lossy(word.as_ref()).into_owned());
                Err(RedisError::Refused { command: name.unwrap_or_default(), message })
            }
            reply => Ok(reply),
        }
    }

    /// Give a command whose reply is text; nothing, if there is no such thing.
    ///
    /// # Errors
    /// As [`Client::call`].
    pub fn text<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Option<String>, RedisError> {
        Ok(self.call(words)?.text())
    }
}
