//! The cipher `AES256`: keys by PBKDF2, AES-256 in counter mode over PKCS#7 padded text, and an HMAC over the ciphertext.

use aes::Aes256;
use aes::cipher::{KeyIvInit as _, StreamCipher as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Rounds of PBKDF2.
const ROUNDS: u32 = 10_000;
/// Bytes of the cipher's key, and of the authentication's.
const KEY: usize = 32;
/// Bytes of a cipher block, and so of the counter's start.
const BLOCK: usize = 16;

/// What is stored: salt, authentication code and ciphertext, as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) salt: Vec<u8>,
    pub(super) code: Vec<u8>,
    pub(super) ciphertext: Vec<u8>,
}

/// The password is wrong, or the text was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct WrongPassword;

struct Keys {
    cipher: ctr::Ctr128BE<Aes256>,
    code: Hmac<Sha256>,
}

impl Keys {
    fn derive(password: &[u8], salt: &[u8]) -> Option<Self> {
        let mut bytes = Zeroizing::new([0_u8; KEY + KEY + BLOCK]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ROUNDS, bytes.as_mut());
        let (cipher, rest) = bytes.split_at(KEY);
        let (code, start) = rest.split_at(KEY);
        Some(Self {
            cipher: ctr::Ctr128BE::new_from_slices(cipher, start).ok()?,
            code: Hmac::new_from_slice(code).ok()?,
        })
    }
}

/// Encrypt. The salt is the caller's: random bytes, unless a setting fixes it.
pub(super) fn seal(plain: &[u8], password: &[u8], salt: Vec<u8>) -> Sealed {
    let mut padded = Zeroizing::new(plain.to_vec());
    let missing = BLOCK - plain.len() % BLOCK;
    padded.resize(plain.len() + missing, missing as u8);
    let mut code = Vec::new();
    // The keys' lengths are fixed above, so there always are some.
    if let Some(mut keys) = Keys::derive(password, &salt) {
        keys.cipher.apply_keystream(&mut padded);
        keys.code.update(&padded);
        code = keys.code.finalize().into_bytes().to_vec();
    }
    Sealed { salt, code, ciphertext: padded.to_vec() }
}

/// Decrypt.
///
/// # Errors
/// The authentication code does not fit, or the padding is none.
pub(super) fn open(sealed: &Sealed, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, WrongPassword> {
    let mut keys = Keys::derive(password, &sealed.salt).ok_or(WrongPassword)?;
    keys.code.update(&sealed.ciphertext);
    keys.code.verify_slice(&sealed.code).map_err(|_| WrongPassword)?;
    let mut plain = Zeroizing::new(sealed.ciphertext.clone());
    keys.cipher.apply_keystream(&mut plain);
    let padding = usize::from(*plain.last().ok_or(WrongPassword)?);
    let length = plain.len().checked_sub(padding).filter(|_| (1..=BLOCK).contains(&padding)).ok_or(WrongPassword)?;
    plain.truncate(length);
    Ok(plain)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_password_only() {
        for length in [0, 1, 15, 16, 17, 1000] {
            let plain: Vec<u8> = (0..length).map(|number| number as u8).collect();
            let sealed = seal(&plain, b"password", vec![7; 32]);
            assert_eq!(sealed.ciphertext.len() % BLOCK, 0);
            assert_eq!(*open(&sealed, b"password").unwrap(), plain);
            assert_eq!(open(&sealed, b"Password").unwrap_err(), WrongPassword);
        }
    }

    #[test]
    fn a_changed_text_does_not_open() {
        let mut sealed = seal(b"text", b"password", vec![7; 32]);
        *sealed.ciphertext.first_mut().unwrap() ^= 1;
        assert_eq!(open(&sealed, b"password").unwrap_err(), WrongPassword);
    }
}
