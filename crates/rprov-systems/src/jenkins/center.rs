//! Update centres: where Jenkins' plugins come from, with lists of what there is:
//! <https://github.com/jenkins-infra/update-center2>.

use std::cell::Cell;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::plugin_file::Dependency;
use rprov_modules::attributes::Wanted;
use rprov_modules::checksum::{Algorithm, hexadecimal};
use rprov_modules::context::Context;
use rprov_modules::http::{self, Answer, Call};
use rprov_modules::outcome::Failure;
use rprov_modules::write;

/// Update centres that are asked one after the other.
#[derive(Debug)]
pub struct Center<'a> {
    /// Their URLs.
    pub bases: &'a [String],
    /// Where the list of the newest plugins is.
    pub newest_list: &'a [String],
    /// Where the list of all versions is.
    pub versions_list: &'a [String],
    /// Where the newest plugins are.
    pub newest_files: &'a [String],
    /// Where all versions are.
    pub version_files: &'a [String],
    /// How long a copy of the list of the newest plugins is kept.
    pub expiration: Duration,
    /// What all requests have in common.
    pub pattern: Call,
    /// The list came from a copy.
    pub copied: Cell<bool>,
    /// A copy is not good enough.
    pub anew: Cell<bool>,
    /// The task.
    pub context: &'a Context<'a>,
}

/// One version of a plugin.
#[derive(Debug, Default)]
pub struct Release {
    /// The checksum of its file, in hexadecimal digits, if it is known.
    pub sum: Option<(Algorithm, String)>,
    /// What it needs, but for what is optional.
    pub dependencies: Vec<Dependency>,
    /// Where it may be.
    pub urls: Vec<String>,
}

impl Release {
    /// Whether a file is it, as far as its checksum is known.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn is_at(&self, path: &Path) -> Result<bool, Failure> {
        let Some((algorithm, sum)) = &self.sum else { return Ok(false) };
        Ok(algorithm.of_file(path)? == *sum)
    }
}

impl Center<'_> {
    /// The list of the newest plugins.
    ///
    /// # Errors
    /// No centre has one.
    pub fn newest(&self) -> Result<Json, Failure> {
        let urls = self.urls(self.newest_list, "");
        let copy = self.copy(&urls);
        let age = |path: &PathBuf| std::fs::metadata(path).ok()?.modified().ok()?.elapsed().ok();
        if let Some(path) = copy.as_ref().filter(|path| age(path).is_some_and(|age| age < self.expiration))
            && !self.anew.get()
            && let Some(list) = std::fs::read(path).ok().and_then(|text| read(&text))
        {
            self.copied.set(true);
            return Ok(list);
        }
        self.copied.set(false);
        let (list, text) = self.list(&urls)?;
        // Without a copy, the next time takes longer.
        if let (Some(path), false) = (copy, self.context.check() || self.expiration.is_zero()) {
            let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(write::parent(&path));
            let _ = made.map(|()| write::replace(&path, &text, &Wanted::default()));
        }
        Ok(list)
    }

    /// The list of all versions of all plugins.
    ///
    /// # Errors
    /// No centre has one.
    pub fn versions(&self) -> Result<Json, Failure> {
        self.list(&self.urls(self.versions_list, "")).map(|(list, _)| list)
    }

    /// The newest version of a plugin, from the list of those.
    ///
    /// # Errors
    /// There is no such plugin.
    pub fn newest_release(&self, list: &Json, name: &str) -> Result<Release, Failure> {
        let known = list.get("plugins").and_then(|plugins| plugins.get(name));
        let known = known.ok_or_else(|| unknown(&format!("the plugin {name}"), self.bases))?;
        release(known, self.newest_urls(name))
    }

    /// A version of a plugin, from the list of all.
    ///
    /// # Errors
    /// There is no such plugin, or no such version of it.
    pub fn release(&self, list: &Json, name: &str, version: &str) -> Result<Release, Failure> {
        let plugin = list.get("plugins").and_then(|plugins| plugins.get(name));
        let plugin = plugin.ok_or_else(|| unknown(&format!("the plugin {name}"), self.bases))?;
        let known = plugin.get(version);
        let known = known.ok_or_else(|| unknown(&format!("version {version} of the plugin {name}"), self.bases))?;
        release(known, self.version_urls(name, version))
    }

    /// Where the newest version of a plugin may be.
    pub fn newest_urls(&self, name: &str) -> Vec<String> {
        self.urls(self.newest_files, &format!("/{name}.hpi"))
    }

    /// Where a version of a plugin may be.
    pub fn version_urls(&self, name: &str, version: &str) -> Vec<String> {
        self.urls(self.version_files, &format!("/{name}/{version}/{name}.hpi"))
    }

    /// What the first of these URLs that has something gives.
    ///
    /// # Errors
    /// None has.
    pub fn fetch(&self, urls: &[String]) -> Result<Answer, Failure> {
        let mut problems = Vec::new();
        for url in urls {
            match http::send(&Call { url: url.clone(), ..self.pattern.clone() }, self.context) {
                Ok(answer) if answer.status == 200 => return Ok(answer),
                Ok(answer) => problems.push(format!("{url}: {}", answer.message())),
                Err(failure) => problems.push(failure.message),
            }
        }
        Err(Failure::new(format!(
            "the update centre gives nothing; check `updates_url` and the options for its segments: {}",
            problems.join("; ")
        )))
    }

    fn list(&self, urls: &[String]) -> Result<(Json, Vec<u8>), Failure> {
        let mut answer = self.fetch(urls)?;
        let text = answer.content()?;
        match read(&text) {
            Some(list) => Ok((list, text)),
            None => Err(Failure::new(format!("{} gives no list of plugins; check `updates_url`", answer.url))),
        }
    }

    fn urls(&self, segments: &[String], rest: &str) -> Vec<String> {
        let url = |base: &String, segment: &String| {
            format!("{}/{}{rest}", base.trim_end_matches('/'), segment.trim_matches('/'))
        };
        self.bases.iter().flat_map(|base| segments.iter().map(move |segment| url(base, segment))).collect()
    }

    /// Where a copy of the list is kept.
    fn copy(&self, urls: &[String]) -> Option<PathBuf> {
        let home = self.context.variable("HOME").filter(|home| home.starts_with('/'))?;
        let sum = Algorithm::Sha1.of_bytes(urls.join("\n").as_bytes());
        Some(PathBuf::from(home).join(format!(".cache/rprov/update-center-{sum}.json")))
    }
}

fn unknown(what: &str, bases: &[String]) -> Failure {
    Failure::new(format!("{} does not list {what}; check `name`, `version` and `updates_url`", bases.join(", ")))
}

/// The list, also where it is wrapped in a call of a function for browsers.
fn read(text: &[u8]) -> Option<Json> {
    let start = text.iter().position(|byte| *byte == b'{')?;
    let end = text.iter().rposition(|byte| *byte == b'}')?;
    serde_json::from_slice::<Json>(text.get(start..=end)?).ok().filter(|list| list.get("plugins").is_some())
}

fn release(known: &Json, urls: Vec<String>) -> Result<Release, Failure> {
    let text = |entry: &Json, name: &str| entry.get(name).and_then(Json::as_str).map(str::to_owned);
    let sum = |name: &str, algorithm: Algorithm| -> Option<Result<(Algorithm, String), Failure>> {
        let written = text(known, name)?;
        let unclear =
            |_| Failure::new(format!("{name}: the update centre's list has `{written}`, which is no checksum"));
        let bytes = STANDARD.decode(&written).map_err(unclear);
        Some(bytes.map(|bytes| (algorithm, hexadecimal(&bytes))))
    };
    let sum = sum("sha256", Algorithm::Sha256).or_else(|| sum("sha1", Algorithm::Sha1)).transpose()?;
    let listed = known.get("dependencies").and_then(Json::as_array).into_iter().flatten();
    let needed = listed.filter(|entry| entry.get("optional").and_then(Json::as_bool) != Some(true));
    let dependency = |entry| Some(Dependency { name: text(entry, "name")?, version: text(entry, "version")? });
    Ok(Release { sum, dependencies: needed.filter_map(dependency).collect(), urls })
}
