//! From a host's variables and a task's keywords to a connection, and to the options of a module call.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use minijinja::Value;
use minijinja::value::ValueKind;
use rprov_wire::Options as WireOptions;
use rprov_wire::message::Job as WireJob;

use super::inside::inside;
use super::remote::Remote;
use super::shared::Shared;
use crate::action::Stop;
use crate::config::Setting;
use crate::connection::{BecomeSettings, HostKeyChecking, Password, Settings};
use crate::playbook::Task;
use crate::template::{Scope, TemplateError, Written};
use crate::vars::{HostVariables, TaskVariables};

/// Reads keywords whose value may be a template.
pub(super) struct KeywordReader<'a>(pub(super) &'a Scope);

impl KeywordReader<'_> {
    /// The same for a keyword that errors name.
    pub(super) fn named<'a>(&'a self, name: &'a str) -> NamedReader<'a> {
        NamedReader { reader: self, name }
    }

    /// A boolean in any of Ansible's spellings.
    pub(super) fn boolean(&self, written: Option<&Written>, default: bool) -> Result<bool, TemplateError> {
        let Some(value) = self.given(written)? else { return Ok(default) };
        truth(&value).ok_or_else(|| unconvertible(&value, "bool", written).hint("write `true` or `false`"))
    }

    /// A number.
    pub(super) fn number(&self, written: Option<&Written>, default: f64) -> Result<f64, TemplateError> {
        let Some(value) = self.given(written)? else { return Ok(default) };
        value.to_string().trim().parse().map_err(|_| unconvertible(&value, "float", written))
    }

    /// A whole number.
    pub(super) fn integer(&self, written: Option<&Written>, default: i64) -> Result<i64, TemplateError> {
        let Some(value) = self.given(written)? else { return Ok(default) };
        // Python's `int` cuts off what is behind the point, of a float but not of text.
        let number = match value.kind() {
            ValueKind::Bool => Some(i64::from(value.is_true())),
            ValueKind::Number => i64::try_from(value.clone()).ok().or_else(|| {
                f64::try_from(value.clone()).ok().filter(|number| number.is_finite()).map(|number| number as i64)
            }),
            _ => value.to_string().trim().parse().ok(),
        };
        number.ok_or_else(|| unconvertible(&value, "int", written))
    }

    /// Text; `None` where it is empty or omitted.
    pub(super) fn text(&self, written: Option<&Written>) -> Result<Option<String>, TemplateError> {
        Ok(self.given(written)?.map(|value| value.to_string()).filter(|text| !text.is_empty()))
    }

    /// A value; `None` where there is none or it is omitted.
    fn given(&self, written: Option<&Written>) -> Result<Option<Value>, TemplateError> {
        let value = written.map(|written| written.render_or_omit(self.0)).transpose()?;
        Ok(value.filter(|value| !value.is_none() && !crate::template::is_omit(value)))
    }
}

fn unconvertible(value: &Value, kind: &str, written: Option<&Written>) -> TemplateError {
    TemplateError::failed(format!("The value '{value}' could not be converted to '{kind}'."))
        .at(written.and_then(Written::span))
}

/// Reads one keyword; its errors say which.
pub(super) struct NamedReader<'a> {
    reader: &'a KeywordReader<'a>,
    name: &'a str,
}

impl NamedReader<'_> {
    pub(super) fn boolean(&self, written: Option<&Written>, default: bool) -> Result<bool, TemplateError> {
        self.reader.boolean(written, default).map_err(|error| in_keyword(self.name, written, error))
    }

    pub(super) fn number(&self, written: Option<&Written>, default: f64) -> Result<f64, TemplateError> {
        self.reader.number(written, default).map_err(|error| in_keyword(self.name, written, error))
    }

    pub(super) fn integer(&self, written: Option<&Written>, default: i64) -> Result<i64, TemplateError> {
        self.reader.integer(written, default).map_err(|error| in_keyword(self.name, written, error))
    }

    fn text(&self, written: Option<&Written>) -> Result<Option<String>, TemplateError> {
        self.reader.text(written).map_err(|error| in_keyword(self.name, written, error))
    }
}

/// Says which keyword an error is about.
fn in_keyword(name: &str, written: Option<&Written>, error: TemplateError) -> TemplateError {
    error.context(&format!("Error processing keyword '{name}'")).written_at(written.and_then(Written::span))
}

/// A boolean in any of Ansible's spellings.
pub(super) fn truth(value: &Value) -> Option<bool> {
    match value.kind() {
        ValueKind::Bool => Some(value.is_true()),
        ValueKind::Number => match i64::try_from(value.clone()) {
            Ok(0) => Some(false),
            Ok(1) => Some(true),
            _ => None,
        },
        ValueKind::String => value.as_str().and_then(rprov_modules::argument::boolean),
        _ => None,
    }
}

/// Reads connection variables, the first name that is set.
pub(super) struct Lookup<'a>(&'a Scope);

impl Lookup<'_> {
    pub(super) fn value(&self, names: &[&str]) -> Result<Option<Value>, TemplateError> {
        for name in names {
            if let Some(value) = self.0.get(name)?
                && !value.is_none()
                && !value.is_undefined()
                && !crate::template::is_omit(&value)
            {
                return Ok(Some(value));
            }
        }
        Ok(None)
    }

    pub(super) fn text(&self, names: &[&str]) -> Result<Option<String>, TemplateError> {
        Ok(self.value(names)?.map(|value| value.to_string()).filter(|text| !text.is_empty()))
    }

    fn boolean(&self, names: &[&str]) -> Result<Option<bool>, TemplateError> {
        Ok(self.value(names)?.as_ref().and_then(truth))
    }
}

/// The way to the host that a task runs on.
pub(super) fn remote(
    shared: &Arc<Shared>,
    task: &Task,
    variables: &TaskVariables,
    scope: &Scope,
) -> Result<Remote, Stop> {
    let delegate = KeywordReader(scope).text(task.keywords.delegate_to.as_ref())?.map(Arc::from);
    remote_of(shared, task, variables, scope, delegate)
}

/// The way to the task's own host or, where there is one, to the delegate.
pub(super) fn remote_of(
    shared: &Arc<Shared>,
    task: &Task,
    variables: &TaskVariables,
    scope: &Scope,
    delegate: Option<Arc<str>>,
) -> Result<Remote, Stop> {
    let reader = KeywordReader(scope);
    let keywords = &task.keywords;
    let (owner, host_scope) = match &delegate {
        None => (Arc::clone(&variables.host.name), scope.clone()),
        Some(name) => (Arc::clone(name), delegate_scope(shared, variables, name)),
    };
    let lookup = Lookup(&host_scope);
    let implicit_local = delegate.is_some()
        && shared.facts.hosts.get(&owner).is_none()
        && matches!(&*owner, "localhost" | "127.0.0.1" | "::1");
    let options = &shared.options;
    let connection = match lookup.text(&["ansible_connection"])? {
        Some(connection) => connection,
        None if implicit_local => "local".to_owned(),
        None => match reader.named("connection").text(keywords.connection.as_ref())? {
            Some(connection) => connection,
            None => options.connection.clone().unwrap_or_else(|| "ssh".to_owned()),
        },
    };
    let connection = match connection.rsplit('.').next().unwrap_or_default() {
        "smart" | "paramiko" | "paramiko_ssh" | "ssh" => "ssh".to_owned(),
        other => other.to_owned(),
    };
    let user = match lookup.text(&["ansible_user", "ansible_ssh_user"])? {
        Some(user) => Some(user),
        None => {
            reader.named("remote_user").text(keywords.remote_user.as_ref())?.or_else(|| options.remote_user.clone())
        }
    };
    let port = match lookup.text(&["ansible_port", "ansible_ssh_port"])? {
        Some(port) => Some(port),
        None => reader.named("port").text(keywords.port.as_ref())?,
    };
    let port = match port {
        Some(text) => Some(text.trim().parse::<u16>().map_err(|_| {
            Stop::Failed(super::result::failed(format!(
                "the port of {owner} must be a number from 1 to 65535, not '{text}'"
            )))
        })?),
        None => None,
    };
    let mut ssh_arguments = Vec::new();
    for name in ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"] {
        if let Some(text) = lookup.text(&[name])? {
            ssh_arguments.extend(shlex::split(&text).unwrap_or_default());
        }
    }
    ssh_arguments.extend(options.ssh_arguments.iter().cloned());
    let secret = |text: Option<String>| text.map(Password::new);
    let timeout = lookup.text(&["ansible_ssh_timeout", "ansible_timeout"])?.and_then(|text| text.parse::<f64>().ok());
    let checking = lookup.boolean(&["ansible_ssh_host_key_checking", "ansible_host_key_checking"])?;
    let inside = inside(&connection, &lookup, &owner, user.as_ref())?;
    let address = match &inside {
        Some(inside) => inside.address.clone(),
        None => lookup.text(&["ansible_host", "ansible_ssh_host"])?.unwrap_or_else(|| owner.to_string()),
    };
    let settings = Settings {
        connection,
        address,
        port,
        user: inside.as_ref().map_or(user, |inside| inside.user.clone()),
        password: secret(lookup.text(&["ansible_password", "ansible_ssh_password", "ansible_ssh_pass"])?)
            .or_else(|| options.password.clone()),
        private_key_file: lookup
            .text(&["ansible_private_key_file", "ansible_ssh_private_key_file"])?
            .map(|path| rprov_modules::account::expand_path(&path))
            .or_else(|| options.private_key_file.clone()),
        private_key_passphrase: secret(
            lookup.text(&["ansible_private_key_passphrase", "ansible_ssh_private_key_passphrase"])?,
        ),
        host_key_checking: match checking {
            Some(true) => Some(HostKeyChecking::Strict),
            Some(false) => Some(HostKeyChecking::Off),
            None => options.host_key_checking,
        },
        timeout: timeout.map_or(options.timeout, |seconds| Duration::from_secs_f64(seconds.clamp(0.1, 86400.0))),
        ssh_arguments,
        retries: lookup.text(&["ansible_ssh_retries"])?.and_then(|text| text.parse().ok()).unwrap_or(options.retries),
        pinned_host_key: lookup.text(&["rprov_host_key"])?,
        entry: inside.map(|inside| inside.entry),
        host: owner.to_string(),
    };
    let r#become = become_settings(shared, task, &reader, &lookup, &settings)?;
    Ok(Remote::new(Arc::clone(shared), Arc::clone(&variables.host.name), delegate, settings, r#become))
}

/// The variables that the connection of a delegated task is made from: those of the delegate.
pub(super) fn delegate_scope(shared: &Arc<Shared>, variables: &TaskVariables, name: &str) -> Scope {
    match shared.facts.hosts.get(name) {
        Some(host) => TaskVariables { host, ..variables.clone() }.scope(),
        None => {
            let unknown = HostVariables::new(Arc::from(name), Arc::from([]), Arc::default());
            TaskVariables { host: Arc::new(unknown), ..variables.clone() }.scope()
        }
    }
}

fn become_settings(
    shared: &Shared,
    task: &Task,
    reader: &KeywordReader<'_>,
    lookup: &Lookup<'_>,
    settings: &Settings,
) -> Result<Option<BecomeSettings>, Stop> {
    let keywords = &task.keywords;
    let options = &shared.options;
    let wanted = match lookup.boolean(&["ansible_become"])? {
        Some(wanted) => wanted,
        None => reader.named("become").boolean(keywords.r#become.as_ref(), options.r#become)?,
    };
    if !wanted {
        return Ok(None);
    }
    let method = match lookup.text(&["ansible_become_method"])? {
        Some(method) => method,
        None => reader
            .named("become_method")
            .text(keywords.become_method.as_ref())?
            .unwrap_or_else(|| options.become_method.clone()),
    };
    let method = method.rsplit('.').next().unwrap_or_default().to_owned();
    let own = |suffix: &str| format!("ansible_{method}_{suffix}");
    let (own_user, own_pass, own_exe, own_flags) = (own("user"), own("pass"), own("exe"), own("flags"));
    let user = match lookup.text(&["ansible_become_user", &own_user])? {
        Some(user) => user,
        None => reader
            .named("become_user")
            .text(keywords.become_user.as_ref())?
            .or_else(|| options.become_user.clone())
            .unwrap_or_else(|| "root".to_owned()),
    };
    // Becoming oneself changes nothing and may not even be allowed.
    if settings.user.as_deref() == Some(user.as_str()) {
        return Ok(None);
    }
    let seconds = |text: Option<String>| text.and_then(|text| text.trim().parse::<f64>().ok());
    let patience = match settings.connection.as_str() {
        "local" => seconds(lookup.text(&["ansible_local_become_success_timeout"])?).filter(|told| *told >= 1.0),
        // Two seconds more than the connection itself may take.
        _ => seconds(lookup.text(&["ansible_ssh_timeout", "ansible_timeout"])?).map(|told| told + 2.0),
    };
    Ok(Some(BecomeSettings {
        prompts: if method == "su" { su_prompts(shared, lookup)? } else { Vec::new() },
        patience: patience.map(|told| Duration::from_secs_f64(told.clamp(1.0, 86400.0))),
        method,
        user,
        password: lookup
            .text(&["ansible_become_password", "ansible_become_pass", &own_pass])?
            .map(Password::new)
            .or_else(|| options.become_password.clone()),
        exe: match lookup.text(&["ansible_become_exe", &own_exe])? {
            Some(exe) => Some(exe),
            None => reader.named("become_exe").text(keywords.become_exe.as_ref())?,
        },
        flags: match lookup.text(&["ansible_become_flags", &own_flags])? {
            Some(flags) => Some(flags),
            None => reader.named("become_flags").text(keywords.become_flags.as_ref())?,
        },
    }))
}

/// What `su` asks with, where that was said.
fn su_prompts(shared: &Shared, lookup: &Lookup<'_>) -> Result<Vec<String>, TemplateError> {
    let Some(value) = lookup.value(&["ansible_su_prompt_l10n"])? else {
        return Ok(shared.config.list(Setting::SuPromptL10n).to_vec());
    };
    let prompts: Vec<String> = match value.kind() {
        ValueKind::Seq => value.try_iter().into_iter().flatten().map(|prompt| prompt.to_string()).collect(),
        _ => value.to_string().split(',').map(|prompt| prompt.trim().to_owned()).collect(),
    };
    Ok(prompts.into_iter().filter(|prompt| !prompt.is_empty()).collect())
}

/// What a module call is told beside its arguments.
pub(super) fn wire_options(shared: &Shared, task: &Task, scope: &Scope) -> Result<WireOptions, Stop> {
    let reader = KeywordReader(scope);
    let keywords = &task.keywords;
    let gathers = task.is("gather_facts") || task.is("setup");
    let mut environment: Vec<(String, String)> = Vec::new();
    // What needs the facts that are only being gathered (`ansible_env`) is left out, entry by entry.
    let unready = |entry: &Written| gathers && entry.render_or_omit(scope).is_err_and(|error| error.is_undefined());
    for written in &keywords.environment {
        let ready = match written.entries() {
            Some(entries) if gathers => {
                &Written::map(entries.into_iter().filter(|(_, entry)| !unready(entry)).collect(), written.span())
            }
            _ => written,
        };
        let value = match reader.given(Some(ready)) {
            Ok(Some(value)) => value,
            Ok(None) => continue,
            Err(error) if gathers && error.is_undefined() => continue,
            Err(error) => return Err(in_keyword("environment", Some(written), error).into()),
        };
        if value.kind() != ValueKind::Map {
            shared.reporter.send(crate::report::Event::Warning(format!(
                "could not parse environment value, skipping: {value}; write `NAME: value` lines below `environment:`"
            )));
            continue;
        }
        for key in value.try_iter().into_iter().flatten() {
            let text = value.get_item(&key).map(|value| value.to_string()).unwrap_or_default();
            let name = key.to_string();
            environment.retain(|(known, _)| *known != name);
            environment.push((name, text));
        }
    }
    let seconds = |name: &str, written: &Option<Written>, default: u32| -> Result<u32, TemplateError> {
        let number = reader.named(name).integer(written.as_ref(), i64::from(default))?;
        Ok(u32::try_from(number.max(0)).unwrap_or(u32::MAX))
    };
    let timeout = seconds("timeout", &keywords.timeout, shared.options.task_timeout)?;
    let limit = seconds("async_val", &task.asynchronous, 0)?;
    let job = match limit {
        0 => None,
        limit => Some(WireJob { directory: job_directory(shared, scope)?, limit }),
    };
    let lookup = Lookup(scope);
    Ok(WireOptions {
        check: reader.named("check_mode").boolean(keywords.check_mode.as_ref(), shared.options.check)?,
        diff: reader.named("diff").boolean(keywords.diff.as_ref(), shared.options.diff)?,
        live: shared.options.verbosity >= 1 || shared.live,
        no_log: reader.named("no_log").boolean(keywords.no_log.as_ref(), false)?,
        brief: job.is_none()
            && task.register.is_none()
            && keywords.debugger.is_none()
            && !shared.reporter.shows_results(),
        environment,
        timeout,
        verbosity: shared.options.verbosity,
        directory: String::new(),
        shell: lookup.text(&["ansible_shell_executable"])?.unwrap_or_default(),
        job,
    })
}

/// Where a host has the files of jobs (`async_dir`).
pub(crate) fn job_directory(shared: &Shared, scope: &Scope) -> Result<String, TemplateError> {
    let told = Lookup(scope).text(&["ansible_async_dir"])?;
    Ok(told.or_else(|| shared.config.string(Setting::ShellAsyncDir).map(str::to_owned)).unwrap_or_default())
}

/// A path on the controller, with `~` expanded.
pub(super) fn local_path(text: &str) -> PathBuf {
    rprov_modules::account::expand_path(text)
}
