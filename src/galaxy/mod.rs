//! Roles and collections from elsewhere: what `rprov galaxy` finds, fetches, installs, lists and begins.
//!
//! ```text
//! command line, requirements file ─► Requirement      which role or collection, where from, which version
//!     └► fetch: git, a download, an archive, a path   a directory of its own with the files
//!          └► roles::install, collections::install    checked, completed, moved to its place; dependencies next
//! ```
//!
//! * [`requirement`]: one role or collection as it is asked for; [`requirements`]: files of them;
//! * [`git`], [`fetch`]: the ways to the files; [`unpack`]: archives, of which nothing leaves its directory;
//! * [`place`]: putting a directory in place of another, all or nothing;
//! * [`roles`], [`role`]: installing roles, and those that are installed;
//! * [`collections`], [`collection`], [`build`]: the same for collections, and making one's files of its sources;
//! * [`server`]: what a Galaxy server has; [`version`]: versions and what is asked of them;
//! * [`skeleton`]: the files that a new role or collection begins with.
//!
//! Nothing that is fetched is trusted: it says what it is called only within the rules for names, and none of its files
//! or links leads out of the directory that is made for it.

pub mod build;
pub mod collection;
pub mod collections;
pub mod fetch;
pub mod git;
pub mod place;
pub mod requirement;
pub mod requirements;
pub mod role;
pub mod roles;
pub mod server;
pub mod skeleton;
pub mod unpack;
pub mod version;
