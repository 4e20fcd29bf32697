//! JSON text as Python's `json.dumps` writes it, for whatever Ansible shows or sends: what filters give, what reports
//! print, and the bodies of requests.

use rprov_wire::Value;

/// How the text is laid out. The default is `json.dumps` without arguments.
#[derive(Clone, Debug)]
pub struct Style {
    /// What each level is indented by, each item on a line of its own; all in one line if not given.
    pub indent: Option<String>,
    /// Keys in the order of the alphabet.
    pub sort_keys: bool,
    /// Escape everything beyond ASCII.
    pub ascii: bool,
    /// Between items; `, `, or `,` at the end of a line.
    pub item_separator: Option<String>,
    /// Between key and value.
    pub key_separator: String,
}

impl Default for Style {
    fn default() -> Self {
        Self { indent: None, sort_keys: false, ascii: true, item_separator: None, key_separator: ": ".to_owned() }
    }
}

/// Text that grows. Lists and maps of any kind of value can be written with it.
#[derive(Debug)]
pub struct Writer<'a> {
    style: &'a Style,
    depth: usize,
    text: String,
}

impl<'a> Writer<'a> {
    /// Nothing yet.
    pub fn new(style: &'a Style) -> Self {
        Self { style, depth: 0, text: String::new() }
    }

    /// What was written.
    pub fn finish(self) -> String {
        self.text
    }

    /// How many lists and maps are open.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// A word that is JSON already: `null`, `true`, digits.
    pub fn word(&mut self, word: &str) {
        self.text.push_str(word);
    }

    /// A float.
    pub fn float(&mut self, number: f64) {
        let text = match number {
            number if number.is_nan() => "NaN".to_owned(),
            number if number.is_infinite() => if number > 0.0 { "Infinity" } else { "-Infinity" }.to_owned(),
            number => crate::text::float(number),
        };
        self.text.push_str(&text);
    }

    /// Text, quoted.
    pub fn string(&mut self, source: &str) {
        self.text.push('"');
        for character in source.chars() {
            match character {
                '"' => self.text.push_str("\\\""),
                '\\' => self.text.push_str("\\\\"),
                '\n' => self.text.push_str("\\n"),
                '\r' => self.text.push_str("\\r"),
                '\t' => self.text.push_str("\\t"),
                '\u{8}' => self.text.push_str("\\b"),
                '\u{c}' => self.text.push_str("\\f"),
                control if (control as u32) < 0x20 => self.text.push_str(&format!("\\u{:04x}", control as u32)),
                other if self.style.ascii && !other.is_ascii() => {
                    let mut units = [0_u16; 2];
                    for unit in other.encode_utf16(&mut units) {
                        self.text.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                other => self.text.push(other),
            }
        }
        self.text.push('"');
    }

    /// A key, with what separates it from its value.
    pub fn key(&mut self, name: &str) {
        self.string(name);
        self.text.push_str(&self.style.key_separator);
    }

    /// A list (`['[', ']']`) or map (`['{', '}']`), each item written by `write`.
    ///
    /// # Errors
    /// Those of `write`.
    pub fn items<T, E>(
        &mut self,
        [open, close]: [char; 2],
        items: impl IntoIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T) -> Result<(), E>,
    ) -> Result<(), E> {
        self.text.push(open);
        self.depth += 1;
        let mut empty = true;
        for item in items {
            if !empty {
                let default = if self.style.indent.is_some() { "," } else { ", " };
                self.text.push_str(self.style.item_separator.as_deref().unwrap_or(default));
            }
            empty = false;
            self.new_line();
            write(self, item)?;
        }
        self.depth -= 1;
        if !empty {
            self.new_line();
        }
        self.text.push(close);
        Ok(())
    }

    fn new_line(&mut self) {
        if let Some(indent) = &self.style.indent {
            self.text.push('\n');
            self.text.push_str(&indent.repeat(self.depth));
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.word("null"),
            Value::Bool(flag) => self.word(if *flag { "true" } else { "false" }),
            Value::Int(number) => self.word(&number.to_string()),
            Value::BigInt(number) => self.word(&number.to_string()),
            Value::Float(number) => self.float(*number),
            Value::String(text) => self.string(text),
            Value::List(items) => {
                let Ok(()) = self.items(['[', ']'], items, |writer, item| {
                    writer.value(item);
                    Ok::<(), std::convert::Infallible>(())
                });
            }
            Value::Map(map) => {
                let mut entries: Vec<(&String, &Value)> = map.iter().collect();
                if self.style.sort_keys {
                    entries.sort_by_key(|(name, _)| *name);
                }
                let Ok(()) = self.items(['{', '}'], entries, |writer, (name, value)| {
                    writer.key(name);
                    writer.value(value);
                    Ok::<(), std::convert::Infallible>(())
                });
            }
        }
    }
}

/// A value in the given style.
pub fn to_text(value: &Value, style: &Style) -> String {
    let mut writer = Writer::new(style);
    writer.value(value);
    writer.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value() -> Value {
        Value::from_json(&serde_json::json!({"b": [1, {"x": null}], "a": "é\n", "c": [], "d": {}, "e": 1.0}))
    }

    #[test]
    fn the_default_has_pythons_spacing_and_escapes() {
        let text = to_text(&value(), &Style::default());
        assert_eq!(text, r#"{"b": [1, {"x": null}], "a": "\u00e9\n", "c": [], "d": {}, "e": 1.0}"#);
    }

    #[test]
    fn sorted_and_indented() {
        let style = Style { indent: Some("  ".to_owned()), sort_keys: true, ascii: false, ..Style::default() };
        let expected = "{\n  \"a\": \"é\\n\",\n  \"b\": [\n    1,\n    {\n      \"x\": null\n    }\n  ],\n  \"c\": [],\n  \"d\": {},\n  \"e\": 1.0\n}";
        assert_eq!(to_text(&value(), &style), expected);
    }
}
