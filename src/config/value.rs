//! A setting's value by its type, and where it came from.

use std::path::{Path, PathBuf};

use super::setting::{Entry, Kind};
use crate::source::{Diagnostic, Span, normalized};

/// A value of the setting's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Not set, and without a default.
    None,
    /// Of [`Kind::Bool`].
    Bool(bool),
    /// Of [`Kind::Int`].
    Int(i64),
    /// Of [`Kind::Float`].
    Float(f64),
    /// Of [`Kind::Text`] and [`Kind::Choice`].
    Text(String),
    /// Of [`Kind::List`].
    List(Vec<String>),
    /// Of [`Kind::Path`].
    Path(PathBuf),
    /// Of [`Kind::Paths`] and [`Kind::PathList`].
    Paths(Vec<PathBuf>),
}

impl Value {
    /// As JSON, for templates and listings.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::None => serde_json::Value::Null,
            Self::Bool(flag) => (*flag).into(),
            Self::Int(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Text(text) => text.as_str().into(),
            Self::List(words) => words.as_slice().into(),
            Self::Path(path) => path.display().to_string().into(),
            Self::Paths(paths) => paths.iter().map(|path| path.display().to_string()).collect(),
        }
    }
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table.
    Default,
    /// This environment variable.
    Environment(&'static str),
    /// This place in a file.
    File(Span),
    /// A flag of the command line.
    CommandLine,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Default => formatter.write_str("default"),
            Self::CommandLine => formatter.write_str("command line"),
            Self::Environment(name) => write!(formatter, "env: {name}"),
            Self::File(span) => write!(formatter, "{}:{}", span.file().path.display(), span.line),
        }
    }
}

/// What a value is read with.
pub(super) struct Surroundings<'a> {
    /// The current directory.
    pub(super) cwd: &'a Path,
    /// The user's home directory.
    pub(super) home: Option<&'a Path>,
    /// Ansible's own home directory (`ANSIBLE_HOME`).
    pub(super) ansible_home: &'a str,
    pub(super) env: &'a dyn Fn(&str) -> Option<String>,
}

impl Surroundings<'_> {
    /// The value that a text stands for.
    ///
    /// # Errors
    /// A diagnostic without a place: the text is none of the setting's type. With severity warning for a boolean, whose
    /// value is then false, as Ansible has it.
    pub(super) fn value(&self, entry: &Entry, text: &str, origin: &Origin) -> Result<Value, Diagnostic> {
        let text = match origin {
            Origin::File(_) => unquoted(text),
            Origin::Default | Origin::CommandLine | Origin::Environment(_) => text,
        };
        let invalid = |wanted: &str| {
            let complaint = |name: &str| Diagnostic::error(format!("`{name}` takes {wanted}, not `{text}`"));
            match origin {
                Origin::File(span) => {
                    let key = entry.ini.iter().filter_map(|place| place.split_once('.')).next_back();
                    complaint(key.map_or(entry.name, |(_, key)| key)).at(*span)
                }
                Origin::Environment(name) => complaint(name).cause("it is set in the environment"),
                Origin::Default | Origin::CommandLine => complaint(entry.name),
            }
        };
        Ok(match entry.kind {
            Kind::Bool => match text.trim().to_lowercase().as_str() {
                "y" | "yes" | "on" | "1" | "true" | "t" | "1.0" => Value::Bool(true),
                "n" | "no" | "off" | "0" | "false" | "f" | "0.0" => Value::Bool(false),
                "" | "none" => Value::Bool(false),
                _ => return Err(invalid("a boolean").hint("write `true` or `false`")),
            },
            Kind::Int => match text.trim() {
                "" | "None" => Value::None,
                number => number
                    .parse()
                    .ok()
                    .or_else(|| {
                        number.parse::<f64>().ok().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i64)
                    })
                    .map(Value::Int)
                    .ok_or_else(|| invalid("an integer"))?,
            },
            Kind::Float => text.trim().parse().map(Value::Float).map_err(|_| invalid("a number"))?,
            Kind::Text => Value::Text(self.expanded(text)),
            Kind::Choice(choices) if choices.contains(&text) => Value::Text(text.to_owned()),
            Kind::Choice(choices) => {
                return Err(
                    invalid(&format!("one of {}", choices.join(", "))).did_you_mean(text, choices.iter().copied())
                );
            }
            Kind::List => Value::List(words(text, ',').map(str::to_owned).collect()),
            Kind::Path if text.is_empty() => Value::None,
            Kind::Path => Value::Path(self.path(text, origin)),
            Kind::Paths => Value::Paths(words(text, ':').map(|path| self.path(path, origin)).collect()),
            Kind::PathList => Value::Paths(words(text, ',').map(|path| self.path(path, origin)).collect()),
        })
    }

    fn expanded(&self, text: &str) -> String {
        text.replace("{{ANSIBLE_HOME}}", self.ansible_home)
            .replace("{{ ANSIBLE_HOME }}", self.ansible_home)
            .replace("{{CWD}}", &self.cwd.display().to_string())
    }

    /// An absolute path: `~`, `$NAME` and `{{CWD}}` expanded, relative to the directory of the file that sets it.
    pub(super) fn path(&self, text: &str, origin: &Origin) -> PathBuf {
        let text = self.variables(&self.expanded(text.trim()));
        let path = match (text.strip_prefix('~'), self.home) {
            (Some(""), Some(home)) => home.to_owned(),
            (Some(rest), Some(home)) if rest.starts_with('/') => home.join(rest.trim_start_matches('/')),
            _ => PathBuf::from(&text),
        };
        let base = match origin {
            Origin::File(span) => span.file().path.parent().map_or_else(|| self.cwd.to_owned(), Path::to_owned),
            Origin::Default | Origin::CommandLine | Origin::Environment(_) => self.cwd.to_owned(),
        };
        normalized(&self.cwd.join(base).join(path))
    }

    /// `$NAME` and `${NAME}` by the environment; unknown ones stay.
    fn variables(&self, text: &str) -> String {
        let mut output = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            output.push_str(before);
            let (name, used) = match after.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
                Some((name, _)) => (name, name.len() + 2),
                None => {
                    let end = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
                    (after.get(..end).unwrap_or(""), end)
                }
            };
            match (self.env)(name).filter(|_| !name.is_empty()) {
                Some(value) => output.push_str(&value),
                None => {
                    output.push('$');
                    output.push_str(after.get(..used).unwrap_or(""));
                }
            }
            rest = after.get(used..).unwrap_or("");
        }
        output.push_str(rest);
        output
    }
}

fn words(text: &str, separator: char) -> impl Iterator<Item = &str> {
    text.split(separator).map(str::trim).filter(|word| !word.is_empty())
}

fn unquoted(text: &str) -> &str {
    ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote)).unwrap_or(text)
}
