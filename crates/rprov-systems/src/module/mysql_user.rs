//! `mysql_user`: users of a MySQL or MariaDB server, with their passwords, limits and privileges.

use std::collections::BTreeSet;

use rprov_wire::{Map, Value};

use crate::mysql::account::{Account, Expiry, LIMITS, number_value};
use crate::mysql::authentication::native_hash;
use crate::mysql::identity::Identity;
use crate::mysql::login::{Login, Wishes};
use crate::mysql::privileges::{Form, Manner, Privileges, respelled, steps};
use crate::mysql::server::Server;
use crate::mysql::{Connection, literal, session};
use rprov_modules::argument::{Raw, Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the user is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// When a password is set.
    pub enum Update { Always = "always", OnCreate = "on_create", OnNewUsername = "on_new_username" }
}

choices! {
    /// When the password expires.
    pub enum Expire { Now = "now", Never = "never", Default = "default", Interval = "interval" }
}

arguments! {
    /// Add, change or remove users of a MySQL or MariaDB server.
    pub struct Arguments + Login {
        /// Name of the user.
        name | user: String,
        /// The password, for `mysql_native_password`.
        password: Option<Secret>,
        /// The password is given as the hash that the server keeps.
        encrypted: bool = false,
        /// The host that the user may come from.
        host: String = "localhost".to_owned(),
        /// All hosts that there are for this user's name.
        host_all: bool = false,
        /// Privileges, as `db.table:PRIVILEGE,PRIVILEGE/db.*:ALL` or as a map.
        r#priv: Option<Raw>,
        /// Add the privileges to those that are there.
        append_privs: bool = false,
        /// Take the privileges away, and leave the others.
        subtract_privs: bool = false,
        /// What connections must have: `SSL`, `X509`, or `SUBJECT`, `ISSUER` and `CIPHER`.
        tls_requires: Option<Map>,
        /// Write what is done to the binary log.
        sql_log_bin: bool = true,
        /// Whether the user is to be there.
        state: State = State::Present,
        /// Try to log in as root without a password first.
        check_implicit_admin: bool = false,
        /// When the password is set: always where it differs, or only for a new user.
        update_password: Update = Update::Always,
        /// How the user proves who it is.
        plugin: Option<String>,
        /// What the server keeps of the password, for `plugin`.
        plugin_hash_string: Option<Secret>,
        /// The password, for `plugin`.
        plugin_auth_string: Option<Secret>,
        /// Salt of the hash that is made of `plugin_auth_string`.
        salt: Option<String>,
        /// Limits, as `MAX_QUERIES_PER_HOUR`.
        resource_limits: Option<Map>,
        /// Use the database `mysql`, for filters of the binary log.
        force_context: bool = false,
        /// Session variables to set first.
        session_vars: Option<Map>,
        /// When the password expires.
        password_expire: Option<Expire>,
        /// Days after which it expires.
        password_expire_interval: Option<u32>,
        /// Notes on the user, by name; null removes one.
        attributes_: Option<Map>,
        /// Columns in privileges are written as they are, not in capitals.
        column_case_sensitive: Option<bool>,
        /// Whether the user is kept from logging in.
        locked: Option<bool>,
    }
    rules: [Rule::Exclusive(&["append_privs", "subtract_privs"])]
}

/// Bring the user to its state.
///
/// # Errors
/// The server cannot be reached or refuses, or an option cannot be understood.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    check(&arguments)?;
    let wishes = Wishes {
        database: arguments.force_context.then_some("mysql"),
        implicit_admin: arguments.check_implicit_admin,
        ..Wishes::default()
    };
    let mut connection = arguments.attributes.connect(wishes, context)?;
    if !arguments.sql_log_bin {
        connection.query("SET SQL_LOG_BIN=0")?;
    }
    for (name, value) in arguments.session_vars.iter().flatten() {
        connection.query(&session::set(name, value).map_err(Failure::new)?)?;
    }
    let server = Server::of(connection.version());
    if arguments.attributes_.is_some() && !server.is_mysql(8, 0) {
        return Err(Failure::new(format!(
            "attributes: the server ({}) has no attributes of users; MySQL has since 8.0.21",
            server.full
        )));
    }
    let form = Form { renamed: server.is_mariadb(10, 5) };
    let wanted = arguments.r#priv.as_ref().map(|option| form.read(&option.0)).transpose().map_err(Failure::new)?;
    let host = (!arguments.host_all).then_some(arguments.host.as_str());
    let accounts = Account::find(&mut connection, &server, Some(&arguments.name), host)?;
    let mut task = Task {
        arguments: &arguments,
        context,
        connection,
        server,
        form,
        messages: Vec::new(),
        changed: false,
        password_changed: false,
    };
    match arguments.state {
        State::Absent => {
            for account in &accounts {
                let sql = task.sql(account);
                task.execute(&format!("DROP USER {sql}"))?;
            }
            let message = if accounts.is_empty() { "User doesn't exist" } else { "User deleted" };
            Ok(task.outcome(message, Value::Null))
        }
        State::Present if accounts.is_empty() => {
            if arguments.host_all {
                return Err(Failure::new(
                    "host_all parameter cannot be used when adding a user: there is no user of that name; set `host`",
                ));
            }
            task.add(wanted.as_ref())?;
            Ok(task.outcome("User added", Value::Null))
        }
        State::Present => {
            let mut notes = Map::new();
            for account in &accounts {
                task.modify(account, wanted.as_ref())?;
                notes = task.annotate(account)?;
            }
            Ok(task.outcome("User unchanged", notes.into()))
        }
    }
}

/// What can be said without a server.
fn check(arguments: &Arguments) -> Result<(), Failure> {
    if arguments.encrypted
        && let Some(password) = given(&arguments.password)
    {
        let digits = password.strip_prefix('*').unwrap_or_default();
        if digits.len() != 40 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(Failure::new(
                "encrypted was specified however it does not appear to be a valid hash expecting: \
                 *SHA1(SHA1(your_password)), which is `*` and 40 hexadecimal digits",
            ));
        }
    }
    if arguments.password_expire == Some(Expire::Interval) && arguments.password_expire_interval.unwrap_or(0) < 1 {
        return Err(Failure::new(
            "password_expire=interval needs password_expire_interval, a number of days from 1 on",
        ));
    }
    if arguments.plugin.is_none() && (arguments.plugin_auth_string.is_some() || arguments.plugin_hash_string.is_some())
    {
        return Err(Failure::new("plugin_auth_string and plugin_hash_string say nothing without plugin; set it"));
    }
    if let Some(plugin) = &arguments.plugin
        && (plugin.is_empty() || !plugin.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'))
    {
        return Err(Failure::new(format!("plugin: `{plugin}` is no name of a plugin")));
    }
    if arguments.salt.is_some() {
        let plugin = arguments.plugin.as_deref().unwrap_or_default();
        if !matches!(plugin, "caching_sha2_password" | "sha256_password") {
            return Err(Failure::new("salt requires plugin caching_sha2_password or sha256_password"));
        }
        if arguments.salt.as_ref().is_some_and(|salt| salt.len() != 20) {
            return Err(Failure::new("salt: it must be 20 characters long"));
        }
    }
    for name in arguments.resource_limits.iter().flatten().map(|(name, _)| name) {
        if !LIMITS.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
            let known: Vec<&str> = LIMITS.iter().map(|(known, _)| *known).collect();
            return Err(Failure::new(format!(
                "resource_limits: key '{name}' is unsupported; there are {}",
                known.join(", ")
            )));
        }
    }
    for name in arguments.tls_requires.iter().flatten().map(|(name, _)| name) {
        if !matches!(name.to_ascii_uppercase().as_str(), "SSL" | "X509" | "SUBJECT" | "ISSUER" | "CIPHER") {
            return Err(Failure::new(format!(
                "tls_requires: `{name}` is unknown; there are SSL, X509, SUBJECT, ISSUER and CIPHER"
            )));
        }
    }
    Ok(())
}

/// A secret that is not empty.
fn given(secret: &Option<Secret>) -> Option<&str> {
    secret.as_ref().map(Secret::expose).filter(|text| !text.is_empty())
}

/// How the user is to prove who it is, if that is said.
fn identity(arguments: &Arguments) -> Option<Identity> {
    let owned = |secret: &Option<Secret>| given(secret).map(str::to_owned);
    if let Some(plugin) = &arguments.plugin {
        return Some(Identity::Plugin {
            name: plugin.clone(),
            hash: owned(&arguments.plugin_hash_string),
            password: owned(&arguments.plugin_auth_string),
            salt: arguments.salt.clone(),
        });
    }
    let password = given(&arguments.password)?;
    Some(Identity::Native(if arguments.encrypted { password.to_ascii_uppercase() } else { native_hash(password) }))
}

struct Task<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    connection: Connection,
    server: Server,
    form: Form,
    messages: Vec<String>,
    changed: bool,
    password_changed: bool,
}

impl Task<'_> {
    fn outcome(self, otherwise: &str, notes: Value) -> Outcome {
        let message = if self.messages.is_empty() { otherwise.to_owned() } else { self.messages.join("; ") };
        Outcome::new(self.changed)
            .with("user", self.arguments.name.as_str())
            .with("msg", message)
            .with("password_changed", self.password_changed)
            .with("attributes", notes)
    }

    fn sql(&self, account: &Account) -> String {
        account.sql(self.connection.no_backslash())
    }

    fn execute(&mut self, statement: &str) -> Result<(), Failure> {
        self.execute_shown(statement, statement)
    }

    fn execute_shown(&mut self, statement: &str, shown: &str) -> Result<(), Failure> {
        self.changed = true;
        if !self.context.check() {
            self.connection.run_shown(statement, shown)?;
        }
        Ok(())
    }

    /// The account that the options describe, with nothing in it.
    fn blank(&self) -> Account {
        Account { name: self.arguments.name.clone(), host: self.arguments.host.clone(), ..Account::default() }
    }

    fn add(&mut self, wanted: Option<&Privileges>) -> Result<(), Failure> {
        let account = self.blank();
        let sql = self.sql(&account);
        let mut identity = identity(self.arguments);
        self.password_changed = identity.is_some();
        if self.arguments.update_password == Update::OnNewUsername
            && let Some(known) = self.namesake()?
        {
            identity = Some(Identity::of(&known));
            self.password_changed = false;
        }
        let mut statement = format!("CREATE USER {sql}");
        let shown = statement.clone();
        if let Some(identity) = identity {
            let clause = identity.clause(&self.server, self.connection.no_backslash());
            statement.push_str(&format!(" IDENTIFIED {clause}"));
        }
        self.execute_shown(&statement, &shown)?;
        // What a new user has by itself counts for all that follows.
        self.require(&account)?;
        self.limit(&account)?;
        self.expire(&account)?;
        self.lock(&account)?;
        if let (Some(wanted), false) = (wanted, self.arguments.subtract_privs) {
            self.grant(&account, &Privileges::new(), wanted)?;
        }
        if !self.context.check() {
            self.annotate(&account)?;
        }
        self.messages.clear();
        Ok(())
    }

    fn modify(&mut self, account: &Account, wanted: Option<&Privileges>) -> Result<(), Failure> {
        if self.arguments.update_password == Update::Always
            && let Some(identity) = identity(self.arguments).filter(|identity| !identity.is_of(account))
        {
            let sql = self.sql(account);
            let identified = identity.clause(&self.server, self.connection.no_backslash());
            let old = (self.server.mariadb && !self.server.is_mariadb(10, 2))
                || (!self.server.mariadb && !self.server.is_mysql(5, 7));
            let hash = identified.strip_prefix("BY PASSWORD ").filter(|_| old);
            let statement = match hash {
                Some(hash) => format!("SET PASSWORD FOR {sql} = {hash}"),
                None => format!("ALTER USER {sql} IDENTIFIED {identified}"),
            };
            self.execute_shown(&statement, &format!("ALTER USER {sql} IDENTIFIED …"))?;
            self.password_changed = true;
            self.messages.push("Password updated".to_owned());
        }
        self.require(account)?;
        self.limit(account)?;
        self.expire(account)?;
        self.lock(account)?;
        if let Some(wanted) = wanted {
            let sql = self.sql(account);
            let grants = self.connection.query(&format!("SHOW GRANTS FOR {sql}"))?;
            let current = self.form.read_grants(grants.texts(0));
            self.grant(account, &current, wanted)?;
        }
        Ok(())
    }

    /// Another account of the same user, if all of them have the same password.
    fn namesake(&mut self) -> Result<Option<Account>, Failure> {
        let mut others = Account::find(&mut self.connection, &self.server, Some(&self.arguments.name), None)?;
        let first = others.pop();
        Ok(first
            .filter(|first| others.iter().all(|other| (&other.plugin, &other.hash) == (&first.plugin, &first.hash))))
    }

    fn require(&mut self, account: &Account) -> Result<(), Failure> {
        let Some(wanted) = &self.arguments.tls_requires else { return Ok(()) };
        let wanted: Map = wanted.iter().map(|(name, value)| (name.to_ascii_uppercase(), value.clone())).collect();
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let switch = |name: &str| wanted.contains_key(name);
        let same = match (switch("X509"), switch("SSL")) {
            (true, _) => account.tls.contains_key("X509"),
            (false, true) if wanted.len() == 1 => account.tls.contains_key("SSL"),
            _ => account.tls == wanted,
        };
        if same {
            return Ok(());
        }
        let no_backslash = self.connection.no_backslash();
        let clause = if switch("X509") {
            "X509".to_owned()
        } else if switch("SSL") {
            "SSL".to_owned()
        } else if wanted.is_empty() {
            "NONE".to_owned()
        } else {
            let part =
                |(name, value): (&String, &Value)| format!("{name} {}", literal::text(&text(value), no_backslash));
            wanted.iter().map(part).collect::<Vec<_>>().join(" AND ")
        };
        let sql = self.sql(account);
        self.execute(&format!("ALTER USER {sql} REQUIRE {clause}"))?;
        self.messages.push("TLS requires updated".to_owned());
        Ok(())
    }

    fn limit(&mut self, account: &Account) -> Result<(), Failure> {
        let mut clauses = Vec::new();
        for (name, value) in self.arguments.resource_limits.iter().flatten() {
            let number = value.as_str().map_or_else(|| value.to_string(), str::to_owned).parse::<f64>();
            let number = number.ok().filter(|number| number.is_finite() && *number >= 0.0).ok_or_else(|| {
                Failure::new(format!("resource_limits: `{value}` is no limit for {name}; it must be a number"))
            })?;
            let name = name.to_ascii_uppercase();
            let current = account.limits.get(&name).cloned().unwrap_or(Value::Int(0));
            if number_value(number) != current {
                clauses.push(format!("{name} {}", number_value(number)));
            }
        }
        if clauses.is_empty() {
            return Ok(());
        }
        let sql = self.sql(account);
        self.execute(&format!("ALTER USER {sql} WITH {}", clauses.join(" ")))?;
        self.messages.push("Resource limits updated".to_owned());
        Ok(())
    }

    fn expire(&mut self, account: &Account) -> Result<(), Failure> {
        let days = self.arguments.password_expire_interval.unwrap_or_default();
        let (wanted, clause) = match self.arguments.password_expire {
            None => return Ok(()),
            Some(Expire::Now) => (Expiry::Now, String::new()),
            Some(Expire::Never) => (Expiry::Never, " NEVER".to_owned()),
            Some(Expire::Default) => (Expiry::Default, " DEFAULT".to_owned()),
            Some(Expire::Interval) => (Expiry::Days(days), format!(" INTERVAL {days} DAY")),
        };
        if account.expiry == wanted {
            return Ok(());
        }
        let sql = self.sql(account);
        self.execute(&format!("ALTER USER {sql} PASSWORD EXPIRE{clause}"))?;
        self.messages.push("Password expiration updated".to_owned());
        Ok(())
    }

    fn lock(&mut self, account: &Account) -> Result<(), Failure> {
        let Some(locked) = self.arguments.locked.filter(|locked| *locked != account.locked) else { return Ok(()) };
        let sql = self.sql(account);
        self.execute(&format!("ALTER USER {sql} ACCOUNT {}", if locked { "LOCK" } else { "UNLOCK" }))?;
        self.messages.push(if locked { "User locked" } else { "User unlocked" }.to_owned());
        Ok(())
    }

    fn grant(&mut self, account: &Account, current: &Privileges, wanted: &Privileges) -> Result<(), Failure> {
        let manner = match (self.arguments.append_privs, self.arguments.subtract_privs) {
            (true, _) => Manner::Append,
            (_, true) => Manner::Subtract,
            _ => Manner::Exactly,
        };
        let everything = self.everything()?;
        let respelled = respelled(wanted, current);
        let wanted = if self.arguments.column_case_sensitive == Some(true) { wanted } else { &respelled };
        let sql = self.sql(account);
        for step in steps(current, wanted, manner, &everything) {
            for statement in step.statements(&sql) {
                self.execute(&statement)?;
            }
            let list = |set: &BTreeSet<String>| {
                format!("[{}]", set.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
            };
            let message = format!("Privileges updated: granted {}, revoked {}", list(&step.grant), list(&step.revoke));
            self.messages.push(message);
        }
        Ok(())
    }

    /// What `ALL` stands for on the whole server: MySQL 8 shows each by its name.
    fn everything(&mut self) -> Result<BTreeSet<String>, Failure> {
        if !self.server.is_mysql(8, 0) {
            return Ok(BTreeSet::new());
        }
        let answer = self.connection.query("SHOW PRIVILEGES")?;
        let names = answer.texts(0).map(str::to_ascii_uppercase);
        Ok(names.filter(|name| !matches!(name.as_str(), "USAGE" | "PROXY" | "GRANT OPTION")).collect())
    }

    /// Bring the notes on the user to what is wanted; gives all of them.
    fn annotate(&mut self, account: &Account) -> Result<Map, Failure> {
        if !self.server.is_mysql(8, 0) {
            return Ok(Map::new());
        }
        let no_backslash = self.connection.no_backslash();
        let statement = format!(
            "SELECT ATTRIBUTE FROM INFORMATION_SCHEMA.USER_ATTRIBUTES WHERE USER = {} AND HOST = {}",
            literal::text(&account.name, no_backslash),
            literal::text(&account.host, no_backslash)
        );
        let answer = match self.connection.query(&statement) {
            Ok(answer) => answer,
            // Before 8.0.21 there is no such table.
            Err(error) if self.arguments.attributes_.is_none() && error.code().is_some() => return Ok(Map::new()),
            Err(error) => return Err(error.into()),
        };
        let json = answer.first().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut notes = match Value::from_json(&json) {
            Value::Map(map) => map,
            _ => Map::new(),
        };
        let mut changes = Map::new();
        for (name, value) in self.arguments.attributes_.iter().flatten() {
            if value.is_null() {
                if notes.shift_remove(name).is_some() {
                    changes.insert(name.clone(), Value::Null);
                }
            } else if notes.get(name) != Some(value) {
                notes.insert(name.clone(), value.clone());
                changes.insert(name.clone(), value.clone());
            }
        }
        if !changes.is_empty() {
            let sql = self.sql(account);
            let text = literal::text(&Value::Map(changes).to_string(), no_backslash);
            self.execute(&format!("ALTER USER {sql} ATTRIBUTE {text}"))?;
            self.messages.push("Attributes updated".to_owned());
        }
        Ok(notes)
    }
}
