//! What a run is told: flags, and the settings where a flag says nothing.

use std::path::Path;
use std::time::Duration;

use super::exit::Exit;
use super::flags::{BecomeFlags, ConnectionFlags, RunFlags, TaskFlags};
use super::password;
use super::stop::Stop;
use crate::config::{Config, Setting};
use crate::connection::{HostKeyChecking, Password};
use crate::playbook::keyword;
use crate::run::Options;
use crate::source::Diagnostic;

/// The options of a run, as far as they are the same for all commands that run tasks. Passwords are asked for now.
pub(super) fn options(config: &Config, flags: &RunFlags) -> Result<Options, Stop> {
    let RunFlags { inventory, connection, r#become, task, vault: _ } = flags;
    let (password, become_password) = passwords(config, connection, r#become)?;
    let seconds = |setting| config.int(setting).and_then(|seconds| u64::try_from(seconds).ok());
    let checking = [Setting::HostKeyChecking, Setting::SshHostKeyChecking]
        .into_iter()
        .find(|setting| config.is_set(*setting))
        .map(|setting| config.bool(setting));
    Ok(Options {
        forks: forks(config, task)?,
        check: task.check,
        diff: task.diff || config.bool(Setting::DiffAlways),
        verbosity: task
            .verbose
            .max(config.int(Setting::Verbosity).and_then(|level| u8::try_from(level).ok()).unwrap_or(0)),
        limit: inventory.limit.clone(),
        remote_user: connection.user.clone().or_else(|| config.string(Setting::RemoteUser).map(str::to_owned)),
        connection: connection.connection.clone(),
        private_key_file: connection
            .private_key
            .clone()
            .or_else(|| config.path_of(Setting::PrivateKeyFile).map(Path::to_owned)),
        timeout: Duration::from_secs(
            connection.timeout.or(seconds(Setting::SshTimeout)).or(seconds(Setting::Timeout)).unwrap_or(10),
        ),
        ssh_arguments: ssh_arguments(config, connection)?,
        password,
        r#become: r#become.r#become || config.bool(Setting::Become),
        become_method: become_method(config, r#become)?,
        become_user: r#become.become_user.clone().or_else(|| config.string(Setting::BecomeUser).map(str::to_owned)),
        become_password,
        any_errors_fatal: config.bool(Setting::AnyErrorsFatal),
        gathering: config.string(Setting::Gathering).unwrap_or("implicit").to_owned(),
        task_timeout: seconds(Setting::TaskTimeout).and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0),
        retries: config.int(Setting::SshReconnectionRetries).and_then(|count| u32::try_from(count).ok()).unwrap_or(0),
        host_key_checking: checking.map(|on| if on { HostKeyChecking::Strict } else { HostKeyChecking::Off }),
        strategy: config.string(Setting::Strategy).unwrap_or("linear").to_owned(),
        show_custom_stats: config.bool(Setting::ShowCustomStats),
        ..Options::default()
    })
}

fn become_method(config: &Config, flags: &BecomeFlags) -> Result<String, Stop> {
    let Some(method) = &flags.become_method else {
        return Ok(config.string(Setting::BecomeMethod).unwrap_or("sudo").to_owned());
    };
    if !keyword::is_plugin(method, keyword::BECOME_METHODS) {
        let text = format!("Invalid become method specified, could not find matching plugin: '{method}'");
        let problem = Diagnostic::error(text)
            .did_you_mean(method, keyword::BECOME_METHODS.iter().copied())
            .hint(format!("`--become-method` is one of: {}", keyword::BECOME_METHODS.join(", ")));
        return Err(Stop::new(vec![problem], Exit::Unreachable));
    }
    Ok(method.clone())
}

fn forks(config: &Config, task: &TaskFlags) -> Result<usize, Stop> {
    let set = config.int(Setting::Forks).and_then(|forks| usize::try_from(forks).ok());
    match task.forks.or(set).unwrap_or(5) {
        0 => {
            let problem = Diagnostic::error("The number of processes (--forks) must be >= 1")
                .hint("`--forks N` is how many hosts are worked on at the same time");
            Err(Stop::new(vec![problem], Exit::Failed))
        }
        forks => Ok(forks),
    }
}

/// The passwords to log in with and to become another user with.
fn passwords(
    config: &Config,
    connection: &ConnectionFlags,
    r#become: &BecomeFlags,
) -> Result<(Option<Password>, Option<Password>), Stop> {
    let secret = |ask: bool, question: &str, file: Option<&Path>| -> Result<Option<Password>, Stop> {
        if ask {
            return password::ask(question).map(Some).map_err(Stop::options);
        }
        Ok(file.map(password::from_file).transpose()?)
    };
    let connection_file =
        connection.connection_password_file.as_deref().or(config.path_of(Setting::ConnectionPasswordFile));
    let become_file = r#become.become_password_file.as_deref().or(config.path_of(Setting::BecomePasswordFile));
    let asked_login = connection.ask_pass || (config.bool(Setting::AskPass) && connection_file.is_none());
    let login = secret(asked_login, "SSH password: ", connection_file)?;
    let privileged = secret(
        r#become.ask_become_pass || (config.bool(Setting::BecomeAskPass) && become_file.is_none()),
        if asked_login { "BECOME password[defaults to SSH password]: " } else { "BECOME password: " },
        become_file,
    )?
    // An empty answer means the password to log in with, as the prompt's default says.
    .map(|given| if given.expose().is_empty() { login.clone().unwrap_or(given) } else { given });
    Ok((login, privileged))
}

fn ssh_arguments(config: &Config, connection: &ConnectionFlags) -> Result<Vec<String>, Stop> {
    let set = config.is_set(Setting::SshArgs).then(|| config.string(Setting::SshArgs)).flatten();
    let common = connection.ssh_common_args.as_deref().or(config.string(Setting::SshCommonArgs));
    let more = connection.ssh_extra_args.as_deref().or(config.string(Setting::SshExtraArgs));
    let mut arguments = Vec::new();
    for text in [set, common, more].into_iter().flatten() {
        arguments.extend(shlex::split(text).ok_or_else(|| {
            Stop::options(Diagnostic::error(format!("the ssh arguments have a quote that is not closed: {text}")))
        })?);
    }
    Ok(arguments)
}
