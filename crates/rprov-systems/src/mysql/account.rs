//! A user of a server, as the server knows it.

use rprov_wire::{Map, Value};

use super::error::MysqlError;
use super::server::Server;
use super::{Answer, Connection, literal};

/// A user's account.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// The user's name.
    pub name: String,
    /// The host that it may come from.
    pub host: String,
    /// How it proves who it is.
    pub plugin: String,
    /// What is kept of the password.
    pub hash: String,
    /// What its connections must have: `SSL`, `X509`, or texts for `SUBJECT`, `ISSUER` and `CIPHER`.
    pub tls: Map,
    /// Its limits, those that are set.
    pub limits: Map,
    /// It may not log in.
    pub locked: bool,
    /// When its password expires.
    pub expiry: Expiry,
}

/// When a password expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Expiry {
    /// When the server says so for all.
    #[default]
    Default,
    /// Never.
    Never,
    /// After so many days.
    Days(u32),
    /// It has expired.
    Now,
}

/// The names of limits, with the columns that have them.
pub const LIMITS: [(&str, &str); 5] = [
    ("MAX_QUERIES_PER_HOUR", "max_questions"),
    ("MAX_UPDATES_PER_HOUR", "max_updates"),
    ("MAX_CONNECTIONS_PER_HOUR", "max_connections"),
    ("MAX_USER_CONNECTIONS", "max_user_connections"),
    ("MAX_STATEMENT_TIME", "max_statement_time"),
];

impl Account {
    /// The accounts of that name, at that host or at any; of everybody if no name is given. Roles are left out.
    ///
    /// # Errors
    /// The server refuses.
    pub fn find(
        connection: &mut Connection,
        server: &Server,
        name: Option<&str>,
        host: Option<&str>,
    ) -> Result<Vec<Self>, MysqlError> {
        let no_backslash = connection.no_backslash();
        let text = |text: &str| literal::text(text, no_backslash);
        let mut conditions = vec!["1 = 1".to_owned()];
        conditions.extend(name.map(|name| format!("User = {}", text(name))));
        conditions.extend(host.map(|host| format!("Host = {}", text(host))));
        let answer = connection.query(&format!("SELECT * FROM mysql.user WHERE {}", conditions.join(" AND ")))?;
        let role = answer.column("is_role");
        let mut accounts = Vec::new();
        for index in 0..answer.rows.len() {
            let cell = |column: Option<usize>| answer.rows.get(index)?.get(column?)?.as_deref();
            if cell(role) == Some("Y") {
                continue;
            }
            let mut account = Self::read(&answer, index);
            if server.is_mariadb(10, 4) {
                let shown = connection.query(&format!("SHOW CREATE USER {}", account.sql(no_backslash)))?;
                account.read_definition(shown.first().unwrap_or_default());
            }
            accounts.push(account);
        }
        Ok(accounts)
    }

    /// A row of `mysql.user`, whose columns differ from version to version.
    fn read(answer: &Answer, index: usize) -> Self {
        let cell = |name: &str| answer.rows.get(index)?.get(answer.column(name)?)?.as_deref();
        let text = |name: &str| cell(name).unwrap_or_default().to_owned();
        let hash = Some(text("authentication_string")).filter(|hash| !hash.is_empty());
        let mut tls = Map::new();
        match text("ssl_type").as_str() {
            "ANY" => drop(tls.insert("SSL".to_owned(), Value::Null)),
            "X509" => drop(tls.insert("X509".to_owned(), Value::Null)),
            "SPECIFIED" => {
                for (name, column) in [("SUBJECT", "x509_subject"), ("ISSUER", "x509_issuer"), ("CIPHER", "ssl_cipher")]
                {
                    if let Some(value) = cell(column).filter(|value| !value.is_empty()) {
                        tls.insert(name.to_owned(), value.into());
                    }
                }
            }
            _ => {}
        }
        let mut limits = Map::new();
        for (name, column) in LIMITS {
            let Some(number) = cell(column).and_then(|number| number.parse::<f64>().ok()) else { continue };
            if number != 0.0 {
                limits.insert(name.to_owned(), number_value(number));
            }
        }
        let expiry = match (cell("password_expired"), cell("password_lifetime").map(str::parse::<u32>)) {
            (Some("Y"), _) => Expiry::Now,
            (_, Some(Ok(0))) => Expiry::Never,
            (_, Some(Ok(days))) => Expiry::Days(days),
            _ => Expiry::Default,
        };
        Self {
            name: text("User"),
            host: text("Host"),
            plugin: Some(text("plugin"))
                .filter(|plugin| !plugin.is_empty())
                .unwrap_or_else(|| "mysql_native_password".to_owned()),
            hash: hash.unwrap_or_else(|| text("Password")),
            tls,
            limits,
            locked: cell("account_locked") == Some("Y"),
            expiry,
        }
    }

    /// What only `SHOW CREATE USER` of MariaDB tells.
    fn read_definition(&mut self, definition: &str) {
        let words = unquoted(definition);
        self.locked = words.contains(" ACCOUNT LOCK");
        if let Some((_, rest)) = words.split_once(" PASSWORD EXPIRE") {
            let words: Vec<&str> = rest.split_whitespace().collect();
            self.expiry = match words.as_slice() {
                ["NEVER", ..] => Expiry::Never,
                ["DEFAULT", ..] => Expiry::Default,
                ["INTERVAL", days, ..] => days.parse().map_or(Expiry::Default, Expiry::Days),
                _ => Expiry::Now,
            };
        }
    }

    /// The account as statements name it.
    pub fn sql(&self, no_backslash: bool) -> String {
        format!("{}@{}", literal::text(&self.name, no_backslash), literal::text(&self.host, no_backslash))
    }
}

/// A number without a fraction where it has none.
pub fn number_value(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 1e15 { (number as i64).into() } else { number.into() }
}

/// A statement without the texts in it.
fn unquoted(statement: &str) -> String {
    let mut quote = None;
    statement
        .chars()
        .filter(|character| match (quote, character) {
            (None, '\'' | '`' | '"') => {
                quote = Some(*character);
                false
            }
            (Some(open), character) if open == *character => {
                quote = None;
                false
            }
            (open, _) => open.is_none(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_is_read_outside_of_its_texts() {
        let expiry = |definition: &str| {
            let mut account = Account::default();
            account.read_definition(definition);
            (account.locked, account.expiry)
        };
        let quoted = "CREATE USER `x ACCOUNT LOCK`@`h` IDENTIFIED BY PASSWORD '* PASSWORD EXPIRE NEVER'";
        assert_eq!(expiry(quoted), (false, Expiry::Default));
        let both = "CREATE USER `x`@`h` PASSWORD EXPIRE INTERVAL 9 DAY ACCOUNT LOCK";
        assert_eq!(expiry(both), (true, Expiry::Days(9)));
        assert_eq!(expiry("CREATE USER `x`@`h` PASSWORD EXPIRE"), (false, Expiry::Now));
        assert_eq!(expiry("CREATE USER `x`@`h` PASSWORD EXPIRE NEVER"), (false, Expiry::Never));
    }
}
