//! The variables of the connections `docker`, `podman` and `chroot`.
//!
//! Options: <https://docs.ansible.com/ansible/latest/collections/community/docker/docker_connection.html>,
//! <https://docs.ansible.com/ansible/latest/collections/containers/podman/podman_connection.html>,
//! <https://docs.ansible.com/ansible/latest/collections/community/general/chroot_connection.html>.

use minijinja::value::ValueKind;

use super::settings::{Lookup, truth};
use crate::action::Stop;
use crate::connection::Entry;

/// A host that is entered: its name or path, its user, and how.
pub(super) struct Inside {
    pub(super) address: String,
    pub(super) user: Option<String>,
    pub(super) entry: Entry,
}

/// What the variables say of such a connection; `None` for any other.
pub(super) fn inside(
    connection: &str,
    lookup: &Lookup<'_>,
    name: &str,
    user: Option<&String>,
) -> Result<Option<Inside>, Stop> {
    let user = user.cloned();
    let address = |own: &str| -> Result<String, Stop> {
        Ok(lookup.text(&[own, "ansible_host"])?.unwrap_or_else(|| name.to_owned()))
    };
    Ok(Some(match connection {
        "docker" => {
            let address = address("ansible_docker_host")?;
            let user = lookup.text(&["ansible_docker_user"])?.or(user);
            let mut start = vec!["docker".to_owned()];
            start.extend(words(lookup, "ansible_docker_extra_args", None)?);
            start.push("exec".to_owned());
            if flag(lookup, "ansible_docker_privileged", "ANSIBLE_DOCKER_PRIVILEGED")? {
                start.push("--privileged".to_owned());
            }
            if let Some(user) = &user {
                start.extend(["-u".to_owned(), user.clone()]);
            }
            if let Some(directory) = text(lookup, "ansible_docker_working_dir", "ANSIBLE_DOCKER_WORKING_DIR")? {
                start.extend(["-w".to_owned(), directory]);
            }
            let mut environment = Vec::new();
            if let Some(variables) = lookup.value(&["ansible_docker_extra_env"])? {
                if variables.kind() != ValueKind::Map {
                    return Err(wrong("ansible_docker_extra_env", "is no dictionary of environment variables"));
                }
                for key in variables.try_iter().into_iter().flatten() {
                    let value = variables.get_item(&key).unwrap_or_default();
                    let Some(value) = value.as_str() else {
                        return Err(wrong(
                            "ansible_docker_extra_env",
                            &format!("`{key}` is no text; put it in quotes"),
                        ));
                    };
                    // By its name alone: what it says is on no command line.
                    start.extend(["-e".to_owned(), key.to_string()]);
                    environment.push((key.to_string(), value.to_owned()));
                }
            }
            let entry = Entry { environment, ..container(&start, &address) };
            Inside { address, user, entry }
        }
        "podman" => {
            let address = address("ansible_podman_host")?;
            let program = text(lookup, "ansible_podman_executable", "ANSIBLE_PODMAN_EXECUTABLE")?;
            let mut start = vec![program.unwrap_or_else(|| "podman".to_owned())];
            start.extend(words(lookup, "ansible_podman_extra_args", Some("ANSIBLE_PODMAN_EXTRA_ARGS"))?);
            start.push("exec".to_owned());
            if let Some(user) = &user {
                start.extend(["--user".to_owned(), user.clone()]);
            }
            let entry = container(&start, &address);
            Inside { address, user, entry }
        }
        "chroot" => {
            let address = address("ansible_host")?;
            let program = text(lookup, "ansible_chroot_exe", "ANSIBLE_CHROOT_EXE")?;
            let mut words = program.as_deref().and_then(shlex::split).unwrap_or_default();
            if words.is_empty() {
                words.push("chroot".to_owned());
            }
            let shell = text(lookup, "ansible_executable", "ANSIBLE_EXECUTABLE")?;
            words.extend([address.clone(), shell.unwrap_or_else(|| "/bin/sh".to_owned()), "-c".to_owned()]);
            let needs_root = !flag(lookup, "ansible_chroot_disable_root_check", "ANSIBLE_CHROOT_DISABLE_ROOT_CHECK")?;
            let entry = Entry {
                terminal: words.clone(),
                words,
                environment: Vec::new(),
                root: Some(address.clone()),
                needs_root,
            };
            Inside { address, user, entry }
        }
        _ => return Ok(None),
    }))
}

/// The entry of a container: `exec` and its flags, then standard input, the name and the shell.
fn container(start: &[String], name: &str) -> Entry {
    let with = |input: &str| {
        let rest = [input, name, "/bin/sh", "-c"];
        start.iter().cloned().chain(rest.map(str::to_owned)).collect()
    };
    Entry { words: with("-i"), terminal: with("-it"), ..Entry::default() }
}

fn wrong(name: &str, what: &str) -> Stop {
    Stop::Failed(super::result::failed(format!("{name}: {what}")))
}

fn text(lookup: &Lookup<'_>, name: &str, environment: &str) -> Result<Option<String>, Stop> {
    let given = lookup.text(&[name])?;
    Ok(given.or_else(|| std::env::var(environment).ok().filter(|text| !text.is_empty())))
}

fn words(lookup: &Lookup<'_>, name: &str, environment: Option<&str>) -> Result<Vec<String>, Stop> {
    let given = match environment {
        Some(environment) => text(lookup, name, environment)?,
        None => lookup.text(&[name])?,
    };
    let given = given.unwrap_or_default();
    shlex::split(&given).ok_or_else(|| wrong(name, &format!("a quote is not closed in `{given}`")))
}

fn flag(lookup: &Lookup<'_>, name: &str, environment: &str) -> Result<bool, Stop> {
    if let Some(value) = lookup.value(&[name])? {
        return truth(&value).ok_or_else(|| wrong(name, &format!("`{value}` is neither true nor false")));
    }
    Ok(std::env::var(environment).is_ok_and(|text| rprov_modules::argument::boolean(&text) == Some(true)))
}
