//! Filters for HTML and URLs' characters: `escape`, `safe`, `urlencode`, `urlize`, `xmlattr`, `striptags`.

use fancy_regex::Regex;
use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::{fail, is_list, is_map, items, pairs, text, truth_argument};

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("e", escape),
    ("escape", escape),
    ("forceescape", |_, call| Ok(Value::from_safe_string(escaped(&text(&call.only()?)?)))),
    ("safe", |_, call| Ok(Value::from_safe_string(text(&call.only()?)?))),
    ("striptags", striptags),
    ("urlencode", urlencode),
    ("urlize", urlize),
    ("xmlattr", xmlattr),
];

/// The five characters of HTML as MarkupSafe spells them.
pub(crate) fn escaped(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for character in source.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\'' => out.push_str("&#39;"),
            '"' => out.push_str("&#34;"),
            other => out.push(other),
        }
    }
    out
}

fn escape(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if value.is_safe() {
        return Ok(value);
    }
    Ok(Value::from_safe_string(escaped(&text(&value)?)))
}

fn striptags(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let mut source = text(&call.only()?)?;
    while let Some(start) = source.find("<!--")
        && let Some(length) = source.get(start..).and_then(|rest| rest.find("-->"))
    {
        source.replace_range(start..start + length + 3, "");
    }
    while let Some(start) = source.find('<')
        && let Some(length) = source.get(start..).and_then(|rest| rest.find('>'))
    {
        source.replace_range(start..=start + length, "");
    }
    let joined = source.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok(Value::from(unescaped(&joined)))
}

/// The named entities that markup made by hand uses, and numeric ones.
fn unescaped(source: &str) -> String {
    let mut out = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find('&') {
        let (before, after) = rest.split_at(start);
        out.push_str(before);
        let entity = after.find(';').filter(|end| *end <= 10).and_then(|end| after.get(1..end).map(|name| (name, end)));
        let character = entity.and_then(|(name, _)| match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            "nbsp" => Some('\u{a0}'),
            "copy" => Some('©'),
            "hellip" => Some('…'),
            "ndash" => Some('–'),
            "mdash" => Some('—'),
            "euro" => Some('€'),
            _ => {
                let code = name.strip_prefix('#')?;
                let code = match code.strip_prefix(['x', 'X']) {
                    Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                    None => code.parse().ok()?,
                };
                char::from_u32(code)
            }
        });
        match (character, entity) {
            (Some(character), Some((_, end))) => {
                out.push(character);
                rest = after.get(end + 1..).unwrap_or_default();
            }
            _ => {
                out.push('&');
                rest = after.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

/// Percent-encodes all but letters, digits, `_.-~` and the characters in `safe`.
pub(crate) fn percent_encode(source: &str, safe: &str) -> String {
    let mut out = String::with_capacity(source.len());
    for byte in source.bytes() {
        if byte.is_ascii_alphanumeric() || b"_.-~".contains(&byte) || safe.as_bytes().contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

fn urlencode(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    if !is_list(&value) && !is_map(&value) {
        return Ok(Value::from(percent_encode(&text(&value)?, "/")));
    }
    let entries = if is_map(&value) {
        pairs(&value)?
    } else {
        let mut entries = Vec::new();
        for item in items(&value)? {
            let pair = items(&item)?;
            let [key, value] = pair.as_slice() else {
                return Err(call.fail("a list must hold pairs of key and value"));
            };
            entries.push((key.clone(), value.clone()));
        }
        entries
    };
    let query = |value: &Value| text(value).map(|text| percent_encode(&text, " ").replace(' ', "+"));
    let parts = entries.iter().map(|(key, value)| Ok(format!("{}={}", query(key)?, query(value)?)));
    Ok(Value::from(parts.collect::<Result<Vec<_>, Error>>()?.join("&")))
}

fn xmlattr(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, autospace] = call.bind(["value", "autospace"], 1)?;
    let mut parts = Vec::new();
    for (key, item) in pairs(&value.unwrap_or_default())? {
        if item.is_none() || item.is_undefined() {
            continue;
        }
        let key = text(&key)?;
        if key.contains(|character: char| character.is_whitespace() || "/>=".contains(character)) {
            return Err(call.fail(format!("invalid character in the attribute name '{key}'")));
        }
        parts.push(format!("{}=\"{}\"", escaped(&key), escaped(&text(&item)?)));
    }
    let mut out = parts.join(" ");
    if truth_argument(autospace.as_ref(), true) && !out.is_empty() {
        out.insert(0, ' ');
    }
    Ok(Value::from(out))
}

fn urlize(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, limit, nofollow, target, rel, extra_schemes] =
        call.bind(["value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"], 1)?;
    let source = text(&value.unwrap_or_default())?;
    let limit = limit
        .filter(|value| !value.is_none())
        .map(|value| super::python::int_argument(Some(&value), "trim_url_limit", 0))
        .transpose()?;
    let rel = rel.as_ref().map(text).transpose()?.unwrap_or_default();
    let mut rels: Vec<String> = rel.split_whitespace().map(str::to_owned).collect();
    if truth_argument(nofollow.as_ref(), false) {
        rels.push("nofollow".to_owned());
    }
    rels.push("noopener".to_owned());
    rels.sort();
    rels.dedup();
    let rel = format!(" rel=\"{}\"", escaped(&rels.join(" ")));
    let target = match target.filter(|value| !value.is_none()) {
        Some(value) => format!(" target=\"{}\"", escaped(&text(&value)?)),
        None => String::new(),
    };
    let schemes = match extra_schemes.filter(|value| !value.is_none()) {
        Some(list) => items(&list)?.iter().map(text).collect::<Result<_, _>>()?,
        None => Vec::new(),
    };
    let web = Regex::new(r"(?i)^((https?://|www\.)(([\w%-]+\.)+)?([a-z]{2,63}|xn--[\w%]{2,59})|([\w%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)|(https?://)((([\d]{1,3})(\.[\d]{1,3}){3})|(\[([\da-f]{0,4}:){2}([\da-f]{0,4}:?){1,6}\])))(?::[\d]{1,5})?(?:[/?#]\S*)?$")
        .map_err(|error| fail(error.to_string()))?;
    let mail = Regex::new(r"^\S+@\w[\w.-]*\.\w+$").map_err(|error| fail(error.to_string()))?;
    let shorten = |url: &str| match limit.and_then(|limit| usize::try_from(limit).ok()) {
        Some(limit) if url.chars().count() > limit => url.chars().take(limit).collect::<String>() + "...",
        _ => url.to_owned(),
    };
    let mut out = String::new();
    let escaped_source = escaped(&source);
    let mut rest = escaped_source.as_str();
    while !rest.is_empty() {
        let blank = rest.find(|character: char| !character.is_whitespace()).unwrap_or(rest.len());
        let (space, after) = rest.split_at(blank);
        out.push_str(space);
        let end = after.find(char::is_whitespace).unwrap_or(after.len());
        let (word, after) = after.split_at(end);
        rest = after;
        let (mut head, mut middle, mut tail) = (String::new(), word.to_owned(), String::new());
        while let Some(opening) = ["(", "<", "&lt;"].into_iter().find(|opening| middle.starts_with(opening)) {
            head.push_str(opening);
            middle.replace_range(..opening.len(), "");
        }
        if middle.ends_with([')', '>', '.', ',', '\n']) || middle.ends_with("&gt;") {
            while let Some(closing) =
                [")", ">", ".", ",", "\n", "&gt;"].into_iter().find(|closing| middle.ends_with(closing))
            {
                middle.truncate(middle.len() - closing.len());
                tail.insert_str(0, closing);
            }
        }
        // A bracket that was opened inside the address closes inside it.
        for (open, close) in [("(", ")"), ("<", ">"), ("&lt;", "&gt;")] {
            let opened = middle.matches(open).count();
            let closed = middle.matches(close).count();
            for _ in closed..opened.min(closed + tail.matches(close).count()) {
                if let Some(at) = tail.find(close) {
                    let moved: String = tail.drain(..at + close.len()).collect();
                    middle.push_str(&moved);
                }
            }
        }
        let scheme = schemes.iter().any(|scheme: &String| middle != *scheme && middle.starts_with(scheme.as_str()));
        if web.is_match(&middle).unwrap_or(false) || scheme {
            let href = if scheme || middle.starts_with("https://") || middle.starts_with("http://") {
                middle.clone()
            } else {
                format!("https://{middle}")
            };
            middle = format!("<a href=\"{href}\"{rel}{target}>{}</a>", shorten(&middle));
        } else if let Some(address) =
            middle.strip_prefix("mailto:").filter(|address| mail.is_match(address).unwrap_or(false))
        {
            middle = format!("<a href=\"{middle}\">{address}</a>");
        } else if middle.contains('@')
            && !middle.starts_with("www.")
            && !middle.contains(':')
            && mail.is_match(&middle).unwrap_or(false)
        {
            middle = format!("<a href=\"mailto:{middle}\">{middle}</a>");
        }
        out.push_str(&head);
        out.push_str(&middle);
        out.push_str(&tail);
    }
    Ok(Value::from(out))
}
