//! What the outcomes of a task do to the run: variables, handlers, includes, failures.

use std::sync::Arc;

use minijinja::Value;

use super::plan::{Plan, PlanEnd, State};
use crate::inventory::Growth;
use crate::playbook::Task;
use crate::report::{Event, TaskInfo};
use crate::run::cursor::Consequence;
use crate::run::effect::{Effect, IncludeRequest};
use crate::run::result::{Outcome, Status};
use crate::run::settings::KeywordReader;
use crate::template;
use crate::vars::{HostVariables, TaskVariables, Values};

impl Plan<'_> {
    /// Let the outcomes of a task take effect, host by host.
    pub(super) async fn apply(
        &mut self,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        outcomes: Vec<(Arc<str>, Outcome)>,
        once: bool,
    ) {
        let mut failures = Vec::new();
        let mut includes: Vec<(Arc<str>, Vec<IncludeRequest>)> = Vec::new();
        let mut flush = Vec::new();
        for (index, (host, outcome)) in outcomes.into_iter().enumerate() {
            // A task that ran once counts for the host that ran it.
            if !once || index == 0 {
                self.count(task, &host, &outcome);
            }
            if outcome.status != Status::Skipped
                && let Some(role) = &task.role
                && let Some(run) = self.hosts.get_mut(&host)
            {
                run.cursor.begin_role(&role.fingerprint);
            }
            let mut requests = Vec::new();
            for effect in outcome.effects {
                match effect {
                    Effect::Include(request) => requests.push(request),
                    Effect::Meta(action) => flush.push((Arc::clone(&host), action)),
                    Effect::UnknownHandler(problem) => {
                        // Nothing more is told, and nothing more is run.
                        self.mistakes = vec![*problem];
                        self.ended = Some(PlanEnd::Abort);
                        return;
                    }
                    other => self.apply_effect(&host, other),
                }
            }
            match outcome.status {
                Status::Failed | Status::Unreachable if !outcome.ignored => {
                    failures.push((Arc::clone(&host), outcome.status, outcome.result));
                }
                _ if task.is_include() && outcome.status != Status::Skipped => includes.push((host, requests)),
                _ => {
                    if let Some(run) = self.hosts.get_mut(&host) {
                        run.cursor.advance();
                    }
                }
            }
        }
        if !includes.is_empty() {
            self.include(task, info, includes);
        }
        for (host, action) in flush {
            self.apply_meta(action, &host).await;
        }
        self.fail(task, failures);
    }

    /// Count an outcome for the recap.
    fn count(&mut self, task: &Task, host: &Arc<str>, outcome: &Outcome) {
        // After Ctrl-C nothing more is run, no rescue either.
        let rescued = !self.shared.interrupt.is_pressed()
            && self.hosts.get(host).is_some_and(|run| {
                let mut cursor = run.cursor.clone();
                cursor.fail() == Consequence::Rescued
            });
        let counts = self.stats.host(host);
        match outcome.status {
            // An include counts once for each file or role that it leads to.
            Status::Ok if task.is_include() => {}
            Status::Ok => counts.ok += 1,
            Status::Changed => {
                counts.ok += 1;
                counts.changed += 1;
            }
            Status::Skipped => counts.skipped += 1,
            Status::Failed if outcome.ignored => {
                counts.ok += 1;
                counts.ignored += 1;
                if crate::run::result::flag(&outcome.result, "changed") {
                    counts.changed += 1;
                }
            }
            Status::Failed if rescued => counts.rescued += 1,
            Status::Failed => counts.failed += 1,
            Status::Unreachable if outcome.ignored => {
                counts.ok += 1;
                counts.ignored += 1;
            }
            Status::Unreachable => counts.unreachable += 1,
        }
    }

    fn apply_effect(&mut self, host: &Arc<str>, effect: Effect) {
        match effect {
            Effect::Variables { host: other, values } => {
                let owner = other.unwrap_or_else(|| Arc::clone(host));
                self.change(&owner, |variables| {
                    Arc::make_mut(&mut variables.registered).extend(values);
                });
            }
            Effect::Included { host: other, values } => {
                let owner = other.unwrap_or_else(|| Arc::clone(host));
                let merge = self.shared.facts.merge;
                self.change(&owner, |variables| {
                    let included = Arc::make_mut(&mut variables.included);
                    for (name, value) in values {
                        let value = match included.get(&name) {
                            Some(old) if merge => crate::vars::merged([value, old.clone()]),
                            _ => Some(value),
                        };
                        included.extend(value.map(|value| (name, value)));
                    }
                });
            }
            Effect::Facts { host: other, facts } => {
                let owner = other.unwrap_or_else(|| Arc::clone(host));
                if let Err(problem) = self.shared.facts.cache.update(&owner, facts.clone()) {
                    self.shared.reporter.send(Event::Diagnostic(problem));
                }
                self.change(&owner, |variables| {
                    Arc::make_mut(&mut variables.facts).extend(facts);
                });
            }
            Effect::Notify(names) => self.notify(host, &names),
            Effect::AddHost(new) => self.add_host(new),
            Effect::GroupBy { group, parents } => {
                self.shared.facts.grow(Growth::Member { host: Arc::clone(host), group, parents });
                self.refresh_layers(host);
            }
            Effect::Stats { data, per_host, aggregate } => {
                let owner = per_host.then(|| Arc::clone(host));
                let slot = self.stats.custom.entry(owner).or_default();
                for (name, value) in data {
                    let merged = match slot.get(&name) {
                        Some(old) if aggregate => aggregated(old, &value),
                        _ => value,
                    };
                    slot.insert(name, merged);
                }
            }
            Effect::Include(_) | Effect::Meta(_) | Effect::UnknownHandler(_) | Effect::Conceal => {}
        }
    }

    /// Note which handlers a host has yet to run.
    fn notify(&mut self, host: &Arc<str>, names: &[String]) {
        for name in names {
            for number in self.handlers.find(name) {
                let Some(task) = self.handlers.task(number).cloned() else { continue };
                let Some(run) = self.hosts.get_mut(host) else { continue };
                let told = match run.cursor.in_handlers() {
                    true => !run.cursor.add_handler(number, task) && run.notified.insert(number),
                    false if run.notified_names.contains(name) => false,
                    false => true,
                };
                if told {
                    let handler = self.handlers.name(number).unwrap_or(name).to_owned();
                    self.shared.reporter.send(Event::Notified { handler, host: Arc::clone(host) });
                }
            }
            if let Some(run) = self.hosts.get_mut(host)
                && !run.cursor.in_handlers()
                && !run.notified_names.contains(name)
            {
                run.notified_names.push(name.clone());
            }
        }
    }

    fn add_host(&mut self, new: crate::run::NewHost) {
        let facts = &self.shared.facts;
        let name: Arc<str> = Arc::from(new.name.as_str());
        facts.grow(Growth::Host { name: Arc::clone(&name), groups: new.groups });
        // Host variables of this kind are data: nothing in them is a template any more.
        let layer = new
            .variables
            .iter()
            .map(|(name, value)| match value {
                template::Variable::Plain(value) => (Arc::clone(name), template::Written::plain(value.clone())),
                template::Variable::Written(written) => (Arc::clone(name), written.clone()),
            })
            .collect();
        facts.layers.add(&name, layer);
        if facts.hosts.get(&name).is_none() {
            let cached = crate::run::play::cached_facts(&self.shared, &name);
            facts.hosts.publish(HostVariables::new(Arc::clone(&name), Arc::from([]), cached));
        }
        self.refresh_layers(&name);
    }

    /// Build a host's inventory layers again, after its groups have changed.
    fn refresh_layers(&mut self, host: &str) {
        let facts = &self.shared.facts;
        match facts.layers.of(&facts.inventory.load(), host, &self.play.directory) {
            Ok(layers) => self.change(host, |variables| variables.inventory = layers),
            Err(problem) => self.shared.reporter.send(Event::Diagnostic(problem)),
        }
    }

    /// What failures mean for their hosts, and for the others.
    fn fail(&mut self, task: &Arc<Task>, failures: Vec<(Arc<str>, Status, Arc<rprov_wire::Map>)>) {
        if failures.is_empty() {
            return;
        }
        let fatal_for_all = failures.first().is_some_and(|(host, ..)| self.any_errors_fatal(task, host));
        let failed: Vec<Arc<str>> = failures.iter().map(|(host, ..)| Arc::clone(host)).collect();
        for (host, status, result) in failures {
            if status == Status::Unreachable {
                if let Some(run) = self.hosts.get_mut(&host) {
                    run.state = State::Unreachable;
                    // Where it goes on, should its error be cleared.
                    run.cursor.advance();
                }
                continue;
            }
            self.fail_host(task, &host, &result);
        }
        if fatal_for_all {
            // A task that ran once counts as failed on every host, and fails the others a second time: out of the
            // `rescue` that the first failure led to.
            let asked = failed.first().is_some_and(|host| self.asked_once(task, host));
            let times = if asked { 2 } else { 1 };
            for host in self.active().into_iter().filter(|host| !failed.contains(host)) {
                let Some(run) = self.hosts.get_mut(&host) else { continue };
                if (0..times).any(|_| run.cursor.fail() == Consequence::Fatal) {
                    run.state = State::Failed;
                }
            }
        }
        self.update_hosts();
        self.check_failure_limit();
    }

    /// A task failed on a host. Returns whether the host is lost with it.
    pub(in crate::run) fn fail_host(
        &mut self,
        task: &Arc<Task>,
        host: &Arc<str>,
        result: &Arc<rprov_wire::Map>,
    ) -> bool {
        let force = self.force_handlers();
        let Some(run) = self.hosts.get_mut(host) else { return false };
        let before = run.cursor.clone();
        let consequence = run.cursor.fail();
        match consequence {
            Consequence::Rescued | Consequence::Pending => {
                let scope = self.task_variables(task, host).map_or_else(|| self.statics.clone(), TaskVariables::scope);
                let failed_task = crate::run::failed_task::describe(task, &scope);
                let mut values = Values::new();
                values.insert("ansible_failed_task".into(), failed_task.into());
                let value = template::from_wire(rprov_wire::Value::Map(result.as_ref().clone()));
                values.insert("ansible_failed_result".into(), value.into());
                self.change(host, |variables| {
                    Arc::make_mut(&mut variables.registered).extend(values);
                });
                false
            }
            Consequence::Fatal => {
                run.state = State::Failed;
                let waiting = !run.notified.is_empty() || !run.notified_names.is_empty();
                if force && !run.failed && waiting && !before.in_handlers() {
                    // The host has failed, and runs what it was told to run before.
                    run.cursor = before;
                    run.cursor.only_handlers();
                    run.failed = true;
                    run.state = State::Active;
                }
                true
            }
        }
    }

    /// The play's own word on it counts more than that of the command line and the settings.
    fn force_handlers(&self) -> bool {
        let reader = KeywordReader(&self.statics);
        let default = self.shared.options.force_handlers;
        reader.boolean(self.play.force_handlers.as_ref(), default).unwrap_or(default)
    }

    fn any_errors_fatal(&self, task: &Task, host: &Arc<str>) -> bool {
        let scope = self.task_variables(task, host).map(TaskVariables::scope);
        let default = self.shared.options.any_errors_fatal;
        let once = self.runs_once(task, host);
        once || scope.is_some_and(|scope| {
            KeywordReader(&scope).boolean(task.keywords.any_errors_fatal.as_ref(), default).unwrap_or(default)
        })
    }

    /// `max_fail_percentage`
    fn check_failure_limit(&mut self) {
        let Some(written) = &self.play.max_fail_percentage else { return };
        let Ok(limit) = KeywordReader(&self.statics).number(Some(written), 100.0) else { return };
        let failed = self.hosts.values().filter(|run| matches!(run.state, State::Failed | State::Unreachable)).count();
        let total = self.hosts.len().max(1);
        if failed as f64 / total as f64 * 100.0 > limit {
            for run in self.hosts.values_mut().filter(|run| run.state == State::Active) {
                run.state = State::Done;
            }
            // Ansible says so from two places.
            self.shared.reporter.send(Event::NoHostsRemaining);
            self.shared.reporter.send(Event::NoHostsRemaining);
            self.ended = Some(PlanEnd::Abort);
        }
    }
}

/// `set_stats` with `aggregate`: numbers are added, lists and dictionaries joined.
fn aggregated(old: &Value, new: &Value) -> Value {
    use minijinja::value::ValueKind;
    match (old.kind(), new.kind()) {
        (ValueKind::Number, ValueKind::Number) => match (i64::try_from(old.clone()), i64::try_from(new.clone())) {
            (Ok(old), Ok(new)) => Value::from(old.saturating_add(new)),
            _ => {
                let number = |value: &Value| f64::try_from(value.clone()).unwrap_or_default();
                Value::from(number(old) + number(new))
            }
        },
        (ValueKind::Seq, ValueKind::Seq) => {
            old.try_iter().into_iter().flatten().chain(new.try_iter().into_iter().flatten()).collect()
        }
        (ValueKind::String, ValueKind::String) => Value::from(format!("{old}{new}")),
        (ValueKind::Map, ValueKind::Map) => {
            let entries = |value: &Value| {
                let keys: Vec<Value> = value.try_iter().into_iter().flatten().collect();
                keys.into_iter()
                    .map(|key| {
                        let item = value.get_item(&key).unwrap_or_default();
                        (key, item)
                    })
                    .collect::<Vec<_>>()
            };
            Value::from_pairs(entries(old).into_iter().chain(entries(new)))
        }
        _ => new.clone(),
    }
}
