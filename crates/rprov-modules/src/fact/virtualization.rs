//! Whether the host is a guest, and of what; and what guests it can have.

use std::collections::BTreeSet;
use std::path::Path;

use rprov_wire::{Map, Value};

use super::content;

/// Add `virtualization_type`, `virtualization_role` and `virtualization_tech_*`.
pub fn gather(facts: &mut Map) {
    let mut guest: BTreeSet<&str> = BTreeSet::new();
    let mut host: BTreeSet<&str> = BTreeSet::new();
    // The first that is found names the type; the others are only added to the sets.
    let mut first: Option<(&str, &str)> = None;
    let exists = |path: &str| Path::new(path).exists();
    let dmi = |name: &str| content(format!("/sys/devices/virtual/dmi/id/{name}")).unwrap_or_default();

    let cgroup = content("/proc/1/cgroup").unwrap_or_default();
    let environment = std::fs::read("/proc/1/environ").unwrap_or_default();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    let container = environment.split('\0').find_map(|entry| entry.strip_prefix("container="));
    let inside = |name: &'static str, guest: &mut BTreeSet<&str>, first: &mut Option<(&str, &str)>| {
        guest.extend(["container", name]);
        first.get_or_insert((name, "guest"));
    };
    if exists("/.dockerenv")
        || exists("/.dockerinit")
        || cgroup
            .lines()
            .any(|line| line.contains("/docker/") || (line.contains("/docker-") && line.ends_with(".scope")))
    {
        inside("docker", &mut guest, &mut first);
    }
    if cgroup.lines().any(|line| line.contains("/lxc/") || line.contains("/machine.slice/machine-lxc"))
        || container == Some("lxc")
    {
        inside("lxc", &mut guest, &mut first);
    }
    if cgroup.lines().any(|line| line.contains("/system.slice/containerd.service")) {
        inside("containerd", &mut guest, &mut first);
    }
    if container == Some("podman") || exists("/run/.containerenv") {
        inside("podman", &mut guest, &mut first);
    }
    if container.is_some_and(|name| !matches!(name, "lxc" | "podman" | "docker"))
        || content("/run/systemd/container").is_some()
    {
        guest.insert("container");
        first.get_or_insert(("container", "guest"));
    }
    if exists("/proc/vz") && !exists("/proc/lve") {
        if exists("/proc/bc") {
            host.insert("openvz");
            first.get_or_insert(("openvz", "host"));
        } else {
            guest.insert("openvz");
            first.get_or_insert(("openvz", "guest"));
        }
    }
    if exists("/proc/xen") || content("/sys/hypervisor/type").is_some_and(|name| name == "xen") {
        if content("/proc/xen/capabilities").is_some_and(|text| text.contains("control_d")) {
            host.insert("xen");
            first.get_or_insert(("xen", "host"));
        } else {
            guest.insert("xen");
            first.get_or_insert(("xen", "guest"));
        }
    }

    let product = dmi("product_name");
    let vendor = dmi("sys_vendor");
    let bios = dmi("bios_vendor");
    let family = dmi("product_family");
    let found: Option<&'static str> = if product == "oVirt" || product == "oVirt Node" {
        Some("oVirt")
    } else if product == "RHEV Hypervisor" || family == "RHV" {
        Some("RHEV")
    } else if product == "OpenStack Nova" || product == "OpenStack Compute" {
        Some("openstack")
    } else if matches!(product.as_str(), "KVM" | "KVM Server" | "Bochs" | "AHV")
        || ["QEMU", "Amazon EC2", "DigitalOcean", "Google", "Scaleway", "Nutanix"].contains(&vendor.as_str())
        || vendor == "Hetzner"
        || bios == "Amazon EC2"
        || vendor.starts_with("Alibaba Cloud")
    {
        Some("kvm")
    } else if product.starts_with("VMware") || bios == "VMware, Inc." {
        Some("VMware")
    } else if product == "VirtualBox" || bios == "innotek GmbH" {
        Some("virtualbox")
    } else if product == "HVM domU" || bios == "Xen" {
        Some("xen")
    } else if vendor == "Microsoft Corporation" && product == "Virtual Machine" {
        Some("VirtualPC")
    } else if vendor == "Parallels Software International Inc." || bios == "Parallels Software International Inc." {
        Some("parallels")
    } else if vendor == "OpenStack Foundation" {
        Some("openstack")
    } else {
        None
    };
    if let Some(found) = found {
        guest.insert(found);
        first.get_or_insert((found, "guest"));
    }
    let processors = content("/proc/cpuinfo").unwrap_or_default();
    if processors.lines().any(|line| line.starts_with("model name") && line.contains("QEMU Virtual CPU")) {
        guest.insert("kvm");
        first.get_or_insert(("kvm", "guest"));
    }
    if processors.lines().any(|line| line.starts_with("vendor_id") && line.contains("User Mode Linux")) {
        guest.insert("uml");
        first.get_or_insert(("uml", "guest"));
    }
    let modules: BTreeSet<String> = content("/proc/modules")
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.split_whitespace().next().map(str::to_owned))
        .collect();
    let loaded = |name: &str| modules.contains(name);
    if loaded("kvm") || exists("/dev/kvm") {
        host.insert("kvm");
        first.get_or_insert(("kvm", "host"));
    }
    if loaded("vboxdrv") {
        host.insert("virtualbox");
        first.get_or_insert(("virtualbox", "host"));
    }
    if loaded("virtio") {
        guest.insert("kvm");
        first.get_or_insert(("kvm", "guest"));
    }
    let (kind, role) = first.unwrap_or(("NA", "NA"));
    facts.insert("virtualization_type".into(), kind.into());
    facts.insert("virtualization_role".into(), role.into());
    facts.insert("virtualization_tech_guest".into(), guest.into_iter().map(Value::from).collect::<Vec<_>>().into());
    facts.insert("virtualization_tech_host".into(), host.into_iter().map(Value::from).collect::<Vec<_>>().into());
}
