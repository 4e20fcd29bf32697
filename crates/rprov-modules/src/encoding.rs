//! Text in other encodings than UTF-8, under the names that Python knows them by: for `replace`, `find` and
//! `template`, whose options name one.

use crate::outcome::Failure;
use crate::text;

/// How text is stored as bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8; bytes that are none come back as they were.
    #[default]
    Utf8,
    /// UTF-8 behind a mark.
    Utf8Marked,
    /// One byte each; U+0000 to U+007F.
    Ascii,
    /// One byte each; U+0000 to U+00FF.
    Latin1,
    /// ISO 8859-15: as Latin-1, but for eight characters.
    Latin9,
    /// Windows' code page 1252: as Latin-1, but for 0x80 to 0x9F.
    Windows1252,
    /// Two bytes a unit, behind a mark that says which comes first; written with the smaller one first.
    Utf16,
    /// Two bytes a unit, the smaller one first.
    Utf16Little,
    /// Two bytes a unit, the larger one first.
    Utf16Big,
}

/// What ISO 8859-15 has in place of Latin-1's characters.
const LATIN9: [(u8, char); 8] =
    [(0xA4, '€'), (0xA6, 'Š'), (0xA8, 'š'), (0xB4, 'Ž'), (0xB8, 'ž'), (0xBC, 'Œ'), (0xBD, 'œ'), (0xBE, 'Ÿ')];

/// What code page 1252 has from 0x80 on; five bytes stand for nothing.
const WINDOWS: [Option<char>; 32] = [
    Some('€'),
    None,
    Some('‚'),
    Some('ƒ'),
    Some('„'),
    Some('…'),
    Some('†'),
    Some('‡'),
    Some('ˆ'),
    Some('‰'),
    Some('Š'),
    Some('‹'),
    Some('Œ'),
    None,
    Some('Ž'),
    None,
    None,
    Some('‘'),
    Some('’'),
    Some('“'),
    Some('”'),
    Some('•'),
    Some('–'),
    Some('—'),
    Some('˜'),
    Some('™'),
    Some('š'),
    Some('›'),
    Some('œ'),
    None,
    Some('ž'),
    Some('Ÿ'),
];

impl Encoding {
    /// The encoding of that name.
    ///
    /// # Errors
    /// It is not known.
    pub fn named(name: &str) -> Result<Self, Failure> {
        Ok(match name.trim().to_ascii_lowercase().replace(['_', ' '], "-").as_str() {
            "utf-8" | "utf8" | "u8" => Encoding::Utf8,
            "utf-8-sig" => Encoding::Utf8Marked,
            "ascii" | "us-ascii" | "646" => Encoding::Ascii,
            "latin-1" | "latin1" | "iso-8859-1" | "iso8859-1" | "8859" | "cp819" | "l1" => Encoding::Latin1,
            "latin-9" | "latin9" | "iso-8859-15" | "iso8859-15" | "l9" => Encoding::Latin9,
            "cp1252" | "windows-1252" | "1252" => Encoding::Windows1252,
            "utf-16" | "utf16" | "u16" => Encoding::Utf16,
            "utf-16-le" | "utf-16le" => Encoding::Utf16Little,
            "utf-16-be" | "utf-16be" => Encoding::Utf16Big,
            _ => {
                return Err(Failure::new(format!(
                    "unknown encoding: {name}; there are utf-8, utf-8-sig, utf-16, utf-16-le, utf-16-be, ascii, latin-1, \
                     iso-8859-15 and cp1252"
                )));
            }
        })
    }

    /// Text from bytes.
    ///
    /// # Errors
    /// They are no text in this encoding; where they stop being it is said.
    pub fn decode(self, bytes: &[u8]) -> Result<String, Failure> {
        match self {
            Encoding::Utf8 => Ok(text::decode(bytes)),
            Encoding::Utf8Marked => Ok(text::decode(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))),
            Encoding::Utf16 => match bytes {
                [0xFE, 0xFF, rest @ ..] => wide(rest, u16::from_be_bytes),
                [0xFF, 0xFE, rest @ ..] => wide(rest, u16::from_le_bytes),
                other => wide(other, u16::from_le_bytes),
            },
            Encoding::Utf16Little => wide(bytes, u16::from_le_bytes),
            Encoding::Utf16Big => wide(bytes, u16::from_be_bytes),
            narrow => bytes
                .iter()
                .enumerate()
                .map(|(index, byte)| narrow.character(*byte).ok_or_else(|| undecodable(index)))
                .collect(),
        }
    }

    /// The bytes of text.
    ///
    /// # Errors
    /// A character is not in this encoding.
    pub fn encode(self, source: &str) -> Result<Vec<u8>, Failure> {
        let units = |first: &[u8], bytes: fn(u16) -> [u8; 2]| {
            first.iter().copied().chain(source.encode_utf16().flat_map(bytes)).collect()
        };
        match self {
            Encoding::Utf8 => Ok(text::encode(source)),
            Encoding::Utf8Marked => Ok([b"\xEF\xBB\xBF".as_slice(), &text::encode(source)].concat()),
            Encoding::Utf16 => Ok(units(&[0xFF, 0xFE], u16::to_le_bytes)),
            Encoding::Utf16Little => Ok(units(&[], u16::to_le_bytes)),
            Encoding::Utf16Big => Ok(units(&[], u16::to_be_bytes)),
            narrow => source
                .chars()
                .map(|character| {
                    (0..=u8::MAX).find(|byte| narrow.character(*byte) == Some(character)).ok_or_else(|| {
                        Failure::new(format!("the character {character:?} does not exist in the encoding {narrow:?}"))
                    })
                })
                .collect(),
        }
    }

    /// What a byte stands for in an encoding of one byte a character.
    fn character(self, byte: u8) -> Option<char> {
        match self {
            _ if byte < 0x80 => Some(char::from(byte)),
            Encoding::Latin1 => Some(char::from(byte)),
            Encoding::Latin9 => {
                let own = LATIN9.iter().find(|(other, _)| *other == byte).map(|(_, character)| *character);
                Some(own.unwrap_or(char::from(byte)))
            }
            Encoding::Windows1252 => match WINDOWS.get(usize::from(byte - 0x80)) {
                Some(own) => *own,
                None => Some(char::from(byte)),
            },
            _ => None,
        }
    }
}

fn wide(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, Failure> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(undecodable(bytes.len() - 1));
    }
    let mut index = 0;
    char::decode_utf16(pairs.iter().copied().map(unit))
        .map(|character| {
            let found = character.map_err(|_| undecodable(index))?;
            index += found.len_utf16() * 2;
            Ok(found)
        })
        .collect()
}

fn undecodable(position: usize) -> Failure {
    Failure::new(format!("the byte at position {position} is no text in the encoding that was asked for"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_from_every_encoding() {
        for (name, bytes) in [
            ("utf-8", "café".as_bytes()),
            ("UTF_8_SIG", b"\xEF\xBB\xBFcaf\xC3\xA9"),
            ("latin-1", b"caf\xE9"),
            ("ISO-8859-15", b"caf\xE9"),
            ("cp1252", b"caf\xE9"),
            ("utf-16", b"\xFF\xFEc\0a\0f\0\xE9\0"),
            ("utf-16-le", b"c\0a\0f\0\xE9\0"),
            ("utf-16-be", b"\0c\0a\0f\0\xE9"),
        ] {
            let encoding = Encoding::named(name).unwrap();
            assert_eq!(encoding.decode(bytes).unwrap(), "café", "{name}");
            assert_eq!(encoding.encode("café").unwrap(), bytes, "{name}");
        }
        assert_eq!(Encoding::Windows1252.encode("€“").unwrap(), b"\x80\x93");
        assert_eq!(Encoding::Latin9.encode("€").unwrap(), b"\xA4");
    }

    #[test]
    fn what_an_encoding_has_not_is_said() {
        assert!(Encoding::named("klingon").unwrap_err().message.contains("klingon"));
        assert!(Encoding::Ascii.decode(b"ab\xE9").unwrap_err().message.contains("position 2"));
        assert!(Encoding::Latin1.encode("€").unwrap_err().message.contains('€'));
        assert!(Encoding::Utf16Little.decode(b"a\0b").is_err());
        assert!(Encoding::Windows1252.decode(b"\x81").is_err());
    }
}
