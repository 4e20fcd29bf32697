//! The networks of a container.

use serde_json::{Map as JsonMap, Value as Json, json};

use super::arguments::Network;

/// The Engine's settings for a container's endpoint in a network; only what was given is set.
pub fn endpoint(network: &Network) -> Json {
    let mut settings = JsonMap::new();
    let mut addresses = JsonMap::new();
    if let Some(address) = &network.ipv4_address {
        addresses.insert("IPv4Address".to_owned(), address.as_str().into());
    }
    if let Some(address) = &network.ipv6_address {
        addresses.insert("IPv6Address".to_owned(), address.as_str().into());
    }
    if !addresses.is_empty() {
        settings.insert("IPAMConfig".to_owned(), Json::Object(addresses));
    }
    if let Some(aliases) = &network.aliases {
        settings.insert("Aliases".to_owned(), json!(aliases));
    }
    if let Some(links) = &network.links {
        let links: Vec<String> =
            links.iter().map(|link| if link.contains(':') { link.clone() } else { format!("{link}:{link}") }).collect();
        settings.insert("Links".to_owned(), json!(links));
    }
    if let Some(address) = &network.mac_address {
        settings.insert("MacAddress".to_owned(), address.as_str().into());
    }
    if let Some(options) = &network.driver_opts {
        settings.insert("DriverOpts".to_owned(), rprov_wire::Value::Map(options.clone()).to_json());
    }
    if let Some(priority) = network.gw_priority {
        settings.insert("GwPriority".to_owned(), priority.into());
    }
    Json::Object(settings)
}

/// Whether the container's endpoint has all that is wanted; the Engine adds aliases of its own.
pub fn agrees(wanted: &Json, current: &Json) -> bool {
    let Some(wanted) = wanted.as_object() else { return true };
    wanted.iter().all(|(name, value)| {
        let found = current.get(name).unwrap_or(&Json::Null);
        match (name.as_str(), value) {
            ("Aliases" | "Links", Json::Array(items)) => {
                let found = found.as_array().map_or(&[][..], Vec::as_slice);
                items.iter().all(|item| found.contains(item))
            }
            ("IPAMConfig" | "DriverOpts", Json::Object(fields)) => {
                fields.iter().all(|(key, field)| found.get(key).is_some_and(|found| same_address(field, found)))
            }
            ("MacAddress", value) => same_address(value, found),
            (_, value) => value == found,
        }
    })
}

/// Addresses agree in any spelling of case and zeros.
fn same_address(left: &Json, right: &Json) -> bool {
    let (Some(left), Some(right)) = (left.as_str(), right.as_str()) else { return left == right };
    let parse = |text: &str| text.parse::<std::net::IpAddr>().ok();
    match (parse(left), parse(right)) {
        (Some(left), Some(right)) => left == right,
        _ => left.eq_ignore_ascii_case(right),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use rprov_modules::argument::Arguments as _;

    fn settings(json: Json) -> Json {
        let value = rprov_wire::Value::from_json(&json);
        endpoint(&Network::decode(value.as_map().unwrap()).unwrap())
    }

    #[test]
    fn an_endpoint_agrees_if_it_has_what_is_wanted() {
        let current = json!({
            "IPAMConfig": {"IPv4Address": "10.9.0.5", "IPv6Address": "fd00::1"},
            "Aliases": ["web", "0123456789ab"], "Links": null, "MacAddress": "02:42:0A:00:00:01",
        });
        for (wanted, expected) in [
            (json!({"name": "n"}), true),
            (json!({"name": "n", "aliases": ["web"], "ipv4_address": "10.9.0.5"}), true),
            (json!({"name": "n", "ipv6_address": "FD00:0::1"}), true),
            (json!({"name": "n", "mac_address": "02:42:0a:00:00:01"}), true),
            (json!({"name": "n", "aliases": ["db"]}), false),
            (json!({"name": "n", "links": ["db"]}), false),
            (json!({"name": "n", "ipv4_address": "10.9.0.6"}), false),
        ] {
            assert_eq!(agrees(&settings(wanted.clone()), &current), expected, "{wanted}");
        }
        assert!(!agrees(&settings(json!({"name": "n", "ipv4_address": "10.9.0.6"})), &json!({"IPAMConfig": null})));
    }
}
