//! What the rewriter writes instead of what the engine has no word for: chains that may break anywhere, Python's `%`,
//! and lists and dictionaries that a template may change.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, State};

use super::printf::percent;
use super::python::type_name;
use super::scope::Scope;
use super::value::held_error;
use super::written::Written;

/// Add them to the environment.
pub(super) fn register(env: &mut Environment<'static>) {
    for (name, function) in [
        ("_get_", get as Body),
        ("_call_", call),
        ("_filter_", filter),
        ("_mod_", modulo),
        ("_sub_", subtract),
        ("_list_", changeable),
        ("_dict_", changeable),
        ("_changeable_", changeable),
        ("_macro_", variadic),
        ("_template_", embedded),
    ] {
        env.add_global(name, Value::from_object(Function { name, body: function }));
    }
}

type Body = fn(&mut State<'_, '_>, &[Value]) -> Result<Value, Error>;

/// A function that takes its arguments as they are, the undefined and the named ones too.
struct Function {
    name: &'static str,
    body: Body,
}

impl fmt::Debug for Function {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

impl Object for Function {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        (self.body)(state, args)
    }
}

/// A value that is an error ends the template; `undef()` alone is undefined like a missing name.
fn checked(value: Value) -> Result<Value, Error> {
    match held_error(&value) {
        Some(error) if error.kind() == ErrorKind::UndefinedError => Ok(Value::UNDEFINED),
        Some(error) => Err(error),
        None => Ok(value),
    }
}

fn get(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let mut args = args.iter();
    let mut value = args.next().cloned().unwrap_or_default();
    for key in args {
        if value.is_undefined() || key.is_undefined() {
            return Ok(Value::UNDEFINED);
        }
        value = checked(value.get_item(key)?)?;
    }
    Ok(value)
}

fn call(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    match args {
        [value, method, rest @ ..] if !value.is_undefined() => {
            match value.call_method(state, method.as_str().unwrap_or_default(), rest) {
                Err(error) if error.kind() == ErrorKind::UndefinedError => Ok(Value::UNDEFINED),
                Err(error) if error.kind() == ErrorKind::UnknownMethod => Ok(Value::UNDEFINED),
                result => result,
            }
        }
        _ => Ok(Value::UNDEFINED),
    }
}

/// A filter before `default`: what is undefined stays so.
fn filter(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value, name, rest @ ..] = args else { return Ok(Value::UNDEFINED) };
    if value.is_undefined() || rest.iter().any(Value::is_undefined) {
        return Ok(Value::UNDEFINED);
    }
    let mut values = Vec::with_capacity(rest.len() + 1);
    values.push(value.clone());
    values.extend_from_slice(rest);
    match state.apply_filter(name.as_str().unwrap_or_default(), &values) {
        Err(error) if error.kind() == ErrorKind::UndefinedError => Ok(Value::UNDEFINED),
        result => result,
    }
}

/// `a - b` where one may be a point in time.
fn subtract(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [left, right] = args else { return Err(Error::from(ErrorKind::MissingArgument)) };
    if left.is_undefined() || right.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if let Some(difference) = super::filter::time::subtract_values(left, right) {
        return Ok(difference);
    }
    let whole = |value: &Value| value.is_integer().then(|| i128::try_from(value.clone()).ok()).flatten();
    if let Some(difference) = whole(left).zip(whole(right)).and_then(|(left, right)| left.checked_sub(right)) {
        return Ok(Value::from(difference));
    }
    let number = |value: &Value| value.is_number().then(|| f64::try_from(value.clone()).ok()).flatten();
    match (number(left), number(right)) {
        (Some(left), Some(right)) => Ok(Value::from(left - right)),
        _ => Err(unsupported('-', left, right)),
    }
}

fn unsupported(operator: char, left: &Value, right: &Value) -> Error {
    let (left, right) = (type_name(left), type_name(right));
    Error::new(
        ErrorKind::InvalidOperation,
        format!("unsupported operand type(s) for {operator}: '{left}' and '{right}'"),
    )
}

/// `a % b` by Python's rules: formatting for text, the sign of `b` for numbers.
fn modulo(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [left, right] = args else { return Err(Error::from(ErrorKind::MissingArgument)) };
    if left.is_undefined() || right.is_undefined() {
        return Err(Error::from(ErrorKind::UndefinedError));
    }
    if let Some(format) = left.as_str() {
        let shown = match right.kind() {
            ValueKind::Seq if right.is_tuple() => percent(format, &right.try_iter()?.collect::<Vec<_>>(), None),
            ValueKind::Seq | ValueKind::Map => percent(format, std::slice::from_ref(right), Some(right)),
            _ => percent(format, std::slice::from_ref(right), None),
        };
        return shown.map(Value::from);
    }
    let zero = || Error::new(ErrorKind::InvalidOperation, "integer modulo by zero");
    if let (Ok(a), Ok(b)) = (i128::try_from(left.clone()), i128::try_from(right.clone())) {
        if b == 0 {
            return Err(zero());
        }
        let rest = a.wrapping_rem(b);
        return Ok(Value::from(if rest != 0 && (rest < 0) != (b < 0) { rest + b } else { rest }));
    }
    match (f64::try_from(left.clone()), f64::try_from(right.clone())) {
        (Ok(_), Ok(0.0)) => Err(Error::new(ErrorKind::InvalidOperation, "float modulo")),
        (Ok(a), Ok(b)) => Ok(Value::from(a - b * (a / b).floor())),
        _ => Err(unsupported('%', left, right)),
    }
}

/// A text in a condition that is itself a template (`x == '{{ y }}'`), as old playbooks have it.
fn embedded(state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = args else { return Err(Error::from(ErrorKind::MissingArgument)) };
    match (value.as_str(), Scope::of(state)) {
        (Some(text), Some(scope)) => Ok(Written::from_text(text, None).render(&scope)?),
        _ => Ok(value.clone()),
    }
}

/// The same list or dictionary, but one that can be changed. What can be changed already stays itself.
fn changeable(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [value] = args else { return Err(Error::from(ErrorKind::MissingArgument)) };
    Ok(match value.kind() {
        ValueKind::Seq if !value.is_tuple() && value.downcast_object_ref::<ChangeableList>().is_none() => {
            changeable_list(value.try_iter()?.collect())
        }
        ValueKind::Map if is_plain_map(value) => {
            let entries = value.as_object().and_then(|object| object.try_iter_pairs());
            changeable_map(entries.into_iter().flatten())
        }
        _ => value.clone(),
    })
}

/// Namespaces, modules and host variables are maps to the engine, but have to stay themselves.
fn is_plain_map(value: &Value) -> bool {
    value.as_object().is_some_and(|object| {
        let name = object.type_name();
        value.downcast_object_ref::<ChangeableMap>().is_none()
            && ["IndexMap", "ValueMap", "BTreeMap", "HashMap", "LazyMap", "FinalMap"]
                .iter()
                .any(|known| name.contains(known))
    })
}

/// A list that a template can change.
#[derive(Debug)]
pub(super) struct ChangeableList(Mutex<Vec<Value>>);

/// A dictionary that a template can change.
#[derive(Debug)]
pub(super) struct ChangeableMap(Mutex<IndexMap<Value, Value>>);

/// A list that a template can change.
pub(super) fn changeable_list(items: Vec<Value>) -> Value {
    Value::from_object(ChangeableList(Mutex::new(items)))
}

/// A dictionary that a template can change.
pub(super) fn changeable_map(entries: impl IntoIterator<Item = (Value, Value)>) -> Value {
    Value::from_object(ChangeableMap(Mutex::new(entries.into_iter().collect())))
}

impl ChangeableList {
    fn items(&self) -> MutexGuard<'_, Vec<Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChangeableMap {
    fn entries(&self) -> MutexGuard<'_, IndexMap<Value, Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn out_of_range(what: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, what.to_owned())
}

/// The index that Python would take, negative from the end.
fn index(value: Option<&Value>, length: usize, default: i64) -> Option<usize> {
    let index = value.map_or(Some(default), Value::as_i64)?;
    let index = if index < 0 { index + i64::try_from(length).ok()? } else { index };
    usize::try_from(index).ok()
}

/// Whether Python would take a value as a dictionary's key. What can be changed can't be one, and looking for it could
/// lead back into the dictionary itself.
fn is_hashable(key: &Value) -> bool {
    match key.kind() {
        ValueKind::Map => false,
        ValueKind::Seq | ValueKind::Iterable => {
            key.is_tuple() && key.try_iter().is_ok_and(|mut items| items.all(|item| is_hashable(&item)))
        }
        _ => true,
    }
}

fn hashable(key: &Value) -> Result<&Value, Error> {
    if is_hashable(key) {
        return Ok(key);
    }
    Err(Error::new(ErrorKind::InvalidOperation, format!("unhashable type: '{}'", super::python::type_name(key))))
}

impl Object for ChangeableList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.items().get(key.as_usize()?).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Values(self.items().clone())
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items().len())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let none = Ok(Value::from(()));
        match (method, args) {
            ("append", [value]) => {
                self.items().push(value.clone());
                none
            }
            ("extend", [values]) => {
                let values: Vec<Value> = values.try_iter()?.checked().collect::<Result<_, _>>()?;
                self.items().extend(values);
                none
            }
            ("insert", [at, value]) => {
                let mut items = self.items();
                let length = items.len();
                let at = index(Some(at), length, 0).unwrap_or(0).min(length);
                items.insert(at, value.clone());
                none
            }
            ("pop", [] | [_]) => {
                let mut items = self.items();
                let length = items.len();
                match index(args.first(), length, -1).filter(|at| *at < length) {
                    Some(at) => Ok(items.remove(at)),
                    None if length == 0 => Err(out_of_range("pop from empty list")),
                    None => Err(out_of_range("pop index out of range")),
                }
            }
            ("remove", [value]) => {
                // Comparing may look into this very list, so it must not be locked meanwhile.
                let items = self.items().clone();
                match items.iter().position(|item| item == value) {
                    Some(at) => {
                        self.items().remove(at);
                        none
                    }
                    None => Err(out_of_range("list.remove(x): x not in list")),
                }
            }
            ("clear", []) => {
                self.items().clear();
                none
            }
            ("reverse", []) => {
                self.items().reverse();
                none
            }
            ("sort", _) => {
                let mut items = self.items().clone();
                items.sort();
                if let Some(last) = args.last().filter(|last| last.is_kwargs())
                    && last.get_attr("reverse")?.is_true()
                {
                    items.reverse();
                }
                *self.items() = items;
                none
            }
            ("copy", []) => Ok(changeable_list(self.items().clone())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

impl Object for ChangeableMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        if !is_hashable(key) {
            return None;
        }
        self.entries().get(key).cloned()
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let entries = self.entries().clone();
        Enumerator::KeyValueIter(Box::new(entries.into_iter()))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries().len())
    }

    fn call_method(self: &Arc<Self>, _state: &mut State<'_, '_>, method: &str, args: &[Value]) -> Result<Value, Error> {
        let none = Ok(Value::from(()));
        match (method, args) {
            ("update", _) => {
                for value in args {
                    let new = as_entries(value)?;
                    new.iter().try_for_each(|(key, _)| hashable(key).map(|_| ()))?;
                    self.entries().extend(new);
                }
                none
            }
            ("setdefault", [key] | [key, _]) => {
                let default = args.get(1).cloned().unwrap_or_else(|| Value::from(()));
                Ok(self.entries().entry(hashable(key)?.clone()).or_insert(default).clone())
            }
            ("pop", [key] | [key, _]) => match (self.entries().shift_remove(hashable(key)?), args.get(1)) {
                (Some(value), _) => Ok(value),
                (None, Some(default)) => Ok(default.clone()),
                (None, None) => Err(out_of_range(&format!("{key:?}"))),
            },
            ("popitem", []) => match self.entries().pop() {
                Some((key, value)) => Ok(Value::from((key, value))),
                None => Err(out_of_range("popitem(): dictionary is empty")),
            },
            ("clear", []) => {
                self.entries().clear();
                none
            }
            ("copy", []) => Ok(changeable_map(self.entries().clone())),
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

/// The entries of a dictionary, of named arguments, or of a list of pairs.
fn as_entries(value: &Value) -> Result<Vec<(Value, Value)>, Error> {
    if value.kind() == ValueKind::Map || value.is_kwargs() {
        return Ok(value.as_object().and_then(|object| object.try_iter_pairs()).into_iter().flatten().collect());
    }
    let mut entries = Vec::new();
    for pair in value.try_iter()?.checked() {
        let pair = pair?;
        entries.push((pair.get_item_by_index(0)?, pair.get_item_by_index(1)?));
    }
    Ok(entries)
}

/// A macro with `varargs` and `kwargs` among its parameters, called like one that takes any arguments.
#[derive(Debug)]
struct Variadic {
    inner: Value,
    parameters: Vec<String>,
}

fn variadic(_state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
    let [inner, parameters @ ..] = args else { return Err(Error::from(ErrorKind::MissingArgument)) };
    let parameters = parameters.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect();
    Ok(Value::from_object(Variadic { inner: inner.clone(), parameters }))
}

impl Object for Variadic {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let (places, named) = match args.split_last() {
            Some((last, places)) if last.is_kwargs() => (places, as_entries(last)?),
            _ => (args, Vec::new()),
        };
        let (known, more) = places.split_at(places.len().min(self.parameters.len()));
        let mut passed: Vec<(String, Value)> = Vec::new();
        let mut kwargs = Vec::new();
        for (name, value) in named {
            match name.as_str() {
                Some(text) if text == "caller" || self.parameters.iter().any(|known| known == text) => {
                    passed.push((text.to_owned(), value));
                }
                _ => kwargs.push((name, value)),
            }
        }
        passed.push(("varargs".to_owned(), Value::from(minijinja::value::Tuple::new(more.to_vec()))));
        passed.push(("kwargs".to_owned(), changeable_map(kwargs)));
        let mut arguments = known.to_vec();
        arguments.push(Value::from(passed.into_iter().collect::<minijinja::value::Kwargs>()));
        self.inner.call(state, &arguments)
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.inner.get_item(key).ok().filter(|value| !value.is_undefined())
    }
}
