//! Which handlers a name or topic means, and which of them a host has yet to run.

use std::sync::Arc;

use crate::playbook::Task;
use crate::template::Scope;

/// The handlers of a play, in the order in which they run.
#[derive(Clone, Debug, Default)]
pub struct Handlers {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug)]
struct Entry {
    task: Arc<Task>,
    names: Vec<String>,
    topics: Vec<String>,
}

impl Handlers {
    /// Add handlers; their names are rendered with what the play knows.
    pub(super) fn add(&mut self, tasks: &[Arc<Task>], scope: &Scope) {
        for task in tasks {
            if self.entries.iter().any(|entry| Arc::ptr_eq(&entry.task, task)) {
                continue;
            }
            let name = task.name.as_ref().and_then(|name| match name.render(scope) {
                Ok(value) => Some(value.to_string()),
                Err(_) => name.text().map(str::to_owned),
            });
            let mut names = Vec::new();
            if let Some(name) = name {
                if let Some(role) = &task.role {
                    names.push(format!("{} : {name}", role.name));
                    if let Some(short) = role.name.rsplit('.').next().filter(|short| *short != role.name) {
                        names.push(format!("{short} : {name}"));
                    }
                }
                names.push(name);
            }
            let topics = task
                .listen
                .iter()
                .filter_map(|topic| topic.render(scope).ok())
                .flat_map(|value| match value.kind() {
                    minijinja::value::ValueKind::Seq => {
                        value.try_iter().into_iter().flatten().map(|topic| topic.to_string()).collect()
                    }
                    _ => vec![value.to_string()],
                })
                .collect();
            self.entries.push(Entry { task: Arc::clone(task), names, topics });
        }
    }

    /// The numbers of the handlers that a notification means: the last one of that name, and all that listen to it.
    pub(super) fn find(&self, wanted: &str) -> Vec<u32> {
        let mut found: Vec<u32> = self
            .entries
            .iter()
            .rposition(|entry| entry.names.iter().any(|name| name == wanted))
            .into_iter()
            .map(|index| index as u32)
            .collect();
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.topics.iter().any(|topic| topic == wanted) && !found.contains(&(index as u32)) {
                found.push(index as u32);
            }
        }
        found.sort_unstable();
        found
    }

    /// The handler with that number.
    pub(super) fn task(&self, number: u32) -> Option<&Arc<Task>> {
        self.entries.get(number as usize).map(|entry| &entry.task)
    }

    /// The name of the handler with that number, as shown.
    pub(super) fn name(&self, number: u32) -> Option<&str> {
        self.entries.get(number as usize).and_then(|entry| entry.names.first()).map(String::as_str)
    }

    /// Every name and topic, for did-you-mean.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().flat_map(|entry| entry.names.iter().chain(&entry.topics)).map(String::as_str)
    }
}
