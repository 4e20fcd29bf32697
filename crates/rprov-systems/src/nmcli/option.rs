//! The options of `nmcli`, as documented.

use rprov_modules::argument::Rule;
use rprov_modules::{arguments, choices};

use super::setting::{Gsm, Macvlan, Sriov, Vpn, Wifi, WifiSecurity, Wireguard};

choices! {
    /// Whether the connection is there, or up.
    pub enum State {
        Absent = "absent",
        Present = "present",
        Up = "up",
        Down = "down",
    }
}

choices! {
    /// The kind of connection.
    pub enum Kind {
        Bond = "bond",
        BondSlave = "bond-slave",
        Bridge = "bridge",
        BridgeSlave = "bridge-slave",
        Dummy = "dummy",
        Ethernet = "ethernet",
        Generic = "generic",
        Gre = "gre",
        Infiniband = "infiniband",
        Ipip = "ipip",
        Macvlan = "macvlan",
        Sit = "sit",
        Team = "team",
        TeamSlave = "team-slave",
        Vlan = "vlan",
        Vxlan = "vxlan",
        Wifi = "wifi",
        Gsm = "gsm",
        Wireguard = "wireguard",
        OvsBridge = "ovs-bridge",
        OvsPort = "ovs-port",
        OvsInterface = "ovs-interface",
        Vpn = "vpn",
        Vrf = "vrf",
        Loopback = "loopback",
    }
}

choices! {
    /// How the addresses of IPv6 that a router announces are made.
    pub enum AddressMode {
        Default = "default",
        DefaultOrEui64 = "default-or-eui64",
        Eui64 = "eui64",
        StablePrivacy = "stable-privacy",
    }
}

choices! {
    /// Of a bond: what happens with its address.
    pub enum FailOverMac {
        None = "none",
        Active = "active",
        Follow = "follow",
    }
}

choices! {
    /// Addresses of IPv6 that change.
    pub enum Privacy {
        Disabled = "disabled",
        PreferPublicAddr = "prefer-public-addr",
        PreferTempAddr = "prefer-temp-addr",
        Unknown = "unknown",
    }
}

choices! {
    /// How IPv4 is configured; by hand where there are addresses.
    pub enum Method4 {
        Auto = "auto",
        LinkLocal = "link-local",
        Manual = "manual",
        Shared = "shared",
        Disabled = "disabled",
    }
}

choices! {
    /// How IPv6 is configured; by hand where there are addresses.
    pub enum Method6 {
        Ignore = "ignore",
        Auto = "auto",
        Dhcp = "dhcp",
        LinkLocal = "link-local",
        Manual = "manual",
        Shared = "shared",
        Disabled = "disabled",
    }
}

choices! {
    /// Of a bond: how it uses its ports.
    pub enum BondMode {
        Ieee8023ad = "802.3ad",
        ActiveBackup = "active-backup",
        BalanceAlb = "balance-alb",
        BalanceRr = "balance-rr",
        BalanceTlb = "balance-tlb",
        BalanceXor = "balance-xor",
        Broadcast = "broadcast",
    }
}

choices! {
    /// Of a team: how it uses its ports.
    pub enum Runner {
        Broadcast = "broadcast",
        Roundrobin = "roundrobin",
        Activebackup = "activebackup",
        Loadbalance = "loadbalance",
        Lacp = "lacp",
    }
}

choices! {
    /// Of a team: the addresses of its ports.
    pub enum RunnerPolicy {
        SameAll = "same_all",
        ByActive = "by_active",
        OnlyActive = "only_active",
    }
}

choices! {
    /// The kind of what it is a port of.
    pub enum SlaveType {
        Bond = "bond",
        Bridge = "bridge",
        Team = "team",
        OvsPort = "ovs-port",
        Vrf = "vrf",
    }
}

choices! {
    /// Of InfiniBand: its mode.
    pub enum TransportMode {
        Datagram = "datagram",
        Connected = "connected",
    }
}

arguments! {
    /// A route of IPv4.
    pub struct Route4 {
        /// The network that it leads to.
        ip: String,
        /// Who leads there.
        next_hop: Option<String>,
        /// What it costs.
        metric: Option<i64>,
        /// The table that it is in.
        table: Option<i64>,
        /// The largest congestion window.
        cwnd: Option<i64>,
        /// The largest packet.
        mtu: Option<i64>,
        /// The next host is on the link, whatever its address is.
        onlink: Option<bool>,
        /// The type of service.
        tos: Option<i64>,
    }
}

arguments! {
    /// A route of IPv6.
    pub struct Route6 {
        /// The network that it leads to.
        ip: String,
        /// Who leads there.
        next_hop: Option<String>,
        /// What it costs.
        metric: Option<i64>,
        /// The table that it is in.
        table: Option<i64>,
        /// The largest congestion window.
        cwnd: Option<i64>,
        /// The largest packet.
        mtu: Option<i64>,
        /// The next host is on the link, whatever its address is.
        onlink: Option<bool>,
    }
}

arguments! {
    /// Manage Networking.
    pub struct Arguments {
        /// Name of the connection.
        conn_name: String,
        /// Whether the connection is there, or up.
        state: State,
        /// The kind of connection.
        r#type: Option<Kind>,
        /// The interface; the name of the connection if none is given, any for `*`.
        ifname: Option<String>,
        /// How the addresses of IPv6 that a router announces are made.
        addr_gen_mode6: Option<AddressMode>,
        /// Of a bridge: seconds that an address is remembered.
        ageingtime: i64 = 300,
        /// Of a bond: milliseconds between requests of ARP.
        arp_interval: Option<i64>,
        /// Of a bond: the addresses that are asked for by ARP.
        arp_ip_target: Option<String>,
        /// Bring it up by itself.
        autoconnect: bool = true,
        /// Which of several is brought up by itself.
        autoconnect_priority: Option<i64>,
        /// How often to try to.
        autoconnect_retries: Option<i64>,
        /// Have all connections read again once it is modified.
        conn_reload: bool = false,
        /// Who asks for an address by DHCP.
        dhcp_client_id: Option<String>,
        /// Servers for names, by IPv4.
        dns4: Option<Vec<String>>,
        /// Take no servers that DHCP names.
        dns4_ignore_auto: bool = false,
        /// Options of the resolver.
        dns4_options: Option<Vec<String>>,
        /// Domains to search for names.
        dns4_search: Option<Vec<String>>,
        /// Servers for names, by IPv6.
        dns6: Option<Vec<String>>,
        /// Take no servers that a router names.
        dns6_ignore_auto: bool = false,
        /// Options of the resolver.
        dns6_options: Option<Vec<String>>,
        /// Domains to search for names.
        dns6_search: Option<Vec<String>>,
        /// Of a bond: milliseconds until a lost link counts.
        downdelay: Option<i64>,
        /// Of a VLAN: the priorities of what is sent.
        egress: Option<String>,
        /// Of a bond: what happens with its address.
        fail_over_mac: Option<FailOverMac>,
        /// Of a VLAN: its flags.
        flags: Option<String>,
        /// Of a bridge: seconds until it forwards.
        forwarddelay: i64 = 15,
        /// Settings of a modem.
        gsm: Option<Gsm>,
        /// The gateway of IPv4.
        gw4: Option<String>,
        /// Take no routes that DHCP names.
        gw4_ignore_auto: bool = false,
        /// The gateway of IPv6.
        gw6: Option<String>,
        /// Take no routes that a router names.
        gw6_ignore_auto: bool = false,
        /// Of a port of a bridge: send frames back to where they came from.
        hairpin: bool = false,
        /// Of a bridge: seconds between two greetings.
        hellotime: i64 = 2,
        /// Pass over what this NetworkManager does not know of `wifi` and `wifi_sec`.
        ignore_unsupported_suboptions: bool = false,
        /// Of InfiniBand: its address.
        infiniband_mac: Option<String>,
        /// Of a VLAN: the priorities of what is received.
        ingress: Option<String>,
        /// Addresses of IPv4.
        ip4: Option<Vec<String>>,
        /// Addresses of IPv6.
        ip6: Option<Vec<String>>,
        /// Addresses of IPv6 that change.
        ip_privacy6: Option<Privacy>,
        /// Of a tunnel: the interface below.
        ip_tunnel_dev: Option<String>,
        /// Of a tunnel: the key of what is received.
        ip_tunnel_input_key: Option<String>,
        /// Of a tunnel: this end.
        ip_tunnel_local: Option<String>,
        /// Of a tunnel: the key of what is sent.
        ip_tunnel_output_key: Option<String>,
        /// Of a tunnel: the other end.
        ip_tunnel_remote: Option<String>,
        /// Of a bridge: its address.
        mac: Option<String>,
        /// Settings of an interface with an address of its own on another one.
        macvlan: Option<Macvlan>,
        /// What it is a port of.
        master: Option<String>,
        /// Of a bridge: seconds that a message is good for.
        maxage: i64 = 20,
        /// It is up without IPv4 as well.
        may_fail4: bool = true,
        /// How IPv4 is configured; by hand where there are addresses.
        method4: Option<Method4>,
        /// How IPv6 is configured; by hand where there are addresses.
        method6: Option<Method6>,
        /// Of a bond: milliseconds between two looks at the link.
        miimon: Option<i64>,
        /// Of a bond: how it uses its ports.
        mode: BondMode = BondMode::BalanceRr,
        /// The largest packet.
        mtu: Option<i64>,
        /// It has no default route of IPv4.
        never_default4: bool = false,
        /// Of a port of a bridge: what the way over it costs.
        path_cost: i64 = 100,
        /// Of a bond: the port to prefer.
        primary: Option<String>,
        /// Of a bridge: its priority.
        priority: i64 = 128,
        /// What its routes of IPv4 cost.
        route_metric4: Option<i64>,
        /// What its routes of IPv6 cost.
        route_metric6: Option<i64>,
        /// Routes of IPv4: a network, and who leads there.
        routes4: Option<Vec<String>>,
        /// Routes of IPv4, with all that a route has.
        routes4_extended: Option<Vec<Route4>>,
        /// Routes of IPv6: a network, and who leads there.
        routes6: Option<Vec<String>>,
        /// Routes of IPv6, with all that a route has.
        routes6_extended: Option<Vec<Route6>>,
        /// Rules of IPv4, as `ip rule add` takes them; each needs a priority.
        routing_rules4: Option<Vec<String>>,
        /// Of a team: how it uses its ports.
        runner: Runner = Runner::Roundrobin,
        /// Of a team: ask the other end for many messages.
        runner_fast_rate: Option<bool>,
        /// Of a team: the addresses of its ports.
        runner_hwaddr_policy: Option<RunnerPolicy>,
        /// The kind of what it is a port of.
        slave_type: Option<SlaveType>,
        /// Of a port of a bridge: its priority.
        slavepriority: i64 = 32,
        /// Settings of virtual functions.
        sriov: Option<Sriov>,
        /// Of a wireless network: its name.
        ssid: Option<String>,
        /// Of a bridge: look for loops.
        stp: bool = true,
        /// Of a VRF: its table of routes.
        table: Option<i64>,
        /// Of InfiniBand: its mode.
        transport_mode: Option<TransportMode>,
        /// Of a bond: milliseconds until a new link counts.
        updelay: Option<i64>,
        /// Of a VLAN: the interface below.
        vlandev: Option<String>,
        /// Of a VLAN: its number.
        vlanid: Option<i64>,
        /// Settings of a VPN.
        vpn: Option<Vpn>,
        /// Of a VXLAN: its number.
        vxlan_id: Option<i64>,
        /// Of a VXLAN: this end.
        vxlan_local: Option<String>,
        /// Of a VXLAN: the other end.
        vxlan_remote: Option<String>,
        /// Settings of a wireless network.
        wifi: Option<Wifi>,
        /// Settings of its security.
        wifi_sec: Option<WifiSecurity>,
        /// Settings of WireGuard.
        wireguard: Option<Wireguard>,
        /// Of a bond: what decides on the port.
        xmit_hash_policy: Option<String>,
        /// The zone of the firewall.
        zone: Option<String>,
    }
    rules: [
        Rule::Exclusive(&["never_default4", "gw4"]),
        Rule::Exclusive(&["routes4_extended", "routes4"]),
        Rule::Exclusive(&["routes6_extended", "routes6"]),
        Rule::By("slave_type", &["master"]),
        Rule::If("type", "wifi", &["ssid"]),
    ]
}
