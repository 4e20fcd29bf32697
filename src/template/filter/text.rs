//! Filters on text: case, trimming, wrapping, padding, replacing, `format`, `split`, `comment`, `quote`.

use fancy_regex::Regex;
use minijinja::{Error, State, Value};

use super::call::{Call, Run};
use super::python::{fail, int_argument, items, repr, text, text_argument, text_only, truth_argument};
use crate::template::printf::percent;

pub(super) const FILTERS: &[(&str, Run)] = &[
    ("upper", |_, call| Ok(Value::from(text(&call.only()?)?.to_uppercase()))),
    ("lower", |_, call| Ok(Value::from(text(&call.only()?)?.to_lowercase()))),
    ("title", title),
    ("capitalize", capitalize),
    ("trim", trim),
    ("string", |_, call| string(&call.only()?)),
    ("truncate", truncate),
    ("wordwrap", wordwrap),
    ("wordcount", wordcount),
    ("center", center),
    ("indent", indent),
    ("replace", replace),
    ("format", format),
    ("split", split),
    ("comment", comment),
    ("quote", quote),
    ("pprint", |_, call| Ok(Value::from(repr(&call.only()?)?))),
];

/// `str()` that leaves text (and text marked as safe for HTML) as it is.
fn string(value: &Value) -> Result<Value, Error> {
    if value.as_str().is_some() { Ok(value.clone()) } else { text(value).map(Value::from) }
}

fn title(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let source = text(&call.only()?)?;
    let mut out = String::with_capacity(source.len());
    let mut start = true;
    for character in source.chars() {
        if start {
            out.extend(character.to_uppercase());
        } else {
            out.extend(character.to_lowercase());
        }
        start = character.is_whitespace() || "-({[<".contains(character);
    }
    Ok(Value::from(out))
}

fn capitalize(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let source = text(&call.only()?)?;
    let mut characters = source.chars();
    let mut out: String = characters.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    out.push_str(&characters.as_str().to_lowercase());
    Ok(Value::from(out))
}

fn trim(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, chars] = call.bind(["value", "chars"], 1)?;
    let source = text(&value.unwrap_or_default())?;
    Ok(Value::from(match chars.filter(|chars| !chars.is_none()) {
        Some(chars) => {
            let chars = text(&chars)?;
            source.trim_matches(|character| chars.contains(character)).to_owned()
        }
        None => source.trim().to_owned(),
    }))
}

fn truncate(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, length, killwords, end, leeway] = call.bind(["value", "length", "killwords", "end", "leeway"], 1)?;
    let value = value.unwrap_or_default();
    let length = int_argument(length.as_ref(), "length", 255)?;
    let end = text_argument(end.as_ref(), "...")?;
    let leeway = int_argument(leeway.filter(|value| !value.is_none()).as_ref(), "leeway", 5)?;
    let end_length = end.chars().count() as i128;
    if length < end_length {
        return Err(call.fail(format!("the length must be at least {end_length}, got {length}")));
    }
    if leeway < 0 {
        return Err(call.fail(format!("the leeway must not be negative, got {leeway}")));
    }
    let source = text_only(&value, call.name)?;
    if source.chars().count() as i128 <= length + leeway {
        return Ok(value);
    }
    let keep = usize::try_from(length - end_length).unwrap_or_default();
    let cut: String = source.chars().take(keep).collect();
    if truth_argument(killwords.as_ref(), false) {
        return Ok(Value::from(cut + &end));
    }
    let words = cut.rsplit_once(' ').map_or(cut.as_str(), |(words, _)| words);
    Ok(Value::from(format!("{words}{end}")))
}

fn wordwrap(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, width, break_long_words, wrapstring, break_on_hyphens] =
        call.bind(["value", "width", "break_long_words", "wrapstring", "break_on_hyphens"], 1)?;
    let source = text_only(&value.unwrap_or_default(), call.name)?;
    let width = usize::try_from(int_argument(width.as_ref(), "width", 79)?).unwrap_or_default();
    if width == 0 {
        return Err(call.fail("the width must be at least 1"));
    }
    let joint = text_argument(wrapstring.filter(|value| !value.is_none()).as_ref(), "\n")?;
    let long = truth_argument(break_long_words.as_ref(), true);
    let hyphens = truth_argument(break_on_hyphens.as_ref(), true);
    let mut lines = Vec::new();
    for line in split_lines(&source, false) {
        lines.push(wrap(line, width, long, hyphens)?.join(&joint));
    }
    Ok(Value::from(lines.join(&joint)))
}

/// Lines as Python's `splitlines()` gives them, with or without their ends, and no empty one after the last end.
pub(crate) fn split_lines(source: &str, keep_ends: bool) -> Vec<&str> {
    const ENDS: [char; 10] =
        ['\n', '\r', '\u{b}', '\u{c}', '\u{1c}', '\u{1d}', '\u{1e}', '\u{85}', '\u{2028}', '\u{2029}'];
    let mut lines = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let at = rest.find(ENDS).unwrap_or(rest.len());
        let (line, tail) = rest.split_at(at);
        let length = if tail.starts_with("\r\n") { 2 } else { tail.chars().next().map_or(0, char::len_utf8) };
        let (whole, after) = rest.split_at(at + length);
        lines.push(if keep_ends { whole } else { line });
        rest = after;
    }
    lines
}

/// Python's `textwrap.wrap` without tab expansion and with white space as it is
/// (<https://docs.python.org/3/library/textwrap.html>).
fn wrap(line: &str, width: usize, break_long: bool, hyphens: bool) -> Result<Vec<String>, Error> {
    // What may stay together: white space, a dash between words, a word up to a hyphen that may end a line.
    const WITH_HYPHENS: &str = r#"[ \t]+|(?<=[\w!"'&.,?])-{2,}(?=\w)|[^ \t]+?(?:-(?:(?<=[^\d\W]{2}-)|(?<=[^\d\W]-[^\d\W]-))(?=[^\d\W]-?[^\d\W])|(?=[ \t]|\z)|(?<=[\w!"'&.,?])(?=-{2,}\w))"#;
    let pattern = if hyphens { WITH_HYPHENS } else { r"[ \t]+|[^ \t]+" };
    let regex = Regex::new(pattern).map_err(|error| fail(error.to_string()))?;
    let mut chunks: Vec<Vec<char>> = Vec::new();
    for found in regex.find_iter(line) {
        let found = found.map_err(|error| fail(error.to_string()))?;
        chunks.push(found.as_str().chars().collect());
    }
    chunks.reverse();
    let blank = |chunk: &[char]| chunk.iter().all(|character| character.is_whitespace());
    let mut lines: Vec<String> = Vec::new();
    while !chunks.is_empty() {
        let mut current: Vec<Vec<char>> = Vec::new();
        let mut length = 0;
        if !lines.is_empty() && chunks.last().is_some_and(|chunk| blank(chunk)) {
            chunks.pop();
        }
        while let Some(chunk) = chunks.pop() {
            if length + chunk.len() <= width {
                length += chunk.len();
                current.push(chunk);
                continue;
            }
            if chunk.len() > width {
                let space = width.saturating_sub(length).max(if width == 0 { 1 } else { 0 });
                if break_long {
                    let mut end = space;
                    if hyphens
                        && let Some(hyphen) = chunk.iter().take(space).rposition(|character| *character == '-')
                        && hyphen > 0
                        && chunk.iter().take(hyphen).any(|character| *character != '-')
                    {
                        end = hyphen + 1;
                    }
                    let (head, tail) = chunk.split_at(end.min(chunk.len()));
                    if !head.is_empty() {
                        current.push(head.to_vec());
                    }
                    chunks.push(tail.to_vec());
                } else if current.is_empty() {
                    current.push(chunk);
                } else {
                    chunks.push(chunk);
                }
            } else {
                chunks.push(chunk);
            }
            break;
        }
        if current.last().is_some_and(|chunk| blank(chunk)) {
            current.pop();
        }
        if !current.is_empty() {
            lines.push(current.into_iter().flatten().collect());
        }
    }
    Ok(lines)
}

fn wordcount(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let source = text(&call.only()?)?;
    let words = source.split(|character: char| !(character.is_alphanumeric() || character == '_'));
    Ok(Value::from(words.filter(|word| !word.is_empty()).count()))
}

fn center(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, width] = call.bind(["value", "width"], 1)?;
    let source = text(&value.unwrap_or_default())?;
    let width = usize::try_from(int_argument(width.as_ref(), "width", 80)?).unwrap_or_default();
    let Some(margin) = width.checked_sub(source.chars().count()) else {
        return Ok(Value::from(source));
    };
    // Where the margin is odd, Python's str.center puts the extra blank left if the width is odd too.
    let left = margin / 2 + (margin & width & 1);
    Ok(Value::from(format!("{}{source}{}", " ".repeat(left), " ".repeat(margin - left))))
}

fn indent(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, width, first, blank] = call.bind(["value", "width", "first", "blank"], 1)?;
    let source = text_only(&value.unwrap_or_default(), call.name)?;
    let margin = match width.as_ref().and_then(Value::as_str) {
        Some(text) => text.to_owned(),
        None => " ".repeat(usize::try_from(int_argument(width.as_ref(), "width", 4)?).unwrap_or_default()),
    };
    let blank = truth_argument(blank.as_ref(), false);
    // A line end is added first, so that the last line counts as one even if it is empty.
    let extended = format!("{source}\n");
    let lines = split_lines(&extended, false);
    let mut out = String::new();
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            out.push('\n');
            if blank || !line.is_empty() {
                out.push_str(&margin);
            }
        }
        out.push_str(line);
    }
    if truth_argument(first.as_ref(), false) {
        out.insert_str(0, &margin);
    }
    Ok(Value::from(out))
}

fn replace(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, old, new, count] = call.bind(["value", "old", "new", "count"], 3)?;
    let source = text(&value.unwrap_or_default())?;
    let (old, new) = (text_argument(old.as_ref(), "")?, text_argument(new.as_ref(), "")?);
    let count = int_argument(count.filter(|value| !value.is_none()).as_ref(), "count", -1)?;
    Ok(Value::from(match usize::try_from(count) {
        Ok(count) => source.replacen(&old, &new, count),
        Err(_) => source.replace(&old, &new),
    }))
}

/// How one `%` conversion is to be printed.
fn format(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let template = text(&call.subject()?)?;
    let arguments: Vec<Value> = call.positional.iter().skip(1).cloned().collect();
    if !arguments.is_empty() && !call.keyword.is_empty() {
        return Err(call.fail("can't handle positional and keyword arguments at the same time"));
    }
    if call.keyword.is_empty() {
        return percent(&template, &arguments, None).map(Value::from);
    }
    let mapping = Value::from_pairs(call.keyword.iter().map(|(key, value)| (Value::from(&**key), value.clone())));
    percent(&template, std::slice::from_ref(&mapping), Some(&mapping)).map(Value::from)
}

fn split(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let [value, sep, maxsplit] = call.bind(["value", "sep", "maxsplit"], 1)?;
    let source = text_only(&value.unwrap_or_default(), call.name)?;
    let limit = int_argument(maxsplit.as_ref(), "maxsplit", -1)?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let parts: Vec<Value> = match sep.filter(|value| !value.is_none()) {
        Some(separator) => {
            let separator = text_only(&separator, call.name)?;
            if separator.is_empty() {
                return Err(call.fail("the separator is empty"));
            }
            source.splitn(limit.saturating_add(1), &separator).map(Value::from).collect()
        }
        None => {
            let mut parts = Vec::new();
            let mut rest = source.trim_start();
            while !rest.is_empty() {
                if parts.len() == limit {
                    parts.push(Value::from(rest.trim_end()));
                    break;
                }
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                parts.push(Value::from(word));
                rest = after.trim_start();
            }
            parts
        }
    };
    Ok(Value::from(parts))
}

fn comment(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let source = text_only(&call.subject()?, call.name)?;
    let style = match call.positional.get(1) {
        Some(style) => text(style)?,
        None => call
            .keyword
            .iter()
            .find(|(key, _)| key == "style")
            .map_or_else(|| Ok("plain".to_owned()), |(_, value)| text(value))?,
    };
    let (decoration, beginning, end, inner) = match style.as_str() {
        "plain" => ("# ", "", "", None),
        "erlang" => ("% ", "", "", None),
        "c" => ("// ", "", "", None),
        "cblock" => (" * ", "/*", " */", None),
        "xml" => (" - ", "<!--", "-->", None::<&str>),
        other => {
            return Err(call.fail(format!("invalid style '{other}'; known are plain, erlang, c, cblock and xml")));
        }
    };
    let option = |name: &str| call.keyword.iter().find(|(key, _)| key == name).map(|(_, value)| value);
    const KNOWN: [&str; 9] =
        ["style", "newline", "beginning", "prefix", "prefix_count", "decoration", "postfix", "postfix_count", "end"];
    if let Some((unknown, _)) = call.keyword.iter().find(|(key, _)| !KNOWN.contains(&key.as_str())) {
        return Err(call.fail(format!("there is no argument `{unknown}`; it takes {}", KNOWN.join(", "))));
    }
    let newline = text_argument(option("newline"), "\n")?;
    let decoration = text_argument(option("decoration"), decoration)?;
    let trimmed = inner.map_or_else(|| decoration.trim_end().to_owned(), str::to_owned);
    let beginning = text_argument(option("beginning"), beginning)?;
    let end = text_argument(option("end"), end)?;
    let prefix = text_argument(option("prefix"), &trimmed)?;
    let postfix = text_argument(option("postfix"), &trimmed)?;
    let mut out = String::new();
    if !beginning.is_empty() {
        out.push_str(&beginning);
        out.push_str(&newline);
    }
    if !prefix.is_empty() {
        let count = usize::try_from(int_argument(option("prefix_count"), "prefix_count", 1)?).unwrap_or_default();
        out.push_str(&format!("{prefix}{newline}").repeat(count));
    }
    let body = source.replace(&newline, &format!("{newline}{decoration}"));
    let body = format!("{decoration}{body}").replace(&format!("{decoration}{newline}"), &format!("{trimmed}{newline}"));
    out.push_str(&body);
    out.push_str(&newline);
    // Unlike the prefix, a postfix without text is a line as well.
    let count = usize::try_from(int_argument(option("postfix_count"), "postfix_count", 1)?).unwrap_or_default();
    out.push_str(&format!("{postfix}{newline}").repeat(count));
    out.push_str(&end);
    if end.is_empty() {
        out.truncate(out.strip_suffix(&newline).map_or(out.len(), str::len));
    }
    Ok(Value::from(out))
}

fn quote(_: &mut State<'_, '_>, call: Call) -> Result<Value, Error> {
    let value = call.only()?;
    let source = if value.is_none() { String::new() } else { text(&value)? };
    Ok(Value::from(shell_quote(&source)))
}

/// One word for a POSIX shell, quoted where it must be, as Python's `shlex.quote` does it.
pub(crate) fn shell_quote(word: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"@%_-+=:,./".contains(&byte);
    if !word.is_empty() && word.bytes().all(safe) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\"'\"'"))
}

/// Text joined as Jinja2's `join` does it.
pub(crate) fn join(value: &Value, separator: &str, attribute: Option<&Value>) -> Result<String, Error> {
    let mut parts = Vec::new();
    for item in items(value)? {
        let item = match attribute {
            Some(path) => {
                let found = super::python::attribute(&item, path, None)?;
                if found.is_undefined() {
                    return Err(super::python::missing_attribute(&item, path));
                }
                found
            }
            None => item,
        };
        super::call::defined(&item, "join")?;
        parts.push(text(&item)?);
    }
    Ok(parts.join(separator))
}

#[cfg(test)]
mod tests {
    use super::split_lines;

    #[test]
    fn lines_end_where_python_ends_them() {
        assert_eq!(split_lines("a\r5%\rb\r\n\nc\u{85}d\u{1c}e", false), ["a", "5%", "b", "", "c", "d", "e"]);
        assert_eq!(split_lines("a\r\nb\u{2028}", true), ["a\r\n", "b\u{2028}"]);
        assert!(split_lines("", true).is_empty());
    }
}
