//! The arguments of a filter, test or lookup, bound to parameter names by Python's rules.
//!
//! minijinja hands over positional values with keyword arguments as one trailing object; plugins declare parameters as
//! Python functions do, so that `truncate(20, leeway=0)` and `truncate(length=20)` both mean what they mean there.

use minijinja::value::{Kwargs, Rest, ValueOrKwargs, from_args};
use minijinja::{Error, ErrorKind, State, Value};

use super::python::fail;
use crate::template::error::TemplateError;
use crate::template::value::{held_error, plain_message};

/// What runs when a plugin is used in an expression.
pub(crate) type Run = fn(&mut State<'_, '_>, Call) -> Result<Value, Error>;

/// One use of a plugin: its name for messages and its arguments. The filtered value is the first positional one.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// The name as it was registered.
    pub(crate) name: &'static str,
    /// Values without a name, in order.
    pub(crate) positional: Vec<Value>,
    /// Values with a name, in the order written.
    pub(crate) keyword: Vec<(String, Value)>,
}

impl Call {
    /// Splits minijinja's argument list.
    pub(crate) fn new(name: &'static str, arguments: Rest<ValueOrKwargs>) -> Result<Self, Error> {
        let values = arguments.into_values();
        let (positional, keyword) = from_args::<(&[Value], Kwargs)>(&values)?;
        let mut named = Vec::new();
        for key in keyword.args() {
            named.push((key.to_owned(), keyword.peek::<Value>(key)?));
        }
        Ok(Self { name, positional: positional.to_vec(), keyword: named })
    }

    /// Fails if an argument has no value, or is an error that was carried along as a value.
    pub(crate) fn require_defined(&self) -> Result<(), Error> {
        for value in self.positional.iter().chain(self.keyword.iter().map(|(_, value)| value)) {
            defined(value, self.name)?;
        }
        Ok(())
    }

    /// The arguments in the order of `names`; the first `required` must be there. An unknown name or too many values
    /// is an error.
    pub(crate) fn bind<const N: usize>(&self, names: [&str; N], required: usize) -> Result<[Option<Value>; N], Error> {
        let mut bound: [Option<Value>; N] = [const { None }; N];
        if self.positional.len() > N {
            return Err(Error::new(
                ErrorKind::TooManyArguments,
                format!("`{}` takes {} at most, {} given", self.name, count(N), self.positional.len()),
            ));
        }
        for (slot, value) in bound.iter_mut().zip(&self.positional) {
            *slot = Some(value.clone());
        }
        for (key, value) in &self.keyword {
            let Some(index) = names.iter().position(|name| name == key) else {
                return Err(Error::new(
                    ErrorKind::TooManyArguments,
                    format!("`{}` has no argument `{key}`; it takes {}", self.name, names.join(", ")),
                ));
            };
            let Some(slot) = bound.get_mut(index) else { continue };
            if slot.is_some() {
                return Err(Error::new(
                    ErrorKind::TooManyArguments,
                    format!("`{}` got two values for the argument `{key}`", self.name),
                ));
            }
            *slot = Some(value.clone());
        }
        for (slot, name) in bound.iter().zip(names).take(required) {
            if slot.is_none() {
                return Err(Error::new(
                    ErrorKind::MissingArgument,
                    format!("`{}` needs the argument `{name}`", self.name),
                ));
            }
        }
        Ok(bound)
    }

    /// The filtered value alone; anything more is an error.
    pub(crate) fn only(&self) -> Result<Value, Error> {
        let [value] = self.bind(["value"], 1)?;
        Ok(value.unwrap_or_default())
    }

    /// The first positional value, without a check of the others.
    pub(crate) fn subject(&self) -> Result<Value, Error> {
        self.positional
            .first()
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::MissingArgument, format!("`{}` needs a value to work on", self.name)))
    }

    /// An error of this plugin.
    pub(crate) fn fail(&self, message: impl std::fmt::Display) -> Error {
        fail(format!("`{}`: {message}", self.name))
    }
}

/// What a filter or test failed with, told as Ansible tells it: with the plugin's name.
///
/// What is undefined, and errors that come from further inside, stay as they are.
pub(crate) fn plugin_failure(kind: &str, name: &str, error: Error) -> Error {
    if error.kind() == ErrorKind::UndefinedError || std::error::Error::source(&error).is_some() {
        return error;
    }
    let message = plain_message(&error);
    let message = message.strip_prefix(&format!("`{name}`: ")).unwrap_or(&message);
    let collection = if name.contains('.') { "" } else { "ansible.builtin." };
    TemplateError::failed(format!("The {kind} plugin '{collection}{name}' failed: {message}")).into()
}

/// The same value, or the error that says it has none.
pub(crate) fn defined(value: &Value, user: &str) -> Result<(), Error> {
    match value.kind() {
        minijinja::value::ValueKind::Undefined => {
            Err(Error::new(ErrorKind::UndefinedError, format!("the value given to '{user}' is undefined")))
        }
        // An invalid value is an error that waits; asking it anything releases it.
        minijinja::value::ValueKind::Invalid => {
            Err(held_error(value).unwrap_or_else(|| fail(format!("the value given to `{user}` is invalid"))))
        }
        _ => Ok(()),
    }
}

fn count(number: usize) -> String {
    if number == 1 { "1 argument".to_owned() } else { format!("{number} arguments") }
}
