//! A connection to a server: logging in, and statements.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use rprov_modules::checksum::Algorithm;
use rprov_modules::context::Cancel;

use super::answer::Answer;
use super::error::{PostgresError, Refusal};
use super::message::{self, Fields};
use crate::scram::{Scram, Sum};
use crate::socket::{Channel, Endpoint};

/// Who wants to come in.
#[derive(Clone)]
pub struct Credentials {
    /// The user.
    pub user: String,
    /// The password, if there is one.
    pub password: Option<String>,
    /// What else the server is told when a session begins; the database among it.
    pub parameters: Vec<(String, String)>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// TLS settings, and the name on the server's certificate.
pub type Tls = (Arc<rustls::ClientConfig>, String);

/// A connection.
#[derive(Debug)]
pub struct Connection {
    channel: Channel,
}

impl Connection {
    /// Connect and log in.
    ///
    /// # Errors
    /// Nobody listens, the user is not let in, or TLS fails.
    pub fn open(
        endpoint: &Endpoint,
        credentials: &Credentials,
        tls: Option<&Tls>,
        patience: Duration,
        cancel: &Cancel,
    ) -> Result<Self, PostgresError> {
        let address = endpoint.to_string();
        let socket = endpoint.connect(patience, Some(patience), cancel).map_err(|source| PostgresError::Connect {
            address: address.clone(),
            advice: super::login::advice(endpoint, source.kind()),
            source,
        })?;
        let mut channel = Channel::Plain(socket);
        if let Some((config, name)) = tls {
            let failed = |reason: String| PostgresError::Tls { address: address.clone(), reason };
            message::write(&mut channel, None, &80_877_103_u32.to_be_bytes())?;
            let mut answer = [0];
            channel.read_exact(&mut answer)?;
            if answer != *b"S" {
                return Err(failed(
                    "the server does not offer it; set ssl = on in its postgresql.conf, or `ssl_mode: disable`"
                        .to_owned(),
                ));
            }
            channel = channel.encrypt(Arc::clone(config), name).map_err(failed)?;
        }
        let safe = channel.is_encrypted() || channel.is_local();
        log_in(&mut channel, credentials, safe, &address)?;
        channel.set_limit(None)?;
        Ok(Self { channel })
    }

    /// Run a statement, and take its answers; most have one.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn run(&mut self, statement: &str) -> Result<Vec<Answer>, PostgresError> {
        self.run_shown(statement, statement)
    }

    /// As [`Connection::run`], for a statement that messages show in another form.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn run_shown(&mut self, statement: &str, shown: &str) -> Result<Vec<Answer>, PostgresError> {
        if statement.contains('\0') {
            return Err(PostgresError::Refused {
                statement: shown.to_owned(),
                refusal: Box::new(Refusal {
                    message: "a statement has no zero bytes".to_owned(),
                    ..Refusal::default()
                }),
            });
        }
        let mut body = statement.as_bytes().to_vec();
        body.push(0);
        message::write(&mut self.channel, Some(b'Q'), &body)?;
        read_answers(&mut self.channel, shown)
    }

    /// Run a statement, and take its last answer.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn query(&mut self, statement: &str) -> Result<Answer, PostgresError> {
        Ok(self.run(statement)?.pop().unwrap_or_default())
    }
}

/// Log in over a channel.
///
/// # Errors
/// The server does not let the client in.
pub fn log_in<S: Read + Write>(
    channel: &mut S,
    credentials: &Credentials,
    safe: bool,
    address: &str,
) -> Result<(), PostgresError> {
    let mut body = 196_608_u32.to_be_bytes().to_vec();
    let user = ("user".to_owned(), credentials.user.clone());
    for (name, value) in std::iter::once(&user).chain(&credentials.parameters) {
        for text in [name, value] {
            body.extend(text.bytes().filter(|byte| *byte != 0));
            body.push(0);
        }
    }
    body.push(0);
    message::write(channel, None, &body)?;
    let proof = |reason: String| PostgresError::Proof { address: address.to_owned(), reason };
    let password = || {
        let missing = || proof("the server asks for a password; set `login_password`".to_owned());
        credentials.password.as_deref().filter(|password| !password.is_empty()).ok_or_else(missing)
    };
    let mut scram = None;
    let mut proved = false;
    loop {
        let next = message::read(channel)?;
        if next.kind == b'E' {
            return Err(refused_login(&next.body, address));
        }
        if next.kind == b'Z' {
            return Ok(());
        }
        if next.kind != b'R' {
            // Parameters, notices, and the key for cancelling.
            continue;
        }
        let mut fields = Fields(&next.body);
        match fields.long()? {
            0 if scram.is_some() && !proved => {
                return Err(proof(
                    "the server does not prove that it knows the password; is it the right one?".to_owned(),
                ));
            }
            0 => {}
            3 if safe => send_password(channel, password()?)?,
            3 => {
                let reason = "the server asks for the password itself, which is only sent in TLS or through a socket; set \
                              `ssl_mode: require`";
                return Err(proof(reason.to_owned()));
            }
            5 => {
                let salt = fields.bytes(4)?;
                let inner = md5(&[password()?.as_bytes(), credentials.user.as_bytes()]);
                send_password(channel, &format!("md5{}", md5(&[inner.as_bytes(), salt])))?;
            }
            10 => {
                let mut offered = Vec::new();
                while let Ok(name) = fields.text() {
                    offered.push(name);
                }
                if !offered.iter().any(|name| name == "SCRAM-SHA-256") {
                    return Err(proof(format!("it only knows {}, of which none is supported", offered.join(", "))));
                }
                password()?;
                let begun = Scram::begin(Sum::Sha256, "").map_err(PostgresError::Protocol)?;
                let first = begun.first();
                let mut body = b"SCRAM-SHA-256\0".to_vec();
                body.extend((first.len() as u32).to_be_bytes());
                body.extend(first.as_bytes());
                message::write(channel, Some(b'p'), &body)?;
                scram = Some(begun);
            }
            11 => {
                let begun = scram.as_mut().ok_or(PostgresError::Protocol("SCRAM goes on before it began"))?;
                let server = String::from_utf8_lossy(fields.0);
                let answer = begun.answer(&server, password()?).map_err(PostgresError::Protocol)?;
                message::write(channel, Some(b'p'), answer.as_bytes())?;
            }
            12 => proved = scram.as_ref().is_some_and(|scram| scram.proves(&String::from_utf8_lossy(fields.0))),
            other => {
                let name = match other {
                    2 => "Kerberos V5",
                    7..=9 => "GSSAPI or SSPI",
                    _ => "a way that is not known",
                };
                let advice = "let the module log in as a user with scram-sha-256, md5 or peer";
                return Err(proof(format!("the server asks for {name}, which is not supported; {advice}")));
            }
        }
    }
}

fn send_password(channel: &mut impl Write, password: &str) -> Result<(), PostgresError> {
    let mut body = password.as_bytes().to_vec();
    body.push(0);
    message::write(channel, Some(b'p'), &body)
}

/// The MD5 sum of these, in digits.
pub fn md5(parts: &[&[u8]]) -> String {
    Algorithm::Md5.of_bytes(&parts.concat())
}

fn refused_login(body: &[u8], address: &str) -> PostgresError {
    let refusal = message::refusal(body);
    let advice = match refusal.code.as_str() {
        "28P01" => "check `login_user` and `login_password`",
        "28000" if refusal.message.contains("Peer authentication") => {
            "use `become: true` with `become_user: postgres`, or set `login_user` and `login_host`"
        }
        "28000" => "check `login_user`, and the server's pg_hba.conf",
        "3D000" => "check the database's name",
        "53300" => "raise max_connections on the server, or try again later",
        "57P03" => "wait until the server has started",
        _ => "look at the server's log",
    };
    PostgresError::Login { address: address.to_owned(), refusal: Box::new(refusal), advice }
}

/// Read all answers to a statement, up to where the server is ready for the next one.
///
/// # Errors
/// The server refuses the statement, or what it says cannot be understood.
pub fn read_answers<S: Read + Write>(channel: &mut S, shown: &str) -> Result<Vec<Answer>, PostgresError> {
    let mut answers = Vec::new();
    let mut current = Answer::default();
    let mut problem = None;
    loop {
        let next = message::read(channel)?;
        match next.kind {
            b'T' => current = Answer::describe(&next.body)?,
            b'D' => current.read_row(&next.body)?,
            b'C' | b'I' => {
                let mut answer = std::mem::take(&mut current);
                answer.status = Fields(&next.body).text().unwrap_or_default();
                answers.push(answer);
            }
            b'E' => {
                let refusal = Box::new(message::refusal(&next.body));
                problem.get_or_insert(PostgresError::Refused { statement: shown.to_owned(), refusal });
            }
            b'G' | b'W' => message::write(channel, Some(b'f'), b"no data is sent with COPY ... FROM STDIN\0")?,
            b'Z' => return problem.map_or(Ok(answers), Err),
            // Notices, parameters, and data of COPY ... TO STDOUT.
            b'N' | b'S' | b'A' | b'H' | b'd' | b'c' => {}
            _ => return Err(PostgresError::Protocol("a message is of no kind that is known")),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // So that the server's log does not tell of a client that went away.
        let _: Result<(), io::Error> = self.channel.write_all(b"X\0\0\0\x04").and_then(|()| self.channel.flush());
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
