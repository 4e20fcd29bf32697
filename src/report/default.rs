//! The output that Ansible's users know: banners, one line for each host, the recap; on standard output.
//!
//! Source of the format: the `default` callback's documented behaviour, observed on ansible-core 2.19.

use std::collections::HashSet;
use std::io::{self, IsTerminal, Write};
use std::sync::Arc;

use rprov_modules::json::{self, Style};
use rprov_wire::{Map, Value};
use similar::TextDiff;

use super::event::{Event, HostResult, ItemInfo, JobState, TaskInfo};
use super::reporter::Sink;
use crate::run::{Cause, Counts, Stats, Status};
use crate::source::{Severity, Span, render};
use crate::template;

/// What is shown, and how.
#[derive(Clone, Debug)]
pub struct Display {
    /// Use colours.
    pub color: bool,
    /// `-v` count.
    pub verbosity: u8,
    /// Show hosts that were skipped (`display_skipped_hosts`).
    pub skipped_hosts: bool,
    /// Show hosts on which nothing changed (`display_ok_hosts`).
    pub ok_hosts: bool,
    /// Failures go to standard error (`display_failed_stderr`).
    pub failed_to_stderr: bool,
    /// Mark check mode in banners (`check_mode_markers`).
    pub check_markers: bool,
    /// Show `set_stats` (`show_custom_stats`).
    pub custom_stats: bool,
    /// Show the path of each task (`show_task_path_on_failure`).
    pub task_path_on_failure: bool,
    /// Results as YAML instead of JSON (`result_format`).
    pub yaml: bool,
    /// Results over several lines (`pretty_results`); `None` leaves it to the format.
    pub pretty: Option<bool>,
    /// Width of the terminal, less one; 79 where there is none.
    pub columns: usize,
}

impl Default for Display {
    fn default() -> Self {
        Self {
            color: false,
            verbosity: 0,
            skipped_hosts: true,
            ok_hosts: true,
            failed_to_stderr: false,
            check_markers: false,
            custom_stats: false,
            task_path_on_failure: false,
            yaml: false,
            pretty: None,
            columns: 79,
        }
    }
}

impl Display {
    /// The width of banners: that of the terminal on standard output, at least 79.
    pub fn terminal_columns() -> usize {
        let stdout = io::stdout();
        if !stdout.is_terminal() {
            return 79;
        }
        rustix::termios::tcgetwinsize(&stdout).map_or(79, |size| usize::from(size.ws_col).saturating_sub(1).max(79))
    }
}

/// A colour by its ANSI sequence.
#[derive(Clone, Copy)]
pub(super) struct Color(&'static str);

/// What each level of JSON is indented by.
const INDENT: &str = "    ";

pub(super) const GREEN: Color = Color("0;32");
pub(super) const YELLOW: Color = Color("0;33");
pub(super) const RED: Color = Color("0;31");
pub(super) const BRIGHT_RED: Color = Color("1;31");
pub(super) const CYAN: Color = Color("0;36");
const PURPLE: Color = Color("0;35");
const BLUE: Color = Color("0;34");

/// Writes the default output.
pub struct DefaultOutput<W, E> {
    display: Display,
    out: W,
    err: E,
    /// The banner of this task is yet to be shown.
    pending: Option<Arc<TaskInfo>>,
    /// The task whose banner was shown last.
    shown: Option<u64>,
    /// The errors and warnings that were told.
    told: HashSet<String>,
    play: String,
}

impl<W, E> std::fmt::Debug for DefaultOutput<W, E> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("DefaultOutput").field("display", &self.display).finish_non_exhaustive()
    }
}

impl<W: Write + Send, E: Write + Send> DefaultOutput<W, E> {
    /// Write results to `out` and talk to `err`.
    pub fn new(display: Display, out: W, err: E) -> Self {
        Self { display, out, err, pending: None, shown: None, told: HashSet::new(), play: String::new() }
    }

    pub(super) fn line(&mut self, text: &str, color: Option<Color>) {
        let painted = self.paint(text, color);
        // Nobody reads any more: nothing can be told.
        let _ = writeln!(self.out, "{painted}");
    }

    pub(super) fn flush(&mut self) {
        // Nobody reads any more: nothing can be told.
        let _ = self.out.flush();
    }

    fn failure_line(&mut self, text: &str, color: Color) {
        if self.display.failed_to_stderr {
            let painted = self.paint(text, Some(color));
            let _ = writeln!(self.err, "{painted}");
        } else {
            self.line(text, Some(color));
        }
    }

    fn paint(&self, text: &str, color: Option<Color>) -> String {
        match color.filter(|_| self.display.color) {
            Some(Color(code)) => {
                let lines: Vec<String> =
                    text.split('\n').map(|line| format!("\u{1b}[{code}m{line}\u{1b}[0m")).collect();
                lines.join("\n")
            }
            None => text.to_owned(),
        }
    }

    fn banner(&mut self, text: &str) {
        let width = text.chars().count();
        let stars = self.display.columns.saturating_sub(width).max(3);
        self.line(&format!("\n{text} {}", "*".repeat(stars)), None);
    }

    fn task_banner(&mut self) {
        let Some(task) = self.pending.take() else { return };
        self.shown = Some(task.number);
        let prefix = if task.handler { "RUNNING HANDLER" } else { "TASK" };
        let check = if task.check && self.display.check_markers { " [CHECK MODE]" } else { "" };
        self.banner(&format!("{prefix} [{}]{check}", task.name));
        if self.display.verbosity >= 2 {
            let path = format!("task path: {}:{}", absolute(&task.span.file().path), task.span.line);
            self.line(&path, Some(Color("0;30")));
        }
    }

    /// Show the banner of a task before its first result; with a strategy where tasks overlap, again where another
    /// task's results came between.
    fn ensure_banner(&mut self, task: &Arc<TaskInfo>) {
        if self.shown != Some(task.number) {
            self.pending = Some(Arc::clone(task));
            self.task_banner();
        }
    }

    fn result(&mut self, result: &HostResult) {
        match result.status {
            Status::Skipped if !self.display.skipped_hosts => return,
            Status::Ok if !self.display.ok_hosts => return,
            _ => {}
        }
        self.ensure_banner(&result.task);
        let host = host_label(result);
        match result.status {
            Status::Ok | Status::Changed => {
                let (word, color) = match result.status {
                    Status::Changed => ("changed", YELLOW),
                    _ => ("ok", GREEN),
                };
                if is_include(&result.task) {
                    if self.display.verbosity == 0 {
                        return;
                    }
                    return;
                }
                if result.looped {
                    return;
                }
                // `failed_when` may find good what the module did not.
                if truth(&result.result, "failed") {
                    self.explain(result);
                }
                self.diff(result);
                self.line(&self.with_result(format!("{word}: [{host}]"), result), Some(color));
            }
            Status::Skipped => {
                if result.looped && !self.display.skipped_hosts {
                    return;
                }
                self.line(&self.with_result(format!("skipping: [{host}]"), result), Some(CYAN));
            }
            Status::Failed => {
                if !result.looped {
                    self.explain(result);
                    self.diff(result);
                    let text = format!("fatal: [{host}]: FAILED! => {}", self.dump(&result.task, &result.result));
                    self.failure_line(&text, RED);
                }
                if result.ignored {
                    self.line("...ignoring", Some(CYAN));
                }
            }
            Status::Unreachable => {
                self.explain(result);
                let text = format!("fatal: [{host}]: UNREACHABLE! => {}", self.dump(&result.task, &result.result));
                self.failure_line(&text, BRIGHT_RED);
                if result.ignored {
                    self.line("...ignoring", Some(CYAN));
                }
            }
        }
    }

    fn item(&mut self, result: &HostResult, item: &ItemInfo) {
        match result.status {
            Status::Skipped if !self.display.skipped_hosts => return,
            Status::Ok if !self.display.ok_hosts => return,
            _ => {}
        }
        if is_include(&result.task) && !matches!(result.status, Status::Failed | Status::Skipped) {
            return;
        }
        self.ensure_banner(&result.task);
        let host = host_label(result);
        let label = python_text(&item.label);
        let (text, color) = match result.status {
            Status::Ok | Status::Changed => {
                self.diff(result);
                let (word, color) = match result.status {
                    Status::Changed => ("changed", YELLOW),
                    _ => ("ok", GREEN),
                };
                (self.with_result(format!("{word}: [{host}] => (item={label})"), result), color)
            }
            Status::Skipped => (self.with_result(format!("skipping: [{host}] => (item={label}) "), result), CYAN),
            Status::Failed | Status::Unreachable => {
                self.explain(result);
                self.diff(result);
                let text = format!("failed: [{host}] (item={label}) => {}", self.dump(&result.task, &result.result));
                self.failure_line(&text, RED);
                return;
            }
        };
        self.line(&text, Some(color));
    }

    /// Say what a failure is about, with the lines of the playbook around it, before its result; once for all hosts
    /// and items that fail alike.
    pub(super) fn explain(&mut self, result: &HostResult) {
        // A file or role that can't be included says in its result why.
        if result.no_log || result.cause == Cause::Label || result.result.contains_key("reason") {
            return;
        }
        let message = result.result.get("msg").map(python_text).unwrap_or_default();
        let task = Some(result.task.span);
        let text = match &result.cause {
            Cause::Playbook(mistake) if mistake.outright => {
                let span = mistake.steps.last().and_then(|(_, span)| *span);
                format!("[ERROR]: {}", section(&mistake.message(), span)) + &advice(mistake.advice)
            }
            Cause::Playbook(mistake) => {
                let mut text = format!("[ERROR]: {}\n\n", mistake.message());
                match (mistake.stage.as_str(), result.task.action_span) {
                    ("", _) => text.push_str(&section("Task failed.", task)),
                    // The task's name stands apart from the task where both come from a command line.
                    (stage, span) if span.source != result.task.span.source => {
                        text.push_str(&section("Task failed.", task));
                        text.push_str("\n<<< caused by >>>\n\n");
                        text.push_str(&section(&format!("{stage}."), Some(span)));
                    }
                    (stage, _) => text.push_str(&section(&format!("Task failed: {stage}."), task)),
                }
                for (index, (message, span)) in mistake.steps.iter().enumerate() {
                    let last = index + 1 == mistake.steps.len();
                    let message = if last { message.clone() } else { format!("{message}.") };
                    text.push_str("\n<<< caused by >>>\n\n");
                    text.push_str(&section(&message, *span));
                }
                text.push_str(&advice(mistake.advice));
                if mistake.message().ends_with("Conditionals must have a boolean result.") {
                    text.push_str(BROKEN_CONDITIONALS);
                }
                text
            }
            Cause::Unreadable => {
                let advice = match message.starts_with("The module interpreter '") {
                    true => " Consider overriding the configured interpreter path for this host.",
                    false => "",
                };
                let mut text = format!("[ERROR]: Task failed: Action failed: {message}\n\n");
                text.push_str(&section("Task failed: Action failed.", task));
                text.push_str("\n<<< caused by >>>\n\n");
                text.push_str(&format!("{message}{advice} See stdout/stderr for the returned output.\n"));
                text
            }
            cause => {
                let kind = match (result.status, cause) {
                    (Status::Unreachable, _) | (_, Cause::Connection(_)) => "",
                    (_, Cause::Module) => "Module failed",
                    _ => "Action failed",
                };
                let message = match (kind, message.as_str()) {
                    _ if *cause == Cause::Refused && !message.starts_with("Task failed: ") => {
                        format!("Task failed: {message}")
                    }
                    _ if *cause == Cause::Refused => message.clone(),
                    ("", message) => message.to_owned(),
                    (kind, "") => format!("Task failed: {kind}."),
                    (kind, message) => format!("Task failed: {kind}: {message}"),
                };
                format!("[ERROR]: {}", section(&message, task))
            }
        };
        if !self.told.insert(text.clone()) {
            return;
        }
        self.failure_line(&text, RED);
        if let Cause::Connection(Some(hint)) = &result.cause
            && !result.ignored
        {
            let _ = self.out.flush();
            let _ = writeln!(self.err, "hint: {hint}");
            let _ = self.err.flush();
        }
        let Cause::Playbook(mistake) = &result.cause else { return };
        // The exact place and what to do; an expected failure needs neither. The same mistake shows on every host.
        let shown = render(&mistake.diagnostic, self.display.color);
        if !result.ignored && self.told.insert(shown.clone()) {
            let _ = self.out.flush();
            let _ = writeln!(self.err, "{}", shown.trim_end());
            let _ = self.err.flush();
        }
    }

    fn shows(&self, result: &Map) -> bool {
        (self.display.verbosity > 0 || truth(result, "_ansible_verbose_always"))
            && !truth(result, "_ansible_verbose_override")
    }

    /// A line with the result behind it, where it is shown.
    fn with_result(&self, line: String, result: &HostResult) -> String {
        match self.shows(&result.result) {
            true => format!("{line} => {}", self.dump(&result.task, &result.result)),
            false => line,
        }
    }

    /// A result as it is shown: JSON, over several lines where the module or the verbosity asks for it.
    fn dump(&self, task: &TaskInfo, result: &Map) -> String {
        self.written(self.shown(task, result), result)
    }

    /// The same with what a task's kind would hide.
    fn dump_whole(&self, result: &Map) -> String {
        self.written(self.shown_whole(result), result)
    }

    /// What is shown of a result.
    pub(super) fn shown(&self, task: &TaskInfo, result: &Map) -> Map {
        let mut shown = self.shown_whole(result);
        if short_action(task) != "debug" || self.display.verbosity >= 3 {
            return shown;
        }
        // What `debug` shows is its message, not its bookkeeping; a variable stands beside the loop's own.
        if shown.contains_key("msg") {
            let named = ["ansible_loop_var", "ansible_index_var"].map(|name| result.get(name).and_then(Value::as_str));
            for name in ["attempts", "retries"].into_iter().chain(named.into_iter().flatten()) {
                shown.shift_remove(name);
            }
        }
        for name in ["changed", "skipped", "skip_reason", "ansible_loop", "ansible_loop_var", "ansible_index_var"] {
            shown.shift_remove(name);
        }
        shown
    }

    /// The same with what a task's kind would hide.
    pub(super) fn shown_whole(&self, result: &Map) -> Map {
        let shown = |name: &str| match self.display.verbosity {
            0..=2 => !is_bookkeeping(name),
            _ => !matches!(name, "_ansible_verbose_always" | "exception" | "failed" | "warnings" | "deprecations"),
        };
        result.iter().filter(|(name, _)| shown(name)).map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// What is shown, as text.
    pub(super) fn written(&self, shown: Map, result: &Map) -> String {
        let always = truth(result, "_ansible_verbose_always");
        let indent = self.display.pretty.unwrap_or(false) || always || self.display.verbosity > 2;
        if self.display.yaml {
            let style = crate::yaml::Style::to_nice_yaml();
            let text = crate::yaml::emit(&Value::Map(shown).to_json(), &style);
            let lines: Vec<String> = text.trim_end().lines().map(|line| format!("    {line}")).collect();
            return format!("\n{}", lines.join("\n"));
        }
        json::to_text(&Value::Map(shown), &json_style(indent.then_some(INDENT)))
    }

    pub(super) fn diff(&mut self, result: &HostResult) {
        // What did not change anything is not shown, whatever its module had to say.
        if !result.diff || result.no_log || !truth(&result.result, "changed") {
            return;
        }
        let Some(diff) = result.result.get("diff") else { return };
        let diffs: Vec<&Value> = match diff {
            Value::List(items) => items.iter().collect(),
            single => vec![single],
        };
        let text: String = diffs.into_iter().filter_map(|diff| diff_text(diff, result.status)).collect();
        if text.is_empty() {
            return;
        }
        let mut painted = String::new();
        for line in text.lines() {
            let color = match line.chars().next() {
                Some('+') => Some(GREEN),
                Some('-') => Some(RED),
                Some('@') => Some(CYAN),
                _ => None,
            };
            painted.push_str(&self.paint(line, color));
            painted.push('\n');
        }
        let _ = writeln!(self.out, "{painted}");
    }

    fn retry(&mut self, task: &Arc<TaskInfo>, host: &str, left: u32, result: &Map) {
        self.ensure_banner(task);
        let mut text = format!("FAILED - RETRYING: [{host}]: {} ({left} retries left).", task.name);
        if self.display.verbosity > 2 || self.shows(result) && truth(result, "_ansible_verbose_always") {
            text.push_str("Result was: ");
            text.push_str(&self.dump_whole(result));
        }
        self.line(&text, Some(Color("1;30")));
    }

    fn recap(&mut self, stats: &Stats) {
        self.banner("PLAY RECAP");
        for (host, counts) in &stats.hosts {
            let text = self.recap_line(host, counts);
            let _ = writeln!(self.out, "{text}");
        }
        let _ = writeln!(self.out);
        if self.display.custom_stats && !stats.custom.is_empty() {
            self.banner("CUSTOM STATS:");
            // Those of hosts first.
            let (whole, hosts): (Vec<_>, Vec<_>) = stats.custom.iter().partition(|(owner, _)| owner.is_none());
            for (owner, values) in hosts.into_iter().chain(whole) {
                let map: Map = values
                    .iter()
                    .map(|(name, value)| (name.clone(), template::to_wire(value).unwrap_or_default()))
                    .collect();
                let text = json::to_text(&Value::Map(map), &json_style(Some(" "))).replace('\n', "");
                if owner.is_none() {
                    let _ = writeln!(self.out);
                }
                let label = owner.as_deref().map_or_else(|| "RUN".to_owned(), str::to_owned);
                self.line(&format!("\t{label}: {text}"), None);
            }
            let _ = writeln!(self.out);
        }
    }

    fn recap_line(&self, host: &str, counts: &Counts) -> String {
        let count = |name: &str, number: u32, color: Color| {
            let text = format!("{name}={number:<4}");
            if number == 0 { text } else { self.paint(&text, Some(color)) }
        };
        let color = if counts.failed > 0 || counts.unreachable > 0 {
            RED
        } else if counts.changed > 0 {
            YELLOW
        } else {
            GREEN
        };
        // The name is padded by what is seen, not by what is sent to the terminal.
        let padding = 26usize.saturating_sub(host.chars().count());
        let name = format!("{}{}", self.paint(host, Some(color)), " ".repeat(padding));
        format!(
            "{name} : {} {} {} {} {} {} {}",
            count("ok", counts.ok, GREEN),
            count("changed", counts.changed, YELLOW),
            count("unreachable", counts.unreachable, BRIGHT_RED),
            count("failed", counts.failed, RED),
            count("skipped", counts.skipped, CYAN),
            count("rescued", counts.rescued, YELLOW),
            count("ignored", counts.ignored, BLUE),
        )
    }
}

impl<W: Write + Send, E: Write + Send> Sink for DefaultOutput<W, E> {
    fn shows_results(&self) -> bool {
        self.display.verbosity > 0
    }

    fn event(&mut self, event: &Event) {
        match event {
            Event::PlaybookStart { path } => {
                if self.display.verbosity > 1 {
                    let name = std::path::Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned());
                    self.banner(&format!("PLAYBOOK: {}", name.unwrap_or_default()));
                }
            }
            Event::PlayStart { name, check, .. } => {
                self.play.clone_from(name);
                let check = if *check && self.display.check_markers { " [CHECK MODE]" } else { "" };
                self.banner(&format!("PLAY [{name}]{check}"));
            }
            Event::NoHostsMatched => self.line("skipping: no hosts matched", Some(CYAN)),
            Event::NoHostsRemaining => self.banner("NO MORE HOSTS LEFT"),
            Event::TaskStart { task, apart, .. } => {
                if !apart && self.shown != Some(task.number) {
                    self.pending = Some(Arc::clone(task));
                    if self.display.skipped_hosts && self.display.ok_hosts {
                        self.task_banner();
                    }
                }
            }
            Event::Result(result) => {
                self.warnings(result);
                self.result(result);
            }
            Event::Item(result, item) => {
                self.warnings(result);
                self.item(result, item);
            }
            Event::Retry { task, host, delegate, left, result, .. } => {
                let host = match delegate {
                    Some(delegate) if delegate.name != *host => format!("{host} -> {delegate}"),
                    _ => host.to_string(),
                };
                self.retry(task, &host, *left, result);
            }
            Event::Job { task, host, state, number } => {
                self.ensure_banner(task);
                let hidden = number.is_none();
                let number = number.as_deref().unwrap_or("None");
                match state {
                    JobState::Running => {
                        let (started, finished) = if hidden { ("None", "None") } else { ("True", "False") };
                        let text = format!("ASYNC POLL on {host}: jid={number} started={started} finished={finished}");
                        self.line(&text, Some(Color("1;30")));
                    }
                    JobState::Done => self.line(&format!("ASYNC OK on {host}: jid={number}"), Some(Color("1;30"))),
                    JobState::Failed => {
                        self.line(&format!("ASYNC FAILED on {host}: jid={number}"), Some(Color("1;30")));
                    }
                }
            }
            Event::Included { name, hosts, item } => {
                let hosts: Vec<&str> = hosts.iter().map(|host| &**host).collect();
                let mut text = format!("included: {name} for {}", hosts.join(", "));
                if let Some(item) = item {
                    text.push_str(&format!(" => (item={item})"));
                }
                self.line(&text, Some(CYAN));
            }
            Event::Notified { handler, host } => {
                if self.display.verbosity > 1 {
                    self.line(&format!("NOTIFIED HANDLER {handler} for {host}"), Some(Color("1;30")));
                }
            }
            Event::Diagnostic(diagnostic) => {
                let _ = self.out.flush();
                let text = render(diagnostic, self.display.color);
                if diagnostic.severity != Severity::Error && !self.told.insert(text.clone()) {
                    return;
                }
                let _ = writeln!(self.err, "{}", text.trim_end());
                if diagnostic.severity == Severity::Error {
                    let _ = self.err.flush();
                }
            }
            Event::Notice(message) => self.line(message, None),
            Event::Detail { verbosity, text } => {
                if self.display.verbosity >= *verbosity {
                    self.task_banner();
                    self.line(text, Some(BLUE));
                }
            }
            Event::Warning(message) => {
                let _ = self.out.flush();
                if !self.told.insert(message.clone()) {
                    return;
                }
                let text = self.paint(&format!("[WARNING]: {message}"), Some(PURPLE));
                let _ = writeln!(self.err, "{text}");
            }
            Event::Output { .. } => {}
            Event::Recap(stats) => self.recap(stats),
        }
        let _ = self.out.flush();
    }
}

impl<W: Write + Send, E: Write + Send> DefaultOutput<W, E> {
    pub(super) fn warnings(&mut self, result: &HostResult) {
        for (name, word) in [("warnings", "[WARNING]"), ("deprecations", "[DEPRECATION WARNING]")] {
            let Some(Value::List(items)) = result.result.get(name) else { continue };
            for item in items {
                let message = match item {
                    Value::Map(map) => parting(map),
                    other => python_text(other),
                };
                let text = self.paint(&format!("{word}: {message}"), Some(PURPLE));
                let _ = writeln!(self.err, "{text}");
            }
        }
    }
}

/// What is said of something that a module wants to see gone.
fn parting(notice: &Map) -> String {
    let text = |map: &Map, name: &str| map.get(name).filter(|value| !value.is_null()).map(python_text);
    let message = text(notice, "msg").unwrap_or_default();
    let name = notice.get("deprecator").and_then(|by| by.get("resolved_name")).map(python_text);
    let when = match (text(notice, "version"), text(notice, "date")) {
        (Some(version), _) if name.is_some() => format!(" version {version}"),
        (Some(version), _) => format!(" in version {version}"),
        (None, Some(date)) => format!(" in a release after {date}"),
        (None, None) => " in a future release".to_owned(),
    };
    let whose = match name.as_deref().and_then(|name| name.rsplit_once('.')) {
        Some((collection, module)) => format!(" from module '{module}' in collection '{collection}'"),
        None => String::new(),
    };
    format!("{}. This feature will be removed{whose}{when}.", message.trim_end_matches('.'))
}

const BROKEN_CONDITIONALS: &str =
    "\nBroken conditionals can be temporarily allowed with the `ALLOW_BROKEN_CONDITIONALS` configuration option.\n";

/// What is said below the place of a mistake.
fn advice(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("\n{text}\n") }
}

/// A message with the lines of the file that it is about, and a caret below.
fn section(message: &str, span: Option<Span>) -> String {
    let Some(span) = span else { return format!("{message}\n") };
    let file = span.file();
    // What stands in no file is shown as it is.
    if file.path.to_string_lossy().starts_with('<') {
        return format!("{message}\nOrigin: {}\n\n{}\n", file.path.display(), file.quotable());
    }
    let mut text = format!("{message}\nOrigin: {}:{}:{}\n", absolute(&file.path), span.line, span.column);
    let line = span.line as usize;
    let width = line.to_string().len();
    for (index, content) in file.quotable().lines().enumerate().take(line).skip(line.saturating_sub(3)) {
        let shown = format!("\n{:>width$} {content}", index + 1);
        text.push_str(&shortened(shown.trim_end()));
    }
    text.push_str(&format!("\n{}^ column {}\n", " ".repeat(width + span.column as usize), span.column));
    text
}

/// A line of a file, cut where it gets too long to be read.
fn shortened(line: &str) -> String {
    const LONGEST: usize = 121;
    match line.char_indices().nth(LONGEST) {
        None => line.to_owned(),
        Some(_) => line.chars().take(LONGEST - 3).chain("...".chars()).collect(),
    }
}

fn absolute(path: &std::path::Path) -> String {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display().to_string()
}

fn short_action(task: &TaskInfo) -> &str {
    task.action.rsplit('.').next().unwrap_or_default()
}

fn is_include(task: &TaskInfo) -> bool {
    matches!(short_action(task), "include_tasks" | "include_role" | "include")
}

fn host_label(result: &HostResult) -> String {
    match &result.delegate {
        Some(delegate) if delegate.name != result.host => format!("{} -> {delegate}", result.host),
        _ => result.host.to_string(),
    }
}

/// Whether an entry of a result is not for people, unless they ask for a lot.
pub(super) fn is_bookkeeping(name: &str) -> bool {
    name.starts_with('_')
        || matches!(name, "exception" | "failed" | "skipped" | "warnings" | "deprecations" | "invocation" | "diff")
}

fn truth(result: &Map, name: &str) -> bool {
    matches!(result.get(name), Some(Value::Bool(true)))
}

/// A value as Python's `str` writes it.
pub(super) fn python_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => template::python::to_text(&template::from_wire(other.clone())).unwrap_or_default(),
    }
}

/// How results are shown: without escapes for what is printable.
fn json_style(indent: Option<&str>) -> Style {
    Style { indent: indent.map(str::to_owned), sort_keys: true, ascii: false, ..Style::default() }
}

/// One `diff` entry as a unified diff.
fn diff_text(diff: &Value, status: Status) -> Option<String> {
    if let Some(Value::String(prepared)) = diff.get("prepared") {
        return Some(format!("{prepared}\n"));
    }
    let changed = status == Status::Changed;
    let mut text = String::new();
    for key in ["src_binary", "dst_binary", "src_larger", "dst_larger"] {
        if let Some(value) = diff.get(key) {
            let message = match key {
                "src_binary" => "diff skipped: source file appears to be binary\n".to_owned(),
                "dst_binary" => "diff skipped: destination file appears to be binary\n".to_owned(),
                "src_larger" => format!("diff skipped: source file size is greater than {}\n", python_text(value)),
                _ => format!("diff skipped: destination file size is greater than {}\n", python_text(value)),
            };
            text.push_str(&message);
        }
    }
    let (Some(before), Some(after)) = (diff.get("before"), diff.get("after")) else {
        return (!text.is_empty()).then_some(text);
    };
    let side = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        structure => {
            let mut text = json::to_text(structure, &json_style(Some(INDENT)));
            text.push('\n');
            text
        }
    };
    let (before, after) = (side(before), side(after));
    let header = |name: &str, word: &str| match diff.get(name).and_then(Value::as_str) {
        Some(header) => format!("{word}: {header}"),
        None => word.to_owned(),
    };
    let before_header = header("before_header", "before");
    let after_header = header("after_header", "after");
    if before == after {
        return if text.is_empty() && !changed { None } else { Some(text).filter(|text| !text.is_empty()) };
    }
    let unified = TextDiff::from_lines(&before, &after)
        .unified_diff()
        .context_radius(3)
        .header(&before_header, &after_header)
        .to_string();
    text.push_str(&unified);
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recap_is_aligned_as_ansible_aligns_it() {
        let output = DefaultOutput::new(Display::default(), Vec::new(), Vec::new());
        let counts = Counts { ok: 8, changed: 5, failed: 1, skipped: 1, ignored: 2, ..Counts::default() };
        assert_eq!(
            output.recap_line("localhost", &counts),
            "localhost                  : ok=8    changed=5    unreachable=0    failed=1    skipped=1    rescued=0    ignored=2   "
        );
    }
}
