//! One task on one host: conditions, loop, arguments, the action, and what its result means.

use std::sync::Arc;
use std::time::{Duration, Instant};

use minijinja::Value;
use rprov_wire::{Map, Options as WireOptions};

use super::connection_variables;
use super::effect::Effect;
use super::handlers::Handlers;
use super::remote::Remote;
use super::result::{self, Cause, Mistake, Outcome, Status, flag, status_of};
use super::settings::{self, KeywordReader};
use super::shared::Shared;
use crate::action::{self, Call, Circumstances, Done, OnHost, Parcel, Stop};
use crate::playbook::{ActionName, Loop, LoopSource, Task};
use crate::report::{Delegate, Event, HostResult, ItemInfo, TaskInfo};
use crate::source::{Diagnostic, Span};
use crate::template::{self, Conditional, Scope, TemplateError, Variable, Written};
use crate::vars::{Facts, TaskVariables, Values};

/// What a failed result has where Ansible might have a traceback.
const NO_TRACEBACK: &str = "(traceback unavailable)";

/// How the message begins of a loop over what is no list.
const NOT_A_LIST: &str = "The `loop` value must resolve to a 'list'";

/// Everything that one task needs to run on one host.
#[derive(Debug)]
pub struct Job {
    /// The run.
    pub shared: Arc<Shared>,
    /// The task.
    pub task: Arc<Task>,
    /// What is shown of it.
    pub info: Arc<TaskInfo>,
    /// The variables that it sees.
    pub variables: TaskVariables,
    /// The handlers that there are.
    pub handlers: Arc<Handlers>,
}

/// One item (or the whole task, where there is no loop), ready to run.
pub(super) struct Prepared {
    pub(super) scope: Scope,
    pub(super) remote: Remote,
    pub(super) arguments: Map,
    values: Vec<(String, Value)>,
    pub(super) options: WireOptions,
}

/// A result with the effects that come with it.
struct Single {
    result: Map,
    effects: Vec<Effect>,
    delegate: Option<Delegate>,
    cause: Cause,
}

impl Single {
    /// Fail where the item's label could not be rendered.
    fn mislabelled(&mut self, failure: Option<String>) {
        if let Some(failure) = failure {
            self.result.insert("failed".into(), true.into());
            self.result.insert("msg".into(), failure.into());
            self.cause = Cause::Label;
        }
    }

    fn plain(result: Map) -> Self {
        Self { result, effects: Vec::new(), delegate: None, cause: Cause::Module }
    }

    /// What a mistake in the playbook leads to.
    fn mistaken(mistake: Mistake) -> Self {
        let mut result = result::failed(mistake.message());
        result.insert("changed".into(), false.into());
        result.insert("exception".into(), NO_TRACEBACK.into());
        Self { cause: Cause::Playbook(Arc::new(mistake)), ..Self::plain(result) }
    }

    /// What a template's error leads to; `written` is where the template is.
    fn unrendered(error: &TemplateError, written: Option<Span>) -> Self {
        Self::mistaken(Mistake::new("", "", error, written))
    }
}

/// What does not change from item to item.
struct Flags {
    no_log: bool,
    diff: bool,
    ignore_errors: bool,
    ignore_unreachable: bool,
}

impl Job {
    /// The host.
    pub(super) fn host(&self) -> &Arc<str> {
        &self.variables.host.name
    }

    /// Run it, and tell what happens on the way.
    pub async fn run(mut self) -> Outcome {
        let begin = Instant::now();
        let scope = self.variables.clone().scope();
        let unresolved = self.resolve(&scope).err();
        let (single, looped) = tokio::select! {
            biased;
            result = self.run_resolved(&scope, unresolved) => result,
            () = self.cancelled() => (Single::plain(result::failed("interrupted")), false),
        };
        let flags = self.flags(&scope);
        let mut single = single;
        let mut status = status_of(&single.result);
        let mut ignored = false;
        match &flags {
            Ok(flags) => {
                ignored = match status {
                    Status::Failed => flags.ignore_errors,
                    Status::Unreachable => flags.ignore_unreachable,
                    _ => false,
                };
            }
            Err(error) => {
                single = Single::unrendered(error, None);
                status = Status::Failed;
            }
        }
        let no_log = flags.as_ref().is_ok_and(|flags| flags.no_log) || concealed(&single.effects);
        let diff = flags.as_ref().is_ok_and(|flags| flags.diff);
        let mut effects = std::mem::take(&mut single.effects);
        if status == Status::Changed {
            match self.notified(&scope) {
                Ok(names) => match self.unknown_handler(&names) {
                    // The run ends here, before the result is told.
                    Some(problem) => {
                        let effects = vec![Effect::UnknownHandler(Box::new(problem))];
                        return Outcome { status, ignored, result: Arc::new(single.result), effects };
                    }
                    None if names.is_empty() => {}
                    None => effects.push(Effect::Notify(names.into_iter().map(|(name, _)| name).collect())),
                },
                Err(error) => {
                    single = Single::unrendered(&error, None);
                    status = Status::Failed;
                }
            }
        }
        if let Some(register) = &self.task.register {
            let mut registered = single.result.clone();
            complete(&mut registered);
            let mut values = Values::new();
            values.insert(Arc::clone(&register.name), value_of(registered).into());
            effects.push(Effect::Variables { host: None, values });
        }
        let result = Arc::new(single.result);
        let shown = if no_log { Arc::new(censored(&result)) } else { Arc::clone(&result) };
        self.shared.reporter.send(Event::Result(HostResult {
            task: Arc::clone(&self.info),
            host: Arc::clone(self.host()),
            delegate: single.delegate.clone(),
            status,
            ignored,
            result: shown,
            cause: single.cause.clone(),
            looped,
            diff,
            no_log,
            duration: begin.elapsed(),
        }));
        Outcome { status, ignored, result, effects }
    }

    /// Ends a while after Ctrl-C, so that what was cancelled can still answer.
    async fn cancelled(&self) {
        self.shared.interrupt.pressed().await;
    }

    fn flags(&self, scope: &Scope) -> Result<Flags, TemplateError> {
        let keywords = &self.task.keywords;
        let reader = KeywordReader(scope);
        Ok(Flags {
            no_log: reader.boolean(keywords.no_log.as_ref(), false)?,
            diff: reader.boolean(keywords.diff.as_ref(), self.shared.options.diff)?,
            ignore_errors: reader.boolean(keywords.ignore_errors.as_ref(), false)?,
            ignore_unreachable: reader.boolean(keywords.ignore_unreachable.as_ref(), false)?,
        })
    }

    /// The names that the task notifies, with the places where they were written.
    fn notified(&self, scope: &Scope) -> Result<Vec<(String, Option<Span>)>, TemplateError> {
        let mut names = Vec::new();
        for written in &self.task.keywords.notify {
            let value = written.render(scope)?;
            match value.kind() {
                minijinja::value::ValueKind::Seq => {
                    let items = value.try_iter().into_iter().flatten();
                    names.extend(items.map(|name| (name.to_string(), written.span())));
                }
                _ => names.push((value.to_string(), written.span())),
            }
        }
        Ok(names)
    }

    /// The first of these names that no handler has.
    fn unknown_handler(&self, names: &[(String, Option<Span>)]) -> Option<Diagnostic> {
        let (name, span) = names.iter().find(|(name, _)| self.handlers.find(name).is_empty())?;
        let problem = Diagnostic::absent(format!(
            "The requested handler '{name}' was not found in either the main handlers list nor in the listening handlers list"
        ))
        .at(span.unwrap_or(self.task.span));
        let known: Vec<&str> = self.handlers.names().collect();
        let problem = problem.did_you_mean(name, known.iter().copied());
        Some(match problem.hints.is_empty() {
            false => problem,
            true if known.is_empty() => problem.hint("the play has no handlers"),
            true => problem.hint(format!("the handlers that there are: {}", known.join(", "))),
        })
    }

    /// Find out what a task calls whose action is a template.
    fn resolve(&mut self, scope: &Scope) -> Result<(), Single> {
        let Some(written) = &self.task.action.template else { return Ok(()) };
        let name = match written.render(scope) {
            Ok(name) => name.to_string(),
            Err(error) => return Err(Single::unrendered(&error, written.span())),
        };
        let collections = self.task.keywords.collections.as_deref().unwrap_or_default();
        let found = self.shared.library.resolve(name.trim(), collections);
        for warning in found.warnings.into_iter().chain(found.deprecations) {
            self.shared.reporter.send(Event::Warning(warning));
        }
        let Some(known) = found.called else {
            let message = found.reason.unwrap_or_else(|| format!("Cannot resolve '{name}' to an action or module."));
            let steps = vec![(message.clone(), written.span())];
            return Err(Single::mistaken(Mistake { steps, ..Mistake::plain(&message, written.span()) }));
        };
        // It is reported as what it is.
        Arc::make_mut(&mut self.info).action = name;
        let task = Arc::make_mut(&mut self.task);
        task.action = ActionName { known, ..task.action.clone() };
        Ok(())
    }

    /// Run it, if it is known what it calls.
    async fn run_resolved(&self, scope: &Scope, unresolved: Option<Single>) -> (Single, bool) {
        let Some(unresolved) = unresolved else { return self.run_in(scope).await };
        let scope = connection_variables::beneath(&self.shared, &self.task, &self.variables, scope);
        match self.condition(&scope) {
            Ok(Some(skipped)) => (Single::plain(skipped), false),
            _ => (unresolved, false),
        }
    }

    async fn run_in(&self, scope: &Scope) -> (Single, bool) {
        let Some(looping) = &self.task.looping else {
            return (self.run_single(scope, None).await, false);
        };
        match self.items(looping, scope) {
            Ok(items) => (self.run_loop(looping, scope, items).await, true),
            Err(error) => {
                // The conditions may say that the loop does not matter here.
                let scope = connection_variables::beneath(&self.shared, &self.task, &self.variables, scope);
                match self.condition(&scope) {
                    Ok(Some(skipped)) => (Single::plain(skipped), false),
                    _ => (self.unusable_loop(looping, &error), false),
                }
            }
        }
    }

    /// The items of the loop.
    fn items(&self, looping: &Loop, scope: &Scope) -> Result<Vec<Value>, TemplateError> {
        match &looping.source {
            LoopSource::Loop(written) => {
                let value = written.render(scope)?;
                if value.kind() != minijinja::value::ValueKind::Seq
                    && value.kind() != minijinja::value::ValueKind::Iterable
                {
                    return Err(TemplateError::failed(format!(
                        "{NOT_A_LIST}, not '{}'.",
                        template::python::type_name(&value)
                    ))
                    .at(written.span().or(Some(looping.span)))
                    .hint("give a list: `loop: [...]`; for a dictionary, `loop: \"{{ ... | dict2items }}\"`"));
                }
                Ok(value.try_iter().into_iter().flatten().collect())
            }
            LoopSource::With(lookup, written) => {
                let bare = written.text().filter(|text| template::lookup::takes_bare_variable(lookup, text));
                let named =
                    bare.map(|text| Written::from_text(format!("{{{{ {text} }}}}"), written.span()).render(scope));
                // Text that names no variable is text.
                let value = match named {
                    Some(Ok(value)) => value,
                    _ => written.render(scope)?,
                };
                template::lookup::run_with(lookup, &value, scope)
            }
        }
    }

    /// The result of a task whose conditions say no; `None` if it is to run.
    fn condition(&self, scope: &Scope) -> Result<Option<Map>, (TemplateError, Option<Span>)> {
        for condition in &self.task.keywords.when {
            if !condition.test(scope).map_err(|error| (error, condition.span()))? {
                let mut result = Map::new();
                result.insert("changed".into(), false.into());
                result.insert("skipped".into(), true.into());
                result.insert("skip_reason".into(), "Conditional result was False".into());
                result.insert("false_condition".into(), condition.shown());
                return Ok(Some(result));
            }
        }
        Ok(None)
    }

    /// Everything before the action itself: `Err` is the result where it does not come to that.
    async fn prepare(&self, plain: &Scope) -> Result<Prepared, Single> {
        let scope = connection_variables::beneath(&self.shared, &self.task, &self.variables, plain);
        match self.condition(&scope) {
            Ok(None) => {}
            Ok(Some(skipped)) => return Err(Single::plain(skipped)),
            Err((error, span)) => return Err(Single::unrendered(&error, span)),
        }
        self.prepare_call(plain, scope).map_err(|stop| match stop {
            // The module itself says so under Ansible, and `failed_when` has the last word on it.
            stop @ Stop::Unfit(_) => self.conclude(plain, Err(stop), None),
            stop => self.stopped(stop),
        })
    }

    /// The result of a call that did not come to its end.
    fn stopped(&self, stop: Stop) -> Single {
        match stop {
            Stop::Failed(mut result) => {
                result.entry("exception".to_owned()).or_insert_with(|| NO_TRACEBACK.into());
                Single { cause: Cause::Action, ..Single::plain(result) }
            }
            Stop::Template(error) => Single::unrendered(&error, None),
            Stop::Argument { name, span, error } => {
                let action = self.task.action.known.full_name();
                let stage = format!("Finalization of task args for '{action}' failed");
                let doing = format!("Error while resolving value for '{name}'");
                let mut mistake = Mistake::new(stage, &doing, &error, span);
                // The action has a place of its own where the task begins with something else, such as its name.
                let place = |span: Span| (span.line, span.column);
                if place(self.task.action.span) != place(self.task.span) {
                    let stage = std::mem::take(&mut mistake.stage);
                    mistake.steps.insert(0, (stage, Some(self.task.action.span)));
                }
                Single::mistaken(mistake)
            }
            Stop::Unfit(result) => Single::plain(result),
            Stop::Mistaken { mistake, message } => {
                let mut single = Single::mistaken(*mistake);
                if let Some(message) = message {
                    single.result.insert("msg".into(), message.into());
                }
                single
            }
            Stop::Refused(mut result) => {
                result.entry("exception".to_owned()).or_insert_with(|| NO_TRACEBACK.into());
                Single { cause: Cause::Refused, ..Single::plain(result) }
            }
            Stop::Connection(error) => {
                let cause = Cause::Connection(error.hint().map(str::to_owned));
                Single { cause, ..Single::plain(Stop::Connection(error).into_result()) }
            }
        }
    }

    /// The result of a task whose loop has no items that could be gone through.
    fn unusable_loop(&self, looping: &Loop, error: &TemplateError) -> Single {
        let written = match &looping.source {
            LoopSource::Loop(written) | LoopSource::With(_, written) => written.span(),
        };
        if !error.message().starts_with(NOT_A_LIST) {
            return Single::unrendered(error, written);
        }
        let mistake = Mistake {
            steps: vec![(error.message().to_owned(), written.or(Some(looping.span)))],
            advice: "Provide a list of items/templates, or a template resolving to a list.",
            outright: true,
            ..Mistake::new("", "", error, written)
        };
        let mut single = Single::mistaken(mistake);
        single.result.shift_remove("changed");
        single
    }

    /// `plain` is `scope` without what is known of the connection, which is made from it.
    fn prepare_call(&self, plain: &Scope, scope: Scope) -> Result<Prepared, Stop> {
        let remote = settings::remote(&self.shared, &self.task, &self.variables, plain)?;
        let options = settings::wire_options(&self.shared, &self.task, plain)?;
        let values = action::render_arguments(&self.task, &scope)?;
        let mut arguments = Map::with_capacity(values.len());
        for (name, value) in &values {
            arguments.insert(name.clone(), template::to_wire(value).map_err(Stop::Template)?);
        }
        if options.job.is_some() && !super::job::is_possible(&self.task, &arguments) {
            let action = &self.task.action.written;
            return Err(Stop::refused(format!("This action ({action}) does not support async.")));
        }
        {
            let known = &self.task.action.known;
            let problems = known.spec.check(&known.short, &arguments, |_| false);
            if let Some(first) = problems.first() {
                let mut result = result::failed(match first {
                    rprov_modules::argument::ArgumentProblem::Unknown { option, .. } => format!(
                        "Unsupported parameters for ({}) module: {option}. Supported parameters include: {}.",
                        known.short,
                        known.option_names()
                    ),
                    rprov_modules::argument::ArgumentProblem::Missing { .. } => {
                        format!("missing required arguments: {}", missing(&problems).join(", "))
                    }
                    other => other.to_string(),
                });
                if flag(&result, "changed") {
                    result.insert("changed".into(), false.into());
                }
                return Err(if known.module.is_some() { Stop::Unfit(result) } else { Stop::Refused(result) });
            }
        }
        Ok(Prepared { scope, remote, arguments, values, options })
    }

    async fn run_single(&self, scope: &Scope, item: Option<&ItemInfo>) -> Single {
        let prepared = match self.prepare(scope).await {
            Ok(prepared) => prepared,
            Err(single) => return single,
        };
        let (attempts, delay) = match self.retries(&prepared.scope) {
            Ok(retries) => retries,
            Err(error) => return Single::unrendered(&error, None),
        };
        let delegate = prepared.remote.shown_delegate();
        let mut attempt = 1;
        loop {
            let executed = match &prepared.options.job {
                Some(job) => self.run_job(&prepared, job).await,
                None => self.execute(&prepared).await,
            };
            if let Ok(done) = &executed
                && let Some(single) = self.timed_out(&done.result, &prepared)
            {
                return Single { delegate, ..single };
            }
            // What was skipped (check mode) says nothing that could be waited for.
            let attempts = attempts.filter(|_| !executed.as_ref().is_ok_and(|done| flag(&done.result, "skipped")));
            let mut single = self.conclude(&prepared.scope, executed, attempts.map(|_| attempt));
            self.add_invocation(&mut single, &prepared.arguments, item.is_some());
            single.delegate.clone_from(&delegate);
            let Some(total) = attempts else { return single };
            single.result.insert("attempts".into(), attempt.into());
            if flag(&single.result, "unreachable") {
                return single;
            }
            match self.satisfied(&prepared.scope, &single.result) {
                Ok(true) => return single,
                Ok(false) if attempt < total => {}
                Ok(false) => {
                    if !flag(&single.result, "failed") {
                        single.cause = Cause::Action;
                    }
                    single.result.insert("attempts".into(), (total - 1).into());
                    single.result.insert("failed".into(), true.into());
                    return single;
                }
                Err(error) => return Single { delegate, ..Single::unrendered(&error, None) },
            }
            single.result.insert("retries".into(), total.into());
            self.shared.reporter.send(Event::Retry {
                task: Arc::clone(&self.info),
                host: Arc::clone(self.host()),
                delegate: delegate.clone(),
                left: total - attempt,
                item: item.cloned(),
                result: Arc::new(single.result),
            });
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }

    /// Number of attempts, `None` for a task that is tried once, and the time between them.
    fn retries(&self, scope: &Scope) -> Result<(Option<u32>, Duration), TemplateError> {
        let reader = KeywordReader(scope);
        let delay = reader.named("delay").number(self.task.delay.as_ref(), 5.0)?;
        let delay = Duration::from_secs_f64(delay.clamp(0.0, 1e6));
        if self.task.until.is_empty() && self.task.retries.is_none() {
            return Ok((None, delay));
        }
        let retries = reader.named("retries").integer(self.task.retries.as_ref(), 3)?;
        let retries = u32::try_from(retries.clamp(0, 1_000_000_000)).unwrap_or_default();
        Ok((Some(retries.saturating_add(1)).filter(|total| *total > 1), delay))
    }

    /// Whether `until` holds; without one, whether the result is good.
    fn satisfied(&self, scope: &Scope, result: &Map) -> Result<bool, TemplateError> {
        if self.task.until.is_empty() {
            return Ok(!flag(result, "failed"));
        }
        let scope = self.with_result(scope, result);
        for condition in &self.task.until {
            if !condition.test(&scope)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The result of a task that took longer than its `timeout`: nothing else is asked of it, and it is not tried again.
    fn timed_out(&self, result: &Map, prepared: &Prepared) -> Option<Single> {
        let limit = prepared.options.timeout;
        if limit == 0 || !result.contains_key("timedout") {
            return None;
        }
        let message = format!("Timed out after {limit} second(s).");
        let mut single = match !self.task.action.known.is_on_host() {
            true => Single::mistaken(Mistake::plain(&message, Some(self.task.span))),
            false => Single {
                cause: Cause::Connection(None),
                ..Single::plain(result::failed(format!("Task failed: {message}")))
            },
        };
        let frame = "Configure `DISPLAY_TRACEBACK` to see a traceback on timeout errors.";
        let details = [("period".to_owned(), limit.into()), ("frame".to_owned(), frame.into())];
        single.result.insert("timedout".into(), rprov_wire::Value::Map(details.into_iter().collect()));
        single.result.entry("exception".to_owned()).or_insert_with(|| NO_TRACEBACK.into());
        Some(single)
    }

    /// Run the action once, but not longer than its `timeout`.
    async fn execute(&self, prepared: &Prepared) -> Result<Done, Stop> {
        let limit = prepared.options.timeout;
        let on_host = self.task.action.known.is_on_host();
        // The agent keeps the limit of its modules itself, and kills what they have started.
        if limit == 0 || on_host {
            return self.act(prepared).await;
        }
        let ended = tokio::time::timeout(Duration::from_secs(limit.into()), self.act(prepared)).await;
        ended.unwrap_or_else(|_| Ok(Done::unchanged().with("timedout", true)))
    }

    async fn act(&self, prepared: &Prepared) -> Result<Done, Stop> {
        let known = &self.task.action.known;
        let call = Call {
            shared: &self.shared,
            task: &self.task,
            host: &self.variables.host,
            scope: &prepared.scope,
            arguments: prepared.arguments.clone(),
            values: &prepared.values,
            remote: &prepared.remote,
            options: &prepared.options,
        };
        match (known.action, &known.module) {
            (Some(action), _) => action.run(call).await,
            (None, Some(module)) => {
                let Parcel { arguments, sources } = self.parcel(module, prepared)?;
                let mut results =
                    prepared.remote.call(module.name(), &prepared.options, vec![arguments], sources).await?;
                Ok(Done::new(action::interpret(results.pop().unwrap_or_default())))
            }
            (None, None) => Err(Stop::Failed(result::failed(format!("{} cannot be run", known.short)))),
        }
    }

    /// What the agent is sent for a call.
    pub(super) fn parcel(&self, module: &OnHost, prepared: &Prepared) -> Result<Parcel, Stop> {
        let delegate = prepared.remote.delegate();
        let scope = delegate.map(|name| settings::delegate_scope(&self.shared, &self.variables, name));
        let scope = scope.as_ref().unwrap_or(&prepared.scope);
        let written = &self.task.action.written;
        let circumstances = Circumstances::new(written, &prepared.options, scope, &self.shared.config);
        module.parcel(&prepared.arguments, &circumstances)
    }

    /// From what the action gave back to the task's result: flags, facts, `changed_when`, `failed_when`.
    fn conclude(&self, scope: &Scope, executed: Result<Done, Stop>, attempt: Option<u32>) -> Single {
        let (mut result, mut effects, mut cause) = match executed {
            Ok(done) => (done.result, done.effects, Cause::Module),
            Err(stop) => {
                let single = self.stopped(stop);
                (single.result, Vec::new(), single.cause)
            }
        };
        complete_lines(&mut result);
        if let Some(attempt) = attempt {
            result.insert("attempts".into(), attempt.into());
        }
        if flag(&result, "unreachable") {
            return Single { result, effects, delegate: None, cause };
        }
        if !result.contains_key("failed") && result.get("rc").is_some_and(|rc| rc.as_int().is_some_and(|rc| rc != 0)) {
            result.insert("failed".into(), true.into());
            cause = Cause::Action;
        }
        if result.contains_key("module_stdout") && matches!(cause, Cause::Module) {
            cause = Cause::Unreadable;
        }
        if flag(&result, "failed") {
            result.entry("exception".to_owned()).or_insert_with(|| NO_TRACEBACK.into());
        }
        if let Some(rprov_wire::Value::Map(facts)) = result.get("ansible_facts")
            && !flag(&result, "failed")
            && !effects.iter().any(|effect| {
                matches!(effect, Effect::Variables { .. } | Effect::Included { .. } | Effect::Facts { .. })
            })
        {
            effects.push(Effect::Facts { host: self.fact_owner(scope), facts: facts_of(facts) });
        }
        if !flag(&result, "skipped") {
            let failed = flag(&result, "failed");
            self.apply_conditions(scope, &mut result);
            if !failed && flag(&result, "failed") {
                cause = Cause::Action;
            }
        }
        if !result.contains_key("changed") {
            result.insert("changed".into(), false.into());
        }
        Single { result, effects, delegate: None, cause }
    }

    /// Say what the module was called with, where that can be seen: in the items of a registered loop, and at `-vvv`.
    fn add_invocation(&self, single: &mut Single, arguments: &Map, in_loop: bool) {
        let wanted = self.shared.options.verbosity >= 3 || in_loop && self.task.register.is_some();
        let unknown = matches!(single.cause, Cause::Playbook(_) | Cause::Connection(_) | Cause::Refused);
        let known = &self.task.action.known;
        if let Some(OnHost::Own(_)) = known.module {
            // It says so itself, or nobody does.
            if !wanted {
                single.result.shift_remove("invocation");
            }
            return;
        }
        if wanted
            && !unknown
            && known.module.is_some()
            && !flag(&single.result, "skipped")
            && !super::job::is_running(&single.result)
        {
            let free = self.task.arguments.options.contains_key("_raw_params");
            single.result.entry("invocation".to_owned()).or_insert_with(|| action::invocation(known, arguments, free));
        }
    }

    /// The host that gathered facts belong to, if that is not the task's own.
    fn fact_owner(&self, scope: &Scope) -> Option<Arc<str>> {
        let reader = KeywordReader(scope);
        let delegated = reader.boolean(self.task.keywords.delegate_facts.as_ref(), false).unwrap_or(false);
        if !delegated {
            return None;
        }
        reader.text(self.task.keywords.delegate_to.as_ref()).ok().flatten().map(Arc::from)
    }

    fn with_result(&self, scope: &Scope, result: &Map) -> Scope {
        let Some(register) = &self.task.register else { return scope.clone() };
        let mut registered = result.clone();
        complete(&mut registered);
        scope.with([(Arc::clone(&register.name), value_of(registered))])
    }

    /// `changed_when` and `failed_when`; one that can't be evaluated is a failure, and its result says why.
    fn apply_conditions(&self, scope: &Scope, result: &mut Map) {
        let task = &self.task;
        if task.changed_when.is_empty() && task.failed_when.is_empty() {
            return;
        }
        let scope = self.with_result(scope, result);
        if !task.changed_when.is_empty() {
            match all_hold(&task.changed_when, &scope) {
                Ok(holds) => {
                    result.insert("changed".into(), holds.into());
                }
                Err(error) => {
                    result.insert("failed".into(), true.into());
                    result.insert("changed_when_result".into(), error.message().into());
                    return;
                }
            }
        }
        if !task.failed_when.is_empty() {
            let (failed, shown) = match all_hold(&task.failed_when, &scope) {
                Ok(holds) => (holds, holds.into()),
                Err(error) => (true, error.message().into()),
            };
            result.insert("failed".into(), failed.into());
            result.insert("failed_when_result".into(), shown);
        }
    }

    async fn run_loop(&self, looping: &Loop, scope: &Scope, items: Vec<Value>) -> Single {
        let control = &looping.control;
        let reader = KeywordReader(scope);
        let names = (|| -> Result<_, TemplateError> {
            let loop_var = reader.text(control.loop_var.as_ref())?.unwrap_or_else(|| "item".to_owned());
            let index_var = reader.text(control.index_var.as_ref())?;
            let pause = reader.number(control.pause.as_ref(), 0.0)?;
            let extended = reader.boolean(control.extended.as_ref(), false)?;
            let all_items = reader.boolean(control.extended_allitems.as_ref(), true)?;
            Ok((loop_var, index_var, pause, extended, all_items))
        })();
        let (loop_var, index_var, pause, extended, all_items) = match names {
            Ok(names) => names,
            Err(error) => return Single::unrendered(&error, None),
        };
        let loop_var: Arc<str> = loop_var.into();
        let count = items.len();
        let item_scope = |index: usize, item: &Value, carried: &Values| {
            let mut locals: Vec<(Arc<str>, Value)> =
                vec![(Arc::clone(&loop_var), item.clone()), ("ansible_loop_var".into(), Value::from(&*loop_var))];
            if let Some(name) = &index_var {
                locals.push((name.as_str().into(), Value::from(index)));
                locals.push(("ansible_index_var".into(), Value::from(name.as_str())));
            }
            if extended {
                locals.push(("ansible_loop".into(), extended_loop(&items, index, all_items)));
            }
            let locals = locals.into_iter().map(|(name, value)| (name, Variable::from(value)));
            // The first of a name counts.
            scope.with(locals.chain(carried.iter().map(|(name, value)| (Arc::clone(name), value.clone()))))
        };
        let batchable = self.task.action.known.is_on_host()
            && self.task.until.is_empty()
            && self.task.retries.is_none()
            && self.task.asynchronous.is_none()
            && !self.reads_own_result()
            && control.break_when.is_empty()
            && pause == 0.0;
        let flags = self.flags(scope).ok();
        let mut collected = Collected::default();
        if batchable {
            let scopes: Vec<Scope> =
                items.iter().enumerate().map(|(index, item)| item_scope(index, item, &Values::new())).collect();
            let singles =
                self.run_batch(&scopes, &items, looping, &loop_var, index_var.as_deref(), flags.as_ref()).await;
            for single in singles {
                collected.add(single);
            }
        } else {
            // What an item sets, those after it see.
            let mut carried = Values::new();
            for (index, item) in items.iter().enumerate() {
                if index > 0 && pause > 0.0 {
                    tokio::time::sleep(Duration::from_secs_f64(pause)).await;
                }
                let begin = Instant::now();
                let scope = item_scope(index, item, &carried);
                let (label, unlabelled) = self.item_info(looping, &scope, index, item);
                let mut single = self.run_single(&scope, Some(&label)).await;
                self.finish_item(
                    &mut single,
                    &loop_var,
                    index_var.as_deref(),
                    index,
                    item,
                    extended.then(|| extended_loop(&items, index, all_items)),
                );
                single.mislabelled(unlabelled);
                self.tell_item(&single, &label, flags.as_ref(), begin);
                let stop = !control.break_when.is_empty() && {
                    let scope = self.with_result(&scope, &single.result);
                    control.break_when.iter().all(|condition| condition.test(&scope).unwrap_or(false))
                };
                self.carry(&single, &mut carried);
                collected.add(single);
                if stop || self.shared.interrupt.is_pressed() {
                    break;
                }
            }
        }
        collected.into_single(count)
    }

    /// Whether the conditions or arguments name the variable that the task registers: then each item waits for the one
    /// before.
    fn reads_own_result(&self) -> bool {
        let Some(register) = &self.task.register else { return false };
        let arguments = self.task.arguments.options.values().chain(&self.task.arguments.template);
        arguments.map(Written::source).chain(self.task.keywords.when.iter().map(Conditional::text)).any(|text| {
            text.match_indices(&*register.name).any(|(at, found)| {
                let part = |character: char| character.is_alphanumeric() || character == '_';
                let before = text.get(..at).and_then(|text| text.chars().next_back());
                let after = text.get(at + found.len()..).and_then(|text| text.chars().next());
                !before.is_some_and(part) && !after.is_some_and(part)
            })
        })
    }

    /// Add what an item has set to what the items after it see.
    fn carry(&self, single: &Single, carried: &mut Values) {
        for effect in &single.effects {
            match effect {
                Effect::Variables { host: None, values } | Effect::Included { host: None, values } => {
                    carried.extend(values.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
                }
                Effect::Facts { host: None, facts } => {
                    carried.extend(facts.iter().map(|(name, value)| (Arc::clone(name), Variable::from(value.clone()))));
                }
                _ => {}
            }
        }
        if let Some(register) = &self.task.register {
            let mut registered = single.result.clone();
            complete(&mut registered);
            carried.insert(Arc::clone(&register.name), value_of(registered).into());
        }
    }

    /// Run all items of a loop as one frame to the host.
    async fn run_batch(
        &self,
        scopes: &[Scope],
        items: &[Value],
        looping: &Loop,
        loop_var: &str,
        index_var: Option<&str>,
        flags: Option<&Flags>,
    ) -> Vec<Single> {
        let begin = Instant::now();
        let module = self.task.action.known.module.as_ref();
        let mut singles: Vec<Option<Single>> = Vec::with_capacity(items.len());
        let mut prepared: Vec<(usize, Prepared)> = Vec::new();
        for (index, scope) in scopes.iter().enumerate() {
            match self.prepare(scope).await {
                Ok(ready) => {
                    prepared.push((index, ready));
                    singles.push(None);
                }
                Err(single) => singles.push(Some(single)),
            }
        }
        // What cannot share a frame (another delegate, another user) goes in frames of its own.
        while !prepared.is_empty() {
            let Some(module) = module else { break };
            let (first, rest): (Vec<_>, Vec<_>) = {
                let lead = &prepared[0].1;
                let same: Vec<bool> = prepared
                    .iter()
                    .map(|(_, other)| other.remote.same_session(&lead.remote) && other.options == lead.options)
                    .collect();
                let mut same = same.into_iter();
                prepared.into_iter().partition(|_| same.next().unwrap_or(false))
            };
            prepared = rest;
            let Some((_, lead)) = first.first() else { break };
            let parcels: Result<Vec<Parcel>, Stop> =
                first.iter().map(|(_, ready)| self.parcel(module, ready)).collect();
            let parcels = match parcels {
                Ok(parcels) => parcels,
                // What is wrong with the module is wrong for all items.
                Err(stop) => {
                    let single = self.stopped(stop);
                    for (index, _) in &first {
                        if let Some(slot) = singles.get_mut(*index) {
                            *slot =
                                Some(Single { cause: single.cause.clone(), ..Single::plain(single.result.clone()) });
                        }
                    }
                    continue;
                }
            };
            let mut arguments = Vec::with_capacity(parcels.len());
            let mut sources = Vec::new();
            for parcel in parcels {
                arguments.push(parcel.arguments);
                // All items have one program.
                sources = parcel.sources;
            }
            let results = lead.remote.call(module.name(), &lead.options, arguments, sources).await;
            let delegate = lead.remote.shown_delegate();
            match results {
                Ok(results) => {
                    for ((index, ready), result) in first.iter().zip(results) {
                        let mut single = match self.timed_out(&result, ready) {
                            Some(single) => single,
                            None => self.conclude(&ready.scope, Ok(Done::new(action::interpret(result))), None),
                        };
                        self.add_invocation(&mut single, &ready.arguments, true);
                        single.delegate.clone_from(&delegate);
                        if let Some(slot) = singles.get_mut(*index) {
                            *slot = Some(single);
                        }
                    }
                }
                Err(error) => {
                    let cause = Cause::Connection(error.hint().map(str::to_owned));
                    let result = Stop::from(error).into_result();
                    for (index, _) in &first {
                        if let Some(slot) = singles.get_mut(*index) {
                            let (delegate, cause) = (delegate.clone(), cause.clone());
                            *slot = Some(Single { delegate, cause, ..Single::plain(result.clone()) });
                        }
                    }
                }
            }
        }
        let mut done = Vec::with_capacity(items.len());
        for (index, (single, (scope, item))) in singles.into_iter().zip(scopes.iter().zip(items)).enumerate() {
            let mut single = single.unwrap_or_else(|| Single::plain(result::failed("the item was not run")));
            let extended = scope.get("ansible_loop").ok().flatten().filter(|_| looping.control.extended.is_some());
            self.finish_item(&mut single, loop_var, index_var, index, item, extended);
            let (label, unlabelled) = self.item_info(looping, scope, index, item);
            single.mislabelled(unlabelled);
            self.tell_item(&single, &label, flags, begin);
            done.push(single);
        }
        done
    }

    /// How an item is shown, and why its label could not be rendered.
    fn item_info(&self, looping: &Loop, scope: &Scope, index: usize, item: &Value) -> (ItemInfo, Option<String>) {
        let rendered = looping.control.label.as_ref().map(|written| written.render(scope));
        let (label, failure) = match rendered {
            Some(Ok(label)) => (label, None),
            Some(Err(error)) => {
                let failure = format!("Failed to template loop_control.label: {}", error.message());
                // `debug` shows nothing of the item but its label.
                let shown = if self.task.is("debug") { Value::from(()) } else { item.clone() };
                (shown, Some(failure))
            }
            None => (item.clone(), None),
        };
        (ItemInfo { index, label: template::to_wire(&label).unwrap_or_default() }, failure)
    }

    fn finish_item(
        &self,
        single: &mut Single,
        loop_var: &str,
        index_var: Option<&str>,
        index: usize,
        item: &Value,
        extended: Option<Value>,
    ) {
        let result = &mut single.result;
        result.insert(loop_var.to_owned(), template::to_wire(item).unwrap_or_default());
        result.insert("ansible_loop_var".into(), loop_var.into());
        if let Some(name) = index_var {
            result.insert(name.to_owned(), index.into());
            result.insert("ansible_index_var".into(), name.into());
        }
        if let Some(value) = extended.and_then(|value| template::to_wire(&value).ok()) {
            result.insert("ansible_loop".into(), value);
        }
    }

    fn tell_item(&self, single: &Single, label: &ItemInfo, flags: Option<&Flags>, begin: Instant) {
        let no_log = flags.is_none_or(|flags| flags.no_log) || concealed(&single.effects);
        let status = status_of(&single.result);
        let shown = if no_log { censored(&single.result) } else { single.result.clone() };
        let mut label = label.clone();
        if no_log {
            label.label = "(censored due to no_log)".into();
        }
        self.shared.reporter.send(Event::Item(
            HostResult {
                task: Arc::clone(&self.info),
                host: Arc::clone(self.host()),
                delegate: single.delegate.clone(),
                status,
                ignored: status == Status::Failed && flags.is_some_and(|flags| flags.ignore_errors),
                result: Arc::new(shown),
                cause: single.cause.clone(),
                looped: true,
                diff: flags.is_some_and(|flags| flags.diff),
                no_log,
                duration: begin.elapsed(),
            },
            label,
        ));
    }
}

/// The results of a loop's items, put together.
#[derive(Default)]
struct Collected {
    results: Vec<rprov_wire::Value>,
    effects: Vec<Effect>,
    changed: bool,
    failed: bool,
    unreachable: bool,
    skipped: bool,
    delegate: Option<Delegate>,
    any: bool,
}

impl Collected {
    fn add(&mut self, mut single: Single) {
        let skipped = flag(&single.result, "skipped");
        self.skipped = if self.any { self.skipped && skipped } else { skipped };
        self.any = true;
        self.changed |= flag(&single.result, "changed");
        self.failed |= flag(&single.result, "failed");
        self.unreachable |= flag(&single.result, "unreachable");
        self.effects.append(&mut single.effects);
        self.delegate = single.delegate;
        complete(&mut single.result);
        self.results.push(single.result.into());
    }

    fn into_single(self, count: usize) -> Single {
        let mut result = Map::new();
        if count == 0 {
            result.insert("changed".into(), false.into());
            result.insert("skipped_reason".into(), "No items in the list".into());
            result.insert("skipped".into(), true.into());
            result.insert("results".into(), rprov_wire::Value::List(Vec::new()));
            return Single { result, effects: self.effects, delegate: None, cause: Cause::Module };
        }
        result.insert("results".into(), rprov_wire::Value::List(self.results));
        result.insert("skipped".into(), self.skipped.into());
        result.insert("changed".into(), self.changed.into());
        let message = if self.failed {
            result.insert("failed".into(), true.into());
            "One or more items failed"
        } else if self.skipped {
            "All items skipped"
        } else {
            "All items completed"
        };
        if self.unreachable {
            result.insert("unreachable".into(), true.into());
        }
        result.insert("msg".into(), message.into());
        Single { result, effects: self.effects, delegate: self.delegate, cause: Cause::Module }
    }
}

/// Whether all conditions hold.
fn all_hold(conditions: &[crate::template::Conditional], scope: &Scope) -> Result<bool, TemplateError> {
    for condition in conditions {
        if !condition.test(scope)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `ansible_loop`
fn extended_loop(items: &[Value], index: usize, all_items: bool) -> Value {
    let count = items.len();
    let mut entries = vec![
        ("index", Value::from(index + 1)),
        ("index0", Value::from(index)),
        ("first", Value::from(index == 0)),
        ("last", Value::from(index + 1 == count)),
        ("length", Value::from(count)),
        ("revindex", Value::from(count - index)),
        ("revindex0", Value::from(count - index - 1)),
    ];
    if all_items {
        entries.push(("allitems", items.iter().cloned().collect()));
    }
    if let Some(next) = items.get(index + 1) {
        entries.push(("nextitem", next.clone()));
    }
    if let Some(previous) = index.checked_sub(1).and_then(|index| items.get(index)) {
        entries.push(("previtem", previous.clone()));
    }
    Value::from_pairs(entries)
}

/// Make sure that the flags a playbook asks for are there, and nothing that is for the report alone.
fn complete(result: &mut Map) {
    if !result.contains_key("changed") {
        result.insert("changed".into(), false.into());
    }
    // What its conditions skipped has not been found good either, and a loop says so only of its items.
    if !result.contains_key("failed") && !result.contains_key("skip_reason") && !result.contains_key("results") {
        result.insert("failed".into(), false.into());
    }
    result.retain(|name, _| !name.starts_with("_ansible_"));
    complete_lines(result);
}

/// Make sure that what a command printed is also there line by line.
fn complete_lines(result: &mut Map) {
    for stream in ["stdout", "stderr"] {
        let lines = format!("{stream}_lines");
        if let Some(rprov_wire::Value::String(text)) = result.get(stream)
            && !result.contains_key(&lines)
        {
            let list = text.lines().map(rprov_wire::Value::from).collect();
            result.insert(lines, rprov_wire::Value::List(list));
        }
    }
}

/// A result as data for templates.
fn value_of(result: Map) -> Value {
    template::from_wire(rprov_wire::Value::Map(result))
}

/// Facts without `ansible_` before their names.
fn facts_of(map: &Map) -> Facts {
    map.iter().map(|(name, value)| (Arc::from(name.as_str()), template::from_wire(value.clone()))).collect()
}

/// The result of a task that a template broke.
pub(super) fn template_failure(error: &TemplateError) -> Map {
    Stop::Template(error.clone()).into_result()
}

/// Whether the action itself asks not to show its result.
fn concealed(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Conceal))
}

/// What is shown of a result that is not to be shown.
fn censored(result: &Map) -> Map {
    let mut shown = Map::new();
    shown.insert(
        "censored".into(),
        "the output has been hidden due to the fact that 'no_log: true' was specified for this result".into(),
    );
    for name in ["changed", "failed", "skipped", "unreachable", "attempts", "retries"] {
        if let Some(value) = result.get(name) {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    shown
}
/// The options that are missing, in the order of the alphabet.
fn missing(problems: &[rprov_modules::argument::ArgumentProblem]) -> Vec<&str> {
    let mut names: Vec<&str> = problems
        .iter()
        .filter_map(|problem| match problem {
            rprov_modules::argument::ArgumentProblem::Missing { option } => Some(option.as_str()),
            _ => None,
        })
        .collect();
    names.sort_unstable();
    names
}
