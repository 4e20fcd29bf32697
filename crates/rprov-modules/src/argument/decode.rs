//! From argument values to Rust types, with the conversions that Ansible's argument specification makes.

use indexmap::IndexMap;
use rprov_wire::{Content, Map, Value};

use super::spec::{ArgumentProblem, Type, check_nested};

/// Why a value does not fit its option: the type that was wanted, and the reason.
#[derive(Clone, Debug, PartialEq)]
pub enum DecodeError {
    /// The value cannot be read as the type.
    Type {
        /// The type that was wanted.
        wanted: &'static str,
        /// Why not.
        reason: String,
    },
    /// The value is none of the choices.
    Choice {
        /// What may be given.
        choices: &'static [&'static str],
    },
}

impl DecodeError {
    fn new(wanted: &'static str, reason: impl Into<String>) -> Self {
        DecodeError::Type { wanted, reason: reason.into() }
    }

    pub(super) fn into_problem(self, option: &str, value: &Value) -> ArgumentProblem {
        match self {
            DecodeError::Type { wanted, reason } => {
                ArgumentProblem::Type { option: option.to_owned(), found: value.type_name(), wanted, reason }
            }
            DecodeError::Choice { choices } => ArgumentProblem::Choice {
                option: option.to_owned(),
                choices: choices.iter().map(|choice| (*choice).to_owned()).collect(),
                given: text(value),
            },
        }
    }
}

/// A type that an argument can have.
pub trait Argument: Sized {
    /// The value must be there where no default is declared.
    const REQUIRED: bool = true;

    /// The option's type, for the specification.
    const KIND: Type;

    /// Read it from a value that is not `null`.
    ///
    /// # Errors
    /// The value does not fit.
    fn decode(value: &Value) -> Result<Self, DecodeError>;

    /// Something cheap to stand in the field until it is read; no default of any option.
    fn blank() -> Self;

    /// The value that is read as this one, for showing defaults.
    fn encode(&self) -> Value;

    /// What an option is that was not given, or given as `null`; `None` where it must be given.
    fn absent() -> Option<Self> {
        None
    }
}

/// Reads the fields of an argument struct one by one; used by [`arguments!`](crate::arguments).
#[derive(Debug)]
pub struct Fields<'a> {
    arguments: &'a Map,
    problem: Option<ArgumentProblem>,
}

impl<'a> Fields<'a> {
    /// The fields are read from these arguments.
    pub fn of(arguments: &'a Map) -> Self {
        Self { arguments, problem: None }
    }

    /// Read one, by any of its names, into its place. Messages give it the first name. After the first problem nothing
    /// more is read.
    // Inlined into every field of every module, it would be a fifth of the agent.
    #[inline(never)]
    pub fn read<T: Argument>(&mut self, field: &mut T, names: &[&str], default: Option<fn() -> T>) {
        if self.problem.is_some() {
            return;
        }
        let given = names.iter().find_map(|name| self.arguments.get(*name)).filter(|value| !value.is_null());
        let name = names.first().copied().unwrap_or_default();
        let read = match given {
            Some(value) => T::decode(value).map_err(|error| error.into_problem(name, value)),
            None => default
                .map(|default| default())
                .or_else(T::absent)
                .ok_or_else(|| ArgumentProblem::Missing { option: name.to_owned() }),
        };
        match read {
            Ok(value) => *field = value,
            Err(problem) => self.problem = Some(problem),
        }
    }

    /// How it went.
    ///
    /// # Errors
    /// The first value that does not fit, or is missing and has no default.
    pub fn problem(self) -> Result<(), ArgumentProblem> {
        self.problem.map_or(Ok(()), Err)
    }
}

/// Text that must not be printed; so it is encoded as nothing.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Secret(…)")
    }
}

/// Permissions as written: `0644`, `644`, an integer, or symbolic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode(pub String);

/// A value that is taken as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Raw(pub Value);

/// JSON text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Json(pub String);

/// How a scalar reads as text, as Python's `str` would have it.
pub(super) fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null => "None".to_owned(),
        other => other.to_string(),
    }
}

/// A value as messages name it: text in quotes.
fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => text(other),
    }
}

/// A boolean in any spelling that Ansible takes; `None` for any other text.
pub fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Some(true),
        "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Some(false),
        _ => None,
    }
}

impl Argument for String {
    const KIND: Type = Type::Str;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        match value {
            Value::List(_) | Value::Map(_) => {
                // Ansible writes structures out as JSON where text is wanted.
                Ok(value.to_string())
            }
            scalar => Ok(text(scalar)),
        }
    }

    fn blank() -> Self {
        String::new()
    }

    fn encode(&self) -> Value {
        self.as_str().into()
    }
}

impl Argument for Secret {
    const KIND: Type = Type::Secret;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        String::decode(value).map(Secret)
    }

    fn blank() -> Self {
        Secret(String::new())
    }

    fn encode(&self) -> Value {
        Value::Null
    }
}

impl Argument for std::path::PathBuf {
    const KIND: Type = Type::Path;

    /// `~` and `~user` are expanded from the agent's own environment, `$VAR` likewise.
    fn decode(value: &Value) -> Result<Self, DecodeError> {
        match value {
            Value::String(text) => Ok(crate::account::expand_path(text)),
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_) => Ok(text(value).into()),
            _ => Err(DecodeError::new("path", "a path is text")),
        }
    }

    fn blank() -> Self {
        std::path::PathBuf::new()
    }

    fn encode(&self) -> Value {
        self.display().to_string().into()
    }
}

impl Argument for bool {
    const KIND: Type = Type::Bool;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        let found = match value {
            Value::Bool(flag) => Some(*flag),
            Value::Int(0) => Some(false),
            Value::Int(1) => Some(true),
            Value::String(text) => boolean(text.trim()),
            Value::Float(number) if *number == 0.0 => Some(false),
            Value::Float(number) if *number == 1.0 => Some(true),
            _ => None,
        };
        found.ok_or_else(|| {
            DecodeError::new(
                "bool",
                format!("The value '{}' is not a valid boolean. Valid booleans include: yes, no, true, false, on, off, 1, 0", text(value)),
            )
        })
    }

    fn blank() -> Self {
        false
    }

    fn encode(&self) -> Value {
        (*self).into()
    }
}

impl Argument for i64 {
    const KIND: Type = Type::Int;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        let found = match value {
            Value::Int(number) => Some(*number),
            Value::Float(number) if number.fract() == 0.0 && number.abs() < 9e15 => Some(*number as i64),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        found.ok_or_else(|| DecodeError::new("int", format!("\"{}\" cannot be converted to an int", quoted(value))))
    }

    fn blank() -> Self {
        0
    }

    fn encode(&self) -> Value {
        (*self).into()
    }
}

macro_rules! narrower_integers {
    ($($type:ty),+) => {
        $(impl Argument for $type {
            const KIND: Type = Type::Int;

            fn decode(value: &Value) -> Result<Self, DecodeError> {
                <$type>::try_from(i64::decode(value)?)
                    .map_err(|_| DecodeError::new("int", format!("{} is out of range", text(value))))
            }

            fn blank() -> Self {
                0
            }

            fn encode(&self) -> Value {
                i64::try_from(*self).map_or(Value::Null, Value::Int)
            }
        })+
    };
}

narrower_integers!(i32, u16, u32, u64, usize);

impl Argument for f64 {
    const KIND: Type = Type::Float;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        let found = match value {
            Value::Int(number) => Some(*number as f64),
            Value::Float(number) => Some(*number),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        found.ok_or_else(|| DecodeError::new("float", format!("\"{}\" cannot be converted to a float", quoted(value))))
    }

    fn blank() -> Self {
        0.0
    }

    fn encode(&self) -> Value {
        Value::Float(*self)
    }
}

impl Argument for Mode {
    const KIND: Type = Type::Mode;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        match value {
            // YAML has already read 0644 as the number 420.
            Value::Int(number) => Ok(Mode(format!("{number:#o}").replacen("0o", "0", 1))),
            Value::String(text) => Ok(Mode(text.clone())),
            _ => Err(DecodeError::new("raw", "a mode is octal digits or symbolic text")),
        }
    }

    fn blank() -> Self {
        Mode(String::new())
    }

    fn encode(&self) -> Value {
        self.0.as_str().into()
    }
}

impl Argument for Raw {
    const KIND: Type = Type::Raw;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        Ok(Raw(value.clone()))
    }

    fn blank() -> Self {
        Raw(Value::Null)
    }

    fn encode(&self) -> Value {
        self.0.clone()
    }
}

impl Argument for Content {
    const KIND: Type = Type::Raw;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        Content::from_value(value).ok_or_else(|| DecodeError::new("content", "not a content reference"))
    }

    fn blank() -> Self {
        Content { index: 0, size: 0, sha1: String::new() }
    }

    fn encode(&self) -> Value {
        self.to_value()
    }
}

impl Argument for Json {
    const KIND: Type = Type::Json;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        match value {
            Value::String(text) => Ok(Json(text.clone())),
            other => Ok(Json(other.to_string())),
        }
    }

    fn blank() -> Self {
        Json(String::new())
    }

    fn encode(&self) -> Value {
        self.0.as_str().into()
    }
}

impl Argument for Map {
    const KIND: Type = Type::Dict;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        match value {
            Value::Map(map) => Ok(map.clone()),
            Value::String(text) => dict_from_text(text),
            _ => {
                Err(DecodeError::new("dict", format!("<class '{}'> cannot be converted to a dict", value.type_name())))
            }
        }
    }

    fn blank() -> Self {
        Map::new()
    }

    fn encode(&self) -> Value {
        self.clone().into()
    }
}

/// `{"a": 1}` or `a=1, b=2`.
fn dict_from_text(text: &str) -> Result<Map, DecodeError> {
    let text = text.trim();
    if text.starts_with('{') {
        if let Ok(Value::Map(map)) = serde_json::from_str(text) {
            return Ok(map);
        }
        return Err(DecodeError::new("dict", "unable to evaluate string as dictionary"));
    }
    if !text.contains('=') {
        return Err(DecodeError::new("dict", "dictionary requested, could not parse JSON or key=value"));
    }
    let mut map = Map::new();
    for part in shlex::split(&text.replace(',', " ")).unwrap_or_default() {
        let Some((key, value)) = part.split_once('=') else {
            return Err(DecodeError::new("dict", "dictionary requested, could not parse JSON or key=value"));
        };
        map.insert(key.to_owned(), value.into());
    }
    Ok(map)
}

impl<T: Argument> Argument for IndexMap<String, T>
where
    T: NotValue,
{
    const KIND: Type = Type::Dict;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        Map::decode(value)?.iter().map(|(key, value)| Ok((key.clone(), T::decode(value)?))).collect()
    }

    fn blank() -> Self {
        IndexMap::new()
    }

    fn encode(&self) -> Value {
        Value::Map(self.iter().map(|(key, value)| (key.clone(), value.encode())).collect())
    }
}

/// Marks the types that a typed map can hold (`Map` itself holds [`Value`]).
pub trait NotValue {}

impl NotValue for String {}
impl NotValue for Raw {}
impl NotValue for i64 {}
impl NotValue for bool {}

impl<T: Argument> Argument for Vec<T> {
    const KIND: Type = Type::List(&T::KIND);

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        match value {
            Value::List(items) => items.iter().map(T::decode).collect(),
            Value::String(text) if text.is_empty() => Ok(Vec::new()),
            Value::String(text) => text.split(',').map(|part| T::decode(&Value::from(part.trim()))).collect(),
            Value::Map(_) if matches!(T::KIND, Type::Dict | Type::Nested(_) | Type::Raw) => Ok(vec![T::decode(value)?]),
            Value::Int(_) | Value::BigInt(_) | Value::Float(_) | Value::Bool(_) => Ok(vec![T::decode(value)?]),
            _ => {
                Err(DecodeError::new("list", format!("<class '{}'> cannot be converted to a list", value.type_name())))
            }
        }
    }

    fn blank() -> Self {
        Vec::new()
    }

    fn encode(&self) -> Value {
        Value::List(self.iter().map(T::encode).collect())
    }
}

impl<T: Argument> Argument for Option<T> {
    const REQUIRED: bool = false;

    const KIND: Type = T::KIND;

    fn decode(value: &Value) -> Result<Self, DecodeError> {
        T::decode(value).map(Some)
    }

    fn blank() -> Self {
        None
    }

    fn encode(&self) -> Value {
        self.as_ref().map_or(Value::Null, T::encode)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

/// Check a value against a type without building it; nested options report each of their own problems.
pub(super) fn check_value(option: &str, kind: &Type, value: &Value, problems: &mut Vec<ArgumentProblem>) {
    let outcome = match kind {
        Type::Str | Type::Secret | Type::Raw | Type::Json => Ok(()),
        Type::Path => match value {
            Value::List(_) | Value::Map(_) | Value::Null => Err(DecodeError::new("path", "a path is text")),
            _ => Ok(()),
        },
        Type::Int => i64::decode(value).map(drop),
        Type::Float => f64::decode(value).map(drop),
        Type::Bool => bool::decode(value).map(drop),
        Type::Mode => Mode::decode(value).map(drop),
        Type::Dict => Map::decode(value).map(drop),
        Type::Choice(choices) => choice_index(value, choices).map(drop),
        Type::List(item) => match Vec::<Raw>::decode(value) {
            Ok(items) => {
                for item_value in items {
                    check_value(option, item, &item_value.0, problems);
                }
                return;
            }
            Err(error) => Err(error),
        },
        Type::Nested(spec) => match Map::decode(value) {
            Ok(map) => {
                check_nested(&format!("{option}."), spec, &map, problems);
                return;
            }
            Err(error) => Err(error),
        },
    };
    if let Err(error) = outcome {
        problems.push(error.into_problem(option, value));
    }
}

/// Which of the choices a value is. `yes` and `no`, which YAML reads as booleans, are found again.
///
/// # Errors
/// The value is none of them.
pub fn choice_index(value: &Value, choices: &'static [&'static str]) -> Result<usize, DecodeError> {
    let given = text(value);
    choices
        .iter()
        .position(|choice| *choice == given)
        .or_else(|| {
            let Value::Bool(flag) = value else { return None };
            let mut matching = choices.iter().enumerate().filter(|(_, choice)| boolean(choice) == Some(*flag));
            matching.next().map(|(index, _)| index)
        })
        .ok_or(DecodeError::Choice { choices })
}
