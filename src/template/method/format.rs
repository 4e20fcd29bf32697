//! `str.format`.
//! <https://docs.python.org/3/library/string.html#format-specification-mini-language>

use minijinja::value::{Value, ValueKind};
use minijinja::{Error, ErrorKind};

use super::arguments::Arguments;
use super::type_name_of;
use crate::template::printf::{self, digits};
use crate::template::python;

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn text_of(value: &Value) -> Result<String, Error> {
    python::to_text(value).map_err(Error::from)
}

/// `text.format(*places, **names)`
pub(super) fn format(text: &str, arguments: &Arguments<'_>) -> Result<String, Error> {
    let mut numbering = Numbering::Unknown;
    expand(text, &mut numbering, 0, &|name| match name {
        Name::Place(place) => arguments
            .places()
            .get(place)
            .cloned()
            .ok_or_else(|| invalid(format!("Replacement index {place} out of range for positional args tuple"))),
        Name::Word(word) => arguments.named(word).ok_or_else(|| invalid(format!("'{word}'"))),
    })
}

/// `text.format_map(names)`
pub(super) fn format_map(text: &str, names: &Value) -> Result<String, Error> {
    expand(text, &mut Numbering::Unknown, 0, &|name| {
        let key = match name {
            Name::Place(_) => return Err(invalid("Format string contains positional fields")),
            Name::Word(word) => word,
        };
        match names.get_attr(key)? {
            value if value.is_undefined() => Err(invalid(format!("'{key}'"))),
            value => Ok(value),
        }
    })
}

enum Name<'a> {
    Place(usize),
    Word(&'a str),
}

enum Numbering {
    Unknown,
    Automatic(usize),
    Manual,
}

type Fields<'f> = dyn Fn(Name<'_>) -> Result<Value, Error> + 'f;

fn expand(text: &str, numbering: &mut Numbering, depth: usize, fields: &Fields<'_>) -> Result<String, Error> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(rest.get(..at).unwrap_or_default());
        let tail = rest.get(at..).unwrap_or_default();
        if let Some(after) = tail.strip_prefix("{{") {
            out.push('{');
            rest = after;
        } else if let Some(after) = tail.strip_prefix("}}") {
            out.push('}');
            rest = after;
        } else if let Some(after) = tail.strip_prefix('{') {
            let mut open = 1_usize;
            let end = after.char_indices().find(|(_, c)| {
                match c {
                    '{' => open += 1,
                    '}' => open -= 1,
                    _ => {}
                }
                open == 0
            });
            let Some((end, _)) = end else { return Err(invalid("expected '}' before end of string")) };
            out.push_str(&field(after.get(..end).unwrap_or_default(), numbering, depth, fields)?);
            rest = after.get(end + 1..).unwrap_or_default();
        } else {
            return Err(invalid("Single '}' encountered in format string"));
        }
    }
    out.push_str(rest);
    Ok(out)
}

fn field(text: &str, numbering: &mut Numbering, depth: usize, fields: &Fields<'_>) -> Result<String, Error> {
    if depth > 2 {
        return Err(invalid("Max string recursion exceeded"));
    }
    let (head, spec) = match split_spec(text) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, ""),
    };
    let (path, conversion) = match head.split_once('!') {
        Some((path, conversion)) => (path, Some(conversion)),
        None => (head, None),
    };
    let name_end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, accessors) = path.split_at(name_end);
    let mut value = if name.is_empty() || name.bytes().all(|b| b.is_ascii_digit()) {
        let place = match (&mut *numbering, name.is_empty()) {
            (Numbering::Automatic(next), true) => {
                *next += 1;
                *next - 1
            }
            (Numbering::Unknown, true) => {
                *numbering = Numbering::Automatic(1);
                0
            }
            (Numbering::Manual, true) => {
                return Err(invalid("cannot switch from manual field specification to automatic field numbering"));
            }
            (Numbering::Automatic(_), false) => {
                return Err(invalid("cannot switch from automatic field numbering to manual field specification"));
            }
            (_, false) => {
                *numbering = Numbering::Manual;
                name.parse().map_err(|_| invalid("Too many decimal digits in format string"))?
            }
        };
        fields(Name::Place(place))?
    } else {
        fields(Name::Word(name))?
    };
    let mut rest = accessors;
    while !rest.is_empty() {
        let key;
        if let Some(after) = rest.strip_prefix('[') {
            let Some((inside, tail)) = after.split_once(']') else {
                return Err(invalid("expected '}' before end of string"));
            };
            key = inside.parse::<i64>().map_or_else(|_| Value::from(inside), Value::from);
            rest = tail;
        } else {
            let after = rest.strip_prefix('.').unwrap_or(rest);
            let end = after.find(['.', '[']).unwrap_or(after.len());
            key = Value::from(after.get(..end).unwrap_or_default());
            rest = after.get(end..).unwrap_or_default();
            if end == 0 {
                return Err(invalid("Empty attribute in format string"));
            }
        }
        let next = value.get_item(&key)?;
        if next.is_undefined() {
            return Err(crate::template::explain::no_attribute(&value, &key).into());
        }
        value = next;
    }
    let spec = expand(spec, numbering, depth + 1, fields)?;
    match conversion {
        Some("r" | "a") => value = Value::from(python::repr(&value).map_err(Error::from)?),
        Some("s") => value = Value::from(text_of(&value)?),
        Some(other) => return Err(invalid(format!("Unknown conversion specifier {other:?}"))),
        None => {}
    }
    Spec::parse(&spec)?.apply(&value)
}

/// Where a field's format begins: the first colon outside of brackets.
fn split_spec(text: &str) -> Option<usize> {
    let mut inside = false;
    text.char_indices().find_map(|(at, c)| {
        match c {
            '[' => inside = true,
            ']' => inside = false,
            ':' if !inside => return Some(at),
            _ => {}
        }
        None
    })
}

#[derive(Default)]
struct Spec {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    zero: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl Spec {
    fn parse(text: &str) -> Result<Self, Error> {
        let mut spec = Self::default();
        let mut chars = text.chars().peekable();
        let mut ahead = text.chars();
        let (first, second) = (ahead.next(), ahead.next());
        if second.is_some_and(|c| matches!(c, '<' | '>' | '^' | '=')) {
            (spec.fill, spec.align) = (first, second);
            chars.next();
            chars.next();
        } else if first.is_some_and(|c| matches!(c, '<' | '>' | '^' | '=')) {
            spec.align = first;
            chars.next();
        }
        spec.sign = chars.next_if(|c| matches!(c, '+' | '-' | ' '));
        spec.alternate = chars.next_if_eq(&'#').is_some();
        spec.zero = chars.next_if_eq(&'0').is_some();
        spec.width = digits(&mut chars)?.unwrap_or(0);
        spec.grouping = chars.next_if(|c| matches!(c, ',' | '_'));
        if chars.next_if_eq(&'.').is_some() {
            spec.precision = Some(digits(&mut chars)?.ok_or_else(|| invalid("Format specifier missing precision"))?);
        }
        spec.kind = chars.next();
        if chars.next().is_some() {
            return Err(invalid("Invalid format specifier"));
        }
        Ok(spec)
    }

    fn apply(&self, value: &Value) -> Result<String, Error> {
        let numeric = matches!(value.kind(), ValueKind::Number | ValueKind::Bool);
        let unknown =
            |kind: char| invalid(format!("Unknown format code '{kind}' for object of type '{}'", type_name_of(value)));
        if value.kind() == ValueKind::Bool && self.kind.is_none() && self.width == 0 {
            return text_of(value);
        }
        if !numeric {
            if let Some(kind) = self.kind.filter(|kind| *kind != 's') {
                return Err(unknown(kind));
            }
            let text = text_of(value)?;
            let text = match self.precision {
                Some(precision) => text.chars().take(precision).collect(),
                None => text,
            };
            return Ok(self.pad(&text, '<'));
        }
        let integer = i128::try_from(value.clone()).ok().filter(|_| value.is_integer() || !value.is_number());
        let float = f64::try_from(value.clone()).unwrap_or(f64::NAN);
        let (negative, body) = match (self.kind, integer) {
            (None | Some('d' | 'n'), Some(number)) if self.precision.is_none() => {
                (number < 0, number.unsigned_abs().to_string())
            }
            (Some('x'), Some(number)) => (number < 0, self.prefixed("0x", format!("{:x}", number.unsigned_abs()))),
            (Some('X'), Some(number)) => (number < 0, self.prefixed("0X", format!("{:X}", number.unsigned_abs()))),
            (Some('o'), Some(number)) => (number < 0, self.prefixed("0o", format!("{:o}", number.unsigned_abs()))),
            (Some('b'), Some(number)) => (number < 0, self.prefixed("0b", format!("{:b}", number.unsigned_abs()))),
            (Some('c'), Some(number)) => {
                let character = u32::try_from(number).ok().and_then(char::from_u32);
                (false, character.ok_or_else(|| invalid("%c arg not in range"))?.to_string())
            }
            (None, None) if self.precision.is_none() => (float.is_sign_negative(), python::float(float.abs())),
            (Some(kind @ ('f' | 'F' | 'e' | 'E' | 'g' | 'G')), _) => (
                float.is_sign_negative(),
                printf::float(float.abs(), kind, self.precision.unwrap_or(6), self.alternate),
            ),
            (None, _) => {
                (float.is_sign_negative(), printf::float(float.abs(), 'g', self.precision.unwrap_or(6), self.alternate))
            }
            (Some('%'), _) => {
                let text = printf::float(float.abs() * 100.0, 'f', self.precision.unwrap_or(6), self.alternate);
                (float.is_sign_negative(), format!("{text}%"))
            }
            (Some(kind), _) => return Err(unknown(kind)),
        };
        let body = match self.grouping {
            Some(separator) => grouped(&body, separator),
            None => body,
        };
        let sign = match (negative, self.sign) {
            (true, _) => "-",
            (false, Some('+')) => "+",
            (false, Some(' ')) => " ",
            _ => "",
        };
        let zero_fill = (self.zero && self.align.is_none()) || self.align == Some('=');
        if zero_fill {
            let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' });
            let missing = self.width.saturating_sub(sign.len() + body.chars().count());
            return Ok(format!("{sign}{}{body}", fill.to_string().repeat(missing)));
        }
        Ok(self.pad(&format!("{sign}{body}"), '>'))
    }

    fn prefixed(&self, prefix: &str, digits: String) -> String {
        if self.alternate { format!("{prefix}{digits}") } else { digits }
    }

    fn pad(&self, text: &str, default: char) -> String {
        let fill = self.fill.unwrap_or(if self.zero { '0' } else { ' ' }).to_string();
        let missing = self.width.saturating_sub(text.chars().count());
        let left = match self.align.unwrap_or(default) {
            '<' => 0,
            '^' => missing / 2,
            _ => missing,
        };
        format!("{}{text}{}", fill.repeat(left), fill.repeat(missing - left))
    }
}

fn grouped(text: &str, separator: char) -> String {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, rest) = text.split_at(end);
    let mut result = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            result.push(separator);
        }
        result.push(digit);
    }
    result + rest
}
