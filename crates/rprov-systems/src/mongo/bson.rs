//! BSON, documents as bytes: <https://bsonspec.org/spec.html>.

use indexmap::IndexMap;
use rprov_modules::checksum::hexadecimal;
use rprov_wire::{Map, Value};

use super::error::MongoError;

/// How deep documents may be in each other; the server's own limit.
const DEEPEST: usize = 100;

/// Names and values, in their order.
pub type Document = IndexMap<String, Bson>;

/// A value.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names are those of the specification")]
pub enum Bson {
    Double(f64),
    String(String),
    Document(Document),
    Array(Vec<Bson>),
    /// Its subtype, and the bytes.
    Binary(u8, Vec<u8>),
    ObjectId([u8; 12]),
    Boolean(bool),
    /// Milliseconds since 1970.
    DateTime(i64),
    Null,
    Int32(i32),
    Timestamp(u64),
    Int64(i64),
    /// Any other type, with its bytes as they are, so that it can be given back.
    Other(u8, Vec<u8>),
}

/// A document of these pairs.
pub fn document<const N: usize>(pairs: [(&str, Bson); N]) -> Document {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

macro_rules! from {
    ($($type:ty: $variant:ident),*) => {
        $(impl From<$type> for Bson {
            fn from(value: $type) -> Self {
                Bson::$variant(value.into())
            }
        })*
    };
}

from!(&str: String, String: String, bool: Boolean, i32: Int32, i64: Int64, f64: Double, Document: Document, Vec<Bson>: Array);

impl From<&Value> for Bson {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Bson::Null,
            Value::Bool(flag) => Bson::Boolean(*flag),
            Value::Int(number) => i32::try_from(*number).map_or(Bson::Int64(*number), Bson::Int32),
            Value::Float(number) => Bson::Double(*number),
            Value::List(items) => Bson::Array(items.iter().map(Bson::from).collect()),
            Value::Map(map) => Bson::Document(of_map(map)),
            Value::String(text) => Bson::String(text.clone()),
            other => Bson::String(other.to_string()),
        }
    }
}

/// A map as a document.
pub fn of_map(map: &Map) -> Document {
    map.iter().map(|(name, value)| (name.clone(), value.into())).collect()
}

/// A document as a map; what has no counterpart there is text.
pub fn to_map(document: &Document) -> Map {
    document.iter().map(|(name, value)| (name.clone(), value.to_value())).collect()
}

impl Bson {
    /// The text, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Bson::String(text) => Some(text),
            _ => None,
        }
    }

    /// The number, whichever its type, if it is whole.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Bson::Int32(number) => Some((*number).into()),
            Bson::Int64(number) => Some(*number),
            // Between these bounds every float is exact.
            Bson::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            _ => None,
        }
    }

    /// Whether it counts as true: a boolean, or a number other than 0.
    pub fn is_true(&self) -> bool {
        matches!(self, Bson::Boolean(true)) || self.as_int().is_some_and(|number| number != 0)
    }

    /// The document, if it is one.
    pub fn as_document(&self) -> Option<&Document> {
        match self {
            Bson::Document(document) => Some(document),
            _ => None,
        }
    }

    /// The list, if it is one.
    pub fn as_array(&self) -> Option<&[Bson]> {
        match self {
            Bson::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The same value, for whom `1`, `1.0` and a long 1 are one.
    pub fn same(&self, other: &Bson) -> bool {
        match (self, other) {
            (Bson::Document(one), Bson::Document(other)) => {
                one.len() == other.len()
                    && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| value.same(other)))
            }
            (Bson::Array(one), Bson::Array(other)) => {
                one.len() == other.len() && one.iter().zip(other).all(|(one, other)| one.same(other))
            }
            (one, other) => one == other || one.as_int().is_some() && one.as_int() == other.as_int(),
        }
    }

    /// As a value of a result.
    pub fn to_value(&self) -> Value {
        match self {
            Bson::Double(number) => (*number).into(),
            Bson::String(text) => text.as_str().into(),
            Bson::Document(document) => to_map(document).into(),
            Bson::Array(items) => Value::List(items.iter().map(Bson::to_value).collect()),
            Bson::ObjectId(bytes) => hexadecimal(bytes).into(),
            Bson::Boolean(flag) => (*flag).into(),
            Bson::Null => Value::Null,
            Bson::Int32(number) => (*number).into(),
            Bson::Int64(number) | Bson::DateTime(number) => (*number).into(),
            Bson::Timestamp(number) => number.to_string().into(),
            Bson::Binary(_, bytes) | Bson::Other(_, bytes) => hexadecimal(bytes).into(),
        }
    }

    fn tag(&self) -> u8 {
        match self {
            Bson::Double(_) => 0x01,
            Bson::String(_) => 0x02,
            Bson::Document(_) => 0x03,
            Bson::Array(_) => 0x04,
            Bson::Binary(..) => 0x05,
            Bson::ObjectId(_) => 0x07,
            Bson::Boolean(_) => 0x08,
            Bson::DateTime(_) => 0x09,
            Bson::Null => 0x0a,
            Bson::Int32(_) => 0x10,
            Bson::Timestamp(_) => 0x11,
            Bson::Int64(_) => 0x12,
            Bson::Other(tag, _) => *tag,
        }
    }
}

/// A length as it is written; the server refuses what is longer than 48 MB.
fn length(bytes: usize) -> [u8; 4] {
    i32::try_from(bytes).unwrap_or(i32::MAX).to_le_bytes()
}

/// The document as bytes.
pub fn encode(document: &Document) -> Vec<u8> {
    encode_pairs(document.iter().map(|(name, value)| (name.as_str(), value)))
}

fn encode_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a Bson)>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in pairs {
        body.push(value.tag());
        // A name ends with the first zero byte.
        body.extend(name.bytes().take_while(|byte| *byte != 0));
        body.push(0);
        encode_value(&mut body, value);
    }
    let mut bytes = length(body.len() + 5).to_vec();
    bytes.append(&mut body);
    bytes.push(0);
    bytes
}

fn encode_value(body: &mut Vec<u8>, value: &Bson) {
    match value {
        Bson::Double(number) => body.extend(number.to_le_bytes()),
        Bson::String(text) => {
            body.extend(length(text.len() + 1));
            body.extend(text.as_bytes());
            body.push(0);
        }
        Bson::Document(document) => body.extend(encode(document)),
        Bson::Array(items) => {
            let names: Vec<String> = (0..items.len()).map(|index| index.to_string()).collect();
            body.extend(encode_pairs(names.iter().map(String::as_str).zip(items)));
        }
        Bson::Binary(subtype, bytes) => {
            body.extend(length(bytes.len()));
            body.push(*subtype);
            body.extend(bytes);
        }
        Bson::ObjectId(bytes) => body.extend(bytes),
        Bson::Boolean(flag) => body.push((*flag).into()),
        Bson::DateTime(number) | Bson::Int64(number) => body.extend(number.to_le_bytes()),
        Bson::Null => {}
        Bson::Int32(number) => body.extend(number.to_le_bytes()),
        Bson::Timestamp(number) => body.extend(number.to_le_bytes()),
        Bson::Other(_, bytes) => body.extend(bytes),
    }
}

/// The document that bytes begin with; what follows it is left.
///
/// # Errors
/// They are none.
pub fn decode(bytes: &mut &[u8]) -> Result<Document, MongoError> {
    decode_at(bytes, 0)
}

const TOO_SHORT: MongoError = MongoError::Protocol("a document that ends too early");

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], MongoError> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(TOO_SHORT)?;
    *bytes = rest;
    Ok(taken)
}

fn fixed<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], MongoError> {
    take(bytes, N)?.try_into().map_err(|_| TOO_SHORT)
}

fn size(bytes: &mut &[u8]) -> Result<usize, MongoError> {
    usize::try_from(i32::from_le_bytes(fixed(bytes)?)).map_err(|_| MongoError::Protocol("a length below zero"))
}

fn name(bytes: &mut &[u8]) -> Result<String, MongoError> {
    let end = bytes.iter().position(|byte| *byte == 0).ok_or(TOO_SHORT)?;
    let name = String::from_utf8_lossy(take(bytes, end)?).into_owned();
    take(bytes, 1)?;
    Ok(name)
}

fn text(bytes: &mut &[u8]) -> Result<String, MongoError> {
    let size = size(bytes)?;
    let text = take(bytes, size)?.strip_suffix(&[0]).ok_or(MongoError::Protocol("a text without an end"))?;
    Ok(String::from_utf8_lossy(text).into_owned())
}

fn decode_at(bytes: &mut &[u8], depth: usize) -> Result<Document, MongoError> {
    if depth > DEEPEST {
        return Err(MongoError::Protocol("documents within documents without an end"));
    }
    let size = size(bytes)?.checked_sub(4).ok_or(TOO_SHORT)?;
    let mut body = take(bytes, size)?.strip_suffix(&[0]).ok_or(MongoError::Protocol("a document without an end"))?;
    let mut document = Document::new();
    while let Some((tag, rest)) = body.split_first() {
        body = rest;
        let name = name(&mut body)?;
        let value = decode_value(*tag, &mut body, depth)?;
        document.insert(name, value);
    }
    Ok(document)
}

fn decode_value(tag: u8, body: &mut &[u8], depth: usize) -> Result<Bson, MongoError> {
    Ok(match tag {
        0x01 => Bson::Double(f64::from_le_bytes(fixed(body)?)),
        0x02 => Bson::String(text(body)?),
        0x03 => Bson::Document(decode_at(body, depth + 1)?),
        0x04 => Bson::Array(decode_at(body, depth + 1)?.into_values().collect()),
        0x05 => {
            let size = size(body)?;
            let [subtype] = fixed(body)?;
            Bson::Binary(subtype, take(body, size)?.to_vec())
        }
        0x07 => Bson::ObjectId(fixed(body)?),
        0x08 => Bson::Boolean(fixed(body)? != [0]),
        0x09 => Bson::DateTime(i64::from_le_bytes(fixed(body)?)),
        0x0a => Bson::Null,
        0x10 => Bson::Int32(i32::from_le_bytes(fixed(body)?)),
        0x11 => Bson::Timestamp(u64::from_le_bytes(fixed(body)?)),
        0x12 => Bson::Int64(i64::from_le_bytes(fixed(body)?)),
        other => {
            let whole = *body;
            match other {
                // Undefined, and the keys before and after all others.
                0x06 | 0x7f | 0xff => {}
                // Regular expression.
                0x0b => {
                    name(body)?;
                    name(body)?;
                }
                // Pointer.
                0x0c => {
                    text(body)?;
                    take(body, 12)?;
                }
                // Code, symbol.
                0x0d | 0x0e => drop(text(body)?),
                // Code with scope; its length counts itself.
                0x0f => {
                    let size = size(body)?.checked_sub(4).ok_or(TOO_SHORT)?;
                    take(body, size)?;
                }
                0x13 => drop(take(body, 16)?),
                _ => return Err(MongoError::Protocol("a value of an unknown type")),
            }
            let taken = whole.len().saturating_sub(body.len());
            Bson::Other(other, whole.get(..taken).unwrap_or_default().to_vec())
        }
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_specification_s_examples_are_read_and_written() {
        let hello = b"\x16\0\0\0\x02hello\0\x06\0\0\0world\0\0";
        let document = decode(&mut &hello[..]).unwrap();
        assert_eq!(document, super::document([("hello", "world".into())]));
        assert_eq!(encode(&document), hello);
        let list = b"1\0\0\0\x04BSON\0&\0\0\0\x020\0\x08\0\0\0awesome\0\x011\x00333333\x14@\x102\0\xc2\x07\0\0\0\0";
        let document = decode(&mut &list[..]).unwrap();
        assert_eq!(document["BSON"], Bson::Array(vec!["awesome".into(), 5.05.into(), 1986.into()]));
        assert_eq!(encode(&document), list);
    }

    #[test]
    fn every_type_comes_back_as_it_was() {
        let all = super::document([
            ("double", 1.5.into()),
            ("text", "ü\0x".into()),
            ("document", super::document([("a", Bson::Null)]).into()),
            ("binary", Bson::Binary(4, vec![0, 1])),
            ("id", Bson::ObjectId([7; 12])),
            ("flag", true.into()),
            ("date", Bson::DateTime(-1)),
            ("small", 3.into()),
            ("time", Bson::Timestamp(u64::MAX)),
            ("large", i64::MIN.into()),
            ("regular", Bson::Other(0x0b, b"a*\0i\0".to_vec())),
            ("decimal", Bson::Other(0x13, vec![9; 16])),
            ("least", Bson::Other(0xff, Vec::new())),
        ]);
        assert_eq!(decode(&mut encode(&all).as_slice()).unwrap(), all);
        assert_eq!(to_map(&all)["id"].as_str(), Some("070707070707070707070707"));
    }

    #[test]
    fn what_is_no_document_is_refused() {
        for bytes in [
            &b""[..],
            b"\x05\0\0",
            b"\x05\0\0\0\x01",
            b"\xff\xff\xff\xff\0",
            b"\x01\0\0\0\0",
            b"\x0c\0\0\0\x02a\0\x09\0\0\0\0",
            b"\x08\0\0\0\x99a\0\0",
        ] {
            assert!(decode(&mut &*bytes).is_err(), "{bytes:?}");
        }
        let mut deep = Document::new();
        for _ in 0..200 {
            deep = super::document([("a", deep.into())]);
        }
        assert!(decode(&mut encode(&deep).as_slice()).is_err());
    }

    #[test]
    fn numbers_are_the_same_in_every_type() {
        let one = super::document([("n", 1.into()), ("l", vec![Bson::Int64(2)].into())]);
        let other = super::document([("l", vec![Bson::Double(2.0)].into()), ("n", 1.0.into())]);
        assert!(Bson::from(one.clone()).same(&other.into()));
        assert!(!Bson::from(one).same(&super::document([("n", 1.into())]).into()));
        assert!(Bson::from(0.5).same(&0.5.into()) && !Bson::from(0.5).same(&0.into()));
    }
}
