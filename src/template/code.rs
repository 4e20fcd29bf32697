//! One expression, compiled once, with the way back to where it was written.

use std::ops::Range;
use std::sync::Arc;

use minijinja::value::Value;

use super::depth;
use super::environment::environment;
use super::error::{TemplateError, TemplateErrorKind};
use super::explain::{Failure, explain_undefined, translate};
use super::place::Origin;
use super::rewrite::{Manner, Named, rewrite_expression};
use super::rewritten::Rewritten;
use super::scope::{Inner, Scope};
use super::value::{Shape, shape};

/// A compiled expression.
pub(super) struct Code {
    source: Arc<str>,
    range: Range<usize>,
    origin: Origin,
    rewritten: Rewritten,
    expression: minijinja::Expression<'static, 'static>,
    /// The names of an expression that is nothing but `a.b.c`, which needs no engine.
    path: Option<Vec<Box<str>>>,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.source.get(self.range.clone()).unwrap_or_default().trim())
    }
}

impl Code {
    /// Compile the expression in `range` of `source`; the filters and tests that it names are added to `named`.
    pub fn compile(
        source: &Arc<str>,
        range: Range<usize>,
        origin: Origin,
        manner: Manner,
        named: &mut Vec<Named>,
    ) -> Result<Self, TemplateError> {
        let text = source.get(range.clone()).unwrap_or_default();
        if text.trim().is_empty() {
            return Err(TemplateError::new(
                TemplateErrorKind::Syntax,
                "Syntax error in template: Expected an expression, got 'end of print statement'",
            )
            .at(origin.locate(source, range)));
        }
        depth::check(source, range.clone()).map_err(|mistake| {
            TemplateError::new(TemplateErrorKind::Syntax, format!("Syntax error in template: {}", mistake.message))
                .at(origin.locate(source, mistake.range))
        })?;
        let rewritten = rewrite_expression(source, range.clone(), manner, named);
        match environment().compile_expression_owned(rewritten.text.clone()) {
            Ok(expression) => {
                let path = plain_path(rewritten.text.trim());
                Ok(Self { source: source.clone(), range, origin, rewritten, expression, path })
            }
            Err(error) => {
                let failure = Failure { rewritten: &rewritten, source, origin, whole: range, scope: None };
                Err(translate(&error, &failure))
            }
        }
    }

    /// The value, which may be lazy, but is neither undefined nor an error.
    pub fn evaluate(&self, scope: &Arc<Inner>) -> Result<Value, TemplateError> {
        match self.evaluate_lenient(scope)? {
            Some(value) => Ok(value),
            None => Err(TemplateError::undefined(
                "the inline if-expression evaluated to false and no else section was defined",
            )
            .at(self.origin.locate(&self.source, self.trimmed()))
            .hint("add an `else`: `{{ a if condition else b }}`")),
        }
    }

    /// The same, but `None` for an `if` without `else` whose condition is false.
    pub fn evaluate_lenient(&self, scope: &Arc<Inner>) -> Result<Option<Value>, TemplateError> {
        if let Some(path) = &self.path
            && let Some(result) = self.follow(path, scope)
        {
            return result.map(Some);
        }
        let context = Scope::borrowed(scope.clone()).context();
        let value = self.expression.eval(context.clone()).map_err(|error| self.translate(&error, scope))?;
        if value.is_undefined() {
            // The engine says what is undefined when the value is used, and only then.
            let probe = format!("not ({})", self.rewritten.text);
            return match environment().compile_expression(&probe).and_then(|probe| probe.eval(context)) {
                Ok(_) => Ok(None),
                Err(error) => Err(self.undefined(&error, scope)),
            };
        }
        match shape(&value) {
            Ok(Shape::Undefined) | Err(_) => {
                shape(&value).map(|_| None).map_err(|error| error.at(self.origin.locate(&self.source, self.trimmed())))
            }
            Ok(_) => Ok(Some(value)),
        }
    }

    /// The value of `a.b.c` without the engine; `None` where the engine has to say.
    fn follow(&self, path: &[Box<str>], scope: &Arc<Inner>) -> Option<Result<Value, TemplateError>> {
        let (root, keys) = path.split_first()?;
        let mut value = match scope.get(root) {
            Ok(Some(value)) => value,
            Ok(None) => return None,
            Err(error) => return Some(Err(error)),
        };
        for key in keys {
            value = value.as_object()?.get_value_by_str(key)?;
        }
        match value.kind() {
            minijinja::value::ValueKind::Undefined | minijinja::value::ValueKind::Invalid => None,
            _ => Some(Ok(value)),
        }
    }

    /// The names of the variables that it reads; functions that the engine has are none.
    pub fn variables(&self) -> Vec<String> {
        let names = self.expression.undeclared_variables(false);
        names.into_iter().filter(|name| environment().globals().all(|(global, _)| global != name)).collect()
    }

    /// The first name that leads to nothing.
    pub fn first_missing(&self, scope: &Arc<Inner>) -> Option<TemplateError> {
        self.failure(scope).first_missing()
    }

    fn trimmed(&self) -> Range<usize> {
        let text = self.source.get(self.range.clone()).unwrap_or_default();
        let start = self.range.start + (text.len() - text.trim_start().len());
        start..(start + text.trim().len()).max(start + 1)
    }

    fn failure<'a>(&'a self, scope: &'a Arc<Inner>) -> Failure<'a> {
        Failure {
            rewritten: &self.rewritten,
            source: &self.source,
            origin: self.origin,
            whole: self.trimmed(),
            scope: Some(scope),
        }
    }

    fn translate(&self, error: &minijinja::Error, scope: &Arc<Inner>) -> TemplateError {
        translate(error, &self.failure(scope))
    }

    fn undefined(&self, error: &minijinja::Error, scope: &Arc<Inner>) -> TemplateError {
        explain_undefined(error, &self.failure(scope)).at(self.origin.locate(&self.source, self.trimmed()))
    }
}

/// The names of `a.b.c`, if a text is nothing else.
fn plain_path(text: &str) -> Option<Vec<Box<str>>> {
    let names: Vec<Box<str>> = text.split('.').map(Into::into).collect();
    let plain = names.iter().all(|name| {
        name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && !matches!(
                &**name,
                "true"
                    | "false"
                    | "none"
                    | "True"
                    | "False"
                    | "None"
                    | "not"
                    | "and"
                    | "or"
                    | "in"
                    | "is"
                    | "if"
                    | "else"
            )
    });
    plain.then_some(names)
}
