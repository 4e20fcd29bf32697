//! `mysql_variables`: global variables of a MySQL or MariaDB server.

use rprov_wire::Value;

use crate::mysql::login::{Login, Wishes};
use crate::mysql::server::Server;
use crate::mysql::{Connection, literal};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Where the value is set.
    pub enum Mode { Global = "global", Persist = "persist", PersistOnly = "persist_only" }
}

arguments! {
    /// Look at or set a global variable of a MySQL or MariaDB server.
    pub struct Arguments + Login {
        /// Name of the variable.
        variable: String,
        /// The value that it is to have; it is only looked at if not given.
        value: Option<String>,
        /// Until the server ends, or also after it; the latter only on MySQL 8 and later.
        mode: Mode = Mode::Global,
    }
}

/// Compare, and set the variable if it is another.
///
/// # Errors
/// The server cannot be reached, has no such variable, or refuses the value.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (mysql_variables) does not support check mode"));
    }
    let name = arguments.variable.as_str();
    let known = |character: char| character.is_ascii_alphanumeric() || character == '_' || character == '.';
    if name.is_empty() || !name.chars().all(known) {
        return Err(Failure::new(format!("invalid variable name \"{name}\"")));
    }
    let mut connection = arguments.attributes.connect(Wishes::default(), context)?;
    let persist = arguments.mode != Mode::Global;
    if persist && !Server::of(connection.version()).is_mysql(8, 0) {
        return Err(Failure::new(format!(
            "mode={} needs MySQL 8.0 or later, and this is {}; use mode=global, and the server's configuration file",
            arguments.mode.word(),
            connection.version()
        )));
    }
    let found =
        connection.query(&format!("SHOW GLOBAL VARIABLES WHERE Variable_name = {}", literal::text(name, true)))?;
    let current = found.rows.first().and_then(|row| row.get(1)?.clone());
    let current = current.ok_or_else(|| Failure::new(format!("Variable not available \"{name}\"")))?;
    let Some(wanted) = &arguments.value else {
        return Ok(Outcome::unchanged().with("msg", current));
    };
    let value = Wanted::of(wanted, &current);
    let kept = if persist { persisted(&mut connection, name)? } else { None };
    let settled = match arguments.mode {
        Mode::Global => value.is(&current),
        Mode::Persist => value.is(&current) && kept.is_some_and(|kept| value.is(&kept)),
        Mode::PersistOnly => kept.is_some_and(|kept| value.is(&kept)),
    };
    if settled {
        return Ok(Outcome::unchanged().with("msg", "Variable is already set to requested value."));
    }
    let scope = arguments.mode.word().to_ascii_uppercase();
    let name = name.split('.').map(literal::name).collect::<Vec<_>>().join(".");
    let statement = format!("SET {scope} {name} = {}", value.sql(connection.no_backslash()));
    connection.query(&statement)?;
    Ok(Outcome::new(true)
        .with("msg", format!("Variable change succeeded prev_value={current}"))
        .with("queries", vec![Value::from(statement)]))
}

fn persisted(connection: &mut Connection, name: &str) -> Result<Option<String>, Failure> {
    let answer = connection.query(&format!(
        "SELECT VARIABLE_VALUE FROM performance_schema.persisted_variables WHERE VARIABLE_NAME = {}",
        literal::text(name, true)
    ))?;
    Ok(answer.first().map(str::to_owned))
}

/// What a variable is to be.
#[derive(Clone, Debug, PartialEq)]
enum Wanted {
    Switch(bool),
    Number(f64, String),
    Text(String),
}

impl Wanted {
    /// A word such as `true` is a switch only where the variable is one.
    fn of(text: &str, current: &str) -> Self {
        let switch = matches!(current, "ON" | "OFF");
        match text.to_ascii_uppercase().as_str() {
            "ON" | "1" | "TRUE" | "YES" if switch => Wanted::Switch(true),
            "OFF" | "0" | "FALSE" | "NO" if switch => Wanted::Switch(false),
            _ => match text.parse::<f64>() {
                // An infinite number is the name of something else.
                Ok(number) if number.is_finite() => Wanted::Number(number, text.to_owned()),
                _ => Wanted::Text(text.to_owned()),
            },
        }
    }

    fn is(&self, current: &str) -> bool {
        match self {
            Wanted::Switch(on) => matches!((on, current), (true, "ON" | "1") | (false, "OFF" | "0")),
            Wanted::Number(number, text) => {
                current == text || current.parse::<f64>().is_ok_and(|current| current == *number)
            }
            Wanted::Text(text) => current == text || (switch_word(text) && text.eq_ignore_ascii_case(current)),
        }
    }

    fn sql(&self, no_backslash: bool) -> String {
        match self {
            Wanted::Switch(true) => "ON".to_owned(),
            Wanted::Switch(false) => "OFF".to_owned(),
            Wanted::Number(_, text) => text.trim().to_owned(),
            Wanted::Text(text) => literal::text(text, no_backslash),
        }
    }
}

fn switch_word(text: &str) -> bool {
    text.eq_ignore_ascii_case("on") || text.eq_ignore_ascii_case("off")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_what_the_variable_is() {
        assert!(Wanted::of("1", "ON").is("ON"));
        assert!(Wanted::of("on", "OFF").is("ON") && !Wanted::of("on", "OFF").is("OFF"));
        assert!(Wanted::of("151", "151").is("151"));
        assert!(Wanted::of("1.0", "1.000000").is("1.000000"));
        assert_eq!(Wanted::of("1", "2").sql(false), "1");
        assert_eq!(Wanted::of("it's", "").sql(false), "'it''s'");
        assert_eq!(Wanted::of("inf", "").sql(false), "'inf'");
        assert_eq!(Wanted::of("true", "OFF").sql(false), "ON");
    }
}
