//! What dpkg knows: installed packages, read from its own database, and the order of Debian versions.

mod status;
mod version;

pub use status::{Package, Status};
pub use version::compare;
