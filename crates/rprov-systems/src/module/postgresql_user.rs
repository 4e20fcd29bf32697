//! `postgresql_user`: users (roles) of a PostgreSQL server.

use rprov_wire::{Map, Value};

use crate::postgres::transaction::Transaction;
use crate::postgres::{Login, connection::md5, literal, scram};
use rprov_modules::argument::Secret;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the user is there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Add, change or remove users (roles) of a PostgreSQL server.
    pub struct Arguments + Login {
        /// Name of the user.
        name | user: String,
        /// The password, as it is or as the server keeps it.
        password: Option<Secret>,
        /// Has no effect: passwords are always kept hashed.
        encrypted: bool = true,
        /// Database to connect to.
        login_db | db: String = String::new(),
        /// Whether it is an error if the user cannot be removed.
        fail_on_user | fail_on_role: bool = true,
        /// What the user may do, as `CREATEDB,NOSUPERUSER`.
        role_attr_flags: String = String::new(),
        /// Role to become.
        session_role: Option<String>,
        /// Whether the user is there.
        state: State = State::Present,
        /// When the password expires; `infinity` for never.
        expires: Option<String>,
        /// Leave the password of a user that is there already.
        no_password_changes: bool = false,
        /// How many connections the user may have; -1 for any number.
        conn_limit: Option<i64>,
        /// Comment on the user; an empty one takes it away.
        comment: Option<String>,
        /// Settings of the user's sessions.
        configuration: Map = Map::new(),
        /// Take away settings that are not named.
        reset_unspecified_configuration: bool = false,
        /// Values of settings are quoted.
        quote_configuration_values: bool = true,
        /// Has no effect: all that goes into statements is quoted.
        trust_input: bool = true,
    }
}

/// How a password is shown.
const PASSWORD: &str = "ENCRYPTED PASSWORD %(password)s";

/// Words for what a user may do, with the columns that tell it.
const FLAGS: [(&str, &str); 7] = [
    ("SUPERUSER", "rolsuper"),
    ("CREATEROLE", "rolcreaterole"),
    ("CREATEDB", "rolcreatedb"),
    ("INHERIT", "rolinherit"),
    ("LOGIN", "rolcanlogin"),
    ("REPLICATION", "rolreplication"),
    ("BYPASSRLS", "rolbypassrls"),
];

/// Bring the user to its state.
///
/// # Errors
/// The server cannot be reached or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let flags = flags(&arguments.role_attr_flags)?;
    let login = &arguments.attributes;
    let connection = login.connect(Some(&arguments.login_db), arguments.session_role.as_deref(), context)?;
    let mut task = Task {
        transaction: Transaction::begin(connection, context)?,
        arguments: &arguments,
        name: literal::name(&arguments.name),
    };
    let there = task.find()?;
    let outcome = |changed: bool, queries: Vec<String>| {
        Outcome::new(changed)
            .with("user", arguments.name.as_str())
            .with("queries", queries.into_iter().map(Value::from).collect::<Vec<_>>())
    };
    match (arguments.state, there) {
        (State::Absent, None) => {
            task.transaction.end()?;
            Ok(outcome(false, Vec::new()))
        }
        (State::Absent, Some(_)) => {
            let statement = format!("DROP USER {}", task.name);
            match task.transaction.attempt(&statement)? {
                Ok(_) => {
                    task.transaction.note(&statement);
                    let (changed, queries) = task.transaction.end()?;
                    Ok(outcome(changed, queries).with("user_removed", true))
                }
                Err(error) if arguments.fail_on_user => Err(Failure::new(format!(
                    "Unable to remove user: {error}; take away what the user owns and may do first \
                     (postgresql_owner, postgresql_privs)"
                ))),
                Err(error) => {
                    task.transaction.undo()?;
                    let warnings = vec![Value::from(format!("the user was not removed: {error}"))];
                    Ok(outcome(false, Vec::new()).with("user_removed", false).with("warnings", warnings))
                }
            }
        }
        (State::Present, None) => {
            task.create(&flags)?;
            let fresh = task.find()?.unwrap_or_default();
            task.comment(&fresh)?;
            task.configure(&fresh)?;
            let (changed, queries) = task.transaction.end()?;
            Ok(outcome(changed, queries))
        }
        (State::Present, Some(role)) => {
            task.alter(&role, &flags)?;
            task.comment(&role)?;
            task.configure(&role)?;
            let (changed, queries) = task.transaction.end()?;
            Ok(outcome(changed, queries))
        }
    }
}

/// The flags, each with whether it is to be set.
fn flags(text: &str) -> Result<Vec<(usize, bool)>, Failure> {
    let mut found = Vec::new();
    for word in text.split(',').map(|word| word.trim().to_ascii_uppercase()).filter(|word| !word.is_empty()) {
        let (name, on) = match word.strip_prefix("NO") {
            Some(name) => (name, false),
            None => (word.as_str(), true),
        };
        let index = FLAGS.iter().position(|(known, _)| *known == name).ok_or_else(|| {
            let known: Vec<&str> = FLAGS.iter().map(|(known, _)| *known).collect();
            Failure::new(format!(
                "Invalid role_attr_flags specified: {word}; there are {}, each also with NO before it",
                known.join(", ")
            ))
        })?;
        found.push((index, on));
    }
    Ok(found)
}

fn flag_words(flags: impl IntoIterator<Item = (usize, bool)>) -> Vec<String> {
    let word = |(index, on): (usize, bool)| {
        let name = FLAGS.get(index).map_or("", |(name, _)| name);
        if on { name.to_owned() } else { format!("NO{name}") }
    };
    flags.into_iter().map(word).collect()
}

/// A role as it is.
#[derive(Default)]
struct Role {
    flags: Vec<bool>,
    limit: i64,
    comment: String,
    settings: Vec<(String, String)>,
    same_expiry: bool,
}

struct Task<'a> {
    transaction: Transaction,
    arguments: &'a Arguments,
    name: String,
}

impl Task<'_> {
    fn find(&mut self) -> Result<Option<Role>, Failure> {
        let columns: Vec<&str> = FLAGS.iter().map(|(_, column)| *column).collect();
        let expires = self.arguments.expires.as_deref().map_or("true".to_owned(), |expires| {
            // A password that never expires has no date, or one at the end of time.
            format!("coalesce(rolvaliduntil, 'infinity') = {}::timestamptz", literal::text(expires))
        });
        let answer = self.transaction.query(&format!(
            "SELECT {}, rolconnlimit, coalesce(shobj_description(oid, 'pg_authid'), ''), {expires} FROM pg_roles \
             WHERE rolname = {}",
            columns.join(", "),
            literal::text(&self.arguments.name)
        ))?;
        let Some(row) = answer.rows.first() else { return Ok(None) };
        let cell = |index: usize| row.get(index).and_then(Option::as_deref).unwrap_or_default();
        let settings = self.transaction.query(&format!(
            "SELECT unnest(setconfig) FROM pg_db_role_setting WHERE setdatabase = 0 AND setrole = \
             (SELECT oid FROM pg_roles WHERE rolname = {})",
            literal::text(&self.arguments.name)
        ))?;
        let settings = settings.texts(0).filter_map(|text| text.split_once('='));
        Ok(Some(Role {
            flags: (0..FLAGS.len()).map(|index| cell(index) == "t").collect(),
            limit: cell(FLAGS.len()).parse().unwrap_or(-1),
            comment: cell(FLAGS.len() + 1).to_owned(),
            same_expiry: cell(FLAGS.len() + 2) == "t",
            settings: settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }))
    }

    /// What stands behind `PASSWORD` for the option, as the server is to keep it: the password is in no statement.
    fn password(&mut self) -> Result<Option<String>, Failure> {
        let Some(password) = self.arguments.password.as_ref().map(Secret::expose) else { return Ok(None) };
        if password.is_empty() {
            return Ok(Some("NULL".to_owned()));
        }
        if is_hash(password) {
            return Ok(Some(literal::text(password)));
        }
        let manner = self.transaction.query("SHOW password_encryption")?;
        let kept = if manner.first() == Some("scram-sha-256") {
            scram::keep(password).map_err(Failure::new)?
        } else {
            format!("md5{}", md5(&[password.as_bytes(), self.arguments.name.as_bytes()]))
        };
        Ok(Some(literal::text(&kept)))
    }

    fn same_password(&mut self) -> Result<bool, Failure> {
        let Some(password) = self.arguments.password.as_ref().map(Secret::expose) else { return Ok(true) };
        let statement =
            format!("SELECT rolpassword FROM pg_authid WHERE rolname = {}", literal::text(&self.arguments.name));
        // Who may not look at it cannot compare.
        let Ok(answer) = self.transaction.attempt(&statement)? else { return Ok(false) };
        let kept = answer.first().unwrap_or_default();
        if password.is_empty() || is_hash(password) {
            return Ok(kept == password);
        }
        Ok(scram::is_kept(kept, password)
            .unwrap_or_else(|| kept == format!("md5{}", md5(&[password.as_bytes(), self.arguments.name.as_bytes()]))))
    }

    fn create(&mut self, flags: &[(usize, bool)]) -> Result<(), Failure> {
        let mut words = Vec::new();
        let password = self.password()?;
        if password.is_some() {
            words.push(PASSWORD.to_owned());
        }
        words.extend(self.expiry());
        words.extend(self.arguments.conn_limit.map(|limit| format!("CONNECTION LIMIT {limit}")));
        words.extend(flag_words(flags.iter().copied()));
        let mut shown = format!("CREATE USER {}", self.name);
        if !words.is_empty() {
            shown.push_str(&format!(" WITH {}", words.join(" ")));
        }
        self.change(shown, password)
    }

    fn expiry(&self) -> Option<String> {
        self.arguments.expires.as_deref().map(|expires| format!("VALID UNTIL {}", literal::text(expires)))
    }

    /// Run a statement with the password in its place.
    fn change(&mut self, shown: String, password: Option<String>) -> Result<(), Failure> {
        let statement = match password {
            // There is nothing that could be encrypted.
            Some(password) if password == "NULL" => shown.replacen(PASSWORD, "PASSWORD NULL", 1),
            Some(password) => shown.replacen("%(password)s", &password, 1),
            None => shown.clone(),
        };
        Ok(self.transaction.change_shown(&statement, &shown)?)
    }

    fn alter(&mut self, role: &Role, flags: &[(usize, bool)]) -> Result<(), Failure> {
        let mut words = Vec::new();
        let mut password = None;
        if !self.arguments.no_password_changes && !self.same_password()? {
            password = self.password()?;
            words.push(PASSWORD.to_owned());
        }
        if !role.same_expiry {
            words.extend(self.expiry());
        }
        if let Some(limit) = self.arguments.conn_limit.filter(|limit| *limit != role.limit) {
            words.push(format!("CONNECTION LIMIT {limit}"));
        }
        let other = flags.iter().copied().filter(|(index, on)| role.flags.get(*index) != Some(on));
        words.extend(flag_words(other));
        if words.is_empty() {
            return Ok(());
        }
        self.change(format!("ALTER USER {} WITH {}", self.name, words.join(" ")), password)
    }

    fn comment(&mut self, role: &Role) -> Result<(), Failure> {
        if let Some(comment) = self.arguments.comment.as_ref().filter(|comment| **comment != role.comment) {
            let statement = format!("COMMENT ON ROLE {} IS {}", self.name, literal::text(comment));
            self.transaction.change(&statement)?;
        }
        Ok(())
    }

    fn configure(&mut self, role: &Role) -> Result<(), Failure> {
        let arguments = self.arguments;
        for (name, value) in &arguments.configuration {
            if name.contains(['"', '\'']) {
                return Err(Failure::new(format!("configuration: `{name}` is no name of a setting")));
            }
            let value = match value {
                Value::Bool(flag) => if *flag { "on" } else { "off" }.to_owned(),
                other => other.as_str().map_or_else(|| other.to_string(), str::to_owned),
            };
            let plain = if arguments.quote_configuration_values { &value } else { value.trim_matches('\'') };
            let current = role.settings.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            if current.is_some_and(|(_, current)| current == plain) {
                continue;
            }
            let value = if arguments.quote_configuration_values { literal::text(&value) } else { value };
            self.transaction.change(&format!("ALTER ROLE {} SET {} TO {value}", self.name, setting(name)))?;
        }
        if arguments.reset_unspecified_configuration {
            let named = |name: &str| arguments.configuration.keys().any(|known| known.eq_ignore_ascii_case(name));
            for (name, _) in role.settings.iter().filter(|(name, _)| !named(name)) {
                self.transaction.change(&format!("ALTER ROLE {} RESET {}", self.name, setting(name)))?;
            }
        }
        Ok(())
    }
}

/// The name of a setting, whose parts are quoted each by itself.
fn setting(name: &str) -> String {
    literal::path(name)
}

/// The password is what the server keeps of one.
fn is_hash(password: &str) -> bool {
    let md5 = password.strip_prefix("md5");
    md5.is_some_and(|digits| digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        || (password.starts_with("SCRAM-SHA-256$") && scram::is_kept(password, "").is_some())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn flags_are_read_and_written() {
        assert_eq!(flag_words(flags("createdb, NOSUPERUSER").unwrap()), ["CREATEDB", "NOSUPERUSER"]);
        assert!(flags("BOGUS").unwrap_err().message.contains("BOGUS; there are SUPERUSER"));
        assert!(flags("").unwrap().is_empty());
    }

    #[test]
    fn a_hash_is_known() {
        assert!(is_hash("md53175bce1d3201d16594cebf9d7eb3f9d"));
        assert!(!is_hash("md5 is my password") && !is_hash("SCRAM-SHA-256$x"));
        assert!(is_hash(&scram::keep("secret").unwrap()));
    }
}
