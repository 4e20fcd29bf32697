//! How commands speak: diagnostics and lines on standard error, results on standard output.

use std::io::{IsTerminal as _, Write as _};

use super::output::Output;
use crate::config::{Config, Setting};
use crate::report::default::Display;
use crate::report::log;
use crate::run::Options;
use crate::source::{Diagnostic, render};

/// Whether to write colours, to a terminal or not.
pub(super) fn color_of(config: &Config, terminal: bool) -> bool {
    let off = config.bool(Setting::NoColor) || std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    config.bool(Setting::ForceColor) || (terminal && !off && std::env::var("TERM").as_deref() != Ok("dumb"))
}

/// Show diagnostics.
pub(super) fn tell(problems: &[Diagnostic], color: bool) {
    for problem in problems {
        log::note(render(problem, false).trim_end());
        show(render(problem, color).trim_end());
    }
}

/// A line on standard error, if anybody reads it, and in the log.
pub(super) fn say(text: &str) {
    log::note(text);
    show(text);
}

fn show(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Text on standard output, if anybody reads it.
pub(super) fn put(text: &str) {
    let mut out = Output;
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// How the results of a run are shown on standard output.
pub(super) fn display(config: &Config, options: &Options) -> Display {
    Display {
        color: color_of(config, std::io::stdout().is_terminal()),
        verbosity: options.verbosity,
        skipped_hosts: config.bool(Setting::DisplaySkippedHosts),
        ok_hosts: config.bool(Setting::CallbackDisplayOkHosts),
        failed_to_stderr: config.bool(Setting::CallbackDisplayFailedStderr),
        check_markers: config.bool(Setting::CallbackCheckModeMarkers),
        custom_stats: options.show_custom_stats,
        task_path_on_failure: config.bool(Setting::CallbackShowTaskPathOnFailure),
        yaml: config.string(Setting::CallbackResultFormat) == Some("yaml"),
        pretty: config.is_set(Setting::CallbackPrettyResults).then(|| config.bool(Setting::CallbackPrettyResults)),
        columns: Display::terminal_columns(),
    }
}

/// How the results of a run are logged: as they are shown, or with a verbosity of their own.
pub(super) fn logged(config: &Config, options: &Options) -> Display {
    let own = config.int(Setting::LogVerbosity).and_then(|verbosity| u8::try_from(verbosity).ok());
    let shown = display(config, options);
    Display { verbosity: own.map_or(shown.verbosity, |own| own.max(shown.verbosity)), ..shown }
}

/// Hosts as `--list-hosts` shows them.
pub(super) fn host_list(hosts: &[std::sync::Arc<str>]) -> String {
    let lines: String = hosts.iter().map(|host| format!("    {host}\n")).collect();
    format!("  hosts ({}):\n{lines}", hosts.len())
}
