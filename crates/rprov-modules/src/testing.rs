//! Runs modules in tests as the agent would: by name, with arguments as values, on a temporary tree.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use rprov_wire::{Content, Map, Options, Stream, Value};
use sha1::{Digest, Sha1};

use crate::context::{Cancel, Context, Transport};
use crate::outcome::Failure;

/// A temporary tree, and a controller made of memory.
pub(crate) struct Bench {
    tree: tempfile::TempDir,
    contents: Mutex<Vec<Vec<u8>>>,
    pulls: AtomicUsize,
    pushed: Mutex<Vec<u8>>,
}

/// What a file looks like from outside: kind, mode, content or link target.
pub(crate) type Snapshot = BTreeMap<String, String>;

impl Bench {
    pub(crate) fn new() -> Self {
        Bench {
            tree: tempfile::tempdir().unwrap(),
            contents: Mutex::default(),
            pulls: AtomicUsize::new(0),
            pushed: Mutex::default(),
        }
    }

    /// An absolute path in the tree.
    pub(crate) fn path(&self, name: &str) -> String {
        self.root().join(name).display().to_string()
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.tree.path().to_owned()
    }

    /// Create a file, with its directories.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.tree.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub(crate) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.tree.path().join(name)).unwrap()).into_owned()
    }

    /// Content that stays on the controller, as an argument.
    pub(crate) fn content(&self, bytes: impl AsRef<[u8]>) -> serde_json::Value {
        let bytes = bytes.as_ref();
        let mut contents = self.contents.lock().unwrap();
        contents.push(bytes.to_vec());
        let sha1: String = Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let content = Content { index: contents.len() as u32 - 1, size: bytes.len() as u64, sha1 };
        content.to_value().to_json()
    }

    /// How often content travelled.
    pub(crate) fn pulls(&self) -> usize {
        self.pulls.load(Ordering::SeqCst)
    }

    /// What was sent to the controller.
    pub(crate) fn pushed(&self) -> Vec<u8> {
        self.pushed.lock().unwrap().clone()
    }

    pub(crate) fn run(&self, module: &str, arguments: serde_json::Value, check: bool) -> Result<Map, Failure> {
        let module = crate::registry::find(module).unwrap();
        let arguments = Value::from_json(&arguments);
        let arguments = arguments.as_map().unwrap();
        let problems = module.spec.check(module.name, arguments, |_| false);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem.into());
        }
        let options = Options { check, diff: true, ..Options::default() };
        let context = Context { options: &options, transport: self, cancel: &Cancel::default() };
        (module.run)(arguments, &context).map(|outcome| outcome.into_map(true))
    }

    /// Run for real.
    pub(crate) fn apply(&self, module: &str, arguments: serde_json::Value) -> Map {
        self.run(module, arguments, false).unwrap_or_else(|failure| panic!("{module}: {failure}"))
    }

    pub(crate) fn fails(&self, module: &str, arguments: serde_json::Value) -> String {
        match self.run(module, arguments, false) {
            Ok(map) => panic!("{module} should fail, but gave {}", Value::Map(map)),
            Err(failure) => failure.message,
        }
    }

    /// Check mode changes nothing and predicts `changed` and the diff; applying changes something; applying
    /// again changes nothing. Gives the result of the first application.
    pub(crate) fn converges(&self, module: &str, arguments: serde_json::Value) -> Map {
        let before = self.snapshot();
        let predicted =
            self.run(module, arguments.clone(), true).unwrap_or_else(|failure| panic!("{module} (check): {failure}"));
        assert_eq!(self.snapshot(), before, "{module}: check mode changed something");
        let applied = self.apply(module, arguments.clone());
        assert_eq!(predicted["changed"], Value::Bool(true), "{module}: check mode predicts a change");
        assert_eq!(applied["changed"], Value::Bool(true), "{module}: the first run changes");
        assert_eq!(predicted.get("diff"), applied.get("diff"), "{module}: the predicted diff is the real one");
        assert_ne!(self.snapshot(), before, "{module}: the first run changes something");
        self.settled(module, arguments);
        applied
    }

    /// Neither check mode nor a real run changes anything.
    pub(crate) fn settled(&self, module: &str, arguments: serde_json::Value) {
        let before = self.snapshot();
        for check in [true, false] {
            let again =
                self.run(module, arguments.clone(), check).unwrap_or_else(|failure| panic!("{module}: {failure}"));
            assert_eq!(again["changed"], Value::Bool(false), "{module} (check={check}): {}", Value::Map(again.clone()));
        }
        assert_eq!(self.snapshot(), before, "{module}: an unchanged run changed something");
    }

    /// Everything in the tree.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut snapshot = Snapshot::new();
        describe(self.tree.path(), self.tree.path(), &mut snapshot);
        snapshot
    }
}

fn describe(root: &Path, path: &Path, snapshot: &mut Snapshot) {
    use std::os::unix::fs::MetadataExt;
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return };
    let content = if metadata.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            describe(root, &entry.unwrap().path(), snapshot);
        }
        "directory".to_owned()
    } else if metadata.is_symlink() {
        format!("-> {}", std::fs::read_link(path).unwrap().display())
    } else {
        format!("{} {}", metadata.mtime(), String::from_utf8_lossy(&std::fs::read(path).unwrap()))
    };
    let name = path.strip_prefix(root).unwrap().display().to_string();
    snapshot.insert(name, format!("{:o} {}:{} {content}", metadata.mode(), metadata.uid(), metadata.gid()));
}

impl Transport for Bench {
    fn pull(&self, content: &Content) -> Result<Box<dyn Read + Send + '_>, Failure> {
        self.pulls.fetch_add(1, Ordering::SeqCst);
        let contents = self.contents.lock().unwrap();
        let bytes = contents.get(content.index as usize).ok_or_else(|| Failure::new("no such content"))?;
        Ok(Box::new(std::io::Cursor::new(bytes.clone())))
    }

    fn push(&self, data: &[u8], _last: bool) -> Result<(), Failure> {
        self.pushed.lock().unwrap().extend_from_slice(data);
        Ok(())
    }

    fn output(&self, _stream: Stream, _data: &[u8]) {}
}
