//! A template: text with `{{ }}` and `{% %}` in it, compiled when it is first used.

use std::sync::{Arc, OnceLock};

use minijinja::value::Value;

use super::code::Code;
use super::document::Document;
use super::error::{TemplateError, TemplateErrorKind};
use super::explain::remarks;
use super::omit::is_omit;
use super::place::Origin;
use super::python;
use super::rewrite::{Manner, Named};
use super::scope::{Inner, Rendering};
use super::syntax::{Segment, Syntax};

/// A template that a human wrote in a playbook, role, vars file, inventory or on the command line.
pub struct Template {
    text: Arc<str>,
    origin: Origin,
    program: OnceLock<Result<Program, TemplateError>>,
}

#[derive(Debug)]
struct Program {
    body: Body,
    named: Vec<Named>,
}

#[derive(Debug)]
enum Body {
    /// Exactly one expression: its value keeps its type.
    Single(Box<Code>),
    /// Text and expressions, without statements.
    Parts(Vec<Part>),
    /// Anything with statements.
    Document(Box<Document>),
}

#[derive(Debug)]
enum Part {
    Text(Box<str>),
    Code(Box<Code>),
}

impl std::fmt::Debug for Template {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Template({:?})", self.text)
    }
}

/// How expressions in playbooks are rewritten.
pub(super) const PLAYBOOK: Manner =
    Manner { literal_backslashes: true, embedded_templates: false, changeable: false, dates: false };

impl Template {
    /// A template; it is compiled when it is first used.
    pub fn new(text: impl Into<Arc<str>>, origin: Origin) -> Self {
        Self { text: text.into(), origin, program: OnceLock::new() }
    }

    /// Its source text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it comes from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// What can be known to be wrong without rendering it.
    pub fn check(&self) -> Vec<TemplateError> {
        let program = match self.program() {
            Ok(program) => program,
            Err(error) => return vec![error.clone()],
        };
        remarks(&program.named, self.origin, &self.text)
    }

    fn program(&self) -> Result<&Program, &TemplateError> {
        self.program.get_or_init(|| self.compile()).as_ref()
    }

    fn compile(&self) -> Result<Program, TemplateError> {
        let syntax = Syntax::default();
        let mut named = Vec::new();
        // The one newline that ends the text is not part of the template; `evaluate` gives it back.
        let text: Arc<str> = match self.text.strip_suffix('\n') {
            Some(text) => text.into(),
            None => self.text.clone(),
        };
        let segments = syntax.split(&text).map_err(|mistake| {
            TemplateError::new(TemplateErrorKind::Syntax, format!("Syntax error in template: {}", mistake.message))
                .at(self.origin.locate(&text, mistake.range))
        })?;
        let statements = segments.iter().any(|segment| matches!(segment, Segment::Block(_) | Segment::Raw(_)));
        if statements {
            let document = Document::compile(&text, self.origin, &syntax, PLAYBOOK, Vec::new(), &mut named)?;
            return Ok(Program { body: Body::Document(Box::new(document)), named });
        }
        let manner = PLAYBOOK.of_expression(&text);
        let mut parts = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            match segment {
                Segment::Text(range) => {
                    let before = index.checked_sub(1).and_then(|index| segments.get(index));
                    let after = segments.get(index + 1);
                    let text = trimmed(text.get(range.clone()).unwrap_or_default(), before, after);
                    if !text.is_empty() {
                        parts.push(Part::Text(text.into()));
                    }
                }
                Segment::Print(tag) => {
                    parts.push(Part::Code(Box::new(Code::compile(
                        &text,
                        tag.inner.clone(),
                        self.origin,
                        manner,
                        &mut named,
                    )?)));
                }
                Segment::Comment(_) | Segment::Block(_) | Segment::Raw(_) => {}
            }
        }
        let body = if matches!(parts.as_slice(), [Part::Code(_)])
            && let Some(Part::Code(code)) = parts.pop()
        {
            Body::Single(code)
        } else {
            Body::Parts(parts)
        };
        Ok(Program { body, named })
    }

    /// The names of the variables that it reads, where it is a single expression.
    pub(super) fn variables(&self) -> Option<Vec<String>> {
        match &self.program().ok()?.body {
            Body::Single(code) => Some(code.variables()),
            Body::Parts(_) | Body::Document(_) => None,
        }
    }

    /// Why a list or dictionary that this gives has something undefined in it.
    pub(super) fn first_missing(&self, scope: &Arc<Inner>) -> Option<TemplateError> {
        match &self.program().ok()?.body {
            Body::Single(code) => code.first_missing(scope),
            Body::Parts(parts) => parts.iter().find_map(|part| match part {
                Part::Code(code) => code.first_missing(scope),
                Part::Text(_) => None,
            }),
            Body::Document(_) => None,
        }
    }

    /// The value, which may be lazy; `name` is the variable that it belongs to.
    pub(super) fn evaluate(&self, scope: &Arc<Inner>, name: Option<&str>) -> Result<Value, TemplateError> {
        let program = self.program().map_err(Clone::clone)?;
        let _rendering = Rendering::begin(std::ptr::from_ref(self) as usize, scope, name)
            .map_err(|error| error.at(self.origin.start()))?;
        let value = match &program.body {
            Body::Single(code) => code.evaluate(scope)?,
            Body::Parts(parts) => concatenate(parts, scope)?,
            Body::Document(document) => document.evaluate(scope)?,
        };
        Ok(match value.as_str() {
            Some(text) if self.text.ends_with('\n') => match with_newlines(&self.text, text) {
                Some(text) => Value::from(text),
                None => value,
            },
            _ => value,
        })
    }
}

/// Text keeps as many newlines at its end as its template has.
pub(super) fn with_newlines(template: &str, text: &str) -> Option<String> {
    let count = |text: &str| text.len() - text.trim_end_matches('\n').len();
    let missing = count(template).checked_sub(count(text)).filter(|missing| *missing > 0)?;
    Some(format!("{text}{}", "\n".repeat(missing)))
}

/// Text between two tags, less what their whitespace marks and `trim_blocks` take away.
fn trimmed<'a>(text: &'a str, before: Option<&Segment>, after: Option<&Segment>) -> &'a str {
    let text = match before {
        Some(Segment::Print(tag) | Segment::Comment(tag)) if tag.trim_right => text.trim_start(),
        Some(Segment::Comment(_)) => text.strip_prefix('\n').unwrap_or(text),
        _ => text,
    };
    match after {
        Some(Segment::Print(tag) | Segment::Comment(tag)) if tag.trim_left => text.trim_end(),
        _ => text,
    }
}

/// Ansible's rule for a template's pieces: `none` and `omit` vanish; a single piece keeps its type; several are text.
fn concatenate(parts: &[Part], scope: &Arc<Inner>) -> Result<Value, TemplateError> {
    let mut single = None;
    let mut text = String::new();
    let mut count = 0_usize;
    for part in parts {
        let value = match part {
            Part::Text(piece) => {
                join(&mut text, &mut single)?;
                text.push_str(piece);
                count += 1;
                continue;
            }
            Part::Code(code) => match code.evaluate_lenient(scope)? {
                Some(value) if !value.is_none() && !is_omit(&value) => value,
                _ => continue,
            },
        };
        join(&mut text, &mut single)?;
        if count == 0 {
            single = Some(value);
        } else {
            push(&mut text, &value)?;
        }
        count += 1;
    }
    Ok(match (single, count) {
        (Some(value), _) => value,
        (None, 0) => Value::from(()),
        (None, _) => Value::from(text),
    })
}

/// What was the only piece so far becomes text.
fn join(text: &mut String, single: &mut Option<Value>) -> Result<(), TemplateError> {
    match single.take() {
        Some(value) => push(text, &value),
        None => Ok(()),
    }
}

fn push(text: &mut String, value: &Value) -> Result<(), TemplateError> {
    match value.as_str() {
        Some(piece) => text.push_str(piece),
        None => text.push_str(&python::output(value)?),
    }
    Ok(())
}
