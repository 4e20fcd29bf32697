//! The directory that is sent to a build, as a tar archive, without what its `.dockerignore` names.
//!
//! Format of `.dockerignore`: <https://docs.docker.com/build/concepts/context/#dockerignore-files>.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// `*` stays within a directory; `**` does not.
const MATCHING: glob::MatchOptions =
    glob::MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };

/// The patterns of a `.dockerignore`; the last one that matches decides.
#[derive(Debug, Default)]
pub struct Ignore {
    patterns: Vec<(glob::Pattern, bool)>,
}

impl Ignore {
    /// Read patterns, one a line.
    pub fn parse(text: &str) -> Self {
        let mut patterns = Vec::new();
        for line in text.lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (keep, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            let pattern = pattern.trim_start_matches("./").trim_matches('/');
            if let Ok(pattern) = glob::Pattern::new(pattern) {
                patterns.push((pattern, keep));
            }
        }
        Ignore { patterns }
    }

    /// The path, relative to the context, is left out.
    pub fn ignores(&self, path: &Path) -> bool {
        let mut ignored = false;
        for (pattern, keep) in &self.patterns {
            if ignored == *keep
                && path
                    .ancestors()
                    .any(|part| !part.as_os_str().is_empty() && pattern.matches_path_with(part, MATCHING))
            {
                ignored = !keep;
            }
        }
        ignored
    }

    /// Something below an ignored directory may be kept all the same.
    fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|(_, keep)| *keep)
    }
}

/// A directory to be sent.
#[derive(Debug)]
pub struct BuildContext {
    root: PathBuf,
    ignore: Ignore,
    /// The Dockerfile's name within the archive.
    pub dockerfile: String,
    outside: Option<PathBuf>,
}

impl BuildContext {
    /// The context at `root`, with a Dockerfile that is named relative to it or absolute, even elsewhere.
    ///
    /// # Errors
    /// The directory or the Dockerfile is not there.
    pub fn new(root: &Path, dockerfile: Option<&str>) -> io::Result<Self> {
        let named = |path: &Path| {
            let path = path.display().to_string();
            move |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"))
        };
        let root = root.canonicalize().map_err(named(root))?;
        if !root.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotADirectory, format!("{} is no directory", root.display())));
        }
        let file = root.join(dockerfile.unwrap_or("Dockerfile"));
        let file = file.canonicalize().map_err(named(&file))?;
        let (dockerfile, outside) = match file.strip_prefix(&root) {
            Ok(inside) => (inside.display().to_string(), None),
            Err(_) => (".rprov.Dockerfile".to_owned(), Some(file.clone())),
        };
        let ignore = std::fs::read_to_string(root.join(".dockerignore")).map(|text| Ignore::parse(&text));
        Ok(BuildContext { root, ignore: ignore.unwrap_or_default(), dockerfile, outside })
    }

    /// Write the archive.
    ///
    /// # Errors
    /// A file cannot be read (the error names it), or the archive cannot be written.
    pub fn write(&self, writer: &mut dyn Write) -> io::Result<()> {
        let mut archive = tar::Builder::new(writer);
        archive.follow_symlinks(false);
        self.add_directory(&mut archive, Path::new(""))?;
        if let Some(outside) = &self.outside {
            archive.append_path_with_name(outside, &self.dockerfile)?;
        }
        archive.into_inner()?.flush()
    }

    fn add_directory(&self, archive: &mut tar::Builder<&mut dyn Write>, relative: &Path) -> io::Result<()> {
        let directory = self.root.join(relative);
        let named =
            |path: &Path, error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", path.display()));
        let mut entries: Vec<PathBuf> = std::fs::read_dir(&directory)
            .and_then(|entries| entries.map(|entry| Ok(relative.join(entry?.file_name()))).collect())
            .map_err(|error| named(&directory, error))?;
        entries.sort_unstable();
        for entry in entries {
            let path = self.root.join(&entry);
            let always = entry == Path::new(&self.dockerfile) || entry == Path::new(".dockerignore");
            let ignored = !always && self.ignore.ignores(&entry);
            let metadata = path.symlink_metadata().map_err(|error| named(&path, error))?;
            if metadata.is_dir() {
                if !ignored {
                    archive.append_dir(&entry, &path).map_err(|error| named(&path, error))?;
                }
                let holds_dockerfile = Path::new(&self.dockerfile).starts_with(&entry);
                if !ignored || self.ignore.has_exceptions() || holds_dockerfile {
                    self.add_directory(archive, &entry)?;
                }
            } else if !ignored && (metadata.is_file() || metadata.is_symlink()) {
                archive.append_path_with_name(&path, &entry).map_err(|error| named(&path, error))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn the_last_pattern_that_matches_decides() {
        let ignore = Ignore::parse("# c\n*.log\nbuild\n**/secret\n!build/keep\n/abs/\n");
        for (path, ignored) in [
            ("a.log", true),
            ("sub/a.log", false),
            ("build/x/y", true),
            ("build/keep", false),
            ("build/keep/z", false),
            ("a/b/secret", true),
            ("secret", true),
            ("abs/x", true),
            ("Dockerfile", false),
        ] {
            assert_eq!(ignore.ignores(Path::new(path)), ignored, "{path}");
        }
    }

    #[test]
    fn the_archive_has_the_dockerfile_wherever_it_is_and_nothing_ignored() {
        let (root, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        std::fs::create_dir_all(root.path().join("sub/deep")).unwrap();
        for (name, text) in
            [("Dockerfile", "FROM x"), ("sub/deep/f", "f"), ("sub/skip", ""), (".dockerignore", "**/skip\nDockerfile")]
        {
            std::fs::write(root.path().join(name), text).unwrap();
        }
        std::os::unix::fs::symlink("sub/deep/f", root.path().join("link")).unwrap();
        let names = |context: &BuildContext| {
            let mut bytes = Vec::new();
            context.write(&mut bytes).unwrap();
            let mut archive = tar::Archive::new(bytes.as_slice());
            let entries = archive.entries().unwrap();
            entries.map(|entry| entry.unwrap().path().unwrap().display().to_string()).collect::<Vec<_>>()
        };
        let context = BuildContext::new(root.path(), None).unwrap();
        assert_eq!(names(&context), [".dockerignore", "Dockerfile", "link", "sub", "sub/deep", "sub/deep/f"]);
        let other = elsewhere.path().join("Other");
        std::fs::write(&other, "FROM y").unwrap();
        let context = BuildContext::new(root.path(), other.to_str()).unwrap();
        assert!(names(&context).contains(&context.dockerfile));
        assert!(BuildContext::new(root.path(), Some("Missing")).unwrap_err().to_string().contains("Missing"));
    }
}
