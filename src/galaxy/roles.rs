//! Installing roles, each with those that it needs.

use std::collections::{HashSet, VecDeque};
use std::path::{Path, PathBuf};

use super::fetch::{self, Way};
use super::place::{self, Staging};
use super::requirement::{RoleRequirement, RoleSource};
use super::requirements;
use super::role::{InstalledRole, meta_file, note_installed};
use super::server::Server;
use super::{git, unpack};
use crate::source::{Diagnostic, Diagnostics};
use crate::vault::Keyring;
use crate::yaml;

/// How roles are installed.
pub struct RoleInstaller<'a> {
    /// Directories of roles; new ones go into the first.
    pub directories: &'a [PathBuf],
    /// Replace what is there.
    pub force: bool,
    /// Replace what the roles need, too.
    pub force_dependencies: bool,
    /// Leave out what the roles need.
    pub no_dependencies: bool,
    /// Go on with the next role when one fails.
    pub ignore_errors: bool,
    /// Keep what git knows of the files.
    pub keep_scm: bool,
    /// How servers are spoken to.
    pub way: Way,
    /// Galaxy's servers, in order.
    pub servers: &'a [Server],
    /// Where its words go.
    pub say: &'a dyn Fn(&str),
    /// Where warnings go.
    pub warn: &'a dyn Fn(Diagnostic),
}

impl RoleInstaller<'_> {
    /// Install all of them. Whether all went well.
    ///
    /// # Errors
    /// The first failure, unless failures are ignored.
    pub fn install(&self, wanted: Vec<RoleRequirement>) -> Result<bool, Diagnostics> {
        let mut well = true;
        let mut names: HashSet<String> = HashSet::new();
        let mut queue: VecDeque<(RoleRequirement, bool)> = VecDeque::new();
        for role in wanted {
            names.insert(role.name.clone());
            queue.push_back((role, false));
        }
        while let Some((role, dependency)) = queue.pop_front() {
            let outcome = self.one(&role, dependency).map_err(|problem| vec![problem]).and_then(|path| match path {
                Some(path) if !self.no_dependencies => needed(&path),
                _ => Ok(Vec::new()),
            });
            let needs = match outcome {
                Ok(needs) => needs,
                Err(problems) if self.ignore_errors => {
                    well = false;
                    problems.into_iter().for_each(|problem| (self.warn)(problem.into_warning()));
                    continue;
                }
                Err(mut problems) => {
                    if let Some(last) = problems.last_mut() {
                        last.hints.push("`--ignore-errors` goes on with the roles that can be installed".to_owned());
                    }
                    return Err(problems);
                }
            };
            for need in needs {
                let there = InstalledRole::find(&need.name, self.directories);
                if names.contains(&need.name) {
                    (self.say)(&format!("- dependency {} already pending installation.", need.name));
                } else if there.is_none() || self.force_dependencies {
                    (self.say)(&format!("- adding dependency: {}", need.shown()));
                    names.insert(need.name.clone());
                    queue.push_back((need, true));
                } else {
                    (self.say)(&format!("- dependency {} is already installed, skipping.", need.name));
                }
            }
        }
        Ok(well)
    }

    /// Install one. Its directory, if it is to be looked at for what it needs.
    fn one(&self, role: &RoleRequirement, dependency: bool) -> Result<Option<PathBuf>, Diagnostic> {
        let force = if dependency { self.force_dependencies } else { self.force || self.force_dependencies };
        let there = InstalledRole::find(&role.name, self.directories);
        if let Some(there) = &there {
            let Some(version) = &there.version else {
                if !force {
                    return Err(self.failed(
                        role,
                        Diagnostic::error(format!(
                            "`{}` is there, and did not come from an installation",
                            there.path.display()
                        ))
                        .hint("`--force` replaces it"),
                    ));
                }
                return self.fetched(role, there.path.clone()).map(Some);
            };
            if !force {
                if !role.version.is_empty() && *version != role.version {
                    let had = if version.is_empty() {
                        "a version that is not known".to_owned()
                    } else {
                        format!("version {version}")
                    };
                    (self.warn)(placed(
                        Diagnostic::warning(format!("{} is already installed, in {had}", role.name))
                            .hint(format!("`--force` changes it to {}", role.version)),
                        role,
                    ));
                } else {
                    (self.say)(&format!("- {} is already installed, skipping.", role.shown()));
                }
                return Ok(None);
            }
            (self.say)(&format!(
                "- changing role {} from {} to {}",
                role.name,
                if version.is_empty() { "unspecified" } else { version },
                if role.version.is_empty() { "unspecified" } else { &role.version },
            ));
            return self.fetched(role, there.path.clone()).map(Some);
        }
        let directory = self.directories.first().ok_or_else(|| {
            Diagnostic::error("there is no directory for roles").hint("name one by `-p`, or set `roles_path`")
        })?;
        self.fetched(role, directory.join(&role.name)).map(Some)
    }

    fn failed(&self, role: &RoleRequirement, problem: Diagnostic) -> Diagnostic {
        let mut told =
            placed(Diagnostic::error(format!("{} was not installed", role.name)), role).cause(problem.message);
        told.causes.extend(problem.causes);
        told.hints = problem.hints;
        told
    }

    fn fetched(&self, role: &RoleRequirement, place: PathBuf) -> Result<PathBuf, Diagnostic> {
        self.try_fetch(role, &place).map_err(|problem| self.failed(role, problem))?;
        Ok(place)
    }

    fn try_fetch(&self, role: &RoleRequirement, place: &Path) -> Result<(), Diagnostic> {
        let staging = Staging::below(place.parent().unwrap_or(place))?;
        let files = staging.path().join("files");
        let archive = staging.path().join("archive");
        std::fs::create_dir(&files).map_err(|error| place::unwritable(&files, &error))?;
        let mut version = role.version.clone();
        match &role.source {
            RoleSource::Git(url) => {
                let clone = staging.path().join("clone");
                git::clone(url, &role.version, &clone)?;
                if self.keep_scm {
                    place::copy(&clone, &files, &|_, _| false)?;
                } else {
                    git::archive(&clone, &archive)?;
                    unpack::unpack(&archive, &files)?;
                }
            }
            RoleSource::Url(url) => {
                fetch::download(url, None, &self.way, &archive)?;
                unpack::unpack(&archive, &files)?;
            }
            RoleSource::Archive(path) => unpack::unpack(path, &files)?,
            RoleSource::Directory(path) => {
                // A repository's own records are not the role's.
                let outside = place::copy(path, &files, &|relative, _| relative == ".git" && !self.keep_scm)?;
                for link in outside {
                    (self.warn)(Diagnostic::warning(format!(
                        "the link `{}` leads out of the role and is left out",
                        link.display()
                    )));
                }
            }
            RoleSource::Galaxy(name) => {
                let (url, found) = Server::role(self.servers, name, &role.version, &self.way)?;
                (self.say)(&format!("- downloading role {name}, {found}"));
                fetch::download(&url, None, &self.way, &archive)?;
                unpack::unpack(&archive, &files)?;
                version = found;
            }
        }
        let root = root_of(&files).ok_or_else(|| {
            Diagnostic::error("what came is no role: it has no `meta/main.yml`")
                .hint("check that the source is a role, and not a repository of several")
        })?;
        (self.say)(&format!("- extracting {} to {}", role.name, place.display()));
        note_installed(&root, &version)?;
        staging.put(&root, place)?;
        let shown = if version.is_empty() { role.name.clone() } else { format!("{} ({version})", role.name) };
        (self.say)(&format!("- {shown} was installed successfully"));
        Ok(())
    }
}

fn placed(problem: Diagnostic, role: &RoleRequirement) -> Diagnostic {
    match role.span {
        Some(span) => problem.at(span),
        None => problem,
    }
}

/// The directory with `meta/main.yml` that is nearest to the top.
fn root_of(files: &Path) -> Option<PathBuf> {
    let mut level = vec![files.to_owned()];
    for _ in 0..8 {
        if let Some(root) = level.iter().find(|path| meta_file(path, "main").is_some()) {
            return Some(root.clone());
        }
        let below = level.iter().flat_map(|path| std::fs::read_dir(path).into_iter().flatten().flatten());
        let mut next: Vec<PathBuf> = below
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()) && entry.file_name() != ".git")
            .map(|entry| entry.path())
            .collect();
        next.sort();
        level = next;
    }
    None
}

/// The roles that a role needs, by its `meta/main.yml` and `meta/requirements.yml`.
fn needed(role: &Path) -> Result<Vec<RoleRequirement>, Diagnostics> {
    let mut needs = Vec::new();
    if let Some(path) = meta_file(role, "main") {
        let root = yaml::load(&path, &Keyring::default()).map_err(|problem| vec![problem])?.root;
        if let Some(list) = root.get("dependencies") {
            needs.extend(requirements::dependencies(list)?);
        }
    }
    if let Some(path) = meta_file(role, "requirements") {
        let root = yaml::load(&path, &Keyring::default()).map_err(|problem| vec![problem])?.root;
        let list = root.get("roles").unwrap_or(&root);
        if list.as_list().is_some() {
            needs.extend(requirements::dependencies(list)?);
        }
    }
    Ok(needs)
}
