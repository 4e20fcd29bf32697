//! A Python module with all that it imports of `ansible.module_utils` and of collections, as one archive that Python runs.

use std::collections::{BTreeMap, VecDeque};
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;

use super::import::{Import, imports};
use super::installation;
use super::library::{Library, split};

/// What Python runs of the archive.
const START: &str = include_str!("start.py");

/// Packages whose modules `AnsibleModule` imports by names that it makes as it runs: all of them come along with what
/// stands above them.
const CHOSEN_LATER: [&str; 1] = ["ansible.module_utils._internal._json._profiles"];

/// Files of the archive, by path.
type Files = BTreeMap<String, Vec<u8>>;

/// Pack the module of that full name; `source` is its text.
///
/// # Errors
/// Something that it imports is not there, or cannot be read; the text says what, and what to do.
pub(super) fn pack(name: &str, source: &str, library: &Library) -> Result<Vec<u8>, String> {
    let path = placed(name);
    let mut packing = Packing { name, library, files: Files::new(), open: VecDeque::new(), missing: None };
    let package = path.get(..path.len().saturating_sub(1)).unwrap_or_default();
    packing.parents(&path);
    packing.file(&format!("{}.py", path.join("/")), source.as_bytes().to_vec(), package);
    packing.close()?;
    let mut files = packing.files;
    let start = START.replace("@MODULE@", &path.join("."));
    files.insert("__main__.py".to_owned(), start.into_bytes());
    archive(&files).map_err(|error| format!("could not pack the module {name}: {error}"))
}

/// Where the module stands in the archive, as a Python name.
fn placed(name: &str) -> Vec<String> {
    let words = |text: &str| text.split('.').map(str::to_owned).collect::<Vec<_>>();
    match split(name) {
        Some(("ansible.legacy", short)) => words(&format!("ansible.legacy.{short}")),
        Some((collection, rest)) => words(&format!("ansible_collections.{collection}.plugins.modules.{rest}")),
        None => words(&format!("ansible.legacy.{name}")),
    }
}

struct Packing<'a> {
    name: &'a str,
    library: &'a Library,
    files: Files,
    /// Imports that are still to be followed.
    open: VecDeque<Import>,
    /// The first that must be there and is not.
    missing: Option<Vec<String>>,
}

/// Code that a Python name leads to.
struct Found {
    code: Code,
    package: bool,
}

enum Code {
    File(PathBuf),
    /// What rprov brings along where no Ansible is installed.
    Own(&'static str),
    /// A package without `__init__.py` has none.
    None,
}

impl Code {
    fn read(&self) -> Result<Vec<u8>, String> {
        match self {
            Code::File(file) => {
                std::fs::read(file).map_err(|error| format!("could not read {}: {error}", file.display()))
            }
            Code::Own(text) => Ok(text.as_bytes().to_vec()),
            Code::None => Ok(Vec::new()),
        }
    }
}

/// The part of `ansible.module_utils` that rprov has code of its own for.
const OWN: [(&str, &str); 3] = [
    ("basic", include_str!("stand_in/basic.py")),
    ("_text", include_str!("stand_in/text.py")),
    ("common/text/converters", include_str!("stand_in/text.py")),
];

impl Packing<'_> {
    /// Follow what is imported, to the end.
    fn close(&mut self) -> Result<(), String> {
        while let Some(import) = self.open.pop_front() {
            self.follow(&import)?;
        }
        let Some(missing) = &self.missing else { return Ok(()) };
        let looked: Vec<String> = missing.iter().map(|name| format!("'{name}'")).collect();
        let message = format!(
            "Could not find imported module support code for {}. Looked for ([{}])",
            self.name,
            looked.join(", ")
        );
        Err(match installation::find() {
            Err(problem) if missing.iter().any(|name| name.starts_with("ansible.module_utils.")) => format!(
                "{message}. It comes with Ansible, which is not installed on the controller: {problem}; \
                 `pip install ansible-core` brings it, or put the code into `module_utils/` beside the playbook"
            ),
            _ => message,
        })
    }

    fn follow(&mut self, import: &Import) -> Result<(), String> {
        if !is_ours(&import.module) {
            return Ok(());
        }
        let mut looked = Vec::new();
        // What is taken from a package may be a module of its own.
        if let Some(name) = import.name.as_ref().filter(|name| *name != "*") {
            let mut deeper = import.module.clone();
            deeper.push(name.clone());
            if self.add(&deeper)? {
                return Ok(());
            }
            looked.push(deeper.join("."));
        }
        if self.add(&import.module)? {
            return Ok(());
        }
        looked.push(import.module.join("."));
        // A module may make others when it runs (`six.moves`): then it is for Python to say what is not there.
        for length in (1..import.module.len()).rev() {
            let above = import.module.get(..length).unwrap_or_default();
            if above.last().is_some_and(|last| last == "module_utils" || last == "plugins") {
                break;
            }
            if self.add(above)? {
                return Ok(());
            }
        }
        if import.needed && self.missing.is_none() {
            self.missing = Some(looked);
        }
        Ok(())
    }

    /// Put a Python module into the archive, if there is one of that name.
    fn add(&mut self, name: &[String]) -> Result<bool, String> {
        let Some(found) = self.locate(name) else { return Ok(false) };
        let inside = match found.package {
            true => format!("{}/__init__.py", name.join("/")),
            false => format!("{}.py", name.join("/")),
        };
        if self.files.contains_key(&inside) {
            return Ok(true);
        }
        self.parents(name);
        let content = found.code.read()?;
        let package = if found.package { name } else { name.get(..name.len().saturating_sub(1)).unwrap_or_default() };
        self.file(&inside, content, package);
        for later in CHOSEN_LATER {
            if later.rsplit_once('.').is_some_and(|(above, _)| above == name.join(".")) {
                let package: Vec<String> = later.split('.').map(str::to_owned).collect();
                self.open.extend(self.modules_in(&package).into_iter().map(|module| Import {
                    module: package.iter().cloned().chain([module]).collect(),
                    name: None,
                    needed: false,
                }));
            }
        }
        Ok(true)
    }

    /// The names of the modules in a package.
    fn modules_in(&self, package: &[String]) -> Vec<String> {
        let Some(Found { code: Code::File(file), .. }) = self.locate(package) else { return Vec::new() };
        let directory = file.parent().map(Path::to_owned).unwrap_or_default();
        let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".py").map(str::to_owned))
            .filter(|name| name != "__init__")
            .collect();
        names.sort();
        names
    }

    fn file(&mut self, inside: &str, content: Vec<u8>, package: &[String]) {
        self.open.extend(imports(&String::from_utf8_lossy(&content), package));
        self.files.insert(inside.to_owned(), content);
    }

    /// The packages that a module stands in.
    fn parents(&mut self, name: &[String]) {
        for length in 1..name.len() {
            let Some(package) = name.get(..length) else { continue };
            let inside = format!("{}/__init__.py", package.join("/"));
            if self.files.contains_key(&inside) {
                continue;
            }
            let code = self.locate(package).and_then(|found| found.code.read().ok());
            match code {
                Some(content) => self.file(&inside, content, package),
                None if inside == "ansible/__init__.py" => {
                    let version = installation::find().ok().and_then(|ansible| ansible.version()).unwrap_or_default();
                    self.file(&inside, format!("__version__ = '{version}'\n").into_bytes(), package);
                }
                None => self.file(&inside, Vec::new(), package),
            }
        }
    }

    /// The code that a Python name leads to.
    fn locate(&self, name: &[String]) -> Option<Found> {
        let words: Vec<&str> = name.iter().map(String::as_str).collect();
        let roots: Vec<(PathBuf, &[&str])> = match words.as_slice() {
            ["ansible", "module_utils", rest @ ..] => {
                let mut roots = self.library.utilities();
                roots.extend(installation::find().ok().map(|ansible| ansible.utilities()));
                roots.into_iter().map(|root| (root, rest)).collect()
            }
            ["ansible_collections", namespace, collection, rest @ ..] => {
                let name = format!("{namespace}.{collection}");
                let mut roots = self.library.collections().roots(&name);
                roots.extend(installation::find().ok().and_then(|ansible| ansible.collection(&name)));
                roots.into_iter().map(|root| (root, rest)).collect()
            }
            _ => return None,
        };
        let paths: Vec<PathBuf> =
            roots.iter().map(|(root, rest)| root.join(rest.iter().collect::<PathBuf>())).collect();
        let file = paths.iter().find_map(|path| {
            let package = path.join("__init__.py");
            if package.is_file() {
                return Some(Found { code: Code::File(package), package: true });
            }
            let file = with_ending(path);
            file.is_file().then_some(Found { code: Code::File(file), package: false })
        });
        let own = || match words.as_slice() {
            ["ansible", "module_utils", rest @ ..] if installation::find().is_err() => {
                let path = rest.join("/");
                let code = OWN.iter().find(|(name, _)| *name == path)?.1;
                Some(Found { code: Code::Own(code), package: false })
            }
            _ => None,
        };
        // A directory is a package as well, if nothing else is.
        let package = || paths.iter().any(|path| path.is_dir()).then_some(Found { code: Code::None, package: true });
        file.or_else(own).or_else(package)
    }
}

fn with_ending(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".py");
    PathBuf::from(name)
}

/// Whether it is for us to bring along: all else is the host's Python's.
fn is_ours(module: &[String]) -> bool {
    let words: Vec<&str> = module.iter().map(String::as_str).collect();
    matches!(words.as_slice(), ["ansible", "module_utils", ..] | ["ansible_collections", _, _, ..])
}

/// Whether a text is a Python module that imports such code.
pub(super) fn is_packed(name: &str, source: &str) -> bool {
    let path = placed(name);
    let package = path.get(..path.len().saturating_sub(1)).unwrap_or_default();
    imports(source, package).iter().any(|import| {
        is_ours(&import.module)
            || import.module.join(".") == "ansible" && import.name.as_deref() == Some("module_utils")
    })
}

/// An archive with the same bytes for the same files.
fn archive(files: &Files) -> zip::result::ZipResult<Vec<u8>> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
    for (path, content) in files {
        writer.start_file(path.as_str(), options)?;
        writer.write_all(content)?;
    }
    Ok(writer.finish()?.into_inner())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn names(archive: Vec<u8>) -> Vec<String> {
        zip::ZipArchive::new(Cursor::new(archive))
            .unwrap()
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect()
    }

    #[test]
    fn what_is_imported_comes_along_with_what_that_imports() {
        let directory = tempfile::tempdir().unwrap();
        let root = directory.path();
        for (path, text) in [
            ("module_utils/a/__init__.py", "from .b import thing\n"),
            ("module_utils/a/b.py", "import ansible.module_utils.c\n"),
            ("module_utils/a/unused.py", ""),
            ("module_utils/c.py", "from ansible.module_utils.c import itself\nimport os\n"),
            ("collections/ansible_collections/ns/col/plugins/module_utils/d.py", ""),
        ] {
            std::fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
            std::fs::write(root.join(path), text).unwrap();
        }
        let library = Arc::new(Library::default());
        library.add_playbook(root);
        let packed = pack("ns.col.m", "from ansible.module_utils.a import x\nfrom ..module_utils import d\n", &library);
        let packed = packed.unwrap();
        let expected = [
            "__main__.py",
            "ansible/__init__.py",
            "ansible/module_utils/__init__.py",
            "ansible/module_utils/a/__init__.py",
            "ansible/module_utils/a/b.py",
            "ansible/module_utils/c.py",
            "ansible_collections/__init__.py",
            "ansible_collections/ns/__init__.py",
            "ansible_collections/ns/col/__init__.py",
            "ansible_collections/ns/col/plugins/__init__.py",
            "ansible_collections/ns/col/plugins/module_utils/__init__.py",
            "ansible_collections/ns/col/plugins/module_utils/d.py",
            "ansible_collections/ns/col/plugins/modules/__init__.py",
            "ansible_collections/ns/col/plugins/modules/m.py",
        ];
        assert_eq!(names(packed.clone()), expected);
        // The same module is the same content, whenever it is packed.
        let again = pack("ns.col.m", "from ansible.module_utils.a import x\nfrom ..module_utils import d\n", &library);
        assert_eq!(again.unwrap(), packed);
    }

    #[test]
    fn only_what_nothing_catches_must_be_there() {
        let library = Arc::new(Library::default());
        let caught = "try:\n    from ansible.module_utils.no_such import x\nexcept ImportError:\n    pass\n";
        assert!(pack("ansible.legacy.m", caught, &library).is_ok());
        let problem = pack("ansible.legacy.m", "from ansible.module_utils.no_such import x", &library).unwrap_err();
        let expected = "Could not find imported module support code for ansible.legacy.m. Looked for \
                        (['ansible.module_utils.no_such.x', 'ansible.module_utils.no_such'])";
        assert!(problem.starts_with(expected), "{problem}");
    }

    #[test]
    fn a_module_is_packed_if_it_imports_what_is_ansible_s() {
        assert!(is_packed("ansible.legacy.m", "from ansible.module_utils import basic"));
        assert!(is_packed("ansible.legacy.m", "import ansible.module_utils.basic as b"));
        assert!(is_packed("ns.col.m", "from ..module_utils.d import x"));
        assert!(!is_packed("ansible.legacy.m", "import json\nfrom os import path"));
    }
}
