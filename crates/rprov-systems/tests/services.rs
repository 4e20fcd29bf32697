//! Modules for services that run on a host, with the real programs: HAProxy and supervisord, each with its state in a
//! temporary directory, and Java's `keytool`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// A program that ends with the test.
struct Server(Child);

impl Server {
    /// Start it, and wait until the socket is there.
    fn start(program: &str, arguments: &[&str], socket: &Path) -> Self {
        let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let server = Server(child.unwrap_or_else(|error| panic!("these tests need {program}: {error}")));
        let begun = Instant::now();
        while std::os::unix::net::UnixStream::connect(socket).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "{program} does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // So that it ends its own programs as well.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn servers_behind_haproxy_become_what_they_are_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, config) = (directory.path().join("s.sock"), directory.path().join("h.cfg"));
    // Nothing listens where it sends requests, and it listens nowhere itself: its front is a socket too.
    let text = format!(
        "global\n  stats socket {} mode 600 level admin\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 1s\n  \
         timeout server 1s\nfrontend f\n  bind unix@{}\n  default_backend www\nbackend www\n  server a 127.0.0.1:1 weight 10\n  \
         server b 127.0.0.1:2\nbackend app\n  server a 127.0.0.1:3 check inter 100ms\n",
        socket.display(),
        directory.path().join("front.sock").display()
    );
    std::fs::write(&config, text).unwrap();
    let _server = Server::start("haproxy", &["-db", "-f", config.to_str().unwrap()], &socket);
    let call = |more: Value| calls::with(&json!({"socket": socket, "host": "a", "backend": "www"}), more);
    let changes = |more: Value| {
        let arguments = call(more);
        assert_eq!(calls::run("haproxy", &arguments, true).unwrap()["skipped"].as_bool(), Some(true));
        let first = calls::apply("haproxy", &arguments);
        assert_eq!(first["changed"], true, "{first}");
        let second = calls::apply("haproxy", &arguments);
        assert_eq!(second["changed"], false, "{second}");
        first
    };
    let done = changes(json!({"state": "disabled", "shutdown_sessions": true}));
    assert_eq!(done["state_before"], json!([{"status": "no check", "weight": "10", "scur": "0"}]));
    assert_eq!(done["state_after"], json!([{"status": "MAINT", "weight": "10", "scur": "0"}]));
    assert_eq!(done["command"], json!(["get weight www/a; disable server www/a; shutdown sessions server www/a"]));
    assert_eq!(done["output"], json!(["10 (initial 10)"]));
    changes(json!({"state": "enabled"}));
    let done = changes(json!({"state": "enabled", "weight": "50%"}));
    assert_eq!(done["state_after"][0]["weight"], "5");
    changes(json!({"host": "b", "state": "drain", "wait": true, "wait_interval": 0}));
    changes(json!({"host": "b", "state": "disabled", "drain": true, "wait": true, "wait_interval": 0}));
    // In all backends that have it.
    let done = calls::apply(
        "haproxy",
        &json!({"socket": socket, "host": "a", "state": "disabled", "wait": true, "wait_interval": 0}),
    );
    assert_eq!(done["state_after"].as_array().unwrap().len(), 2);
    changes(json!({"backend": "app", "state": "enabled", "health": true, "agent": true}));
    // Servers that there are not.
    let none = calls::apply("haproxy", &call(json!({"host": "none", "state": "enabled"})));
    assert_eq!((&none["changed"], &none["state_after"]), (&json!(false), &Value::Null));
    let none = calls::refused("haproxy", &call(json!({"host": "none", "state": "enabled", "fail_on_not_found": true})));
    assert!(none.contains("'www/none' was not found"), "{none}");
    // One without checks is never up.
    let late = call(json!({"state": "enabled", "wait": true, "wait_interval": 0, "wait_retries": 2}));
    let late = calls::refused("haproxy", &late);
    assert!(late.contains("not status 'UP' after 2 retries") && late.contains("no check"), "{late}");
}

#[test]
fn programs_of_supervisord_become_what_they_are_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let (socket, config) = (directory.path().join("s.sock"), directory.path().join("s.conf"));
    let program = |name: &str| format!("[program:{name}]\ncommand=sleep 1000\nstartsecs=0\nautostart=false\n");
    let base = format!(
        "[unix_http_server]\nfile=%(here)s/s.sock\nusername=u\npassword=p%%;w\n[supervisord]\nnodaemon=true\nlogfile=%(here)s/log\n\
         pidfile=%(here)s/pid\nchildlogdir=%(here)s\n[rpcinterface:supervisor]\nsupervisor.rpcinterface_factory = \
         supervisor.rpcinterface:make_main_rpcinterface\n[supervisorctl]\nserverurl=unix://%(here)s/s.sock\n[group:g]\nprograms=a,b\n{}{}{}",
        program("one"),
        program("a"),
        program("b")
    );
    std::fs::write(&config, &base).unwrap();
    let _server = Server::start("supervisord", &["-c", config.to_str().unwrap()], &socket);
    let call = |name: &str, state: &str| json!({"name": name, "state": state, "config": config, "username": "u", "password": "p%;w"});
    let done = calls::converges("supervisorctl", &call("one", "started"));
    assert_eq!((&done["name"], &done["state"], &done["affected"]), (&json!("one"), &json!("started"), &json!(["one"])));
    calls::converges("supervisorctl", &call("one", "stopped"));
    let done = calls::converges("supervisorctl", &call("g:", "started"));
    assert_eq!(done["affected"], json!(["g:a", "g:b"]));
    calls::converges("supervisorctl", &call("g:a", "stopped"));
    let done = calls::changes("supervisorctl", &call("g:", "restarted"));
    assert_eq!(done["affected"], json!(["g:a", "g:b"]));
    let signal = calls::with(&call("g:b", "signalled"), json!({"signal": "CONT"}));
    calls::changes("supervisorctl", &signal);
    let signal = calls::with(&call("g:b", "signalled"), json!({"signal": "NOPE"}));
    assert!(calls::refused("supervisorctl", &signal).contains("bad signal name"));
    // A program that the configuration has and supervisord has not.
    assert!(calls::refused("supervisorctl", &call("new", "started")).contains("no such process"));
    assert!(calls::refused("supervisorctl", &call("new", "present")).contains("could not add new"));
    std::fs::write(&config, format!("{base}{}", program("new"))).unwrap();
    calls::converges("supervisorctl", &call("new", "present"));
    calls::converges("supervisorctl", &call("new", "started"));
    let running = calls::refused("supervisorctl", &call("new", "absent"));
    assert!(running.contains("still running"), "{running}");
    calls::converges("supervisorctl", &calls::with(&call("new", "absent"), json!({"stop_before_removing": true})));
    calls::converges("supervisorctl", &call("all", "stopped"));
    let wrong = calls::refused("supervisorctl", &calls::with(&call("one", "started"), json!({"password": "secret"})));
    assert!(wrong.contains("Unauthorized") || wrong.contains("authentication"), "{wrong}");
    assert!(!wrong.contains("secret"));
}

#[test]
fn keystores_become_what_they_are_to_be() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name).display().to_string();
    for (name, passphrase) in [("one", None), ("two", Some("pass:key word"))] {
        let (key, certificate) = (at(&format!("{name}.key")), at(&format!("{name}.crt")));
        let mut command = Command::new("openssl");
        command.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-subj",
            "/CN=x",
            "-days",
            "2",
        ]);
        command.args(["-keyout", &key, "-out", &certificate]).stderr(Stdio::null());
        match passphrase {
            Some(passphrase) => command.args(["-passout", passphrase]),
            None => command.arg("-nodes"),
        };
        assert!(command.status().unwrap().success());
    }
    let text = |name: &str| std::fs::read_to_string(at(name)).unwrap();
    let dest = at("store");
    let first = json!({
        "name": "web", "dest": dest, "password": "changeit", "certificate": text("one.crt"), "private_key": text("one.key"), "mode": "0600"
    });
    let converges = |arguments: &Value| {
        let before = std::fs::read(&dest).ok();
        calls::changes("java_keystore", arguments);
        assert_ne!(std::fs::read(&dest).ok(), before);
        calls::settled("java_keystore", arguments);
    };
    converges(&first);
    let listed =
        Command::new("keytool").args(["-list", "-keystore", &dest, "-storepass", "changeit"]).output().unwrap();
    assert!(String::from_utf8_lossy(&listed.stdout).contains("web, "), "{listed:?}");
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&dest).unwrap()) & 0o777, 0o600);
    converges(&calls::with(&first, json!({"keystore_type": "jks"})));
    converges(&calls::with(&first, json!({"keystore_type": "pkcs12"})));
    converges(&calls::with(&first, json!({"name": "other"})));
    converges(&calls::with(&first, json!({"password": "changed it"})));
    let second = json!({
        "name": "web", "dest": dest, "password": "changed it", "certificate_path": at("two.crt"), "private_key_path": at("two.key"),
        "private_key_passphrase": "key word"
    });
    converges(&second);
    calls::changes("java_keystore", &calls::with(&second, json!({"force": true})));
    let before = std::fs::read(&dest).unwrap();
    let strange = calls::with(&second, json!({"certificate_path": at("one.crt")}));
    assert!(calls::refused("java_keystore", &strange).contains("openssl could not bundle"));
    let short = calls::refused("java_keystore", &calls::with(&second, json!({"password": "x"})));
    assert!(short.contains("keytool could not make") && short.contains("6 characters"), "{short}");
    assert!(calls::run("java_keystore", &calls::with(&second, json!({"private_key_passphrase": "no"})), true).is_ok());
    let locked = calls::with(&second, json!({"private_key_passphrase": "wrong", "force": true}));
    assert!(!calls::refused("java_keystore", &locked).contains("key word"));
    assert_eq!(std::fs::read(&dest).unwrap(), before, "what cannot be replaced stays");
}
