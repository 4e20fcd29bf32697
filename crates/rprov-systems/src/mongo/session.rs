//! Commands and their answers, over any stream.

use std::io::{Read, Write};

use super::bson::{Bson, Document, document};
use super::error::MongoError;
use super::message::Message;

/// The number of the database server's refusal to somebody it does not know or who may not.
pub const UNAUTHORIZED: i64 = 13;

/// A session.
#[derive(Debug)]
pub struct Session<S> {
    stream: S,
    number: i32,
}

impl<S: Read + Write> Session<S> {
    /// Speak over this stream.
    pub fn new(stream: S) -> Self {
        Self { stream, number: 0 }
    }

    /// The stream.
    pub fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Run a command, whose name is the first in the document, in a database.
    ///
    /// # Errors
    /// The server refuses it, or the connection broke.
    pub fn run(&mut self, database: &str, mut command: Document) -> Result<Document, MongoError> {
        let name = command.first().map(|(name, _)| name.clone()).unwrap_or_default();
        command.insert("$db".to_owned(), database.into());
        self.number = self.number.wrapping_add(1);
        Message { number: self.number, answers: 0, document: command }.write(&mut self.stream)?;
        let answer = Message::read(&mut self.stream)?;
        if answer.answers != self.number {
            return Err(MongoError::Protocol("an answer to another question"));
        }
        let answer = answer.document;
        if answer.get("ok").is_some_and(Bson::is_true) {
            return Ok(answer);
        }
        let message = answer.get("errmsg").and_then(Bson::as_str).unwrap_or("it gives no reason").to_owned();
        Err(MongoError::Refused {
            command: name,
            code: answer.get("code").and_then(Bson::as_int).unwrap_or(0),
            message,
        })
    }

    /// Ask a server who it is; with a user's name, also how that one may log in.
    ///
    /// # Errors
    /// The connection broke, or the server is none.
    pub fn greet(&mut self, command: &str, user: Option<String>) -> Result<Document, MongoError> {
        let mut greeting = document([(command, 1.into()), ("helloOk", true.into())]);
        if let Some(user) = user {
            greeting.insert("saslSupportedMechs".to_owned(), user.into());
        }
        self.run("admin", greeting)
    }
}
