//! Templates with statements, and template files: rewritten as a whole, with everything that they include.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use minijinja::syntax::SyntaxConfig;
use minijinja::value::Value;
use minijinja::{Environment, Error, ErrorKind};

use super::compiled::PLAYBOOK;
use super::depth;
use super::environment::{environment, watch};
use super::error::{TemplateError, TemplateErrorKind};
use super::explain::{Failure, translate};
use super::place::Origin;
use super::rewrite::{Manner, Named, rewrite_expression, rewrite_statement};
use super::rewritten::Rewritten;
use super::scope::{Inner, Scope};
use super::syntax::{Segment, Syntax, SyntaxMistake, Tag};

/// The name of the template that is not included by another.
const MAIN: &str = "template";

/// A compiled template with statements.
pub(super) struct Document {
    env: Environment<'static>,
    sources: Arc<Mutex<HashMap<String, Source>>>,
    origin: Origin,
    text: Arc<str>,
}

/// One of the texts that make up a document.
#[derive(Clone, Debug)]
struct Source {
    text: Arc<str>,
    origin: Origin,
    rewritten: Rewritten,
}

impl std::fmt::Debug for Document {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Document({:?})", self.text)
    }
}

impl Document {
    /// Compile a text. Templates that it includes are looked for under `search`.
    pub fn compile(
        text: &Arc<str>,
        origin: Origin,
        syntax: &Syntax,
        manner: Manner,
        search: Vec<PathBuf>,
        named: &mut Vec<Named>,
    ) -> Result<Self, TemplateError> {
        let mut env = environment().clone();
        let config = config(syntax).map_err(|error| {
            TemplateError::new(TemplateErrorKind::Syntax, format!("Syntax error in template: {error}"))
                .at(origin.start())
        })?;
        env.set_syntax(config);
        let manner = manner.of_document(text);
        let rewritten = rewrite(text, syntax, manner, named).map_err(|mistake| mistaken(mistake, text, origin))?;
        let sources = Arc::new(Mutex::new(HashMap::new()));
        let source = Source { text: text.clone(), origin, rewritten };
        let compiled = env.add_template_owned(MAIN, source.rewritten.text.clone());
        if let Err(error) = compiled {
            return Err(translate(&error, &source.failure(None)));
        }
        sources.lock().unwrap_or_else(PoisonError::into_inner).insert(MAIN.to_owned(), source);
        if !search.is_empty() {
            let sources = sources.clone();
            let syntax = syntax.clone();
            env.set_loader(move |name| load(name, &search, &syntax, &sources));
        }
        Ok(Self { env, sources, origin, text: text.clone() })
    }

    /// The value: a text, or what the template gave out if that was one single value.
    pub fn evaluate(&self, scope: &Arc<Inner>) -> Result<Value, TemplateError> {
        let (text, emitted) = watch(|| self.render(scope));
        let text = text?;
        match emitted.single {
            Some(value) if value.as_str().is_none() && super::python::output(&value)? == text => Ok(value),
            None if text.is_empty() && emitted.count == 0 => Ok(Value::from(())),
            _ => Ok(Value::from(text)),
        }
    }

    /// The text that the template gives.
    pub fn render(&self, scope: &Arc<Inner>) -> Result<String, TemplateError> {
        let template = self.env.get_template(MAIN).map_err(|error| self.translate(&error, scope))?;
        template.render(Scope::borrowed(scope.clone()).context()).map_err(|error| self.translate(&error, scope))
    }

    fn translate(&self, error: &Error, scope: &Arc<Inner>) -> TemplateError {
        // An include wraps what went wrong inside of it; the innermost place is the one to show.
        let mut innermost = error;
        let mut next = std::error::Error::source(error);
        while let Some(inner) = next.and_then(|source| source.downcast_ref::<Error>()) {
            if inner.name().is_some() {
                innermost = inner;
            }
            next = std::error::Error::source(inner);
        }
        let source = innermost
            .name()
            .and_then(|name| self.sources.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned());
        match source {
            Some(source) => translate(innermost, &source.failure(Some(scope))),
            None => {
                let rewritten = Rewritten::default();
                translate(
                    innermost,
                    &Failure {
                        rewritten: &rewritten,
                        source: &self.text,
                        origin: self.origin,
                        whole: 0..0,
                        scope: Some(scope),
                    },
                )
            }
        }
    }
}

impl Source {
    fn failure<'a>(&'a self, scope: Option<&'a Arc<Inner>>) -> Failure<'a> {
        Failure { rewritten: &self.rewritten, source: &self.text, origin: self.origin, whole: 0..1, scope }
    }
}

fn mistaken(mistake: SyntaxMistake, text: &str, origin: Origin) -> TemplateError {
    TemplateError::new(TemplateErrorKind::Syntax, format!("Syntax error in template: {}", mistake.message))
        .at(origin.locate(text, mistake.range))
}

fn config(syntax: &Syntax) -> Result<SyntaxConfig, Error> {
    let mut builder = SyntaxConfig::builder();
    builder
        .block_delimiters(syntax.block_start.clone(), syntax.block_end.clone())
        .variable_delimiters(syntax.variable_start.clone(), syntax.variable_end.clone())
        .comment_delimiters(syntax.comment_start.clone(), syntax.comment_end.clone())
        .trim_blocks(syntax.trim_blocks)
        .lstrip_blocks(syntax.lstrip_blocks)
        .keep_trailing_newline(syntax.keep_trailing_newline);
    if let Some(prefix) = &syntax.line_statement_prefix {
        builder.line_statement_prefix(prefix.clone());
    }
    if let Some(prefix) = &syntax.line_comment_prefix {
        builder.line_comment_prefix(prefix.clone());
    }
    builder.build()
}

/// Find, read and rewrite a template that another one includes.
fn load(
    name: &str,
    search: &[PathBuf],
    syntax: &Syntax,
    sources: &Mutex<HashMap<String, Source>>,
) -> Result<Option<String>, Error> {
    let candidates = std::iter::once(PathBuf::from(name))
        .filter(|path| path.is_absolute())
        .chain(search.iter().map(|directory| directory.join(name)));
    for path in candidates {
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => continue,
            Err(error) => {
                return Err(Error::new(
                    ErrorKind::InvalidOperation,
                    format!("the template {} can't be read: {error}", path.display()),
                ));
            }
        };
        return rewritten_file(name, &path, text, syntax, sources).map(Some);
    }
    Ok(None)
}

fn is_absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{IsADirectory, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | IsADirectory | NotADirectory)
}

fn rewritten_file(
    name: &str,
    path: &Path,
    text: String,
    syntax: &Syntax,
    sources: &Mutex<HashMap<String, Source>>,
) -> Result<String, Error> {
    let text: Arc<str> = text.into();
    let origin = Origin::File(crate::source::register(path, text.clone()));
    let manner = Manner { literal_backslashes: false, ..PLAYBOOK }.of_document(&text);
    let rewritten = rewrite(&text, syntax, manner, &mut Vec::new())
        .map_err(|mistake| Error::from(mistaken(mistake, &text, origin)))?;
    let result = rewritten.text.clone();
    sources.lock().unwrap_or_else(PoisonError::into_inner).insert(name.to_owned(), Source { text, origin, rewritten });
    Ok(result)
}

/// Rewrite a whole text, tag by tag.
fn rewrite(text: &str, syntax: &Syntax, manner: Manner, named: &mut Vec<Named>) -> Result<Rewritten, SyntaxMistake> {
    let mut result = Rewritten::default();
    let segments = syntax.split(text)?;
    let mut open: Vec<Option<Macro>> = Vec::new();
    let mut branches = depth::Open::default();
    for (index, segment) in segments.iter().cloned().enumerate() {
        match segment {
            Segment::Text(range) => result.copy(text, range),
            Segment::Raw(range) => {
                // The engine takes away the newline after `raw`; Jinja2 leaves it.
                let whole = text.get(range.clone()).unwrap_or_default();
                let opened = whole.find(&syntax.block_end).map_or(0, |at| at + syntax.block_end.len());
                let kept = syntax.trim_blocks
                    && whole.get(opened..).is_some_and(|rest| rest.starts_with('\n'))
                    && !whole.get(..opened).is_some_and(|tag| tag.ends_with(&format!("-{}", syntax.block_end)));
                result.copy(text, range.start..range.start + opened);
                if kept {
                    result.add("\n", range.start + opened);
                }
                result.copy(text, range.start + opened..range.end);
            }
            Segment::Comment(tag) => result.copy(text, tag.outer),
            Segment::Print(tag) => {
                depth::check(text, tag.inner.clone())?;
                result.copy(text, tag.outer.start..tag.inner.start);
                result.append(rewrite_expression(text, tag.inner.clone(), manner, named));
                result.copy(text, tag.inner.end..tag.outer.end);
            }
            Segment::Block(tag) => {
                result.copy(text, tag.outer.start..tag.inner.start);
                // Ansible doubles backslashes between `{{` and `}}` alone.
                let manner = Manner { literal_backslashes: false, ..manner };
                let inner = text.get(tag.inner.clone()).unwrap_or_default().trim_start();
                depth::check(text, tag.inner.clone())?;
                branches.statement(inner, &tag.inner)?;
                let variadic = match inner.starts_with("macro ") {
                    true => Macro::variadic(text, &tag, segments.get(index + 1..).unwrap_or_default()),
                    false => None,
                };
                if let Some(found) = &variadic {
                    result.append(rewrite_statement(text, tag.inner.start..found.close, manner, named));
                    let comma = if found.parameters.is_empty() { "" } else { "," };
                    result.add(&format!("{comma}varargs=[],kwargs={{}}"), found.close);
                    result.copy(text, found.close..tag.outer.end);
                } else {
                    result.append(rewrite_statement(text, tag.inner.clone(), manner, named));
                    result.copy(text, tag.inner.end..tag.outer.end);
                }
                if inner.starts_with("macro ") {
                    open.push(variadic);
                } else if inner.starts_with("endmacro")
                    && let Some(Some(found)) = open.pop()
                {
                    let (start, end) = (&syntax.block_start, &syntax.block_end);
                    let Macro { name, parameters, .. } = found;
                    let dash = if tag.trim_right { "-" } else { "" };
                    result.add(&format!("{start} set {name}=_macro_({name}{parameters}) {dash}{end}"), tag.outer.end);
                }
            }
        }
    }
    Ok(result)
}

/// A macro that takes more arguments than it names: its body uses `varargs` or `kwargs`, which the engine does not
/// have. It becomes a macro with two more parameters, inside of a function that fills them.
struct Macro {
    name: String,
    /// The names of its parameters as further arguments: `,'a','b'`.
    parameters: String,
    /// The place of the bracket that closes its parameters.
    close: usize,
}

impl Macro {
    /// Read the macro that `tag` begins, if one of the segments of its body needs this.
    fn variadic(text: &str, tag: &Tag, after: &[Segment]) -> Option<Self> {
        let content = |tag: &Tag| text.get(tag.inner.clone()).unwrap_or_default();
        let needs = |tag: &Tag| {
            let content = content(tag);
            content.contains("varargs") || content.contains("kwargs")
        };
        let body = after.iter().take_while(|segment| match segment {
            Segment::Block(tag) => !content(tag).trim_start().starts_with("endmacro"),
            _ => true,
        });
        let mut tags = body.filter_map(|segment| match segment {
            Segment::Print(tag) | Segment::Block(tag) => Some(tag),
            _ => None,
        });
        if !tags.any(needs) {
            return None;
        }
        let inner = content(tag);
        let (open, last) = (inner.find('(')?, inner.rfind(')')?);
        let name = inner.get(..open)?.trim().strip_prefix("macro")?.trim();
        let parameters = super::token::parameters(inner.get(open + 1..last)?);
        Some(Self {
            name: name.to_owned(),
            parameters: parameters.iter().map(|name| format!(",'{name}'")).collect(),
            close: tag.inner.start + last,
        })
    }
}
