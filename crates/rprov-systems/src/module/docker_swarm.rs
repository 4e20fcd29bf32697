//! `docker_swarm`: make a swarm, change it, join it and leave it.

use rprov_wire::{Map, Value};
use serde_json::{Value as Json, json};

use crate::docker::compare::{Comparison, Shape, agrees};
use crate::docker::container::property::place;
use crate::docker::option::texts;
use crate::docker::swarm::{self, Part};
use crate::docker::{Connection, Engine, EngineError, Patience};
use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::http::encode;
use rprov_modules::outcome::{Diff, Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// What is to be of the swarm, or of this node in it.
    pub enum State { Present = "present", Join = "join", Absent = "absent", Remove = "remove" }
}

/// How long a node that leaves may take until managers know it, in attempts of half a second: three heartbeats, where its farewell
/// is lost.
const LEAVING: u32 = 60;

arguments! {
    /// Manage a Docker swarm.
    pub struct Arguments + Connection {
        /// Address that other nodes reach this one at; address, or interface, with or without port.
        advertise_addr: Option<String>,
        /// Lock the managers' data with a key.
        autolock_managers: Option<bool>,
        /// Another number than before makes the swarm generate a new certificate authority.
        ca_force_rotate: Option<i64>,
        /// Address or interface for the traffic between containers.
        data_path_addr: Option<String>,
        /// Port for the traffic between containers.
        data_path_port: Option<u16>,
        /// Subnets that networks get theirs from.
        default_addr_pool: Option<Vec<String>>,
        /// Time between heartbeats of a node, in nanoseconds.
        dispatcher_heartbeat_period: Option<i64>,
        /// Ticks without a leader until a new one is elected.
        election_tick: Option<i64>,
        /// With `present`: make a new swarm even if the node is part of one. With `absent`: leave even as a manager.
        force: bool = false,
        /// Ticks between heartbeats of managers.
        heartbeat_tick: Option<i64>,
        /// Token that lets a node join.
        join_token: Option<Secret>,
        /// Snapshots to keep beside the current one.
        keep_old_snapshots: Option<i64>,
        /// Labels of the swarm.
        labels: Option<Map>,
        /// Address that managers listen at.
        listen_addr: String = "0.0.0.0:2377".to_owned(),
        /// Log entries to keep for managers that are behind.
        log_entries_for_slow_followers: Option<i64>,
        /// Name of the swarm.
        name: Option<String>,
        /// How long the nodes' certificates hold, in nanoseconds.
        node_cert_expiry: Option<i64>,
        /// The node that is removed.
        node_id: Option<String>,
        /// Managers of the swarm to join.
        remote_addrs: Option<Vec<String>>,
        /// Make a new token for managers.
        rotate_manager_token: bool = false,
        /// Make a new token for workers.
        rotate_worker_token: bool = false,
        /// The certificate authority's certificate, as PEM text.
        signing_ca_cert: Option<String>,
        /// The certificate authority's key, as PEM text.
        signing_ca_key: Option<Secret>,
        /// Log entries between snapshots.
        snapshot_interval: Option<i64>,
        /// A swarm that this node manages (`present`), part in another's (`join`), no part in any (`absent`), or another
        /// node's removal from it (`remove`).
        state: State = State::Present,
        /// Length of the subnets' masks.
        subnet_size: Option<i64>,
        /// Tasks to remember.
        task_history_retention_limit: Option<i64>,
    }
    rules: [
        Rule::If("state", "join", &["remote_addrs", "join_token"]),
        Rule::If("state", "remove", &["node_id"]),
    ]
}

/// Bring the swarm, or the node's part in it, to its state.
///
/// # Errors
/// The Engine cannot be reached or refuses; the node is no manager.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let engine = Engine::new(&arguments.attributes, context)?;
    let (part, swarm) = swarm::part(&engine)?;
    let mut task = Task {
        arguments,
        engine,
        context,
        changed: false,
        actions: Vec::new(),
        facts: Map::new(),
        before: Map::new(),
        after: Map::new(),
    };
    match (task.arguments.state, part) {
        (State::Present, Part::Manager) if !task.arguments.force => task.update()?,
        (State::Present, Part::Waiting) if !task.arguments.force => {
            return Err(swarm::no_manager(&task.engine, part, &swarm));
        }
        (State::Present, _) => task.init(part)?,
        (State::Join, Part::Outside) => task.join()?,
        (State::Join, _) => task.actions.push("This node is already part of a swarm.".to_owned()),
        (State::Absent, Part::Outside) => task.actions.push("This node is not part of a swarm.".to_owned()),
        (State::Absent, _) => task.leave()?,
        (State::Remove, Part::Manager) => task.remove()?,
        (State::Remove, _) => return Err(swarm::no_manager(&task.engine, part, &swarm)),
    }
    Ok(Outcome::new(task.changed)
        .with("actions", task.actions)
        .with("swarm_facts", task.facts)
        .with_diff(Diff::state(task.before, task.after)))
}

/// The options that stand in the swarm's specification, where, and of which shape.
fn wanted(arguments: &Arguments) -> Vec<(&'static str, &'static str, Shape, Json)> {
    let mut list = Vec::new();
    let mut add = |option, pointer, shape, value: Option<Json>| {
        list.extend(value.map(|value| (option, pointer, shape, value)));
    };
    let number = |value: Option<i64>| value.map(Json::from);
    let given = arguments;
    add("name", "/Name", Shape::Value, given.name.clone().map(Json::from));
    add("labels", "/Labels", Shape::Map, given.labels.as_ref().map(texts));
    for (option, pointer, value) in [
        (
            "task_history_retention_limit",
            "/Orchestration/TaskHistoryRetentionLimit",
            given.task_history_retention_limit,
        ),
        ("snapshot_interval", "/Raft/SnapshotInterval", given.snapshot_interval),
        ("keep_old_snapshots", "/Raft/KeepOldSnapshots", given.keep_old_snapshots),
        ("log_entries_for_slow_followers", "/Raft/LogEntriesForSlowFollowers", given.log_entries_for_slow_followers),
        ("heartbeat_tick", "/Raft/HeartbeatTick", given.heartbeat_tick),
        ("election_tick", "/Raft/ElectionTick", given.election_tick),
        ("dispatcher_heartbeat_period", "/Dispatcher/HeartbeatPeriod", given.dispatcher_heartbeat_period),
        ("node_cert_expiry", "/CAConfig/NodeCertExpiry", given.node_cert_expiry),
        ("ca_force_rotate", "/CAConfig/ForceRotate", given.ca_force_rotate),
    ] {
        add(option, pointer, Shape::Value, number(value));
    }
    let certificate = given.signing_ca_cert.as_ref().map(|text| Json::from(format!("{}\n", text.trim_end())));
    add("signing_ca_cert", "/CAConfig/SigningCACert", Shape::Value, certificate);
    add(
        "autolock_managers",
        "/EncryptionConfig/AutoLockManagers",
        Shape::Value,
        given.autolock_managers.map(Json::from),
    );
    list
}

/// Write what is wanted into a specification.
fn write_into(spec: &mut Json, arguments: &Arguments) {
    for (_, pointer, _, value) in wanted(arguments) {
        place(spec, pointer, value);
    }
    if let Some(key) = &arguments.signing_ca_key {
        place(spec, "/CAConfig/SigningCAKey", key.expose().into());
    }
}

struct Task<'a> {
    arguments: Arguments,
    engine: Engine,
    context: &'a Context<'a>,
    changed: bool,
    actions: Vec<String>,
    facts: Map,
    before: Map,
    after: Map,
}

impl Task<'_> {
    fn act(&mut self, action: impl Into<String>) {
        self.changed = true;
        self.actions.push(action.into());
    }

    fn differs(&mut self, name: &str, before: impl Into<Value>, after: impl Into<Value>) {
        self.before.insert(name.to_owned(), before.into());
        self.after.insert(name.to_owned(), after.into());
    }

    /// The swarm as it is now, with the key that unlocks its managers.
    fn describe(&mut self) -> Result<Json, Failure> {
        let found = self.engine.get("/swarm", &[])?;
        let locks = found.pointer("/Spec/EncryptionConfig/AutoLockManagers").and_then(Json::as_bool) == Some(true);
        let key = if locks {
            let answer = self.engine.get("/swarm/unlockkey", &[])?;
            answer.get("UnlockKey").and_then(Json::as_str).map(str::to_owned)
        } else {
            None
        };
        if let Value::Map(facts) = Value::from_json(&found) {
            self.facts = facts;
        }
        self.facts.insert("UnlockKey".to_owned(), key.into());
        Ok(found)
    }

    fn init(&mut self, part: Part) -> Result<(), Failure> {
        let mut spec = json!({});
        write_into(&mut spec, &self.arguments);
        self.differs("state", if part == Part::Outside { "absent" } else { "another" }, "present");
        let given = &self.arguments;
        let body = json!({
            "ListenAddr": given.listen_addr, "AdvertiseAddr": given.advertise_addr.clone().unwrap_or_default(),
            "DataPathAddr": given.data_path_addr.clone().unwrap_or_default(),
            "DataPathPort": given.data_path_port.unwrap_or_default(),
            "DefaultAddrPool": given.default_addr_pool.clone().unwrap_or_default(),
            "SubnetSize": given.subnet_size.unwrap_or_default(),
            "ForceNewCluster": given.force && part != Part::Outside, "Spec": spec,
        });
        if self.context.check() {
            self.act("New Swarm cluster created: (check mode)");
            return Ok(());
        }
        self.engine.post("/swarm/init", &[], Some(&body)).map_err(|error| match &error {
            EngineError::Refused { message, .. } if message.contains("could not choose an IP address") => {
                Failure::new(format!("{error}; name the address with advertise_addr"))
            }
            EngineError::Refused { message, .. } if message.contains("already part of a swarm") => {
                Failure::new(format!("{error}; leave it first (state: absent)"))
            }
            _ => error.into(),
        })?;
        let found = self.describe()?;
        self.act(format!("New Swarm cluster created: {}", found.get("ID").and_then(Json::as_str).unwrap_or_default()));
        Ok(())
    }

    fn update(&mut self) -> Result<(), Failure> {
        let found = self.describe()?;
        let empty = json!({});
        let spec = found.get("Spec").unwrap_or(&empty);
        let mut different = false;
        for (option, pointer, shape, value) in wanted(&self.arguments) {
            let mut current = spec.pointer(pointer).cloned().unwrap_or(Json::Null);
            if option == "signing_ca_cert" && current.as_str().is_none_or(str::is_empty) {
                // Nothing is told there once the certificate is in use.
                current = found.pointer("/TLSInfo/TrustRoot").cloned().unwrap_or(Json::Null);
            }
            if !agrees(shape, Comparison::Strict, &value, &current) {
                different = true;
                self.differs(option, Value::from_json(&current), Value::from_json(&value));
            }
        }
        let mut query = Vec::new();
        for (option, parameter, rotate) in [
            ("rotate_manager_token", "rotateManagerToken", self.arguments.rotate_manager_token),
            ("rotate_worker_token", "rotateWorkerToken", self.arguments.rotate_worker_token),
        ] {
            if rotate {
                different = true;
                self.differs(option, false, true);
                query.push((parameter, "true".to_owned()));
            }
        }
        if !different {
            self.actions.push("No modification".to_owned());
            return Ok(());
        }
        self.act("Swarm cluster updated");
        if self.context.check() {
            return Ok(());
        }
        let arguments = self.arguments.clone();
        swarm::update(&self.engine, "/swarm", &query, &[], |found| {
            let mut spec = found.get("Spec").cloned().unwrap_or_else(|| json!({}));
            write_into(&mut spec, &arguments);
            spec
        })?;
        self.describe().map(drop)
    }

    fn join(&mut self) -> Result<(), Failure> {
        self.differs("state", "absent", "joined");
        self.act("New node is added to swarm cluster");
        if self.context.check() {
            return Ok(());
        }
        let given = &self.arguments;
        let addresses = given.remote_addrs.clone().unwrap_or_default();
        let body = json!({
            "ListenAddr": given.listen_addr, "AdvertiseAddr": given.advertise_addr.clone().unwrap_or_default(),
            "DataPathAddr": given.data_path_addr.clone().unwrap_or_default(), "RemoteAddrs": addresses,
            "JoinToken": given.join_token.as_ref().map(Secret::expose).unwrap_or_default(),
        });
        self.engine.post("/swarm/join", &[], Some(&body)).map_err(|error| match &error {
            EngineError::Refused { message, .. } if message.contains("Timeout was reached") => Failure::new(format!(
                "no manager answers at {}: {message}; check remote_addrs, the firewall (2377/tcp) and the manager's log",
                addresses.join(", ")
            )),
            EngineError::Refused { message, .. } if message.contains("token") => Failure::new(format!(
                "{error}; take the token from docker_swarm_info on a manager (swarm_facts.JoinTokens)"
            )),
            _ => error.into(),
        })?;
        Ok(())
    }

    fn leave(&mut self) -> Result<(), Failure> {
        self.differs("state", "present", "absent");
        self.act("Node has left the swarm cluster");
        if self.context.check() {
            return Ok(());
        }
        let query = [("force", self.arguments.force.to_string())];
        match self.engine.json("POST", "/swarm/leave", &query, None, Patience::Normal) {
            Ok(_) => Ok(()),
            Err(EngineError::Refused { message, .. }) if !self.arguments.force => Err(Failure::new(format!(
                "This node can not leave the Swarm Cluster: {message} To leave all the same, set force: true"
            ))),
            Err(error) => Err(error.into()),
        }
    }

    fn remove(&mut self) -> Result<(), Failure> {
        let name = self.arguments.node_id.clone().unwrap_or_default();
        let Some(mut node) = swarm::node(&self.engine, &name)? else {
            self.actions.push("The node is not part of the swarm cluster.".to_owned());
            return Ok(());
        };
        self.differs("node", name.as_str(), Value::Null);
        self.act("Node is removed from swarm cluster.");
        if self.context.check() {
            return Ok(());
        }
        let mut waited = 0;
        while !self.arguments.force && node.pointer("/Status/State").and_then(Json::as_str) == Some("ready") {
            if waited == LEAVING {
                return Err(Failure::new(format!(
                    "Can not remove the node {name}: it is ready and not down; let it leave the swarm first (state: \
                     absent there), or set force: true"
                )));
            }
            waited += 1;
            self.context.checkpoint()?;
            std::thread::sleep(std::time::Duration::from_millis(500));
            let Some(found) = swarm::node(&self.engine, &name)? else { return Ok(()) };
            node = found;
        }
        let id = node.get("ID").and_then(Json::as_str).unwrap_or(&name);
        let query = [("force", self.arguments.force.to_string())];
        match self.engine.delete(&format!("/nodes/{}", encode(id)), &query) {
            Ok(_) => Ok(()),
            Err(error) if error.is_missing() => Ok(()),
            Err(EngineError::Refused { message, .. }) if message.contains("manager") => {
                Err(Failure::new(format!("{message}; demote it first with docker_node (role: worker)")))
            }
            Err(error) => Err(error.into()),
        }
    }
}
