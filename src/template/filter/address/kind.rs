//! What kind of address it is, by the registries of special addresses
//! (<https://www.iana.org/assignments/iana-ipv4-special-registry/>, <https://www.iana.org/assignments/iana-ipv6-special-registry/>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of version 4 that are not reachable from everywhere.
const LOCAL_4: &[(u32, u8)] = &[
    (0x0000_0000, 8),
    (0x0a00_0000, 8),
    (0x6440_0000, 10),
    (0x7f00_0000, 8),
    (0xa9fe_0000, 16),
    (0xac10_0000, 12),
    (0xc000_0000, 24),
    (0xc000_0200, 24),
    (0xc0a8_0000, 16),
    (0xc612_0000, 15),
    (0xc633_6400, 24),
    (0xcb00_7100, 24),
    (0xf000_0000, 4),
];

/// Among those of version 4, what is reachable all the same.
const GLOBAL_4: &[(u32, u8)] = &[(0xc000_0009, 32), (0xc000_000a, 32)];

/// The same for version 6.
const LOCAL_6: &[(u128, u8)] = &[
    (0x0000_0000_0000_0000_0000_0000_0000_0000, 127),
    (0x0000_0000_0000_0000_0000_ffff_0000_0000, 96),
    (0x0064_ff9b_0001_0000_0000_0000_0000_0000, 48),
    (0x0100_0000_0000_0000_0000_0000_0000_0000, 64),
    (0x2001_0000_0000_0000_0000_0000_0000_0000, 23),
    (0x2001_0db8_0000_0000_0000_0000_0000_0000, 32),
    (0x2002_0000_0000_0000_0000_0000_0000_0000, 16),
    (0x3fff_0000_0000_0000_0000_0000_0000_0000, 20),
    (0x5f00_0000_0000_0000_0000_0000_0000_0000, 16),
    (0xfc00_0000_0000_0000_0000_0000_0000_0000, 7),
    (0xfe80_0000_0000_0000_0000_0000_0000_0000, 10),
];

const GLOBAL_6: &[(u128, u8)] = &[
    (0x2001_0001_0000_0000_0000_0000_0000_0001, 128),
    (0x2001_0001_0000_0000_0000_0000_0000_0002, 128),
    (0x2001_0003_0000_0000_0000_0000_0000_0000, 32),
    (0x2001_0004_0112_0000_0000_0000_0000_0000, 48),
    (0x2001_0020_0000_0000_0000_0000_0000_0000, 28),
    (0x2001_0030_0000_0000_0000_0000_0000_0000, 28),
];

fn in_4(ip: Ipv4Addr, nets: &[(u32, u8)]) -> bool {
    nets.iter().any(|(net, length)| (u32::from(ip) ^ net).leading_zeros() >= u32::from(*length))
}

fn in_6(ip: Ipv6Addr, nets: &[(u128, u8)]) -> bool {
    nets.iter().any(|(net, length)| (u128::from(ip) ^ net).leading_zeros() >= u32::from(*length))
}

/// Whether it is reachable from everywhere.
pub(super) fn is_global(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => in_4(ip, GLOBAL_4) || !in_4(ip, LOCAL_4),
        IpAddr::V6(ip) => in_6(ip, GLOBAL_6) || !in_6(ip, LOCAL_6),
    }
}

/// Whether it is one of its own link.
pub(super) fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}
