//! `yum_repository`: repositories of dnf and yum, as sections of files below `/etc/yum.repos.d`.

use std::path::PathBuf;

use rprov_wire::{Map, Value};

use crate::argument::Rule::{If, IfAny};
use crate::argument::{Argument, Secret};
use crate::attributes::FileAttributes;
use crate::context::Context;
use crate::edit::{Manner, Original};
use crate::outcome::{Diff, Failure, Outcome};
use crate::{arguments, choices};

choices! {
    /// Whether the repository is to be there.
    pub enum State { Absent = "absent", Present = "present" }
}

choices! {
    /// In which order the addresses are tried.
    pub enum Failover { RoundRobin = "roundrobin", Priority = "priority" }
}

choices! {
    /// What caches on the way may keep.
    pub enum Caching { All = "all", Packages = "packages", None = "none" }
}

choices! {
    /// Which addresses a name stands for.
    pub enum Resolve { Four = "4", Six = "6", Ipv4 = "IPv4", Ipv6 = "IPv6", Whatever = "whatever" }
}

choices! {
    /// Whether packages are kept.
    pub enum Keep { No = "0", Yes = "1" }
}

choices! {
    /// For which commands old metadata will do.
    pub enum Expiry {
        Never = "never", Past = "read-only:past", Present = "read-only:present", Future = "read-only:future",
    }
}

arguments! {
    /// Add or remove YUM repositories.
    pub struct Arguments + FileAttributes {
        /// The repository's id, and its section.
        name: String,
        /// Whether it is to be there.
        state: State = State::Present,
        /// The file's name without `.repo`; the id if not given.
        file: Option<String>,
        /// Where the files are.
        reposdir: PathBuf = PathBuf::from("/etc/yum.repos.d"),
        /// What people call it (`name` in the file).
        description: Option<String>,
        /// Deprecated.
        r#async: Option<bool>,
        /// Bytes per second at most.
        bandwidth: Option<String>,
        /// Addresses.
        baseurl: Option<Vec<String>>,
        /// How dear it is beside others.
        cost: Option<String>,
        /// Whether it may count this host.
        countme: Option<bool>,
        /// Deprecated.
        deltarpm_metadata_percentage: Option<String>,
        /// Size of a delta up to which it is used.
        deltarpm_percentage: Option<String>,
        /// Whether it is used.
        enabled: Option<bool>,
        /// Whether its groups are.
        enablegroups: Option<bool>,
        /// Packages to leave out.
        exclude | excludepkgs: Option<Vec<String>>,
        /// In which order addresses are tried.
        failovermethod: Option<Failover>,
        /// Deprecated.
        gpgcakey: Option<String>,
        /// Whether packages must be signed.
        gpgcheck: Option<bool>,
        /// The keys' addresses.
        gpgkey: Option<Vec<String>>,
        /// Deprecated.
        http_caching: Option<Caching>,
        /// A file to include.
        include: Option<String>,
        /// The only packages to use.
        includepkgs: Option<Vec<String>>,
        /// IPv4 or IPv6.
        ip_resolve: Option<Resolve>,
        /// Deprecated.
        keepalive: Option<bool>,
        /// Deprecated.
        keepcache: Option<Keep>,
        /// How long metadata is good for.
        metadata_expire: Option<String>,
        /// For which commands it is longer.
        metadata_expire_filter: Option<Expiry>,
        /// Address of a metalink.
        metalink: Option<String>,
        /// Address of a list of mirrors.
        mirrorlist: Option<String>,
        /// Deprecated.
        mirrorlist_expire: Option<String>,
        /// No filtering by modules.
        module_hotfixes: Option<bool>,
        /// Password.
        password: Option<Secret>,
        /// Which repository wins.
        priority: Option<String>,
        /// Deprecated.
        protect: Option<bool>,
        /// Proxy.
        proxy: Option<String>,
        /// Password for the proxy.
        proxy_password: Option<Secret>,
        /// User name for the proxy.
        proxy_username: Option<String>,
        /// Whether metadata must be signed.
        repo_gpgcheck: Option<bool>,
        /// How often to try.
        retries: Option<String>,
        /// Amazon's S3.
        s3_enabled: Option<bool>,
        /// Go on without it where it cannot be reached.
        skip_if_unavailable: Option<bool>,
        /// Deprecated.
        ssl_check_cert_permissions: Option<bool>,
        /// Certificates to trust.
        sslcacert | ca_cert: Option<String>,
        /// The client's certificate.
        sslclientcert | client_cert: Option<String>,
        /// The client's key.
        sslclientkey | client_key: Option<String>,
        /// Check the server's certificate.
        sslverify | validate_certs: Option<bool>,
        /// Share of the bandwidth.
        throttle: Option<String>,
        /// Seconds to wait for an answer.
        timeout: Option<String>,
        /// Deprecated.
        ui_repoid_vars: Option<String>,
        /// User name.
        username: Option<String>,
    }
    rules: [
        IfAny("state", "present", &["baseurl", "mirrorlist", "metalink"]),
        If("state", "present", &["description"]),
    ]
}

/// Options of the module that are none of the repository's.
const OWN: [&str; 14] = [
    "attributes",
    "description",
    "file",
    "group",
    "mode",
    "name",
    "owner",
    "reposdir",
    "selevel",
    "serole",
    "setype",
    "seuser",
    "state",
    "unsafe_writes",
];

/// A section: its name, and its options in the order of the alphabet.
struct Section {
    name: String,
    options: Vec<(String, String)>,
}

/// Read a file as dnf does: options in lower case, values that go on in indented lines, comments left out.
fn parse(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.lines() {
        let bare = line.trim();
        if bare.is_empty() || bare.starts_with(['#', ';']) {
            continue;
        }
        let section = sections.last_mut();
        if let (true, Some(Section { options, .. })) = (line.starts_with([' ', '\t']), section)
            && let Some((_, value)) = options.last_mut()
        {
            value.push('\n');
            value.push_str(bare);
            continue;
        }
        if let Some((name, _)) = bare.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            sections.push(Section { name: name.to_owned(), options: Vec::new() });
        } else if let (Some((key, value)), Some(section)) = (bare.split_once(['=', ':']), sections.last_mut()) {
            section.options.push((key.trim().to_lowercase(), value.trim().to_owned()));
        }
    }
    sections
}

/// Write it out; lines of a value after the first begin with `indent`.
fn write_out(sections: &[&Section], indent: &str) -> String {
    let mut text = String::new();
    for Section { name, options } in sections {
        text.push_str(&format!("[{name}]\n"));
        let mut options: Vec<&(String, String)> = options.iter().collect();
        options.sort();
        for (key, value) in options {
            text.push_str(&format!("{key} = {}\n", value.replace('\n', &format!("\n{indent}"))));
        }
        text.push('\n');
    }
    text
}

/// What the file says, for the diff: sections in the order of the alphabet.
fn shown(sections: &[Section]) -> String {
    let mut sections: Vec<&Section> = sections.iter().collect();
    sections.sort_by(|left, right| left.name.cmp(&right.name));
    write_out(&sections, "")
}

/// The repository's own options, as they stand in the file.
fn wanted(arguments: &Arguments) -> Vec<(String, String)> {
    let given = arguments.encode();
    let none = Map::new();
    let map = given.as_map().unwrap_or(&none);
    let mut options = Vec::new();
    let mut add = |key: &str, value: String| options.push((key.to_owned(), value));
    for (name, value) in map {
        let separator = if matches!(name.as_str(), "baseurl" | "gpgkey") { "\n" } else { " " };
        match value {
            _ if OWN.contains(&name.as_str()) => {}
            Value::Null => {}
            Value::Bool(flag) => add(name, u8::from(*flag).to_string()),
            Value::List(items) => {
                let words: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                add(name, words.join(separator));
            }
            other => add(name, other.as_str().map_or_else(|| other.to_string(), str::to_owned)),
        }
    }
    for (name, secret) in [("password", &arguments.password), ("proxy_password", &arguments.proxy_password)] {
        if let Some(secret) = secret {
            add(name, secret.expose().to_owned());
        }
    }
    if let Some(description) = &arguments.description {
        add("name", description.clone());
    }
    options
}

/// Set or remove the section, and the file with its last one.
///
/// # Errors
/// The directory is missing, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let present = arguments.state == State::Present;
    let directory = &arguments.reposdir;
    if !directory.is_dir() {
        return Err(Failure::new(format!("Repo directory '{}' does not exist.", directory.display())));
    }
    let path = directory.join(format!("{}.repo", arguments.file.as_ref().unwrap_or(&arguments.name)));
    let original = Original::read(&path)?;
    let mut sections = parse(original.text.as_deref().unwrap_or_default());
    let before = shown(&sections);
    let section = Section { name: arguments.name.clone(), options: wanted(&arguments) };
    sections.retain(|section| section.name != arguments.name);
    if present {
        sections.push(section);
    }
    let after = shown(&sections);
    let mut changed = before != after;
    if sections.is_empty() && changed {
        if !context.check() {
            std::fs::remove_file(&path).map_err(|error| Failure::io("remove", &path, error))?;
        }
    } else if changed || (present && path.exists()) {
        let manner = Manner { backup: false, validate: None, attributes: &arguments.attributes };
        // What differs in form alone is left as it is.
        let text = match &original.text {
            Some(text) if !changed => text.clone(),
            _ => write_out(&sections.iter().collect::<Vec<_>>(), "\t"),
        };
        changed |= original.write(&text, &manner, context)?.changed();
    }
    Ok(Outcome::new(changed)
        .with("repo", arguments.name.as_str())
        .with("state", arguments.state.word())
        .with_diff(Diff::text(&path.display().to_string(), before, after)))
}
