//! Addresses and routes from the kernel by rtnetlink (see rtnetlink(7)); what `ip address` and `ip route` print.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

const RTM_GETADDR: u16 = 22;
const RTM_GETROUTE: u16 = 26;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_DUMP: u16 = 0x300;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const IFA_F_SECONDARY: u8 = 1;
const RTN_LOCAL: u8 = 2;
const RT_TABLE_LOCAL: u32 = 255;

/// One address of an interface.
pub(super) struct Address {
    pub interface: u32,
    pub address: IpAddr,
    pub broadcast: Option<Ipv4Addr>,
    /// The interface's name, or an alias like `eth0:1`.
    pub label: Option<String>,
    pub prefix: u8,
    pub scope: u8,
    pub secondary: bool,
}

/// The way to a destination.
pub(super) struct Route {
    pub interface: u32,
    pub source: Option<IpAddr>,
    pub gateway: Option<IpAddr>,
}

/// All addresses of all interfaces.
pub(super) fn addresses() -> io::Result<Vec<Address>> {
    let mut found = Vec::new();
    // struct ifaddrmsg with every family
    exchange(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, &[0; 8], |body| {
        let &[family, prefix, flags, scope, ref rest @ ..] = body else { return };
        let Some((interface, attributes)) = split_u32(rest) else { return };
        let (mut local, mut peer, mut broadcast, mut label, mut long_flags) =
            (None, None, None, None, u32::from(flags));
        for (kind, data) in Attributes(attributes) {
            match kind {
                1 => peer = ip(data),
                2 => local = ip(data),
                3 => {
                    label = Some(
                        String::from_utf8_lossy(data.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned(),
                    )
                }
                4 => broadcast = ip(data),
                8 => long_flags = split_u32(data).map_or(long_flags, |(flags, _)| flags),
                _ => {}
            }
        }
        let Some(address) = local.or(peer) else { return };
        found.push(Address {
            interface,
            address,
            broadcast: broadcast.and_then(|address| match address {
                IpAddr::V4(address) => Some(address),
                IpAddr::V6(_) => None,
            }),
            label,
            prefix,
            scope,
            // For IPv6 the flag means a temporary address, which `ip` does list as primary.
            secondary: family == 2 && long_flags & u32::from(IFA_F_SECONDARY) != 0,
        });
    })?;
    Ok(found)
}

/// How the kernel would reach an address.
pub(super) fn route_to(destination: IpAddr) -> io::Result<Option<Route>> {
    let (family, bytes) = match destination {
        IpAddr::V4(address) => (2, address.octets().to_vec()),
        IpAddr::V6(address) => (10, address.octets().to_vec()),
    };
    let bits = u8::try_from(bytes.len() * 8).unwrap_or(0);
    let mut request = vec![family, bits, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let length = u16::try_from(bytes.len() + 4).unwrap_or(0);
    request.extend(length.to_ne_bytes());
    request.extend(1_u16.to_ne_bytes());
    request.extend(bytes);
    let mut route = None;
    let answer = exchange(RTM_GETROUTE, NLM_F_REQUEST, &request, |body| {
        let mut found = Route { interface: 0, source: None, gateway: None };
        for (kind, data) in Attributes(body.get(12..).unwrap_or_default()) {
            match kind {
                4 => found.interface = split_u32(data).map_or(0, |(index, _)| index),
                5 => found.gateway = ip(data),
                7 => found.source = ip(data),
                _ => {}
            }
        }
        route = Some(found);
    });
    // No route is an answer, not a failure.
    match answer {
        Ok(()) => Ok(route),
        Err(_) => Ok(None),
    }
}

/// Addresses and networks that are this host itself, as `address` or `network/prefix`.
pub(super) fn local_routes(family: u8) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut request = [0; 12];
    request[0] = family;
    exchange(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, &request, |body| {
        let &[route_family, prefix, _, _, table, _, _, kind, ref rest @ ..] = body else { return };
        let mut table = u32::from(table);
        let mut destination = None;
        for (attribute, data) in Attributes(rest.get(4..).unwrap_or_default()) {
            match attribute {
                1 => destination = ip(data),
                15 => table = split_u32(data).map_or(table, |(table, _)| table),
                _ => {}
            }
        }
        if route_family != family || kind != RTN_LOCAL || table != RT_TABLE_LOCAL {
            return;
        }
        let Some(destination) = destination else { return };
        let whole = if family == 2 { 32 } else { 128 };
        let text = if prefix == whole { destination.to_string() } else { format!("{destination}/{prefix}") };
        if !found.contains(&text) {
            found.push(text);
        }
    })?;
    Ok(found)
}

fn split_u32(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (number, rest) = bytes.split_first_chunk::<4>()?;
    Some((u32::from_ne_bytes(*number), rest))
}

fn ip(data: &[u8]) -> Option<IpAddr> {
    if let Ok(bytes) = <[u8; 4]>::try_from(data) {
        return Some(Ipv4Addr::from(bytes).into());
    }
    <[u8; 16]>::try_from(data).ok().map(|bytes| Ipv6Addr::from(bytes).into())
}

/// The attributes of a message: length, kind, data, padding to four bytes.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let &[a, b, c, d, ..] = self.0 else { return None };
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let data = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([c, d]) & 0x3fff, data))
    }
}

/// Send one request, and hand the body of each message of the answer to `each`.
fn exchange(kind: u16, flags: u16, body: &[u8], mut each: impl FnMut(&[u8])) -> io::Result<()> {
    let socket = rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    let mut request = Vec::with_capacity(16 + body.len());
    request.extend(u32::try_from(16 + body.len()).unwrap_or(0).to_ne_bytes());
    request.extend(kind.to_ne_bytes());
    request.extend(flags.to_ne_bytes());
    request.extend([1, 0, 0, 0, 0, 0, 0, 0]);
    request.extend(body);
    rustix::net::sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let (count, _) = rustix::net::recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let mut rest = buffer.get(..count).unwrap_or_default();
        if rest.is_empty() {
            return Ok(());
        }
        while let Some((length, header)) = split_u32(rest) {
            let length = length as usize;
            let &[a, b, c, d, ..] = header else { return Ok(()) };
            let Some(message) = rest.get(16..length) else { return Ok(()) };
            match u16::from_ne_bytes([a, b]) {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => {
                    let code = split_u32(message).map_or(0, |(code, _)| code.cast_signed());
                    return if code == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(-code)) };
                }
                _ => each(message),
            }
            // Not one of many: there is nothing more to come.
            if u16::from_ne_bytes([c, d]) & 2 == 0 && flags & NLM_F_DUMP == 0 {
                return Ok(());
            }
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_interface_has_its_address() {
        let found = addresses().unwrap();
        assert!(found.iter().any(|address| address.address == IpAddr::from([127, 0, 0, 1]) && address.prefix == 8));
        assert!(local_routes(2).unwrap().contains(&"127.0.0.1".to_owned()));
    }
}
