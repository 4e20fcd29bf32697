//! `postgresql_privs`: privileges on the objects of a PostgreSQL database.

use rprov_wire::Value;

use crate::postgres::privileges::{Kind, LATER, role};
use crate::postgres::transaction::Transaction;
use crate::postgres::{Login, literal};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the privileges are given.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// What the objects are.
    pub enum Type {
        Table = "table",
        Sequence = "sequence",
        Function = "function",
        Procedure = "procedure",
        Database = "database",
        Schema = "schema",
        Language = "language",
        Tablespace = "tablespace",
        Group = "group",
        DefaultPrivs = "default_privs",
        ForeignDataWrapper = "foreign_data_wrapper",
        ForeignServer = "foreign_server",
        Type = "type",
        Parameter = "parameter",
    }
}

arguments! {
    /// Grant or revoke privileges on the objects of a PostgreSQL database.
    pub struct Arguments + Login {
        /// Database to connect to.
        login_db | db | database: String,
        /// Whether the privileges are given.
        state: State = State::Present,
        /// The privileges, with commas between them.
        privs | "priv": Option<String>,
        /// What the objects are.
        r#type: Type = Type::Table,
        /// The objects, with commas between them; `ALL_IN_SCHEMA` for all of a schema.
        objs | obj: Option<String>,
        /// Schema that they are in.
        schema: Option<String>,
        /// The roles that get or lose the privileges, with commas between them.
        roles | role: String,
        /// Role to become.
        session_role: Option<String>,
        /// Roles whose later objects default privileges are for.
        target_roles: Option<String>,
        /// Whether the roles may pass the privileges on.
        grant_option | admin_option: Option<bool>,
        /// Whether it is an error if a role does not exist.
        fail_on_role: bool = true,
        /// Has no effect: all that goes into statements is quoted.
        trust_input: bool = true,
    }
}

/// Grant or revoke, and see whether that has changed anything.
///
/// # Errors
/// The server cannot be reached or refuses, or an option cannot be understood.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let kind = kind(arguments.r#type);
    let plan = Plan::new(&arguments, kind)?;
    let login = &arguments.attributes;
    let connection = login.connect(Some(&arguments.login_db), arguments.session_role.as_deref(), context)?;
    let mut transaction = Transaction::begin(connection, context)?;
    let mut warnings = Vec::new();
    let mut roles = Vec::new();
    for name in list(&arguments.roles) {
        let known = role(&name);
        if known.starts_with('"') {
            let there = format!("SELECT 1 FROM pg_roles WHERE rolname = {}", literal::text(&name));
            if transaction.query(&there)?.rows.is_empty() {
                let missing = format!("Role {name} does not exist");
                if arguments.fail_on_role {
                    return Err(Failure::new(format!("{missing}; make it first (postgresql_user)")));
                }
                warnings.push(Value::from(missing));
                continue;
            }
        }
        roles.push(known);
    }
    let question = plan.kind.question();
    let before = transaction.query(question)?;
    if !roles.is_empty() {
        for statement in plan.statements(&mut transaction, &roles.join(", "))? {
            transaction.change(&statement)?;
        }
    }
    let after = transaction.query(question)?;
    let changed = before.rows != after.rows;
    let (_, queries) = transaction.end()?;
    let outcome = Outcome::new(changed).with("queries", queries.into_iter().map(Value::from).collect::<Vec<_>>());
    Ok(if warnings.is_empty() { outcome } else { outcome.with("warnings", warnings) })
}

fn kind(of: Type) -> Kind {
    match of {
        Type::Table => Kind::Table,
        Type::Sequence => Kind::Sequence,
        Type::Function => Kind::Function,
        Type::Procedure => Kind::Procedure,
        Type::Database => Kind::Database,
        Type::Schema => Kind::Schema,
        Type::Language => Kind::Language,
        Type::Tablespace => Kind::Tablespace,
        Type::Group => Kind::Group,
        Type::DefaultPrivs => Kind::DefaultPrivileges,
        Type::ForeignDataWrapper => Kind::ForeignDataWrapper,
        Type::ForeignServer => Kind::ForeignServer,
        Type::Type => Kind::Type,
        Type::Parameter => Kind::Parameter,
    }
}

/// The words between the commas.
fn list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// What is to be done, as far as the options tell.
struct Plan<'a> {
    arguments: &'a Arguments,
    kind: Kind,
    privileges: Vec<String>,
    objects: Vec<String>,
    schema: Option<String>,
}

impl<'a> Plan<'a> {
    fn new(arguments: &'a Arguments, kind: Kind) -> Result<Self, Failure> {
        let word = arguments.r#type.word();
        if arguments.schema.is_some() && !kind.has_schema() {
            return Err(Failure::new(format!("Argument \"schema\" is not allowed for type \"{word}\".")));
        }
        if arguments.target_roles.is_some() && kind != Kind::DefaultPrivileges {
            return Err(Failure::new("Argument \"target_roles\" is only allowed for type \"default_privs\"."));
        }
        let objects = match (&arguments.objs, kind) {
            (Some(objects), _) => list(objects),
            (None, Kind::Database) => vec![arguments.login_db.clone()],
            (None, _) => return Err(Failure::new(format!("Argument \"objs\" is required for type \"{word}\"."))),
        };
        let privileges = match (&arguments.privs, kind) {
            (Some(_), Kind::Group) => {
                return Err(Failure::new("Argument \"privs\" is not allowed for type \"group\"."));
            }
            (None, Kind::Group) => Vec::new(),
            (None, _) => return Err(Failure::new(format!("Argument \"privs\" is required for type \"{word}\"."))),
            (Some(text), _) => kind.privileges(text).map_err(Failure::new)?,
        };
        let schema = match arguments.schema.as_deref() {
            Some("not-specified") => None,
            Some(schema) => Some(schema.to_owned()),
            // Default privileges without a schema are for all of them.
            None if kind.has_schema() && kind != Kind::DefaultPrivileges => Some("public".to_owned()),
            None => None,
        };
        Ok(Self { arguments, kind, privileges, objects, schema })
    }

    fn statements(&self, transaction: &mut Transaction, roles: &str) -> Result<Vec<String>, Failure> {
        match self.kind {
            Kind::Group => Ok(self.memberships(roles)),
            Kind::DefaultPrivileges => self.later(roles),
            _ => {
                let Some(objects) = self.all_objects(transaction)? else { return Ok(Vec::new()) };
                let names = self.privileges.join(", ");
                Ok(self.changes(&format!("{names} ON {} {objects}", self.kind.word()), roles, "GRANT OPTION"))
            }
        }
    }

    /// The statements for what is given, `SELECT ON TABLE t`.
    fn changes(&self, what: &str, roles: &str, option: &str) -> Vec<String> {
        let with = format!(" WITH {option}");
        match (self.arguments.state, self.arguments.grant_option) {
            (State::Absent, _) => vec![format!("REVOKE {what} FROM {roles}")],
            (State::Present, Some(true)) => vec![format!("GRANT {what} TO {roles}{with}")],
            (State::Present, Some(false)) => {
                vec![format!("GRANT {what} TO {roles}"), format!("REVOKE {option} FOR {what} FROM {roles}")]
            }
            (State::Present, None) => vec![format!("GRANT {what} TO {roles}")],
        }
    }

    fn memberships(&self, roles: &str) -> Vec<String> {
        let groups: Vec<String> = self.objects.iter().map(|name| literal::name(name)).collect();
        self.changes(&groups.join(", "), roles, "ADMIN OPTION")
    }

    /// The objects as a statement names them; none if there is none in the schema.
    fn all_objects(&self, transaction: &mut Transaction) -> Result<Option<String>, Failure> {
        if self.objects != ["ALL_IN_SCHEMA"] {
            let names = self.objects.iter().map(|name| self.kind.object(name, self.schema.as_deref()));
            return Ok(Some(names.collect::<Vec<_>>().join(", ")));
        }
        let schema = self.schema.as_deref().unwrap_or("public");
        let text = literal::text(schema);
        let found = transaction.query(&format!("SELECT 1 FROM pg_namespace WHERE nspname = {text}"))?;
        if found.rows.is_empty() {
            return Err(Failure::new(format!("Schema \"{schema}\" does not exist.")));
        }
        let statement = match self.kind {
            Kind::Table | Kind::Sequence => {
                let kinds = if self.kind == Kind::Table { "'r', 'v', 'm', 'p', 'f'" } else { "'S'" };
                format!(
                    "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n \
                     ON n.oid = c.relnamespace WHERE n.nspname = {text} AND c.relkind IN ({kinds}) ORDER BY 1"
                )
            }
            Kind::Function | Kind::Procedure => {
                let kinds = if self.kind == Kind::Function { "'f', 'a', 'w'" } else { "'p'" };
                format!(
                    "SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) \
                     FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace \
                     WHERE n.nspname = {text} AND p.prokind IN ({kinds}) ORDER BY 1"
                )
            }
            _ => {
                let word = self.arguments.r#type.word();
                return Err(Failure::new(format!("objs: ALL_IN_SCHEMA is not for type \"{word}\"; name the objects")));
            }
        };
        let names: Vec<String> = transaction.query(&statement)?.texts(0).map(str::to_owned).collect();
        Ok(Some(names.join(", ")).filter(|names| !names.is_empty()))
    }

    /// Statements on objects that are made later.
    fn later(&self, roles: &str) -> Result<Vec<String>, Failure> {
        let everything = self.objects == ["ALL_DEFAULT"];
        // A schema has no schemas in it.
        let all = LATER.iter().filter(|word| self.schema.is_none() || **word != "SCHEMAS");
        let objects: Vec<String> = if everything {
            all.map(|word| (*word).to_owned()).collect()
        } else {
            self.objects.iter().map(|word| word.to_uppercase()).collect()
        };
        if let Some(unknown) = objects.iter().find(|word| !LATER.contains(&word.as_str())) {
            return Err(Failure::new(format!(
                "objs: `{unknown}` is none of ALL_DEFAULT, {} for type \"default_privs\"",
                LATER.join(", ")
            )));
        }
        let mut start = "ALTER DEFAULT PRIVILEGES".to_owned();
        if let Some(owners) = &self.arguments.target_roles {
            let owners: Vec<String> = list(owners).iter().map(|name| role(name)).collect();
            start.push_str(&format!(" FOR ROLE {}", owners.join(", ")));
        }
        if let Some(schema) = &self.schema {
            start.push_str(&format!(" IN SCHEMA {}", literal::name(schema)));
        }
        let mut statements = Vec::new();
        for object in objects {
            let what = format!("{} ON {object}", self.privileges.join(", "));
            // They are all that is to be: what was given before goes.
            if self.arguments.state == State::Present {
                statements.push(format!("{start} REVOKE ALL ON {object} FROM {roles}"));
            }
            statements
                .extend(self.changes(&what, roles, "GRANT OPTION").iter().map(|change| format!("{start} {change}")));
        }
        Ok(statements)
    }
}
