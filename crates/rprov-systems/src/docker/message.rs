//! HTTP/1.1 as the Engine speaks it: answer heads, bodies by length, in chunks or until the connection closes.

use std::io::{self, BufRead, Read, Write};

/// An answer's head may not be longer, in bytes.
const HEAD_LIMIT: usize = 256 * 1024;

/// Status and headers of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Headers, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl Head {
    /// The first value of a header, named in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }
}

/// Read an answer's head; interim answers (1xx) other than a switch of protocols are skipped.
///
/// # Errors
/// The connection broke, or this is no HTTP.
pub fn read_head(reader: &mut impl BufRead) -> io::Result<Head> {
    loop {
        let mut text = Vec::new();
        loop {
            let line = reader.by_ref().take(HEAD_LIMIT as u64).read_until(b'\n', &mut text)?;
            if line == 0 {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the connection was closed without an answer",
                ));
            }
            if text.ends_with(b"\r\n\r\n") || text.ends_with(b"\n\n") {
                break;
            }
            if text.len() > HEAD_LIMIT {
                return Err(invalid("the answer's headers are too long"));
            }
        }
        let mut headers = [httparse::EMPTY_HEADER; 128];
        let mut response = httparse::Response::new(&mut headers);
        match response.parse(&text) {
            Ok(httparse::Status::Complete(_)) => {}
            Ok(httparse::Status::Partial) => return Err(invalid("the answer's head is incomplete")),
            Err(error) => return Err(invalid(format!("this is no HTTP answer: {error}"))),
        }
        let status = response.code.unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            continue;
        }
        let headers = response
            .headers
            .iter()
            .map(|header| (header.name.to_ascii_lowercase(), String::from_utf8_lossy(header.value).into_owned()))
            .collect();
        return Ok(Head { status, headers });
    }
}

fn invalid(reason: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.into())
}

enum Framing {
    Length(u64),
    /// Bytes left of the current chunk; the line end after it is still to be read where `ended`.
    Chunk {
        left: u64,
        started: bool,
    },
    UntilClose,
    Done,
}

/// The body of an answer.
pub struct BodyReader<R> {
    inner: R,
    framing: Framing,
}

impl<R: BufRead> BodyReader<R> {
    /// The body that follows `head`.
    pub fn new(inner: R, head: &Head) -> Self {
        let chunked =
            head.header("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        let length = head.header("content-length").and_then(|value| value.trim().parse().ok());
        let framing = match (head.status, chunked, length) {
            (204 | 304, _, _) => Framing::Done,
            (_, true, _) => Framing::Chunk { left: 0, started: false },
            (_, false, Some(length)) => Framing::Length(length),
            (_, false, None) => Framing::UntilClose,
        };
        BodyReader { inner, framing }
    }

    fn read_some(&mut self, buffer: &mut [u8], limit: u64) -> io::Result<usize> {
        let size = buffer.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        let Some(part) = buffer.get_mut(..size) else { return Ok(0) };
        let count = self.inner.read(part)?;
        if count == 0 && size > 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off"));
        }
        Ok(count)
    }

    fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.inner.by_ref().take(8192).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the answer broke off"));
        }
        Ok(line)
    }

    /// The size of the next chunk; `None` after the last.
    fn next_chunk(&mut self, started: bool) -> io::Result<Option<u64>> {
        if started {
            self.line()?;
        }
        let line = self.line()?;
        let Ok(httparse::Status::Complete((_, size))) = httparse::parse_chunk_size(&line) else {
            return Err(invalid("a chunk of the answer has no size"));
        };
        if size == 0 {
            while self.line()?.iter().any(|byte| !byte.is_ascii_whitespace()) {}
            return Ok(None);
        }
        Ok(Some(size))
    }
}

impl<R: BufRead> Read for BodyReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        match self.framing {
            Framing::Done => Ok(0),
            Framing::UntilClose => self.inner.read(buffer),
            Framing::Length(0) => Ok(0),
            Framing::Length(left) => {
                let count = self.read_some(buffer, left)?;
                self.framing = Framing::Length(left - count as u64);
                Ok(count)
            }
            Framing::Chunk { mut left, started } => {
                if left == 0 {
                    match self.next_chunk(started)? {
                        Some(size) => left = size,
                        None => {
                            self.framing = Framing::Done;
                            return Ok(0);
                        }
                    }
                }
                let count = self.read_some(buffer, left)?;
                self.framing = Framing::Chunk { left: left - count as u64, started: true };
                Ok(count)
            }
        }
    }
}

/// Writes a request's body in chunks.
pub struct ChunkWriter<W: Write>(pub W);

impl<W: Write> ChunkWriter<W> {
    /// Write the last, empty chunk.
    ///
    /// # Errors
    /// The connection broke.
    pub fn finish(mut self) -> io::Result<()> {
        self.0.write_all(b"0\r\n\r\n")?;
        self.0.flush()
    }
}

impl<W: Write> Write for ChunkWriter<W> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        if data.is_empty() {
            return Ok(0);
        }
        write!(self.0, "{:x}\r\n", data.len())?;
        self.0.write_all(data)?;
        self.0.write_all(b"\r\n")?;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn body(answer: &str) -> io::Result<(Head, String)> {
        let mut reader = io::BufReader::with_capacity(3, answer.as_bytes());
        let head = read_head(&mut reader)?;
        let mut text = String::new();
        BodyReader::new(reader, &head).read_to_string(&mut text)?;
        Ok((head, text))
    }

    #[test]
    fn bodies_end_by_length_by_the_last_chunk_or_with_the_connection() {
        let (head, text) = body("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX-A: b\r\n\r\nabcdef").unwrap();
        assert_eq!((head.status, head.header("x-a"), text.as_str()), (200, Some("b"), "abc"));
        let chunked =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n2;x=y\r\nef\r\n0\r\nT: x\r\n\r\nrest";
        assert_eq!(body(chunked).unwrap().1, "abcdef");
        assert_eq!(body("HTTP/1.1 200 OK\r\n\r\nabc").unwrap().1, "abc");
        assert_eq!(body("HTTP/1.1 204 No Content\r\n\r\n").unwrap().1, "");
        assert_eq!(body("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 404 No\r\n\r\nx").unwrap().0.status, 404);
    }

    #[test]
    fn answers_that_break_off_are_errors_and_not_short_bodies() {
        let broken = |answer: &str| body(answer).unwrap_err().kind();
        assert_eq!(broken("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"), io::ErrorKind::UnexpectedEof);
        assert_eq!(
            broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nabc"),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(
            broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"),
            io::ErrorKind::UnexpectedEof
        );
        assert_eq!(broken("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"), io::ErrorKind::InvalidData);
        assert_eq!(broken(""), io::ErrorKind::UnexpectedEof);
        assert_eq!(broken("SSH-2.0-x\r\n\r\n"), io::ErrorKind::InvalidData);
    }

    #[test]
    fn chunks_that_are_written_are_read_back() {
        let mut wire = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        let mut writer = ChunkWriter(&mut wire);
        writer.write_all(b"hello ").unwrap();
        writer.write_all(b"").unwrap();
        writer.write_all(&[b'x'; 300]).unwrap();
        writer.finish().unwrap();
        assert_eq!(body(&String::from_utf8(wire).unwrap()).unwrap().1, format!("hello {}", "x".repeat(300)));
    }
}
