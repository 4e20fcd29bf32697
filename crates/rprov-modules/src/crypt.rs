//! Hashes of passwords as crypt(3) and Apache write them.
//!
//! SHA-256 and SHA-512 after Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512" (public domain), MD5 after
//! FreeBSD's `md5crypt`, bcrypt from its crate. Without rounds the numbers are those that passlib uses: 535,000 for
//! SHA-256 and 656,000 for SHA-512.

use md5::Md5;
use sha2::{Digest, Sha256, Sha512};

/// The digits of crypt(3)'s base 64.
pub const DIGITS: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// How many characters a salt has, which are as many as it may have.
///
/// # Errors
/// A text that names the kinds that are known.
pub fn salt_size(kind: &str) -> Result<usize, String> {
    match kind {
        "md5" | "md5_crypt" | "apr_md5_crypt" => Ok(8),
        "blowfish" | "bcrypt" => Ok(22),
        "sha256" | "sha256_crypt" | "sha512" | "sha512_crypt" => Ok(16),
        other => Err(format!("unknown kind '{other}'; known are md5, blowfish (bcrypt), sha256 and sha512")),
    }
}

/// A password's hash in crypt(3) form.
///
/// # Errors
/// A text that says which argument is wrong: the kind, the salt, the rounds.
pub fn hash(
    password: &str,
    kind: &str,
    salt: &str,
    rounds: Option<u32>,
    ident: Option<&str>,
) -> Result<String, String> {
    let longest = salt_size(kind)?;
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
        "md5" | "md5_crypt" => Ok(md5_crypt(password.as_bytes(), salt.as_bytes(), "$1$")),
        "apr_md5_crypt" => Ok(md5_crypt(password.as_bytes(), salt.as_bytes(), "$apr1$")),
        "blowfish" | "bcrypt" => bcrypt_hash(password, salt, within(12, 4, 31)?, ident.unwrap_or("2b")),
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

/// Whether the password is that of a hash; `None` where the hash is of a kind that is not known here.
pub fn verify(password: &str, known: &str) -> Option<bool> {
    let fields: Vec<&str> = known.split('$').collect();
    let again = match fields.as_slice() {
        ["", "1", salt, _] => hash(password, "md5", salt, None, None),
        ["", "apr1", salt, _] => hash(password, "apr_md5_crypt", salt, None, None),
        ["", kind @ ("5" | "6"), rest @ ..] => {
            let kind = if *kind == "5" { "sha256" } else { "sha512" };
            match rest {
                [salt, _] => hash(password, kind, salt, Some(5000), None),
                [rounds, salt, _] => {
                    hash(password, kind, salt, Some(rounds.strip_prefix("rounds=")?.parse().ok()?), None)
                }
                _ => return None,
            }
        }
        ["", "2a" | "2b" | "2y", ..] => return bcrypt::verify(password, known).ok(),
        _ => return None,
    };
    again.ok().map(|again| again == known)
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

/// With `$1$` as FreeBSD has it, with `$apr1$` as Apache.
fn md5_crypt(password: &[u8], salt: &[u8], magic: &str) -> String {
    let alternate = Md5::new().chain_update(password).chain_update(salt).chain_update(password).finalize();
    let mut first = Md5::new().chain_update(password).chain_update(magic).chain_update(salt);
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
    format!("{magic}{}${}", String::from_utf8_lossy(salt), encode(&current, &MD5_ORDER))
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_its_password_alone() {
        let hashed = |kind, salt, rounds| hash("secret", kind, salt, rounds, None).unwrap();
        // The first as `openssl passwd -apr1 -salt abcdefgh secret` prints it.
        assert_eq!(hashed("apr_md5_crypt", "abcdefgh", None), "$apr1$abcdefgh$h9FWgUz3n9YxylKLlR5SQ/");
        for known in [
            hashed("apr_md5_crypt", "abcdefgh", None),
            hashed("md5", "abc", None),
            hashed("sha256", "salt", Some(1000)),
            hashed("sha512", "salt", Some(5000)),
            hashed("bcrypt", "123456789012345678901u", Some(4)),
        ] {
            assert_eq!(verify("secret", &known), Some(true), "{known}");
            assert_eq!(verify("Secret", &known), Some(false), "{known}");
        }
        assert_eq!(verify("secret", "secret"), None);
    }
}
