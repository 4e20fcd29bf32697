//! `synchronize`: a tree kept the same on two hosts, by the program rsync on both.
//!
//! rsync runs on the controller, or on the host that the task is delegated to. What it would start by `ssh` on the task's
//! own host is started by rprov, as any task there, and rprov carries the bytes between the two: neither side needs a
//! way to the other, a password or a key. Which user and host are meant, only rprov knows.
//!
//! Options: <https://docs.ansible.com/ansible/latest/collections/ansible/posix/synchronize_module.html>.

mod bridge;
mod command;
mod places;
mod server;

pub(super) use command::Arguments;

use async_trait::async_trait;
use rprov_modules::Failure;
use rprov_wire::{Map, Value};

use super::call::{Action, Call, Done, Stop};
use crate::connection::{ConnectionError, Process};
use crate::run::Remote;
use bridge::Transfer;
use command::{Client, MARKER};
use places::Places;

/// `synchronize`
pub(super) struct Synchronize;

#[async_trait]
impl Action for Synchronize {
    async fn run(&self, call: Call<'_>) -> Result<Done, Stop> {
        let arguments: Arguments = call.decode()?;
        let places = Places::new(&call, &arguments)?;
        let program = match call.scope.get("ansible_rsync_path")?.filter(|path| !path.is_none()) {
            Some(path) => rprov_modules::account::expand_path(&path.to_string()).display().to_string(),
            None => "rsync".to_owned(),
        };
        let client = Client {
            program,
            words: arguments.words(&places, call.check())?,
            tilde: !places.on_controller,
            bridged: places.is_bridged,
            environment: &call.options.environment,
        };
        let transfer = match places.is_bridged {
            false => bridge::run(begin_client(&call, &places).await?, &client).await?,
            true => {
                let target = call.own.unwrap_or(call.remote);
                // As under Ansible, where `rsync_path` takes the place of the command that changes the user.
                let target = match arguments.rsync_path {
                    Some(_) => target.without_become(),
                    None => target.clone(),
                };
                let (here, there) = tokio::try_join!(begin_client(&call, &places), target.shell())?;
                let expected = (!places.on_controller).then(|| arguments.expected(&places));
                bridge::between(here, there, &client, expected.as_ref()).await?
            }
        };
        conclude(&call, &places, &client, &transfer)
    }
}

/// The shell that is to run rsync itself.
async fn begin_client(call: &Call<'_>, places: &Places) -> Result<Process, ConnectionError> {
    match (call.own, places.is_bridged || places.has_daemon) {
        // Both places are on one host: there, its user is the one that the task names.
        (_, false) => call.remote.shell().await,
        (Some(_), true) => call.remote.without_become().shell().await,
        (None, true) => call.remote.shell_here().await,
    }
}

/// From what rsync said to the task's result.
fn conclude(call: &Call<'_>, places: &Places, client: &Client<'_>, transfer: &Transfer) -> Result<Done, Stop> {
    let command = client.shown();
    if transfer.code != 0 {
        let failure = Failure::new(explain(call, places, client, transfer));
        return Err(failure.with("rc", transfer.code).with("cmd", command).into());
    }
    let changed = transfer.stdout.lines().any(is_change);
    let said = transfer.stdout.replace(MARKER, "");
    let lines = said.lines().filter(|line| !line.is_empty()).map(Value::from).collect();
    let mut done = Done::unchanged()
        .with("msg", said.as_str())
        .with("rc", 0i64)
        .with("cmd", command)
        .with("stdout_lines", Value::List(lines));
    done.result.insert("changed".into(), changed.into());
    if call.options.diff {
        let mut diff = Map::new();
        diff.insert("prepared".into(), said.into());
        done.result.insert("diff".into(), Value::Map(diff));
    }
    Ok(done)
}

/// Whether a line tells of something that rsync did: with `-vv` or `-ii`, it has one for what stayed as it is, too, whose
/// nine attributes are blank.
fn is_change(line: &str) -> bool {
    let Some(item) = line.strip_prefix(MARKER) else { return false };
    let mut letters = item.chars();
    letters.next() != Some('.') || letters.skip(1).take(9).any(|letter| letter != ' ')
}

/// What is wrong, and what to do about it.
fn explain(call: &Call<'_>, places: &Places, client: &Client<'_>, transfer: &Transfer) -> String {
    let missing = |code: i64| code == 127 || code == 126;
    if missing(transfer.code) {
        let program = &client.program;
        let place = match (places.on_controller, call.remote.delegate()) {
            (false, Some(name)) => format!("on {name}"),
            _ if call.remote.is_local() || places.is_bridged || places.has_daemon => "on the controller".to_owned(),
            _ => format!("on {}", call.host.name),
        };
        return format!(
            "there is no program `{program}` {place}, where synchronize has to start it: install rsync there, or say where \
             it is with the variable `ansible_rsync_path`"
        );
    }
    if let Some(server) = &transfer.server {
        if server.code.is_some_and(missing) {
            return format!(
                "there is no program `{}` on {}, the other side of synchronize: install rsync there, or say where it is \
                 with the option `rsync_path`",
                server.program, call.host.name
            );
        }
        let said: Vec<&str> = [&server.stderr, &transfer.stderr].map(|text| text.trim_end()).to_vec();
        let said: Vec<&str> = said.into_iter().filter(|text| !text.is_empty()).collect();
        if !said.is_empty() {
            return said.join("\n") + "\n";
        }
    }
    match transfer.stderr.trim().is_empty() {
        true => format!("rsync failed with code {} and said nothing; run the command in `cmd` by hand", transfer.code),
        false => transfer.stderr.clone(),
    }
}

/// A user and a host as rsync writes them before a path; rprov alone knows where they lead.
fn prefix(remote: &Remote, with_user: bool) -> String {
    let plain = |text: &str| {
        !text.is_empty() && !text.starts_with('-') && text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c))
    };
    let (user, address) = remote.login();
    let host = match address {
        address if address.parse::<std::net::Ipv6Addr>().is_ok() => format!("[{address}]"),
        address if plain(address) => address.to_owned(),
        _ => "host".to_owned(),
    };
    match user.filter(|user| with_user && plain(user)) {
        Some(user) => format!("{user}@{host}:"),
        None => format!("{host}:"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stayed_as_it_is_is_no_change() {
        for (line, changed) in [
            ("<<CHANGED>>>f+++++++++ a", true),
            ("<<CHANGED>>.d..t...... ./", true),
            ("<<CHANGED>>hf          a", true),
            ("<<CHANGED>>*deleting   a", true),
            ("<<CHANGED>>.f          a", false),
            ("<<CHANGED>>.d          ./", false),
            ("a is uptodate", false),
            ("", false),
        ] {
            assert_eq!(is_change(line), changed, "{line}");
        }
    }
}
