//! Keywords of the language.

use serde_json::{Value, json};

use super::{Style, Subject};
use crate::playbook::keyword;

/// A keyword.
pub(super) struct Keyword {
    name: &'static str,
    text: &'static str,
}

/// All of them.
pub(super) fn all() -> impl Iterator<Item = Keyword> {
    TABLE.iter().map(|(name, text)| Keyword { name, text })
}

/// What a keyword does.
pub(super) fn text_of(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

impl Keyword {
    /// The objects that know it.
    fn places(&self) -> Vec<&'static str> {
        let places: [(&str, &[&[&str]]); 6] = [
            ("Play", &[keyword::BASE, keyword::PLAY]),
            ("Role", &[keyword::BASE, keyword::CONDITIONAL]),
            ("Block", &[keyword::BASE, keyword::CONDITIONAL, keyword::BLOCK]),
            ("Task", &[keyword::BASE, keyword::CONDITIONAL, keyword::TASK]),
            ("Handler", &[keyword::BASE, keyword::CONDITIONAL, keyword::TASK, keyword::HANDLER]),
            ("Loop control", &[keyword::LOOP_CONTROL]),
        ];
        let knows = |lists: &&[&[&str]]| lists.iter().any(|list| list.contains(&self.name));
        places.iter().filter(|(_, lists)| knows(lists)).map(|(place, _)| *place).collect()
    }
}

impl Subject for Keyword {
    fn name(&self) -> String {
        self.name.to_owned()
    }

    fn summary(&self) -> String {
        self.text.to_owned()
    }

    fn text(&self, _style: &Style) -> String {
        super::super::config::formatted(&json!({ self.name: self.json() }), "yaml")
    }

    fn json(&self) -> Value {
        json!({ "applies_to": self.places(), "description": self.text })
    }
}

/// Each keyword with what it does, by name.
const TABLE: &[(&str, &str)] = &[
    ("action", "The module and its arguments in one text or dictionary, instead of a key with the module's name."),
    ("always", "Tasks that run after the block in any case, whether it failed or not."),
    ("any_errors_fatal", "A failure on one host ends the play on all of them."),
    ("args", "More arguments of the module, as a dictionary."),
    ("async", "Seconds that the task may run in the background."),
    ("become", "Become another user for the task."),
    ("become_exe", "The program to become another user with."),
    ("become_flags", "Flags of the program to become another user with."),
    ("become_method", "How to become another user: sudo, su or doas."),
    ("become_user", "The user to become; root if none is named."),
    ("block", "Tasks that share keywords, and whose failure `rescue` can mend."),
    ("break_when", "Conditions on an item's result that end the loop."),
    ("changed_when", "Conditions on the result that say whether something was changed."),
    ("check_mode", "Predict what would change, and change nothing; or the opposite, whatever the command line says."),
    ("collections", "Collections in which names without one are looked for."),
    ("connection", "The way to the host: ssh or local."),
    ("debugger", "When to start the task debugger."),
    ("delay", "Seconds between two attempts of `until`."),
    ("delegate_facts", "Facts go to the host that the task was delegated to."),
    ("delegate_to", "The host that does the task for this one."),
    ("diff", "Show what changes in files."),
    ("environment", "Environment variables of what runs on the host."),
    ("extended", "Give `ansible_loop` with the loop's state."),
    ("extended_allitems", "Give all items in `ansible_loop.allitems` too."),
    ("fact_path", "Directory of the host's local facts."),
    ("failed_when", "Conditions on the result that say whether the task has failed."),
    ("force_handlers", "Run notified handlers even on hosts where a task has failed."),
    ("gather_facts", "Gather facts before the first task."),
    ("gather_subset", "Which facts to gather."),
    ("gather_timeout", "Seconds that gathering facts may take."),
    ("handlers", "Tasks that run when they have been notified."),
    ("hosts", "The hosts of the play: a pattern or a list of them."),
    ("ignore_errors", "Go on where the task fails."),
    ("ignore_unreachable", "Go on with the next task where the host cannot be reached."),
    ("index_var", "Name of a variable that holds the item's index."),
    ("label", "What to show of an item instead of all of it."),
    ("listen", "Topics under which the handler can be notified as well."),
    ("local_action", "Like `action`, but done on the controller."),
    ("loop", "A list; the task is done once for each item."),
    ("loop_control", "How the loop goes: names of its variables, what is shown, pauses."),
    ("loop_var", "Name of the item's variable, instead of `item`."),
    ("max_fail_percentage", "The percentage of failed hosts beyond which the play ends."),
    ("module_defaults", "Arguments that modules and groups of them have where a task says nothing else."),
    ("name", "What it is called in the output."),
    ("no_log", "Show nothing of arguments and results."),
    ("notify", "Handlers to run if something was changed."),
    ("order", "The order of the play's hosts: inventory, reverse_inventory, sorted, reverse_sorted or shuffle."),
    ("pause", "Seconds between two items."),
    ("poll", "Seconds between two looks at a task in the background; 0 leaves it alone."),
    ("port", "The port to connect to."),
    ("post_tasks", "Tasks after the play's tasks and the handlers that those notified."),
    ("pre_tasks", "Tasks before the play's roles."),
    ("register", "The variable that gets the task's result."),
    ("remote_user", "The user to log in as."),
    ("rescue", "Tasks that run if a task of the block fails."),
    ("retries", "How often `until` tries."),
    ("roles", "Roles of the play; their tasks run between `pre_tasks` and `tasks`."),
    ("run_once", "Run on the first host alone, and give the result to all."),
    ("serial", "How many hosts, or which percentage, a batch of the play has."),
    ("strategy", "The order of tasks and hosts: linear, free or host_pinned."),
    ("tags", "Words by which `--tags` and `--skip-tags` choose."),
    ("tasks", "The play's tasks."),
    ("throttle", "How many hosts do the task at the same time."),
    ("timeout", "Seconds that the task may take."),
    ("until", "Conditions on the result; the task is tried again until they hold."),
    ("validate_argspec", "Check the play's variables against an argument specification."),
    ("vars", "Variables."),
    ("vars_files", "Files of variables; of a list within the list the first that there is."),
    ("vars_prompt", "Variables that are asked for at the terminal."),
    ("when", "Conditions; the task is skipped where one does not hold."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_keyword_of_the_language_is_told_about() {
        let old = ["sudo", "sudo_user", "su", "su_user", "always_run", "user", "first_available_file"];
        let lists = [
            keyword::BASE,
            keyword::PLAY,
            keyword::CONDITIONAL,
            keyword::BLOCK,
            keyword::TASK,
            keyword::HANDLER,
            keyword::LOOP_CONTROL,
        ];
        for name in lists.into_iter().flatten().filter(|name| !old.contains(name)) {
            assert!(TABLE.iter().any(|(known, _)| known == name), "{name}");
        }
        assert!(TABLE.is_sorted_by_key(|(name, _)| *name));
        for keyword in all() {
            assert!(!keyword.places().is_empty(), "no object knows `{}`", keyword.name);
        }
    }
}
