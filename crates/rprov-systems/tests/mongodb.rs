//! The modules of community.mongodb, on a stand-in for the server (`mongo_stand_in`).
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod mongo_stand_in;

use calls::{apply, changes, converges, refused, run, settled, with};
use mongo_stand_in::{Mongo, State};
use rprov_systems::mongo::bson;
use serde_json::{Value as Json, json};

/// For comparing with other clients by hand: `RPROV_MONGO_STAND_IN=PORT`.
#[test]
#[ignore = "serves for a minute, for comparing with other clients by hand"]
fn serves() {
    let port: u16 = std::env::var("RPROV_MONGO_STAND_IN").unwrap().parse().unwrap();
    let listener = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mongo = Mongo::at(listener, State { replica: port.is_multiple_of(2), ..State::default() });
    std::thread::sleep(std::time::Duration::from_secs(60));
    println!("{:?}", mongo.state(|state| std::mem::take(&mut state.commands)));
}

fn call(mongo: &Mongo, more: Json) -> Json {
    with(&json!({"login_host": "127.0.0.1", "login_port": mongo.port}), more)
}

fn roles(mongo: &Mongo, user: &str) -> Json {
    let key = ("d".to_owned(), user.to_owned());
    mongo.state(|state| state.users.get(&key).map_or(Json::Null, |user| user.roles.to_value().to_json()))
}

#[test]
fn users_come_change_and_go() {
    let mongo = Mongo::start(State::default());
    let bob = |more: Json| call(&mongo, with(&json!({"database": "d", "name": "bob"}), more));
    let made = bob(json!({"password": "pw", "roles": "read,readWrite", "update_password": "on_create"}));
    assert!(run("mongodb_user", &made, true).is_ok() && mongo.changes().is_empty());
    assert_eq!(converges("mongodb_user", &made)["user"], "bob");
    assert_eq!(mongo.changes(), ["createUser"]);
    assert_eq!(roles(&mongo, "bob"), json!([{"role": "read", "db": "d"}, {"role": "readWrite", "db": "d"}]));
    // The order of roles says nothing, and who says nothing of them leaves them.
    settled("mongodb_user", &bob(json!({"roles": ["readWrite", {"role": "read"}], "update_password": "on_create"})));
    settled("mongodb_user", &bob(json!({"update_password": "on_create"})));
    let other = bob(json!({"roles": [{"db": "e", "role": "read"}], "update_password": "on_create"}));
    converges("mongodb_user", &other);
    assert_eq!(mongo.changes(), ["updateUser"]);
    assert_eq!(roles(&mongo, "bob"), json!([{"role": "read", "db": "e"}]));
    // A password that is set always is always a change, and leaves the roles.
    for _ in 0..2 {
        changes("mongodb_user", &bob(json!({"password": "other"})));
    }
    assert_eq!(roles(&mongo, "bob"), json!([{"role": "read", "db": "e"}]));
    converges("mongodb_user", &bob(json!({"state": "absent"})));

    let nothing = refused("mongodb_user", &bob(json!({})));
    assert!(nothing.contains("password parameter required"), "{nothing}");
    assert!(refused("mongodb_user", &bob(json!({"update_password": "on_create"}))).contains("a new user needs one"));
    let role = refused("mongodb_user", &bob(json!({"password": "the-secret", "roles": ["nosuch"]})));
    assert!(role.contains("refuses createUser: Could not find role"), "{role}");
    assert!(!role.contains("the-secret"), "{role}");
}

#[test]
fn who_is_asked_to_log_in_does_so_in_every_way() {
    for old in [false, true] {
        let mongo = Mongo::start(State { authorize: true, old, ..State::default() });
        let admin = json!({"database": "admin", "name": "ad,min=", "password": "the-secret", "roles": ["root"]});
        let directory = tempfile::tempdir().unwrap();
        let mark = directory.path().join("made");
        // The first user may be made by whoever is on the same host, once.
        let first = call(&mongo, with(&admin, json!({"create_for_localhost_exception": mark})));
        converges("mongodb_user", &first);
        let user = json!({"database": "d", "name": "bob", "password": "pw", "update_password": "on_create"});
        let nameless = refused("mongodb_user", &call(&mongo, user.clone()));
        assert!(nameless.contains("requires authentication"), "{nameless}");
        let named = call(&mongo, with(&user, json!({"login_user": "ad,min=", "login_password": "the-secret"})));
        converges("mongodb_user", &named);
        settled("mongodb_user", &with(&named, json!({"auth_mechanism": "SCRAM-SHA-1"})));
        let modern = with(&named, json!({"auth_mechanism": "SCRAM-SHA-256"}));
        if old {
            assert!(refused("mongodb_user", &modern).contains("Authentication failed"));
        } else {
            settled("mongodb_user", &modern);
        }
        for wrong in [
            json!({"login_password": "no-secret"}),
            json!({"login_user": "eve"}),
            json!({"login_database": "d"}),
            json!({"connection_options": ["authSource=d"]}),
        ] {
            let message = refused("mongodb_user", &with(&named, wrong.clone()));
            assert!(message.contains("Authentication failed") && message.contains("check `login_user`"), "{message}");
            assert!(!message.contains("-secret"), "{message}");
        }
        mongo.state(|state| state.liar = true);
        assert!(refused("mongodb_user", &named).contains("does not know the password itself"));
    }
}

#[test]
fn options_that_cannot_be_are_told() {
    let mongo = Mongo::start(State::default());
    let user = |more: Json| {
        refused("mongodb_user", &call(&mongo, with(&json!({"db": "d", "user": "u", "state": "absent"}), more)))
    };
    assert!(user(json!({"login_user": "u"})).contains("both `login_user` and `login_password`"));
    assert!(user(json!({"ssl_crlfile": "/f"})).starts_with("ssl_crlfile"));
    let plain = user(json!({"login_user": "u", "login_password": "p", "auth_mechanism": "PLAIN"}));
    assert!(plain.contains("only done in TLS"), "{plain}");
    assert!(user(json!({"connection_options": ["x=1"]})).contains("`x` is not known"));
    assert!(user(json!({"ssl": true, "connection_options": ["connectTimeoutMS=500"]})).contains("TLS"));
}

#[test]
fn the_primary_takes_the_changes() {
    let config = Some(bson::document([("_id", "rs".into()), ("version", 1.into())]));
    let primary = Mongo::start(State { replica: true, config: config.clone(), ..State::default() });
    let at = Some(format!("127.0.0.1:{}", primary.port));
    let secondary = Mongo::start(State { replica: true, config, primary: at, ..State::default() });
    let user = call(&secondary, json!({"db": "d", "user": "u", "password": "p", "replica_set": "rs"}));
    changes("mongodb_user", &user);
    assert_eq!((primary.changes(), secondary.changes()), (vec!["createUser".to_owned()], Vec::new()));
    let other = refused("mongodb_user", &with(&user, json!({"replica_set": "other"})));
    assert!(other.contains("the replica set rs, not in other") && other.contains("check `replica_set`"), "{other}");
}

#[test]
fn a_replica_set_is_founded_and_changed() {
    let mongo = Mongo::start(State { replica: true, ..State::default() });
    let own = format!("127.0.0.1:{}", mongo.port);
    let set = |more: Json| call(&mongo, more);
    let founded = set(
        json!({"members": format!("{own},b:1,c"), "arbiter_at_index": 2, "cluster_cmd": "isMaster", "protocol_version": 1}),
    );
    assert!(run("mongodb_replicaset", &founded, true).is_ok() && mongo.changes().is_empty());
    assert_eq!(converges("mongodb_replicaset", &founded)["mongodb_replicaset"], "rs0");
    assert_eq!(mongo.changes(), ["replSetInitiate"]);
    let config = || mongo.state(|state| bson::to_map(state.config.as_ref().unwrap()));
    let members = || config()["members"].to_json();
    assert_eq!(config()["settings"].get("electionTimeoutMillis").and_then(|value| value.as_int()), Some(10_000));
    let third = json!({"_id": 2, "host": "c:27017", "arbiterOnly": true});
    assert_eq!(members(), json!([{"_id": 0, "host": own}, {"_id": 1, "host": "b:1"}, third]));

    let without = set(json!({"members": [own, "c"], "reconfigure": true}));
    let applied = converges("mongodb_replicaset", &without);
    assert_eq!(applied["reconfigure"], true);
    assert_eq!(members(), json!([{"_id": 0, "host": own}, third]));
    let with_another = set(json!({
        "members": [{"host": "d", "priority": 0.5, "hidden": true}, {"host": own, "priority": 2}, {"host": "c:27017"}],
        "reconfigure": true, "debug": true, "max_time_ms": 1000,
    }));
    let applied = changes("mongodb_replicaset", &with_another);
    assert_eq!(applied["config"]["version"], 3);
    settled("mongodb_replicaset", &with_another);
    let fourth = json!({"_id": 3, "host": "d:27017", "priority": 0.5, "hidden": true});
    assert_eq!(members(), json!([{"_id": 0, "host": own, "priority": 2}, third, fourth]));
    assert_eq!(config()["settings"].get("replicaSetId").and_then(|id| id.as_str()), Some("070707070707070707070707"));
    // What is not asked for is left.
    settled("mongodb_replicaset", &set(json!({"members": [own]})));
    let other = refused("mongodb_replicaset", &set(json!({"replica_set": "rs1", "members": [own]})));
    assert!(other.contains("The replica set name of 'rs0' does not match the expected: 'rs1'"), "{other}");
}

#[test]
fn a_replica_set_that_makes_no_sense_is_refused() {
    let mongo = Mongo::start(State { replica: true, authorize: true, ..State::default() });
    let own = format!("127.0.0.1:{}", mongo.port);
    let set = |more: Json| refused("mongodb_replicaset", &call(&mongo, more));
    assert!(set(json!({"members": [own, "b"]})).contains("Invalid number of replicaset members: 2"));
    assert!(set(json!({"members": [own, "b", "c"], "arbiter_at_index": 3})).contains("Invalid arbiter index"));
    assert!(set(json!({})).starts_with("members: a new replica set needs them"));
    assert!(set(json!({"members": [{"priority": 1}], "validate": false})).contains("needs `host`"));
    assert!(set(json!({"members": ["x"], "validate": false})).contains("maps to this node"));
    assert!(mongo.state(|state| state.config.is_none()));
    // A user that cannot be there yet is no hindrance.
    let named = json!({"members": [own], "validate": false, "login_user": "admin", "login_password": "x"});
    apply("mongodb_replicaset", &call(&mongo, named));

    let alone = Mongo::start(State::default());
    let message = refused("mongodb_replicaset", &call(&alone, json!({"members": ["a"], "validate": false})));
    assert!(message.contains("not running with --replSet") && message.contains("replSetName: rs0"), "{message}");
}
