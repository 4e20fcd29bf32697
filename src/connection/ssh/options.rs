//! What holds for one connection, after settings, `ssh` arguments and `ssh_config` files were put in order.
//!
//! The first one to say something wins: connection settings (`ansible_port`, `-u` ...), then the `ssh` arguments, then
//! the files, then OpenSSH's defaults.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use super::local::Local;
use super::ssh_config::{ConfigError, Files, Lookup, Place, Value, expand_environment};
use crate::connection::{HostKeyChecking, Settings};

/// Where the connection's bytes go through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proxy {
    /// TCP.
    None,
    /// A shell command whose standard streams are the connection.
    Command(String),
    /// Other SSH hosts, the nearest first.
    Jump(Vec<JumpHost>),
}

/// One host of `ProxyJump`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct JumpHost {
    pub(super) user: Option<String>,
    pub(super) host: String,
    pub(super) port: Option<u16>,
}

/// Which addresses of a host count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AddressFamily {
    Any,
    V4,
    V6,
}

/// The answer to everything that is asked while connecting.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// The name or address to connect to.
    pub(super) hostname: String,
    pub(super) port: u16,
    pub(super) user: String,
    pub(super) proxy: Proxy,
    pub(super) files: Files,
    pub(super) address_family: AddressFamily,
    pub(super) bind_address: Option<String>,
    pub(super) connect_timeout: Option<Duration>,
    pub(super) connection_attempts: u32,
    pub(super) alive_interval: Option<Duration>,
    pub(super) alive_count_max: usize,
    pub(super) compression: bool,
    pub(super) ciphers: Option<String>,
    pub(super) kex_algorithms: Option<String>,
    pub(super) macs: Option<String>,
    pub(super) host_key_algorithms: Option<String>,
    pub(super) host_key_checking: HostKeyChecking,
    pub(super) host_key_alias: Option<String>,
    pub(super) user_known_hosts_files: Vec<PathBuf>,
    pub(super) global_known_hosts_files: Vec<PathBuf>,
    pub(super) hash_known_hosts: bool,
    pub(super) identity_files: Vec<PathBuf>,
    /// The identity files were named by somebody; otherwise they are the default ones.
    pub(super) explicit_identities: bool,
    pub(super) certificate_files: Vec<PathBuf>,
    pub(super) identities_only: bool,
    /// The socket of the ssh-agent.
    pub(super) agent: Option<PathBuf>,
    /// In order of preference, lower case; `None` where nobody said.
    pub(super) preferred_authentications: Option<Vec<String>>,
    pub(super) pubkey_authentication: bool,
    pub(super) password_authentication: bool,
    pub(super) keyboard_interactive_authentication: bool,
}

impl Options {
    /// Put together what holds for the host of `settings`.
    ///
    /// # Errors
    /// A configuration file or argument that cannot be understood.
    pub(super) fn resolve(settings: &Settings, local: &Local) -> Result<Self, ConfigError> {
        let address = settings.address.trim_start_matches('[').trim_end_matches(']');
        let mut lookup = Lookup::new(address, local);
        let mut given = |keyword: &str, value: Option<String>| {
            if let Some(value) = value {
                lookup.set(keyword, &value, Place::Setting);
            }
        };
        given("port", settings.port.map(|port| port.to_string()));
        given("user", settings.user.clone());
        // A path of a setting is no `ssh_config` value: a `%` in it is a percent sign.
        given("identityfile", settings.private_key_file.as_ref().map(|path| path.to_string_lossy().replace('%', "%%")));
        given(
            "stricthostkeychecking",
            settings.host_key_checking.map(|checking| {
                match checking {
                    HostKeyChecking::Strict => "yes",
                    HostKeyChecking::AcceptNew => "accept-new",
                    HostKeyChecking::Off => "no",
                }
                .to_owned()
            }),
        );
        let files = arguments(&settings.ssh_arguments, &mut lookup, local)?;
        // A configuration file's ConnectTimeout comes after the setting, which always says something.
        lookup.set("connecttimeout", &settings.timeout.as_secs().max(1).to_string(), Place::Setting);
        lookup.read(&files)?;
        Self::from_lookup(&lookup, files, local)
    }

    /// The options of a host of `ProxyJump`: as for `ssh -F files -l user -p port host`; `via` are the hosts before it.
    ///
    /// # Errors
    /// A configuration file that cannot be understood.
    pub(super) fn resolve_jump(
        jump: &JumpHost,
        via: &[JumpHost],
        files: &Files,
        local: &Local,
    ) -> Result<Self, ConfigError> {
        let mut lookup = Lookup::new(&jump.host, local);
        if let Some(user) = &jump.user {
            lookup.set("user", user, Place::Argument);
        }
        if let Some(port) = jump.port {
            lookup.set("port", &port.to_string(), Place::Argument);
        }
        if !via.is_empty() {
            // Only marks the place as taken: the hosts themselves are put in below.
            lookup.set("proxyjump", "none", Place::Argument);
        }
        lookup.read(files)?;
        let mut options = Self::from_lookup(&lookup, files.clone(), local)?;
        if !via.is_empty() {
            options.proxy = Proxy::Jump(via.to_vec());
        }
        Ok(options)
    }

    fn from_lookup(lookup: &Lookup<'_>, files: Files, local: &Local) -> Result<Self, ConfigError> {
        let hostname = lookup.hostname()?;
        let hostname = hostname.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tokens = lookup.tokens(&hostname);
        let wrong = |value: &Value, message: String| ConfigError { place: value.place.clone(), message };
        let text = |keyword: &str| lookup.get(keyword).map(|value| value.first().to_owned());
        let yes = |keyword: &str, default: bool| match lookup.get(keyword) {
            None => Ok(default),
            Some(value) => match value.first().to_ascii_lowercase().as_str() {
                "yes" | "true" => Ok(true),
                "no" | "false" => Ok(false),
                other => Err(wrong(value, format!("`{keyword}` is `yes` or `no`, not `{other}`"))),
            },
        };
        let path = |value: &Value, word: &str| -> Result<PathBuf, ConfigError> {
            let word = expand_environment(word)
                .and_then(|word| tokens.expand(&word))
                .map_err(|message| wrong(value, message))?;
            Ok(local.expand_tilde(&word))
        };
        let is_none = |word: &str| word.eq_ignore_ascii_case("none");
        let paths = |keyword: &str, default: Vec<PathBuf>| match lookup.get(keyword) {
            None => Ok(default),
            Some(value) if is_none(value.first()) => Ok(Vec::new()),
            Some(value) => {
                // Given as an argument, several files are one word.
                let words = value.words.iter().flat_map(|word| word.split_ascii_whitespace());
                words.map(|word| path(value, word)).collect()
            }
        };
        let identity_files: Vec<PathBuf> = lookup
            .identity_files()
            .iter()
            .filter(|value| !is_none(value.first()))
            .map(|value| path(value, value.first()))
            .collect::<Result<_, _>>()?;
        let explicit_identities = !lookup.identity_files().is_empty();

        Ok(Self {
            port: lookup.port()?,
            user: lookup.user().to_owned(),
            proxy: proxy(lookup, &hostname)?,
            files,
            address_family: match text("addressfamily").map(|family| family.to_ascii_lowercase()).as_deref() {
                Some("inet") => AddressFamily::V4,
                Some("inet6") => AddressFamily::V6,
                _ => AddressFamily::Any,
            },
            bind_address: text("bindaddress"),
            connect_timeout: duration(lookup, "connecttimeout")?,
            connection_attempts: number(lookup, "connectionattempts", 1)?,
            alive_interval: match duration(lookup, "serveraliveinterval")? {
                // OpenSSH notices a host that vanished only when TCP does; a run must not hang for hours.
                None if lookup.get("serveraliveinterval").is_none() => Some(Duration::from_secs(30)),
                interval => interval,
            },
            alive_count_max: number(lookup, "serveralivecountmax", 3)?,
            compression: yes("compression", false)?,
            ciphers: text("ciphers"),
            kex_algorithms: text("kexalgorithms"),
            macs: text("macs"),
            host_key_algorithms: text("hostkeyalgorithms"),
            host_key_checking: match lookup.get("stricthostkeychecking") {
                None => HostKeyChecking::Strict,
                Some(value) => match value.first().to_ascii_lowercase().as_str() {
                    "yes" | "true" | "ask" => HostKeyChecking::Strict,
                    "accept-new" => HostKeyChecking::AcceptNew,
                    "no" | "false" | "off" => HostKeyChecking::Off,
                    other => {
                        let message =
                            format!("`StrictHostKeyChecking` is `yes`, `ask`, `accept-new` or `no`, not `{other}`");
                        return Err(wrong(value, message));
                    }
                },
            },
            host_key_alias: text("hostkeyalias"),
            user_known_hosts_files: paths(
                "userknownhostsfile",
                vec![local.dot_ssh("known_hosts"), local.dot_ssh("known_hosts2")],
            )?,
            global_known_hosts_files: paths(
                "globalknownhostsfile",
                vec!["/etc/ssh/ssh_known_hosts".into(), "/etc/ssh/ssh_known_hosts2".into()],
            )?,
            hash_known_hosts: yes("hashknownhosts", false)?,
            identity_files: if explicit_identities {
                identity_files
            } else {
                ["id_rsa", "id_ecdsa", "id_ed25519"].map(|name| local.dot_ssh(name)).to_vec()
            },
            explicit_identities,
            certificate_files: lookup
                .certificate_files()
                .iter()
                .filter(|value| !is_none(value.first()))
                .map(|value| path(value, value.first()))
                .collect::<Result<_, _>>()?,
            identities_only: yes("identitiesonly", false)?,
            agent: match lookup.get("identityagent") {
                None => local.agent.clone(),
                Some(value) => match value.first() {
                    word if is_none(word) => None,
                    "SSH_AUTH_SOCK" => local.agent.clone(),
                    word => match word.strip_prefix('$') {
                        Some(variable) if !variable.starts_with('{') => std::env::var_os(variable).map(PathBuf::from),
                        _ => Some(path(value, word)?),
                    },
                },
            },
            preferred_authentications: text("preferredauthentications")
                .map(|list| list.to_ascii_lowercase().split(',').map(|name| name.trim().to_owned()).collect()),
            pubkey_authentication: match text("pubkeyauthentication").as_deref() {
                Some("unbound" | "host-bound") => true,
                _ => yes("pubkeyauthentication", true)?,
            },
            password_authentication: yes("passwordauthentication", true)?,
            keyboard_interactive_authentication: match lookup.get("kbdinteractiveauthentication") {
                Some(_) => yes("kbdinteractiveauthentication", true)?,
                None => yes("challengeresponseauthentication", true)?,
            },
            hostname,
        })
    }

    /// The name under which `known_hosts` files have the host, and the one without a port to fall back to.
    pub(super) fn host_key_names(&self) -> (String, Option<String>) {
        match &self.host_key_alias {
            Some(alias) => (alias.to_lowercase(), None),
            None if self.port == 22 => (self.hostname.to_lowercase(), None),
            None => {
                let host = self.hostname.to_lowercase();
                (format!("[{host}]:{}", self.port), Some(host))
            }
        }
    }

    /// `host:port`, for messages.
    pub(super) fn address(&self) -> String {
        if self.hostname.contains(':') {
            format!("[{}]:{}", self.hostname, self.port)
        } else {
            format!("{}:{}", self.hostname, self.port)
        }
    }
}

fn number<T: FromStr>(lookup: &Lookup<'_>, keyword: &str, default: T) -> Result<T, ConfigError> {
    match lookup.get(keyword) {
        None => Ok(default),
        Some(value) => value.first().parse().map_err(|_| ConfigError {
            place: value.place.clone(),
            message: format!("`{keyword}` needs a number, not `{}`", value.first()),
        }),
    }
}

/// A time as in TIME FORMATS of `sshd_config(5)`: `90`, `1m30s`. Zero, `none` and nothing at all are no time.
fn duration(lookup: &Lookup<'_>, keyword: &str) -> Result<Option<Duration>, ConfigError> {
    let Some(value) = lookup.get(keyword) else { return Ok(None) };
    let word = value.first();
    if word.eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let wrong = || ConfigError {
        place: value.place.clone(),
        message: format!("`{keyword}` needs a time such as `30` or `1m30s`, not `{word}`"),
    };
    let (mut seconds, mut digits) = (0_u64, String::new());
    for character in word.chars() {
        let unit = match character.to_ascii_lowercase() {
            digit if digit.is_ascii_digit() => {
                digits.push(digit);
                continue;
            }
            's' => 1,
            'm' => 60,
            'h' => 3600,
            'd' => 86400,
            'w' => 604_800,
            _ => return Err(wrong()),
        };
        let count: u64 = digits.parse().map_err(|_| wrong())?;
        seconds = seconds.saturating_add(count.saturating_mul(unit));
        digits.clear();
    }
    if !digits.is_empty() {
        seconds = seconds.saturating_add(digits.parse().map_err(|_| wrong())?);
    } else if word.is_empty() {
        return Err(wrong());
    }
    Ok((seconds != 0).then(|| Duration::from_secs(seconds)))
}

fn proxy(lookup: &Lookup<'_>, hostname: &str) -> Result<Proxy, ConfigError> {
    let jump = lookup.get("proxyjump").filter(|value| !value.first().eq_ignore_ascii_case("none"));
    if let Some(value) = jump {
        let hosts = value.first().split(',').map(|word| {
            parse_jump(word.trim()).ok_or_else(|| ConfigError {
                place: value.place.clone(),
                message: format!("cannot understand `{word}` of `ProxyJump`: `[user@]host[:port]` is expected"),
            })
        });
        let hosts: Vec<JumpHost> = hosts.collect::<Result<_, _>>()?;
        // `Host * / ProxyJump bastion` also holds for the bastion, which is no way to itself.
        let itself = hosts.last().is_some_and(|last| {
            last.host.eq_ignore_ascii_case(&lookup.tokens(hostname).original.to_lowercase())
                || last.host.eq_ignore_ascii_case(hostname)
        });
        return Ok(if itself { Proxy::None } else { Proxy::Jump(hosts) });
    }
    match lookup.get("proxycommand") {
        Some(value) if !value.first().eq_ignore_ascii_case("none") => {
            let command = lookup
                .tokens(hostname)
                .expand(&value.raw)
                .map_err(|message| ConfigError { place: value.place.clone(), message })?;
            Ok(Proxy::Command(command))
        }
        _ => Ok(Proxy::None),
    }
}

fn parse_jump(word: &str) -> Option<JumpHost> {
    let word = word.strip_prefix("ssh://").unwrap_or(word).trim_end_matches('/');
    let (user, address) = match word.rsplit_once('@') {
        Some((user, address)) => (Some(user.to_owned()), address),
        None => (None, word),
    };
    let (host, port) = match address.strip_prefix('[') {
        Some(rest) => {
            let (host, behind) = rest.split_once(']')?;
            (host, behind.strip_prefix(':'))
        }
        None => match address.split_once(':') {
            // More than one colon is an IPv6 address without a port.
            Some((_, port)) if port.contains(':') => (address, None),
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        },
    };
    let port = match port {
        None => None,
        Some(port) => Some(port.parse().ok().filter(|&port: &u16| port != 0)?),
    };
    (!host.is_empty() && user.as_deref() != Some("")).then(|| JumpHost { user, host: host.to_owned(), port })
}

/// Options of `ssh` that take an argument.
const WITH_ARGUMENT: &str = "bcDeEFIiJLlmOoPpQRSWwB";

/// Put the words of an `ssh` command line into a lookup, and give back which files to read.
fn arguments(words: &[String], lookup: &mut Lookup<'_>, local: &Local) -> Result<Files, ConfigError> {
    let mut files = Files::Default;
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Some(mut flags) = word.strip_prefix('-').filter(|flags| !flags.is_empty()) else { continue };
        while let Some(flag) = flags.chars().next() {
            flags = flags.get(flag.len_utf8()..).unwrap_or_default();
            if !WITH_ARGUMENT.contains(flag) {
                match flag {
                    'C' => lookup.set("compression", "yes", Place::Argument),
                    '4' => lookup.set("addressfamily", "inet", Place::Argument),
                    '6' => lookup.set("addressfamily", "inet6", Place::Argument),
                    _ => {}
                }
                continue;
            }
            let argument = match std::mem::take(&mut flags) {
                "" => words.next().map(String::as_str).ok_or_else(|| ConfigError {
                    place: Place::Argument,
                    message: format!("`-{flag}` needs an argument"),
                })?,
                attached => attached,
            };
            let keyword = match flag {
                'o' => {
                    lookup.set_line(argument)?;
                    continue;
                }
                'F' if argument.eq_ignore_ascii_case("none") => {
                    files = Files::None;
                    continue;
                }
                'F' => {
                    files = Files::Only(local.expand_tilde(argument));
                    continue;
                }
                'J' => "proxyjump",
                'i' => "identityfile",
                'p' => "port",
                'l' => "user",
                'b' => "bindaddress",
                'c' => "ciphers",
                'm' => "macs",
                _ => continue,
            };
            lookup.set(keyword, argument, Place::Argument);
        }
    }
    Ok(files)
}

#[cfg(all(test, feature = "system-tests"))]
mod tests {
    #![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]
    use std::fmt::Write as _;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    fn settings(address: &str, arguments: &[&str]) -> Settings {
        Settings {
            connection: "ssh".into(),
            host: address.into(),
            address: address.into(),
            port: None,
            user: None,
            password: None,
            private_key_file: None,
            private_key_passphrase: None,
            host_key_checking: None,
            timeout: Duration::from_secs(10),
            ssh_arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            retries: 0,
            pinned_host_key: None,
            entry: None,
        }
    }

    /// What `ssh -G` says, and the same from here, in the words of `ssh -G`.
    fn compare(directory: &Path, config: &str, host: &str, arguments: &[&str]) {
        let file = directory.join("config");
        std::fs::write(&file, config).unwrap();
        let mut words = vec!["-F", file.to_str().unwrap()];
        words.extend_from_slice(arguments);
        let output = Command::new("ssh").arg("-G").args(&words).arg(host).output();
        let output = output.expect("`ssh` is needed to compare with: install openssh-client");
        let reference = String::from_utf8_lossy(&output.stdout).into_owned();
        let local = Local::current();
        let resolved = Options::resolve(&settings(host, &words), &local);
        let resolved = match resolved {
            Err(error) => {
                assert!(!output.status.success(), "only here: {error}\n{config}");
                return;
            }
            Ok(resolved) => resolved,
        };
        if !output.status.success() && !arguments.is_empty() {
            // A wrong value does no harm here where another one wins.
            return;
        }
        assert!(output.status.success(), "ssh refuses: {}\n{config}", String::from_utf8_lossy(&output.stderr));
        let has = |keyword: &str| reference.lines().filter(|line| line.split(' ').next() == Some(keyword)).count() != 0;
        let mut ours = String::new();
        let yes = |value: bool| if value { "yes" } else { "no" };
        let paths =
            |paths: &[PathBuf]| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ");
        writeln!(ours, "hostname {}", resolved.hostname).unwrap();
        writeln!(ours, "port {}", resolved.port).unwrap();
        writeln!(ours, "user {}", resolved.user).unwrap();
        writeln!(ours, "identitiesonly {}", yes(resolved.identities_only)).unwrap();
        writeln!(ours, "compression {}", yes(resolved.compression)).unwrap();
        writeln!(ours, "hashknownhosts {}", yes(resolved.hash_known_hosts)).unwrap();
        writeln!(ours, "passwordauthentication {}", yes(resolved.password_authentication)).unwrap();
        writeln!(ours, "connectionattempts {}", resolved.connection_attempts).unwrap();
        writeln!(ours, "serveralivecountmax {}", resolved.alive_count_max).unwrap();
        if !config.is_empty() && has("identityfile") && resolved.explicit_identities {
            // `ssh -G` shows them as they are written; without tokens both are the same.
            for path in &resolved.identity_files {
                writeln!(ours, "identityfile {}", path.display()).unwrap();
            }
        }
        if let Proxy::Command(command) = &resolved.proxy {
            writeln!(ours, "proxycommand {command}").unwrap();
        }
        if let Proxy::Jump(hosts) = &resolved.proxy {
            let hosts = hosts.iter().map(|jump| {
                let user = jump.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
                let port = jump.port.map(|port| format!(":{port}")).unwrap_or_default();
                format!("{user}{}{port}", jump.host)
            });
            writeln!(ours, "proxyjump {}", hosts.collect::<Vec<_>>().join(",")).unwrap();
        }
        if let Some(alias) = &resolved.host_key_alias {
            writeln!(ours, "hostkeyalias {alias}").unwrap();
        }
        writeln!(ours, "userknownhostsfile {}", paths(&resolved.user_known_hosts_files)).unwrap();
        let shown = reference.lines().map(|line| line.replace("~/", &format!("{}/", local.home.display())));
        // `ssh -G` shows tokens as they are written.
        let expected: Vec<String> = shown
            .map(|line| match line.starts_with("proxycommand ") {
                true => line.replace("%h", &resolved.hostname).replace("%p", &resolved.port.to_string()),
                false => line,
            })
            .collect();
        for line in ours.lines() {
            assert!(expected.iter().any(|other| other == line), "`{line}` is not in ssh's\n{reference}\nfor\n{config}");
        }
        for keyword in ["proxycommand", "proxyjump", "hostkeyalias"] {
            assert_eq!(has(keyword), ours.lines().any(|line| line.starts_with(keyword)), "{keyword}\n{config}");
        }
    }

    #[test]
    fn the_same_is_understood_as_by_ssh() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        std::fs::create_dir(path.join("more")).unwrap();
        std::fs::write(path.join("more/a.conf"), "Host web-*\n  User included\nHost *\n  Port 2201\n").unwrap();
        std::fs::write(path.join("more/b.conf"), "User from-b\n").unwrap();
        let include = format!("Include {}/more/*.conf\n", path.display());
        let inside = format!("Host other\n  Include {}/more/*.conf\nHost *\n  Port 99\n", path.display());
        let configs = [
            "",
            "User top\nPort 2222\nHost web-1\n  User never\n",
            "Host web-1\n  HostName %h.example.org\n  Port=2222\n  User = \"deploy\"\nHost *\n  User rest\n  Compression yes\n",
            "Host web-* !web-1\n  User no\nHost web-? db\n  User yes\n",
            "Host web-1\n  User deploy\nMatch user deploy\n  Port 1\nMatch user root\n  Port 2\n",
            "Match host web-1\n  HostName real.example.org\nMatch host real.example.org\n  Port 3\nMatch originalhost web-1\n  User o\n",
            "Match originalhost web-1,!web-2 exec \"test %h = web-1\"\n  User exec\n",
            "Match exec \"false\"\n  User exec\nMatch !exec \"false\"\n  Port 7\n",
            "Match final host real\n  User late\nHost web-1\n  HostName real\n",
            "Match final all\n  User late\nHost real\n  Port 44\nHost web-1\n  HostName real\n",
            "Match canonical\n  User late\nMatch all\n  Port 5\n",
            "Match localuser nobody-at-all\n  User x\nMatch all\n  User y\n",
            "ProxyCommand nc -X \"quoted thing\" %h %p # not a comment\n",
            "ProxyJump none\nProxyCommand nc %h %p\n",
            "ProxyCommand none\nProxyJump bastion\n",
            "ProxyJump alice@bastion:2222,second\nProxyCommand nc %h %p\n",
            "IdentityFile /keys/one\nIdentityFile \"/keys/two words\"\nHost *\n  IdentityFile ~/three\n  IdentityFile /keys/one\n",
            "IdentitiesOnly yes\nHashKnownHosts yes\nHostKeyAlias alias\nUserKnownHostsFile /a ~/b\n",
            "PasswordAuthentication no\nConnectionAttempts 3\nServerAliveCountMax 9\n",
            "user UPPER # comment\nPORT 2022\n\n   # indented comment\n\tHost web-1\t\n\tcompression\tyes\n",
            "Port abc\n",
            "Port 0\n",
            "Host\n",
            "User \"open\n",
            "Match\n",
            "Match nonsense\n",
            "StrictHostKeyChecking perhaps\n",
            "HostName %z\n",
            &include,
            &inside,
        ];
        for config in configs {
            for host in ["web-1", "db"] {
                compare(path, config, host, &[]);
                compare(path, config, host, &["-p", "77", "-o", "User=first", "-oHashKnownHosts=no", "-C"]);
            }
        }
        // `ssh` drops an `-i` that does not exist; here it stays, so that the error can name it.
        let key = path.join("key");
        std::fs::write(&key, "").unwrap();
        let arguments = ["-J", "other", "-l", "me", "-i", key.to_str().unwrap(), "-4q"];
        compare(path, "ProxyJump bastion\n", "web", &arguments);
        compare(path, "ProxyCommand nc %h %p\n", "web", &["-o", "ProxyCommand=none"]);
    }

    #[test]
    fn settings_come_before_arguments_and_files() {
        let local = Local::current();
        let arguments = ["-F", "none", "-o", "Port=1", "-o", "User=u", "-o", "ConnectTimeout=1m", "-i", "/second"];
        let mut settings = settings("h", &arguments);
        settings.port = Some(2222);
        settings.private_key_file = Some("/50%".into());
        let options = Options::resolve(&settings, &local).unwrap();
        assert_eq!((options.port, options.user.as_str()), (2222, "u"));
        assert_eq!(options.connect_timeout, Some(Duration::from_secs(60)));
        assert_eq!(options.identity_files, [PathBuf::from("/50%"), PathBuf::from("/second")]);
    }

    #[test]
    fn tokens_are_replaced_in_paths() {
        let local = Local {
            user: "me".into(),
            home: "/home/me".into(),
            uid: 7,
            hostname: "box.example.org".into(),
            agent: Some("/agent".into()),
        };
        let arguments = [
            "-Fnone",
            "-oHostName=%h.lan",
            "-oPort=9",
            "-oIdentityFile=~/k-%n-%h-%p-%r-%u-%i-%L-%l-%%",
            "-oUserKnownHostsFile=%d/one /two",
            "-oIdentityAgent=none",
            "-oCertificateFile=/c",
        ];
        let options = Options::resolve(&settings("web", &arguments), &local).unwrap();
        assert_eq!(options.identity_files, [PathBuf::from("/home/me/k-web-web.lan-9-me-me-7-box-box.example.org-%")]);
        assert_eq!(options.user_known_hosts_files, [PathBuf::from("/home/me/one"), PathBuf::from("/two")]);
        assert_eq!(options.agent, None);
        assert_eq!(options.host_key_names(), ("[web.lan]:9".to_owned(), Some("web.lan".to_owned())));
        assert!(Options::resolve(&settings("web", &["-Fnone", "-oIdentityFile=%y"]), &local).is_err());
    }

    #[test]
    fn a_jump_host_is_not_its_own_way() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("config");
        std::fs::write(&file, "Host *\n  ProxyJump bastion\n  User all\n").unwrap();
        let local = Local::current();
        let target = Options::resolve(&settings("web", &["-F", file.to_str().unwrap()]), &local).unwrap();
        let Proxy::Jump(hosts) = &target.proxy else { panic!("{:?}", target.proxy) };
        let bastion = Options::resolve_jump(hosts.last().unwrap(), &[], &target.files, &local).unwrap();
        assert_eq!((bastion.proxy, bastion.user.as_str()), (Proxy::None, "all"));
    }

    #[test]
    fn jump_hosts_have_users_ports_and_brackets() {
        let jump = |user: Option<&str>, host: &str, port| {
            Some(JumpHost { user: user.map(str::to_owned), host: host.to_owned(), port })
        };
        assert_eq!(parse_jump("host"), jump(None, "host", None));
        assert_eq!(parse_jump("a@b@host:22"), jump(Some("a@b"), "host", Some(22)));
        assert_eq!(parse_jump("ssh://u@[::1]:2222"), jump(Some("u"), "::1", Some(2222)));
        assert_eq!(parse_jump("fe80::1"), jump(None, "fe80::1", None));
        for wrong in ["", "@host", "host:0", "host:x", "[::1"] {
            assert_eq!(parse_jump(wrong), None, "{wrong}");
        }
    }
}
