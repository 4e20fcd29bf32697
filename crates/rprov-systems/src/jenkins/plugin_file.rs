//! Plugins as files: archives in `plugins` of Jenkins' home, whose manifest says their version and what they need:
//! <https://www.jenkins.io/doc/developer/plugin-development/dependencies-and-class-loading/>.

use std::cmp::Ordering;
use std::io::Read;
use std::path::{Path, PathBuf};

use rprov_modules::outcome::Failure;

/// Largest manifest that is read.
const MANIFEST_LIMIT: u64 = 1024 * 1024;

/// Another plugin that one needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// Its name.
    pub name: String,
    /// The version that it must have at least.
    pub version: String,
}

/// A plugin's file.
#[derive(Debug)]
pub struct PluginFile {
    /// Where it is.
    pub path: PathBuf,
    /// The version that its manifest says; empty if it is no archive that can be read.
    pub version: String,
    /// What it needs, but for what is optional.
    pub dependencies: Vec<Dependency>,
}

impl PluginFile {
    /// The file of a plugin, if there is one.
    pub fn find(plugins: &Path, name: &str) -> Option<Self> {
        let path =
            ["jpi", "hpi"].iter().map(|end| plugins.join(format!("{name}.{end}"))).find(|path| path.is_file())?;
        let manifest = manifest(&path).unwrap_or_default();
        Some(Self {
            version: entry(&manifest, "Plugin-Version").unwrap_or_default().to_owned(),
            dependencies: entry(&manifest, "Plugin-Dependencies").map(dependencies).unwrap_or_default(),
            path,
        })
    }
}

/// Make sure that a file is a plugin.
///
/// # Errors
/// It is no archive, or one of something else.
pub fn expect_plugin(path: &Path, url: &str) -> Result<(), Failure> {
    let manifest = manifest(path).unwrap_or_default();
    match entry(&manifest, "Plugin-Version") {
        Some(_) => Ok(()),
        None => Err(Failure::new(format!(
            "what {url} gives is no Jenkins plugin; check `updates_url` and the options for its segments"
        ))),
    }
}

/// The manifest, long lines joined.
fn manifest(path: &Path) -> Option<String> {
    let mut archive = zip::ZipArchive::new(std::fs::File::open(path).ok()?).ok()?;
    let mut text = Vec::new();
    archive.by_name("META-INF/MANIFEST.MF").ok()?.take(MANIFEST_LIMIT).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).replace("\r\n", "\n").replace("\n ", ""))
}

fn entry<'a>(manifest: &'a str, name: &str) -> Option<&'a str> {
    let entries = manifest.lines().take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(": "));
    entries.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// `name:version,other:version;resolution:=optional`.
fn dependencies(text: &str) -> Vec<Dependency> {
    let needed = text.split(',').filter(|part| !part.contains("resolution:=optional"));
    let dependency = |part: &str| {
        let (name, version) = part.split(';').next()?.trim().split_once(':')?;
        Some(Dependency { name: name.to_owned(), version: version.to_owned() })
    };
    needed.filter_map(dependency).collect()
}

/// Whether a version is that which is needed, or later.
pub fn at_least(version: &str, needed: &str) -> bool {
    compare(version, needed) != Ordering::Less
}

/// Which version is the later one: numbers count, and words such as `beta` come before the version without them.
fn compare(one: &str, other: &str) -> Ordering {
    let parts = |version: &str| -> Vec<Part> {
        let words = version.split(['.', '-', '_', '+']).filter(|word| !word.is_empty());
        words.map(|word| word.parse().map_or_else(|_| Part::Word(word.to_ascii_lowercase()), Part::Number)).collect()
    };
    let (mut one, mut other) = (parts(one), parts(other));
    let length = one.len().max(other.len());
    one.resize(length, Part::Number(0));
    other.resize(length, Part::Number(0));
    one.cmp(&other)
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Word(String),
    Number(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        let ascending = ["1.0-beta-2", "1.0", "1.2", "1.10", "1.10.1", "2", "1234.v5678", "1235.0"];
        for (index, version) in ascending.iter().enumerate() {
            for (other_index, other) in ascending.iter().enumerate() {
                assert_eq!(compare(version, other), index.cmp(&other_index), "{version} {other}");
            }
        }
        assert!(at_least("1.0", "1") && at_least("1", "1.0"));
    }

    #[test]
    fn what_is_optional_is_not_needed() {
        let needed = |name: &str, version: &str| Dependency { name: name.to_owned(), version: version.to_owned() };
        let found = dependencies("a:1.0,b:2.0;resolution:=optional,c:3-x");
        assert_eq!(found, [needed("a", "1.0"), needed("c", "3-x")]);
    }
}
