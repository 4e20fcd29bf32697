//! Values as a human wrote them: made once, when a file is loaded, and rendered when they are read.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use indexmap::IndexMap;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value};

use super::compiled::Template;
use super::error::{TemplateError, TemplateErrorKind};
use super::filter::time::DateTime;
use super::omit::is_omit;
use super::place::Origin;
use super::scope::{Inner, Scope, Untrusted, Variable};
use super::syntax::Syntax;
use super::value::{final_list, final_map, finalize};
use crate::source::{Diagnostics, Span};
use crate::yaml::{Data, Node};

/// A value as a human wrote it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Written {
    form: Form,
    span: Option<Span>,
}

/// What was written.
#[derive(Clone, Debug)]
pub enum Form {
    /// A value without any template in it.
    Plain(Value),
    /// Text marked as `!unsafe`: data, although a human wrote it.
    Unsafe(Arc<str>),
    /// Text with a template.
    Template(Arc<Template>),
    /// A list with a template somewhere in it.
    List(Arc<[Written]>),
    /// A dictionary with a template somewhere in its values. Templates in keys stay text, as Ansible has it; see
    /// [`Written::with_rendered_keys`].
    Map(Arc<IndexMap<Value, Written>>),
    /// A vault value's ciphertext.
    Vault(Arc<str>),
    /// The first, or the second where the first is `omit`.
    Unless(Arc<(Written, Written)>),
}

impl Written {
    /// From a YAML document. Mistakes in templates are kept and told when the value is used, or by
    /// [`Written::syntax_errors`].
    pub fn from_node(node: &Node) -> Self {
        let form = match &node.data {
            Data::Null => Form::Plain(Value::from(())),
            Data::Bool(flag) => Form::Plain(Value::from(*flag)),
            Data::Int(number) => Form::Plain(Value::from(*number)),
            Data::BigInt(digits) => Form::Plain(big_integer(digits)),
            Data::Float(number) => Form::Plain(Value::from(*number)),
            Data::Timestamp(text) => {
                Form::Plain(DateTime::of_yaml(text).map_or_else(|| Value::from(text.clone()), DateTime::into_value))
            }
            Data::Unsafe(text) => Form::Unsafe(text.clone()),
            Data::Vault(ciphertext) => Form::Vault(ciphertext.clone()),
            Data::String(text) => return Self::from_text(text.clone(), Some(node.span)),
            Data::List(items) => return Self::list(items.iter().map(Self::from_node).collect(), Some(node.span)),
            Data::Map(entries) => {
                let entries =
                    entries.iter().map(|(key, value)| (key_value(&key.data), Self::from_node(value))).collect();
                return Self::map(entries, Some(node.span));
            }
        };
        Self { form, span: Some(node.span) }
    }

    /// The same value, or `outer` where this one is `omit`: a keyword that is omitted is what it is further out.
    #[must_use]
    pub fn or_if_omitted(self, outer: &Written) -> Self {
        match &self.form {
            Form::Template(_) => {
                let span = self.span;
                Self { form: Form::Unless(Arc::new((self, outer.clone()))), span }
            }
            _ => self,
        }
    }

    /// From a text that may be a template.
    pub fn from_text(text: impl Into<Arc<str>>, span: Option<Span>) -> Self {
        let text = text.into();
        let form = if is_template(&text) {
            Form::Template(Arc::new(Template::new(text, span.map_or(Origin::Unknown, Origin::Scalar))))
        } else {
            Form::Plain(Value::from(text))
        };
        Self { form, span }
    }

    /// A value that is data, whatever it looks like.
    pub fn plain(value: impl Into<Value>) -> Self {
        Self { form: Form::Plain(value.into()), span: None }
    }

    /// A list of written values.
    pub fn list(items: Vec<Written>, span: Option<Span>) -> Self {
        let form = match items.iter().map(|item| item.as_plain().cloned()).collect::<Option<Vec<_>>>() {
            Some(values) => match final_list(values.into_iter().map(Ok)) {
                Ok(value) => Form::Plain(value),
                Err(_) => Form::List(items.into()),
            },
            None => Form::List(items.into()),
        };
        Self { form, span }
    }

    /// A dictionary of written values.
    pub fn map(entries: IndexMap<Value, Written>, span: Option<Span>) -> Self {
        let plain = entries
            .iter()
            .map(|(key, item)| item.as_plain().map(|value| (key.clone(), value.clone())))
            .collect::<Option<Vec<_>>>();
        let form = match plain {
            Some(values) => match final_map(values.into_iter().map(Ok)) {
                Ok(value) => Form::Plain(value),
                Err(_) => Form::Map(Arc::new(entries)),
            },
            None => Form::Map(Arc::new(entries)),
        };
        Self { form, span }
    }

    /// What was written.
    pub fn form(&self) -> &Form {
        &self.form
    }

    /// What was written, without where: two values with the same source are the same.
    pub fn source(&self) -> String {
        match &self.form {
            Form::Plain(value) => format!("{value:?}"),
            Form::Unsafe(text) => format!("{text:?}"),
            Form::Template(template) => template.text().to_owned(),
            Form::List(items) => items.iter().map(|item| item.source() + ",").collect(),
            Form::Map(entries) => entries.iter().map(|(key, item)| format!("{key:?}:{},", item.source())).collect(),
            Form::Vault(ciphertext) => ciphertext.to_string(),
            Form::Unless(both) => both.0.source(),
        }
    }

    /// Where it was written.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// The value, if no template is in it.
    pub fn as_plain(&self) -> Option<&Value> {
        match &self.form {
            Form::Plain(value) => Some(value),
            _ => None,
        }
    }

    /// The text as it stands there, if it is text: a template's source, or a plain string.
    pub fn text(&self) -> Option<&str> {
        match &self.form {
            Form::Plain(value) => value.as_str(),
            Form::Unsafe(text) => Some(text),
            Form::Template(template) => Some(template.text()),
            Form::Unless(both) => both.0.text(),
            _ => None,
        }
    }

    /// Whether it is marked as data, or a template that reads nothing but data (what hosts, lookups and literals give):
    /// text from there must not be taken for an expression.
    pub fn is_data(&self, scope: &Scope) -> bool {
        match &self.form {
            Form::Unsafe(_) => true,
            Form::Template(template) => template.variables().is_some_and(|names| {
                // A loop's item may have been written in the loop.
                let item = scope.get("ansible_loop_var").ok().flatten();
                let item = item.as_ref().and_then(Value::as_str);
                names.iter().all(|name| match scope.variable(name) {
                    Some(Variable::Plain(_)) => item != Some(name),
                    Some(Variable::Written(written)) => matches!(written.form, Form::Unsafe(_)),
                    None => false,
                })
            }),
            Form::Plain(_) | Form::List(_) | Form::Map(_) | Form::Vault(_) | Form::Unless(_) => false,
        }
    }

    /// The items, if this is a list with a template in it, or a plain one.
    pub fn items(&self) -> Option<Vec<Written>> {
        match &self.form {
            Form::List(items) => Some(items.to_vec()),
            Form::Plain(value) if value.kind() == minijinja::value::ValueKind::Seq => {
                let items = value.try_iter().ok()?;
                Some(items.map(|item| Self { form: Form::Plain(item), span: self.span }).collect())
            }
            _ => None,
        }
    }

    /// The entries, if this is a dictionary.
    pub fn entries(&self) -> Option<Vec<(Value, Written)>> {
        match &self.form {
            Form::Map(entries) => Some(entries.iter().map(|(key, item)| (key.clone(), item.clone())).collect()),
            Form::Plain(value) if value.kind() == minijinja::value::ValueKind::Map => {
                let entries = value.as_object()?.try_iter_pairs()?;
                Some(entries.map(|(key, item)| (key, Self { form: Form::Plain(item), span: self.span })).collect())
            }
            _ => None,
        }
    }

    /// The mistakes that can be known without rendering: syntax, and filters and tests that do not exist.
    pub fn syntax_errors(&self) -> Vec<TemplateError> {
        let mut errors = Vec::new();
        self.collect_errors(&mut errors);
        errors
    }

    /// The same as warnings: a template that is never used does no harm.
    pub fn check(&self) -> Diagnostics {
        self.syntax_errors().into_iter().map(TemplateError::foretold).collect()
    }

    fn collect_errors(&self, errors: &mut Vec<TemplateError>) {
        match &self.form {
            Form::Template(template) => errors.extend(template.check()),
            Form::List(items) => items.iter().for_each(|item| item.collect_errors(errors)),
            Form::Map(entries) => entries.values().for_each(|item| item.collect_errors(errors)),
            Form::Unless(both) => both.0.collect_errors(errors),
            Form::Plain(_) | Form::Unsafe(_) | Form::Vault(_) => {}
        }
    }

    /// The value, rendered as far as one looks into it: lists and dictionaries render a member when it is touched.
    pub fn resolve(&self, scope: &Scope) -> Result<Value, TemplateError> {
        self.resolve_in(scope.inner(), None).map_err(|error| error.suggest(|| scope.names()))
    }

    /// The value with nothing lazy, undefined or omitted left in it. A value that is `omit` as a whole is an error of
    /// kind [`TemplateErrorKind::Omitted`].
    pub fn render(&self, scope: &Scope) -> Result<Value, TemplateError> {
        let value = self.render_or_omit(scope)?;
        if is_omit(&value) {
            return Err(TemplateError::new(TemplateErrorKind::Omitted, "A template was resolved to an Omit scalar")
                .at(self.span)
                .hint(
                    "`omit` can take away a task's argument, or an entry of a list or dictionary, but not this value",
                ));
        }
        Ok(value)
    }

    /// The same, but a value that is `omit` as a whole is given back as such (see [`super::is_omit`]).
    pub fn render_or_omit(&self, scope: &Scope) -> Result<Value, TemplateError> {
        if let Form::Plain(value) = &self.form {
            return Ok(value.clone());
        }
        self.render_in(scope.inner()).map_err(|error| error.suggest(|| scope.names()))
    }

    /// The same dictionary with the templates in its keys rendered, for what does so (`set_fact`'s names).
    pub fn with_rendered_keys(&self, scope: &Scope) -> Result<Written, TemplateError> {
        let Some(entries) = self.entries() else { return Ok(self.clone()) };
        let entries = entries.into_iter().map(|(key, item)| match key.as_str() {
            Some(text) if is_template(text) => {
                Ok((Self::from_text(text, item.span.or(self.span)).render(scope)?, item))
            }
            _ => Ok((key, item)),
        });
        Ok(Self::map(entries.collect::<Result<_, TemplateError>>()?, self.span))
    }

    /// Say what is undefined inside of a list or dictionary that a template gave.
    fn explained(&self, error: TemplateError, scope: &Arc<Inner>) -> TemplateError {
        let found = match &self.form {
            Form::Template(template) if error.is_undefined() && error.span().is_none() && error.missing().is_none() => {
                template.first_missing(scope)
            }
            _ => None,
        };
        found.unwrap_or(error).at(self.span)
    }

    pub(super) fn resolve_in(&self, scope: &Arc<Inner>, name: Option<&str>) -> Result<Value, TemplateError> {
        match &self.form {
            Form::Plain(value) => Ok(value.clone()),
            Form::Unsafe(text) => {
                let told = "Encountered untrusted template or expression.";
                match scope.surroundings().untrusted {
                    Untrusted::Told(tell) if is_template(text) => tell(told),
                    Untrusted::Refused if is_template(text) => return Err(TemplateError::failed(told).at(self.span)),
                    Untrusted::Text | Untrusted::Told(_) | Untrusted::Refused => {}
                }
                Ok(Value::from(text.clone()))
            }
            Form::Template(template) => template.evaluate(scope, name).map_err(|error| match name {
                Some(name) => error.within(name, self.span),
                None => error,
            }),
            Form::List(items) => {
                Ok(Value::from_object(LazyList { items: items.clone(), scope: scope.clone(), memo: Mutex::default() }))
            }
            Form::Map(entries) => Ok(Value::from_object(LazyMap {
                entries: entries.clone(),
                scope: scope.clone(),
                memo: Mutex::default(),
            })),
            Form::Unless(both) => match both.0.resolve_in(scope, name)? {
                value if is_omit(&value) => both.1.resolve_in(scope, name),
                value => Ok(value),
            },
            Form::Vault(ciphertext) => scope.surroundings().vault.value(ciphertext).map(Value::from).map_err(|error| {
                TemplateError::new(TemplateErrorKind::Vault, format!("Attempt to use undecryptable variable: {error}"))
                    .at(self.span)
                    .hint(error.hint())
            }),
        }
    }

    fn render_in(&self, scope: &Arc<Inner>) -> Result<Value, TemplateError> {
        match &self.form {
            Form::Plain(value) => Ok(value.clone()),
            Form::List(items) => {
                final_list(items.iter().map(|item| item.render_in(scope)).filter(|item| !omitted(item)))
            }
            Form::Map(entries) => final_map(
                entries
                    .iter()
                    .map(|(key, item)| (key, item.render_in(scope)))
                    .filter(|(_, item)| !omitted(item))
                    .map(|(key, item)| Ok((key.clone(), item?))),
            ),
            Form::Unless(both) => match both.0.render_in(scope)? {
                value if is_omit(&value) => both.1.render_in(scope),
                value => Ok(value),
            },
            Form::Unsafe(_) => self.resolve_in(scope, None),
            Form::Template(_) | Form::Vault(_) => {
                let value = self.resolve_in(scope, None)?;
                if is_omit(&value) {
                    return Ok(value);
                }
                finalize(&value).map_err(|error| self.explained(error, scope))
            }
        }
    }
}

fn omitted(result: &Result<Value, TemplateError>) -> bool {
    result.as_ref().is_ok_and(is_omit)
}

impl From<Written> for Option<Variable> {
    fn from(written: Written) -> Self {
        Some(Variable::Written(written))
    }
}

/// Whether a text that a human wrote is a template.
pub fn is_template(text: &str) -> bool {
    thread_local! {
        static SYNTAX: Syntax = Syntax::default();
    }
    text.contains('{') && SYNTAX.with(|syntax| syntax.may_match(text))
}

fn big_integer(digits: &str) -> Value {
    match digits.parse::<i128>() {
        Ok(number) => Value::from(number),
        Err(_) => digits.parse::<f64>().map_or_else(|_| Value::from(digits), Value::from),
    }
}

fn key_value(data: &Data) -> Value {
    match data {
        Data::Null => Value::from(()),
        Data::Bool(flag) => Value::from(*flag),
        Data::Int(number) => Value::from(*number),
        Data::BigInt(digits) => big_integer(digits),
        Data::Float(number) => Value::from(*number),
        Data::String(text) | Data::Timestamp(text) | Data::Unsafe(text) | Data::Vault(text) => {
            Value::from(text.clone())
        }
        Data::List(items) => {
            Value::from(minijinja::value::Tuple::new(items.iter().map(|item| key_value(&item.data)).collect()))
        }
        Data::Map(_) => Value::from("{}"),
    }
}

/// A written list, item by item.
pub(super) struct LazyList {
    items: Arc<[Written]>,
    scope: Arc<Inner>,
    memo: Mutex<IndexMap<usize, Result<Value, TemplateError>>>,
}

/// A written dictionary, entry by entry.
pub(super) struct LazyMap {
    entries: Arc<IndexMap<Value, Written>>,
    scope: Arc<Inner>,
    memo: Mutex<IndexMap<Value, Result<Value, TemplateError>>>,
}

impl fmt::Debug for LazyList {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<list of {}>", self.items.len())
    }
}

impl fmt::Debug for LazyMap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "<dictionary of {}>", self.entries.len())
    }
}

/// A member as the engine takes it.
fn member(result: Result<Value, TemplateError>) -> Value {
    match result {
        Ok(value) => value,
        Err(error) if error.is_undefined() => Value::UNDEFINED,
        Err(error) => Value::from(minijinja::Error::from(error)),
    }
}

/// A member that was asked for by name; what is undefined is as if it were not there.
fn found(result: Result<Value, TemplateError>) -> Option<Value> {
    Some(member(result)).filter(|value| !value.is_undefined())
}

impl LazyList {
    fn item(&self, index: usize) -> Option<Result<Value, TemplateError>> {
        let written = self.items.get(index)?;
        if let Some(value) = written.as_plain() {
            return Some(Ok(value.clone()));
        }
        if let Some(known) = self.memo.lock().unwrap_or_else(PoisonError::into_inner).get(&index) {
            return Some(known.clone());
        }
        let result = written.resolve_in(&self.scope, None);
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).insert(index, result.clone());
        Some(result)
    }

    /// The error that kept an item from having a value.
    pub(super) fn failure(&self, key: &Value) -> Option<TemplateError> {
        let index = key.as_i64()?;
        let index = if index < 0 { index + i64::try_from(self.items.len()).ok()? } else { index };
        self.item(usize::try_from(index).ok()?)?.err()
    }

    pub(super) fn finalize(&self) -> Result<Value, TemplateError> {
        let items = (0..self.items.len()).filter_map(|index| self.item(index)).filter(|item| !omitted(item));
        final_list(items.map(|item| finalize(&item?)))
    }
}

impl LazyMap {
    fn entry(&self, key: &Value) -> Option<Result<Value, TemplateError>> {
        let written = self.entries.get(key)?;
        if let Some(value) = written.as_plain() {
            return Some(Ok(value.clone()));
        }
        if let Some(known) = self.memo.lock().unwrap_or_else(PoisonError::into_inner).get(key) {
            return Some(known.clone());
        }
        let result = written.resolve_in(&self.scope, None);
        self.memo.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), result.clone());
        Some(result)
    }

    /// The error that kept an entry from having a value.
    pub(super) fn failure(&self, key: &Value) -> Option<TemplateError> {
        self.entry(key)?.err()
    }

    pub(super) fn finalize(&self) -> Result<Value, TemplateError> {
        let entries =
            self.entries.keys().filter_map(|key| Some((key, self.entry(key)?))).filter(|(_, item)| !omitted(item));
        final_map(entries.map(|(key, item)| Ok((key.clone(), finalize(&item?)?))))
    }
}

impl Object for LazyList {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        found(self.item(key.as_usize()?)?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let this = self.clone();
        let mut next = 0;
        Enumerator::Iter(Box::new(std::iter::from_fn(move || {
            loop {
                let value = member(this.item(next)?);
                next += 1;
                if !is_omit(&value) {
                    return Some(value);
                }
            }
        })))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.items.len())
    }
}

impl Object for LazyMap {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        found(self.entry(key)?).filter(|value| !is_omit(value))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let this = self.clone();
        let mut next = 0;
        Enumerator::KeyValueIter(Box::new(std::iter::from_fn(move || {
            loop {
                let (key, _) = this.entries.get_index(next)?;
                next += 1;
                let value = member(this.entry(key)?);
                if !is_omit(&value) {
                    return Some((key.clone(), value));
                }
            }
        })))
    }

    fn enumerator_len(self: &Arc<Self>) -> Option<usize> {
        Some(self.entries.len())
    }
}
