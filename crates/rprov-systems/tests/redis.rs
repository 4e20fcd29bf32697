//! The modules of community.general that speak to Redis, on real servers. They need `redis-server`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod started;

use std::process::Command;

use calls::{apply, changes, converges, refused, run, settled, with};
use serde_json::{Value as Json, json};
use started::{Started, free_port, tls_files};

struct Server {
    started: Started,
    port: u16,
    tls_port: u16,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let (port, tls_port) = (free_port(), free_port());
        let mut started = Started::prepare();
        tls_files(&started.path(""));
        let mut command = Command::new("redis-server");
        command.args(["--bind", "127.0.0.1", "--save", "", "--port", &port.to_string()]);
        command.args(["--tls-port", &tls_port.to_string(), "--tls-ca-cert-file", "ca.pem"]);
        command.args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"]);
        started.start("redis-server", command.args(options));
        let server = Server { started, port, tls_port };
        server.started.until(|| server.try_cli(&["PING"]).is_some());
        server
    }

    fn try_cli(&self, words: &[&str]) -> Option<String> {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// What the server's own client says.
    fn cli(&self, words: &[&str]) -> String {
        self.try_cli(words).unwrap()
    }

    fn with(&self, arguments: Json) -> Json {
        with(&json!({"login_host": "127.0.0.1", "login_port": self.port, "tls": false}), arguments)
    }

    fn path(&self, name: &str) -> String {
        self.started.path(name).display().to_string()
    }
}

#[test]
fn settings_are_changed_where_they_differ() {
    let server = Server::start(&[]);
    let setting = |name: &str, value: &str| server.with(json!({"command": "config", "name": name, "value": value}));
    let applied = converges("redis", &setting("maxmemory", "4MB"));
    assert_eq!((&applied["name"], &applied["value"]), (&json!("maxmemory"), &json!("4194304")));
    assert_eq!(server.cli(&["CONFIG", "GET", "maxmemory"]), "maxmemory\n4194304");
    settled("redis", &setting("MaxMemory", "4m"));
    converges("redis", &setting("save", "100 1"));
    let unknown = refused("redis", &setting("maxmemroy", "1"));
    assert!(unknown.contains("unable to read config: 'maxmemroy'") && unknown.contains("check `name`"), "{unknown}");
    // A pattern is no name.
    assert!(refused("redis", &setting("max*", "1")).contains("no such setting"));
    let wrong = refused("redis", &setting("lua-time-limit", "abc"));
    assert!(wrong.contains("unable to write config") && wrong.contains("integer"), "{wrong}");
    assert!(refused("redis", &server.with(json!({"command": "config", "name": "save"}))).contains("missing: value"));
    assert!(refused("redis", &server.with(json!({}))).contains("A valid command must be provided"));
}

#[test]
fn a_flush_is_a_change_where_something_was() {
    let server = Server::start(&[]);
    let put = |db: &str| assert_eq!(server.cli(&["-n", db, "SET", "k", "v"]), "OK");
    put("0");
    put("2");
    let two = server.with(json!({"command": "flush", "flush_mode": "db", "db": 2}));
    let applied = converges("redis", &two);
    assert_eq!((&applied["flushed"], &applied["db"]), (&json!(true), &json!(2)));
    assert_eq!(server.cli(&["-n", "2", "DBSIZE"]), "0");
    assert_eq!(server.cli(&["DBSIZE"]), "1");
    put("2");
    converges("redis", &server.with(json!({"command": "flush"})));
    assert_eq!(server.cli(&["INFO", "keyspace"]), "# Keyspace");
    let nameless = refused("redis", &server.with(json!({"command": "flush", "flush_mode": "db"})));
    assert!(nameless.contains("In db mode the db number must be provided"), "{nameless}");
    let far = refused("redis", &server.with(json!({"command": "flush", "flush_mode": "db", "db": 99})));
    assert!(far.contains("unable to flush 'db 99'") && far.contains("out of range"), "{far}");
}

#[test]
fn a_server_follows_another_and_stands_alone_again() {
    let (master, replica) = (Server::start(&[]), Server::start(&[]));
    master.cli(&["SET", "k", "v"]);
    let follow = replica.with(json!({"command": "replica", "master_host": "127.0.0.1", "master_port": master.port}));
    let applied = converges("redis", &follow);
    assert_eq!(applied["mode"], json!({"status": "replica", "master_host": "127.0.0.1", "master_port": master.port}));
    replica.started.until(|| replica.cli(&["GET", "k"]) == "v");
    settled("redis", &with(&follow, json!({"command": "slave", "replica_mode": "slave"})));
    let alone = replica.with(json!({"command": "slave", "slave_mode": "master"}));
    assert_eq!(converges("redis", &alone)["mode"], "master");
    assert!(replica.cli(&["INFO", "replication"]).contains("role:master"));
    let nobody = refused("redis", &replica.with(json!({"command": "replica", "master_port": 1})));
    assert!(nobody.contains("master host must be provided"), "{nobody}");
    let nowhere = refused("redis", &replica.with(json!({"command": "replica", "master_host": "h"})));
    assert!(nowhere.contains("master port must be provided"), "{nowhere}");
}

#[test]
fn keys_come_change_and_go() {
    let server = Server::start(&[]);
    let key = |more: Json| with(&server.with(json!({"key": "a"})), more);
    let applied = converges("redis_data", &key(json!({"value": "1"})));
    assert_eq!(applied["old_value"], Json::Null);
    assert_eq!((&applied["value"], &applied["msg"]), (&json!("1"), &json!("Set key: a")));
    // A time is always a change, and is lost if nobody keeps it.
    let limited = key(json!({"value": "1", "expiration": 1_000_000}));
    changes("redis_data", &limited);
    changes("redis_data", &limited);
    settled("redis_data", &key(json!({"value": "1", "keep_ttl": true})));
    converges("redis_data", &key(json!({"value": "2", "keep_ttl": true})));
    assert_ne!(server.cli(&["TTL", "a"]), "-1");
    converges("redis_data", &key(json!({"value": "2"})));
    assert_eq!(server.cli(&["TTL", "a"]), "-1");

    for check in [true, false] {
        let failure = run("redis_data", &key(json!({"value": "3", "non_existing": true})), check).unwrap_err();
        assert_eq!(failure.message, "Could not set key: a. Key already present.");
        assert_eq!(failure.values["old_value"].as_str(), Some("2"));
        let failure = run("redis_data", &server.with(json!({"key": "b", "value": "3", "existing": true})), check);
        assert_eq!(failure.unwrap_err().message, "Could not set key: b. Key not present.");
    }
    converges("redis_data", &key(json!({"value": "3", "existing": true})));
    changes("redis_data", &server.with(json!({"key": "b", "value": "3", "non_existing": true})));

    let info = apply("redis_data_info", &key(json!({})));
    assert_eq!((&info["exists"], &info["value"], &info["msg"]), (&json!(true), &json!("3"), &json!("Got key \"a\"")));
    let gone = converges("redis_data", &key(json!({"state": "absent"})));
    assert_eq!(gone["msg"], "Deleted key: a");
    assert_eq!(apply("redis_data", &key(json!({"state": "absent"})))["msg"], "Key: a not present");
    assert_eq!(apply("redis_data_info", &key(json!({})))["exists"], false);
    server.cli(&["LPUSH", "list", "1"]);
    let list = refused("redis_data_info", &server.with(json!({"key": "list"})));
    assert!(list.contains("WRONGTYPE"), "{list}");
}

#[test]
fn numbers_grow() {
    let server = Server::start(&[]);
    let add = |more: Json| with(&server.with(json!({"key": "n"})), more);
    let applied = changes("redis_data_incr", &add(json!({})));
    assert_eq!((&applied["value"], &applied["msg"]), (&json!(1.0), &json!("Incremented key: n to 1")));
    let predicted = run("redis_data_incr", &add(json!({"increment_int": 5})), true).unwrap();
    assert_eq!(predicted["msg"].as_str(), Some("Incremented key: n by 5 to 6.0"));
    assert_eq!(server.cli(&["GET", "n"]), "1");
    assert_eq!(changes("redis_data_incr", &add(json!({"increment_int": 5})))["msg"], "Incremented key: n by 5 to 6");
    settled("redis_data_incr", &add(json!({"increment_int": 0})));
    let applied = changes("redis_data_incr", &add(json!({"increment_float": 1.5})));
    assert_eq!((&applied["value"], &applied["msg"]), (&json!(7.5), &json!("Incremented key: n by 1.5 to 7.5")));
    for check in [true, false] {
        let failure = run("redis_data_incr", &add(json!({"increment_int": 1})), check).unwrap_err();
        assert!(failure.message.contains("value is not an integer or out of range"), "{failure}");
    }
}

#[test]
fn a_server_tells_of_itself() {
    let server = Server::start(&["--cluster-enabled", "yes"]);
    let told = apply("redis_info", &server.with(json!({"cluster": true})));
    assert_eq!(told["info"]["tcp_port"], server.port);
    assert_eq!(told["info"]["role"], "master");
    assert!(told["info"]["mem_fragmentation_ratio"].is_f64() && told["info"]["redis_version"].is_string());
    assert_eq!(told["cluster"]["cluster_known_nodes"], 1);
    assert_eq!(told["cluster_info"]["cluster_known_nodes"], "1");
    let alone = Server::start(&[]);
    alone.cli(&["SET", "k", "v"]);
    assert_eq!(apply("redis_info", &alone.with(json!({})))["info"]["db0"]["keys"], 1);
    assert!(refused("redis_info", &alone.with(json!({"cluster": true}))).contains("cluster support disabled"));
}

#[test]
fn only_who_knows_the_password_comes_in() {
    let server = Server::start(&[]);
    server.cli(&["ACL", "SETUSER", "u", "on", ">user-secret", "~*", "+@all"]);
    server.cli(&["CONFIG", "SET", "requirepass", "the-secret"]);
    let info = |more: Json| with(&server.with(json!({"key": "k"})), more);
    apply("redis_data_info", &info(json!({"login_password": "the-secret"})));
    apply("redis_data_info", &info(json!({"login_user": "u", "login_password": "user-secret"})));
    for wrong in [json!({}), json!({"login_password": "no-secret"}), json!({"login_user": "u"})] {
        let message = refused("redis_data_info", &info(wrong.clone()));
        assert!(message.contains("check `login_user` and `login_password`"), "{wrong}: {message}");
        assert!(!message.contains("secret"), "{message}");
    }
    let nobody = refused("redis_data_info", &json!({"login_port": free_port(), "tls": false, "key": "k"}));
    assert!(nobody.contains("unable to connect") && nobody.contains("login_port"), "{nobody}");
}

#[test]
fn certificates_are_checked_on_both_sides() {
    let server = Server::start(&[]);
    let call = |more: Json| {
        with(&json!({"login_host": "localhost", "login_port": server.tls_port, "key": "k", "value": "v"}), more)
    };
    let (ca, cert, key) = (server.path("ca.pem"), server.path("cert.pem"), server.path("key.pem"));
    let shown = json!({"client_cert_file": cert, "client_key_file": key});
    converges("redis_data", &with(&call(json!({"ca_certs": ca})), shown.clone()));
    settled("redis_data", &with(&call(json!({"validate_certs": false})), shown.clone()));
    let untrusted = refused("redis_data", &with(&call(json!({})), shown));
    assert!(untrusted.contains("TLS") && untrusted.contains("ca_certs"), "{untrusted}");
    let nameless = refused("redis_data", &call(json!({"ca_certs": ca})));
    assert!(nameless.contains("unable to connect") || nameless.contains("broke"), "{nameless}");
    let plain = refused("redis_data", &call(json!({"tls": false})));
    assert!(plain.contains("broke") || plain.contains("wants `tls`"), "{plain}");
}
