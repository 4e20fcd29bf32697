//! Shell patterns as Python's `fnmatch` reads them: `*`, `?`, `[abc]`, `[!abc]`; `*` stands for `/` as well.

use std::path::Path;

/// A shell pattern that names are held against as a whole.
#[derive(Clone, Debug)]
pub struct ShellPattern(glob::Pattern);

const OPTIONS: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: false, require_literal_leading_dot: false };

impl ShellPattern {
    /// Any text is a pattern: a bracket that is not closed stands for itself.
    pub fn new(text: &str) -> Self {
        let mut plain = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(character) = rest.chars().next() {
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
            match character {
                // Several in a row are one; the glob crate gives them a meaning of their own.
                '*' if plain.ends_with('*') => {}
                '[' => match set_length(rest).and_then(|length| rest.split_at_checked(length)) {
                    Some((set, after)) => {
                        plain.push('[');
                        plain.push_str(set);
                        rest = after;
                    }
                    None => plain.push_str("[[]"),
                },
                other => plain.push(other),
            }
        }
        Self(glob::Pattern::new(&plain).unwrap_or_else(|_| {
            // What the glob crate still refuses is taken word by word.
            glob::Pattern::new(&glob::Pattern::escape(text)).unwrap_or_default()
        }))
    }

    /// The whole name fits.
    pub fn is_match(&self, name: &str) -> bool {
        self.0.matches_with(name, OPTIONS)
    }

    /// The whole path fits, as text.
    pub fn is_path_match(&self, path: &Path) -> bool {
        self.is_match(&path.to_string_lossy())
    }
}

/// The text has a character that makes it more than a name.
pub fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '['])
}

/// Whether a path, or anything that matches it as a glob, exists.
pub fn any_exists(pattern: &Path, base: Option<&Path>) -> bool {
    let full = match base {
        Some(base) => base.join(pattern),
        None => pattern.to_owned(),
    };
    let text = full.to_string_lossy();
    if !is_pattern(&text) {
        return full.symlink_metadata().is_ok();
    }
    glob::glob(&text).is_ok_and(|mut paths| paths.any(|path| path.is_ok()))
}

/// Bytes up to and with the bracket that closes a set, behind the one that opens it. A bracket that comes first is a
/// member of the set.
fn set_length(rest: &str) -> Option<usize> {
    let members = rest.strip_prefix('!').unwrap_or(rest);
    let first = members.chars().next()?.len_utf8();
    let end = members.get(first..)?.find(']')?;
    Some(rest.len() - members.len() + first + end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_python() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", ".conf", true),
            ("*.conf", "d/a.conf", true),
            ("*.conf", "a.conf.d", false),
            ("a**b", "axxb", true),
            ("**", "a/b", true),
            ("a/**/b", "a/b", false),
            ("a/**/b", "a/x/b", true),
            ("?.log", "a.log", true),
            ("?.log", "ab.log", false),
            ("[abc]x", "bx", true),
            ("[!abc]x", "bx", false),
            ("[!abc]x", "dx", true),
            ("[]]", "]", true),
            ("[!]]", "]", false),
            ("[a-c]", "b", true),
            ("[", "[", true),
            ("a[b", "a[b", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("a\\*", "a\\b", true),
            ("[*]*", "*a", true),
            ("A", "a", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(ShellPattern::new(pattern).is_match(name), expected, "{pattern} on {name}");
        }
    }
}
