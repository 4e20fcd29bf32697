//! Standard output and error as the Engine interleaves them: frames of a kind, a length and data.
//!
//! Format: <https://docs.docker.com/reference/api/engine/version/v1.44/#tag/Container/operation/ContainerAttach>.
//! A container with a terminal has no frames, only output.

use std::io::{self, Read};

use rprov_wire::Stream;

/// What was printed, all of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Printed {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Both, in the order in which they arrived.
    pub both: Vec<u8>,
}

/// Read until the end, and show each piece as it comes.
///
/// # Errors
/// The connection broke.
pub fn read(reader: &mut impl Read, terminal: bool, mut show: impl FnMut(Stream, &[u8])) -> io::Result<Printed> {
    let mut printed = Printed::default();
    let mut buffer = vec![0; 16 * 1024];
    if terminal {
        loop {
            let count = reader.read(&mut buffer)?;
            let Some(data) = buffer.get(..count).filter(|data| !data.is_empty()) else { return Ok(printed) };
            show(Stream::Stdout, data);
            printed.stdout.extend_from_slice(data);
            printed.both.extend_from_slice(data);
        }
    }
    loop {
        let mut header = [0; 8];
        if !read_header(reader, &mut header)? {
            return Ok(printed);
        }
        let [kind, _, _, _, size @ ..] = header;
        let mut left = u32::from_be_bytes(size) as usize;
        while left > 0 {
            let size = left.min(buffer.len());
            let Some(part) = buffer.get_mut(..size) else { break };
            reader.read_exact(part)?;
            left -= size;
            let (stream, all) = match kind {
                2 => (Stream::Stderr, &mut printed.stderr),
                _ => (Stream::Stdout, &mut printed.stdout),
            };
            all.extend_from_slice(part);
            printed.both.extend_from_slice(part);
            show(stream, part);
        }
    }
}

/// Read a header; `false` at the end of the stream.
fn read_header(reader: &mut impl Read, header: &mut [u8; 8]) -> io::Result<bool> {
    let mut filled = 0;
    while let Some(rest) = header.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest)? {
            0 if filled == 0 => return Ok(false),
            0 => return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the output broke off")),
            count => filled += count,
        }
    }
    Ok(true)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart_and_a_terminal_has_none() {
        let wire = b"\x01\0\0\0\0\0\0\x03out\x02\0\0\0\0\0\0\x03err\x01\0\0\0\0\0\0\0";
        let mut shown = Vec::new();
        let printed = read(&mut &wire[..], false, |stream, data| shown.push((stream, data.to_vec()))).unwrap();
        assert_eq!((printed.stdout.as_slice(), printed.stderr.as_slice()), (&b"out"[..], &b"err"[..]));
        assert_eq!(printed.both, b"outerr");
        assert_eq!(shown, [(Stream::Stdout, b"out".to_vec()), (Stream::Stderr, b"err".to_vec())]);
        assert_eq!(read(&mut &wire[..], true, |_, _| {}).unwrap().stdout, wire);
        assert!(read(&mut &wire[..10], false, |_, _| {}).is_err());
    }
}
