//! The modules, one file each, under their exact Ansible names; see `rprov_modules::module`.

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
pub mod gluster_heal_info;
pub mod gluster_peer;
pub mod gluster_volume;
pub mod mysql_db;
pub mod mysql_info;
pub mod mysql_query;
pub mod mysql_user;
pub mod mysql_variables;
pub mod postgresql_db;
pub mod postgresql_ext;
pub mod postgresql_ping;
pub mod postgresql_privs;
pub mod postgresql_query;
pub mod postgresql_set;
pub mod postgresql_user;
