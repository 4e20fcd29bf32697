//! A server that stands in for MongoDB's, which none of the package registries at hand has: the commands that the
//! modules give, as MongoDB's manual describes them (<https://www.mongodb.com/docs/manual/reference/command/>), and the
//! server's half of SCRAM. It also speaks what drivers greet with (`OP_QUERY`), so that these can be compared with.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use rprov_systems::mongo::message::Message;
use rprov_systems::mongo::proof::digested;
use rprov_systems::mongo::{Bson, Document, bson, document};
use rprov_systems::scram::Sum;

type Verifier = (Vec<u8>, Vec<u8>);

const SALT: &[u8] = b"0123456789abcdef";
const ROUNDS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

#[derive(Clone)]
pub struct User {
    sha1: Verifier,
    sha256: Verifier,
    pub roles: Bson,
}

#[derive(Default)]
pub struct State {
    pub users: IndexMap<(String, String), User>,
    /// Only who has logged in may do something, once there is a user.
    pub authorize: bool,
    /// Users have no keys for SCRAM-SHA-256.
    pub old: bool,
    /// It was started with the name of a replica set.
    pub replica: bool,
    pub config: Option<Document>,
    /// Where the primary is, if it is another.
    pub primary: Option<String>,
    /// The commands that were given, but for greetings and proofs.
    pub commands: Vec<Document>,
    /// It gives a wrong proof.
    pub liar: bool,
}

/// What is known of one connection.
#[derive(Default)]
struct Peer {
    known: bool,
    exchange: Option<(Sum, Verifier, String, String)>,
}

#[derive(Clone)]
pub struct Mongo {
    pub port: u16,
    state: Arc<Mutex<State>>,
}

fn error(code: i32, message: &str) -> Document {
    document([("ok", 0.0.into()), ("errmsg", message.into()), ("code", code.into()), ("codeName", "Name".into())])
}

fn ok() -> Document {
    document([("ok", 1.0.into())])
}

fn text(command: &Document, name: &str) -> String {
    command.get(name).and_then(Bson::as_str).unwrap_or_default().to_owned()
}

impl Mongo {
    pub fn start(state: State) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap(), state)
    }

    pub fn at(listener: TcpListener, state: State) -> Self {
        let mongo = Mongo { port: listener.local_addr().unwrap().port(), state: Arc::new(Mutex::new(state)) };
        let server = mongo.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let server = server.clone();
                std::thread::spawn(move || server.serve(stream));
            }
        });
        mongo
    }

    pub fn state<T>(&self, look: impl FnOnce(&mut State) -> T) -> T {
        look(&mut self.state.lock().unwrap())
    }

    /// The names of the commands since the last time that change something.
    pub fn changes(&self) -> Vec<String> {
        let commands = self.state(|state| std::mem::take(&mut state.commands));
        let names = commands.iter().map(|command| command.first().unwrap().0.clone());
        names.filter(|name| !["usersInfo", "replSetGetConfig", "replSetGetStatus"].contains(&name.as_str())).collect()
    }

    fn serve(&self, mut stream: TcpStream) {
        let mut peer = Peer::default();
        let mut head = [0; 16];
        while stream.read_exact(&mut head).is_ok() {
            let word = |at: usize| i32::from_le_bytes(head[at..at + 4].try_into().unwrap());
            // What begins otherwise is no message.
            let Some(length) = usize::try_from(word(0)).ok().filter(|length| (21..48_000_000).contains(length)) else {
                return;
            };
            let mut body = vec![0; length - 16];
            stream.read_exact(&mut body).unwrap();
            if word(12) == 2004 {
                // The flags, the collection's name, and two numbers.
                let end = 4 + body[4..].iter().position(|byte| *byte == 0).unwrap() + 1 + 8;
                let command = bson::decode(&mut &body[end..]).unwrap();
                let answer = bson::encode(&self.answer(&command, &mut peer));
                let mut reply = Vec::new();
                for number in [36 + i32::try_from(answer.len()).unwrap(), 1, word(4), 1, 8, 0, 0, 0, 1] {
                    reply.extend(number.to_le_bytes());
                }
                stream.write_all(&[reply, answer].concat()).unwrap();
            } else {
                let whole = [&head[..], &body].concat();
                let message = Message::read(&mut whole.as_slice()).unwrap();
                let document = self.answer(&message.document, &mut peer);
                Message { number: 1, answers: message.number, document }.write(&mut stream).unwrap();
            }
        }
    }

    fn answer(&self, command: &Document, peer: &mut Peer) -> Document {
        let mut state = self.state.lock().unwrap();
        let state = &mut *state;
        let (name, value) = command.first().unwrap();
        let database = text(command, "$db");
        let name = name.as_str();
        match name {
            "hello" | "isMaster" | "ismaster" => return greeting(state, command, self.port),
            "saslStart" | "saslContinue" => return sasl(state, command, peer, &database),
            "ping" | "endSessions" => return ok(),
            "buildInfo" | "buildinfo" => {
                return [document([("version", "7.0.0".into())]), ok()].into_iter().flatten().collect();
            }
            _ => {}
        }
        if state.authorize && !peer.known {
            // Whoever comes from the same host may make the first user, and found the replica set.
            let first = state.users.is_empty() && ["createUser", "replSetInitiate", "replSetGetStatus"].contains(&name);
            if !first {
                return error(13, &format!("command {name} requires authentication"));
            }
        }
        state.commands.push(command.clone());
        match name {
            "usersInfo" => users(state, value, &database),
            "createUser" | "updateUser" | "dropUser" => change_user(state, name, command, &database),
            _ => replicate(state, name, command, self.port),
        }
    }
}

fn greeting(state: &State, command: &Document, port: u16) -> Document {
    let own = format!("127.0.0.1:{port}");
    let primary = state.primary.clone().unwrap_or_else(|| own.clone());
    let mut answer = document([
        ("maxWireVersion", 21.into()),
        ("minWireVersion", 0.into()),
        ("maxBsonObjectSize", 16_777_216.into()),
        ("maxMessageSizeBytes", 48_000_000.into()),
        ("maxWriteBatchSize", 100_000.into()),
        ("localTime", Bson::DateTime(1)),
        ("logicalSessionTimeoutMinutes", 30.into()),
        ("helloOk", true.into()),
        ("readOnly", false.into()),
    ]);
    let writable = state.primary.is_none() && (!state.replica || state.config.is_some());
    let word = if command.first().unwrap().0 == "hello" { "isWritablePrimary" } else { "ismaster" };
    answer.insert(word.to_owned(), writable.into());
    if let Some(config) = &state.config {
        answer.insert("setName".to_owned(), config["_id"].clone());
        answer.insert("setVersion".to_owned(), config["version"].clone());
        answer.insert("secondary".to_owned(), state.primary.is_some().into());
        answer.insert("primary".to_owned(), primary.as_str().into());
        answer.insert("me".to_owned(), own.as_str().into());
        answer.insert("hosts".to_owned(), vec![primary.as_str().into(), own.as_str().into()].into());
    } else if state.replica {
        answer.insert("isreplicaset".to_owned(), true.into());
        answer.insert("info".to_owned(), "Does not have a valid replica set config".into());
    }
    if let Some((database, user)) = text(command, "saslSupportedMechs").split_once('.')
        && state.users.contains_key(&(database.to_owned(), user.to_owned()))
    {
        let mut known = vec![Bson::from("SCRAM-SHA-1")];
        if !state.old {
            known.push("SCRAM-SHA-256".into());
        }
        answer.insert("saslSupportedMechs".to_owned(), known.into());
    }
    answer.insert("ok".to_owned(), 1.0.into());
    answer
}

fn sasl(state: &State, command: &Document, peer: &mut Peer, database: &str) -> Document {
    let failed = || error(18, "Authentication failed.");
    let Some(Bson::Binary(_, payload)) = command.get("payload") else { return failed() };
    let payload = String::from_utf8(payload.clone()).unwrap();
    let field = |name: &str| payload.split(',').find_map(|part| part.strip_prefix(name)).unwrap_or_default().to_owned();
    let said = |text: String, done: bool| {
        document([
            ("conversationId", 1.into()),
            ("done", done.into()),
            ("payload", Bson::Binary(0, text.into_bytes())),
            ("ok", 1.0.into()),
        ])
    };
    if command.first().unwrap().0 == "saslStart" {
        let user = field("n=").replace("=2C", ",").replace("=3D", "=");
        let Some(user) = state.users.get(&(database.to_owned(), user)) else { return failed() };
        let (sum, verifier) = match text(command, "mechanism").as_str() {
            "SCRAM-SHA-1" => (Sum::Sha1, user.sha1.clone()),
            "SCRAM-SHA-256" if !state.old => (Sum::Sha256, user.sha256.clone()),
            _ => return failed(),
        };
        let first = format!("r={}server,s={},i={ROUNDS}", field("r="), STANDARD.encode(SALT));
        peer.exchange = Some((sum, verifier, payload.split_once(",,").unwrap().1.to_owned(), first.clone()));
        return said(first, false);
    }
    if payload.is_empty() {
        peer.known = true;
        return said(String::new(), true);
    }
    let Some((sum, verifier, asked, told)) = peer.exchange.take() else { return failed() };
    let (proofless, proof) = payload.rsplit_once(",p=").unwrap();
    let exchanged = format!("{asked},{told},{proofless}");
    match sum.check(&verifier, &exchanged, &STANDARD.decode(proof).unwrap()) {
        None => failed(),
        Some(own) => {
            let proof = if state.liar { b"lie".to_vec() } else { own };
            // Old servers want one more, empty exchange.
            peer.known = !state.old;
            said(format!("v={}", STANDARD.encode(proof)), !state.old)
        }
    }
}

fn users(state: &State, wanted: &Bson, database: &str) -> Document {
    let (user, database) = match wanted {
        Bson::Document(wanted) => (text(wanted, "user"), text(wanted, "db")),
        // All of the database.
        other => (other.as_str().unwrap_or("*").to_owned(), database.to_owned()),
    };
    let found: Vec<Bson> = state
        .users
        .iter()
        .filter(|((db, name), _)| *db == database && (*name == user || user == "*"))
        .map(|((db, name), found)| {
            let id = format!("{db}.{name}");
            let pairs = [("_id", id.into()), ("user", name.as_str().into()), ("db", db.as_str().into())];
            let mut told = document(pairs);
            told.insert("roles".to_owned(), found.roles.clone());
            told.into()
        })
        .collect();
    document([("users", found.into()), ("ok", 1.0.into())])
}

fn change_user(state: &mut State, name: &str, command: &Document, database: &str) -> Document {
    let user = command[name].as_str().unwrap().to_owned();
    let key = (database.to_owned(), user.clone());
    let there = state.users.contains_key(&key);
    if name == "dropUser" {
        return match state.users.shift_remove(&key) {
            Some(_) => ok(),
            None => error(11, &format!("User '{user}@{database}' not found")),
        };
    }
    if name == "createUser" && (there || !command.contains_key("roles")) {
        return error(51003, &format!("User \"{user}@{database}\" already exists"));
    }
    if name == "updateUser" && !there {
        return error(11, &format!("Could not find user \"{user}\" for db \"{database}\""));
    }
    let nobody = || User { sha1: Verifier::default(), sha256: Verifier::default(), roles: Vec::new().into() };
    let mut kept = state.users.get(&key).cloned().unwrap_or_else(nobody);
    if let Some(password) = command.get("pwd").and_then(Bson::as_str) {
        let make = |sum: Sum, password: &str| sum.verifier(&sum.salted(password, SALT, ROUNDS));
        kept.sha1 = make(Sum::Sha1, &digested(&user, password));
        kept.sha256 = make(Sum::Sha256, password);
    }
    if let Some(Bson::Array(roles)) = command.get("roles") {
        let whole = |role: &Bson| match role {
            Bson::String(role) => document([("role", role.as_str().into()), ("db", database.into())]).into(),
            other => other.clone(),
        };
        let roles: Vec<Bson> = roles.iter().map(whole).collect();
        if let Some(role) = roles.iter().find(|role| role.as_document().unwrap()["role"].as_str() == Some("nosuch")) {
            return error(31, &format!("Could not find role: {}", role.to_value()));
        }
        kept.roles = roles.into();
    }
    state.users.insert(key, kept);
    ok()
}

fn replicate(state: &mut State, name: &str, command: &Document, port: u16) -> Document {
    if !state.replica {
        return error(76, "not running with --replSet");
    }
    match name {
        "replSetInitiate" if state.config.is_some() => error(23, "already initialized"),
        "replSetInitiate" => {
            let mut config = command[name].as_document().cloned().unwrap();
            let members = config.get("members").and_then(Bson::as_array).unwrap_or_default();
            let own = format!(":{port}");
            let is_own = |member: &Bson| text(member.as_document().unwrap(), "host").ends_with(&own);
            if !members.iter().any(is_own) {
                return error(93, "No host described in new configuration maps to this node");
            }
            config.insert("version".to_owned(), 1.into());
            let settings = config.entry("settings".to_owned()).or_insert_with(|| Document::new().into());
            if let Bson::Document(settings) = settings {
                settings.insert("replicaSetId".to_owned(), Bson::ObjectId([7; 12]));
            }
            state.config = Some(config);
            ok()
        }
        "replSetReconfig" => {
            let new = command[name].as_document().cloned().unwrap();
            let old = state.config.as_ref().unwrap();
            let forced = command.get("force").is_some_and(Bson::is_true);
            if !forced && new["version"].as_int() <= old["version"].as_int() {
                return error(103, "version must be higher");
            }
            state.config = Some(new);
            ok()
        }
        "replSetGetConfig" => match &state.config {
            Some(config) => document([("config", config.clone().into()), ("ok", 1.0.into())]),
            None => error(94, "no replset config has been received"),
        },
        "replSetGetStatus" => match &state.config {
            Some(config) => document([("set", config["_id"].clone()), ("myState", 1.into()), ("ok", 1.0.into())]),
            None => error(94, "no replset config has been received"),
        },
        _ => error(59, &format!("no such command: '{name}'")),
    }
}
