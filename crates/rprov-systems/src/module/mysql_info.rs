//! `mysql_info`: what a MySQL or MariaDB server is, has and does.

use rprov_wire::{Map, Value};

use crate::mysql::account::Account;
use crate::mysql::login::{Login, Wishes};
use crate::mysql::privileges::{self, Form};
use crate::mysql::server::Server;
use crate::mysql::{Answer, Connection, MysqlError};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Gather information about a MySQL or MariaDB server.
    pub struct Arguments + Login {
        /// What to gather, or with `!` what not; all if not given.
        filter: Option<Vec<String>>,
        /// Database to use.
        login_db: Option<String>,
        /// What to leave out: `db_size`, `db_table_count`.
        exclude_fields: Option<Vec<String>>,
        /// Name databases without tables as well.
        return_empty_dbs: bool = false,
    }
}

const SUBSETS: [&str; 10] = [
    "version",
    "databases",
    "settings",
    "global_status",
    "users",
    "users_info",
    "engines",
    "master_status",
    "slave_status",
    "slave_hosts",
];

/// Gather what is wanted.
///
/// # Errors
/// The server cannot be reached, or the user may not look at something.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let (wanted, unknown) = wanted(arguments.filter.as_deref().unwrap_or_default());
    let wishes = Wishes { database: arguments.login_db.as_deref(), ..Wishes::default() };
    let mut connection = arguments.attributes.connect(wishes, context)?;
    let server = Server::of(connection.version());
    let mut outcome = Outcome::unchanged()
        .with("server_engine", if server.mariadb { "MariaDB" } else { "MySQL" })
        .with("connector_name", "rprov")
        .with("connector_version", env!("CARGO_PKG_VERSION"));
    for subset in wanted {
        let value = gather(subset, &arguments, &server, &mut connection)?;
        outcome = outcome.with(subset, value);
    }
    if !unknown.is_empty() {
        let warnings: Vec<String> =
            unknown.iter().map(|name| format!("filter element: {name} is not allowable, ignored")).collect();
        outcome = outcome.with("warnings", warnings);
    }
    Ok(outcome)
}

/// The subsets to gather, and the words of the filter that are none.
fn wanted(filter: &[String]) -> (Vec<&'static str>, Vec<String>) {
    let words = || filter.iter().flat_map(|word| word.split(',')).map(str::trim).filter(|word| !word.is_empty());
    let known = |word: &str| SUBSETS.into_iter().find(|subset| *subset == word.trim_start_matches('!'));
    let unknown = words().filter(|word| known(word).is_none()).map(str::to_owned).collect();
    let included: Vec<&str> = words().filter(|word| !word.starts_with('!')).filter_map(known).collect();
    let excluded: Vec<&str> = words().filter(|word| word.starts_with('!')).filter_map(known).collect();
    let chosen = |subset: &&str| {
        if included.is_empty() { !excluded.contains(subset) } else { included.contains(subset) }
    };
    (SUBSETS.into_iter().filter(chosen).collect(), unknown)
}

fn gather(
    subset: &str,
    arguments: &Arguments,
    server: &Server,
    connection: &mut Connection,
) -> Result<Value, MysqlError> {
    let renamed = server.is_mysql(8, 4);
    Ok(match subset {
        "version" => version(server),
        "databases" => databases(arguments, connection)?,
        "settings" => pairs(&connection.query("SHOW GLOBAL VARIABLES")?),
        "global_status" => pairs(&connection.query("SHOW GLOBAL STATUS")?),
        "users" => by_two(&connection.query("SELECT * FROM mysql.user")?, "Host", "User"),
        "users_info" => users(server, connection)?,
        "engines" => by_first(&connection.query("SHOW ENGINES")?),
        "master_status" => {
            let statement = if renamed { "SHOW BINARY LOG STATUS" } else { "SHOW MASTER STATUS" };
            connection.query(statement)?.maps().into_iter().next().unwrap_or_else(|| Map::new().into())
        }
        "slave_status" => {
            let statement = if server.is_mysql(8, 4) {
                "SHOW REPLICA STATUS"
            } else if server.is_mariadb(10, 0) {
                "SHOW ALL SLAVES STATUS"
            } else {
                "SHOW SLAVE STATUS"
            };
            replicas(&connection.query(statement)?)
        }
        _ => by_first(&connection.query(if renamed { "SHOW REPLICAS" } else { "SHOW SLAVE HOSTS" })?),
    })
}

fn version(server: &Server) -> Value {
    let (major, minor, release) = server.numbers;
    let parts: [(&str, Value); 5] = [
        ("full", server.full.as_str().into()),
        ("major", major.into()),
        ("minor", minor.into()),
        ("release", release.into()),
        ("suffix", server.suffix.as_str().into()),
    ];
    Value::from_iter(parts)
}

fn databases(arguments: &Arguments, connection: &mut Connection) -> Result<Value, MysqlError> {
    let excluded = |field: &str| {
        arguments.exclude_fields.iter().flatten().flat_map(|text| text.split(',')).any(|text| text.trim() == field)
    };
    let (size, tables) = (!excluded("db_size"), !excluded("db_table_count"));
    let mut columns = vec!["table_schema"];
    if size {
        columns.push("CAST(SUM(data_length + index_length) AS SIGNED)");
    }
    if tables {
        columns.push("COUNT(*)");
    }
    let statement = format!("SELECT {} FROM information_schema.TABLES GROUP BY table_schema", columns.join(", "));
    let answer = connection.query(&statement)?;
    let mut found = Map::new();
    for row in &answer.rows {
        let mut cells = row.iter().map(|cell| cell.as_deref().unwrap_or("0"));
        let name = cells.next().unwrap_or_default().to_owned();
        let mut entry = Map::new();
        for (field, wanted) in [("size", size), ("tables", tables)] {
            if wanted {
                entry.insert(field.to_owned(), integer(cells.next().unwrap_or("0")));
            }
        }
        found.insert(name, entry.into());
    }
    if arguments.return_empty_dbs {
        for name in connection.query("SHOW DATABASES")?.texts(0) {
            let zero = |wanted: bool, field: &str| wanted.then(|| (field.to_owned(), Value::Int(0)));
            let entry: Map = [zero(size, "size"), zero(tables, "tables")].into_iter().flatten().collect();
            found.entry(name.to_owned()).or_insert_with(|| entry.into());
        }
    }
    Ok(found.into())
}

fn users(server: &Server, connection: &mut Connection) -> Result<Value, MysqlError> {
    let form = Form { renamed: server.is_mariadb(10, 5) };
    let mut users = Vec::new();
    for account in Account::find(connection, server, None, None)? {
        let sql = account.sql(connection.no_backslash());
        let grants = connection.query(&format!("SHOW GRANTS FOR {sql}"))?;
        let granted = form.read_grants(grants.texts(0));
        let mut shown = granted.clone();
        if shown.len() > 1 {
            // What everybody has is only said of those who have nothing else.
            shown.retain(|_, set| set.iter().any(|name| name != "USAGE"));
        }
        let mut user = Map::new();
        user.insert("name".to_owned(), account.name.into());
        user.insert("host".to_owned(), account.host.into());
        user.insert("priv".to_owned(), privileges::text(&shown).into());
        user.insert("plugin".to_owned(), account.plugin.into());
        user.insert("plugin_auth_string".to_owned(), account.hash.as_str().into());
        user.insert("plugin_hash_string".to_owned(), account.hash.into());
        user.insert("locked".to_owned(), account.locked.into());
        for (name, map) in [("tls_requires", account.tls), ("resource_limits", account.limits)] {
            if !map.is_empty() {
                user.insert(name.to_owned(), map.into());
            }
        }
        users.push(Value::Map(user));
    }
    Ok(Value::List(users))
}

/// Text as an integer where it is one.
fn integer(text: &str) -> Value {
    text.parse::<i128>().map_or_else(|_| text.into(), Value::from)
}

/// Rows of a name and a value.
fn pairs(answer: &Answer) -> Value {
    let rows = answer.rows.iter().filter_map(|row| match row.as_slice() {
        [Some(name), value, ..] => Some((name.clone(), integer(value.as_deref().unwrap_or_default()))),
        _ => None,
    });
    Value::from_iter(rows)
}

/// Rows by the text in their first column, which is left out of them.
fn by_first(answer: &Answer) -> Value {
    let rows = answer.maps().into_iter().zip(&answer.rows).filter_map(|(map, row)| {
        let Value::Map(mut map) = map else { return None };
        map.shift_remove_index(0);
        Some((row.first()?.clone()?, Value::Map(map)))
    });
    Value::from_iter(rows)
}

fn by_two(answer: &Answer, outer: &str, inner: &str) -> Value {
    let mut found = Map::new();
    for map in answer.maps() {
        let Value::Map(mut map) = map else { continue };
        let mut key = |name: &str| map.shift_remove(name).and_then(|value| value.as_str().map(str::to_owned));
        let (Some(outer), Some(inner)) = (key(outer), key(inner)) else { continue };
        if let Value::Map(entry) = found.entry(outer).or_insert_with(|| Map::new().into()) {
            entry.insert(inner, map.into());
        }
    }
    found.into()
}

/// Rows by the host, port and user of the server that is followed.
fn replicas(answer: &Answer) -> Value {
    let mut found = Map::new();
    for map in answer.maps() {
        let Value::Map(mut map) = map else { continue };
        let mut key = |one: &str, other: &str| {
            let value = map.shift_remove(one).or_else(|| map.shift_remove(other)).unwrap_or_default();
            value.as_str().map_or_else(|| value.to_string(), str::to_owned)
        };
        let keys =
            [key("Master_Host", "Source_Host"), key("Master_Port", "Source_Port"), key("Master_User", "Source_User")];
        let [host, port, user] = keys;
        let Value::Map(ports) = found.entry(host).or_insert_with(|| Map::new().into()) else { continue };
        let Value::Map(users) = ports.entry(port).or_insert_with(|| Map::new().into()) else { continue };
        users.insert(user, map.into());
    }
    found.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_includes_or_else_excludes() {
        let filter = |words: &[&str]| wanted(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
        assert_eq!(filter(&[]).0.len(), SUBSETS.len());
        assert_eq!(filter(&["version, users"]).0, ["version", "users"]);
        assert_eq!(filter(&["!settings", "version"]).0, ["version"]);
        assert_eq!(filter(&["!settings"]).0.len(), SUBSETS.len() - 1);
        assert_eq!(filter(&["nope"]).1, ["nope"]);
    }
}
