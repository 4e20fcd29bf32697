//! Filters that take URLs apart: `urlsplit`, `urldecode`.

use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::{text, text_only};

pub(super) const FILTERS: &[(&str, Run)] = &[("urlsplit", urlsplit), ("urldecode", urldecode)];

fn urldecode(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let source = text_only(&call.only()?, call.name)?.replace('+', " ");
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while let Some(byte) = bytes.get(index) {
        let decoded = bytes
            .get(index + 1..index + 3)
            .filter(|_| *byte == b'%')
            .filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        out.push(decoded.unwrap_or(*byte));
        index += if decoded.is_some() { 3 } else { 1 };
    }
    Ok(Value::from(String::from_utf8_lossy(&out).into_owned()))
}

/// The parts of a URL (RFC 3986, with Python's leniency).
pub(crate) struct Parts {
    pub(crate) scheme: String,
    pub(crate) netloc: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) fragment: String,
}

/// A URL's parts.
pub(crate) fn split(source: &str) -> Parts {
    let (mut scheme, mut rest) = (String::new(), source);
    if let Some((head, tail)) = source.split_once(':')
        && head.starts_with(|first: char| first.is_ascii_alphabetic())
        && head.chars().all(|character| character.is_ascii_alphanumeric() || "+-.".contains(character))
    {
        scheme = head.to_ascii_lowercase();
        rest = tail;
    }
    let mut netloc = "";
    if let Some(after) = rest.strip_prefix("//") {
        let end = after.find(['/', '?', '#']).unwrap_or(after.len());
        (netloc, rest) = after.split_at(end);
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    Parts {
        scheme,
        netloc: netloc.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        fragment: fragment.to_owned(),
    }
}

fn urlsplit(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, query] = call.bind(["value", "query"], 1)?;
    let parts = split(&text(&value.unwrap_or_default())?);
    let (user, host) =
        parts.netloc.rsplit_once('@').map_or((None, parts.netloc.as_str()), |(user, host)| (Some(user), host));
    let (username, password) =
        match user.map(|user| user.split_once(':').map_or((user, None), |(name, secret)| (name, Some(secret)))) {
            Some((name, secret)) => (Some(name), secret),
            None => (None, None),
        };
    let (hostname, port) = match host.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((address, after)) => (address, after.strip_prefix(':').unwrap_or_default()),
        None => host.split_once(':').unwrap_or((host, "")),
    };
    let port_number = if port.is_empty() {
        None
    } else {
        match port.parse::<u16>() {
            Ok(number) => Some(number),
            Err(_) => return Err(call.fail(format!("the port '{port}' is not a number from 0 to 65535"))),
        }
    };
    let optional = |part: Option<&str>| part.map_or(Value::from(()), Value::from);
    let entries = [
        ("fragment", Value::from(parts.fragment.as_str())),
        ("hostname", if hostname.is_empty() { Value::from(()) } else { Value::from(hostname.to_lowercase()) }),
        ("netloc", Value::from(parts.netloc.as_str())),
        ("password", optional(password)),
        ("path", Value::from(parts.path.as_str())),
        ("port", port_number.map_or(Value::from(()), Value::from)),
        ("query", Value::from(parts.query.as_str())),
        ("scheme", Value::from(parts.scheme.as_str())),
        ("username", optional(username)),
    ];
    match query.map(|query| text(&query)).transpose()?.filter(|query| !query.is_empty()) {
        None => Ok(Value::from_pairs(entries.map(|(name, value)| (Value::from(name), value)))),
        Some(query) => entries
            .into_iter()
            .find(|(name, _)| *name == query)
            .map(|(_, value)| value)
            .ok_or_else(|| call.fail(format!("urlsplit: unknown URL component: {query}; known are fragment, hostname, netloc, password, path, port, query, scheme and username"))),
    }
}
