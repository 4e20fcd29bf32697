//! The functions that every template may call.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::value::{Kwargs, Object, ObjectRepr, Rest, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use super::chain::changeable_map;
use super::error::TemplateError;
use super::omit::omit;

/// Add them to the environment.
pub(super) fn register(env: &mut Environment<'static>) {
    env.add_global("omit", omit());
    env.add_global("True", Value::from(true));
    env.add_global("False", Value::from(false));
    env.add_global("None", Value::from(()));
    env.add_function("dict", dict);
    env.add_function("undef", undef);
    env.add_function("now", now);
    env.add_function("lipsum", lipsum);
    env.add_function("cycler", cycler);
    env.add_function("joiner", joiner);
}

/// `dict(a=1)`, `dict(pairs)`, `dict(other, a=1)`.
fn dict(from: Option<Value>, kwargs: Kwargs) -> Result<Value, Error> {
    let mut entries = Vec::new();
    if let Some(from) = from {
        match from.kind() {
            ValueKind::Map => {
                for key in from.try_iter()? {
                    let value = from.get_item(&key)?;
                    entries.push((key, value));
                }
            }
            _ => {
                for pair in from.try_iter()?.checked() {
                    let pair = pair?;
                    let mut members = pair.try_iter()?;
                    match (members.next(), members.next(), members.next()) {
                        (Some(key), Some(value), None) => entries.push((key, value)),
                        _ => {
                            return Err(Error::new(
                                ErrorKind::InvalidOperation,
                                "dictionary update sequence element is not a pair",
                            ));
                        }
                    }
                }
            }
        }
    }
    for name in kwargs.args() {
        entries.push((Value::from(name), kwargs.get::<Value>(name)?));
    }
    kwargs.assert_all_used()?;
    Ok(changeable_map(entries))
}

/// What `undef()` says without a hint.
pub(super) const MANDATORY: &str = "Mandatory variable has not been overridden";

/// `undef(hint='what to define')`
fn undef(hint: Option<String>, kwargs: Kwargs) -> Result<Value, Error> {
    let hint = match hint {
        Some(hint) => Some(hint),
        None => kwargs.get::<Option<String>>("hint")?,
    };
    kwargs.assert_all_used()?;
    let message = hint.unwrap_or_else(|| MANDATORY.to_owned());
    Ok(Value::from(Error::from(TemplateError::undefined(message))))
}

/// `now(utc=false, fmt='%Y')`. Without `fmt` it gives the time as text, as Python prints it.
fn now(utc: Option<bool>, fmt: Option<String>, kwargs: Kwargs) -> Result<Value, Error> {
    let utc = utc.or(kwargs.get("utc")?).unwrap_or(false);
    let fmt = fmt.or(kwargs.get("fmt")?);
    kwargs.assert_all_used()?;
    let zone = if utc { jiff::tz::TimeZone::UTC } else { jiff::tz::TimeZone::system() };
    let now = jiff::Timestamp::now().to_zoned(zone);
    let Some(format) = fmt else { return Ok(Value::from_object(Moment(now))) };
    moment_text(&now, &format)
}

fn moment_text(moment: &jiff::Zoned, format: &str) -> Result<Value, Error> {
    match jiff::fmt::strtime::format(format, moment) {
        Ok(text) => Ok(Value::from(text)),
        Err(error) => {
            Err(Error::new(ErrorKind::InvalidOperation, format!("the time format {format:?} is wrong: {error}")))
        }
    }
}

/// A moment, as Python's `datetime` prints and formats it.
#[derive(Debug)]
struct Moment(jiff::Zoned);

impl Object for Moment {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let moment = &self.0;
        Some(match key.as_str()? {
            "year" => Value::from(moment.year()),
            "month" => Value::from(moment.month()),
            "day" => Value::from(moment.day()),
            "hour" => Value::from(moment.hour()),
            "minute" => Value::from(moment.minute()),
            "second" => Value::from(moment.second()),
            "microsecond" => Value::from(moment.subsec_nanosecond() / 1000),
            _ => return None,
        })
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        match (method, args.first().and_then(Value::as_str)) {
            ("strftime", Some(format)) => moment_text(&self.0, format),
            ("timestamp", None) => Ok(Value::from(self.0.timestamp().as_microsecond() as f64 / 1e6)),
            ("isoformat", None) => moment_text(&self.0, "%Y-%m-%dT%H:%M:%S.%6f"),
            ("date", None) => moment_text(&self.0, "%Y-%m-%d"),
            ("time", None) => moment_text(&self.0, "%H:%M:%S.%6f"),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }

    fn render(self: &Arc<Self>, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}", self.0.strftime("%Y-%m-%d %H:%M:%S.%6f"))
    }
}

/// Filler text: `lipsum(n=5, html=false)`. The same sentences each time.
fn lipsum(n: Option<usize>, kwargs: Kwargs) -> Result<String, Error> {
    const PARAGRAPH: &str = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt \
        ut labore et dolore magna aliqua. Ut enim ad minim veniam, quis nostrud exercitation ullamco laboris nisi ut \
        aliquip ex ea commodo consequat.";
    let count = n.or(kwargs.get("n")?).unwrap_or(5).min(1000);
    let html = kwargs.get::<Option<bool>>("html")?.unwrap_or(true);
    let (_, _) = (kwargs.get::<Option<usize>>("min")?, kwargs.get::<Option<usize>>("max")?);
    kwargs.assert_all_used()?;
    let paragraph = if html { format!("<p>{PARAGRAPH}</p>") } else { PARAGRAPH.to_owned() };
    Ok(vec![paragraph; count].join("\n\n"))
}

#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    next: Mutex<usize>,
}

/// `cycler('odd', 'even')`
fn cycler(items: Rest<Value>) -> Result<Value, Error> {
    if items.is_empty() {
        return Err(Error::new(ErrorKind::MissingArgument, "at least one item has to be provided to `cycler`"));
    }
    Ok(Value::from_object(Cycler { items: items.0, next: Mutex::new(0) }))
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let next = *self.next.lock().unwrap_or_else(PoisonError::into_inner);
        (key.as_str()? == "current").then(|| self.items.get(next).cloned()).flatten()
    }

    fn call_method(
        self: &Arc<Self>,
        _state: &mut State<'_, '_>,
        method: &str,
        _args: &[Value],
    ) -> Result<Value, Error> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        match method {
            "next" => {
                let value = self.items.get(*next).cloned().unwrap_or_default();
                *next = (*next + 1) % self.items.len();
                Ok(value)
            }
            "reset" => {
                *next = 0;
                Ok(Value::from(()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

#[derive(Debug)]
struct Joiner {
    separator: String,
    used: Mutex<bool>,
}

/// `joiner(', ')`
fn joiner(separator: Option<String>) -> Value {
    Value::from_object(Joiner { separator: separator.unwrap_or_else(|| ", ".to_owned()), used: Mutex::new(false) })
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _state: &mut State<'_, '_>, _args: &[Value]) -> Result<Value, Error> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *used, true) { Ok(Value::from(self.separator.as_str())) } else { Ok(Value::from("")) }
    }
}
