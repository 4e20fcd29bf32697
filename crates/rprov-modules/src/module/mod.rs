//! The modules, one file each, under their exact Ansible names.
//!
//! Each file has a type `Arguments` (declared with [`arguments!`](crate::arguments)) and a function
//! `run(Arguments, &Context) -> Result<Outcome, Failure>`, and is listed in [`registry`](crate::registry).

pub mod acl;
pub mod apt;
pub mod apt_repository;
pub mod assemble;
pub mod async_status;
pub mod at;
pub mod authorized_key;
pub mod blockinfile;
pub mod command;
pub mod copy;
pub mod cron;
pub mod deb822_repository;
pub mod debconf;
pub mod fetch;
pub mod file;
pub mod find;
pub mod firewalld;
pub mod get_url;
pub mod getent;
pub mod git;
pub mod group;
pub mod hostname;
pub mod ini_file;
pub mod known_hosts;
pub mod lineinfile;
pub mod mount;
pub mod package;
pub mod package_facts;
pub mod patch;
pub mod ping;
pub mod pip;
pub mod replace;
pub mod script;
pub mod seboolean;
pub mod selinux;
pub mod service;
pub mod service_facts;
pub mod setup;
pub mod shell;
pub mod slurp;
pub mod stat;
pub mod sysctl;
pub mod systemd;
pub mod systemd_service;
pub mod tempfile;
pub mod unarchive;
pub mod uri;
pub mod user;
pub mod wait_for;
