//! A connection to a server: logging in, and statements.

use std::io::{Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rprov_modules::context::Cancel;

use super::answer::{Answer, Column, IN_NO_BACKSLASH_MODE, MORE};
use super::authentication::{Proof, disguised, prove};
use super::error::MysqlError;
use super::handshake::{Greeting, Response, capability};
use super::packet::{self, Fields};
use super::rsa::PublicKey;
use crate::socket::{Channel, Endpoint};

/// Who wants to come in, and how.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password; empty for none.
    pub password: String,
    /// The database to use.
    pub database: Option<String>,
    /// TLS settings, and the name on the server's certificate.
    pub tls: Option<(Arc<rustls::ClientConfig>, String)>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    channel: Channel,
    version: String,
    no_backslash: bool,
}

impl Connection {
    /// Connect and log in. The server may keep silent for `patience` until it has let the client in, and for as long as
    /// it wants after that.
    ///
    /// # Errors
    /// Nobody listens, the user is not let in, or TLS fails.
    pub fn open(
        endpoint: &Endpoint,
        credentials: &Credentials,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<Self, MysqlError> {
        let address = endpoint.to_string();
        let limit = Some(patience).filter(|patience| !patience.is_zero());
        let patience = limit.unwrap_or(Duration::from_secs(u32::MAX.into()));
        let socket = endpoint.connect(patience, limit, cancel);
        let connect = |source| MysqlError::Connect { advice: super::login::advice(endpoint, &source), address, source };
        let mut channel = Channel::Plain(socket.map_err(connect)?);
        let mut sequence = 0;
        let address = endpoint.to_string();
        let first = packet::read(&mut channel, &mut sequence)?;
        refusal(&first, &address)?;
        let greeting = Greeting::read(&first)?;
        if let Some((config, name)) = &credentials.tls {
            let failed = |reason: String| MysqlError::Tls { address: address.clone(), reason };
            if greeting.capabilities & capability::TLS == 0 {
                return Err(failed(
                    "the server does not offer it; set ssl_cert and ssl_key on it, or leave out \
                                   `ca_cert`, `client_cert` and `client_key`"
                        .to_owned(),
                ));
            }
            let head = response(&greeting, credentials, "", &[]).head();
            packet::write(&mut channel, &mut sequence, &head)?;
            channel = channel.encrypt(Arc::clone(config), name).map_err(failed)?;
        }
        let safe = channel.is_encrypted() || channel.is_local();
        let mut login = Login { credentials, safe, address: &address };
        let status = login.run(&mut channel, &mut sequence, &greeting)?;
        channel.set_limit(None)?;
        Ok(Self { channel, version: greeting.version, no_backslash: status & IN_NO_BACKSLASH_MODE != 0 })
    }

    /// The server's version, as it greets.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// A backslash in a text of a statement is one.
    pub fn no_backslash(&self) -> bool {
        self.no_backslash
    }

    /// Run a statement, and take its answers; most have one.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn run(&mut self, statement: &str) -> Result<Vec<Answer>, MysqlError> {
        self.run_shown(statement, statement)
    }

    /// As [`Connection::run`], for a statement that messages show in another form.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn run_shown(&mut self, statement: &str, shown: &str) -> Result<Vec<Answer>, MysqlError> {
        let mut sequence = 0;
        let mut command = Vec::with_capacity(statement.len() + 1);
        command.push(3);
        command.extend_from_slice(statement.as_bytes());
        packet::write(&mut self.channel, &mut sequence, &command)?;
        let mut answers = Vec::new();
        loop {
            let answer = read_answer(&mut self.channel, &mut sequence, shown)?;
            self.no_backslash = answer.status & IN_NO_BACKSLASH_MODE != 0;
            let more = answer.status & MORE != 0;
            answers.push(answer);
            if !more {
                return Ok(answers);
            }
        }
    }

    /// Run a statement, and take its first answer.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn query(&mut self, statement: &str) -> Result<Answer, MysqlError> {
        Ok(self.run(statement)?.into_iter().next().unwrap_or_default())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // So that the server's log does not tell of a client that went away.
        let _ = packet::write(&mut self.channel, &mut 0, &[1]);
    }
}

/// Read one answer to a statement.
///
/// # Errors
/// The server refuses the statement, or what it says cannot be understood.
pub fn read_answer(reader: &mut impl Read, sequence: &mut u8, shown: &str) -> Result<Answer, MysqlError> {
    let first = packet::read(reader, sequence)?;
    match first.first() {
        Some(0) => return Answer::done(&first),
        Some(0xff) => return Err(refused(&first, shown)),
        // It could ask for any file of the host.
        Some(0xfb) => return Err(MysqlError::Protocol("it asks for a file of this host, which it does not get")),
        None => return Err(MysqlError::Protocol("a packet is empty")),
        Some(_) => {}
    }
    let count = Fields(&first).length()?.unwrap_or_default();
    let mut answer = Answer::default();
    for _ in 0..count {
        answer.columns.push(Column::read(&packet::read(reader, sequence)?)?);
    }
    // The end of the columns.
    packet::read(reader, sequence)?;
    loop {
        let next = packet::read(reader, sequence)?;
        match next.first() {
            Some(0xff) => return Err(refused(&next, shown)),
            Some(0xfe) if next.len() < 9 => {
                let mut fields = Fields(next.get(1..).unwrap_or_default());
                answer.warnings = fields.integer(2)?;
                answer.status = fields.integer(2)?;
                answer.affected = answer.rows.len() as u64;
                return Ok(answer);
            }
            _ => answer.read_row(&next)?,
        }
    }
}

/// Number and text of the packet that says that something went wrong.
fn trouble(packet: &[u8]) -> (u16, String) {
    let mut fields = Fields(packet.get(1..).unwrap_or_default());
    let code = fields.integer(2).unwrap_or_default() as u16;
    let rest = fields.0;
    // The state of SQL is there only after the handshake.
    let text = if rest.first() == Some(&b'#') { rest.get(6..).unwrap_or_default() } else { rest };
    (code, String::from_utf8_lossy(text).into_owned())
}

fn refused(packet: &[u8], shown: &str) -> MysqlError {
    let (code, message) = trouble(packet);
    MysqlError::Refused { statement: shown.to_owned(), code, message }
}

/// The server may refuse at any step of the handshake.
fn refusal(packet: &[u8], address: &str) -> Result<(), MysqlError> {
    if packet.first() != Some(&0xff) {
        return Ok(());
    }
    let (code, message) = trouble(packet);
    let advice = match code {
        1698 => {
            "check `login_user` and `login_password`; a user that may only log in through the server's socket, as the \
             system's user of that name, needs `login_unix_socket`"
        }
        1045 => "check `login_user`, `login_password` and the file in `config_file`",
        1049 | 1044 => "check `login_db` and what the user may do",
        1130 => "the server takes no connection from this address; use `login_unix_socket`, or let the user in from it",
        1040 => "raise max_connections on the server, or try again later",
        1129 => "run FLUSH HOSTS on the server",
        3159 => "the server wants TLS: set `ca_cert`",
        _ => "look at the server's log",
    };
    Err(MysqlError::Login { address: address.to_owned(), code, message, advice })
}

fn response<'a>(greeting: &Greeting, credentials: &'a Credentials, plugin: &'a str, proof: &'a [u8]) -> Response<'a> {
    let database = credentials.database.as_deref();
    let capabilities = Response::capabilities(greeting, credentials.tls.is_some(), database.is_some());
    Response { capabilities, user: &credentials.user, proof, database, plugin }
}

/// The part of the handshake in which the client proves who it is.
#[derive(Debug)]
pub struct Login<'a> {
    /// Who wants to come in.
    pub credentials: &'a Credentials,
    /// Nobody on the way can read what is sent.
    pub safe: bool,
    /// Where the server is, for messages.
    pub address: &'a str,
}

impl Login<'_> {
    /// Answer the greeting, and whatever the server asks after that. Gives the server's state.
    ///
    /// # Errors
    /// The server does not let the client in.
    pub fn run<S: Read + Write>(
        &mut self,
        channel: &mut S,
        sequence: &mut u8,
        greeting: &Greeting,
    ) -> Result<u64, MysqlError> {
        let mut plugin = greeting.plugin.clone();
        let mut challenge = greeting.challenge.clone();
        // The first proof is a guess: the server says if it wants another one for this user.
        let guess = match prove(&plugin, &self.credentials.password, &challenge) {
            Proof::Bytes(bytes) => bytes,
            Proof::Password | Proof::Unknown(_) => {
                plugin = "mysql_native_password".to_owned();
                Vec::new()
            }
        };
        packet::write(channel, sequence, &response(greeting, self.credentials, &plugin, &guess).packet())?;
        // A server that asks for ever is none.
        for _ in 0..16 {
            let packet = packet::read(channel, sequence)?;
            refusal(&packet, self.address)?;
            match packet.split_first() {
                Some((0, _)) => return Ok(Answer::done(&packet)?.status),
                Some((0xfe, rest)) => {
                    let mut fields = Fields(rest);
                    plugin = if rest.is_empty() {
                        "mysql_old_password".to_owned()
                    } else {
                        String::from_utf8_lossy(fields.terminated()).into_owned()
                    };
                    challenge = fields.0.strip_suffix(&[0]).unwrap_or(fields.0).to_vec();
                    let proof = self.proof(&plugin, &challenge)?;
                    // A password may not be sent in the open: then the server's key is asked for.
                    let proof = proof.unwrap_or_else(|| vec![1]);
                    packet::write(channel, sequence, &proof)?;
                }
                Some((1, [3])) => {}
                Some((1, [4])) => {
                    let answer = if self.safe { self.password() } else { vec![2] };
                    packet::write(channel, sequence, &answer)?;
                }
                Some((1, key)) => {
                    let unreadable = MysqlError::Protocol("its public key cannot be read");
                    let key = PublicKey::from_pem(&String::from_utf8_lossy(key)).ok_or(unreadable)?;
                    let message = disguised(&self.credentials.password, &challenge);
                    let long = MysqlError::Protocol("its public key is too short for the password; set `ca_cert`");
                    packet::write(channel, sequence, &key.encrypt(&message).ok_or(long)?)?;
                }
                _ => return Err(MysqlError::Protocol("a step of the handshake is unknown")),
            }
        }
        Err(MysqlError::Protocol("the handshake does not come to an end"))
    }

    /// The proof that a plugin asks for; `None` where the password must be encrypted first.
    fn proof(&self, plugin: &str, challenge: &[u8]) -> Result<Option<Vec<u8>>, MysqlError> {
        let unknown =
            |reason| MysqlError::Plugin { address: self.address.to_owned(), plugin: plugin.to_owned(), reason };
        match prove(plugin, &self.credentials.password, challenge) {
            Proof::Bytes(bytes) => Ok(Some(bytes)),
            Proof::Password if self.safe => Ok(Some(self.password())),
            Proof::Password if plugin == "sha256_password" => Ok(None),
            Proof::Password => Err(unknown(
                "which sends the password itself; that is only done in TLS (set `ca_cert`) or through a socket",
            )),
            Proof::Unknown(reason) => Err(unknown(reason)),
        }
    }

    fn password(&self) -> Vec<u8> {
        let mut text = self.credentials.password.as_bytes().to_vec();
        text.push(0);
        text
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
