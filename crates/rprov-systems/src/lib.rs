//! rprov's modules for the systems that run on a host: containers, databases, clusters, storage.
//!
//! They are built like those of [`rprov_modules`], and differ in one thing: they travel in a program of their own,
//! `rprov-systems`, which a host gets when a task first calls one of them. So the agent that every host needs stays small.
//!
//! * [`module`]: the modules, one file each, under their exact Ansible names;
//! * `root`: where the host's own files are, in tests as well;
//! * [`docker`]: the Docker Engine API, for the modules of community.docker;
//! * [`gluster`]: the program `gluster`, for those of gluster.gluster;
//! * [`jenkins`]: Jenkins' HTTP interface;
//! * [`lvm`] and [`partition`]: what LVM's programs and `parted` tell;
//! * [`mongo`]: MongoDB's protocol, for those of community.mongodb;
//! * [`mysql`]: MySQL's and MariaDB's protocol, for those of community.mysql;
//! * [`nmcli`]: NetworkManager's connections;
//! * [`postgres`]: that of PostgreSQL, for those of community.postgresql;
//! * [`rabbitmq`]: its program and its management interface, for those of community.rabbitmq;
//! * [`redis`]: that of Redis, for those of community.general that speak it;
//! * [`mod@xml`] and [`xpath`]: XML that is edited in place, and how its parts are found;
//! * [`socket`], [`tls`], [`scram`], [`compression`], [`pipeline`], [`substitution`] and [`dotted`]: what they have in common.

pub mod compression;
pub mod docker;
pub mod dotted;
pub mod gluster;
pub mod jenkins;
pub mod lvm;
pub mod module;
pub mod mongo;
pub mod mysql;
pub mod nmcli;
pub mod partition;
pub mod pipeline;
pub mod postgres;
pub mod rabbitmq;
pub mod redis;
mod root;
pub mod scram;
pub mod socket;
pub mod substitution;
pub mod tls;
pub mod xml;
pub mod xpath;

rprov_modules::modules! {
    "ansible.posix" {
        firewalld_info,
    }
    "community.docker" {
        docker_compose_v2,
        docker_config,
        docker_container,
        docker_container_exec,
        docker_container_info,
        docker_host_info,
        docker_image,
        docker_image_build,
        docker_image_export,
        docker_image_info,
        docker_image_load,
        docker_image_pull,
        docker_image_push,
        docker_image_remove,
        docker_image_tag,
        docker_login,
        docker_network,
        docker_network_info,
        docker_node,
        docker_node_info,
        docker_prune,
        docker_secret,
        docker_stack,
        docker_stack_info,
        docker_stack_task_info,
        docker_swarm,
        docker_swarm_info,
        docker_swarm_service,
        docker_swarm_service_info,
        docker_volume,
        docker_volume_info,
    }
    "community.general" {
        alternatives,
        archive,
        consul_kv,
        etcd3,
        filesystem,
        gem,
        haproxy,
        htpasswd,
        java_keystore,
        jenkins_job,
        jenkins_plugin,
        locale_gen,
        lvg,
        lvol,
        make,
        modprobe,
        nmcli,
        npm,
        pam_limits,
        parted,
        read_csv,
        redis,
        redis_data,
        redis_data_incr,
        redis_data_info,
        redis_info,
        sefcontext,
        ssh_config,
        sudoers,
        supervisorctl,
        timezone,
        ufw,
        xattr,
        xml,
    }
    "community.mongodb" {
        mongodb_replicaset,
        mongodb_user,
    }
    "community.mysql" {
        mysql_db,
        mysql_info,
        mysql_query,
        mysql_replication,
        mysql_user,
        mysql_variables,
    }
    "community.postgresql" {
        postgresql_db,
        postgresql_ext,
        postgresql_ping,
        postgresql_privs,
        postgresql_query,
        postgresql_set,
        postgresql_user,
    }
    "community.rabbitmq" {
        rabbitmq_user,
        rabbitmq_vhost,
    }
    "gluster.gluster" {
        gluster_heal_info,
        gluster_peer,
        gluster_volume,
    }
}

/// A tree for a test in which the host's files are too.
#[cfg(test)]
fn bench() -> rprov_modules::testing::Bench {
    let bench = rprov_modules::testing::Bench::of(find, entry);
    root::replace(&bench.root());
    bench
}
