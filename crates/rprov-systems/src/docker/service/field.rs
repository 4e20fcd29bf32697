//! What a service is made of: the names under which the module returns it, and where the Engine has it.

use indexmap::IndexMap;
use serde_json::{Map as JsonMap, Value as Json, json};

use crate::docker::compare::{Comparison, Shape, agrees};
use crate::docker::container::property::place;

/// The fields of a service, by name.
pub type Fields = IndexMap<&'static str, Json>;

/// From the Engine's form to the module's, or the other way.
type Conversion = fn(&Json) -> Json;

struct Field {
    name: &'static str,
    /// Where it stands in the service's specification.
    pointer: &'static str,
    shape: Shape,
    read: Conversion,
    write: Conversion,
}

const fn plain(name: &'static str, pointer: &'static str, shape: Shape) -> Field {
    Field { name, pointer, shape, read: Json::clone, write: Json::clone }
}

const fn converted(
    name: &'static str,
    pointer: &'static str,
    shape: Shape,
    read: Conversion,
    write: Conversion,
) -> Field {
    Field { name, pointer, shape, read, write }
}

use Shape::{List, Map, Records, Set, Value};

/// All fields but mode and replicas, which stand in one place.
const FIELDS: &[Field] = &[
    plain("args", "/TaskTemplate/ContainerSpec/Args", List),
    plain("cap_add", "/TaskTemplate/ContainerSpec/CapabilityAdd", Set),
    plain("cap_drop", "/TaskTemplate/ContainerSpec/CapabilityDrop", Set),
    plain("command", "/TaskTemplate/ContainerSpec/Command", List),
    converted("configs", "/TaskTemplate/ContainerSpec/Configs", Records, read_configs, write_configs),
    plain("constraints", "/TaskTemplate/Placement/Constraints", Set),
    plain("container_labels", "/TaskTemplate/ContainerSpec/Labels", Map),
    plain("sysctls", "/TaskTemplate/ContainerSpec/Sysctls", Map),
    plain("dns", "/TaskTemplate/ContainerSpec/DNSConfig/Nameservers", List),
    plain("dns_options", "/TaskTemplate/ContainerSpec/DNSConfig/Options", List),
    plain("dns_search", "/TaskTemplate/ContainerSpec/DNSConfig/Search", List),
    plain("endpoint_mode", "/EndpointSpec/Mode", Value),
    plain("env", "/TaskTemplate/ContainerSpec/Env", Set),
    plain("force_update", "/TaskTemplate/ForceUpdate", Value),
    plain("groups", "/TaskTemplate/ContainerSpec/Groups", Set),
    converted("healthcheck", "/TaskTemplate/ContainerSpec/Healthcheck", Map, read_health, write_health),
    plain("hostname", "/TaskTemplate/ContainerSpec/Hostname", Value),
    converted("hosts", "/TaskTemplate/ContainerSpec/Hosts", Map, read_hosts, write_hosts),
    plain("image", "/TaskTemplate/ContainerSpec/Image", Value),
    plain("init", "/TaskTemplate/ContainerSpec/Init", Value),
    plain("labels", "/Labels", Map),
    converted("limit_cpu", "/TaskTemplate/Resources/Limits/NanoCPUs", Value, read_cpus, write_cpus),
    plain("limit_memory", "/TaskTemplate/Resources/Limits/MemoryBytes", Value),
    plain("log_driver", "/TaskTemplate/LogDriver/Name", Value),
    plain("log_driver_options", "/TaskTemplate/LogDriver/Options", Map),
    converted("mounts", "/TaskTemplate/ContainerSpec/Mounts", Records, read_mounts, write_mounts),
    converted("networks", "/TaskTemplate/Networks", Records, read_networks, write_networks),
    converted("placement_preferences", "/TaskTemplate/Placement/Preferences", List, read_spreads, write_spreads),
    converted("publish", "/EndpointSpec/Ports", Records, read_ports, write_ports),
    plain("read_only", "/TaskTemplate/ContainerSpec/ReadOnly", Value),
    plain("replicas_max_per_node", "/TaskTemplate/Placement/MaxReplicas", Value),
    converted("reserve_cpu", "/TaskTemplate/Resources/Reservations/NanoCPUs", Value, read_cpus, write_cpus),
    plain("reserve_memory", "/TaskTemplate/Resources/Reservations/MemoryBytes", Value),
    plain("restart_policy", "/TaskTemplate/RestartPolicy/Condition", Value),
    plain("restart_policy_attempts", "/TaskTemplate/RestartPolicy/MaxAttempts", Value),
    plain("restart_policy_delay", "/TaskTemplate/RestartPolicy/Delay", Value),
    plain("restart_policy_window", "/TaskTemplate/RestartPolicy/Window", Value),
    plain("rollback_delay", "/RollbackConfig/Delay", Value),
    plain("rollback_failure_action", "/RollbackConfig/FailureAction", Value),
    plain("rollback_max_failure_ratio", "/RollbackConfig/MaxFailureRatio", Value),
    plain("rollback_monitor", "/RollbackConfig/Monitor", Value),
    plain("rollback_order", "/RollbackConfig/Order", Value),
    plain("rollback_parallelism", "/RollbackConfig/Parallelism", Value),
    converted("secrets", "/TaskTemplate/ContainerSpec/Secrets", Records, read_secrets, write_secrets),
    plain("stop_grace_period", "/TaskTemplate/ContainerSpec/StopGracePeriod", Value),
    plain("stop_signal", "/TaskTemplate/ContainerSpec/StopSignal", Value),
    plain("tty", "/TaskTemplate/ContainerSpec/TTY", Value),
    plain("update_delay", "/UpdateConfig/Delay", Value),
    plain("update_failure_action", "/UpdateConfig/FailureAction", Value),
    plain("update_max_failure_ratio", "/UpdateConfig/MaxFailureRatio", Value),
    plain("update_monitor", "/UpdateConfig/Monitor", Value),
    plain("update_order", "/UpdateConfig/Order", Value),
    plain("update_parallelism", "/UpdateConfig/Parallelism", Value),
    plain("user", "/TaskTemplate/ContainerSpec/User", Value),
    plain("working_dir", "/TaskTemplate/ContainerSpec/Dir", Value),
];

/// The fields of a service that the Engine describes.
pub fn read(service: &Json) -> Fields {
    let empty = json!({});
    let spec = service.get("Spec").unwrap_or(&empty);
    let mut fields: Fields = FIELDS
        .iter()
        .map(|field| {
            let value = spec.pointer(field.pointer).filter(|value| !value.is_null());
            (field.name, value.map_or(Json::Null, field.read))
        })
        .collect();
    let mode = spec.get("Mode").unwrap_or(&empty);
    let (word, replicas) = if mode.get("Global").is_some() {
        ("global", None)
    } else if let Some(job) = mode.get("ReplicatedJob") {
        ("replicated-job", job.get("TotalCompletions"))
    } else if mode.get("GlobalJob").is_some() {
        ("global-job", None)
    } else {
        ("replicated", mode.pointer("/Replicated/Replicas"))
    };
    fields.insert("mode", word.into());
    fields.insert("replicas", replicas.cloned().unwrap_or(Json::Null));
    let test = fields.get("healthcheck").and_then(|check| check.get("test"));
    let disabled = test == Some(&json!(["NONE"]));
    fields.insert("healthcheck_disabled", disabled.into());
    fields.sort_keys();
    fields
}

/// The names of fields in which a service is not as it is wanted; those that are not wanted at all do not count.
pub fn differences(wanted: &Fields, current: &Fields) -> Vec<&'static str> {
    let mut names = Vec::new();
    for (name, value) in wanted {
        let found = current.get(name).unwrap_or(&Json::Null);
        let shape = FIELDS.iter().find(|field| field.name == *name).map_or(Value, |field| field.shape);
        let same = match *name {
            "image" => same_image(value, found),
            _ => agrees(shape, Comparison::Strict, value, found),
        };
        if !same {
            names.push(*name);
        }
    }
    names
}

/// Where no digest is wanted, the one that the service's image has does not count.
fn same_image(wanted: &Json, current: &Json) -> bool {
    let (wanted, current) = (wanted.as_str().unwrap_or_default(), current.as_str().unwrap_or_default());
    let current = if wanted.contains('@') { current } else { current.split('@').next().unwrap_or_default() };
    wanted == current
}

/// The specification of a service with these fields; `replicas` is a number where there is one to have.
pub fn specification(name: &str, fields: &Fields) -> Json {
    let mut spec = json!({"Name": name, "TaskTemplate": {"ContainerSpec": {}}});
    for field in FIELDS {
        if let Some(value) = fields.get(field.name).filter(|value| !value.is_null()) {
            place(&mut spec, field.pointer, (field.write)(value));
        }
    }
    // Without a number, none would mean all at once.
    for section in ["UpdateConfig", "RollbackConfig"] {
        if let Some(section) = spec.get_mut(section).and_then(Json::as_object_mut) {
            section.entry("Parallelism").or_insert_with(|| json!(1));
        }
    }
    let replicas = fields.get("replicas").and_then(Json::as_i64).unwrap_or(1);
    spec["Mode"] = match fields.get("mode").and_then(Json::as_str) {
        Some("global") => json!({"Global": {}}),
        Some("replicated-job") => {
            json!({"ReplicatedJob": {"MaxConcurrent": replicas, "TotalCompletions": replicas}})
        }
        _ => json!({"Replicated": {"Replicas": replicas}}),
    };
    spec
}

/// Turn each record of a list into another form: fields by their names here and there, as JSON pointers.
fn records(list: &Json, names: &[(&str, &str)], keep_empty: bool) -> Json {
    let record = |item: &Json| {
        let mut made = json!({});
        for (from, to) in names {
            let value = item.pointer(from).filter(|value| !value.is_null());
            if value.is_some() || keep_empty {
                place(&mut made, to, value.cloned().unwrap_or(Json::Null));
            }
        }
        made
    };
    list.as_array().into_iter().flatten().map(record).collect()
}

/// The same pairs, the other way round.
fn back(names: &[(&'static str, &'static str)]) -> Vec<(&'static str, &'static str)> {
    names.iter().map(|(engine, ours)| (*ours, *engine)).collect()
}

macro_rules! record_fields {
    ($names:ident, $read:ident, $write:ident: $($engine:literal $ours:literal),+ $(,)?) => {
        const $names: &[(&str, &str)] = &[$(($engine, $ours)),+];

        fn $read(list: &Json) -> Json {
            records(list, $names, true)
        }

        fn $write(list: &Json) -> Json {
            records(list, &back($names), false)
        }
    };
}

record_fields!(CONFIGS, read_configs, write_configs:
    "/ConfigID" "/config_id", "/ConfigName" "/config_name", "/File/Name" "/filename", "/File/UID" "/uid",
    "/File/GID" "/gid", "/File/Mode" "/mode");
record_fields!(SECRETS, read_secrets, write_secrets:
    "/SecretID" "/secret_id", "/SecretName" "/secret_name", "/File/Name" "/filename", "/File/UID" "/uid",
    "/File/GID" "/gid", "/File/Mode" "/mode");
record_fields!(MOUNTS, read_mount_fields, write_mounts:
    "/Type" "/type", "/Source" "/source", "/Target" "/target", "/ReadOnly" "/readonly",
    "/BindOptions/Propagation" "/propagation", "/VolumeOptions/NoCopy" "/no_copy", "/VolumeOptions/Labels" "/labels",
    "/VolumeOptions/DriverConfig/Name" "/driver_config/name",
    "/VolumeOptions/DriverConfig/Options" "/driver_config/options",
    "/TmpfsOptions/SizeBytes" "/tmpfs_size", "/TmpfsOptions/Mode" "/tmpfs_mode");
record_fields!(NETWORKS, read_networks, write_networks:
    "/Target" "/id", "/Aliases" "/aliases", "/DriverOpts" "/options");
record_fields!(PORTS, read_ports, write_ports:
    "/PublishedPort" "/published_port", "/TargetPort" "/target_port", "/Protocol" "/protocol",
    "/PublishMode" "/mode");

fn read_mounts(list: &Json) -> Json {
    let mut mounts = read_mount_fields(list);
    for mount in mounts.as_array_mut().into_iter().flatten() {
        if mount.pointer("/driver_config/name") == Some(&Json::Null) {
            mount["driver_config"] = Json::Null;
        }
    }
    mounts
}

fn read_spreads(list: &Json) -> Json {
    records(list, &[("/Spread/SpreadDescriptor", "/spread")], true)
}

fn write_spreads(list: &Json) -> Json {
    records(list, &[("/spread", "/Spread/SpreadDescriptor")], false)
}

const HEALTH: &[(&str, &str)] = &[
    ("Test", "test"),
    ("Interval", "interval"),
    ("Timeout", "timeout"),
    ("StartPeriod", "start_period"),
    ("Retries", "retries"),
];

fn read_health(check: &Json) -> Json {
    let names = HEALTH.iter().filter_map(|(engine, ours)| Some(((*ours).to_owned(), check.get(*engine)?.clone())));
    Json::Object(names.collect())
}

fn write_health(check: &Json) -> Json {
    let names = HEALTH.iter().filter_map(|(engine, ours)| Some(((*engine).to_owned(), check.get(*ours)?.clone())));
    Json::Object(names.collect())
}

fn read_hosts(list: &Json) -> Json {
    let mut hosts = JsonMap::new();
    for line in list.as_array().into_iter().flatten().filter_map(Json::as_str) {
        let mut words = line.split_whitespace();
        let Some(address) = words.next() else { continue };
        hosts.extend(words.map(|name| (name.to_owned(), address.into())));
    }
    Json::Object(hosts)
}

fn write_hosts(hosts: &Json) -> Json {
    let line = |(name, address): (&String, &Json)| json!(format!("{} {name}", address.as_str().unwrap_or_default()));
    hosts.as_object().into_iter().flatten().map(line).collect()
}

fn read_cpus(nanos: &Json) -> Json {
    nanos.as_f64().map_or(Json::Null, |nanos| json!(nanos / 1e9))
}

fn write_cpus(cpus: &Json) -> Json {
    cpus.as_f64().map_or(Json::Null, |cpus| json!((cpus * 1e9).round() as i64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let fields: Fields = [
            ("image", json!("i:1")),
            ("args", json!(["a"])),
            ("limit_cpu", json!(0.5)),
            ("hosts", json!({"h": "10.0.0.1"})),
            ("healthcheck", json!({"test": ["CMD", "x"], "interval": 5})),
            ("mounts", json!([{"type": "tmpfs", "target": "/t", "tmpfs_size": 7}])),
            ("publish", json!([{"target_port": 80, "published_port": 8080, "protocol": "tcp"}])),
            ("secrets", json!([{"secret_id": "i", "secret_name": "s", "filename": "f", "mode": 292}])),
            ("placement_preferences", json!([{"spread": "node.labels.x"}])),
            ("update_delay", json!(5)),
            ("mode", json!("replicated")),
            ("replicas", json!(3)),
        ]
        .into_iter()
        .collect();
        let spec = specification("s", &fields);
        assert_eq!(spec["UpdateConfig"], json!({"Delay": 5, "Parallelism": 1}));
        assert_eq!(spec["TaskTemplate"]["ContainerSpec"]["Hosts"], json!(["10.0.0.1 h"]));
        assert_eq!(spec["TaskTemplate"]["Resources"]["Limits"]["NanoCPUs"], 500_000_000);
        let read = read(&json!({"Spec": spec}));
        assert_eq!(differences(&fields, &read), Vec::<&str>::new(), "{read:?}");
        assert_eq!(read["healthcheck_disabled"], false);
        assert_eq!(read["user"], Json::Null);
    }

    #[test]
    fn only_what_is_wanted_counts_and_a_digest_only_where_one_is_named() {
        let service = |image: &str| {
            read(&json!({"Spec": {"Labels": {"a": "1"}, "TaskTemplate": {"ContainerSpec": {"Image": image}}}}))
        };
        let wanted = |name, value| Fields::from([(name, value)]);
        assert!(differences(&wanted("image", json!("i:1")), &service("i:1@sha256:ab")).is_empty());
        assert_eq!(differences(&wanted("image", json!("i:1@sha256:cd")), &service("i:1@sha256:ab")), ["image"]);
        assert_eq!(differences(&wanted("image", json!("i:2")), &service("i:1@sha256:ab")), ["image"]);
        assert_eq!(differences(&wanted("labels", json!({})), &service("i:1")), ["labels"]);
    }
}
