//! `--list-hosts`, `--list-tasks`, `--list-tags`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::sync::Arc;

use crate::playbook::{Item, Play, Playbook, Task};
use crate::run::{Run, RunError, Selection};
use crate::template::Scope;

/// What to list.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted {
    pub hosts: bool,
    pub tasks: bool,
    pub tags: bool,
}

/// The listing of all playbooks, as Ansible prints it, and warnings about patterns that match nothing.
///
/// # Errors
/// A play's pattern cannot be rendered.
pub(super) fn list(
    run: &Run,
    playbooks: &[Playbook],
    wanted: Wanted,
    selection: &Selection,
) -> Result<(String, Vec<String>), RunError> {
    let mut text = String::new();
    let mut warnings = Vec::new();
    for playbook in playbooks {
        let _ = write!(text, "\nplaybook: {}\n", playbook.path.display());
        for (index, play) in playbook.plays.iter().enumerate() {
            let (patterns, hosts, more) = run.hosts_of(play)?;
            for warning in more {
                if !warnings.contains(&warning) {
                    warnings.push(warning);
                }
            }
            let pattern = patterns.join(",");
            let name = run.name_of(play).unwrap_or_else(|| pattern.clone());
            let own: BTreeSet<String> = Selection::written_tags(&play.keywords.tags, &Scope::empty());
            let _ = write!(
                text,
                "\n  play #{} ({pattern}): {name}\tTAGS: [{}]\n",
                index + 1,
                own.iter().map(String::as_str).collect::<Vec<_>>().join(",")
            );
            if wanted.hosts {
                let quoted: Vec<String> = patterns.iter().map(|pattern| format!("'{pattern}'")).collect();
                let _ = write!(text, "    pattern: [{}]\n    hosts ({}):\n", quoted.join(", "), hosts.len());
                for host in hosts {
                    let _ = writeln!(text, "      {host}");
                }
            }
            list_tasks(&mut text, play, own, wanted, selection);
        }
    }
    Ok((text, warnings))
}

fn list_tasks(text: &mut String, play: &Play, mut all: BTreeSet<String>, wanted: Wanted, selection: &Selection) {
    if !wanted.tasks && !wanted.tags {
        return;
    }
    if wanted.tasks {
        text.push_str("    tasks:\n");
    }
    for task in tasks(play) {
        let tags = Selection::tags_of(task, &Scope::empty());
        if !selection.selects(&tags) {
            continue;
        }
        let tags: BTreeSet<String> = tags.into_iter().collect();
        if wanted.tasks {
            let _ = writeln!(text, "      {}\tTAGS: [{}]", title(task), joined(&tags));
        }
        all.extend(tags);
    }
    if wanted.tags {
        let _ = writeln!(text, "      TASK TAGS: [{}]", joined(&all));
    }
}

fn joined(tags: &BTreeSet<String>) -> String {
    tags.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn title(task: &Task) -> String {
    let name = task.name.as_ref().and_then(|name| name.text()).filter(|name| !name.is_empty());
    match (name, &task.role) {
        (Some(name), Some(role)) if !task.is("include_role") => format!("{} : {name}", role.name),
        (Some(name), _) => name.to_owned(),
        (None, _) => task.action.written.to_string(),
    }
}

/// The tasks of a play as it goes when nothing fails: what rescues or cleans up is not listed.
fn tasks(play: &Play) -> Vec<&Arc<Task>> {
    fn collect<'a>(items: &'a [Item], tasks: &mut Vec<&'a Arc<Task>>) {
        for item in items {
            match item {
                Item::Task(task) if task.implicit => {}
                Item::Task(task) => tasks.push(task),
                Item::Block(block) => collect(&block.tasks, tasks),
            }
        }
    }
    let mut tasks = Vec::new();
    for items in [&play.pre_tasks, &play.role_tasks, &play.tasks, &play.post_tasks] {
        collect(items, &mut tasks);
    }
    tasks
}
