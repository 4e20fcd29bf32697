//! `postgresql_ping`: whether a PostgreSQL server answers, and which version it has.

use rprov_wire::{Map, Value};

use crate::postgres::Login;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Tell whether a PostgreSQL server can be reached.
    pub struct Arguments + Login {
        /// Database to connect to.
        login_db | db: Option<String>,
        /// Role to become.
        session_role: Option<String>,
        /// Has no effect: all that goes into statements is quoted.
        trust_input: bool = true,
    }
}

/// Connect, and ask for the version.
///
/// # Errors
/// None of the server's: that it cannot be reached is what is told.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let login = &arguments.attributes;
    let asked = login
        .connect(arguments.login_db.as_deref(), arguments.session_role.as_deref(), context)
        .and_then(|mut connection| Ok(connection.query("SELECT version(), current_setting('server_version_num')")?));
    let (available, version, message) = match asked {
        Ok(answer) => {
            let cell = |index: usize| answer.texts(index).next().unwrap_or_default().to_owned();
            (true, version(&cell(0), cell(1).parse().unwrap_or_default()), String::new())
        }
        Err(failure) => (false, Map::new(), failure.message),
    };
    let outcome = Outcome::unchanged()
        .with("is_available", available)
        .with("server_version", version)
        .with("conn_err_msg", message.as_str());
    Ok(if available {
        outcome
    } else {
        outcome.with("warnings", vec![Value::from(format!("PostgreSQL server is unavailable: {message}"))])
    })
}

/// `150018` as 15.18, and `90624` as 9.6.24.
fn version(raw: &str, number: i64) -> Map {
    let (major, minor, patch) = (number / 10_000, number / 100 % 100, number % 100);
    let mut map = Map::new();
    let minor = if major >= 10 { number % 10_000 } else { minor };
    let full = if major >= 10 { format!("{major}.{minor}") } else { format!("{major}.{minor}.{patch}") };
    map.insert("full".to_owned(), full.into());
    map.insert("major".to_owned(), major.into());
    map.insert("minor".to_owned(), minor.into());
    if major < 10 {
        map.insert("patch".to_owned(), patch.into());
    }
    map.insert("raw".to_owned(), raw.into());
    map
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_their_number() {
        assert_eq!(version("", 150_018).get("full"), Some(&"15.18".into()));
        assert_eq!(version("", 90_624).get("full"), Some(&"9.6.24".into()));
    }
}
