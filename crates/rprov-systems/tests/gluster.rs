//! The modules of gluster.gluster on a real pool: two daemons, each in network and mount namespaces of its own, with its
//! state in a temporary directory. They need root and `glusterfs-server`.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rprov_modules::rprov_wire::Value;
use serde_json::{Value as Json, json};

fn system(line: &str) {
    let output = Command::new("sh").args(["-c", line]).output().unwrap();
    assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Two hosts that can reach each other, and nobody else.
struct Pool {
    directory: tempfile::TempDir,
    name: String,
    daemons: Vec<Child>,
}

const HOSTS: [&str; 2] = ["10.213.7.1", "10.213.7.2"];

impl Pool {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let name = format!("rpg{}", std::process::id());
        let mut pool = Pool { directory, name, daemons: Vec::new() };
        let name = &pool.name;
        system(&format!("ip netns add {name}a && ip netns add {name}b"));
        system(&format!("ip link add va netns {name}a type veth peer name vb netns {name}b"));
        for (side, address) in [("a", HOSTS[0]), ("b", HOSTS[1])] {
            let inside = format!("ip netns exec {name}{side} ip");
            system(&format!(
                "{inside} addr add {address}/24 dev v{side} && {inside} link set v{side} up && {inside} link set lo up"
            ));
            let home = pool.path(side);
            for part in ["lib", "run", "log", "bin", "bricks"] {
                std::fs::create_dir_all(home.join(part)).unwrap();
            }
            let home = home.display();
            let script = format!(
                "#!/bin/sh\nexec ip netns exec {name}{side} unshare -m sh -c 'mkdir -p /var/lib/glusterd /var/log/glusterfs && \
                 mount --make-rprivate / && mount --bind {home}/lib /var/lib/glusterd && mount --bind {home}/run /run && \
                 mount --bind {home}/log /var/log/glusterfs && exec \"$@\"' sh \"$@\"\n"
            );
            executable(&pool.path(side).join("enter"), &script);
            let gluster = format!("#!/bin/sh\nexec {home}/enter /usr/sbin/gluster \"$@\"\n");
            executable(&pool.path(side).join("bin/gluster"), &gluster);
            let daemon = Command::new(pool.path(side).join("enter"))
                .args(["/usr/sbin/glusterd", "-N", "--pid-file=/run/glusterd.pid"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            pool.daemons.push(daemon);
        }
        for side in ["a", "b"] {
            let begun = Instant::now();
            while !pool.gluster(side, &["peer", "status"]).0 {
                assert!(
                    begun.elapsed() < Duration::from_secs(30),
                    "these tests need glusterfs-server, and glusterd to start"
                );
                std::thread::sleep(Duration::from_millis(100));
            }
        }
        pool
    }

    fn path(&self, side: &str) -> PathBuf {
        self.directory.path().join(side)
    }

    fn gluster(&self, side: &str, words: &[&str]) -> (bool, String) {
        let program = self.path(side).join("bin/gluster");
        let output = Command::new(program).arg("--mode=script").args(words).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    fn run(&self, module: &str, arguments: &Json, check: bool) -> Result<Json, String> {
        let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", self.path("a").join("bin").display());
        let outcome = calls::run_with(module, arguments, check, vec![("PATH".to_owned(), path)]);
        outcome.map(|map| Value::Map(map).to_json()).map_err(|failure| failure.message)
    }

    fn converges(&self, module: &str, arguments: &Json) -> Json {
        let skipped = self.run(module, arguments, true).unwrap();
        assert_eq!(skipped["skipped"], true, "{arguments}");
        let applied = self.run(module, arguments, false).unwrap();
        assert_eq!(applied["changed"], true, "{arguments}: {applied}");
        let again = self.run(module, arguments, false).unwrap();
        assert_eq!(again["changed"], false, "{arguments}: {again}");
        applied
    }
}

fn executable(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl Drop for Pool {
    fn drop(&mut self) {
        for side in ["a", "b"] {
            // The daemons of bricks and of healing are in the namespace as well, and nobody else is.
            let line =
                format!("ip netns pids {}{side} | xargs -r kill -9; ip netns del {}{side}", self.name, self.name);
            let _ = Command::new("sh").args(["-c", &line]).output();
        }
        for daemon in &mut self.daemons {
            let _ = daemon.wait();
        }
    }
}

#[test]
fn a_pool_and_its_volumes_become_what_they_are_to_be() {
    let pool = Pool::start();
    // Peers.
    let joined = pool.converges("gluster_peer", &json!({"nodes": [HOSTS[1]]}));
    assert_eq!(joined["msg"], "attached: 10.213.7.2");
    let unreachable = pool.run("gluster_peer", &json!({"nodes": ["10.213.7.9"]}), false).unwrap_err();
    assert!(unreachable.contains("peer probe 10.213.7.9"), "{unreachable}");
    pool.converges("gluster_peer", &json!({"nodes": [HOSTS[1]], "state": "absent"}));

    // A volume, which takes the other host into the pool by itself.
    let brick = |name: &str| pool.directory.path().join(name).display().to_string();
    let volume = |more: Json| {
        let mut arguments = json!({"name": "v1", "state": "present"});
        arguments.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        arguments
    };
    let bricks = |paths: &str, force: bool| {
        volume(json!({"bricks": paths, "cluster": HOSTS, "host": HOSTS[0], "replicas": 2, "force": force}))
    };
    let made = pool.converges("gluster_volume", &bricks(&brick("b1"), true));
    let facts = &made["ansible_facts"]["glusterfs"];
    let shown = &facts["volumes"]["v1"];
    assert_eq!(
        (&shown["status"], &shown["replicas"], &shown["transport"]),
        (&json!("Started"), &json!("2"), &json!("tcp"))
    );
    assert_eq!(
        shown["bricks"],
        json!([format!("{}:{}", HOSTS[0], brick("b1")), format!("{}:{}", HOSTS[1], brick("b1"))])
    );
    assert_eq!(facts["peers"][HOSTS[1]][1], "Peer in Cluster (Connected)");
    let (_, info) = pool.gluster("b", &["volume", "info", "v1"]);
    assert!(info.contains("Type: Replicate") && info.contains("Status: Started"), "{info}");

    pool.converges(
        "gluster_volume",
        &volume(json!({"options": {"performance.cache-size": "64MB", "performance.quick-read": true}})),
    );
    assert!(
        pool.run("gluster_volume", &volume(json!({"options": {"no.such": 1}})), false).unwrap_err().contains("no.such")
    );
    // By its last part, as it is documented.
    let short = pool.run("gluster_volume", &volume(json!({"options": {"quick-read": "on"}})), false).unwrap();
    assert_eq!(short["changed"], false);

    // More bricks, and fewer.
    let two = format!("{},{}", brick("b1"), brick("b2"));
    pool.converges("gluster_volume", &bricks(&two, true));
    assert!(pool.gluster("a", &["volume", "info", "v1"]).1.contains("2 x 2 = 4"));
    let kept = pool.run("gluster_volume", &bricks(&brick("b1"), false), false).unwrap();
    assert_eq!(kept["changed"], false, "without force no brick is taken out");
    pool.converges("gluster_volume", &bricks(&brick("b1"), true));

    // Limits and healing.
    let limited = pool.converges("gluster_volume", &volume(json!({"directory": "/", "quota": "20.0MB"})));
    assert_eq!(limited["ansible_facts"]["glusterfs"]["quotas"], json!({"/": "20.0MB"}));
    let heal = pool.run("gluster_heal_info", &json!({"name": "v1"}), false).unwrap();
    assert_eq!(heal["changed"], false);
    assert_eq!(
        heal["glusterfs"]["heal_info"][0],
        json!({"brick": format!("{}:{}", HOSTS[0], brick("b1")), "status": "Connected", "no_of_entries": "0"})
    );
    let rebalance = pool.run("gluster_heal_info", &json!({"name": "v1", "status_filter": "rebalance"}), true);
    assert!(rebalance.unwrap_err().contains("not a distribute volume"));
    assert!(pool.run("gluster_heal_info", &json!({"name": "nope"}), false).unwrap_err().contains("nope"));

    // Stopped, started, gone.
    pool.converges("gluster_volume", &json!({"name": "v1", "state": "stopped"}));
    pool.converges("gluster_volume", &json!({"name": "v1", "state": "started"}));
    let nope = pool.run("gluster_volume", &json!({"name": "nope", "state": "started"}), false).unwrap_err();
    assert!(nope.contains("volume not found nope"), "{nope}");
    pool.converges("gluster_volume", &json!({"name": "v1", "state": "absent"}));
    assert!(
        pool.gluster("a", &["volume", "list"]).1.is_empty() || !pool.gluster("a", &["volume", "list"]).1.contains("v1")
    );
    let none = pool.run("gluster_volume", &json!({"name": "v2", "state": "present"}), false).unwrap_err();
    assert!(none.contains("needs bricks"), "{none}");
    let half =
        pool.run("gluster_volume", &json!({"name": "v2", "state": "present", "quota": "1GB"}), false).unwrap_err();
    assert!(half.contains("needed together"), "{half}");
}

#[test]
fn without_a_daemon_the_message_says_so() {
    let message = calls::refused("gluster_peer", &json!({"nodes": ["10.213.7.9"]}));
    assert!(message.contains("glusterd"), "{message}");
}
