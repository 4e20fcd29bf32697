//! The register of source files: each is kept once, so that a position is three small numbers.

use std::collections::HashMap;
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
    /// It is encrypted on disk: no message may quote it.
    pub secret: bool,
}

impl SourceFile {
    /// Its lines as messages may quote them.
    pub fn quotable(&self) -> &str {
        if self.secret { "" } else { &self.text }
    }
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

#[derive(Default)]
struct Register {
    files: Vec<Arc<SourceFile>>,
    /// The newest text of each path.
    newest: HashMap<PathBuf, SourceId>,
}

static REGISTER: OnceLock<RwLock<Register>> = OnceLock::new();

fn registered() -> &'static RwLock<Register> {
    REGISTER.get_or_init(Default::default)
}

/// Keep a source text; positions in it refer to the number given back.
///
/// A file that is read again, as a template is for each host, is kept once as long as it does not change.
pub fn register(path: impl AsRef<Path>, text: impl Into<Arc<str>>) -> SourceId {
    keep(path.as_ref(), text.into(), false)
}

/// Keep the text of a file that is encrypted on disk: its positions are told, its lines are not.
/// [`register`] of the same text gives the same file, still secret.
pub fn register_secret(path: impl AsRef<Path>, text: impl Into<Arc<str>>) -> SourceId {
    keep(path.as_ref(), text.into(), true)
}

fn keep(path: &Path, text: Arc<str>, secret: bool) -> SourceId {
    let mut register = registered().write().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(id) = register.newest.get(path).copied()
        && register.files.get(id.0 as usize).is_some_and(|file| file.text == text && file.secret >= secret)
    {
        return id;
    }
    let id = SourceId(register.files.len() as u32);
    register.files.push(Arc::new(SourceFile { path: path.to_owned(), text, secret }));
    register.newest.insert(path.to_owned(), id);
    id
}

/// The file with that number.
pub fn source_file(id: SourceId) -> Arc<SourceFile> {
    let register = registered().read().unwrap_or_else(std::sync::PoisonError::into_inner);
    register.files.get(id.0 as usize).cloned().unwrap_or_else(|| {
        Arc::new(SourceFile { path: PathBuf::from("<unknown>"), text: Arc::from(""), secret: false })
    })
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
