//! `fact_caching = redis` against a real Redis server, which the test starts on loopback.
//!
//! Needs `redis-server` (Debian's package of that name); without it this test fails.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use redis::{Commands, Connection};

struct Server {
    process: Child,
    port: u16,
    directory: tempfile::TempDir,
}

impl Server {
    fn start(password: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The port is free until the server takes it, unless another program is quicker; then the next one is tried.
        for _ in 0..20 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let mut process = Command::new("redis-server")
                .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"])
                .args(["--requirepass", password])
                .arg("--dir")
                .arg(directory.path())
                .stdout(Stdio::null())
                .spawn()
                .expect("this test needs redis-server: install Debian's package of that name");
            let deadline = Instant::now() + Duration::from_secs(60);
            while Instant::now() < deadline && process.try_wait().unwrap().is_none() {
                if connect(port, password).is_some() {
                    return Self { process, port, directory };
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = process.kill();
            let _ = process.wait();
        }
        panic!("redis-server does not start");
    }

    fn connect(&self, password: &str) -> Connection {
        connect(self.port, password).unwrap()
    }

    /// Run a playbook; its exit code and what it printed.
    fn run(&self, password: &str, playbook: &str, more: &[&str]) -> (i32, String) {
        let connection = format!("127.0.0.1:{}:2:{password}", self.port);
        run(self.directory.path(), &connection, playbook, more)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn connect(port: u16, password: &str) -> Option<Connection> {
    let secret = if password.is_empty() { String::new() } else { format!(":{password}@") };
    let client = redis::Client::open(format!("redis://{secret}127.0.0.1:{port}/2")).unwrap();
    client.get_connection_with_timeout(Duration::from_secs(5)).ok()
}

fn run(directory: &Path, connection: &str, playbook: &str, more: &[&str]) -> (i32, String) {
    std::fs::write(directory.join("site.yml"), playbook).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_rprov"))
        .args(["run", "site.yml", "-i", "h1,h2,", "-c", "local"])
        .args(more)
        .current_dir(directory)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", directory)
        .env("ANSIBLE_CACHE_PLUGIN", "community.general.redis")
        .env("ANSIBLE_CACHE_PLUGIN_CONNECTION", connection)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap(), text)
}

const SET: &str = "- hosts: h1\n  gather_facts: false\n  tasks:\n    - set_fact: {kept: 'x{{ 1 }}', cacheable: true}\n    - set_fact: {lost: 1}\n";
const SHOW: &str = "- hosts: all\n  gather_facts: false\n  tasks:\n    - debug: {msg: \"{{ inventory_hostname }} {{ kept | default('no') }} {{ lost | default('no') }}\"}\n";
const CLEAR: &str = "- hosts: h1\n  gather_facts: false\n  tasks:\n    - meta: clear_facts\n";

#[test]
fn facts_outlive_a_run_in_redis_under_the_keys_of_ansible_s_plugin() {
    let server = Server::start("");
    let (code, text) = server.run("", SET, &[]);
    assert_eq!(code, 0, "{text}");
    let mut database = server.connect("");
    let kept: String = database.get("ansible_factss1_h1").unwrap();
    assert_eq!(kept, r#"{"__payload__":"{\"kept\":\"x1\"}"}"#);
    let seconds: i64 = database.ttl("ansible_factss1_h1").unwrap();
    assert!((1..=86_400).contains(&seconds), "{seconds}");
    let keys: Vec<String> = database.zrange("ansible_cache_keys", 0, -1).unwrap();
    assert_eq!(keys, ["s1_h1"]);

    // As Ansible writes them: indented, with notes on where values were written.
    let payload = r#"{"kept": {"value": "theirs", "tags": [{"path": "p", "line_num": 1, "col_num": 1, "__ansible_type": "Origin"}], "__ansible_type": "_AnsibleTaggedStr"}}"#;
    let theirs = serde_json::to_string_pretty(&serde_json::json!({ "__payload__": payload })).unwrap();
    let () = database.set("ansible_factss1_h2", theirs).unwrap();
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let () = database.zadd("ansible_cache_keys", "s1_h2", now).unwrap();
    let (_, text) = server.run("", SHOW, &[]);
    assert!(text.contains("h1 x1 no") && text.contains("h2 theirs no"), "{text}");

    let () = database.zadd("ansible_cache_keys", "s1_h2", now - 100_000.0).unwrap();
    let (_, text) = server.run("", SHOW, &[]);
    assert!(text.contains("h1 x1 no") && text.contains("h2 no no"), "{text}");

    server.run("", CLEAR, &[]);
    let left: Option<String> = database.get("ansible_factss1_h1").unwrap();
    assert_eq!(left, None);
    let keys: Vec<String> = database.zrange("ansible_cache_keys", 0, -1).unwrap();
    assert!(keys.is_empty(), "{keys:?}");

    server.run("", SET, &[]);
    let (_, text) = server.run("", SHOW, &["--flush-cache"]);
    assert!(text.contains("h1 no no"), "{text}");
}

#[test]
fn a_password_is_used_and_never_shown() {
    let server = Server::start("geheim");
    let (code, text) = server.run("geheim", SET, &[]);
    assert_eq!(code, 0, "{text}");
    let (_, text) = server.run("geheim", SHOW, &[]);
    assert!(text.contains("h1 x1 no"), "{text}");
    let (code, text) = server.run("falsch", SHOW, &[]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("the Redis server of the cached facts") && !text.contains("falsch"), "{text}");
    // A value that is no entry is told, and passed over.
    let () = server.connect("geheim").set("ansible_factss1_h1", "garbage").unwrap();
    let (code, text) = server.run("geheim", SHOW, &[]);
    assert!(code == 0 && text.contains("cannot be read") && text.contains("h1 no no"), "{text}");
}

#[test]
fn what_is_no_server_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let (code, text) = run(directory.path(), &format!("127.0.0.1:{port}:0"), SHOW, &[]);
    assert!(code == 1 && text.contains("does not answer") && text.contains("hint:"), "{text}");
    let (code, text) = run(directory.path(), "nonsense", SHOW, &[]);
    assert!(code == 1 && text.contains("is not the address of a Redis server"), "{text}");
    let (code, text) = run(directory.path(), "", SHOW, &[]);
    assert!(code == 1 && text.contains("needs `fact_caching_connection`"), "{text}");
}
