//! RESP, the serialization protocol of Redis in its second version: <https://redis.io/docs/latest/develop/reference/protocol-spec/>.

use std::io::{BufRead, Read, Write};

use super::error::RedisError;

/// The longest text that Redis keeps.
const LONGEST: usize = 512 << 20;

/// The longest line: a status, an error or a number.
const LONGEST_LINE: u64 = 64 << 10;

/// How deep lists may be in each other; Redis has three levels.
const DEEPEST: usize = 16;

/// What a server says.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// That it was done (`OK`).
    Status(String),
    /// That it was not.
    Error(String),
    /// A number.
    Integer(i64),
    /// Bytes.
    Bulk(Vec<u8>),
    /// Nothing: there is no such thing.
    Nil,
    /// A list.
    Array(Vec<Reply>),
}

impl Reply {
    /// The text of a status or of bytes.
    pub fn text(&self) -> Option<String> {
        match self {
            Reply::Status(text) => Some(text.clone()),
            Reply::Bulk(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            Reply::Integer(number) => Some(number.to_string()),
            _ => None,
        }
    }
}

/// Write a command of these words.
///
/// # Errors
/// The connection is gone.
pub fn write<W: AsRef<[u8]>>(writer: &mut impl Write, words: &[W]) -> std::io::Result<()> {
    let mut command = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        command.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        command.extend_from_slice(word);
        command.extend_from_slice(b"\r\n");
    }
    writer.write_all(&command)?;
    writer.flush()
}

/// Read one reply.
///
/// # Errors
/// The connection broke, or what comes is no reply.
pub fn read(reader: &mut impl BufRead) -> Result<Reply, RedisError> {
    read_at(reader, 0)
}

fn read_at(reader: &mut impl BufRead, depth: usize) -> Result<Reply, RedisError> {
    if depth > DEEPEST {
        return Err(RedisError::Protocol("lists within lists without an end"));
    }
    let line = read_line(reader)?;
    let Some((kind, rest)) = line.split_first() else { return Err(RedisError::Protocol("an empty line")) };
    let text = || String::from_utf8_lossy(rest).into_owned();
    let number = || {
        let number = std::str::from_utf8(rest).ok().and_then(|text| text.parse::<i64>().ok());
        number.ok_or(RedisError::Protocol("a number is expected"))
    };
    Ok(match kind {
        b'+' => Reply::Status(text()),
        b'-' => Reply::Error(text()),
        b':' => Reply::Integer(number()?),
        b'$' => match usize::try_from(number()?) {
            Err(_) => Reply::Nil,
            Ok(length) if length > LONGEST => return Err(RedisError::Protocol("a text of more than 512 MB")),
            Ok(length) => Reply::Bulk(read_bulk(reader, length)?),
        },
        b'*' => match usize::try_from(number()?) {
            Err(_) => Reply::Nil,
            // No room is made beforehand: a length is only a claim.
            Ok(length) => {
                let mut items = Vec::new();
                for _ in 0..length {
                    items.push(read_at(reader, depth + 1)?);
                }
                Reply::Array(items)
            }
        },
        _ => return Err(RedisError::Protocol("no reply begins like this")),
    })
}

/// A line without its end.
fn read_line(reader: &mut impl BufRead) -> Result<Vec<u8>, RedisError> {
    let mut line = Vec::new();
    reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "the server closed it").into());
    }
    line.strip_suffix(b"\r\n").map(<[u8]>::to_vec).ok_or(RedisError::Protocol("a line without an end"))
}

fn read_bulk(reader: &mut impl BufRead, length: usize) -> Result<Vec<u8>, RedisError> {
    let mut bytes = Vec::new();
    reader.by_ref().take(length as u64 + 2).read_to_end(&mut bytes)?;
    if bytes.len() != length + 2 || !bytes.ends_with(b"\r\n") {
        return Err(RedisError::Protocol("a text that ends too early"));
    }
    bytes.truncate(length);
    Ok(bytes)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn parsed(bytes: &[u8]) -> Result<Reply, RedisError> {
        read(&mut &*bytes)
    }

    #[test]
    fn replies_are_read() {
        assert_eq!(parsed(b"+OK\r\n").unwrap(), Reply::Status("OK".to_owned()));
        assert_eq!(parsed(b"-ERR no\r\n").unwrap(), Reply::Error("ERR no".to_owned()));
        assert_eq!(parsed(b":-3\r\n").unwrap(), Reply::Integer(-3));
        assert_eq!(parsed(b"$4\r\na\r\nb\r\n").unwrap(), Reply::Bulk(b"a\r\nb".to_vec()));
        assert_eq!(parsed(b"$-1\r\n").unwrap(), Reply::Nil);
        let list = Reply::Array(vec![Reply::Nil, Reply::Array(Vec::new()), Reply::Bulk(Vec::new())]);
        assert_eq!(parsed(b"*3\r\n$-1\r\n*0\r\n$0\r\n\r\n").unwrap(), list);
    }

    #[test]
    fn what_is_no_reply_is_refused() {
        for bytes in [&b""[..], b"+OK", b"\x15\x03\x01\0\x02", b"$3\r\nab", b"$99999999999\r\n", b":x\r\n", b"\r\n"] {
            assert!(parsed(bytes).is_err(), "{bytes:?}");
        }
        assert!(parsed(&b"*1\r\n".repeat(100)).is_err());
        // A claim costs nothing.
        assert!(parsed(b"*4000000000000\r\n:1\r\n").is_err());
    }

    #[test]
    fn a_command_may_hold_any_bytes() {
        let mut wire = Vec::new();
        write(&mut wire, &[&b"SET"[..], b"k", b"\r\n\0"]).unwrap();
        assert_eq!(wire, b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\n\r\n\0\r\n");
    }
}
