//! The greeting of a server, and the client's answer to it.

use super::error::MysqlError;
use super::packet::{Fields, push_length};

/// What both sides can do, as bits.
pub mod capability {
    /// Passwords of any length.
    pub const LONG_PASSWORD: u32 = 1;
    /// All flags of a column.
    pub const LONG_FLAG: u32 = 1 << 2;
    /// A database is named in the handshake.
    pub const CONNECT_WITH_DB: u32 = 1 << 3;
    /// The protocol since version 4.1.
    pub const PROTOCOL_41: u32 = 1 << 9;
    /// The connection may change to TLS.
    pub const TLS: u32 = 1 << 11;
    /// The server tells whether a transaction is open.
    pub const TRANSACTIONS: u32 = 1 << 13;
    /// The proof of the 4.1 protocol.
    pub const SECURE_CONNECTION: u32 = 1 << 15;
    /// A statement may give more than one answer.
    pub const MULTI_RESULTS: u32 = 1 << 17;
    /// Ways to prove who one is have names.
    pub const PLUGIN_AUTH: u32 = 1 << 19;
    /// The proof may be longer than 255 bytes.
    pub const PLUGIN_AUTH_LENGTH: u32 = 1 << 21;
}

/// `utf8mb4_general_ci`: what the client speaks, known to every server since 5.5.
const COLLATION: u8 = 45;

/// The longest packet that the client takes, as it tells the server.
const LONGEST: u32 = 1 << 24;

/// What a server says first.
#[derive(Clone, Debug, PartialEq)]
pub struct Greeting {
    /// Its version, as `10.11.6-MariaDB` or `8.0.36`.
    pub version: String,
    /// What it can do.
    pub capabilities: u32,
    /// The challenge, 20 bytes where the server is in order.
    pub challenge: Vec<u8>,
    /// How it would have the client prove who it is.
    pub plugin: String,
}

impl Greeting {
    /// Read it from the first packet.
    ///
    /// # Errors
    /// It is none, or of a protocol that nobody speaks any more.
    pub fn read(packet: &[u8]) -> Result<Self, MysqlError> {
        let mut fields = Fields(packet);
        if fields.byte()? != 10 {
            return Err(MysqlError::Protocol("it does not greet as a MySQL server does; is it one?"));
        }
        let version = String::from_utf8_lossy(fields.terminated()).into_owned();
        fields.bytes(4)?;
        let mut challenge = fields.bytes(8)?.to_vec();
        fields.byte()?;
        let mut capabilities = fields.integer(2)? as u32;
        fields.bytes(3)?;
        capabilities |= (fields.integer(2)? as u32) << 16;
        let length = usize::from(fields.byte()?);
        fields.bytes(10)?;
        if capabilities & capability::SECURE_CONNECTION == 0 {
            return Err(MysqlError::Protocol("the server is older than 4.1, which is not supported"));
        }
        // The rest of the challenge ends with a zero that does not belong to it.
        let rest = fields.bytes(length.saturating_sub(8).max(13).min(fields.0.len().max(12)))?;
        challenge.extend_from_slice(rest.strip_suffix(&[0]).unwrap_or(rest));
        let plugin = if capabilities & capability::PLUGIN_AUTH == 0 {
            "mysql_native_password".to_owned()
        } else {
            String::from_utf8_lossy(fields.terminated()).into_owned()
        };
        // MariaDB hides its version behind one that old replicas understand.
        let version = version.strip_prefix("5.5.5-").map(str::to_owned).unwrap_or(version);
        Ok(Self { version, capabilities, challenge, plugin })
    }
}

/// Who wants to come in.
#[derive(Clone, Copy, Debug)]
pub struct Response<'a> {
    /// What both sides can do.
    pub capabilities: u32,
    /// The user.
    pub user: &'a str,
    /// The proof.
    pub proof: &'a [u8],
    /// The database to use.
    pub database: Option<&'a str>,
    /// How the proof was made.
    pub plugin: &'a str,
}

impl Response<'_> {
    /// The capabilities of a client, as far as the server has them too.
    pub fn capabilities(greeting: &Greeting, tls: bool, database: bool) -> u32 {
        use capability as c;
        let mut wanted = c::LONG_PASSWORD
            | c::LONG_FLAG
            | c::PROTOCOL_41
            | c::TRANSACTIONS
            | c::SECURE_CONNECTION
            | c::MULTI_RESULTS
            | c::PLUGIN_AUTH
            | c::PLUGIN_AUTH_LENGTH;
        if tls {
            wanted |= c::TLS;
        }
        if database {
            wanted |= c::CONNECT_WITH_DB;
        }
        // MariaDB does not set the first of these, which it uses for something else.
        wanted & (greeting.capabilities | c::LONG_PASSWORD)
    }

    /// What asks for TLS: the start of the answer.
    pub fn head(&self) -> Vec<u8> {
        let mut packet = Vec::with_capacity(64);
        packet.extend(self.capabilities.to_le_bytes());
        packet.extend(LONGEST.to_le_bytes());
        packet.push(COLLATION);
        packet.extend([0; 23]);
        packet
    }

    /// The whole answer.
    pub fn packet(&self) -> Vec<u8> {
        let mut packet = self.head();
        packet.extend(self.user.as_bytes());
        packet.push(0);
        if self.capabilities & capability::PLUGIN_AUTH_LENGTH != 0 {
            push_length(&mut packet, self.proof.len());
        } else {
            packet.push(self.proof.len().min(255) as u8);
        }
        packet.extend(self.proof);
        if let (Some(database), true) = (self.database, self.capabilities & capability::CONNECT_WITH_DB != 0) {
            packet.extend(database.as_bytes());
            packet.push(0);
        }
        if self.capabilities & capability::PLUGIN_AUTH != 0 {
            packet.extend(self.plugin.as_bytes());
            packet.push(0);
        }
        packet
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    /// As MariaDB 10.11 sent it.
    const MARIADB: &[u8] = b"\x0a5.5.5-10.11.19-MariaDB-0+deb12u1-log\0\x1e\0\0\0abcdefgh\0\xfe\xf7\x2d\x02\0\xff\x81\
        \x15\0\0\0\0\0\0\x1d\0\0\0ijklmnopqrst\0mysql_native_password\0";

    /// As MySQL 8.0 sends it.
    const MYSQL: &[u8] = b"\x0a8.0.36\0\x0b\0\0\0ABCDEFGH\0\xff\xff\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0\
        IJKLMNOPQRST\0caching_sha2_password\0";

    #[test]
    fn greetings_of_both_servers_are_read() {
        let greeting = Greeting::read(MARIADB).unwrap();
        assert_eq!(greeting.version, "10.11.19-MariaDB-0+deb12u1-log");
        assert_eq!(greeting.challenge, b"abcdefghijklmnopqrst");
        assert_eq!(greeting.plugin, "mysql_native_password");
        assert_eq!(greeting.capabilities & capability::TLS, 0);
        let greeting = Greeting::read(MYSQL).unwrap();
        assert_eq!(greeting.version, "8.0.36");
        assert_eq!(greeting.challenge, b"ABCDEFGHIJKLMNOPQRST");
        assert_eq!(greeting.plugin, "caching_sha2_password");
        assert_ne!(greeting.capabilities & capability::TLS, 0);
    }

    #[test]
    fn what_is_cut_short_or_something_else_is_refused() {
        for end in 0..46 {
            assert!(Greeting::read(MYSQL.get(..end).unwrap()).is_err(), "{end} bytes");
        }
        let error = Greeting::read(b"SSH-2.0-OpenSSH_9.2").unwrap_err();
        assert!(error.to_string().contains("is it one?"), "{error}");
    }

    #[test]
    fn the_answer_has_its_parts_in_order() {
        let greeting = Greeting::read(MYSQL).unwrap();
        let capabilities = Response::capabilities(&greeting, false, true);
        let response = Response { capabilities, user: "u", proof: b"pp", database: Some("d"), plugin: "x" };
        let packet = response.packet();
        assert_eq!(packet.get(32..).unwrap(), b"u\0\x02ppd\0x\0");
        assert_eq!(packet.get(8), Some(&45));
        assert_eq!(capabilities & capability::TLS, 0);
    }
}
