//! OpenPGP keys, as far as their ids go: which keys a file has, without gpg (RFC 4880, RFC 9580).

use base64::Engine;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::context::Context;
use crate::http::{self, Call};
use crate::outcome::Failure;

/// The fingerprints of the keys in a file, primary keys and subkeys, in capitals; none where it has no key.
pub fn fingerprints(bytes: &[u8]) -> Vec<String> {
    if bytes.first().is_some_and(|first| first & 0x80 != 0) {
        return of_packets(bytes);
    }
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    for part in text.split("-----BEGIN PGP PUBLIC KEY BLOCK-----").skip(1) {
        let body = part.split("-----END").next().unwrap_or_default();
        // Headers such as `Version:` end with an empty line; the last line is a checksum.
        let lines = body.lines().map(str::trim);
        let digits: String =
            lines.filter(|line| !line.contains(':')).take_while(|line| !line.starts_with('=')).collect();
        if let Ok(packets) = base64::engine::general_purpose::STANDARD.decode(digits) {
            found.extend(of_packets(&packets));
        }
    }
    found
}

fn of_packets(mut rest: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some((kind, body, after)) = packet(rest) {
        // Public keys and public subkeys.
        if matches!(kind, 6 | 14) {
            found.extend(fingerprint(body));
        }
        rest = after;
    }
    found
}

/// The kind and the body of the first packet, and what follows it.
fn packet(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    let number = |bytes: &[u8]| bytes.iter().fold(0_usize, |number, byte| number << 8 | usize::from(*byte));
    let (kind, length, rest) = match head & 0xC0 {
        0x80 => {
            let width = 1_usize << (head & 3);
            let (digits, rest) = if width > 4 { (&[][..], rest) } else { rest.split_at_checked(width)? };
            (head >> 2 & 0x0F, if width > 4 { rest.len() } else { number(digits) }, rest)
        }
        0xC0 => {
            let (&first, rest) = rest.split_first()?;
            match first {
                0..192 => (head & 0x3F, first.into(), rest),
                192..224 => {
                    let (&second, rest) = rest.split_first()?;
                    (head & 0x3F, ((usize::from(first) - 192) << 8) + usize::from(second) + 192, rest)
                }
                255 => {
                    let (digits, rest) = rest.split_at_checked(4)?;
                    (head & 0x3F, number(digits), rest)
                }
                // Packets in parts are for data, not for keys.
                _ => return None,
            }
        }
        _ => return None,
    };
    let (body, after) = rest.split_at_checked(length)?;
    Some((kind, body, after))
}

fn fingerprint(body: &[u8]) -> Option<String> {
    let length = u32::try_from(body.len()).ok()?.to_be_bytes();
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02X}")).collect();
    match *body.first()? {
        4 => Some(hex(&Sha1::new().chain_update([0x99]).chain_update(length.get(2..)?).chain_update(body).finalize())),
        6 => Some(hex(&Sha256::new().chain_update([0x9B]).chain_update(length).chain_update(body).finalize())),
        _ => None,
    }
}

/// A key that is at a URL.
///
/// # Errors
/// The server has no such file.
pub fn fetch(url: &str, validate: bool, context: &Context<'_>) -> Result<Vec<u8>, Failure> {
    if let Some(path) = url.strip_prefix("file://") {
        return std::fs::read(path).map_err(|error| Failure::io("read the key", path, error));
    }
    let mut answer = http::send(&Call { validate, ..Call::get(url) }, context)?;
    if answer.status != 200 {
        return Err(Failure::new(format!("{} {}", answer.status, answer.reason)));
    }
    answer.content()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../tests/modules/machine/key-one.asc");

    #[test]
    fn a_key_is_known_by_its_fingerprint_in_either_form() {
        let known = vec!["81C993D7E562DEB349FA6FBE47FF57631DFEC48F".to_owned()];
        assert_eq!(fingerprints(KEY.as_bytes()), known);
        let with_header = KEY.replacen("BLOCK-----\n", "BLOCK-----\nVersion: GnuPG v2\nComment: a\n", 1);
        assert_eq!(fingerprints(with_header.as_bytes()), known);
        let digits: String = KEY.lines().filter(|line| !line.contains(['-', '='])).collect();
        let Ok(binary) = base64::engine::general_purpose::STANDARD_NO_PAD.decode(digits.trim_end_matches('=')) else {
            panic!("the key is base64");
        };
        assert_eq!(fingerprints(&binary), known);
    }

    #[test]
    fn what_is_no_key_has_none() {
        for bytes in [&b""[..], b"no key\n", b"\x99", b"\x99\xff\xff\x04", b"\xc6\xff\xff\xff\xff\xff", b"\x80\x81\x82"]
        {
            assert!(fingerprints(bytes).is_empty());
        }
        assert!(fingerprints(KEY.replace("mQEN", "!!!!").as_bytes()).is_empty());
    }
}
