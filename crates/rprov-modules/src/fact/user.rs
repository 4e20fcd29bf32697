//! Who the agent runs as, and its environment.

use rprov_wire::{Map, Options, Value};

/// Add `user_*`, `real_*_id` and `effective_*_id`.
pub fn gather(facts: &mut Map) {
    let uid = rustix::process::getuid().as_raw();
    let effective = rustix::process::geteuid().as_raw();
    // Python's getpass, which Ansible asks, believes these before it looks at the id.
    let name = ["LOGNAME", "USER", "LNAME", "USERNAME"]
        .iter()
        .find_map(|variable| std::env::var(variable).ok().filter(|value| !value.is_empty()));
    let user = name.as_deref().and_then(crate::account::user_by_name).or_else(|| crate::account::user_by_id(effective));
    if let Some(user) = user {
        facts.insert("user_id".into(), name.unwrap_or(user.name).into());
        facts.insert("user_uid".into(), user.uid.into());
        facts.insert("user_gid".into(), user.gid.into());
        facts.insert("user_gecos".into(), user.gecos.into());
        facts.insert("user_dir".into(), user.home.into());
        facts.insert("user_shell".into(), user.shell.into());
    }
    facts.insert("real_user_id".into(), uid.into());
    facts.insert("effective_user_id".into(), effective.into());
    facts.insert("real_group_id".into(), rustix::process::getgid().as_raw().into());
    facts.insert("effective_group_id".into(), rustix::process::getegid().as_raw().into());
}

/// Add `env`: the agent's environment with the task's on top.
pub fn gather_environment(options: &Options, facts: &mut Map) {
    let mut environment: Map = std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), Value::from(value.to_string_lossy().into_owned())))
        .collect();
    environment.extend(options.environment.iter().map(|(name, value)| (name.clone(), Value::from(value))));
    facts.insert("env".into(), environment.into());
}
