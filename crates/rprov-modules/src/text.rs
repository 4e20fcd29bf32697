//! File content as text that loses nothing: bytes that are no UTF-8 become private characters, and bytes again when
//! the text is written. So the modules that edit lines can work on any file.

/// Characters U+10FF00 to U+10FFFF stand for bytes that are not part of valid UTF-8.
const ESCAPE: u32 = 0x10_FF00;

/// Text from any bytes.
pub fn decode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if is_escape(character) {
                let mut buffer = [0; 4];
                text.extend(character.encode_utf8(&mut buffer).bytes().filter_map(escape));
            } else {
                text.push(character);
            }
        }
        text.extend(chunk.invalid().iter().copied().filter_map(escape));
    }
    text
}

/// The bytes that text came from.
pub fn encode(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut buffer = [0; 4];
    for character in text.chars() {
        if is_escape(character) {
            bytes.push((u32::from(character) & 0xFF) as u8);
        } else {
            bytes.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
        }
    }
    bytes
}

/// The text as it may be shown: private characters replaced.
pub fn printable(text: &str) -> String {
    text.chars().map(|character| if is_escape(character) { '\u{FFFD}' } else { character }).collect()
}

/// Split after each `\n`, keeping it, as a file is read line by line.
pub fn lines(text: &str) -> Vec<String> {
    text.split_inclusive('\n').map(str::to_owned).collect()
}

fn is_escape(character: char) -> bool {
    u32::from(character) & !0xFF == ESCAPE
}

fn escape(byte: u8) -> Option<char> {
    char::from_u32(ESCAPE + u32::from(byte))
}

/// A float as Python's `repr` writes it: the shortest text that is read as the same number.
pub fn float(number: f64) -> String {
    if number.is_nan() {
        return "nan".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let scientific = format!("{number:e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if number != 0.0 && !(-4..16).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{mantissa}e{sign}{:02}", exponent.unsigned_abs());
    }
    let plain = format!("{number}");
    if plain.contains('.') { plain } else { format!("{plain}.0") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (number, expected) in [
            (1.0, "1.0"),
            (0.1, "0.1"),
            (1e15, "1000000000000000.0"),
            (1e16, "1e+16"),
            (1.5e-5, "1.5e-05"),
            (0.0001, "0.0001"),
            (-0.0, "-0.0"),
            (1e100, "1e+100"),
        ] {
            assert_eq!(float(number), expected);
        }
    }

    #[test]
    fn any_bytes_come_back_as_they_were() {
        for bytes in [&b"plain\n"[..], "h\u{e9}\u{10FF41}x".as_bytes(), b"\xff\xfe\x00a\xc3", b""] {
            assert_eq!(encode(&decode(bytes)), bytes);
        }
    }
}
