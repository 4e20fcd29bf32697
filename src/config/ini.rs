//! `ansible.cfg`'s syntax, as Python's configparser reads it without interpolation.

use std::path::Path;
use std::sync::Arc;

use crate::source::{Diagnostic, Span, register};

/// The entries of one file in their order.
#[derive(Debug, Default)]
pub(super) struct Ini {
    entries: Vec<Entry>,
    sections: Vec<(String, Span)>,
}

#[derive(Debug)]
struct Entry {
    section: String,
    /// In lower case.
    key: String,
    value: String,
    span: Span,
    indent: usize,
}

impl Ini {
    /// Parse a file's text; `path` is what messages call it.
    ///
    /// # Errors
    /// A line before the first section, one without `=`, or a key that is set twice.
    pub(super) fn parse(path: &Path, text: &Arc<str>) -> Result<Self, Diagnostic> {
        let source = register(path, Arc::clone(text));
        let mut entries: Vec<Entry> = Vec::new();
        let mut sections: Vec<(String, Span)> = Vec::new();
        let mut open = false;
        for (number, raw) in (1..).zip(text.trim_start_matches('\u{feff}').lines()) {
            let line = without_comment(raw);
            let content = line.trim();
            let indent = line.len() - line.trim_start().len();
            let column = u32::try_from(raw.chars().take_while(|c| c.is_whitespace()).count()).unwrap_or(0) + 1;
            let length = u32::try_from(content.chars().count()).unwrap_or(1).max(1);
            let span = Span { source, line: number, column, length };
            if content.is_empty() {
                continue;
            }
            if open
                && let Some(entry) = entries.last_mut()
                && indent > entry.indent
            {
                entry.value.push('\n');
                entry.value.push_str(content);
                continue;
            }
            if let Some(rest) = content.strip_prefix('[')
                && let Some((name, _)) = rest.split_once(']')
            {
                sections.push((name.to_owned(), span));
                open = false;
                continue;
            }
            let Some((section, _)) = sections.last() else {
                return Err(Diagnostic::error("a setting stands before the first section")
                    .at(span)
                    .hint("begin the file with a section, for example `[defaults]`"));
            };
            let Some(split) = content.find(['=', ':']) else {
                return Err(Diagnostic::error("expected `key = value` or `[section]`").at(span));
            };
            let (key, value) = content.split_at(split);
            let key = key.trim().to_lowercase();
            if let Some(earlier) = entries.iter().find(|entry| entry.section == *section && entry.key == key) {
                return Err(Diagnostic::error(format!("`{key}` is set twice in `[{section}]`"))
                    .at(span)
                    .cause(format!("it is already set at {}", earlier.span))
                    .hint("remove one of the two"));
            }
            let value = value.get(1..).unwrap_or("").trim().to_owned();
            entries.push(Entry { section: section.clone(), key, value, span, indent });
            open = true;
        }
        Ok(Self { entries, sections })
    }

    /// The names of the sections in their order, and their places.
    pub(super) fn sections(&self) -> impl Iterator<Item = (&str, Span)> {
        self.sections.iter().map(|(name, span)| (name.as_str(), *span))
    }

    /// The keys of a section in their order, and their places.
    pub(super) fn keys(&self, section: &str) -> impl Iterator<Item = (&str, Span)> {
        let entries = self.entries.iter().filter(move |entry| entry.section == section);
        entries.map(|entry| (entry.key.as_str(), entry.span))
    }

    /// A key's value and place.
    pub(super) fn value(&self, section: &str, key: &str) -> Option<(&str, Span)> {
        let key = key.to_lowercase();
        self.entries
            .iter()
            .find(|entry| entry.section == section && entry.key == key)
            .map(|entry| (entry.value.as_str(), entry.span))
    }
}

/// The line without a comment: whole lines by `#` or `;`, the rest of a line by ` ;`.
fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with(['#', ';']) {
        return "";
    }
    let comment =
        line.char_indices().zip(line.chars().skip(1)).find(|((_, c), next)| c.is_whitespace() && *next == ';');
    match comment {
        Some(((at, _), _)) => line.get(..at).unwrap_or(line),
        None => line,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Ini, Diagnostic> {
        Ini::parse(Path::new("ansible.cfg"), &Arc::from(text))
    }

    #[test]
    fn values_are_read_as_configparser_reads_them() {
        let ini = parsed(
            "# c\n[defaults]\nForks = 10 ; many\nroles_path: a:b\n; c\ncolor = #fff\nlong = one\n  two\n\n  three\n\
             [ssh_connection]\nssh_args = -o A=b -o C=%h\nempty =\n",
        )
        .unwrap();
        let value = |section, key| ini.value(section, key).map(|(value, _)| value);
        assert_eq!(value("defaults", "forks"), Some("10"));
        assert_eq!(value("defaults", "roles_path"), Some("a:b"));
        assert_eq!(value("defaults", "color"), Some("#fff"));
        assert_eq!(value("defaults", "long"), Some("one\ntwo\nthree"));
        assert_eq!(value("ssh_connection", "ssh_args"), Some("-o A=b -o C=%h"));
        assert_eq!(value("ssh_connection", "empty"), Some(""));
        assert_eq!(value("defaults", "ssh_args"), None);
        assert_eq!(ini.value("defaults", "forks").unwrap().1.line, 3);
    }

    #[test]
    fn mistakes_name_their_line() {
        for (text, line) in [("forks=1\n", 1), ("[defaults]\nforks\n", 2), ("[defaults]\na=1\na=2\n", 3)] {
            assert_eq!(parsed(text).unwrap_err().span.unwrap().line, line, "{text}");
        }
    }
}
