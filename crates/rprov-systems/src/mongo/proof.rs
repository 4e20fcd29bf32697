//! Logging in: the ways in which a user proves who it is.
//!
//! <https://github.com/mongodb/specifications/blob/master/source/auth/auth.md>

use std::io::{Read, Write};

use rprov_modules::checksum::Algorithm;
use rprov_modules::choices;

use super::bson::{Bson, Document, document};
use super::error::MongoError;
use super::session::Session;
use crate::scram::{Scram, Sum};

/// Steps after which a server is left that asks on and on.
const MOST_STEPS: usize = 8;

choices! {
    /// How a user proves who it is.
    pub enum Mechanism {
        ScramSha256 = "SCRAM-SHA-256",
        ScramSha1 = "SCRAM-SHA-1",
        X509 = "MONGODB-X509",
        Gssapi = "GSSAPI",
        Plain = "PLAIN",
    }
}

/// Who wants to come in, and how.
#[derive(Clone)]
pub struct Credentials {
    /// The user; with a certificate it may be empty.
    pub user: String,
    /// The password.
    pub password: String,
    /// The database that knows the user.
    pub database: String,
    /// How; negotiated if not said.
    pub mechanism: Option<Mechanism>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// What is wrong with a server that does not keep to the exchange.
fn broken(reason: &str) -> MongoError {
    MongoError::Login { address: "the server".to_owned(), message: reason.to_owned() }
}

impl Credentials {
    /// Log in. `safe`: nobody can read along.
    ///
    /// # Errors
    /// The server does not let the user in, does not know the password itself, or the connection broke.
    pub fn prove<S: Read + Write>(&self, session: &mut Session<S>, safe: bool) -> Result<(), MongoError> {
        let mechanism = match self.mechanism {
            Some(mechanism) => mechanism,
            None => self.negotiate(session)?,
        };
        match mechanism {
            Mechanism::ScramSha256 => self.scram(session, Sum::Sha256, &self.password),
            Mechanism::ScramSha1 => self.scram(session, Sum::Sha1, &digested(&self.user, &self.password)),
            Mechanism::X509 => {
                let mut command = document([("authenticate", 1.into()), ("mechanism", mechanism.word().into())]);
                if !self.user.is_empty() {
                    command.insert("user".to_owned(), self.user.as_str().into());
                }
                session.run("$external", command).map(drop)
            }
            Mechanism::Plain if !safe => Err(MongoError::Option(
                "auth_mechanism: PLAIN sends the password as it is, which is only done in TLS; set `ssl: true`"
                    .to_owned(),
            )),
            Mechanism::Plain => {
                let payload = format!("\0{}\0{}", self.user, self.password);
                let answer = session.run("$external", start(mechanism, payload.into_bytes()))?;
                match answer.get("done").is_some_and(Bson::is_true) {
                    true => Ok(()),
                    false => Err(broken("it wants more than the password")),
                }
            }
            Mechanism::Gssapi => Err(MongoError::Option(
                "auth_mechanism: GSSAPI needs Kerberos, which is not there; use SCRAM-SHA-256 or MONGODB-X509"
                    .to_owned(),
            )),
        }
    }

    /// The best way that the server has for this user.
    fn negotiate<S: Read + Write>(&self, session: &mut Session<S>) -> Result<Mechanism, MongoError> {
        let answer = session.greet("isMaster", Some(format!("{}.{}", self.database, self.user)))?;
        let known = answer.get("saslSupportedMechs").and_then(Bson::as_array).unwrap_or_default();
        let is_known = known.iter().any(|name| name.as_str() == Some(Mechanism::ScramSha256.word()));
        Ok(if is_known { Mechanism::ScramSha256 } else { Mechanism::ScramSha1 })
    }

    fn scram<S: Read + Write>(&self, session: &mut Session<S>, sum: Sum, password: &str) -> Result<(), MongoError> {
        let mechanism = if sum == Sum::Sha1 { Mechanism::ScramSha1 } else { Mechanism::ScramSha256 };
        let mut scram = Scram::begin(sum, &self.user).map_err(broken)?;
        let mut command = start(mechanism, scram.first().into_bytes());
        command.insert("options".to_owned(), document([("skipEmptyExchange", true.into())]).into());
        let answer = session.run(&self.database, command)?;
        let next = scram.answer(&payload(&answer)?, password).map_err(broken)?;
        let mut answer = session.run(&self.database, go_on(&answer, next.into_bytes()))?;
        if !scram.proves(&payload(&answer)?) {
            return Err(broken("it does not know the password itself; is it the right server?"));
        }
        for _ in 0..MOST_STEPS {
            if answer.get("done").is_some_and(Bson::is_true) {
                return Ok(());
            }
            // Servers before 4.4 have one more, empty exchange.
            answer = session.run(&self.database, go_on(&answer, Vec::new()))?;
        }
        Err(broken("logging in does not come to an end"))
    }
}

/// What stands for the password in SCRAM-SHA-1.
pub fn digested(user: &str, password: &str) -> String {
    Algorithm::Md5.of_bytes(format!("{user}:mongo:{password}").as_bytes())
}

fn start(mechanism: Mechanism, payload: Vec<u8>) -> Document {
    document([
        ("saslStart", 1.into()),
        ("mechanism", mechanism.word().into()),
        ("payload", Bson::Binary(0, payload)),
        ("autoAuthorize", 1.into()),
    ])
}

fn go_on(answer: &Document, payload: Vec<u8>) -> Document {
    let conversation = answer.get("conversationId").cloned().unwrap_or(Bson::Int32(1));
    document([("saslContinue", 1.into()), ("conversationId", conversation), ("payload", Bson::Binary(0, payload))])
}

fn payload(answer: &Document) -> Result<String, MongoError> {
    match answer.get("payload") {
        Some(Bson::Binary(_, bytes)) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Some(Bson::String(text)) => Ok(text.clone()),
        _ => Err(broken("its answer has no part of the proof")),
    }
}
