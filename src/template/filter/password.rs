//! `password_hash`: crypt(3) hashes for `/etc/shadow`.
//!
//! Without `rounds` the numbers are those that passlib uses, as Ansible documents them: 535,000 for SHA-256 and 656,000
//! for SHA-512.

use minijinja::{Error, State, Value};
use rprov_modules::crypt;

use super::call::{Call, Run};
use super::python::{fail, int_argument, text, text_argument};
use super::random::Generator;

pub(super) const FILTERS: &[(&str, Run)] = &[("password_hash", password_hash)];

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
    let default_size = crypt::salt_size(kind)?;
    let salt = match salt {
        Some(salt) => salt.to_owned(),
        None => {
            let mut generator = Generator::System;
            let size = salt_size.unwrap_or(default_size);
            (0..size).filter_map(|_| generator.choose(crypt::DIGITS).map(|digit| char::from(*digit))).collect()
        }
    };
    crypt::hash(password, kind, &salt, rounds, ident)
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
