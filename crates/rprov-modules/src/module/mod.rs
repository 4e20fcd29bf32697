//! The modules, one file each, under their exact Ansible names.
//!
//! Each file has a type `Arguments` (declared with [`arguments!`](crate::arguments)) and a function
//! `run(Arguments, &Context) -> Result<Outcome, Failure>`, and is listed in [`registry`](crate::registry).

pub mod assemble;
pub mod blockinfile;
pub mod copy;
pub mod docker_container;
pub mod docker_container_exec;
pub mod docker_container_info;
pub mod docker_host_info;
pub mod docker_image;
pub mod docker_image_info;
pub mod docker_network;
pub mod docker_network_info;
pub mod docker_prune;
pub mod docker_volume;
pub mod docker_volume_info;
pub mod fetch;
pub mod file;
pub mod find;
pub mod get_url;
pub mod lineinfile;
pub mod ping;
pub mod replace;
pub mod slurp;
pub mod stat;
pub mod tempfile;
pub mod uri;
