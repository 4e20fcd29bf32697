//! What a program of the user's own is told: the task's arguments, and those that Ansible adds for every module.

use rprov_modules::json::{Style, to_text};
use rprov_modules::own::DIRECTORY;
use rprov_wire::{Map, Value};

use super::module::Circumstances;
use crate::config::Setting;
use crate::template::filter::text::shell_quote;
use crate::template::{from_wire, python};
use crate::vars::ANSIBLE_VERSION;

/// All arguments of a call.
pub(super) fn all(arguments: &Map, circumstances: &Circumstances<'_>) -> Map {
    let Circumstances { written, options, config, .. } = circumstances;
    let mut all = arguments.clone();
    all.sort_keys();
    let text = |setting| config.string(setting).map_or(Value::Null, Value::from);
    let directory = if circumstances.substituted { Value::Null } else { DIRECTORY.into() };
    let shell = match options.shell.as_str() {
        "" => text(Setting::Executable),
        shell => shell.into(),
    };
    let internal = [
        ("check_mode", options.check.into()),
        ("no_log", options.no_log.into()),
        ("debug", config.bool(Setting::Debug).into()),
        ("diff", options.diff.into()),
        ("verbosity", i64::from(options.verbosity).into()),
        ("version", ANSIBLE_VERSION.into()),
        ("module_name", (*written).into()),
        ("syslog_facility", text(Setting::SyslogFacility)),
        ("selinux_special_fs", special_file_systems(circumstances).into()),
        ("socket", Value::Null),
        ("shell_executable", shell),
        ("keep_remote_files", config.bool(Setting::KeepRemoteFiles).into()),
        ("tmpdir", directory),
        ("remote_tmp", text(Setting::ShellRemoteTmp)),
        ("ignore_unknown_opts", false.into()),
        ("target_log_info", Value::Null),
        ("tracebacks_for", Value::List(Vec::new())),
    ];
    all.extend(internal.map(|(name, value)| (format!("_ansible_{name}"), value)));
    all
}

/// File systems on which SELinux' context is set otherwise.
pub(super) fn special_file_systems(circumstances: &Circumstances<'_>) -> Vec<String> {
    circumstances.config.list(Setting::SelinuxSpecialFs).to_vec()
}

/// As JSON.
pub(super) fn json(arguments: Map) -> String {
    to_text(&Value::Map(arguments), &Style::default())
}

/// As `name=value` words that a shell can read.
pub(super) fn words(arguments: &Map) -> String {
    let mut text = String::new();
    for (name, value) in arguments {
        let value = match value {
            Value::String(text) => text.clone(),
            other => python::repr(&from_wire(other.clone())).unwrap_or_default(),
        };
        text.push_str(&format!("{name}={} ", shell_quote(&value)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_what_a_shell_reads_back() {
        let arguments = Map::from_iter([
            ("a".to_owned(), Value::from("it's")),
            ("b".to_owned(), true.into()),
            ("c".to_owned(), Value::List(vec![1.into(), "x y".into()])),
            ("d".to_owned(), "/p/q".into()),
            ("e".to_owned(), "".into()),
            ("f".to_owned(), Value::Null),
        ]);
        assert_eq!(words(&arguments), r#"a='it'"'"'s' b=True c='[1, '"'"'x y'"'"']' d=/p/q e='' f=None "#);
    }
}
