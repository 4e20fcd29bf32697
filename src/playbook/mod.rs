//! The language as types: play, block, task, handler, role.
//!
//! Loading resolves everything that is static: keywords are inherited down to each task, `import_*` is replaced by what
//! it imports, roles and their dependencies are read. What is left for the run is templates and `include_*`.
//!
//! * [`Playbook`], [`Play`], [`Block`], [`Task`], [`Role`]: the types, one file each;
//! * [`Keywords`]: the keywords that blocks and tasks share, and their inheritance;
//! * [`keyword`]: which object knows which keyword;
//! * [`Loader`]: from files to these types, with all the mistakes it finds on the way;
//! * [`arguments`]: `key=value` text and free-form arguments.

pub mod arguments;
mod block;
pub mod keyword;
mod keywords;
mod load;
mod play;
pub(crate) mod reserved;
mod role;
mod task;

pub use block::{Block, Item};
pub use keywords::Keywords;
pub(crate) use load::own_variables;
pub use load::{LoadedRole, Loader, RoleUse};
pub use play::{Play, Playbook, Prompt};
pub use role::Role;
pub use task::{ActionName, Arguments, Loop, LoopControl, LoopSource, Register, Task};
