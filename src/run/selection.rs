//! Which tasks the tags on the command line select.

use std::collections::BTreeSet;

use crate::playbook::Task;
use crate::template::{Scope, Written};

/// `-t` and `--skip-tags`.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    only: Vec<String>,
    skip: Vec<String>,
}

impl Selection {
    /// From the command line; no tags at all mean `all`.
    pub fn new(only: &[String], skip: &[String]) -> Self {
        let split = |words: &[String]| {
            words
                .iter()
                .flat_map(|word| word.split(','))
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let mut only: Vec<String> = split(only);
        if only.is_empty() {
            only.push("all".to_owned());
        }
        Self { only, skip: split(skip) }
    }

    fn has_only(&self, tag: &str) -> bool {
        self.only.iter().any(|only| only == tag)
    }

    /// Whether a task with these tags runs.
    pub fn selects(&self, tags: &[String]) -> bool {
        let has = |tag: &str| tags.iter().any(|own| own == tag);
        let matches = |wanted: &[String]| wanted.iter().any(|tag| has(tag));
        let untagged = tags.is_empty();
        let mut selected = has("always")
            || (self.has_only("all") && !has("never"))
            || matches(&self.only)
            || (self.has_only("tagged") && !untagged && !has("never"))
            || (self.has_only("untagged") && untagged);
        let skips = |tag: &str| self.skip.iter().any(|skip| skip == tag);
        if selected && !self.skip.is_empty() {
            if skips("all") && (!has("always") || skips("always")) {
                selected = false;
            }
            if matches(&self.skip) || (skips("tagged") && !untagged) || (skips("untagged") && untagged) {
                selected = false;
            }
        }
        selected
    }

    /// The tags of a task, rendered with what is known without a host. A tag that cannot be rendered counts as it is
    /// written.
    pub fn tags_of(task: &Task, statics: &Scope) -> Vec<String> {
        Self::rendered(&task.keywords.tags, statics)
    }

    /// The same for a play's own tags.
    pub fn written_tags(tags: &[Written], statics: &Scope) -> BTreeSet<String> {
        Self::rendered(tags, statics).into_iter().collect()
    }

    fn rendered(written: &[Written], statics: &Scope) -> Vec<String> {
        let mut tags = Vec::new();
        for written in written {
            match written.render(statics) {
                Ok(value) if value.kind() == minijinja::value::ValueKind::Seq => {
                    tags.extend(value.try_iter().into_iter().flatten().map(|tag| tag.to_string()));
                }
                Ok(value) => tags.extend(value.to_string().split(',').map(|tag| tag.trim().to_owned())),
                Err(_) => tags.extend(written.text().map(str::to_owned)),
            }
        }
        tags
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selects(only: &[&str], skip: &[&str], tags: &[&str]) -> bool {
        let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        Selection::new(&own(only), &own(skip)).selects(&own(tags))
    }

    #[test]
    fn without_tags_everything_runs_but_never() {
        assert!(selects(&[], &[], &[]));
        assert!(selects(&[], &[], &["a"]));
        assert!(!selects(&[], &[], &["never"]));
        assert!(!selects(&[], &[], &["never", "a"]));
    }

    #[test]
    fn tags_select_their_own_and_always() {
        assert!(selects(&["a"], &[], &["a"]));
        assert!(!selects(&["a"], &[], &["b"]));
        assert!(!selects(&["a"], &[], &[]));
        assert!(selects(&["a"], &[], &["always"]));
        assert!(selects(&["a"], &[], &["never", "a"]));
        assert!(selects(&["tagged"], &[], &["b"]));
        assert!(selects(&["untagged"], &[], &[]));
    }

    #[test]
    fn skipped_tags_win_over_selected_ones() {
        assert!(!selects(&["a"], &["b"], &["a", "b"]));
        assert!(selects(&[], &["b"], &["a"]));
        assert!(!selects(&[], &["always"], &["always"]));
        assert!(!selects(&[], &["all"], &["a"]));
        assert!(selects(&[], &["all"], &["always"]));
        assert!(!selects(&[], &["tagged"], &["a"]));
        assert!(!selects(&[], &["untagged"], &[]));
    }
}
