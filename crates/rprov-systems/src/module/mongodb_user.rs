//! `mongodb_user`: users of a MongoDB database, with their passwords and roles.

use std::path::PathBuf;

use rprov_wire::Value;

use crate::mongo::session::UNAUTHORIZED;
use crate::mongo::{Bson, Connection, Document, Login, bson, document};
use rprov_modules::argument::{Raw, Secret};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the user is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// When a password is set.
    pub enum Update { Always = "always", OnCreate = "on_create" }
}

arguments! {
    /// Add, change or remove users of a MongoDB database.
    pub struct Arguments + Login {
        /// The replica set to whose primary to connect.
        replica_set: Option<String>,
        /// The database that knows the user.
        database | db: String,
        /// The user's name.
        name | user: String,
        /// The user's password.
        password | pass: Option<Secret>,
        /// What the user may do: names of roles, or maps with `db` and `role`.
        roles: Option<Vec<Raw>>,
        /// Whether the user is to be there.
        state: State = State::Present,
        /// When the password is set: always, which is a change each time, or only for a new user.
        update_password: Update = Update::Always,
        /// A file that is made when the first user is added without logging in; if it is there, nothing is done.
        create_for_localhost_exception: Option<PathBuf>,
    }
}

/// The database of users that come with a certificate.
const EXTERNAL: &str = "$external";

/// Bring the user to its state.
///
/// # Errors
/// The server cannot be reached or refuses, or an option cannot be understood.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let login = &arguments.attributes;
    let mark = arguments.create_for_localhost_exception.as_ref().filter(|_| !login.is_named());
    if mark.is_some_and(|mark| mark.exists()) {
        return Ok(outcome(false, &arguments));
    }
    let external = login.login_database == EXTERNAL || arguments.database == EXTERNAL;
    let update = arguments.update_password == Update::Always && !external;
    if arguments.state == State::Present && update && arguments.password.is_none() {
        return Err(Failure::new(
            "password parameter required when adding a user unless update_password is set to on_create",
        ));
    }
    let wanted = arguments.roles.as_deref().map(|roles| read_roles(roles, &arguments.database)).transpose()?;
    let mut connection = login.primary(arguments.replica_set.as_deref(), context)?;
    let current = find(&mut connection, &arguments)?;
    if arguments.state == State::Absent {
        if current.is_some() && !context.check() {
            connection.run(&arguments.database, document([("dropUser", arguments.name.as_str().into())]))?;
        }
        return Ok(outcome(current.is_some(), &arguments));
    }
    let changed = match &current {
        None => true,
        Some(current) => update || wanted.as_ref().is_some_and(|wanted| !same(wanted, &roles_of(current))),
    };
    if changed && !context.check() {
        let command = command(&arguments, current.is_some(), update || current.is_none(), wanted)?;
        connection.run(&arguments.database, command)?;
        if let Some(mark) = mark {
            std::fs::write(mark, "").map_err(|error| Failure::io("create", mark, error))?;
        }
    }
    Ok(outcome(changed, &arguments))
}

fn outcome(changed: bool, arguments: &Arguments) -> Outcome {
    Outcome::new(changed).with("user", arguments.name.as_str())
}

/// What the server tells of the user.
fn find(connection: &mut Connection, arguments: &Arguments) -> Result<Option<Document>, Failure> {
    let who = document([("user", arguments.name.as_str().into()), ("db", arguments.database.as_str().into())]);
    let answer = match connection.run(&arguments.database, document([("usersInfo", who.into())])) {
        Ok(answer) => answer,
        // Without a user there is nobody who may ask, and somebody on the same host may add the first.
        Err(error) if error.code() == Some(UNAUTHORIZED) && !arguments.attributes.is_named() => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let users = answer.get("users").and_then(Bson::as_array).unwrap_or_default();
    Ok(users.first().and_then(Bson::as_document).cloned())
}

fn command(
    arguments: &Arguments,
    there: bool,
    with_password: bool,
    wanted: Option<Vec<(String, String)>>,
) -> Result<Document, Failure> {
    let name = if there { "updateUser" } else { "createUser" };
    let mut command = document([(name, arguments.name.as_str().into())]);
    if let Some(password) = arguments.password.as_ref().filter(|_| with_password && arguments.database != EXTERNAL) {
        command.insert("pwd".to_owned(), password.expose().into());
    } else if !there && arguments.database != EXTERNAL {
        return Err(Failure::new("password: a new user needs one"));
    }
    if wanted.is_some() || !there {
        let roles = wanted.unwrap_or_default().into_iter();
        let roles: Vec<Bson> =
            roles.map(|(role, db)| document([("role", role.into()), ("db", db.into())]).into()).collect();
        command.insert("roles".to_owned(), roles.into());
    }
    Ok(command)
}

/// Roles as pairs of a name and a database.
fn read_roles(roles: &[Raw], database: &str) -> Result<Vec<(String, String)>, Failure> {
    let read = |role: &Raw| match &role.0 {
        Value::String(name) => Ok((name.clone(), database.to_owned())),
        Value::Map(map) => {
            let map = bson::of_map(map);
            let text = |name: &str| map.get(name).and_then(Bson::as_str).map(str::to_owned);
            let role = text("role").ok_or_else(|| Failure::new("roles: a map needs `role`, and may have `db`"))?;
            Ok((role, text("db").unwrap_or_else(|| database.to_owned())))
        }
        other => Err(Failure::new(format!("roles: `{other}` is neither a role's name nor a map with `db` and `role`"))),
    };
    roles.iter().map(read).collect()
}

fn roles_of(user: &Document) -> Vec<(String, String)> {
    let roles = user.get("roles").and_then(Bson::as_array).unwrap_or_default();
    let pair = |role: &Bson| {
        let role = role.as_document()?;
        Some((role.get("role")?.as_str()?.to_owned(), role.get("db")?.as_str()?.to_owned()))
    };
    roles.iter().filter_map(pair).collect()
}

/// The same roles, in whatever order.
fn same(one: &[(String, String)], other: &[(String, String)]) -> bool {
    one.iter().all(|role| other.contains(role)) && other.iter().all(|role| one.contains(role))
}
