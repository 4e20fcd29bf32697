//! Files and texts to trees.

use std::path::Path;
use std::sync::Arc;

use super::compose::Composer;
use super::event::with_final_newline;
use super::node::{Data, Node};
use crate::source::{Diagnostic, Diagnostics, SourceId, Span, register, register_secret};
use crate::vault::Keyring;

/// A document, and what is odd about it.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The value; `Null` if there is none.
    pub root: Node,
    /// Duplicate keys.
    pub warnings: Diagnostics,
}

/// Load a file that holds one document. `vault` opens it if it is encrypted; then no message quotes its lines.
///
/// # Errors
/// A diagnostic, if it can't be read or opened, is not UTF-8, is not YAML, or holds several documents.
pub fn load(path: &Path, vault: &Keyring) -> Result<Loaded, Diagnostic> {
    let (text, secret) = read(path, vault)?;
    let text: Arc<str> = Arc::from(text);
    let source = match secret {
        true => register_secret(path, Arc::clone(&text)),
        false => register(path, Arc::clone(&text)),
    };
    one_document(source, &text)
}

/// Parse a text as one document; `path` is what messages call it. The text becomes a registered source.
///
/// # Errors
/// A diagnostic, if it is not YAML or holds several documents.
pub fn parse(path: &Path, text: Arc<str>) -> Result<Loaded, Diagnostic> {
    one_document(register(path, Arc::clone(&text)), &text)
}

fn one_document(source: SourceId, text: &str) -> Result<Loaded, Diagnostic> {
    let prepared = with_final_newline(text);
    let mut composer = Composer::new(source, &prepared, prepared.len() != text.len());
    let root = match composer.document()? {
        Some((root, _)) => root,
        None => Node { data: Data::Null, span: Span::start_of(source) },
    };
    if let Some((_, span)) = composer.document()? {
        return Err(Diagnostic::error("expected a single document, but found another one")
            .at(span)
            .label("a second document begins here")
            .hint("remove the `---` that separates them, or split the file"));
    }
    Ok(Loaded { root, warnings: composer.warnings })
}

/// Parse a text as any number of documents; see [`parse`].
///
/// # Errors
/// A diagnostic, if it is not YAML.
pub fn parse_all(path: &Path, text: Arc<str>) -> Result<(Vec<Node>, Diagnostics), Diagnostic> {
    let source = register(path, Arc::clone(&text));
    let prepared = with_final_newline(&text);
    let mut composer = Composer::new(source, &prepared, prepared.len() != text.len());
    let mut documents = Vec::new();
    while let Some((root, _)) = composer.document()? {
        documents.push(root);
    }
    Ok((documents, composer.warnings))
}

/// A file's text, and whether it was encrypted.
fn read(path: &Path, vault: &Keyring) -> Result<(String, bool), Diagnostic> {
    let shown = path.display();
    let (bytes, secret) = vault.read(path).map_err(|error| {
        let diagnostic = Diagnostic::error(format!("could not read `{shown}`")).cause(error.to_string());
        match error.kind() {
            std::io::ErrorKind::NotFound => {
                diagnostic.hint("check the path; relative paths start in the current directory")
            }
            std::io::ErrorKind::PermissionDenied => diagnostic.hint("check its owner and mode"),
            _ => diagnostic,
        }
    })??;
    String::from_utf8(bytes).map(|text| (text, secret)).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let line = error.as_bytes().iter().take(valid).filter(|byte| **byte == b'\n').count() + 1;
        Diagnostic::error(format!("`{shown}` is not UTF-8"))
            .cause(format!("the first byte that is not is in line {line}"))
            .hint("YAML files are UTF-8: convert it, for example with `iconv`")
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn tree(text: &str) -> Node {
        parse(Path::new("t.yml"), Arc::from(text)).unwrap().root
    }

    fn failure(text: &str) -> Diagnostic {
        parse(Path::new("t.yml"), Arc::from(text)).unwrap_err()
    }

    fn string(node: &Node, key: &str) -> String {
        node.get(key).and_then(Node::as_str).unwrap().to_owned()
    }

    #[test]
    fn nothing_is_null() {
        assert!(tree("").is_null());
        assert!(tree("---\n").is_null());
        assert!(tree("# only a comment").is_null());
    }

    #[test]
    fn values_know_their_place() {
        let root = tree("a:\n  b: [x, yy]\n");
        let list = root.get("a").unwrap().get("b").unwrap();
        let item = &list.as_list().unwrap()[1];
        assert_eq!((item.span.line, item.span.column, item.span.length), (2, 10, 2));
        assert_eq!((list.span.column, list.span.length), (6, 7));
        let key = &root.get("a").unwrap().entry("b").unwrap().0;
        assert_eq!((key.span.line, key.span.column), (2, 3));
    }

    #[test]
    fn merged_keys_come_first_and_are_overridden() {
        let root = tree("base: &b {x: 1, y: 2}\nuse:\n  a: 0\n  <<: *b\n  y: 3\n");
        let used = root.get("use").unwrap();
        let keys: Vec<_> = used.as_map().unwrap().iter().map(|(key, _)| key.as_str().unwrap()).collect();
        assert_eq!(keys, ["x", "y", "a"]);
        assert_eq!(used.get("y").unwrap().data, Data::Int(3));
    }

    #[test]
    fn of_merged_dictionaries_the_first_wins() {
        let root = tree("a: &a {x: 1}\nb: &b {x: 2, y: 2}\nc:\n  <<: [*a, *b]\n");
        assert_eq!(root.get("c").unwrap().get("x").unwrap().data, Data::Int(1));
        assert_eq!(root.get("c").unwrap().get("y").unwrap().data, Data::Int(2));
    }

    #[test]
    fn the_last_of_duplicate_keys_counts_with_a_warning() {
        let loaded = parse(Path::new("t.yml"), Arc::from("a: 1\nb: 2\na: 3\n")).unwrap();
        assert_eq!(loaded.root.get("a").unwrap().data, Data::Int(3));
        let warning = &loaded.warnings[0];
        assert_eq!(warning.message, "found duplicate mapping key `a`");
        assert_eq!(warning.span.unwrap().line, 3);
    }

    #[test]
    fn ansible_s_tags_are_read() {
        let root = tree(
            "v: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\nu: !unsafe '{{ x }}'\nn: !unsafe 5\nl: !unsafe [a, 1]\n",
        );
        assert_eq!(root.get("v").unwrap().data, Data::Vault(Arc::from("$ANSIBLE_VAULT;1.1;AES256\n3132\n")));
        assert_eq!(root.get("u").unwrap().data, Data::Unsafe(Arc::from("{{ x }}")));
        assert_eq!(root.get("n").unwrap().data, Data::Int(5));
        assert_eq!(root.get("l").unwrap().as_list().unwrap()[0].data, Data::Unsafe(Arc::from("a")));
    }

    #[test]
    fn a_block_that_ends_with_the_file_has_no_newline_of_ours() {
        assert_eq!(string(&tree("a: |\n  x"), "a"), "x");
        assert_eq!(string(&tree("a: |\n  x\n"), "a"), "x\n");
        assert_eq!(string(&tree("a: |+\n  x"), "a"), "x");
        assert_eq!(string(&tree("a: |\n  x\n# end"), "a"), "x\n");
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..10 {
            let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
            text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
        }
        assert!(failure(&text).message.starts_with("aliases make this file grow"));
        assert!(failure("a: &a [*a]").message.contains("inside the value"));
        assert!(failure(&"[".repeat(10_000)).message.contains("nested deeper"));
    }

    #[test]
    fn what_makes_the_parser_panic_is_an_error() {
        for text in ["\"\\", "[!,", "a: |", "a: >-"] {
            let _ = parse(Path::new("t.yml"), Arc::from(text));
        }
        assert!(parse(Path::new("t.yml"), Arc::from("[!,")).is_err());
    }

    #[test]
    fn the_usual_mistakes_have_a_hint() {
        for (text, place, hint) in [
            ("a:\n\tb: 1\n", (2, 1), "indented with spaces"),
            ("a: {{ x }}/foo\n", (1, 4), "quote the whole value: `\"{{ x }}/foo\"`"),
            ("a: {{ x }}\n", (1, 4), "quote the whole value: `\"{{ x }}\"`"),
            ("{{ x }}: 1\n", (1, 1), "quote the whole value"),
            ("- msg: it says: no\n", (1, 15), "quote a value that has a colon"),
            ("a: 1\n  b: 2\n", (2, 4), "indented deeper"),
            ("a: \"x\" and y\n", (1, 8), "`'x and y'`"),
            ("a: 'x\nb: 2\n", (1, 4), "close the quote"),
            ("- a: 1\n   b: 2\n", (2, 5), "indented deeper"),
            ("a:\n  b: 1\n c: 2\n", (3, 2), "by 2 or 0"),
            ("a: @x\n", (1, 4), "can't begin with `@`"),
            ("a: *x\n", (1, 4), "must be quoted"),
            ("a: \"C:\\p\"\n", (1, 7), "backslash"),
            ("a: !foo x\n", (1, 4), "known tags"),
            ("a: \u{1}\n", (1, 4), "remove it"),
            ("a: 1\n---\nb: 1\n", (2, 1), "split the file"),
        ] {
            let error = failure(text);
            let span = error.span.unwrap();
            assert_eq!((span.line, span.column), place, "{text:?}: {error:?}");
            assert!(error.hints.iter().any(|given| given.contains(hint)), "{text:?}: {error:?}");
        }
    }

    #[test]
    fn a_missing_file_says_which() {
        let error = load(Path::new("/nowhere/x.yml"), &Keyring::default()).unwrap_err();
        assert_eq!(error.message, "could not read `/nowhere/x.yml`");
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"([-\[\]:=#'"a-c0-9 \\\n,{}?&*!|>%@\té]|: |- |\n  |<<: |!!|---){0,60}"#) {
            match parse(Path::new("t.yml"), Arc::from(text)) {
                Ok(loaded) => drop(loaded),
                Err(error) => drop(crate::source::render(&error, true)),
            }
        }
    }
}
