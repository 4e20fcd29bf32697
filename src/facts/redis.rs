//! `fact_caching = redis`: a Redis database, with the keys that community.general's plugin uses. A sorted set of the hosts
//! with the time at which they were written tells which are not too old.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use redis::{Client, Commands as _, Connection, ConnectionAddr, IntoConnectionInfo as _, RedisConnectionInfo};

use crate::source::Diagnostic;

/// A server may take so long to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to the database.
pub(super) struct Database {
    connection: Mutex<Connection>,
    prefix: String,
    keys: String,
    age: Option<Duration>,
    /// The server, without the password.
    shown: String,
}

impl std::fmt::Debug for Database {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Database").field("server", &self.shown).finish_non_exhaustive()
    }
}

/// `HOST:PORT:DATABASE[:PASSWORD]`, with `tls://` before it for an encrypted connection.
struct Address<'a> {
    host: &'a str,
    port: u16,
    database: i64,
    password: Option<&'a str>,
    tls: bool,
}

impl<'a> Address<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (tls, text) = match text.strip_prefix("tls://") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (host, rest) = match text.strip_prefix('[') {
            Some(inner) => {
                let (host, rest) = inner.split_once(']')?;
                (host, rest.strip_prefix(':')?)
            }
            None => text.split_once(':')?,
        };
        let mut parts = rest.splitn(3, ':');
        let port = parts.next()?.parse().ok()?;
        let database = parts.next()?.parse().ok()?;
        let password = parts.next().filter(|password| !password.is_empty());
        (!host.is_empty()).then_some(Self { host, port, database, password, tls })
    }
}

impl Database {
    /// Connect.
    ///
    /// # Errors
    /// The address is none, or the server does not answer.
    pub(super) fn open(address: &str, prefix: String, keys: String, age: Option<Duration>) -> Result<Self, Diagnostic> {
        let Some(address) = Address::parse(address) else {
            return Err(Diagnostic::error("`fact_caching_connection` is not the address of a Redis server")
                .hint("write `HOST:PORT:DATABASE` or `HOST:PORT:DATABASE:PASSWORD`, as in `localhost:6379:0`"));
        };
        let shown = format!("{}:{}:{}", address.host, address.port, address.database);
        let host = address.host.to_owned();
        let to = match address.tls {
            true => ConnectionAddr::TcpTls { host, port: address.port, insecure: false, tls_params: None },
            false => ConnectionAddr::Tcp(host, address.port),
        };
        let mut settings = RedisConnectionInfo::default().set_db(address.database);
        if let Some(password) = address.password {
            settings = settings.set_password(password);
        }
        let connect = || -> redis::RedisResult<Connection> {
            let info = to.into_connection_info()?.set_redis_settings(settings);
            let connection = Client::open(info)?.get_connection_with_timeout(PATIENCE)?;
            connection.set_read_timeout(Some(PATIENCE))?;
            connection.set_write_timeout(Some(PATIENCE))?;
            Ok(connection)
        };
        let connection = connect().map_err(|error| {
            Diagnostic::error(format!("the Redis server of the cached facts, `{shown}`, does not answer"))
                .cause(error.to_string())
                .hint("`fact_caching_connection` names it as HOST:PORT:DATABASE:PASSWORD")
        })?;
        Ok(Self { connection: Mutex::new(connection), prefix, keys, age, shown })
    }

    fn ask<T>(&self, question: impl FnOnce(&mut Connection) -> redis::RedisResult<T>) -> Result<T, Diagnostic> {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        question(&mut connection).map_err(|error| {
            Diagnostic::error(format!("the Redis server of the cached facts, `{}`, refused", self.shown))
                .cause(error.to_string())
        })
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    /// The text of a key that is there and not too old.
    pub(super) fn get(&self, key: &str) -> Result<Option<String>, Diagnostic> {
        self.ask(|connection| {
            if let Some(age) = self.age {
                let oldest = now() - age.as_secs_f64();
                let _: i64 = connection.zrembyscore(&self.keys, 0, oldest)?;
            }
            let known: Option<i64> = connection.zrank(&self.keys, key)?;
            if known.is_none() {
                return Ok(None);
            }
            connection.get(self.key(key))
        })
    }

    pub(super) fn set(&self, key: &str, text: &str) -> Result<(), Diagnostic> {
        self.ask(|connection| {
            match self.age {
                Some(age) => connection.set_ex::<_, _, ()>(self.key(key), text, age.as_secs().max(1))?,
                None => connection.set::<_, _, ()>(self.key(key), text)?,
            }
            connection.zadd(&self.keys, key, now())
        })
    }

    pub(super) fn remove(&self, key: &str) -> Result<(), Diagnostic> {
        self.ask(|connection| {
            let _: i64 = connection.del(self.key(key))?;
            let _: i64 = connection.zrem(&self.keys, key)?;
            Ok(())
        })
    }

    /// Where a key's text lies, for messages.
    pub(super) fn place(&self, key: &str) -> String {
        format!("{} of {}", self.key(key), self.shown)
    }
}

/// Seconds since 1970.
fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |elapsed| elapsed.as_secs_f64())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let address = Address::parse("localhost:6379:0:change:me").unwrap();
        assert_eq!((address.host, address.port, address.database), ("localhost", 6379, 0));
        assert_eq!((address.password, address.tls), (Some("change:me"), false));
        let address = Address::parse("tls://[::1]:7000:2").unwrap();
        assert_eq!((address.host, address.port, address.database), ("::1", 7000, 2));
        assert_eq!((address.password, address.tls), (None, true));
        for wrong in ["", "localhost", "localhost:6379", ":1:2", "h:x:0", "h:1:x", "[::1]1:2", "h:99999:0"] {
            assert!(Address::parse(wrong).is_none(), "{wrong}");
        }
    }
}
