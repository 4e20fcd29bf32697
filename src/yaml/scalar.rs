//! Plain scalars by YAML 1.1, as PyYAML resolves them: `yes` is a boolean, `0644` is octal, `1e3` is text, `12:30` is
//! sexagesimal, `1_000` is a number.

use std::sync::Arc;

use super::node::Data;

/// The types that a plain scalar can turn out to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Null,
    Bool,
    Int,
    Float,
    Timestamp,
    /// `<<`
    Merge,
    /// `=`
    Value,
    Text,
}

/// Python refuses to convert longer integers, and so does this.
const LONGEST_INTEGER: usize = 4300;

/// What a plain (unquoted) scalar means. `<<` and `=` stay text.
pub fn parse_scalar(text: &str) -> Data {
    match kind_of(text) {
        Kind::Null => Data::Null,
        Kind::Bool => Data::Bool(boolean(text).unwrap_or(false)),
        Kind::Int => integer(text).unwrap_or_else(|| Data::String(Arc::from(text))),
        Kind::Float => float(text).map_or_else(|| Data::String(Arc::from(text)), Data::Float),
        Kind::Timestamp => Data::Timestamp(Arc::from(text)),
        Kind::Merge | Kind::Value | Kind::Text => Data::String(Arc::from(text)),
    }
}

/// The type of a plain scalar.
pub(super) fn kind_of(text: &str) -> Kind {
    let Some(first) = text.bytes().next() else { return Kind::Null };
    match first {
        b'~' | b'n' | b'N' if matches!(text, "~" | "null" | "Null" | "NULL") => Kind::Null,
        b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' if is_boolean(text) => Kind::Bool,
        b'<' if text == "<<" => Kind::Merge,
        b'=' if text == "=" => Kind::Value,
        b'-' | b'+' | b'.' | b'0'..=b'9' => {
            if is_float(text) {
                Kind::Float
            } else if is_integer(text) {
                Kind::Int
            } else if is_timestamp(text) {
                Kind::Timestamp
            } else {
                Kind::Text
            }
        }
        _ => Kind::Text,
    }
}

fn is_boolean(text: &str) -> bool {
    matches!(
        text,
        "yes"
            | "Yes"
            | "YES"
            | "no"
            | "No"
            | "NO"
            | "true"
            | "True"
            | "TRUE"
            | "false"
            | "False"
            | "FALSE"
            | "on"
            | "On"
            | "ON"
            | "off"
            | "Off"
            | "OFF"
    )
}

/// The value of a boolean's word in any case, as an explicit `!!bool` takes it too.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "true" | "on" => Some(true),
        "no" | "false" | "off" => Some(false),
        _ => None,
    }
}

/// A reader of one scalar that never looks past its end.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> bool {
        match self.0.split_first() {
            Some((first, rest)) if wanted(*first) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// How many in a row.
    fn take_all(&mut self, wanted: impl Fn(u8) -> bool) -> usize {
        let mut count = 0;
        while self.take(&wanted) {
            count += 1;
        }
        count
    }

    /// Up to `most` digits.
    fn digits(&mut self, most: usize) -> usize {
        let mut count = 0;
        while count < most && self.take(|byte| byte.is_ascii_digit()) {
            count += 1;
        }
        count
    }

    fn sign(&mut self) -> bool {
        self.take(|byte| matches!(byte, b'-' | b'+'))
    }

    /// `:` and one or two digits below 60, at least once.
    fn sixties(&mut self) -> bool {
        let mut count = 0;
        while self.peek() == Some(b':') {
            self.take(|_| true);
            let low = self.peek().is_some_and(|byte| matches!(byte, b'0'..=b'5'));
            if !self.take(|byte| byte.is_ascii_digit()) {
                return false;
            }
            if low {
                self.take(|byte| byte.is_ascii_digit());
            }
            count += 1;
        }
        count > 0
    }

    fn at_end(&self) -> bool {
        self.0.is_empty()
    }
}

fn digit_or_underscore(byte: u8) -> bool {
    byte.is_ascii_digit() || byte == b'_'
}

fn is_integer(text: &str) -> bool {
    let mut cursor = Cursor(text.as_bytes());
    cursor.sign();
    match cursor.0 {
        [b'0'] => return true,
        [b'0', b'b', digits @ ..] => {
            return !digits.is_empty() && digits.iter().all(|d| matches!(d, b'0' | b'1' | b'_'));
        }
        [b'0', b'x', digits @ ..] => {
            return !digits.is_empty() && digits.iter().all(|d| d.is_ascii_hexdigit() || *d == b'_');
        }
        [b'0', digits @ ..] => return digits.iter().all(|d| matches!(d, b'0'..=b'7' | b'_')),
        _ => {}
    }
    if cursor.take_all(digit_or_underscore) == 0 || text.trim_start_matches(['-', '+']).starts_with('_') {
        return false;
    }
    cursor.at_end() || (cursor.sixties() && cursor.at_end())
}

fn is_float(text: &str) -> bool {
    if matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let mut cursor = Cursor(text.as_bytes());
    let signed = cursor.sign();
    if matches!(cursor.0, b".inf" | b".Inf" | b".INF") {
        return true;
    }
    if cursor.peek() == Some(b'.') {
        cursor.take(|_| true);
        // A leading dot takes no sign.
        return !signed && cursor.take(|byte| byte.is_ascii_digit()) && {
            cursor.take_all(digit_or_underscore);
            exponent(&mut cursor)
        };
    }
    if !cursor.take(|byte| byte.is_ascii_digit()) {
        return false;
    }
    cursor.take_all(digit_or_underscore);
    let sexagesimal = cursor.peek() == Some(b':');
    if sexagesimal && !cursor.sixties() {
        return false;
    }
    if !cursor.take(|byte| byte == b'.') {
        return false;
    }
    cursor.take_all(digit_or_underscore);
    if sexagesimal { cursor.at_end() } else { exponent(&mut cursor) }
}

/// Nothing, or an exponent with its sign, and then the end.
fn exponent(cursor: &mut Cursor<'_>) -> bool {
    if cursor.take(|byte| matches!(byte, b'e' | b'E')) && !(cursor.sign() && cursor.digits(usize::MAX) > 0) {
        return false;
    }
    cursor.at_end()
}

fn is_timestamp(text: &str) -> bool {
    let mut cursor = Cursor(text.as_bytes());
    if cursor.digits(4) != 4 || !cursor.take(|byte| byte == b'-') {
        return false;
    }
    let month = cursor.digits(2);
    if month == 0 || !cursor.take(|byte| byte == b'-') {
        return false;
    }
    let day = cursor.digits(2);
    if day == 0 {
        return false;
    }
    if cursor.at_end() {
        return month == 2 && day == 2;
    }
    let blank = |byte: u8| matches!(byte, b' ' | b'\t');
    if !cursor.take(|byte| matches!(byte, b'T' | b't')) && cursor.take_all(blank) == 0 {
        return false;
    }
    let colon = |byte: u8| byte == b':';
    if cursor.digits(2) == 0
        || !cursor.take(colon)
        || cursor.digits(2) != 2
        || !cursor.take(colon)
        || cursor.digits(2) != 2
    {
        return false;
    }
    if cursor.take(|byte| byte == b'.') {
        cursor.digits(usize::MAX);
    }
    if cursor.at_end() {
        return true;
    }
    cursor.take_all(blank);
    if cursor.take(|byte| byte == b'Z') {
        return cursor.at_end();
    }
    cursor.sign()
        && cursor.digits(2) > 0
        && (cursor.at_end() || (cursor.take(colon) && cursor.digits(2) == 2 && cursor.at_end()))
}

/// The integer that a text means, `None` if it is none.
pub(super) fn integer(text: &str) -> Option<Data> {
    let plain: String = text.chars().filter(|c| *c != '_').collect();
    let (negative, digits) = match plain.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    if digits.is_empty() || digits.len() > LONGEST_INTEGER {
        return None;
    }
    if digits == "0" {
        return Some(Data::Int(0));
    }
    let mut number = Decimal::default();
    if let Some(digits) = digits.strip_prefix("0b") {
        number.append(digits, 2)?;
    } else if let Some(digits) = digits.strip_prefix("0x") {
        number.append(digits, 16)?;
    } else if let Some(digits) = digits.strip_prefix('0') {
        number.append(digits.strip_prefix('o').unwrap_or(digits), 8)?;
    } else if digits.contains(':') {
        for part in digits.split(':') {
            number.multiply_add(60, part.parse().ok()?);
        }
    } else {
        number.append(digits, 10)?;
    }
    let text = number.text(negative);
    Some(match text.parse() {
        Ok(number) => Data::Int(number),
        Err(_) => Data::BigInt(Arc::from(text)),
    })
}

/// A natural number without a limit, in groups of nine decimal digits, least first.
#[derive(Default)]
struct Decimal(Vec<u32>);

impl Decimal {
    const GROUP: u64 = 1_000_000_000;

    fn append(&mut self, digits: &str, base: u32) -> Option<()> {
        if digits.is_empty() {
            return None;
        }
        for digit in digits.chars() {
            self.multiply_add(base, digit.to_digit(base)?);
        }
        Some(())
    }

    fn multiply_add(&mut self, factor: u32, summand: u32) {
        let mut carry = u64::from(summand);
        for group in &mut self.0 {
            let product = u64::from(*group) * u64::from(factor) + carry;
            *group = (product % Self::GROUP) as u32;
            carry = product / Self::GROUP;
        }
        while carry > 0 {
            self.0.push((carry % Self::GROUP) as u32);
            carry /= Self::GROUP;
        }
    }

    fn text(&self, negative: bool) -> String {
        let mut groups = self.0.iter().rev();
        let Some(first) = groups.next() else { return "0".to_owned() };
        let mut text = format!("{}{first}", if negative { "-" } else { "" });
        for group in groups {
            text.push_str(&format!("{group:09}"));
        }
        text
    }
}

/// The float that a text means, `None` if it is none.
pub(super) fn float(text: &str) -> Option<f64> {
    let plain: String = text.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    let magnitude = match digits {
        ".inf" => f64::INFINITY,
        ".nan" => f64::NAN,
        _ if digits.contains(':') => {
            let mut value = 0.0;
            for part in digits.split(':') {
                value = value * 60.0 + part.parse::<f64>().ok()?;
            }
            value
        }
        _ => digits.parse::<f64>().ok()?,
    };
    Some(sign * magnitude)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Data {
        Data::String(Arc::from(value))
    }

    #[test]
    fn scalars_mean_what_they_mean_in_yaml_1_1() {
        for (source, expected) in [
            ("", Data::Null),
            ("~", Data::Null),
            ("null", Data::Null),
            ("nULL", text("nULL")),
            ("yes", Data::Bool(true)),
            ("Off", Data::Bool(false)),
            ("y", text("y")),
            ("tRUE", text("tRUE")),
            ("0644", Data::Int(420)),
            ("0o644", text("0o644")),
            ("0899", text("0899")),
            ("0x1F", Data::Int(31)),
            ("0b101", Data::Int(5)),
            ("0b", text("0b")),
            ("1_000", Data::Int(1000)),
            ("_1", text("_1")),
            ("-17", Data::Int(-17)),
            ("+5", Data::Int(5)),
            ("12:30:45", Data::Int(45045)),
            ("12:60", text("12:60")),
            ("1:2:", text("1:2:")),
            ("1e3", text("1e3")),
            ("1.0e3", text("1.0e3")),
            ("1.0e+3", Data::Float(1000.0)),
            ("1.", Data::Float(1.0)),
            (".5", Data::Float(0.5)),
            ("-.5", text("-.5")),
            ("-.inf", Data::Float(f64::NEG_INFINITY)),
            ("1:30.5", Data::Float(90.5)),
            ("2024-01-01", Data::Timestamp(Arc::from("2024-01-01"))),
            ("1.2.3", text("1.2.3")),
            ("10.0.0.1", text("10.0.0.1")),
            ("12345678901234567890123", Data::BigInt(Arc::from("12345678901234567890123"))),
            ("0xffffffffffffffffffff", Data::BigInt(Arc::from("1208925819614629174706175"))),
            ("-9223372036854775808", Data::Int(i64::MIN)),
            ("<<", text("<<")),
            ("=", text("=")),
            ("-", text("-")),
            ("+", text("+")),
            (".", text(".")),
        ] {
            assert_eq!(parse_scalar(source), expected, "{source}");
        }
    }

    #[test]
    fn timestamps_are_told_from_text() {
        for yes in ["2024-01-01", "2001-12-14t21:59:43.10-05:00", "2001-12-14 21:59:43 Z", "2001-1-1 1:00:00 +1:00"] {
            assert_eq!(kind_of(yes), Kind::Timestamp, "{yes}");
        }
        for no in ["2024-1-1", "2024-01", "2001-12-14 21:59", "2024-01-01x", "2001-12-14 21:59:43 5"] {
            assert_eq!(kind_of(no), Kind::Text, "{no}");
        }
    }
}
