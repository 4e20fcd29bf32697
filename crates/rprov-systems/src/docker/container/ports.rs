//! Ports: `[[address:]port:]port[/protocol]`, with ranges.

use serde_json::{Map as JsonMap, Value as Json, json};

use rprov_modules::outcome::Failure;

/// What `published_ports` asks for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Published {
    /// `HostConfig.PortBindings`.
    pub bindings: JsonMap<String, Json>,
    /// `all`: every exposed port.
    pub all: bool,
}

/// Read `published_ports`; ports without an address are published on `address`.
///
/// # Errors
/// A port cannot be understood.
pub fn published(ports: &[String], address: &str) -> Result<Published, Failure> {
    let mut published = Published::default();
    for text in ports {
        if text == "all" {
            published.all = true;
            continue;
        }
        let wrong = |reason: &str| {
            Failure::new(format!(
                "published_ports: `{text}`: {reason}; write [[address:]port:]port[/protocol], as in \"127.0.0.1:8080:80/tcp\""
            ))
        };
        let (text_without_protocol, protocol) = split_protocol(text);
        let (host_part, inside) = match text_without_protocol.rsplit_once(':') {
            Some((host_part, inside)) => (Some(host_part), inside),
            None => (None, text_without_protocol),
        };
        let (host_address, outside) = match host_part {
            None => (address, ""),
            Some(part) => match part.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((v6, rest)) => (v6, rest.trim_start_matches(':')),
                None => match part.rsplit_once(':') {
                    Some((host, port)) => (if host.is_empty() { address } else { host }, port),
                    // `127.0.0.1::80` has its address here, `8080:80` its port.
                    None if part.contains('.') => (part, ""),
                    None => (address, part),
                },
            },
        };
        let inside = range(inside).ok_or_else(|| wrong("the container's port is no number"))?;
        let outside: Vec<String> = match outside {
            "" => vec![String::new(); inside.len()],
            text => {
                let outside = range(text).ok_or_else(|| wrong("the host's port is no number"))?;
                match (outside.len(), inside.len()) {
                    (many, one) if one == 1 && many > 1 => vec![text.to_owned()],
                    (many, same) if many == same => outside.iter().map(u16::to_string).collect(),
                    _ => return Err(wrong("the two ranges are not of the same length")),
                }
            }
        };
        for (inside, outside) in inside.iter().zip(outside) {
            let entry = published.bindings.entry(format!("{inside}/{protocol}")).or_insert_with(|| json!([]));
            if let Some(list) = entry.as_array_mut() {
                list.push(json!({"HostIp": host_address, "HostPort": outside}));
            }
        }
    }
    Ok(Published { bindings: sorted(&published.bindings), ..published })
}

/// Read `exposed_ports`.
///
/// # Errors
/// A port cannot be understood.
pub fn exposed(ports: &[String]) -> Result<Vec<String>, Failure> {
    let mut exposed = Vec::new();
    for text in ports {
        let (port, protocol) = split_protocol(text);
        let ports = range(port).ok_or_else(|| {
            Failure::new(format!("exposed_ports: `{text}` is no port; write port[/protocol], as in \"53/udp\""))
        })?;
        exposed.extend(ports.iter().map(|port| format!("{port}/{protocol}")));
    }
    Ok(exposed)
}

/// Bindings with each port's list in a fixed order, so that they can be compared.
pub fn sorted(bindings: &JsonMap<String, Json>) -> JsonMap<String, Json> {
    bindings
        .iter()
        .map(|(port, list)| {
            let mut list = list.as_array().cloned().unwrap_or_default();
            list.sort_by_key(Json::to_string);
            (port.clone(), Json::Array(list))
        })
        .collect()
}

fn split_protocol(text: &str) -> (&str, String) {
    match text.rsplit_once('/') {
        Some((port, protocol)) => (port, protocol.to_ascii_lowercase()),
        None => (text, "tcp".to_owned()),
    }
}

fn range(text: &str) -> Option<Vec<u16>> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last): (u16, u16) = (first.parse().ok()?, last.parse().ok()?);
    (first > 0 && first <= last).then(|| (first..=last).collect())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn read(port: &str) -> Json {
        Json::Object(published(&[port.to_owned()], "0.0.0.0").unwrap().bindings)
    }

    #[test]
    fn every_notation_of_a_published_port() {
        let one = |port: &str, address: &str, outside: &str| json!({port: [{"HostIp": address, "HostPort": outside}]});
        assert_eq!(read("80"), one("80/tcp", "0.0.0.0", ""));
        assert_eq!(read("8080:80"), one("80/tcp", "0.0.0.0", "8080"));
        assert_eq!(read("127.0.0.1:8080:80/udp"), one("80/udp", "127.0.0.1", "8080"));
        assert_eq!(read("127.0.0.1::80"), one("80/tcp", "127.0.0.1", ""));
        assert_eq!(read("[::1]:8080:80"), one("80/tcp", "::1", "8080"));
        assert_eq!(read("8000-8009:80"), one("80/tcp", "0.0.0.0", "8000-8009"));
        assert_eq!(
            read("8000-8001:80-81"),
            json!({"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8000"}],
                   "81/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8001"}]})
        );
        assert!(published(&["all".to_owned()], "").unwrap().all);
        for wrong in ["x", "1:2:x", "80-79", "1-2:3-5", "0", "70000"] {
            assert!(published(&[wrong.to_owned()], "").is_err(), "{wrong}");
        }
    }

    #[test]
    fn exposed_ports_may_be_ranges() {
        assert_eq!(exposed(&["53/UDP".into(), "80-81".into()]).unwrap(), ["53/udp", "80/tcp", "81/tcp"]);
        assert!(exposed(&["http".into()]).is_err());
    }
}
