//! How a client proves who it is, by the name of the server's plugin.

use ring::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY as SHA1, SHA256, digest};

/// The proof that a plugin asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Proof {
    /// These bytes.
    Bytes(Vec<u8>),
    /// The password itself, if nobody on the way can read it.
    Password,
    /// This client cannot do it; why, and what to do.
    Unknown(&'static str),
}

/// The first answer to a plugin's challenge.
pub fn prove(plugin: &str, password: &str, challenge: &[u8]) -> Proof {
    let password = password.as_bytes();
    match plugin {
        "mysql_native_password" if password.is_empty() => Proof::Bytes(Vec::new()),
        "mysql_native_password" => Proof::Bytes(native(password, challenge)),
        "caching_sha2_password" if password.is_empty() => Proof::Bytes(Vec::new()),
        "caching_sha2_password" => Proof::Bytes(caching_sha2(password, challenge)),
        "sha256_password" if password.is_empty() => Proof::Bytes(vec![0]),
        // The server knows who is at the other end of the socket.
        "auth_socket" | "unix_socket" => Proof::Bytes(Vec::new()),
        "mysql_clear_password" | "sha256_password" => Proof::Password,
        "mysql_old_password" => {
            Proof::Unknown("whose passwords anybody can break; give the user a password in today's form")
        }
        "client_ed25519" | "dialog" | "auth_gssapi_client" | "authentication_kerberos_client" => Proof::Unknown(
            "which is not supported; let the module log in as a user with mysql_native_password, \
             caching_sha2_password or unix_socket",
        ),
        _ => Proof::Unknown("which is not known; let the module log in as another user"),
    }
}

fn sum(algorithm: &'static Algorithm, parts: &[&[u8]]) -> Vec<u8> {
    digest(algorithm, &parts.concat()).as_ref().to_vec()
}

fn mixed(one: &[u8], other: &[u8]) -> Vec<u8> {
    one.iter().zip(other).map(|(one, other)| one ^ other).collect()
}

fn native(password: &[u8], challenge: &[u8]) -> Vec<u8> {
    let once = sum(&SHA1, &[password]);
    let twice = sum(&SHA1, &[&once]);
    mixed(&once, &sum(&SHA1, &[challenge, &twice]))
}

fn caching_sha2(password: &[u8], challenge: &[u8]) -> Vec<u8> {
    let once = sum(&SHA256, &[password]);
    let twice = sum(&SHA256, &[&once]);
    mixed(&once, &sum(&SHA256, &[&twice, challenge]))
}

/// The password as it is encrypted: with a zero behind it, mixed with the challenge.
pub fn disguised(password: &str, challenge: &[u8]) -> Vec<u8> {
    let mut text = password.as_bytes().to_vec();
    text.push(0);
    if challenge.is_empty() { text } else { mixed(&text, &challenge.repeat(text.len().div_ceil(challenge.len()))) }
}

/// The form in which `mysql_native_password` keeps a password: `*` and 40 digits; empty for an empty password.
pub fn native_hash(password: &str) -> String {
    if password.is_empty() {
        return String::new();
    }
    let twice = sum(&SHA1, &[&sum(&SHA1, &[password.as_bytes()])]);
    std::iter::once("*".to_owned()).chain(twice.iter().map(|byte| format!("{byte:02X}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(proof: Proof) -> String {
        match proof {
            Proof::Bytes(bytes) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            other => panic!("{other:?}"),
        }
    }

    // Calculated with Python's hashlib by the protocol's description.
    #[test]
    fn proofs_are_as_the_protocol_has_them() {
        let challenge = b"abcdefghijklmnopqrst";
        assert_eq!(hex(prove("mysql_native_password", "secret", challenge)), NATIVE);
        assert_eq!(hex(prove("caching_sha2_password", "secret", challenge)), CACHING);
        assert_eq!(prove("caching_sha2_password", "", challenge), Proof::Bytes(Vec::new()));
        assert_eq!(prove("mysql_clear_password", "secret", challenge), Proof::Password);
        assert!(matches!(prove("client_ed25519", "secret", challenge), Proof::Unknown(_)));
    }

    const NATIVE: &str = "8817c50fa779daef010ee7577825b0847df9842e";
    const CACHING: &str = "c76e2898612a4cf042c77fa8c4702c4c64c0c2c557c53c4d75595aaa6abae809";

    #[test]
    fn a_hash_is_as_the_server_keeps_it() {
        assert_eq!(native_hash("root"), "*81F5E21E35407D884A6CD4A731AEBFB6AF209E1B");
        assert_eq!(native_hash(""), "");
    }

    #[test]
    fn the_password_is_mixed_with_the_challenge_as_often_as_it_is_long() {
        assert_eq!(disguised("abc", b"\x01\x02"), [b'a' ^ 1, b'b' ^ 2, b'c' ^ 1, 2]);
        assert_eq!(disguised("abc", b""), b"abc\0");
    }
}
