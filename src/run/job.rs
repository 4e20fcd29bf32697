//! Tasks that run as jobs (`async`): the host does them in a process of its own, and is asked how they stand.
//!
//! Where the reference asks every `poll` seconds, a job is asked after sooner and more often as long as that costs no
//! more than a round trip on the open channel; what is told of it comes every `poll` seconds all the same.

use std::time::{Duration, Instant};

use rprov_wire::message::Job as WireJob;
use rprov_wire::{Map, Value};

use super::remote::Remote;
use super::result::{failed, flag};
use super::settings::KeywordReader;
use super::task::{Job, Prepared};
use crate::action::{self, Done, Stop};
use crate::config::Setting;
use crate::playbook::Task;
use crate::report::{Event, JobState};

/// Seconds between two reports where neither the task nor a setting says.
const POLL: i64 = 15;

/// Between two questions, in the beginning and later on.
const PACE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// How long a job that has had its time may take to end: its processes are killed first.
const GRACE: Duration = Duration::from_secs(10);

/// How a job stands.
pub(crate) enum Standing {
    /// Its file is not there.
    Missing {
        /// Where it would be.
        file: String,
    },
    /// It has not ended, as far as its file tells.
    Running {
        /// Its file.
        file: String,
    },
    /// It has ended; with its module's result.
    Ended {
        /// Its file.
        file: String,
        /// The result.
        result: Map,
    },
}

impl Standing {
    /// What the agent has read, as what it says.
    pub(crate) fn of(read: &Map) -> Self {
        let text = |name: &str| read.get(name).and_then(Value::as_str);
        let file = text("path").unwrap_or_default().to_owned();
        if !flag(read, "exists") {
            return Self::Missing { file };
        }
        // What is no JSON is not written yet.
        let parsed = text("content").and_then(|content| serde_json::from_str::<serde_json::Value>(content).ok());
        match parsed.as_ref().map(Value::from_json) {
            Some(Value::Map(result)) if !result.contains_key("started") || flag(&result, "finished") => {
                Self::Ended { file, result: action::interpret(result) }
            }
            _ => Self::Running { file },
        }
    }

    /// The result that `async_status` gives.
    pub(crate) fn into_result(self, number: &str) -> Map {
        let (file, mut result, finished) = match self {
            Self::Missing { file } => (file, failed("could not find job"), true),
            Self::Running { file } => (file, Map::from_iter([("changed".to_owned(), false.into())]), false),
            Self::Ended { file, result } => (file, result, true),
        };
        result.insert("ansible_job_id".to_owned(), number.into());
        result.insert("results_file".to_owned(), file.into());
        result.insert("started".to_owned(), true.into());
        result.insert("finished".to_owned(), finished.into());
        for stream in ["stdout", "stderr"] {
            result.entry(stream.to_owned()).or_insert_with(|| "".into());
        }
        result
    }
}

/// Whether a task can be done as a job: what needs the controller while it runs cannot.
pub(super) fn is_possible(task: &Task, arguments: &Map) -> bool {
    match task.action.short() {
        "uri" => !arguments.contains_key("src"),
        _ => task.action.known.is_on_host(),
    }
}

/// Whether a result is that of a job which was started and not waited for.
pub(super) fn is_running(result: &Map) -> bool {
    result.contains_key("ansible_job_id") && !flag(result, "finished")
}

impl Job {
    /// Start the task as a job, and wait for its end where `poll` says so.
    pub(super) async fn run_job(&self, prepared: &Prepared, job: &WireJob) -> Result<Done, Stop> {
        let Some(module) = &self.task.action.known.module else {
            return Err(Stop::refused(format!("This action ({}) does not support async.", self.task.action.written)));
        };
        let reader = KeywordReader(&prepared.scope);
        let default = self.shared.config.int(Setting::PollInterval).unwrap_or(POLL);
        let poll = reader.named("poll").integer(self.task.poll.as_ref(), default)?;
        let parcel = self.parcel(module, prepared)?;
        let (options, items) = (&prepared.options, vec![parcel.arguments]);
        let mut results = prepared.remote.call(module.name(), options, items, parcel.sources).await?;
        let started = results.pop().unwrap_or_default();
        let number = started.get("ansible_job_id").and_then(Value::as_str).map(str::to_owned);
        let (Some(number), 1..) = (number, poll) else { return Ok(Done::new(started)) };
        let poll = Duration::from_secs(poll.unsigned_abs());
        let secret = prepared.options.no_log;
        let tell = |state: JobState| {
            self.shared.reporter.send(Event::Job {
                task: std::sync::Arc::clone(&self.info),
                host: std::sync::Arc::clone(self.host()),
                state,
                number: Some(number.clone()).filter(|_| !secret),
            });
        };
        let result = watch(&prepared.remote, job, &number, poll, || tell(JobState::Running)).await?;
        tell(if flag(&result, "failed") { JobState::Failed } else { JobState::Done });
        Ok(Done::new(result))
    }
}

/// Wait for the end of a job, and remove its file.
async fn watch(
    remote: &Remote,
    job: &WireJob,
    number: &str,
    poll: Duration,
    mut report: impl FnMut(),
) -> Result<Map, Stop> {
    let begin = Instant::now();
    let limit = Duration::from_secs(job.limit.into());
    let mut next = poll;
    loop {
        let pause = (begin.elapsed() / 10).clamp(PACE.0, PACE.1).min(next.saturating_sub(begin.elapsed()));
        tokio::time::sleep(pause).await;
        // Lost connections come back, and the job goes on meanwhile.
        let standing = ask(remote, job, number, "status").await.map(|read| Standing::of(&read));
        if let Ok(Standing::Missing { .. } | Standing::Ended { .. }) = &standing {
            // A file that cannot be removed does no harm.
            let _ = ask(remote, job, number, "cleanup").await;
        }
        match standing {
            Ok(Standing::Running { file }) => {
                if begin.elapsed() < next {
                    continue;
                }
                // The host itself ends a job that has had its time.
                if next >= limit && begin.elapsed() < next + GRACE {
                    tokio::time::sleep(PACE.0).await;
                    continue;
                }
                report();
                if next >= limit {
                    let mut result =
                        failed(format!("async task did not complete within the requested time - {}s", job.limit));
                    let last = Standing::Running { file }.into_result(number);
                    result.insert("async_result".to_owned(), Value::Map(last));
                    return Ok(result);
                }
                next += poll;
            }
            Ok(ended) => return Ok(ended.into_result(number)),
            Err(error) if begin.elapsed() > limit + GRACE => return Err(error.into()),
            Err(_) => {
                tokio::time::sleep(PACE.1.min(poll)).await;
                if begin.elapsed() >= next {
                    next += poll;
                }
            }
        }
    }
}

/// Ask the host about a job, or let it forget one.
async fn ask(
    remote: &Remote,
    job: &WireJob,
    number: &str,
    mode: &str,
) -> Result<Map, crate::connection::ConnectionError> {
    let arguments = Map::from_iter([
        ("jid".to_owned(), number.into()),
        ("mode".to_owned(), mode.into()),
        ("_directory".to_owned(), job.directory.as_str().into()),
    ]);
    let options = rprov_wire::Options::default();
    let mut results = remote.call("async_status", &options, vec![arguments], Vec::new()).await?;
    Ok(results.pop().unwrap_or_default())
}
