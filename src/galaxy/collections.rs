//! Installing collections, each with those that it needs.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::collection::{Collection, place_of, root_of};
use super::fetch::{self, Way};
use super::place::{self, Staging};
use super::requirement::{CollectionRequirement, CollectionSource};
use super::server::{Release, Server};
use super::version::Range;
use super::{build, git, unpack};
use crate::source::{Diagnostic, Span};
use crate::yaml;

/// How collections are installed.
pub struct CollectionInstaller<'a> {
    /// Directories of collections; new ones go into the first.
    pub directories: &'a [PathBuf],
    /// Replace what is there.
    pub force: bool,
    /// Replace what the collections need, too.
    pub force_dependencies: bool,
    /// Leave out what the collections need.
    pub no_dependencies: bool,
    /// Take the newest of what is allowed, even if something fitting is there.
    pub upgrade: bool,
    /// Versions before a release count.
    pub pre: bool,
    /// Ask no server.
    pub offline: bool,
    /// Go on with the next collection when one cannot be put in its place.
    pub ignore_errors: bool,
    /// How servers are spoken to.
    pub way: Way,
    /// Galaxy's servers, in order.
    pub servers: &'a [Server],
    /// Where its words go.
    pub say: &'a dyn Fn(&str),
    /// Where warnings go.
    pub warn: &'a dyn Fn(Diagnostic),
}

/// A collection that will be installed: its files are there already.
struct Candidate {
    collection: Collection,
    /// Where it was found, if on a server.
    release: Option<Release>,
    /// It is there already, the same.
    unchanged: bool,
    span: Option<Span>,
}

/// A collection by name, that something asks for.
struct Wanted {
    name: String,
    range: Range,
    written: String,
    server: Option<String>,
    span: Option<Span>,
    /// Who asks, if another collection does.
    by: Option<String>,
}

impl CollectionInstaller<'_> {
    /// Install all of them. Whether all went well.
    ///
    /// # Errors
    /// Something cannot be had, or versions do not fit; nothing is installed then.
    pub fn install(&self, wanted: &[CollectionRequirement]) -> Result<bool, Diagnostic> {
        let directory = self.directories.first().ok_or_else(|| {
            Diagnostic::error("there is no directory for collections")
                .hint("name one by `-p`, or set `collections_path`")
        })?;
        let staging = Staging::below(&root_of(directory))?;
        let mut chosen: Vec<Candidate> = Vec::new();
        let mut queue: VecDeque<Wanted> = VecDeque::new();
        for requirement in wanted {
            if let CollectionSource::Galaxy { name, server } = &requirement.source {
                queue.push_back(Wanted {
                    name: name.clone(),
                    range: range(&requirement.version, requirement.span, name)?,
                    written: requirement.version.clone(),
                    server: server.clone(),
                    span: requirement.span,
                    by: None,
                });
                continue;
            }
            let found = self.concrete(requirement, staging.path()).map_err(|problem| {
                let mut told =
                    Diagnostic::error(format!("the collection of `{}` was not installed", requirement.source.shown()));
                told.span = problem.span.or(requirement.span);
                told.causes = std::iter::once(problem.message).chain(problem.causes).collect();
                told.hints = problem.hints;
                told
            })?;
            for collection in found {
                if let Some(twice) = chosen.iter().find(|known| known.collection.name == collection.name) {
                    let mut problem = Diagnostic::error(format!("{} is asked for twice", collection.name));
                    problem.span = requirement.span;
                    if twice.collection.version == collection.version {
                        (self.warn)(problem.into_warning().hint("the first of the two is installed"));
                        continue;
                    }
                    let versions = format!("as {} and as {}", twice.collection.version, collection.version);
                    return Err(problem.cause(versions).hint("take one of the two away"));
                }
                chosen.push(Candidate { collection, release: None, unchanged: false, span: requirement.span });
            }
        }
        if !self.no_dependencies {
            for candidate in &chosen {
                queue.extend(needs(&candidate.collection, candidate.span)?);
            }
        }
        while let Some(next) = queue.pop_front() {
            if let Some(candidate) = self.resolve(&next, &chosen, staging.path())? {
                if !self.no_dependencies {
                    queue.extend(needs(&candidate.collection, candidate.span)?);
                }
                chosen.push(candidate);
            }
        }
        let mut well = true;
        for candidate in &mut chosen {
            match self.put(candidate, directory) {
                Ok(()) => {}
                Err(problem) if self.ignore_errors => {
                    well = false;
                    (self.warn)(problem.into_warning());
                }
                Err(problem) => return Err(problem),
            }
        }
        if chosen.iter().all(|candidate| candidate.unchanged) {
            (self.say)(
                "Nothing to do. All requested collections are already installed. `--force` installs them again.",
            );
        }
        Ok(well)
    }

    /// The collections of a repository, an archive or a directory, ready to be installed.
    fn concrete(&self, wanted: &CollectionRequirement, staging: &Path) -> Result<Vec<Collection>, Diagnostic> {
        match &wanted.source {
            CollectionSource::Git { url, directory } => {
                let clone = fresh(staging)?.join("clone");
                git::clone(url, &wanted.version, &clone)?;
                let root = directory.as_ref().map_or(clone.clone(), |directory| clone.join(directory));
                // A link of the repository could lead anywhere.
                let inside = clone.canonicalize().and_then(|clone| Ok(root.canonicalize()?.starts_with(clone)));
                if !inside.unwrap_or(false) {
                    let directory = directory.as_deref().unwrap_or_default();
                    return Err(Diagnostic::error(format!("the repository has no directory `{directory}`")));
                }
                self.all_in(&root, staging)
            }
            CollectionSource::Url(url) => {
                let archive = fresh(staging)?.join("archive");
                fetch::download(url, None, &self.way, &archive)?;
                Ok(vec![fitting(unpacked(&archive, staging)?, &wanted.version)?])
            }
            CollectionSource::Archive(path) => Ok(vec![fitting(unpacked(path, staging)?, &wanted.version)?]),
            CollectionSource::Directory(path) => Ok(vec![self.built(path, staging)?]),
            CollectionSource::Subdirectories(path) => self.subdirectories(path, staging),
            CollectionSource::Galaxy { .. } => Ok(Vec::new()),
        }
    }

    fn all_in(&self, root: &Path, staging: &Path) -> Result<Vec<Collection>, Diagnostic> {
        if build::is_collection(root) {
            return Ok(vec![self.built(root, staging)?]);
        }
        self.subdirectories(root, staging)
    }

    fn subdirectories(&self, root: &Path, staging: &Path) -> Result<Vec<Collection>, Diagnostic> {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| build::is_collection(path));
        paths.sort();
        if paths.is_empty() {
            return Err(Diagnostic::error(format!("no directory in `{}` holds a collection", root.display()))
                .hint("a collection's directory has a `galaxy.yml`; in a repository name it by `URL#/DIRECTORY`"));
        }
        paths.iter().map(|path| self.built(path, staging)).collect()
    }

    fn built(&self, path: &Path, staging: &Path) -> Result<Collection, Diagnostic> {
        let into = fresh(staging)?.join("files");
        build::build(path, &into)?.into_iter().for_each(|warning| (self.warn)(warning));
        Collection::read(&into)
    }

    /// Decide on a collection by name: nothing where what is chosen or installed will do.
    fn resolve(&self, wanted: &Wanted, chosen: &[Candidate], staging: &Path) -> Result<Option<Candidate>, Diagnostic> {
        if let Some(known) = chosen.iter().find(|known| known.collection.name == wanted.name) {
            let fits = known.collection.parsed_version().is_none_or(|version| wanted.range.holds(&version));
            return if fits { Ok(None) } else { Err(conflict(wanted, &known.collection)) };
        }
        let forced = if wanted.by.is_some() { self.force_dependencies } else { self.force || self.force_dependencies };
        let there = Collection::find(&wanted.name, self.directories);
        if let Some(there) = &there
            && !forced
            && !self.upgrade
        {
            let fits = there.parsed_version().is_none_or(|version| wanted.range.holds(&version));
            if fits {
                (self.say)(&format!("'{}:{}' is already installed, skipping.", there.name, there.version));
                return Ok(None);
            }
        }
        if self.offline {
            let mut problem = Diagnostic::error(format!("{} is not here, and `--offline` asks no server", wanted.name))
                .hint("name its archive or directory as well");
            problem.span = wanted.span;
            return Err(problem);
        }
        let found = Server::collection(
            self.servers,
            wanted.server.as_deref(),
            (&wanted.name, &wanted.range, self.pre || wanted.range.names_prerelease()),
            &self.way,
        );
        let release = found.map_err(|mut problem| {
            problem.span = problem.span.or(wanted.span);
            let range = if wanted.written.is_empty() || wanted.written == "*" {
                String::new()
            } else {
                format!(" ({})", wanted.written)
            };
            if let Some(by) = &wanted.by {
                problem = problem.cause(format!("{by} needs {}{range}", wanted.name));
            }
            problem.hint(format!(
                "name an archive, a repository or a directory of {} beside it; `-n` leaves out what is needed",
                wanted.name
            ))
        })?;
        if let Some(there) = there
            && !forced
            && there.version == release.version
        {
            (self.say)(&format!("'{}:{}' is already installed, skipping.", there.name, there.version));
            return Ok(None);
        }
        let archive = fresh(staging)?.join("archive");
        (self.say)(&format!("Downloading {}", release.download_url));
        release.download(&self.way, &archive)?;
        let collection = unpacked(&archive, staging)?;
        if collection.name != wanted.name {
            return Err(Diagnostic::error(format!("the server gave {} for {}", collection.name, wanted.name)));
        }
        Ok(Some(Candidate { collection, release: Some(release), unchanged: false, span: wanted.span }))
    }

    /// Put a collection in its place, if another is there or none.
    fn put(&self, candidate: &mut Candidate, directory: &Path) -> Result<(), Diagnostic> {
        let Collection { name, version, path, .. } = &candidate.collection;
        let place = place_of(name, directory);
        if !self.force && place::same(path, &place) {
            candidate.unchanged = true;
            (self.say)(&format!("'{name}:{version}' is already installed, skipping."));
            return Ok(());
        }
        (self.say)(&format!("Installing '{name}:{version}' to '{}'", place.display()));
        if let Some(parent) = place.parent() {
            std::fs::create_dir_all(parent).map_err(|error| place::unwritable(parent, &error))?;
        }
        let staging = Staging::below(&root_of(directory))?;
        staging.put(path, &place)?;
        let root = root_of(directory);
        // What an earlier version wrote down of itself is true no more.
        for entry in std::fs::read_dir(&root).into_iter().flatten().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if file.starts_with(&format!("{name}-")) && file.ends_with(".info") {
                let _ = std::fs::remove_dir_all(entry.path());
            }
        }
        if let Some(release) = &candidate.release {
            let info = root.join(format!("{name}-{version}.info"));
            let (namespace, short) = name.split_once('.').unwrap_or((name, ""));
            let text = yaml::emit(
                &json!({
                    "download_url": release.download_url,
                    "format_version": "1.0.0",
                    "name": short,
                    "namespace": namespace,
                    "server": release.server,
                    "signatures": [],
                    "version": version,
                    "version_url": release.version_url,
                }),
                &yaml::Style::default(),
            );
            std::fs::create_dir_all(&info)
                .and_then(|()| std::fs::write(info.join("GALAXY.yml"), text))
                .map_err(|error| place::unwritable(&info, &error))?;
        }
        (self.say)(&format!("{name}:{version} was installed successfully"));
        Ok(())
    }
}

/// A directory of its own for each thing that is fetched.
fn fresh(staging: &Path) -> Result<PathBuf, Diagnostic> {
    let made = tempfile::Builder::new().prefix("part-").tempdir_in(staging);
    // It goes with the staging directory.
    made.map(tempfile::TempDir::keep).map_err(|error| place::unwritable(staging, &error))
}

fn unpacked(archive: &Path, staging: &Path) -> Result<Collection, Diagnostic> {
    let files = fresh(staging)?.join("files");
    std::fs::create_dir(&files).map_err(|error| place::unwritable(&files, &error))?;
    unpack::unpack(archive, &files)?;
    let collection = Collection::read(&files)?;
    collection.verify()?;
    Ok(collection)
}

/// The collection, if its version is what was asked for.
fn fitting(collection: Collection, version: &str) -> Result<Collection, Diagnostic> {
    let range = range(version, None, &collection.name)?;
    match collection.parsed_version() {
        Some(found) if !range.holds(&found) => Err(Diagnostic::error(format!(
            "it holds {}:{}, and {version} was asked for",
            collection.name, collection.version
        ))),
        _ => Ok(collection),
    }
}

fn range(text: &str, span: Option<Span>, name: &str) -> Result<Range, Diagnostic> {
    Range::parse(text).map_err(|part| {
        let mut problem = Diagnostic::error(format!("`{part}` asks for no version of {name}"))
            .hint("write versions as `1.2.3`, `>=1.2.0,<2.0.0` or `*`");
        problem.span = span;
        problem
    })
}

/// What a collection needs.
fn needs(collection: &Collection, span: Option<Span>) -> Result<Vec<Wanted>, Diagnostic> {
    let mut needs = Vec::new();
    for (name, written) in &collection.dependencies {
        needs.push(Wanted {
            name: name.clone(),
            range: range(written, span, name)?,
            written: written.clone(),
            server: None,
            span,
            by: Some(format!("{}:{}", collection.name, collection.version)),
        });
    }
    Ok(needs)
}

fn conflict(wanted: &Wanted, chosen: &Collection) -> Diagnostic {
    let who = wanted.by.as_deref().unwrap_or("the requirement");
    let mut problem = Diagnostic::error(format!(
        "{who} needs {} {}, but {} is to be installed",
        wanted.name, wanted.written, chosen.version
    ))
    .hint("ask for versions that fit together; `-n` leaves out what collections need");
    problem.span = wanted.span;
    problem
}
