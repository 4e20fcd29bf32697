//! What the names in a template stand for: one task on one host, or one item of its loop.
//!
//! A scope asks the engine's variable layers ([`Variables`]) and keeps what it has rendered for as long as it lives.
//! Values that were rendered lazily hold on to the scope's inside; the memo is emptied when the last handle of the
//! scope goes, so that the two don't keep each other alive.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::State;
use minijinja::value::{Object, Value};

use super::error::{TemplateError, TemplateErrorKind};
use super::written::Written;
use crate::vault::Keyring;

/// The name under which filters and lookups find the scope in the engine's state.
const SCOPE_NAME: &str = "__scope";

/// So many templates may be inside each other.
const DEPTH_LIMIT: usize = 120;

/// What a name stands for.
#[derive(Clone, Debug)]
pub enum Variable {
    /// What a human wrote: rendered when it is read, with the reader's scope.
    Written(Written),
    /// A value that is data, whatever it looks like.
    Plain(Value),
}

impl From<Value> for Variable {
    fn from(value: Value) -> Self {
        Variable::Plain(value)
    }
}

impl From<Written> for Variable {
    fn from(written: Written) -> Self {
        Variable::Written(written)
    }
}

/// Variable layers, as one host's task sees them.
pub trait Variables: Send + Sync + fmt::Debug {
    /// What `name` stands for, by precedence.
    fn get(&self, name: &str) -> Option<Variable>;

    /// Every name that [`Variables::get`] answers to; for lookups by pattern and for did-you-mean.
    fn names(&self) -> Vec<Cow<'_, str>>;
}

/// No variables at all.
impl Variables for () {
    fn get(&self, _name: &str) -> Option<Variable> {
        None
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        Vec::new()
    }
}

impl Variables for HashMap<String, Variable> {
    fn get(&self, name: &str) -> Option<Variable> {
        HashMap::get(self, name).cloned()
    }

    fn names(&self) -> Vec<Cow<'_, str>> {
        self.keys().map(|name| Cow::Borrowed(name.as_str())).collect()
    }
}

/// What is done with text marked as `!unsafe` that looks like a template, where a template reads it.
#[derive(Clone, Copy, Debug, Default)]
pub enum Untrusted {
    /// It is text.
    #[default]
    Text,
    /// It is text, and somebody is told.
    Told(fn(&str)),
    /// It is an error.
    Refused,
}

/// What lookups and template files need to know of the place that a task stands in.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The directory of the playbook.
    pub playbook_dir: PathBuf,
    /// The directory of the role that the task belongs to.
    pub role_path: Option<PathBuf>,
    /// Directories in which `files/`, `templates/` and plain relative paths are looked for, nearest first.
    pub search_paths: Vec<PathBuf>,
    /// Environment variables of the controller that `lookup('env')` sees instead of the process's own, by name.
    pub environment: HashMap<String, String>,
    /// Settings that templates may read (`lookup('config')`), by Ansible's names.
    pub settings: HashMap<String, Value>,
    /// Opens vault values and encrypted files.
    pub vault: Arc<Keyring>,
    /// What is done with templates in text marked as `!unsafe`.
    pub untrusted: Untrusted,
}

/// What names stand for while one task is rendered for one host. Cheap to clone: a handle.
#[derive(Clone)]
pub struct Scope {
    inner: Arc<Inner>,
    _guard: Option<Arc<Guard>>,
}

/// Empties the memo when the last handle goes.
struct Guard(Arc<Inner>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.closed.store(true, Ordering::Release);
        let memo = std::mem::take(&mut *self.0.memo());
        drop(memo);
    }
}

pub(super) struct Inner {
    variables: Arc<dyn Variables>,
    surroundings: Arc<Surroundings>,
    locals: Vec<(Arc<str>, Variable)>,
    parent: Option<Arc<Inner>>,
    memo: Mutex<HashMap<Box<str>, Result<Value, TemplateError>>>,
    closed: AtomicBool,
}

impl fmt::Debug for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let locals: Vec<_> = self.locals.iter().map(|(name, _)| name).collect();
        formatter.debug_struct("Scope").field("locals", &locals).finish_non_exhaustive()
    }
}

impl Scope {
    /// A scope over variable layers.
    pub fn new(variables: Arc<dyn Variables>, surroundings: Arc<Surroundings>) -> Self {
        Self::from_inner(Inner {
            variables,
            surroundings,
            locals: Vec::new(),
            parent: None,
            memo: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// A scope in which nothing is defined but the engine's own functions.
    pub fn empty() -> Self {
        Self::new(Arc::new(()), Arc::default())
    }

    fn from_inner(inner: Inner) -> Self {
        let inner = Arc::new(inner);
        Self { _guard: Some(Arc::new(Guard(inner.clone()))), inner }
    }

    pub(super) fn borrowed(inner: Arc<Inner>) -> Self {
        Self { inner, _guard: None }
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// This scope with a few more names, which hide the others: a loop's item, a template's `template_path` ...
    #[must_use]
    pub fn with<N, V>(&self, locals: impl IntoIterator<Item = (N, V)>) -> Self
    where
        N: Into<Arc<str>>,
        V: Into<Variable>,
    {
        Self::from_inner(Inner {
            variables: self.inner.variables.clone(),
            surroundings: self.inner.surroundings.clone(),
            locals: locals.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            parent: Some(self.inner.clone()),
            memo: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// This scope with other surroundings.
    #[must_use]
    pub fn within(&self, surroundings: Arc<Surroundings>) -> Self {
        Self::from_inner(Inner {
            variables: self.inner.variables.clone(),
            surroundings,
            locals: Vec::new(),
            parent: Some(self.inner.clone()),
            memo: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// What `name` stands for, before it is rendered.
    pub fn variable(&self, name: &str) -> Option<Variable> {
        self.inner.variable(name)
    }

    /// The value of `name`, rendered as far as one looks into it; `None` if there is no such name.
    pub fn get(&self, name: &str) -> Result<Option<Value>, TemplateError> {
        self.inner.get(name)
    }

    /// Every name.
    pub fn names(&self) -> Vec<Cow<'_, str>> {
        self.inner.names()
    }

    /// The place that the task stands in.
    pub fn surroundings(&self) -> &Arc<Surroundings> {
        &self.inner.surroundings
    }

    /// The scope that a filter, test or function is called in.
    pub fn of(state: &State<'_, '_>) -> Option<Scope> {
        state.lookup(SCOPE_NAME)?.downcast_object::<Context>().map(|context| Self::borrowed(context.0.clone()))
    }

    /// The value that the engine asks for names.
    pub(super) fn context(&self) -> Value {
        Value::from_object(Context(self.inner.clone()))
    }
}

impl Inner {
    fn memo(&self) -> MutexGuard<'_, HashMap<Box<str>, Result<Value, TemplateError>>> {
        self.memo.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn surroundings(&self) -> &Arc<Surroundings> {
        &self.surroundings
    }

    pub(super) fn variable(&self, name: &str) -> Option<Variable> {
        let mut scope = Some(self);
        while let Some(inner) = scope {
            if let Some((_, variable)) = inner.locals.iter().find(|(local, _)| &**local == name) {
                return Some(variable.clone());
            }
            scope = inner.parent.as_deref();
        }
        self.variables.get(name)
    }

    pub(super) fn names(&self) -> Vec<Cow<'_, str>> {
        let mut names = self.variables.names();
        let mut scope = Some(self);
        while let Some(inner) = scope {
            names.extend(inner.locals.iter().map(|(name, _)| Cow::Borrowed(&**name)));
            scope = inner.parent.as_deref();
        }
        names
    }

    pub(super) fn get(self: &Arc<Self>, name: &str) -> Result<Option<Value>, TemplateError> {
        if let Some(result) = self.memo().get(name) {
            return result.clone().map(Some);
        }
        let written = match self.variable(name) {
            None => return Ok(None),
            Some(Variable::Plain(value)) => return Ok(Some(value)),
            Some(Variable::Written(written)) => written,
        };
        if let Some(value) = written.as_plain() {
            return Ok(Some(value.clone()));
        }
        let result = written.resolve_in(self, Some(name));
        if !self.closed.load(Ordering::Acquire) {
            self.memo().insert(name.into(), result.clone());
        }
        result.map(Some)
    }

    /// The error that kept `name` from having a value, if it was rendered already.
    pub(super) fn failure(&self, name: &str) -> Option<TemplateError> {
        self.memo().get(name).and_then(|result| result.as_ref().err().cloned())
    }
}

/// The engine's view of a scope.
#[derive(Debug)]
pub(super) struct Context(Arc<Inner>);

impl Object for Context {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.get_value_by_str(key.as_str()?)
    }

    fn get_value_by_str(self: &Arc<Self>, key: &str) -> Option<Value> {
        match self.0.get(key) {
            Ok(Some(value)) if value.is_undefined() => None,
            Ok(Some(value)) => Some(value),
            Ok(None) if key == SCOPE_NAME => Some(Value::from_dyn_object(self.clone())),
            Ok(None) => None,
            Err(error) if error.is_undefined() => None,
            Err(error) => Some(Value::from(minijinja::Error::from(error))),
        }
    }
}

/// One template that is being rendered on this thread.
struct Active {
    template: usize,
    scope: usize,
    name: Option<Box<str>>,
}

thread_local! {
    static ACTIVE: RefCell<Vec<Active>> = const { RefCell::new(Vec::new()) };
}

/// Marks a template as being rendered for as long as it lives.
pub(super) struct Rendering(());

impl Drop for Rendering {
    fn drop(&mut self) {
        ACTIVE.with_borrow_mut(|active| {
            active.pop();
        });
    }
}

impl Rendering {
    /// Begin to render `template` (its address) in `scope`; an error if that is already under way.
    pub(super) fn begin(template: usize, scope: &Arc<Inner>, name: Option<&str>) -> Result<Self, TemplateError> {
        let scope = Arc::as_ptr(scope) as usize;
        ACTIVE.with_borrow_mut(|active| {
            let known = active.iter().position(|entry| entry.template == template && entry.scope == scope);
            if let Some(first) = known {
                let mut names: Vec<&str> =
                    active.iter().skip(first).filter_map(|entry| entry.name.as_deref()).collect();
                names.extend(name.or(active.get(first).and_then(|entry| entry.name.as_deref())));
                return Err(TemplateError::new(
                    TemplateErrorKind::Recursion,
                    match names.is_empty() {
                        true => "recursive loop detected in template".to_owned(),
                        false => format!("recursive loop detected in template: {}", names.join(" -> ")),
                    },
                )
                .hint("a variable can't be made from itself: give one of these another name"));
            }
            if active.len() >= DEPTH_LIMIT {
                return Err(TemplateError::new(
                    TemplateErrorKind::Recursion,
                    format!("recursive loop detected in template: more than {DEPTH_LIMIT} templates inside each other"),
                ));
            }
            active.push(Active { template, scope, name: name.map(Into::into) });
            Ok(Self(()))
        })
    }
}
