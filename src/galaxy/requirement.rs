//! One role or collection as it is asked for, on the command line or in a file.

use std::path::{Path, PathBuf};

use crate::source::{Diagnostic, Span};

/// A role that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleRequirement {
    /// The name that it will have, which is that of its directory.
    pub name: String,
    /// Where it comes from.
    pub source: RoleSource,
    /// Which version; empty where none is asked for.
    pub version: String,
    /// Where it is asked for, if in a file.
    pub span: Option<Span>,
}

/// Where a role comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoleSource {
    /// A git repository.
    Git(String),
    /// An archive that is to be downloaded.
    Url(String),
    /// An archive of this machine.
    Archive(PathBuf),
    /// A directory of this machine.
    Directory(PathBuf),
    /// A Galaxy server, by this name.
    Galaxy(String),
}

/// A collection that is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CollectionRequirement {
    /// Where it comes from.
    pub source: CollectionSource,
    /// What is asked of its version: a range, for git a branch, tag or commit; empty for anything.
    pub version: String,
    /// Where it is asked for, if in a file.
    pub span: Option<Span>,
}

/// Where a collection comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectionSource {
    /// A git repository, and a directory in it.
    Git {
        /// The repository.
        url: String,
        /// The directory, if not the repository itself.
        directory: Option<String>,
    },
    /// An archive that is to be downloaded.
    Url(String),
    /// An archive of this machine.
    Archive(PathBuf),
    /// A directory that holds the collection.
    Directory(PathBuf),
    /// A directory that holds collections' directories.
    Subdirectories(PathBuf),
    /// A Galaxy server, by the full name.
    Galaxy {
        /// `namespace.name`
        name: String,
        /// The server, where the requirement names one.
        server: Option<String>,
    },
}

impl CollectionSource {
    /// How messages call it.
    pub fn shown(&self) -> String {
        match self {
            Self::Git { url, directory: None } | Self::Url(url) => without_password(url),
            Self::Git { url, directory: Some(directory) } => format!("{}#/{directory}", without_password(url)),
            Self::Archive(path) | Self::Directory(path) | Self::Subdirectories(path) => path.display().to_string(),
            Self::Galaxy { name, .. } => name.clone(),
        }
    }
}

impl RoleRequirement {
    /// A role as the command line names it: `SOURCE[,VERSION[,NAME]]`.
    ///
    /// # Errors
    /// It is none, or comes from where nothing can be fetched.
    pub fn parse(text: &str, span: Option<Span>) -> Result<Self, Diagnostic> {
        let mut parts = text.split(',').map(str::trim);
        let source = parts.next().unwrap_or_default();
        let version = parts.next().unwrap_or_default();
        let name = parts.next().filter(|name| !name.is_empty());
        if let Some(more) = parts.next() {
            return Err(placed(Diagnostic::error(format!("there is too much in the role `{text}`")), span)
                .hint(format!("write `SOURCE,VERSION,NAME`, without `,{more}`")));
        }
        Self::new(source, None, version, name, span)
    }

    /// A role by its parts. Without a name it has that of its source.
    ///
    /// # Errors
    /// The name is none, or nothing can be fetched from there.
    pub fn new(
        source: &str,
        scm: Option<&str>,
        version: &str,
        name: Option<&str>,
        span: Option<Span>,
    ) -> Result<Self, Diagnostic> {
        if source.is_empty() {
            return Err(placed(Diagnostic::error("this role has neither a name nor a source"), span)
                .hint("say `src:` with a git URL, an archive or a path, or `name:` with a role's name on Galaxy"));
        }
        let name = name.map_or_else(|| last_part(source).to_owned(), str::to_owned);
        if !is_directory_name(&name) {
            let problem = Diagnostic::error(format!("`{name}` cannot be a role's name"));
            return Err(
                placed(problem, span).hint("give a name without `/` that does not begin with a dot, by `name:`")
            );
        }
        let source = RoleSource::of(source, scm).map_err(|problem| placed(problem, span))?;
        Ok(Self { name, source, version: version.to_owned(), span })
    }

    /// The role with its version, for messages.
    pub fn shown(&self) -> String {
        if self.version.is_empty() { self.name.clone() } else { format!("{} ({})", self.name, self.version) }
    }
}

impl RoleSource {
    fn of(text: &str, scm: Option<&str>) -> Result<Self, Diagnostic> {
        let (scm, text) = match (scm, text.split_once('+')) {
            (Some(scm), _) => (Some(scm), text.strip_prefix("git+").unwrap_or(text)),
            (None, Some((scm @ ("git" | "hg"), rest))) => (Some(scm), rest),
            _ => (None, text),
        };
        match scm {
            Some("git") => return Ok(Self::Git(text.to_owned())),
            Some("hg") => {
                return Err(Diagnostic::error("roles of Mercurial repositories cannot be installed")
                    .hint("make an archive of it with `hg archive ROLE.tar.gz`, and install that"));
            }
            Some(other) => {
                return Err(Diagnostic::error(format!("`{other}` is no kind of repository that roles come from"))
                    .hint("`scm` is `git`; leave it out for archives and paths"));
            }
            None => {}
        }
        if is_git_address(text) || is_github_page(text) {
            return Ok(Self::Git(text.to_owned()));
        }
        if let Some(path) = local_path(text)? {
            return Ok(if path.is_dir() { Self::Directory(path) } else { Self::Archive(path) });
        }
        Ok(if text.contains("://") { Self::Url(text.to_owned()) } else { Self::Galaxy(text.to_owned()) })
    }
}

impl CollectionRequirement {
    /// A collection as the command line names it: `NAMESPACE.NAME[:VERSION]`, a URL, `git+URL[#/DIRECTORY][,VERSION]`,
    /// an archive, or a directory.
    ///
    /// # Errors
    /// It is none of that.
    pub fn parse(text: &str, span: Option<Span>) -> Result<Self, Diagnostic> {
        if !text.contains('/') && !Path::new(text).exists() {
            let (name, version) = text.split_once(':').unwrap_or((text, ""));
            if is_collection_name(name) {
                return Self::new(Some(name), None, None, version, span);
            }
        }
        Self::new(Some(text), None, None, "", span)
    }

    /// A collection by its parts.
    ///
    /// # Errors
    /// They do not say where it comes from.
    pub fn new(
        name: Option<&str>,
        source: Option<&str>,
        kind: Option<&str>,
        version: &str,
        span: Option<Span>,
    ) -> Result<Self, Diagnostic> {
        let version = if version == "*" { "" } else { version };
        let named = name.filter(|name| is_collection_name(name) && !Path::new(name).is_dir());
        // The name of a collection with a concrete source says only what to expect there.
        let place = match (named, source) {
            (Some(_), Some(source)) if kind.is_some_and(|kind| kind != "galaxy") => Some(source),
            (Some(_), _) => None,
            (None, source) => source.or(name),
        };
        let result = match (place, kind, named) {
            (Some(place), kind, _) => Self::at(place, kind, version, span),
            (None, None | Some("galaxy"), Some(name)) => {
                let source = CollectionSource::Galaxy { name: name.to_owned(), server: source.map(str::to_owned) };
                Ok(Self { source, version: version.to_owned(), span })
            }
            (None, Some(kind), _) => {
                Err(Diagnostic::error(format!("a collection of the type `{kind}` needs a source"))
                    .hint("say `source:` with its URL or path"))
            }
            (None, ..) => Err(Diagnostic::error("this collection has neither a name nor a source")
                .hint("say `name: NAMESPACE.NAME`, or `source:` with a URL or a path")),
        };
        result.map_err(|problem| placed(problem, span))
    }

    fn at(place: &str, kind: Option<&str>, version: &str, span: Option<Span>) -> Result<Self, Diagnostic> {
        const KINDS: [&str; 6] = ["dir", "file", "galaxy", "git", "subdirs", "url"];
        let made = |source| Ok(Self { source, version: version.to_owned(), span });
        let path = || {
            local_path(place)?.ok_or_else(|| {
                Diagnostic::error(format!("there is nothing at `{place}`"))
                    .hint("paths begin in the directory where the command is run")
            })
        };
        match kind {
            Some("git") => return Self::git(place, version, span),
            Some("url") => return made(CollectionSource::Url(place.to_owned())),
            Some("file") => return made(CollectionSource::Archive(path()?)),
            Some("dir") => return made(CollectionSource::Directory(path()?)),
            Some("subdirs") => return made(CollectionSource::Subdirectories(path()?)),
            Some("galaxy") => {
                return Err(Diagnostic::error(format!("`{place}` is no collection's name"))
                    .hint("names on Galaxy are `NAMESPACE.NAME`, of letters, digits and `_`"));
            }
            Some(other) => {
                return Err(Diagnostic::error(format!("there is no type `{other}` of collections' sources"))
                    .did_you_mean(other, KINDS)
                    .hint(format!("the types are {}", KINDS.join(", "))));
            }
            None => {}
        }
        if place.starts_with("git+") || is_git_address(place) {
            return Self::git(place, version, span);
        }
        if let Some(path) = local_path(place)? {
            return made(match path {
                path if !path.is_dir() => CollectionSource::Archive(path),
                path if super::build::is_collection(&path) => CollectionSource::Directory(path),
                path => CollectionSource::Subdirectories(path),
            });
        }
        if place.starts_with("http://") || place.starts_with("https://") {
            return made(CollectionSource::Url(place.to_owned()));
        }
        Err(Diagnostic::error(format!("`{place}` is no collection: no name of one, no URL, and no file or directory"))
            .hint("names are `NAMESPACE.NAME`; repositories begin with `git+` or `git@`; paths begin in the present directory"))
    }

    fn git(place: &str, version: &str, span: Option<Span>) -> Result<Self, Diagnostic> {
        let place = place.strip_prefix("git+").unwrap_or(place);
        let (place, given) = place.rsplit_once(',').map_or((place, ""), |(place, version)| (place, version.trim()));
        let (url, directory) = place.split_once('#').map_or((place, None), |(url, part)| (url, Some(part)));
        let directory = directory.map(|part| part.trim_matches('/').to_owned()).filter(|part| !part.is_empty());
        if let Some(part) = &directory
            && Path::new(part).components().any(|part| !matches!(part, std::path::Component::Normal(_)))
        {
            return Err(Diagnostic::error(format!("`#/{part}` leads out of the repository"))
                .hint("behind `#/` stands a directory in the repository"));
        }
        let version = if version.is_empty() { given } else { version };
        let source = CollectionSource::Git { url: url.to_owned(), directory };
        Ok(Self { source, version: version.to_owned(), span })
    }
}

/// `namespace.name`, of letters, digits and `_`, not beginning with a digit.
pub fn is_collection_name(text: &str) -> bool {
    let word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    text.split_once('.').is_some_and(|(namespace, name)| word(namespace) && word(name))
}

/// A URL as messages may show it.
pub fn without_password(url: &str) -> String {
    match (rprov_modules::http::written_login(url), url.split_once("://"), url.split_once('@')) {
        (Some((user, _)), Some((scheme, _)), Some((_, rest))) => format!("{scheme}://{user}:********@{rest}"),
        _ => url.to_owned(),
    }
}

/// Whether a role may be called that: its directory has the name, and no other has.
pub fn is_directory_name(name: &str) -> bool {
    !name.is_empty() && !name.starts_with(['.', '-']) && !name.contains(['/', '\0', '\n'])
}

/// `git@host:path` and `ssh://...`, which nothing but git understands; and whatever ends in `.git`.
fn is_git_address(text: &str) -> bool {
    text.starts_with("git@")
        || text.starts_with("ssh://")
        || text.starts_with("git://")
        || (text.contains("://") && text.ends_with(".git"))
}

/// A repository's page on GitHub, which is its address too.
fn is_github_page(text: &str) -> bool {
    text.starts_with("http") && text.contains("github.com") && !text.ends_with(".tar.gz")
}

/// A file or directory of this machine, if that is what the text means.
fn local_path(text: &str) -> Result<Option<PathBuf>, Diagnostic> {
    let named = match text.strip_prefix("file://") {
        Some(path) => path,
        None if text.contains("://") => return Ok(None),
        None => text,
    };
    let path = rprov_modules::account::expand_path(named);
    if path.exists() {
        return Ok(Some(path));
    }
    let meant = text != named || named.starts_with(['.', '/', '~']);
    if meant || named.ends_with(".tar.gz") {
        return Err(Diagnostic::error(format!("there is nothing at `{named}`"))
            .hint("paths begin in the directory where the command is run"));
    }
    Ok(None)
}

/// What a source is called: the last part of its URL or path.
fn last_part(source: &str) -> &str {
    let source = source.trim_end_matches('/');
    let last = match source.rsplit('/').next() {
        Some(last) if last == source && source.contains('@') => source.rsplit(':').next().unwrap_or(last),
        last => last.unwrap_or(source),
    };
    [".git", ".tar.gz", ".tgz"].iter().find_map(|ending| last.strip_suffix(ending)).unwrap_or(last)
}

fn placed(problem: Diagnostic, span: Option<Span>) -> Diagnostic {
    match span {
        Some(span) if problem.span.is_none() => problem.at(span),
        _ => problem,
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn role(text: &str) -> RoleRequirement {
        RoleRequirement::parse(text, None).unwrap()
    }

    #[test]
    fn a_role_has_the_name_of_its_source() {
        for (text, name) in [
            ("git+https://example.org/a/web.git", "web"),
            ("git@example.org:web.git", "web"),
            ("git@example.org:a/web.git,v1", "web"),
            ("https://example.org/web.tar.gz", "web"),
            ("https://github.com/a/ansible-web", "ansible-web"),
            ("geerlingguy.docker", "geerlingguy.docker"),
            ("git+file:///a/b/,v1,other", "other"),
        ] {
            assert_eq!(role(text).name, name, "{text}");
        }
        assert_eq!(role("git@example.org:a/web.git,v1").version, "v1");
        assert_eq!(role("https://github.com/a/web").source, RoleSource::Git("https://github.com/a/web".to_owned()));
        assert!(matches!(role("https://github.com/a/web.tar.gz").source, RoleSource::Url(_)));
    }

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for text in ["git+file:///a,v1,../b", "git+file:///a,v1,/b", "git+file:///a,,.b", "hg+file:///a", "a,b,c,d", ""]
        {
            assert!(RoleRequirement::parse(text, None).is_err(), "{text}");
        }
    }

    #[test]
    fn a_repository_of_collections_has_a_directory_and_a_version() {
        let collection = CollectionRequirement::parse("git+https://example.org/a.git#/sub/one,v2", None).unwrap();
        let source = CollectionSource::Git {
            url: "https://example.org/a.git".to_owned(),
            directory: Some("sub/one".to_owned()),
        };
        assert_eq!((collection.source, collection.version.as_str()), (source, "v2"));
        assert!(CollectionRequirement::parse("git+https://example.org/a.git#/../b", None).is_err());
        let named = CollectionRequirement::parse("my.one:>=1.2", None).unwrap();
        assert_eq!(named.source, CollectionSource::Galaxy { name: "my.one".to_owned(), server: None });
        assert_eq!(named.version, ">=1.2");
    }

    #[test]
    fn a_password_in_a_url_is_not_shown() {
        assert_eq!(without_password("https://me:secret@host/x"), "https://me:********@host/x");
        assert_eq!(without_password("https://host/x"), "https://host/x");
    }
}
