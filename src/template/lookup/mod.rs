//! Lookups (`lookup`, `query`, `q`, `with_NAME`), one file per source of data. What they give is data, never a template.

use minijinja::value::{Rest, ValueOrKwargs};
use minijinja::{Environment, Error, State, Value};

use super::error::{TemplateError, carried};
use super::filter::call::{Call, defined};
use super::filter::python::{fail, is_list, text};
use super::scope::Scope;
use super::value::{finalize, plain_message};

mod file;
mod first_found;
mod ini;
mod list;
mod password;
mod process;
mod sequence;
mod table;
mod template;
mod url;
mod variable;

/// Options given by name, without `errors` and `wantlist`.
pub type Options = Vec<(String, Value)>;

/// What one lookup does.
type Run = fn(&Request<'_>) -> Result<Vec<Value>, Error>;

/// One use of a lookup.
struct Request<'a> {
    name: &'a str,
    terms: Vec<Value>,
    options: &'a [(String, Value)],
    scope: &'a Scope,
}

impl Request<'_> {
    /// An option's value, unless it is missing or `none`.
    fn option(&self, name: &str) -> Option<&Value> {
        self.options.iter().find(|(key, _)| key == name).map(|(_, value)| value).filter(|value| !value.is_none())
    }

    fn text_option(&self, name: &str, default: &str) -> Result<String, Error> {
        self.option(name).map_or_else(|| Ok(default.to_owned()), text)
    }

    fn truth_option(&self, name: &str, default: bool) -> bool {
        self.option(name).map_or(default, |value| match value.as_str() {
            Some(_) => super::filter::logic::boolean(value),
            None => value.is_true(),
        })
    }

    fn fail(&self, message: impl std::fmt::Display) -> Error {
        fail(format!("The lookup plugin '{}' failed: {message}", self.name))
    }
}

const LOOKUPS: &[&[(&str, Run)]] = &[
    file::LOOKUPS,
    first_found::LOOKUPS,
    ini::LOOKUPS,
    list::LOOKUPS,
    password::LOOKUPS,
    process::LOOKUPS,
    sequence::LOOKUPS,
    table::LOOKUPS,
    template::LOOKUPS,
    url::LOOKUPS,
    variable::LOOKUPS,
];

fn find(name: &str) -> Option<Run> {
    let short = ["ansible.builtin.", "ansible.legacy.", "community.general."]
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .unwrap_or(name);
    LOOKUPS.iter().copied().flatten().find(|(known, _)| *known == short).map(|(_, run)| *run)
}

/// Whether an option may be something undefined, which matters only if the lookup comes to use it.
fn may_be_undefined(lookup: &str, option: &str) -> bool {
    option == "default" && matches!(lookup.strip_prefix("ansible.builtin.").unwrap_or(lookup), "env" | "vars")
}

/// Whether there is a lookup of this name (short or fully qualified).
pub fn exists(name: &str) -> bool {
    find(name).is_some()
}

/// The names of all lookups, short, sorted.
pub fn names() -> Vec<&'static str> {
    let mut names: Vec<&str> = LOOKUPS.iter().copied().flatten().map(|(name, _)| *name).collect();
    names.sort_unstable();
    names
}

/// Run a lookup as `query(name, *terms, **options)` does: always a list.
///
/// # Errors
///
/// An unknown name, or whatever the lookup could not find or read.
pub fn run(name: &str, terms: Vec<Value>, options: Options, scope: &Scope) -> Result<Vec<Value>, TemplateError> {
    let Some(run) = find(name) else {
        let close = rprov_modules::argument::closest(name, names());
        let error = TemplateError::failed(format!("The lookup plugin '{name}' was not found."));
        return Err(match close {
            Some(close) => error.hint(format!("did you mean '{close}'?")),
            None => error,
        });
    };
    let mut ready = Vec::with_capacity(terms.len());
    for term in &terms {
        defined(term, name).map_err(|error| told(&error))?;
        ready.push(finalize(term)?);
    }
    for (option, value) in &options {
        if !may_be_undefined(name, option) {
            defined(value, name).map_err(|error| told(&error))?;
        }
    }
    run(&Request { name, terms: ready, options: &options, scope }).map_err(|error| {
        let error = told(&error);
        match error.message().starts_with("The lookup plugin") || error.is_undefined() {
            true => error,
            false => error.context(&format!("The lookup plugin '{name}' failed")),
        }
    })
}

/// Run a lookup for a `with_NAME` loop: a list's items are the terms, any other value is the only term.
///
/// # Errors
///
/// As [`run`].
pub fn run_with(name: &str, value: &Value, scope: &Scope) -> Result<Vec<Value>, TemplateError> {
    let terms = if is_list(value) {
        super::filter::python::items(value).map_err(|error| told(&error))?
    } else {
        vec![value.clone()]
    };
    run(name, terms, Options::new(), scope)
}

/// Whether old playbooks name a variable without braces where `with_NAME` has this text (`with_items: packages`).
pub fn takes_bare_variable(lookup: &str, text: &str) -> bool {
    let named = |part: &str| {
        part.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && part.chars().all(|character| character.is_ascii_alphanumeric() || character == '_')
    };
    let short = lookup.rsplit('.').next().unwrap_or_default();
    matches!(short, "items" | "list" | "dict" | "indexed_items" | "flattened") && text.split('.').all(named)
}

fn told(error: &Error) -> TemplateError {
    carried(error).unwrap_or_else(|| {
        let message = plain_message(error);
        if error.kind() == minijinja::ErrorKind::UndefinedError {
            TemplateError::undefined(message)
        } else {
            TemplateError::failed(message)
        }
    })
}

/// Add the functions `lookup`, `query` and `q` to the environment.
pub fn register(env: &mut Environment<'static>) {
    for (name, always_list) in [("lookup", false), ("query", true), ("q", true)] {
        env.add_function(
            name,
            move |state: &mut State<'_, '_>, arguments: Rest<ValueOrKwargs>| -> Result<Value, Error> {
                called(state, Call::new(name, arguments)?, always_list)
            },
        );
    }
}

fn called(state: &State<'_, '_>, call: Call, always_list: bool) -> Result<Value, Error> {
    let Some((name, terms)) = call.positional.split_first() else {
        return Err(call.fail("needs the name of a lookup"));
    };
    let name = text(name)?;
    let mut options = call.keyword.clone();
    let mut take = |key: &str| options.iter().position(|(name, _)| name == key).map(|index| options.remove(index).1);
    let errors = take("errors").map_or_else(|| Ok("strict".to_owned()), |value| text(&value))?;
    let list = take("wantlist").map_or(always_list, |value| value.is_true());
    if !matches!(errors.as_str(), "strict" | "warn" | "ignore") {
        return Err(call.fail(format!("errors must be strict, warn or ignore, got '{errors}'")));
    }
    // Here the engine can still tell which variable it is that is undefined.
    for value in terms {
        defined(value, &name)?;
    }
    for (option, value) in &options {
        if !may_be_undefined(&name, option) {
            defined(value, &name)?;
        }
    }
    let scope = Scope::of(state).unwrap_or_else(Scope::empty);
    let missing = options.iter().map(|(_, value)| value).find(|value| value.is_undefined()).cloned();
    match run(&name, terms.to_vec(), options, &scope) {
        Ok(found) if list => Ok(Value::from(found)),
        Ok(found) => Ok(single(found)),
        Err(error) if error.is_undefined() && errors == "strict" && may_be_undefined(&name, "default") => {
            // Of a name that does not exist the engine can tell here which one it is.
            missing.iter().try_for_each(|value| defined(value, &name))?;
            // As with `undef()` itself: it matters only to who reads it.
            Ok(Value::from(Error::from(error)))
        }
        Err(error) if errors == "strict" || find(&name).is_none() => Err(error.into()),
        Err(_) if list => Ok(Value::from(Vec::<Value>::new())),
        Err(_) => Ok(Value::from(())),
    }
}

/// What `lookup()` makes of a list: its only item, texts joined by commas, or the list.
fn single(mut found: Vec<Value>) -> Value {
    if found.len() == 1
        && let Some(only) = found.pop()
    {
        return only;
    }
    let texts: Option<Vec<&str>> = found.iter().map(Value::as_str).collect();
    if let Some(texts) = texts.filter(|texts| !texts.is_empty()) {
        return Value::from(texts.join(","));
    }
    Value::from(found)
}

/// Run what may block without holding up the other hosts' tasks.
fn blocking<T>(work: impl FnOnce() -> T) -> T {
    match tokio::runtime::Handle::try_current() {
        Ok(handle) if handle.runtime_flavor() == tokio::runtime::RuntimeFlavor::MultiThread => {
            tokio::task::block_in_place(work)
        }
        _ => work(),
    }
}

/// A term with options of its own, `key a=1 b="2 3"`; they go before those of the lookup.
struct OwnOptions<'a> {
    request: &'a Request<'a>,
    /// What has no `=`, or the whole term where it cannot be split.
    key: String,
    pairs: Vec<(String, String)>,
}

impl<'a> OwnOptions<'a> {
    fn of(term: &Value, request: &'a Request<'a>) -> Result<Self, Error> {
        let source = text(term)?;
        let (key, pairs) = key_values(&source).unwrap_or_else(|_| (source.clone(), Vec::new()));
        Ok(Self { request, key, pairs })
    }

    fn own(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    fn text(&self, name: &str, default: &str) -> Result<String, Error> {
        self.own(name).map_or_else(|| self.request.text_option(name, default), |value| Ok(value.to_owned()))
    }

    fn truth(&self, name: &str, default: bool) -> bool {
        match self.own(name) {
            Some(value) => super::filter::logic::boolean(&Value::from(value)),
            None => self.request.truth_option(name, default),
        }
    }
}

/// The words of `key a=1 b="2 3"`: what has no `=`, joined by blanks, and the pairs.
fn key_values(term: &str) -> Result<(String, Vec<(String, String)>), Error> {
    let words = shlex::split(term).ok_or_else(|| fail(format!("the quotes in '{term}' don't match")))?;
    let mut free = Vec::new();
    let mut pairs = Vec::new();
    for word in words {
        match word.split_once('=') {
            Some((key, value)) if !key.is_empty() => pairs.push((key.to_owned(), value.to_owned())),
            _ => free.push(word),
        }
    }
    Ok((free.join(" "), pairs))
}
