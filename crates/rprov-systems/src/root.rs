//! Where the host's own files are: below `/`, and in tests below a tree of their own.

/// The path of a file of the host.
#[cfg(not(test))]
pub(crate) fn at(path: &str) -> std::path::PathBuf {
    std::path::PathBuf::from(path)
}

#[cfg(test)]
pub(crate) use replaced::{at, replace};

#[cfg(test)]
mod replaced {
    use std::cell::RefCell;
    use std::path::{Path, PathBuf};

    thread_local! {
        static ROOT: RefCell<PathBuf> = RefCell::new(PathBuf::from("/"));
    }

    pub(crate) fn at(path: &str) -> PathBuf {
        ROOT.with_borrow(|root| root.join(path.trim_start_matches('/')))
    }

    /// From now on, what this thread does is done in that tree.
    pub(crate) fn replace(root: &Path) {
        ROOT.with_borrow_mut(|place| *place = root.to_owned());
    }
}
