//! What a statement gives back: columns, rows, and what it says of itself.

use rprov_wire::Value;

use super::error::PostgresError;
use super::message::Fields;

/// A column of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The number of its type.
    pub kind: u32,
}

/// A row: the text of each column, `None` for `NULL`.
pub type Row = Vec<Option<String>>;

/// What a statement gives back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Answer {
    /// The columns; none for a statement that gives back no rows.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// What it did, as `INSERT 0 1`.
    pub status: String,
}

impl Answer {
    /// Read the message that describes rows.
    ///
    /// # Errors
    /// It is cut short.
    pub fn describe(body: &[u8]) -> Result<Self, PostgresError> {
        let mut fields = Fields(body);
        let mut answer = Self::default();
        for _ in 0..fields.short()? {
            let name = fields.text()?;
            // Table and number of the column.
            fields.bytes(4 + 2)?;
            let kind = fields.long()? as u32;
            // Size, modifier and form.
            fields.bytes(2 + 4 + 2)?;
            answer.columns.push(Column { name, kind });
        }
        Ok(answer)
    }

    /// Read the message of a row.
    ///
    /// # Errors
    /// It is cut short.
    pub fn read_row(&mut self, body: &[u8]) -> Result<(), PostgresError> {
        let mut fields = Fields(body);
        let mut row = Row::new();
        for _ in 0..fields.short()? {
            row.push(match usize::try_from(fields.long()?) {
                Ok(length) => Some(rprov_modules::text::decode(fields.bytes(length)?)),
                Err(_) => None,
            });
        }
        self.rows.push(row);
        Ok(())
    }

    /// How many rows it gave back or changed.
    pub fn count(&self) -> u64 {
        let last = self.status.rsplit(' ').next().unwrap_or_default();
        last.parse().unwrap_or(self.rows.len() as u64)
    }

    /// The first row's text in its first column.
    pub fn first(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
    }

    /// Each row's text in that column.
    pub fn texts(&self, index: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(index)?.as_deref())
    }

    /// The rows as maps, each value of its column's type.
    pub fn maps(&self) -> Vec<Value> {
        let map = |row: &Row| -> Value {
            self.columns.iter().zip(row).map(|(column, text)| (column.name.clone(), value(column.kind, text))).collect()
        };
        self.rows.iter().map(map).collect()
    }
}

/// A column's text as what it stands for.
fn value(kind: u32, text: &Option<String>) -> Value {
    let Some(text) = text else { return Value::Null };
    match kind {
        16 => Value::Bool(text == "t"),
        // int8, int2, int4, oid, xid.
        20 | 21 | 23 | 26 | 28 => text.parse::<i128>().map_or_else(|_| text.into(), Value::from),
        // float4, float8, numeric.
        700 | 701 | 1700 => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Value::Float(number),
            _ => text.into(),
        },
        // json, jsonb.
        114 | 3802 => serde_json::from_str(text).map_or_else(|_| text.into(), |json| Value::from_json(&json)),
        // timestamp, timestamptz: as Python's isoformat() has them.
        1114 | 1184 => time(text).into(),
        // Arrays of these.
        1000 => array(text, 16),
        1005 | 1007 | 1016 | 1028 => array(text, 23),
        1021 | 1022 | 1231 => array(text, 701),
        1002 | 1003 | 1009 | 1015 | 2951 => array(text, 25),
        _ => text.into(),
    }
}

/// `2020-01-01 10:00:00+00` as `2020-01-01T10:00:00+00:00`.
fn time(text: &str) -> String {
    let text = text.replacen(' ', "T", 1);
    let zone = text.get(19..).and_then(|rest| rest.rfind(['+', '-']).map(|index| index + 19));
    match zone.and_then(|index| text.get(index + 1..)) {
        Some(zone) if zone.len() == 2 => format!("{text}:00"),
        _ => text,
    }
}

/// `{1,NULL,"a b"}` as a list; one with more dimensions stays text.
fn array(text: &str, kind: u32) -> Value {
    let Some(inner) = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) else { return text.into() };
    let mut items = Vec::new();
    let mut characters = inner.chars().peekable();
    while characters.peek().is_some() {
        let mut item = String::new();
        let mut was_quoted = false;
        let mut quoted = false;
        while let Some(character) = characters.next() {
            match character {
                '"' => (quoted, was_quoted) = (!quoted, true),
                '\\' => item.extend(characters.next()),
                ',' if !quoted => break,
                '{' if !quoted => return text.into(),
                other => item.push(other),
            }
        }
        let null = !was_quoted && item == "NULL";
        items.push(value(kind, &Some(item).filter(|_| !null)));
    }
    Value::List(items)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn rows_are_read_by_their_types() {
        // As PostgreSQL 15 answers `SELECT 1 AS a, NULL::text AS b`.
        let body = b"\0\x02a\0\0\0\0\0\0\0\0\0\0\x17\0\x04\xff\xff\xff\xff\0\0b\0\0\0\0\0\0\0\0\0\0\x19\xff\xff\xff\xff\xff\xff\0\0";
        let mut answer = Answer::describe(body).unwrap();
        answer.read_row(b"\0\x02\0\0\0\x011\xff\xff\xff\xff").unwrap();
        assert_eq!(Value::List(answer.maps()).to_string(), r#"[{"a":1,"b":null}]"#);
        assert!(answer.read_row(b"\0\x02\0\0\0\x091").is_err());
        answer.status = "INSERT 0 7".to_owned();
        assert_eq!(answer.count(), 7);
    }

    #[test]
    fn values_are_what_they_stand_for() {
        let read = |kind, text: &str| value(kind, &Some(text.to_owned())).to_string();
        assert_eq!(read(16, "t"), "true");
        assert_eq!(read(1700, "1.50"), "1.5");
        assert_eq!(read(1700, "NaN"), "\"NaN\"");
        assert_eq!(read(3802, r#"{"a": [1]}"#), r#"{"a":[1]}"#);
        assert_eq!(read(1184, "2020-01-02 03:04:05.6+00"), "\"2020-01-02T03:04:05.6+00:00\"");
        assert_eq!(read(1114, "2020-01-02 03:04:05"), "\"2020-01-02T03:04:05\"");
        assert_eq!(read(1009, r#"{a,"b c","q\"",NULL,"NULL"}"#), r#"["a","b c","q\"",null,"NULL"]"#);
        assert_eq!(read(1007, "{1,2}"), "[1,2]");
        assert_eq!(read(1007, "{{1},{2}}"), "\"{{1},{2}}\"");
        assert_eq!(read(1007, "{}"), "[]");
    }
}
