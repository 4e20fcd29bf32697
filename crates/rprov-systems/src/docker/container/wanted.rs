//! From options to properties of the Engine's container.

use indexmap::IndexMap;
use rprov_wire::Value;
use serde_json::{Map as JsonMap, Value as Json, json};

use super::arguments::{Arguments, ImageComparison, LabelMismatch, RestartPolicy};
use super::comparisons::Comparisons;
use super::property::Property;
use super::{ports, storage};
use crate::docker::compare::{Comparison, Shape};
use crate::docker::quantity;
use rprov_modules::outcome::Failure;

/// What is known beside the options.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings<'a> {
    /// The image that the container is to have.
    pub image: Option<&'a Json>,
    /// The image that the present container has.
    pub current_image: Option<&'a Json>,
    /// IDs of the containers that `container:NAME` may name.
    pub container_ids: Option<&'a IndexMap<String, String>>,
}

/// The properties that the options ask for; options that were not given ask for nothing.
///
/// # Errors
/// A value cannot be understood.
pub fn properties(
    arguments: &Arguments,
    comparisons: &Comparisons,
    surroundings: Surroundings<'_>,
) -> Result<Vec<Property>, Failure> {
    let image = match arguments.image_comparison {
        ImageComparison::DesiredImage => surroundings.image,
        ImageComparison::CurrentImage => surroundings.current_image.or(surroundings.image),
    };
    let inherited =
        |name: &str| image.and_then(|image| image.pointer(&format!("/Config/{name}"))).unwrap_or(&Json::Null);
    let strict = |option: &str, shape: Shape| comparisons.of(option, shape) == Comparison::Strict;
    let mut list = List::default();

    list.command(arguments)?;
    list.environment(arguments, strict("env", Shape::Set).then(|| inherited("Env")))?;
    if let Some(labels) = &arguments.labels {
        let labels = Arguments::texts("labels", labels)?;
        let mut wanted = labels.clone();
        if strict("labels", Shape::Map) {
            for (name, value) in inherited("Labels").as_object().into_iter().flatten() {
                if arguments.image_label_mismatch == LabelMismatch::Fail && !labels.contains_key(name) {
                    return Err(Failure::new(format!(
                        "Some labels should be removed but are present in the base image: {name}; give it a value in \
                         `labels`, or set image_label_mismatch: ignore"
                    )));
                }
                wanted.entry(name.clone()).or_insert_with(|| value.as_str().unwrap_or_default().to_owned());
            }
        }
        list.add("labels", "/Config/Labels", Shape::Map, json!(labels)).wanted = json!(wanted);
    }
    list.ports(arguments, strict("exposed_ports", Shape::Map).then(|| inherited("ExposedPorts")))?;
    list.storage(arguments, strict("volumes", Shape::Set).then(|| inherited("Volumes")))?;
    list.limits(arguments)?;
    list.devices(arguments)?;
    list.namespaces(arguments, surroundings.container_ids);
    list.healthcheck(arguments)?;

    let value = |list: &mut List, option, pointer, value: Option<Json>| {
        if let Some(value) = value {
            list.add(option, pointer, Shape::Value, value);
        }
    };
    let text = |value: &Option<String>| value.clone().map(Json::from);
    let flag = |value: Option<bool>| value.map(Json::from);
    value(&mut list, "auto_remove", "/HostConfig/AutoRemove", flag(arguments.auto_remove));
    value(&mut list, "cgroup_parent", "/HostConfig/CgroupParent", text(&arguments.cgroup_parent));
    value(&mut list, "domainname", "/Config/Domainname", text(&arguments.domainname));
    value(&mut list, "hostname", "/Config/Hostname", text(&arguments.hostname));
    value(&mut list, "init", "/HostConfig/Init", flag(arguments.init));
    value(&mut list, "interactive", "/Config/OpenStdin", flag(arguments.interactive));
    value(&mut list, "oom_killer", "/HostConfig/OomKillDisable", flag(arguments.oom_killer));
    value(&mut list, "oom_score_adj", "/HostConfig/OomScoreAdj", arguments.oom_score_adj.map(Json::from));
    value(&mut list, "privileged", "/HostConfig/Privileged", flag(arguments.privileged));
    value(&mut list, "publish_all_ports", "/HostConfig/PublishAllPorts", flag(arguments.publish_all_ports));
    value(&mut list, "read_only", "/HostConfig/ReadonlyRootfs", flag(arguments.read_only));
    value(&mut list, "runtime", "/HostConfig/Runtime", text(&arguments.runtime));
    value(&mut list, "stop_signal", "/Config/StopSignal", text(&arguments.stop_signal));
    value(&mut list, "stop_timeout", "/Config/StopTimeout", arguments.stop_timeout.map(Json::from));
    value(&mut list, "tty", "/Config/Tty", flag(arguments.tty));
    value(&mut list, "user", "/Config/User", text(&arguments.user));
    value(&mut list, "volume_driver", "/HostConfig/VolumeDriver", text(&arguments.volume_driver));
    value(&mut list, "working_dir", "/Config/WorkingDir", text(&arguments.working_dir));
    value(&mut list, "log_driver", "/HostConfig/LogConfig/Type", text(&arguments.log_driver));
    if let Some(address) = &arguments.mac_address {
        let property = list.add("mac_address", "/Config/MacAddress", Shape::Value, address.as_str().into());
        property.wanted = address.replace('-', ":").to_ascii_lowercase().into();
        property.read = Some(|container| {
            let config = container.pointer("/Config/MacAddress").filter(|value| value.as_str() != Some(""));
            let found = config.or_else(|| container.pointer("/NetworkSettings/MacAddress"));
            found.and_then(Json::as_str).map_or(Json::Null, |address| address.to_ascii_lowercase().into())
        });
    }
    if let Some(policy) = arguments.restart_policy {
        let property = list.add("restart_policy", "/HostConfig/RestartPolicy/Name", Shape::Value, policy.word().into());
        property.live = true;
        property.read = Some(|container| {
            let name = container.pointer("/HostConfig/RestartPolicy/Name").and_then(Json::as_str).unwrap_or_default();
            if name.is_empty() { RestartPolicy::No.word().into() } else { name.into() }
        });
    }
    if let Some(retries) = arguments.restart_retries {
        let pointer = "/HostConfig/RestartPolicy/MaximumRetryCount";
        list.add("restart_retries", pointer, Shape::Value, retries.into()).live = true;
    }

    let several = |list: &mut List, option, pointer, shape, value: &Option<Vec<String>>| {
        if let Some(items) = value {
            list.add(option, pointer, shape, json!(items));
        }
    };
    several(&mut list, "dns_opts", "/HostConfig/DnsOptions", Shape::Set, &arguments.dns_opts);
    several(&mut list, "dns_servers", "/HostConfig/Dns", Shape::List, &arguments.dns_servers);
    several(&mut list, "dns_search_domains", "/HostConfig/DnsSearch", Shape::List, &arguments.dns_search_domains);
    several(&mut list, "groups", "/HostConfig/GroupAdd", Shape::Set, &arguments.groups);
    several(&mut list, "security_opts", "/HostConfig/SecurityOpt", Shape::Set, &arguments.security_opts);
    several(&mut list, "volumes_from", "/HostConfig/VolumesFrom", Shape::Set, &arguments.volumes_from);
    let rules = &arguments.device_cgroup_rules;
    several(&mut list, "device_cgroup_rules", "/HostConfig/DeviceCgroupRules", Shape::List, rules);
    for (option, pointer, capabilities) in [
        ("capabilities", "/HostConfig/CapAdd", &arguments.capabilities),
        ("cap_drop", "/HostConfig/CapDrop", &arguments.cap_drop),
    ] {
        if let Some(capabilities) = capabilities {
            let property = list.add(option, pointer, Shape::Set, json!(capabilities));
            // The Engine stores `CAP_NET_ADMIN` whatever way it was written; older ones as it was written.
            property.wanted = capabilities.iter().map(|name| Json::from(capability(name))).collect();
            property.read = Some(match option {
                "cap_drop" => |container| capabilities_of(container, "/HostConfig/CapDrop"),
                _ => |container| capabilities_of(container, "/HostConfig/CapAdd"),
            });
        }
    }
    if let Some(hosts) = &arguments.etc_hosts {
        let hosts: Vec<String> = hosts.iter().map(|(name, address)| format!("{name}:{}", plain(address))).collect();
        list.add("etc_hosts", "/HostConfig/ExtraHosts", Shape::Set, json!(hosts));
    }
    if let Some(links) = &arguments.links {
        let pair = |link: &String| match link.split_once(':') {
            Some((name, alias)) => (name.to_owned(), alias.to_owned()),
            None => (link.clone(), link.clone()),
        };
        let create: Vec<String> = links.iter().map(pair).map(|(name, alias)| format!("{name}:{alias}")).collect();
        let property = list.add("links", "/HostConfig/Links", Shape::Set, json!(create));
        // The Engine gives them back as `/target:/container/alias`.
        property.read = Some(|container| {
            let links = container.pointer("/HostConfig/Links").and_then(Json::as_array);
            let read = |link: &Json| {
                let (name, alias) = link.as_str()?.split_once(':')?;
                Some(Json::from(format!("{}:{}", name.trim_start_matches('/'), alias.rsplit('/').next()?)))
            };
            links.into_iter().flatten().filter_map(read).collect()
        });
    }
    for (option, pointer, map) in [
        ("log_options", "/HostConfig/LogConfig/Config", &arguments.log_options),
        ("storage_opts", "/HostConfig/StorageOpt", &arguments.storage_opts),
        ("sysctls", "/HostConfig/Sysctls", &arguments.sysctls),
    ] {
        if let Some(map) = map {
            let texts: IndexMap<&String, String> = map.iter().map(|(key, value)| (key, plain(value))).collect();
            list.add(option, pointer, Shape::Map, json!(texts));
        }
    }
    if arguments.detach == Some(false) {
        list.create_only("/Config/AttachStdout", true.into());
        list.create_only("/Config/AttachStderr", true.into());
        if arguments.interactive == Some(true) {
            list.create_only("/Config/AttachStdin", true.into());
            list.create_only("/Config/StdinOnce", true.into());
        }
    }
    Ok(list.0)
}

#[derive(Default)]
struct List(Vec<Property>);

impl List {
    fn add(&mut self, option: &'static str, pointer: &'static str, shape: Shape, value: Json) -> &mut Property {
        let property =
            Property { option, pointer, shape, create: value.clone(), wanted: value, read: None, live: false };
        self.0.push(property);
        let last = self.0.len() - 1;
        &mut self.0[last]
    }

    /// Set on creation, and never compared.
    fn create_only(&mut self, pointer: &'static str, value: Json) {
        let property = self.add("detach", pointer, Shape::Value, value);
        property.wanted = Json::Null;
        property.read = Some(|_| Json::Null);
    }

    fn command(&mut self, arguments: &Arguments) -> Result<(), Failure> {
        let correct = arguments.command_handling == super::arguments::CommandHandling::Correct;
        if let Some(command) = &arguments.command {
            let words = match &command.0 {
                Value::List(items) => Some(items.iter().map(plain).collect::<Vec<_>>()),
                Value::String(text) => Some(shlex::split(text).ok_or_else(|| {
                    Failure::new(format!("command: a quote is not closed in `{text}`; or give it as a list"))
                })?),
                other => Some(vec![plain(other)]),
            };
            if let Some(words) = words.filter(|words| correct || !words.is_empty()) {
                self.add("command", "/Config/Cmd", Shape::List, json!(words));
            }
        }
        if let Some(entrypoint) = &arguments.entrypoint {
            if correct {
                // An empty list would keep the image's own entrypoint; one empty word removes it.
                let property = self.add("entrypoint", "/Config/Entrypoint", Shape::List, json!(entrypoint));
                if entrypoint.is_empty() {
                    property.create = json!([""]);
                    property.read = Some(|container| {
                        let current = container.pointer("/Config/Entrypoint").cloned().unwrap_or(Json::Null);
                        if current == json!([""]) { json!([]) } else { current }
                    });
                }
            } else if !entrypoint.is_empty() {
                let words: Vec<String> = entrypoint.join(" ").split_whitespace().map(str::to_owned).collect();
                self.add("entrypoint", "/Config/Entrypoint", Shape::List, json!(words));
            }
        }
        Ok(())
    }

    fn environment(&mut self, arguments: &Arguments, inherited: Option<&Json>) -> Result<(), Failure> {
        if arguments.env.is_none() && arguments.env_file.is_none() {
            return Ok(());
        }
        let mut variables = IndexMap::new();
        if let Some(path) = &arguments.env_file {
            let text = std::fs::read_to_string(path).map_err(|error| Failure::io("read env_file", path, error))?;
            variables.extend(env_file(&text));
        }
        if let Some(env) = &arguments.env {
            variables.extend(Arguments::texts("env", env)?);
        }
        let lines = |variables: &IndexMap<String, String>| -> Json {
            variables.iter().map(|(name, value)| Json::from(format!("{name}={value}"))).collect()
        };
        let property = self.add("env", "/Config/Env", Shape::Set, lines(&variables));
        if let Some(inherited) = inherited {
            for line in inherited.as_array().into_iter().flatten().filter_map(Json::as_str) {
                let (name, value) = line.split_once('=').unwrap_or((line, ""));
                variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
            property.wanted = lines(&variables);
        }
        Ok(())
    }

    fn ports(&mut self, arguments: &Arguments, inherited: Option<&Json>) -> Result<(), Failure> {
        let mut open: JsonMap<String, Json> = JsonMap::new();
        if let Some(published) = &arguments.published_ports {
            let address = arguments.default_host_ip.as_deref().unwrap_or("0.0.0.0");
            let published = ports::published(published, address.trim_start_matches('[').trim_end_matches(']'))?;
            open.extend(published.bindings.keys().map(|port| (port.clone(), json!({}))));
            if published.all && arguments.publish_all_ports.is_none() {
                self.add("published_ports", "/HostConfig/PublishAllPorts", Shape::Value, true.into());
            }
            let bindings = Json::Object(published.bindings);
            self.add("published_ports", "/HostConfig/PortBindings", Shape::Map, bindings).read = Some(|container| {
                let bindings = container.pointer("/HostConfig/PortBindings").and_then(Json::as_object);
                Json::Object(bindings.map(ports::sorted).unwrap_or_default())
            });
        }
        if let Some(exposed) = &arguments.exposed_ports {
            open.extend(ports::exposed(exposed)?.into_iter().map(|port| (port, json!({}))));
        }
        if !open.is_empty() || arguments.exposed_ports.is_some() {
            let property = self.add("exposed_ports", "/Config/ExposedPorts", Shape::Map, Json::Object(open));
            if let (Some(wanted), Some(Json::Object(inherited))) = (property.wanted.as_object_mut(), inherited) {
                wanted.extend(inherited.clone());
            }
        }
        Ok(())
    }

    fn storage(&mut self, arguments: &Arguments, inherited: Option<&Json>) -> Result<(), Failure> {
        if let Some(entries) = &arguments.volumes {
            let volumes = storage::volumes(entries)?;
            let mut wanted: Vec<String> = volumes.binds.iter().chain(&volumes.anonymous).cloned().collect();
            if let Some(Json::Object(inherited)) = inherited {
                wanted.extend(inherited.keys().cloned());
            }
            let property = self.add("volumes", "/HostConfig/Binds", Shape::Set, json!(volumes.binds));
            property.wanted = json!(wanted);
            property.read = Some(|container| {
                let binds = container.pointer("/HostConfig/Binds").and_then(Json::as_array).into_iter().flatten();
                let binds = binds.filter_map(Json::as_str).map(|bind| Json::from(storage::normalize_bind(bind)));
                let anonymous = container.pointer("/Config/Volumes").and_then(Json::as_object).into_iter().flatten();
                binds.chain(anonymous.map(|(path, _)| path.as_str().into())).collect()
            });
            if !volumes.anonymous.is_empty() {
                let paths: JsonMap<String, Json> =
                    volumes.anonymous.into_iter().map(|path| (path, json!({}))).collect();
                let property = self.add("volumes", "/Config/Volumes", Shape::Map, Json::Object(paths));
                // Compared above, together with the others.
                property.wanted = json!({});
                property.read = Some(|_| json!({}));
            }
        }
        if let Some(mounts) = &arguments.mounts {
            let mounts: Vec<Json> = mounts.iter().map(storage::mount).collect::<Result<_, _>>()?;
            self.add("mounts", "/HostConfig/Mounts", Shape::Records, Json::Array(mounts));
        }
        if let Some(tmpfs) = &arguments.tmpfs {
            let entries: JsonMap<String, Json> = tmpfs
                .iter()
                .map(|entry| entry.split_once(':').unwrap_or((entry, "")))
                .map(|(path, options)| (path.to_owned(), options.into()))
                .collect();
            self.add("tmpfs", "/HostConfig/Tmpfs", Shape::Map, Json::Object(entries));
        }
        Ok(())
    }

    fn limits(&mut self, arguments: &Arguments) -> Result<(), Failure> {
        let mut live = |option, pointer, value: Option<Json>| {
            if let Some(value) = value {
                self.add(option, pointer, Shape::Value, value).live = true;
            }
        };
        let size = |option: &str, text: &Option<String>| -> Result<Option<Json>, Failure> {
            text.as_ref().map(|text| quantity::bytes(option, text).map(Json::from)).transpose()
        };
        live("blkio_weight", "/HostConfig/BlkioWeight", arguments.blkio_weight.map(Json::from));
        live("cpu_period", "/HostConfig/CpuPeriod", arguments.cpu_period.map(Json::from));
        live("cpu_quota", "/HostConfig/CpuQuota", arguments.cpu_quota.map(Json::from));
        live("cpus", "/HostConfig/NanoCpus", arguments.cpus.map(|cpus| ((cpus * 1e9).round() as i64).into()));
        live("cpuset_cpus", "/HostConfig/CpusetCpus", arguments.cpuset_cpus.clone().map(Json::from));
        live("cpuset_mems", "/HostConfig/CpusetMems", arguments.cpuset_mems.clone().map(Json::from));
        live("cpu_shares", "/HostConfig/CpuShares", arguments.cpu_shares.map(Json::from));
        live("kernel_memory", "/HostConfig/KernelMemory", size("kernel_memory", &arguments.kernel_memory)?);
        live("memory", "/HostConfig/Memory", size("memory", &arguments.memory)?);
        let reservation = size("memory_reservation", &arguments.memory_reservation)?;
        live("memory_reservation", "/HostConfig/MemoryReservation", reservation);
        let swap = match arguments.memory_swap.as_deref() {
            Some("unlimited" | "-1") => Some(Json::from(-1)),
            _ => size("memory_swap", &arguments.memory_swap)?,
        };
        live("memory_swap", "/HostConfig/MemorySwap", swap);
        if let Some(swappiness) = arguments.memory_swappiness {
            self.add("memory_swappiness", "/HostConfig/MemorySwappiness", Shape::Value, swappiness.into());
        }
        if let Some(limit) = arguments.pids_limit {
            let property = self.add("pids_limit", "/HostConfig/PidsLimit", Shape::Value, limit.into());
            // 0 and -1 both mean no limit, and are given back as either or as nothing.
            property.wanted = limit.max(0).into();
            property.read = Some(|container| {
                container.pointer("/HostConfig/PidsLimit").and_then(Json::as_i64).unwrap_or(0).max(0).into()
            });
        }
        if let Some(size) = size("shm_size", &arguments.shm_size)? {
            self.add("shm_size", "/HostConfig/ShmSize", Shape::Value, size);
        }
        if let Some(limits) = &arguments.ulimits {
            let limits: Vec<Json> = limits.iter().map(|limit| ulimit(limit)).collect::<Result<_, _>>()?;
            self.add("ulimits", "/HostConfig/Ulimits", Shape::Records, Json::Array(limits));
        }
        Ok(())
    }

    fn devices(&mut self, arguments: &Arguments) -> Result<(), Failure> {
        if let Some(devices) = &arguments.devices {
            let devices: Vec<Json> = devices
                .iter()
                .map(|device| {
                    let mut parts = device.splitn(3, ':');
                    let host = parts.next().unwrap_or_default();
                    let container = parts.next().unwrap_or(host);
                    // `/dev/x:r` has permissions in the place of a path.
                    let (container, permissions) = match parts.next() {
                        Some(permissions) => (container, permissions),
                        None if container.bytes().all(|byte| b"rwm".contains(&byte)) => (host, container),
                        None => (container, "rwm"),
                    };
                    json!({"PathOnHost": host, "PathInContainer": container, "CgroupPermissions": permissions})
                })
                .collect();
            self.add("devices", "/HostConfig/Devices", Shape::Records, Json::Array(devices));
        }
        for (option, pointer, rates) in [
            ("device_read_bps", "/HostConfig/BlkioDeviceReadBps", &arguments.device_read_bps),
            ("device_write_bps", "/HostConfig/BlkioDeviceWriteBps", &arguments.device_write_bps),
        ] {
            if let Some(rates) = rates {
                let rates: Vec<Json> = rates
                    .iter()
                    .map(|rate| Ok(json!({"Path": rate.path, "Rate": quantity::bytes(option, &rate.rate)?})))
                    .collect::<Result<_, Failure>>()?;
                self.add(option, pointer, Shape::Records, Json::Array(rates));
            }
        }
        for (option, pointer, rates) in [
            ("device_read_iops", "/HostConfig/BlkioDeviceReadIOps", &arguments.device_read_iops),
            ("device_write_iops", "/HostConfig/BlkioDeviceWriteIOps", &arguments.device_write_iops),
        ] {
            if let Some(rates) = rates {
                let rates: Vec<Json> = rates.iter().map(|rate| json!({"Path": rate.path, "Rate": rate.rate})).collect();
                self.add(option, pointer, Shape::Records, Json::Array(rates));
            }
        }
        if let Some(requests) = &arguments.device_requests {
            let requests: Vec<Json> = requests
                .iter()
                .map(|request| {
                    let mut json = JsonMap::new();
                    let mut set = |name: &str, value: Option<Json>| {
                        if let Some(value) = value {
                            json.insert(name.to_owned(), value);
                        }
                    };
                    set("Driver", request.driver.clone().map(Json::from));
                    set("Count", request.count.map(Json::from));
                    set("DeviceIDs", request.device_ids.clone().map(Json::from));
                    let capabilities = request.capabilities.as_ref();
                    set("Capabilities", capabilities.map(|lists| json!(lists)));
                    set("Options", request.options.clone().map(|options| Value::Map(options).to_json()));
                    Json::Object(json)
                })
                .collect();
            self.add("device_requests", "/HostConfig/DeviceRequests", Shape::Records, Json::Array(requests));
        }
        Ok(())
    }

    fn namespaces(&mut self, arguments: &Arguments, ids: Option<&IndexMap<String, String>>) {
        // The Engine stores the ID of the container whose namespace is shared, whatever it was named by.
        let resolve = |mode: &str| match mode.strip_prefix("container:") {
            Some(name) => {
                let id = ids.and_then(|ids| ids.get(name)).map_or(name, String::as_str);
                format!("container:{id}")
            }
            None => mode.to_owned(),
        };
        for (option, pointer, mode) in [
            ("ipc_mode", "/HostConfig/IpcMode", &arguments.ipc_mode),
            ("pid_mode", "/HostConfig/PidMode", &arguments.pid_mode),
            ("userns_mode", "/HostConfig/UsernsMode", &arguments.userns_mode),
            ("uts", "/HostConfig/UTSMode", &arguments.uts),
        ] {
            if let Some(mode) = mode {
                self.add(option, pointer, Shape::Value, resolve(mode).into());
            }
        }
        if let Some(mode) = arguments.cgroupns_mode {
            self.add("cgroupns_mode", "/HostConfig/CgroupnsMode", Shape::Value, mode.word().into());
        }
        if let Some(mode) = network_mode(arguments) {
            let property = self.add("network_mode", "/HostConfig/NetworkMode", Shape::Value, resolve(mode).into());
            if matches!(mode, "default" | "bridge") {
                property.wanted = "bridge".into();
            }
            property.read =
                Some(|container| match container.pointer("/HostConfig/NetworkMode").and_then(Json::as_str) {
                    Some("default" | "") | None => "bridge".into(),
                    Some(mode) => mode.into(),
                });
        }
    }

    fn healthcheck(&mut self, arguments: &Arguments) -> Result<(), Failure> {
        let Some(check) = &arguments.healthcheck else { return Ok(()) };
        let mut wanted = JsonMap::new();
        match check.test.as_ref().map(|test| &test.0) {
            Some(Value::List(items)) => {
                let words: Vec<String> = items.iter().map(plain).collect();
                if words.first().is_some_and(|word| word == "NONE") {
                    wanted.insert("Test".to_owned(), json!(["NONE"]));
                    self.add("healthcheck", "/Config/Healthcheck", Shape::Map, Json::Object(wanted));
                    return Ok(());
                }
                wanted.insert("Test".to_owned(), json!(words));
            }
            Some(other) => {
                wanted.insert("Test".to_owned(), json!(["CMD-SHELL", plain(other)]));
            }
            None if !check.test_cli_compatible => {
                return Err(Failure::new(
                    "healthcheck: `test` is missing; give it, or set test_cli_compatible: true to keep the image's test",
                ));
            }
            None => {}
        }
        for (name, option, text) in [
            ("Interval", "healthcheck.interval", &check.interval),
            ("Timeout", "healthcheck.timeout", &check.timeout),
            ("StartPeriod", "healthcheck.start_period", &check.start_period),
            ("StartInterval", "healthcheck.start_interval", &check.start_interval),
        ] {
            if let Some(text) = text {
                wanted.insert(name.to_owned(), quantity::nanoseconds(option, text)?.into());
            }
        }
        if let Some(retries) = check.retries {
            wanted.insert("Retries".to_owned(), retries.into());
        }
        self.add("healthcheck", "/Config/Healthcheck", Shape::Map, Json::Object(wanted));
        Ok(())
    }
}

/// The network mode that was given, or the first network where the playbook relies on the command line's ways.
pub fn network_mode(arguments: &Arguments) -> Option<&str> {
    arguments.network_mode.as_deref().or_else(|| {
        let first = arguments.networks.as_ref()?.first()?;
        arguments.networks_cli_compatible.then_some(first.name.as_str())
    })
}

/// A value as the text that a command line would have.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        other => other.to_string(),
    }
}

fn capability(name: &str) -> String {
    let name = name.to_ascii_uppercase();
    if name == "ALL" { name } else { name.trim_start_matches("CAP_").to_owned() }
}

fn capabilities_of(container: &Json, pointer: &str) -> Json {
    let list = container.pointer(pointer).and_then(Json::as_array).into_iter().flatten();
    list.filter_map(Json::as_str).map(|name| Json::from(capability(name))).collect()
}

fn ulimit(text: &str) -> Result<Json, Failure> {
    let wrong =
        || Failure::new(format!("ulimits: `{text}` cannot be understood; write name:soft[:hard], as nofile:262144"));
    let mut parts = text.split(':');
    let name = parts.next().filter(|name| !name.is_empty()).ok_or_else(wrong)?;
    let soft: i64 = parts.next().and_then(|number| number.trim().parse().ok()).ok_or_else(wrong)?;
    let hard: i64 = match parts.next() {
        Some(number) => number.trim().parse().map_err(|_| wrong())?,
        None => soft,
    };
    Ok(json!({"Name": name, "Soft": soft, "Hard": hard}))
}

/// `NAME=value` lines; `#` starts a comment line.
pub fn env_file(text: &str) -> IndexMap<String, String> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::super::property::{Difference, creation, differences, update};
    use super::*;
    use rprov_modules::argument::Arguments as _;

    fn decode(mut json: Json) -> Arguments {
        json["name"] = "c".into();
        Arguments::decode(Value::from_json(&json).as_map().unwrap()).unwrap()
    }

    /// The options in which `container` differs from what the options ask for.
    fn differing(options: Json, container: Json, image: Json) -> Vec<&'static str> {
        let arguments = decode(options);
        let comparisons = Comparisons::new(&arguments).unwrap();
        let surroundings = Surroundings { image: Some(&image), ..Surroundings::default() };
        let properties = properties(&arguments, &comparisons, surroundings).unwrap();
        differences(&properties, &comparisons, &container).iter().map(|difference| difference.option).collect()
    }

    #[test]
    fn what_was_not_given_is_not_compared() {
        let container = json!({"Config": {"Env": ["A=1"], "User": "x"}, "HostConfig": {"Privileged": true}});
        assert_eq!(differing(json!({}), container, json!({})), Vec::<&str>::new());
    }

    #[test]
    fn each_option_is_compared_with_its_own_place() {
        let container = json!({
            "Config": {"Cmd": ["sh", "-c", "x"], "Env": ["A=1", "PATH=/bin"], "Labels": {"a": "b"}, "Hostname": "h",
                "ExposedPorts": {"80/tcp": {}}, "Healthcheck": {"Test": ["CMD-SHELL", "true"], "Interval": 1000000000}},
            "HostConfig": {
                "PortBindings": {"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]},
                "Binds": ["/a:/b"], "CapAdd": ["CAP_NET_ADMIN"], "RestartPolicy": {"Name": "always", "MaximumRetryCount": 0},
                "Memory": 67108864, "NanoCpus": 500000000, "Links": ["/db:/c/database"], "PidsLimit": null,
                "Ulimits": [{"Name": "nofile", "Soft": 10, "Hard": 20}], "NetworkMode": "default", "Tmpfs": {"/t": "size=1m"},
                "Devices": [{"PathOnHost": "/dev/null", "PathInContainer": "/dev/null", "CgroupPermissions": "rwm"}],
            },
        });
        let agrees = json!({
            "command": "sh -c x", "env": {"A": "1"}, "labels": {"a": "b"}, "hostname": "h", "ports": ["8080:80"],
            "volumes": ["/a:/b"], "capabilities": ["net_admin"], "restart_policy": "always", "memory": "64M", "cpus": 0.5,
            "links": ["db:database"], "pids_limit": -1, "ulimits": ["nofile:10:20"], "network_mode": "bridge",
            "tmpfs": ["/t:size=1m"], "devices": ["/dev/null"], "healthcheck": {"test": "true", "interval": "1s"},
            "init": false, "stop_timeout": 99,
        });
        assert_eq!(differing(agrees.clone(), container.clone(), json!({})), Vec::<&str>::new());
        for (option, other) in [
            ("command", json!(["sh", "-c", "y"])),
            ("env", json!({"A": "2"})),
            ("labels", json!({"a": "c"})),
            ("hostname", json!("i")),
            ("volumes", json!(["/a:/b:ro"])),
            ("capabilities", json!(["SYS_ADMIN"])),
            ("restart_policy", json!("no")),
            ("memory", json!("128M")),
            ("cpus", json!(1)),
            ("links", json!(["db"])),
            ("pids_limit", json!(5)),
            ("ulimits", json!(["nofile:10"])),
            ("network_mode", json!("host")),
            ("tmpfs", json!(["/t"])),
            ("devices", json!(["/dev/zero"])),
            ("healthcheck", json!({"test": "false"})),
            ("init", json!(true)),
        ] {
            let mut options = agrees.clone();
            options[option] = other;
            assert_eq!(differing(options, container.clone(), json!({})), [option]);
        }
        let mut options = agrees;
        options["ports"] = json!(["8081:80"]);
        assert_eq!(differing(options, container, json!({})), ["published_ports"]);
    }

    #[test]
    fn strict_comparison_counts_what_the_image_brings_along() {
        let container = json!({"Config": {"Env": ["A=1", "PATH=/bin"], "Labels": {"a": "b", "image": "x"}}});
        let image = json!({"Config": {"Env": ["PATH=/bin"], "Labels": {"image": "x"}}});
        let strict = |env: Json| json!({"env": env, "labels": {"a": "b"}, "comparisons": {"*": "strict"}});
        assert_eq!(differing(strict(json!({"A": "1"})), container.clone(), image.clone()), Vec::<&str>::new());
        assert_eq!(differing(strict(json!({})), container.clone(), image.clone()), ["env"]);
        let ignore = json!({"env": {"A": "2"}, "comparisons": {"env": "ignore"}});
        assert_eq!(differing(ignore, container, image), Vec::<&str>::new());
    }

    #[test]
    fn creation_and_update_put_values_in_their_places() {
        let arguments = decode(json!({
            "hostname": "h", "memory": "64M", "restart_policy": "on-failure", "restart_retries": 3, "log_driver": "journald",
            "log_options": {"tag": "x"}, "entrypoint": [], "volumes": ["/d", "/a:/b"],
        }));
        let comparisons = Comparisons::default();
        let properties = properties(&arguments, &comparisons, Surroundings::default()).unwrap();
        let body = creation(&properties, "i");
        assert_eq!(body["Hostname"], "h");
        assert_eq!(body["Entrypoint"], json!([""]));
        assert_eq!(body["Volumes"], json!({"/d": {}}));
        assert_eq!(body["HostConfig"]["RestartPolicy"], json!({"Name": "on-failure", "MaximumRetryCount": 3}));
        assert_eq!(body["HostConfig"]["LogConfig"], json!({"Type": "journald", "Config": {"tag": "x"}}));
        let container = json!({"HostConfig": {"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 1}}});
        let changed: Vec<Difference> = differences(&properties, &comparisons, &container)
            .into_iter()
            .filter(|difference| difference.option == "restart_retries")
            .collect();
        assert_eq!(
            update(&properties, &changed),
            json!({"RestartPolicy": {"Name": "on-failure", "MaximumRetryCount": 3}})
        );
    }

    #[test]
    fn values_that_yaml_would_guess_at_are_refused() {
        let arguments = decode(json!({"env": {"A": true}}));
        let failure = properties(&arguments, &Comparisons::default(), Surroundings::default()).unwrap_err();
        assert!(failure.message.contains("must be wrapped in quotes"), "{failure}");
    }
}
