//! The file `/var/lib/dpkg/status`.

use std::collections::HashMap;
use std::path::Path;

use crate::outcome::Failure;

/// One entry of the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// The version that is or was installed.
    pub version: String,
    /// Architecture (`amd64`, `all`).
    pub architecture: String,
    /// Section (`net`, `libs`).
    pub section: String,
    /// Where it comes from (`Debian`), if it says so.
    pub origin: String,
    /// The three words of `Status`: what is wanted, errors, and the state it is in.
    pub state: [String; 3],
    /// Names of virtual packages that it stands for.
    pub provides: Vec<String>,
}

impl Package {
    /// It is there, wholly.
    pub fn is_installed(&self) -> bool {
        self.state[2] == "installed"
    }

    /// Files of it are there: installed, half installed, or removed but for its configuration.
    pub fn has_files(&self) -> bool {
        !matches!(self.state[2].as_str(), "not-installed" | "")
    }
}

/// The database, as read at one moment.
#[derive(Debug, Default)]
pub struct Status {
    packages: HashMap<String, Vec<Package>>,
}

impl Status {
    /// Read the host's own database.
    ///
    /// # Errors
    /// There is none, or it cannot be read.
    pub fn read() -> Result<Self, Failure> {
        Self::read_from(Path::new("/var/lib/dpkg/status"))
    }

    /// Read a database.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn read_from(path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).map_err(|error| Failure::io("read the package database", path, error))?;
        Ok(Self::parse(&String::from_utf8_lossy(&bytes)))
    }

    fn parse(text: &str) -> Self {
        let mut packages: HashMap<String, Vec<Package>> = HashMap::new();
        for stanza in text.split("\n\n") {
            let mut package = Package {
                name: String::new(),
                version: String::new(),
                architecture: String::new(),
                section: String::new(),
                origin: String::new(),
                state: [const { String::new() }; 3],
                provides: Vec::new(),
            };
            for line in stanza.lines() {
                let Some((key, value)) = line.split_once(':') else { continue };
                let value = value.trim();
                match key {
                    "Package" => value.clone_into(&mut package.name),
                    "Version" => value.clone_into(&mut package.version),
                    "Architecture" => value.clone_into(&mut package.architecture),
                    "Section" => value.clone_into(&mut package.section),
                    "Origin" => value.clone_into(&mut package.origin),
                    "Status" => {
                        for (slot, word) in package.state.iter_mut().zip(value.split_whitespace()) {
                            word.clone_into(slot);
                        }
                    }
                    "Provides" => {
                        package.provides = value
                            .split(',')
                            .filter_map(|entry| entry.split_whitespace().next())
                            .map(|name| name.split(':').next().unwrap_or(name).to_owned())
                            .collect();
                    }
                    _ => {}
                }
            }
            if !package.name.is_empty() {
                packages.entry(package.name.clone()).or_default().push(package);
            }
        }
        Self { packages }
    }

    /// The entry of that name (`libc6`, `libc6:i386`); the installed one where there are several.
    pub fn find(&self, name: &str) -> Option<&Package> {
        let (name, architecture) = match name.split_once(':') {
            Some((name, architecture)) => (name, Some(architecture).filter(|word| !matches!(*word, "any" | "native"))),
            None => (name, None),
        };
        let mut matching = self.packages.get(name)?.iter().filter(|package| {
            architecture.is_none_or(|wanted| [wanted, "all"].contains(&package.architecture.as_str()))
        });
        let first = matching.next()?;
        Some(std::iter::once(first).chain(matching).find(|package| package.is_installed()).unwrap_or(first))
    }

    /// An installed package that stands for the virtual one of that name.
    pub fn provider(&self, name: &str) -> Option<&Package> {
        self.all().find(|package| package.is_installed() && package.provides.iter().any(|provided| provided == name))
    }

    /// Every entry, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().flatten()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    const SAMPLE: &str = "Package: bash\nStatus: install ok installed\nVersion: 5.2\nArchitecture: amd64\nSection: shells\n\n\
        Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\nConffiles:\n /etc/x: y\n\n\
        Package: exim4\nStatus: hold ok installed\nVersion: 4\nArchitecture: all\nProvides: mail-transport-agent, x (= 1)\n\n\
        Package: libc6\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: i386\n\n\
        Package: libc6\nStatus: install ok installed\nVersion: 2\nArchitecture: amd64\n";

    #[test]
    fn packages_are_found_by_name_architecture_and_what_they_provide() {
        let status = Status::parse(SAMPLE);
        assert_eq!(status.find("bash").unwrap().version, "5.2");
        let gone = status.find("gone").unwrap();
        assert!(!gone.is_installed() && gone.has_files());
        assert!(status.find("libc6").unwrap().is_installed());
        assert!(!status.find("libc6:i386").unwrap().is_installed());
        assert_eq!(status.provider("x").unwrap().name, "exim4");
        assert!(status.find("nothing").is_none());
    }
}
