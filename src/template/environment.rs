//! The engine with Ansible's manners: strict about what is undefined, Python's text forms, our filters and functions.

use std::cell::RefCell;
use std::sync::LazyLock;

use minijinja::value::Value;
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::omit::is_omit;
use super::{chain, filter, global, lookup, method, python, test};

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(build);

/// The environment that every template shares.
pub(super) fn environment() -> &'static Environment<'static> {
    &ENVIRONMENT
}

fn build() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    // What is undefined is told by name in debug mode alone; the copies that it makes are made for errors only.
    env.set_debug(true);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    env.set_formatter(format);
    env.set_unknown_method_callback(method::call);
    chain::register(&mut env);
    global::register(&mut env);
    filter::register(&mut env);
    test::register(&mut env);
    lookup::register(&mut env);
    env
}

/// What a template gave out with `{{ }}`, for those that give out one single value and keep its type.
#[derive(Debug, Default)]
pub(super) struct Emitted {
    /// The one value that was given out, if it was one.
    pub single: Option<Value>,
    /// The number of values, without `none`.
    pub count: usize,
}

thread_local! {
    static EMITTED: RefCell<Vec<Emitted>> = const { RefCell::new(Vec::new()) };
}

/// Run `body` and say what it gave out.
pub(super) fn watch<T>(body: impl FnOnce() -> T) -> (T, Emitted) {
    struct Unwind(bool);
    impl Drop for Unwind {
        fn drop(&mut self) {
            if self.0 {
                EMITTED.with_borrow_mut(|stack| stack.pop());
            }
        }
    }
    EMITTED.with_borrow_mut(|stack| stack.push(Emitted::default()));
    let mut unwind = Unwind(true);
    let result = body();
    unwind.0 = false;
    (result, EMITTED.with_borrow_mut(Vec::pop).unwrap_or_default())
}

/// What `{{ value }}` writes among other text: nothing for `none` and `omit`, Python's `str()` for the rest.
fn format(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if value.is_none() || value.is_undefined() || is_omit(value) {
        return Ok(());
    }
    EMITTED.with_borrow_mut(|stack| {
        if let Some(emitted) = stack.last_mut() {
            emitted.count += 1;
            emitted.single = (emitted.count == 1).then(|| value.clone());
        }
    });
    if !matches!(state.auto_escape(), AutoEscape::None) {
        return minijinja::escape_formatter(out, state, value);
    }
    let written = match value.as_str() {
        Some(text) => out.write_str(text),
        None => out.write_str(&python::output(value).map_err(Error::from)?),
    };
    written.map_err(|_| Error::from(ErrorKind::WriteFailure))
}

/// Whether a filter or test of that name exists.
pub(super) fn knows(kind: super::rewrite::NamedKind, name: &str) -> bool {
    NAMES.with(|names| match kind {
        super::rewrite::NamedKind::Filter => names.0.iter().any(|known| known == name),
        super::rewrite::NamedKind::Test => names.1.iter().any(|known| known == name),
    })
}

/// The names of all filters, or of all tests.
pub(super) fn names(kind: super::rewrite::NamedKind) -> Vec<String> {
    NAMES.with(|names| match kind {
        super::rewrite::NamedKind::Filter => names.0.clone(),
        super::rewrite::NamedKind::Test => names.1.clone(),
    })
}

thread_local! {
    static NAMES: (Vec<String>, Vec<String>) = registered();
}

/// The engine tells the names of its filters and tests in its debug form alone.
fn registered() -> (Vec<String>, Vec<String>) {
    let text = format!("{:?}", environment());
    let section = |label: &str| -> Vec<String> {
        let Some(start) = text.rfind(label) else { return Vec::new() };
        let Some(list) = text.get(start + label.len()..) else { return Vec::new() };
        let Some(end) = list.find([']', '}']) else { return Vec::new() };
        list.get(..end)
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().trim_matches(['[', '{', '"', '\\', '\'']).to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    };
    (section("filters: "), section("tests: "))
}
