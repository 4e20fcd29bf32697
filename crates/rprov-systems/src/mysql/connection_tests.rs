//! Handshakes as servers make them, played back.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

const CHALLENGE: &[u8] = b"abcdefghijklmnopqrst";

/// A server that says what was recorded, and keeps what it is told.
struct Recorded {
    says: std::io::Cursor<Vec<u8>>,
    told: Vec<u8>,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.says.read(buffer)
    }
}

impl Write for Recorded {
    fn write(&mut self, buffer: &[u8]) -> std::io::Result<usize> {
        self.told.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const OK: &[u8] = b"\0\0\0\x02\0\0\0";

/// Log in to a server that says these packets; gives what it was told after the first answer.
fn log_in(plugin: &str, password: &str, safe: bool, says: &[&[u8]]) -> (Result<u64, MysqlError>, Vec<Vec<u8>>) {
    let mut wire = Vec::new();
    for (index, payload) in says.iter().enumerate() {
        let mut sequence = 2 + 2 * index as u8;
        // After what only tells something, the server goes on by itself.
        if says.get(..index).unwrap().contains(&&b"\x01\x03"[..]) {
            sequence -= 1;
        }
        packet::write(&mut wire, &mut sequence, payload).unwrap();
    }
    let mut server = Recorded { says: std::io::Cursor::new(wire), told: Vec::new() };
    let greeting = Greeting {
        version: "8.0.36".to_owned(),
        capabilities: u32::MAX,
        challenge: CHALLENGE.to_vec(),
        plugin: plugin.to_owned(),
    };
    let credentials = Credentials { user: "u".to_owned(), password: password.to_owned(), database: None, tls: None };
    let mut sequence = 1;
    let result =
        Login { credentials: &credentials, safe, address: "db:3306" }.run(&mut server, &mut sequence, &greeting);
    let mut told = Vec::new();
    let mut reader = server.told.as_slice();
    let mut number = 1;
    while !reader.is_empty() {
        told.push(packet::read(&mut reader, &mut number).unwrap());
        number += 1;
    }
    told.remove(0);
    (result, told)
}

#[test]
fn a_cached_password_needs_one_proof() {
    let (result, told) = log_in("caching_sha2_password", "secret", false, &[b"\x01\x03", OK]);
    assert_eq!(result.unwrap(), 2);
    assert!(told.is_empty());
}

#[test]
fn a_password_that_is_not_cached_goes_in_the_open_only_where_nobody_listens() {
    let (result, told) = log_in("caching_sha2_password", "secret", true, &[b"\x01\x04", OK]);
    result.unwrap();
    assert_eq!(told, [b"secret\0"]);
    let (result, told) = log_in("caching_sha2_password", "secret", false, &[b"\x01\x04", b"\x01no key"]);
    assert!(result.unwrap_err().to_string().contains("public key"));
    assert_eq!(told, [[2]]);
    let switch = b"\xfemysql_clear_password\0";
    let (result, told) = log_in("mysql_native_password", "secret", false, &[switch]);
    assert!(result.unwrap_err().to_string().contains("only done in TLS"));
    assert!(told.is_empty());
}

#[test]
fn the_server_may_want_another_proof() {
    let switch = b"\xfemysql_native_password\0tsrqponmlkjihgfedcba\0";
    let (result, told) = log_in("caching_sha2_password", "secret", false, &[switch, OK]);
    result.unwrap();
    let Proof::Bytes(expected) = prove("mysql_native_password", "secret", b"tsrqponmlkjihgfedcba") else { panic!() };
    assert_eq!(told, [expected]);
    let (result, _) = log_in("mysql_native_password", "secret", true, &[b"\xfeclient_ed25519\0abc"]);
    assert!(result.unwrap_err().to_string().contains("`client_ed25519`"));
}

#[test]
fn who_is_not_let_in_is_told_what_to_do() {
    let denied = b"\xff\x15\x04#28000Access denied for user 'u'@'localhost' (using password: YES)";
    let (result, _) = log_in("mysql_native_password", "secret", true, &[denied]);
    let error = result.unwrap_err();
    assert_eq!(error.code(), Some(1045));
    let text = error.to_string();
    assert!(text.contains("db:3306: Access denied for user 'u'@'localhost'"), "{text}");
    assert!(text.contains("check `login_user`"), "{text}");
    assert!(!text.contains("secret"), "{text}");
}

#[test]
fn a_server_that_asks_for_ever_is_left() {
    let asks = [&b"\x01\x04"[..]; 17];
    let (result, _) = log_in("caching_sha2_password", "secret", true, &asks);
    assert!(result.unwrap_err().to_string().contains("come to an end"));
}

#[test]
fn a_server_gets_no_file_of_the_host() {
    let mut wire = Vec::new();
    packet::write(&mut wire, &mut 1, b"\xfb/etc/shadow").unwrap();
    let error = read_answer(&mut wire.as_slice(), &mut 1, "select 1").unwrap_err();
    assert!(error.to_string().contains("does not get"), "{error}");
}
