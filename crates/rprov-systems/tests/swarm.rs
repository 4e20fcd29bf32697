//! The modules for Docker swarms, on real Engines of their own. They need root, `dockerd` and `busybox-static`.
//!
//! Each test has a network of its own, in which nodes are addresses of its loopback.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod engines;

use std::time::{Duration, Instant};

use calls::{apply, changes, converges, refused, run, settled};
use engines::{IMAGE, Throwaway};
use serde_json::{Value as Json, json};

/// An Engine that is the only manager of a swarm.
fn manager(address: &str) -> Throwaway {
    let engine = Throwaway::start();
    apply("docker_swarm", &engine.of(json!({"advertise_addr": address, "listen_addr": format!("{address}:2377")})));
    engine
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let patience = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < patience, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_swarm_is_made_changed_joined_and_left() {
    let first = Throwaway::start();
    let second = first.beside();
    let failure = run("docker_swarm_info", &first.options(), false).unwrap_err();
    assert!(failure.message.contains("it is part of no swarm"), "{failure}");
    let told = |name: &str| failure.values[name].to_json();
    assert_eq!(
        (told("can_talk_to_docker"), told("docker_swarm_active"), told("docker_swarm_manager")),
        (json!(true), json!(false), json!(false))
    );
    settled("docker_swarm", &first.of(json!({"state": "absent"})));

    let made = json!({
        "advertise_addr": "127.71.1.1", "listen_addr": "127.71.1.1:2377", "election_tick": 7, "heartbeat_tick": 2,
        "labels": {"a": "b"}, "default_addr_pool": ["10.71.0.0/16"], "subnet_size": 26, "autolock_managers": true,
    });
    let swarm = converges("docker_swarm", &first.of(made));
    let facts = swarm["swarm_facts"].clone();
    assert!(facts["JoinTokens"]["Worker"].as_str().unwrap().starts_with("SWMTKN-"), "{swarm}");
    assert!(facts["UnlockKey"].as_str().unwrap().starts_with("SWMKEY-"), "{swarm}");
    assert!(swarm["actions"][0].as_str().unwrap().starts_with("New Swarm cluster created: "), "{swarm}");
    assert_eq!((&facts["Spec"]["Raft"]["ElectionTick"], &facts["SubnetSize"]), (&json!(7), &json!(26)));
    let info = apply("docker_swarm_info", &first.of(json!({"unlock_key": true})));
    assert_eq!((&info["swarm_unlock_key"], &info["docker_swarm_manager"]), (&facts["UnlockKey"], &json!(true)));

    for (option, value, place) in [
        ("snapshot_interval", json!(9000), "/Raft/SnapshotInterval"),
        ("keep_old_snapshots", json!(2), "/Raft/KeepOldSnapshots"),
        ("log_entries_for_slow_followers", json!(400), "/Raft/LogEntriesForSlowFollowers"),
        ("task_history_retention_limit", json!(3), "/Orchestration/TaskHistoryRetentionLimit"),
        ("dispatcher_heartbeat_period", json!(6_000_000_000_i64), "/Dispatcher/HeartbeatPeriod"),
        ("node_cert_expiry", json!(7_000_000_000_000_000_i64), "/CAConfig/NodeCertExpiry"),
        ("labels", json!({"c": "d"}), "/Labels"),
        ("autolock_managers", json!(false), "/EncryptionConfig/AutoLockManagers"),
    ] {
        let changed = converges("docker_swarm", &first.of(json!({option: value})));
        let spec = &changed["swarm_facts"]["Spec"];
        assert!(spec.pointer(place) == Some(&value) || value == false, "{option}: {spec}");
        assert_eq!(changed["diff"]["after"], json!({option: value}));
        assert_eq!(changed["actions"], json!(["Swarm cluster updated"]));
        assert_eq!(spec["Raft"]["ElectionTick"], 7, "the rest stays: {spec}");
    }
    let rotated = changes("docker_swarm", &first.of(json!({"rotate_worker_token": true})));
    let tokens = &rotated["swarm_facts"]["JoinTokens"];
    assert_ne!(tokens["Worker"], facts["JoinTokens"]["Worker"]);
    assert_eq!(tokens["Manager"], facts["JoinTokens"]["Manager"]);

    let join = |token: &Json| {
        second.of(json!({
            "state": "join", "advertise_addr": "127.71.1.2", "listen_addr": "127.71.1.2:2377",
            "remote_addrs": ["127.71.1.1:2377"], "join_token": token,
        }))
    };
    let message = refused("docker_swarm", &join(&facts["JoinTokens"]["Worker"]));
    assert!(message.contains("take the token from docker_swarm_info"), "{message}");
    let joined = converges("docker_swarm", &join(&tokens["Worker"]));
    assert_eq!(joined["actions"], json!(["New node is added to swarm cluster"]));
    let message = refused("docker_node_info", &second.options());
    assert!(message.contains("it is a worker; run this on a manager (127.71.1.1:2377)"), "{message}");

    let nodes = apply("docker_node_info", &first.options())["nodes"].as_array().unwrap().clone();
    let own = apply("docker_node_info", &first.of(json!({"self": true})))["nodes"][0]["ID"].clone();
    let other = nodes.iter().find(|node| node["ID"] != own).unwrap()["ID"].clone();
    assert_eq!(nodes.len(), 2);
    let named = apply("docker_node_info", &first.of(json!({"name": [other, "rprovtest-none"]})));
    assert_eq!((named["nodes"].as_array().unwrap().len(), &named["nodes"][0]["ID"]), (1, &other));

    // Both nodes are this machine, and so have its name.
    let name = nodes[0]["Description"]["Hostname"].clone();
    let message = refused("docker_node", &first.of(json!({"hostname": name, "role": "manager"})));
    assert!(message.contains("name the node by its ID"), "{message}");
    let message = refused("docker_node", &first.of(json!({"hostname": "rprovtest-none", "role": "manager"})));
    assert!(message.contains("there is no node `rprovtest-none`"), "{message}");
    let node = |more: Json| calls::with(&first.of(json!({"hostname": other})), more);
    let changed = converges("docker_node", &node(json!({"labels": {"rack": 3, "x": "y"}, "availability": "drain"})));
    assert_eq!(
        (&changed["node"]["Spec"]["Labels"], &changed["node"]["Spec"]["Availability"]),
        (&json!({"rack": "3", "x": "y"}), &json!("drain"))
    );
    let changed = converges("docker_node", &node(json!({"labels_to_remove": ["x", "z"], "availability": "active"})));
    assert_eq!(changed["node"]["Spec"]["Labels"], json!({"rack": "3"}));
    converges("docker_node", &node(json!({"labels_state": "replace"})));
    converges("docker_node", &node(json!({"role": "manager"})));
    eventually("the second node does not become a manager", || {
        run("docker_node_info", &second.options(), false).is_ok()
    });
    converges("docker_node", &node(json!({"role": "worker"})));
    eventually("the second node does not become a worker", || {
        run("docker_node_info", &second.options(), false).is_err()
    });

    let list = apply("docker_swarm_info", &first.of(json!({"nodes": true, "services": true, "tasks": true})));
    let brief = list["nodes"].as_array().unwrap().iter().find(|node| node["ID"] == own).unwrap();
    assert_eq!((&brief["ManagerStatus"], &brief["Availability"]), (&json!("Leader"), &json!("active")));
    assert_eq!((&list["services"], &list["tasks"]), (&json!([]), &json!([])));

    let left = converges("docker_swarm", &second.of(json!({"state": "absent"})));
    assert_eq!(left["actions"], json!(["Node has left the swarm cluster"]));
    converges("docker_swarm", &first.of(json!({"state": "remove", "node_id": other})));
    let message = refused("docker_swarm", &first.of(json!({"state": "absent"})));
    assert!(message.contains("set force: true"), "{message}");
    converges("docker_swarm", &first.of(json!({"state": "absent", "force": true})));
    let message = refused("docker_swarm", &first.of(json!({"state": "remove", "node_id": other})));
    assert!(message.contains("it is part of no swarm"), "{message}");
}

/// A certificate authority of the test's own: its certificate and its key, as PEM text.
fn authority(directory: &std::path::Path) -> (String, String) {
    let path = |name: &str| directory.join(name).display().to_string();
    let output = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "3650"])
        .args(["-subj", "/CN=rprovtest", "-keyout", &path("key"), "-out", &path("certificate")])
        .output()
        .unwrap_or_else(|error| panic!("this test needs openssl: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let read = |name: &str| std::fs::read_to_string(path(name)).unwrap();
    (read("certificate"), read("key"))
}

#[test]
fn a_swarm_gets_another_authority_and_is_made_anew_from_one_manager() {
    let engine = manager("127.71.7.1");
    let directory = tempfile::tempdir().unwrap();
    let (certificate, key) = authority(directory.path());
    let signed = engine.of(json!({"signing_ca_cert": certificate, "signing_ca_key": key}));
    let changed = changes("docker_swarm", &signed);
    assert!(!changed.to_string().contains("PRIVATE KEY"), "{changed}");
    let root = || {
        let facts = apply("docker_swarm_info", &engine.options())["swarm_facts"].clone();
        facts["TLSInfo"]["TrustRoot"].as_str().unwrap().trim() == certificate.trim()
    };
    eventually("the swarm does not take the certificate", root);
    settled("docker_swarm", &signed);
    converges("docker_swarm", &engine.of(json!({"ca_force_rotate": 3})));
    eventually("the swarm does not make a certificate of its own", || !root());

    let forced = engine.of(json!({"force": true, "advertise_addr": "127.71.7.1", "listen_addr": "127.71.7.1:2377"}));
    let anew = changes("docker_swarm", &forced);
    assert!(anew["actions"][0].as_str().unwrap().starts_with("New Swarm cluster created"), "{anew}");
}

#[test]
fn secrets_and_configs_are_held_replaced_and_versioned() {
    let engine = manager("127.71.2.1");
    let directory = tempfile::tempdir().unwrap();
    for kind in ["secret", "config"] {
        let module = format!("docker_{kind}");
        let call = |more: Json| calls::with(&engine.of(json!({"name": "rprovtest"})), more);
        let held = converges(&module, &call(json!({"data": "one", "labels": {"a": "b", "n": 1}})));
        let id = held[format!("{kind}_id")].clone();
        assert_eq!(held[format!("{kind}_name")], "rprovtest");
        let found = engine.engine().get(&format!("/{kind}s/{}", id.as_str().unwrap()), &[]).unwrap();
        assert_eq!(found["Spec"]["Labels"]["n"], "1");
        // The checksum by which Ansible's own modules know data that has not changed.
        assert_eq!(
            found["Spec"]["Labels"]["ansible_key"],
            rprov_modules::checksum::Algorithm::Sha224.of_bytes(b"one"),
            "{found}"
        );
        settled(&module, &call(json!({"data": "b25l\n", "data_is_b64": true})));
        let file = directory.path().join("data");
        std::fs::write(&file, "one").unwrap();
        settled(&module, &call(json!({"data_src": file, "labels": {"a": "b"}})));
        let other = converges(&module, &call(json!({"data": "two", "labels": {"a": "b"}})));
        assert_ne!(other[format!("{kind}_id")], id);
        converges(&module, &call(json!({"data": "two", "labels": {"a": "c"}})));
        assert_eq!(apply(&module, &call(json!({"data": "two", "force": true})))["changed"], true);
        let message = refused(&module, &call(json!({"data": "%", "data_is_b64": true})));
        assert!(message.contains("no Base64"), "{message}");

        // A service keeps what it uses from being replaced.
        let image = format!("{kind}s");
        let using = json!({"name": "rprovtest-using", "image": IMAGE, "command": "sleep 300", "replicas": 0,
            image: [{format!("{kind}_name"): "rprovtest"}]});
        apply("docker_swarm_service", &engine.of(using));
        let message = refused(&module, &call(json!({"data": "three"})));
        assert!(message.contains("set rolling_versions: true"), "{message}");
        apply("docker_swarm_service", &engine.of(json!({"name": "rprovtest-using", "state": "absent"})));
        converges(&module, &call(json!({"state": "absent"})));

        // Another name that starts alike is nobody's version.
        apply(&module, &engine.of(json!({"name": "rprovtest_v", "data": "x"})));
        let rolling = |data: &str| call(json!({"data": data, "rolling_versions": true, "versions_to_keep": 2}));
        for (data, name) in [("1", "rprovtest_v1"), ("2", "rprovtest_v2"), ("3", "rprovtest_v3")] {
            assert_eq!(converges(&module, &rolling(data))[format!("{kind}_name")], name);
        }
        let list = engine.engine().get(&format!("/{kind}s"), &[]).unwrap();
        let mut names: Vec<&str> =
            list.as_array().unwrap().iter().map(|item| item["Spec"]["Name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["rprovtest_v", "rprovtest_v2", "rprovtest_v3"]);
        converges(&module, &call(json!({"state": "absent", "rolling_versions": true})));

        // What somebody else made has no checksum.
        let body = json!({"Name": "rprovtest", "Labels": {}, "Data": "YQ=="});
        engine.engine().post(&format!("/{kind}s/create"), &[], Some(&body)).unwrap();
        let unknown = apply(&module, &call(json!({"data": "b"})));
        assert_eq!(unknown["changed"], false);
        assert!(unknown["warnings"][0].as_str().unwrap().contains("no label `ansible_key`"), "{unknown}");
        converges(&module, &call(json!({"state": "absent"})));
    }
    converges(
        "docker_config",
        &engine.of(json!({"name": "t", "data": "{{ .Node.Hostname }}", "template_driver": "golang"})),
    );
}

#[test]
fn services_are_made_changed_and_rebuilt() {
    let engine = manager("127.71.3.1");
    engines::import(&engine.engine());
    for (module, name) in [("docker_secret", "sec"), ("docker_config", "conf")] {
        apply(module, &engine.of(json!({"name": name, "data": "x"})));
    }
    let base = json!({"name": "rprovtest", "image": IMAGE, "command": "sleep", "args": ["300"], "stop_signal": "KILL"});
    let service = |more: Json| calls::with(&engine.of(base.clone()), more);
    let made = converges("docker_swarm_service", &service(json!({})));
    assert_eq!((&made["msg"], &made["changes"]), (&json!("Service created"), &json!([])));
    let facts = &made["swarm_service"];
    assert_eq!(
        (&facts["command"], &facts["args"], &facts["replicas"], &facts["mode"], &facts["user"]),
        (&json!(["sleep"]), &json!(["300"]), &json!(1), &json!("replicated"), &Json::Null)
    );
    let running = || {
        let list = apply("docker_swarm_info", &engine.of(json!({"tasks": true})));
        list["tasks"].as_array().unwrap().iter().filter(|task| task["CurrentState"] == "running").count()
    };
    eventually("the service does not run", || running() == 1);
    let info = apply("docker_swarm_service_info", &engine.of(json!({"name": "rprovtest"})));
    assert_eq!((&info["exists"], &info["service"]["Spec"]["Name"]), (&json!(true), &json!("rprovtest")));
    let gone = apply("docker_swarm_service_info", &engine.of(json!({"name": "rprovtest-none"})));
    assert_eq!((&gone["exists"], &gone["service"]), (&json!(false), &Json::Null));

    let all = json!({
        "args": ["301"], "cap_add": ["net_admin"], "cap_drop": ["ALL"], "container_labels": {"a": "b"}, "dns": ["10.0.0.1"],
        "dns_options": ["timeout:3"], "dns_search": ["example.org"], "endpoint_mode": "dnsrr", "env": {"A": "1", "B": "two words"},
        "groups": ["7"], "hostname": "h", "hosts": {"other": "10.0.0.2"}, "init": true, "labels": {"c": "d"},
        "healthcheck": {"test": "true", "interval": "1m", "timeout": "5s", "retries": 2, "start_period": "1s"},
        "limits": {"cpus": 0.5, "memory": "64M"}, "reservations": {"cpus": 0.1, "memory": "8M"},
        "logging": {"driver": "json-file", "options": {"max-size": "1m"}},
        "mounts": [
            {"type": "tmpfs", "target": "/t", "tmpfs_size": "1M", "tmpfs_mode": 0o1777},
            {"source": "/tmp", "target": "/host", "readonly": true, "propagation": "rprivate"},
            {"type": "volume", "source": "rprovtest-v", "target": "/v", "labels": {"x": "y"}, "no_copy": true},
        ],
        "placement": {"constraints": ["node.role == manager"], "preferences": [{"spread": "node.labels.rack"}], "replicas_max_per_node": 4},
        "publish": [{"target_port": 80, "published_port": 18471, "mode": "host"}],
        "read_only": true, "replicas": 0, "restart_config": {"condition": "on-failure", "delay": "3s", "max_attempts": 4, "window": "1m"},
        "rollback_config": {"parallelism": 2, "delay": "1s", "failure_action": "pause", "monitor": "2s", "max_failure_ratio": 0.25, "order": "start-first"},
        "update_config": {"parallelism": 3, "delay": "1s", "failure_action": "rollback", "monitor": "2s", "max_failure_ratio": 0.5, "order": "start-first"},
        "secrets": [{"secret_name": "sec", "filename": "here", "mode": 0o400, "uid": "5"}], "configs": [{"config_name": "conf"}],
        "stop_grace_period": "20s", "sysctls": {"net.ipv4.ip_default_ttl": "60"}, "tty": true, "user": "5", "working_dir": "/bin",
    });
    let changed = converges("docker_swarm_service", &service(all.clone()));
    assert_eq!((&changed["msg"], &changed["rebuilt"]), (&json!("Service updated"), &json!(false)));
    let names: Vec<&str> = changed["changes"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    for name in ["args", "env", "limit_memory", "mounts", "publish", "secrets", "update_order", "rollback_delay"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    assert!(!names.contains(&"image") && !names.contains(&"command"), "{names:?}");
    assert_eq!(changed["swarm_service"]["limit_memory"], 64 << 20);
    // Each option by itself is seen, and what is not given does not count.
    for (option, value, name) in [
        ("env", json!(["A=2"]), "env"),
        ("publish", json!([]), "publish"),
        ("labels", json!({}), "labels"),
        ("user", json!("6"), "user"),
        ("mounts", json!([{"type": "tmpfs", "target": "/t2"}]), "mounts"),
    ] {
        apply("docker_swarm_service", &service(all.clone()));
        let one = apply("docker_swarm_service", &service(calls::with(&all, json!({option: value}))));
        assert_eq!(one["changes"], json!([name]), "{option}");
        settled("docker_swarm_service", &service(json!({"args": ["301"], option: value})));
    }

    let scaled = converges("docker_swarm_service", &service(json!({"replicas": 2})));
    assert_eq!(scaled["swarm_service"]["env"], Json::Null, "what is not given goes back to Docker's default");
    eventually("two tasks do not run", || running() == 2);
    let forced = changes("docker_swarm_service", &service(json!({"force_update": true})));
    assert_eq!(
        (&forced["msg"], &forced["swarm_service"]["replicas"]),
        (&json!("Service forcefully updated"), &json!(2))
    );
    let rebuilt = converges("docker_swarm_service", &service(json!({"mode": "global"})));
    assert_eq!(
        (&rebuilt["msg"], &rebuilt["rebuilt"], &rebuilt["changes"]),
        (&json!("Service rebuilt"), &json!(true), &json!(["mode"]))
    );
    let brief =
        apply("docker_swarm_info", &engine.of(json!({"services": true, "services_filters": {"name": "rprovtest"}})));
    assert_eq!((&brief["services"][0]["Mode"], &brief["services"][0]["Replicas"]), (&json!("Global"), &json!(1)));

    for (options, message) in [
        (json!({"secrets": [{"secret_name": "none"}]}), "Could not find a secret named \"none\""),
        (json!({"networks": ["rprovtest-none"]}), "Could not find a network named: \"rprovtest-none\""),
        (
            json!({"resolve_image": true, "image": "127.0.0.1:9/none"}),
            "does not say which image 127.0.0.1:9/none:latest is",
        ),
        (json!({"stop_grace_period": "-1s"}), "no duration"),
        (
            json!({"endpoint_mode": "dnsrr", "publish": [{"target_port": 1, "mode": "ingress"}]}),
            "there again as it was",
        ),
    ] {
        let refusal = refused("docker_swarm_service", &service(options));
        assert!(refusal.contains(message), "{refusal}");
    }
    let kept = apply("docker_swarm_service_info", &engine.of(json!({"name": "rprovtest"})));
    assert_eq!(kept["service"]["Spec"]["Mode"], json!({"Global": {}}));
    converges("docker_swarm_service", &service(json!({"state": "absent"})));
}

#[test]
fn services_are_reached_over_networks_of_the_swarm() {
    let engine = manager("127.71.4.1");
    engines::import(&engine.engine());
    for name in ["rprovtest-a", "rprovtest-b"] {
        converges("docker_network", &engine.of(json!({"name": name, "driver": "overlay", "attachable": true})));
    }
    let service = |networks: Json| {
        engine.of(json!({"name": "rprovtest", "image": IMAGE, "command": "sleep 300", "stop_signal": "KILL",
            "endpoint_mode": "dnsrr", "replicas": 0, "networks": networks}))
    };
    converges("docker_swarm_service", &service(json!(["rprovtest-a"])));
    let moved = converges("docker_swarm_service", &service(json!([{"name": "rprovtest-b", "aliases": ["web"]}])));
    assert_eq!((&moved["changes"], &moved["rebuilt"]), (&json!(["networks"]), &json!(false)));
    assert_eq!(moved["swarm_service"]["networks"][0]["aliases"], json!(["web"]));
    converges("docker_swarm_service", &service(json!([])));
}
