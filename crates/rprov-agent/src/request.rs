//! One request: its items in order, each answered exactly once, whatever the module does.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rprov_modules::{Cancel, Context, Failure, Outcome};
use rprov_wire::{FromAgent, Map, Request, Value};

use crate::agent::{Shared, lock};
use crate::job;
use crate::link::{Flow, Link, Piece};
use crate::panic;

/// How long a module that was told to stop may take before its item is answered without it.
const GRACE: Duration = Duration::from_secs(2);

/// Why an item ends before its module is through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The controller cancelled the request.
    Cancelled,
    /// The item took longer than its limit.
    TimedOut,
}

/// A request that runs.
pub(crate) struct Running {
    shared: Arc<Shared>,
    request: Request,
    flow: Arc<Flow>,
    state: Mutex<State>,
    /// An item started or was answered.
    changed: Condvar,
}

#[derive(Default)]
struct State {
    item: Option<Item>,
    cancelled: bool,
    done: bool,
}

/// The item that runs now.
struct Item {
    index: usize,
    cancel: Cancel,
    link: Arc<Link>,
    started: Instant,
    reason: Option<Reason>,
}

impl Running {
    pub(crate) fn new(shared: Arc<Shared>, request: Request) -> Self {
        Self { shared, request, flow: Arc::default(), state: Mutex::default(), changed: Condvar::new() }
    }

    /// Run the items on a thread of their own.
    pub(crate) fn start(self: &Arc<Self>) {
        self.continue_at(0);
        if self.request.options.timeout > 0 {
            let this = Arc::clone(self);
            // Without it the limit is not kept, which is better than not to run at all.
            let _ = thread::Builder::new().name("timeout".to_owned()).spawn(move || this.watch());
        }
    }

    fn continue_at(self: &Arc<Self>, first: usize) {
        let this = Arc::clone(self);
        let name = self.request.module.clone();
        if let Err(error) = thread::Builder::new().name(name).spawn(move || this.run(first)) {
            let failure = Failure::new(format!("the host has no thread for the module: {error}"));
            for index in first..self.request.items.len() {
                self.answer(index, failure.clone().into_map());
            }
            self.finish();
        }
    }

    fn run(self: Arc<Self>, first: usize) {
        for (index, arguments) in self.request.items.iter().enumerate().skip(first) {
            let Some((cancel, link)) = self.begin(index) else { break };
            let result = self.call(arguments, &cancel, &link);
            let Some(reason) = self.take(index) else {
                // Given up on meanwhile; another thread has gone on from here.
                return;
            };
            self.answer(
                index,
                match reason {
                    None => result,
                    Some(reason) => self.interrupted(reason),
                },
            );
        }
        self.finish();
    }

    fn begin(&self, index: usize) -> Option<(Cancel, Arc<Link>)> {
        let mut state = lock(&self.state);
        if state.cancelled {
            return None;
        }
        let cancel = Cancel::default();
        let link = Arc::new(Link::new(Arc::clone(&self.shared), Arc::clone(&self.flow), self.request.id));
        state.item = Some(Item {
            index,
            cancel: cancel.clone(),
            link: Arc::clone(&link),
            started: Instant::now(),
            reason: None,
        });
        self.changed.notify_all();
        Some((cancel, link))
    }

    /// Take the right to answer the item, and why it was interrupted, if it was.
    fn take(&self, index: usize) -> Option<Option<Reason>> {
        let mut state = lock(&self.state);
        let item = state.item.take_if(|item| item.index == index)?;
        item.link.close();
        self.changed.notify_all();
        Some(item.reason)
    }

    fn answer(&self, index: usize, result: Map) {
        let item = u32::try_from(index).unwrap_or(u32::MAX);
        let message = FromAgent::Result { id: self.request.id, item, result };
        // What cannot be encoded (a result larger than a frame) must not leave the item unanswered.
        if let Err(error @ (rprov_wire::FrameError::TooLarge(_) | rprov_wire::FrameError::Encode(_))) =
            self.shared.send(message)
        {
            let failure = Failure::new(format!(
                "the result of the module {} cannot be sent to the controller: {error}. Let a command that prints this \
                 much write it into a file, and `fetch` that",
                self.request.module
            ));
            let _ = self.shared.send(FromAgent::Result { id: self.request.id, item, result: failure.into_map() });
        }
    }

    fn finish(&self) {
        lock(&self.state).done = true;
        self.changed.notify_all();
        let _ = self.shared.send(FromAgent::Done { id: self.request.id });
        self.shared.end(self.request.id);
    }

    fn call(&self, arguments: &Map, cancel: &Cancel, link: &Link) -> Map {
        let options = &self.request.options;
        if let Some(job) = &options.job {
            return job::start(&self.request, arguments, job).unwrap_or_else(Failure::into_map);
        }
        let Some(entry) = (self.shared.find)(&self.request.module) else {
            let message = format!("the agent has no module {}: this is a fault of rprov", self.request.module);
            return Failure::new(message).into_map();
        };
        let context = Context { options, transport: link, cancel };
        let outcome: Result<Result<Outcome, Failure>, String> =
            panic::catch(options.no_log, || entry(arguments, &context));
        match outcome {
            Ok(Ok(outcome)) => outcome.into_map(options.diff),
            Ok(Err(failure)) => failure.into_map(),
            Err(message) => Failure::new(format!(
                "the module {} died: it {message}. This is a fault of rprov; the agent goes on",
                self.request.module
            ))
            .into_map(),
        }
    }

    fn interrupted(&self, reason: Reason) -> Map {
        match reason {
            Reason::Cancelled => Failure::new("cancelled").into_map(),
            Reason::TimedOut => {
                let seconds = self.request.options.timeout;
                let period = Value::from_iter([("period", seconds)]);
                Failure::new(format!("Timed out after {seconds} second(s).")).with("timedout", period).into_map()
            }
        }
    }

    /// End the running item: tell its module, kill the processes it waits for, and answer without it if it does not
    /// come back. Returns at once. [`Reason::Cancelled`] ends the whole request.
    pub(crate) fn interrupt(this: &Arc<Self>, reason: Reason) {
        let (index, cancel, link) = {
            let mut state = lock(&this.state);
            if reason == Reason::Cancelled {
                state.cancelled = true;
            }
            let Some(item) = &mut state.item else { return };
            if item.reason.is_some() {
                return;
            }
            item.reason = Some(reason);
            (item.index, item.cancel.clone(), Arc::clone(&item.link))
        };
        let this = Arc::clone(this);
        let stop = move || {
            link.close();
            cancel.cancel();
            this.give_up(index, reason);
        };
        // Without a thread the processes run on; the item is answered when they end.
        let _ = thread::Builder::new().name("cancel".to_owned()).spawn(stop);
    }

    fn give_up(self: &Arc<Self>, index: usize, reason: Reason) {
        let deadline = Instant::now() + GRACE;
        let mut state = lock(&self.state);
        while state.item.as_ref().is_some_and(|item| item.index == index) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(state);
                if self.take(index).is_some() {
                    self.answer(index, self.interrupted(reason));
                    self.continue_at(index + 1);
                }
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Interrupt each item that takes longer than the limit.
    fn watch(self: Arc<Self>) {
        let limit = Duration::from_secs(self.request.options.timeout.into());
        let mut state = lock(&self.state);
        while !state.done {
            let left = match &state.item {
                Some(Item { started, reason: None, .. }) => Some(limit.saturating_sub(started.elapsed())),
                _ => None,
            };
            state = match left {
                Some(left) if left.is_zero() => {
                    drop(state);
                    Running::interrupt(&self, Reason::TimedOut);
                    lock(&self.state)
                }
                Some(left) => self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    pub(crate) fn chunk(&self, pull: u32, piece: Piece) {
        if let Some(item) = &lock(&self.state).item {
            item.link.chunk(pull, piece);
        }
    }

    pub(crate) fn credit(&self, chunks: u32) {
        self.flow.grant(chunks);
    }

    pub(crate) fn refuse_push(&self, item: u32, message: String) {
        // Under the lock, so that the next item cannot begin in between.
        let state = lock(&self.state);
        if state.item.as_ref().is_some_and(|running| u32::try_from(running.index) == Ok(item)) {
            self.flow.refuse(message);
        }
    }
}
