//! The dynamic value of the wire: module arguments on the way in, results on the way back.
//!
//! It is JSON's data model with integers kept apart from floats and with maps that keep their order, since
//! that is what Ansible's results look like when they are printed.

use std::cell::Cell;
use std::fmt;

use indexmap::IndexMap;
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An ordered map with string keys.
pub type Map = IndexMap<String, Value>;

/// A value of JSON's data model, with integers apart from floats.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer that does not fit in 64 bits; what does not fit here travels as [`Value::Float`].
    BigInt(i128),
    /// A floating point number.
    Float(f64),
    /// Text. What a host printed that is not UTF-8 was replaced lossily before it got here.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// A map that keeps its order.
    Map(Map),
}

impl Value {
    /// The text, if this is a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The integer, if this is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// The boolean, if this is one.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// The items, if this is a list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match self {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries, if this is a map.
    pub fn as_map(&self) -> Option<&Map> {
        match self {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The value under `key`, if this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map().and_then(|map| map.get(key))
    }

    /// The name of this value's type as Ansible's messages spell it (`str`, `int`, `dict` ...).
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Null => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::BigInt(_) => "int",
            Value::Float(_) => "float",
            Value::String(_) => "str",
            Value::List(_) => "list",
            Value::Map(_) => "dict",
        }
    }

    /// The same value as `serde_json` has it.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Value::Null => serde_json::Value::Null,
            Value::Bool(flag) => (*flag).into(),
            Value::Int(number) => (*number).into(),
            Value::BigInt(number) => match u64::try_from(*number) {
                Ok(number) => number.into(),
                Err(_) => (*number as f64).into(),
            },
            Value::Float(number) => (*number).into(),
            Value::String(text) => text.as_str().into(),
            Value::List(items) => items.iter().map(Value::to_json).collect(),
            Value::Map(map) => {
                serde_json::Value::Object(map.iter().map(|(key, value)| (key.clone(), value.to_json())).collect())
            }
        }
    }

    /// A value from `serde_json`'s.
    pub fn from_json(json: &serde_json::Value) -> Value {
        match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(flag) => Value::Bool(*flag),
            serde_json::Value::Number(number) => {
                let float = || Value::Float(number.as_f64().unwrap_or(f64::NAN));
                number.as_i128().map_or_else(float, Value::from)
            }
            serde_json::Value::String(text) => Value::String(text.clone()),
            serde_json::Value::Array(items) => Value::List(items.iter().map(Value::from_json).collect()),
            serde_json::Value::Object(map) => {
                Value::Map(map.iter().map(|(key, value)| (key.clone(), Value::from_json(value))).collect())
            }
        }
    }
}

impl fmt::Display for Value {
    /// Compact JSON.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::BigInt(number) => write!(formatter, "{number}"),
            other => write!(formatter, "{}", other.to_json()),
        }
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $result:expr;)+) => {
        $(impl From<$source> for Value {
            fn from($value: $source) -> Self {
                $result
            }
        })+
    };
}

from! {
    bool => |value| Value::Bool(value);
    i32 => |value| Value::Int(value.into());
    u32 => |value| Value::Int(value.into());
    u16 => |value| Value::Int(value.into());
    i64 => |value| Value::Int(value);
    u64 => |value| Value::from(i128::from(value));
    i128 => |value| i64::try_from(value).map_or(Value::BigInt(value), Value::Int);
    usize => |value| Value::from(value as u64);
    f64 => |value| Value::Float(value);
    &str => |value| Value::String(value.to_owned());
    &String => |value| Value::String(value.clone());
    String => |value| Value::String(value);
    Map => |value| Value::Map(value);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Self {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Value {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Value::Map(entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

/// A value that is nested deeper does not travel: it would overflow the reader's stack.
pub const DEEPEST: usize = 200;

thread_local! {
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// One value inside another, while it is read or written.
struct Level;

impl Level {
    fn enter() -> Option<Self> {
        let depth = DEPTH.get();
        (depth < DEEPEST).then(|| {
            DEPTH.set(depth + 1);
            Self
        })
    }

    fn refusal() -> String {
        format!("a value is nested deeper than {DEEPEST} levels")
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}

/// Shape of [`Value`] in a format that does not describe itself (postcard).
#[derive(Serialize)]
enum ShapeRef<'a> {
    Null,
    Bool(bool),
    Int(i64),
    BigInt(i128),
    Float(f64),
    String(&'a str),
    List(&'a [Value]),
    Map(&'a Map),
}

/// The owned twin of [`ShapeRef`].
#[derive(Deserialize)]
enum Shape {
    Null,
    Bool(bool),
    Int(i64),
    BigInt(i128),
    Float(f64),
    String(String),
    List(Vec<Value>),
    Map(Map),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return match self {
                Value::Null => serializer.serialize_unit(),
                Value::Bool(flag) => serializer.serialize_bool(*flag),
                Value::Int(number) => serializer.serialize_i64(*number),
                Value::BigInt(number) => match u64::try_from(*number) {
                    Ok(number) => serializer.serialize_u64(number),
                    Err(_) => serializer.serialize_f64(*number as f64),
                },
                Value::Float(number) => serializer.serialize_f64(*number),
                Value::String(text) => serializer.serialize_str(text),
                Value::List(items) => items.serialize(serializer),
                Value::Map(map) => map.serialize(serializer),
            };
        }
        let _level = Level::enter().ok_or_else(|| serde::ser::Error::custom(Level::refusal()))?;
        match self {
            Value::Null => ShapeRef::Null,
            Value::Bool(flag) => ShapeRef::Bool(*flag),
            Value::Int(number) => ShapeRef::Int(*number),
            Value::BigInt(number) => ShapeRef::BigInt(*number),
            Value::Float(number) => ShapeRef::Float(*number),
            Value::String(text) => ShapeRef::String(text),
            Value::List(items) => ShapeRef::List(items),
            Value::Map(map) => ShapeRef::Map(map),
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return deserializer.deserialize_any(AnyVisitor);
        }
        let _level = Level::enter().ok_or_else(|| serde::de::Error::custom(Level::refusal()))?;
        Ok(match Shape::deserialize(deserializer)? {
            Shape::Null => Value::Null,
            Shape::Bool(flag) => Value::Bool(flag),
            Shape::Int(number) => Value::Int(number),
            Shape::BigInt(number) => Value::BigInt(number),
            Shape::Float(number) => Value::Float(number),
            Shape::String(text) => Value::String(text),
            Shape::List(items) => Value::List(items),
            Shape::Map(map) => Value::Map(map),
        })
    }
}

struct AnyVisitor;

impl<'de> Visitor<'de> for AnyVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::Float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some((key, value)) = access.next_entry()? {
            map.insert(key, value);
        }
        Ok(Value::Map(map))
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn sample() -> Value {
        Value::from_json(&serde_json::json!({
            "b": [1, 2.5, null, true, "é"],
            "a": {"nested": {}},
        }))
    }

    #[test]
    fn postcard_keeps_every_shape_and_the_order_of_keys() {
        let bytes = postcard::to_stdvec(&sample()).unwrap();
        let back: Value = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(back, sample());
        assert_eq!(back.as_map().unwrap().keys().collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn a_value_that_is_nested_too_deep_is_refused_on_both_ends() {
        let nested = |depth: usize| (1..depth).fold(Value::Null, |value, _| Value::List(vec![value]));
        let bytes = postcard::to_stdvec(&nested(DEEPEST)).unwrap();
        assert_eq!(postcard::from_bytes::<Value>(&bytes).unwrap(), nested(DEEPEST));
        assert!(postcard::to_stdvec(&nested(DEEPEST + 1)).is_err());
        // A list of one in a list of one ... as a host may send it.
        let one = postcard::to_stdvec(&Value::List(vec![Value::Null])).unwrap();
        assert_eq!(one.len(), 3);
        assert!(postcard::from_bytes::<Value>(&one[..2].repeat(100_000)).is_err());
        assert_eq!(postcard::from_bytes::<Value>(&[1, 1]).unwrap(), Value::Bool(true));
    }

    #[test]
    fn json_reads_and_writes_the_same_value() {
        let text = serde_json::to_string(&sample()).unwrap();
        assert_eq!(text, r#"{"b":[1,2.5,null,true,"é"],"a":{"nested":{}}}"#);
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), sample());
    }
}
