//! Hosts, groups and their variables, from every source that Ansible reads.
//!
//! * [`Inventory`]: the model, filled by [`Inventory::load`] and changed by `add_host` and `group_by`;
//! * [`Host`], [`Group`]: its parts; variables stay as they were written, with their places;
//! * `ini`, `yaml`, `toml`, `script`, `host_list`, `constructed`, `generator`, `throwaway`: one file per format; `load`
//!   finds the right one;
//! * [`Pattern`]: which hosts `web:&staging:!db[0]` means;
//! * [`VarFiles`]: `group_vars` and `host_vars` beside an inventory or a playbook;
//! * [`origins`]: where a host's variables come from, in order.

mod address;
mod constructed;
mod generator;
mod group;
mod growth;
mod host;
mod host_list;
mod ini;
mod literal;
mod load;
mod model;
mod pattern;
mod precedence;
mod range;
mod script;
mod throwaway;
mod toml;
mod variables;
mod words;
mod yaml;

pub use group::Group;
pub use growth::Growth;
pub use host::Host;
pub use load::Broken;
pub use model::Inventory;
pub use pattern::Pattern;
pub use precedence::{Origin, origins};
pub use throwaway::ThrowawayPlan;
pub use variables::VarFiles;
