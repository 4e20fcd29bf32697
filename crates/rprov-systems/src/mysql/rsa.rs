//! A password, encrypted with a server's public key: RSA with OAEP and SHA-1, as `caching_sha2_password` has it.
//!
//! Only what is public goes through the arithmetic's timing: the exponent is, and the padded message is random.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use num_bigint::BigUint;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY as SHA1, digest};
use ring::rand::{SecureRandom, SystemRandom};

/// Bytes of a SHA-1 sum.
const SUM: usize = 20;

/// A public key.
#[derive(Clone, Debug, PartialEq)]
pub struct PublicKey {
    modulus: BigUint,
    exponent: BigUint,
}

impl PublicKey {
    /// Read a key from PEM text (`BEGIN PUBLIC KEY`); `None` if there is none.
    pub fn from_pem(text: &str) -> Option<Self> {
        let body = text.split_once("-----BEGIN PUBLIC KEY-----")?.1.split_once("-----END PUBLIC KEY-----")?.0;
        let body: String = body.split_ascii_whitespace().collect();
        let bytes = STANDARD.decode(body).ok()?;
        let (_, info) = element(&bytes, 0x30)?;
        let (rest, _algorithm) = element(info, 0x30)?;
        let (_, bits) = element(rest, 0x03)?;
        // A string of bits begins with the number of those that do not count.
        let (_, key) = element(bits.strip_prefix(&[0])?, 0x30)?;
        let (rest, modulus) = element(key, 0x02)?;
        let (_, exponent) = element(rest, 0x02)?;
        let key = Self { modulus: BigUint::from_bytes_be(modulus), exponent: BigUint::from_bytes_be(exponent) };
        // Neither a key that anybody breaks, nor one that keeps the client busy.
        ((1024..=16384).contains(&key.modulus.bits()) && (2..=64).contains(&key.exponent.bits())).then_some(key)
    }

    /// The message so that only who has the private key can read it; `None` if it is too long for the key.
    pub fn encrypt(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut seed = [0; SUM];
        SystemRandom::new().fill(&mut seed).ok()?;
        let size = usize::try_from(self.modulus.bits().div_ceil(8)).ok()?;
        let padded = pad(message, size, &seed)?;
        let encrypted = BigUint::from_bytes_be(&padded).modpow(&self.exponent, &self.modulus).to_bytes_be();
        let mut result = vec![0; size.checked_sub(encrypted.len())?];
        result.extend(encrypted);
        Some(result)
    }
}

/// An element of DER with this tag: what follows it, and its content.
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (found, bytes) = bytes.split_first()?;
    let (first, bytes) = bytes.split_first()?;
    if *found != tag {
        return None;
    }
    let (length, bytes) = match first {
        0..=0x7f => (usize::from(*first), bytes),
        0x81..=0x83 => {
            let (digits, bytes) = bytes.split_at_checked(usize::from(first - 0x80))?;
            (digits.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)), bytes)
        }
        _ => return None,
    };
    let (content, rest) = bytes.split_at_checked(length)?;
    Some((rest, content))
}

/// OAEP: RFC 8017, section 7.1.1, without a label.
fn pad(message: &[u8], size: usize, seed: &[u8; SUM]) -> Option<Vec<u8>> {
    let zeros = size.checked_sub(message.len() + 2 * SUM + 2)?;
    let mut data = digest(&SHA1, b"").as_ref().to_vec();
    data.extend(std::iter::repeat_n(0, zeros));
    data.push(1);
    data.extend_from_slice(message);
    let mask = mask(seed, data.len());
    data.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
    let mut padded = vec![0];
    padded.extend(seed.iter().zip(self::mask(&data, SUM)).map(|(byte, mask)| byte ^ mask));
    padded.extend(data);
    Some(padded)
}

/// MGF1 with SHA-1.
fn mask(seed: &[u8], size: usize) -> Vec<u8> {
    let mut mask = Vec::with_capacity(size + SUM);
    for counter in 0_u32.. {
        if mask.len() >= size {
            break;
        }
        let mut block = seed.to_vec();
        block.extend(counter.to_be_bytes());
        mask.extend(digest(&SHA1, &block).as_ref());
    }
    mask.truncate(size);
    mask
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::process::{Command, Stdio};

    fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let mut child = Command::new("openssl")
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("this test needs openssl: {error}"));
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{arguments:?}");
        output.stdout
    }

    #[test]
    fn openssl_reads_what_was_encrypted() {
        let directory = tempfile::tempdir().unwrap();
        let private = directory.path().join("key").display().to_string();
        openssl(&["genrsa", "-out", &private, "2048"], b"");
        let public = String::from_utf8(openssl(&["pkey", "-in", &private, "-pubout"], b"")).unwrap();
        let key = PublicKey::from_pem(&public).unwrap();
        for message in [&b""[..], b"secret\0", &[0xff; 214]] {
            let encrypted = key.encrypt(message).unwrap();
            let padding = "rsa_padding_mode:oaep";
            let decrypt = ["pkeyutl", "-decrypt", "-inkey", &private, "-pkeyopt", padding];
            assert_eq!(openssl(&decrypt, &encrypted), message);
        }
        assert_eq!(key.encrypt(&[0; 215]), None);
    }

    #[test]
    fn what_is_no_key_is_none() {
        assert_eq!(PublicKey::from_pem(""), None);
        assert_eq!(PublicKey::from_pem("-----BEGIN PUBLIC KEY-----\nMAAw\n-----END PUBLIC KEY-----\n"), None);
    }
}
