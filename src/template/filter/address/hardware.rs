//! MAC addresses: `hwaddr`, `macaddr` and `slaac`.

use std::net::{IpAddr, Ipv6Addr};

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::value::{Address, is_digits, shown};
use crate::template::filter::call::Call;
use crate::template::filter::python::{int_value, integer};

/// What a MAC address is read as: its number, of 48 bits or of 64.
#[derive(Clone, Copy)]
struct Hardware {
    number: u64,
    is_long: bool,
}

impl Hardware {
    fn read(value: &Value) -> Option<Self> {
        match value.kind() {
            ValueKind::Number => Self::of_number(u64::try_from(integer(value)?).ok()?),
            ValueKind::String => Self::parse(value.as_str()?),
            _ => None,
        }
    }

    fn of_number(number: u64) -> Option<Self> {
        Some(Self { number, is_long: number >> 48 != 0 })
    }

    fn parse(text: &str) -> Option<Self> {
        let is_hex = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        for separator in [':', '-', '.'] {
            let parts: Vec<&str> = text.split(separator).collect();
            if parts.len() < 2 {
                continue;
            }
            // How many groups of how many digits at most.
            let (width, is_long) = match (parts.len(), separator) {
                (6, ':' | '-') => (2, false),
                (3, _) => (4, false),
                (2, ':' | '-') => (6, false),
                (8, ':' | '-') => (2, true),
                (4, _) => (4, true),
                _ => return None,
            };
            if !parts.iter().all(|part| is_hex(part) && part.len() <= width) {
                return None;
            }
            // Of two halves, each must be there nearly whole.
            if width == 6 && parts.iter().any(|part| part.len() < 5) {
                return None;
            }
            let padded: String = parts.iter().map(|part| format!("{part:0>width$}")).collect();
            return Some(Self { number: u64::from_str_radix(&padded, 16).ok()?, is_long });
        }
        match text.len() {
            12 if is_hex(text) => Some(Self { number: u64::from_str_radix(text, 16).ok()?, is_long: false }),
            16 if is_hex(text) => Some(Self { number: u64::from_str_radix(text, 16).ok()?, is_long: true }),
            _ if is_digits(text) => Self::of_number(text.parse().ok()?),
            11 if is_hex(text) => Some(Self { number: u64::from_str_radix(text, 16).ok()?, is_long: false }),
            _ => None,
        }
    }

    fn octets(self) -> [u8; 6] {
        let [_, _, octets @ ..] = self.number.to_be_bytes();
        octets
    }
}

pub(super) fn hwaddr(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query, _alias] = call.bind(["value", "query", "alias"], 1)?;
    let value = value.unwrap_or_default();
    let query = query.filter(|query| !query.is_none()).map(|query| query.to_string()).unwrap_or_default();
    let hardware = Hardware::read(&value);
    let groups = |octets: &[u8; 6], size: usize, separator: &str| {
        let parts: Vec<String> =
            octets.chunks(size).map(|part| part.iter().map(|o| format!("{o:02x}")).collect()).collect();
        parts.join(separator)
    };
    let short = call.name.rsplit('.').next().unwrap_or_default();
    match query.as_str() {
        "" => return Ok(if hardware.is_some() { Value::from(value.to_string()) } else { Value::from(()) }),
        "bool" => return Ok(if hardware.is_some() { Value::from(true) } else { Value::from(()) }),
        _ => {}
    }
    let Some(hardware) = hardware else {
        return Err(call.fail(format!("{short}: not a hardware address: {value}")));
    };
    if query == "int" {
        return Ok(int_value(i128::from(hardware.number)));
    }
    let octets = hardware.octets();
    let text = match query.as_str() {
        "bare" => groups(&octets, 6, "").to_uppercase(),
        "cisco" => groups(&octets, 2, "."),
        "eui48" | "win" => groups(&octets, 1, "-").to_uppercase(),
        "linux" => groups(&octets, 1, ":"),
        "unix" => octets.map(|octet| format!("{octet:x}")).join(":"),
        "pgsql" | "postgresql" | "psql" => groups(&octets, 3, ":"),
        _ => {
            return Err(call.fail(format!(
                "{short}: unknown filter type: {query}; the names are bare, bool, cisco, eui48, int, linux, pgsql, unix, win"
            )));
        }
    };
    if hardware.is_long {
        return Err(call.fail(format!("{short}: {value} has more than 48 bits, for which there is no form `{query}`")));
    }
    Ok(Value::from(text))
}

/// The address that a host gives itself in a network (RFC 4291, appendix A).
pub(super) fn slaac(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query] = call.bind(["value", "query"], 1)?;
    let no = Ok(Value::from(false));
    let Some(address) = Address::read(&value.unwrap_or_default(), None) else { return no };
    let IpAddr::V6(network) = address.network() else { return no };
    let Some(hardware) = query.filter(Value::is_true).as_ref().and_then(Hardware::read) else { return no };
    let identifier = match hardware.is_long {
        true => hardware.number,
        false => {
            let [a, b, c, d, e, f] = hardware.octets();
            u64::from_be_bytes([a, b, c, 0xff, 0xfe, d, e, f])
        }
    } ^ (2 << 56);
    let number = u128::from(network).saturating_add(u128::from(identifier));
    Ok(Value::from(shown(IpAddr::V6(Ipv6Addr::from(number)))))
}
