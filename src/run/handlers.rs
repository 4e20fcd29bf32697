//! Which handlers a name or topic means, and which of them a host has yet to run.

use std::sync::{Arc, Mutex, PoisonError};

use crate::playbook::Task;
use crate::template::{Scope, Written};

/// The handlers of a play, in the order in which they run.
#[derive(Clone, Debug, Default)]
pub struct Handlers {
    entries: Vec<Entry>,
    /// Names that could not be rendered, of handlers that listen to nothing; gone once they were told.
    unusable: Arc<Mutex<Vec<String>>>,
}

#[derive(Clone, Debug)]
struct Entry {
    task: Arc<Task>,
    names: Vec<String>,
    topics: Vec<String>,
    /// Which of the lists of handlers it stands in: the play's, or one role's.
    list: usize,
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
                Err(error) => {
                    let text = name.text().map(str::to_owned);
                    if task.listen.is_empty() {
                        let shown = text.clone().unwrap_or_default();
                        self.unusable.lock().unwrap_or_else(PoisonError::into_inner).push(format!(
                            "Handler '{shown}' is unusable because it has no listen topics and the name could not be \
                             templated (host-specific variables are not supported in handler names). The error: {error}"
                        ));
                    }
                    text
                }
            });
            let names = name.map(|name| qualified(task, name)).unwrap_or_default();
            // Topics are names as they are written: no template is looked for in them.
            let topics = task.listen.iter().flat_map(topic_names).flat_map(|topic| qualified(task, topic)).collect();
            let same_list = |last: &Entry| match (&last.task.role, &task.role) {
                (Some(one), Some(other)) => Arc::ptr_eq(one, other),
                (one, other) => one.is_none() && other.is_none(),
            };
            let list = self.entries.last().map_or(0, |last| last.list + usize::from(!same_list(last)));
            self.entries.push(Entry { task: Arc::clone(task), names, topics, list });
        }
    }

    /// What is to be said of handlers that nobody can notify; once.
    pub(super) fn take_unusable(&self) -> Vec<String> {
        std::mem::take(&mut *self.unusable.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The numbers of the handlers that a notification means: one of that name, and those that listen to it. Of equal
    /// names, a later list of handlers counts more than an earlier one, and within a list the first handler counts.
    pub(super) fn find(&self, wanted: &str) -> Vec<u32> {
        let mut ranked: Vec<(usize, &Entry)> = self.entries.iter().enumerate().collect();
        ranked.sort_by_key(|(index, entry)| (std::cmp::Reverse(entry.list), *index));
        let named = ranked.iter().find(|(_, entry)| entry.names.iter().any(|name| name == wanted));
        let mut found: Vec<u32> = named.iter().map(|(index, _)| *index as u32).collect();
        let mut heard: Vec<&str> = Vec::new();
        for (index, entry) in ranked {
            if !entry.topics.iter().any(|topic| topic == wanted) {
                continue;
            }
            if let Some(name) = entry.names.last() {
                if heard.contains(&name.as_str()) {
                    continue;
                }
                heard.push(name);
            }
            if !found.contains(&(index as u32)) {
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

/// What a handler's name or topic goes by: behind its role's full name and short one, and as it is.
fn qualified(task: &Task, name: String) -> Vec<String> {
    let role = task.role.as_ref().map_or("", |role| &*role.name);
    let short = role.rsplit('.').next().filter(|short| *short != role);
    let full = Some(role).filter(|role| !role.is_empty());
    full.into_iter().chain(short).map(|role| format!("{role} : {name}")).chain([name.clone()]).collect()
}

/// The topics of an entry of `listen`, as they are written.
fn topic_names(written: &Written) -> Vec<String> {
    match (written.items(), written.text()) {
        (Some(items), _) => items.iter().flat_map(topic_names).collect(),
        (None, Some(text)) => vec![text.to_owned()],
        (None, None) => written.as_plain().map(ToString::to_string).into_iter().collect(),
    }
}
