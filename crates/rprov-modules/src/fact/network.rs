//! Interfaces, their addresses and the default routes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rprov_wire::{Map, Value};

use super::{content, link_name, names, rtnetlink};

/// Destinations on the public internet that stand for "anywhere"; nothing is sent there.
const ANYWHERE_V4: Ipv4Addr = Ipv4Addr::new(8, 8, 8, 8);
const ANYWHERE_V6: Ipv6Addr = Ipv6Addr::new(0x2404, 0x6800, 0x400a, 0x800, 0, 0, 0, 0x1012);

/// Add `interfaces`, one map per interface, `default_ipv4`, `default_ipv6`, `all_ipv*_addresses` and
/// `locally_reachable_ips`.
pub fn gather(facts: &mut Map) {
    let mut interfaces: BTreeMap<String, Map> = BTreeMap::new();
    let mut by_index: BTreeMap<u32, String> = BTreeMap::new();
    for name in names("/sys/class/net") {
        let path = format!("/sys/class/net/{name}");
        // Files like bonding_masters are no interfaces.
        if !std::path::Path::new(&path).is_dir() {
            continue;
        }
        if let Some(index) = content(format!("{path}/ifindex")).and_then(|index| index.parse().ok()) {
            by_index.insert(index, name.clone());
        }
        interfaces.insert(name.clone(), describe(&name, &path));
    }
    let mut all_v4: Vec<Value> = Vec::new();
    let mut all_v6: Vec<Value> = Vec::new();
    let addresses = rtnetlink::addresses().unwrap_or_default();
    for address in &addresses {
        let Some(device) = by_index.get(&address.interface) else { continue };
        match address.address {
            IpAddr::V4(ip) => {
                let entry = v4_entry(ip, address);
                let label = address.label.clone().unwrap_or_else(|| device.clone());
                if label != *device {
                    let alias = interfaces.entry(label.clone()).or_default();
                    alias.insert("ipv4".into(), entry.clone().into());
                    push(interfaces.entry(device.clone()).or_default(), "ipv4_secondaries", entry.into());
                } else {
                    let interface = interfaces.entry(device.clone()).or_default();
                    if address.secondary || interface.contains_key("ipv4") {
                        push(interface, "ipv4_secondaries", entry.into());
                    } else {
                        interface.insert("ipv4".into(), entry.into());
                    }
                }
                if !ip.is_loopback() {
                    all_v4.push(ip.to_string().into());
                }
            }
            IpAddr::V6(ip) => {
                let entry = Value::from_iter([
                    ("address", ip.to_string()),
                    ("prefix", address.prefix.to_string()),
                    ("scope", scope(address.scope)),
                ]);
                push(interfaces.entry(device.clone()).or_default(), "ipv6", entry);
                if !ip.is_loopback() {
                    all_v6.push(ip.to_string().into());
                }
            }
        }
    }
    facts.insert("default_ipv4".into(), default_route(ANYWHERE_V4.into(), &by_index, &interfaces, &addresses).into());
    facts.insert("default_ipv6".into(), default_route(ANYWHERE_V6.into(), &by_index, &interfaces, &addresses).into());
    facts.insert("all_ipv4_addresses".into(), all_v4.into());
    facts.insert("all_ipv6_addresses".into(), all_v6.into());
    let mut reachable = Map::new();
    reachable.insert("ipv4".into(), rtnetlink::local_routes(2).unwrap_or_default().into());
    reachable.insert("ipv6".into(), rtnetlink::local_routes(10).unwrap_or_default().into());
    facts.insert("locally_reachable_ips".into(), reachable.into());
    facts.insert("interfaces".into(), interfaces.keys().cloned().collect::<Vec<_>>().into());
    for (name, interface) in interfaces {
        // A name that is no variable's would be out of a template's reach.
        facts.insert(name.replace(['-', ':', '.'], "_"), interface.into());
    }
}

fn push(interface: &mut Map, key: &str, value: Value) {
    if let Value::List(items) = interface.entry(key.to_owned()).or_insert_with(|| Value::List(Vec::new())) {
        items.push(value);
    }
}

fn scope(scope: u8) -> String {
    match scope {
        0 => "global".to_owned(),
        200 => "site".to_owned(),
        253 => "link".to_owned(),
        254 => "host".to_owned(),
        other => other.to_string(),
    }
}

fn v4_entry(ip: Ipv4Addr, address: &rtnetlink::Address) -> Map {
    let mask = u32::MAX.checked_shl(32 - u32::from(address.prefix.min(32))).unwrap_or(0);
    let mut entry = Map::new();
    entry.insert("address".into(), ip.to_string().into());
    entry.insert(
        "broadcast".into(),
        address.broadcast.map(|broadcast| broadcast.to_string()).unwrap_or_default().into(),
    );
    entry.insert("netmask".into(), Ipv4Addr::from_bits(mask).to_string().into());
    entry.insert("network".into(), Ipv4Addr::from_bits(ip.to_bits() & mask).to_string().into());
    entry.insert("prefix".into(), address.prefix.to_string().into());
    entry
}

/// What `/sys/class/net` tells of an interface.
fn describe(name: &str, path: &str) -> Map {
    let file = |suffix: &str| content(format!("{path}/{suffix}"));
    let is_dir = |suffix: &str| std::path::Path::new(&format!("{path}/{suffix}")).is_dir();
    let mut interface = Map::new();
    interface.insert("device".into(), name.into());
    if let Some(address) = file("address").filter(|address| address != "00:00:00:00:00:00") {
        interface.insert("macaddress".into(), address.into());
    }
    if let Some(mtu) = file("mtu").and_then(|mtu| mtu.parse::<i64>().ok()) {
        interface.insert("mtu".into(), mtu.into());
    }
    if let Some(state) = file("operstate") {
        interface.insert("active".into(), (state != "down").into());
    }
    if let Some(module) = link_name(format!("{path}/device/driver/module")) {
        interface.insert("module".into(), module.into());
    }
    let kind = match file("type").as_deref() {
        Some("1") => Some("ether"),
        Some("32") => Some("infiniband"),
        Some("512") => Some("ppp"),
        Some("772") => Some("loopback"),
        Some("65534") => Some("tunnel"),
        _ => None,
    };
    if let Some(kind) = kind {
        interface.insert("type".into(), kind.into());
    }
    if is_dir("bridge") {
        interface.insert("type".into(), "bridge".into());
        interface.insert("interfaces".into(), names(format!("{path}/brif")).into());
        if let Some(id) = file("bridge/bridge_id") {
            interface.insert("id".into(), id.into());
        }
        if let Some(stp) = file("bridge/stp_state") {
            interface.insert("stp".into(), (stp == "1").into());
        }
    }
    if is_dir("bonding") {
        interface.insert("type".into(), "bonding".into());
        let words = |text: String| -> Vec<String> { text.split_whitespace().map(str::to_owned).collect() };
        interface.insert("slaves".into(), file("bonding/slaves").map(words).unwrap_or_default().into());
        let first = |text: String| text.split_whitespace().next().unwrap_or_default().to_owned();
        for (fact, suffix) in [("mode", "bonding/mode"), ("lacp_rate", "bonding/lacp_rate")] {
            if let Some(text) = file(suffix) {
                interface.insert(fact.into(), first(text).into());
            }
        }
        for (fact, suffix) in [("miimon", "bonding/miimon"), ("primary", "bonding/primary")] {
            if let Some(text) = file(suffix) {
                interface.insert(fact.into(), text.into());
            }
        }
        if let Some(text) = file("bonding/all_slaves_active") {
            interface.insert("all_slaves_active".into(), (text == "1").into());
        }
    }
    if is_dir("bonding_slave") {
        if let Some(aggregator) = file("bonding_slave/perm_hwaddr") {
            interface.insert("perm_macaddress".into(), aggregator.into());
        }
    }
    if let Some(id) = link_name(format!("{path}/device")) {
        interface.insert("pciid".into(), id.into());
    }
    if let Some(speed) = file("speed").and_then(|speed| speed.parse::<i64>().ok()) {
        interface.insert("speed".into(), speed.into());
    }
    if let Some(flags) = file("flags").and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok()) {
        interface.insert("promisc".into(), (flags & 0x100 != 0).into());
    }
    interface
}

fn default_route(
    anywhere: IpAddr,
    by_index: &BTreeMap<u32, String>,
    interfaces: &BTreeMap<String, Map>,
    addresses: &[rtnetlink::Address],
) -> Map {
    let mut facts = Map::new();
    let Ok(Some(route)) = rtnetlink::route_to(anywhere) else { return facts };
    let Some(device) = by_index.get(&route.interface) else { return facts };
    let Some(source) = route.source else { return facts };
    facts.insert("interface".into(), device.as_str().into());
    facts.insert("address".into(), source.to_string().into());
    if let Some(gateway) = route.gateway {
        facts.insert("gateway".into(), gateway.to_string().into());
    }
    if let Some(address) = addresses.iter().find(|address| address.address == source) {
        match source {
            IpAddr::V4(ip) => {
                facts.extend(v4_entry(ip, address));
                facts.insert("alias".into(), address.label.clone().unwrap_or_else(|| device.clone()).into());
            }
            IpAddr::V6(_) => {
                facts.insert("prefix".into(), address.prefix.to_string().into());
                facts.insert("scope".into(), scope(address.scope).into());
            }
        }
    }
    if let Some(interface) = interfaces.get(device) {
        for key in ["macaddress", "mtu", "type"] {
            if let Some(value) = interface.get(key) {
                facts.insert(key.into(), value.clone());
            } else if key == "type" {
                facts.insert(key.into(), "unknown".into());
            }
        }
    }
    facts
}

/// Add `dns`, from `/etc/resolv.conf`.
pub fn gather_dns(facts: &mut Map) {
    let mut dns = Map::new();
    for line in content("/etc/resolv.conf").unwrap_or_default().lines() {
        let line = line.split(['#', ';']).next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(key) = words.next() else { continue };
        let words: Vec<String> = words.map(str::to_owned).collect();
        let mut add = |name: &str| {
            if let Value::List(items) = dns.entry(name.to_owned()).or_insert_with(|| Value::List(Vec::new())) {
                items.extend(words.iter().map(Value::from));
            }
        };
        match key {
            "nameserver" => add("nameservers"),
            "search" => add("search"),
            "sortlist" => add("sortlist"),
            "domain" => {
                if let Some(domain) = words.first() {
                    dns.insert("domain".into(), domain.into());
                }
            }
            "options" => {
                let options: Map = words
                    .iter()
                    .map(|option| match option.split_once(':') {
                        Some((name, value)) => (name.to_owned(), Value::from(value)),
                        None => (option.clone(), true.into()),
                    })
                    .collect();
                dns.insert("options".into(), options.into());
            }
            _ => {}
        }
    }
    facts.insert("dns".into(), dns.into());
}
