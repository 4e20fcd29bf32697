//! `postgresql_query`: statements for a PostgreSQL server.

use std::time::Instant;

use rprov_wire::{Map, Value};

use crate::postgres::{Answer, Login, literal};
use crate::substitution::{self, Given};
use rprov_modules::argument::{Raw, Rule};
use rprov_modules::arguments;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};

arguments! {
    /// Run statements on a PostgreSQL server.
    pub struct Arguments + Login {
        /// The statement, or a list of them.
        query: Option<Raw>,
        /// Values for each `%s` in the statements.
        positional_args: Option<Vec<Raw>>,
        /// Values for each `%(name)s` in the statements.
        named_args: Option<Map>,
        /// Role to become.
        session_role: Option<String>,
        /// Database to connect to.
        login_db | db: Option<String>,
        /// Run each statement by itself, outside of a transaction.
        autocommit: bool = false,
        /// Encoding of the session.
        encoding: Option<String>,
        /// Has no effect: all that goes into statements is quoted.
        trust_input: bool = true,
        /// Schemas to look in.
        search_path: Option<Vec<String>>,
    }
    rules: [Rule::Exclusive(&["positional_args", "named_args"])]
}

/// Run the statements, in one transaction if not said otherwise; in check mode it is rolled back.
///
/// # Errors
/// The server cannot be reached, or refuses a statement.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.autocommit && context.check() {
        return Err(Failure::new("Using autocommit is mutually exclusive with check_mode: it cannot be rolled back"));
    }
    let Some(Raw(query)) = &arguments.query else {
        return Err(Failure::new("query: there is no statement to run"));
    };
    let statements = substitution::statements("query", query)?;
    let given = Given::new(arguments.positional_args.as_deref(), arguments.named_args.as_ref());
    let login = &arguments.attributes;
    let mut connection = login.connect(arguments.login_db.as_deref(), arguments.session_role.as_deref(), context)?;
    if let Some(encoding) = &arguments.encoding
        && !encoding.replace('-', "").eq_ignore_ascii_case("utf8")
    {
        return Err(Failure::new("encoding: results travel as UTF-8 only; leave it out, the server converts them"));
    }
    if let Some(schemas) = &arguments.search_path {
        let schemas: Vec<String> = schemas.iter().map(|schema| literal::name(schema)).collect();
        connection.query(&format!("SET search_path TO {}", schemas.join(", ")))?;
    }
    if !arguments.autocommit {
        connection.query("BEGIN")?;
    }
    let mut done = Done::default();
    for text in &statements {
        let statement = substitution::fill(text, &given, &literal::value)?;
        let started = Instant::now();
        let answers = connection.run(&statement)?;
        done.times.push((started.elapsed().as_secs_f64() * 10_000_000.0).round() / 10_000.0);
        done.take(statement, answers);
    }
    if !arguments.autocommit {
        connection.query(if context.check() { "ROLLBACK" } else { "COMMIT" })?;
    }
    let last = done.results.last().cloned().unwrap_or_else(|| Map::new().into());
    Ok(Outcome::new(done.changed)
        .with("query", done.last)
        .with("query_list", statements.iter().map(|text| Value::from(*text)).collect::<Vec<_>>())
        .with("statusmessage", done.status)
        .with("query_result", last)
        .with("query_all_results", done.results)
        .with("rowcount", done.count)
        .with("execution_time_ms", done.times))
}

#[derive(Default)]
struct Done {
    changed: bool,
    last: String,
    status: String,
    results: Vec<Value>,
    count: u64,
    times: Vec<f64>,
}

impl Done {
    fn take(&mut self, statement: String, answers: Vec<Answer>) {
        self.changed |= answers.iter().any(changes);
        self.count += answers.iter().map(Answer::count).sum::<u64>();
        let answer = answers.into_iter().next_back().unwrap_or_default();
        // No rows and no columns are an empty map, as the reference has it.
        let rows = answer.maps();
        self.results.push(if answer.columns.is_empty() { Map::new().into() } else { Value::List(rows) });
        self.status = answer.status;
        self.last = statement;
    }
}

/// Whether a statement changed something, by what it says of itself.
fn changes(answer: &Answer) -> bool {
    match answer.status.split(' ').next().unwrap_or_default() {
        "" | "SELECT" | "SHOW" | "EXPLAIN" | "FETCH" | "VALUES" | "BEGIN" | "COMMIT" | "ROLLBACK" => false,
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "COPY" => answer.count() > 0,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_something_is_a_change() {
        let changed = |status: &str| changes(&Answer { status: status.to_owned(), ..Answer::default() });
        assert!(changed("INSERT 0 1") && changed("CREATE TABLE") && changed("UPDATE 2"));
        assert!(!changed("UPDATE 0") && !changed("SELECT 5") && !changed(""));
    }
}
