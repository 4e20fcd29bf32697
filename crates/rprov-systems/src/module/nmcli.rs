//! `nmcli`: connections of NetworkManager, by its program.

use std::collections::HashMap;
use std::time::Duration;

use rprov_modules::process::Command;
use rprov_modules::{Context, Diff, Failure, Outcome};
use rprov_wire::{Map, Value};

pub use crate::nmcli::option::Arguments;
use crate::nmcli::option::State;
use crate::nmcli::property::Property;
use crate::nmcli::wanted::{kind_of, properties, type_name};

/// What stands for a secret in a diff.
const HIDDEN: &str = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER";

/// How often it is looked for what was saved, and how long it is waited in between.
const ATTEMPTS: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);

struct Task<'a, 'b> {
    arguments: &'a Arguments,
    context: &'a Context<'b>,
}

/// Bring the connection to its state.
///
/// # Errors
/// NetworkManager does not run or refuses, or there is no such connection to bring up or down.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.conn_name.is_empty() || arguments.conn_name.starts_with('-') {
        return Err(Failure::new("conn_name: it is empty, or begins with a dash"));
    }
    let task = Task { arguments: &arguments, context };
    let present = task.look()?;
    let mut outcome = match (arguments.state, present) {
        (State::Absent, None) => Outcome::unchanged(),
        (State::Absent, Some(_)) => {
            task.act(&["connection", "delete", "id", &arguments.conn_name], "could not delete")?;
            Outcome::new(true)
        }
        (State::Present, present) => task.fit(present)?,
        (State::Up | State::Down, None) => {
            return Err(Failure::new(format!(
                "there is no connection {} to bring {}; create it with state=present",
                arguments.conn_name,
                arguments.state.word()
            )));
        }
        (state, Some(present)) => {
            // A bridge without ports is on its way for as long as it has none.
            let is_up = present.get("GENERAL.STATE").is_some_and(|state| state == "activated" || state == "activating");
            let changed = is_up != (state == State::Up);
            if changed {
                let attempt = format!("could not bring {}", state.word());
                task.act(&["connection", state.word(), "id", &arguments.conn_name], &attempt)?;
            }
            Outcome::new(changed)
        }
    };
    outcome = outcome.with("conn_name", arguments.conn_name.as_str()).with("state", arguments.state.word());
    Ok(outcome)
}

impl Task<'_, '_> {
    fn act(&self, words: &[&str], attempt: &str) -> Result<(), Failure> {
        if self.context.check() {
            return Ok(());
        }
        let attempt = format!("{attempt} connection {}", self.arguments.conn_name);
        Command::new("nmcli").args(words).plain_locale().run_or_fail(&attempt, self.context).map(drop)
    }

    /// The properties of the connection, secrets among them; `None` if it is not there.
    fn look(&self) -> Result<Option<HashMap<String, String>>, Failure> {
        let name = self.arguments.conn_name.as_str();
        let words = ["--terse", "--escape", "no", "--show-secrets", "connection", "show", "id", name];
        let output = Command::new("nmcli").args(words).plain_locale().run(self.context)?;
        match output.rc {
            0 => {}
            10 => return Ok(None),
            // What it shows may hold secrets; what it complains of does not.
            _ => {
                let reason = output.stderr();
                return Err(Failure::new(format!(
                    "could not ask NetworkManager for connection {name}: {}",
                    reason.trim()
                ))
                .with("rc", output.rc));
            }
        }
        let text = output.stdout();
        let pairs = text.lines().filter_map(|line| line.split_once(':'));
        Ok(Some(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()))
    }

    fn fit(&self, present: Option<HashMap<String, String>>) -> Result<Outcome, Failure> {
        let arguments = self.arguments;
        let shown = |name: &str| present.as_ref()?.get(name).map(String::as_str);
        let kind = match (arguments.r#type, shown("connection.type")) {
            (Some(kind), _) => kind,
            (None, Some(kind)) => kind_of(kind, shown("ip-tunnel.mode").unwrap_or_default()).ok_or_else(|| {
                Failure::new(format!("type: connections of type {kind} are not known; name the type"))
            })?,
            (None, None) => {
                return Err(Failure::new(format!(
                    "type: there is no connection {} yet, and it needs a type",
                    arguments.conn_name
                )));
            }
        };
        let mut changes = properties(arguments, kind, present.is_none())?;
        let present = self.with_secrets(present, &changes)?;
        if let Some(present) = &present {
            // What is not shown is not set.
            changes.retain(|property| !property.is(present.get(&property.name).map_or("", String::as_str)));
        }
        let (mut before, mut after) = (Map::new(), Map::new());
        for property in &changes {
            let hidden = |text: &str| {
                let text = if property.is_secret && !text.is_empty() { HIDDEN } else { text };
                Value::from(text)
            };
            if let Some(old) = present.as_ref().and_then(|present| present.get(&property.name)) {
                before.insert(property.name.clone(), hidden(old));
            }
            after.insert(property.name.clone(), hidden(&property.value));
        }
        let changed = present.is_none() || !changes.is_empty();
        if changed && !self.context.check() {
            let (secret, open): (Vec<Property>, Vec<Property>) = changes.into_iter().partition(|own| own.is_secret);
            if present.is_none() {
                self.add(type_name(kind), &open)?;
            } else {
                self.modify(&open)?;
            }
            if !secret.is_empty() {
                self.edit(&secret)?;
            }
            if present.is_some() && arguments.conn_reload {
                self.act(&["connection", "reload"], "could not read again, after a change of")?;
            }
        }
        let mut outcome = Outcome::new(changed);
        if changed {
            outcome = outcome.with_diff(Diff::state(before, after));
        }
        Ok(outcome)
    }

    /// For a moment after they were saved, NetworkManager may show no secrets.
    fn with_secrets(
        &self,
        mut present: Option<HashMap<String, String>>,
        wanted: &[Property],
    ) -> Result<Option<HashMap<String, String>>, Failure> {
        for _ in 0..ATTEMPTS {
            let is_empty = |present: &HashMap<String, String>| {
                let mut secrets = wanted.iter().filter(|own| own.is_secret && !own.value.is_empty());
                secrets.any(|own| present.get(&own.name).is_none_or(String::is_empty))
            };
            if !present.as_ref().is_some_and(is_empty) {
                break;
            }
            std::thread::sleep(PAUSE);
            present = self.look()?;
        }
        Ok(present)
    }

    fn add(&self, kind: &str, open: &[Property]) -> Result<(), Failure> {
        let mut words = vec!["connection", "add", "type", kind, "con-name", &self.arguments.conn_name];
        // Without an interface it asks for one.
        let is_bound = |own: &Property| own.name == "connection.interface-name" && !own.value.is_empty();
        if !open.iter().any(is_bound) {
            words.extend(["ifname", "*"]);
        }
        self.set(&words, open)
    }

    fn modify(&self, open: &[Property]) -> Result<(), Failure> {
        if open.is_empty() {
            return Ok(());
        }
        self.set(&["connection", "modify", "id", &self.arguments.conn_name], open)
    }

    /// Set properties; those that this NetworkManager does not know are passed over where that was asked for.
    fn set(&self, words: &[&str], open: &[Property]) -> Result<(), Failure> {
        let mut open = open.to_vec();
        // What is not there yet needs no emptying.
        open.retain(|own| !(words.contains(&"add") && own.value.is_empty()));
        loop {
            let pairs = open.iter().flat_map(|own| [own.name.as_str(), own.value.as_str()]);
            let command = Command::new("nmcli").args(words).args(pairs).plain_locale();
            let output = command.run(self.context)?;
            if output.success() {
                return Ok(());
            }
            let reason = output.stderr();
            let count = open.len();
            if self.arguments.ignore_unsupported_suboptions {
                let is_unknown = |own: &Property| {
                    let setting = own.name.split('.').next_back().unwrap_or_default();
                    own.name.starts_with("802-11-wireless")
                        && (reason.contains("invalid property") || reason.contains("invalid <setting>"))
                        && reason.contains(&format!("'{setting}'"))
                };
                open.retain(|own| !is_unknown(own));
            }
            if open.len() == count {
                let verb = words.get(1).copied().unwrap_or_default();
                return Err(output.failure(&format!("could not {verb} connection {}", self.arguments.conn_name)));
            }
        }
    }

    /// Set secrets, in nmcli's editor: it reads them, and no command line has them. It may lose them, and may not know yet that
    /// they are saved; so they are looked for.
    fn edit(&self, secret: &[Property]) -> Result<(), Failure> {
        let mut script: String = secret.iter().map(|own| format!("set {} {}\n", own.name, own.value)).collect();
        script.push_str("save persistent\nquit\nyes\n");
        let name = self.arguments.conn_name.as_str();
        let names: Vec<&str> = secret.iter().map(|own| own.name.as_str()).collect();
        let attempt = format!("could not set {} of connection {name}", names.join(", "));
        for _ in 0..ATTEMPTS {
            self.context.checkpoint()?;
            let command = Command::new("nmcli").args(["connection", "edit", "id", name]).plain_locale();
            let output = command.stdin(script.as_str()).run(self.context)?;
            // It repeats what it read, and ends well whatever became of it.
            let mut words = format!("{}\n{}", output.stdout(), output.stderr());
            for own in secret.iter().filter(|own| !own.value.is_empty()) {
                words = words.replace(&own.value, "********");
            }
            if let Some(problem) = words.lines().map(str::trim).find(|line| line.starts_with("Error:")) {
                return Err(Failure::new(format!("{attempt}: {problem}")));
            }
            for _ in 0..ATTEMPTS {
                let present = self.look()?.unwrap_or_default();
                if secret.iter().all(|own| own.is(present.get(&own.name).map_or("", String::as_str))) {
                    return Ok(());
                }
                std::thread::sleep(PAUSE);
            }
        }
        Err(Failure::new(format!("{attempt}: NetworkManager took it from nmcli's editor, and does not have it")))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use crate::bench;

    /// With a program that answers as nmcli does.
    #[test]
    fn secrets_are_on_no_command_line_and_in_no_result() {
        let bench = bench();
        bench.program(
            "nmcli",
            "case \"$*\" in *show*) cat shown 2>/dev/null || exit 10;; *edit*) cat >script; echo 802-11-wireless-security.psk:secret-1 >shown; sed 's/^/nmcli> /' script; \
             [ -e wrong ] && echo 'Error: failed to set psk: secret-1 is invalid' >&2; exit 0;; *add*|*modify*) :;; esac",
        );
        let wifi = json!({
            "conn_name": "w", "type": "wifi", "ssid": "net", "state": "present",
            "wifi_sec": {"key-mgmt": "wpa-psk", "psk": "secret-1"}, "wifi": {"hidden": true, "mode": "infrastructure"},
        });
        let done = bench.apply("nmcli", wifi.clone());
        assert!(!done["diff"].to_string().contains("secret-1"), "{}", done["diff"]);
        let calls = bench.calls();
        assert!(calls.iter().all(|call| !call.contains("secret-1")), "{calls:?}");
        assert!(
            calls[1].starts_with("nmcli connection add type wifi con-name w connection.autoconnect yes"),
            "{calls:?}"
        );
        assert!(calls[1].contains("802-11-wireless.ssid net 802-11-wireless.hidden yes"), "{calls:?}");
        assert_eq!(bench.read("script"), "set 802-11-wireless-security.psk secret-1\nsave persistent\nquit\nyes\n");
        bench.file("wrong", "");
        std::fs::remove_file(bench.path("shown")).unwrap();
        let message = bench.fails("nmcli", wifi);
        assert!(message.contains("psk") && message.contains("********") && !message.contains("secret-1"), "{message}");
    }

    #[test]
    fn wrong_calls_are_refused() {
        let bench = bench();
        bench.program("nmcli", "exit 10");
        let fails = |more: serde_json::Value| {
            let mut arguments = json!({"conn_name": "c", "state": "present"});
            for (name, value) in more.as_object().into_iter().flatten() {
                arguments[name] = value.clone();
            }
            bench.fails("nmcli", arguments)
        };
        assert!(fails(json!({})).contains("needs a type"));
        assert!(fails(json!({"type": "wifi"})).contains("missing: ssid"));
        assert!(fails(json!({"type": "ethernet", "slave_type": "bond"})).contains("master"));
        assert!(fails(json!({"type": "ethernet", "gw4": "10.0.0.1", "never_default4": true})).contains("exclusive"));
        assert!(fails(json!({"type": "wifi", "ssid": "n", "wifi_sec": {"nope": 1}})).contains("wifi_sec.nope"));
        assert!(fails(json!({"type": "ethernet", "zone": "a\nb"})).contains("line break"));
        assert!(fails(json!({"state": "up"})).contains("state=present"));
        bench.program("nmcli", "echo 'Error: NetworkManager is not running.' >&2; exit 8");
        assert!(fails(json!({"type": "ethernet"})).contains("NetworkManager is not running"));
    }
}
