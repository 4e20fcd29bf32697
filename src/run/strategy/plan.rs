//! One play on one batch of hosts.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::playbook::{Item, Loader, Play, Role, Task};
use crate::report::{Event, TaskInfo};
use crate::run::cursor::Cursor;
use crate::run::handlers::Handlers;
use crate::run::selection::Selection;
use crate::run::settings::KeywordReader;
use crate::run::shared::Shared;
use crate::run::stats::Stats;
use crate::run::task::Job;
use crate::source::Diagnostics;
use crate::template::{Scope, Surroundings, TemplateError};
use crate::vars::{HostVariables, PlayVariables, TaskVariables, VarMap};
use rprov_modules::shell_pattern::ShellPattern;

/// What a host is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum State {
    /// Going on.
    Active,
    /// At the end of the play.
    Done,
    /// Failed.
    Failed,
    /// Not to be reached.
    Unreachable,
}

/// One host in a play.
#[derive(Debug)]
pub(in crate::run) struct HostRun {
    /// Its name.
    pub name: Arc<str>,
    /// Where it stands.
    pub cursor: Cursor,
    /// What it is doing.
    pub state: State,
    /// It has failed, and runs nothing but what it was notified of before.
    pub failed: bool,
    /// Numbers of the handlers that it has yet to run.
    pub notified: BTreeSet<u32>,
    /// Names that it notified; which handlers they mean shows when the handlers are run.
    pub notified_names: Vec<String>,
    /// Its `vars_files`.
    pub vars_files: Arc<[Arc<VarMap>]>,
}

/// How a batch ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::run) enum PlanEnd {
    /// It was gone through.
    Complete,
    /// The rest of the play is off: too many failures, `end_play`, or Ctrl-C.
    Stop,
    /// Failures that end the whole run.
    Abort,
}

/// One play on one batch of hosts.
pub(in crate::run) struct Plan<'r> {
    pub shared: Arc<Shared>,
    pub play: Arc<Play>,
    pub variables: Arc<PlayVariables>,
    pub surroundings: Arc<Surroundings>,
    pub loader: &'r mut Loader,
    pub stats: &'r mut Stats,
    pub hosts: IndexMap<Arc<str>, HostRun>,
    pub handlers: Arc<Handlers>,
    pub selection: Selection,
    pub statics: Scope,
    /// `--start-at-task` has not been met yet.
    pub waiting_for: &'r mut Option<String>,
    /// The task that `--start-at-task` names is in this play.
    pub holds_start: bool,
    /// Each host goes on in its own time.
    pub apart: bool,
    /// `--step`: go on without asking.
    pub step_all: bool,
    pub ended: Option<PlanEnd>,
    /// What the user has to mend before anything more can be run.
    pub mistakes: Diagnostics,
    /// The failures of hosts were forgotten, also those of earlier plays.
    pub cleared: bool,
    /// The debugger is called wherever a task fails.
    pub debugging: bool,
    /// The person at the debugger wants to see no more of the run.
    pub left: bool,
    selected: HashMap<usize, (Arc<Task>, bool)>,
    included: HashMap<(usize, String), IncludedFile>,
    numbers: &'r mut u64,
}

/// An include that was read: the include, so that its address stays its own, the file and its items.
type IncludedFile = (Arc<Task>, std::path::PathBuf, Arc<[Item]>);

impl<'r> Plan<'r> {
    #[expect(clippy::too_many_arguments, reason = "made in one place")]
    pub(in crate::run) fn new(
        shared: Arc<Shared>,
        play: Arc<Play>,
        variables: Arc<PlayVariables>,
        surroundings: Arc<Surroundings>,
        loader: &'r mut Loader,
        stats: &'r mut Stats,
        hosts: IndexMap<Arc<str>, HostRun>,
        statics: Scope,
        waiting_for: &'r mut Option<String>,
        numbers: &'r mut u64,
    ) -> Self {
        let selection = Selection::new(&shared.options.tags, &shared.options.skip_tags);
        let mut handlers = Handlers::default();
        handlers.add(&play.handlers, &statics);
        let handlers = Arc::new(handlers);
        Self {
            shared,
            play,
            variables,
            surroundings,
            loader,
            stats,
            hosts,
            handlers,
            selection,
            statics,
            waiting_for,
            holds_start: false,
            apart: false,
            step_all: false,
            ended: None,
            mistakes: Vec::new(),
            cleared: false,
            debugging: false,
            left: false,
            selected: HashMap::new(),
            included: HashMap::new(),
            numbers,
        }
    }

    /// Whether the command line selects a task.
    pub fn is_selected(&mut self, task: &Arc<Task>) -> bool {
        if let Some(target) = self.waiting_for.clone() {
            if task.implicit {
                // Hosts that have nothing to do are not asked for their facts.
                return task.is("meta") || (task.is("gather_facts") && self.holds_start);
            }
            if !self.is_start(task, &target) {
                return false;
            }
            *self.waiting_for = None;
        }
        if task.handler {
            return true;
        }
        let key = Arc::as_ptr(task) as usize;
        if let Some((_, selected)) = self.selected.get(&key) {
            return *selected;
        }
        let tags = Selection::tags_of(task, &self.statics);
        let selected = self.selection.selects(&tags);
        // The task is kept, so that its address cannot come to mean another one.
        self.selected.insert(key, (Arc::clone(task), selected));
        selected
    }

    /// Learn whether the task that the run begins with is among these.
    pub fn look_for_start(&mut self, items: &[Item]) {
        let Some(target) = self.waiting_for.clone() else { return };
        self.holds_start = items.iter().any(|item| self.holds(item, &target));
    }

    fn holds(&self, item: &Item, target: &str) -> bool {
        match item {
            Item::Task(task) => !task.implicit && self.is_start(task, target),
            // Nothing has failed before the first task.
            Item::Block(block) => block.tasks.iter().chain(block.always.iter()).any(|item| self.holds(item, target)),
        }
    }

    fn is_start(&self, task: &Task, target: &str) -> bool {
        let name = task.name.as_ref().and_then(|name| match name.render(&self.statics) {
            Ok(value) => Some(value.to_string()),
            Err(_) => name.text().map(str::to_owned),
        });
        let Some(name) = name else { return false };
        let full = task.role.as_ref().map(|role| format!("{} : {name}", role.name));
        let matches = |text: &str| text == target || ShellPattern::new(target).is_match(text);
        matches(&name) || full.is_some_and(|full| matches(&full))
    }

    /// The task that a host stands at.
    pub fn next_task(&mut self, host: &Arc<str>) -> Option<Arc<Task>> {
        let mut cursor = self.hosts.get(host).map(|run| run.cursor.clone())?;
        // The cursor asks which tasks are selected, and that is known here.
        let cell = std::cell::RefCell::new(&mut *self);
        let task = cursor.task(&|task| cell.borrow_mut().is_selected(task));
        if let Some(run) = self.hosts.get_mut(host) {
            run.cursor = cursor;
        }
        task
    }

    /// Hosts that are going on.
    pub fn active(&self) -> Vec<Arc<str>> {
        self.hosts.values().filter(|run| run.state == State::Active).map(|run| Arc::clone(&run.name)).collect()
    }

    /// The variables that a task sees on a host.
    pub fn task_variables(&self, task: &Task, host: &Arc<str>) -> Option<TaskVariables> {
        let run = self.hosts.get(host)?;
        let snapshot = self.shared.facts.hosts.get(host)?;
        Some(TaskVariables {
            run: Arc::clone(&self.shared.facts),
            play: Arc::clone(&self.variables),
            host: snapshot,
            vars_files: Arc::clone(&run.vars_files),
            role: task.role.clone(),
            vars: task.keywords.vars.clone(),
            environment: task.keywords.environment.clone(),
            includes: run.cursor.include_variables(),
            surroundings: self.task_surroundings(task),
        })
    }

    /// Where a task's relative paths begin: its role, its file, the playbook.
    fn task_surroundings(&self, task: &Task) -> Arc<Surroundings> {
        let mut search_paths = Vec::new();
        let mut add = |path: std::path::PathBuf| {
            if !search_paths.contains(&path) {
                search_paths.push(path);
            }
        };
        if let Some(role) = &task.role {
            add(role.path.clone());
            for parent in role.parents.iter().rev() {
                add(parent.path.clone());
            }
        }
        add(task.directory.to_path_buf());
        add(self.play.directory.clone());
        if search_paths == self.surroundings.search_paths && task.role.is_none() {
            return Arc::clone(&self.surroundings);
        }
        Arc::new(Surroundings {
            role_path: task.role.as_ref().map(|role| role.path.clone()),
            search_paths,
            ..Surroundings::clone(&self.surroundings)
        })
    }

    /// What is shown of a task; its name is rendered as the first host sees it.
    pub fn task_info(&mut self, task: &Task, host: &Arc<str>) -> Arc<TaskInfo> {
        *self.numbers += 1;
        let scope = self.task_variables(task, host).map(TaskVariables::scope);
        let name = task.name.as_ref().and_then(|name| {
            let rendered = scope.as_ref().and_then(|scope| name.render(scope).ok()).map(|value| value.to_string());
            rendered.or_else(|| name.text().map(str::to_owned)).filter(|name| !name.is_empty())
        });
        let name = name.unwrap_or_else(|| default_name(task));
        let name = match &task.role {
            // An included role is named by its own name alone.
            Some(role) if !task.is("include_role") => format!("{} : {name}", role.name),
            _ => name,
        };
        let check = scope
            .as_ref()
            .map(KeywordReader)
            .and_then(|reader| reader.boolean(task.keywords.check_mode.as_ref(), self.shared.options.check).ok());
        Arc::new(TaskInfo {
            number: *self.numbers,
            name,
            action: task.action.written.to_string(),
            span: task.span,
            action_span: task.action.span,
            handler: task.handler,
            check: check.unwrap_or(self.shared.options.check),
            implicit: task.implicit,
        })
    }

    /// Everything that one host needs to run a task.
    pub fn job(&self, task: &Arc<Task>, info: &Arc<TaskInfo>, host: &Arc<str>) -> Option<Job> {
        Some(Job {
            shared: Arc::clone(&self.shared),
            task: Arc::clone(task),
            info: Arc::clone(info),
            variables: self.task_variables(task, host)?,
            handlers: Arc::clone(&self.handlers),
        })
    }

    /// How many hosts run a task at the same time.
    ///
    /// # Errors
    /// `throttle` is no number.
    pub fn width(&self, task: &Task, host: &Arc<str>) -> Result<usize, TemplateError> {
        let forks = self.shared.options.forks.max(1);
        let Some(written) = &task.keywords.throttle else { return Ok(forks) };
        let Some(scope) = self.task_variables(task, host).map(TaskVariables::scope) else { return Ok(forks) };
        let throttle = KeywordReader(&scope).integer(Some(written), 0).map_err(|error| {
            let text = written.render(&scope).map(|value| value.to_string());
            let reason = match text {
                Ok(text) => format!("invalid literal for int() with base 10: '{text}'"),
                Err(_) => error.message().to_owned(),
            };
            let message = format!("Failed to convert the throttle value to an integer: {reason}");
            TemplateError::failed(message).at(error.span().or(written.span()))
        })?;
        Ok(usize::try_from(throttle).ok().filter(|throttle| *throttle > 0).map_or(forks, |most| forks.min(most)))
    }

    /// Change a host's variables, and publish them.
    pub fn change(&self, host: &str, change: impl FnOnce(&mut HostVariables)) {
        if let Some(current) = self.shared.facts.hosts.get(host) {
            let mut variables = HostVariables::clone(&current);
            drop(current);
            change(&mut variables);
            self.shared.facts.hosts.publish(variables);
        }
    }

    /// Tell the templates which hosts are left.
    pub fn update_hosts(&mut self) {
        let left: Vec<Arc<str>> = self
            .variables
            .hosts
            .iter()
            .filter(|host| {
                self.hosts
                    .get(*host)
                    .is_none_or(|run| !run.failed && !matches!(run.state, State::Failed | State::Unreachable))
            })
            .cloned()
            .collect();
        if left.len() != self.variables.hosts.len() {
            let mut variables = PlayVariables::clone(&self.variables);
            variables.batch = variables.batch.iter().filter(|host| left.contains(*host)).cloned().collect();
            variables.hosts = left.into();
            self.variables = Arc::new(variables);
        }
    }

    /// Let the play know of roles that were imported by what was included.
    pub fn add_imported(&mut self, roles: Vec<Arc<Role>>, handlers: &[Arc<Task>]) {
        if !handlers.is_empty() {
            Arc::make_mut(&mut self.handlers).add(handlers, &self.statics);
        }
        if !roles.is_empty() {
            let mut variables = PlayVariables::clone(&self.variables);
            variables.roles.extend(roles);
            self.variables = Arc::new(variables);
        }
    }

    /// The items of an included task file, read once for each include that names it.
    pub fn included_items(
        &mut self,
        task: &Arc<Task>,
        file: &str,
        keywords: &Arc<crate::playbook::Keywords>,
        cacheable: bool,
    ) -> Result<(std::path::PathBuf, Arc<[Item]>), crate::source::Diagnostics> {
        let key = (Arc::as_ptr(task) as usize, file.to_owned());
        if let Some((_, path, items)) = self.included.get(&key).filter(|_| cacheable) {
            return Ok((path.clone(), Arc::clone(items)));
        }
        let (path, items, warnings) = self.loader.include_tasks(task, file, keywords)?;
        for warning in warnings {
            self.shared.reporter.send(Event::Diagnostic(warning));
        }
        let (roles, handlers) = self.loader.take_imported();
        self.add_imported(roles, &handlers);
        let items: Arc<[Item]> = items.into();
        self.included.insert(key, (Arc::clone(task), path.clone(), Arc::clone(&items)));
        Ok((path, items))
    }
}

/// The name of a task that has none.
fn default_name(task: &Task) -> String {
    if task.is("gather_facts") && task.implicit {
        return "Gathering Facts".to_owned();
    }
    // A role that is included is named, whatever the name is made of.
    if task.is("include_role")
        && let Some(role) = task.arguments.options.get("name").or_else(|| task.arguments.options.get("role"))
        && let Some(role) = role.text().map(str::to_owned).or_else(|| role.as_plain().map(ToString::to_string))
    {
        return format!("{} : {role}", task.action.written);
    }
    task.action.written.to_string()
}
