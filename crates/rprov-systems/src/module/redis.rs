//! `redis`: settings, data and replication of a Redis server.

use rprov_wire::Map;

use crate::redis::{Client, Login, RedisError, report};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// What to do.
    pub enum Command { Config = "config", Flush = "flush", Replica = "replica", Slave = "slave" }
}

choices! {
    /// What the server is to be.
    pub enum Mode { Master = "master", Replica = "replica", Slave = "slave" }
}

choices! {
    /// What is flushed.
    pub enum Flush { All = "all", Db = "db" }
}

arguments! {
    /// Change settings of a Redis server, empty it, or make it a replica of another.
    pub struct Arguments + Login {
        /// Change a setting, remove all data, or set the mode of replication.
        command: Option<Command>,
        /// Speak TLS.
        tls: bool = false,
        /// Host of the server that this one is to follow.
        master_host: Option<String>,
        /// Port of the server that this one is to follow.
        master_port: Option<u16>,
        /// What the server is to be.
        replica_mode | slave_mode: Mode = Mode::Replica,
        /// Number of the database to flush.
        db: Option<u32>,
        /// Flush all databases, or one.
        flush_mode: Flush = Flush::All,
        /// Name of the setting.
        name: Option<String>,
        /// Value of the setting; sizes may have a unit (`400MB`), of which 1024 make the next.
        value: Option<String>,
    }
}

/// Do what the command says.
///
/// # Errors
/// An option is missing, the server cannot be reached, or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let login = || arguments.attributes.connect(arguments.tls, context);
    match arguments.command {
        None => Err(Failure::new("A valid command must be provided: `command` is config, flush or replica")),
        Some(Command::Config) => {
            let name = arguments.name.as_deref().ok_or_else(|| missing("config", "name"))?;
            let value = arguments.value.as_deref().ok_or_else(|| missing("config", "value"))?;
            configure(&mut login()?, name, value, context)
        }
        Some(Command::Flush) => {
            let db = match (arguments.flush_mode, arguments.db) {
                (Flush::All, _) => None,
                (Flush::Db, Some(db)) => Some(db),
                (Flush::Db, None) => return Err(Failure::new("In db mode the db number must be provided: set `db`")),
            };
            flush(&mut login()?, db, context)
        }
        Some(Command::Replica | Command::Slave) => {
            let master = match (arguments.replica_mode, &arguments.master_host, arguments.master_port) {
                (Mode::Master, ..) => None,
                (_, Some(host), Some(port)) => Some((host.as_str(), port)),
                (_, None, _) => {
                    return Err(Failure::new("In replica mode master host must be provided: set `master_host`"));
                }
                (_, _, None) => {
                    return Err(Failure::new("In replica mode master port must be provided: set `master_port`"));
                }
            };
            replicate(&mut login()?, master, context)
        }
    }
}

fn missing(command: &str, option: &str) -> Failure {
    Failure::new(format!("command is {command} but all of the following are missing: {option}"))
}

fn configure(client: &mut Client, name: &str, value: &str, context: &Context<'_>) -> Result<Outcome, Failure> {
    let unreadable = |reason: String| Failure::new(format!("unable to read config: '{name}': {reason}"));
    let reply = client.call(&["CONFIG", "GET", name]).map_err(|error| unreadable(error.words()))?;
    let crate::redis::Reply::Array(items) = reply else {
        return Err(unreadable("the server gives no list".to_owned()));
    };
    let texts: Vec<String> = items.iter().filter_map(crate::redis::Reply::text).collect();
    let current = texts.chunks_exact(2).find_map(|pair| match pair {
        [known, value] if known.eq_ignore_ascii_case(name) => Some(value.clone()),
        _ => None,
    });
    let current = current.ok_or_else(|| unreadable("the server has no such setting; check `name`".to_owned()))?;
    let wanted = match bytes(value) {
        Some(bytes) if current.bytes().all(|byte| byte.is_ascii_digit()) && !is_secret(name) => bytes.to_string(),
        _ => value.to_owned(),
    };
    let changed = current != wanted;
    if changed && !context.check() {
        let unwritable = |error: RedisError| Failure::new(format!("unable to write config: {}", error.words()));
        client.call(&["CONFIG", "SET", name, &wanted]).map_err(unwritable)?;
    }
    Ok(Outcome::new(changed).with("name", name).with("value", wanted))
}

/// A size with a unit as a number of bytes.
fn bytes(text: &str) -> Option<u64> {
    let text = text.trim().to_ascii_lowercase();
    let (digits, shift) = [("k", 10), ("m", 20), ("g", 30)].into_iter().find_map(|(unit, shift)| {
        let digits = text.strip_suffix('b').unwrap_or(&text).strip_suffix(unit)?;
        Some((digits, shift))
    })?;
    digits.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// It is a password, which is no size even if it looks like one.
fn is_secret(name: &str) -> bool {
    ["requirepass", "masterauth", "masteruser"].iter().any(|secret| secret.eq_ignore_ascii_case(name))
}

fn flush(client: &mut Client, db: Option<u32>, context: &Context<'_>) -> Result<Outcome, Failure> {
    let failed = |error: RedisError| Failure::new(format!("unable to flush '{}': {}", mode(db), error.words()));
    let empty = match db {
        Some(db) => {
            client.call(&["SELECT", &db.to_string()]).map_err(failed)?;
            client.text(&["DBSIZE"]).map(|size| size.as_deref() == Some("0"))
        }
        None => client.text(&["INFO", "keyspace"]).map(|text| text.is_some_and(|text| report::read(&text).is_empty())),
    };
    // A user who may flush need not be allowed to look.
    let changed = !matches!(empty, Ok(true));
    if changed && !context.check() {
        client.call(&[if db.is_some() { "FLUSHDB" } else { "FLUSHALL" }]).map_err(failed)?;
    }
    let outcome = Outcome::new(changed).with("flushed", true);
    Ok(match db {
        Some(db) => outcome.with("db", db),
        None => outcome,
    })
}

fn mode(db: Option<u32>) -> String {
    db.map_or_else(|| "all".to_owned(), |db| format!("db {db}"))
}

fn replicate(client: &mut Client, master: Option<(&str, u16)>, context: &Context<'_>) -> Result<Outcome, Failure> {
    let info = client.text(&["INFO", "replication"])?.map(|text| report::read_plain(&text)).unwrap_or_default();
    let is = |name: &str, wanted: &str| info.get(name).and_then(|value| value.as_str()) == Some(wanted);
    let changed = match master {
        None => !is("role", "master"),
        Some((host, port)) => !(is("role", "slave") && is("master_host", host) && is("master_port", &port.to_string())),
    };
    if changed && !context.check() {
        let port = master.map_or_else(|| "ONE".to_owned(), |(_, port)| port.to_string());
        let host = master.map_or("NO", |(host, _)| host);
        let failed = |error: RedisError| {
            let aim = if master.is_some() { "replica" } else { "master" };
            Failure::new(format!("unable to set {aim} mode: {}", error.words()))
        };
        match client.call(&["REPLICAOF", host, &port]) {
            // Its name before Redis 5.
            Err(error) if error.words().starts_with("unknown command") => {
                client.call(&["SLAVEOF", host, &port]).map_err(failed)?;
            }
            result => drop(result.map_err(failed)?),
        }
    }
    Ok(match master {
        None => Outcome::new(changed).with("mode", "master"),
        Some((host, port)) => {
            let mut mode = Map::new();
            mode.insert("status".to_owned(), "replica".into());
            mode.insert("master_host".to_owned(), host.into());
            mode.insert("master_port".to_owned(), port.into());
            Outcome::new(changed).with("mode", mode)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("1KB"), Some(1024));
        assert_eq!(bytes("2m"), Some(2 << 20));
        assert_eq!(bytes("3Gb"), Some(3 << 30));
        for text in ["", "k", "1", "1b", "1x", "-1k", "99999999999999999999g", "18446744073709551615k"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }
}
