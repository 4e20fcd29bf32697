//! The options of `docker_container`.
//!
//! Documentation: <https://docs.ansible.com/ansible/latest/collections/community/docker/docker_container_module.html>.

use std::path::PathBuf;

use indexmap::IndexMap;
use rprov_wire::Map;

use crate::docker::Connection;
use rprov_modules::argument::{Raw, Rule};
use rprov_modules::{arguments, choices};

choices! {
    /// The state of a container.
    pub enum State {
        Absent = "absent",
        Present = "present",
        Healthy = "healthy",
        Stopped = "stopped",
        Started = "started",
    }
}

choices! {
    /// When the image is pulled.
    pub enum Pull { Never = "never", Missing = "missing", Always = "always", Yes = "true", No = "false" }
}

choices! {
    /// What check mode says of a pull.
    pub enum PullCheckMode { ImageNotPresent = "image_not_present", Always = "always" }
}

choices! {
    /// What the daemon does when the container ends.
    pub enum RestartPolicy { No = "no", OnFailure = "on-failure", Always = "always", UnlessStopped = "unless-stopped" }
}

choices! {
    /// Which image the container's inherited settings are compared with.
    pub enum ImageComparison { DesiredImage = "desired-image", CurrentImage = "current-image" }
}

choices! {
    /// What is done about labels of the image that the container would not have.
    pub enum LabelMismatch { Ignore = "ignore", Fail = "fail" }
}

choices! {
    /// What is done when the image is the same under another name.
    pub enum NameMismatch { Ignore = "ignore", Recreate = "recreate" }
}

choices! {
    /// How `command` and `entrypoint` are read.
    pub enum CommandHandling { Compatibility = "compatibility", Correct = "correct" }
}

choices! {
    /// Whether options have defaults of their own.
    pub enum DefaultBehavior { Compatibility = "compatibility", NoDefaults = "no_defaults" }
}

choices! {
    /// The cgroup namespace.
    pub enum CgroupnsMode { Private = "private", Host = "host" }
}

choices! {
    /// What is mounted.
    pub enum MountType {
        Bind = "bind", Npipe = "npipe", Tmpfs = "tmpfs", Volume = "volume", Cluster = "cluster", Image = "image",
    }
}

choices! {
    /// How changes of a mount are kept consistent.
    pub enum Consistency { Default = "default", Consistent = "consistent", Cached = "cached", Delegated = "delegated" }
}

choices! {
    /// How mounts below a mount are passed on.
    pub enum Propagation {
        Private = "private", Rprivate = "rprivate", Shared = "shared", Rshared = "rshared", Slave = "slave",
        Rslave = "rslave",
    }
}

arguments! {
    /// A rate limit of a device.
    pub struct ByteRate {
        /// Path of the device on the host.
        path: String,
        /// Bytes per second, as in `10M`.
        rate: String,
    }
}

arguments! {
    /// A rate limit of a device.
    pub struct OperationRate {
        /// Path of the device on the host.
        path: String,
        /// Operations per second.
        rate: i64,
    }
}

arguments! {
    /// A request for devices such as GPUs.
    pub struct DeviceRequest {
        /// Lists of capabilities, of which one must be met.
        capabilities: Option<Vec<Vec<String>>>,
        /// How many; -1 for all.
        count: Option<i64>,
        /// IDs of the devices.
        device_ids: Option<Vec<String>>,
        /// Driver of the devices.
        driver: Option<String>,
        /// Options of the driver.
        options: Option<Map>,
    }
}

arguments! {
    /// How the container's health is checked.
    pub struct Healthcheck {
        /// Command; a list that starts with `NONE`, `CMD` or `CMD-SHELL`, or text for the container's shell.
        test: Option<Raw>,
        /// A `test` that is not given keeps the image's.
        test_cli_compatible: bool = false,
        /// Time between checks, as in `1m30s`.
        interval: Option<String>,
        /// Time that a check may take.
        timeout: Option<String>,
        /// Time in which failures do not count yet.
        start_period: Option<String>,
        /// Time between checks while `start_period` lasts.
        start_interval: Option<String>,
        /// Failures until the container is unhealthy.
        retries: Option<i64>,
    }
}

arguments! {
    /// A mount.
    pub struct Mount {
        /// Path in the container.
        target: String,
        /// Path on the host, or name of the volume.
        source: Option<String>,
        /// What is mounted.
        r#type: MountType = MountType::Volume,
        /// It cannot be written to.
        read_only: Option<bool>,
        /// How changes are kept consistent.
        consistency: Option<Consistency>,
        /// How mounts below are passed on.
        propagation: Option<Propagation>,
        /// Do not mount what lies below the source of a bind mount.
        non_recursive: Option<bool>,
        /// Create the source of a bind mount where it is missing.
        create_mountpoint: Option<bool>,
        /// Mounts below a read-only mount stay writable.
        read_only_non_recursive: Option<bool>,
        /// Fail where mounts below cannot be made read-only.
        read_only_force_recursive: Option<bool>,
        /// Do not copy the image's data to a new volume.
        no_copy: Option<bool>,
        /// Labels of a new volume.
        labels: Option<Map>,
        /// Driver of the volume.
        volume_driver: Option<String>,
        /// Options of the volume's driver.
        volume_options: Option<Map>,
        /// Path within the volume or image.
        subpath: Option<String>,
        /// Size of a tmpfs, as in `64M`.
        tmpfs_size: Option<String>,
        /// Permissions of a tmpfs, octal.
        tmpfs_mode: Option<String>,
        /// Options of a tmpfs, each a map with one entry.
        tmpfs_options: Option<Vec<Map>>,
    }
}

arguments! {
    /// A network that the container is connected to.
    pub struct Network {
        /// Name or ID of the network.
        name: String,
        /// Fixed IPv4 address.
        ipv4_address: Option<String>,
        /// Fixed IPv6 address.
        ipv6_address: Option<String>,
        /// Containers to link to.
        links: Option<Vec<String>>,
        /// Names of the container in this network.
        aliases: Option<Vec<String>>,
        /// MAC address in this network.
        mac_address: Option<String>,
        /// Options of the network's driver.
        driver_opts: Option<Map>,
        /// Which network becomes the default gateway: the one with the highest number.
        gw_priority: Option<i64>,
    }
}

arguments! {
    /// Manage Docker containers.
    pub struct Arguments + Connection {
        /// Name of the container, or its ID.
        name: String,
        /// What is to be: `started`, `stopped`, there (`present`), up and `healthy`, or not there (`absent`).
        state: State = State::Started,
        /// Remove the container when it ends.
        auto_remove: Option<bool>,
        /// Weight of block I/O, 10 to 1000.
        blkio_weight: Option<i64>,
        /// Capabilities to add.
        capabilities: Option<Vec<String>>,
        /// Capabilities to drop.
        cap_drop: Option<Vec<String>>,
        /// Parent cgroup.
        cgroup_parent: Option<String>,
        /// The cgroup namespace.
        cgroupns_mode: Option<CgroupnsMode>,
        /// With `detach: false`: remove the container afterwards.
        cleanup: bool = false,
        /// What is run, as a list, or as text with shell quotes.
        command: Option<Raw>,
        /// How `command` and `entrypoint` are read.
        command_handling: CommandHandling = CommandHandling::Correct,
        /// How options are compared: `strict`, `ignore` or `allow_more_present` per option; `*` for all others.
        comparisons: Option<Map>,
        /// `compatibility` gives options the defaults that they had before 2020.
        container_default_behavior: DefaultBehavior = DefaultBehavior::NoDefaults,
        /// CPU period in microseconds.
        cpu_period: Option<i64>,
        /// CPU quota in microseconds per period.
        cpu_quota: Option<i64>,
        /// CPUs, as in 1.5.
        cpus: Option<f64>,
        /// CPUs that may be used, as in `0-3` or `0,1`.
        cpuset_cpus: Option<String>,
        /// Memory nodes that may be used.
        cpuset_mems: Option<String>,
        /// Relative weight of CPU.
        cpu_shares: Option<i64>,
        /// Address on which ports are published that name none; 0.0.0.0 if not given.
        default_host_ip: Option<String>,
        /// Leave it running; otherwise wait until it ends, and give what it printed.
        detach: Option<bool>,
        /// Devices, as `host:container[:permissions]`.
        devices: Option<Vec<String>>,
        /// Reading limits in bytes per second.
        device_read_bps: Option<Vec<ByteRate>>,
        /// Reading limits in operations per second.
        device_read_iops: Option<Vec<OperationRate>>,
        /// Writing limits in bytes per second.
        device_write_bps: Option<Vec<ByteRate>>,
        /// Writing limits in operations per second.
        device_write_iops: Option<Vec<OperationRate>>,
        /// Requests for devices such as GPUs.
        device_requests: Option<Vec<DeviceRequest>>,
        /// Rules of the devices cgroup, as `c 42:* rmw`.
        device_cgroup_rules: Option<Vec<String>>,
        /// Options for name resolution.
        dns_opts: Option<Vec<String>>,
        /// Name servers.
        dns_servers: Option<Vec<String>>,
        /// Domains to search names in.
        dns_search_domains: Option<Vec<String>>,
        /// Domain name.
        domainname: Option<String>,
        /// Environment variables; values that YAML would read as something else must be quoted.
        env: Option<Map>,
        /// File on the host with more variables, `NAME=value` a line; `env` wins.
        env_file: Option<PathBuf>,
        /// The program that `command` is given to.
        entrypoint: Option<Vec<String>>,
        /// Names and addresses for /etc/hosts.
        etc_hosts: Option<Map>,
        /// Ports that the container offers to others without publishing them.
        exposed_ports | exposed | expose: Option<Vec<String>>,
        /// Kill instead of stopping.
        force_kill | forcekill: bool = false,
        /// Additional groups of the process.
        groups: Option<Vec<String>>,
        /// Seconds until `state: healthy` gives up; 0 or less for no limit.
        healthy_wait_timeout: f64 = 300.0,
        /// How the container's health is checked.
        healthcheck: Option<Healthcheck>,
        /// Host name.
        hostname: Option<String>,
        /// Image to create the container from, by name or ID.
        image: Option<String>,
        /// Which image the container's inherited settings are compared with.
        image_comparison: ImageComparison = ImageComparison::DesiredImage,
        /// What is done about labels of the image that `labels` does not name under strict comparison.
        image_label_mismatch: LabelMismatch = LabelMismatch::Ignore,
        /// What is done when the image is the same under another name.
        image_name_mismatch: NameMismatch = NameMismatch::Recreate,
        /// Run an init as PID 1 that reaps processes.
        init: Option<bool>,
        /// Keep standard input open.
        interactive: Option<bool>,
        /// IPC namespace: `host`, `private`, `shareable`, `container:NAME` ...
        ipc_mode: Option<String>,
        /// Keep the container's anonymous volumes when it is removed.
        keep_volumes: bool = true,
        /// Signal that kills.
        kill_signal: Option<String>,
        /// Kernel memory, as in `512M`.
        kernel_memory: Option<String>,
        /// Labels.
        labels: Option<Map>,
        /// Containers to link to, as `name[:alias]`.
        links: Option<Vec<String>>,
        /// Logging driver.
        log_driver: Option<String>,
        /// Options of the logging driver.
        log_options | log_opt: Option<Map>,
        /// MAC address.
        mac_address: Option<String>,
        /// Memory limit, as in `512M`; 0 for none.
        memory: Option<String>,
        /// Soft memory limit.
        memory_reservation: Option<String>,
        /// Memory and swap together; `unlimited` or -1 for no limit.
        memory_swap: Option<String>,
        /// How readily memory is swapped, 0 to 100.
        memory_swappiness: Option<i64>,
        /// Mounts.
        mounts: Option<Vec<Mount>>,
        /// Network: `bridge`, `host`, `none`, `container:NAME`, or a network's name.
        network_mode: Option<String>,
        /// Networks that the container is connected to.
        networks: Option<Vec<Network>>,
        /// With `networks`, do not connect to the default network as well.
        networks_cli_compatible: bool = true,
        /// Disable the kernel's killer of processes without memory.
        oom_killer: Option<bool>,
        /// How readily the kernel kills the container, -1000 to 1000.
        oom_score_adj: Option<i64>,
        /// With `detach: false`: write the output to the host's system log as well.
        output_logs: bool = false,
        /// Freeze the container's processes.
        paused: Option<bool>,
        /// PID namespace: `host` or `container:NAME`.
        pid_mode: Option<String>,
        /// Processes at most; 0 or -1 for no limit.
        pids_limit: Option<i64>,
        /// Platform of the image, as `linux/arm64`.
        platform: Option<String>,
        /// Give all privileges.
        privileged: Option<bool>,
        /// Publish all ports that are exposed.
        publish_all_ports: Option<bool>,
        /// Ports to publish, as `[[address:]port:]port[/protocol]`.
        published_ports | ports: Option<Vec<String>>,
        /// When the image is pulled.
        pull: Pull = Pull::Missing,
        /// What check mode says of a pull that would happen.
        pull_check_mode_behavior: PullCheckMode = PullCheckMode::ImageNotPresent,
        /// Disconnect from networks that `networks` does not name.
        purge_networks: bool = false,
        /// The container's root file system cannot be written to.
        read_only: Option<bool>,
        /// Make the container anew in any case.
        recreate: bool = false,
        /// Seconds until a container that is being removed must be gone.
        removal_wait_timeout: Option<f64>,
        /// Restart the container if it is not started by this task anyway.
        restart: bool = false,
        /// What the daemon does when the container ends.
        restart_policy: Option<RestartPolicy>,
        /// With `on-failure`: how often it tries.
        restart_retries: Option<i64>,
        /// Runtime.
        runtime: Option<String>,
        /// Size of /dev/shm, as in `64M`.
        shm_size: Option<String>,
        /// Security options.
        security_opts: Option<Vec<String>>,
        /// Signal that stops the container.
        stop_signal: Option<String>,
        /// Seconds between the stop signal and the kill.
        stop_timeout: Option<i64>,
        /// Options of the storage driver.
        storage_opts: Option<Map>,
        /// Mounts of kind tmpfs, as `path[:options]`.
        tmpfs: Option<Vec<String>>,
        /// Give it a terminal.
        tty: Option<bool>,
        /// Limits, as `name:soft[:hard]`.
        ulimits: Option<Vec<String>>,
        /// Kernel parameters.
        sysctls: Option<Map>,
        /// User, as `name|uid[:group|gid]`.
        user: Option<String>,
        /// User namespace.
        userns_mode: Option<String>,
        /// UTS namespace.
        uts: Option<String>,
        /// Volumes, as `[source:]target[:options]`.
        volumes: Option<Vec<String>>,
        /// Driver of anonymous volumes.
        volume_driver: Option<String>,
        /// Containers whose volumes are mounted.
        volumes_from: Option<Vec<String>>,
        /// Working directory.
        working_dir: Option<String>,
    }
    rules: [Rule::By("log_options", &["log_driver"])]
}

impl Arguments {
    /// Give the options that have no value the defaults of `container_default_behavior: compatibility`.
    pub fn apply_default_behavior(&mut self) {
        if self.container_default_behavior == DefaultBehavior::NoDefaults {
            return;
        }
        self.auto_remove.get_or_insert(false);
        self.detach.get_or_insert(true);
        self.init.get_or_insert(false);
        self.interactive.get_or_insert(false);
        self.memory.get_or_insert_with(|| "0".to_owned());
        self.paused.get_or_insert(false);
        self.privileged.get_or_insert(false);
        self.read_only.get_or_insert(false);
        self.tty.get_or_insert(false);
    }

    /// A typed map from one of values: text only, since YAML's reading of anything else is a guess.
    ///
    /// # Errors
    /// A value is no text.
    pub fn texts(option: &str, map: &Map) -> Result<IndexMap<String, String>, rprov_modules::Failure> {
        map.iter()
            .map(|(key, value)| match value {
                rprov_wire::Value::String(text) => Ok((key.clone(), text.clone())),
                other => Err(rprov_modules::Failure::new(format!(
                    "Non-string value found for {option} option. Ambiguous {option} options must be wrapped in quotes \
                     to avoid them being interpreted: {key} is {} ({other}); write '{other}'",
                    other.type_name()
                ))),
            })
            .collect()
    }
}
