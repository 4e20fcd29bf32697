//! `mysql_db`: databases of a MySQL or MariaDB server; made, removed, dumped and imported.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use rprov_wire::Value;

use crate::compression::Compression;
use crate::mysql::login::{Login, Wishes};
use crate::mysql::{Connection, literal};
use crate::pipeline::Program;
use crate::socket::Endpoint;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::program::find_program;
use rprov_modules::{arguments, choices};

choices! {
    /// What is to be done with the databases.
    pub enum State { Absent = "absent", Dump = "dump", Import = "import", Present = "present" }
}

choices! {
    /// Whether a dump tells the position in the binary log.
    pub enum MasterData { No = "0", Statement = "1", Comment = "2" }
}

arguments! {
    /// Add or remove MySQL or MariaDB databases.
    pub struct Arguments + Login {
        /// Names of the databases; `all` stands for all of them when dumping or importing.
        name | db: Vec<String>,
        /// What is to be done with them.
        state: State = State::Present,
        /// Character set of a new database, of a dump or of an import.
        encoding: String = String::new(),
        /// Collation of a new database.
        collation: String = String::new(),
        /// File on the host to dump to or import from; `.gz`, `.bz2`, `.xz` and `.zst` are compressed.
        target: Option<PathBuf>,
        /// Dump in one transaction.
        single_transaction: bool = false,
        /// Do not read a table into memory as a whole before it is dumped.
        quick: bool = true,
        /// Tables not to dump, as `database.table`.
        ignore_tables: Vec<String> = Vec::new(),
        /// Dump binary columns as hexadecimal digits.
        hex_blob: bool = false,
        /// Go on after an error of SQL in a dump or import.
        force: bool = false,
        /// Whether a dump tells the position in the binary log: 1 as a statement, 2 as a comment.
        master_data: MasterData = MasterData::No,
        /// Do not lock tables for a dump.
        skip_lock_tables: bool = false,
        /// More arguments for mysqldump.
        dump_extra_args: Option<String>,
        /// Has no effect: programs are run without a shell.
        use_shell: bool = false,
        /// Has no effect: a password is on no command line.
        unsafe_login_password: bool = false,
        /// Read no other option file than `config_file`.
        restrict_config_file: bool = false,
        /// Try to log in as root without a password first.
        check_implicit_admin: bool = false,
        /// The option file's host and port count for more than the defaults of `login_host` and `login_port`.
        config_overrides_defaults: bool = false,
        /// Directory to run the import in.
        chdir: Option<PathBuf>,
        /// Has no effect: a failed dump is always noticed.
        pipefail: bool = false,
        /// Write what is done to the binary log.
        sql_log_bin: bool = true,
    }
}

/// Bring the databases to their state, dump or import them.
///
/// # Errors
/// The server cannot be reached or refuses, a database to dump is missing, or the file cannot be read or written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let transfer = matches!(arguments.state, State::Dump | State::Import);
    let all = arguments.name.iter().any(|name| name == "all");
    if all && !transfer {
        return Err(Failure::new("name: `all` stands for all databases only with state=dump or state=import"));
    }
    if all && arguments.name.len() > 1 {
        return Err(Failure::new("name: `all` excludes other names"));
    }
    if arguments.name.iter().any(String::is_empty) || arguments.name.is_empty() {
        return Err(Failure::new("name: a name is empty"));
    }
    if arguments.state == State::Import && arguments.name.len() > 1 {
        return Err(Failure::new("Multiple databases are not supported with state=import; import one after the other"));
    }
    let target = match (&arguments.target, transfer) {
        (None, true) => {
            return Err(Failure::new(format!("with state={} target is required", arguments.state.word())));
        }
        (target, _) => target.clone().unwrap_or_default(),
    };
    if arguments.state == State::Import && !target.is_file() {
        return Err(Failure::new(format!("target {} does not exist on the host", target.display())));
    }
    let wishes = Wishes {
        implicit_admin: arguments.check_implicit_admin,
        file_first: arguments.config_overrides_defaults,
        ..Wishes::default()
    };
    let mut connection = arguments.attributes.connect(wishes, context)?;
    if !arguments.sql_log_bin {
        connection.query("SET SQL_LOG_BIN=0")?;
    }
    let present = databases(&mut connection)?;
    let (there, missing): (Vec<&String>, Vec<&String>) =
        arguments.name.iter().filter(|_| !all).partition(|name| present.contains(name));
    let mut task = Task { arguments: &arguments, context, connection, executed: Vec::new() };
    let changed = match arguments.state {
        State::Present => {
            task.create(&missing)?;
            !missing.is_empty()
        }
        State::Absent => {
            let statements = there.iter().map(|name| format!("DROP DATABASE {}", literal::name(name))).collect();
            task.execute(statements)?;
            !there.is_empty()
        }
        State::Dump => {
            if !missing.is_empty() {
                let missing: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
                return Err(Failure::new(format!("Cannot dump database(s) {} - not found", missing.join(", "))));
            }
            let program = task.dump_program(all)?;
            return task.transfer(program, &target, wishes);
        }
        State::Import => {
            task.create(&missing)?;
            let program = task.import_program(all)?;
            return task.transfer(program, &target, wishes);
        }
    };
    Ok(task.outcome(changed))
}

fn databases(connection: &mut Connection) -> Result<Vec<String>, Failure> {
    Ok(connection.query("SHOW DATABASES")?.texts(0).map(str::to_owned).collect())
}

struct Task<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    connection: Connection,
    executed: Vec<Value>,
}

impl Task<'_> {
    fn outcome(self, changed: bool) -> Outcome {
        let outcome = Outcome::new(changed)
            .with("db", self.arguments.name.join(" "))
            .with("db_list", self.arguments.name.clone());
        if self.context.check() { outcome } else { outcome.with("executed_commands", self.executed) }
    }

    fn execute(&mut self, statements: Vec<String>) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        for statement in statements {
            self.connection.query(&statement)?;
            self.executed.push(statement.into());
        }
        Ok(())
    }

    fn create(&mut self, missing: &[&String]) -> Result<(), Failure> {
        let quoted = |text: &str| literal::text(text, false);
        let mut manner = String::new();
        if !self.arguments.encoding.is_empty() {
            manner.push_str(&format!(" CHARACTER SET {}", quoted(&self.arguments.encoding)));
        }
        if !self.arguments.collation.is_empty() {
            manner.push_str(&format!(" COLLATE {}", quoted(&self.arguments.collation)));
        }
        let create = |name: &&String| format!("CREATE DATABASE {}{manner}", literal::name(name));
        self.execute(missing.iter().map(create).collect())
    }

    fn program(&self, names: [&str; 2]) -> Result<Program, Failure> {
        let path = names.into_iter().find_map(|name| find_program(name, self.context)).ok_or_else(|| {
            Failure::new(format!(
                "state={} needs the program `{}` or `{}` on the host; install mariadb-client or mysql-client",
                self.arguments.state.word(),
                names[0],
                names[1]
            ))
        })?;
        Ok(Program { path, arguments: Vec::new(), environment: Vec::new(), directory: self.arguments.chdir.clone() })
    }

    fn dump_program(&self, all: bool) -> Result<Program, Failure> {
        let arguments = self.arguments;
        let mut program = self.program(["mariadb-dump", "mysqldump"])?;
        let words = &mut program.arguments;
        let mut flag = |wanted: bool, word: &str| words.extend(wanted.then(|| OsString::from(word)));
        flag(arguments.force, "--force");
        flag(arguments.single_transaction, "--single-transaction=true");
        flag(arguments.quick, "--quick");
        flag(arguments.skip_lock_tables, "--skip-lock-tables");
        flag(arguments.hex_blob, "--hex-blob");
        flag(arguments.master_data != MasterData::No, &format!("--master-data={}", arguments.master_data.word()));
        flag(!arguments.encoding.is_empty(), &format!("--default-character-set={}", arguments.encoding));
        for table in &arguments.ignore_tables {
            flag(true, &format!("--ignore-table={table}"));
        }
        if let Some(more) = &arguments.dump_extra_args {
            let wrong = || Failure::new("dump_extra_args: a quote is not closed");
            words.extend(shlex::split(more).ok_or_else(wrong)?.into_iter().map(OsString::from));
        }
        match (all, arguments.name.as_slice()) {
            (true, _) => words.push("--all-databases".into()),
            (_, [name]) => words.extend(["--".into(), name.into()]),
            (_, names) => {
                words.extend(["--databases".into(), "--".into()]);
                words.extend(names.iter().map(OsString::from));
            }
        }
        Ok(program)
    }

    fn import_program(&self, all: bool) -> Result<Program, Failure> {
        let arguments = self.arguments;
        let mut program = self.program(["mariadb", "mysql"])?;
        let words = &mut program.arguments;
        if !arguments.encoding.is_empty() {
            words.push(format!("--default-character-set={}", arguments.encoding).into());
        }
        if arguments.force {
            words.push("--force".into());
        }
        if !arguments.sql_log_bin {
            words.push("--init-command=SET SQL_LOG_BIN=0;".into());
        }
        if let (false, [name]) = (all, arguments.name.as_slice()) {
            words.extend(["--one-database".into(), "--".into(), name.into()]);
        }
        Ok(program)
    }

    fn transfer(mut self, mut program: Program, target: &Path, wishes: Wishes<'_>) -> Result<Outcome, Failure> {
        if self.context.check() {
            return Ok(self.outcome(true));
        }
        let file = self.options(wishes)?;
        let mut option = OsString::from("--defaults-file=");
        option.push(file.path());
        let line = program.line();
        program.arguments.insert(0, option);
        let compression = Compression::of(target);
        let (printed, shown) = if self.arguments.state == State::Dump {
            let through = compression.program().map_or(String::new(), |program| format!(" | {program}"));
            let printed = program.write_to(target, compression, self.context)?;
            (printed, format!("{line}{through} > {}", target.display()))
        } else {
            let printed = program.read_from(target, compression, self.context)?;
            let shown = match compression.program() {
                Some(program) => format!("{program} -dc {} | {line}", target.display()),
                None => format!("{line} < {}", target.display()),
            };
            (printed, shown)
        };
        self.executed.push(shown.into());
        let message = if self.arguments.state == State::Import { printed.stdout } else { printed.stderr };
        Ok(self.outcome(true).with("msg", message))
    }

    /// An option file for the programs, which has the password, so that no command line has it.
    fn options(&self, wishes: Wishes<'_>) -> Result<tempfile::NamedTempFile, Failure> {
        let login = &self.arguments.attributes;
        let (endpoint, credentials) = login.resolve(wishes)?;
        let mut text = String::new();
        let mut include = |path: &Path| {
            if path.is_file() {
                text.push_str(&format!("!include {}\n", path.display()));
            }
        };
        if !self.arguments.restrict_config_file {
            include(Path::new("/etc/my.cnf"));
            include(Path::new("/etc/mysql/my.cnf"));
        }
        if !login.config_file.as_os_str().is_empty() {
            include(&login.file());
        }
        text.push_str("[client]\n");
        let mut set = |name: &str, value: &str| text.push_str(&format!("{name}={}\n", quoted(value)));
        set("user", &credentials.user);
        set("password", &credentials.password);
        match &endpoint {
            Endpoint::Unix(path) => set("socket", &path.display().to_string()),
            Endpoint::Tcp(host, port) => {
                set("host", host);
                set("port", &port.to_string());
                set("protocol", "tcp");
            }
        }
        for (name, path) in
            [("ssl-ca", &login.ca_cert), ("ssl-cert", &login.client_cert), ("ssl-key", &login.client_key)]
        {
            if let Some(path) = path {
                set(name, &path.display().to_string());
            }
        }
        let failed = |error| Failure::new(format!("could not write an option file for the program: {error}"));
        // Readable for nobody else.
        let mut file = tempfile::Builder::new().prefix("rprov-").suffix(".cnf").tempfile().map_err(failed)?;
        file.write_all(text.as_bytes()).map_err(failed)?;
        Ok(file)
    }
}

/// A value as option files have it.
fn quoted(value: &str) -> String {
    let mut text = String::from('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
    text.push('"');
    text
}
