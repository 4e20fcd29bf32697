//! The options of `docker_swarm_service`.
//!
//! Documentation: <https://docs.ansible.com/ansible/latest/collections/community/docker/docker_swarm_service_module.html>.

use std::path::PathBuf;

use rprov_wire::Map;

use crate::docker::Connection;
use rprov_modules::argument::{Raw, Rule};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a service.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// How many tasks a service has.
    pub enum Mode { Replicated = "replicated", Global = "global", ReplicatedJob = "replicated-job" }
}

choices! {
    /// How a service is found by its name.
    pub enum EndpointMode { Vip = "vip", Dnsrr = "dnsrr" }
}

choices! {
    /// What is mounted.
    pub enum MountType { Bind = "bind", Volume = "volume", Tmpfs = "tmpfs", Npipe = "npipe" }
}

choices! {
    /// How mounts below a mount are passed on.
    pub enum Propagation {
        Shared = "shared", Slave = "slave", Private = "private", Rshared = "rshared", Rslave = "rslave",
        Rprivate = "rprivate",
    }
}

choices! {
    /// Where a port is published.
    pub enum PublishMode { Ingress = "ingress", Host = "host" }
}

choices! {
    /// The protocol of a port.
    pub enum Protocol { Tcp = "tcp", Udp = "udp" }
}

choices! {
    /// When a task is started anew.
    pub enum RestartCondition { None = "none", OnFailure = "on-failure", Any = "any" }
}

choices! {
    /// What is done when an update fails.
    pub enum UpdateFailure { Continue = "continue", Pause = "pause", Rollback = "rollback" }
}

choices! {
    /// What is done when a rollback fails.
    pub enum RollbackFailure { Continue = "continue", Pause = "pause" }
}

arguments! {
    /// A config that the containers see as a file.
    pub struct Config {
        /// ID of the config; found by its name if not given.
        config_id: Option<String>,
        /// Name of the config.
        config_name: String,
        /// Name of the file; the config's if not given.
        filename: Option<String>,
        /// Owner of the file.
        uid: Option<String>,
        /// Group of the file.
        gid: Option<String>,
        /// Permissions of the file.
        mode: Option<i64>,
    }
}

arguments! {
    /// A secret that the containers see as a file.
    pub struct Secret {
        /// ID of the secret; found by its name if not given.
        secret_id: Option<String>,
        /// Name of the secret.
        secret_name: String,
        /// Name of the file; the secret's if not given.
        filename: Option<String>,
        /// Owner of the file.
        uid: Option<String>,
        /// Group of the file.
        gid: Option<String>,
        /// Permissions of the file.
        mode: Option<i64>,
    }
}

arguments! {
    /// How the containers' health is checked.
    pub struct Healthcheck {
        /// Command; a list that starts with `NONE`, `CMD` or `CMD-SHELL`, or text for the container's shell.
        test: Option<Raw>,
        /// Time between checks, as in `1m30s`.
        interval: Option<String>,
        /// Time that a check may take.
        timeout: Option<String>,
        /// Failures until a container is unhealthy.
        retries: Option<i64>,
        /// Time in which failures do not count yet.
        start_period: Option<String>,
    }
}

arguments! {
    /// A driver of volumes.
    pub struct DriverConfig {
        /// Name of the driver.
        name: Option<String>,
        /// Options of the driver.
        options: Option<Map>,
    }
}

arguments! {
    /// A mount.
    pub struct Mount {
        /// Path on the host, or name of the volume.
        source: Option<String>,
        /// Path in the container.
        target: String,
        /// What is mounted.
        r#type: MountType = MountType::Bind,
        /// It cannot be written to.
        readonly: Option<bool>,
        /// Labels of a new volume.
        labels: Option<Map>,
        /// How mounts below are passed on.
        propagation: Option<Propagation>,
        /// Do not copy the image's data to a new volume.
        no_copy: Option<bool>,
        /// Driver of the volume.
        driver_config: Option<DriverConfig>,
        /// Size of a tmpfs, as in `64M`.
        tmpfs_size: Option<String>,
        /// Permissions of a tmpfs.
        tmpfs_mode: Option<i64>,
    }
}

arguments! {
    /// Where the service's tasks may run.
    pub struct Placement {
        /// What a node must fulfil, as `node.role == manager`.
        constraints: Option<Vec<String>>,
        /// What tasks are spread over, as `spread: node.labels.rack`.
        preferences: Option<Vec<Map>>,
        /// Tasks on one node at most.
        replicas_max_per_node: Option<i64>,
    }
}

arguments! {
    /// A published port.
    pub struct Publish {
        /// Port outside; any that is free if not given.
        published_port: Option<i64>,
        /// Port of the container.
        target_port: i64,
        /// Protocol.
        protocol: Protocol = Protocol::Tcp,
        /// On all nodes (`ingress`), or where a task runs (`host`).
        mode: Option<PublishMode>,
    }
}

arguments! {
    /// Resources.
    pub struct Resources {
        /// CPUs, as in 1.5; 0 for no limit.
        cpus: Option<f64>,
        /// Memory, as in `512M`; 0 for no limit.
        memory: Option<String>,
    }
}

arguments! {
    /// Logging.
    pub struct Logging {
        /// Driver.
        driver: Option<String>,
        /// Options of the driver.
        options: Option<Map>,
    }
}

arguments! {
    /// When tasks are started anew.
    pub struct Restart {
        /// On which condition.
        condition: Option<RestartCondition>,
        /// Time between attempts, as in `5s`.
        delay: Option<String>,
        /// How often it is tried.
        max_attempts: Option<i64>,
        /// Time in which attempts are counted.
        window: Option<String>,
    }
}

arguments! {
    /// How an update goes over the tasks.
    pub struct Update {
        /// Tasks at a time; 0 for all.
        parallelism: Option<i64>,
        /// Time between tasks, as in `10s`.
        delay: Option<String>,
        /// What is done when it fails.
        failure_action: Option<UpdateFailure>,
        /// How long a task is watched for failures.
        monitor: Option<String>,
        /// Share of tasks that may fail.
        max_failure_ratio: Option<f64>,
        /// `stop-first` or `start-first`.
        order: Option<String>,
    }
}

arguments! {
    /// How a rollback goes over the tasks.
    pub struct Rollback {
        /// Tasks at a time; 0 for all.
        parallelism: Option<i64>,
        /// Time between tasks, as in `10s`.
        delay: Option<String>,
        /// What is done when it fails.
        failure_action: Option<RollbackFailure>,
        /// How long a task is watched for failures.
        monitor: Option<String>,
        /// Share of tasks that may fail.
        max_failure_ratio: Option<f64>,
        /// `stop-first` or `start-first`.
        order: Option<String>,
    }
}

arguments! {
    /// Manage Docker Swarm services.
    pub struct Arguments + Connection {
        /// Arguments of the command.
        args: Option<Vec<String>>,
        /// Name of the service.
        name: String,
        /// Capabilities to add.
        cap_add: Option<Vec<String>>,
        /// Capabilities to drop.
        cap_drop: Option<Vec<String>>,
        /// The program, as a list, or as text with shell quotes; it takes the place of the image's entrypoint.
        command: Option<Raw>,
        /// Configs that the containers see as files.
        configs: Option<Vec<Config>>,
        /// Labels of the containers.
        container_labels: Option<Map>,
        /// Name servers.
        dns: Option<Vec<String>>,
        /// Options for name resolution.
        dns_options: Option<Vec<String>>,
        /// Domains to search names in.
        dns_search: Option<Vec<String>>,
        /// How the service is found by its name.
        endpoint_mode: Option<EndpointMode>,
        /// Environment variables, as a map or as a list of `NAME=value`.
        env: Option<Raw>,
        /// Files on the host with more variables, `NAME=value` a line; `env` wins.
        env_files: Option<Vec<PathBuf>>,
        /// Start all tasks anew even if nothing has changed.
        force_update: bool = false,
        /// Additional groups of the process.
        groups: Option<Vec<String>>,
        /// How the containers' health is checked.
        healthcheck: Option<Healthcheck>,
        /// Host name of the containers.
        hostname: Option<String>,
        /// Names and addresses for /etc/hosts.
        hosts: Option<Map>,
        /// Image.
        image: Option<String>,
        /// Run an init as PID 1 that reaps processes.
        init: Option<bool>,
        /// Labels of the service.
        labels: Option<Map>,
        /// Resources that a task may use.
        limits: Option<Resources>,
        /// Logging.
        logging: Option<Logging>,
        /// How many tasks it has; another mode makes the service anew.
        mode: Mode = Mode::Replicated,
        /// Mounts.
        mounts: Option<Vec<Mount>>,
        /// Networks, by name, or as maps with `name`, `aliases` and `options`.
        networks: Option<Vec<Raw>>,
        /// Where tasks may run.
        placement: Option<Placement>,
        /// Published ports.
        publish: Option<Vec<Publish>>,
        /// The containers' root file system cannot be written to.
        read_only: Option<bool>,
        /// How many tasks; -1 leaves a service as it is, and gives a new one 1.
        replicas: i64 = -1,
        /// Resources that are kept for a task.
        reservations: Option<Resources>,
        /// Ask the registry which image the tag means now, and use that one.
        resolve_image: bool = false,
        /// When tasks are started anew.
        restart_config: Option<Restart>,
        /// How a rollback goes over the tasks.
        rollback_config: Option<Rollback>,
        /// Secrets that the containers see as files.
        secrets: Option<Vec<Secret>>,
        /// Whether it is to be there.
        state: State = State::Present,
        /// Time that a container has to stop, as in `30s`.
        stop_grace_period: Option<String>,
        /// Signal that stops a container.
        stop_signal: Option<String>,
        /// Kernel parameters of the containers.
        sysctls: Option<Map>,
        /// Give them a terminal.
        tty: Option<bool>,
        /// How an update goes over the tasks.
        update_config: Option<Update>,
        /// User of the process.
        user: Option<String>,
        /// Directory of the process.
        working_dir: Option<String>,
    }
    rules: [Rule::If("state", "present", &["image"])]
}
