//! When two ways to write a property are the same.

use std::net::{Ipv4Addr, Ipv6Addr};

/// A property, and what it is to be.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Its name, as `ipv4.method`.
    pub name: String,
    /// Its value, as nmcli takes it.
    pub value: String,
    /// It must be on no command line.
    pub is_secret: bool,
}

impl Property {
    /// Whether a value that nmcli shows is this one.
    pub fn is(&self, shown: &str) -> bool {
        canonical(&self.name, &self.value) == canonical(&self.name, shown)
    }
}

/// Words that stand for numbers.
const WORDS: [(&str, &[(&str, &str)]); 5] = [
    (
        "ipv6.ip6-privacy",
        &[("unknown", "-1"), ("disabled", "0"), ("prefer-public-addr", "1"), ("prefer-temp-addr", "2")],
    ),
    ("802-11-wireless.mac-address-randomization", &[("default", "0"), ("never", "1"), ("always", "2")]),
    ("802-11-wireless.powersave", &[("default", "0"), ("ignore", "1"), ("disable", "2"), ("enable", "3")]),
    ("802-11-wireless-security.wep-key-type", &[("unknown", "0"), ("key", "1"), ("passphrase", "2")]),
    ("macvlan.mode", &[("vepa", "1"), ("bridge", "2"), ("private", "3"), ("passthru", "4"), ("source", "5")]),
];

/// The parts of a value, each in one way of writing.
fn canonical(name: &str, value: &str) -> Vec<String> {
    let value = value.trim();
    if name == "bond.options" {
        let mut options: Vec<String> =
            value.split(',').map(|option| option.trim().to_owned()).filter(|option| !option.is_empty()).collect();
        options.sort();
        return options;
    }
    if name == "802-11-wireless.ssid" || name.ends_with(".psk") || name == "connection.id" {
        return vec![value.to_owned()];
    }
    let is_map = name.ends_with("-priority-map");
    let parts = value.split(|mark: char| mark == ',' || (is_map && mark == ' '));
    let parts = parts.map(str::trim).filter(|part| !part.is_empty());
    let mut parts: Vec<String> = parts.map(|part| part_of(name, part)).collect();
    if name.ends_with(".flags") || name == "vpn.data" {
        parts.sort();
    }
    // Nothing at all is what is not set.
    if parts == ["0"] && name.ends_with("mtu") { Vec::new() } else { parts }
}

fn part_of(name: &str, part: &str) -> String {
    if let Some((_, words)) = WORDS.iter().find(|(of, _)| *of == name)
        && let Some((_, number)) = words.iter().find(|(word, _)| part.eq_ignore_ascii_case(word))
    {
        return (*number).to_owned();
    }
    if name == "vpn.data" {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        return format!("{}={}", key.trim(), value.trim());
    }
    if name == "connection.permissions" {
        return part.strip_prefix("user:").unwrap_or(part).trim_end_matches(':').to_owned();
    }
    if name.ends_with(".routes") {
        return route(part);
    }
    if name.ends_with(".addresses") {
        return network(part);
    }
    if part == "auto" && name.ends_with("mtu") {
        return "0".to_owned();
    }
    plain(part)
}

/// Numbers, switches and addresses in one way of writing.
fn plain(text: &str) -> String {
    let lower = text.to_ascii_lowercase();
    if let Some(number) = lower.strip_prefix("0x").and_then(|digits| u64::from_str_radix(digits, 16).ok()) {
        return number.to_string();
    }
    match lower.as_str() {
        "yes" | "true" | "on" => return "1".to_owned(),
        "no" | "false" | "off" => return "0".to_owned(),
        _ => {}
    }
    if let Ok(address) = lower.parse::<Ipv6Addr>() {
        return address.to_string();
    }
    // Addresses of hardware are the same in either case.
    let is_hardware = lower.len() == 17 && lower.split(':').all(|pair| pair.len() == 2);
    if is_hardware { lower } else { text.to_owned() }
}

/// A network or an address, with the length of its prefix.
fn network(text: &str) -> String {
    let (address, length) = text.split_once('/').unwrap_or((text, ""));
    if let Ok(address) = address.parse::<Ipv4Addr>() {
        let length = if length.is_empty() { "32" } else { length };
        return format!("{address}/{length}");
    }
    match address.parse::<Ipv6Addr>() {
        Ok(address) => format!("{address}/{}", if length.is_empty() { "128" } else { length }),
        Err(_) => text.to_owned(),
    }
}

/// A route: the network, the next host and what it costs, then attributes in any order.
fn route(text: &str) -> String {
    let mut words = text.split_whitespace();
    let mut made = vec![network(words.next().unwrap_or_default())];
    let mut attributes = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some((name, value)) => attributes.push(format!("{name}={}", plain(value))),
            None => made.push(plain(word)),
        }
    }
    attributes.sort();
    made.extend(attributes);
    made.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_the_same_however_they_are_written() {
        let is = |name: &str, value: &str, shown: &str| {
            Property { name: name.to_owned(), value: value.to_owned(), is_secret: false }.is(shown)
        };
        assert!(is("ipv4.addresses", "10.0.0.1", "10.0.0.1/32"));
        assert!(!is("ipv4.addresses", "10.0.0.1/24", "10.0.0.1/32"));
        assert!(is("ipv6.addresses", "FD00:0::1/64", "fd00::1/64"));
        assert!(is("ipv4.routes", "10.8.0.0/16 10.9.0.9 5 mtu=9 table=7", "10.8.0.0/16 10.9.0.9 5 table=7 mtu=9"));
        assert!(!is("ipv4.routes", "10.8.0.0/16 10.9.0.9", "10.8.0.0/16 10.9.0.9 5"));
        assert!(is("ipv6.ip6-privacy", "prefer-temp-addr", "2"));
        assert!(is("wireguard.fwmark", "16", "0x10"));
        assert!(is("wireguard.peer-routes", "yes", "1"));
        assert!(is("802-3-ethernet.mtu", "0", "auto") && !is("802-3-ethernet.mtu", "9000", "auto"));
        assert!(is("vlan.egress-priority-map", "1:2,3:4", "1:2 3:4"));
        assert!(is("bond.options", "miimon=100,mode=802.3ad", "mode=802.3ad,miimon=100"));
        assert!(is("bridge.mac-address", "AA:bb:cc:dd:ee:ff", "AA:BB:CC:DD:EE:FF"));
        assert!(is("ipv4.dns", "", ""));
        assert!(!is("ipv4.dns", "10.0.0.1,10.0.0.2", "10.0.0.2,10.0.0.1"));
    }
}
