//! `ansible_failed_task`: what a `rescue` is told of the task that failed.

use std::sync::Arc;

use minijinja::Value;

use crate::playbook::{LoopSource, Task};
use crate::template::{Conditional, Scope, Written};

/// The task's keywords by their names, rendered where that can be done.
pub(super) fn describe(task: &Task, scope: &Scope) -> Value {
    let keywords = &task.keywords;
    let rendered = |written: &Written| match (written.as_plain(), &task.looping) {
        (Some(plain), _) => plain.clone(),
        // Only an item would know.
        (None, Some(_)) => Value::from(written.source()),
        (None, None) => written.render(scope).unwrap_or_else(|_| Value::from(written.source())),
    };
    let value = |written: &Option<Written>, default: Value| written.as_ref().map_or(default, &rendered);
    let nothing = || Value::from(());
    let list = |items: &[Written]| items.iter().map(&rendered).collect::<Value>();
    let conditions = |items: &[Conditional]| items.iter().map(|item| Value::from(item.text())).collect::<Value>();
    let arguments = task.arguments.options.iter().map(|(name, written)| (name.clone(), rendered(written)));
    let arguments = Value::from_pairs(arguments.collect::<Vec<_>>());
    // What stands around the task is not its own.
    let own = keywords.vars.iter().filter(|vars| !task.enclosing.vars.iter().any(|outer| Arc::ptr_eq(outer, vars)));
    let own = own.flat_map(|own| own.iter()).map(|(name, written)| (name.to_string(), rendered(written)));
    let own: Vec<_> = own.collect();
    let (looping, with) = match task.looping.as_ref().map(|looping| &looping.source) {
        Some(LoopSource::Loop(written)) => (Value::from(written.source()), nothing()),
        Some(LoopSource::With(lookup, written)) => (Value::from(written.source()), Value::from(&**lookup)),
        None => (nothing(), nothing()),
    };
    Value::from_pairs([
        ("name", task.name.as_ref().map_or_else(|| Value::from(""), &rendered)),
        ("action", Value::from(&*task.action.written)),
        ("_resolved_action", Value::from(task.action.known.full_name())),
        ("args", arguments),
        ("any_errors_fatal", value(&keywords.any_errors_fatal, Value::from(false))),
        ("async", value(&task.asynchronous, Value::from(0))),
        ("async_val", value(&task.asynchronous, Value::from(0))),
        ("become", value(&keywords.r#become, Value::from(false))),
        ("become_exe", value(&keywords.become_exe, nothing())),
        ("become_flags", value(&keywords.become_flags, nothing())),
        ("become_method", value(&keywords.become_method, nothing())),
        ("become_user", value(&keywords.become_user, nothing())),
        ("changed_when", conditions(&task.changed_when)),
        ("check_mode", value(&keywords.check_mode, Value::from(false))),
        ("connection", value(&keywords.connection, nothing())),
        ("debugger", value(&keywords.debugger, nothing())),
        ("delay", value(&task.delay, Value::from(5))),
        ("delegate_facts", value(&keywords.delegate_facts, nothing())),
        ("delegate_to", value(&keywords.delegate_to, nothing())),
        ("diff", value(&keywords.diff, Value::from(false))),
        ("environment", list(&keywords.environment)),
        ("failed_when", conditions(&task.failed_when)),
        ("ignore_errors", value(&keywords.ignore_errors, nothing())),
        ("ignore_unreachable", value(&keywords.ignore_unreachable, nothing())),
        ("loop", looping),
        ("loop_with", with),
        ("module_defaults", list(&keywords.module_defaults)),
        ("no_log", value(&keywords.no_log, Value::from(false))),
        ("notify", if keywords.notify.is_empty() { nothing() } else { list(&keywords.notify) }),
        ("poll", value(&task.poll, Value::from(15))),
        ("port", value(&keywords.port, nothing())),
        ("register", task.register.as_ref().map_or_else(nothing, |register| Value::from(&*register.name))),
        ("remote_user", value(&keywords.remote_user, nothing())),
        ("retries", value(&task.retries, nothing())),
        ("run_once", value(&keywords.run_once, nothing())),
        ("tags", list(&keywords.tags)),
        ("throttle", value(&keywords.throttle, Value::from(0))),
        ("timeout", value(&keywords.timeout, Value::from(0))),
        ("until", conditions(&task.until)),
        ("vars", Value::from_pairs(own)),
        ("when", conditions(&keywords.when)),
    ])
}
