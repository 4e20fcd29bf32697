//! `password_hash`: crypt(3) hashes for `/etc/shadow`.
//!
//! SHA-256 and SHA-512 after Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512" (public domain), MD5 after
//! FreeBSD's `md5crypt`, bcrypt from its crate. Without `rounds` the numbers are those that passlib uses, as Ansible
//! documents them: 535,000 for SHA-256 and 656,000 for SHA-512.

use md5::Md5;
use minijinja::{Error, State, Value};
use sha2::{Digest, Sha256, Sha512};

use super::call::{Call, Run};
use super::python::{fail, int_argument, text, text_argument};
use super::random::Generator;

pub(super) const FILTERS: &[(&str, Run)] = &[("password_hash", password_hash)];

/// The digits of crypt(3)'s base 64.
const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

fn password_hash(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [password, kind, salt, salt_size, rounds, ident] =
        call.bind(["password", "hashtype", "salt", "salt_size", "rounds", "ident"], 1)?;
    let given = |value: Option<Value>| value.filter(|value| !value.is_none());
    let password = text(&password.unwrap_or_default())?;
    let salt_size = match given(salt_size) {
        Some(size) => Some(usize::try_from(int_argument(Some(&size), "salt_size", 0)?).unwrap_or_default()),
        None => None,
    };
    let rounds = match given(rounds) {
        Some(rounds) => Some(u32::try_from(int_argument(Some(&rounds), "rounds", 0)?).unwrap_or_default()),
        None => None,
    };
    let salt = given(salt).map(|salt| text(&salt)).transpose()?;
    let ident = given(ident).map(|ident| text(&ident)).transpose()?;
    hash(&password, &text_argument(kind.as_ref(), "sha512")?, salt.as_deref(), salt_size, rounds, ident.as_deref())
        .map(Value::from)
        .map_err(|message| call.fail(message))
}

/// A password's hash in crypt(3) form.
///
/// # Errors
///
/// A text that says which argument is wrong: the kind, the salt, the rounds.
pub(crate) fn hash(
    password: &str,
    kind: &str,
    salt: Option<&str>,
    salt_size: Option<usize>,
    rounds: Option<u32>,
    ident: Option<&str>,
) -> Result<String, String> {
    let (longest, default_size) = match kind {
        "md5" | "md5_crypt" => (8, 8),
        "blowfish" | "bcrypt" => (22, 22),
        "sha256" | "sha256_crypt" | "sha512" | "sha512_crypt" => (16, 16),
        other => {
            return Err(format!("unknown kind '{other}'; known are md5, blowfish (bcrypt), sha256 and sha512"));
        }
    };
    let salt = match salt {
        Some(salt) => salt.to_owned(),
        None => {
            let mut generator = Generator::System;
            let size = salt_size.unwrap_or(default_size);
            (0..size).filter_map(|_| generator.choose(DIGITS).map(|digit| char::from(*digit))).collect()
        }
    };
    if let Some(wrong) = salt.chars().find(|character| !character.is_ascii() || !DIGITS.contains(&(*character as u8))) {
        return Err(format!("the salt may have letters, digits, '.' and '/' only, but has '{wrong}'"));
    }
    if salt.len() > longest {
        return Err(format!("the salt may have {longest} characters at most, but has {}", salt.len()));
    }
    let within = |default: u32, least: u32, most: u32| match rounds {
        Some(rounds) if rounds < least || rounds > most => {
            Err(format!("rounds must be from {least} to {most}, got {rounds}"))
        }
        rounds => Ok(rounds.unwrap_or(default)),
    };
    match kind {
        "md5" | "md5_crypt" => Ok(md5_crypt(password.as_bytes(), salt.as_bytes())),
        "blowfish" | "bcrypt" => bcrypt_hash(password, &salt, within(12, 4, 31)?, ident.unwrap_or("2b")),
        "sha256" | "sha256_crypt" => {
            let rounds = within(535_000, 1000, 999_999_999)?;
            let raw = sha_crypt::<Sha256>(password.as_bytes(), salt.as_bytes(), rounds);
            Ok(format!("$5${}{salt}${}", rounds_part(rounds), encode(&raw, &SHA256_ORDER)))
        }
        _ => {
            let rounds = within(656_000, 1000, 999_999_999)?;
            let raw = sha_crypt::<Sha512>(password.as_bytes(), salt.as_bytes(), rounds);
            Ok(format!("$6${}{salt}${}", rounds_part(rounds), encode(&raw, &SHA512_ORDER)))
        }
    }
}

/// 5000 rounds are what a hash without the field means.
fn rounds_part(rounds: u32) -> String {
    if rounds == 5000 { String::new() } else { format!("rounds={rounds}$") }
}

/// Bytes of the digest by position, three to a group, most significant first; `None` is a zero.
type Order = [[Option<usize>; 3]];

const fn three(a: usize, b: usize, c: usize) -> [Option<usize>; 3] {
    [Some(a), Some(b), Some(c)]
}

const SHA512_ORDER: [[Option<usize>; 3]; 22] = [
    three(0, 21, 42),
    three(22, 43, 1),
    three(44, 2, 23),
    three(3, 24, 45),
    three(25, 46, 4),
    three(47, 5, 26),
    three(6, 27, 48),
    three(28, 49, 7),
    three(50, 8, 29),
    three(9, 30, 51),
    three(31, 52, 10),
    three(53, 11, 32),
    three(12, 33, 54),
    three(34, 55, 13),
    three(56, 14, 35),
    three(15, 36, 57),
    three(37, 58, 16),
    three(59, 17, 38),
    three(18, 39, 60),
    three(40, 61, 19),
    three(62, 20, 41),
    [None, None, Some(63)],
];

const SHA256_ORDER: [[Option<usize>; 3]; 11] = [
    three(0, 10, 20),
    three(21, 1, 11),
    three(12, 22, 2),
    three(3, 13, 23),
    three(24, 4, 14),
    three(15, 25, 5),
    three(6, 16, 26),
    three(27, 7, 17),
    three(18, 28, 8),
    three(9, 19, 29),
    [None, Some(31), Some(30)],
];

const MD5_ORDER: [[Option<usize>; 3]; 6] =
    [three(0, 6, 12), three(1, 7, 13), three(2, 8, 14), three(3, 9, 15), three(4, 10, 5), [None, None, Some(11)]];

fn encode(raw: &[u8], order: &Order) -> String {
    let mut out = String::new();
    for group in order {
        let mut word = 0_u32;
        let mut bytes = 0;
        for position in group {
            let byte = position.and_then(|position| raw.get(position).copied());
            bytes += usize::from(byte.is_some());
            word = (word << 8) | u32::from(byte.unwrap_or_default());
        }
        let digits = match bytes {
            3 => 4,
            2 => 3,
            _ => 2,
        };
        for _ in 0..digits {
            if let Some(digit) = DIGITS.get((word & 0x3f) as usize) {
                out.push(char::from(*digit));
            }
            word >>= 6;
        }
    }
    out
}

/// `length` bytes from a block repeated.
fn repeated(block: &[u8], length: usize) -> Vec<u8> {
    block.iter().copied().cycle().take(length).collect()
}

fn sha_crypt<D: Digest>(password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
    let alternate = D::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = D::new().chain_update(password).chain_update(salt);
    first.update(repeated(&alternate, password.len()));
    let mut length = password.len();
    while length > 0 {
        if length & 1 == 1 {
            first.update(&alternate);
        } else {
            first.update(password);
        }
        length >>= 1;
    }
    let mut current = first.finalize().to_vec();
    let mut of_password = D::new();
    for _ in 0..password.len() {
        of_password.update(password);
    }
    let password_part = repeated(&of_password.finalize(), password.len());
    let mut of_salt = D::new();
    for _ in 0..16 + usize::from(current.first().copied().unwrap_or_default()) {
        of_salt.update(salt);
    }
    let salt_part = repeated(&of_salt.finalize(), salt.len());
    for round in 0..rounds {
        let mut digest = D::new();
        digest.update(if round % 2 == 1 { &password_part } else { &current });
        if round % 3 != 0 {
            digest.update(&salt_part);
        }
        if round % 7 != 0 {
            digest.update(&password_part);
        }
        digest.update(if round % 2 == 1 { &current } else { &password_part });
        current = digest.finalize().to_vec();
    }
    current
}

fn md5_crypt(password: &[u8], salt: &[u8]) -> String {
    let alternate = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(b"$1$").chain_update(salt);
    first.update(repeated(&alternate, password.len()));
    let mut length = password.len();
    while length > 0 {
        if length & 1 == 1 {
            first.update([0]);
        } else {
            first.update(password.get(..1).unwrap_or_default());
        }
        length >>= 1;
    }
    let mut current = first.finalize().to_vec();
    for round in 0..1000 {
        let mut digest = Md5::new();
        digest.update(if round % 2 == 1 { password } else { &current });
        if round % 3 != 0 {
            digest.update(salt);
        }
        if round % 7 != 0 {
            digest.update(password);
        }
        digest.update(if round % 2 == 1 { &current } else { password });
        current = digest.finalize().to_vec();
    }
    format!("$1${}${}", String::from_utf8_lossy(salt), encode(&current, &MD5_ORDER))
}

fn bcrypt_hash(password: &str, salt: &str, cost: u32, ident: &str) -> Result<String, String> {
    let version = match ident.trim_matches('$') {
        "2" | "2a" => bcrypt::Version::TwoA,
        "2y" => bcrypt::Version::TwoY,
        "2b" => bcrypt::Version::TwoB,
        other => return Err(format!("unknown ident '{other}'; known are 2a, 2b and 2y")),
    };
    if salt.len() != 22 {
        return Err(format!("the salt of bcrypt must have 22 characters, but has {}", salt.len()));
    }
    // bcrypt's own base 64 has the digits in another order than crypt(3)'s.
    const ORDER: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut bytes = Vec::new();
    let (mut word, mut bits) = (0_u32, 0);
    for character in salt.bytes() {
        let digit = ORDER.iter().position(|known| *known == character).unwrap_or_default();
        word = ((word << 6) | digit as u32) & 0xffff;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits) as u8);
        }
    }
    let salt: [u8; 16] = bytes.try_into().map_err(|_| "the salt is not 16 bytes".to_owned())?;
    let parts = bcrypt::hash_with_salt(password, cost, salt).map_err(|error| error.to_string())?;
    Ok(parts.format_for_version(version))
}

/// A failure of `hash` for a lookup.
pub(crate) fn failure(message: &str) -> Error {
    fail(format!("could not hash the password: {message}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    // Expected hashes: libxcrypt 4.4 (`perl -e 'print crypt(...)'`).
    #[test]
    fn hashes_are_those_of_crypt() {
        let hashed = |kind, salt, rounds, ident| hash("secret", kind, Some(salt), None, rounds, ident).unwrap();
        assert_eq!(
            hashed("sha512", "mysalt", Some(5000), None),
            "$6$mysalt$UX6P1VKOf6dr0s2pg4pLNvIUB6hLXvP6M5f/Yj9hJgMPdAJ4oArvk5YUD9/XWtk1JOpVwt/JTsczMJr8sFVML1"
        );
        assert_eq!(
            hashed("sha256", "saltsalt", Some(1000), None),
            "$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2"
        );
        assert_eq!(hashed("md5", "abcdefgh", None, None), "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1");
        assert_eq!(
            hashed("blowfish", "123456789012345678901.", Some(5), None),
            "$2b$05$123456789012345678901.2seqfz3h.xr9pZea7i7bRIUNs0fWWDq"
        );
        assert_eq!(
            hashed("bcrypt", "123456789012345678901u", Some(5), Some("2y")),
            "$2y$05$123456789012345678901u.97m5mwuxOR3RvRKYm9sasohx5Mnzwq"
        );
        let long = "sécret und länger als sechzehn Zeichen, ja sogar als 64 Bytes ......";
        assert_eq!(
            hash(long, "sha512", Some("abc"), None, Some(1234), None).unwrap(),
            "$6$rounds=1234$abc$aancE1tvs121Y2y8pnGqFrh8506e47yft7QCbvk8vGOFQULnzE6uYkFFKSuHyGjACru/JD8DELPfkuVep3EDe/"
        );
    }

    #[test]
    fn without_salt_and_rounds_passlibs_numbers_are_used() {
        let made = hash("secret", "sha256", None, None, None, None).unwrap();
        assert!(made.starts_with("$5$rounds=535000$"), "{made}");
        assert_eq!(made.split('$').nth(3).map(str::len), Some(16), "{made}");
    }

    #[test]
    fn what_can_not_be_hashed_is_refused() {
        assert!(hash("a", "sha512", Some("bad salt!"), None, None, None).is_err());
        assert!(hash("a", "sha512", Some("abcdefghijklmnopq"), None, None, None).is_err());
        assert!(hash("a", "sha512", Some("abc"), None, Some(10), None).is_err());
        assert!(hash("a", "nope", Some("abc"), None, None, None).is_err());
        assert!(hash("a", "bcrypt", Some("abc"), None, None, None).is_err());
    }
}
