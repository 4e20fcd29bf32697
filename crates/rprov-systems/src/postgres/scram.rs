//! SCRAM-SHA-256, by which a client and a server prove to each other that they know a password.
//!
//! RFC 5802 and RFC 7677. A password is taken as it is: characters that SASLprep would change are not changed.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};
use ring::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use ring::rand::{SecureRandom, SystemRandom};

/// More rounds would only keep the client busy; servers ask for 4096.
const MOST_ROUNDS: u32 = 1_000_000;

/// The client's half of the exchange.
#[derive(Debug)]
pub struct Scram {
    nonce: String,
    expected: Vec<u8>,
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), text).as_ref().to_vec()
}

/// The key that a password and a salt make.
pub fn salted(password: &str, salt: &[u8], rounds: NonZeroU32) -> [u8; 32] {
    let mut key = [0; 32];
    derive(PBKDF2_HMAC_SHA256, rounds, salt, password.as_bytes(), &mut key);
    key
}

/// What the server keeps of a password: its own key and the sum of the client's.
pub fn verifier(key: &[u8]) -> (Vec<u8>, Vec<u8>) {
    (hmac(key, b"Server Key"), digest(&SHA256, &hmac(key, b"Client Key")).as_ref().to_vec())
}

/// What a server keeps of a password, with a new salt.
///
/// # Errors
/// The system has no random numbers.
pub fn keep(password: &str) -> Result<String, &'static str> {
    let mut salt = [0; 16];
    SystemRandom::new().fill(&mut salt).map_err(|_| "the system has no random numbers")?;
    let rounds = NonZeroU32::new(4096).unwrap_or(NonZeroU32::MIN);
    let (server, stored) = verifier(&salted(password, &salt, rounds));
    let [salt, stored, server] = [STANDARD.encode(salt), STANDARD.encode(stored), STANDARD.encode(server)];
    Ok(format!("SCRAM-SHA-256${rounds}:{salt}${stored}:{server}"))
}

/// Whether what a server keeps (`SCRAM-SHA-256$4096:salt$stored:server`) is of this password; `None` if it is of another
/// kind.
pub fn is_kept(kept: &str, password: &str) -> Option<bool> {
    let (parameters, keys) = kept.strip_prefix("SCRAM-SHA-256$")?.split_once('$')?;
    let (rounds, salt) = parameters.split_once(':')?;
    let rounds = NonZeroU32::new(rounds.parse().ok().filter(|rounds| *rounds <= MOST_ROUNDS)?)?;
    let salt = STANDARD.decode(salt).ok()?;
    let (server, stored) = verifier(&salted(password, &salt, rounds));
    Some(keys == format!("{}:{}", STANDARD.encode(stored), STANDARD.encode(server)))
}

impl Scram {
    /// Begin, with a nonce that nobody has used.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn begin() -> Result<Self, &'static str> {
        let mut random = [0; 18];
        SystemRandom::new().fill(&mut random).map_err(|_| "the system has no random numbers")?;
        Ok(Self { nonce: STANDARD.encode(random), expected: Vec::new() })
    }

    /// The client's first message. The server knows the user already.
    pub fn first(&self) -> String {
        format!("n,,n=,r={}", self.nonce)
    }

    /// The client's answer to the server's first message.
    ///
    /// # Errors
    /// It is none, or not an answer to this client.
    pub fn answer(&mut self, server: &str, password: &str) -> Result<String, &'static str> {
        let field = |name: &str| server.split(',').find_map(|part| part.strip_prefix(name));
        let nonce = field("r=").filter(|nonce| nonce.starts_with(&self.nonce) && nonce.len() > self.nonce.len());
        let nonce = nonce.ok_or("its SCRAM message is no answer to this client")?;
        let salt = field("s=").and_then(|salt| STANDARD.decode(salt).ok()).ok_or("its SCRAM message has no salt")?;
        let rounds = field("i=").and_then(|rounds| rounds.parse().ok()).filter(|rounds| *rounds <= MOST_ROUNDS);
        let rounds = rounds.and_then(NonZeroU32::new).ok_or("its SCRAM message has no number of rounds that can be")?;
        let key = salted(password, &salt, rounds);
        let proofless = format!("c=biws,r={nonce}");
        let all = format!("n=,r={},{server},{proofless}", self.nonce);
        let client = hmac(&key, b"Client Key");
        let stored = digest(&SHA256, &client);
        let signature = hmac(stored.as_ref(), all.as_bytes());
        let proof: Vec<u8> = client.iter().zip(&signature).map(|(one, other)| one ^ other).collect();
        self.expected = hmac(&hmac(&key, b"Server Key"), all.as_bytes());
        Ok(format!("{proofless},p={}", STANDARD.encode(proof)))
    }

    /// Whether the server's last message proves that it knows the password too.
    pub fn proves(&self, server: &str) -> bool {
        let proof = server.strip_prefix("v=").and_then(|proof| STANDARD.decode(proof).ok());
        !self.expected.is_empty() && proof.is_some_and(|proof| proof == self.expected)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    // The exchange of RFC 7677, but for the user's name, which is not sent.
    #[test]
    fn an_exchange_goes_as_the_standard_has_it() {
        let mut scram = Scram { nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(), expected: Vec::new() };
        let server = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
        let answer = scram.answer(server, "pencil").unwrap();
        assert!(answer.starts_with("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="), "{answer}");
        assert!(!scram.proves("v=AAAA") && !scram.proves("e=other-error"));
        let right = format!("v={}", STANDARD.encode(&scram.expected));
        assert!(scram.proves(&right));
        assert!(scram.answer("r=other,s=AA==,i=1", "pencil").is_err());
        let busy = "r=rOprNGfwEbeRWgbNEkqOx,s=AA==,i=4000000000";
        assert!(scram.answer(busy, "pencil").is_err());
    }

    #[test]
    fn what_a_server_keeps_is_known_again() {
        // As PostgreSQL 15 kept `secret`.
        let salt = b"0123456789abcdef";
        let (server, stored) = verifier(&salted("secret", salt, NonZeroU32::new(4096).unwrap()));
        let kept = format!(
            "SCRAM-SHA-256$4096:{}${}:{}",
            STANDARD.encode(salt),
            STANDARD.encode(stored),
            STANDARD.encode(server)
        );
        assert_eq!(is_kept(&kept, "secret"), Some(true));
        assert_eq!(is_kept(&kept, "other"), Some(false));
        assert_eq!(is_kept("md5abc", "secret"), None);
    }
}
