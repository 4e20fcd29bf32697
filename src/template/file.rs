//! Template files: the `template` module and `lookup('template')`.

use std::path::PathBuf;
use std::sync::Arc;

use super::compiled::{PLAYBOOK, with_newlines};
use super::document::Document;
use super::error::{TemplateError, TemplateErrorKind};
use super::place::Origin;
use super::python;
use super::rewrite::Manner;
use super::scope::Scope;
use super::syntax::Syntax;
use crate::source::SourceId;

/// How a template file is rendered: the module's options, of which the file's `#jinja2:` line overrides some.
#[derive(Clone, Debug)]
pub struct FileOptions {
    /// Delimiters and whitespace rules. Whatever `keep_trailing_newline` says, text ends with as many newlines as its
    /// template has.
    pub syntax: Syntax,
    /// What ends a line in the result: `\n`, `\r` or `\r\n`.
    pub newline_sequence: String,
    /// Directories in which `include`, `import` and `extends` look, nearest first.
    pub search_paths: Vec<PathBuf>,
    /// Whether a backslash in a string literal stands for itself, as in playbooks.
    pub escape_backslashes: bool,
}

impl Default for FileOptions {
    fn default() -> Self {
        Self {
            syntax: Syntax::default(),
            newline_sequence: "\n".to_owned(),
            search_paths: Vec::new(),
            escape_backslashes: false,
        }
    }
}

/// A template file, compiled; it can be rendered for any number of hosts.
#[derive(Debug)]
pub struct TemplateFile {
    document: Document,
    newline_sequence: String,
    text: Arc<str>,
}

impl TemplateFile {
    /// Compile a registered file's text.
    pub fn compile(source: SourceId, options: &FileOptions) -> Result<Self, TemplateError> {
        let file = crate::source::source_file(source);
        Self::compile_text(&file.text, Origin::File(source), options)
    }

    /// Compile a text.
    pub fn compile_text(text: &str, origin: Origin, options: &FileOptions) -> Result<Self, TemplateError> {
        let mut options = options.clone();
        let mut body = text.to_owned();
        if let Some(header) = text.strip_prefix("#jinja2:") {
            let (line, rest) = header.split_once('\n').unwrap_or((header, ""));
            apply_header(line.trim_end_matches('\r'), &mut options).map_err(|message| {
                TemplateError::new(TemplateErrorKind::Syntax, message)
                    .at(origin.start())
                    .hint("the line has the form `#jinja2: trim_blocks: False, lstrip_blocks: True`")
            })?;
            // The line goes, but errors still point at the lines of the file.
            body = rest.to_owned();
        }
        let body = body.replace("\r\n", "\n").replace('\r', "\n");
        let origin = match origin {
            Origin::File(source) if body.len() != text.len() => Origin::Tail(source, text.len() - body.len()),
            origin => origin,
        };
        let manner = Manner { literal_backslashes: options.escape_backslashes, ..PLAYBOOK };
        let body: Arc<str> = body.into();
        let document =
            Document::compile(&body, origin, &options.syntax, manner, options.search_paths, &mut Vec::new())?;
        Ok(Self { document, newline_sequence: options.newline_sequence, text: body })
    }

    /// The text that it gives in `scope`.
    pub fn render(&self, scope: &Scope) -> Result<String, TemplateError> {
        let value = self.document.evaluate(scope.inner()).map_err(|error| error.suggest(|| scope.names()))?;
        // A template that gives out one single number, list ... is written without its last newline, as Ansible does.
        let text = match value.as_str() {
            Some(text) => with_newlines(&self.text, text).unwrap_or_else(|| text.to_owned()),
            None if value.is_none() => String::new(),
            None => python::output(&value)?,
        };
        Ok(match self.newline_sequence.as_str() {
            "\n" => text,
            sequence => text.replace('\n', sequence),
        })
    }
}

/// Compile and render a registered template file.
pub fn render_file(source: SourceId, options: &FileOptions, scope: &Scope) -> Result<String, TemplateError> {
    TemplateFile::compile(source, options)?.render(scope)
}

fn apply_header(line: &str, options: &mut FileOptions) -> Result<(), String> {
    for pair in line.split(',') {
        if pair.trim().is_empty() {
            continue;
        }
        let Some((name, value)) = pair.split_once(':') else {
            return Err(format!(
                "Missing key-value separator `:` in the template's `#jinja2:` line: `{}`",
                pair.trim()
            ));
        };
        let (name, value) = (name.trim(), value.trim());
        let text = unquoted(value);
        let flag = || match value {
            "True" | "true" | "1" => Ok(true),
            "False" | "false" | "0" => Ok(false),
            _ => Err(format!("`{name}` in the template's `#jinja2:` line has to be True or False, not `{value}`")),
        };
        let syntax = &mut options.syntax;
        match name {
            "trim_blocks" => syntax.trim_blocks = flag()?,
            "lstrip_blocks" => syntax.lstrip_blocks = flag()?,
            "keep_trailing_newline" => syntax.keep_trailing_newline = flag()?,
            "block_start_string" => syntax.block_start = text,
            "block_end_string" => syntax.block_end = text,
            "variable_start_string" => syntax.variable_start = text,
            "variable_end_string" => syntax.variable_end = text,
            "comment_start_string" => syntax.comment_start = text,
            "comment_end_string" => syntax.comment_end = text,
            "line_statement_prefix" => syntax.line_statement_prefix = Some(text).filter(|text| !text.is_empty()),
            "line_comment_prefix" => syntax.line_comment_prefix = Some(text).filter(|text| !text.is_empty()),
            "newline_sequence" => options.newline_sequence = text,
            _ => return Err(format!("the template's `#jinja2:` line sets `{name}`, which is no such option")),
        }
    }
    Ok(())
}

fn unquoted(value: &str) -> String {
    let bare = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(value);
    bare.replace("\\n", "\n").replace("\\r", "\r").replace("\\t", "\t")
}
