//! Content of the controller that a module on the host may ask for.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rprov_modules::checksum::Algorithm;
use rprov_wire::{Content, Source};

use super::call::Stop;
use crate::vault::{Envelope, Keyring};

/// Bytes in memory as content number `index`.
pub(super) fn of_bytes(index: u32, bytes: Vec<u8>) -> (Content, Source) {
    let content = Content { index, size: bytes.len() as u64, sha1: Algorithm::Sha1.of_bytes(&bytes) };
    (content, Source::Bytes(bytes.into()))
}

/// The content of a file that may be encrypted, and whether it was.
pub(super) fn plain(path: &Path, vault: &Keyring) -> Result<(Vec<u8>, bool), Stop> {
    vault
        .read(path)
        .map_err(|error| Stop::failed(format!("could not read {}: {error}", path.display())))?
        .map_err(|problem| Stop::failed(problem.message))
}

/// A file as content number `index`; it is read once for its checksum, whatever the number of hosts, and again where a
/// host asks for it. `vault` opens it first if it is encrypted; then it is kept in memory.
pub(super) fn of_file(index: u32, path: &Path, vault: Option<&Keyring>) -> Result<(Content, Source), Stop> {
    let problem = |error: std::io::Error| Stop::failed(format!("could not read {}: {error}", path.display()));
    if let Some(vault) = vault {
        let mut start = Vec::new();
        let file = File::open(path).map_err(problem)?;
        file.take(Envelope::MARK.len() as u64).read_to_end(&mut start).map_err(problem)?;
        if Envelope::is_one(&start) {
            return Ok(of_bytes(index, plain(path, vault)?.0));
        }
    }
    let (sha1, size) = sum(path).map_err(problem)?;
    Ok((Content { index, size, sha1 }, Source::File(path.to_owned())))
}

/// What tells one state of a file from another, as far as the system notes it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// A file whose last change is not older than this may change again within the same tick of the file system's clock.
const SETTLED: Duration = Duration::from_secs(2);

type Sum = Arc<Mutex<Option<(Stamp, String)>>>;

/// Checksums of large files, which all hosts of a play want at the same time.
static SUMS: LazyLock<Mutex<HashMap<PathBuf, Sum>>> = LazyLock::new(Mutex::default);

/// Smaller files are read again faster than they are looked up.
const LARGE: u64 = 256 * 1024;

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    fn is_settled(&self) -> bool {
        let changed = Duration::from_secs(u64::try_from(self.changed.0.max(self.modified.0)).unwrap_or_default());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        now.checked_sub(changed).is_some_and(|age| age > SETTLED)
    }
}

/// A file's SHA-1 and size.
fn sum(path: &Path) -> std::io::Result<(String, u64)> {
    let mut file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    if stamp.size < LARGE {
        return read(&mut file);
    }
    let known = Arc::clone(SUMS.lock().unwrap_or_else(PoisonError::into_inner).entry(path.to_owned()).or_default());
    // Held while it is read: the other hosts wait for the sum instead of reading it, too.
    let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, sha1)) = known.as_ref().filter(|(known, _)| *known == stamp) {
        return Ok((sha1.clone(), stamp.size));
    }
    let (sha1, size) = read(&mut file)?;
    let unchanged = Stamp::of(&file.metadata()?) == stamp && size == stamp.size;
    *known = (unchanged && stamp.is_settled()).then(|| (stamp, sha1.clone()));
    Ok((sha1, size))
}

fn read(file: &mut File) -> std::io::Result<(String, u64)> {
    Ok((Algorithm::Sha1.of_reader(file)?, file.stream_position()?))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[test]
    fn a_large_file_is_summed_again_once_it_has_changed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("large");
        let long_ago = SystemTime::now() - Duration::from_secs(60);
        for content in [vec![1; 300_000], vec![2; 300_000], vec![2; 300_001]] {
            std::fs::write(&path, &content).unwrap();
            // As old as the one before: the change time tells.
            File::options().append(true).open(&path).unwrap().set_modified(long_ago).unwrap();
            for _ in 0..2 {
                assert_eq!(sum(&path).unwrap(), (Algorithm::Sha1.of_bytes(&content), content.len() as u64));
            }
        }
        assert!(sum(&directory.path().join("none")).is_err());
    }
}
