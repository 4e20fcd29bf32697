//! The Ansible that is installed on the controller, whose `module_utils` Python modules may import.
//!
//! Nothing of it is run but one question to a Python interpreter: where the package `ansible` is.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};

/// An installed Ansible.
#[derive(Clone, Debug)]
pub(super) struct Installation {
    /// The package `ansible`.
    package: PathBuf,
}

/// What an interpreter is asked.
const QUESTION: &str = "import importlib.util as u\ns = u.find_spec('ansible')\nprint(s.origin or '' if s else '')";

impl Installation {
    /// Its `module_utils`.
    pub(super) fn utilities(&self) -> PathBuf {
        self.package.join("module_utils")
    }

    /// A collection that came with it.
    pub(super) fn collection(&self, name: &str) -> Option<PathBuf> {
        let (namespace, name) = name.split_once('.')?;
        let beside = self.package.parent()?.join("ansible_collections").join(namespace).join(name);
        beside.is_dir().then_some(beside)
    }

    /// Its version, as its own file says.
    pub(super) fn version(&self) -> Option<String> {
        let release = std::fs::read_to_string(self.package.join("release.py")).ok()?;
        let line = release.lines().find_map(|line| line.trim().strip_prefix("__version__"))?;
        Some(line.trim_start_matches([' ', '=']).trim().trim_matches(['\'', '"']).to_owned())
    }
}

/// The Ansible of this machine; looked for once.
///
/// # Errors
/// There is none; the text says where it was looked for.
pub(super) fn find() -> Result<Arc<Installation>, String> {
    static FOUND: OnceLock<Result<Arc<Installation>, String>> = OnceLock::new();
    FOUND
        .get_or_init(|| {
            let interpreters = interpreters();
            let package = interpreters.iter().find_map(|python| package_of(python));
            package.map(|package| Arc::new(Installation { package })).ok_or_else(|| {
                let asked: Vec<String> = interpreters.iter().map(|python| python.display().to_string()).collect();
                match asked.is_empty() {
                    true => "there is no Python on the controller".to_owned(),
                    false => format!("no package `ansible` is known to {}", asked.join(", ")),
                }
            })
        })
        .clone()
}

/// Interpreters that may know of an Ansible: those that run its programs, then those in `PATH`.
fn interpreters() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut directories: Vec<PathBuf> = std::env::split_paths(&path).collect();
    directories.extend(["/usr/local/bin", "/usr/bin"].map(PathBuf::from));
    let mut found: Vec<PathBuf> = Vec::new();
    for directory in &directories {
        found.extend(["ansible-playbook", "ansible"].iter().find_map(|name| interpreter_of(&directory.join(name))));
    }
    found.extend(directories.iter().map(|directory| directory.join("python3")).filter(|python| python.is_file()));
    let mut once = Vec::new();
    for python in found {
        if !once.contains(&python) {
            once.push(python);
        }
    }
    once
}

/// The interpreter in the first line of a script.
fn interpreter_of(script: &Path) -> Option<PathBuf> {
    use std::io::Read as _;
    let mut start = Vec::new();
    std::fs::File::open(script).ok()?.take(512).read_to_end(&mut start).ok()?;
    let start = String::from_utf8_lossy(&start).into_owned();
    let interpreter = PathBuf::from(start.strip_prefix("#!")?.lines().next()?.trim());
    interpreter.is_file().then_some(interpreter)
}

fn package_of(python: &Path) -> Option<PathBuf> {
    let output = Command::new(python).args(["-c", QUESTION]).stdin(std::process::Stdio::null()).output().ok()?;
    let origin = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    let package = origin.parent()?.to_owned();
    package.join("module_utils").is_dir().then_some(package)
}
