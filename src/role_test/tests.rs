//! What a role's directory `tests` holds.

use std::path::{Path, PathBuf};

use crate::galaxy::role::meta_file;
use crate::source::Diagnostic;

/// A role, and the files of its tests.
#[derive(Clone, Debug)]
pub struct RoleTests {
    /// The role's name.
    pub name: String,
    /// The role's directory.
    pub role: PathBuf,
    /// `tests/test.yml`: brings hosts to where the role wants them.
    pub converge: PathBuf,
    /// `tests/prepare.yml`: what has to be there before.
    pub prepare: Option<PathBuf>,
    /// `tests/verify.yml`: asks whether the role has done its work.
    pub verify: Option<PathBuf>,
    /// `tests/inventory`, `tests/inventory.yml` or `tests/inventory.ini`.
    pub inventory: Option<PathBuf>,
}

impl RoleTests {
    /// Find a role by its name or path.
    ///
    /// # Errors
    /// There is no such role, or none that has tests.
    pub fn find(given: &str, directories: &[PathBuf]) -> Result<Self, Diagnostic> {
        let role = find_role(given, directories).ok_or_else(|| {
            let known = directories.iter().flat_map(|path| std::fs::read_dir(path).into_iter().flatten().flatten());
            let known: Vec<String> = known.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
            let places: Vec<String> = directories.iter().map(|path| path.display().to_string()).collect();
            Diagnostic::absent(format!("the role '{given}' was not found in {}", places.join(":")))
                .did_you_mean(given, known.iter().map(String::as_str))
                .hint("name a role, or the path of one")
        })?;
        let tests = role.join("tests");
        let of = |names: &[&str]| names.iter().map(|name| tests.join(name)).find(|path| path.exists());
        let name = role.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some(converge) = of(&["test.yml", "test.yaml"]) else {
            return Err(Diagnostic::absent(format!("the role '{name}' has no tests"))
                .cause(format!("there is no `{}`", tests.join("test.yml").display()))
                .hint("write a playbook there that uses the role; `rprov galaxy init` begins roles with one"));
        };
        Ok(Self {
            converge,
            prepare: of(&["prepare.yml", "prepare.yaml"]),
            verify: of(&["verify.yml", "verify.yaml"]),
            inventory: of(&["inventory", "inventory.yml", "inventory.yaml", "inventory.ini"]),
            name,
            role,
        })
    }

    /// The directory in which the role is found by its name.
    pub fn roles(&self) -> &Path {
        self.role.parent().unwrap_or(&self.role)
    }
}

fn find_role(given: &str, directories: &[PathBuf]) -> Option<PathBuf> {
    let is_role = |path: &PathBuf| {
        meta_file(path, "main").is_some() || ["tasks", "defaults", "tests"].iter().any(|name| path.join(name).is_dir())
    };
    let path = match given.contains('/') || given == "." {
        true => Some(PathBuf::from(given)),
        false => directories.iter().map(|directory| directory.join(given)).find(is_role),
    };
    path.filter(is_role)?.canonicalize().ok()
}
