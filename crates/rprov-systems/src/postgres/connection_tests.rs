//! Sessions as servers make them, played back.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

/// A server that says what was recorded, and keeps what it is told.
struct Recorded {
    says: io::Cursor<Vec<u8>>,
    told: Vec<u8>,
}

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.says.read(buffer)
    }
}

impl Write for Recorded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.told.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn server(says: &[(u8, &[u8])]) -> Recorded {
    let mut wire = Vec::new();
    for (kind, body) in says {
        message::write(&mut wire, Some(*kind), body).unwrap();
    }
    Recorded { says: io::Cursor::new(wire), told: Vec::new() }
}

fn enter(says: &[(u8, &[u8])], password: &str, safe: bool) -> (Result<(), PostgresError>, String) {
    let mut server = server(says);
    let password = Some(password.to_owned());
    let credentials = Credentials { user: "u".to_owned(), password, parameters: Vec::new() };
    let result = log_in(&mut server, &credentials, safe, "db:5432");
    (result, String::from_utf8_lossy(&server.told).into_owned())
}

const LET_IN: (u8, &[u8]) = (b'R', b"\0\0\0\0");
const READY: (u8, &[u8]) = (b'Z', b"I");

#[test]
fn a_password_goes_in_the_open_only_where_nobody_listens() {
    let asks = [(b'R', &b"\0\0\0\x03"[..]), LET_IN, READY];
    let (result, told) = enter(&asks, "secret", true);
    result.unwrap();
    assert!(told.ends_with("secret\0"));
    let (result, told) = enter(&asks, "secret", false);
    assert!(result.unwrap_err().to_string().contains("ssl_mode: require"));
    assert!(!told.contains("secret"));
    let (result, _) = enter(&asks, "", true);
    assert!(result.unwrap_err().to_string().contains("set `login_password`"));
}

#[test]
fn md5_is_made_of_password_user_and_salt() {
    let (result, told) = enter(&[(b'R', b"\0\0\0\x05salt"), LET_IN, READY], "secret", false);
    result.unwrap();
    // Calculated with Python's hashlib.
    assert!(told.ends_with(&format!("md5{}\0", md5(&[md5(&[b"secret", b"u"]).as_bytes(), b"salt"]))), "{told}");
}

#[test]
fn a_server_that_proves_nothing_is_left() {
    let (result, told) = enter(&[(b'R', b"\0\0\0\x0aSCRAM-SHA-256\0\0"), LET_IN, READY], "secret", false);
    assert!(result.unwrap_err().to_string().contains("does not prove"));
    assert!(told.contains("SCRAM-SHA-256") && !told.contains("secret"));
    let (result, _) = enter(&[(b'R', b"\0\0\0\x07")], "secret", false);
    assert!(result.unwrap_err().to_string().contains("GSSAPI"));
}

#[test]
fn who_is_not_let_in_is_told_what_to_do() {
    let refusal = b"SFATAL\0C28000\0MPeer authentication failed for user \"postgres\"\0\0";
    let (result, _) = enter(&[(b'E', refusal)], "secret", true);
    let text = result.unwrap_err().to_string();
    assert!(text.contains("db:5432: Peer authentication failed") && text.contains("become_user: postgres"), "{text}");
}

#[test]
fn answers_are_read_up_to_the_end_of_a_refusal() {
    let mut good = server(&[(b'N', b"SNOTICE\0\0"), (b'C', b"CREATE TABLE\0"), (b'C', b"INSERT 0 2\0"), READY]);
    let answers = read_answers(&mut good, "x").unwrap();
    assert_eq!(answers.iter().map(Answer::count).collect::<Vec<_>>(), [0, 2]);
    let mut bad = server(&[(b'E', b"C42601\0Msyntax error\0\0"), READY]);
    let error = read_answers(&mut bad, "SELECT FROM").unwrap_err();
    assert_eq!(error.to_string(), "Cannot execute SQL `SELECT FROM`: syntax error (42601)");
    let mut copy = server(&[(b'G', b"\0\0\0"), (b'E', b"C57014\0Mcanceled\0\0"), READY]);
    assert!(read_answers(&mut copy, "COPY t FROM STDIN").is_err());
    assert_eq!(copy.told.first(), Some(&b'f'));
}
