//! What the filters for addresses read: an address, with its network where it has one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use minijinja::Value;
use minijinja::value::ValueKind;

use crate::template::filter::python::{int_value, integer};

/// Which of the two protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V4,
    V6,
}

/// An address with a network around it; without one, the network is the address alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Address {
    pub(super) net: IpNet,
    /// The network was given.
    pub(super) has_prefix: bool,
    /// What is given back where the question is only whether it fits.
    pub(super) given: String,
}

impl Address {
    /// What a value stands for: `None` for what is no address. A number is one of version 4 if it fits, unless `version`
    /// says otherwise.
    pub(super) fn read(value: &Value, version: Option<Version>) -> Option<Self> {
        match value.kind() {
            ValueKind::Number => {
                let ip = match integer(value) {
                    Some(number) => from_number(u128::try_from(number).ok()?, version)?,
                    None => from_number(u128::try_from(value.clone()).ok()?, version)?,
                };
                // As with `False`, which 0 is to Python.
                value.is_true().then(|| Self::of_number(ip))
            }
            ValueKind::String => Self::parse(value.as_str()?, version),
            _ => None,
        }
        .filter(|address| version.is_none_or(|version| address.version() == version))
    }

    fn parse(text: &str, version: Option<Version>) -> Option<Self> {
        if is_digits(text) {
            return Some(Self::of_number(from_number(text.parse().ok()?, version)?));
        }
        let Some((ip, mask)) = text.split_once('/') else {
            let ip = strict(text)?;
            return Some(Self { net: IpNet::from(ip), has_prefix: false, given: text.to_owned() });
        };
        if is_digits(ip) {
            let ip = from_number(ip.parse().ok()?, None)?;
            let net = IpNet::new(ip, prefix_of(mask, ip)?).ok()?;
            return Some(Self { net, has_prefix: true, given: shown_net(&net) });
        }
        let ip = strict(ip)?;
        let net = IpNet::new(ip, prefix_of(mask, ip)?).ok()?;
        Some(Self { net, has_prefix: true, given: text.to_owned() })
    }

    fn of_number(ip: IpAddr) -> Self {
        let net = IpNet::from(ip);
        Self { net, has_prefix: false, given: shown_net(&net) }
    }

    pub(super) fn version(&self) -> Version {
        version_of(self.ip())
    }

    pub(super) fn ip(&self) -> IpAddr {
        self.net.addr()
    }

    pub(super) fn network(&self) -> IpAddr {
        self.net.network()
    }

    pub(super) fn last(&self) -> IpAddr {
        self.net.broadcast()
    }

    /// How many addresses there are; `None` where that is beyond 128 bits.
    pub(super) fn size(&self) -> Option<u128> {
        1u128.checked_shl(u32::from(self.net.max_prefix_len() - self.net.prefix_len()))
    }

    /// There are more addresses than one, and it is the first of them.
    pub(super) fn is_network(&self) -> bool {
        self.size() != Some(1) && self.ip() == self.network()
    }

    /// The addresses that a host may have: all but the first and the last, where there are others.
    pub(super) fn usable(&self) -> (IpAddr, IpAddr) {
        match self.size() {
            Some(1 | 2) => (self.network(), self.last()),
            _ => {
                let inner = |ip, offset| offset_by(ip, offset).unwrap_or(ip);
                (inner(self.network(), 1), inner(self.last(), -1))
            }
        }
    }

    /// The address with this index, from the end for negative ones.
    pub(super) fn nth(&self, index: i128) -> Option<IpAddr> {
        let (from, offset) = if index < 0 { (self.last(), index + 1) } else { (self.network(), index) };
        offset_by(from, offset).filter(|ip| self.net.contains(ip))
    }

    /// The address and the network's length.
    pub(super) fn shown(&self) -> String {
        shown_net(&self.net)
    }
}

pub(super) fn version_of(ip: IpAddr) -> Version {
    if ip.is_ipv4() { Version::V4 } else { Version::V6 }
}

/// The address that is so many further; `None` where there is none.
pub(super) fn offset_by(ip: IpAddr, offset: i128) -> Option<IpAddr> {
    let number = number_of(ip).checked_add_signed(offset)?;
    match ip {
        IpAddr::V4(_) => Some(IpAddr::V4(Ipv4Addr::from(u32::try_from(number).ok()?))),
        IpAddr::V6(_) => Some(IpAddr::V6(Ipv6Addr::from(number))),
    }
}

pub(super) fn number_of(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(u32::from(ip)),
        IpAddr::V6(ip) => u128::from(ip),
    }
}

/// A number that may be larger than a signed one.
pub(super) fn number_value(number: u128) -> Value {
    i128::try_from(number).map_or_else(|_| Value::from(number), int_value)
}

/// Whether it is a number without a sign.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The address of a number.
pub(super) fn from_number(number: u128, version: Option<Version>) -> Option<IpAddr> {
    match (u32::try_from(number), version) {
        (Ok(number), None | Some(Version::V4)) => Some(IpAddr::V4(Ipv4Addr::from(number))),
        (Err(_), Some(Version::V4)) => None,
        _ => Some(IpAddr::V6(Ipv6Addr::from(number))),
    }
}

/// An address as people write it.
pub(super) fn strict(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// A length, a mask or a host's mask.
fn prefix_of(mask: &str, ip: IpAddr) -> Option<u8> {
    if is_digits(mask) {
        return mask.parse().ok();
    }
    let bits = match (strict(mask)?, ip) {
        (IpAddr::V4(mask), IpAddr::V4(_)) => u128::from(u32::from(mask)) << 96,
        (IpAddr::V6(mask), IpAddr::V6(_)) => u128::from(mask),
        _ => return None,
    };
    let width = if ip.is_ipv4() { 32 } else { 128 };
    let within = if ip.is_ipv4() { u128::MAX << 96 } else { u128::MAX };
    for bits in [bits, !bits & within] {
        let ones = bits.leading_ones();
        if bits.count_ones() == ones && ones <= width {
            return u8::try_from(ones).ok();
        }
    }
    None
}

/// An address as the C library writes it, which shows four bytes of version 6 as version 4 where all before them are 0.
pub(super) fn shown(ip: IpAddr) -> String {
    match ip {
        IpAddr::V6(ip) => match ip.segments() {
            [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
                let [a, b] = high.to_be_bytes();
                let [c, d] = low.to_be_bytes();
                format!("::{a}.{b}.{c}.{d}")
            }
            _ => ip.to_string(),
        },
        IpAddr::V4(ip) => ip.to_string(),
    }
}

/// An address and the length of its network.
pub(super) fn shown_net(net: &IpNet) -> String {
    format!("{}/{}", shown(net.addr()), net.prefix_len())
}
