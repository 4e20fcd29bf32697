//! The free strategy: each host goes on as fast as it can. `host_pinned` is the same with hosts that finish the play
//! before others begin.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};

use super::plan::{Plan, PlanEnd};
use crate::playbook::Task;
use crate::report::{Event, TaskInfo};
use crate::run::debugger::Verdict;
use crate::run::result::Outcome;
use crate::run::task::Job;

impl Plan<'_> {
    /// Go through the play, each host at its own pace.
    pub(in crate::run) async fn run_free(&mut self, pinned: bool) -> PlanEnd {
        self.apart = true;
        let mut debugged = HashMap::new();
        let mut running = FuturesUnordered::new();
        let mut busy: HashMap<Arc<str>, Arc<Task>> = HashMap::new();
        let mut begun: HashSet<Arc<str>> = HashSet::new();
        // A task has one number, whichever host comes to it first; the task is kept, so that its address stays its own.
        let mut numbers: HashMap<usize, (Arc<Task>, u64)> = HashMap::new();
        let forks = self.shared.options.forks.max(1);
        loop {
            let mut moved = false;
            if !self.shared.interrupt.is_pressed() && self.ended.is_none() {
                for host in self.active() {
                    if busy.contains_key(&host) || busy.len() >= forks {
                        continue;
                    }
                    // A pinned host keeps its place until it is through with the play.
                    if pinned && !begun.contains(&host) && self.unfinished(&begun) >= forks {
                        continue;
                    }
                    begun.insert(Arc::clone(&host));
                    let Some(task) = self.next_task(&host) else {
                        self.reach_end(&host);
                        moved = true;
                        continue;
                    };
                    if task.is("meta") {
                        self.meta(&task, std::slice::from_ref(&host)).await;
                        moved = true;
                        continue;
                    }
                    let width = match self.width(&task, &host) {
                        Ok(width) => width,
                        Err(error) => {
                            self.mistakes = vec![error.into()];
                            return PlanEnd::Abort;
                        }
                    };
                    // `throttle`: the host waits until another is through with the task.
                    if busy.values().filter(|other| Arc::ptr_eq(other, &task)).count() >= width {
                        continue;
                    }
                    let info = self.task_info(&task, &host);
                    let known = numbers.entry(Arc::as_ptr(&task) as usize);
                    let (_, number) = known.or_insert_with(|| (Arc::clone(&task), info.number));
                    let info = Arc::new(TaskInfo { number: *number, ..TaskInfo::clone(&info) });
                    self.shared.reporter.send(Event::TaskStart {
                        task: Arc::clone(&info),
                        hosts: vec![Arc::clone(&host)],
                        // What it includes is told without a result.
                        apart: !task.is_include(),
                    });
                    let Some(job) = self.job(&task, &info, &host) else { continue };
                    busy.insert(Arc::clone(&host), Arc::clone(&task));
                    running.push(run(host, task, info, Box::new(job)));
                }
            }
            if moved {
                continue;
            }
            let Some((host, task, info, outcome)) = running.next().await else { break };
            busy.remove(&host);
            match self.debug(&task, &info, &host, &outcome, &mut debugged).await {
                Verdict::Continue => self.apply(&task, &info, vec![(host, outcome)], false).await,
                Verdict::Redo(job) => {
                    busy.insert(Arc::clone(&host), Arc::clone(&task));
                    running.push(run(host, task, info, job));
                }
                Verdict::Quit => self.leave(),
            }
        }
        if self.shared.interrupt.is_pressed() {
            return PlanEnd::Abort;
        }
        self.ended.take().unwrap_or(PlanEnd::Complete)
    }

    fn unfinished(&self, begun: &HashSet<Arc<str>>) -> usize {
        let active = self.active();
        active.iter().filter(|host| begun.contains(*host)).count()
    }
}

/// What comes out of a task on a host.
type Ended = (Arc<str>, Arc<Task>, Arc<TaskInfo>, Outcome);

async fn run(host: Arc<str>, task: Arc<Task>, info: Arc<TaskInfo>, job: Box<Job>) -> Ended {
    (host, task, info, job.run_apart().await)
}
