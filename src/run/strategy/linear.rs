//! The linear strategy: all hosts of a batch do a task before any of them does the next.

use std::collections::HashMap;
use std::sync::Arc;

use futures::stream::{FuturesUnordered, StreamExt};

use super::plan::{Plan, PlanEnd, State};
use crate::playbook::Task;
use crate::report::Event;
use crate::run::debugger::Verdict;
use crate::run::result::Outcome;
use crate::run::settings::KeywordReader;
use crate::run::task::Job;
use crate::vars::TaskVariables;

impl Plan<'_> {
    /// Go through the play, task by task.
    pub(in crate::run) async fn run_linear(&mut self) -> PlanEnd {
        while let Some((task, hosts)) = self.next_step() {
            if self.shared.interrupt.is_pressed() {
                return PlanEnd::Abort;
            }
            if task.is("meta") {
                self.meta(&task, &hosts).await;
            } else if self.confirm_step(&task, &hosts).await {
                self.step(&task, &hosts).await;
            } else {
                for host in &hosts {
                    if let Some(run) = self.hosts.get_mut(host) {
                        run.cursor.advance();
                    }
                }
            }
            if let Some(end) = self.ended.take() {
                return end;
            }
        }
        PlanEnd::Complete
    }

    /// The first task in the play's order that any host stands at, with the hosts that do.
    fn next_step(&mut self) -> Option<(Arc<Task>, Vec<Arc<str>>)> {
        let mut best = None;
        let mut hosts: Vec<Arc<str>> = Vec::new();
        for host in self.active() {
            let Some(task) = self.next_task(&host) else {
                self.reach_end(&host);
                continue;
            };
            let Some(run) = self.hosts.get(&host) else { continue };
            let path = run.cursor.path();
            let better = best.as_ref().is_none_or(|(known, _)| path < *known);
            let same =
                best.as_ref().is_some_and(|(known, known_task)| path == *known && Arc::ptr_eq(known_task, &task));
            if better {
                best = Some((path, task));
                hosts.clear();
            }
            if better || same {
                hosts.push(host);
            }
        }
        best.map(|(_, task)| (task, hosts))
    }

    /// Run one task on its hosts, and let the outcomes take effect.
    async fn step(&mut self, task: &Arc<Task>, hosts: &[Arc<str>]) {
        let Some(first) = hosts.first() else { return };
        let width = match self.width(task, first) {
            Ok(width) => width,
            Err(error) => {
                self.mistakes = vec![error.into()];
                self.ended = Some(PlanEnd::Abort);
                return;
            }
        };
        let info = self.task_info(task, first);
        let once = self.runs_once(task, first);
        let runners: Vec<Arc<str>> = if once { vec![Arc::clone(first)] } else { hosts.to_vec() };
        self.shared.reporter.send(Event::TaskStart { task: Arc::clone(&info), hosts: runners.clone(), apart: false });
        let mut outcomes: Vec<(Arc<str>, Outcome)> = Vec::with_capacity(runners.len());
        let mut debugged = HashMap::new();
        let mut running = FuturesUnordered::new();
        let mut waiting = runners.iter();
        loop {
            while running.len() < width
                && !self.shared.interrupt.is_pressed()
                && let Some(host) = waiting.next()
            {
                let Some(job) = self.job(task, &info, host) else { continue };
                let host = Arc::clone(host);
                running.push(run(host, Box::new(job)));
            }
            let Some((host, outcome)) = running.next().await else { break };
            match self.debug(task, &info, &host, &outcome, &mut debugged).await {
                Verdict::Continue => outcomes.push((host, outcome)),
                Verdict::Redo(job) => running.push(run(host, job)),
                Verdict::Quit => {
                    self.leave();
                    return;
                }
            }
        }
        drop(running);
        // Effects apply in the order of the hosts, whoever answered first.
        outcomes.sort_by_key(|(host, _)| runners.iter().position(|known| known == host));
        // A failure is handed on when it takes effect.
        let first_outcome = outcomes.first().map(|(_, outcome)| outcome.clone());
        if once && let Some(outcome) = first_outcome.filter(|outcome| !outcome.is_failure()) {
            let asked = self.asked_once(task, first);
            for host in hosts.iter().skip(1) {
                let mut copy = outcome.clone();
                copy.effects.retain(|effect| asked && shared_effect(effect));
                outcomes.push((Arc::clone(host), copy));
            }
        }
        self.apply(task, &info, outcomes, once).await;
    }

    /// Whether a task runs on one host for all of them.
    pub(super) fn runs_once(&self, task: &Task, host: &Arc<str>) -> bool {
        task.is("add_host") || task.is("pause") || self.asked_once(task, host)
    }

    /// `run_once`
    pub(super) fn asked_once(&self, task: &Task, host: &Arc<str>) -> bool {
        let Some(scope) = self.task_variables(task, host).map(TaskVariables::scope) else { return false };
        KeywordReader(&scope).boolean(task.keywords.run_once.as_ref(), false).unwrap_or(false)
    }

    /// A host has nothing more to do.
    pub(super) fn reach_end(&mut self, host: &Arc<str>) {
        let Some(run) = self.hosts.get_mut(host) else { return };
        if run.state == State::Active {
            run.state = if run.failed || run.cursor.is_lost() { State::Failed } else { State::Done };
        }
    }
}

async fn run(host: Arc<str>, job: Box<Job>) -> (Arc<str>, Outcome) {
    (host, job.run_apart().await)
}

/// Whether an effect of a task that ran once holds for all hosts.
fn shared_effect(effect: &crate::run::Effect) -> bool {
    use crate::run::Effect;
    match effect {
        Effect::Variables { host, .. } | Effect::Included { host, .. } | Effect::Facts { host, .. } => host.is_none(),
        Effect::Notify(_) => true,
        Effect::UnknownHandler(_) => true,
        // Only the host that ran it goes through what it includes.
        Effect::Include(_) => false,
        Effect::AddHost(_) | Effect::GroupBy { .. } | Effect::Meta(_) | Effect::Stats { .. } | Effect::Conceal => false,
    }
}
