//! What a PostgreSQL server keeps of a password: `SCRAM-SHA-256$4096:salt$stored:server`.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};

use crate::scram::{MOST_ROUNDS, Sum};

/// What a server keeps of a password, with a new salt.
///
/// # Errors
/// The system has no random numbers.
pub fn keep(password: &str) -> Result<String, &'static str> {
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| "the system has no random numbers")?;
    let rounds = NonZeroU32::new(4096).unwrap_or(NonZeroU32::MIN);
    let (server, stored) = Sum::Sha256.verifier(&Sum::Sha256.salted(password, &salt, rounds));
    let [salt, stored, server] = [&salt[..], &stored, &server].map(|bytes| STANDARD.encode(bytes));
    Ok(format!("SCRAM-SHA-256${rounds}:{salt}${stored}:{server}"))
}

/// Whether what a server keeps is of this password; `None` if it is of another kind.
pub fn is_kept(kept: &str, password: &str) -> Option<bool> {
    let (parameters, keys) = kept.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
    let (rounds, salt) = parameters.split_once(':')?;
    let rounds = NonZeroU32::new(rounds.parse().ok().filter(|rounds| *rounds <= MOST_ROUNDS)?)?;
    let salt = STANDARD.decode(salt).ok()?;
    let (server, stored) = Sum::Sha256.verifier(&Sum::Sha256.salted(password, &salt, rounds));
    Some(keys == format!("{}:{}", STANDARD.encode(stored), STANDARD.encode(server)))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_keeps_is_known_again() {
        // As PostgreSQL 15 kept `secret`.
        let salt = b"0123456789abcdef";
        let key = Sum::Sha256.salted("secret", salt, NonZeroU32::new(4096).unwrap());
        let (server, stored) = Sum::Sha256.verifier(&key);
        let kept = format!(
            "SCRAM-SHA-256$4096:{}${}:{}",
            STANDARD.encode(salt),
            STANDARD.encode(stored),
            STANDARD.encode(server)
        );
        assert_eq!(is_kept(&kept, "secret"), Some(true));
        assert_eq!(is_kept(&kept, "other"), Some(false));
        assert_eq!(is_kept("md5abc", "secret"), None);
        assert_eq!(is_kept(&keep("secret").unwrap(), "secret"), Some(true));
    }
}
