//! Option files such as `~/.my.cnf`, of which the group `[client]` says how to log in.
//!
//! Format: <https://dev.mysql.com/doc/refman/8.0/en/option-files.html>.

use indexmap::IndexMap;

/// The options of a group; `-` and `_` in their names are the same.
pub fn group(text: &str, wanted: &str) -> IndexMap<String, String> {
    let mut options = IndexMap::new();
    let mut inside = false;
    for line in text.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix('[') {
            inside = name.trim_end_matches(']').trim() == wanted;
        } else if inside && !line.starts_with(['#', ';', '!']) {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            let name = name.trim().replace('_', "-");
            if !name.is_empty() {
                options.insert(name, unquoted(value.trim()));
            }
        }
    }
    options
}

/// A value without its quotes, or without the comment behind it.
fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        if let Some((text, _)) = value.strip_prefix(quote).and_then(|rest| rest.split_once(quote)) {
            return text.to_owned();
        }
    }
    let end = value.find(" #").unwrap_or(value.len());
    value.get(..end).unwrap_or(value).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_group_is_read_and_no_other() {
        let text = "# comment\nuser=nobody\n[client]\nuser = root # me\npassword=\"n<_665 # {vS43y\"\n\
                    ssl_ca='/etc/ca.pem'\ncompress\nport=3307\n!include /x\n[mysqld]\nuser=mysql\n";
        let options = group(text, "client");
        let entries: Vec<(&str, &str)> = options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let expected = [
            ("user", "root"),
            ("password", "n<_665 # {vS43y"),
            ("ssl-ca", "/etc/ca.pem"),
            ("compress", ""),
            ("port", "3307"),
        ];
        assert_eq!(entries, expected);
    }
}
