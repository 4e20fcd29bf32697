//! The arguments of a method call, by place or by name.

use minijinja::value::{Kwargs, Value};
use minijinja::{Error, ErrorKind};

/// Arguments by place, then by name.
pub(super) struct Arguments<'a> {
    method: &'a str,
    places: &'a [Value],
    names: Option<Kwargs>,
}

impl<'a> Arguments<'a> {
    /// The arguments of a call to `method`.
    pub fn new(method: &'a str, args: &'a [Value]) -> Self {
        match args.split_last() {
            Some((last, places)) if last.is_kwargs() => {
                Self { method, places, names: Kwargs::try_from(last.clone()).ok() }
            }
            _ => Self { method, places: args, names: None },
        }
    }

    /// All arguments by place.
    pub fn places(&self) -> &'a [Value] {
        self.places
    }

    /// The argument at `place`, or called `name`.
    pub fn get(&self, place: usize, name: &str) -> Option<Value> {
        self.places.get(place).cloned().or_else(|| self.named(name))
    }

    /// The argument called `name`.
    pub fn named(&self, name: &str) -> Option<Value> {
        self.names.as_ref().and_then(|names| names.get::<Option<Value>>(name).ok().flatten())
    }

    /// An argument that has to be text.
    pub fn text(&self, place: usize, name: &str) -> Result<String, Error> {
        match self.optional_text(place, name)? {
            Some(text) => Ok(text),
            None => Err(Error::new(
                ErrorKind::MissingArgument,
                format!("{}() takes at least {} argument(s)", self.method, place + 1),
            )),
        }
    }

    /// An argument that has to be text, if it is there and not none.
    pub fn optional_text(&self, place: usize, name: &str) -> Result<Option<String>, Error> {
        match self.get(place, name) {
            None => Ok(None),
            Some(value) if value.is_none() => Ok(None),
            Some(value) => match value.as_str() {
                Some(text) => Ok(Some(text.to_owned())),
                None => Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!(
                        "{}() argument {} must be str, not {}",
                        self.method,
                        place + 1,
                        super::type_name_of(&value)
                    ),
                )),
            },
        }
    }

    /// An argument that has to be an integer, if it is there.
    pub fn integer(&self, place: usize, name: &str) -> Result<Option<i64>, Error> {
        match self.get(place, name) {
            None => Ok(None),
            Some(value) if value.is_none() => Ok(None),
            Some(value) => match i64::try_from(value.clone()) {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("'{}' object cannot be interpreted as an integer", super::type_name_of(&value)),
                )),
            },
        }
    }
}
