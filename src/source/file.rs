//! The register of source files: each is kept once, so that a position is three small numbers.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, RwLock};

/// Number of a registered source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(u32);

/// A file, or another piece of text (`<command line>`), that a human wrote.
#[derive(Debug)]
pub struct SourceFile {
    /// Its path, or a name in angle brackets.
    pub path: PathBuf,
    /// Its text.
    pub text: Arc<str>,
}

/// A position in a source file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The file.
    pub source: SourceId,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Length in characters on that line, at least 1.
    pub length: u32,
}

static FILES: OnceLock<RwLock<Vec<Arc<SourceFile>>>> = OnceLock::new();

fn files() -> &'static RwLock<Vec<Arc<SourceFile>>> {
    FILES.get_or_init(Default::default)
}

/// Keep a source text; positions in it refer to the number given back.
pub fn register(path: impl AsRef<Path>, text: impl Into<Arc<str>>) -> SourceId {
    let file = Arc::new(SourceFile { path: path.as_ref().to_owned(), text: text.into() });
    let mut files = files().write().unwrap_or_else(std::sync::PoisonError::into_inner);
    files.push(file);
    SourceId((files.len() - 1) as u32)
}

/// The file with that number.
pub fn source_file(id: SourceId) -> Arc<SourceFile> {
    let files = files().read().unwrap_or_else(std::sync::PoisonError::into_inner);
    files
        .get(id.0 as usize)
        .cloned()
        .unwrap_or_else(|| Arc::new(SourceFile { path: PathBuf::from("<unknown>"), text: Arc::from("") }))
}

impl Span {
    /// The first character of a file, for what is wrong with it as a whole.
    pub fn start_of(source: SourceId) -> Self {
        Self { source, line: 1, column: 1, length: 1 }
    }

    /// The file that this position is in.
    pub fn file(self) -> Arc<SourceFile> {
        source_file(self.source)
    }
}

impl std::fmt::Display for Span {
    /// `path:line:column`
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}:{}:{}", self.file().path.display(), self.line, self.column)
    }
}
