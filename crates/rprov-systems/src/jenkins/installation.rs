//! Installing plugins as files: what is missing of a plugin and of what it needs is found out, all of it is downloaded
//! and checked, and only then does it come to its place.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::center::{Center, Release};
use super::plugin_file::{Dependency, PluginFile, at_least, expect_plugin};
use rprov_modules::attributes::Wanted;
use rprov_modules::checksum::Algorithm;
use rprov_modules::context::Context;
use rprov_modules::outcome::Failure;
use rprov_modules::write::{self, Staged};
use serde_json::Value as Json;

/// A plugin that is to be there as a file.
#[derive(Debug)]
pub struct Installation<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its version; the newest if none is given.
    pub version: Option<&'a str>,
    /// What it needs is installed as well.
    pub dependencies: bool,
    /// The directory of the plugins.
    pub plugins: PathBuf,
    /// Versions of the plugins that the server runs.
    pub running: BTreeMap<String, String>,
    /// Where plugins come from.
    pub center: Center<'a>,
    /// The attributes of the files.
    pub wanted: Wanted,
}

/// Why it failed.
enum Fault {
    /// A file is not that which the list speaks of.
    Sum(Failure),
    Other(Failure),
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Fault::Other(failure)
    }
}

/// Whether a name or a version can be part of a path and of a URL.
pub fn is_plain(text: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+~".contains(&byte);
    !text.is_empty() && !text.starts_with('.') && text.bytes().all(known)
}

impl Installation<'_> {
    /// Install what is missing, or tell in check mode whether something is.
    ///
    /// # Errors
    /// The centre does not answer, does not have it, or gives another file than its list says. No file was changed then.
    pub fn run(&self, context: &Context<'_>) -> Result<bool, Failure> {
        match self.attempt(context) {
            // What is new since the copy of the list was made is no fault.
            Err(Fault::Sum(_)) if self.center.copied.get() => {
                self.center.anew.set(true);
                self.attempt(context)
            }
            result => result,
        }
        .map_err(|fault| match fault {
            Fault::Sum(failure) | Fault::Other(failure) => failure,
        })
    }

    fn attempt(&self, context: &Context<'_>) -> Result<bool, Fault> {
        let missing = self.missing()?;
        let mut changed = false;
        let mut ready = Vec::new();
        // What is needed comes first, so that a server that starts in between has it.
        for (name, release) in missing.iter().rev() {
            let known = PluginFile::find(&self.plugins, name);
            if let Some(known) = &known
                && release.is_at(&known.path)?
            {
                continue;
            }
            if context.check() && (release.sum.is_some() || known.is_none()) {
                changed = true;
                continue;
            }
            let path = known.map_or_else(|| self.plugins.join(format!("{name}.jpi")), |known| known.path);
            let elsewhere;
            let mut staged = if context.check() {
                elsewhere = tempfile::tempdir()
                    .map_err(|error| write::explain("create a directory in", &std::env::temp_dir(), &error))?;
                Staged::new(&elsewhere.path().join("plugin"), false)?
            } else {
                Staged::new(&path, self.wanted.unsafe_writes)?
            };
            self.download(name, release, &mut staged)?;
            if !same(&path, staged.path()?)? {
                changed = true;
                ready.push((staged, path));
            }
        }
        if context.check() {
            return Ok(self.apply_attributes(context)? || changed);
        }
        for (staged, _) in ready {
            staged.commit(&self.wanted)?;
        }
        Ok(self.apply_attributes(context)? || changed)
    }

    /// Attributes are those of the plugin itself; what it needs gets them when it comes.
    fn apply_attributes(&self, context: &Context<'_>) -> Result<bool, Failure> {
        match PluginFile::find(&self.plugins, self.name) {
            Some(file) => Ok(self.wanted.apply(&file.path, context.check())?.changed),
            None => Ok(false),
        }
    }

    fn download(&self, name: &str, release: &Release, staged: &mut Staged) -> Result<(), Fault> {
        let mut answer = self.center.fetch(&release.urls)?;
        staged.copy_from(&mut answer.reader())?;
        let path = staged.path()?;
        if let Some((algorithm, sum)) = &release.sum {
            let arrived = algorithm.of_file(path)?;
            if arrived != *sum {
                return Err(Fault::Sum(Failure::new(format!(
                    "{name}: the {} checksum of {} is {arrived}, but the update centre's list says {sum}; nothing was \
                     installed. Try again later, or check `updates_url`",
                    algorithm.word(),
                    answer.url
                ))));
            }
        }
        Ok(expect_plugin(path, &answer.url)?)
    }

    /// What has to be downloaded: the plugin first, then what it needs.
    fn missing(&self) -> Result<IndexMap<String, Release>, Failure> {
        let mut missing = IndexMap::new();
        let mut list = None;
        let mut open = self.main(&mut missing, &mut list)?;
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        while let Some(Dependency { name, version }) = open.pop() {
            let known = seen.get(&name).is_some_and(|seen| at_least(seen, &version));
            if !self.dependencies || name == self.name || known {
                continue;
            }
            if !is_plain(&name) || !is_plain(&version) {
                return Err(Failure::new(format!("`{name}:{version}`, which {} needs, is no plugin", self.name)));
            }
            let file = PluginFile::find(&self.plugins, &name);
            let present = file.as_ref().map(|file| &file.version).or_else(|| self.running.get(&name));
            if present.is_some_and(|present| at_least(present, &version)) {
                open.extend(file.into_iter().flat_map(|file| file.dependencies));
            } else {
                let release = match self.version {
                    None => self.center.newest_release(self.list(&mut list)?, &name)?,
                    Some(_) => self.center.release(self.list(&mut list)?, &name, &version)?,
                };
                open.extend(release.dependencies.iter().cloned());
                missing.insert(name.clone(), release);
            }
            seen.insert(name, version);
        }
        Ok(missing)
    }

    /// The plugin itself; what it needs.
    fn main(
        &self,
        missing: &mut IndexMap<String, Release>,
        list: &mut Option<Json>,
    ) -> Result<Vec<Dependency>, Failure> {
        let file = PluginFile::find(&self.plugins, self.name);
        let release = match self.version {
            Some(version) => {
                if let Some(file) = file.filter(|file| file.version == version) {
                    return Ok(file.dependencies);
                }
                self.release(version, list)?
            }
            // Only the file itself tells whether it is another one.
            None if self.center.expiration.is_zero() => {
                Release { urls: self.center.newest_urls(self.name), ..Release::default() }
            }
            None => {
                let release = self.center.newest_release(self.list(list)?, self.name)?;
                if let Some(file) = file
                    && release.is_at(&file.path)?
                {
                    return Ok(file.dependencies);
                }
                release
            }
        };
        let needed = release.dependencies.clone();
        missing.insert(self.name.to_owned(), release);
        Ok(needed)
    }

    fn release(&self, version: &str, list: &mut Option<Json>) -> Result<Release, Failure> {
        if self.dependencies {
            return self.center.release(self.list(list)?, self.name, version);
        }
        // The short list is enough if it has this version; and where there is no list, the file is taken as it is.
        let short = self.center.newest().ok().filter(|newest| {
            let listed = newest.pointer(&format!("/plugins/{}/version", self.name.replace('~', "~0")));
            listed.and_then(Json::as_str) == Some(version)
        });
        let urls = self.center.version_urls(self.name, version);
        let found = match short {
            Some(newest) => Some(self.center.newest_release(&newest, self.name)?),
            None => self.center.versions().ok().and_then(|all| self.center.release(&all, self.name, version).ok()),
        };
        Ok(Release { urls, ..found.unwrap_or_default() })
    }

    /// The list that is asked, fetched once.
    fn list<'l>(&self, list: &'l mut Option<Json>) -> Result<&'l Json, Failure> {
        if list.is_none() {
            *list = Some(if self.version.is_some() { self.center.versions()? } else { self.center.newest()? });
        }
        Ok(list.get_or_insert_default())
    }
}

/// Whether two files have the same content; one that is missing has none.
fn same(one: &Path, other: &Path) -> Result<bool, Failure> {
    Ok(one.is_file() && Algorithm::Sha256.of_file(one)? == Algorithm::Sha256.of_file(other)?)
}
