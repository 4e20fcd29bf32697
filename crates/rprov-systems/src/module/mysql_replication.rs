//! `mysql_replication`: a MySQL or MariaDB server as primary or replica.

use rprov_wire::{Map, Value};

use crate::mysql::login::{Login, Wishes};
use crate::mysql::server::Server;
use crate::mysql::{Answer, Connection, MysqlError, literal};
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// What is to be done.
    pub enum Mode {
        ChangePrimary = "changeprimary",
        ChangeReplication = "changereplication",
        GetPrimary = "getprimary",
        GetReplica = "getreplica",
        StartReplica = "startreplica",
        StopReplica = "stopreplica",
        ResetPrimary = "resetprimary",
        ResetReplica = "resetreplica",
        ResetReplicaAll = "resetreplicaall",
    }
}

choices! {
    /// Where a replica of MariaDB goes on by global transaction IDs.
    pub enum Gtid { CurrentPos = "current_pos", ReplicaPos = "replica_pos", Disabled = "disabled" }
}

arguments! {
    /// Look at and change the replication of a MySQL or MariaDB server.
    pub struct Arguments + Login {
        /// What is to be done.
        mode: Mode = Mode::GetReplica,
        /// Host of the primary.
        primary_host | master_host: Option<String>,
        /// User to log in as at the primary.
        primary_user | master_user: Option<String>,
        /// The user's password.
        primary_password | master_password: Option<Secret>,
        /// Port of the primary.
        primary_port | master_port: Option<i64>,
        /// Seconds between attempts to connect.
        primary_connect_retry | master_connect_retry: Option<i64>,
        /// The primary's log to begin with.
        primary_log_file | master_log_file: Option<String>,
        /// The position in it.
        primary_log_pos | master_log_pos: Option<i64>,
        /// The replica's own log to begin with.
        relay_log_file: Option<String>,
        /// The position in it.
        relay_log_pos: Option<i64>,
        /// Speak TLS to the primary.
        primary_ssl | master_ssl: Option<bool>,
        /// Certificates of authorities to trust.
        primary_ssl_ca | master_ssl_ca: Option<String>,
        /// Directory of such certificates.
        primary_ssl_capath | master_ssl_capath: Option<String>,
        /// The replica's certificate.
        primary_ssl_cert | master_ssl_cert: Option<String>,
        /// The replica's key.
        primary_ssl_key | master_ssl_key: Option<String>,
        /// Ciphers to use.
        primary_ssl_cipher | master_ssl_cipher: Option<String>,
        /// Whether the primary's certificate must be for its name.
        primary_ssl_verify_server_cert: Option<bool>,
        /// Go on by global transaction IDs (MySQL).
        primary_auto_position | master_auto_position: bool = false,
        /// Go on by global transaction IDs (MariaDB).
        primary_use_gtid | master_use_gtid: Option<Gtid>,
        /// Seconds to stay behind the primary.
        primary_delay | master_delay: Option<i64>,
        /// Name of the connection (MariaDB).
        connection_name: Option<String>,
        /// Name of the channel (MySQL).
        channel: Option<String>,
        /// Whether it is an error if replication cannot be started, stopped or reset.
        fail_on_error: bool = false,
    }
    rules: [Rule::Exclusive(&["connection_name", "channel"])]
}

/// Do it.
///
/// # Errors
/// The server cannot be reached or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (mysql_replication) does not support check mode"));
    }
    let connection = arguments.attributes.connect(Wishes::default(), context)?;
    let words = Words::of(&Server::of(connection.version()));
    let mut task = Task { arguments: &arguments, connection, words };
    let (replica, name, channel) = (task.words.replica, task.name(), task.channel());
    match arguments.mode {
        Mode::GetPrimary => {
            let answer = task.connection.query(task.words.primary_status)?;
            let off = "Server is not configured as mysql primary. Meaning: Binary logs are disabled";
            Ok(told(&answer, "Is_Primary", off))
        }
        Mode::GetReplica => {
            let answer = task.connection.query(&format!("SHOW {replica}{name} STATUS{channel}"))?;
            Ok(told(&answer, "Is_Replica", "Server is not configured as mysql replica"))
        }
        Mode::ChangePrimary | Mode::ChangeReplication => task.change(),
        Mode::ResetPrimary => {
            task.act(task.words.reset_primary.to_owned(), false, "Primary reset", "Primary not reset")
        }
        Mode::StartReplica => {
            let settled = task.threads()?.is_some_and(|threads| threads == [true, true]);
            let otherwise = "Replica already started (Or cannot be started)";
            task.act(format!("START {replica}{name}{channel}"), settled, "Replica started", otherwise)
        }
        Mode::StopReplica => {
            let settled = task.threads()?.is_none_or(|threads| threads == [false, false]);
            task.act(format!("STOP {replica}{name}{channel}"), settled, "Replica stopped", "Replica already stopped")
        }
        Mode::ResetReplica | Mode::ResetReplicaAll => {
            let all = if arguments.mode == Mode::ResetReplicaAll { " ALL" } else { "" };
            let settled = task.threads()?.is_none();
            task.act(format!("RESET {replica}{name}{all}{channel}"), settled, "Replica reset", "Replica already reset")
        }
    }
}

/// What a server of that version calls things.
#[derive(Clone, Copy)]
struct Words {
    replica: &'static str,
    primary_status: &'static str,
    reset_primary: &'static str,
    change: &'static str,
    prefix: &'static str,
}

impl Words {
    fn of(server: &Server) -> Self {
        let replica = if server.mariadb { server.numbers >= (10, 5, 1) } else { server.numbers >= (8, 0, 22) };
        let modern = !server.mariadb && server.numbers >= (8, 4, 0);
        let source = !server.mariadb && server.numbers >= (8, 0, 23);
        Self {
            replica: if replica { "REPLICA" } else { "SLAVE" },
            primary_status: if modern { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" },
            reset_primary: if modern { "RESET BINARY LOGS AND GTIDS" } else { "RESET MASTER" },
            change: if source { "CHANGE REPLICATION SOURCE" } else { "CHANGE MASTER" },
            prefix: if source { "SOURCE" } else { "MASTER" },
        }
    }
}

/// The first row of a status, or what it means that there is none.
fn told(answer: &Answer, flag: &str, otherwise: &str) -> Outcome {
    let row = answer.maps().into_iter().next();
    let outcome = Outcome::unchanged().with("queries", Vec::<Value>::new()).with(flag, row.is_some());
    match row {
        Some(Value::Map(map)) => outcome.with_all(map),
        _ => outcome.with("msg", otherwise),
    }
}

struct Task<'a> {
    arguments: &'a Arguments,
    connection: Connection,
    words: Words,
}

impl Task<'_> {
    fn quoted(&self, text: &str) -> String {
        literal::text(text, self.connection.no_backslash())
    }

    fn name(&self) -> String {
        self.arguments.connection_name.as_ref().map_or(String::new(), |name| format!(" {}", self.quoted(name)))
    }

    fn channel(&self) -> String {
        self.arguments.channel.as_ref().map_or(String::new(), |name| format!(" FOR CHANNEL {}", self.quoted(name)))
    }

    /// Whether what reads the primary's log and what runs it are at work; none where this is no replica.
    fn threads(&mut self) -> Result<Option<[bool; 2]>, Failure> {
        let statement = format!("SHOW {}{} STATUS{}", self.words.replica, self.name(), self.channel());
        let answer = match self.connection.query(&statement) {
            // There is no connection of that name.
            Err(MysqlError::Refused { code: 1617, .. }) => return Ok(None),
            result => result?,
        };
        let works = |names: [&str; 2]| {
            let column = names.into_iter().find_map(|name| answer.column(name))?;
            answer.rows.first()?.get(column)?.as_deref().map(|state| state != "No")
        };
        let reads = works(["Slave_IO_Running", "Replica_IO_Running"]);
        let runs = works(["Slave_SQL_Running", "Replica_SQL_Running"]);
        Ok(reads.zip(runs).map(|(reads, runs)| [reads, runs]))
    }

    /// Run a statement, if there is something to do.
    fn act(&mut self, statement: String, settled: bool, done: &str, otherwise: &str) -> Result<Outcome, Failure> {
        if settled {
            return Ok(Outcome::unchanged().with("msg", otherwise).with("queries", Vec::<Value>::new()));
        }
        let outcome = |changed: bool, message: String| {
            Outcome::new(changed).with("msg", message).with("queries", vec![Value::from(statement.as_str())])
        };
        match self.connection.query(&statement) {
            Ok(_) => Ok(outcome(true, done.to_owned())),
            Err(MysqlError::Refused { message, code, .. }) if !self.arguments.fail_on_error => {
                Ok(outcome(false, format!("{otherwise}: {message} ({code})")))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn change(&mut self) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        // Who asks for the new words gets them, and what the server says of them.
        let (change, prefix) = if arguments.mode == Mode::ChangeReplication {
            ("CHANGE REPLICATION SOURCE", "SOURCE")
        } else {
            (self.words.change, self.words.prefix)
        };
        let mut clauses: Vec<(String, String)> = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            clauses.extend(value.map(|value| {
                let own = name.starts_with("RELAY_");
                (if own { name.to_owned() } else { format!("{prefix}_{name}") }, value)
            }));
        };
        let text = |value: &Option<String>| value.as_ref().map(|value| self.quoted(value));
        let number = |value: Option<i64>| value.map(|value| value.to_string());
        let flag = |value: Option<bool>| value.map(|value| i32::from(value).to_string());
        let gtid = |value: Gtid| match value {
            Gtid::CurrentPos => "current_pos",
            // As every version calls it.
            Gtid::ReplicaPos => "slave_pos",
            Gtid::Disabled => "no",
        };
        add("HOST", text(&arguments.primary_host));
        add("USER", text(&arguments.primary_user));
        add("PASSWORD", arguments.primary_password.as_ref().map(|password| self.quoted(password.expose())));
        add("PORT", number(arguments.primary_port));
        add("CONNECT_RETRY", number(arguments.primary_connect_retry));
        add("LOG_FILE", text(&arguments.primary_log_file));
        add("LOG_POS", number(arguments.primary_log_pos));
        add("DELAY", number(arguments.primary_delay));
        add("RELAY_LOG_FILE", text(&arguments.relay_log_file));
        add("RELAY_LOG_POS", number(arguments.relay_log_pos));
        add("SSL", flag(arguments.primary_ssl));
        add("SSL_CA", text(&arguments.primary_ssl_ca));
        add("SSL_CAPATH", text(&arguments.primary_ssl_capath));
        add("SSL_CERT", text(&arguments.primary_ssl_cert));
        add("SSL_KEY", text(&arguments.primary_ssl_key));
        add("SSL_CIPHER", text(&arguments.primary_ssl_cipher));
        add("SSL_VERIFY_SERVER_CERT", flag(arguments.primary_ssl_verify_server_cert));
        add("AUTO_POSITION", arguments.primary_auto_position.then(|| "1".to_owned()));
        add("USE_GTID", arguments.primary_use_gtid.map(|value| gtid(value).to_owned()));
        if clauses.is_empty() {
            let word = arguments.mode.word();
            return Err(Failure::new(format!(
                "mode={word} needs something to change; set `primary_host` or another option"
            )));
        }
        let written = |secret: bool| {
            let clause = |(name, value): &(String, String)| {
                let hidden = secret && name.ends_with("_PASSWORD");
                format!("{name}={}", if hidden { "'********'" } else { value.as_str() })
            };
            let clauses: Vec<String> = clauses.iter().map(clause).collect();
            format!("{change}{} TO {}{}", self.name(), clauses.join(","), self.channel())
        };
        let (statement, shown) = (written(false), written(true));
        self.connection.run_shown(&statement, &shown)?;
        let fields = Map::from_iter([("queries".to_owned(), vec![Value::from(shown)].into())]);
        Ok(Outcome::new(true).with_all(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_its_words() {
        let words = |version: &str| {
            let words = Words::of(&Server::of(version));
            (words.replica, words.change, words.primary_status)
        };
        assert_eq!(words("10.11.6-MariaDB"), ("REPLICA", "CHANGE MASTER", "SHOW MASTER STATUS"));
        assert_eq!(words("10.3.1-MariaDB"), ("SLAVE", "CHANGE MASTER", "SHOW MASTER STATUS"));
        assert_eq!(words("5.7.40"), ("SLAVE", "CHANGE MASTER", "SHOW MASTER STATUS"));
        assert_eq!(words("8.0.36"), ("REPLICA", "CHANGE REPLICATION SOURCE", "SHOW MASTER STATUS"));
        assert_eq!(words("8.4.1"), ("REPLICA", "CHANGE REPLICATION SOURCE", "SHOW BINARY LOG STATUS"));
    }
}
