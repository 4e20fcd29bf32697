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
use crate::config::Setting;
use crate::playbook::{ActionName, Loop, LoopSource, Task};
use crate::report::{Delegate, Event, HostResult, ItemInfo, TaskInfo};
use crate::source::{Diagnostic, Severity, Span};
use crate::template::{self, Conditional, Scope, TemplateError, Written};
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
    /// The way to the task's own host, where it is delegated and its action goes to both.
    own: Option<Remote>,
    pub(super) arguments: Map,
    values: Vec<(String, Value)>,
    pub(super) options: WireOptions,
}

/// A result with the effects that come with it.
pub(super) struct Single {
    pub(super) result: Map,
    pub(super) effects: Vec<Effect>,
    pub(super) delegate: Option<Delegate>,
    pub(super) cause: Cause,
    /// What the keywords say of it; known for an item of a loop, and then for the loop.
    pub(super) flags: Option<Flags>,
}

impl Single {
    pub(super) fn plain(result: Map) -> Self {
        Self { result, effects: Vec::new(), delegate: None, cause: Cause::Module, flags: None }
    }

    /// What a mistake in the playbook leads to.
    fn mistaken(mistake: Mistake) -> Self {
        let mut result = result::failed(mistake.message());
        result.insert("changed".into(), false.into());
        result.insert("exception".into(), NO_TRACEBACK.into());
        Self { cause: Cause::Playbook(Arc::new(mistake)), ..Self::plain(result) }
    }

    /// What a template's error leads to; `written` is where the template is.
    pub(super) fn unrendered(error: &TemplateError, written: Option<Span>) -> Self {
        Self::mistaken(Mistake::new("", "", error, written))
    }
}

/// How a result is shown and what a failure means; a loop has them for each item.
#[derive(Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) no_log: bool,
    pub(super) diff: bool,
    pub(super) ignore_errors: bool,
    pub(super) ignore_unreachable: bool,
}

impl Job {
    /// The host.
    pub(super) fn host(&self) -> &Arc<str> {
        &self.variables.host.name
    }

    /// Run it apart from everything else: if it dies, that is a failure of its host alone.
    pub async fn run_apart(self) -> Outcome {
        tokio::spawn(self.run()).await.unwrap_or_else(|error| result::broken(&error))
    }

    /// Run it, and tell what happens on the way.
    async fn run(mut self) -> Outcome {
        let begin = Instant::now();
        let scope = self.variables.clone().scope();
        let unresolved = self.resolve(&scope).err();
        let (single, looped) = tokio::select! {
            biased;
            result = self.run_resolved(&scope, unresolved) => result,
            () = self.cancelled() => (Single::plain(result::failed("interrupted")), false),
        };
        let mut single = single;
        // A loop's flags are those of its items, whose variables they may need.
        let flags = single.flags.map_or_else(|| self.flags(&scope), Ok);
        let flags = if looped { flags.or_else(|_| Ok(Flags::default())) } else { flags };
        let mut status = status_of(&single.result);
        let ignored;
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
                let reader = KeywordReader(&scope);
                ignored = reader.boolean(self.task.keywords.ignore_errors.as_ref(), false).unwrap_or(false);
            }
        }
        let no_log = flags.as_ref().is_ok_and(|flags| flags.no_log) || concealed(&single.effects);
        let diff = flags.as_ref().is_ok_and(|flags| flags.diff);
        let mut effects = std::mem::take(&mut single.effects);
        if status == Status::Changed {
            let notified = self.notified(&scope);
            if notified.as_ref().is_ok_and(|names| !names.is_empty()) {
                for warning in self.handlers.take_unusable() {
                    self.shared.reporter.send(Event::Warning(warning));
                }
            }
            match notified {
                Ok(names) => match self.unknown_handler(&names) {
                    Some(problem) if !self.shared.config.bool(Setting::ErrorOnMissingHandler) => {
                        let problem = Diagnostic { severity: Severity::Warning, ..problem };
                        self.shared.reporter.send(Event::Diagnostic(problem));
                        effects.push(Effect::Notify(names.into_iter().map(|(name, _)| name).collect()));
                    }
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

    pub(super) fn flags(&self, scope: &Scope) -> Result<Flags, TemplateError> {
        let keywords = &self.task.keywords;
        let reader = KeywordReader(scope);
        Ok(Flags {
            no_log: reader.named("no_log").boolean(keywords.no_log.as_ref(), false)?,
            diff: reader.named("diff").boolean(keywords.diff.as_ref(), self.shared.options.diff)?,
            ignore_errors: reader.named("ignore_errors").boolean(keywords.ignore_errors.as_ref(), false)?,
            ignore_unreachable: reader
                .named("ignore_unreachable")
                .boolean(keywords.ignore_unreachable.as_ref(), false)?,
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
    fn resolve(&mut self, scope: &Scope) -> Result<(), Box<Single>> {
        let Some(written) = &self.task.action.template else { return Ok(()) };
        let name = match written.render(scope) {
            Ok(name) => name.to_string(),
            Err(error) => return Err(Single::unrendered(&error, written.span()).into()),
        };
        let collections = self.task.keywords.collections.as_deref().unwrap_or_default();
        let found = self.shared.library.resolve(name.trim(), collections);
        for warning in found.warnings.into_iter().chain(found.deprecations) {
            self.shared.reporter.send(Event::Warning(warning));
        }
        let Some(known) = found.called else {
            let message = found.reason.unwrap_or_else(|| format!("Cannot resolve '{name}' to an action or module."));
            let steps = vec![(message.clone(), written.span())];
            return Err(Single::mistaken(Mistake { steps, ..Mistake::plain(&message, written.span()) }).into());
        };
        // It is reported as what it is.
        Arc::make_mut(&mut self.info).action = name;
        let task = Arc::make_mut(&mut self.task);
        task.action = ActionName { known, ..task.action.clone() };
        Ok(())
    }

    /// Run it, if it is known what it calls.
    async fn run_resolved(&self, scope: &Scope, unresolved: Option<Box<Single>>) -> (Single, bool) {
        let Some(unresolved) = unresolved else { return self.run_in(scope).await };
        let scope = connection_variables::beneath(&self.shared, &self.task, &self.variables, scope);
        match self.condition(&scope) {
            Ok(Some(skipped)) => (Single::plain(skipped), false),
            _ => (*unresolved, false),
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
    pub(super) async fn prepare(&self, plain: &Scope) -> Result<Prepared, Single> {
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
    pub(super) fn stopped(&self, stop: Stop) -> Single {
        match stop {
            Stop::Failed(mut result) => {
                result.entry("exception".to_owned()).or_insert_with(|| NO_TRACEBACK.into());
                Single { cause: Cause::Action, ..Single::plain(result) }
            }
            Stop::Template(error) => Single::unrendered(&error, None),
            Stop::Argument { name, span, error } => {
                let action = self.task.action.known.full_name();
                let stage = format!("Finalization of task args for '{action}' failed");
                let doing = match name.as_str() {
                    "" => String::new(),
                    name => format!("Error while resolving value for '{name}'"),
                };
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
        let own = match remote.delegate() {
            Some(_) if self.task.is("synchronize") => {
                Some(settings::remote_of(&self.shared, &self.task, &self.variables, plain, None)?)
            }
            _ => None,
        };
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
        let known = &self.task.action.known;
        if let Some((option, variable)) = known.option_of_variable()
            && !arguments.contains_key(option)
            && let Some(value) = scope.get(variable).map_err(Stop::Template)?
        {
            arguments.insert(option.to_owned(), template::to_wire(&value).map_err(Stop::Template)?);
        }
        let problems = known.spec.check(&known.short, &arguments, |_| false);
        if let Some(stop) = action::refusal(&known.short, &arguments, &problems) {
            return Err(stop);
        }
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
        Ok(Prepared { scope, remote, own, arguments, values, options })
    }

    pub(super) async fn run_single(&self, scope: &Scope, item: Option<&ItemInfo>) -> Single {
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
            action::conceal(&self.task.action.known, &prepared.arguments, &mut single.result);
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
    pub(super) fn timed_out(&self, result: &Map, prepared: &Prepared) -> Option<Single> {
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
        match (known.action, &known.module) {
            (Some(action), _) => {
                let call = Call {
                    shared: &self.shared,
                    task: &self.task,
                    host: &self.variables.host,
                    scope: &prepared.scope,
                    arguments: prepared.arguments.clone(),
                    values: &prepared.values,
                    remote: &prepared.remote,
                    own: prepared.own.as_ref(),
                    options: &prepared.options,
                };
                action.run(call).await
            }
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
    pub(super) fn conclude(&self, scope: &Scope, executed: Result<Done, Stop>, attempt: Option<u32>) -> Single {
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
            return Single { effects, cause, ..Single::plain(result) };
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
        Single { effects, cause, ..Single::plain(result) }
    }

    /// Say what the module was called with, where that can be seen: in the items of a registered loop, and at `-vvv`.
    pub(super) fn add_invocation(&self, single: &mut Single, arguments: &Map, in_loop: bool) {
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

    pub(super) fn with_result(&self, scope: &Scope, result: &Map) -> Scope {
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
}

/// Whether all conditions hold.
fn all_hold(conditions: &[Conditional], scope: &Scope) -> Result<bool, TemplateError> {
    for condition in conditions {
        if !condition.test(scope)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Make sure that the flags a playbook asks for are there, and nothing that is for the report alone.
pub(super) fn complete(result: &mut Map) {
    if !result.contains_key("changed") {
        result.insert("changed".into(), false.into());
    }
    // What its conditions skipped has not been found good either, and a loop says so only of its items.
    if !result.contains_key("failed") && !result.contains_key("skip_reason") && !is_of_loop(result) {
        result.insert("failed".into(), false.into());
    }
    result.retain(|name, _| !name.starts_with("_ansible_"));
    complete_lines(result);
}

/// Whether the results in it are those of a loop's items, and not a module's own.
fn is_of_loop(result: &Map) -> bool {
    match result.get("results") {
        Some(rprov_wire::Value::List(items)) if items.is_empty() => result.contains_key("skipped_reason"),
        Some(rprov_wire::Value::List(items)) => items.iter().all(|item| item.get("ansible_loop_var").is_some()),
        _ => false,
    }
}

/// Make sure that what a command printed is also there line by line.
fn complete_lines(result: &mut Map) {
    for stream in ["stdout", "stderr"] {
        let lines = format!("{stream}_lines");
        if let Some(rprov_wire::Value::String(text)) = result.get(stream)
            && !result.contains_key(&lines)
        {
            let list =
                template::filter::text::split_lines(text, false).into_iter().map(rprov_wire::Value::from).collect();
            result.insert(lines, rprov_wire::Value::List(list));
        }
    }
}

/// A result as data for templates.
pub(super) fn value_of(result: Map) -> Value {
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
pub(super) fn concealed(effects: &[Effect]) -> bool {
    effects.iter().any(|effect| matches!(effect, Effect::Conceal))
}

/// What is shown of a result that is not to be shown.
pub(super) fn censored(result: &Map) -> Map {
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
