//! Documents on the wire: messages of the kind `OP_MSG`.
//!
//! <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>

use std::io::{Read, Write};

use super::bson::{self, Document};
use super::error::MongoError;

/// The number of `OP_MSG`, which all servers know since 3.6.
const OP_MSG: i32 = 2013;

/// The longest message that servers send.
const LONGEST: usize = 48_000_000;

/// Bytes of a header, and of the flags behind it.
const HEAD: usize = 20;

/// A message's number, the number of that which it answers, and its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its own number.
    pub number: i32,
    /// The number of the message that it answers; 0 for none.
    pub answers: i32,
    /// What it says.
    pub document: Document,
}

impl Message {
    /// Send it.
    ///
    /// # Errors
    /// The connection is gone.
    pub fn write(&self, writer: &mut impl Write) -> std::io::Result<()> {
        let document = bson::encode(&self.document);
        let length = i32::try_from(HEAD + 1 + document.len())
            .map_err(|_| std::io::Error::new(std::io::ErrorKind::InvalidInput, "a document that is too long"))?;
        let mut bytes = Vec::with_capacity(HEAD + 1 + document.len());
        // No flags.
        for number in [length, self.number, self.answers, OP_MSG, 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.push(0);
        bytes.extend(document);
        writer.write_all(&bytes)?;
        writer.flush()
    }

    /// Receive one.
    ///
    /// # Errors
    /// The connection broke, or what comes is no message.
    pub fn read(reader: &mut impl Read) -> Result<Self, MongoError> {
        let mut head = [0; HEAD];
        reader.read_exact(&mut head)?;
        let mut words = head.chunks_exact(4).filter_map(|word| word.try_into().ok().map(i32::from_le_bytes));
        let (Some(length), Some(number), Some(answers), Some(kind), Some(flags)) =
            (words.next(), words.next(), words.next(), words.next(), words.next())
        else {
            return Err(MongoError::Protocol("a header that is too short"));
        };
        if kind != OP_MSG {
            return Err(MongoError::Protocol("a message of another kind"));
        }
        let length = usize::try_from(length).ok().filter(|length| (HEAD..=LONGEST).contains(length));
        let length = length.ok_or(MongoError::Protocol("a length that no message has"))?.saturating_sub(HEAD);
        let mut body = Vec::new();
        reader.by_ref().take(length as u64).read_to_end(&mut body)?;
        if body.len() != length {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the server closed it").into());
        }
        // A checksum is at the end; TCP has its own.
        let end = if flags & 1 == 1 { body.len().saturating_sub(4) } else { body.len() };
        let mut rest = body.get(..end).unwrap_or_default();
        while let Some((kind, section)) = rest.split_first() {
            rest = section;
            match kind {
                0 => return Ok(Self { number, answers, document: bson::decode(&mut rest)? }),
                // Many documents, with a length that counts itself.
                1 => {
                    let size = section.first_chunk().map(|size| i32::from_le_bytes(*size));
                    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size >= 4);
                    rest = size.and_then(|size| section.get(size..)).ok_or(MongoError::Protocol("a broken section"))?;
                }
                _ => return Err(MongoError::Protocol("a section of another kind")),
            }
        }
        Err(MongoError::Protocol("a message without a document"))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::mongo::document;

    #[test]
    fn messages_come_as_they_went() {
        let message = Message { number: 7, answers: 3, document: document([("ping", 1.into())]) };
        let mut wire = Vec::new();
        message.write(&mut wire).unwrap();
        assert_eq!(wire.len(), 36);
        assert_eq!(Message::read(&mut wire.as_slice()).unwrap(), message);
        // With a section of many documents before, and a checksum behind.
        let mut other = wire.clone();
        other.splice(20..20, *b"\x01\x08\0\0\0abc\0");
        other.extend(b"sums");
        other.splice(0..4, 49_i32.to_le_bytes());
        other[16] = 1;
        assert_eq!(Message::read(&mut other.as_slice()).unwrap(), message);
        for end in 0..wire.len() {
            assert!(Message::read(&mut &wire[..end]).is_err());
        }
        wire[12] = 1;
        assert!(Message::read(&mut wire.as_slice()).is_err());
    }
}
