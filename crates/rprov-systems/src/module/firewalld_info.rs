//! `firewalld_info`: what firewalld has in its zones, by `firewall-cmd`.

use rprov_modules::process::Command;
use rprov_modules::{Context, Failure, Outcome, arguments};
use rprov_wire::{Map, Value};

arguments! {
    /// Gather information about firewalld.
    pub struct Arguments {
        /// Tell of the zones that are in use alone.
        active_zones: bool = false,
        /// The zones to tell of; all if none are named.
        zones: Option<Vec<String>>,
    }
}

/// Ask.
///
/// # Errors
/// firewalld does not run.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let ask = |word: &str| -> Result<String, Failure> {
        let command = Command::new("firewall-cmd").arg(word).plain_locale();
        Ok(command.run_or_fail("could not ask firewalld; is it running?", context)?.stdout())
    };
    let version = ask("--version")?.trim().to_owned();
    let default = ask("--get-default-zone")?.trim().to_owned();
    let all = zones(&ask("--list-all-zones")?);
    let mut undefined = Vec::new();
    let chosen: Vec<&Zone> = match &arguments.zones {
        _ if arguments.active_zones => all.iter().filter(|zone| zone.is_active).collect(),
        Some(names) => {
            undefined.extend(names.iter().filter(|name| !all.iter().any(|zone| zone.name == **name)).cloned());
            all.iter().filter(|zone| names.contains(&zone.name)).collect()
        }
        None => all.iter().collect(),
    };
    let names: Vec<String> = chosen.iter().map(|zone| zone.name.clone()).collect();
    let described: Map = chosen.iter().map(|zone| (zone.name.clone(), described(zone))).collect();
    let info: [(&str, Value); 3] =
        [("version", version.into()), ("default_zone", default.into()), ("zones", described.into())];
    Ok(Outcome::unchanged()
        .with("active_zones", arguments.active_zones)
        .with("collected_zones", names)
        .with("undefined_zones", undefined)
        .with("firewalld_info", Value::from_iter(info)))
}

/// A zone as it is printed: its name, and lines of a name and values.
#[derive(Debug, Default, PartialEq)]
struct Zone {
    name: String,
    is_active: bool,
    fields: Vec<(String, Vec<String>)>,
}

fn zones(text: &str) -> Vec<Zone> {
    let mut zones: Vec<Zone> = Vec::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        if !line.starts_with([' ', '\t']) {
            let mut words = line.split_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            // `public (default, active)`
            let is_active = words.any(|word| word.trim_matches(['(', ',', ')']) == "active");
            zones.push(Zone { name, is_active, fields: Vec::new() });
            continue;
        }
        let Some(zone) = zones.last_mut() else { continue };
        // Forwarded ports and rich rules have lines of their own.
        match line.trim().split_once(':').filter(|_| line.starts_with("  ")) {
            Some((name, values)) => {
                let values = values.split_whitespace().map(str::to_owned).collect();
                zone.fields.push((name.to_owned(), values));
            }
            None => {
                if let Some((_, values)) = zone.fields.last_mut() {
                    values.push(line.trim().to_owned());
                }
            }
        }
    }
    zones
}

fn described(zone: &Zone) -> Value {
    let values = |name: &str| zone.fields.iter().find(|(own, _)| own == name).map(|(_, values)| values.as_slice());
    let list = |name: &str| Value::from(values(name).unwrap_or_default().to_vec());
    let flag = |name: &str| Value::from(values(name).and_then(<[String]>::first).is_some_and(|word| word == "yes"));
    let pairs = |name: &str| -> Value {
        let pair = |text: &String| {
            let (port, protocol) = text.split_once('/').unwrap_or((text, ""));
            Value::from(vec![port.to_owned(), protocol.to_owned()])
        };
        Value::List(values(name).unwrap_or_default().iter().map(pair).collect())
    };
    let forwarded = |text: &String| {
        let part = |name: &str| text.split(':').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        // An address of IPv6 has colons itself.
        let address = text.split_once("toaddr=").map(|(_, address)| address);
        let parts = [part("port"), part("proto"), part("toport"), address];
        Value::from(parts.map(|part| part.unwrap_or_default().to_owned()).to_vec())
    };
    let target = values("target").and_then(<[String]>::first).cloned().unwrap_or_default();
    let mut map: Map = Map::new();
    let mut add = |name: &str, value: Value| map.insert(name.to_owned(), value);
    add("target", target.into());
    add("icmp_block_inversion", flag("icmp-block-inversion"));
    for name in ["interfaces", "sources", "services"] {
        add(name, list(name));
    }
    add("ports", pairs("ports"));
    add("protocols", list("protocols"));
    // Older versions do not know it.
    if values("forward").is_some() {
        add("forward", flag("forward"));
    }
    add("masquerade", flag("masquerade"));
    let ports = values("forward-ports").unwrap_or_default();
    add("forward_ports", Value::List(ports.iter().map(forwarded).collect()));
    add("source_ports", pairs("source-ports"));
    add("icmp_blocks", list("icmp-blocks"));
    add("rich_rules", list("rich rules"));
    map.into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    const ZONES: &str = "drop\n  target: DROP\n  icmp-block-inversion: no\n  interfaces: \n  sources: \n  services: \n  ports: \n  \
        protocols: \n  masquerade: no\n  forward-ports: \n  source-ports: \n  icmp-blocks: \n  rich rules: \n\n\
        public (default, active)\n  target: default\n  icmp-block-inversion: yes\n  interfaces: eth0 eth1\n  sources: 10.0.0.0/8\n  \
        services: dhcpv6-client ssh\n  ports: 80/tcp 443/udp\n  protocols: gre\n  forward: yes\n  masquerade: yes\n  forward-ports: \n\
        \tport=80:proto=tcp:toport=8080:toaddr=fd00::1\n  source-ports: 1/tcp\n  icmp-blocks: echo-request\n  rich rules: \n\
        \trule family=\"ipv4\" source address=\"10.0.0.1\" accept\n\trule protocol value=\"icmp\" reject\n";

    #[test]
    fn zones_are_told() {
        let bench = bench();
        bench.file("zones", ZONES);
        bench.program(
            "firewall-cmd",
            "case $1 in --version) echo 1.3.3;; --get-default-zone) echo public;; --list-all-zones) cat zones;; *) exit 2;; esac",
        );
        let told = bench.apply("firewalld_info", json!({"active_zones": true}));
        assert_eq!(told["changed"].as_bool(), Some(false));
        assert_eq!(told["collected_zones"].to_json(), json!(["public"]));
        let public = json!({
            "target": "default", "icmp_block_inversion": true, "interfaces": ["eth0", "eth1"], "sources": ["10.0.0.0/8"],
            "services": ["dhcpv6-client", "ssh"], "ports": [["80", "tcp"], ["443", "udp"]], "protocols": ["gre"],
            "forward": true, "masquerade": true, "forward_ports": [["80", "tcp", "8080", "fd00::1"]],
            "source_ports": [["1", "tcp"]], "icmp_blocks": ["echo-request"],
            "rich_rules": ["rule family=\"ipv4\" source address=\"10.0.0.1\" accept", "rule protocol value=\"icmp\" reject"],
        });
        let info = json!({"version": "1.3.3", "default_zone": "public", "zones": {"public": public}});
        assert_eq!(told["firewalld_info"].to_json(), info);
        let told = bench.apply("firewalld_info", json!({"zones": ["drop", "nope"]}));
        assert_eq!(told["undefined_zones"].to_json(), json!(["nope"]));
        assert_eq!(
            told["firewalld_info"].get("zones").map(|zones| zones.to_json()["drop"]["target"].clone()),
            Some(json!("DROP"))
        );
        assert_eq!(bench.apply("firewalld_info", json!({}))["collected_zones"].to_json(), json!(["drop", "public"]));
    }

    #[test]
    fn a_zone_is_not_active_by_its_name() {
        let active = |text: &str| super::zones(text).iter().map(|zone| zone.is_active).collect::<Vec<_>>();
        assert_eq!(
            active("interactive\n  target: default\npublic (active)\nwork (default, active)\n"),
            [false, true, true]
        );
    }

    #[test]
    fn a_firewalld_that_does_not_run_is_told() {
        let bench = bench();
        bench.program("firewall-cmd", "echo 'FirewallD is not running'; exit 252");
        assert!(bench.fails("firewalld_info", json!({})).contains("FirewallD is not running"));
    }
}
