//! What dpkg knows: installed packages, read from its own database, its locks, and the order of Debian
//! versions.

pub mod lock;
mod status;
mod version;

pub use status::{Package, Status};
pub use version::compare;
