//! Settings: one table with each one's name, environment variables, `ansible.cfg` keys, type and default.
//!
//! * [`Setting`]: the table; an entry per setting of ansible-core and of the plugins whose part rprov plays;
//! * [`Config`]: the values of one run, each with its origin;
//! * [`elsewhere`]: names of Ansible's settings that mean nothing here;
//! * [`Origin`]: default, environment or file.

pub mod elsewhere;
mod file;
mod ini;
mod setting;
mod value;

pub use file::Config;
pub use setting::{Kind, Setting};
pub use value::{Origin, Value};

use std::path::PathBuf;

/// The paths of an option that may be given several times, each with several paths between colons.
pub fn path_list(given: &[String]) -> impl Iterator<Item = PathBuf> {
    let paths = given.iter().flat_map(|paths| paths.split(':')).filter(|path| !path.is_empty());
    paths.map(rprov_modules::account::expand_path)
}
