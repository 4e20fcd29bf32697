//! SCRAM, by which a client and a server prove to each other that they know a password.
//!
//! RFC 5802 and RFC 7677. A password is taken as it is: characters that SASLprep would change are not changed.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::rand::{SecureRandom, SystemRandom};
use ring::{digest, hmac, pbkdf2};

/// More rounds would only keep the client busy; servers ask for 4096 to 15000.
pub const MOST_ROUNDS: u32 = 1_000_000;

/// The checksum that all is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sum {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Sum {
    fn hmac(self, key: &[u8], text: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Sum::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Sum::Sha256 => hmac::HMAC_SHA256,
        };
        hmac::sign(&hmac::Key::new(algorithm, key), text).as_ref().to_vec()
    }

    fn of(self, bytes: &[u8]) -> Vec<u8> {
        let algorithm = match self {
            Sum::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Sum::Sha256 => &digest::SHA256,
        };
        digest::digest(algorithm, bytes).as_ref().to_vec()
    }

    /// The key that a password and a salt make.
    pub fn salted(self, password: &str, salt: &[u8], rounds: NonZeroU32) -> Vec<u8> {
        let (algorithm, length) = match self {
            Sum::Sha1 => (pbkdf2::PBKDF2_HMAC_SHA1, 20),
            Sum::Sha256 => (pbkdf2::PBKDF2_HMAC_SHA256, 32),
        };
        let mut key = vec![0; length];
        pbkdf2::derive(algorithm, rounds, salt, password.as_bytes(), &mut key);
        key
    }

    /// What the server keeps of a password: its own key and the sum of the client's.
    pub fn verifier(self, key: &[u8]) -> (Vec<u8>, Vec<u8>) {
        (self.hmac(key, b"Server Key"), self.of(&self.hmac(key, b"Client Key")))
    }

    /// The server's half: whether the client's proof is that of whoever made the verifier, and the server's own proof.
    pub fn check(self, verifier: &(Vec<u8>, Vec<u8>), exchanged: &str, proof: &[u8]) -> Option<Vec<u8>> {
        let (server, stored) = verifier;
        let key: Vec<u8> =
            proof.iter().zip(self.hmac(stored, exchanged.as_bytes())).map(|(one, other)| one ^ other).collect();
        (proof.len() == stored.len() && self.of(&key) == *stored).then(|| self.hmac(server, exchanged.as_bytes()))
    }
}

/// Text that nobody can guess.
///
/// # Errors
/// The system has no random numbers.
pub fn random() -> Result<String, &'static str> {
    let mut random = [0; 18];
    SystemRandom::new().fill(&mut random).map_err(|_| "the system has no random numbers")?;
    Ok(STANDARD.encode(random))
}

/// The client's half of the exchange.
#[derive(Debug)]
pub struct Scram {
    sum: Sum,
    /// As it travels.
    user: String,
    nonce: String,
    expected: Vec<u8>,
}

impl Scram {
    /// Begin, with a nonce that nobody has used. The user is empty where the server knows it already.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn begin(sum: Sum, user: &str) -> Result<Self, &'static str> {
        Ok(Self::with_nonce(sum, user, random()?))
    }

    fn with_nonce(sum: Sum, user: &str, nonce: String) -> Self {
        let user = user.replace('=', "=3D").replace(',', "=2C");
        Self { sum, user, nonce, expected: Vec::new() }
    }

    /// The client's first message.
    pub fn first(&self) -> String {
        format!("n,,n={},r={}", self.user, self.nonce)
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
        let sum = self.sum;
        let key = sum.salted(password, &salt, rounds);
        let proofless = format!("c=biws,r={nonce}");
        let all = format!("n={},r={},{server},{proofless}", self.user, self.nonce);
        let client = sum.hmac(&key, b"Client Key");
        let signature = sum.hmac(&sum.of(&client), all.as_bytes());
        let proof: Vec<u8> = client.iter().zip(&signature).map(|(one, other)| one ^ other).collect();
        self.expected = sum.hmac(&sum.hmac(&key, b"Server Key"), all.as_bytes());
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

    /// An exchange of the standard: user, nonce, server's message, client's proof, server's proof.
    fn goes(sum: Sum, nonce: &str, server: &str, proof: &str, last: &str) {
        let mut scram = Scram::with_nonce(sum, "user", nonce.to_owned());
        assert_eq!(scram.first(), format!("n,,n=user,r={nonce}"));
        let answer = scram.answer(server, "pencil").unwrap();
        let (proofless, given) = answer.split_once(",p=").unwrap();
        assert_eq!(given, proof);
        assert!(scram.proves(last) && !scram.proves("v=AAAA") && !scram.proves("e=other-error"));
        let salt = STANDARD.decode(server.split(",s=").nth(1).unwrap().split(',').next().unwrap()).unwrap();
        let verifier = sum.verifier(&sum.salted("pencil", &salt, NonZeroU32::new(4096).unwrap()));
        let all = format!("n=user,r={nonce},{server},{proofless}");
        let checked = sum.check(&verifier, &all, &STANDARD.decode(proof).unwrap());
        assert_eq!(format!("v={}", STANDARD.encode(checked.unwrap())), last);
        assert_eq!(sum.check(&verifier, &all, b"other"), None);
    }

    #[test]
    fn exchanges_go_as_the_standards_have_them() {
        goes(
            Sum::Sha1,
            "fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        );
        goes(
            Sum::Sha256,
            "rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        );
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        let mut scram = Scram::with_nonce(Sum::Sha256, "a=b,c", "nonce".to_owned());
        assert_eq!(scram.first(), "n,,n=a=3Db=2Cc,r=nonce");
        for server in ["r=other,s=AA==,i=1", "r=nonce,s=AA==,i=1", "r=noncex,s=AA==,i=4000000000", "r=noncex,i=1", ""] {
            assert!(scram.answer(server, "pencil").is_err(), "{server}");
        }
        assert!(!scram.proves("v="));
    }
}
