//! The properties that the options stand for.

use rprov_modules::Failure;
use rprov_modules::argument::{OptionSpec, Type};
use rprov_wire::{Map, Value};

use super::option::{Arguments, Kind, SlaveType};
use super::property::Property;

/// Properties in the order in which they are set.
#[derive(Debug, Default)]
pub struct Properties(Vec<Property>);

/// A value as nmcli takes it; nothing for one that is not given.
trait Written {
    fn written(&self) -> Option<String>;
}

impl Written for bool {
    fn written(&self) -> Option<String> {
        Some(if *self { "yes" } else { "no" }.to_owned())
    }
}

impl Written for i64 {
    fn written(&self) -> Option<String> {
        Some(self.to_string())
    }
}

impl Written for String {
    fn written(&self) -> Option<String> {
        Some(self.clone())
    }
}

impl Written for &str {
    fn written(&self) -> Option<String> {
        Some((*self).to_owned())
    }
}

impl Written for Vec<String> {
    fn written(&self) -> Option<String> {
        Some(self.join(","))
    }
}

impl<T: Written> Written for Option<T> {
    fn written(&self) -> Option<String> {
        self.as_ref().and_then(Written::written)
    }
}

impl Properties {
    fn set(&mut self, name: &str, value: &impl Written) {
        if let Some(value) = value.written() {
            self.0.push(Property { name: name.to_owned(), value, is_secret: false });
        }
    }

    /// Settings under their own names.
    fn settings(&mut self, setting: &str, values: &Map, known: &Type) {
        let secrets: &[OptionSpec] = match known {
            Type::Nested(spec) => spec.own,
            _ => &[],
        };
        for (name, value) in values.iter().filter(|(_, value)| !value.is_null()) {
            let option = secrets.iter().find(|option| option.name == name);
            let is_secret = option.is_some_and(|option| matches!(option.kind, Type::Secret));
            let is_switch = option.is_some_and(|option| matches!(option.kind, Type::Bool));
            // nmcli reads it as hexadecimal, with or without the mark.
            let value = match value {
                Value::Int(mark) if name == "fwmark" => format!("{mark:#x}"),
                value => scalar(value, is_switch),
            };
            self.0.push(Property { name: format!("{setting}.{name}"), value, is_secret });
        }
    }
}

fn scalar(value: &Value, is_switch: bool) -> String {
    match value {
        Value::List(items) => items.iter().map(|item| scalar(item, false)).collect::<Vec<_>>().join(","),
        Value::Bool(flag) => flag.written().unwrap_or_default(),
        Value::String(text) if is_switch => rprov_modules::argument::boolean(text)
            .map_or_else(|| text.clone(), |flag| if flag { "yes" } else { "no" }.to_owned()),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The name that NetworkManager has for a kind of connection, when one is added.
pub fn type_name(kind: Kind) -> &'static str {
    match kind {
        Kind::BondSlave | Kind::BridgeSlave | Kind::TeamSlave => "ethernet",
        Kind::Gre | Kind::Ipip | Kind::Sit => "ip-tunnel",
        other => other.word(),
    }
}

/// The kind that a connection has which is there.
pub fn kind_of(shown: &str, mode: &str) -> Option<Kind> {
    Some(match shown {
        "802-3-ethernet" => Kind::Ethernet,
        "802-11-wireless" => Kind::Wifi,
        "bond" => Kind::Bond,
        "bridge" => Kind::Bridge,
        "dummy" => Kind::Dummy,
        "generic" => Kind::Generic,
        "infiniband" => Kind::Infiniband,
        "macvlan" => Kind::Macvlan,
        "team" => Kind::Team,
        "vlan" => Kind::Vlan,
        "vxlan" => Kind::Vxlan,
        "gsm" => Kind::Gsm,
        "wireguard" => Kind::Wireguard,
        "ovs-bridge" => Kind::OvsBridge,
        "ovs-port" => Kind::OvsPort,
        "ovs-interface" => Kind::OvsInterface,
        "vpn" => Kind::Vpn,
        "vrf" => Kind::Vrf,
        "loopback" => Kind::Loopback,
        "ip-tunnel" => match mode {
            "gre" => Kind::Gre,
            "sit" => Kind::Sit,
            _ => Kind::Ipip,
        },
        _ => return None,
    })
}

/// All that the options ask for, of a connection of that kind. One that is new needs more said.
///
/// # Errors
/// A value holds what separates values.
pub fn properties(arguments: &Arguments, kind: Kind, is_new: bool) -> Result<Vec<Property>, Failure> {
    let mut wanted = Properties::default();
    let is_port = arguments.master.is_some()
        || arguments.slave_type.is_some()
        || matches!(kind, Kind::BondSlave | Kind::BridgeSlave | Kind::TeamSlave);
    wanted.set("connection.autoconnect", &arguments.autoconnect);
    wanted.set("connection.autoconnect-priority", &arguments.autoconnect_priority);
    wanted.set("connection.autoconnect-retries", &arguments.autoconnect_retries);
    wanted.set("connection.zone", &arguments.zone);
    match arguments.ifname.as_deref() {
        Some("*") => wanted.set("connection.interface-name", &""),
        Some(name) => wanted.set("connection.interface-name", &name),
        None if kind == Kind::Vpn => {}
        None => wanted.set("connection.interface-name", &arguments.conn_name),
    }
    wanted.set("connection.master", &arguments.master);
    let slave_type = match (arguments.slave_type, kind) {
        (Some(kind), _) => Some(kind.word()),
        (None, Kind::BondSlave) => Some("bond"),
        (None, Kind::BridgeSlave) => Some("bridge"),
        (None, Kind::TeamSlave) => Some("team"),
        _ => None,
    };
    wanted.set("connection.slave-type", &slave_type);
    if slave_type == Some(SlaveType::Bridge.word()) {
        wanted.set("bridge-port.path-cost", &arguments.path_cost);
        wanted.set("bridge-port.hairpin-mode", &arguments.hairpin);
        wanted.set("bridge-port.priority", &arguments.slavepriority);
    }
    // A port has the addresses of what it is a port of; one of a VRF has its own.
    let has_addresses = !is_port || slave_type == Some(SlaveType::Vrf.word());
    if has_addresses && !matches!(kind, Kind::OvsBridge | Kind::OvsPort) {
        // It has no other way to get addresses.
        let default = (is_new && kind == Kind::Wireguard).then_some("disabled");
        addresses(&mut wanted, arguments, default);
    }
    own(&mut wanted, arguments, kind);
    if let Some(wrong) = wanted.0.iter().find(|property| property.value.contains(['\n', '\r'])) {
        return Err(Failure::new(format!("{}: it has a line break", wrong.name)));
    }
    Ok(wanted.0)
}

fn addresses(wanted: &mut Properties, arguments: &Arguments, default: Option<&'static str>) {
    let has = |list: &Option<Vec<String>>| list.as_ref().is_some_and(|list| !list.is_empty());
    let method4 = arguments.method4.map(|method| method.word()).or(has(&arguments.ip4).then_some("manual")).or(default);
    let method6 = arguments.method6.map(|method| method.word()).or(has(&arguments.ip6).then_some("manual")).or(default);
    let routes4 = arguments.routes4_extended.as_ref().map(|routes| {
        let route = |route: &super::option::Route4| {
            let numbers = [("table", route.table), ("cwnd", route.cwnd), ("mtu", route.mtu), ("tos", route.tos)];
            routed(&route.ip, route.next_hop.as_deref(), route.metric, &numbers, route.onlink)
        };
        routes.iter().map(route).collect::<Vec<_>>()
    });
    let routes6 = arguments.routes6_extended.as_ref().map(|routes| {
        let route = |route: &super::option::Route6| {
            let numbers = [("table", route.table), ("cwnd", route.cwnd), ("mtu", route.mtu)];
            routed(&route.ip, route.next_hop.as_deref(), route.metric, &numbers, route.onlink)
        };
        routes.iter().map(route).collect::<Vec<_>>()
    });
    // Addresses first: without one there can be no gateway.
    wanted.set("ipv4.addresses", &arguments.ip4);
    wanted.set("ipv4.gateway", &arguments.gw4);
    wanted.set("ipv4.method", &method4);
    wanted.set("ipv4.dhcp-client-id", &arguments.dhcp_client_id);
    wanted.set("ipv4.dns", &arguments.dns4);
    wanted.set("ipv4.dns-search", &arguments.dns4_search);
    wanted.set("ipv4.dns-options", &arguments.dns4_options);
    wanted.set("ipv4.ignore-auto-dns", &arguments.dns4_ignore_auto);
    wanted.set("ipv4.ignore-auto-routes", &arguments.gw4_ignore_auto);
    wanted.set("ipv4.routes", &arguments.routes4.clone().or(routes4));
    wanted.set("ipv4.route-metric", &arguments.route_metric4);
    wanted.set("ipv4.routing-rules", &arguments.routing_rules4);
    wanted.set("ipv4.never-default", &arguments.never_default4);
    wanted.set("ipv4.may-fail", &arguments.may_fail4);
    wanted.set("ipv6.addresses", &arguments.ip6);
    wanted.set("ipv6.gateway", &arguments.gw6);
    wanted.set("ipv6.method", &method6);
    wanted.set("ipv6.dns", &arguments.dns6);
    wanted.set("ipv6.dns-search", &arguments.dns6_search);
    wanted.set("ipv6.dns-options", &arguments.dns6_options);
    wanted.set("ipv6.ignore-auto-dns", &arguments.dns6_ignore_auto);
    wanted.set("ipv6.ignore-auto-routes", &arguments.gw6_ignore_auto);
    wanted.set("ipv6.routes", &arguments.routes6.clone().or(routes6));
    wanted.set("ipv6.route-metric", &arguments.route_metric6);
    let privacy = arguments.ip_privacy6.map(|privacy| match privacy.word() {
        "disabled" => 0_i64,
        "prefer-public-addr" => 1,
        "prefer-temp-addr" => 2,
        _ => -1,
    });
    wanted.set("ipv6.ip6-privacy", &privacy);
    wanted.set("ipv6.addr-gen-mode", &arguments.addr_gen_mode6.map(|mode| mode.word()));
}

fn routed(
    network: &str,
    next: Option<&str>,
    metric: Option<i64>,
    numbers: &[(&str, Option<i64>)],
    onlink: Option<bool>,
) -> String {
    let mut words = vec![network.to_owned()];
    words.extend(next.map(str::to_owned));
    words.extend(metric.map(|metric| metric.to_string()));
    words.extend(numbers.iter().filter_map(|(name, number)| number.map(|number| format!("{name}={number}"))));
    words.extend(onlink.map(|onlink| format!("onlink={onlink}")));
    words.join(" ")
}

/// What a kind of connection has of its own.
fn own(wanted: &mut Properties, arguments: &Arguments, kind: Kind) {
    match kind {
        Kind::Bond => {
            let number = |name: &str, number: Option<i64>| number.map(|number| format!("{name}={number}"));
            let text = |name: &str, text: Option<&str>| text.map(|text| format!("{name}={}", text.replace(',', " ")));
            let options = [
                text("mode", Some(arguments.mode.word())),
                text("primary", arguments.primary.as_deref()),
                number("miimon", arguments.miimon),
                number("downdelay", arguments.downdelay),
                number("updelay", arguments.updelay),
                text("xmit_hash_policy", arguments.xmit_hash_policy.as_deref()),
                text("fail_over_mac", arguments.fail_over_mac.map(|policy| policy.word())),
                number("arp_interval", arguments.arp_interval),
                text("arp_ip_target", arguments.arp_ip_target.as_deref()),
            ];
            wanted.set("bond.options", &options.into_iter().flatten().collect::<Vec<_>>());
        }
        Kind::Bridge => {
            wanted.set("bridge.ageing-time", &arguments.ageingtime);
            wanted.set("bridge.forward-delay", &arguments.forwarddelay);
            wanted.set("bridge.hello-time", &arguments.hellotime);
            wanted.set("bridge.max-age", &arguments.maxage);
            wanted.set("bridge.priority", &arguments.priority);
            wanted.set("bridge.stp", &arguments.stp);
            wanted.set("bridge.mac-address", &arguments.mac);
        }
        Kind::Team => {
            wanted.set("team.runner", &arguments.runner.word());
            wanted.set("team.runner-hwaddr-policy", &arguments.runner_hwaddr_policy.map(|policy| policy.word()));
            wanted.set("team.runner-fast-rate", &arguments.runner_fast_rate);
        }
        Kind::Vlan => {
            wanted.set("vlan.parent", &arguments.vlandev);
            wanted.set("vlan.id", &arguments.vlanid);
            wanted.set("vlan.flags", &arguments.flags);
            wanted.set("vlan.ingress-priority-map", &arguments.ingress);
            wanted.set("vlan.egress-priority-map", &arguments.egress);
        }
        Kind::Vxlan => {
            wanted.set("vxlan.id", &arguments.vxlan_id);
            wanted.set("vxlan.local", &arguments.vxlan_local);
            wanted.set("vxlan.remote", &arguments.vxlan_remote);
        }
        Kind::Gre | Kind::Ipip | Kind::Sit => {
            wanted.set("ip-tunnel.mode", &kind.word());
            wanted.set("ip-tunnel.parent", &arguments.ip_tunnel_dev);
            wanted.set("ip-tunnel.local", &arguments.ip_tunnel_local);
            wanted.set("ip-tunnel.remote", &arguments.ip_tunnel_remote);
            wanted.set("ip-tunnel.input-key", &arguments.ip_tunnel_input_key);
            wanted.set("ip-tunnel.output-key", &arguments.ip_tunnel_output_key);
        }
        Kind::Infiniband => {
            wanted.set("infiniband.transport-mode", &arguments.transport_mode.map(|mode| mode.word()));
            wanted.set("infiniband.mac-address", &arguments.infiniband_mac);
        }
        Kind::Vrf => wanted.set("vrf.table", &arguments.table),
        Kind::Wifi => {
            wanted.set("802-11-wireless.ssid", &arguments.ssid);
            if let Some(wifi) = &arguments.wifi {
                wanted.settings("802-11-wireless", &wifi.0, &kind_of_option(wifi));
            }
            if let Some(security) = &arguments.wifi_sec {
                wanted.settings("802-11-wireless-security", &security.0, &kind_of_option(security));
            }
        }
        Kind::Gsm => {
            if let Some(gsm) = &arguments.gsm {
                wanted.settings("gsm", &gsm.0, &kind_of_option(gsm));
            }
        }
        Kind::Macvlan => {
            if let Some(macvlan) = &arguments.macvlan {
                wanted.settings("macvlan", &macvlan.0, &kind_of_option(macvlan));
            }
        }
        Kind::Wireguard => {
            if let Some(wireguard) = &arguments.wireguard {
                wanted.settings("wireguard", &wireguard.0, &kind_of_option(wireguard));
            }
        }
        Kind::Vpn => vpn(wanted, arguments),
        _ => {}
    }
    if let Some(sriov) = &arguments.sriov {
        wanted.settings("sriov", &sriov.0, &kind_of_option(sriov));
    }
    match (arguments.mtu, kind) {
        (Some(mtu), Kind::Infiniband) => wanted.set("infiniband.mtu", &mtu),
        (Some(mtu), Kind::Wifi) => wanted.set("802-11-wireless.mtu", &mtu),
        (Some(mtu), Kind::Wireguard) => wanted.set("wireguard.mtu", &mtu),
        (Some(_), Kind::Gsm | Kind::Vpn | Kind::Generic | Kind::Vrf) => {}
        (mtu, _) => wanted.set("802-3-ethernet.mtu", &mtu),
    }
}

/// The service, and what it is told.
fn vpn(wanted: &mut Properties, arguments: &Arguments) {
    let Some(vpn) = &arguments.vpn else { return };
    let mut data = Vec::new();
    for (name, value) in vpn.0.iter().filter(|(_, value)| !value.is_null()) {
        let value = scalar(value, name == "ipsec-enabled");
        match name.as_str() {
            "permissions" => wanted.set("connection.permissions", &value),
            "service-type" => wanted.set("vpn.service-type", &value),
            _ => data.push(format!("{name}={value}")),
        }
    }
    let is_secret = vpn.0.contains_key("ipsec-psk");
    wanted.0.push(Property { name: "vpn.data".to_owned(), value: data.join(","), is_secret });
}

fn kind_of_option<T: rprov_modules::argument::Argument>(_: &T) -> Type {
    T::KIND
}
