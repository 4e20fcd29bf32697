//! Which distribution the host runs, its family, and its package and service managers.

use rprov_wire::Map;

use super::content;

/// Entries of an `os-release` file.
pub(crate) struct Release(Vec<(String, String)>);

impl Release {
    /// Read `/etc/os-release`, or where the distribution itself keeps it.
    pub(crate) fn read() -> Option<Self> {
        let text = content("/etc/os-release").or_else(|| content("/usr/lib/os-release"))?;
        Some(Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| {
            let (key, value) = line.trim().split_once('=')?;
            let value = shlex::split(value).and_then(|words| words.into_iter().next()).unwrap_or_default();
            (!key.starts_with('#')).then(|| (key.to_owned(), value))
        });
        Release(entries.collect())
    }

    pub(crate) fn value(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }
}

/// Which family a distribution belongs to.
fn family(distribution: &str) -> &str {
    match distribution {
        "Debian" | "Ubuntu" | "Raspbian" | "Neon" | "KDE neon" | "Linux Mint" | "SteamOS" | "Devuan" | "Kali"
        | "Cumulus Linux" | "Pop!_OS" | "Parrot" | "Pardus GNU/Linux" | "Uos" | "Deepin" | "OSMC"
        | "Linux Mint Debian" => "Debian",
        "RedHat"
        | "RHEL"
        | "Fedora"
        | "CentOS"
        | "Scientific"
        | "SLC"
        | "Ascendos"
        | "CloudLinux"
        | "PSBM"
        | "OracleLinux"
        | "OVS"
        | "OEL"
        | "Amazon"
        | "Amzn"
        | "Virtuozzo"
        | "XenServer"
        | "Alibaba"
        | "EulerOS"
        | "openEuler"
        | "AlmaLinux"
        | "Rocky"
        | "TencentOS"
        | "EuroLinux"
        | "Kylin Linux Advanced Server"
        | "MIRACLE"
        | "Anolis OS" => "RedHat",
        "SuSE"
        | "SLES"
        | "SLED"
        | "openSUSE"
        | "openSUSE Tumbleweed"
        | "SLES_SAP"
        | "SUSE_LINUX"
        | "openSUSE Leap"
        | "openSUSE MicroOS"
        | "ALP-Dolomite"
        | "SL-Micro" => "Suse",
        "Archlinux" | "Antergos" | "Manjaro" | "Manjaro ARM" => "Archlinux",
        "Mandrake" | "Mandriva" => "Mandrake",
        "Gentoo" | "Funtoo" => "Gentoo",
        "Alpine" => "Alpine",
        "ClearLinux" | "Clear Linux OS" | "Clear Linux Mix" => "ClearLinux",
        "Altlinux" => "Altlinux",
        other => other,
    }
}

/// The distribution's name as Ansible spells it, from the name in `os-release`.
fn name(release: &Release) -> String {
    let id = release.value("ID").unwrap_or_default();
    match id {
        "debian" => "Debian",
        "ubuntu" => "Ubuntu",
        "raspbian" => "Raspbian",
        "devuan" => "Devuan",
        "kali" => "Kali",
        "linuxmint" => "Linux Mint",
        "neon" => "KDE neon",
        "pop" => "Pop!_OS",
        "alpine" => "Alpine",
        "arch" | "archarm" => "Archlinux",
        "manjaro" => "Manjaro",
        "fedora" => "Fedora",
        "centos" => "CentOS",
        "rhel" => "RedHat",
        "rocky" => "Rocky",
        "almalinux" => "AlmaLinux",
        "ol" => "OracleLinux",
        "amzn" => "Amazon",
        "cloudlinux" => "CloudLinux",
        "gentoo" => "Gentoo",
        "sles" => "SLES",
        "sles_sap" => "SLES_SAP",
        "sled" => "SLED",
        "opensuse-leap" => "openSUSE Leap",
        "opensuse-tumbleweed" => "openSUSE Tumbleweed",
        "altlinux" => "Altlinux",
        "openEuler" => "openEuler",
        _ => return release.value("NAME").unwrap_or("NA").to_owned(),
    }
    .to_owned()
}

/// Add `distribution`, `distribution_*` and `os_family`.
pub fn gather(facts: &mut Map) {
    let Some(release) = Release::read() else {
        facts.insert("distribution".into(), "OtherLinux".into());
        facts.insert("distribution_release".into(), "NA".into());
        facts.insert("distribution_version".into(), "NA".into());
        facts.insert("distribution_major_version".into(), "NA".into());
        facts.insert("os_family".into(), "OtherLinux".into());
        return;
    };
    let name = name(&release);
    let mut version = release.value("VERSION_ID").unwrap_or("NA").to_owned();
    let mut path = "/etc/os-release";
    let mut variety = name.clone();
    let mut codename = release.value("VERSION_CODENAME").map(str::to_owned);
    let mut minor = None;
    match name.as_str() {
        "Debian" => {
            // `12` in os-release, `12.11` where the point release is known.
            let full = content("/etc/debian_version");
            if let Some(full) = full.filter(|full| full.starts_with(|c: char| c.is_ascii_digit())) {
                minor = full.split_once('.').map(|(_, minor)| minor.to_owned());
                version = full;
            }
        }
        "Ubuntu" | "Raspbian" | "Kali" | "Devuan" | "Linux Mint" | "KDE neon" | "Pop!_OS" => {
            variety = if name == "Ubuntu" || name == "Raspbian" { "Debian".to_owned() } else { name.clone() };
        }
        "Alpine" => {
            path = "/etc/alpine-release";
            codename = Some("NA".to_owned());
            if let Some(full) = content("/etc/alpine-release") {
                version = full;
            }
        }
        "Archlinux" => {
            path = "/etc/arch-release";
            codename = Some("NA".to_owned());
            version = "rolling".to_owned();
        }
        "RedHat" | "CentOS" | "Rocky" | "AlmaLinux" | "OracleLinux" | "Fedora" | "CloudLinux" => {
            path = "/etc/redhat-release";
            variety = "RedHat".to_owned();
            let text = content(path).unwrap_or_default();
            codename = text.split_once('(').and_then(|(_, rest)| rest.split_once(')')).map(|(name, _)| name.to_owned());
            if let Some(full) = text.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit())) {
                version = full.to_owned();
            }
            minor = version.split_once('.').map(|(_, minor)| minor.to_owned());
        }
        _ => minor = version.split_once('.').map(|(_, minor)| minor.to_owned()),
    }
    let major = version.split('.').next().unwrap_or("NA").to_owned();
    facts.insert("distribution".into(), name.as_str().into());
    facts.insert("distribution_file_parsed".into(), true.into());
    facts.insert("distribution_file_path".into(), path.into());
    facts.insert("distribution_file_variety".into(), variety.into());
    facts.insert("distribution_major_version".into(), major.into());
    if let Some(minor) = minor {
        facts.insert("distribution_minor_version".into(), minor.into());
    }
    facts.insert("distribution_release".into(), codename.unwrap_or_else(|| "NA".to_owned()).into());
    facts.insert("distribution_version".into(), version.into());
    facts.insert("os_family".into(), family(&name).into());
}

/// The family of this host's distribution (`Debian`, `RedHat` ...).
pub fn os_family() -> String {
    Release::read().map(|release| family(&name(&release)).to_owned()).unwrap_or_default()
}

/// Add `lsb`, from the files that the `lsb_release` program itself reads.
pub fn gather_lsb(facts: &mut Map) {
    let mut lsb = Map::new();
    let own = content("/etc/lsb-release").map(|text| Release::parse(&text));
    let has_program =
        ["/usr/bin/lsb_release", "/bin/lsb_release"].iter().any(|path| std::path::Path::new(path).exists());
    if let Some(own) = own.filter(|own| own.value("DISTRIB_ID").is_some()) {
        for (fact, key) in [
            ("id", "DISTRIB_ID"),
            ("release", "DISTRIB_RELEASE"),
            ("description", "DISTRIB_DESCRIPTION"),
            ("codename", "DISTRIB_CODENAME"),
        ] {
            if let Some(value) = own.value(key) {
                lsb.insert(fact.into(), value.into());
            }
        }
    } else if has_program && let Some(release) = Release::read() {
        lsb.insert("id".into(), name(&release).into());
        lsb.insert("release".into(), release.value("VERSION_ID").unwrap_or("n/a").into());
        lsb.insert("description".into(), release.value("PRETTY_NAME").unwrap_or("n/a").into());
        lsb.insert("codename".into(), release.value("VERSION_CODENAME").unwrap_or("n/a").into());
    }
    if let Some(release) = lsb.get("release").and_then(|release| release.as_str()) {
        let major = release.split('.').next().unwrap_or_default().to_owned();
        lsb.insert("major_release".into(), major.into());
    }
    facts.insert("lsb".into(), lsb.into());
}

/// The package manager: the name of the module that `package` uses here.
pub fn package_manager() -> &'static str {
    const MANAGERS: [(&str, &str); 18] = [
        ("/usr/bin/rpm-ostree", "atomic_container"),
        ("/usr/bin/dnf5", "dnf5"),
        ("/usr/bin/dnf-3", "dnf"),
        ("/usr/bin/dnf", "dnf"),
        ("/usr/bin/yum", "yum"),
        ("/usr/bin/apt-get", "apt"),
        ("/usr/bin/zypper", "zypper"),
        ("/usr/bin/pacman", "pacman"),
        ("/sbin/apk", "apk"),
        ("/usr/bin/apk", "apk"),
        ("/usr/bin/emerge", "portage"),
        ("/usr/sbin/urpmi", "urpmi"),
        ("/usr/bin/xbps-install", "xbps"),
        ("/usr/bin/swupd", "swupd"),
        ("/usr/sbin/sorcery", "sorcery"),
        ("/usr/bin/installp", "installp"),
        ("/usr/sbin/slackpkg", "slackpkg"),
        ("/opt/bin/opkg", "opkg"),
    ];
    let exists = |path: &str| std::path::Path::new(path).exists();
    let wanted: &[&str] = match os_family().as_str() {
        "Debian" => &["apt"],
        "RedHat" => &["dnf5", "dnf", "yum"],
        "Suse" => &["zypper"],
        "Archlinux" => &["pacman"],
        "Alpine" => &["apk"],
        "Gentoo" => &["portage"],
        _ => &[],
    };
    MANAGERS
        .iter()
        .find(|(path, name)| wanted.contains(name) && exists(path))
        .or_else(|| MANAGERS.iter().find(|(path, _)| exists(path)))
        .map_or("unknown", |(_, name)| name)
}

/// The service manager: `systemd`, `openrc`, `sysvinit`, or the name of process 1 where it is none that is known.
pub fn service_manager() -> String {
    let exists = |path: &str| std::path::Path::new(path).exists();
    let systemctl = || ["/bin/systemctl", "/usr/bin/systemctl"].iter().any(|path| exists(path));
    let first = content("/proc/1/comm").unwrap_or_default();
    match first.as_str() {
        "runit-init" => return "runit".to_owned(),
        "svscan" => return "svc".to_owned(),
        "openrc-init" => return "openrc".to_owned(),
        "" | "init" | "COMMAND" => {}
        shell if shell.ends_with("sh") => {}
        other => return other.to_owned(),
    }
    let runs_systemd = ["/run/systemd/system/", "/dev/.run/systemd/", "/dev/.systemd/"].iter().any(|path| exists(path));
    let name = if systemctl() && runs_systemd {
        "systemd"
    } else if exists("/etc/init/") && ["/sbin/initctl", "/usr/sbin/initctl"].iter().any(|path| exists(path)) {
        "upstart"
    } else if exists("/sbin/openrc") {
        "openrc"
    } else if systemctl() && super::link_name("/sbin/init").is_some_and(|name| name == "systemd") {
        "systemd"
    } else if exists("/etc/init.d/") {
        "sysvinit"
    } else if exists("/etc/dinit.d/") {
        "dinit"
    } else {
        "service"
    };
    name.to_owned()
}
