//! What a Python file imports, as far as its text tells.
//!
//! No parser of Python: strings and comments are passed over, lines that belong together are joined, and the statements
//! `import` and `from ... import` are read wherever they stand.

/// One name that is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    /// The module, from the top: `ansible.module_utils.basic`.
    pub(crate) module: Vec<String>,
    /// What is taken from it, which may be a module of its own: `AnsibleModule`, `*`. None for a plain `import`.
    pub(crate) name: Option<String>,
    /// It stands at the beginning of a line, where nothing catches its failure.
    pub(crate) needed: bool,
}

/// The imports of a file; `package` is what its relative imports begin at.
pub(crate) fn imports(source: &str, package: &[String]) -> Vec<Import> {
    let mut found = Vec::new();
    for line in logical_lines(source) {
        let needed = !line.starts_with([' ', '\t']);
        // `try: import a; import b`
        for statement in line.split([';', ':']).map(str::trim) {
            read(statement, package, needed, &mut found);
        }
    }
    found
}

fn read(statement: &str, package: &[String], needed: bool, found: &mut Vec<Import>) {
    let mut words = statement.splitn(2, char::is_whitespace);
    let (Some(keyword), Some(rest)) = (words.next(), words.next()) else { return };
    match keyword {
        "import" => {
            for item in rest.split(',') {
                let Some(path) = item.split_whitespace().next() else { continue };
                found.push(Import { module: parts(path), name: None, needed });
            }
        }
        "from" => {
            let rest = rest.trim_start();
            // `from ..a import b`, also as `from .. import b` and `from ..import b`.
            let Some((path, names)) = split_import(rest) else { return };
            let level = path.chars().take_while(|character| *character == '.').count();
            let mut module = match level {
                0 => Vec::new(),
                level => {
                    let Some(keep) = (package.len() + 1).checked_sub(level) else { return };
                    package.get(..keep).unwrap_or_default().to_vec()
                }
            };
            module.extend(parts(path.trim_start_matches('.')));
            let names = names.trim().trim_start_matches('(').trim_end_matches(')');
            for name in names.split(',').filter_map(|item| item.split_whitespace().next()) {
                found.push(Import { module: module.clone(), name: Some(name.to_owned()), needed });
            }
        }
        _ => {}
    }
}

/// Split what follows `from` at its `import`.
fn split_import(rest: &str) -> Option<(&str, &str)> {
    rest.match_indices("import").find_map(|(at, word)| {
        let (path, names) = (rest.get(..at)?, rest.get(at + word.len()..)?);
        let apart = path.ends_with(|character: char| character.is_whitespace() || character == '.');
        let names_apart = names.starts_with(|character: char| character.is_whitespace() || character == '(');
        (apart && names_apart).then_some((path.trim(), names))
    })
}

fn parts(path: &str) -> Vec<String> {
    path.split('.').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

/// Lines without strings and comments; what a bracket or a backslash joins is one line.
fn logical_lines(source: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut depth = 0_usize;
    let mut rest = source;
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..).unwrap_or_default();
        rest = match character {
            '#' => after.find('\n').and_then(|end| after.get(end..)).unwrap_or_default(),
            '\'' | '"' => {
                line.push('_');
                behind_string(rest, character)
            }
            '\\' => match after.strip_prefix("\r\n").or_else(|| after.strip_prefix('\n')) {
                Some(after) => {
                    line.push(' ');
                    after
                }
                None => after,
            },
            '\n' if depth == 0 => {
                lines.push(std::mem::take(&mut line));
                after
            }
            '\n' | '\r' => {
                line.push(' ');
                after
            }
            other => {
                match other {
                    '(' | '[' | '{' => depth += 1,
                    ')' | ']' | '}' => depth = depth.saturating_sub(1),
                    _ => {}
                }
                line.push(other);
                after
            }
        };
    }
    lines.push(line);
    lines
}

/// What follows the string that `text` begins with.
fn behind_string(text: &str, quote: char) -> &str {
    let triple = quote.to_string().repeat(3);
    let (end, mut rest) = match text.strip_prefix(&triple) {
        Some(rest) => (triple.as_str(), rest),
        None => (triple.get(..1).unwrap_or_default(), text.get(1..).unwrap_or_default()),
    };
    loop {
        if let Some(after) = rest.strip_prefix(end) {
            return after;
        }
        let mut characters = rest.chars();
        match characters.next() {
            // A string on one line ends with it, whatever was meant.
            None | Some('\n') if end.len() == 1 || rest.is_empty() => return rest,
            Some('\\') => {
                characters.next();
            }
            _ => {}
        }
        rest = characters.as_str();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(source: &str) -> Vec<String> {
        let package: Vec<String> = "ansible_collections.ns.col.plugins.modules".split('.').map(str::to_owned).collect();
        imports(source, &package)
            .into_iter()
            .map(|import| {
                let name = import.name.map(|name| format!(" {name}")).unwrap_or_default();
                format!("{}{}{name}", if import.needed { "" } else { "?" }, import.module.join("."))
            })
            .collect()
    }

    #[test]
    fn every_form_of_import_is_read() {
        assert_eq!(all("import os, a.b.c as d"), ["os", "a.b.c"]);
        assert_eq!(
            all("from ansible.module_utils.basic import AnsibleModule as M, env_fallback\n"),
            ["ansible.module_utils.basic AnsibleModule", "ansible.module_utils.basic env_fallback"]
        );
        assert_eq!(all("from x import (  # first\n    a,\n    b,\n)\nimport c"), ["x a", "x b", "c"]);
        assert_eq!(all("from x \\\n  import a"), ["x a"]);
        assert_eq!(all("from x import *"), ["x *"]);
    }

    #[test]
    fn relative_imports_begin_at_the_package() {
        assert_eq!(all("from ..module_utils.a import b"), ["ansible_collections.ns.col.plugins.module_utils.a b"]);
        assert_eq!(all("from .import b"), ["ansible_collections.ns.col.plugins.modules b"]);
        assert_eq!(all("from ......... import b"), Vec::<String>::new());
    }

    #[test]
    fn what_may_fail_is_told_apart() {
        assert_eq!(all("try:\n    import a\nexcept ImportError:\n\timport b\n"), ["?a", "?b"]);
        assert_eq!(all("try: import a; import b"), ["a", "b"]);
    }

    #[test]
    fn strings_and_comments_hold_no_imports() {
        assert_eq!(all("'''\nimport a\n'''\nx = \"import b\"  # import c\nimport d"), ["d"]);
        assert_eq!(all("r'\\''\nimport a"), ["a"]);
        assert_eq!(all("x = 'never closed\nimport a"), ["a"]);
        assert_eq!(all("\"\"\"never closed\nimport a"), Vec::<String>::new());
    }
}
