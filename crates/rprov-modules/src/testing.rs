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
use crate::registry::{Entry, Module};

/// A temporary tree, and a controller made of memory.
pub struct Bench {
    tree: tempfile::TempDir,
    contents: Mutex<Vec<Vec<u8>>>,
    pulls: AtomicUsize,
    pushed: Mutex<Vec<u8>>,
    find: fn(&str) -> Option<&'static Module>,
    entry: fn(&str) -> Option<Entry>,
    programs: tempfile::TempDir,
}

/// What a file looks like from outside: kind, mode, content or link target.
pub type Snapshot = BTreeMap<String, String>;

impl Bench {
    pub fn new() -> Self {
        Self::of(crate::registry::find, crate::registry::entry)
    }

    /// For the modules of another list.
    pub fn of(find: fn(&str) -> Option<&'static Module>, entry: fn(&str) -> Option<Entry>) -> Self {
        Bench {
            tree: tempfile::tempdir().unwrap(),
            contents: Mutex::default(),
            pulls: AtomicUsize::new(0),
            pushed: Mutex::default(),
            find,
            entry,
            programs: tempfile::tempdir().unwrap(),
        }
    }

    /// A shell script that modules find as the program of that name. It runs in the tree, and notes how it was called;
    /// see [`Bench::calls`].
    pub fn program(&self, name: &str, script: &str) -> String {
        let path = self.programs.path().join(name);
        let (tree, calls) = (self.root(), self.programs.path().join("calls"));
        let text = format!(
            "#!/bin/sh\necho \"{name} $*\" >>{}\nROOT={}\ncd $ROOT\n{script}\n",
            calls.display(),
            tree.display()
        );
        let _no_starts = crate::process::no_starts();
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        path.display().to_string()
    }

    /// The directory of the [programs](Bench::program).
    pub fn programs(&self) -> PathBuf {
        self.programs.path().to_owned()
    }

    /// The calls of [programs](Bench::program) since the last time, in their order.
    pub fn calls(&self) -> Vec<String> {
        let path = self.programs.path().join("calls");
        let text = std::fs::read_to_string(&path).unwrap_or_default();
        let _ = std::fs::remove_file(path);
        text.lines().map(str::to_owned).collect()
    }

    /// An absolute path in the tree.
    pub fn path(&self, name: &str) -> String {
        self.root().join(name).display().to_string()
    }

    pub fn root(&self) -> PathBuf {
        self.tree.path().to_owned()
    }

    /// Create a file, with its directories.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.tree.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.tree.path().join(name)).unwrap()).into_owned()
    }

    /// Content that stays on the controller, as an argument.
    pub fn content(&self, bytes: impl AsRef<[u8]>) -> serde_json::Value {
        let bytes = bytes.as_ref();
        let mut contents = self.contents.lock().unwrap();
        contents.push(bytes.to_vec());
        let sha1: String = Sha1::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        let content = Content { index: contents.len() as u32 - 1, size: bytes.len() as u64, sha1 };
        content.to_value().to_json()
    }

    /// How often content travelled.
    pub fn pulls(&self) -> usize {
        self.pulls.load(Ordering::SeqCst)
    }

    /// What was sent to the controller.
    pub fn pushed(&self) -> Vec<u8> {
        self.pushed.lock().unwrap().clone()
    }

    pub fn run(&self, module: &str, arguments: serde_json::Value, check: bool) -> Result<Map, Failure> {
        let module = (self.find)(module).unwrap();
        let arguments = Value::from_json(&arguments);
        let arguments = arguments.as_map().unwrap();
        let problems = module.spec.check(module.name, arguments, |_| false);
        if let Some(problem) = problems.into_iter().next() {
            return Err(problem.into());
        }
        let inherited = std::env::var("PATH").unwrap_or_default();
        let environment = vec![("PATH".to_owned(), format!("{}:{inherited}", self.programs.path().display()))];
        let options = Options { check, diff: true, environment, ..Options::default() };
        let context = Context { options: &options, transport: self, cancel: &Cancel::default() };
        (self.entry)(module.name).unwrap()(arguments, &context).map(|outcome| outcome.into_map(true))
    }

    /// Run for real.
    pub fn apply(&self, module: &str, arguments: serde_json::Value) -> Map {
        self.run(module, arguments, false).unwrap_or_else(|failure| panic!("{module}: {failure}"))
    }

    pub fn fails(&self, module: &str, arguments: serde_json::Value) -> String {
        match self.run(module, arguments, false) {
            Ok(map) => panic!("{module} should fail, but gave {}", Value::Map(map)),
            Err(failure) => failure.message,
        }
    }

    /// Check mode changes nothing and predicts `changed` and the diff; applying changes something; applying
    /// again changes nothing. Gives the result of the first application.
    pub fn converges(&self, module: &str, arguments: serde_json::Value) -> Map {
        let before = self.snapshot();
        let predicted =
            self.run(module, arguments.clone(), true).unwrap_or_else(|failure| panic!("{module} (check): {failure}"));
        assert_eq!(self.snapshot(), before, "{module}: check mode changed something");
        let applied = self.apply(module, arguments.clone());
        assert_eq!(predicted["changed"], Value::Bool(true), "{module}: check mode predicts a change");
        assert_eq!(applied["changed"], Value::Bool(true), "{module}: the first run changes");
        assert_eq!(
            telling(predicted.get("diff")),
            telling(applied.get("diff")),
            "{module}: the predicted diff is the real one"
        );
        assert_ne!(self.snapshot(), before, "{module}: the first run changes something");
        self.settled(module, arguments);
        applied
    }

    /// Neither check mode nor a real run changes anything.
    pub fn settled(&self, module: &str, arguments: serde_json::Value) {
        let before = self.snapshot();
        for check in [true, false] {
            let again =
                self.run(module, arguments.clone(), check).unwrap_or_else(|failure| panic!("{module}: {failure}"));
            assert_eq!(again["changed"], Value::Bool(false), "{module} (check={check}): {}", Value::Map(again.clone()));
        }
        assert_eq!(self.snapshot(), before, "{module}: an unchanged run changed something");
    }

    /// Everything in the tree.
    pub fn snapshot(&self) -> Snapshot {
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

    fn push(&self, data: rprov_wire::Bytes, _last: bool) -> Result<(), Failure> {
        self.pushed.lock().unwrap().extend_from_slice(&data);
        Ok(())
    }

    fn output(&self, _stream: Stream, _data: &[u8]) {}
}

/// A web server on loopback that knows a few paths, and counts requests.
pub struct Server {
    address: std::net::SocketAddr,
    requests: std::sync::Arc<AtomicUsize>,
}

impl Server {
    pub fn new() -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = std::sync::Arc::new(AtomicUsize::new(0));
        let counter = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                serve(stream.unwrap());
            }
        });
        Server { address, requests }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

fn serve(mut stream: std::net::TcpStream) {
    use std::io::{BufRead, BufReader, Write};
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).unwrap_or(0) == 0 {
            return;
        }
    }
    let header = |name: &str| {
        request.lines().find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then(|| value.to_owned())
        })
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).unwrap();
    let mut words = request.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let (status, headers, content) = match path {
        "/json" => (
            "200 OK",
            "Content-Type: application/json\r\nSet-Cookie: k=v; Path=/\r\nSet-Cookie: l=w\r\nX-A-B: c\r\n",
            b"{\"a\":1}".to_vec(),
        ),
        "/redirect" => ("302 Found", "Location: /json\r\n", Vec::new()),
        "/echo" => {
            let lines: Vec<String> = request
                .lines()
                .map(|line| match line.split_once(": ") {
                    Some((name, value)) => format!("{}: {value}", name.to_lowercase()),
                    None => line.to_owned(),
                })
                .collect();
            ("200 OK", "", [lines.join("\n").as_bytes(), &body].concat())
        }
        "/auth" => match header("authorization") {
            Some(login) => ("200 OK", "", login.into_bytes()),
            None => ("401 Unauthorized", "WWW-Authenticate: Basic realm=\"x\"\r\n", b"no".to_vec()),
        },
        "/file.txt" => ("200 OK", "Content-Disposition: attachment; filename=\"named.txt\"\r\n", b"hello\n".to_vec()),
        "/SUMS" => ("200 OK", "", b"f572d396fae9206628714fb2ce00f72e94f2258f  file.txt\n".to_vec()),
        _ => ("404 Not Found", "", b"nope".to_vec()),
    };
    let head = format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n", content.len());
    stream.write_all(head.as_bytes()).unwrap();
    if method != "HEAD" {
        stream.write_all(&content).unwrap();
    }
}

/// The entries of a diff that say something: of a new file, Ansible adds an entry with headers alone once it is there.
fn telling(diff: Option<&Value>) -> Vec<Value> {
    let entries = match diff {
        None => Vec::new(),
        Some(Value::List(entries)) => entries.clone(),
        Some(single) => vec![single.clone()],
    };
    entries.into_iter().filter(|entry| entry.get("before").is_some() || entry.get("after").is_some()).collect()
}
