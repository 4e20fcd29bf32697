//! A task's loop: its items, one after the other or all in one frame, and what becomes of their results.

use std::sync::Arc;
use std::time::{Duration, Instant};

use minijinja::Value;
use rprov_wire::Map;

use super::effect::Effect;
use super::result::{self, Cause, Status, flag, status_of};
use super::settings::KeywordReader;
use super::task::{Flags, Job, Prepared, Single, censored, complete, concealed, value_of};
use crate::action::{self, Done, Parcel, Stop};
use crate::playbook::Loop;
use crate::report::{Delegate, Event, HostResult, ItemInfo};
use crate::template::{self, Conditional, Scope, TemplateError, Variable, Written};
use crate::vars::Values;

/// The items of a loop, and what the task calls them.
struct Items<'a> {
    values: &'a [Value],
    loop_var: Arc<str>,
    index_var: Option<String>,
    /// Whether there is `ansible_loop`.
    extended: bool,
    /// `ansible_loop.allitems`
    all: Option<Value>,
}

impl<'a> Items<'a> {
    fn read(looping: &Loop, reader: &KeywordReader<'_>, values: &'a [Value]) -> Result<Self, TemplateError> {
        let control = &looping.control;
        let loop_var = reader.text(control.loop_var.as_ref())?.unwrap_or_else(|| "item".to_owned());
        let index_var = reader.text(control.index_var.as_ref())?;
        let extended = reader.boolean(control.extended.as_ref(), false)?;
        let all = reader.boolean(control.extended_allitems.as_ref(), true)?;
        let all = (extended && all).then(|| values.iter().cloned().collect());
        Ok(Self { values, loop_var: loop_var.into(), index_var, extended, all })
    }

    /// What the task sees of an item, and of what those before it have set.
    fn scope(&self, scope: &Scope, index: usize, item: &Value, carried: &Values) -> Scope {
        let mut locals: Vec<(Arc<str>, Value)> =
            vec![(Arc::clone(&self.loop_var), item.clone()), ("ansible_loop_var".into(), Value::from(&*self.loop_var))];
        if let Some(name) = &self.index_var {
            locals.push((name.as_str().into(), Value::from(index)));
            locals.push(("ansible_index_var".into(), Value::from(name.as_str())));
        }
        locals.extend(self.extended(index).map(|extended| ("ansible_loop".into(), extended)));
        let locals = locals.into_iter().map(|(name, value)| (name, Variable::from(value)));
        // The first of a name counts.
        scope.with(locals.chain(carried.iter().map(|(name, value)| (Arc::clone(name), value.clone()))))
    }

    /// `ansible_loop`
    fn extended(&self, index: usize) -> Option<Value> {
        if !self.extended {
            return None;
        }
        let count = self.values.len();
        let mut entries = vec![
            ("index", Value::from(index + 1)),
            ("index0", Value::from(index)),
            ("first", Value::from(index == 0)),
            ("last", Value::from(index + 1 == count)),
            ("length", Value::from(count)),
            ("revindex", Value::from(count - index)),
            ("revindex0", Value::from(count - index - 1)),
        ];
        entries.extend(self.all.clone().map(|all| ("allitems", all)));
        if let Some(next) = self.values.get(index + 1) {
            entries.push(("nextitem", next.clone()));
        }
        if let Some(previous) = index.checked_sub(1).and_then(|index| self.values.get(index)) {
            entries.push(("previtem", previous.clone()));
        }
        Some(Value::from_pairs(entries))
    }

    /// Add to an item's result which item it is of.
    fn name(&self, result: &mut Map, index: usize, item: &Value) {
        result.insert(self.loop_var.to_string(), template::to_wire(item).unwrap_or_default());
        result.insert("ansible_loop_var".into(), (&*self.loop_var).into());
        if let Some(name) = &self.index_var {
            result.insert(name.clone(), index.into());
            result.insert("ansible_index_var".into(), name.as_str().into());
        }
        if let Some(value) = self.extended(index).and_then(|value| template::to_wire(&value).ok()) {
            result.insert("ansible_loop".into(), value);
        }
    }
}

impl Job {
    /// Run the task for each item.
    pub(super) async fn run_loop(&self, looping: &Loop, scope: &Scope, values: Vec<Value>) -> Single {
        let control = &looping.control;
        let reader = KeywordReader(scope);
        let read = Items::read(looping, &reader, &values)
            .and_then(|items| Ok((items, reader.number(control.pause.as_ref(), 0.0)?)));
        let (items, pause) = match read {
            Ok(read) => read,
            Err(error) => return Single::unrendered(&error, None),
        };
        let batchable = self.task.action.known.is_on_host()
            && self.task.until.is_empty()
            && self.task.retries.is_none()
            && self.task.asynchronous.is_none()
            && !self.reads_own_result()
            && control.break_when.is_empty()
            && pause == 0.0;
        let mut collected = Collected::default();
        if batchable {
            for single in self.run_batch(scope, &items, looping).await {
                collected.add(single);
            }
            return collected.into_single(values.len());
        }
        // What an item sets, those after it see.
        let mut carried = Values::new();
        for (index, item) in values.iter().enumerate() {
            if index > 0 && pause > 0.0 {
                tokio::time::sleep(Duration::from_secs_f64(pause)).await;
            }
            let begin = Instant::now();
            let scope = items.scope(scope, index, item, &carried);
            let (label, unlabelled) = self.item_info(looping, &scope, index, item);
            let mut single = self.run_single(&scope, Some(&label)).await;
            self.judge_item(&mut single, &scope);
            items.name(&mut single.result, index, item);
            mislabel(&mut single, unlabelled);
            collected.unchange_repeated(&mut single);
            self.tell_item(&single, &label, begin);
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
        collected.into_single(values.len())
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
    async fn run_batch(&self, scope: &Scope, items: &Items<'_>, looping: &Loop) -> Vec<Single> {
        let begin = Instant::now();
        let module = self.task.action.known.module.as_ref();
        let nothing = Values::new();
        let scopes: Vec<Scope> =
            items.values.iter().enumerate().map(|(index, item)| items.scope(scope, index, item, &nothing)).collect();
        let mut singles: Vec<Option<Single>> = Vec::with_capacity(scopes.len());
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
                            let cause = single.cause.clone();
                            *slot = Some(Single { cause, ..Single::plain(single.result.clone()) });
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
                        action::conceal(&self.task.action.known, &ready.arguments, &mut single.result);
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
        let mut done = Vec::with_capacity(scopes.len());
        for (index, (single, (scope, item))) in singles.into_iter().zip(scopes.iter().zip(items.values)).enumerate() {
            let mut single = single.unwrap_or_else(|| Single::plain(result::failed("the item was not run")));
            self.judge_item(&mut single, scope);
            items.name(&mut single.result, index, item);
            let (label, unlabelled) = self.item_info(looping, scope, index, item);
            mislabel(&mut single, unlabelled);
            self.tell_item(&single, &label, begin);
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

    /// What the keywords say of one item, with its own variables.
    fn judge_item(&self, single: &mut Single, scope: &Scope) {
        match self.flags(scope) {
            Ok(flags) => single.flags = Some(flags),
            Err(error) => {
                let delegate = single.delegate.take();
                // Whether it was to be shown is not known.
                let flags = Some(Flags { no_log: self.task.keywords.no_log.is_some(), ..Flags::default() });
                *single = Single { delegate, flags, ..Single::unrendered(&error, None) };
            }
        }
    }

    fn tell_item(&self, single: &Single, label: &ItemInfo, begin: Instant) {
        let flags = single.flags.unwrap_or_default();
        let no_log = flags.no_log || concealed(&single.effects);
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
                ignored: status == Status::Failed && flags.ignore_errors,
                result: Arc::new(shown),
                cause: single.cause.clone(),
                looped: true,
                diff: flags.diff,
                no_log,
                duration: begin.elapsed(),
            },
            label,
        ));
    }
}

/// Fail an item whose label could not be rendered.
fn mislabel(single: &mut Single, failure: Option<String>) {
    if let Some(failure) = failure {
        single.result.insert("failed".into(), true.into());
        single.result.insert("msg".into(), failure.into());
        single.cause = Cause::Label;
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
    no_log: bool,
    diff: bool,
    /// An item failed, or was unreachable, that was not to be ignored.
    counts: bool,
}

impl Collected {
    /// What an earlier item has asked for already changes nothing a second time.
    fn unchange_repeated(&self, single: &mut Single) {
        let same = |one: &Effect, other: &Effect| match (one, other) {
            (Effect::AddHost(one), Effect::AddHost(other)) => {
                one.name == other.name
                    && one.groups == other.groups
                    && one.variables.len() == other.variables.len()
                    && one.variables.iter().all(|(name, value)| match (value, other.variables.get(name)) {
                        (Variable::Plain(value), Some(Variable::Plain(other))) => value == other,
                        _ => false,
                    })
            }
            (Effect::GroupBy { group, parents }, Effect::GroupBy { group: other, parents: others }) => {
                group == other && parents == others
            }
            _ => false,
        };
        let known = |effect: &Effect| self.effects.iter().any(|earlier| same(earlier, effect));
        if !single.effects.is_empty() && single.effects.iter().all(known) && flag(&single.result, "changed") {
            single.result.insert("changed".into(), false.into());
        }
    }

    fn add(&mut self, mut single: Single) {
        let skipped = flag(&single.result, "skipped");
        self.skipped = if self.any { self.skipped && skipped } else { skipped };
        self.any = true;
        self.changed |= flag(&single.result, "changed");
        self.failed |= flag(&single.result, "failed");
        self.unreachable |= flag(&single.result, "unreachable");
        let flags = single.flags.unwrap_or_default();
        self.no_log |= flags.no_log;
        self.diff |= flags.diff;
        self.counts |= match status_of(&single.result) {
            Status::Failed => !flags.ignore_errors,
            Status::Unreachable => !flags.ignore_unreachable,
            _ => false,
        };
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
            return Single { effects: self.effects, ..Single::plain(result) };
        }
        let ignored = !self.counts;
        let flags = Flags { no_log: self.no_log, diff: self.diff, ignore_errors: ignored, ignore_unreachable: ignored };
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
        Single { effects: self.effects, delegate: self.delegate, flags: Some(flags), ..Single::plain(result) }
    }
}
