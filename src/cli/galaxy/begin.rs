//! Where `role init` and `collection init` begin.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::source::Diagnostic;

#[derive(Args, Debug)]
pub(super) struct Begin {
    /// Write files anew if there are any
    #[arg(short, long)]
    force: bool,
    /// Directory to begin it in
    #[arg(long, value_name = "PATH")]
    init_path: Option<PathBuf>,
}

impl Begin {
    /// The directory of what is begun.
    ///
    /// # Errors
    /// It is there already, and is not to be written anew.
    pub(super) fn directory(&self, name: &Path) -> Result<PathBuf, Diagnostic> {
        let directory = self.init_path.as_deref().unwrap_or(Path::new(".")).join(name);
        if directory.exists() && !self.force {
            return Err(Diagnostic::error(format!("`{}` is there already", directory.display()))
                .hint("`--force` writes its files anew"));
        }
        Ok(directory)
    }
}
