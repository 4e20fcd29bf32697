//! Expressions that stand without braces: `when`, `until`, `changed_when`, `failed_when`, `that`, bare loop variables.

use std::sync::Arc;

use minijinja::value::{Value, ValueKind};

use super::code::Code;
use super::compiled::{PLAYBOOK, Template};
use super::error::{TemplateError, TemplateErrorKind};
use super::explain::remarks;
use super::place::Origin;
use super::python::type_name;
use super::rewrite::{Manner, Named};
use super::scope::{Scope, Variable};
use super::value::finalize;
use super::written::is_template;
use crate::source::{Diagnostic, Span};
use crate::yaml::{Data, Node};

/// An expression without braces.
#[derive(Clone, Debug)]
pub struct Expression(Arc<Parsed>);

#[derive(Debug)]
struct Parsed {
    text: Arc<str>,
    span: Option<Span>,
    code: Result<Code, TemplateError>,
    named: Vec<Named>,
}

impl Expression {
    /// Compile an expression. A mistake in it is kept, and told by [`Expression::check`] or when it is evaluated.
    pub fn parse(text: impl Into<Arc<str>>, span: Option<Span>) -> Self {
        let text = text.into();
        let origin = span.map_or(Origin::Unknown, Origin::Scalar);
        let mut named = Vec::new();
        let manner = Manner { literal_backslashes: false, embedded_templates: true, ..PLAYBOOK }.of_expression(&text);
        let code = Code::compile(&text, 0..text.len(), origin, manner, &mut named).map_err(|error| {
            let delimiters = is_template(&text).then_some(" Template delimiters are not supported in expressions");
            let message = error.message().replacen(
                "Syntax error in template: ",
                &match delimiters {
                    Some(delimiters) => format!("Syntax error in expression.{delimiters}: "),
                    None => "Syntax error in expression: ".to_owned(),
                },
                1,
            );
            let described = TemplateError::new(error.kind(), message).at(error.span());
            match delimiters {
                Some(_) => described.hint("write the expression without `{{` and `}}`: variables are named directly"),
                None => described,
            }
        });
        Self(Arc::new(Parsed { text, span, code, named }))
    }

    /// Its text.
    pub fn text(&self) -> &str {
        &self.0.text
    }

    /// Where it was written.
    pub fn span(&self) -> Option<Span> {
        self.0.span
    }

    /// What can be known to be wrong without evaluating it.
    pub fn check(&self) -> Vec<TemplateError> {
        if let Err(error) = &self.0.code {
            return vec![error.clone()];
        }
        let origin = self.0.span.map_or(Origin::Unknown, Origin::Scalar);
        remarks(&self.0.named, origin, &self.0.text)
    }

    /// Its value, which may be lazy.
    pub fn resolve(&self, scope: &Scope) -> Result<Value, TemplateError> {
        let code = self.0.code.as_ref().map_err(Clone::clone)?;
        code.evaluate(scope.inner()).map_err(|error| error.at(self.0.span).suggest(|| scope.names()))
    }

    /// Its value, final.
    pub fn evaluate(&self, scope: &Scope) -> Result<Value, TemplateError> {
        finalize(&self.resolve(scope)?).map_err(|error| error.at(self.0.span))
    }
}

/// A condition: an expression that has to give a boolean, or a boolean.
#[derive(Clone, Debug)]
pub struct Conditional {
    kind: ConditionalKind,
    span: Option<Span>,
}

#[derive(Clone, Debug)]
enum ConditionalKind {
    Literal(bool),
    Expression(Expression),
    /// `"{{ ... }}"`, as old playbooks write it: its value is the condition, or, if that is text, an expression again.
    Braces(Arc<Template>),
    Wrong(TemplateError),
}

impl Conditional {
    /// From a YAML value: a boolean or an expression. Lists are several conditions; see [`Conditional::list`].
    pub fn from_node(node: &Node) -> Self {
        let wrong = |message: &str, hint: &str| {
            ConditionalKind::Wrong(
                TemplateError::new(TemplateErrorKind::Conditional, message).at(Some(node.span)).hint(hint),
            )
        };
        let kind = match &node.data {
            Data::Bool(flag) => ConditionalKind::Literal(*flag),
            Data::String(text) => return Self::from_text(text.clone(), Some(node.span)),
            Data::Null => wrong("Empty conditional expressions are not allowed.", "write a condition, or leave it out"),
            _ => wrong(
                "Conditional expressions must be strings.",
                "write an expression that gives true or false, such as `x == 1`",
            ),
        };
        Self { kind, span: Some(node.span) }
    }

    /// From a text.
    pub fn from_text(text: impl Into<Arc<str>>, span: Option<Span>) -> Self {
        let text: Arc<str> = text.into();
        let trimmed = text.trim();
        let kind = if trimmed.is_empty() {
            ConditionalKind::Wrong(
                TemplateError::new(TemplateErrorKind::Conditional, "Empty conditional expressions are not allowed.")
                    .at(span),
            )
        } else if (trimmed.starts_with("{{") && trimmed.ends_with("}}"))
            || (trimmed.starts_with("{%") && trimmed.ends_with("%}"))
        {
            let origin = span.map_or(Origin::Unknown, Origin::Scalar);
            ConditionalKind::Braces(Arc::new(Template::new(trimmed, origin)))
        } else {
            ConditionalKind::Expression(Expression::parse(text.clone(), span))
        };
        Self { kind, span }
    }

    /// From a YAML value that may be a list of conditions, all of which have to hold.
    pub fn list(node: &Node) -> Vec<Self> {
        match &node.data {
            Data::List(items) => items.iter().map(Self::from_node).collect(),
            _ => vec![Self::from_node(node)],
        }
    }

    /// Where it was written.
    pub fn span(&self) -> Option<Span> {
        self.span
    }

    /// The condition's text, as results report it in `false_condition`.
    pub fn text(&self) -> String {
        match &self.kind {
            ConditionalKind::Literal(true) => "True".to_owned(),
            ConditionalKind::Literal(false) => "False".to_owned(),
            ConditionalKind::Expression(expression) => expression.text().to_owned(),
            ConditionalKind::Braces(template) => template.text().to_owned(),
            ConditionalKind::Wrong(_) => String::new(),
        }
    }

    /// As a result shows it that says it was false.
    pub fn shown(&self) -> rprov_wire::Value {
        match &self.kind {
            ConditionalKind::Literal(flag) => (*flag).into(),
            _ => self.text().into(),
        }
    }

    /// What can be known to be wrong without testing it, and what Ansible no longer has.
    pub fn check(&self) -> Vec<Diagnostic> {
        match &self.kind {
            ConditionalKind::Literal(_) => Vec::new(),
            ConditionalKind::Expression(expression) => {
                let mut found: Vec<Diagnostic> = expression.check().into_iter().map(foreseen).collect();
                if found.is_empty() && expression.text().contains("{{") {
                    let mut warning =
                        Diagnostic::deprecation("Jinja constant strings should not contain embedded templates");
                    warning.span = self.span;
                    found.push(warning.hint("name the variable directly: `x == y` instead of `x == '{{ y }}'`"));
                }
                found
            }
            ConditionalKind::Wrong(error) => vec![error.clone().into()],
            ConditionalKind::Braces(template) => {
                let errors = template.check();
                if !errors.is_empty() {
                    return errors.into_iter().map(foreseen).collect();
                }
                let mut warning = Diagnostic::deprecation(
                    "Conditionals should not be surrounded by templating delimiters such as {{ }} or {% %}",
                );
                warning.span = self.span;
                let inner = template.text().trim_start_matches("{{").trim_end_matches("}}").trim();
                if template.text().starts_with("{{") && !is_template(inner) {
                    warning = warning.hint(format!("write `{inner}`"));
                }
                vec![warning]
            }
        }
    }

    /// Whether it holds. With `lenient` (`ALLOW_BROKEN_CONDITIONALS`) what is no boolean counts by Python's truth.
    pub fn test_with(&self, scope: &Scope, lenient: bool) -> Result<bool, TemplateError> {
        let value = match &self.kind {
            ConditionalKind::Literal(flag) => return Ok(*flag),
            ConditionalKind::Wrong(error) if lenient && error.message().starts_with("Empty") => return Ok(true),
            ConditionalKind::Wrong(error) => return Err(error.clone()),
            ConditionalKind::Expression(expression) => expression.resolve(scope).map_err(while_evaluating)?,
            ConditionalKind::Braces(template) => {
                let value = template
                    .evaluate(scope.inner(), None)
                    .map_err(|error| while_evaluating(error.suggest(|| scope.names())))?;
                match value.as_str() {
                    Some(text) if !text.trim().is_empty() => {
                        Expression::parse(text, self.span).resolve(scope).map_err(while_evaluating)?
                    }
                    _ => value,
                }
            }
        };
        if value.kind() == ValueKind::Bool {
            return Ok(value.is_true());
        }
        if lenient {
            return Ok(value.is_true());
        }
        let place = self.origin_of_value(scope).filter(|_| !value.is_none()).map_or_else(
            || "<unknown>".to_owned(),
            |span| {
                let path = span.file().path.clone();
                let path = std::path::absolute(&path).unwrap_or(path);
                format!("{}:{}:{}", path.display(), span.line, span.column)
            },
        );
        Err(TemplateError::new(
            TemplateErrorKind::Conditional,
            format!(
                "Conditional result ({}) was derived from value of type '{}' at '{place}'. Conditionals must have a \
                 boolean result.",
                if value.is_true() { "True" } else { "False" },
                type_name(&value),
            ),
        )
        .at(self.span)
        .hint(match value.kind() {
            ValueKind::String => "compare it (`x == '...'`), use `x | length > 0`, or say `x | bool`",
            ValueKind::Number => "compare it: `x > 0`",
            ValueKind::None => "compare it: `x is not none`",
            _ => "say `x | length > 0`",
        }))
    }

    /// Where the value was written: the variable's place, if the condition is nothing but its name, or the condition's.
    fn origin_of_value(&self, scope: &Scope) -> Option<Span> {
        let ConditionalKind::Expression(expression) = &self.kind else { return None };
        match scope.variable(expression.text().trim()) {
            Some(Variable::Written(written)) => written.span(),
            Some(Variable::Plain(_)) => None,
            None => self.span,
        }
    }

    /// Whether it holds, by ansible-core 2.19's rules: only a boolean will do.
    pub fn test(&self, scope: &Scope) -> Result<bool, TemplateError> {
        self.test_with(scope, false)
    }
}

/// What is told of a condition before a host is touched. One that cannot be parsed stops the run: it is tested whenever
/// its task is reached. A name that is not known may stand where it is never looked at.
fn foreseen(error: TemplateError) -> Diagnostic {
    match error.kind() {
        TemplateErrorKind::Unknown | TemplateErrorKind::Old => error.foretold(),
        _ => error.into(),
    }
}

fn while_evaluating(error: TemplateError) -> TemplateError {
    match error.kind() {
        TemplateErrorKind::Undefined | TemplateErrorKind::Failed => error.context("Error while evaluating conditional"),
        TemplateErrorKind::Syntax | TemplateErrorKind::Unknown => {
            error.reworded("Syntax error in template", "Syntax error in expression")
        }
        _ => error,
    }
}
