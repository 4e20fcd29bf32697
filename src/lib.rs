//! rprov: agentless provisioning over SSH. This is the map of the house.
//!
//! ```text
//! source file ─► playbook::Task        parsed once, every value with its file:line:column
//!     └► run::task                     one task on one host
//!          when ─► loop items ─► args  rendered against that host's variable scope
//!          action (controller half)    template, copy, fetch, set_fact, debug, add_host, include_* ...
//!          └► session.request          one frame on the host's open channel
//!               └► agent ─► module     apt, file, lineinfile, docker_container, uri ...
//!          result ─► changed_when / failed_when / until ─► register ─► notify
//!     └► report::Event                 everything a reporter, the journal or a test may want to know
//! ```
//!
//! * [`cli`]: the commands; each turns its flags into a run and the outcome into an exit code;
//! * [`config`]: one table of settings: name, environment variable, `ansible.cfg` key, type, default;
//! * [`source`]: source files, positions in them, and the diagnostics that point there;
//! * [`yaml`]: YAML with source positions and PyYAML's scalar rules;
//! * [`facts`]: facts that outlive a run;
//! * [`galaxy`]: roles and collections from elsewhere: fetching, installing, listing them;
//! * [`inventory`]: hosts, groups and patterns, one file per format;
//! * [`playbook`]: the language as types: play, block, task, handler, role;
//! * [`vars`]: variable layers in Ansible's order of precedence, magic variables, `hostvars`, facts;
//! * [`template`]: the template engine, lazy values, filters, tests and lookups;
//! * [`run`]: the engine: strategies, the cursor of each host, tasks, loops, handlers;
//! * [`role_test`]: hosts for a role's tests, and what is seen there;
//! * [`action`]: the controller halves of modules;
//! * [`vault`]: encrypted values and files;
//! * [`connection`]: SSH and local; become; the agent's bootstrap and session;
//! * [`report`]: events, and those who read them;
//! * [`throwaway`]: hosts for a first try: an SSH server on loopback, inside the program.

pub mod action;
pub mod cli;
pub mod config;
pub mod connection;
pub mod facts;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
pub mod galaxy;
pub mod inventory;
pub mod playbook;
pub mod report;
pub mod role_test;
pub mod run;
pub mod source;
pub mod template;
pub mod throwaway;
pub mod vars;
pub mod vault;
pub mod yaml;
