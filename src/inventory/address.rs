//! `host`, `host:port`, `[address]:port` and bare IPv6 addresses, with or without ranges in them.

use std::net::Ipv6Addr;

/// A name or address and the port behind it; `None` if this is neither.
pub(super) fn parse(text: &str) -> Option<(&str, Option<u16>)> {
    let (base, port) = match text.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        // `[address]` or `[address]:port`, as opposed to a range at the beginning of a name.
        Some((base, rest)) if rest.is_empty() || rest.starts_with(':') => {
            let port = rest.strip_prefix(':');
            if !base.contains(':') || is_range(base) { split_port(text) } else { (base, port) }
        }
        _ => split_port(text),
    };
    let port = match port {
        Some(port) => Some(port.parse::<u16>().ok()?),
        None => None,
    };
    (is_name(base) || is_ipv6(base)).then_some((base, port))
}

/// The colon that separates a port is the only one outside brackets.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let mut depth = 0_usize;
    let mut colons = text.char_indices().filter(|(_, c)| match c {
        '[' => {
            depth += 1;
            false
        }
        ']' => {
            depth = depth.saturating_sub(1);
            false
        }
        ':' => depth == 0,
        _ => false,
    });
    match (colons.next(), colons.next()) {
        (Some((at, _)), None) => match (text.get(..at), text.get(at + 1..)) {
            (Some(base), Some(port)) if !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()) => {
                (base, Some(port))
            }
            _ => (text, None),
        },
        _ => (text, None),
    }
}

/// What stands in a range's brackets: `1:3`, `01:20:2`, `a:f`.
fn is_range(text: &str) -> bool {
    let mut parts = text.split(':');
    let bound = |part: &str| {
        part.bytes().all(|b| b.is_ascii_digit()) || (part.len() == 1 && part.bytes().all(|b| b.is_ascii_alphabetic()))
    };
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(begin), Some(end), step, None) => {
            bound(begin) && !end.is_empty() && bound(end) && step.is_none_or(|step| step.parse::<u32>().is_ok())
        }
        _ => false,
    }
}

/// The text with `0` in place of each range; `None` where brackets have none.
fn without_ranges(text: &str) -> Option<String> {
    let mut rest = text;
    let mut plain = String::new();
    while let Some((before, after)) = rest.split_once('[') {
        let (_, tail) = after.split_once(']').filter(|(range, _)| is_range(range))?;
        plain.push_str(before);
        plain.push('0');
        rest = tail;
    }
    Some(plain + rest)
}

/// A host name: letters, digits, `_`, `-`, `.` and ranges.
fn is_name(text: &str) -> bool {
    let Some(plain) = without_ranges(text) else { return false };
    !plain.is_empty()
        && plain.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        })
}

fn is_ipv6(text: &str) -> bool {
    without_ranges(text).is_some_and(|plain| plain.parse::<Ipv6Addr>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_told_from_the_rest() {
        for (text, expected) in [
            ("web", Some(("web", None))),
            ("web:22", Some(("web", Some(22)))),
            ("web-[1:3].x:22", Some(("web-[1:3].x", Some(22)))),
            ("[1:3].x:22", Some(("[1:3].x", Some(22)))),
            ("[1:3]", Some(("[1:3]", None))),
            ("10.0.0.1:80", Some(("10.0.0.1", Some(80)))),
            ("::1", Some(("::1", None))),
            ("[::1]:33", Some(("::1", Some(33)))),
            ("2001:db8::[1:9]", Some(("2001:db8::[1:9]", None))),
            ("web*:22", None),
            ("web:db", None),
            ("web:", None),
            ("a b", None),
            ("web:99999", None),
        ] {
            assert_eq!(parse(text), expected, "{text}");
        }
    }
}
