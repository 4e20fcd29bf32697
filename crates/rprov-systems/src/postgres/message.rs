//! Messages: a letter, a length, and what is in them.

use std::io::{self, Read, Write};

use super::error::{PostgresError, Refusal};

/// A longer message is not read: no module has a use for so much.
const LONGEST: usize = 256 << 20;

/// A message of the server.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What kind it is.
    pub kind: u8,
    /// What is in it.
    pub body: Vec<u8>,
}

/// Read the next message.
///
/// # Errors
/// The connection broke, or the length is none.
pub fn read(reader: &mut impl Read) -> Result<Message, PostgresError> {
    let mut header = [0; 5];
    reader.read_exact(&mut header).map_err(closed)?;
    let [kind, length @ ..] = header;
    let length = (u32::from_be_bytes(length) as usize).checked_sub(4);
    let length = length.filter(|length| *length <= LONGEST);
    let length =
        length.ok_or(PostgresError::Protocol("a message has no length that can be; is it a PostgreSQL server?"))?;
    let mut body = Vec::new();
    let count = reader.by_ref().take(length as u64).read_to_end(&mut body)?;
    if count < length {
        return Err(closed(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(Message { kind, body })
}

fn closed(error: io::Error) -> PostgresError {
    PostgresError::Broken(match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed it; its log may say why")
        }
        _ => error,
    })
}

/// Write a message; those before the log-in have no letter.
///
/// # Errors
/// The connection broke.
pub fn write(writer: &mut impl Write, kind: Option<u8>, body: &[u8]) -> Result<(), PostgresError> {
    let mut framed = Vec::with_capacity(body.len() + 5);
    framed.extend(kind);
    framed.extend((body.len() as u32 + 4).to_be_bytes());
    framed.extend_from_slice(body);
    writer.write_all(&framed)?;
    writer.flush()?;
    Ok(())
}

/// Reads the fields of a message one after the other.
#[derive(Clone, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

const SHORT: PostgresError = PostgresError::Protocol("a message ends too early");

impl<'a> Fields<'a> {
    /// So many bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], PostgresError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An integer of two bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn short(&mut self) -> Result<i16, PostgresError> {
        let bytes = self.bytes(2)?.try_into().map_err(|_| SHORT)?;
        Ok(i16::from_be_bytes(bytes))
    }

    /// An integer of four bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn long(&mut self) -> Result<i32, PostgresError> {
        let bytes = self.bytes(4)?.try_into().map_err(|_| SHORT)?;
        Ok(i32::from_be_bytes(bytes))
    }

    /// Text up to a zero.
    ///
    /// # Errors
    /// There is no zero.
    pub fn text(&mut self) -> Result<String, PostgresError> {
        let end = self.0.iter().position(|byte| *byte == 0).ok_or(SHORT)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        Ok(rprov_modules::text::decode(text))
    }
}

/// What a message says that refuses something.
pub fn refusal(body: &[u8]) -> Refusal {
    let mut fields = Fields(body);
    let mut refusal = Refusal::default();
    while let Ok([kind]) = fields.bytes(1) {
        let Ok(text) = fields.text() else { break };
        match kind {
            b'C' => refusal.code = text,
            b'M' => refusal.message = text,
            b'D' => refusal.detail = text,
            b'H' => refusal.hint = text,
            _ => {}
        }
    }
    refusal
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_they_are_written() {
        let mut wire = Vec::new();
        write(&mut wire, Some(b'Q'), b"SELECT 1\0").unwrap();
        assert_eq!(read(&mut wire.as_slice()).unwrap(), Message { kind: b'Q', body: b"SELECT 1\0".to_vec() });
        assert!(read(&mut b"HTTP/1.1 400".as_slice()).is_err());
        assert!(read(&mut b"R\0\0\0\x01".as_slice()).is_err());
        assert!(matches!(read(&mut b"R\0\0\0\x09abc".as_slice()), Err(PostgresError::Broken(_))));
    }

    #[test]
    fn a_refusal_has_its_code_and_words() {
        let body = b"SFATAL\0VFATAL\0C28P01\0Mpassword authentication failed for user \"x\"\0Fauth.c\0L335\0\0";
        let refusal = refusal(body);
        assert_eq!(refusal.to_string(), "password authentication failed for user \"x\" (28P01)");
        assert_eq!(super::refusal(b"Cno end").code, "");
    }
}
