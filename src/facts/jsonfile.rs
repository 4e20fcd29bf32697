//! `fact_caching = jsonfile`: one file for each host in a directory.

use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::source::Diagnostic;

/// The directory.
#[derive(Debug)]
pub(super) struct JsonFiles {
    directory: PathBuf,
    prefix: String,
    /// How old a file may be; `None` for any age.
    age: Option<Duration>,
}

impl JsonFiles {
    /// Use a directory, which is made if need be.
    ///
    /// # Errors
    /// It cannot be made, or not be written to.
    pub(super) fn open(directory: PathBuf, prefix: String, age: Option<Duration>) -> Result<Self, Diagnostic> {
        let unusable = |error: String| {
            Diagnostic::error(format!("the directory of cached facts, `{}`, cannot be used", directory.display()))
                .cause(error)
                .hint("`fact_caching_connection` names it; it must be a directory that you may write to")
        };
        std::fs::create_dir_all(&directory).map_err(|error| unusable(error.to_string()))?;
        use rustix::fs::Access;
        rustix::fs::access(&directory, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK)
            .map_err(|error| unusable(std::io::Error::from(error).to_string()))?;
        Ok(Self { directory, prefix, age })
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        // A name with a slash would lead out of the directory.
        let name = format!("{}{key}", self.prefix);
        (!name.contains('/')).then(|| self.directory.join(name))
    }

    /// The text of a key that is there and not too old.
    pub(super) fn get(&self, key: &str) -> Result<Option<String>, Diagnostic> {
        let Some(path) = self.path(key) else { return Ok(None) };
        let fresh = |modified: SystemTime| match self.age {
            None => true,
            // A time that lies ahead is not old.
            Some(age) => modified.elapsed().is_ok_and(|elapsed| elapsed <= age) || modified > SystemTime::now(),
        };
        let read = || match std::fs::metadata(&path).and_then(|metadata| metadata.modified()) {
            Ok(modified) if fresh(modified) => std::fs::read_to_string(&path).map(Some),
            Ok(_) => Ok(None),
            Err(error) => Err(error),
        };
        match read() {
            Ok(text) => Ok(text),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(told("read", &path, &error)),
        }
    }

    pub(super) fn set(&self, key: &str, text: &str) -> Result<(), Diagnostic> {
        let Some(path) = self.path(key) else { return Ok(()) };
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
            file.write_all(text.as_bytes())?;
            file.as_file().set_permissions(std::fs::Permissions::from_mode(0o644))?;
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(|error| told("write", &path, &error))
    }

    pub(super) fn remove(&self, key: &str) -> Result<(), Diagnostic> {
        let Some(path) = self.path(key) else { return Ok(()) };
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(told("remove", &path, &error)),
            _ => Ok(()),
        }
    }

    /// Where a key's text lies, for messages.
    pub(super) fn place(&self, key: &str) -> String {
        self.directory.join(format!("{}{key}", self.prefix)).display().to_string()
    }
}

fn told(doing: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(format!("could not {doing} the cached facts `{}`", path.display())).cause(error.to_string())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn files_are_kept_until_they_are_too_old() {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().join("a/b");
        let open = |age| JsonFiles::open(place.clone(), "p_".to_owned(), age).unwrap();
        let files = open(Some(Duration::from_secs(100)));
        assert_eq!(files.get("h").unwrap(), None);
        files.set("h", "text").unwrap();
        files.set("../h", "text").unwrap();
        assert_eq!(files.get("h").unwrap().unwrap(), "text");
        let file = std::fs::File::options().write(true).open(place.join("p_h")).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(200)).unwrap();
        assert_eq!(files.get("h").unwrap(), None);
        assert_eq!(open(None).get("h").unwrap().unwrap(), "text");
        files.remove("h").unwrap();
        files.remove("h").unwrap();
        assert_eq!(open(None).get("h").unwrap(), None);
        assert_eq!(std::fs::read_dir(&place).unwrap().count(), 0);
    }
}
