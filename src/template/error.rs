//! What can go wrong with a template, and how it is told: the message in Ansible's words, the place in the file
//! that a human wrote, the variables that were being rendered on the way there, and what to do.

use std::fmt;

use crate::source::{Diagnostic, Severity, Span};

/// What kind of mistake a template made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TemplateErrorKind {
    /// Something that it names does not exist. `default` and `is defined` see through this one.
    Undefined,
    /// It can't be parsed.
    Syntax,
    /// It names a filter or test that does not exist.
    Unknown,
    /// It works, but is written as in old playbooks.
    Old,
    /// It needs its own result.
    Recursion,
    /// The whole value is `omit`, so there is none.
    Omitted,
    /// A condition that gives no boolean.
    Conditional,
    /// A vault value that can't be decrypted.
    Vault,
    /// A filter, lookup or operation failed.
    Failed,
}

/// A variable that was being rendered when the error happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its name.
    pub name: String,
    /// Where its value was written.
    pub span: Option<Span>,
}

/// A template's error.
#[derive(Clone, Debug)]
pub struct TemplateError(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    kind: TemplateErrorKind,
    message: String,
    span: Option<Span>,
    label: String,
    chain: Vec<Frame>,
    hints: Vec<String>,
    missing: Option<String>,
    /// Where the innermost value that was being rendered was written, as a whole.
    written: Option<Span>,
}

impl TemplateError {
    /// An error with nothing but its message.
    pub fn new(kind: TemplateErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            kind,
            message: message.into(),
            span: None,
            label: String::new(),
            chain: Vec::new(),
            hints: Vec::new(),
            missing: None,
            written: None,
        }))
    }

    /// Something failed while a template was rendered.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(TemplateErrorKind::Failed, message)
    }

    /// Something does not exist.
    pub fn undefined(message: impl Into<String>) -> Self {
        Self::new(TemplateErrorKind::Undefined, message)
    }

    /// The variable `name` does not exist.
    pub fn undefined_variable(name: &str) -> Self {
        let mut error = Self::undefined(format!("'{name}' is undefined"));
        error.0.missing = Some(name.to_owned());
        error
    }

    /// The kind of mistake.
    pub fn kind(&self) -> TemplateErrorKind {
        self.0.kind
    }

    /// Whether it is about something that does not exist.
    pub fn is_undefined(&self) -> bool {
        self.0.kind == TemplateErrorKind::Undefined
    }

    /// What is wrong, in one sentence without a full stop.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it is.
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// The variables that were being rendered, outermost first.
    pub fn chain(&self) -> &[Frame] {
        &self.0.chain
    }

    /// What to do about it.
    pub fn hints(&self) -> &[String] {
        &self.0.hints
    }

    /// The name of the variable that does not exist, if that is what is wrong.
    pub fn missing(&self) -> Option<&str> {
        self.0.missing.as_deref()
    }

    /// Say what was being done; the message begins with it.
    #[must_use]
    pub fn context(mut self, doing: &str) -> Self {
        self.0.message.insert_str(0, &format!("{doing}: "));
        self
    }

    /// Say where the value that was being rendered was written, unless one inside of it was.
    #[must_use]
    pub(crate) fn written_at(mut self, span: Option<Span>) -> Self {
        if self.0.written.is_none() {
            self.0.written = span;
        }
        self
    }

    /// Where the innermost value that was being rendered was written, as a whole; the error itself may be inside of it.
    pub fn written(&self) -> Option<Span> {
        self.0.written
    }

    /// The same error with other words in its message.
    #[must_use]
    pub(super) fn reworded(mut self, from: &str, to: &str) -> Self {
        self.0.message = self.0.message.replacen(from, to, 1);
        self
    }

    /// Say where, unless a more exact place is known.
    #[must_use]
    pub fn at(mut self, span: Option<Span>) -> Self {
        if self.0.span.is_none() {
            self.0.span = span;
        }
        self
    }

    /// Say a few words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.0.label = label.into();
        self
    }

    /// Add a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Say that the variable `name` was being rendered.
    #[must_use]
    pub fn within(mut self, name: &str, span: Option<Span>) -> Self {
        self.0.chain.insert(0, Frame { name: name.to_owned(), span });
        self
    }

    /// Add a did-you-mean for a variable that does not exist.
    #[must_use]
    pub(super) fn suggest<'a>(mut self, names: impl FnOnce() -> Vec<std::borrow::Cow<'a, str>>) -> Self {
        if let Some(missing) = &self.0.missing
            && self.0.hints.is_empty()
        {
            let names = names();
            match rprov_modules::argument::closest(missing, names.iter().map(AsRef::as_ref)) {
                Some(name) => self.0.hints.push(format!("did you mean `{name}`?")),
                None => self
                    .0
                    .hints
                    .push(format!("define `{missing}`, or give it a value here with `{missing} | default(...)`")),
            }
        }
        self
    }
}

impl TemplateError {
    /// What is known to be wrong before a host is touched. Whether it matters depends on the template being used at
    /// all, so it is a warning.
    pub fn foretold(self) -> Diagnostic {
        let old = self.kind() == TemplateErrorKind::Old;
        let diagnostic = Diagnostic::from(self);
        if old {
            return Diagnostic { severity: Severity::Deprecation, ..diagnostic };
        }
        diagnostic.into_warning().cause("whatever uses this template will fail")
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl std::error::Error for TemplateError {}

impl From<TemplateError> for Diagnostic {
    fn from(error: TemplateError) -> Self {
        let Details { message, span, label, chain, hints, .. } = *error.0;
        let mut diagnostic = Diagnostic::error(message).label(label);
        diagnostic.span = span;
        for frame in chain {
            diagnostic = diagnostic.cause(match frame.span {
                Some(span) => format!("while templating variable `{}` at {span}", frame.name),
                None => format!("while templating variable `{}`", frame.name),
            });
        }
        for hint in hints {
            diagnostic = diagnostic.hint(hint);
        }
        diagnostic
    }
}

impl From<TemplateError> for minijinja::Error {
    /// The error as it travels through the engine; `from_engine` finds it again.
    fn from(error: TemplateError) -> Self {
        let kind = if error.is_undefined() {
            minijinja::ErrorKind::UndefinedError
        } else {
            minijinja::ErrorKind::InvalidOperation
        };
        minijinja::Error::new(kind, error.message().to_owned()).with_source(error)
    }
}

/// Our own error inside one of the engine's, if one of ours caused it.
pub(super) fn carried(error: &minijinja::Error) -> Option<TemplateError> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(found) = inner.downcast_ref::<TemplateError>() {
            return Some(found.clone());
        }
        source = inner.source();
    }
    None
}
