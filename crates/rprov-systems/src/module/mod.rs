//! The modules, one file each, under their exact Ansible names; see `rprov_modules::module`.

pub mod alternatives;
pub mod archive;
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
pub mod filesystem;
pub mod gem;
pub mod htpasswd;
pub mod locale_gen;
pub mod make;
pub mod modprobe;
pub mod npm;
pub mod pam_limits;
pub mod read_csv;
pub mod ssh_config;
pub mod sudoers;
pub mod timezone;
pub mod ufw;
