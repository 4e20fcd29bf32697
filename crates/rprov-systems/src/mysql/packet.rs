//! Packets, and the numbers and texts in them.

use std::io::{self, Read, Write};

use super::error::MysqlError;

/// The longest part of a packet.
const PART: usize = 0xff_ffff;

/// A longer packet is not read: no module has a use for so much.
const LONGEST: usize = 256 << 20;

/// Read a packet, whose parts are numbered from `sequence` on.
///
/// # Errors
/// The connection broke, or the numbers are not in order.
pub fn read(reader: &mut impl Read, sequence: &mut u8) -> Result<Vec<u8>, MysqlError> {
    let mut packet = Vec::new();
    loop {
        let mut header = [0; 4];
        reader.read_exact(&mut header).map_err(closed)?;
        let [low, middle, high, number] = header;
        if number != *sequence {
            return Err(MysqlError::Protocol("a packet has another number than the one that was expected"));
        }
        *sequence = sequence.wrapping_add(1);
        let size = u32::from_le_bytes([low, middle, high, 0]) as usize;
        if packet.len() + size > LONGEST {
            return Err(MysqlError::Protocol("a packet has more than 256 MB"));
        }
        let count = reader.by_ref().take(size as u64).read_to_end(&mut packet)?;
        if count < size {
            return Err(closed(io::ErrorKind::UnexpectedEof.into()));
        }
        if size < PART {
            return Ok(packet);
        }
    }
}

fn closed(error: io::Error) -> MysqlError {
    MysqlError::Broken(match error.kind() {
        io::ErrorKind::UnexpectedEof => {
            io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed it; its log may say why")
        }
        _ => error,
    })
}

/// Write a packet, in as many parts as it needs.
///
/// # Errors
/// The connection broke.
pub fn write(writer: &mut impl Write, sequence: &mut u8, payload: &[u8]) -> Result<(), MysqlError> {
    let mut framed = Vec::with_capacity(payload.len() + 4);
    let mut parts = payload.chunks(PART);
    loop {
        let part = parts.next().unwrap_or_default();
        let [low, middle, high, ..] = (part.len() as u32).to_le_bytes();
        framed.extend_from_slice(&[low, middle, high, *sequence]);
        framed.extend_from_slice(part);
        *sequence = sequence.wrapping_add(1);
        if part.len() < PART {
            break;
        }
    }
    writer.write_all(&framed)?;
    writer.flush()?;
    Ok(())
}

/// Reads the fields of a packet one after the other.
#[derive(Clone, Debug)]
pub struct Fields<'a>(pub &'a [u8]);

const SHORT: MysqlError = MysqlError::Protocol("a packet ends too early");

impl<'a> Fields<'a> {
    /// So many bytes.
    ///
    /// # Errors
    /// There are fewer.
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], MysqlError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    /// An integer of so many bytes, eight at most.
    ///
    /// # Errors
    /// There are fewer bytes.
    pub fn integer(&mut self, count: usize) -> Result<u64, MysqlError> {
        Ok(self.bytes(count)?.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// One byte.
    ///
    /// # Errors
    /// There is none.
    pub fn byte(&mut self) -> Result<u8, MysqlError> {
        Ok(self.bytes(1)?.first().copied().unwrap_or_default())
    }

    /// An integer whose first byte says how long it is; `None` stands for `NULL`.
    ///
    /// # Errors
    /// There are fewer bytes, or it is none.
    pub fn length(&mut self) -> Result<Option<u64>, MysqlError> {
        Ok(Some(match self.byte()? {
            0xfb => return Ok(None),
            0xfc => self.integer(2)?,
            0xfd => self.integer(3)?,
            0xfe => self.integer(8)?,
            0xff => return Err(MysqlError::Protocol("a length is none")),
            short => short.into(),
        }))
    }

    /// Bytes with their length before them; `None` stands for `NULL`.
    ///
    /// # Errors
    /// There are fewer bytes.
    pub fn value(&mut self) -> Result<Option<&'a [u8]>, MysqlError> {
        match self.length()? {
            None => Ok(None),
            Some(length) => self.bytes(usize::try_from(length).map_err(|_| SHORT)?).map(Some),
        }
    }

    /// Bytes up to a zero, or to the end.
    pub fn terminated(&mut self) -> &'a [u8] {
        let end = self.0.iter().position(|byte| *byte == 0);
        let (text, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest.get(1..).unwrap_or_default();
        text
    }
}

/// Append an integer in as few bytes as say how long it is.
pub fn push_length(packet: &mut Vec<u8>, number: usize) {
    let bytes = (number as u64).to_le_bytes();
    let [a, b, c, ..] = bytes;
    match number {
        0..=250 => packet.push(a),
        251..=0xffff => packet.extend([0xfc, a, b]),
        0x1_0000..=0xff_ffff => packet.extend([0xfd, a, b, c]),
        _ => {
            packet.push(0xfe);
            packet.extend(bytes);
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_long_packet_travels_in_parts_and_comes_back() {
        for size in [0, 1, PART - 1, PART, PART + 5] {
            let payload = vec![7; size];
            let (mut wire, mut sent, mut received) = (Vec::new(), 0, 0);
            write(&mut wire, &mut sent, &payload).unwrap();
            assert_eq!(wire.len(), size + 4 * (size / PART + 1));
            assert_eq!(read(&mut wire.as_slice(), &mut received).unwrap(), payload);
            assert_eq!(sent, received);
        }
    }

    #[test]
    fn a_packet_out_of_order_or_cut_short_is_refused() {
        assert!(matches!(read(&mut &b"\x01\0\0\x03a"[..], &mut 0), Err(MysqlError::Protocol(_))));
        assert!(matches!(read(&mut &b"\x05\0\0\0a"[..], &mut 0), Err(MysqlError::Broken(_))));
    }

    #[test]
    fn lengths_are_read_as_they_are_written() {
        for number in [0, 250, 251, 0xffff, 0x1_0000, 0xff_ffff, 0x100_0000] {
            let mut packet = Vec::new();
            push_length(&mut packet, number);
            assert_eq!(Fields(&packet).length().unwrap(), Some(number as u64));
        }
        assert_eq!(Fields(b"\xfb").value().unwrap(), None);
        assert!(Fields(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff").value().is_err());
    }
}
