//! A private key from the text of its file, in any of the formats that `ssh-keygen` writes.
//!
//! The library does it, except for one key in 256 of the kind `ecdsa-sha2-nistp256`: OpenSSH's own format stores the
//! secret number without leading zero bytes, and the library refuses one that is shorter than 32 bytes for that.

use base64::Engine as _;
use russh::keys::ssh_encoding::{self, Decode as _, Reader as _};
use russh::keys::ssh_key::private::{EcdsaKeypair, KeypairData};
use russh::keys::ssh_key::public::EcdsaPublicKey;
use russh::keys::ssh_key::{self, Cipher, Kdf};
use russh::keys::{Error, PrivateKey, PublicKey, decode_secret_key};
use zeroize::Zeroizing;

const SCALAR: usize = 32;

/// Decode the text of a key file.
///
/// # Errors
/// The library's, [`Error::KeyIsEncrypted`] where `passphrase` is missing.
pub(super) fn decode(text: &str, passphrase: Option<&str>) -> Result<PrivateKey, Error> {
    decode_secret_key(text, passphrase).or_else(|error| match error {
        Error::SshKey(ssh_key::Error::Encoding(ssh_encoding::Error::Length)) => {
            short_scalar(text, passphrase).ok_or(error)
        }
        error => Err(error),
    })
}

/// Decode a key whose secret number is short, as OpenSSH's `PROTOCOL.key` describes the format; `None` where it is
/// anything else.
fn short_scalar(text: &str, passphrase: Option<&str>) -> Option<PrivateKey> {
    let body = text.split_once("-----BEGIN OPENSSH PRIVATE KEY-----")?.1.split_once("-----END")?.0;
    let body: Zeroizing<String> = Zeroizing::new(body.split_ascii_whitespace().collect());
    let bytes = Zeroizing::new(base64::engine::general_purpose::STANDARD.decode(body.as_bytes()).ok()?);
    let mut reader = bytes.strip_prefix(b"openssh-key-v1\0")?;
    let cipher = Cipher::decode(&mut reader).ok()?;
    let kdf = Kdf::decode(&mut reader).ok()?;
    if u32::decode(&mut reader).ok()? != 1 {
        return None;
    }
    let public = PublicKey::from_bytes(&Vec::<u8>::decode(&mut reader).ok()?).ok()?;
    let mut section = Zeroizing::new(Vec::<u8>::decode(&mut reader).ok()?);
    if !cipher.is_none() {
        let (key, iv) = kdf.derive_key_and_iv(cipher, passphrase?).ok()?;
        let tag = if reader.is_finished() { None } else { Some(reader.try_into().ok()?) };
        cipher.decrypt(&key, &iv, &mut section, tag).ok()?;
    }
    let mut section = section.as_slice();
    // The same number twice shows that the passphrase is right.
    if u32::decode(&mut section).ok()? != u32::decode(&mut section).ok()? {
        return None;
    }
    let algorithm = String::decode(&mut section).ok()?;
    let curve = String::decode(&mut section).ok()?;
    let point = Vec::<u8>::decode(&mut section).ok()?;
    let scalar = Zeroizing::new(Vec::<u8>::decode(&mut section).ok()?);
    let comment = String::decode(&mut section).ok()?;
    let EcdsaPublicKey::NistP256(public) = public.key_data().ecdsa()? else { return None };
    if algorithm != "ecdsa-sha2-nistp256" || curve != "nistp256" || point != public.as_bytes() {
        return None;
    }
    let mut padded = Zeroizing::new([0; SCALAR]);
    padded.get_mut(SCALAR.checked_sub(scalar.len())?..)?.copy_from_slice(&scalar);
    let pair = EcdsaKeypair::NistP256 { public: *public, private: (*padded).into() };
    PrivateKey::new(KeypairData::Ecdsa(pair), comment).ok()
}
