//! From the options of a service to its fields; options that were not given ask for nothing.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use super::arguments::{Arguments, Mode, Mount, MountType, Update};
use super::field::Fields;
use crate::docker::container::wanted::env_file;
use crate::docker::{Engine, container, quantity, swarm};
use rprov_modules::http::encode;
use rprov_modules::outcome::Failure;

/// The fields that the options ask for. Names of networks, secrets and configs become IDs.
///
/// # Errors
/// A value cannot be understood; something that is named is not there.
pub fn fields(arguments: &Arguments, engine: &Engine) -> Result<Fields, Failure> {
    let mut list = List::default();
    list.container(arguments)?;
    list.resources(arguments)?;
    list.updates(arguments)?;
    list.files(arguments, engine)?;
    if let Some(networks) = &arguments.networks {
        let networks = networks.iter().map(|network| self::network(&network.0, engine));
        list.add("networks", Some(networks.collect::<Result<Json, Failure>>()?));
    }
    Ok(list.0)
}

#[derive(Default)]
struct List(Fields);

impl List {
    fn add(&mut self, name: &'static str, value: Option<Json>) {
        if let Some(value) = value {
            self.0.insert(name, value);
        }
    }

    fn duration(&mut self, name: &'static str, option: &str, text: Option<&String>) -> Result<(), Failure> {
        if let Some(text) = text {
            self.add(name, Some(quantity::nanoseconds(option, text)?.into()));
        }
        Ok(())
    }

    fn container(&mut self, given: &Arguments) -> Result<(), Failure> {
        let texts = |option: &str, map: &Option<Map>| match map {
            Some(map) => Ok(Some(json!(container::Arguments::texts(option, map)?))),
            None => Ok::<_, Failure>(None),
        };
        self.add("args", given.args.as_ref().map(|words| json!(words)));
        self.add("cap_add", given.cap_add.as_ref().map(|names| capabilities(names)));
        self.add("cap_drop", given.cap_drop.as_ref().map(|names| capabilities(names)));
        if let Some(command) = &given.command {
            self.add("command", Some(words("command", &command.0)?));
        }
        self.add("container_labels", texts("container_labels", &given.container_labels)?);
        self.add("sysctls", texts("sysctls", &given.sysctls)?);
        self.add("labels", texts("labels", &given.labels)?);
        self.add("hosts", texts("hosts", &given.hosts)?);
        self.add("dns", given.dns.as_ref().map(|list| json!(list)));
        self.add("dns_options", given.dns_options.as_ref().map(|list| json!(list)));
        self.add("dns_search", given.dns_search.as_ref().map(|list| json!(list)));
        self.add("endpoint_mode", given.endpoint_mode.map(|mode| mode.word().into()));
        self.add("env", environment(given)?);
        self.add("groups", given.groups.as_ref().map(|list| json!(list)));
        self.add("healthcheck", healthcheck(given)?);
        self.add("hostname", given.hostname.clone().map(Json::from));
        self.add("init", given.init.map(Json::from));
        self.add("mode", Some(given.mode.word().into()));
        if given.mode != Mode::Global && given.replicas >= 0 {
            self.add("replicas", Some(given.replicas.into()));
        }
        if let Some(mounts) = &given.mounts {
            self.add("mounts", Some(mounts.iter().map(mount).collect::<Result<Json, Failure>>()?));
        }
        if let Some(placement) = &given.placement {
            self.add("constraints", placement.constraints.as_ref().map(|list| json!(list)));
            let spread = |map: &Map| Value::Map(map.clone()).to_json();
            self.add(
                "placement_preferences",
                placement.preferences.as_ref().map(|list| list.iter().map(spread).collect()),
            );
            self.add("replicas_max_per_node", placement.replicas_max_per_node.map(Json::from));
        }
        if let Some(ports) = &given.publish {
            let ports = ports.iter().map(|port| {
                let mut made = json!({"target_port": port.target_port, "protocol": port.protocol.word()});
                if let Some(published) = port.published_port {
                    made["published_port"] = published.into();
                }
                if let Some(mode) = port.mode {
                    made["mode"] = mode.word().into();
                }
                made
            });
            self.add("publish", Some(ports.collect()));
        }
        self.add("read_only", given.read_only.map(Json::from));
        self.duration("stop_grace_period", "stop_grace_period", given.stop_grace_period.as_ref())?;
        self.add("stop_signal", given.stop_signal.clone().map(Json::from));
        self.add("tty", given.tty.map(Json::from));
        self.add("user", given.user.clone().map(Json::from));
        self.add("working_dir", given.working_dir.clone().map(Json::from));
        Ok(())
    }

    fn resources(&mut self, given: &Arguments) -> Result<(), Failure> {
        for (resources, cpus, memory, option) in [
            (&given.limits, "limit_cpu", "limit_memory", "limits.memory"),
            (&given.reservations, "reserve_cpu", "reserve_memory", "reservations.memory"),
        ] {
            let Some(resources) = resources else { continue };
            self.add(cpus, resources.cpus.map(Json::from));
            if let Some(size) = &resources.memory {
                self.add(memory, Some(quantity::bytes(option, size)?.into()));
            }
        }
        if let Some(logging) = &given.logging {
            self.add("log_driver", logging.driver.clone().map(Json::from));
            if let Some(options) = &logging.options {
                let options = container::Arguments::texts("logging.options", options)?;
                self.add("log_driver_options", Some(json!(options)));
            }
        }
        if let Some(restart) = &given.restart_config {
            self.add("restart_policy", restart.condition.map(|condition| condition.word().into()));
            self.duration("restart_policy_delay", "restart_config.delay", restart.delay.as_ref())?;
            self.add("restart_policy_attempts", restart.max_attempts.map(Json::from));
            self.duration("restart_policy_window", "restart_config.window", restart.window.as_ref())?;
        }
        Ok(())
    }

    fn updates(&mut self, given: &Arguments) -> Result<(), Failure> {
        if let Some(update) = &given.update_config {
            let Update { parallelism, delay, failure_action, monitor, max_failure_ratio, order } = update;
            self.add("update_parallelism", parallelism.map(Json::from));
            self.duration("update_delay", "update_config.delay", delay.as_ref())?;
            self.add("update_failure_action", failure_action.map(|action| action.word().into()));
            self.duration("update_monitor", "update_config.monitor", monitor.as_ref())?;
            self.add("update_max_failure_ratio", max_failure_ratio.map(Json::from));
            self.add("update_order", order.clone().map(Json::from));
        }
        if let Some(rollback) = &given.rollback_config {
            self.add("rollback_parallelism", rollback.parallelism.map(Json::from));
            self.duration("rollback_delay", "rollback_config.delay", rollback.delay.as_ref())?;
            self.add("rollback_failure_action", rollback.failure_action.map(|action| action.word().into()));
            self.duration("rollback_monitor", "rollback_config.monitor", rollback.monitor.as_ref())?;
            self.add("rollback_max_failure_ratio", rollback.max_failure_ratio.map(Json::from));
            self.add("rollback_order", rollback.order.clone().map(Json::from));
        }
        Ok(())
    }

    fn files(&mut self, given: &Arguments, engine: &Engine) -> Result<(), Failure> {
        if let Some(configs) = &given.configs {
            let configs = configs.iter().map(|config| {
                let id = known_id("config", &config.config_name, config.config_id.as_deref(), engine)?;
                Ok(json!({
                    "config_id": id, "config_name": config.config_name,
                    "filename": config.filename.as_ref().unwrap_or(&config.config_name),
                    "uid": config.uid.as_deref().unwrap_or("0"), "gid": config.gid.as_deref().unwrap_or("0"),
                    "mode": config.mode.unwrap_or(0o444),
                }))
            });
            self.add("configs", Some(configs.collect::<Result<Json, Failure>>()?));
        }
        if let Some(secrets) = &given.secrets {
            let secrets = secrets.iter().map(|secret| {
                let id = known_id("secret", &secret.secret_name, secret.secret_id.as_deref(), engine)?;
                Ok(json!({
                    "secret_id": id, "secret_name": secret.secret_name,
                    "filename": secret.filename.as_ref().unwrap_or(&secret.secret_name),
                    "uid": secret.uid.as_deref().unwrap_or("0"), "gid": secret.gid.as_deref().unwrap_or("0"),
                    "mode": secret.mode.unwrap_or(0o444),
                }))
            });
            self.add("secrets", Some(secrets.collect::<Result<Json, Failure>>()?));
        }
        Ok(())
    }
}

fn known_id(kind: &str, name: &str, given: Option<&str>, engine: &Engine) -> Result<String, Failure> {
    if let Some(id) = given {
        return Ok(id.to_owned());
    }
    let found = swarm::named(engine, &format!("/{kind}s"), name)?;
    let id = found.as_ref().and_then(|found| found.get("ID")?.as_str());
    id.map(str::to_owned).ok_or_else(|| {
        Failure::new(format!("Could not find a {kind} named \"{name}\"; make it with docker_{kind} first"))
    })
}

/// Capabilities as the Engine spells them.
fn capabilities(names: &[String]) -> Json {
    let spelled = names.iter().map(|name| {
        let name = name.to_uppercase();
        if name == "ALL" || name.starts_with("CAP_") { name } else { format!("CAP_{name}") }
    });
    spelled.map(Json::from).collect()
}

fn words(option: &str, value: &Value) -> Result<Json, Failure> {
    match value {
        Value::List(items) => {
            let word = |item: &Value| match item {
                Value::String(text) => Ok(Json::from(text.as_str())),
                _ => Err(Failure::new(format!("{option}: `{item}` in the list is no text; put it in quotes"))),
            };
            items.iter().map(word).collect()
        }
        Value::String(text) => shlex::split(text)
            .map(|words| json!(words))
            .ok_or_else(|| Failure::new(format!("{option}: a quote is not closed in `{text}`; or give it as a list"))),
        other => Err(Failure::new(format!("{option}: `{other}` is neither text nor a list of texts"))),
    }
}

fn environment(given: &Arguments) -> Result<Option<Json>, Failure> {
    if given.env.is_none() && given.env_files.is_none() {
        return Ok(None);
    }
    let mut variables = indexmap::IndexMap::new();
    for path in given.env_files.iter().flatten() {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read env_files", path, error))?;
        variables.extend(env_file(&text));
    }
    match given.env.as_ref().map(|env| &env.0) {
        None | Some(Value::Null) => {}
        Some(Value::Map(map)) => variables.extend(container::Arguments::texts("env", map)?),
        Some(Value::List(items)) => {
            for item in items {
                let pair = item.as_str().and_then(|text| text.split_once('='));
                let (name, value) = pair.ok_or_else(|| {
                    Failure::new(format!("env: `{item}` is not of the form NAME=value; or give `env` as a map"))
                })?;
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        Some(Value::String(text)) => {
            for item in text.split(',').filter(|item| !item.is_empty()) {
                let (name, value) = item.split_once('=').ok_or_else(|| {
                    Failure::new(format!("env: `{item}` is not of the form NAME=value; or give `env` as a map"))
                })?;
                variables.insert(name.to_owned(), value.to_owned());
            }
        }
        Some(other) => return Err(Failure::new(format!("env: `{other}` is neither a map nor a list"))),
    }
    let mut lines: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.sort_unstable();
    Ok(Some(json!(lines)))
}

fn healthcheck(given: &Arguments) -> Result<Option<Json>, Failure> {
    let Some(check) = &given.healthcheck else { return Ok(None) };
    let mut made = json!({});
    match check.test.as_ref().map(|test| &test.0) {
        Some(list @ Value::List(_)) => {
            let words = words("healthcheck.test", list)?;
            if words.get(0).and_then(Json::as_str) == Some("NONE") {
                return Ok(Some(json!({"test": ["NONE"]})));
            }
            made["test"] = words;
        }
        Some(Value::String(text)) => made["test"] = json!(["CMD-SHELL", text]),
        Some(other) => {
            return Err(Failure::new(format!("healthcheck.test: `{other}` is neither text nor a list of texts")));
        }
        None => {}
    }
    for (name, option, text) in [
        ("interval", "healthcheck.interval", &check.interval),
        ("timeout", "healthcheck.timeout", &check.timeout),
        ("start_period", "healthcheck.start_period", &check.start_period),
    ] {
        if let Some(text) = text {
            made[name] = quantity::nanoseconds(option, text)?.into();
        }
    }
    if let Some(retries) = check.retries {
        made["retries"] = retries.into();
    }
    Ok(Some(made))
}

fn mount(given: &Mount) -> Result<Json, Failure> {
    let wrong = |what: String| Failure::new(format!("mounts: `{}`: {what}", given.target));
    let kind = given.r#type;
    if given.source.is_none() && kind != MountType::Tmpfs {
        return Err(wrong(format!("a mount of type {} needs a `source`", kind.word())));
    }
    if let Some(source) = given.source.as_ref().filter(|source| kind == MountType::Bind && !source.starts_with('/')) {
        return Err(wrong(format!("`{source}` is no absolute path, as the source of a bind mount must be")));
    }
    for (option, is_given, of) in [
        ("propagation", given.propagation.is_some(), MountType::Bind),
        ("no_copy", given.no_copy.is_some(), MountType::Volume),
        ("driver_config", given.driver_config.is_some(), MountType::Volume),
        ("tmpfs_size", given.tmpfs_size.is_some(), MountType::Tmpfs),
        ("tmpfs_mode", given.tmpfs_mode.is_some(), MountType::Tmpfs),
    ] {
        if is_given && kind != of {
            return Err(wrong(format!("{option} is for mounts of type {}, and not {}", of.word(), kind.word())));
        }
    }
    let mut made = json!({"type": kind.word(), "target": given.target});
    let mut set = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            made[name] = value;
        }
    };
    set("source", given.source.clone().map(Json::from));
    set("readonly", given.readonly.map(Json::from));
    if let Some(labels) = &given.labels {
        set("labels", Some(json!(container::Arguments::texts("mounts.labels", labels)?)));
    }
    set("propagation", given.propagation.map(|propagation| propagation.word().into()));
    set("no_copy", given.no_copy.map(Json::from));
    if let Some(driver) = &given.driver_config {
        let mut config = json!({});
        if let Some(name) = &driver.name {
            config["name"] = name.as_str().into();
        }
        if let Some(options) = &driver.options {
            config["options"] = json!(container::Arguments::texts("mounts.driver_config.options", options)?);
        }
        set("driver_config", Some(config));
    }
    if let Some(size) = &given.tmpfs_size {
        set("tmpfs_size", Some(quantity::bytes("mounts: tmpfs_size", size)?.into()));
    }
    set("tmpfs_mode", given.tmpfs_mode.map(Json::from));
    Ok(made)
}

fn network(given: &Value, engine: &Engine) -> Result<Json, Failure> {
    let (name, aliases, options) = match given {
        Value::String(name) => (name.as_str(), None, None),
        Value::Map(map) => {
            if let Some(other) = map.keys().find(|key| !matches!(key.as_str(), "name" | "aliases" | "options")) {
                return Err(Failure::new(format!(
                    "networks: a network has no `{other}`; it has name, aliases and options"
                )));
            }
            let name = map.get("name").and_then(Value::as_str).ok_or_else(|| {
                Failure::new("networks: a network that is given as a map needs a `name`, which is text")
            })?;
            (name, map.get("aliases"), map.get("options"))
        }
        other => return Err(Failure::new(format!("networks: `{other}` is neither a name nor a map"))),
    };
    let path = format!("/networks/{}", encode(name));
    let look = |query: &[(&str, String)]| match engine.get(&path, query) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_missing() => Ok(None),
        Err(error) => Err(error),
    };
    // A network of this host may have the same name.
    let found = match look(&[("scope", "swarm".to_owned())])? {
        Some(found) => Some(found),
        None => look(&[])?,
    };
    let found = found.ok_or_else(|| {
        Failure::new(format!(
            "Could not find a network named: \"{name}\"; make it with docker_network (driver: overlay) first"
        ))
    })?;
    let mut made = json!({"id": found.get("Id")});
    if let Some(aliases) = aliases {
        made["aliases"] = match aliases {
            Value::List(_) => aliases.to_json(),
            _ => return Err(Failure::new("networks: `aliases` is a list of names")),
        };
    }
    if let Some(options) = options {
        let Value::Map(options) = options else {
            return Err(Failure::new("networks: `options` is a map"));
        };
        made["options"] = json!(container::Arguments::texts("networks.options", options)?);
    }
    Ok(made)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::Arguments as _;

    fn listed(mut options: Json) -> Result<Fields, Failure> {
        options["name"] = "s".into();
        options["image"] = "i".into();
        let given = Arguments::decode(Value::from_json(&options).as_map().unwrap()).unwrap();
        let mut list = List::default();
        list.container(&given)?;
        list.resources(&given)?;
        list.updates(&given)?;
        Ok(list.0)
    }

    #[test]
    fn options_become_fields_under_the_names_that_are_returned() {
        let fields = listed(json!({
            "command": "sh -c 'a b'", "cap_add": ["net_admin"], "env": ["B=2", "A=1"], "replicas": 2,
            "limits": {"cpus": 0.5, "memory": "1M"}, "restart_config": {"delay": "5s"},
            "healthcheck": {"test": "true", "interval": "1s"}, "stop_grace_period": "1m",
            "placement": {"constraints": ["x"], "preferences": [{"spread": "y"}]}, "update_config": {"order": "start-first"},
        }))
        .unwrap();
        for (name, value) in [
            ("command", json!(["sh", "-c", "a b"])),
            ("cap_add", json!(["CAP_NET_ADMIN"])),
            ("env", json!(["A=1", "B=2"])),
            ("replicas", json!(2)),
            ("limit_cpu", json!(0.5)),
            ("limit_memory", json!(1 << 20)),
            ("restart_policy_delay", json!(5_000_000_000_i64)),
            ("healthcheck", json!({"test": ["CMD-SHELL", "true"], "interval": 1_000_000_000})),
            ("stop_grace_period", json!(60_000_000_000_i64)),
            ("placement_preferences", json!([{"spread": "y"}])),
            ("update_order", json!("start-first")),
        ] {
            assert_eq!(fields[name], value, "{name}");
        }
        assert!(!fields.contains_key("user"));
        assert!(!listed(json!({"mode": "global", "replicas": 3})).unwrap().contains_key("replicas"));
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        for (options, message) in [
            (json!({"env": ["A"]}), "NAME=value"),
            (json!({"env": {"A": true}}), "env"),
            (json!({"command": [1]}), "no text"),
            (json!({"mounts": [{"target": "/t"}]}), "needs a `source`"),
            (json!({"mounts": [{"target": "/t", "source": "s"}]}), "no absolute path"),
            (json!({"mounts": [{"target": "/t", "source": "/s", "tmpfs_size": "1M"}]}), "tmpfs_size is for mounts"),
            (json!({"restart_config": {"delay": "5"}}), "no duration"),
        ] {
            let failure = listed(options.clone()).unwrap_err();
            assert!(failure.message.contains(message), "{options}: {failure}");
        }
    }
}
