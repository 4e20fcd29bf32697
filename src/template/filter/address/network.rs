//! What is in a network, and which address comes next.

use minijinja::{Error, State, Value};

use super::query::contains;
use super::value::{Address, offset_by, shown, strict};
use crate::template::filter::call::Call;
use crate::template::filter::python::{integer, is_list, items, parse_int, text};

/// Whether an address or a network is in a network; where both are none, they are the same nothing.
fn is_in(value: &Value, test: &Value) -> bool {
    match (Address::read(value, None), Address::read(test, None)) {
        (Some(net), Some(other)) => contains(&net.net, &other.net),
        (None, None) => true,
        _ => false,
    }
}

pub(super) fn network_in_network(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, test] = call.bind(["value", "test"], 2)?;
    Ok(Value::from(is_in(&value.unwrap_or_default(), &test.unwrap_or_default())))
}

pub(super) fn network_in_usable(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, test] = call.bind(["value", "test"], 2)?;
    let (value, test) = (value.unwrap_or_default(), test.unwrap_or_default());
    Ok(Value::from(match (Address::read(&value, None), Address::read(&test, None)) {
        (Some(net), Some(other)) => {
            let (first, last) = net.usable();
            net.version() == other.version() && other.network() >= first && other.last() <= last
        }
        (None, None) => true,
        _ => false,
    }))
}

pub(super) fn reduce_on_network(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, network] = call.bind(["value", "network"], 1)?;
    let network = Address::read(&network.unwrap_or_default(), None);
    let mut kept = Vec::new();
    for item in listed(&value.unwrap_or_default())? {
        let fits = match (&network, Address::read(&Value::from(item.as_str()), None)) {
            (Some(network), Some(address)) => contains(&network.net, &address.net),
            _ => false,
        };
        if fits {
            kept.push(Value::from(item));
        }
    }
    Ok(Value::from(kept))
}

/// A list of texts; a text is a list with commas.
pub(super) fn listed(value: &Value) -> Result<Vec<String>, Error> {
    if is_list(value) {
        return items(value)?.iter().map(text).collect();
    }
    Ok(text(value)?.split(',').map(|part| part.trim().to_owned()).collect())
}

/// A whole number, as an argument of the type `int` is read; `None` where none is given.
fn whole(call: &Call, value: Option<&Value>, name: &str) -> Result<Option<i128>, Error> {
    let Some(value) = value.filter(|value| !value.is_none()) else { return Ok(None) };
    let number = integer(value).or_else(|| parse_int(value.as_str()?, 10));
    number.map(Some).ok_or_else(|| call.fail(format!("the argument `{name}` must be a whole number, not `{value}`")))
}

fn neighbour(call: &Call, sign: i128) -> Result<Value, Error> {
    let [value, offset] = call.bind(["value", "offset"], 1)?;
    let offset = whole(call, offset.as_ref(), "offset")?;
    let Some(address) = Address::read(&value.unwrap_or_default(), None) else { return Ok(Value::from(false)) };
    let Some(offset) = offset else { return Err(call.fail("Must pass in an integer: how many addresses further")) };
    if address.size() == Some(1) {
        return Ok(Value::from(()));
    }
    let (first, last) = address.usable();
    let found = offset.checked_mul(sign).and_then(|offset| offset_by(address.ip(), offset));
    let found = found.filter(|ip| (first..=last).contains(ip));
    Ok(found.map_or_else(|| Value::from(()), |ip| Value::from(shown(ip))))
}

pub(super) fn next_nth_usable(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    neighbour(&call, 1)
}

pub(super) fn previous_nth_usable(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    neighbour(&call, -1)
}

pub(super) fn nthhost(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query] = call.bind(["value", "query"], 1)?;
    let Some(address) = Address::read(&value.unwrap_or_default(), None) else { return Ok(Value::from(false)) };
    let index = query.filter(|query| query.kind() != minijinja::value::ValueKind::Bool);
    let Some(index) = index.and_then(|query| integer(&query).or_else(|| parse_int(query.as_str()?, 10))) else {
        return Ok(Value::from(false));
    };
    match address.nth(index) {
        Some(ip) => Ok(Value::from(shown(ip))),
        None if index < 0 => {
            Err(call.fail(format!("the network {} has fewer than {} addresses", address.shown(), -index)))
        }
        None => Ok(Value::from(false)),
    }
}

pub(super) fn ipmath(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, amount] = call.bind(["value", "amount"], 1)?;
    let value = text(&value.unwrap_or_default())?;
    let Some(amount) = whole(&call, amount.as_ref(), "amount")? else {
        return Err(call.fail("You must pass an integer for arithmetic; None is not a valid integer"));
    };
    let ip = match value.split_once('/') {
        None => strict(&value),
        Some(_) => Address::read(&Value::from(value.as_str()), None).map(|address| address.ip()),
    };
    let Some(ip) = ip else { return Err(call.fail(format!("You must pass a valid IP address; {value} is invalid"))) };
    match offset_by(ip, amount) {
        Some(ip) => Ok(Value::from(shown(ip))),
        None => Err(call.fail(format!("there is no address {amount} further than {}", shown(ip)))),
    }
}
