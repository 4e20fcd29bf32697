//! `postgresql_ext`: extensions in a PostgreSQL database.

use rprov_wire::Value;

use crate::postgres::transaction::Transaction;
use crate::postgres::{Login, literal};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the extension is there.
    pub enum State { Absent = "absent", Present = "present" }
}

arguments! {
    /// Add or remove extensions of a PostgreSQL database.
    pub struct Arguments + Login {
        /// Name of the extension.
        name | ext: String,
        /// Database to add it to.
        login_db | db: String,
        /// Schema to put it in.
        schema: Option<String>,
        /// Role to become.
        session_role: Option<String>,
        /// Whether the extension is there.
        state: State = State::Present,
        /// Add or remove what it depends on, or what depends on it, as well.
        cascade: bool = false,
        /// Its version; `latest` for the newest that there is.
        version: Option<String>,
        /// Comment on it; an empty one takes it away.
        comment: Option<String>,
        /// Has no effect: all that goes into statements is quoted.
        trust_input: bool = true,
    }
}

/// Bring the extension to its state.
///
/// # Errors
/// The server cannot be reached, has no such extension, or no way to the version.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let login = &arguments.attributes;
    let connection = login.connect(Some(&arguments.login_db), arguments.session_role.as_deref(), context)?;
    let mut task = Transaction::begin(connection, context)?;
    let (text, name) = (literal::text(&arguments.name), literal::name(&arguments.name));
    let found = task.query(&format!(
        "SELECT e.extversion, n.nspname, obj_description(e.oid, 'pg_extension') FROM pg_extension e \
         JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = {text}"
    ))?;
    let cell = |index: usize| found.texts(index).next().map(str::to_owned);
    let present = cell(0);
    let cascade = if arguments.cascade { " CASCADE" } else { "" };
    match arguments.state {
        State::Absent if present.is_some() => task.change(&format!("DROP EXTENSION {name}{cascade}"))?,
        State::Absent => {}
        State::Present => {
            let available =
                task.query(&format!("SELECT default_version FROM pg_available_extensions WHERE name = {text}"))?;
            let Some(newest) = available.first().map(str::to_owned) else {
                return Err(Failure::new(format!(
                    "Extension {} is not available; install the package that has it on the server's host",
                    arguments.name
                )));
            };
            let version =
                arguments.version.as_deref().map(|version| if version == "latest" { &newest } else { version });
            match &present {
                None => {
                    let schema = arguments.schema.as_deref();
                    let schema = schema.map(|schema| format!(" SCHEMA {}", literal::name(schema)));
                    let version = arguments.version.as_deref().filter(|version| *version != "latest");
                    let version = version.map(|version| format!(" VERSION {}", literal::text(version)));
                    let more = [schema.unwrap_or_default(), version.unwrap_or_default()].concat();
                    let with = if more.is_empty() { "" } else { " WITH" };
                    task.change(&format!("CREATE EXTENSION {name}{with}{more}{cascade}"))?;
                }
                Some(present) => {
                    if let Some(version) = version.filter(|version| version != present) {
                        let version = literal::text(version);
                        task.change(&format!("ALTER EXTENSION {name} UPDATE TO {version}"))?;
                    }
                    if let Some(schema) = arguments.schema.as_ref().filter(|schema| cell(1).as_ref() != Some(schema)) {
                        task.change(&format!("ALTER EXTENSION {name} SET SCHEMA {}", literal::name(schema)))?;
                    }
                }
            }
            // A new extension comes with a comment of its own.
            let current = if present.is_some() { cell(2).unwrap_or_default() } else { String::new() };
            if let Some(comment) = arguments.comment.as_ref().filter(|comment| **comment != current) {
                task.change(&format!("COMMENT ON EXTENSION {name} IS {}", literal::text(comment)))?;
            }
        }
    }
    let now = task.query(&format!("SELECT extversion FROM pg_extension WHERE extname = {text}"))?;
    let version = now.first().unwrap_or_default().to_owned();
    let (changed, queries) = task.end()?;
    Ok(Outcome::new(changed)
        .with("db", arguments.login_db.as_str())
        .with("ext", arguments.name.as_str())
        .with("prev_version", present.unwrap_or_default())
        .with("version", version)
        .with("queries", queries.into_iter().map(Value::from).collect::<Vec<_>>()))
}
