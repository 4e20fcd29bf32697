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

/// The listing of all playbooks, as Ansible prints it.
///
/// # Errors
/// A play's pattern cannot be rendered.
pub(super) fn list(
    run: &Run,
    playbooks: &[Playbook],
    wanted: Wanted,
    selection: &Selection,
) -> Result<String, RunError> {
    let mut text = String::new();
    let scope = Scope::empty();
    for playbook in playbooks {
        let _ = write!(text, "\nplaybook: {}\n", playbook.path.display());
        for (index, play) in playbook.plays.iter().enumerate() {
            let (pattern, hosts) = run.hosts_of(play)?;
            let name = play.name.as_ref().and_then(|name| name.text()).unwrap_or(&pattern).to_owned();
            let tags = tags_text(play.keywords.tags.iter().filter_map(|tag| tag.text().map(str::to_owned)));
            let _ = write!(text, "\n  play #{} ({pattern}): {name}\tTAGS: [{tags}]\n", index + 1);
            if wanted.hosts {
                let _ = write!(text, "    pattern: {}\n    hosts ({}):\n", python_list(&pattern), hosts.len());
                for host in hosts {
                    let _ = writeln!(text, "      {host}");
                }
            }
            if wanted.tasks {
                text.push_str("    tasks:\n");
                for task in tasks(play).filter(|task| selection.selects(&Selection::tags_of(task, &scope))) {
                    let own = Selection::tags_of(task, &scope);
                    let _ = writeln!(text, "      {}\tTAGS: [{}]", title(task), tags_text(own));
                }
            }
            if wanted.tags {
                let all: BTreeSet<String> = tasks(play)
                    .map(|task| Selection::tags_of(task, &scope))
                    .filter(|tags| selection.selects(tags))
                    .flatten()
                    .collect();
                let _ = writeln!(text, "      TASK TAGS: [{}]", all.into_iter().collect::<Vec<_>>().join(", "));
            }
        }
    }
    Ok(text)
}

fn python_list(pattern: &str) -> String {
    let items: Vec<String> = pattern.split(',').map(|item| format!("'{}'", item.trim())).collect();
    format!("[{}]", items.join(", "))
}

fn tags_text(tags: impl IntoIterator<Item = String>) -> String {
    let tags: BTreeSet<String> = tags.into_iter().collect();
    tags.into_iter().collect::<Vec<_>>().join(", ")
}

fn title(task: &Task) -> String {
    let name = task.name.as_ref().and_then(|name| name.text()).unwrap_or(&task.action.written);
    match &task.role {
        Some(role) => format!("{} : {name}", role.name),
        None => name.to_owned(),
    }
}

/// All tasks of a play, without those that nobody sees.
fn tasks(play: &Play) -> impl Iterator<Item = &Arc<Task>> {
    let mut tasks = Vec::new();
    let sections: [&[Item]; 4] = [&play.pre_tasks, &play.role_tasks, &play.tasks, &play.post_tasks];
    for item in sections.into_iter().flatten() {
        item.each_task(&mut |task| {
            if !task.is("meta") {
                tasks.push(task);
            }
        });
    }
    tasks.into_iter()
}
