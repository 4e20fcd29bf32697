//! Hosts, groups and their variables, from every source that Ansible reads.
//!
//! * [`Inventory`]: the model, filled by [`Inventory::load`] and changed by `add_host` and `group_by`;
//! * [`Host`], [`Group`]: its parts; variables stay as they were written, with their places;
//! * `ini`, `yaml`, `toml`, `script`, `host_list`, `throwaway`: one file per format; `load` finds the right one;
//! * [`Pattern`]: which hosts `web:&staging:!db[0]` means;
//! * [`VarFiles`]: `group_vars` and `host_vars` beside an inventory or a playbook;
//! * [`list`]: the inventory as `ansible-inventory --list` prints it.

mod address;
mod group;
mod host;
mod host_list;
mod ini;
mod list;
mod literal;
mod load;
mod model;
mod pattern;
mod range;
mod script;
mod throwaway;
mod toml;
mod variables;
mod words;
mod yaml;

pub use group::Group;
pub use host::Host;
pub use list::list;
pub use model::Inventory;
pub use pattern::Pattern;
pub use throwaway::ThrowawayPlan;
pub use variables::VarFiles;
