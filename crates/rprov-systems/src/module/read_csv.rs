//! `read_csv`: a CSV file as a list, or as a dictionary by one of its columns.

use std::path::PathBuf;

use rprov_modules::rprov_wire::{Map, Value};
use rprov_modules::{Context, Failure, Outcome, arguments};

arguments! {
    /// Read a CSV file.
    pub struct Arguments {
        /// The file.
        path | filename: PathBuf,
        /// The column that is the key; without, rows are returned as a list.
        key: Option<String>,
        /// How the file is written: `excel`, `excel-tab` or `unix`.
        dialect: String = "excel".to_owned(),
        /// Names of the columns, where the file does not say them in its first line.
        fieldnames: Option<Vec<String>>,
        /// Two rows may not have one key.
        unique: bool = true,
        /// What is between two fields.
        delimiter: Option<String>,
        /// Blanks behind a delimiter are no part of the field.
        skipinitialspace: Option<bool>,
        /// Bad quotes are an error.
        strict: Option<bool>,
    }
}

/// Read it.
///
/// # Errors
/// It cannot be read, or has no such column, or two rows with one key.
pub fn run(arguments: Arguments, _context: &Context<'_>) -> Result<Outcome, Failure> {
    let default = match arguments.dialect.as_str() {
        "excel" | "unix" => ',',
        "excel-tab" => '\t',
        other => {
            return Err(Failure::new(format!(
                "Dialect '{other}' is not supported; known are excel, excel-tab and unix"
            )));
        }
    };
    let delimiter = match &arguments.delimiter {
        None => default,
        Some(text) => {
            let mut characters = text.chars();
            match (characters.next(), characters.next()) {
                (Some(one), None) => one,
                _ => return Err(Failure::new(format!("delimiter must be one character, got `{text}`"))),
            }
        }
    };
    let reader = Reader {
        delimiter,
        skip_space: arguments.skipinitialspace.unwrap_or(false),
        strict: arguments.strict.unwrap_or(false),
    };
    let path = arguments.path.as_path();
    let bytes = std::fs::read(path)
        .map_err(|error| Failure::new(format!("Unable to open file {}: {error}", path.display())))?;
    let text = String::from_utf8(bytes)
        .map_err(|error| Failure::new(format!("Unable to process file {}: it is no UTF-8: {error}", path.display())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut rows = reader
        .rows(text)
        .map_err(|problem| Failure::new(format!("Unable to process file {}: {problem}", path.display())))?
        .into_iter()
        .filter(|row| !row.is_empty());
    let names = match arguments.fieldnames {
        Some(names) if !names.is_empty() => names,
        _ => rows.next().unwrap_or_default(),
    };
    let rows: Vec<Map> = rows.map(|row| named(&names, row)).collect();
    let mut dict = Map::new();
    let mut list = Vec::new();
    match &arguments.key {
        None => list = rows.into_iter().map(Value::Map).collect(),
        Some(key) => {
            if !names.contains(key) {
                return Err(Failure::new(format!(
                    "Key '{key}' was not found in the CSV header fields: {}",
                    names.join(", ")
                )));
            }
            for row in rows {
                let value = row.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
                if arguments.unique && dict.contains_key(&value) {
                    return Err(Failure::new(format!(
                        "Multiple rows with the value `{value}` in column `{key}`; say `unique: false` to keep the last one"
                    )));
                }
                dict.insert(value, row.into());
            }
        }
    }
    Ok(Outcome::unchanged().with("dict", dict).with("list", list))
}

/// A row under its names: missing fields are null, fields too many a list under no name.
fn named(names: &[String], row: Vec<String>) -> Map {
    let mut map = Map::new();
    let mut fields = row.into_iter();
    for name in names {
        map.insert(name.clone(), fields.next().map_or(Value::Null, Value::String));
    }
    let rest: Vec<Value> = fields.map(Value::String).collect();
    if !rest.is_empty() {
        map.insert("null".to_owned(), rest.into());
    }
    map
}

struct Reader {
    delimiter: char,
    skip_space: bool,
    strict: bool,
}

impl Reader {
    /// RFC 4180, and what Python's reader makes of files that are not quite that.
    fn rows(&self, text: &str) -> Result<Vec<Vec<String>>, String> {
        let mut rows = Vec::new();
        let mut row: Vec<String> = Vec::new();
        let mut field = String::new();
        let mut quoted = false;
        let mut begun = false;
        let mut line = 1_usize;
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            line += usize::from(character == '\n');
            if quoted {
                match character {
                    '"' if characters.peek() == Some(&'"') => {
                        field.push('"');
                        characters.next();
                    }
                    '"' => {
                        quoted = false;
                        let next = characters.peek().copied();
                        let ends = next.is_none_or(|next| next == self.delimiter || next == '\n' || next == '\r');
                        if self.strict && !ends {
                            return Err(format!("'{}' expected after '\"' in line {line}", self.delimiter));
                        }
                    }
                    other => field.push(other),
                }
            } else if character == self.delimiter {
                row.push(std::mem::take(&mut field));
                begun = true;
                if self.skip_space {
                    while characters.peek() == Some(&' ') {
                        characters.next();
                    }
                }
            } else if character == '\n' || character == '\r' {
                if character == '\r' && characters.peek() == Some(&'\n') {
                    characters.next();
                    line += 1;
                }
                if begun || !field.is_empty() {
                    row.push(std::mem::take(&mut field));
                }
                begun = false;
                rows.push(std::mem::take(&mut row));
            } else if character == '"' && field.is_empty() {
                quoted = true;
                begun = true;
            } else {
                field.push(character);
                begun = true;
            }
        }
        if quoted && self.strict {
            return Err("unexpected end of data: a quote is not closed".to_owned());
        }
        if begun || !field.is_empty() {
            row.push(field);
            rows.push(row);
        }
        Ok(rows)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::{Value, json};

    use crate::bench;

    fn read(text: &str, mut arguments: Value) -> Value {
        let bench = bench();
        arguments["path"] = bench.file("f.csv", text).into();
        let done = bench.apply("read_csv", arguments.clone());
        bench.settled("read_csv", arguments);
        let mut done = rprov_modules::rprov_wire::Value::Map(done).to_json();
        let map = done.as_object_mut().unwrap();
        map.remove("changed");
        done
    }

    #[test]
    fn rows_are_a_list_or_a_dictionary() {
        let text = "name,uid\ndag,500\n\n\"je\"\"ro,en\",\"5\n01\"\n";
        let list = json!([{"name": "dag", "uid": "500"}, {"name": "je\"ro,en", "uid": "5\n01"}]);
        assert_eq!(read(text, json!({})), json!({"dict": {}, "list": list}));
        let dict = json!({"dag": list[0], "je\"ro,en": list[1]});
        assert_eq!(read(text, json!({"key": "name"})), json!({"dict": dict, "list": []}));
    }

    #[test]
    fn delimiters_names_and_short_rows() {
        let rows = read("a; b\r\nc", json!({"delimiter": ";", "fieldnames": ["x", "y"], "skipinitialspace": true}));
        assert_eq!(rows["list"], json!([{"x": "a", "y": "b"}, {"x": "c", "y": null}]));
        let rows = read("x\ty\n1\t\n", json!({"dialect": "excel-tab"}));
        assert_eq!(rows["list"], json!([{"x": "1", "y": ""}]));
        assert_eq!(read("", json!({}))["list"], json!([]));
    }

    #[test]
    fn what_is_wrong_with_the_file_is_told() {
        let bench = bench();
        let path = bench.file("f.csv", "a,b\n1,2\n1,3\n\"x\"y,1\n");
        let fails = |more: Value| {
            let mut arguments = json!({"path": path});
            for (name, value) in more.as_object().unwrap() {
                arguments[name] = value.clone();
            }
            bench.fails("read_csv", arguments)
        };
        assert!(fails(json!({"key": "c"})).contains("'c' was not found in the CSV header fields: a, b"));
        assert!(fails(json!({"key": "a"})).contains("Multiple rows"));
        assert!(fails(json!({"strict": true})).contains("expected after"));
        assert!(fails(json!({"dialect": "word"})).contains("not supported"));
        assert!(fails(json!({"path": "/nonexistent.csv"})).contains("/nonexistent.csv"));
    }
}
