//! The modules, one file each, under their exact Ansible names; see `rprov_modules::module`.

pub mod docker_config;
pub mod docker_container;
pub mod docker_container_exec;
pub mod docker_container_info;
pub mod docker_host_info;
pub mod docker_image;
pub mod docker_image_info;
pub mod docker_network;
pub mod docker_network_info;
pub mod docker_node;
pub mod docker_node_info;
pub mod docker_prune;
pub mod docker_secret;
pub mod docker_swarm;
pub mod docker_swarm_info;
pub mod docker_swarm_service;
pub mod docker_swarm_service_info;
pub mod docker_volume;
pub mod docker_volume_info;
