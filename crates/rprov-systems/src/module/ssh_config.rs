//! `ssh_config`: a host's entry in a configuration file of the SSH client.

use std::path::PathBuf;

use rprov_modules::account;
use rprov_modules::argument::Rule;
use rprov_modules::attributes::Wanted;
use rprov_modules::permissions::ModeChange;
use rprov_modules::rprov_wire::{Map, Value};
use rprov_modules::{Context, Diff, Failure, Outcome, arguments, choices, write};

choices! {
    /// Whether the entry is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

choices! {
    /// Whether a host's key must be known.
    pub enum Checking { Yes = "yes", No = "no", Ask = "ask", AcceptNew = "accept-new" }
}

choices! {
    /// Whether connections are shared.
    pub enum Master { Yes = "yes", No = "no", Ask = "ask", Auto = "auto", Autoask = "autoask" }
}

arguments! {
    /// Manage SSH client configuration.
    pub struct Arguments {
        /// Whether the entry is to be there.
        state: State = State::Present,
        /// Whose `~/.ssh/config`; without it and `ssh_config_file`, `/etc/ssh/ssh_config`.
        user: Option<String>,
        /// The file's group.
        group: Option<String>,
        /// The name, or pattern, that the entry is for.
        host: String,
        /// The host to connect to.
        hostname: Option<String>,
        /// The port.
        port: Option<String>,
        /// The user to log in as.
        remote_user: Option<String>,
        /// The private key.
        identity_file: Option<PathBuf>,
        /// Offer no keys but those of the configuration.
        identities_only: Option<bool>,
        /// The file of known host keys.
        user_known_hosts_file: Option<String>,
        /// Whether a host's key must be known.
        strict_host_key_checking: Option<Checking>,
        /// The command to connect with.
        proxycommand: Option<String>,
        /// The hosts to go through.
        proxyjump: Option<String>,
        /// Forward the agent.
        forward_agent: Option<bool>,
        /// Add keys to the agent.
        add_keys_to_agent: Option<bool>,
        /// The file.
        ssh_config_file: Option<PathBuf>,
        /// Algorithms of host keys.
        host_key_algorithms: Option<String>,
        /// Whether connections are shared.
        controlmaster: Option<Master>,
        /// The socket of a shared connection.
        controlpath: Option<String>,
        /// How long a shared connection stays.
        controlpersist: Option<String>,
        /// Forward a port dynamically.
        dynamicforward: Option<String>,
        /// Any other options, by their names in lower case.
        other_options: Option<Map>,
    }
    rules: [Rule::Exclusive(&["user", "ssh_config_file"]), Rule::Exclusive(&["proxycommand", "proxyjump"])]
}

/// Options as they are to be; `None` where the entry is not to have one.
fn wanted(arguments: &Arguments) -> Result<Vec<(String, Option<String>)>, Failure> {
    let flag = |flag: Option<bool>| flag.map(|flag| if flag { "yes" } else { "no" }.to_owned());
    let mut wanted: Vec<(String, Option<String>)> = [
        ("hostname", arguments.hostname.clone()),
        ("port", arguments.port.clone()),
        ("identityfile", arguments.identity_file.as_ref().map(|path| path.display().to_string())),
        ("identitiesonly", flag(arguments.identities_only)),
        ("user", arguments.remote_user.clone()),
        ("stricthostkeychecking", arguments.strict_host_key_checking.map(|word| word.word().to_owned())),
        ("userknownhostsfile", arguments.user_known_hosts_file.clone()),
        ("proxycommand", arguments.proxycommand.clone()),
        ("proxyjump", arguments.proxyjump.clone()),
        ("forwardagent", flag(arguments.forward_agent)),
        ("addkeystoagent", flag(arguments.add_keys_to_agent)),
        ("hostkeyalgorithms", arguments.host_key_algorithms.clone()),
        ("controlmaster", arguments.controlmaster.map(|word| word.word().to_owned())),
        ("controlpath", arguments.controlpath.clone()),
        ("controlpersist", arguments.controlpersist.clone()),
        ("dynamicforward", arguments.dynamicforward.clone()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect();
    for (name, value) in arguments.other_options.iter().flatten() {
        if name.chars().any(char::is_uppercase) {
            return Err(Failure::new(format!("The other_options key {name:?} must be lower case")));
        }
        let Some(value) = value.as_str() else {
            return Err(Failure::new(format!(
                "The other_options value provided for key {name:?} must be a string, got {}; write it in quotes",
                value.type_name()
            )));
        };
        wanted.retain(|(known, _)| known != name);
        wanted.push((name.clone(), Some(value.to_owned())));
    }
    for (name, value) in &wanted {
        if value.as_deref().is_some_and(|value| value.contains('\n')) {
            return Err(Failure::new(format!("{name}: a value may not have a line break")));
        }
    }
    Ok(wanted)
}

/// Keyword in lower case and value of a line.
fn parse(line: &str) -> Option<(String, String)> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') {
        return None;
    }
    let end = line.find(|character: char| character.is_whitespace() || character == '=')?;
    let (keyword, rest) = line.split_at(end);
    let value = rest.trim_start().trim_start_matches('=').trim();
    let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    Some((keyword.to_lowercase(), value.to_owned()))
}

/// The lines of the host's block: its header, and where the next block begins.
fn block(lines: &[String], host: &str) -> Option<(usize, usize)> {
    let header = |line: &String| parse(line).filter(|(keyword, _)| keyword == "host" || keyword == "match");
    let start = lines.iter().position(|line| {
        header(line)
            .is_some_and(|(keyword, value)| keyword == "host" && value.split_whitespace().eq(host.split_whitespace()))
    })?;
    let rest = lines.iter().skip(start + 1);
    let end = rest.clone().position(|line| header(line).is_some()).map_or(lines.len(), |length| start + 1 + length);
    // What stands directly before the next block is about that one.
    let between = |line: &&String| line.trim().is_empty() || line.trim_start().starts_with('#');
    let body = lines.get(start + 1..end).unwrap_or_default();
    let kept = body.len() - if end == lines.len() { 0 } else { body.iter().rev().take_while(between).count() };
    Some((start, start + 1 + kept))
}

fn options(lines: &[String]) -> Map {
    let mut map = Map::new();
    for (keyword, value) in lines.iter().filter_map(|line| parse(line)) {
        if keyword == "identityfile" {
            match map.entry(keyword).or_insert_with(|| Value::List(Vec::new())) {
                Value::List(list) => list.push(value.into()),
                other => *other = value.into(),
            }
        } else {
            map.entry(keyword).or_insert_with(|| value.into());
        }
    }
    map
}

/// The body of a block with the options in it.
fn edit(body: &[String], wanted: &[(String, Option<String>)]) -> Vec<String> {
    let mut set: Vec<&str> = Vec::new();
    let mut lines = Vec::new();
    let has_key = |value: &str| {
        body.iter()
            .filter_map(|line| parse(line))
            .any(|(keyword, present)| keyword == "identityfile" && present == value)
    };
    for line in body {
        let found = parse(line).and_then(|(keyword, value)| {
            wanted.iter().find(|(name, _)| *name == keyword).map(|(name, wanted)| (name, wanted, value))
        });
        let Some((name, wanted, value)) = found else {
            lines.push(line.clone());
            continue;
        };
        let Some(wanted) = wanted else { continue };
        // There may be several keys, of which the wanted one is one.
        let stays = value == *wanted || (name == "identityfile" && has_key(wanted));
        if stays {
            set.push(name);
            lines.push(line.clone());
        } else if !set.contains(&name.as_str()) {
            set.push(name);
            lines.push(format!("    {name} {wanted}\n"));
        }
    }
    for (name, value) in wanted {
        if let (Some(value), false) = (value, set.contains(&name.as_str())) {
            lines.push(format!("    {name} {value}\n"));
        }
    }
    lines
}

/// Write the entry, or remove it.
///
/// # Errors
/// There is no such user, an option is none, or the file cannot be written.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    let wanted = wanted(&arguments)?;
    if let Some(file) =
        arguments.identity_file.as_ref().filter(|file| arguments.state == State::Present && !file.exists())
    {
        return Err(Failure::new(format!("IdentityFile {} does not exist", file.display())));
    }
    let user = match &arguments.user {
        None => None,
        Some(name) => Some(account::user_by_name(name).ok_or_else(|| {
            Failure::new(format!("there is no user {name} on this host; create it first (module `user`)"))
        })?),
    };
    let path = match (&arguments.ssh_config_file, &user) {
        (Some(path), _) => path.clone(),
        (None, Some(user)) => PathBuf::from(&user.home).join(".ssh/config"),
        (None, None) => crate::root::at("/etc/ssh/ssh_config"),
    };
    let before = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::io("read", &path, error)),
    };
    let host = arguments.host.as_str();
    let mut lines = rprov_modules::text::lines(&before);
    if let Some(last) = lines.last_mut().filter(|line| !line.ends_with('\n')) {
        last.push('\n');
    }
    let [mut added, mut removed, mut changed, mut change_diff] = [const { Vec::<Value>::new() }; 4];
    let name = || Value::from(host);
    match (block(&lines, host), arguments.state) {
        (None, State::Absent) => {}
        (Some((start, end)), State::Absent) => {
            lines.drain(start..end);
            removed.push(name());
        }
        (None, State::Present) => {
            if lines.last().is_some_and(|line| !line.trim().is_empty()) {
                lines.push("\n".to_owned());
            }
            lines.push(format!("Host {host}\n"));
            lines.extend(edit(&[], &wanted));
            added.push(name());
        }
        (Some((start, end)), State::Present) => {
            let body = lines.get(start + 1..end).unwrap_or_default().to_vec();
            let new = edit(&body, &wanted);
            if new != body {
                let mut states = Map::new();
                states.insert("old".into(), options(&body).into());
                states.insert("new".into(), options(&new).into());
                let mut entry = Map::new();
                entry.insert(host.to_owned(), states.into());
                change_diff.push(entry.into());
                changed.push(name());
                lines.splice(start + 1..end, new);
            }
        }
    }
    let any = !(added.is_empty() && removed.is_empty() && changed.is_empty());
    let after = lines.concat();
    if any && !context.check() {
        store(&path, &after, &arguments, user.as_ref())?;
    }
    let mut outcome = Outcome::new(any);
    if any {
        outcome = outcome.with_diff(Diff::text(&path.display().to_string(), before, after));
    }
    Ok(outcome
        .with("hosts_added", added)
        .with("hosts_removed", removed)
        .with("hosts_changed", changed)
        .with("hosts_change_diff", change_diff))
}

fn store(
    path: &std::path::Path,
    text: &str,
    arguments: &Arguments,
    user: Option<&account::User>,
) -> Result<(), Failure> {
    let mut wanted = Wanted::default();
    wanted.mode = Some(ModeChange::Absolute(if user.is_some() { 0o600 } else { 0o644 }));
    if let Some(user) = user {
        let group = match &arguments.group {
            None => user.gid,
            Some(name) => {
                account::group_by_name(name)
                    .ok_or_else(|| Failure::new(format!("there is no group {name} on this host")))?
                    .gid
            }
        };
        (wanted.uid, wanted.gid) = (Some(user.uid), Some(group));
        let directory = write::parent(path);
        if !directory.exists() {
            std::fs::create_dir(directory).map_err(|error| Failure::io("create", directory, error))?;
            let mut own = wanted.clone();
            own.mode = Some(ModeChange::Absolute(0o700));
            own.apply(directory, false)?;
        }
    }
    if arguments.ssh_config_file.is_some() && path.exists() {
        wanted.mode = None;
    }
    write::replace(&write::resolve(path)?, text.as_bytes(), &wanted)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bench;

    #[test]
    fn an_entry_is_added_changed_and_removed() {
        let bench = bench();
        let file = "# mine\nHost other\n  HostName=o\n  Port 1\n\n# about all\nHost *\n  Compression yes\n";
        let path = bench.file("config", file);
        let key = bench.file("key", "k");
        let done = bench.converges(
            "ssh_config",
            json!({"ssh_config_file": path, "host": "web", "hostname": "10.0.0.1", "port": 22, "identity_file": key,
                "forward_agent": true, "other_options": {"serveraliveinterval": "30"}}),
        );
        assert_eq!(done["hosts_added"].to_json(), json!(["web"]));
        let entry = format!(
            "\nHost web\n    hostname 10.0.0.1\n    port 22\n    identityfile {key}\n    forwardagent yes\n    \
             serveraliveinterval 30\n"
        );
        assert_eq!(bench.read("config"), format!("{file}{entry}"));
        let done = bench.converges("ssh_config", json!({"ssh_config_file": path, "host": "other", "hostname": "p"}));
        let change = json!([{"other": {"old": {"hostname": "o", "port": "1"}, "new": {"hostname": "p"}}}]);
        assert_eq!(done["hosts_change_diff"].to_json(), change);
        let changed = file.replace("  HostName=o\n  Port 1\n", "    hostname p\n");
        assert_eq!(bench.read("config"), format!("{changed}{entry}"));
        bench.settled("ssh_config", json!({"ssh_config_file": path, "host": "none", "state": "absent"}));
        bench.converges("ssh_config", json!({"ssh_config_file": path, "host": "other", "state": "absent"}));
        assert!(bench.read("config").starts_with("# mine\n\n# about all\nHost *\n"), "{}", bench.read("config"));
    }

    #[test]
    fn options_that_are_none_are_refused() {
        let bench = bench();
        let path = bench.path("config");
        let fails = |more: serde_json::Value| {
            let mut arguments = json!({"ssh_config_file": path, "host": "h"});
            for (name, value) in more.as_object().into_iter().flatten() {
                arguments[name] = value.clone();
            }
            bench.fails("ssh_config", arguments)
        };
        assert!(fails(json!({"other_options": {"LogLevel": "x"}})).contains("lower case"));
        assert!(fails(json!({"other_options": {"port": 5}})).contains("must be a string"));
        assert!(fails(json!({"identity_file": "/none/key"})).contains("/none/key does not exist"));
        assert!(fails(json!({"proxyjump": "a", "proxycommand": "b"})).contains("exclusive"));
        assert!(fails(json!({"strict_host_key_checking": "maybe"})).contains("accept-new"));
        assert!(fails(json!({"hostname": "a\nProxyCommand x"})).contains("line break"));
    }
}
