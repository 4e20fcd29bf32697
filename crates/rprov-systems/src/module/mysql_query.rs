//! `mysql_query`: statements for a MySQL or MariaDB server.

use std::time::Instant;

use rprov_wire::{Map, Value};

use crate::mysql::login::{Login, Wishes};
use crate::mysql::{Answer, Connection, MysqlError, literal};
use crate::substitution::{self, Given};
use rprov_modules::argument::{Raw, Rule};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Run statements on a MySQL or MariaDB server.
    pub struct Arguments + Login {
        /// The statement, or a list of them.
        query: Raw,
        /// Values for each `%s` in the statements.
        positional_args: Option<Vec<Raw>>,
        /// Values for each `%(name)s` in the statements.
        named_args: Option<Map>,
        /// Database to use.
        login_db: Option<String>,
        /// Run all statements in one transaction.
        single_transaction: bool = false,
    }
    rules: [Rule::Exclusive(&["positional_args", "named_args"])]
}

/// Run the statements.
///
/// # Errors
/// The server cannot be reached, or refuses a statement.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (mysql_query) does not support check mode"));
    }
    let statements = substitution::statements("query", &arguments.query.0)?;
    let wishes = Wishes { database: arguments.login_db.as_deref(), ..Wishes::default() };
    let mut connection = arguments.attributes.connect(wishes, context)?;
    let given = Given::new(arguments.positional_args.as_deref(), arguments.named_args.as_ref());
    let mut done = Done::default();
    if arguments.single_transaction {
        connection.query("SET autocommit=0")?;
    }
    for statement in statements {
        let no_backslash = connection.no_backslash();
        let statement = substitution::fill(statement, &given, &|value| written(value, no_backslash))?;
        done.run(&mut connection, statement).map_err(|error| {
            // Without a commit the server forgets the others.
            let hint = if arguments.single_transaction { "; the transaction was rolled back" } else { "" };
            Failure::new(format!("Cannot execute SQL: {error}{hint}"))
        })?;
    }
    if arguments.single_transaction {
        connection.query("COMMIT")?;
    }
    Ok(Outcome::new(done.changed)
        .with("executed_queries", done.executed)
        .with("query_result", done.results)
        .with("rowcount", done.counts)
        .with("execution_time_ms", done.times))
}

#[derive(Default)]
struct Done {
    changed: bool,
    executed: Vec<String>,
    results: Vec<Value>,
    counts: Vec<u64>,
    times: Vec<f64>,
}

impl Done {
    fn run(&mut self, connection: &mut Connection, statement: String) -> Result<(), MysqlError> {
        let started = Instant::now();
        let answers = connection.run(&statement)?;
        self.times.push((started.elapsed().as_secs_f64() * 10_000_000.0).round() / 10_000.0);
        self.changed |= answers.iter().any(|answer| changes(&statement, answer));
        let answer = answers.into_iter().next().unwrap_or_default();
        self.counts.push(answer.affected);
        self.results.push(Value::List(answer.maps()));
        self.executed.push(statement);
        Ok(())
    }
}

/// Whether the statement changed something, as far as its answer tells.
fn changes(statement: &str, answer: &Answer) -> bool {
    let words = substitution::words(statement, 12);
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    match word(0) {
        // `IF EXISTS` and `IF NOT EXISTS` leave a note where there was nothing to do.
        "CREATE" | "DROP" | "ALTER" if words.iter().any(|word| word == "IF") => answer.warnings == 0,
        "CREATE" | "DROP" | "ALTER" | "RENAME" | "TRUNCATE" | "GRANT" | "REVOKE" => true,
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "CALL" | "WITH" => {
            // With columns, it is what `RETURNING` or a procedure gives back.
            let rows = answer.columns.is_empty() || matches!(word(0), "INSERT" | "DELETE" | "REPLACE");
            rows && answer.affected > 0
        }
        _ => false,
    }
}

/// A value as a statement has it.
fn written(value: &Value, no_backslash: bool) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Bool(flag) => i32::from(*flag).to_string(),
        Value::Float(number) => format!("{number}e0"),
        Value::String(text) => literal::text(text, no_backslash),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(|item| written(item, no_backslash)).collect();
            format!("({})", items.join(","))
        }
        Value::Map(_) => literal::text(&value.to_string(), no_backslash),
        number => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_by_their_types() {
        let values = vec![Value::Int(1), 2.5.into(), "it's".into(), Value::Null, true.into()];
        assert_eq!(written(&Value::List(values), false), "(1,2.5e0,'it''s',NULL,1)");
    }

    #[test]
    fn only_what_changes_something_is_a_change() {
        let done = |affected, warnings| Answer { affected, warnings, ..Answer::default() };
        assert!(changes("/* x */ create database q", &done(1, 0)));
        assert!(!changes("CREATE DATABASE IF NOT EXISTS q", &done(1, 1)));
        assert!(changes("drop table if exists q", &done(0, 0)));
        assert!(!changes("update t set a=1", &done(0, 0)));
        assert!(changes("-- note\nupdate t set a=1", &done(1, 0)));
        assert!(!changes("select 1", &done(1, 0)));
        assert!(!changes("set @a = 1", &done(0, 0)));
    }
}
