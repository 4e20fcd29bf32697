//! Connections of a real NetworkManager, with its bus, its state and its interfaces in namespaces of their own. It needs root.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod calls;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rprov_modules::rprov_wire::Value as Wire;
use serde_json::{Value, json};

struct Manager {
    directory: tempfile::TempDir,
    child: Child,
}

impl Manager {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let at = directory.path().display();
        let write = |name: &str, text: String| std::fs::write(directory.path().join(name), text).unwrap();
        write(
            "bus.conf",
            format!(
                "<busconfig><type>system</type><listen>unix:path={at}/bus</listen><auth>EXTERNAL</auth><policy context='default'>\
                 <allow send_destination='*' eavesdrop='true'/><allow eavesdrop='true'/><allow own='*'/></policy></busconfig>"
            ),
        );
        write(
            "nm.conf",
            format!(
                "[main]\nplugins=keyfile\ndhcp=internal\ndns=none\nauth-polkit=root-only\nno-auto-default=*\n[keyfile]\npath={at}/connections\n"
            ),
        );
        write(
            "start",
            format!(
                "set -e\nmount --make-rprivate /\nmkdir -p /run/NetworkManager /var/lib/NetworkManager\n\
                 mount -t tmpfs tmpfs /run/NetworkManager\nmount -t tmpfs tmpfs /var/lib/NetworkManager\nmount -t sysfs sysfs /sys\n\
                 ip link set lo up\ndbus-daemon --config-file={at}/bus.conf --nofork --nopidfile & echo $! >{at}/pid\n\
                 for round in 1 2 3 4 5 6 7 8 9; do [ -S {at}/bus ] && break; sleep 1; done\n\
                 exec NetworkManager -n --config={at}/nm.conf --config-dir={at}/none --system-config-dir={at}/none \
                 --intern-config={at}/intern.conf\n"
            ),
        );
        let child = Command::new("unshare")
            .args(["-m", "-n", "sh", &format!("{at}/start")])
            .env("DBUS_SYSTEM_BUS_ADDRESS", format!("unix:path={at}/bus"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let manager = Manager { directory, child };
        let begun = Instant::now();
        while manager.nmcli(&["general", "status"]).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(60), "these tests need NetworkManager and dbus-daemon");
            std::thread::sleep(Duration::from_millis(100));
        }
        manager
    }

    fn bus(&self) -> (String, String) {
        ("DBUS_SYSTEM_BUS_ADDRESS".to_owned(), format!("unix:path={}/bus", self.directory.path().display()))
    }

    fn nmcli(&self, words: &[&str]) -> Result<String, String> {
        let output = Command::new("nmcli").args(words).envs([self.bus()]).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    fn property(&self, name: &str, property: &str) -> String {
        self.nmcli(&["-s", "-e", "no", "-g", property, "connection", "show", name]).unwrap()
    }

    fn run(&self, arguments: &Value, check: bool) -> Result<Value, String> {
        let outcome = calls::run_with("nmcli", arguments, check, vec![self.bus()]);
        outcome.map(|map| Wire::Map(map).to_json()).map_err(|failure| failure.message)
    }

    fn converges(&self, arguments: &Value) -> Value {
        let all = || self.nmcli(&["-t", "-f", "NAME,UUID", "connection", "show"]).unwrap();
        let before = all();
        let predicted = self.run(arguments, true).unwrap();
        assert_eq!(all(), before, "{arguments}: check mode changed something");
        let applied = self.run(arguments, false).unwrap();
        assert_eq!((&predicted["changed"], &applied["changed"]), (&json!(true), &json!(true)), "{arguments}");
        assert_eq!(predicted["diff"], applied["diff"], "{arguments}");
        for check in [true, false] {
            let again = self.run(arguments, check).unwrap();
            assert_eq!(again["changed"], false, "{arguments}: {again}");
        }
        applied
    }
}

impl Drop for Manager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Ok(pid) = std::fs::read_to_string(self.directory.path().join("pid")) {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

#[test]
fn connections_become_what_they_are_to_be() {
    let manager = Manager::start();
    let call = |name: &str, more: Value| {
        calls::with(&json!({"conn_name": name, "state": "present", "autoconnect": false}), more)
    };
    // Addresses, names and routes.
    let dummy = json!({
        "type": "dummy", "ip4": ["10.9.0.1/24"], "dns4": ["10.9.0.2", "10.9.0.3"], "dns4_search": ["a.test"], "gw4": "10.9.0.254",
        "dns4_options": ["rotate", "timeout:1"], "route_metric4": 7, "routing_rules4": ["priority 5 from 10.0.0.0/8 table 7"],
        "routes4_extended": [{"ip": "10.8.0.0/16", "next_hop": "10.9.0.9", "metric": 5, "table": 7, "onlink": true, "tos": 16}],
        "ip6": ["FD00::1"], "dns6": ["fd00::2"], "routes6": ["fd12::/64 fd00::9"], "ip_privacy6": "prefer-temp-addr",
        "addr_gen_mode6": "eui64", "may_fail4": false, "zone": "home", "autoconnect_priority": 3,
    });
    manager.converges(&call("d0", dummy.clone()));
    assert_eq!(manager.property("d0", "ipv4.method"), "manual");
    assert_eq!(manager.property("d0", "connection.interface-name"), "d0");
    assert!(manager.property("d0", "ipv4.routes").starts_with("10.8.0.0/16 10.9.0.9 5 "));
    let changed =
        manager.converges(&call("d0", calls::with(&dummy, json!({"dns4": ["10.9.0.4"], "ip4": ["10.9.0.5/24"]}))));
    assert_eq!(
        changed["diff"],
        json!({"before": {"ipv4.addresses": "10.9.0.1/24", "ipv4.dns": "10.9.0.2,10.9.0.3"},
               "after": {"ipv4.addresses": "10.9.0.5/24", "ipv4.dns": "10.9.0.4"}})
    );
    // What is not named stays, an empty list is none, and the type is known.
    manager.converges(&call("d0", json!({"dns4": [], "routes6": [], "may_fail4": false, "conn_reload": true})));
    assert_eq!(manager.property("d0", "ipv4.dns"), "");
    assert_eq!(manager.property("d0", "ipv4.addresses"), "10.9.0.5/24");
    let bridge = json!({"type": "bridge", "ip4": ["10.2.0.1/24"], "method6": "disabled"});
    manager.converges(&call("bu", bridge));
    manager.converges(&json!({"conn_name": "bu", "state": "up"}));
    manager.converges(&json!({"conn_name": "bu", "state": "down"}));
    // Kinds of connections.
    for (name, more) in [
        ("e0", json!({"type": "ethernet", "ifname": "*", "method4": "auto", "method6": "disabled", "mtu": 9000})),
        (
            "bo",
            json!({"type": "bond", "mode": "active-backup", "primary": "s0", "arp_interval": 100,
                      "arp_ip_target": "10.0.0.1,10.0.0.2", "fail_over_mac": "active"}),
        ),
        ("s0", json!({"type": "bond-slave", "ifname": "s0", "master": "bo"})),
        (
            "br",
            json!({"type": "bridge", "stp": false, "ageingtime": 100, "mac": "52:54:00:ab:cd:ef", "priority": 4096}),
        ),
        ("s1", json!({"type": "ethernet", "slave_type": "bridge", "master": "br", "path_cost": 50, "hairpin": true})),
        (
            "v5",
            json!({"type": "vlan", "vlanid": 5, "vlandev": "d0", "flags": "1", "egress": "1:2,3:4", "ip4": "10.1.0.1/24"}),
        ),
        ("vx", json!({"type": "vxlan", "vxlan_id": 6, "vxlan_local": "10.9.0.1", "vxlan_remote": "10.9.0.8"})),
        (
            "t0",
            json!({"type": "sit", "ip_tunnel_dev": "d0", "ip_tunnel_local": "10.9.0.1", "ip_tunnel_remote": "10.9.0.8"}),
        ),
        (
            "g0",
            json!({"type": "gre", "ip_tunnel_remote": "10.9.0.8", "ip_tunnel_input_key": "1", "ip_tunnel_output_key": "2"}),
        ),
        ("te", json!({"type": "team", "runner": "lacp", "runner_fast_rate": true})),
        ("mv", json!({"type": "macvlan", "macvlan": {"mode": 2, "parent": "d0", "tap": true}})),
        ("vr", json!({"type": "vrf", "table": 9})),
        ("ib", json!({"type": "infiniband", "transport_mode": "datagram"})),
        (
            "gs",
            json!({"type": "gsm", "ifname": "*", "gsm": {"apn": "a.test", "username": "u", "password": "secret-1", "pin": "1234"}}),
        ),
        (
            "wf",
            json!({"type": "wifi", "ifname": "wf", "ssid": "my net", "wifi": {"hidden": true, "mode": "ap", "powersave": 2, "band": "bg", "channel": 6},
                      "wifi_sec": {"key-mgmt": "wpa-psk", "psk": "secret-word", "proto": ["rsn"], "pairwise": ["ccmp"]}}),
        ),
        (
            "wg",
            json!({"type": "wireguard", "wireguard": {"listen-port": 5555, "fwmark": 16, "peer-routes": false, "ip4-auto-default-route": true,
                      "private-key": "YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXoxMjM0NTY="}}),
        ),
        (
            "vp",
            json!({"type": "vpn", "vpn": {"permissions": "root", "service-type": "org.freedesktop.NetworkManager.l2tp", "gateway": "vpn.test",
                      "user": "u", "password-flags": 2, "ipsec-enabled": true, "ipsec-psk": "0sc2VjcmV0"}}),
        ),
    ] {
        let made = manager.converges(&call(name, more));
        let text = made.to_string();
        assert!(!text.contains("secret-") && !text.contains("YWJj") && !text.contains("0sc2"), "{text}");
    }
    assert_eq!(manager.property("wf", "802-11-wireless-security.psk"), "secret-word");
    assert_eq!(manager.property("s0", "connection.slave-type"), "bond");
    let other = json!({"type": "wifi", "ssid": "my net", "ifname": "wf", "wifi_sec": {"key-mgmt": "wpa-psk", "psk": "other-word"}});
    manager.converges(&call("wf", other));
    assert_eq!(manager.property("wf", "802-11-wireless-security.psk"), "other-word");
    // Refusals.
    let wrong = manager.run(&call("x", json!({"type": "dummy", "ip4": "nope"})), false).unwrap_err();
    assert!(wrong.contains("could not add connection x") && wrong.contains("nope"), "{wrong}");
    let short = call("wf", json!({"type": "wifi", "ssid": "my net", "ifname": "wf", "wifi_sec": {"psk": "short"}}));
    let short = manager.run(&short, false).unwrap_err();
    assert!(short.contains("psk") && !short.contains("short"), "{short}");
    manager.converges(&json!({"conn_name": "wf", "state": "absent"}));
}
