//! Editing a text file: what `lineinfile`, `blockinfile` and `replace` share. The file is read, a new text is made
//! from it, and it is written with backup, validation and attributes.

use std::path::{Path, PathBuf};

use crate::attributes::{Difference, FileAttributes, Wanted};
use crate::context::Context;
use crate::encoding::Encoding;
use crate::outcome::{Diff, Failure, Outcome};
use crate::text;
use crate::validate;
use crate::write::{self, Staged, explain};

/// A text file as it was found.
#[derive(Debug)]
pub struct Original {
    /// Its path as given.
    pub path: PathBuf,
    /// Its content; `None` if it does not exist.
    pub text: Option<String>,
    /// How its text is stored.
    encoding: Encoding,
}

/// How a new text is written.
#[derive(Debug)]
pub struct Manner<'a> {
    /// Keep a copy of the old file.
    pub backup: bool,
    /// Command that must accept the new content.
    pub validate: Option<&'a str>,
    /// Owner, mode and so on.
    pub attributes: &'a FileAttributes,
}

/// What writing did, or would do.
#[derive(Debug)]
pub struct Written {
    /// The content changed.
    pub content_changed: bool,
    /// What else changed.
    pub attributes: Difference,
    /// The copy of the old file.
    pub backup: Option<PathBuf>,
}

impl Original {
    /// Read a file that may be missing, and may hold other bytes than UTF-8.
    ///
    /// # Errors
    /// It is a directory, or cannot be read.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        Self::read_encoded(path, Encoding::Utf8)
    }

    /// Read a file that may be missing; it is written in the same encoding.
    ///
    /// # Errors
    /// It is a directory, cannot be read, or is no text in this encoding.
    pub fn read_encoded(path: &Path, encoding: Encoding) -> Result<Self, Failure> {
        if path.is_dir() {
            return Err(Failure::new(format!("Path {} is a directory !", path.display())).with("rc", 256));
        }
        match std::fs::read(path) {
            Ok(bytes) => Ok(Original { path: path.to_owned(), text: Some(encoding.decode(&bytes)?), encoding }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Ok(Original { path: path.to_owned(), text: None, encoding })
            }
            Err(error) => Err(explain("read", path, &error)),
        }
    }

    /// Write the new text if it differs, through symbolic links, and apply the attributes.
    ///
    /// # Errors
    /// The command did not accept it, or it could not be written.
    pub fn write(&self, after: &str, manner: &Manner<'_>, context: &Context<'_>) -> Result<Written, Failure> {
        let wanted = manner.attributes.resolve()?;
        let content_changed = self.text.as_deref() != Some(after);
        let mut backup = None;
        let mut before_write = None;
        if content_changed && !context.check() {
            let target = write::resolve(&self.path)?;
            if self.text.is_none() {
                let directory = write::parent(&target);
                std::fs::create_dir_all(directory).map_err(|error| explain("create", directory, &error))?;
            }
            let mut staged = Staged::new(&target, wanted.unsafe_writes)?;
            staged.write(&self.encoding.encode(after)?)?;
            if let Some(command) = manner.validate {
                validate::validate(command, staged.path()?, context).map_err(validate::in_one_message)?;
            }
            if manner.backup {
                backup = write::backup(&self.path)?;
            }
            // Attributes belong to the path as given: of a link, to the link itself. Those of the file it leads to stay.
            let staged_attributes =
                if target == self.path { wanted.clone() } else { Wanted::nothing(wanted.unsafe_writes) };
            before_write = Some(wanted.apply(&self.path, true));
            staged.commit(&staged_attributes)?;
        }
        let mut attributes = if context.check() && self.text.is_none() {
            Difference::default()
        } else {
            wanted.apply(&self.path, context.check())?
        };
        // What was set along with the content is told as a change like any other.
        if let (Some(Ok(earlier)), true) = (before_write, self.text.is_some()) {
            attributes.merge(earlier);
        }
        Ok(Written { content_changed, attributes, backup })
    }
}

impl Written {
    /// Whether anything changed.
    pub fn changed(&self) -> bool {
        self.content_changed || self.attributes.changed
    }

    /// What it says of itself: whether anything changed, `backup_file` where there is one, and the diffs.
    pub fn outcome(&self, original: &Original, after: &str) -> Outcome {
        let mut outcome = Outcome::new(self.changed());
        if let Some(backup) = &self.backup {
            outcome = outcome.with("backup_file", backup.display().to_string());
        }
        outcome.diffs = self.diffs(original, after);
        outcome
    }

    /// The diff of the content, and that of the attributes where there is a file that has them.
    pub fn diffs(&self, original: &Original, after: &str) -> Vec<Diff> {
        let header = format!("{} (content)", original.path.display());
        let mut diffs = vec![content_diff(&header, original.text.as_deref(), after)];
        if original.path.exists() {
            diffs.push(self.attribute_diff(&original.path));
        }
        diffs
    }

    /// The message, with a word on attributes where they changed.
    pub fn message(&self, message: &str) -> String {
        let attributes = "ownership, perms or SE linux context changed";
        match (self.attributes.changed, message.is_empty()) {
            (false, _) => message.to_owned(),
            (true, true) => attributes.to_owned(),
            (true, false) => format!("{message} and {attributes}"),
        }
    }

    /// The diff of the attributes; headers alone if they did not change.
    fn attribute_diff(&self, path: &Path) -> Diff {
        let header = format!("{} (file attributes)", path.display());
        let mut diff = Diff { before_header: Some(header.clone()), after_header: Some(header), ..Diff::default() };
        if self.attributes.changed {
            diff.before = self.attributes.before.clone().into();
            diff.after = self.attributes.after.clone().into();
        }
        diff
    }
}

/// The diff of a file's text.
pub fn content_diff(header: &str, before: Option<&str>, after: &str) -> Diff {
    Diff::text(header, text::printable(before.unwrap_or_default()), text::printable(after))
}
