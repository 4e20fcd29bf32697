//! Which object knows which keyword (section 1 of Ansible's playbook keywords reference).

/// Keywords that plays, roles, blocks, tasks and handlers have in common.
pub const BASE: &[&str] = &[
    "name",
    "connection",
    "port",
    "remote_user",
    "vars",
    "module_defaults",
    "environment",
    "no_log",
    "run_once",
    "ignore_errors",
    "ignore_unreachable",
    "check_mode",
    "diff",
    "any_errors_fatal",
    "throttle",
    "timeout",
    "debugger",
    "become",
    "become_method",
    "become_user",
    "become_flags",
    "become_exe",
    "tags",
    "collections",
    // What playbooks before 2016 say; accepted with a warning.
    "sudo",
    "sudo_user",
    "su",
    "su_user",
    "always_run",
];

/// Of a play.
pub const PLAY: &[&str] = &[
    "hosts",
    "gather_facts",
    "gather_subset",
    "gather_timeout",
    "fact_path",
    "vars_files",
    "vars_prompt",
    "validate_argspec",
    "roles",
    "handlers",
    "pre_tasks",
    "tasks",
    "post_tasks",
    "force_handlers",
    "max_fail_percentage",
    "serial",
    "strategy",
    "order",
    "user",
];

/// Of blocks and tasks alike.
pub const CONDITIONAL: &[&str] = &["when", "notify", "delegate_to", "delegate_facts"];

/// Of a block.
pub const BLOCK: &[&str] = &["block", "rescue", "always"];

/// Of a task.
pub const TASK: &[&str] = &[
    "args",
    "action",
    "local_action",
    "async",
    "changed_when",
    "delay",
    "failed_when",
    "loop",
    "loop_control",
    "poll",
    "register",
    "retries",
    "until",
    "first_available_file",
];

/// Of a dynamic include: what it hands down to its tasks stands in `apply`.
pub const INCLUDE: &[&str] = &[
    "name",
    "action",
    "local_action",
    "args",
    "collections",
    "debugger",
    "ignore_errors",
    "loop",
    "loop_control",
    "no_log",
    "register",
    "run_once",
    "tags",
    "timeout",
    "vars",
    "when",
    "listen",
];

/// When the debugger is called.
pub const DEBUGGER: &[&str] = &["always", "never", "on_failed", "on_unreachable", "on_skipped"];

/// How another user is become.
pub const BECOME_METHODS: &[&str] = &["sudo", "su", "doas"];

/// How a host is reached. The last two are other names of `ssh`.
pub const CONNECTIONS: &[&str] = &["ssh", "local", "docker", "podman", "chroot", "smart", "paramiko", "paramiko_ssh"];

/// Of plug-ins that exist under Ansible and not here: no slips of the pen. A play that is not for any host of the
/// inventory may name them.
const ELSEWHERE: &[&str] = &[
    "runas",
    "dzdo",
    "enable",
    "ksu",
    "machinectl",
    "pbrun",
    "pfexec",
    "pmrun",
    "run0",
    "sesu",
    "sudosu",
    "buildah",
    "docker_api",
    "nsenter",
    "funcd",
    "httpapi",
    "incus",
    "iocage",
    "jail",
    "kubectl",
    "libvirt_lxc",
    "libvirt_qemu",
    "lxc",
    "lxd",
    "napalm",
    "netconf",
    "network_cli",
    "grpc",
    "oc",
    "psrp",
    "persistent",
    "proxmox_pct_remote",
    "qubes",
    "aws_ssm",
    "saltstack",
    "vmware_tools",
    "winrm",
    "wsl",
    "zone",
];

/// Whether a `connection` or `become_method` is one of these, or may be a plug-in that is not here.
pub fn is_plugin(name: &str, built_in: &[&str]) -> bool {
    match name.rsplit_once('.') {
        None | Some(("ansible.builtin" | "ansible.legacy", _)) => {
            let short = name.rsplit('.').next().unwrap_or_default();
            built_in.contains(&short) || ELSEWHERE.contains(&short)
        }
        Some(_) => true,
    }
}

/// Of a handler.
pub const HANDLER: &[&str] = &["listen"];

/// Of `loop_control`.
pub const LOOP_CONTROL: &[&str] =
    &["loop_var", "index_var", "label", "pause", "extended", "extended_allitems", "break_when"];

/// Of an entry of `vars_prompt`.
pub const PROMPT: &[&str] =
    &["name", "prompt", "default", "private", "confirm", "encrypt", "salt_size", "salt", "unsafe"];

/// Of `import_playbook`.
pub const IMPORT_PLAYBOOK: &[&str] =
    &["import_playbook", "ansible.builtin.import_playbook", "vars", "when", "tags", "name"];

/// Whether a key of a task is a keyword and not the module's name.
pub fn of_task(key: &str) -> bool {
    BASE.contains(&key)
        || CONDITIONAL.contains(&key)
        || TASK.contains(&key)
        || HANDLER.contains(&key)
        || key.strip_prefix("with_").is_some()
}
