//! `postgresql_db`: databases of a PostgreSQL server; made, changed, removed, dumped and restored.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rprov_wire::{Map, Value};

use crate::compression::Compression;
use crate::pipeline::{Printed, Program};
use crate::postgres::{Connection, Login, literal};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::process::Command;
use rprov_modules::program::find_program;
use rprov_modules::{arguments, choices};

choices! {
    /// What is to be done with the database.
    pub enum State {
        Absent = "absent",
        Dump = "dump",
        Present = "present",
        Rename = "rename",
        Restore = "restore",
    }
}

arguments! {
    /// Add, change or remove databases of a PostgreSQL server.
    pub struct Arguments + Login {
        /// Name of the database.
        name | db: String,
        /// Role that owns it.
        owner: String = String::new(),
        /// Template that a new one is made of.
        template: String = String::new(),
        /// Encoding of a new one.
        encoding: String = String::new(),
        /// Order of texts in a new one.
        lc_collate: String = String::new(),
        /// Classes of characters in a new one.
        lc_ctype: String = String::new(),
        /// Locale of ICU for a new one.
        icu_locale: String = String::new(),
        /// What a new one gets its locale from: `icu` or `libc`.
        locale_provider: String = String::new(),
        /// Role to become.
        session_role: Option<String>,
        /// What is to be done with it.
        state: State = State::Present,
        /// File on the host to dump to or restore from, or the new name.
        target: PathBuf = PathBuf::new(),
        /// More arguments for the program that dumps or restores.
        target_opts: String = String::new(),
        /// Database to connect to meanwhile.
        maintenance_db: String = "postgres".to_owned(),
        /// How many connections it may have; -1 for any number.
        conn_limit: String = String::new(),
        /// Tablespace that it is in.
        tablespace: PathBuf = PathBuf::new(),
        /// More arguments for a dump.
        dump_extra_args: Option<String>,
        /// Has no effect: all that goes into statements is quoted.
        trust_input: bool = true,
        /// Remove it also while somebody is connected to it.
        force: bool = false,
        /// Comment on it; an empty one takes it away.
        comment: Option<String>,
    }
}

/// Bring the database to its state, dump or restore it.
///
/// # Errors
/// The server cannot be reached or refuses, or the file cannot be read or written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let transfer = matches!(arguments.state, State::Dump | State::Restore);
    if (transfer || arguments.state == State::Rename) && arguments.target.as_os_str().is_empty() {
        return Err(Failure::new(format!("state={}: the \"target\" option must be defined", arguments.state.word())));
    }
    if !arguments.conn_limit.is_empty() && arguments.conn_limit.parse::<i32>().is_err() {
        return Err(Failure::new(format!("conn_limit: `{}` is no number", arguments.conn_limit)));
    }
    let login = &arguments.attributes;
    let connection = login.connect(Some(&arguments.maintenance_db), arguments.session_role.as_deref(), context)?;
    let mut task = Task { arguments: &arguments, context, connection, executed: Vec::new() };
    let found = task.find(&arguments.name)?;
    match (arguments.state, found) {
        (State::Absent, None) => {}
        (State::Absent, Some(_)) => task.remove()?,
        (State::Present, None) => task.create()?,
        (State::Present, Some(database)) => task.alter(&database)?,
        (State::Rename, found) => task.rename(found.is_some())?,
        (State::Dump | State::Restore, None) => {
            let word = arguments.state.word();
            return Err(Failure::new(format!("state={word}: there is no database {}", arguments.name)));
        }
        (State::Dump | State::Restore, Some(_)) => return task.transfer(),
    }
    let (changed, check) = (!task.executed.is_empty(), context.check());
    let executed = if check { Vec::new() } else { task.executed };
    Ok(Outcome::new(changed)
        .with("db", arguments.name.as_str())
        .with("executed_commands", executed.into_iter().map(Value::from).collect::<Vec<_>>()))
}

/// A database as it is.
struct Database {
    owner: String,
    encoding: String,
    collate: String,
    ctype: String,
    limit: String,
    tablespace: String,
    comment: String,
}

struct Task<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    connection: Connection,
    executed: Vec<String>,
}

impl Task<'_> {
    fn find(&mut self, name: &str) -> Result<Option<Database>, Failure> {
        let answer = self.connection.query(&format!(
            "SELECT pg_get_userbyid(d.datdba), pg_encoding_to_char(d.encoding), d.datcollate, d.datctype, d.datconnlimit, \
             t.spcname, coalesce(shobj_description(d.oid, 'pg_database'), '') FROM pg_database d \
             JOIN pg_tablespace t ON t.oid = d.dattablespace WHERE d.datname = {}",
            literal::text(name)
        ))?;
        Ok(answer.rows.first().map(|row| {
            let cell = |index: usize| row.get(index).cloned().flatten().unwrap_or_default();
            Database {
                owner: cell(0),
                encoding: cell(1),
                collate: cell(2),
                ctype: cell(3),
                limit: cell(4),
                tablespace: cell(5),
                comment: cell(6),
            }
        }))
    }

    fn execute(&mut self, statement: String) -> Result<(), Failure> {
        if !self.context.check() {
            self.connection.query(&statement)?;
        }
        self.executed.push(statement);
        Ok(())
    }

    fn name(&self) -> String {
        literal::name(&self.arguments.name)
    }

    fn tablespace(&self) -> String {
        self.arguments.tablespace.display().to_string()
    }

    fn create(&mut self) -> Result<(), Failure> {
        let arguments = self.arguments;
        let tablespace = self.tablespace();
        let mut statement = format!("CREATE DATABASE {}", self.name());
        let mut add = |word: &str, value: &str, written: &dyn Fn(&str) -> String| {
            if !value.is_empty() {
                statement.push_str(&format!(" {word} {}", written(value)));
            }
        };
        let plain = |value: &str| value.to_owned();
        add("OWNER", &arguments.owner, &literal::name);
        add("TEMPLATE", &arguments.template, &literal::name);
        add("ENCODING", &arguments.encoding, &literal::text);
        add("LC_COLLATE", &arguments.lc_collate, &literal::text);
        add("LC_CTYPE", &arguments.lc_ctype, &literal::text);
        add("ICU_LOCALE", &arguments.icu_locale, &literal::text);
        add("LOCALE_PROVIDER", &arguments.locale_provider, &literal::name);
        add("TABLESPACE", &tablespace, &literal::name);
        add("CONNECTION LIMIT", &arguments.conn_limit, &plain);
        self.execute(statement)?;
        match &arguments.comment {
            Some(comment) if !comment.is_empty() => {
                self.execute(format!("COMMENT ON DATABASE {} IS {}", self.name(), literal::text(comment)))
            }
            _ => Ok(()),
        }
    }

    fn alter(&mut self, database: &Database) -> Result<(), Failure> {
        let arguments = self.arguments;
        let plain = |encoding: &str| encoding.replace(['-', '_'], "").to_ascii_uppercase();
        for (what, wanted, current) in [
            ("encoding", plain(&arguments.encoding), plain(&database.encoding)),
            ("LC_COLLATE", arguments.lc_collate.clone(), database.collate.clone()),
            ("LC_CTYPE", arguments.lc_ctype.clone(), database.ctype.clone()),
        ] {
            if !wanted.is_empty() && wanted != current {
                return Err(Failure::new(format!(
                    "Changing database {what} is not supported. Current {what}: {current}; make a new database, and \
                     move the data to it (state: dump, state: restore)"
                )));
            }
        }
        let name = self.name();
        let tablespace = self.tablespace();
        let steps = [
            ("OWNER TO", &arguments.owner, &database.owner, true),
            ("CONNECTION LIMIT", &arguments.conn_limit, &database.limit, false),
            ("SET TABLESPACE", &tablespace, &database.tablespace, true),
        ];
        for (word, wanted, current, quoted) in steps {
            if !wanted.is_empty() && wanted != current {
                let value = if quoted { literal::name(wanted) } else { wanted.clone() };
                self.execute(format!("ALTER DATABASE {name} {word} {value}"))?;
            }
        }
        if let Some(comment) = arguments.comment.as_ref().filter(|comment| **comment != database.comment) {
            self.execute(format!("COMMENT ON DATABASE {name} IS {}", literal::text(comment)))?;
        }
        Ok(())
    }

    fn remove(&mut self) -> Result<(), Failure> {
        let name = self.name();
        if !self.arguments.force {
            return self.execute(format!("DROP DATABASE {name}"));
        }
        let version = self.connection.query("SHOW server_version_num")?;
        if version.first().and_then(|number| number.parse::<u32>().ok()).is_some_and(|number| number >= 130_000) {
            return self.execute(format!("DROP DATABASE {name} WITH (FORCE)"));
        }
        if !self.context.check() {
            let text = literal::text(&self.arguments.name);
            self.connection.query(&format!(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {text} AND pid <> pg_backend_pid()"
            ))?;
        }
        self.execute(format!("DROP DATABASE {name}"))
    }

    fn rename(&mut self, there: bool) -> Result<(), Failure> {
        // It is a path by its type, which the reference's is as well.
        let target = self.arguments.target.display().to_string();
        let taken = self.find(&target)?.is_some();
        match (there, taken) {
            (true, false) => {
                self.execute(format!("ALTER DATABASE {} RENAME TO {}", self.name(), literal::name(&target)))
            }
            (false, true) => Ok(()),
            (true, true) => Err(Failure::new(format!(
                "state=rename: there are both {} and {target}; remove one of them",
                self.arguments.name
            ))),
            (false, false) => {
                Err(Failure::new(format!("state=rename: there is neither {} nor {target}", self.arguments.name)))
            }
        }
    }

    fn transfer(self) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let target = arguments.target.as_path();
        let dump = arguments.state == State::Dump;
        if !dump && !target.exists() {
            return Err(Failure::new(format!("state=restore: target {} does not exist on the host", target.display())));
        }
        if self.context.check() {
            return Ok(Outcome::new(true).with("executed_commands", Vec::<Value>::new()));
        }
        let login = arguments.attributes.target(Some(&arguments.name), self.context)?;
        let mut environment = login.environment();
        if let Some(role) = arguments.session_role.as_ref().filter(|_| !dump) {
            environment.push(("PGOPTIONS", format!("-c role={role}").into()));
        }
        let format = Format::of(target);
        let name = match (dump, format) {
            (true, _) => "pg_dump",
            (false, Format::Plain) => "psql",
            (false, _) => "pg_restore",
        };
        let path = find_program(name, self.context).ok_or_else(|| {
            let state = arguments.state.word();
            Failure::new(format!("state={state} needs the program `{name}` on the host; install postgresql-client"))
        })?;
        let mut words: Vec<OsString> = Vec::new();
        if let Some(letter) = format.letter() {
            words.push(format!("--format={letter}").into());
        }
        let more =
            [arguments.target_opts.as_str(), arguments.dump_extra_args.as_deref().filter(|_| dump).unwrap_or("")];
        for text in more {
            let wrong = || Failure::new(format!("target_opts: a quote is not closed in `{text}`"));
            words.extend(shlex::split(text).ok_or_else(wrong)?.into_iter().map(OsString::from));
        }
        if let Some(role) = arguments.session_role.as_ref().filter(|_| dump) {
            words.push(format!("--role={role}").into());
        }
        if name == "psql" {
            words.extend(["--no-psqlrc".into(), "--quiet".into()]);
        }
        words.push(format!("--dbname={}", arguments.name).into());
        let mut program = Program { path, arguments: words, environment, directory: None };
        let (printed, shown) = if format == Format::Directory {
            self.directory(&mut program, target, dump)?
        } else {
            stream(&program, target, dump, self.context)?
        };
        let fields: Map = [
            ("cmd", Value::from(shown.as_str())),
            ("executed_commands", vec![Value::from(shown.as_str())].into()),
            ("msg", printed.stdout.into()),
            ("rc", 0.into()),
            ("stderr", printed.stderr.as_str().into()),
            ("stderr_lines", rprov_modules::text::lines(&printed.stderr).into()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
        Ok(Outcome::new(true).with_all(fields))
    }

    /// A dump that is a directory, which the program writes and reads by itself.
    fn directory(&self, program: &mut Program, target: &Path, dump: bool) -> Result<(Printed, String), Failure> {
        if dump {
            let mut option = OsString::from("--file=");
            option.push(target);
            program.arguments.push(option);
        } else {
            program.arguments.extend(["--".into(), target.into()]);
        }
        let mut command = Command::new(&program.path).args(program.arguments.clone());
        for (name, value) in &program.environment {
            command = command.env(*name, value.clone());
        }
        let output = command.run_or_fail(&format!("could not {}", self.arguments.state.word()), self.context)?;
        Ok((Printed { stdout: output.stdout(), stderr: output.stderr() }, program.line()))
    }
}

fn stream(program: &Program, target: &Path, dump: bool, context: &Context<'_>) -> Result<(Printed, String), Failure> {
    let compression = Compression::of(target);
    let line = program.line();
    Ok(if dump {
        let through = compression.program().map_or(String::new(), |program| format!(" | {program}"));
        (program.write_to(target, compression, context)?, format!("{line}{through} > {}", target.display()))
    } else {
        let shown = match compression.program() {
            Some(program) => format!("{program} -dc {} | {line}", target.display()),
            None => format!("{line} < {}", target.display()),
        };
        (program.read_from(target, compression, context)?, shown)
    })
}

/// What a dump looks like, by the ending of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Plain,
    Tar,
    Custom,
    Directory,
}

impl Format {
    fn of(path: &Path) -> Self {
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("tar") => Format::Tar,
            Some("pgc") => Format::Custom,
            Some("dir") => Format::Directory,
            _ => Format::Plain,
        }
    }

    fn letter(self) -> Option<char> {
        match self {
            Format::Plain => None,
            Format::Tar => Some('t'),
            Format::Custom => Some('c'),
            Format::Directory => Some('d'),
        }
    }
}
