//! One event per line as JSON, for machines.
//!
//! Every line is an object with `event` (its kind) and `time` (seconds since the run began). The kinds and their other
//! fields:
//!
//! | `event` | fields |
//! |---|---|
//! | `playbook` | `path` |
//! | `play` | `name`, `hosts`, `check` |
//! | `no_hosts_matched`, `no_hosts_remaining` | |
//! | `task` | `task` (name), `task_number`, `action`, `path` (`file:line:column`), `handler`, `check`, `hosts` |
//! | `result` | `task`, `task_number`, `action`, `path`, `handler`, `host`, `delegate`, `status` (`ok`, `changed`, `skipped`, `failed`, `unreachable`), `ignored`, `seconds`, `result`; `explanation` where the playbook is to blame |
//! | `item` | the same for one item of a loop, with `item` and `item_index` |
//! | `retry` | `task`, `task_number`, `host`, `left` |
//! | `job` | `task`, `task_number`, `host`, `job` (its number), `state` (`running`, `done`, `failed`) |
//! | `included` | `name`, `hosts`, `item` |
//! | `notified` | `handler`, `host` |
//! | `diagnostic` | `severity`, `message`, `path`, `causes`, `hints`; an `explanation` has the same |
//! | `warning` | `message` |
//! | `output` | `host`, `stream`, `text` |
//! | `recap` | `hosts` (counts by host), `custom` (`set_stats`) |
//!
//! What `no_log` hides is hidden here too.

use std::io::Write;

use serde_json::{Map, Value, json};

use super::event::{Event, HostResult, ItemInfo, JobState};
use super::reporter::Sink;
use crate::run::{Cause, Status};
use crate::source::{Diagnostic, Severity};
use crate::template;

/// Writes one JSON object per event to `out`.
pub struct JsonLines<W> {
    out: W,
    begin: std::time::Instant,
}

impl<W> std::fmt::Debug for JsonLines<W> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("JsonLines")
    }
}

impl<W: Write + Send> JsonLines<W> {
    /// Write to `out`.
    pub fn new(out: W) -> Self {
        Self { out, begin: std::time::Instant::now() }
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Ok => "ok",
        Status::Changed => "changed",
        Status::Skipped => "skipped",
        Status::Failed => "failed",
        Status::Unreachable => "unreachable",
    }
}

fn result_fields(result: &HostResult, item: Option<&ItemInfo>) -> Value {
    let mut shown: Map<String, Value> = Map::new();
    for (name, value) in result.result.iter().filter(|(name, _)| !name.starts_with('_')) {
        shown.insert(name.clone(), value.to_json());
    }
    let mut fields = json!({
        "event": if item.is_some() { "item" } else { "result" },
        "task": result.task.name,
        "task_number": result.task.number,
        "action": result.task.action,
        "path": result.task.span.to_string(),
        "handler": result.task.handler,
        "host": &*result.host,
        "delegate": result.delegate.as_ref().map(|delegate| &*delegate.name),
        "status": status_word(result.status),
        "ignored": result.ignored,
        "seconds": result.duration.as_secs_f64(),
        "result": shown,
    });
    if let (Cause::Playbook(mistake), false, Some(map)) = (&result.cause, result.no_log, fields.as_object_mut()) {
        map.insert("explanation".into(), diagnostic_fields(&mistake.diagnostic));
    }
    if let (Some(item), Some(map)) = (item, fields.as_object_mut()) {
        map.insert("item".into(), item.label.to_json());
        map.insert("item_index".into(), item.index.into());
    }
    fields
}

fn diagnostic_fields(diagnostic: &Diagnostic) -> Value {
    json!({
        "severity": match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Deprecation => "deprecation",
        },
        "message": diagnostic.message,
        "path": diagnostic.span.map(|span| span.to_string()),
        "causes": diagnostic.causes,
        "hints": diagnostic.hints,
    })
}

fn fields(event: &Event) -> Value {
    let names = |hosts: &[std::sync::Arc<str>]| hosts.iter().map(|host| Value::from(&**host)).collect::<Value>();
    match event {
        Event::PlaybookStart { path } => json!({"event": "playbook", "path": path}),
        Event::PlayStart { name, hosts, check } => {
            json!({"event": "play", "name": name, "hosts": names(hosts), "check": check})
        }
        Event::NoHostsMatched => json!({"event": "no_hosts_matched"}),
        Event::NoHostsRemaining => json!({"event": "no_hosts_remaining"}),
        Event::TaskStart { task, hosts, .. } => json!({
            "event": "task", "task": task.name, "task_number": task.number, "action": task.action,
            "path": task.span.to_string(), "handler": task.handler, "check": task.check, "hosts": names(hosts),
        }),
        Event::Result(result) => result_fields(result, None),
        Event::Item(result, item) => result_fields(result, Some(item)),
        Event::Retry { task, host, left, .. } => {
            json!({"event": "retry", "task": task.name, "task_number": task.number, "host": &**host, "left": left})
        }
        Event::Job { task, host, state, number } => json!({
            "event": "job", "task": task.name, "task_number": task.number, "host": &**host, "job": number,
            "state": match state {
                JobState::Running => "running",
                JobState::Done => "done",
                JobState::Failed => "failed",
            },
        }),
        Event::Included { name, hosts, item } => {
            json!({"event": "included", "name": name, "hosts": names(hosts), "item": item})
        }
        Event::Notified { handler, host } => json!({"event": "notified", "handler": handler, "host": &**host}),
        Event::Diagnostic(diagnostic) => {
            let mut fields = diagnostic_fields(diagnostic);
            if let Some(map) = fields.as_object_mut() {
                map.insert("event".into(), "diagnostic".into());
            }
            fields
        }
        Event::Detail { text, .. } => json!({"event": "detail", "message": text}),
        Event::Notice(message) => json!({"event": "notice", "message": message}),
        Event::Warning(message) => json!({"event": "warning", "message": message}),
        Event::Output { host, stream, text } => json!({
            "event": "output", "host": &**host, "stream": format!("{stream:?}").to_lowercase(), "text": text,
        }),
        Event::Recap(stats) => {
            let hosts: Map<String, Value> = stats
                .hosts
                .iter()
                .map(|(host, counts)| {
                    let counts = json!({
                        "ok": counts.ok, "changed": counts.changed, "unreachable": counts.unreachable,
                        "failed": counts.failed, "skipped": counts.skipped, "rescued": counts.rescued,
                        "ignored": counts.ignored,
                    });
                    (host.to_string(), counts)
                })
                .collect();
            let custom: Map<String, Value> = stats
                .custom
                .iter()
                .map(|(owner, values)| {
                    let values: Map<String, Value> = values
                        .iter()
                        .map(|(name, value)| (name.clone(), template::to_json(value).unwrap_or_default()))
                        .collect();
                    (owner.as_deref().unwrap_or("_run").to_owned(), values.into())
                })
                .collect();
            json!({"event": "recap", "hosts": hosts, "custom": custom})
        }
    }
}

impl<W: Write + Send> Sink for JsonLines<W> {
    fn shows_results(&self) -> bool {
        true
    }

    fn event(&mut self, event: &Event) {
        let mut value = fields(event);
        if let Some(map) = value.as_object_mut() {
            map.insert("time".into(), self.begin.elapsed().as_secs_f64().into());
        }
        // Nobody reads any more: nothing can be told.
        let _ = writeln!(self.out, "{value}");
        let _ = self.out.flush();
    }
}
