//! `meta` tasks, which the strategy itself carries out.

use std::sync::Arc;

use super::effect::MetaAction;
use super::strategy::{Plan, PlanEnd, State};
use crate::config::Setting;
use crate::playbook::Task;
use crate::report::{Event, HostResult, TaskInfo};
use crate::run::{Cause, Status};
use crate::vars::TaskVariables;

impl Plan<'_> {
    /// Carry out a `meta` task for the hosts that stand at it.
    pub(super) async fn meta(&mut self, task: &Arc<Task>, hosts: &[Arc<str>]) {
        let name = task.arguments.options.get("_raw_params").or_else(|| task.arguments.options.get("free_form"));
        let name = name.and_then(|written| written.render(&self.statics).ok()).map(|value| value.to_string());
        let action = name.as_deref().and_then(MetaAction::find).unwrap_or(MetaAction::Noop);
        let mut acting = Vec::new();
        // What is done once for all hosts is decided by the first of them.
        let each = matches!(
            action,
            MetaAction::Noop
                | MetaAction::ResetConnection
                | MetaAction::EndHost
                | MetaAction::EndRole
                | MetaAction::FlushHandlers
        );
        let deciding = if each { hosts } else { hosts.get(..1).unwrap_or_default() };
        for host in deciding {
            let info = self.tell_started(task, host);
            match self.meta_applies(task, host) {
                Ok(true) if each => acting.push(Arc::clone(host)),
                Ok(true) => acting.extend(hosts.iter().cloned()),
                Ok(false) => {
                    self.tell_skipped(action, task, info, host);
                    let skipped = if each { std::slice::from_ref(host) } else { hosts };
                    for host in skipped {
                        self.advance(host);
                    }
                }
                Err(error) => {
                    let result = Arc::new(super::task::template_failure(&error));
                    self.shared.reporter.send(Event::Diagnostic(error.clone().into()));
                    self.stats.host(host).failed += 1;
                    if self.fail_host(task, host, &result) {
                        self.update_hosts();
                    }
                }
            }
        }
        if acting.is_empty() {
            return;
        }
        let telling = if each { acting.as_slice() } else { acting.get(..1).unwrap_or_default() };
        for host in telling.iter().filter(|_| !task.implicit) {
            self.tell_meta(done_words(action, role_of(task), host));
        }
        match action {
            // Each host's own affair.
            MetaAction::FlushHandlers => {
                for host in &acting {
                    // Where nobody wrote the task, it is told only to who looks into the program.
                    if self.flush(host) && task.implicit && self.shared.config.bool(Setting::Debug) {
                        let text = format!("META: {}", done_words(action, role_of(task), host));
                        self.shared.reporter.send(Event::Detail { verbosity: 0, text });
                    }
                }
            }
            MetaAction::EndRole => {
                for host in &acting {
                    let ended = self.hosts.get_mut(host).is_some_and(|run| run.cursor.end_role());
                    if !ended {
                        self.advance(host);
                    }
                }
            }
            _ => {
                for host in &acting {
                    self.advance(host);
                }
                let once = if each { acting.as_slice() } else { acting.get(..1).unwrap_or_default() };
                let affected = match action {
                    MetaAction::ClearFacts => acting.as_slice(),
                    _ => once,
                };
                for host in affected {
                    self.apply_meta(action, host).await;
                }
            }
        }
    }

    fn advance(&mut self, host: &Arc<str>) {
        if let Some(run) = self.hosts.get_mut(host) {
            run.cursor.advance();
        }
    }

    fn meta_applies(&self, task: &Task, host: &Arc<str>) -> Result<bool, crate::template::TemplateError> {
        if task.keywords.when.is_empty() || task.implicit {
            return Ok(true);
        }
        let Some(scope) = self.task_variables(task, host).map(TaskVariables::scope) else { return Ok(false) };
        for condition in &task.keywords.when {
            if !condition.test(&scope)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Show the banner of a task that somebody wrote: once for each host, as Ansible does.
    fn tell_started(&mut self, task: &Arc<Task>, host: &Arc<str>) -> Arc<TaskInfo> {
        let info = self.task_info(task, host);
        if !task.implicit {
            self.shared.reporter.send(Event::TaskStart {
                task: Arc::clone(&info),
                hosts: vec![Arc::clone(host)],
                apart: self.apart,
            });
        }
        info
    }

    /// A line for those who want to know more.
    fn tell_meta(&self, words: impl std::fmt::Display) {
        self.shared.reporter.send(Event::Detail { verbosity: 2, text: format!("META: {words}") });
    }

    fn tell_skipped(&mut self, action: MetaAction, task: &Task, info: Arc<TaskInfo>, host: &Arc<str>) {
        let name = action.name();
        let reason = match undone_words(action, role_of(task), host) {
            Some(words) => format!("{name} conditional evaluated to False, {words}"),
            None => format!("{name} conditional evaluated to False"),
        };
        self.tell_meta(&reason);
        let message = match action {
            MetaAction::EndHost => format!("{name} conditional evaluated to false, continuing execution for {host}"),
            _ => name.to_owned(),
        };
        let mut result = rprov_wire::Map::new();
        result.insert("msg".into(), message.into());
        result.insert("skip_reason".into(), reason.into());
        self.shared.reporter.send(Event::Result(HostResult {
            task: info,
            host: Arc::clone(host),
            delegate: None,
            status: Status::Skipped,
            ignored: false,
            result: Arc::new(result),
            cause: Cause::Action,
            looped: false,
            diff: false,
            no_log: false,
            duration: std::time::Duration::ZERO,
        }));
    }

    /// Let a host run the handlers that it was notified of, if there are any.
    fn flush(&mut self, host: &Arc<str>) -> bool {
        let Some(run) = self.hosts.get_mut(host) else { return false };
        let mut numbers = std::mem::take(&mut run.notified);
        let names = std::mem::take(&mut run.notified_names);
        numbers.extend(names.iter().flat_map(|name| self.handlers.find(name)));
        let handlers: Vec<(u32, Arc<Task>)> = numbers
            .into_iter()
            .filter_map(|number| self.handlers.task(number).map(|task| (number, Arc::clone(task))))
            .collect();
        if handlers.is_empty() {
            run.cursor.advance();
            return false;
        }
        run.cursor.enter_handlers(handlers);
        true
    }

    /// Carry out one action for one host.
    pub(super) async fn apply_meta(&mut self, action: MetaAction, host: &Arc<str>) {
        match action {
            MetaAction::Noop | MetaAction::FlushHandlers | MetaAction::EndRole => {}
            MetaAction::ClearFacts => {
                if let Err(problem) = self.shared.facts.cache.forget(host) {
                    self.shared.reporter.send(Event::Diagnostic(problem));
                }
                self.change(host, |variables| variables.facts = Arc::default());
            }
            MetaAction::EndHost => {
                if let Some(run) = self.hosts.get_mut(host) {
                    run.cursor.end();
                    run.state = State::Done;
                }
            }
            MetaAction::EndPlay | MetaAction::EndBatch => {
                for run in self.hosts.values_mut().filter(|run| run.state == State::Active) {
                    run.cursor.end();
                    run.state = State::Done;
                }
                self.ended = Some(if action == MetaAction::EndPlay { PlanEnd::Stop } else { PlanEnd::Complete });
            }
            MetaAction::ClearHostErrors => {
                self.cleared = true;
                for run in self.hosts.values_mut() {
                    match run.state {
                        State::Failed => run.state = State::Done,
                        // It goes on where it stopped; who has failed has left the play.
                        State::Unreachable => run.state = State::Active,
                        State::Active | State::Done => {}
                    }
                }
                self.update_hosts();
            }
            MetaAction::RefreshInventory => {
                if let Err(problems) = super::play::refresh_inventory(&self.shared, &self.play.directory) {
                    for problem in problems {
                        self.shared.reporter.send(Event::Diagnostic(problem));
                    }
                }
            }
            MetaAction::ResetConnection => self.shared.connections.forget(host).await,
        }
    }

    /// `--step`: ask whether to run a task.
    pub(super) async fn confirm_step(&mut self, task: &Arc<Task>, hosts: &[Arc<str>]) -> bool {
        if !self.shared.options.step || self.step_all {
            return true;
        }
        let Some(first) = hosts.first() else { return true };
        let name = self.task_info(task, first).name.clone();
        loop {
            let question = format!("Perform task: {name} (N)o/(y)es/(c)ontinue: ");
            let Ok(answer) = self.shared.ask(question, true).await else { return false };
            match answer.trim().to_ascii_lowercase().as_str() {
                "y" | "yes" => return true,
                "c" | "continue" => {
                    self.step_all = true;
                    return true;
                }
                "" | "n" | "no" => return false,
                _ => {}
            }
        }
    }
}

/// The role that a task belongs to, for messages.
fn role_of(task: &Task) -> &str {
    task.role.as_ref().map(|role| role.name.as_ref()).unwrap_or_default()
}

/// What a `meta` task has done, in Ansible's words.
fn done_words(action: MetaAction, role: &str, host: &str) -> String {
    match action {
        MetaAction::Noop => "noop".to_owned(),
        MetaAction::FlushHandlers => format!("triggered running handlers for {host}"),
        MetaAction::RefreshInventory => "inventory successfully refreshed".to_owned(),
        MetaAction::ClearFacts => "facts cleared".to_owned(),
        MetaAction::ClearHostErrors => "cleared host errors".to_owned(),
        MetaAction::EndBatch => "ending batch".to_owned(),
        MetaAction::EndPlay => "ending play".to_owned(),
        MetaAction::EndHost => format!("ending play for {host}"),
        MetaAction::EndRole => format!("ending role {role} for {host}"),
        MetaAction::ResetConnection => "reset connection".to_owned(),
    }
}

/// What goes on since a `meta` task's condition does not hold, in Ansible's words.
fn undone_words(action: MetaAction, role: &str, host: &str) -> Option<String> {
    Some(match action {
        MetaAction::EndBatch => "continuing current batch".to_owned(),
        MetaAction::EndPlay => "continuing play".to_owned(),
        MetaAction::EndHost => format!("continuing execution for {host}"),
        MetaAction::EndRole => format!("continuing role {role} for {host}"),
        MetaAction::ClearFacts => format!("not clearing facts and fact cache for {host}"),
        MetaAction::ClearHostErrors => format!("not clearing host error state for {host}"),
        MetaAction::Noop | MetaAction::FlushHandlers | MetaAction::RefreshInventory | MetaAction::ResetConnection => {
            return None;
        }
    })
}
