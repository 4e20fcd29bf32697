//! The running system: kernel, names, time, command line, security modules, SSH host keys.

use rprov_wire::{Map, Value};

use super::{content, link_name};
use crate::context::Context;
use crate::process::Command;

/// Add `system`, `kernel`, `architecture`, `hostname`, `fqdn`, `machine_id` and their like.
pub fn gather(context: &Context<'_>, facts: &mut Map) {
    let uname = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    let machine = text(uname.machine());
    let node = text(uname.nodename());
    let short = node.split('.').next().unwrap_or_default().to_owned();
    let fqdn = full_name(&node, context);
    let domain = fqdn.split_once('.').map(|(_, domain)| domain.to_owned()).unwrap_or_default();
    let old_intel = matches!(machine.as_str(), "i386" | "i486" | "i586" | "i686" | "i86pc");
    let architecture = if old_intel { "i386" } else { &machine };
    let long = machine.contains("64") || machine == "s390x";
    facts.insert("system".into(), text(uname.sysname()).into());
    facts.insert("kernel".into(), text(uname.release()).into());
    facts.insert("kernel_version".into(), text(uname.version()).into());
    facts.insert("machine".into(), machine.as_str().into());
    facts.insert("architecture".into(), architecture.into());
    facts.insert("userspace_bits".into(), if long { "64" } else { "32" }.into());
    facts.insert("userspace_architecture".into(), architecture.into());
    facts.insert("nodename".into(), node.into());
    facts.insert("hostname".into(), short.into());
    facts.insert("fqdn".into(), fqdn.into());
    facts.insert("domain".into(), domain.into());
    if let Some(id) = content("/var/lib/dbus/machine-id").or_else(|| content("/etc/machine-id")) {
        facts.insert("machine_id".into(), id.into());
    }
}

/// The host's full name: the first name with a dot among those of the address that its name stands for.
fn full_name(node: &str, context: &Context<'_>) -> String {
    let hosts = content("/etc/hosts").unwrap_or_default();
    if let Some(name) = name_in_hosts(&hosts, node) {
        return name;
    }
    if node.contains('.') {
        return node.to_owned();
    }
    // Only the resolver knows: LDAP, DNS and so on are for the host's own getent to ask.
    let limit = std::time::Duration::from_secs(2);
    Command::new("getent")
        .args(["hosts", "--", node])
        .timeout(limit)
        .run(context)
        .ok()
        .filter(|output| output.success())
        .and_then(|output| {
            let line = output.stdout().lines().next()?.to_owned();
            line.split_whitespace().skip(1).find(|name| name.contains('.')).map(str::to_owned)
        })
        .unwrap_or_else(|| node.to_owned())
}

fn name_in_hosts(hosts: &str, node: &str) -> Option<String> {
    let lines: Vec<Vec<&str>> = hosts
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().split_whitespace().collect::<Vec<_>>())
        .filter(|words| words.len() > 1)
        .collect();
    let address = lines.iter().find(|words| words.iter().skip(1).any(|name| *name == node))?.first()?;
    let names: Vec<&str> = lines.iter().find(|words| words.first() == Some(address))?.iter().skip(1).copied().collect();
    names.iter().find(|name| name.contains('.')).or(names.first()).map(|name| (*name).to_owned())
}

/// Add `cmdline` (the last value of each key) and `proc_cmdline` (all values).
pub fn gather_command_line(facts: &mut Map) {
    let text = content("/proc/cmdline").unwrap_or_default();
    let mut last = Map::new();
    let mut all = Map::new();
    for word in shlex::split(&text).unwrap_or_else(|| text.split_whitespace().map(str::to_owned).collect()) {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key.to_owned(), Value::from(value)),
            None => (word.clone(), Value::Bool(true)),
        };
        last.insert(key.clone(), value.clone());
        match all.get_mut(&key) {
            Some(Value::List(values)) => values.push(value),
            Some(first) => *first = Value::List(vec![first.clone(), value]),
            None => {
                all.insert(key, value);
            }
        }
    }
    facts.insert("cmdline".into(), last.into());
    facts.insert("proc_cmdline".into(), all.into());
}

/// Add `date_time`, in the host's time zone.
pub fn gather_time(facts: &mut Map) {
    let now = jiff::Zoned::now();
    let utc = now.with_time_zone(jiff::tz::TimeZone::UTC);
    let mut time = Map::new();
    for (name, format) in [
        ("year", "%Y"),
        ("month", "%m"),
        ("weekday", "%A"),
        ("weekday_number", "%w"),
        ("weeknumber", "%W"),
        ("day", "%d"),
        ("hour", "%H"),
        ("minute", "%M"),
        ("second", "%S"),
        ("epoch", "%s"),
        ("epoch_int", "%s"),
        ("date", "%Y-%m-%d"),
        ("time", "%H:%M:%S"),
        ("iso8601_basic", "%Y%m%dT%H%M%S%6f"),
        ("iso8601_basic_short", "%Y%m%dT%H%M%S"),
        ("tz", "%Z"),
        ("tz_offset", "%z"),
    ] {
        time.insert(name.into(), now.strftime(format).to_string().into());
    }
    time.insert("iso8601_micro".into(), utc.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into());
    time.insert("iso8601".into(), utc.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into());
    // The name of the zone's other season; half a year away it is on.
    let there = |months: i64| {
        now.checked_add(jiff::Span::new().months(months))
            .ok()
            .filter(|later| now.time_zone().to_offset_info(later.timestamp()).dst() == jiff::tz::Dst::Yes)
    };
    let summer = (0..12).find_map(there).unwrap_or_else(|| now.clone());
    time.insert("tz_dst".into(), summer.strftime("%Z").to_string().into());
    facts.insert("date_time".into(), time.into());
}

/// Add `fips`.
pub fn gather_fips(facts: &mut Map) {
    let fips = content("/proc/sys/crypto/fips_enabled").is_some_and(|text| text == "1");
    facts.insert("fips".into(), fips.into());
}

/// Add `apparmor` and `selinux`.
pub fn gather_security(facts: &mut Map) {
    let apparmor = std::path::Path::new("/sys/kernel/security/apparmor").exists();
    let status = if apparmor { "enabled" } else { "disabled" };
    facts.insert("apparmor".into(), Value::from_iter([("status", status)]));
    let mut selinux = Map::new();
    if std::path::Path::new("/sys/fs/selinux/enforce").exists() {
        selinux.insert("status".into(), "enabled".into());
        if let Some(version) = content("/sys/fs/selinux/policyvers").and_then(|text| text.parse::<i64>().ok()) {
            selinux.insert("policyvers".into(), version.into());
        }
        let config = content("/etc/selinux/config").unwrap_or_default();
        let setting = |name: &str| {
            config
                .lines()
                .find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=').map(|value| value.trim().to_owned()))
        };
        selinux.insert("config_mode".into(), setting("SELINUX").unwrap_or_else(|| "unknown".into()).into());
        let enforcing = content("/sys/fs/selinux/enforce").is_some_and(|text| text == "1");
        selinux.insert("mode".into(), if enforcing { "enforcing" } else { "permissive" }.into());
        selinux.insert("type".into(), setting("SELINUXTYPE").unwrap_or_else(|| "unknown".into()).into());
    } else {
        selinux.insert("status".into(), "disabled".into());
    }
    facts.insert("selinux".into(), selinux.into());
    // Roles ask for it before they use the library; the agent needs none.
    facts.insert("selinux_python_present".into(), true.into());
}

/// Add `ssh_host_key_*_public` and `ssh_host_key_*_public_keytype`.
pub fn gather_host_keys(facts: &mut Map) {
    for directory in ["/etc/ssh", "/etc/openssh", "/etc"] {
        let mut found = false;
        for kind in ["dsa", "rsa", "ecdsa", "ed25519"] {
            let Some(text) = content(format!("{directory}/ssh_host_{kind}_key.pub")) else { continue };
            let mut words = text.split_whitespace();
            if let (Some(name), Some(key)) = (words.next(), words.next()) {
                found = true;
                facts.insert(format!("ssh_host_key_{kind}_public"), key.into());
                facts.insert(format!("ssh_host_key_{kind}_public_keytype"), name.into());
            }
        }
        if found {
            return;
        }
    }
}

/// Capabilities by number, as capabilities(7) has them.
const CAPABILITIES: [&str; 41] = [
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
];

/// Add `system_capabilities` and `system_capabilities_enforced`, in the notation of cap_to_text(3).
pub fn gather_capabilities(facts: &mut Map) {
    let status = content("/proc/self/status").unwrap_or_default();
    let set = |name: &str| {
        status
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
            .and_then(|text| u64::from_str_radix(text.trim(), 16).ok())
            .unwrap_or(0)
    };
    let last = content("/proc/sys/kernel/cap_last_cap").and_then(|text| text.parse::<usize>().ok()).unwrap_or(40);
    let text = capability_text(set("CapEff"), set("CapInh"), set("CapPrm"), last);
    if text == "ep" {
        facts.insert("system_capabilities_enforced".into(), "False".into());
        facts.insert("system_capabilities".into(), Value::List(Vec::new()));
    } else {
        facts.insert("system_capabilities_enforced".into(), "True".into());
        let parts: Vec<&str> = text.split(',').map(str::trim).collect();
        facts.insert("system_capabilities".into(), parts.into());
    }
}

/// What follows the `=` in the notation.
fn capability_text(effective: u64, inheritable: u64, permitted: u64, last: usize) -> String {
    let flags = |number: usize| {
        let bit = |set: u64| usize::from(set >> number & 1 == 1);
        bit(effective) | bit(inheritable) << 1 | bit(permitted) << 2
    };
    let write = |flags: usize| {
        [(1, 'e'), (2, 'i'), (4, 'p')]
            .iter()
            .filter(|(bit, _)| flags & bit != 0)
            .map(|(_, letter)| *letter)
            .collect::<String>()
    };
    let mut histogram = [0_usize; 8];
    for number in 0..=last.min(63) {
        if let Some(count) = histogram.get_mut(flags(number)) {
            *count += 1;
        }
    }
    let base = (0..8).max_by_key(|index| histogram.get(*index).copied()).unwrap_or(0);
    let mut text = write(base);
    for combination in (0..8).rev().filter(|combination| *combination != base) {
        let names: Vec<String> = (0..=last.min(63))
            .filter(|number| flags(*number) == combination)
            .map(|number| CAPABILITIES.get(number).map_or_else(|| number.to_string(), |name| format!("cap_{name}")))
            .collect();
        if names.is_empty() {
            continue;
        }
        let (plus, minus) = (write(combination & !base), write(base & !combination));
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&names.join(","));
        for (sign, letters) in [('+', plus), ('-', minus)] {
            if !letters.is_empty() {
                text.push(sign);
                text.push_str(&letters);
            }
        }
    }
    text
}

/// Add `loadavg`.
pub fn gather_load(facts: &mut Map) {
    // The kernel keeps it as fixed point with 16 bits; /proc has two decimals only.
    let loads = rustix::system::sysinfo().loads;
    let value = |index: usize| loads.get(index).map(|load| *load as f64 / 65536.0).unwrap_or_default();
    facts.insert("loadavg".into(), Value::from_iter([("1m", value(0)), ("5m", value(1)), ("15m", value(2))]));
}

/// Add `is_chroot`.
pub fn gather_chroot(facts: &mut Map) {
    use std::os::unix::fs::MetadataExt;
    let own = std::fs::metadata("/");
    let chroot = if std::env::var_os("debian_chroot").is_some_and(|value| !value.is_empty()) {
        true
    } else {
        match (own, std::fs::metadata("/proc/1/root/.")) {
            (Ok(own), Ok(first)) => own.ino() != first.ino() || own.dev() != first.dev(),
            (Ok(own), Err(_)) => !matches!(own.ino(), 2 | 128 | 256),
            _ => false,
        }
    };
    facts.insert("is_chroot".into(), chroot.into());
}

/// Add `iscsi_iqn`, `hostnqn` and `fibre_channel_wwn`.
pub fn gather_storage_names(facts: &mut Map) {
    let lines = |path: &str| content(path).unwrap_or_default();
    let initiator = lines("/etc/iscsi/initiatorname.iscsi")
        .lines()
        .find_map(|line| line.trim().strip_prefix("InitiatorName=").map(str::to_owned));
    facts.insert("iscsi_iqn".into(), initiator.unwrap_or_default().into());
    let nqn =
        lines("/etc/nvme/hostnqn").lines().map(str::trim).find(|line| line.starts_with("nqn.")).map(str::to_owned);
    facts.insert("hostnqn".into(), nqn.unwrap_or_default().into());
    let ports: Vec<String> = super::names("/sys/class/fc_host")
        .iter()
        .filter_map(|host| content(format!("/sys/class/fc_host/{host}/port_name")))
        .map(|name| name.trim_start_matches("0x").to_owned())
        .collect();
    facts.insert("fibre_channel_wwn".into(), ports.into());
}

/// Add `systemd` where systemd runs: its version and features.
pub fn gather_systemd(context: &Context<'_>, facts: &mut Map) {
    if super::distribution::service_manager() != "systemd"
        && link_name("/sbin/init").is_none_or(|name| name != "systemd")
    {
        return;
    }
    if !std::path::Path::new("/run/systemd/system").exists() {
        return;
    }
    let Ok(output) = Command::new("systemctl").arg("--version").plain_locale().run(context) else { return };
    let text = output.stdout();
    let mut lines = text.lines();
    let version =
        lines.next().and_then(|line| line.split_whitespace().nth(1)).and_then(|word| word.parse::<i64>().ok());
    let features = lines.next().unwrap_or_default().trim();
    if let Some(version) = version {
        let mut systemd = Map::new();
        systemd.insert("version".into(), version.into());
        systemd.insert("features".into(), features.into());
        facts.insert("systemd".into(), systemd.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capabilities_are_written_as_the_library_does() {
        assert_eq!(capability_text(u64::MAX, 0, u64::MAX, 40), "ep");
        assert_eq!(capability_text(!(1 << 24), 0, !(1 << 24), 40), "ep cap_sys_resource-ep");
        assert_eq!(capability_text(0, 0, 0, 40), "");
        assert_eq!(capability_text(1, 0, 1, 40), "cap_chown+ep");
    }

    #[test]
    fn the_full_name_is_the_first_with_a_dot_of_the_same_address() {
        let hosts = "127.0.0.1 localhost\n10.0.0.1 web.example.org web # here\n";
        assert_eq!(name_in_hosts(hosts, "web").as_deref(), Some("web.example.org"));
        assert_eq!(name_in_hosts("127.0.0.1 localhost\n127.0.0.1 vm\n", "vm").as_deref(), Some("localhost"));
        assert_eq!(name_in_hosts(hosts, "other"), None);
    }
}
