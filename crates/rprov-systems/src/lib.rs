//! rprov's modules for the systems that run on a host: containers, databases, clusters, storage.
//!
//! They are built like those of [`rprov_modules`], and differ in one thing: they travel in a program of their own,
//! `rprov-systems`, which a host gets when a task first calls one of them. So the agent that every host needs stays small.
//!
//! * [`module`]: the modules, one file each, under their exact Ansible names;
//! * `root`: where the host's own files are, in tests as well;
//! * [`docker`]: the Docker Engine API, for the modules of community.docker.

pub mod docker;
pub mod module;
mod root;

rprov_modules::modules! {
    "community.docker" {
        docker_container,
        docker_container_exec,
        docker_container_info,
        docker_host_info,
        docker_image,
        docker_image_info,
        docker_network,
        docker_network_info,
        docker_prune,
        docker_volume,
        docker_volume_info,
    }
    "community.general" {
        alternatives,
        archive,
        filesystem,
        gem,
        htpasswd,
        locale_gen,
        make,
        modprobe,
        npm,
        pam_limits,
        read_csv,
        ssh_config,
        sudoers,
        timezone,
        ufw,
    }
}

/// A tree for a test in which the host's files are too.
#[cfg(test)]
fn bench() -> rprov_modules::testing::Bench {
    let bench = rprov_modules::testing::Bench::of(find, entry);
    root::replace(&bench.root());
    bench
}
