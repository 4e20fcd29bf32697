//! `etcd3` on real servers. They need `etcd-server` and `etcd-client`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod started;

use std::process::Command;

use calls::{apply, converges, refused, run, with};
use serde_json::{Value as Json, json};
use started::{Started, free_port, tls_files};

struct Server {
    started: Started,
    port: u16,
    tls: bool,
}

impl Server {
    fn start(tls: bool) -> Self {
        let (port, peer) = (free_port(), free_port());
        let mut started = Started::prepare();
        let scheme = if tls { "https" } else { "http" };
        let urls = format!("{scheme}://127.0.0.1:{port}");
        let peers = format!("http://127.0.0.1:{peer}");
        let mut command = Command::new("etcd");
        command.args(["--data-dir", "data", "--listen-client-urls", &urls, "--advertise-client-urls", &urls]);
        command.args(["--listen-peer-urls", &peers, "--initial-advertise-peer-urls", &peers]);
        command.args(["--initial-cluster", &format!("default={peers}"), "--unsafe-no-fsync"]);
        if tls {
            tls_files(&started.path(""));
            command.args(["--cert-file", "cert.pem", "--key-file", "key.pem", "--trusted-ca-file", "ca.pem"]);
            command.arg("--client-cert-auth");
        }
        started.start("etcd-server", &mut command);
        let server = Server { started, port, tls };
        server.started.until(|| server.try_ctl(&["get", "x"]).is_some());
        server
    }

    fn path(&self, name: &str) -> String {
        self.started.path(name).display().to_string()
    }

    fn try_ctl(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new("etcdctl");
        if self.tls {
            command.args(["--cacert", &self.path("ca.pem"), "--cert", &self.path("cert.pem")]);
            command.args(["--key", &self.path("key.pem"), "--endpoints", &format!("https://localhost:{}", self.port)]);
        } else {
            command.args(["--endpoints", &format!("http://127.0.0.1:{}", self.port)]);
        }
        let output = command.env("ETCDCTL_API", "3").args(words).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// What the server's own client says.
    fn ctl(&self, words: &[&str]) -> String {
        self.try_ctl(words).unwrap_or_else(|| panic!("{words:?}"))
    }

    fn with(&self, arguments: Json) -> Json {
        with(&json!({"host": "127.0.0.1", "port": self.port}), arguments)
    }
}

#[test]
fn keys_come_change_and_go() {
    let server = Server::start(false);
    let key = |value: &str, state: &str| server.with(json!({"key": "a/ü", "value": value, "state": state}));
    let applied = converges("etcd3", &key("1\n", "present"));
    assert_eq!((&applied["key"], &applied["old_value"]), (&json!("a/ü"), &json!("None")));
    assert_eq!(server.ctl(&["get", "a/ü"]), "a/ü\n1");
    assert_eq!(converges("etcd3", &key("", "present"))["old_value"], "1\n");
    assert_eq!(converges("etcd3", &key("2", "present"))["old_value"], "");
    let predicted = run("etcd3", &key("2", "absent"), true).unwrap();
    assert_eq!(predicted["old_value"].as_str(), Some("2"));
    assert_eq!(server.ctl(&["get", "a/ü"]), "a/ü\n2");
    converges("etcd3", &key("2", "absent"));
    assert_eq!(server.ctl(&["get", "a/ü"]), "");
}

#[test]
fn only_who_knows_the_password_comes_in() {
    let server = Server::start(false);
    let call = server.with(json!({"key": "k", "value": "v", "state": "present"}));
    // A name is no hindrance where none is asked for.
    apply("etcd3", &with(&call, json!({"user": "root", "password": "the-secret"})));
    server.ctl(&["user", "add", "root:the-secret"]);
    server.ctl(&["user", "grant-role", "root", "root"]);
    server.ctl(&["auth", "enable"]);
    converges("etcd3", &with(&call, json!({"user": "root", "password": "the-secret", "value": "w"})));
    let wrong = refused("etcd3", &with(&call, json!({"user": "root", "password": "no-secret"})));
    assert!(wrong.contains("check `user` and `password`") && !wrong.contains("secret"), "{wrong}");
    let nameless = refused("etcd3", &call);
    assert!(nameless.contains("Cannot reach data"), "{nameless}");
}

#[test]
fn certificates_are_checked_on_both_sides() {
    let server = Server::start(true);
    let call = with(&server.with(json!({"host": "localhost"})), json!({"key": "k", "value": "v", "state": "present"}));
    let (ca, cert, key) = (server.path("ca.pem"), server.path("cert.pem"), server.path("key.pem"));
    let shown = json!({"client_cert": cert, "client_key": key});
    converges("etcd3", &with(&with(&call, json!({"ca_cert": ca})), shown.clone()));
    assert_eq!(server.ctl(&["get", "k"]), "k\nv");
    for wrong in [json!({}), json!({"ca_cert": ca}), json!({"ca_cert": cert, "client_cert": cert, "client_key": key})] {
        let message = refused("etcd3", &with(&call, wrong.clone()));
        assert!(message.contains("Cannot reach data"), "{wrong}: {message}");
    }
    let message = refused("etcd3", &with(&call, shown));
    assert!(message.contains("The 'ca_cert' parameter must be defined"), "{message}");
}

#[test]
fn nobody_there_is_told() {
    let nobody = refused("etcd3", &json!({"port": free_port(), "key": "k", "value": "v", "state": "absent"}));
    assert!(nobody.contains("Cannot reach data: etcd connection failed"), "{nobody}");
}
