//! The queries of `ipaddr`, `ipv4` and `ipv6`, by
//! <https://docs.ansible.com/ansible/latest/collections/ansible/utils/docsite/filters_ipaddr.html>.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use minijinja::{Error, Value};

use super::kind::{is_global, is_link_local};
use super::value::{Address, Version, number_of, number_value, offset_by, shown, shown_net};
use crate::template::filter::call::Call;
use crate::template::filter::python::{integer, parse_int};

/// What is asked of an address.
#[derive(Clone, Debug)]
pub(super) enum Query {
    Name(String),
    Index(i128),
    /// Whether it is in this network.
    Within(IpNet),
}

impl Query {
    /// What a filter's argument asks.
    pub(super) fn read(value: Option<&Value>) -> Self {
        let Some(value) = value.filter(|value| !value.is_none()) else { return Query::Name(String::new()) };
        if value.kind() == minijinja::value::ValueKind::Number
            && let Some(index) = integer(value)
        {
            return Query::Index(index);
        }
        let text = value.to_string();
        if let Some(index) = parse_int(&text, 10) {
            return Query::Index(index);
        }
        match Address::read(&Value::from(text.as_str()), None) {
            Some(network) => Query::Within(network.net),
            None => Query::Name(text),
        }
    }

    /// The answer: none where there is no such thing, `false` where the address is not fit for the question.
    pub(super) fn ask(&self, call: &Call, address: &Address) -> Result<Value, Error> {
        let given = |fits: bool| if fits { Value::from(address.given.as_str()) } else { Value::from(()) };
        match self {
            Query::Name(name) => named(call, name, address),
            Query::Within(net) => Ok(given(contains(net, &address.net))),
            Query::Index(_) if address.size() == Some(1) => Ok(plain(address)),
            Query::Index(index) => Ok(match address.nth(*index) {
                Some(ip) => Value::from(format!("{}/{}", shown(ip), address.net.prefix_len())),
                None => Value::from(false),
            }),
        }
    }
}

/// Whether all addresses of a network are in another one.
pub(super) fn contains(net: &IpNet, other: &IpNet) -> bool {
    net.contains(&other.network()) && net.contains(&other.broadcast())
}

/// The address, with the length of its network where one was given.
pub(super) fn plain(address: &Address) -> Value {
    if address.has_prefix { Value::from(address.shown()) } else { text(address.ip()) }
}

fn text(ip: IpAddr) -> Value {
    Value::from(shown(ip))
}

fn named(call: &Call, name: &str, address: &Address) -> Result<Value, Error> {
    let nothing = || Value::from(());
    let given = |fits: bool| if fits { Value::from(address.given.as_str()) } else { nothing() };
    let (ip, net, size) = (address.ip(), &address.net, address.size());
    let is_pair = size == Some(2);
    // An address that a host can have: not the one by which a network goes.
    let is_host = is_pair || size == Some(1) || ip != address.network();
    let beside = |other: IpAddr| Value::from(format!("{} {}", shown(address.network()), shown(other)));
    Ok(match name {
        "" => plain(address),
        "bool" => Value::from(true),
        "address" | "ip" if is_host || ip.is_ipv6() => text(ip),
        "address" | "ip" => nothing(),
        "host" if is_host => Value::from(address.shown()),
        "host" => nothing(),
        "host/prefix" | "hostnet" | "router" | "gateway" | "gw" | "address/prefix"
            if is_host && (size.is_some_and(|size| size <= 2) || ip != address.last()) =>
        {
            Value::from(address.shown())
        }
        "host/prefix" | "hostnet" | "router" | "gateway" | "gw" | "address/prefix" => Value::from(false),
        "ip/prefix" if is_host && size != Some(1) => Value::from(address.shown()),
        "ip_netmask" if is_host && size != Some(1) => Value::from(format!("{} {}", shown(ip), shown(net.netmask()))),
        "ip/prefix" | "ip_netmask" => nothing(),
        "net" if address.is_network() => Value::from(address.shown()),
        "net" => nothing(),
        "network" | "network_id" => text(address.network()),
        "network/prefix" | "subnet" => Value::from(shown_net(&net.trunc())),
        "network_netmask" => beside(net.netmask()),
        "network_wildcard" => beside(net.hostmask()),
        "netmask" => text(net.netmask()),
        "hostmask" | "wildcard" => text(net.hostmask()),
        "prefix" => Value::from(net.prefix_len()),
        "cidr" => Value::from(address.shown()),
        "broadcast" if size.is_none_or(|size| size > 2) => text(address.last()),
        "broadcast" => nothing(),
        "size" => size.map_or_else(|| Value::from(2f64.powi(128)), number_value),
        "size_usable" => match size {
            None => number_value(u128::MAX - 1),
            Some(1) => Value::from(0),
            Some(2) => Value::from(2),
            Some(size) => number_value(size - 2),
        },
        "range_usable" | "first_usable" | "last_usable" | "next_usable" | "previous_usable" => {
            usable(call, name, address)?
        }
        "peer" => text(peer(call, address)?),
        "type" => Value::from(if address.is_network() { "network" } else { "address" }),
        "version" => Value::from(if ip.is_ipv4() { 4 } else { 6 }),
        "int" if address.has_prefix => Value::from(format!("{}/{}", number_of(ip), net.prefix_len())),
        "int" => number_value(number_of(ip)),
        "unicast" => given(!ip.is_multicast()),
        "multicast" => given(ip.is_multicast()),
        "public" => given(!ip.is_multicast() && is_global(ip)),
        "private" => given(!ip.is_multicast() && !is_global(ip)),
        "loopback" | "lo" => given(ip.is_loopback()),
        "link-local" => given(is_link_local(ip)),
        "ipv4" => in_version_4(address),
        "ipv6" => in_version_6(address),
        "6to4" => six_to_four(address),
        "wrap" => wrap(address),
        "revdns" => Value::from(reverse(ip)),
        _ => return Err(unknown(call, name)),
    })
}

fn unknown(call: &Call, name: &str) -> Error {
    const NAMES: &[&str] = &[
        "6to4",
        "address",
        "address/prefix",
        "bool",
        "broadcast",
        "cidr",
        "first_usable",
        "gateway",
        "gw",
        "host",
        "host/prefix",
        "hostmask",
        "hostnet",
        "int",
        "ip",
        "ip/prefix",
        "ip_netmask",
        "ipv4",
        "ipv6",
        "last_usable",
        "link-local",
        "lo",
        "loopback",
        "multicast",
        "net",
        "netmask",
        "network",
        "network/prefix",
        "network_id",
        "network_netmask",
        "network_wildcard",
        "next_usable",
        "peer",
        "prefix",
        "previous_usable",
        "private",
        "public",
        "range_usable",
        "revdns",
        "router",
        "size",
        "size_usable",
        "subnet",
        "type",
        "unicast",
        "version",
        "wildcard",
        "wrap",
    ];
    let short = call.name.rsplit('.').next().unwrap_or_default();
    call.fail(format!(
        "{short}: unknown filter type: {name}. It is no network and no number either; the names are {}",
        NAMES.join(", ")
    ))
}

/// What hosts of the network can have.
fn usable(call: &Call, name: &str, address: &Address) -> Result<Value, Error> {
    if !address.has_prefix {
        return Err(call.fail("Not a network address: the length of the network is missing (`192.0.2.1/24`)"));
    }
    if address.size() == Some(1) {
        return Ok(Value::from(()));
    }
    let (first, last) = address.usable();
    let beside = |offset| {
        let found = offset_by(address.ip(), offset).filter(|ip| (first..=last).contains(ip));
        found.map_or_else(|| Value::from(()), text)
    };
    Ok(match name {
        "first_usable" => text(first),
        "last_usable" => text(last),
        "next_usable" => beside(1),
        "previous_usable" => beside(-1),
        _ => Value::from(format!("{}-{}", shown(first), shown(last))),
    })
}

/// The other side of a link that has two.
fn peer(call: &Call, address: &Address) -> Result<IpAddr, Error> {
    let (first, last) = address.usable();
    let length = address.net.prefix_len();
    let other = if address.ip() == first { last } else { first };
    match address.size() {
        Some(2) => Ok(other),
        Some(4) if address.ip() == first || address.ip() == last => Ok(other),
        Some(4) if address.ip() == address.network() => {
            Err(call.fail(format!("Network address of /{length} has no peer")))
        }
        Some(4) => Err(call.fail(format!("Broadcast address of /{length} has no peer"))),
        _ => Err(call.fail("Not a point-to-point network")),
    }
}

/// The address as one of version 4, where it stands for one.
fn in_version_4(address: &Address) -> Value {
    match address.ip() {
        IpAddr::V4(_) => Value::from(address.given.as_str()),
        IpAddr::V6(ip) => match ip.segments() {
            [0, 0, 0, 0, 0, 0 | 0xffff, high, low] => {
                let ip = Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
                match address.net.prefix_len().checked_sub(96) {
                    Some(length) => Value::from(format!("{ip}/{length}")),
                    None => Value::from(false),
                }
            }
            _ => Value::from(false),
        },
    }
}

/// The address as one of version 6.
fn in_version_6(address: &Address) -> Value {
    match address.ip() {
        IpAddr::V4(ip) => Value::from(format!("{}/{}", ip.to_ipv6_mapped(), address.net.prefix_len() + 96)),
        IpAddr::V6(_) => Value::from(address.given.as_str()),
    }
}

/// The network of version 6 that belongs to an address of version 4 (RFC 3056).
fn six_to_four(address: &Address) -> Value {
    match address.ip() {
        IpAddr::V4(ip) if !address.is_network() && !ip.is_multicast() => {
            let [a, b, c, d] = ip.octets();
            Value::from(format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}::1/48"))
        }
        IpAddr::V6(ip) if matches!(ip.segments(), [0x2002, ..]) => Value::from(address.given.as_str()),
        _ => Value::from(false),
    }
}

/// The address, in brackets if it is one of version 6.
pub(super) fn wrap(address: &Address) -> Value {
    match (address.version(), address.has_prefix) {
        (Version::V6, true) => Value::from(format!("[{}]/{}", shown(address.ip()), address.net.prefix_len())),
        (Version::V6, false) => Value::from(format!("[{}]", shown(address.ip()))),
        (Version::V4, _) => Value::from(address.given.as_str()),
    }
}

/// Its name in the domain name system.
fn reverse(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => {
            let [a, b, c, d] = ip.octets();
            format!("{d}.{c}.{b}.{a}.in-addr.arpa.")
        }
        IpAddr::V6(ip) => digits(ip) + "ip6.arpa.",
    }
}

fn digits(ip: Ipv6Addr) -> String {
    let nibbles = ip.octets().into_iter().rev().flat_map(|octet| [octet & 15, octet >> 4]);
    nibbles.map(|nibble| format!("{nibble:x}.")).collect()
}
