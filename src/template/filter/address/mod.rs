//! The filters of ansible.utils for addresses: `ipaddr` and its family, by that collection's documentation
//! (<https://docs.ansible.com/ansible/latest/collections/ansible/utils/docsite/filters_ipaddr.html>).
//!
//! A list goes in and a list comes out, without what does not fit; a single value that does not fit becomes `false`.
//!
//! * `value`: what an address is read from; `kind`: which are public, and so on;
//! * `query`: what `ipaddr` can be asked;
//! * `subnet`: parts of networks; `network`: what is in a network, and what comes next there;
//! * `hardware`: MAC addresses.

mod hardware;
mod kind;
mod network;
mod query;
mod subnet;
#[cfg(test)]
mod tests;
mod value;

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::{is_list, items, text as python_text, type_name};
use query::Query;
use value::{Address, Version};

/// By their full names; each goes by its short one as well, and by that of `ansible.netcommon`, where it was before.
pub(super) const FILTERS: &[(&str, Run)] = &[
    ("ansible.netcommon.cidr_merge", subnet::cidr_merge),
    ("ansible.netcommon.hwaddr", hardware::hwaddr),
    ("ansible.netcommon.ip4_hex", ip4_hex),
    ("ansible.netcommon.ipaddr", ipaddr),
    ("ansible.netcommon.ipmath", network::ipmath),
    ("ansible.netcommon.ipsubnet", subnet::ipsubnet),
    ("ansible.netcommon.ipv4", ipv4),
    ("ansible.netcommon.ipv6", ipv6),
    ("ansible.netcommon.ipwrap", ipwrap),
    ("ansible.netcommon.macaddr", hardware::hwaddr),
    ("ansible.netcommon.network_in_network", network::network_in_network),
    ("ansible.netcommon.network_in_usable", network::network_in_usable),
    ("ansible.netcommon.next_nth_usable", network::next_nth_usable),
    ("ansible.netcommon.nthhost", network::nthhost),
    ("ansible.netcommon.previous_nth_usable", network::previous_nth_usable),
    ("ansible.netcommon.reduce_on_network", network::reduce_on_network),
    ("ansible.netcommon.slaac", hardware::slaac),
    ("ansible.utils.cidr_merge", subnet::cidr_merge),
    ("ansible.utils.hwaddr", hardware::hwaddr),
    ("ansible.utils.ip4_hex", ip4_hex),
    ("ansible.utils.ipaddr", ipaddr),
    ("ansible.utils.ipmath", network::ipmath),
    ("ansible.utils.ipsubnet", subnet::ipsubnet),
    ("ansible.utils.ipv4", ipv4),
    ("ansible.utils.ipv6", ipv6),
    ("ansible.utils.ipwrap", ipwrap),
    ("ansible.utils.macaddr", hardware::hwaddr),
    ("ansible.utils.network_in_network", network::network_in_network),
    ("ansible.utils.network_in_usable", network::network_in_usable),
    ("ansible.utils.next_nth_usable", network::next_nth_usable),
    ("ansible.utils.nthhost", network::nthhost),
    ("ansible.utils.previous_nth_usable", network::previous_nth_usable),
    ("ansible.utils.reduce_on_network", network::reduce_on_network),
    ("ansible.utils.slaac", hardware::slaac),
];

fn ipaddr(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query, version, _alias] = call.bind(["value", "query", "version", "alias"], 1)?;
    let version = match version.filter(|version| !version.is_none()).map(|version| version.to_string()).as_deref() {
        None | Some("") => None,
        Some("4") => Some(Version::V4),
        Some("6") => Some(Version::V6),
        Some(other) => return Err(call.fail(format!("there is no version {other}: it is 4 or 6"))),
    };
    ask(&call, value, query.as_ref(), version)
}

fn ipv4(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query] = call.bind(["value", "query"], 1)?;
    ask(&call, value, query.as_ref(), Some(Version::V4))
}

fn ipv6(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query] = call.bind(["value", "query"], 1)?;
    ask(&call, value, query.as_ref(), Some(Version::V6))
}

fn ask(call: &Call, value: Option<Value>, query: Option<&Value>, version: Option<Version>) -> Result<Value, Error> {
    let value = value.unwrap_or_default();
    let is_number = value.kind() == ValueKind::Number && value.is_integer();
    if !(is_number || is_list(&value) || matches!(value.kind(), ValueKind::String | ValueKind::Bool)) {
        return Err(unfit(call, &value));
    }
    each(call, &value, &Query::read(query), version)
}

/// The answer for a value, or for each of a list that has one.
fn each(call: &Call, value: &Value, query: &Query, version: Option<Version>) -> Result<Value, Error> {
    if !is_list(value) {
        return match Address::read(value, version) {
            Some(address) => query.ask(call, &address),
            None => Ok(Value::from(false)),
        };
    }
    let mut answers = Vec::new();
    for item in items(value)? {
        let answer = each(call, &item, query, version)?;
        if answer.is_true() {
            answers.push(answer);
        }
    }
    Ok(Value::from(answers))
}

fn unfit(call: &Call, value: &Value) -> Error {
    call.fail(format!("it takes text, a number or a list of addresses, not a value of the type '{}'", type_name(value)))
}

fn ipwrap(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, _query] = call.bind(["value", "query"], 1)?;
    let value = value.unwrap_or_default();
    if !(is_list(&value) || matches!(value.kind(), ValueKind::String | ValueKind::Bool)) {
        return Err(unfit(&call, &value));
    }
    if !is_list(&value) {
        return Ok(wrapped(&value));
    }
    let mut all = Vec::new();
    for item in items(&value)? {
        all.push(match is_list(&item) {
            true => each(&call, &item, &Query::Name("wrap".to_owned()), None)?,
            false => wrapped(&item),
        });
    }
    Ok(Value::from(all))
}

/// An address with its brackets, anything else as it is.
fn wrapped(value: &Value) -> Value {
    match Address::read(value, None) {
        Some(address) if address.version() == Version::V6 => query::wrap(&address),
        Some(address) => query::plain(&address),
        None => value.clone(),
    }
}

fn ip4_hex(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, delimiter] = call.bind(["arg", "delimiter"], 1)?;
    let text = python_text(&value.unwrap_or_default())?;
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_none());
    let delimiter = delimiter.map(|delimiter| python_text(&delimiter)).transpose()?.unwrap_or_default();
    let Ok(ip) = text.parse::<std::net::Ipv4Addr>() else {
        return Err(call.fail(format!("`{text}` is no address of version 4 (`192.0.2.1`)")));
    };
    Ok(Value::from(ip.octets().map(|octet| format!("{octet:02x}")).join(&delimiter)))
}
