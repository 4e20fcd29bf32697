//! Length-prefixed frames: a little-endian `u32`, then that many bytes: a message in postcard, and its content.

use std::io::{self, BufRead, IoSlice, Read, Write};

use bytes::Bytes;

use crate::message::Message;

/// The largest frame that either side accepts, in bytes. A larger length is a broken stream, not data.
pub const MAX_FRAME: usize = 64 * 1024 * 1024;

/// Why a frame could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The channel failed.
    #[error("the channel failed")]
    Io(#[from] io::Error),
    /// The length says more than [`MAX_FRAME`].
    #[error("a frame of {0} bytes is larger than the limit of {MAX_FRAME}")]
    TooLarge(usize),
    /// The bytes are not a message of this build.
    #[error("a frame could not be decoded")]
    Decode(#[source] postcard::Error),
    /// There is something behind a message that carries no content.
    #[error("a frame is {0} bytes longer than its message")]
    TooLong(usize),
    /// The message could not be encoded.
    #[error("a message could not be encoded")]
    Encode(#[source] postcard::Error),
}

/// Encode one message as a frame, length included.
///
/// # Errors
/// [`FrameError::TooLarge`] if the message does not fit a frame.
pub fn encode<T: Message>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut frame = head(message)?;
    frame.extend_from_slice(message.content().map_or(&[], Bytes::as_ref));
    Ok(frame)
}

/// The frame of a message up to the content that it carries, which is to be sent behind it as it is.
///
/// # Errors
/// [`FrameError::TooLarge`] if the message does not fit a frame.
pub fn head<T: Message>(message: &T) -> Result<Vec<u8>, FrameError> {
    let mut head = postcard::to_extend(message, vec![0; 4]).map_err(FrameError::Encode)?;
    let length = head.len() - 4 + message.content().map_or(0, Bytes::len);
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    head[..4].copy_from_slice(&(length as u32).to_le_bytes());
    Ok(head)
}

/// Decode the bytes of one frame, without its length. Its content stays where it is.
///
/// # Errors
/// [`FrameError::Decode`] and [`FrameError::TooLong`] if they are not a message.
pub fn decode<T: Message>(frame: &Bytes) -> Result<T, FrameError> {
    let (mut message, rest) = postcard::take_from_bytes::<T>(frame).map_err(FrameError::Decode)?;
    match message.content_mut() {
        Some(content) => *content = frame.slice_ref(rest),
        None if rest.is_empty() => {}
        None => return Err(FrameError::TooLong(rest.len())),
    }
    Ok(message)
}

/// Read one message; `None` where the stream ends between frames.
///
/// # Errors
/// The stream fails, ends inside a frame, or holds something that is no frame.
pub fn read_frame<T: Message>(reader: &mut impl Read) -> Result<Option<T>, FrameError> {
    let mut length = [0; 4];
    let mut filled = 0;
    while filled < length.len() {
        match reader.read(&mut length[filled..]) {
            Ok(0) if filled == 0 => return Ok(None),
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_FRAME {
        return Err(FrameError::TooLarge(length));
    }
    // Grown while reading: a length that lies costs no memory.
    let mut bytes = Vec::with_capacity(length.min(1 << 20));
    reader.by_ref().take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() < length {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    decode(&bytes.into()).map(Some)
}

/// Write one message.
///
/// # Errors
/// The stream fails, or the message is too large.
pub fn write_frame<T: Message>(writer: &mut impl Write, message: &T) -> Result<(), FrameError> {
    let head = head(message)?;
    // In one piece: each write wakes the reader.
    let mut slices = [IoSlice::new(&head), IoSlice::new(message.content().map_or(&[], Bytes::as_ref))];
    let mut left = &mut slices[..];
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match writer.write_vectored(left) {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::WriteZero).into()),
            Ok(count) => IoSlice::advance_slices(&mut left, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    writer.flush()?;
    Ok(())
}

/// A frame as text: digits and letters, which mean nothing to any shell.
///
/// It is for the one frame that is sent before it is known whether a shell or the agent will read it. On a line of its own
/// a shell can skip it, byte by byte, and nothing behind it.
pub fn to_text(frame: &[u8]) -> String {
    let mut text = String::with_capacity(frame.len() * 2);
    for byte in frame {
        for half in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(half), 16));
        }
    }
    text
}

/// The longest frame that travels as a line of text: shells read a line byte by byte, each by a system call.
pub const MAX_LINE_FRAME: usize = 4096;

/// Read a message that was sent as a line, see [`to_text`].
///
/// # Errors
/// The stream fails or ends, or the line is no frame.
pub fn read_line_frame<T: Message>(reader: &mut impl BufRead) -> Result<T, FrameError> {
    let mut line = Vec::new();
    let limit = (MAX_LINE_FRAME * 2 + 1) as u64;
    reader.by_ref().take(limit).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
    }
    from_text(&line)
}

/// Read a message that was sent as text, see [`to_text`].
///
/// # Errors
/// The text is no frame.
pub fn from_text<T: Message>(text: &[u8]) -> Result<T, FrameError> {
    let value = |digit: &u8| char::from(*digit).to_digit(16);
    let bytes: Option<Vec<u8>> = text
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(value(high)? << 4 | value(low)?).ok(),
            _ => None,
        })
        .collect();
    let frame = bytes.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
    match read_frame(&mut frame.as_slice())? {
        Some(message) => Ok(message),
        None => Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::message::ToAgent;

    #[test]
    fn a_frame_comes_back_as_it_was_sent() {
        let mut stream = Vec::new();
        write_frame(&mut stream, &ToAgent::Cancel { id: 7 }).unwrap();
        write_frame(&mut stream, &ToAgent::Credit { id: 8, chunks: 3 }).unwrap();
        let mut reader = stream.as_slice();
        assert_eq!(read_frame(&mut reader).unwrap(), Some(ToAgent::Cancel { id: 7 }));
        assert_eq!(read_frame(&mut reader).unwrap(), Some(ToAgent::Credit { id: 8, chunks: 3 }));
        assert_eq!(read_frame::<ToAgent>(&mut reader).unwrap(), None);
    }

    #[test]
    fn content_goes_behind_its_message_and_comes_back_uncopied() {
        let data = Bytes::from(vec![7; 70_000]);
        let message = ToAgent::Chunk { id: 1, pull: 2, last: true, data };
        let mut stream = Vec::new();
        write_frame(&mut stream, &message).unwrap();
        assert_eq!(stream, encode(&message).unwrap());
        assert_eq!(stream.len(), head(&message).unwrap().len() + 70_000);
        assert_eq!(read_frame(&mut stream.as_slice()).unwrap(), Some(message));
        let frame = Bytes::from(stream).slice(4..);
        let ToAgent::Chunk { data, .. } = decode(&frame).unwrap() else { panic!("another message") };
        assert_eq!(data.as_ptr_range().end, frame.as_ptr_range().end);
    }

    #[test]
    fn what_follows_a_message_without_content_is_an_error() {
        let mut stream = encode(&ToAgent::Cancel { id: 7 }).unwrap();
        stream[0] += 2;
        stream.extend([0; 2]);
        assert!(matches!(read_frame::<ToAgent>(&mut stream.as_slice()), Err(FrameError::TooLong(2))));
    }

    #[test]
    fn a_cut_frame_and_a_lying_length_are_errors() {
        let mut stream = Vec::new();
        write_frame(&mut stream, &ToAgent::Cancel { id: 7 }).unwrap();
        let cut = &stream[..stream.len() - 1];
        assert!(matches!(read_frame::<ToAgent>(&mut &cut[..]), Err(FrameError::Io(_))));
        let lie = u32::MAX.to_le_bytes();
        assert!(matches!(read_frame::<ToAgent>(&mut &lie[..]), Err(FrameError::TooLarge(_))));
    }

    #[test]
    fn a_line_is_a_frame_that_nothing_behind_it_is_lost_by() {
        let frame = encode(&ToAgent::Cancel { id: 300 }).unwrap();
        let text = to_text(&frame);
        assert_eq!(text, "0300000006ac02");
        assert_eq!(from_text::<ToAgent>(text.as_bytes()).unwrap(), ToAgent::Cancel { id: 300 });
        let line = (text + "\n").into_bytes();
        let stream = [line, frame].concat();
        let mut reader = stream.as_slice();
        assert_eq!(read_line_frame::<ToAgent>(&mut reader).unwrap(), ToAgent::Cancel { id: 300 });
        assert_eq!(read_frame::<ToAgent>(&mut reader).unwrap(), Some(ToAgent::Cancel { id: 300 }));
        for broken in [&b"0300000006ac02"[..], b"0300000006ac0\n", b"0300000006ac\n", b"x300000006ac02\n", b"\n", b""] {
            assert!(read_line_frame::<ToAgent>(&mut &*broken).is_err(), "{broken:?}");
        }
    }
}
