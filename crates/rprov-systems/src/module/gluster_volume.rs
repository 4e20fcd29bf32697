//! `gluster_volume`: GlusterFS volumes: their bricks, options and limits, and whether they are started.

use rprov_wire::{Map, Value};

use crate::gluster::answer::{self, Volume};
use crate::gluster::volume::{bricks, bytes, shown};
use crate::gluster::{Gluster, answer::Peer};
use rprov_modules::context::Context;
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the volume is there, and can be used.
    pub enum State { Absent = "absent", Present = "present", Started = "started", Stopped = "stopped" }
}

choices! {
    /// What the hosts talk over.
    pub enum Transport { Tcp = "tcp", Rdma = "rdma", Both = "tcp,rdma" }
}

arguments! {
    /// Create, remove, start, stop and tune GlusterFS volumes.
    pub struct Arguments {
        /// Name of the volume.
        name | volume: String,
        /// Whether it is there, and can be used.
        state: State,
        /// Hosts that have the bricks.
        cluster: Option<Vec<String>>,
        /// Name of this host in the pool.
        host: Option<String>,
        /// How often each file is kept.
        replicas: Option<u32>,
        /// How many of the copies are arbiters, which have no content.
        arbiters: Option<u32>,
        /// Over how many bricks each file is striped.
        stripes: Option<u32>,
        /// Over how many bricks each file is dispersed.
        disperses: Option<u32>,
        /// How many of these may be lost.
        redundancies: Option<u32>,
        /// What the hosts talk over.
        transport: Transport = Transport::Tcp,
        /// Paths of the bricks, the same on every host, with commas between them.
        bricks | brick: Option<String>,
        /// Start the volume once it is created.
        start_on_create: bool = true,
        /// Move files to new bricks.
        rebalance: bool = false,
        /// Directory in the volume that `quota` is for.
        directory: Option<String>,
        /// Options of the volume.
        options: Option<Map>,
        /// How much the directory may have, as `10.0MB`.
        quota: Option<String>,
        /// Use bricks on the root partition, and take those out that are not named.
        force: bool = false,
    }
}

/// Bring the volume to its state.
///
/// # Errors
/// The daemon does not run or refuses, or the volume to start, stop or tune is not there.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if context.check() {
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "remote module (gluster_volume) does not support check mode"));
    }
    let limit = match (&arguments.directory, &arguments.quota) {
        (Some(directory), Some(quota)) => {
            let wrong = || Failure::new(format!("quota: `{quota}` is no size; write it as `10.0MB`"));
            Some((directory.as_str(), quota.as_str(), bytes(quota).ok_or_else(wrong)?))
        }
        (None, None) => None,
        _ => return Err(Failure::new("directory and quota are needed together")),
    };
    let mut task = Task { gluster: Gluster::new(context), arguments: &arguments, changed: false };
    match (arguments.state, task.find()?) {
        (State::Absent, None) => {}
        (State::Absent, Some(volume)) => {
            if volume.status == "Started" {
                task.act(&["stop", &arguments.name])?;
            }
            task.act(&["delete", &arguments.name])?;
        }
        (State::Present, volume) => {
            task.gather_hosts()?;
            match volume {
                None => task.create()?,
                Some(volume) => task.fit_bricks(&volume)?,
            }
            task.set_options()?;
            if let Some((directory, text, size)) = limit {
                task.limit(directory, text, size)?;
            }
        }
        (State::Started | State::Stopped, None) => {
            return Err(Failure::new(format!("volume not found {}; create it with state=present", arguments.name)));
        }
        (state, Some(volume)) => {
            let started = volume.status == "Started";
            if started != (state == State::Started) {
                task.act(&[if started { "stop" } else { "start" }, &arguments.name])?;
            }
        }
    }
    let facts = task.facts()?;
    let facts = Map::from_iter([("glusterfs".to_owned(), facts)]);
    Ok(Outcome::new(task.changed).with("ansible_facts", facts))
}

struct Task<'a> {
    gluster: Gluster<'a>,
    arguments: &'a Arguments,
    changed: bool,
}

impl Task<'_> {
    fn find(&self) -> Result<Option<Volume>, Failure> {
        Ok(self.volumes()?.into_iter().find(|volume| volume.name == self.arguments.name))
    }

    fn volumes(&self) -> Result<Vec<Volume>, Failure> {
        answer::volumes(&self.gluster.ask(&["volume", "info"])?)
    }

    fn act(&mut self, words: &[&str]) -> Result<(), Failure> {
        self.gluster.ask(&[&["volume"], words].concat())?;
        self.changed = true;
        Ok(())
    }

    /// The hosts that have bricks; this one alone if none are named.
    fn hosts(&self) -> Result<Vec<String>, Failure> {
        let named = self.arguments.cluster.iter().flatten().map(|host| host.trim().to_owned());
        let named: Vec<String> = named.filter(|host| !host.is_empty()).collect();
        if !named.is_empty() {
            return Ok(named);
        }
        let own = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(vec![self.arguments.host.clone().unwrap_or_else(own)])
    }

    fn gather_hosts(&mut self) -> Result<(), Failure> {
        let Some(cluster) = &self.arguments.cluster else { return Ok(()) };
        let own = self.arguments.host.as_deref().unwrap_or_default();
        let others: Vec<String> =
            cluster.iter().map(|host| host.trim()).filter(|host| *host != own).map(str::to_owned).collect();
        self.changed |= !self.gluster.probe(&others)?.is_empty();
        Ok(())
    }

    fn create(&mut self) -> Result<(), Failure> {
        let arguments = self.arguments;
        let Some(paths) = &arguments.bricks else {
            return Err(Failure::new(format!(
                "bricks: there is no volume {} yet, and it needs bricks",
                arguments.name
            )));
        };
        let mut words = vec!["volume".to_owned(), "create".to_owned(), arguments.name.clone()];
        let counts = [
            ("stripe", arguments.stripes),
            ("replica", arguments.replicas),
            ("arbiter", arguments.arbiters),
            ("disperse", arguments.disperses),
            ("redundancy", arguments.redundancies),
        ];
        for (word, count) in counts {
            words.extend(count.into_iter().flat_map(|count| [word.to_owned(), count.to_string()]));
        }
        words.extend(["transport".to_owned(), arguments.transport.word().to_owned()]);
        words.extend(bricks(paths, &self.hosts()?));
        words.extend(arguments.force.then(|| "force".to_owned()));
        self.gluster.tell(&words)?;
        self.changed = true;
        if arguments.start_on_create {
            self.act(&["start", &arguments.name])?;
        }
        Ok(())
    }

    /// Add bricks that are missing; with `force` also take those out that are too many.
    fn fit_bricks(&mut self, volume: &Volume) -> Result<(), Failure> {
        let arguments = self.arguments;
        let Some(paths) = &arguments.bricks else { return Ok(()) };
        let wanted = bricks(paths, &self.hosts()?);
        let missing: Vec<String> = wanted.iter().filter(|brick| !volume.bricks.contains(brick)).cloned().collect();
        let surplus: Vec<String> = volume.bricks.iter().filter(|brick| !wanted.contains(brick)).cloned().collect();
        let steps = [("add-brick", &missing), ("remove-brick", &surplus)];
        for (step, list) in steps {
            if list.is_empty() || (step == "remove-brick" && !arguments.force) {
                continue;
            }
            let mut words = vec!["volume".to_owned(), step.to_owned(), arguments.name.clone()];
            let counts = [("stripe", arguments.stripes), ("replica", arguments.replicas)];
            let counts = counts.into_iter().filter_map(|(word, count)| Some((word, count?)));
            // A count that stays as it is says nothing; to name it where bricks leave is refused by some versions.
            for (word, count) in counts.filter(|(word, count)| *word != "replica" || *count != volume.replicas) {
                words.extend([word.to_owned(), count.to_string()]);
            }
            words.extend(list.iter().cloned());
            words.extend(arguments.force.then(|| "force".to_owned()));
            self.gluster.tell(&words)?;
            self.changed = true;
        }
        if arguments.rebalance && !missing.is_empty() && volume.status == "Started" {
            self.act(&["rebalance", &arguments.name, "start"])?;
        }
        Ok(())
    }

    fn set_options(&mut self) -> Result<(), Failure> {
        let arguments = self.arguments;
        let Some(options) = arguments.options.as_ref().filter(|options| !options.is_empty()) else { return Ok(()) };
        let volume = self.find()?.unwrap_or_default();
        for (name, value) in options {
            let wanted = match value {
                Value::Bool(true) => "on".to_owned(),
                Value::Bool(false) => "off".to_owned(),
                other => other.as_str().map_or_else(|| other.to_string(), str::to_owned),
            };
            let switch = |text: &str| match text.to_ascii_lowercase().as_str() {
                "on" | "yes" | "true" | "enable" | "1" => Some(true),
                "off" | "no" | "false" | "disable" | "0" => Some(false),
                _ => None,
            };
            let same =
                |current: &str| current == wanted || (switch(current).is_some() && switch(current) == switch(&wanted));
            if !volume.option(name).is_some_and(same) {
                self.act(&["set", &arguments.name, name, &wanted])?;
            }
        }
        Ok(())
    }

    fn limit(&mut self, directory: &str, text: &str, size: u64) -> Result<(), Failure> {
        let name = self.arguments.name.as_str();
        let volume = self.find()?.unwrap_or_default();
        if !volume.has_quota() {
            self.act(&["quota", name, "enable"])?;
        }
        if !self.quotas(name)?.contains(&(directory.to_owned(), size)) {
            self.act(&["quota", name, "limit-usage", directory, text])?;
        }
        Ok(())
    }

    fn quotas(&self, name: &str) -> Result<Vec<(String, u64)>, Failure> {
        match self.gluster.ask(&["volume", "quota", name, "list"]) {
            Ok(text) => answer::quotas(&text),
            Err(failure) if failure.message.contains("No quota configured") => Ok(Vec::new()),
            Err(failure) => Err(failure),
        }
    }

    /// The pool as it is now.
    fn facts(&self) -> Result<Value, Failure> {
        let mut volumes = Map::new();
        let mut quotas = Map::new();
        for volume in self.volumes()? {
            if volume.has_quota() && volume.status == "Started" {
                quotas.extend(self.quotas(&volume.name)?.into_iter().map(|(path, size)| (path, shown(size).into())));
            }
            volumes.insert(volume.name.clone(), described(&volume));
        }
        let peer = |peer: Peer| {
            let state = format!("{} ({})", peer.state, if peer.connected { "Connected" } else { "Disconnected" });
            let name = peer.names.into_iter().next().unwrap_or_default();
            (name, Value::from(vec![peer.uuid, state]))
        };
        let peers: Map = self.gluster.peers()?.into_iter().map(peer).collect();
        let facts: [(&str, Value); 3] =
            [("peers", peers.into()), ("volumes", volumes.into()), ("quotas", quotas.into())];
        Ok(Value::from_iter(facts))
    }
}

fn described(volume: &Volume) -> Value {
    let options: Map = volume.options.iter().map(|(name, value)| (name.clone(), Value::from(value.as_str()))).collect();
    let fields: [(&str, Value); 8] = [
        ("name", volume.name.as_str().into()),
        ("id", volume.id.as_str().into()),
        ("status", volume.status.as_str().into()),
        ("transport", volume.transport.as_str().into()),
        ("replicas", volume.replicas.to_string().into()),
        ("bricks", volume.bricks.clone().into()),
        ("options", options.into()),
        ("quota", volume.has_quota().into()),
    ];
    Value::from_iter(fields)
}
