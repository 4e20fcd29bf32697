//! The texts in which a server tells of itself (`INFO`, `CLUSTER INFO`): a name, a colon and a value on each line.

use rprov_wire::{Map, Value};

/// The text as a map; numbers and lists of `name=value` are read.
pub fn read(text: &str) -> Map {
    let mut map = Map::new();
    let mut modules = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        match line.split_once(':') {
            Some(("module", value)) => modules.push(structure(value)),
            Some((name, value)) => {
                map.insert(name.to_owned(), structure(value));
            }
            None => {}
        }
    }
    if !modules.is_empty() {
        map.insert("modules".to_owned(), Value::List(modules));
    }
    map
}

/// The text as a map in which every value is text.
pub fn read_plain(text: &str) -> Map {
    let lines = text.lines().filter_map(|line| line.split_once(':'));
    lines.map(|(name, value)| (name.to_owned(), value.into())).collect()
}

/// `keys=1,expires=0` as a map, or a scalar.
fn structure(text: &str) -> Value {
    if !text.contains('=') {
        return scalar(text);
    }
    let parts: Option<Map> = text
        .split(',')
        .map(|part| part.rsplit_once('=').map(|(name, value)| (name.to_owned(), scalar(value))))
        .collect();
    parts.map_or_else(|| text.into(), Value::Map)
}

/// A number, where it looks like one.
fn scalar(text: &str) -> Value {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let only =
        |extra: &[u8]| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || extra.contains(&byte));
    if only(b"")
        && let Ok(number) = text.parse::<i64>()
    {
        return number.into();
    }
    if only(b".")
        && let Ok(number) = text.parse::<f64>()
    {
        return number.into();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_and_lists_are_read() {
        let text = "# Server\r\nredis_version:7.0.15\r\nredis_git_sha1:00000000\r\nmem_fragmentation_ratio:1.40\r\n\
                    executable:/usr/bin/redis-server\r\nmodule:name=a,ver=1\r\nmodule:name=b,ver=2\r\n\
                    db0:keys=1,expires=0\r\nlast:-1\r\nempty:\r\nconf:a=b,c\r\n";
        let expected = json!({
            "redis_version": "7.0.15", "redis_git_sha1": 0, "mem_fragmentation_ratio": 1.4,
            "executable": "/usr/bin/redis-server", "db0": {"keys": 1, "expires": 0}, "last": -1, "empty": "",
            "conf": "a=b,c", "modules": [{"name": "a", "ver": 1}, {"name": "b", "ver": 2}],
        });
        assert_eq!(Value::Map(read(text)).to_json(), expected);
    }
}
