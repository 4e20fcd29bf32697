//! `mongodb_replicaset`: founds a replica set of MongoDB servers, and changes its members.

use rprov_wire::Value;

use crate::mongo::login::address;
use crate::mongo::session::UNAUTHORIZED;
use crate::mongo::{Bson, Connection, Document, Login, MongoError, bson, document};
use rprov_modules::argument::Raw;
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// How a server is asked who it is.
    pub enum ClusterCommand { IsMaster = "isMaster", Hello = "hello" }
}

choices! {
    /// Version of the protocol by which a primary is elected.
    pub enum Protocol { Zero = "0", One = "1" }
}

arguments! {
    /// Found a MongoDB replica set, or check the name of one that is there.
    pub struct Arguments + Login {
        /// Name of the replica set.
        replica_set: String = "rs0".to_owned(),
        /// Its members, as `host:port` or as maps with `host` and the member's settings.
        members: Option<Vec<Raw>>,
        /// Look whether a new replica set's members make sense.
        validate: bool = true,
        /// Which of the members is an arbiter, counted from 0.
        arbiter_at_index: Option<i64>,
        /// Members may copy from others than the primary.
        chaining_allowed: bool = true,
        /// Seconds after which a silent member is given up, for protocol 0.
        heartbeat_timeout_secs: i64 = 10,
        /// Milliseconds after which a silent primary is given up, for protocol 1.
        election_timeout_millis: i64 = 10_000,
        /// Version of the protocol by which a primary is elected.
        protocol_version: Protocol = Protocol::One,
        /// Change the members of a replica set that is there.
        reconfigure: bool = false,
        /// Change them also without a majority.
        force: bool = false,
        /// Milliseconds that changing them may take.
        max_time_ms: Option<i64>,
        /// Tell the configuration, too.
        debug: bool = false,
        /// How the server is asked who it is.
        cluster_cmd: ClusterCommand = ClusterCommand::Hello,
    }
}

/// The number of the refusal of a server that is for itself.
const NO_REPLICATION: i64 = 76;

/// Found the replica set, or change it.
///
/// # Errors
/// The server cannot be reached, is in another replica set, or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let members = arguments.members.as_deref().map(read_members).transpose()?;
    let login = &arguments.attributes;
    let mut connection = login.open(&login.endpoint(), context)?;
    let told = connection.greet(arguments.cluster_cmd.word(), None)?;
    let name = arguments.replica_set.as_str();
    match told.get("setName").and_then(Bson::as_str) {
        Some(known) if known != name => Err(Failure::new(format!(
            "The replica set name of '{known}' does not match the expected: '{name}'; check `replica_set` and `login_host`"
        ))),
        Some(_) if arguments.reconfigure => {
            let members = members.ok_or_else(|| Failure::new("members: reconfigure needs them"))?;
            reconfigure(connection, &told, &arguments, members, context)
        }
        Some(_) => Ok(Outcome::unchanged().with("mongodb_replicaset", name)),
        None => {
            let members = members.ok_or_else(|| Failure::new("members: a new replica set needs them"))?;
            found(connection, &arguments, members, context)
        }
    }
}

fn found(
    mut connection: Connection,
    arguments: &Arguments,
    mut members: Vec<Document>,
    context: &Context<'_>,
) -> Result<Outcome, Failure> {
    if arguments.validate && (members.len() < 3 || members.len().is_multiple_of(2)) {
        return Err(Failure::new(format!(
            "MongoDB Replicaset validation failed. Invalid number of replicaset members: {}, where an odd number from 3 on \
             makes sense; `validate: false` takes any",
            members.len()
        )));
    }
    mark_arbiter(&mut members, arguments)?;
    for (index, member) in members.iter_mut().enumerate() {
        let id = member.get("_id").cloned().unwrap_or_else(|| Bson::Int64(i64::try_from(index).unwrap_or(0)));
        member.shift_remove("_id");
        member.shift_insert(0, "_id".to_owned(), whole(id));
    }
    // No user can be there before the replica set is, but for those of a server that was alone.
    let login = arguments.attributes.authenticate(&mut connection);
    let login = match login {
        Err(error) if !matches!(error, MongoError::Login { .. }) => return Err(error.into()),
        login => login,
    };
    let mut settings = document([("chainingAllowed", arguments.chaining_allowed.into())]);
    let version: i64 = match arguments.protocol_version {
        Protocol::Zero => {
            settings.insert("heartbeatTimeoutSecs".to_owned(), arguments.heartbeat_timeout_secs.into());
            0
        }
        Protocol::One => {
            settings.insert("electionTimeoutMillis".to_owned(), arguments.election_timeout_millis.into());
            1
        }
    };
    let config = document([
        ("_id", arguments.replica_set.as_str().into()),
        ("protocolVersion", version.into()),
        ("members", members.into_iter().map(Bson::from).collect::<Vec<Bson>>().into()),
        ("settings", settings.into()),
    ]);
    if !context.check() {
        let command = document([("replSetInitiate", config.clone().into())]);
        connection.stream().set_limit(None).map_err(MongoError::from)?;
        match connection.run("admin", command) {
            Ok(_) => {}
            Err(error) if error.code() == Some(UNAUTHORIZED) && login.is_err() => login?,
            Err(error) if error.code() == Some(NO_REPLICATION) => {
                return Err(Failure::new(format!(
                    "{error}; start it with `--replSet {0}`, or with `replSetName: {0}` in its configuration",
                    arguments.replica_set
                )));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(outcome(arguments, &config))
}

fn reconfigure(
    mut connection: Connection,
    told: &Document,
    arguments: &Arguments,
    mut members: Vec<Document>,
    context: &Context<'_>,
) -> Result<Outcome, Failure> {
    let is_primary = ["ismaster", "isWritablePrimary"].iter().any(|name| told.get(*name).is_some_and(Bson::is_true));
    if !is_primary && !arguments.force {
        let primary = told.get("primary").and_then(Bson::as_str).and_then(address).ok_or_else(|| {
            Failure::new(
                "the replica set has no primary that could change it; wait for its election, or set `force: true`",
            )
        })?;
        connection = arguments.attributes.open(&primary, context)?;
    }
    arguments.attributes.authenticate(&mut connection)?;
    let answer = connection.run("admin", document([("replSetGetConfig", 1.into())]))?;
    let config = answer.get("config").and_then(Bson::as_document).ok_or(MongoError::Protocol("no configuration"))?;
    mark_arbiter(&mut members, arguments)?;
    let current = config.get("members").and_then(Bson::as_array).unwrap_or_default();
    let new = merged(current, members);
    let unchanged = Bson::Array(new.clone()).same(&Bson::Array(current.to_vec()));
    if unchanged {
        return Ok(Outcome::unchanged().with("mongodb_replicaset", arguments.replica_set.as_str()));
    }
    let mut config = config.clone();
    let version = config.get("version").and_then(Bson::as_int).unwrap_or(0).saturating_add(1);
    config.insert("version".to_owned(), whole(version.into()));
    config.insert("members".to_owned(), new.into());
    if !context.check() {
        let mut command = document([("replSetReconfig", config.clone().into()), ("force", arguments.force.into())]);
        if let Some(limit) = arguments.max_time_ms {
            command.insert("maxTimeMS".to_owned(), limit.into());
        }
        connection.run("admin", command)?;
    }
    Ok(outcome(arguments, &config).with("reconfigure", true))
}

fn outcome(arguments: &Arguments, config: &Document) -> Outcome {
    let outcome = Outcome::new(true).with("mongodb_replicaset", arguments.replica_set.as_str());
    if arguments.debug { outcome.with("config", bson::to_map(config)) } else { outcome }
}

/// A number in the type that the server gives it.
fn whole(number: Bson) -> Bson {
    match number.as_int().and_then(|number| i32::try_from(number).ok()) {
        Some(number) => Bson::Int32(number),
        None => number,
    }
}

/// Members as documents, each with its host and port.
fn read_members(members: &[Raw]) -> Result<Vec<Document>, Failure> {
    let read = |member: &Raw| {
        let mut member = match &member.0 {
            Value::String(host) => document([("host", host.trim().into())]),
            Value::Map(map) => bson::of_map(map),
            other => return Err(Failure::new(format!("members: `{other}` is neither a host nor a map with `host`"))),
        };
        let host = member.get("host").and_then(Bson::as_str).filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| Failure::new("members: a map needs `host`"))?;
        if address(host).is_none() {
            let host = format!("{host}:27017");
            member.insert("host".to_owned(), host.into());
        }
        Ok(member)
    };
    members.iter().map(read).collect()
}

fn mark_arbiter(members: &mut [Document], arguments: &Arguments) -> Result<(), Failure> {
    let Some(index) = arguments.arbiter_at_index else { return Ok(()) };
    let count = members.len();
    let member = usize::try_from(index).ok().and_then(|index| members.get_mut(index)).ok_or_else(|| {
        Failure::new(format!(
            "MongoDB Replicaset validation failed. Invalid arbiter index: arbiter_at_index is {index}, and there are {count} \
             members, counted from 0"
        ))
    })?;
    member.insert("arbiterOnly".to_owned(), true.into());
    Ok(())
}

/// The members that are wanted, with what the present ones have beside; new ones at the end, with numbers of their own.
fn merged(current: &[Bson], wanted: Vec<Document>) -> Vec<Bson> {
    let current: Vec<&Document> = current.iter().filter_map(Bson::as_document).collect();
    let host = |member: &Document| member.get("host").and_then(Bson::as_str).unwrap_or_default().to_owned();
    let (mut kept, mut new) = (Vec::new(), Vec::new());
    let number = |member: &&Document| member.get("_id").and_then(Bson::as_int);
    let mut next = current.iter().filter_map(number).max().map_or(0, |most| most.saturating_add(1));
    for mut member in wanted {
        match current.iter().enumerate().find(|(_, known)| host(known) == host(&member)) {
            Some((place, known)) => {
                member.shift_remove("_id");
                let mut whole = (*known).clone();
                whole.extend(member);
                kept.push((place, Bson::from(whole)));
            }
            None => {
                let id = member.shift_remove("_id").unwrap_or(Bson::Int64(next));
                member.shift_insert(0, "_id".to_owned(), whole(id));
                next = next.saturating_add(1);
                new.push(Bson::from(member));
            }
        }
    }
    kept.sort_by_key(|(place, _)| *place);
    kept.into_iter().map(|(_, member)| member).chain(new).collect()
}
