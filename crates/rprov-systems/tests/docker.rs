//! The Docker modules on a real Engine. They need a running daemon at `/var/run/docker.sock` and `busybox-static`.
//!
//! No registry is needed: the image is made of the host's own BusyBox.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;
mod engines;

use std::sync::Once;

use calls::{apply, container_absent, converges, run, settled, with};
use engines::IMAGE;
use rprov_modules::rprov_wire::Value;
use serde_json::{Value as Json, json};

fn prepare() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let engine =
            engines::connect(&json!({})).unwrap_or_else(|error| panic!("these tests need a Docker daemon: {error}"));
        engines::import(&engine);
    });
}

/// Removes what a test made, also when it fails.
struct Cleanup(Vec<(&'static str, Json)>);

impl Cleanup {
    fn new(what: Vec<(&'static str, Json)>) -> Self {
        prepare();
        let cleanup = Cleanup(what);
        cleanup.all();
        cleanup
    }

    fn containers(names: &[&str]) -> Self {
        Cleanup::new(names.iter().map(|name| container_absent(name)).collect())
    }

    fn all(&self) {
        for (module, arguments) in &self.0 {
            if let Err(failure) = run(module, arguments, false) {
                eprintln!("cleaning up {module} {arguments}: {failure}");
            }
        }
    }
}

impl Drop for Cleanup {
    fn drop(&mut self) {
        self.all();
    }
}

#[test]
fn a_container_with_many_options_is_created_once() {
    let _cleanup = Cleanup::containers(&["rprovtest-many"]);
    let all = json!({
        "name": "rprovtest-many", "image": IMAGE, "pull": "never", "command": "sleep 300", "stop_signal": "KILL",
        "env": {"A": "1", "B": "two words"}, "labels": {"a": "b"}, "hostname": "many", "domainname": "example.org",
        "published_ports": ["127.0.0.1::80", "127.0.0.1::53/udp"], "exposed_ports": ["81"],
        "volumes": ["/tmp:/host:ro", "/anonymous"], "tmpfs": ["/scratch:size=1m"],
        "mounts": [{"type": "tmpfs", "target": "/mounted", "tmpfs_size": "2M", "tmpfs_mode": "1777"}],
        "restart_policy": "on-failure", "restart_retries": 2, "user": "0:0", "working_dir": "/bin",
        "capabilities": ["NET_ADMIN"], "cap_drop": ["MKNOD"], "devices": ["/dev/null:/dev/zilch:r"],
        "dns_servers": ["192.0.2.1"], "dns_opts": ["ndots:2"], "dns_search_domains": ["example.org"],
        "etc_hosts": {"other": "192.0.2.2"}, "log_driver": "json-file", "log_options": {"max-size": "1m"},
        "healthcheck": {"test": ["CMD", "true"], "interval": "1m30s", "timeout": "5s", "retries": 3, "start_period": "1s"},
        "init": false, "tty": true, "interactive": true, "ipc_mode": "private", "read_only": true,
        "security_opts": ["no-new-privileges"], "shm_size": "32M", "stop_timeout": 1, "sysctls": {"net.ipv4.ip_forward": 1},
        "ulimits": ["nofile:100:200"], "groups": ["29"], "network_mode": "bridge", "oom_score_adj": 100,
    });
    let applied = converges("docker_container", &all);
    let container = &applied["container"];
    assert_eq!(container["State"]["Running"], true);
    assert_eq!(container["Config"]["Hostname"], "many");
    assert_eq!(applied["diff"]["after"]["running"], true);
    settled("docker_container", &with(&all, json!({"comparisons": {"*": "strict"}})));
}

#[test]
fn each_changed_option_makes_the_container_anew_and_nothing_else_does() {
    let _cleanup = Cleanup::containers(&["rprovtest-change"]);
    let mut wanted = json!({
        "name": "rprovtest-change", "image": IMAGE, "pull": "never", "command": ["sleep", "300"], "stop_signal": "KILL",
        "env": {"A": "1"}, "labels": {"a": "b"}, "volumes": ["/tmp:/a"],
    });
    let mut id = converges("docker_container", &wanted)["container"]["Id"].clone();
    for (option, value) in [
        ("env", json!({"A": "2"})),
        ("command", json!("sleep 301")),
        ("labels", json!({"a": "c"})),
        ("volumes", json!(["/tmp:/a:ro"])),
        ("published_ports", json!(["127.0.0.1::80"])),
        ("user", json!("1000")),
        ("entrypoint", json!(["/bin/busybox"])),
        ("capabilities", json!(["SYS_TIME"])),
    ] {
        wanted[option] = value;
        let applied = converges("docker_container", &wanted);
        assert_ne!(applied["container"]["Id"], id, "{option}: another container");
        let changed: Vec<&String> = applied["diff"]["after"].as_object().unwrap().keys().collect();
        assert!(changed.iter().any(|name| *name == option), "{option}: {changed:?}");
        id = applied["container"]["Id"].clone();
    }
    // Fewer labels are no difference, unless the comparison is strict.
    settled("docker_container", &with(&wanted, json!({"labels": {}})));
    converges("docker_container", &with(&wanted, json!({"labels": {}, "comparisons": {"labels": "strict"}})));
}

#[test]
fn limits_and_restart_policy_change_while_the_container_lives() {
    let _cleanup = Cleanup::containers(&["rprovtest-live"]);
    let wanted = json!({
        "name": "rprovtest-live", "image": IMAGE, "pull": "never", "command": "sleep 300", "stop_signal": "KILL",
        "cpu_shares": 100, "restart_policy": "always",
    });
    let before = converges("docker_container", &wanted)["container"].clone();
    let other = with(&wanted, json!({"cpu_shares": 200, "restart_policy": "unless-stopped"}));
    let after = converges("docker_container", &other)["container"].clone();
    assert_eq!(before["Id"], after["Id"]);
    assert_eq!(after["HostConfig"]["CpuShares"], 200);
    assert_eq!(after["HostConfig"]["RestartPolicy"]["Name"], "unless-stopped");
}

#[test]
fn a_container_goes_through_all_states() {
    let _cleanup = Cleanup::containers(&["rprovtest-states"]);
    let base =
        json!({"name": "rprovtest-states", "image": IMAGE, "pull": "never", "command": "sleep 300", "stop_timeout": 1});
    let state = |state: &str| with(&base, json!({"state": state}));
    let present = converges("docker_container", &state("present"));
    assert_eq!(present["container"]["State"]["Running"], false);
    let started = converges("docker_container", &state("started"));
    assert_eq!(started["container"]["Id"], present["container"]["Id"]);
    converges("docker_container", &with(&base, json!({"paused": true})));
    converges("docker_container", &with(&base, json!({"paused": false})));
    let restarted = apply("docker_container", &with(&base, json!({"restart": true})));
    assert_eq!(restarted["changed"], true);
    assert_ne!(restarted["container"]["State"]["StartedAt"], started["container"]["State"]["StartedAt"]);
    assert_eq!(restarted["container"]["Id"], started["container"]["Id"]);
    let recreated = apply("docker_container", &with(&base, json!({"recreate": true, "force_kill": true})));
    assert_ne!(recreated["container"]["Id"], started["container"]["Id"]);
    let stopped = converges("docker_container", &state("stopped"));
    assert_eq!(stopped["container"]["State"]["Running"], false);
    converges("docker_container", &json!({"name": "rprovtest-states", "state": "absent"}));
}

#[test]
fn a_run_to_completion_gives_output_and_status() {
    let _cleanup = Cleanup::containers(&["rprovtest-run"]);
    let base = json!({"name": "rprovtest-run", "image": IMAGE, "pull": "never", "detach": false, "cleanup": true});
    let done = apply(
        "docker_container",
        &with(&base, json!({"command": ["sh", "-c", "echo out; echo err >&2; echo $FROM_IMAGE"]})),
    );
    assert_eq!(done["status"], 0);
    let mut lines: Vec<&str> = done["container"]["Output"].as_str().unwrap().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["err", "out", "yes"]);
    let gone = run("docker_container", &json!({"name": "rprovtest-run", "state": "absent"}), false).unwrap();
    assert_eq!(gone["changed"], Value::Bool(false), "it was cleaned up");
    let failing = with(&base, json!({"command": ["sh", "-c", "echo broken; exit 3"], "cleanup": false}));
    let failure = run("docker_container", &failing, false).unwrap_err();
    assert_eq!((failure.message.as_str(), &failure.values["status"]), ("broken\n", &Value::Int(3)));
    let removing = with(&base, json!({"command": "echo bye", "cleanup": false, "auto_remove": true, "recreate": true}));
    assert_eq!(apply("docker_container", &removing)["container"]["Output"], "bye\n");
    let gone = run("docker_container", &json!({"name": "rprovtest-run", "state": "absent"}), false).unwrap();
    assert_eq!(gone["changed"], Value::Bool(false), "it removed itself");
}

#[test]
fn health_is_waited_for_and_its_lack_is_explained() {
    let _cleanup = Cleanup::containers(&["rprovtest-health"]);
    let base = json!({
        "name": "rprovtest-health", "image": IMAGE, "pull": "never", "command": "sleep 300", "stop_signal": "KILL", "state": "healthy",
    });
    let check = |test: &str| json!({"healthcheck": {"test": ["CMD-SHELL", test], "interval": "100ms", "timeout": "5s", "retries": 1}});
    let healthy = apply("docker_container", &with(&base, check("true")));
    assert_eq!(healthy["container"]["State"]["Health"]["Status"], "healthy");
    settled("docker_container", &with(&base, check("true")));
    let failure = run("docker_container", &with(&base, check("echo sick; false")), false).unwrap_err();
    assert!(failure.message.contains("is unhealthy; its last check said: sick"), "{failure}");
    let failure = run("docker_container", &with(&base, json!({"healthcheck": {"test": ["NONE"]}})), false).unwrap_err();
    assert!(failure.message.contains("has no health check"), "{failure}");
}

#[test]
fn what_cannot_be_done_is_explained() {
    let _cleanup = Cleanup::containers(&["rprovtest-wrong"]);
    let message = |arguments: Json| {
        run("docker_container", &with(&json!({"name": "rprovtest-wrong"}), arguments), false).unwrap_err().message
    };
    assert!(message(json!({})).contains("when image is not specified"));
    assert!(
        message(json!({"image": "rprovtest-none", "pull": "never"}))
            .contains("Cannot find image with name rprovtest-none:latest")
    );
    assert!(
        message(json!({"image": IMAGE, "networks": [{"name": "rprovtest-none"}]}))
            .contains("no network named rprovtest-none")
    );
    let failure = message(json!({"image": IMAGE, "pull": "never", "command": "/no/such/program"}));
    assert!(failure.starts_with("Error starting container rprovtest-wrong:"), "{failure}");
    let failure = message(json!({"docker_host": "unix:///no/such.sock"}));
    assert!(failure.contains("install Docker on this host"), "{failure}");
}

#[test]
fn networks_are_made_changed_and_removed_with_their_containers() {
    let _cleanup = Cleanup::new(vec![
        container_absent("rprovtest-net-a"),
        container_absent("rprovtest-net-b"),
        ("docker_network", json!({"name": "rprovtest-net", "state": "absent"})),
        ("docker_network", json!({"name": "rprovtest-net2", "state": "absent"})),
    ]);
    let network = json!({
        "name": "rprovtest-net", "labels": {"a": "b"}, "internal": true, "ipam_config": [{"subnet": "10.251.7.0/24", "gateway": "10.251.7.1"}],
        "driver_options": {"com.docker.network.bridge.enable_icc": "true"}, "appends": true,
    });
    let made = converges("docker_network", &network);
    assert_eq!(made["network"]["Internal"], true);
    converges("docker_network", &json!({"name": "rprovtest-net2"}));

    let container = json!({
        "name": "rprovtest-net-a", "image": IMAGE, "pull": "never", "command": "sleep 300", "stop_signal": "KILL",
        "networks": [{"name": "rprovtest-net", "ipv4_address": "10.251.7.9", "aliases": ["web"]}],
    });
    let first = converges("docker_container", &container)["container"].clone();
    assert_eq!(first["NetworkSettings"]["Networks"]["rprovtest-net"]["IPAddress"], "10.251.7.9");
    assert_eq!(first["NetworkSettings"]["Networks"].as_object().unwrap().len(), 1);
    settled("docker_network", &network);

    // Another address and another network need no new container; purging leaves networks.
    let networks = json!([{"name": "rprovtest-net", "ipv4_address": "10.251.7.10", "aliases": ["web"]}, {"name": "rprovtest-net2"}]);
    let moved = converges("docker_container", &with(&container, json!({"networks": networks})))["container"].clone();
    assert_eq!(moved["Id"], first["Id"]);
    assert_eq!(moved["NetworkSettings"]["Networks"]["rprovtest-net"]["IPAddress"], "10.251.7.10");
    assert_eq!(moved["NetworkSettings"]["Networks"].as_object().unwrap().len(), 2);
    let one = json!([{"name": "rprovtest-net", "ipv4_address": "10.251.7.10"}]);
    settled("docker_container", &with(&container, json!({"networks": one})));
    let purged =
        converges("docker_container", &with(&container, json!({"networks": one, "purge_networks": true})))["container"]
            .clone();
    assert_eq!(purged["NetworkSettings"]["Networks"].as_object().unwrap().len(), 1);

    // The network's own list of containers.
    let other = json!({"name": "rprovtest-net-b", "image": IMAGE, "pull": "never", "command": "sleep 300", "stop_signal": "KILL"});
    apply("docker_container", &other);
    converges("docker_network", &with(&network, json!({"connected": ["rprovtest-net-b"]})));
    converges("docker_network", &with(&network, json!({"connected": ["rprovtest-net-b"], "appends": false})));
    let changed =
        converges("docker_network", &with(&network, json!({"internal": false, "connected": ["rprovtest-net-b"]})));
    assert_ne!(changed["network"]["Id"], made["network"]["Id"]);
    converges("docker_network", &json!({"name": "rprovtest-net", "state": "absent"}));
}

#[test]
fn volumes_are_made_anew_only_when_that_is_allowed() {
    let volume = json!({"name": "rprovtest-volume", "labels": {"a": "b"}});
    let _cleanup = Cleanup::new(vec![("docker_volume", json!({"name": "rprovtest-volume", "state": "absent"}))]);
    let made = converges("docker_volume", &volume);
    assert_eq!(made["volume"]["Name"], "rprovtest-volume");
    let other = with(&volume, json!({"labels": {"a": "c"}}));
    settled("docker_volume", &other);
    let anew = converges("docker_volume", &with(&other, json!({"recreate": "options-changed"})));
    assert_eq!(anew["volume"]["Labels"], json!({"a": "c"}));
    converges("docker_volume", &json!({"name": "rprovtest-volume", "state": "absent"}));
}

#[test]
fn images_are_built_tagged_archived_loaded_and_removed() {
    let directory = tempfile::tempdir().unwrap();
    let absent = |name: &str| ("docker_image", json!({"name": name, "state": "absent", "force_absent": true}));
    let _cleanup =
        Cleanup::new(vec![container_absent("rprovtest-image"), absent("rprovtest-built"), absent("rprovtest-other:2")]);
    let path = directory.path();
    let dockerfile = |text: &str| {
        let text = format!("FROM {IMAGE}\nARG word\nCOPY file /file\nENV WORD=$word\nCMD [\"cat\", \"/file\"]\n{text}");
        std::fs::write(path.join("Dockerfile"), text).unwrap();
    };
    dockerfile("");
    std::fs::write(path.join("file"), "from the context\n").unwrap();
    let build = json!({
        "name": "rprovtest-built", "source": "build", "build": {"path": path, "args": {"word": "yes"}, "labels": {"l": 1}},
    });
    let built = converges("docker_image", &build);
    assert!(built["stdout"].as_str().unwrap().contains("COPY file /file"), "{built}");
    assert_eq!(built["image"]["Config"]["Labels"]["l"], "1");
    let run_it = json!({"name": "rprovtest-image", "image": "rprovtest-built", "detach": false});
    assert_eq!(apply("docker_container", &run_it)["container"]["Output"], "from the context\n");

    // The cache makes the same image of the same directory: unchanged.
    let again = apply("docker_image", &with(&build, json!({"force_source": true})));
    assert_eq!((&again["changed"], &again["image"]["Id"]), (&json!(false), &built["image"]["Id"]));
    dockerfile("ENV MORE=1\n");
    let anew = apply("docker_image", &with(&build, json!({"force_source": true})));
    assert_eq!(anew["changed"], true);
    // The container has the image of before; the one of that name is another now.
    let started =
        json!({"name": "rprovtest-image", "image": "rprovtest-built", "command": "sleep 300", "stop_signal": "KILL"});
    let other = apply("docker_container", &started)["container"].clone();
    assert_eq!(other["Image"], anew["image"]["Id"]);
    settled("docker_container", &started);

    converges(
        "docker_image",
        &json!({"name": "rprovtest-built", "source": "local", "repository": "rprovtest-other:2"}),
    );
    let archive = path.join("image.tar");
    converges("docker_image", &json!({"name": "rprovtest-other:2", "source": "local", "archive_path": archive}));
    apply("docker_image", &absent("rprovtest-other:2").1);
    let loaded =
        converges("docker_image", &json!({"name": "rprovtest-other:2", "source": "load", "load_path": archive}));
    assert_eq!(loaded["image"]["Id"], anew["image"]["Id"]);
    let failure =
        run("docker_image", &json!({"name": "rprovtest-none", "source": "load", "load_path": archive}), false)
            .unwrap_err();
    assert!(
        failure
            .message
            .contains("does not contain the image rprovtest-none:latest; it has: Loaded image: rprovtest-other:2"),
        "{failure}"
    );

    dockerfile("RUN echo before; false\n");
    let failure = run("docker_image", &with(&build, json!({"force_source": true})), false).unwrap_err();
    assert!(failure.message.contains("returned a non-zero code: 1"), "{failure}");
    assert!(failure.values["stdout"].as_str().unwrap().contains("before"));

    apply("docker_container", &container_absent("rprovtest-image").1);
    // The image of before has lost its name to the new one, and is still there under its ID.
    converges("docker_image", &json!({"name": built["image"]["Id"], "state": "absent"}));
    converges("docker_image", &json!({"name": "rprovtest-other", "tag": "2", "state": "absent"}));
    let failure = run("docker_image", &json!({"name": "rprovtest-other", "source": "local"}), false).unwrap_err();
    assert!(failure.message.contains("Cannot find the image rprovtest-other:latest locally"), "{failure}");
}

#[test]
fn commands_run_in_a_container() {
    let _cleanup = Cleanup::containers(&["rprovtest-exec"]);
    let container = json!({"name": "rprovtest-exec", "image": IMAGE, "pull": "never", "command": "sleep 300", "stop_signal": "KILL"});
    apply("docker_container", &container);
    let exec = |more: Json| apply("docker_container_exec", &with(&json!({"container": "rprovtest-exec"}), more));
    let done =
        exec(json!({"command": "sh -c 'echo $A; pwd; echo err >&2; exit 4'", "env": {"A": "b"}, "chdir": "/bin"}));
    assert_eq!((&done["stdout"], &done["stderr"], &done["rc"]), (&json!("b\n/bin"), &json!("err"), &json!(4)));
    let fed = exec(json!({"argv": ["cat"], "stdin": "from outside"}));
    assert_eq!((&fed["stdout"], &fed["rc"], &fed["changed"]), (&json!("from outside"), &json!(0), &json!(true)));
    assert!(exec(json!({"argv": ["touch", "/made"], "detach": true}))["exec_id"].is_string());
    let stopped = with(&container, json!({"state": "stopped", "force_kill": true}));
    apply("docker_container", &stopped);
    let failure =
        run("docker_container_exec", &json!({"container": "rprovtest-exec", "argv": ["true"]}), false).unwrap_err();
    assert!(failure.message.contains("does not run"), "{failure}");
}

#[test]
fn everything_can_be_described_and_what_is_not_there_too() {
    let _cleanup = Cleanup::new(vec![
        container_absent("rprovtest-info"),
        ("docker_volume", json!({"name": "rprovtest-info", "state": "absent"})),
        ("docker_network", json!({"name": "rprovtest-info", "state": "absent"})),
    ]);
    for (module, arguments) in [
        (
            "docker_container",
            json!({"name": "rprovtest-info", "image": IMAGE, "pull": "never", "command": "true", "state": "present"}),
        ),
        ("docker_volume", json!({"name": "rprovtest-info"})),
        ("docker_network", json!({"name": "rprovtest-info"})),
    ] {
        let (info, key) = (format!("{module}_info"), module.trim_start_matches("docker_"));
        let name = json!({"name": "rprovtest-info"});
        let before = apply(&info, &name);
        assert_eq!((&before["exists"], &before[key]), (&json!(false), &Json::Null));
        apply(module, &arguments);
        let after = apply(&info, &name);
        assert_eq!((&after["exists"], &after["changed"]), (&json!(true), &json!(false)));
        assert!(after[key]["Name"].as_str().unwrap().contains("rprovtest-info"));
    }
    let images = apply("docker_image_info", &json!({"name": [IMAGE, "rprovtest-none"]}));
    assert_eq!(images["images"].as_array().unwrap().len(), 1);
    let host = apply(
        "docker_host_info",
        &json!({
            "containers": true, "containers_all": true, "containers_filters": {"name": "rprovtest-info"}, "images": true,
            "networks": true, "volumes": true, "disk_usage": true,
        }),
    );
    assert_eq!(host["can_talk_to_docker"], true);
    assert_eq!(host["containers"][0]["Names"], json!(["/rprovtest-info"]));
    for key in ["images", "networks", "volumes"] {
        assert!(!host[key].as_array().unwrap().is_empty(), "{key}");
    }
}

#[test]
fn pruning_removes_what_the_filter_names() {
    let _cleanup = Cleanup::containers(&["rprovtest-prune"]);
    apply(
        "docker_container",
        &json!({
            "name": "rprovtest-prune", "image": IMAGE, "pull": "never", "command": "true", "state": "present", "labels": {"rprovtest": "prune"},
        }),
    );
    let prune = json!({"containers": true, "containers_filters": {"label": "rprovtest=prune"}});
    let pruned = apply("docker_prune", &prune);
    assert_eq!((pruned["containers"].as_array().unwrap().len(), &pruned["changed"]), (1, &json!(true)));
    assert_eq!(apply("docker_prune", &prune)["changed"], false);
}
