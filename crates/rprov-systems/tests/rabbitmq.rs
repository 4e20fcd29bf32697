//! The modules of community.rabbitmq on a real broker, by `rabbitmqctl` and by the management interface. They need
//! `rabbitmq-server`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod started;

use std::cell::Cell;
use std::process::Command;

use calls::{run_with, with};
use rprov_modules::rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};
use started::{Started, free_port};

/// Where the programs are that do not change the user first.
const PROGRAMS: &str = "/usr/lib/rabbitmq/bin";

struct Rabbit {
    started: Started,
    environment: Vec<(String, String)>,
    api_port: u16,
    /// Each state is applied once and looked at once: a call of the program takes a second.
    quick: Cell<bool>,
}

impl Rabbit {
    fn start() -> Self {
        let mut started = Started::prepare();
        let at = |name: &str| started.path(name).display().to_string();
        let api_port = free_port();
        std::fs::write(started.path("plugins"), "[rabbitmq_management].\n").unwrap();
        let settings = format!("management.tcp.port = {api_port}\nmanagement.tcp.ip = 127.0.0.1\n");
        std::fs::write(started.path("rabbitmq.conf"), settings).unwrap();
        let path = std::env::var("PATH").unwrap_or_default();
        let environment: Vec<(String, String)> = [
            ("PATH", format!("{PROGRAMS}:{path}")),
            ("HOME", at("")),
            ("RABBITMQ_NODENAME", "test@localhost".to_owned()),
            ("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_NODE_PORT", free_port().to_string()),
            ("RABBITMQ_DIST_PORT", free_port().to_string()),
            ("ERL_EPMD_PORT", free_port().to_string()),
            ("ERL_EPMD_ADDRESS", "127.0.0.1".to_owned()),
            ("RABBITMQ_MNESIA_BASE", at("data")),
            ("RABBITMQ_LOG_BASE", at("logs")),
            ("RABBITMQ_PID_FILE", at("pid")),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", at("plugins")),
            ("RABBITMQ_CONFIG_FILE", at("rabbitmq.conf")),
            ("RABBITMQ_CONF_ENV_FILE", "/dev/null".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
        let mut command = Command::new(format!("{PROGRAMS}/rabbitmq-server"));
        started.start("rabbitmq-server", command.envs(environment.clone()));
        let rabbit = Rabbit { started, environment, api_port, quick: Cell::new(false) };
        rabbit.started.until(|| rabbit.try_ctl(&["await_startup"]).is_some());
        rabbit
    }

    fn try_ctl(&self, words: &[&str]) -> Option<String> {
        let mut command = Command::new(format!("{PROGRAMS}/rabbitmqctl"));
        command.args(["-q", "-n", "test@localhost"]).args(words).envs(self.environment.clone());
        let output = command.output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }

    /// What the broker's own program says.
    fn ctl(&self, words: &[&str]) -> String {
        self.try_ctl(words).unwrap_or_else(|| panic!("{words:?}"))
    }

    /// What the management interface says.
    fn told(&self, path: &str) -> Json {
        let url = format!("http://127.0.0.1:{}/api/{path}", self.api_port);
        let output = Command::new("curl").args(["-s", "-u", "guest:guest", &url]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn run(&self, module: &str, arguments: &Json, check: bool) -> Result<Map, rprov_modules::Failure> {
        run_with(module, arguments, check, self.environment.clone())
    }

    fn changes(&self, module: &str, arguments: &Json) -> Json {
        let predicted = (!self.quick.get()).then(|| self.run(module, arguments, true).unwrap());
        let told = self.run(module, arguments, false).unwrap();
        assert!(predicted.is_none_or(|predicted| predicted == told), "{arguments}: check mode predicts it");
        assert_eq!(told["changed"], Value::Bool(true), "{arguments}");
        Value::Map(told).to_json()
    }

    fn settled(&self, module: &str, arguments: &Json) {
        for check in [true, false].into_iter().skip(self.quick.get().into()) {
            let told = self.run(module, arguments, check).unwrap();
            assert_eq!(told["changed"], Value::Bool(false), "{arguments} (check={check})");
        }
    }

    /// As `converges`, but for a look at what the next step looks at again, where calls take long.
    fn shortly(&self, module: &str, arguments: &Json) {
        self.changes(module, arguments);
        if !self.quick.get() {
            self.settled(module, arguments);
        }
    }

    fn converges(&self, module: &str, arguments: &Json) -> Json {
        let told = self.changes(module, arguments);
        self.settled(module, arguments);
        told
    }
}

impl Drop for Rabbit {
    fn drop(&mut self) {
        // What the server's script has started ends with this, and the list of nodes with the next.
        self.try_ctl(&["stop"]);
        let _ = Command::new("epmd").arg("-kill").envs(self.environment.clone()).output();
    }
}

fn users_are_brought_to_their_state(rabbit: &Rabbit, way: &Json) {
    let user = |more: Json| with(&with(way, json!({"user": "jo e"})), more);
    let made = user(json!({"password": "pw", "tags": "monitoring,management", "read_priv": ".*"}));
    assert!(rabbit.run("rabbitmq_user", &made, true).is_ok());
    assert_eq!(rabbit.told("users/jo%20e")["error"], "Object Not Found", "check mode changes nothing");
    let told = rabbit.converges("rabbitmq_user", &made);
    assert_eq!((&told["user"], &told["state"]), (&json!("jo e"), &json!("present")));
    assert_eq!(rabbit.told("users/jo%20e")["tags"], json!(["monitoring", "management"]));
    let rights =
        |configure: &str| json!([{"user": "jo e", "vhost": "/", "configure": configure, "write": "^$", "read": ".*"}]);
    assert_eq!(rabbit.told("users/jo%20e/permissions"), rights("^$"));
    // A password is changed where that is asked for and it differs.
    let other = with(&made, json!({"password": "other", "tags": "management, monitoring"}));
    rabbit.settled("rabbitmq_user", &other);
    rabbit.shortly("rabbitmq_user", &with(&other, json!({"update_password": "always"})));
    rabbit.ctl(&["authenticate_user", "jo e", "other"]);
    assert_eq!(rabbit.told("users/jo%20e")["tags"], json!(["monitoring", "management"]));

    // The three options speak of one virtual host, `permissions` of all.
    rabbit.ctl(&["set_permissions", "-p", "/x", "jo e", "a", "b", "c"]);
    if !rabbit.quick.get() {
        rabbit.settled("rabbitmq_user", &other);
    }
    let all = json!({"permissions": [{"configure_priv": "a\"'", "read_priv": ".*"}]});
    if !rabbit.quick.get() {
        rabbit.converges("rabbitmq_user", &with(&other, all.clone()));
    }
    let topics = json!({"topic_permissions": [{"read_priv": "r"}, {"exchange": "e", "write_priv": "w"}]});
    let topics = with(&with(&other, all), topics);
    rabbit.shortly("rabbitmq_user", &topics);
    assert_eq!(rabbit.told("users/jo%20e/permissions"), rights("a\"'"));
    rabbit.converges(
        "rabbitmq_user",
        &with(&topics, json!({"topic_permissions": [{"exchange": "e", "write_priv": "v"}]})),
    );
    let kept = json!([{"user": "jo e", "vhost": "/", "exchange": "e", "write": "v", "read": "^$"}]);
    assert_eq!(rabbit.told("users/jo%20e/topic-permissions"), kept);
    if rabbit.quick.get() {
        rabbit.changes("rabbitmq_user", &user(json!({"state": "absent"})));
        rabbit.changes("rabbitmq_user", &user(json!({})));
        assert!(rabbit.try_ctl(&["authenticate_user", "jo e", ""]).is_none());
        rabbit.changes("rabbitmq_user", &user(json!({"force": true, "state": "absent"})));
        return;
    }
    rabbit.converges("rabbitmq_user", &with(&other, json!({"tags": ""})));
    assert_eq!(rabbit.told("users/jo%20e/topic-permissions"), json!([]));

    let again = with(&other, json!({"force": true, "password": "third"}));
    rabbit.changes("rabbitmq_user", &again);
    rabbit.changes("rabbitmq_user", &again);
    rabbit.ctl(&["authenticate_user", "jo e", "third"]);
    let nowhere = rabbit.run("rabbitmq_user", &with(&other, json!({"vhost": "/nowhere"})), false).unwrap_err();
    assert!(nowhere.message.contains("nowhere") || nowhere.message.contains("vhost"), "{nowhere}");
    assert!(!nowhere.message.contains("third"), "{nowhere}");
    rabbit.converges("rabbitmq_user", &user(json!({"state": "absent"})));
    // Without a password nobody comes in.
    rabbit.converges("rabbitmq_user", &user(json!({})));
    assert!(rabbit.try_ctl(&["authenticate_user", "jo e", ""]).is_none());
    rabbit.converges("rabbitmq_user", &user(json!({"state": "absent"})));
}

fn virtual_hosts_are_brought_to_their_state(rabbit: &Rabbit, way: &Json) {
    let vhost = |more: Json| with(&with(way, json!({"name": "/a b"})), more);
    let told = rabbit.converges("rabbitmq_vhost", &vhost(json!({"tracing": true})));
    assert_eq!((&told["name"], &told["state"]), (&json!("/a b"), &json!("present")));
    let tracing = || rabbit.told("vhosts/%2Fa%20b");
    assert_eq!(tracing()["tracing"], true);
    rabbit.shortly("rabbitmq_vhost", &vhost(json!({})));
    assert_eq!(tracing()["tracing"], false);
    rabbit.converges("rabbitmq_vhost", &vhost(json!({"state": "absent"})));
    assert_eq!(tracing()["error"], "Object Not Found");
}

#[test]
fn a_broker_is_managed_by_its_program_and_by_its_interface() {
    let rabbit = Rabbit::start();
    rabbit.ctl(&["add_vhost", "/x"]);
    let program = json!({"node": "test@localhost"});
    let interface = json!({
        "login_host": "127.0.0.1", "login_port": rabbit.api_port.to_string(),
        "login_user": "guest", "login_password": "guest",
    });
    for way in [&program, &interface] {
        rabbit.quick.set(way == &program);
        virtual_hosts_are_brought_to_their_state(&rabbit, way);
        users_are_brought_to_their_state(&rabbit, way);
    }

    let twice = json!({"node": "test@localhost", "user": "u", "permissions": [{"vhost": "/"}, {}]});
    assert!(rabbit.run("rabbitmq_user", &twice, false).unwrap_err().message.contains("two for vhost /"));
    let unknown = json!({"node": "test@localhost", "user": "u", "permissions": [{"vhots": "/"}]});
    assert!(rabbit.run("rabbitmq_user", &unknown, false).unwrap_err().message.contains("`vhots`"));
    let wrong = with(&interface, json!({"user": "u", "login_password": "no-secret"}));
    let wrong = rabbit.run("rabbitmq_user", &wrong, false).unwrap_err();
    assert!(wrong.message.contains("check `login_user`") && !wrong.message.contains("no-secret"), "{wrong}");
    let nobody = rabbit.run("rabbitmq_vhost", &json!({"node": "nobody@localhost", "name": "/"}), false).unwrap_err();
    assert!(nobody.message.contains("on node nobody@localhost failed"), "{nobody}");
}
