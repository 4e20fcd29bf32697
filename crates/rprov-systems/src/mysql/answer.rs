//! What a statement gives back: columns, rows and numbers.

use rprov_wire::Value;

use super::error::MysqlError;
use super::packet::Fields;

/// A column of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name, or what it was called in the statement.
    pub name: String,
    /// The number of its type.
    pub kind: u8,
}

impl Column {
    /// Read it from the packet that defines it.
    ///
    /// # Errors
    /// The packet is cut short.
    pub fn read(packet: &[u8]) -> Result<Self, MysqlError> {
        let mut fields = Fields(packet);
        // Catalogue, schema, table and its real name.
        for _ in 0..4 {
            fields.value()?;
        }
        let name = String::from_utf8_lossy(fields.value()?.unwrap_or_default()).into_owned();
        fields.value()?;
        // Length of what follows, character set, length of the column.
        fields.bytes(1 + 2 + 4)?;
        Ok(Self { name, kind: fields.byte()? })
    }
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
    /// How many rows were changed.
    pub affected: u64,
    /// How many warnings there were.
    pub warnings: u64,
    /// The server's state after it: [`IN_NO_BACKSLASH_MODE`] and [`MORE`] of all its bits.
    pub status: u64,
}

/// Another answer follows.
pub const MORE: u64 = 0x8;

/// A backslash in a text of a statement is one.
pub const IN_NO_BACKSLASH_MODE: u64 = 0x200;

impl Answer {
    /// Read the packet that says that all went well.
    ///
    /// # Errors
    /// The packet is cut short.
    pub fn done(packet: &[u8]) -> Result<Self, MysqlError> {
        let mut fields = Fields(packet);
        fields.byte()?;
        let affected = fields.length()?.unwrap_or_default();
        fields.length()?;
        Ok(Self { affected, status: fields.integer(2)?, warnings: fields.integer(2)?, ..Self::default() })
    }

    /// Read the packet of a row.
    ///
    /// # Errors
    /// The packet is cut short.
    pub fn read_row(&mut self, packet: &[u8]) -> Result<(), MysqlError> {
        let mut fields = Fields(packet);
        let mut row = Row::with_capacity(self.columns.len());
        for _ in &self.columns {
            row.push(fields.value()?.map(rprov_modules::text::decode));
        }
        self.rows.push(row);
        Ok(())
    }

    /// The place of a column, by its name in any case.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
    }

    /// Each row's text in that column.
    pub fn texts(&self, index: usize) -> impl Iterator<Item = &str> {
        self.rows.iter().filter_map(move |row| row.get(index)?.as_deref())
    }

    /// The first row's text in its first column.
    pub fn first(&self) -> Option<&str> {
        self.rows.first()?.first()?.as_deref()
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
fn value(kind: u8, text: &Option<String>) -> Value {
    let Some(text) = text else { return Value::Null };
    match kind {
        // Integers of any size, and years.
        1 | 2 | 3 | 8 | 9 | 13 => text.parse::<i128>().map_or_else(|_| text.into(), Value::from),
        // Floats, and decimals, of which Ansible makes floats.
        0 | 4 | 5 | 246 => text.parse::<f64>().map_or_else(|_| text.into(), Value::Float),
        // Points in time, as Python's isoformat() has them.
        7 | 12 => text.replacen(' ', "T", 1).into(),
        _ => text.into(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn columns_and_rows_are_read_by_their_types() {
        // As MariaDB answers `select 1 a`.
        let column = Column::read(b"\x03def\0\0\0\x01a\0\x0c\x3f\0\x01\0\0\0\x03\x81\0\0\0\0").unwrap();
        assert_eq!(column, Column { name: "a".to_owned(), kind: 3 });
        let text = Column { name: "b".to_owned(), kind: 253 };
        let mut answer = Answer { columns: vec![column, text], ..Answer::default() };
        answer.read_row(b"\x011\x05Stra\xc3").unwrap();
        answer.read_row(b"\xfb\xfb").unwrap();
        assert!(answer.read_row(b"\x05a").is_err());
        assert_eq!(answer.first(), Some("1"));
        assert_eq!(answer.maps().first().and_then(|row| row.get("a")), Some(&Value::Int(1)));
        assert_eq!(answer.maps().get(1).and_then(|row| row.get("b")), Some(&Value::Null));
        assert_eq!(value(246, &Some("1.50".to_owned())), Value::Float(1.5));
    }

    #[test]
    fn what_went_well_says_how_much_it_did() {
        let answer = Answer::done(b"\0\x02\0\x08\x02\x01\0").unwrap();
        assert_eq!((answer.affected, answer.warnings), (2, 1));
        assert_ne!(answer.status & MORE, 0);
        assert_ne!(answer.status & IN_NO_BACKSLASH_MODE, 0);
    }
}
