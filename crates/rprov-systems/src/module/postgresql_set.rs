//! `postgresql_set`: settings of a PostgreSQL server.

use rprov_wire::{Map, Value};

use crate::postgres::{Connection, Login, literal};
use rprov_modules::argument::Rule;
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Change a setting of a PostgreSQL server.
    pub struct Arguments + Login {
        /// Name of the setting.
        name: String,
        /// Its value; `default` takes it out of postgresql.auto.conf.
        value: Option<String>,
        /// Give it the value that it has without any configuration.
        reset: bool = false,
        /// Role to become.
        session_role: Option<String>,
        /// Database to connect to.
        login_db | db: Option<String>,
        /// Has no effect: all that goes into statements is quoted.
        trust_input: bool = true,
    }
    rules: [Rule::Exclusive(&["value", "reset"])]
}

/// Compare, and change the setting if it is another.
///
/// # Errors
/// The server cannot be reached, has no such setting, or refuses the value.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let name = arguments.name.as_str();
    if arguments.value.is_none() && !arguments.reset {
        return Err(Failure::new(format!("{name}: at least one of value or reset param must be specified")));
    }
    let login = &arguments.attributes;
    let mut connection = login.connect(arguments.login_db.as_deref(), arguments.session_role.as_deref(), context)?;
    let before = Setting::read(&mut connection, name)?;
    if before.context == "internal" {
        return Err(Failure::new(format!(
            "{name}: cannot be changed (internal context): it is fixed when the server is built or its data directory made"
        )));
    }
    let restart = before.context == "postmaster";
    let wanted = arguments.value.as_deref();
    let unset = wanted.is_some_and(|value| value.eq_ignore_ascii_case("default"));
    let target = if arguments.reset { before.boot.clone() } else { wanted.unwrap_or_default().to_owned() };
    // What needs a restart is what the files say, not what the server does until then.
    let planned = if restart { in_files(&mut connection, name)? } else { None };
    let present = planned.as_deref().unwrap_or(&before.raw);
    let changed = unset || !same(present, &target, &before.unit);
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    let quoted = if plain { name.to_owned() } else { literal::path(name) };
    let statement = if arguments.reset || unset {
        format!("ALTER SYSTEM RESET {quoted}")
    } else {
        format!("ALTER SYSTEM SET {quoted} = {}", literal::text(&target))
    };
    let mut queries = Vec::new();
    let mut after = before.clone();
    if changed && !context.check() {
        connection.query(&statement)?;
        connection.query("SELECT pg_reload_conf()")?;
        queries.push(Value::from(statement));
        for _ in 0..20 {
            after = Setting::read(&mut connection, name)?;
            if restart || after.raw != before.raw {
                break;
            }
            // The server's processes read their files one after the other.
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    let pretty = if changed && (context.check() || restart) && !unset { target } else { after.pretty.clone() };
    let mut outcome = Outcome::new(changed)
        .with("name", name)
        .with("context", before.context.as_str())
        .with("prev_val_pretty", before.pretty.as_str())
        .with("value_pretty", pretty)
        .with(
            "restart_required",
            restart && (changed || planned.is_some_and(|planned| !same(&planned, &before.raw, &before.unit))),
        )
        .with("queries", queries);
    if !restart {
        outcome = outcome.with("value", after.value());
    } else if changed {
        let warning = format!("Restart of PostgreSQL is required for setting {name}");
        outcome = outcome.with("warnings", vec![Value::from(warning)]);
    }
    Ok(outcome)
}

/// A setting as it is.
#[derive(Clone, Default)]
struct Setting {
    raw: String,
    unit: String,
    context: String,
    boot: String,
    pretty: String,
}

impl Setting {
    fn read(connection: &mut Connection, name: &str) -> Result<Self, Failure> {
        let answer = connection.query(&format!(
            "SELECT setting, coalesce(unit, ''), context, coalesce(boot_val, ''), current_setting(name) FROM pg_settings \
             WHERE lower(name) = lower({})",
            literal::text(name)
        ))?;
        let row = answer.rows.first().ok_or_else(|| {
            Failure::new(format!("Unable to get {name} value due to: unrecognized configuration parameter \"{name}\""))
        })?;
        let cell = |index: usize| row.get(index).cloned().flatten().unwrap_or_default();
        Ok(Self { raw: cell(0), unit: cell(1), context: cell(2), boot: cell(3), pretty: cell(4) })
    }

    /// Sizes in bytes; anything else as it is.
    fn value(&self) -> Map {
        let size = memory(&self.unit).and_then(|unit| Some(unit * self.raw.parse::<f64>().ok()?));
        let (unit, value) = match size {
            Some(size) => (Value::from("b"), Value::Int(size as i64)),
            None => {
                let unit = Some(self.unit.clone()).filter(|unit| !unit.is_empty());
                (unit.map_or(Value::Null, Value::from), self.raw.as_str().into())
            }
        };
        Map::from_iter([("value".to_owned(), value), ("unit".to_owned(), unit)])
    }
}

/// The value that the server's files have, which it takes at its next start.
fn in_files(connection: &mut Connection, name: &str) -> Result<Option<String>, Failure> {
    let statement = format!(
        "SELECT setting FROM pg_file_settings WHERE lower(name) = lower({}) \
         ORDER BY seqno DESC LIMIT 1",
        literal::text(name)
    );
    // Only a superuser may look at it.
    match connection.query(&statement) {
        Ok(answer) => Ok(answer.first().map(str::to_owned)),
        Err(error) if error.code() == Some("42501") => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How many bytes a unit of memory has.
fn memory(unit: &str) -> Option<f64> {
    let digits = unit.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = unit.split_at_checked(digits)?;
    let number = if number.is_empty() { 1.0 } else { number.parse().ok()? };
    let power = ["B", "kB", "MB", "GB", "TB"].iter().position(|known| *known == unit)?;
    Some(number * 1024_f64.powi(i32::try_from(power).ok()?))
}

/// How many microseconds a unit of time has.
fn time(unit: &str) -> Option<f64> {
    let units = [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("min", 6e7), ("h", 3.6e9), ("d", 8.64e10)];
    units.iter().find(|(known, _)| *known == unit).map(|(_, size)| *size)
}

/// A number with its unit, in the smallest one; without a unit it is in that of the setting.
fn measured(text: &str, unit: &str) -> Option<f64> {
    let text = text.trim();
    let end = text.find(|character: char| character.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, own) = text.split_at_checked(end)?;
    let number = number.trim().parse::<f64>().ok()?;
    let own = if own.is_empty() { unit } else { own };
    if own.is_empty() {
        return Some(number);
    }
    // Negative numbers are switches (-1 for off), whatever the unit.
    if number < 0.0 {
        return Some(number);
    }
    memory(own)
        .filter(|_| memory(unit).is_some())
        .or_else(|| time(own).filter(|_| time(unit).is_some()))
        .map(|size| size * number)
}

/// Two values that a setting of that unit takes as one.
fn same(one: &str, other: &str, unit: &str) -> bool {
    let switch = |text: &str| match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    };
    match (measured(one, unit), measured(other, unit)) {
        (Some(one), Some(other)) => one == other,
        _ => one == other || (switch(one).is_some() && switch(one) == switch(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_compared_by_their_units() {
        assert!(same("8192", "8MB", "kB") && same("16384", "128MB", "8kB"));
        assert!(same("300", "5min", "s") && same("1000", "1s", "ms"));
        assert!(same("-1", "-1", "kB") && same("on", "true", "") && same("100", "100", ""));
        assert!(!same("8192", "9MB", "kB") && !same("on", "off", "") && !same("a", "b", ""));
    }

    #[test]
    fn sizes_are_told_in_bytes() {
        let setting = Setting { raw: "8192".to_owned(), unit: "kB".to_owned(), ..Setting::default() };
        assert_eq!(setting.value().get("value"), Some(&Value::Int(8 << 20)));
    }
}
