//! Requirements files: a list of roles, or a dictionary of roles and collections.

use std::path::{Path, PathBuf};

use super::requirement::{CollectionRequirement, RoleRequirement};
use crate::source::{Diagnostic, Diagnostics, Span};
use crate::vault::Keyring;
use crate::yaml::{self, Data, Node};

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Roles, in order.
    pub roles: Vec<RoleRequirement>,
    /// Collections, in order.
    pub collections: Vec<CollectionRequirement>,
}

/// Read a requirements file. What is odd about it comes with it.
///
/// # Errors
/// All mistakes in it, each with its place.
pub fn read(path: &Path) -> Result<(Requirements, Diagnostics), Diagnostics> {
    let mut reader = Reader::default();
    reader.file(path, None);
    if reader.errors.is_empty() { Ok((reader.found, reader.warnings)) } else { Err(reader.errors) }
}

/// The roles in a list, as `dependencies` of a role has them. Entries that only name a role that is expected to be
/// there are left out.
///
/// # Errors
/// All mistakes in it, each with its place.
pub fn dependencies(list: &Node) -> Result<Vec<RoleRequirement>, Diagnostics> {
    let mut reader = Reader { parameters: true, ..Reader::default() };
    reader.roles(list);
    if !reader.errors.is_empty() {
        return Err(reader.errors);
    }
    Ok(reader.found.roles)
}

#[derive(Default)]
struct Reader {
    found: Requirements,
    warnings: Diagnostics,
    errors: Diagnostics,
    /// Unknown keys are parameters of a role.
    parameters: bool,
    /// The files that are being read, each included by the one before.
    within: Vec<PathBuf>,
}

impl Reader {
    fn file(&mut self, path: &Path, from: Option<Span>) {
        let root = match load(path, from) {
            Ok((root, warnings)) => {
                self.warnings.extend(warnings);
                root
            }
            Err(problem) => return self.errors.push(problem),
        };
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if self.within.contains(&real) {
            return self.errors.push(
                Diagnostic::error(format!("`{}` includes itself", path.display()))
                    .at(from.unwrap_or(root.span))
                    .hint("take one of the `include` away, so that the circle is broken"),
            );
        }
        self.within.push(real);
        self.content(path, &root);
        self.within.pop();
    }

    fn content(&mut self, path: &Path, root: &Node) {
        match &root.data {
            Data::Null => self.errors.push(
                Diagnostic::error(format!("no requirements in `{}`", path.display()))
                    .hint("write a list of roles, or `roles:` and `collections:`, each with a list"),
            ),
            Data::List(_) => self.roles(root),
            Data::Map(entries) => {
                for (key, value) in entries {
                    match key.as_str() {
                        Some("roles") => self.roles(value),
                        Some("collections") => self.collections(value),
                        _ => {
                            let name = key.as_str().unwrap_or_default();
                            self.errors.push(
                                Diagnostic::error(format!("unknown key `{name}` of a requirements file"))
                                    .at(key.span)
                                    .did_you_mean(name, ["roles", "collections"])
                                    .hint("there are `roles` and `collections`"),
                            );
                        }
                    }
                }
            }
            _ => self.errors.push(
                Diagnostic::error(format!(
                    "a requirements file holds a list or a dictionary, this is {}",
                    root.describe()
                ))
                .at(root.span),
            ),
        }
    }

    /// The entries of a list; that it is none is told.
    fn entries<'a>(&mut self, list: &'a Node, what: &str) -> &'a [Node] {
        if let (None, false) = (list.as_list(), list.is_null()) {
            self.errors.push(
                Diagnostic::error(format!("{what} are a list, this is {}", list.describe()))
                    .at(list.span)
                    .hint("begin each entry with `- `"),
            );
        }
        list.as_list().unwrap_or_default()
    }

    fn roles(&mut self, list: &Node) {
        for entry in self.entries(list, "roles") {
            if let Some(include) = entry.get("include") {
                let Some(path) = self.text(include, "include") else { continue };
                self.file(Path::new(&path), Some(include.span));
                continue;
            }
            match self.role(entry) {
                Ok(Some(role)) => self.found.roles.push(role),
                Ok(None) => {}
                Err(problem) => self.errors.push(problem),
            }
        }
    }

    fn role(&mut self, entry: &Node) -> Result<Option<RoleRequirement>, Diagnostic> {
        let span = entry.span;
        // A dependency without any sign of where it comes from is expected to be there.
        let at_hand = |source: &str| self.parameters && !source.contains(['.', '/', ':', '+']);
        if let Some(text) = entry.as_str() {
            return if at_hand(text) { Ok(None) } else { RoleRequirement::parse(text, Some(span)).map(Some) };
        }
        if entry.as_map().is_none() {
            let what = format!("a role is a name, a source or a dictionary, not {}", entry.describe());
            return Err(Diagnostic::error(what).at(span).hint("write `- src: URL`, with `version:` and `name:` below"));
        }
        let at_hand = |entry: &Node| {
            let name = ["src", "role", "name"].iter().find_map(|key| entry.get(key)?.as_str()).unwrap_or_default();
            self.parameters && entry.get("scm").is_none() && !name.contains(['.', '/', ':', '+'])
        };
        if at_hand(entry) {
            return Ok(None);
        }
        self.known_keys(entry, &["name", "role", "scm", "src", "version"]);
        let mut of = |key: &str| entry.get(key).and_then(|node| self.text(node, key));
        let (src, role, name, scm, version) = (of("src"), of("role"), of("name"), of("scm"), of("version"));
        // The old form has all of it in one word.
        if let Some(text) = role.as_deref().filter(|text| src.is_none() && text.contains(',')) {
            return RoleRequirement::parse(text, Some(span)).map(Some);
        }
        let name = name.or(role);
        let source = src.as_deref().or(name.as_deref()).unwrap_or_default();
        let (source, rest) = source.split_once(',').map_or((source, ""), |(source, rest)| (source, rest));
        let version = version.unwrap_or_else(|| rest.split(',').next().unwrap_or_default().trim().to_owned());
        // A name without a source is what Galaxy calls it.
        let name = name.as_deref().filter(|_| src.is_some());
        let place = entry.get("src").map_or(span, |node| node.span);
        RoleRequirement::new(source, scm.as_deref(), &version, name, Some(place)).map(Some)
    }

    fn collections(&mut self, list: &Node) {
        for entry in self.entries(list, "collections") {
            let collection = match (entry.as_str(), entry.as_map()) {
                (Some(text), _) => CollectionRequirement::parse(text, Some(entry.span)),
                (None, Some(_)) => {
                    self.known_keys(entry, &["name", "signatures", "source", "type", "version"]);
                    let mut of = |key: &str| entry.get(key).and_then(|node| self.text(node, key));
                    let (name, source, kind, version) = (of("name"), of("source"), of("type"), of("version"));
                    if entry.get("signatures").is_some_and(|node| !node.is_null()) {
                        self.warnings.push(
                            Diagnostic::warning("signatures of collections are not checked")
                                .at(entry.span)
                                .hint("checksums are; `ansible-galaxy collection verify` checks signatures"),
                        );
                    }
                    CollectionRequirement::new(
                        name.as_deref(),
                        source.as_deref(),
                        kind.as_deref(),
                        version.as_deref().unwrap_or_default(),
                        Some(entry.span),
                    )
                }
                (None, None) => {
                    let what = format!("a collection is a name, a source or a dictionary, not {}", entry.describe());
                    Err(Diagnostic::error(what).at(entry.span).hint("write `- name: NAMESPACE.NAME`"))
                }
            };
            match collection {
                Ok(collection) => self.found.collections.push(collection),
                Err(problem) => self.errors.push(problem),
            }
        }
    }

    /// Text, or what can be written as such: a version that looks like a number is as it was written only in quotes.
    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        match &node.data {
            Data::Null => None,
            Data::Int(number) => Some(number.to_string()),
            Data::Float(_) => {
                // `1.10` is another version than `1.1`.
                let file = node.span.file();
                let line = file.quotable().lines().nth(node.span.line.saturating_sub(1) as usize).unwrap_or_default();
                let word: String = line.chars().skip(node.span.column.saturating_sub(1) as usize).collect();
                word.split([' ', ',', '}', '#']).next().map(str::to_owned)
            }
            _ => match node.as_str() {
                Some(text) => Some(text.trim().to_owned()),
                None => {
                    self.errors.push(
                        Diagnostic::error(format!("`{key}` takes text, this is {}", node.describe())).at(node.span),
                    );
                    None
                }
            },
        }
    }

    fn known_keys(&mut self, entry: &Node, known: &[&str]) {
        if self.parameters {
            return;
        }
        for (key, _) in entry.as_map().unwrap_or_default() {
            let name = key.as_str().unwrap_or_default();
            if !known.contains(&name) {
                self.warnings.push(
                    Diagnostic::warning(format!("the key `{name}` means nothing here"))
                        .at(key.span)
                        .did_you_mean(name, known.iter().copied())
                        .hint(format!("there are {}", known.join(", "))),
                );
            }
        }
    }
}

fn load(path: &Path, from: Option<Span>) -> Result<(Node, Diagnostics), Diagnostic> {
    if !path.is_file() {
        let mut problem = Diagnostic::absent(format!("there is no requirements file `{}`", path.display()));
        problem.span = from;
        return Err(problem.hint("check the path; relative paths start in the current directory"));
    }
    let loaded = yaml::load(path, &Keyring::default())?;
    Ok((loaded.root, loaded.warnings))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::galaxy::requirement::{CollectionSource, RoleSource};

    fn read_text(text: &str) -> Result<(Requirements, Diagnostics), Diagnostics> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("requirements.yml");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn a_list_holds_roles_in_every_form() {
        let text = "- src: https://example.org/web.git\n  scm: git\n  version: 1.10\n  name: web\n- git+https://example.org/b,v2,c\n- name: geerlingguy.docker\n  version: '4.0'\n- role: a.b,1.0,d\n";
        let (found, warnings) = read_text(text).unwrap();
        assert!(warnings.is_empty(), "{warnings:?}");
        let shown: Vec<(&str, &str)> =
            found.roles.iter().map(|role| (role.name.as_str(), role.version.as_str())).collect();
        assert_eq!(shown, [("web", "1.10"), ("c", "v2"), ("geerlingguy.docker", "4.0"), ("d", "1.0")]);
        assert_eq!(found.roles[0].source, RoleSource::Git("https://example.org/web.git".to_owned()));
        assert_eq!(found.roles[2].source, RoleSource::Galaxy("geerlingguy.docker".to_owned()));
    }

    #[test]
    fn a_dictionary_holds_both() {
        let text = "roles: []\ncollections:\n- my.one\n- {name: my.two, version: '>=1', source: https://galaxy.example.org}\n- {name: https://example.org/x, type: git, version: main}\n- {name: my.three, source: https://example.org/x, type: git}\n- {source: https://example.org/x-1.tar.gz}\n";
        let (found, _) = read_text(text).unwrap();
        let sources: Vec<CollectionSource> = found.collections.into_iter().map(|wanted| wanted.source).collect();
        let git = CollectionSource::Git { url: "https://example.org/x".to_owned(), directory: None };
        let galaxy = |name: &str, server: Option<&str>| CollectionSource::Galaxy {
            name: name.to_owned(),
            server: server.map(str::to_owned),
        };
        assert_eq!(
            sources,
            [
                galaxy("my.one", None),
                galaxy("my.two", Some("https://galaxy.example.org")),
                git.clone(),
                git,
                CollectionSource::Url("https://example.org/x-1.tar.gz".to_owned()),
            ]
        );
    }

    #[test]
    fn mistakes_have_their_lines() {
        for (text, line, words) in [
            ("rols: []\n", 1, "unknown key `rols`"),
            ("roles: 3\n", 1, "roles are a list"),
            ("- src: git+file:///x\n- version: 3\n", 2, "neither a name nor a source"),
            ("- src: hg+file:///x\n", 1, "Mercurial"),
            ("collections:\n- name: a.b\n- name: ./none\n  type: dir\n", 3, "there is nothing at `./none`"),
            ("collections:\n- source: x\n  type: tar\n", 2, "there is no type `tar`"),
            ("- include: none.yml\n", 1, "there is no requirements file"),
        ] {
            let problems = read_text(text).unwrap_err();
            assert_eq!(problems.len(), 1, "{text}: {problems:?}");
            assert!(problems[0].message.contains(words), "{text}: {problems:?}");
            assert_eq!(problems[0].span.unwrap().line, line, "{text}: {problems:?}");
        }
    }

    #[test]
    fn a_file_that_includes_itself_is_told_once_for_each_place() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("requirements.yml");
        std::fs::write(&path, format!("- include: {}\n", path.display()).repeat(40)).unwrap();
        let problems = read(&path).unwrap_err();
        assert_eq!(problems.len(), 40);
        assert!(problems.iter().all(|problem| problem.message.contains("includes itself")), "{problems:?}");
    }

    #[test]
    fn dependencies_without_a_source_are_expected_to_be_there() {
        let text = "- common\n- role: base\n  port: 80\n- src: git+https://example.org/web\n- {role: a.b}\n";
        let root = yaml::parse(Path::new("meta/main.yml"), text.into()).unwrap().root;
        let names: Vec<String> = dependencies(&root).unwrap().into_iter().map(|role| role.name).collect();
        assert_eq!(names, ["web", "a.b"]);
    }
}
