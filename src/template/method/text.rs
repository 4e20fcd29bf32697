//! The methods of `str`.

use minijinja::value::{Tuple, Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::arguments::Arguments;
use super::format;
use crate::template::filter::text::split_lines;

/// Call a method of a text; `None` if it has none of that name.
pub(super) fn call(text: &str, method: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let arguments = Arguments::new(method, args);
    Ok(Some(match method {
        "upper" => Value::from(text.to_uppercase()),
        "lower" => Value::from(text.to_lowercase()),
        "casefold" => Value::from(text.to_lowercase().replace('ß', "ss")),
        "capitalize" => {
            let mut chars = text.chars();
            let first = chars.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
            Value::from(first + &chars.as_str().to_lowercase())
        }
        "title" => Value::from(title(text)),
        "swapcase" => Value::from(
            text.chars()
                .flat_map(|c| {
                    let swapped: Vec<char> =
                        if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() };
                    swapped
                })
                .collect::<String>(),
        ),
        "strip" | "lstrip" | "rstrip" => {
            let chars = arguments.optional_text(0, "chars")?;
            let strips = |c: char| match &chars {
                Some(chars) => chars.contains(c),
                None => c.is_whitespace(),
            };
            let text = if method == "rstrip" { text } else { text.trim_start_matches(strips) };
            Value::from(if method == "lstrip" { text } else { text.trim_end_matches(strips) })
        }
        "split" => split(text, &arguments)?,
        "rsplit" => rsplit(text, &arguments)?,
        "splitlines" => {
            let keep = arguments.get(0, "keepends").is_some_and(|keep| keep.is_true());
            Value::from_iter(split_lines(text, keep).into_iter().map(Value::from))
        }
        "partition" | "rpartition" => {
            let separator = arguments.text(0, "sep")?;
            if separator.is_empty() {
                return Err(invalid("empty separator"));
            }
            let at = if method == "partition" { text.find(&separator) } else { text.rfind(&separator) };
            let (head, middle, tail) = match at {
                Some(at) => (
                    text.get(..at).unwrap_or_default(),
                    separator.as_str(),
                    text.get(at + separator.len()..).unwrap_or_default(),
                ),
                None if method == "partition" => (text, "", ""),
                None => ("", "", text),
            };
            Value::from(Tuple::new(vec![Value::from(head), Value::from(middle), Value::from(tail)]))
        }
        "join" => {
            let items = arguments.get(0, "iterable").unwrap_or_default();
            let mut joined = String::new();
            for (index, item) in items.try_iter()?.checked().enumerate() {
                let item = item?;
                if item.is_undefined() {
                    return Err(Error::from(ErrorKind::UndefinedError));
                }
                let Some(piece) = item.as_str() else {
                    return Err(invalid(format!(
                        "sequence item {index}: expected str instance, {} found",
                        super::type_name_of(&item)
                    )));
                };
                if index > 0 {
                    joined.push_str(text);
                }
                joined.push_str(piece);
            }
            Value::from(joined)
        }
        "replace" => {
            let (old, new) = (arguments.text(0, "old")?, arguments.text(1, "new")?);
            Value::from(match arguments.integer(2, "count")? {
                Some(count) if count >= 0 => text.replacen(&old, &new, usize::try_from(count).unwrap_or(usize::MAX)),
                _ => text.replace(&old, &new),
            })
        }
        "startswith" | "endswith" => {
            let (window, _) = window(text, &arguments)?;
            let matches = |part: &str| {
                if method == "startswith" { window.starts_with(part) } else { window.ends_with(part) }
            };
            match arguments.get(0, "prefix") {
                Some(part) if part.as_str().is_some() => Value::from(part.as_str().is_some_and(matches)),
                Some(parts) if parts.kind() == ValueKind::Seq => {
                    Value::from(parts.try_iter()?.any(|part| part.as_str().is_some_and(matches)))
                }
                _ => return Err(invalid(format!("{method} first arg must be str or a tuple of str"))),
            }
        }
        "removeprefix" => {
            let prefix = arguments.text(0, "prefix")?;
            Value::from(text.strip_prefix(prefix.as_str()).unwrap_or(text))
        }
        "removesuffix" => {
            let suffix = arguments.text(0, "suffix")?;
            Value::from(text.strip_suffix(suffix.as_str()).unwrap_or(text))
        }
        "find" | "rfind" | "index" | "rindex" => {
            let part = arguments.text(0, "sub")?;
            let (window, start) = window(text, &arguments)?;
            let at = if method.starts_with('r') { window.rfind(&part) } else { window.find(&part) };
            match at.and_then(|at| window.get(..at)) {
                Some(before) => Value::from(start + before.chars().count()),
                None if method.ends_with("index") => return Err(invalid("substring not found")),
                None => Value::from(-1),
            }
        }
        "count" => {
            let part = arguments.text(0, "sub")?;
            let (window, _) = window(text, &arguments)?;
            Value::from(if part.is_empty() { window.chars().count() + 1 } else { window.matches(&part).count() })
        }
        "zfill" => {
            let width = arguments.integer(0, "width")?.unwrap_or(0);
            let missing = missing(text, width);
            let (sign, digits) = match text.strip_prefix(['-', '+']) {
                Some(digits) => text.split_at(text.len() - digits.len()),
                None => ("", text),
            };
            Value::from(format!("{sign}{}{digits}", "0".repeat(missing)))
        }
        "ljust" | "rjust" | "center" => {
            let width = arguments.integer(0, "width")?.unwrap_or(0);
            let fill = arguments.optional_text(1, "fillchar")?.unwrap_or_else(|| " ".to_owned());
            if fill.chars().count() != 1 {
                return Err(invalid("The fill character must be exactly one character long"));
            }
            let missing = missing(text, width);
            let left = match method {
                "ljust" => 0,
                "rjust" => missing,
                _ => missing / 2 + (missing & usize::try_from(width).unwrap_or(0) & 1),
            };
            Value::from(format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left)))
        }
        "expandtabs" => {
            Value::from(expand_tabs(text, usize::try_from(arguments.integer(0, "tabsize")?.unwrap_or(8)).unwrap_or(0)))
        }
        "isdigit" | "isdecimal" | "isnumeric" => Value::from(
            !text.is_empty() && text.chars().all(|c| c.is_numeric() && (method == "isnumeric" || c.is_ascii_digit())),
        ),
        "isalpha" => Value::from(!text.is_empty() && text.chars().all(char::is_alphabetic)),
        "isalnum" => Value::from(!text.is_empty() && text.chars().all(char::is_alphanumeric)),
        "isspace" => Value::from(!text.is_empty() && text.chars().all(char::is_whitespace)),
        "isascii" => Value::from(text.is_ascii()),
        "isprintable" => Value::from(!text.chars().any(char::is_control)),
        "isupper" => Value::from(text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase)),
        "islower" => Value::from(text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase)),
        "istitle" => Value::from(text.chars().any(char::is_alphabetic) && title(text) == text),
        "isidentifier" => Value::from(
            text.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && text.chars().all(|c| c.is_alphanumeric() || c == '_'),
        ),
        "encode" => Value::from_bytes(text.as_bytes().to_vec()),
        "format" => Value::from(format::format(text, &arguments)?),
        "format_map" => Value::from(format::format_map(text, &arguments.get(0, "mapping").unwrap_or_default())?),
        "translate" => {
            let table = arguments.get(0, "table").unwrap_or_default();
            let mut translated = String::new();
            for c in text.chars() {
                match table.get_item(&Value::from(c as u32))? {
                    found if found.is_undefined() => translated.push(c),
                    found if found.is_none() => {}
                    found => match found.as_str() {
                        Some(replacement) => translated.push_str(replacement),
                        None => translated.extend(
                            found.as_usize().and_then(|code| u32::try_from(code).ok()).and_then(char::from_u32),
                        ),
                    },
                }
            }
            Value::from(translated)
        }
        _ => return Ok(None),
    }))
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn missing(text: &str, width: i64) -> usize {
    // No text of a template's needs to be wider than this; an absurd width must not take the memory.
    usize::try_from(width).unwrap_or(0).min(1 << 24).saturating_sub(text.chars().count())
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut result = String::with_capacity(text.len());
    for c in text.chars() {
        if inside {
            result.extend(c.to_lowercase());
        } else {
            result.extend(c.to_uppercase());
        }
        inside = c.is_alphabetic();
    }
    result
}

/// The part of a text that `start` and `end` (arguments 1 and 2) cut out, and where it begins, in characters.
fn window<'t>(text: &'t str, arguments: &Arguments<'_>) -> Result<(&'t str, usize), Error> {
    let (start, end) = (arguments.integer(1, "start")?, arguments.integer(2, "end")?);
    if start.is_none() && end.is_none() {
        return Ok((text, 0));
    }
    let length = text.chars().count();
    let clamp = |index: i64| {
        let index = if index < 0 { index.saturating_add(i64::try_from(length).unwrap_or(i64::MAX)) } else { index };
        usize::try_from(index).unwrap_or(0).min(length)
    };
    let start = start.map_or(0, clamp);
    let end = end.map_or(length, clamp).max(start);
    let byte = |index: usize| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    Ok((text.get(byte(start)..byte(end)).unwrap_or_default(), start))
}

fn split(text: &str, arguments: &Arguments<'_>) -> Result<Value, Error> {
    let limit = usize::try_from(arguments.integer(1, "maxsplit")?.unwrap_or(-1)).unwrap_or(usize::MAX - 1);
    let pieces: Vec<&str> = match arguments.optional_text(0, "sep")? {
        Some(separator) if separator.is_empty() => return Err(invalid("empty separator")),
        Some(separator) => text.splitn(limit.saturating_add(1), &separator).collect(),
        None => {
            let mut pieces = Vec::new();
            let mut rest = text.trim_start();
            while !rest.is_empty() {
                match rest.find(char::is_whitespace).filter(|_| pieces.len() < limit) {
                    Some(at) => {
                        let (piece, tail) = rest.split_at(at);
                        pieces.push(piece);
                        rest = tail.trim_start();
                    }
                    None => {
                        pieces.push(if pieces.len() < limit { rest.trim_end() } else { rest });
                        break;
                    }
                }
            }
            pieces
        }
    };
    Ok(Value::from_iter(pieces.into_iter().map(Value::from)))
}

fn rsplit(text: &str, arguments: &Arguments<'_>) -> Result<Value, Error> {
    let limit = usize::try_from(arguments.integer(1, "maxsplit")?.unwrap_or(-1)).unwrap_or(usize::MAX - 1);
    let mut pieces: Vec<&str> = match arguments.optional_text(0, "sep")? {
        Some(separator) if separator.is_empty() => return Err(invalid("empty separator")),
        Some(separator) => text.rsplitn(limit.saturating_add(1), &separator).collect(),
        None => {
            let mut pieces = Vec::new();
            let mut rest = text.trim_end();
            while !rest.is_empty() {
                let gap = rest.char_indices().rev().find(|(_, c)| c.is_whitespace()).filter(|_| pieces.len() < limit);
                match gap {
                    Some((at, c)) => {
                        pieces.push(rest.get(at + c.len_utf8()..).unwrap_or_default());
                        rest = rest.get(..at).unwrap_or_default().trim_end();
                    }
                    None => {
                        pieces.push(if pieces.len() < limit { rest.trim_start() } else { rest });
                        break;
                    }
                }
            }
            pieces
        }
    };
    pieces.reverse();
    Ok(Value::from_iter(pieces.into_iter().map(Value::from)))
}

fn expand_tabs(text: &str, size: usize) -> String {
    let mut result = String::new();
    let mut column = 0;
    for c in text.chars() {
        match c {
            '\t' if size > 0 => {
                let spaces = size.min(1 << 16) - column % size.min(1 << 16);
                result.push_str(&" ".repeat(spaces));
                column += spaces;
            }
            '\t' => {}
            '\n' | '\r' => {
                result.push(c);
                column = 0;
            }
            _ => {
                result.push(c);
                column += 1;
            }
        }
    }
    result
}
