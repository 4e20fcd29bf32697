//! The task debugger: when a task has failed (or as `debugger` says), the person at the terminal looks at it, changes
//! its arguments or its variables, and has it run again.
//!
//! The commands are those of Ansible's debugger (its guide "Debugging tasks"). Where that takes Python, this takes the
//! expressions of templates, and assignments to `task.args[...]` and `task_vars[...]`.

use std::collections::HashMap;
use std::io::{BufRead, Write};
use std::sync::Arc;

use indexmap::IndexMap;
use minijinja::Value;

use super::ask::Keyboard;
use super::result::{Outcome, Status};
use super::settings::KeywordReader;
use super::strategy::{Plan, PlanEnd};
use super::task::Job;
use crate::config::Setting;
use crate::playbook::Task;
use crate::report::TaskInfo;
use crate::template::{self, Expression, Scope, TemplateError, Variable, Written};
use crate::vars::{TaskVariables, Values};

/// Columns that a value may take before it is shown over several lines.
const WIDTH: usize = 80;

const COMMANDS: &str = "
Documented commands (type help <topic>):
========================================
EOF  c  continue  h  help  p  pprint  q  quit  r  redo  u  update_task

";

/// What the person at the terminal wants.
pub(super) enum Verdict {
    /// Go on with the result as it is.
    Continue,
    /// Run the task again, changed.
    Redo(Box<Job>),
    /// End the run.
    Quit,
}

/// What was changed of a task on one host.
#[derive(Clone, Debug, Default)]
pub(super) struct Debugged {
    /// Arguments that were given new values; none goes back to the playbook's.
    arguments: IndexMap<String, Value>,
    /// Variables that were given new values.
    variables: Values,
}

/// How a conversation ended.
enum End {
    Continue,
    Redo,
    Quit,
}

impl Plan<'_> {
    /// Call the debugger if the outcome of a task asks for it.
    pub(super) async fn debug(
        &mut self,
        task: &Arc<Task>,
        info: &Arc<TaskInfo>,
        host: &Arc<str>,
        outcome: &Outcome,
        debugged: &mut HashMap<Arc<str>, Debugged>,
    ) -> Verdict {
        if (task.keywords.debugger.is_none() && !self.debugging) || self.shared.interrupt.is_pressed() {
            return Verdict::Continue;
        }
        let Some(variables) = self.task_variables(task, host) else { return Verdict::Continue };
        if !self.debugger_wanted(task, &variables, outcome) {
            return Verdict::Continue;
        }
        let conversation = Conversation {
            task: Arc::clone(task),
            title: info.name.clone(),
            host: Arc::clone(host),
            result: template::from_wire(rprov_wire::Value::Map(outcome.result.as_ref().clone())),
            variables,
            changes: debugged.remove(host).unwrap_or_default(),
        };
        let shared = Arc::clone(&self.shared);
        // Other hosts go on meanwhile.
        let talk = move || {
            shared.reporter.settle();
            conversation.hold(&mut Keyboard::lines(&shared.interrupt), &mut std::io::stdout())
        };
        let Ok((end, changes)) = tokio::task::spawn_blocking(talk).await else { return Verdict::Continue };
        match end {
            End::Continue => Verdict::Continue,
            // Ctrl-C ends this run as it ends any other.
            End::Quit if self.shared.interrupt.is_pressed() => Verdict::Continue,
            End::Quit => Verdict::Quit,
            End::Redo => {
                let changed = Arc::new(changes.apply(task));
                let Some(mut job) = self.job(&changed, info, host) else { return Verdict::Continue };
                job.variables.includes.push(Arc::new(changes.variables.clone()));
                debugged.insert(Arc::clone(host), changes);
                Verdict::Redo(Box::new(job))
            }
        }
    }

    /// End the run without another word.
    pub(super) fn leave(&mut self) {
        self.left = true;
        self.ended = Some(PlanEnd::Abort);
    }

    fn debugger_wanted(&self, task: &Task, variables: &TaskVariables, outcome: &Outcome) -> bool {
        let scope = variables.clone().scope();
        let asked = KeywordReader(&scope).text(task.keywords.debugger.as_ref()).ok().flatten();
        let ignoring = self.shared.config.bool(Setting::TaskDebuggerIgnoreErrors);
        let failed = outcome.status == Status::Failed && !(outcome.ignored && ignoring);
        let unreachable = outcome.status == Status::Unreachable;
        match asked.as_deref() {
            Some("always") => true,
            Some("never") => false,
            Some("on_failed") if failed => true,
            Some("on_unreachable") if unreachable => true,
            Some("on_skipped") if outcome.status == Status::Skipped => true,
            _ => self.debugging && (failed || unreachable),
        }
    }
}

impl Debugged {
    /// The task with the changes in it.
    fn apply(&self, task: &Task) -> Task {
        let mut task = task.clone();
        for (name, value) in &self.arguments {
            task.arguments.options.insert(name.clone(), Written::plain(value.clone()));
        }
        task
    }
}

/// One conversation about one task on one host.
struct Conversation {
    task: Arc<Task>,
    title: String,
    host: Arc<str>,
    result: Value,
    variables: TaskVariables,
    changes: Debugged,
}

impl Conversation {
    /// Talk until it is clear how to go on.
    fn hold(mut self, input: &mut impl BufRead, output: &mut impl Write) -> (End, Debugged) {
        // What is said of variables counts for the task when it is made anew.
        let mut pending = self.changes.variables.clone();
        loop {
            let prompt = format!("[{}] TASK: {} (debug)> ", self.host, self.title);
            let mut line = String::new();
            let asked = output.write_all(prompt.as_bytes()).and_then(|()| output.flush());
            let read = asked.and_then(|()| input.read_line(&mut line));
            if !matches!(read, Ok(1..)) {
                return (End::Quit, self.changes);
            }
            let line = line.trim();
            let (word, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let answer = match word {
                "" => String::new(),
                "c" | "continue" => return (End::Continue, self.changes),
                "r" | "redo" => return (End::Redo, self.changes),
                "q" | "quit" | "EOF" => return (End::Quit, self.changes),
                "u" | "update_task" => {
                    self.changes.arguments.clear();
                    self.changes.variables.clone_from(&pending);
                    String::new()
                }
                "h" | "help" | "?" => help(rest.trim()).to_owned(),
                "p" | "pprint" => match self.show(rest.trim(), &pending) {
                    Ok(text) => text + "\n",
                    Err(error) => complaint(&error),
                },
                _ => match self.assign(line, &mut pending) {
                    Ok(()) => String::new(),
                    Err(error) => complaint(&error),
                },
            };
            // Whoever cannot see it cannot answer either.
            if output.write_all(answer.as_bytes()).is_err() {
                return (End::Quit, self.changes);
            }
        }
    }

    /// The arguments as they are now; templates rendered where no loop stands between.
    fn arguments(&self) -> Value {
        let mut variables = self.variables.clone();
        variables.includes.push(Arc::new(self.changes.variables.clone()));
        let scope = variables.scope();
        let task = self.changes.apply(&self.task);
        let entries = task.arguments.options.iter().map(|(name, written)| {
            let rendered = if task.looping.is_none() { written.render(&scope).ok() } else { None };
            (name.clone(), rendered.unwrap_or_else(|| Value::from(written.source())))
        });
        Value::from_pairs(entries.collect::<Vec<_>>())
    }

    /// What names mean in expressions.
    fn scope(&self, pending: &Values) -> Scope {
        let mut variables = self.variables.clone();
        variables.includes.push(Arc::new(pending.clone()));
        let scope = variables.scope();
        let conditions: Vec<String> = self.task.keywords.when.iter().map(|condition| condition.text()).collect();
        let task = Value::from_pairs([
            ("name", self.task.name.as_ref().map(|name| Value::from(name.source())).unwrap_or_default()),
            ("action", Value::from(&*self.task.action.written)),
            ("args", self.arguments()),
            ("when", Value::from(conditions)),
        ]);
        let names = scope.get("vars").ok().flatten().unwrap_or_default();
        let result = Value::from_pairs([("_result", self.result.clone()), ("_return_data", self.result.clone())]);
        scope.with([("task", task), ("task_vars", names), ("host", Value::from(&*self.host)), ("result", result)])
    }

    fn show(&self, expression: &str, pending: &Values) -> Result<String, TemplateError> {
        match expression {
            "task" => return Ok(format!("TASK: {}", self.title)),
            "host" => return Ok(self.host.to_string()),
            "" => return Err(TemplateError::failed("`p` takes what to show: `p task.args`")),
            _ => {}
        }
        let value = Expression::parse(expression, None).evaluate(&self.scope(pending))?;
        pretty(&value, 0)
    }

    /// `task.args['name'] = value` or `task_vars['name'] = value`.
    fn assign(&mut self, line: &str, pending: &mut Values) -> Result<(), TemplateError> {
        let target = ["task.args", "task_vars"].into_iter().find_map(|owner| {
            let (key, value) = line.strip_prefix(owner)?.trim_start().strip_prefix('[')?.split_once(']')?;
            let value = value.trim_start().strip_prefix('=').filter(|value| !value.starts_with('='))?;
            Some((owner, key.trim(), value.trim()))
        });
        let Some((owner, key, value)) = target else {
            return Err(TemplateError::failed(format!(
                "`{line}` is no command; there are assignments to `task.args['NAME']` and `task_vars['NAME']`, and \
                 what `help` lists"
            )));
        };
        let scope = self.scope(pending);
        let key = Expression::parse(key, None).evaluate(&scope)?.to_string();
        let value = Expression::parse(value, None).evaluate(&scope)?;
        if owner == "task.args" {
            self.changes.arguments.insert(key, value);
        } else {
            pending.insert(key.into(), Variable::from(value));
        }
        Ok(())
    }
}

fn complaint(error: &TemplateError) -> String {
    format!("***{}\n", error.message())
}

fn help(topic: &str) -> &'static str {
    match topic {
        "" => COMMANDS,
        "c" | "continue" => "Go on with the result as it is\n",
        "r" | "redo" => "Run the task again\n",
        "q" | "quit" | "EOF" => "End the run\n",
        "u" | "update_task" => "Make the task anew from the playbook, with the changed `task_vars`\n",
        "p" | "pprint" => "Show an expression: task, task.args, task_vars, host, result._result\n",
        "h" | "help" => "List the commands, or tell what one does\n",
        _ => "*** No help on that\n",
    }
}

/// A value as Python's `pprint` lays it out: over several lines where one is too short.
fn pretty(value: &Value, indent: usize) -> Result<String, TemplateError> {
    use minijinja::value::ValueKind;
    let line = template::python::repr(value)?;
    let short = indent + line.chars().count() <= WIDTH;
    let entries = value.try_iter().ok().map(|items| items.collect::<Vec<Value>>()).unwrap_or_default();
    let (open, close, parts) = match value.kind() {
        _ if short || entries.is_empty() => return Ok(line),
        ValueKind::Map => {
            let mut keys = entries;
            keys.sort();
            let mut parts = Vec::with_capacity(keys.len());
            for key in keys {
                let name = template::python::repr(&key)?;
                let inside = indent + 1 + name.chars().count() + 2;
                parts.push(format!("{name}: {}", pretty(&value.get_item(&key).unwrap_or_default(), inside)?));
            }
            ('{', '}', parts)
        }
        ValueKind::Seq => {
            let parts: Result<Vec<String>, TemplateError> =
                entries.iter().map(|item| pretty(item, indent + 1)).collect();
            ('[', ']', parts?)
        }
        _ => return Ok(line),
    };
    Ok(format!("{open}{}{close}", parts.join(&format!(",\n{}", " ".repeat(indent + 1)))))
}
