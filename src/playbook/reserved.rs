//! Names that variables had better not have, since the language itself uses them.

use crate::source::{Diagnostic, Span};
use crate::vars::VarMap;

/// Keywords of plays, blocks and tasks, and what templates have at hand. Sorted.
const RESERVED: &[&str] = &[
    "action",
    "always",
    "any_errors_fatal",
    "args",
    "async",
    "async_val",
    "become",
    "become_exe",
    "become_flags",
    "become_method",
    "become_user",
    "block",
    "changed_when",
    "check_mode",
    "collections",
    "connection",
    "cycler",
    "debugger",
    "delay",
    "delegate_facts",
    "delegate_to",
    "dict",
    "diff",
    "environment",
    "fact_path",
    "failed_when",
    "force_handlers",
    "gather_facts",
    "gather_timeout",
    "handlers",
    "hosts",
    "ignore_errors",
    "ignore_unreachable",
    "joiner",
    "lipsum",
    "local_action",
    "lookup",
    "loop",
    "loop_control",
    "loop_with",
    "max_fail_percentage",
    "module_defaults",
    "name",
    "namespace",
    "no_log",
    "notify",
    "now",
    "omit",
    "order",
    "poll",
    "port",
    "post_tasks",
    "pre_tasks",
    "q",
    "query",
    "range",
    "register",
    "remote_user",
    "rescue",
    "retries",
    "roles",
    "run_once",
    "serial",
    "strategy",
    "tags",
    "tasks",
    "throttle",
    "timeout",
    "undef",
    "until",
    "vars_files",
    "vars_prompt",
    "when",
    "with_",
];

/// A warning about a variable, if its name is reserved.
pub(crate) fn warning(name: &str, place: Option<Span>) -> Option<Diagnostic> {
    RESERVED.binary_search(&name).ok()?;
    let mut warning = Diagnostic::warning(format!("Found variable using reserved name '{name}'."));
    warning.span = place;
    Some(warning)
}

/// Warnings about variables at the places of their values.
pub(crate) fn warnings(variables: &VarMap) -> impl Iterator<Item = Diagnostic> {
    variables.iter().filter_map(|(name, value)| warning(name, value.span()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_found() {
        assert!(RESERVED.is_sorted());
        assert!(RESERVED.iter().all(|name| warning(name, None).is_some()));
        assert!(["vars", "user", "port_", "with_items"].iter().all(|name| warning(name, None).is_none()));
    }
}
