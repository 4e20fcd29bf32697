//! Modules of the user's own, as their files tell of them: `DOCUMENTATION`, `EXAMPLES` and `RETURN` of a program in Python,
//! or the same names in a YAML file beside a program in any other language.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Style, Subject};
use crate::action::Library;
use crate::config::Config;
use crate::source::Diagnostic;
use crate::template::{filter::serial::node_value, python, to_json};
use crate::yaml::{self, Node};

/// A module of the user's own.
pub(super) struct OwnModule {
    name: String,
    path: PathBuf,
    documentation: Map<String, Value>,
    examples: Option<String>,
    returns: Value,
}

/// Where modules of the user's own are looked for: `--module-path`, `library/`, the settings, collections.
pub(super) fn library(config: &Config, module_path: &[String], playbook_directory: Option<&str>) -> Arc<Library> {
    let library = Arc::new(Library::new(config, module_path));
    let directory = playbook_directory.map_or_else(|| PathBuf::from("."), rprov_modules::account::expand_path);
    library.add_playbook(&std::path::absolute(&directory).unwrap_or(directory));
    library
}

/// The one of this name; `None` where there is none.
///
/// # Errors
/// Its file cannot be read, or says nothing of it, or what is no YAML.
pub(super) fn find(name: &str, library: &Arc<Library>) -> Result<Option<OwnModule>, Diagnostic> {
    let Some(called) = library.resolve(name, &[]).called else { return Ok(None) };
    let Some(path) = &called.file else { return Ok(None) };
    let name = match name.contains('.') {
        true => called.full_name(),
        false => called.short.to_string(),
    };
    let pages = Pages::read(path)?;
    let missing = || {
        Diagnostic::error(format!("the module {name} ({}) has no documentation", path.display())).hint(
            "a program in Python tells of itself in `DOCUMENTATION = r'''...'''`; others in a file with their name and \
             the ending `.yml`, under the key `DOCUMENTATION`",
        )
    };
    let documentation = match pages.documentation.map(|node| value(&node)) {
        Some(Value::Object(entries)) => entries,
        _ => return Err(missing()),
    };
    let returns = pages.returns.map_or(Value::Null, |node| value(&node));
    Ok(Some(OwnModule { name, path: path.clone(), documentation, examples: pages.examples, returns }))
}

/// A document as data.
pub(super) fn value(node: &Node) -> Value {
    to_json(&node_value(node)).unwrap_or_default()
}

/// What a module's file, or the one beside it, says.
#[derive(Default)]
struct Pages {
    documentation: Option<Node>,
    examples: Option<String>,
    returns: Option<Node>,
}

impl Pages {
    fn read(path: &Path) -> Result<Self, Diagnostic> {
        let unread = |path: &Path, error: std::io::Error| {
            Diagnostic::error(format!("could not read {}", path.display())).cause(error.to_string())
        };
        for ending in ["yml", "yaml"] {
            let beside = path.with_extension(ending);
            if beside.is_file() {
                let text = std::fs::read_to_string(&beside).map_err(|error| unread(&beside, error))?;
                let root = yaml::parse(&beside, text.into())?.root;
                let examples = root.get("EXAMPLES").and_then(Node::as_str).map(str::to_owned);
                return Ok(Self {
                    documentation: root.get("DOCUMENTATION").cloned(),
                    examples,
                    returns: root.get("RETURN").cloned(),
                });
            }
        }
        let bytes = std::fs::read(path).map_err(|error| unread(path, error))?;
        let Ok(source) = String::from_utf8(bytes) else { return Ok(Self::default()) };
        let page = |name: &str| -> Result<Option<Node>, Diagnostic> {
            assigned(&source, name).map(|text| Ok(yaml::parse(path, text.into())?.root)).transpose()
        };
        Ok(Self {
            documentation: page("DOCUMENTATION")?,
            examples: assigned(&source, "EXAMPLES"),
            returns: page("RETURN")?,
        })
    }
}

/// The text in three quotes that a program in Python gives a name.
fn assigned(source: &str, name: &str) -> Option<String> {
    let mut rest = source;
    loop {
        let at = rest.find(name)?;
        let starts_line = rest.get(..at)?.rsplit('\n').next().is_none_or(str::is_empty);
        rest = rest.get(at + name.len()..)?;
        let Some(value) = rest.trim_start().strip_prefix('=').filter(|_| starts_line) else { continue };
        let value = value.trim_start().trim_start_matches(['r', 'R', 'u', 'U']);
        let quote = ["'''", "\"\"\""].into_iter().find(|quote| value.starts_with(quote))?;
        return value.get(quote.len()..)?.split(quote).next().map(str::to_owned);
    }
}

/// The paragraphs of a description, without Ansible's marks.
pub(super) fn paragraphs(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::Array(items)) => items.iter().map(|item| unmarked(&shown(item))).collect(),
        Some(Value::Null) | None => Vec::new(),
        Some(item) => vec![unmarked(&shown(item))],
    }
}

/// A value as people write it.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => python::to_text(&crate::template::from_json(other)).unwrap_or_default(),
    }
}

/// `C(x)` and its kin as plain text.
fn unmarked(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let (before, inside) = rest.split_at(at);
        let mark = before.chars().next_back().filter(|mark| "BCEILMOPUV".contains(*mark));
        let alone = before.chars().rev().nth(1).is_none_or(|character| !character.is_alphanumeric());
        match (mark.filter(|_| alone), inside.get(1..).and_then(|inside| inside.split_once(')'))) {
            (Some(mark), Some((content, after))) => {
                out.push_str(before.strip_suffix(mark).unwrap_or(before));
                match (mark, content.split_once(',')) {
                    ('B', _) => out.push_str(&format!("*{content}*")),
                    ('L', Some((label, place))) => out.push_str(&format!("{label} <{}>", place.trim())),
                    ('M' | 'U' | 'P', _) => out.push_str(content),
                    _ => out.push_str(&format!("`{content}'")),
                }
                rest = after;
            }
            _ => {
                out.push_str(before);
                out.push('(');
                rest = inside.get(1..).unwrap_or_default();
            }
        }
    }
    out + rest
}

impl Subject for OwnModule {
    fn name(&self) -> String {
        self.name.clone()
    }

    fn summary(&self) -> String {
        paragraphs(self.documentation.get("short_description")).join(" ")
    }

    fn text(&self, style: &Style) -> String {
        let mut text = format!("> MODULE {} ({})\n\n", style.strong(&self.name), self.path.display());
        let mut description = paragraphs(self.documentation.get("description"));
        if description.is_empty() {
            description.push(self.summary());
        }
        for paragraph in description {
            text.push_str(&format!("  {}\n", style.wrapped(&paragraph, 2)));
        }
        if let Some(options) = self.documentation.get("options").and_then(Value::as_object)
            && !options.is_empty()
        {
            text.push_str(&format!("\n{} (= indicates it is required):\n", style.strong("OPTIONS")));
            options_text(&mut text, options, 0, style);
        }
        for name in ["requirements", "notes", "author"] {
            let lines = paragraphs(self.documentation.get(name));
            if !lines.is_empty() {
                text.push_str(&format!("\n{}:\n\n", style.strong(&name.to_uppercase())));
                for line in lines {
                    text.push_str(&format!("      * {}\n", style.wrapped(&line, 8)));
                }
            }
        }
        if let Some(examples) = &self.examples {
            text.push_str(&format!("\n{}:\n{}\n", style.strong("EXAMPLES"), examples.trim_end()));
        }
        if let Some(returns) = self.returns.as_object()
            && !returns.is_empty()
        {
            text.push_str(&format!("\n{}:\n", style.strong("RETURN VALUES")));
            options_text(&mut text, returns, 0, style);
        }
        text
    }

    fn json(&self) -> Value {
        let mut doc = self.documentation.clone();
        doc.insert("filename".to_owned(), json!(self.path.display().to_string()));
        doc.insert("plugin_name".to_owned(), json!(self.name));
        json!({ "doc": doc, "examples": self.examples, "metadata": null, "return": self.returns })
    }

    fn snippet(&self) -> Option<String> {
        let mut text = format!("- name: {}\n  {}:\n", json!(self.summary()), self.name);
        for (name, option) in self.documentation.get("options").and_then(Value::as_object).into_iter().flatten() {
            let required = if is_required(option) { "(required) " } else { "" };
            let doc = paragraphs(option.get("description")).join(" ");
            text.push_str(&format!("      {:<23} # {required}{doc}\n", format!("{name}:")));
        }
        Some(text)
    }
}

fn is_required(option: &Value) -> bool {
    option.get("required").and_then(Value::as_bool).unwrap_or_default()
}

/// Options with what is known of each, and theirs.
pub(super) fn options_text(text: &mut String, options: &Map<String, Value>, level: usize, style: &Style) {
    let margin = " ".repeat(level * 8);
    let mut sorted: Vec<(&String, &Value)> = options.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    for (name, option) in sorted {
        let mark = if is_required(option) { '=' } else { ' ' };
        let indent = margin.len() + 3 + name.len() + 2;
        let doc = style.wrapped(&paragraphs(option.get("description")).join("\n"), indent);
        text.push_str(&format!("\n{margin}{mark}  {}  {doc}\n", style.strong(name)));
        for (fact, value) in option.as_object().into_iter().flatten() {
            if matches!(fact.as_str(), "description" | "required" | "suboptions" | "contains" | "options") {
                continue;
            }
            let value = match value {
                Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
                other => shown(other),
            };
            text.push_str(&format!("{margin}        {fact}: {value}\n"));
        }
        // Options of options have this name in a role's specification.
        for inner in ["suboptions", "contains", "options"] {
            if let Some(inner) = option.get(inner).and_then(Value::as_object) {
                text.push_str(&format!("\n{margin}        {}:\n", style.strong("OPTIONS")));
                options_text(text, inner, level + 1, style);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_that_a_name_is_given_is_found() {
        let source = "# DOCUMENTATION = 1\nDOCUMENTATION = r\"\"\"\nmodule: x\n\"\"\"\nEXAMPLES='''a'''\nRETURN = 5\n";
        assert_eq!(assigned(source, "DOCUMENTATION").as_deref(), Some("\nmodule: x\n"));
        assert_eq!(assigned(source, "EXAMPLES").as_deref(), Some("a"));
        assert_eq!(assigned(source, "RETURN"), None);
    }

    #[test]
    fn marks_become_plain_text() {
        assert_eq!(
            unmarked("Use C(a) with B(care), M(ping) or L(this,https://x.test); f(x) and CI(y) stay (so does this)."),
            "Use `a' with *care*, ping or this <https://x.test>; f(x) and CI(y) stay (so does this)."
        );
    }
}
