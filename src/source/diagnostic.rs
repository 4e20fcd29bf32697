//! What a person is told about a mistake: the message, the source line with a caret, the causes, and what to do.

use super::file::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The run cannot go on.
    Error,
    /// The run goes on.
    Warning,
    /// The run goes on; a form that Ansible no longer has.
    Deprecation,
}

/// One thing to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What is wrong: one sentence without a full stop, code in backticks.
    pub message: String,
    /// Where.
    pub span: Option<Span>,
    /// A few words under the caret; may be empty.
    pub label: String,
    /// Why, outermost first.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hints: Vec<String>,
    /// It is about a file or role that is not there, not about how something is written; the exit code tells the two
    /// apart.
    pub absent: bool,
    /// It is no mistake: the person at the terminal wants no more.
    pub interrupted: bool,
}

/// Several of them, in the order in which they were found.
pub type Diagnostics = Vec<Diagnostic>;

/// Whether there is an error in how something is written among them, not only in what is there.
pub fn misread(problems: &[Diagnostic]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error && !problem.absent)
}

impl Diagnostic {
    /// An error with nothing but its message.
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span: None,
            label: String::new(),
            causes: Vec::new(),
            hints: Vec::new(),
            absent: false,
            interrupted: false,
        }
    }

    /// A warning with nothing but its message.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// The same as a warning.
    pub fn into_warning(self) -> Self {
        Self { severity: Severity::Warning, ..self }
    }

    /// A deprecation with nothing but its message.
    pub fn deprecation(message: impl Into<String>) -> Self {
        Self { severity: Severity::Deprecation, ..Self::error(message) }
    }

    /// A file or role that is not there.
    pub fn absent(message: impl Into<String>) -> Self {
        Self { absent: true, ..Self::error(message) }
    }

    /// Ctrl-C at a question.
    pub fn interrupted() -> Self {
        Self { interrupted: true, ..Self::error("User interrupted execution") }
    }

    /// Say where.
    #[must_use]
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// Say a few words under the caret.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Add a cause.
    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Add a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Add a hint with the word that was probably meant, if there is one.
    #[must_use]
    pub fn did_you_mean<'a>(self, name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match rprov_modules::argument::closest(name, candidates) {
            Some(candidate) => self.hint(format!("did you mean `{candidate}`?")),
            None => self,
        }
    }
}
