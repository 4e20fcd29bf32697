//! Dynamic includes: tasks and roles that are loaded while the play runs.

use std::collections::HashMap;
use std::sync::Arc;

use super::cursor::Included;
use super::effect::{IncludeRequest, IncludeTarget};
use super::strategy::{Plan, PlanEnd};
use crate::playbook::{Item, Keywords, Task, own_variables};
use crate::report::{Event, HostResult, TaskInfo};
use crate::run::{Cause, Status};
use crate::source::{Diagnostic, Diagnostics, misread, normalized};
use crate::vars::{PlayVariables, Values};

/// So many includes may be inside each other; a file that includes itself without an end must not run on for ever.
const DEEPEST: usize = 1000;

/// One thing to go through, with the hosts that do.
struct Group {
    request: IncludeRequest,
    hosts: Vec<Arc<str>>,
}

impl Plan<'_> {
    /// Load what the hosts' includes lead to, and let the hosts go through it.
    ///
    /// Hosts that include the same thing with the same variables go through it together.
    pub(super) fn include(
        &mut self,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        requests: Vec<(Arc<str>, Vec<IncludeRequest>)>,
    ) {
        let all: Vec<Arc<str>> = requests.iter().map(|(host, _)| Arc::clone(host)).collect();
        let mut groups: Vec<Group> = Vec::new();
        let mut known: HashMap<String, Vec<usize>> = HashMap::new();
        for (host, requests) in requests {
            for request in requests {
                let key = key_of(&request);
                // The same item may come twice in a loop, and then is gone through twice.
                let slots = known.entry(key).or_default();
                let slot = slots
                    .iter()
                    .copied()
                    .find(|slot| groups.get(*slot).is_some_and(|group| !group.hosts.contains(&host)));
                match slot.and_then(|slot| groups.get_mut(slot)) {
                    Some(group) => group.hosts.push(Arc::clone(&host)),
                    None => {
                        slots.push(groups.len());
                        groups.push(Group { request, hosts: vec![Arc::clone(&host)] });
                    }
                }
            }
        }
        let mut included: HashMap<Arc<str>, Vec<Included>> = HashMap::new();
        let mut failed: Vec<(Arc<str>, Arc<rprov_wire::Map>)> = Vec::new();
        for (order, group) in groups.into_iter().enumerate() {
            let depth = |host| self.hosts.get(host).map_or(0, |run| run.cursor.include_depth());
            let loaded = match group.hosts.iter().map(depth).max() {
                Some(DEEPEST..) => Err(vec![
                    Diagnostic::error(format!("includes are nested deeper than {DEEPEST} levels"))
                        .at(task.action.span)
                        .hint("what includes itself needs a `when` that ends the recursion"),
                ]),
                _ => self.load(task, &group.request),
            };
            match loaded {
                Ok((name, items)) => {
                    if let Some(name) = name {
                        self.shared.reporter.send(Event::Included {
                            name,
                            hosts: group.hosts.clone(),
                            item: group.request.label.clone(),
                        });
                    }
                    // What the include itself says counts as a parameter of what is included.
                    let mut variables: Values = own_variables(task)
                        .flat_map(|vars| vars.iter())
                        .map(|(name, written)| (Arc::clone(name), written.clone().into()))
                        .collect();
                    variables.extend(group.request.variables);
                    let variables = (!variables.is_empty()).then(|| Arc::new(variables));
                    for host in group.hosts {
                        self.stats.host(&host).ok += 1;
                        included.entry(host).or_default().push(Included {
                            order: order as u32,
                            items: Arc::clone(&items),
                            variables: variables.clone(),
                        });
                    }
                }
                // What cannot be understood ends the run; what is not there fails on the hosts that want it.
                Err(problems) if misread(&problems) => {
                    self.mistakes = problems;
                    self.ended = Some(PlanEnd::Abort);
                    return;
                }
                Err(problems) => {
                    let message = problems.first().map_or_else(String::new, |problem| problem.message.clone());
                    for problem in problems {
                        self.shared.reporter.send(Event::Diagnostic(problem));
                    }
                    let mut result = rprov_wire::Map::new();
                    result.insert("changed".into(), false.into());
                    result.insert("failed".into(), true.into());
                    if let IncludeTarget::Tasks(file) = &group.request.target {
                        result.insert("include".into(), file.as_str().into());
                    }
                    result.insert("reason".into(), message.into());
                    let result = Arc::new(result);
                    for host in group.hosts {
                        self.shared.reporter.send(Event::Result(HostResult {
                            task: Arc::clone(info),
                            host: Arc::clone(&host),
                            delegate: None,
                            status: Status::Failed,
                            ignored: false,
                            result: Arc::clone(&result),
                            cause: Cause::Action,
                            looped: false,
                            diff: false,
                            no_log: false,
                            duration: std::time::Duration::ZERO,
                        }));
                        failed.push((host, Arc::clone(&result)));
                    }
                }
            }
        }
        for host in all {
            if failed.iter().any(|(name, _)| *name == host) {
                continue;
            }
            if let Some(run) = self.hosts.get_mut(&host) {
                run.cursor.enter_includes(included.remove(&host).unwrap_or_default());
            }
        }
        let mut lost = false;
        for (host, result) in failed {
            let counts = self.stats.host(&host);
            // Also where it is rescued.
            counts.failed += 1;
            lost |= self.fail_host(task, &host, &result);
        }
        if lost {
            self.update_hosts();
        }
    }

    /// The items of one include, and what to call it in the report.
    fn load(
        &mut self,
        task: &Arc<Task>,
        request: &IncludeRequest,
    ) -> Result<(Option<String>, Arc<[Item]>), Diagnostics> {
        let enclosing: Arc<Keywords> = match &request.apply {
            Some(apply) => self.loader.apply_keywords(apply, &task.enclosing)?,
            None => Arc::clone(&task.enclosing),
        };
        match &request.target {
            IncludeTarget::Tasks(file) => {
                let (path, items) = self.included_items(task, file, &enclosing, request.apply.is_none())?;
                // Ansible tidies the path, but not that of a role's own file.
                let path = if task.role.is_some() { path } else { normalized(&path) };
                Ok((Some(path.display().to_string()), items))
            }
            IncludeTarget::Role(usage) => {
                // Handlers run outside of the include; its variables reach them as those of a block.
                let mut keywords = Keywords::clone(&enclosing);
                keywords.vars.splice(0..0, own_variables(task).cloned());
                let keywords = Arc::new(keywords);
                let (loaded, warnings) = self.loader.include_role(task, usage, &keywords)?;
                for warning in warnings {
                    self.shared.reporter.send(Event::Diagnostic(warning));
                }
                Arc::make_mut(&mut self.handlers).add(&loaded.handlers, &self.statics);
                let (roles, handlers) = self.loader.take_imported();
                self.add_imported(roles, &handlers);
                if usage.public {
                    let mut variables = PlayVariables::clone(&self.variables);
                    variables.roles.extend(loaded.all.iter().cloned());
                    self.variables = Arc::new(variables);
                }
                Ok((Some(usage.name.clone()), loaded.items.into()))
            }
        }
    }
}

fn key_of(request: &IncludeRequest) -> String {
    let variables: &Values = &request.variables;
    let target = match &request.target {
        IncludeTarget::Tasks(file) => file.clone(),
        IncludeTarget::Role(usage) => format!("{usage:?}"),
    };
    let mut key = target;
    for (name, value) in variables {
        key.push('\u{0}');
        key.push_str(name);
        key.push('=');
        match value {
            crate::template::Variable::Plain(value) => key.push_str(&value.to_string()),
            crate::template::Variable::Written(written) => key.push_str(&format!("{written:?}")),
        }
    }
    key
}
