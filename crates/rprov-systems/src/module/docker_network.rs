//! `docker_network`: networks on a Docker Engine, and who is connected to them.

use rprov_wire::{Map, Value};
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::docker::compare::{Comparison, Shape, agrees};
use crate::docker::option::texts;
use crate::docker::{Connection, Engine};
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Diff, Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a network.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// Where a network reaches.
    pub enum Scope { Local = "local", Global = "global", Swarm = "swarm" }
}

arguments! {
    /// A pool of addresses.
    pub struct Pool {
        /// The subnet, as `10.0.0.0/24`.
        subnet: Option<String>,
        /// The part of it that containers get addresses from.
        iprange: Option<String>,
        /// The gateway's address.
        gateway: Option<String>,
        /// Addresses that the driver uses itself, by name.
        aux_addresses: Option<Map>,
    }
}

arguments! {
    /// Manage Docker networks.
    pub struct Arguments + Connection {
        /// Name of the network.
        name | network_name: String,
        /// Name of a network to take the configuration from.
        config_from: Option<String>,
        /// It is a configuration for others only.
        config_only: Option<bool>,
        /// Containers that are connected.
        connected | containers: Vec<String> = Vec::new(),
        /// Driver.
        driver: String = "bridge".to_owned(),
        /// Options of the driver.
        driver_options: Map = Map::new(),
        /// Make it anew even if nothing has changed.
        force: bool = false,
        /// Leave containers connected that `connected` does not name.
        appends | incremental: bool = false,
        /// Give IPv4 addresses.
        enable_ipv4: Option<bool>,
        /// Give IPv6 addresses.
        enable_ipv6: Option<bool>,
        /// It is the swarm's routing mesh.
        ingress: Option<bool>,
        /// Driver that gives out addresses.
        ipam_driver: Option<String>,
        /// Options of the driver that gives out addresses.
        ipam_driver_options: Option<Map>,
        /// Pools of addresses.
        ipam_config: Option<Vec<Pool>>,
        /// Whether it is to be there.
        state: State = State::Present,
        /// It has no way out.
        internal: Option<bool>,
        /// Labels.
        labels: Map = Map::new(),
        /// Where it reaches.
        scope: Option<Scope>,
        /// Containers outside of a swarm's services may connect.
        attachable: Option<bool>,
    }
}

/// How often a new network is looked at until a swarm has given it what it lacks.
const ALLOCATION: u32 = 100;

/// Bring the network to its state.
///
/// # Errors
/// The Engine cannot be reached, or refuses: addresses overlap, the network is in use, a container does not exist.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let mut task =
        Task { arguments, engine, context, changed: false, actions: Vec::new(), before: Map::new(), after: Map::new() };
    let network = task.find()?;
    match task.arguments.state {
        State::Absent => {
            if let Some(network) = network {
                task.differs("exists", true, false);
                task.remove(&network)?;
            }
            Ok(task.outcome(None))
        }
        State::Present => {
            let network = task.present(network)?;
            Ok(task.outcome(Some(network)))
        }
    }
}

struct Task<'a> {
    arguments: Arguments,
    engine: Engine,
    context: &'a Context<'a>,
    changed: bool,
    actions: Vec<Value>,
    before: Map,
    after: Map,
}

impl Task<'_> {
    fn outcome(self, network: Option<Json>) -> Outcome {
        let mut outcome = Outcome::new(self.changed).with_diff(Diff::state(self.before, self.after));
        if let Some(network) = network {
            outcome = outcome.with("network", Value::from_json(&network));
        }
        if self.arguments.attributes.debug { outcome.with("actions", Value::List(self.actions)) } else { outcome }
    }

    fn act(&mut self, action: String) {
        self.changed = true;
        self.actions.push(action.into());
    }

    fn differs(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name.to_owned(), before.into());
        self.after.insert(name.to_owned(), after.into());
    }

    /// The network of exactly that name; the Engine's own look-up also takes the start of an ID.
    fn find(&self) -> Result<Option<Json>, Failure> {
        let found = self.engine.find(&format!("/networks/{}", encode(&self.arguments.name)))?;
        Ok(found.filter(|network| network.get("Name").and_then(Json::as_str) == Some(self.arguments.name.as_str())))
    }

    /// The network once it is all there: a swarm gives a new one its driver and its addresses a moment later.
    fn find_allocated(&self) -> Result<Option<Json>, Failure> {
        let mut left = ALLOCATION;
        loop {
            let found = self.find()?;
            let allocated = |network: &Json| network.get("Driver").and_then(Json::as_str) != Some("");
            if left == 0 || found.as_ref().is_none_or(allocated) {
                return Ok(found);
            }
            left -= 1;
            self.context.checkpoint()?;
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn present(&mut self, network: Option<Json>) -> Result<Json, Failure> {
        let mut network = network;
        if let Some(present) = &network {
            let differences = differences(&self.arguments, present)?;
            for (option, wanted, current) in &differences {
                self.differs(option, Value::from_json(current), Value::from_json(wanted));
            }
            if !differences.is_empty() || self.arguments.force {
                let present = present.clone();
                self.remove(&present)?;
                network = None;
            }
        } else {
            self.differs("exists", false, true);
        }
        if network.is_none() {
            self.create()?;
            network = if self.context.check() { None } else { self.find_allocated()? };
        }
        let empty = json!({});
        if self.connect(network.as_ref().unwrap_or(&empty))? && !self.context.check() {
            network = self.find()?;
        }
        Ok(network.unwrap_or(empty))
    }

    fn create(&mut self) -> Result<(), Failure> {
        let body = creation(&self.arguments)?;
        self.act(format!("Created network {} with driver {}", self.arguments.name, self.arguments.driver));
        if !self.context.check() {
            self.engine.post("/networks/create", &[], Some(&body))?;
        }
        Ok(())
    }

    fn remove(&mut self, network: &Json) -> Result<(), Failure> {
        let connected: Vec<String> = connected(network).into_iter().map(|(id, _)| id).collect();
        for container in connected {
            self.disconnect(&container)?;
        }
        self.act(format!("Removed network {}", self.arguments.name));
        if !self.context.check() {
            self.engine.delete(&format!("/networks/{}", encode(&self.arguments.name)), &[])?;
        }
        Ok(())
    }

    fn disconnect(&mut self, container: &str) -> Result<(), Failure> {
        self.act(format!("Disconnected container {container}"));
        if !self.context.check() {
            let body = json!({"Container": container, "Force": true});
            self.engine.post(&format!("/networks/{}/disconnect", encode(&self.arguments.name)), &[], Some(&body))?;
        }
        Ok(())
    }

    /// Connect and disconnect containers. Tells if anything was done.
    fn connect(&mut self, network: &Json) -> Result<bool, Failure> {
        let present = connected(network);
        let matches = |wanted: &str, (id, name): &(String, String)| {
            name == wanted || (wanted.len() >= 12 && id.starts_with(wanted))
        };
        let mut acted = false;
        for container in self.arguments.connected.clone() {
            if present.iter().any(|entry| matches(&container, entry)) {
                continue;
            }
            // A container that does not run is configured, but not listed among the connected ones.
            let Some(found) = self.engine.find(&format!("/containers/{}/json", encode(&container)))? else {
                if self.context.check() {
                    continue;
                }
                return Err(Failure::new(format!(
                    "connected: there is no container {container}; create it first (docker_container)"
                )));
            };
            let networks = found.pointer("/NetworkSettings/Networks").and_then(Json::as_object);
            if !network.as_object().is_none_or(JsonMap::is_empty)
                && networks.is_some_and(|networks| networks.contains_key(&self.arguments.name))
            {
                continue;
            }
            acted = true;
            self.differs(&format!("connected.{container}"), false, true);
            self.act(format!("Connected container {container}"));
            if !self.context.check() {
                let path = format!("/networks/{}/connect", encode(&self.arguments.name));
                self.engine.post(&path, &[], Some(&json!({"Container": container})))?;
            }
        }
        if !self.arguments.appends {
            for entry in &present {
                if self.arguments.connected.iter().any(|wanted| matches(wanted, entry)) {
                    continue;
                }
                acted = true;
                self.differs(&format!("connected.{}", entry.1), true, false);
                self.disconnect(&entry.1)?;
            }
        }
        Ok(acted)
    }
}

/// IDs and names of the containers in a network.
fn connected(network: &Json) -> Vec<(String, String)> {
    let containers = network.get("Containers").and_then(Json::as_object).into_iter().flatten();
    containers
        .map(|(id, endpoint)| (id.clone(), endpoint.get("Name").and_then(Json::as_str).unwrap_or_default().to_owned()))
        .filter(|(id, _)| !id.starts_with("ep-"))
        .collect()
}

fn pool(pool: &Pool) -> Json {
    let mut json = JsonMap::new();
    for (name, value) in [("Subnet", &pool.subnet), ("IPRange", &pool.iprange), ("Gateway", &pool.gateway)] {
        if let Some(value) = value {
            json.insert(name.to_owned(), normalized(value).into());
        }
    }
    if let Some(addresses) = &pool.aux_addresses {
        json.insert("AuxiliaryAddresses".to_owned(), texts(addresses));
    }
    Json::Object(json)
}

/// An address or subnet in one spelling, so that those of IPv6 can be compared.
fn normalized(text: &str) -> String {
    let (address, length) = text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let address =
        address.parse::<std::net::IpAddr>().map_or_else(|_| address.to_owned(), |address| address.to_string());
    length.map_or(address.clone(), |length| format!("{address}/{length}"))
}

fn creation(arguments: &Arguments) -> Result<Json, Failure> {
    let labels = crate::docker::container::Arguments::texts("labels", &arguments.labels)?;
    let mut body = json!({
        "Name": arguments.name, "Driver": arguments.driver, "Options": texts(&arguments.driver_options), "Labels": labels,
        "CheckDuplicate": true,
    });
    if arguments.ipam_config.is_some() || arguments.ipam_driver.is_some() || arguments.ipam_driver_options.is_some() {
        let pools: Vec<Json> = arguments.ipam_config.iter().flatten().map(pool).collect();
        body["IPAM"] = json!({"Driver": arguments.ipam_driver.as_deref().unwrap_or("default"), "Config": pools});
        if let Some(options) = &arguments.ipam_driver_options {
            body["IPAM"]["Options"] = texts(options);
        }
    }
    for (name, flag) in flags(arguments) {
        if let Some(flag) = flag {
            body[name] = flag.into();
        }
    }
    if let Some(scope) = arguments.scope {
        body["Scope"] = scope.word().into();
    }
    if let Some(from) = &arguments.config_from {
        body["ConfigFrom"] = json!({"Network": from});
    }
    if arguments.config_only == Some(true) {
        // A configuration has no driver of its own.
        body["Driver"] = "".into();
    }
    Ok(body)
}

fn flags(arguments: &Arguments) -> [(&'static str, Option<bool>); 6] {
    [
        ("EnableIPv4", arguments.enable_ipv4),
        ("EnableIPv6", arguments.enable_ipv6),
        ("Internal", arguments.internal),
        ("Attachable", arguments.attachable),
        ("Ingress", arguments.ingress),
        ("ConfigOnly", arguments.config_only),
    ]
}

/// Option, what is wanted, what is: where a network differs from the options that were given.
fn differences(arguments: &Arguments, network: &Json) -> Result<Vec<(&'static str, Json, Json)>, Failure> {
    let mut list = Vec::new();
    let mut compare = |option: &'static str, shape: Shape, wanted: Json, pointer: &str| {
        let current = network.pointer(pointer).cloned().unwrap_or(Json::Null);
        let comparison = if shape == Shape::Value { Comparison::Strict } else { Comparison::AllowMorePresent };
        if !agrees(shape, comparison, &wanted, &current) {
            list.push((option, wanted, current));
        }
    };
    if arguments.config_only != Some(true) && arguments.config_from.is_none() {
        compare("driver", Shape::Value, arguments.driver.as_str().into(), "/Driver");
    }
    compare("driver_options", Shape::Map, texts(&arguments.driver_options), "/Options");
    let labels = crate::docker::container::Arguments::texts("labels", &arguments.labels)?;
    compare("labels", Shape::Map, json!(labels), "/Labels");
    if let Some(driver) = &arguments.ipam_driver {
        compare("ipam_driver", Shape::Value, driver.as_str().into(), "/IPAM/Driver");
    }
    if let Some(options) = &arguments.ipam_driver_options {
        compare("ipam_driver_options", Shape::Map, texts(options), "/IPAM/Options");
    }
    for (option, (name, flag)) in ["enable_ipv4", "enable_ipv6", "internal", "attachable", "ingress", "config_only"]
        .into_iter()
        .zip(flags(arguments))
    {
        if let Some(flag) = flag {
            compare(option, Shape::Value, flag.into(), &format!("/{name}"));
        }
    }
    if let Some(scope) = arguments.scope {
        compare("scope", Shape::Value, scope.word().into(), "/Scope");
    }
    if let Some(from) = &arguments.config_from {
        compare("config_from", Shape::Value, from.as_str().into(), "/ConfigFrom/Network");
    }
    if let Some(pools) = &arguments.ipam_config {
        let current = network.pointer("/IPAM/Config").and_then(Json::as_array).cloned().unwrap_or_default();
        let current: Vec<Json> = current
            .into_iter()
            .map(|mut pool| {
                for value in pool.as_object_mut().into_iter().flat_map(JsonMap::values_mut) {
                    if let Some(text) = value.as_str().map(normalized) {
                        *value = text.into();
                    }
                }
                pool
            })
            .collect();
        let wanted: Json = pools.iter().map(pool).collect();
        let current = Json::Array(current);
        if !agrees(Shape::Records, Comparison::AllowMorePresent, &wanted, &current) {
            list.push(("ipam_config", wanted, current));
        }
    }
    Ok(list)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::argument::Arguments as _;

    #[test]
    fn only_what_was_given_makes_a_difference() {
        let network = json!({
            "Driver": "bridge", "Internal": false, "EnableIPv6": true, "Labels": {"a": "b"}, "Options": null,
            "IPAM": {"Driver": "default", "Config": [{"Subnet": "10.9.0.0/24", "Gateway": "10.9.0.1"}, {"Subnet": "fd00:0::/64"}]},
        });
        let options = |json: Json| -> Vec<&'static str> {
            let value = Value::from_json(&json);
            let arguments = Arguments::decode(value.as_map().unwrap()).unwrap();
            differences(&arguments, &network).unwrap().into_iter().map(|(option, ..)| option).collect()
        };
        assert!(options(json!({"name": "n"})).is_empty());
        assert!(
            options(json!({"name": "n", "ipam_config": [{"subnet": "10.9.0.0/24"}, {"subnet": "FD00::/64"}]}))
                .is_empty()
        );
        assert_eq!(options(json!({"name": "n", "ipam_config": [{"subnet": "10.8.0.0/24"}]})), ["ipam_config"]);
        assert_eq!(options(json!({"name": "n", "internal": true, "driver": "macvlan"})), ["driver", "internal"]);
        assert_eq!(options(json!({"name": "n", "labels": {"a": "c"}})), ["labels"]);
        assert_eq!(options(json!({"name": "n", "driver_options": {"x": 1}})), ["driver_options"]);
    }
}
