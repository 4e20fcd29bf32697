//! Networks within networks: `ipsubnet` and `cidr_merge`.

use ipnet::IpNet;
use minijinja::{Error, State, Value};

use super::network::listed;
use super::query::contains;
use super::value::{Address, number_of, shown_net};
use crate::template::filter::call::Call;
use crate::template::filter::python::{integer, parse_int};

pub(super) fn ipsubnet(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query, index] = call.bind(["value", "query", "index"], 1)?;
    let Some(address) = Address::read(&value.unwrap_or_default(), None) else { return Ok(Value::from(false)) };
    let net = address.net.trunc();
    let query = query.filter(|query| !query.is_none() && query.as_str() != Some(""));
    let Some(query) = query else { return Ok(Value::from(shown_net(&net))) };
    let number = |value: &Value| match value.kind() {
        minijinja::value::ValueKind::Bool => None,
        _ => integer(value).or_else(|| parse_int(value.as_str()?, 10)),
    };
    if let Some(length) = number(&query).filter(|length| *length >= 0) {
        let index = match index.filter(|index| !index.is_none()) {
            None => None,
            Some(index) => Some(
                number(&index).ok_or_else(|| call.fail(format!("the index must be a whole number, not `{index}`")))?,
            ),
        };
        return if address.size() == Some(1) {
            around(&call, &net, length, index)
        } else {
            within(&call, &net, length, index)
        };
    }
    let Some(outer) = Address::read(&query, None) else {
        return Err(call.fail(format!("You must pass a valid subnet or IP address; {query} is invalid")));
    };
    rank(&call, &net, &outer.net.trunc())
}

fn invalid(call: &Call, length: i128, net: &IpNet) -> Error {
    call.fail(format!(
        "Requested subnet size of {length} is invalid: {} has no networks of that length",
        shown_net(net)
    ))
}

/// The networks of a length that a network is made of: how many, or one of them.
fn within(call: &Call, net: &IpNet, length: i128, index: Option<i128>) -> Result<Value, Error> {
    let no = || Ok(Value::from(false));
    let Ok(length) = u8::try_from(length) else { return no() };
    if length > net.max_prefix_len() {
        return no();
    }
    if length < net.prefix_len() {
        return match index {
            None => Err(invalid(call, i128::from(length), net)),
            // As netaddr has it: the network's own address, whatever is beyond it.
            Some(0) => Ok(Value::from(format!("{}/{length}", super::value::shown(net.addr())))),
            Some(_) => no(),
        };
    }
    let bits = u32::from(length - net.prefix_len());
    let count = 1u128.checked_shl(bits);
    let Some(index) = index else {
        let all = || "340282366920938463463374607431768211456".to_owned();
        return Ok(Value::from(count.map_or_else(all, |count| count.to_string())));
    };
    let from_start = if index < 0 {
        // One less than the count fits even where the count does not.
        count.unwrap_or(0).wrapping_sub(1).checked_sub(index.unsigned_abs() - 1)
    } else {
        Some(index.unsigned_abs()).filter(|index| count.is_none_or(|count| *index < count))
    };
    let Some(position) = from_start else { return no() };
    let width = u32::from(net.max_prefix_len() - length);
    let first = position.checked_shl(width).unwrap_or(0) | number_of(net.addr());
    let found = super::value::from_number(first, Some(super::value::version_of(net.addr())));
    match found.and_then(|ip| IpNet::new(ip, length).ok()) {
        Some(found) => Ok(Value::from(shown_net(&found))),
        None => no(),
    }
}

/// The networks around an address, from the one of this length inwards.
fn around(call: &Call, net: &IpNet, length: i128, index: Option<i128>) -> Result<Value, Error> {
    let width = i128::from(net.max_prefix_len());
    let position = index.unwrap_or(0);
    if length > width {
        return Ok(Value::from(false));
    }
    if length == width {
        return match index {
            Some(0) | None => Err(invalid(call, length, net)),
            Some(_) => Ok(Value::from(false)),
        };
    }
    let wanted = if position < 0 { width.checked_add(position) } else { length.checked_add(position) };
    let wanted = wanted.filter(|wanted| (length..width).contains(wanted)).and_then(|wanted| u8::try_from(wanted).ok());
    match wanted.and_then(|wanted| IpNet::new(net.addr(), wanted).ok()) {
        Some(found) => Ok(Value::from(shown_net(&found.trunc()))),
        None => Ok(Value::from(false)),
    }
}

/// Which of the networks of its length it is within another, counted from 1.
fn rank(call: &Call, net: &IpNet, outer: &IpNet) -> Result<Value, Error> {
    if !contains(outer, net) {
        return Err(call.fail(format!("{} is not in the subnet {}", shown_net(net), shown_net(outer))));
    }
    let width = u32::from(net.max_prefix_len() - net.prefix_len());
    let position = (number_of(net.addr()) - number_of(outer.addr())).checked_shr(width).unwrap_or(0);
    Ok(Value::from(position.saturating_add(1).to_string()))
}

pub(super) fn cidr_merge(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, action] = call.bind(["value", "action"], 1)?;
    let value = value.unwrap_or_default();
    if value.is_none() {
        return Err(call.fail("it takes a list of networks and addresses"));
    }
    let mut nets = Vec::new();
    for text in listed(&value)? {
        // A number is no network here.
        let address = Address::read(&Value::from(text.as_str()), None).filter(|_| text.contains(['.', ':']));
        let Some(address) = address else {
            return Err(call.fail(format!("cidr_merge: `{text}` is neither a network nor an address")));
        };
        nets.push(address.net.trunc());
    }
    match action.as_ref().map_or(Ok("merge".to_owned()), crate::template::filter::python::text)?.as_str() {
        "merge" => {
            let mut merged = IpNet::aggregate(&nets);
            merged.sort();
            Ok(Value::from_iter(merged.iter().map(shown_net)))
        }
        "span" => Ok(span(&call, &nets)?.map_or_else(|| Value::from(()), |net| Value::from(shown_net(&net)))),
        other => Err(call.fail(format!("cidr_merge: invalid action '{other}': it is `merge` or `span`"))),
    }
}

/// The smallest network that has all of them.
fn span(call: &Call, nets: &[IpNet]) -> Result<Option<IpNet>, Error> {
    let Some(mut span) = nets.first().copied() else { return Ok(None) };
    if nets.iter().any(|net| net.max_prefix_len() != span.max_prefix_len()) {
        return Err(call.fail("cidr_merge: networks of both versions have none in common"));
    }
    while !nets.iter().all(|net| contains(&span, net)) {
        match span.supernet() {
            Some(wider) => span = wider,
            None => break,
        }
    }
    Ok(Some(span))
}
