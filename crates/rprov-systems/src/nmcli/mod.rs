//! NetworkManager's connections, as `nmcli` shows and sets them.
//!
//! * [`option`]: the options of the module;
//! * [`setting`]: those of them that hold NetworkManager's own;
//! * [`wanted`]: the properties that they stand for;
//! * [`property`]: when two ways to write a property are the same.

pub mod option;
pub mod property;
pub mod setting;
pub mod wanted;
