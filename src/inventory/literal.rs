//! Values of INI inventories: a Python literal if the text is one, the text itself otherwise.

use std::sync::Arc;

use crate::source::Span;
use crate::yaml::{Data, Node};

/// Deeper literals stay text.
const DEEPEST: usize = 100;

/// The value of a text by Ansible's rule for INI inventories.
pub(super) fn value(text: &str, span: Span) -> Node {
    let data = literal(text, span).unwrap_or_else(|| Data::String(Arc::from(text)));
    Node { data, span }
}

/// The value of a Python literal; `None` if the text is none. Tuples and sets become lists.
fn literal(text: &str, span: Span) -> Option<Data> {
    let mut reader = Reader { rest: text.trim_start_matches([' ', '\t']), span, depth: 0, brackets: 0 };
    let first = reader.value()?;
    reader.blanks();
    if reader.rest.is_empty() {
        return Some(first.data);
    }
    // `1, 2` is a tuple without its parentheses.
    let mut items = vec![first];
    while reader.take(',') {
        reader.blanks();
        if reader.rest.is_empty() {
            break;
        }
        items.push(reader.value()?);
        reader.blanks();
    }
    reader.rest.is_empty().then_some(Data::List(items))
}

struct Reader<'a> {
    rest: &'a str,
    span: Span,
    depth: usize,
    brackets: usize,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        loop {
            let brackets = self.brackets > 0;
            self.rest =
                self.rest.trim_start_matches(|c: char| matches!(c, ' ' | '\t' | '\x0c') || (brackets && c == '\n'));
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.find('\n').and_then(|end| self.rest.get(end..)).unwrap_or("");
        }
    }

    fn take(&mut self, wanted: char) -> bool {
        self.blanks();
        match self.rest.strip_prefix(wanted) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn node(&self, data: Data) -> Node {
        Node { data, span: self.span }
    }

    fn value(&mut self) -> Option<Node> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        self.blanks();
        let value = match self.rest.chars().next()? {
            '[' => self.list(']').map(Data::List),
            '(' => self.tuple(),
            '{' => self.braces(),
            '\'' | '"' => self.strings(),
            '0'..='9' | '.' => self.number(1),
            '-' | '+' => self.signed(),
            _ => self.word(),
        }?;
        self.depth -= 1;
        Some(self.node(value))
    }

    fn opened<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        self.rest = self.rest.get(1..)?;
        self.brackets += 1;
        let value = read(self);
        self.brackets -= 1;
        value
    }

    fn list(&mut self, close: char) -> Option<Vec<Node>> {
        self.opened(|reader| {
            let mut items = Vec::new();
            loop {
                if reader.take(close) {
                    return Some(items);
                }
                items.push(reader.value()?);
                if !reader.take(',') {
                    return reader.take(close).then_some(items);
                }
            }
        })
    }

    fn tuple(&mut self) -> Option<Data> {
        self.opened(|reader| {
            let mut items = Vec::new();
            let mut comma = false;
            loop {
                if reader.take(')') {
                    break;
                }
                items.push(reader.value()?);
                if !reader.take(',') {
                    if !reader.take(')') {
                        return None;
                    }
                    break;
                }
                comma = true;
            }
            // Parentheses around one value are only that.
            match (comma, items.len()) {
                (false, 1) => items.pop().map(|item| item.data),
                _ => Some(Data::List(items)),
            }
        })
    }

    fn braces(&mut self) -> Option<Data> {
        self.opened(|reader| {
            let mut entries: Vec<(Node, Node)> = Vec::new();
            let mut items: Vec<Node> = Vec::new();
            loop {
                if reader.take('}') {
                    break;
                }
                let key = reader.value()?;
                if matches!(key.data, Data::List(_) | Data::Map(_)) {
                    return None;
                }
                if reader.take(':') {
                    let value = reader.value()?;
                    match entries.iter_mut().find(|(known, _)| known.data == key.data) {
                        Some((_, known)) => *known = value,
                        None => entries.push((key, value)),
                    }
                } else if !items.iter().any(|item| item.data == key.data) {
                    items.push(key);
                }
                if !reader.take(',') {
                    if !reader.take('}') {
                        return None;
                    }
                    break;
                }
            }
            match (entries.is_empty(), items.is_empty()) {
                (_, true) => Some(Data::Map(entries)),
                (true, false) => Some(Data::List(items)),
                (false, false) => None,
            }
        })
    }

    fn word(&mut self) -> Option<Data> {
        let end = self.rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(self.rest.len());
        let (word, rest) = (self.rest.get(..end)?, self.rest.get(end..)?);
        if rest.starts_with(['\'', '"']) {
            return self.strings();
        }
        let value = match word {
            "True" => Data::Bool(true),
            "False" => Data::Bool(false),
            "None" => Data::Null,
            _ => return None,
        };
        self.rest = rest;
        Some(value)
    }

    fn signed(&mut self) -> Option<Data> {
        let mut sign = 1;
        while let Some(next) = self.rest.chars().next().filter(|c| matches!(c, '-' | '+' | ' ' | '\t')) {
            if next == '-' {
                sign = -sign;
            }
            self.rest = self.rest.get(1..)?;
        }
        self.number(sign)
    }

    fn number(&mut self, sign: i64) -> Option<Data> {
        let mut end = 0;
        let mut previous = ' ';
        let hexadecimal = self.rest.starts_with("0x") || self.rest.starts_with("0X");
        for (at, character) in self.rest.char_indices() {
            let exponent_sign = matches!(character, '+' | '-') && matches!(previous, 'e' | 'E') && !hexadecimal;
            if !(character.is_ascii_alphanumeric() || matches!(character, '_' | '.') || exponent_sign) {
                break;
            }
            end = at + character.len_utf8();
            previous = character;
        }
        let text = self.rest.get(..end)?.to_ascii_lowercase();
        self.rest = self.rest.get(end..)?;
        if text.ends_with('_') || text.contains("__") {
            return None;
        }
        let radix = |prefix: &str, radix: u32| -> Option<Data> {
            let digits = text.strip_prefix(prefix)?.replace('_', "");
            let number = i128::from_str_radix(&digits, radix).ok().filter(|_| !digits.starts_with(['-', '+']))?;
            Some(integer(number * i128::from(sign)))
        };
        if let Some(prefix) = ["0x", "0o", "0b"].iter().find(|prefix| text.starts_with(**prefix)) {
            return radix(
                prefix,
                if *prefix == "0x" {
                    16
                } else if *prefix == "0o" {
                    8
                } else {
                    2
                },
            );
        }
        let grouped = |text: &str| -> bool {
            let bytes = text.as_bytes();
            bytes.windows(3).all(|w| !matches!(w, [a, b'_', b] if !(a.is_ascii_digit() && b.is_ascii_digit())))
                && !text.starts_with('_')
        };
        let digits = text.replace('_', "");
        if !grouped(&text) || !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
            return None;
        }
        if digits.bytes().all(|byte| byte.is_ascii_digit()) {
            // Python has no octal numbers with a bare zero.
            if digits.len() > 1 && digits.starts_with('0') && digits.bytes().any(|byte| byte != b'0') {
                return None;
            }
            return Some(match digits.parse::<i128>() {
                Ok(number) => integer(number * i128::from(sign)),
                Err(_) => Data::BigInt(Arc::from(format!("{}{digits}", if sign < 0 { "-" } else { "" }))),
            });
        }
        if !digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'+' | b'-'))
            || digits == "."
        {
            return None;
        }
        digits.parse::<f64>().ok().map(|number| Data::Float(number * sign as f64))
    }

    /// One or more string literals beside each other, which Python joins.
    fn strings(&mut self) -> Option<Data> {
        let mut text = String::new();
        let mut bytes = None;
        loop {
            self.blanks();
            let quote = self.rest.find(['\'', '"']).unwrap_or(usize::MAX);
            let prefix = self.rest.get(..quote).unwrap_or(" ").to_ascii_lowercase();
            if !matches!(prefix.as_str(), "" | "r" | "u" | "b" | "br" | "rb") {
                break;
            }
            let is_bytes = prefix.contains('b');
            if *bytes.get_or_insert(is_bytes) != is_bytes {
                return None;
            }
            self.rest = self.rest.get(quote..)?;
            text.push_str(&self.string(prefix.contains('r'))?);
        }
        match bytes? {
            true => Some(Data::Unsafe(Arc::from(text))),
            false => Some(Data::String(Arc::from(text))),
        }
    }

    fn string(&mut self, raw: bool) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let triple: String = std::iter::repeat_n(quote, 3).collect();
        let close = if self.rest.starts_with(&triple) { triple } else { quote.to_string() };
        self.rest = self.rest.strip_prefix(close.as_str())?;
        let mut text = String::new();
        loop {
            if let Some(rest) = self.rest.strip_prefix(close.as_str()) {
                self.rest = rest;
                return Some(text);
            }
            let character = self.next()?;
            match character {
                '\n' if close.len() == 1 => return None,
                '\\' if raw => {
                    text.push('\\');
                    text.push(self.next()?);
                }
                '\\' => self.escape(&mut text)?,
                other => text.push(other),
            }
        }
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        Some(character)
    }

    fn escape(&mut self, text: &mut String) -> Option<()> {
        let character = self.next()?;
        let mut code = |digits: usize| -> Option<char> {
            let value = u32::from_str_radix(self.rest.get(..digits)?, 16).ok().and_then(char::from_u32)?;
            self.rest = self.rest.get(digits..)?;
            Some(value)
        };
        match character {
            '\n' => {}
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'a' => text.push('\x07'),
            'b' => text.push('\x08'),
            'f' => text.push('\x0c'),
            'v' => text.push('\x0b'),
            '\\' | '\'' | '"' => text.push(character),
            'x' => text.push(code(2)?),
            'u' => text.push(code(4)?),
            'U' => text.push(code(8)?),
            'N' => return None,
            '0'..='7' => {
                let mut value = character.to_digit(8)?;
                for _ in 0..2 {
                    match self.rest.chars().next().and_then(|c| c.to_digit(8)) {
                        Some(digit) => {
                            value = value * 8 + digit;
                            self.next();
                        }
                        None => break,
                    }
                }
                text.push(char::from_u32(value)?);
            }
            other => {
                text.push('\\');
                text.push(other);
            }
        }
        Some(())
    }
}

fn integer(number: i128) -> Data {
    match i64::try_from(number) {
        Ok(number) => Data::Int(number),
        Err(_) => Data::BigInt(Arc::from(number.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::register;

    fn shown(data: &Data) -> String {
        match data {
            Data::Null => "None".to_owned(),
            Data::Bool(flag) => flag.to_string(),
            Data::Int(number) => number.to_string(),
            Data::BigInt(text) => format!("big {text}"),
            Data::Float(number) => format!("float {number}"),
            Data::String(text) | Data::Timestamp(text) => format!("'{text}'"),
            Data::Unsafe(text) | Data::Vault(text) => format!("!'{text}'"),
            Data::List(items) => {
                format!("[{}]", items.iter().map(|item| shown(&item.data)).collect::<Vec<_>>().join(","))
            }
            Data::Map(entries) => format!(
                "{{{}}}",
                entries
                    .iter()
                    .map(|(key, value)| format!("{}:{}", shown(&key.data), shown(&value.data)))
                    .collect::<Vec<_>>()
                    .join(",")
            ),
        }
    }

    #[test]
    fn python_literals_have_their_type_and_all_else_is_text() {
        let span = Span::start_of(register("t", ""));
        for (text, expected) in [
            ("1", "1"),
            ("-1", "-1"),
            ("0x1F", "31"),
            ("0o17", "15"),
            ("0b11", "3"),
            ("0644", "'0644'"),
            ("00", "0"),
            ("1_000", "1000"),
            ("1__0", "'1__0'"),
            ("1.5", "float 1.5"),
            ("1e3", "float 1000"),
            (".5", "float 0.5"),
            ("1.", "float 1"),
            ("10.0.0.1", "'10.0.0.1'"),
            ("1.2.3", "'1.2.3'"),
            ("True", "true"),
            ("true", "'true'"),
            ("yes", "'yes'"),
            ("None", "None"),
            ("'a'", "'a'"),
            ("\"a\\nb\"", "'a\nb'"),
            ("r'a\\n'", "'a\\n'"),
            ("'a' \"b\"", "'ab'"),
            ("b'x'", "!'x'"),
            ("'a", "''a'"),
            ("[1, 'a', [2,]]", "[1,'a',[2]]"),
            ("(1,)", "[1]"),
            ("(1)", "1"),
            ("()", "[]"),
            ("1,2", "[1,2]"),
            ("{'a': 1, 2: None}", "{'a':1,2:None}"),
            ("{1, 2}", "[1,2]"),
            ("{}", "{}"),
            ("{\"x\": true}", "'{\"x\": true}'"),
            ("[1,", "'[1,'"),
            ("1 # one", "1"),
            ("hello # x", "'hello # x'"),
            ("1+2", "'1+2'"),
            ("1j", "'1j'"),
            ("...", "'...'"),
            ("{{ x }}", "'{{ x }}'"),
            ("", "''"),
            ("12345678901234567890123", "big 12345678901234567890123"),
            ("\u{e9}", "'\u{e9}'"),
        ] {
            assert_eq!(shown(&value(text, span).data), expected, "{text}");
        }
    }

    #[test]
    fn deep_nesting_stays_text() {
        let span = Span::start_of(register("t", ""));
        let text = "[".repeat(100_000);
        assert!(value(&text, span).as_str().is_some());
    }
}
