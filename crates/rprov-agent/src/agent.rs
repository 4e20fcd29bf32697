//! The agent itself: which requests run, and which message is for which of them.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rprov_modules::registry::Entry;
use rprov_wire::{FrameError, FromAgent, Hello, ToAgent};

use crate::request::{Reason, Running};

/// Where the agent's messages go. Called from many threads; it must send each message as a whole.
pub type Sink = Box<dyn Fn(FromAgent) -> Result<(), FrameError> + Send + Sync>;

/// How a module is found by its name.
pub type Find = fn(&str) -> Option<Entry>;

/// Runs requests until it is stopped or dropped.
pub struct Agent {
    shared: Arc<Shared>,
}

/// What the threads of all requests share.
pub(crate) struct Shared {
    sink: Sink,
    pub(crate) find: Find,
    running: Mutex<HashMap<u32, Arc<Running>>>,
    ended: Condvar,
}

/// Lock, also where a thread died with the lock held: what is kept here stays valid at every step.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Agent {
    /// An agent that answers to `sink`, with the modules that `find` knows.
    pub fn new(sink: Sink, find: Find) -> Self {
        let shared = Shared { sink, find, running: Mutex::default(), ended: Condvar::new() };
        Self { shared: Arc::new(shared) }
    }

    /// Who this process is.
    pub fn hello() -> Hello {
        Hello {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uid: rustix::process::geteuid().as_raw(),
            home: std::env::var_os("HOME").unwrap_or_default().to_string_lossy().into_owned(),
        }
    }

    /// Take in a message. Never blocks: what takes time happens on the requests' threads.
    pub fn receive(&self, message: ToAgent) {
        match message {
            ToAgent::Request(request) => {
                let id = request.id;
                let running = Arc::new(Running::new(Arc::clone(&self.shared), request));
                lock(&self.shared.running).insert(id, Arc::clone(&running));
                running.start();
            }
            ToAgent::Chunk { id, pull, data, last } => self.with(id, |running| running.chunk(pull, Ok((data, last)))),
            ToAgent::ChunkFailed { id, pull, message } => self.with(id, |running| running.chunk(pull, Err(message))),
            ToAgent::Credit { id, chunks } => self.with(id, |running| running.credit(chunks)),
            ToAgent::PushFailed { id, item, message } => self.with(id, |running| running.refuse_push(item, message)),
            // For whoever reads the stream.
            ToAgent::Goodbye => {}
            ToAgent::Cancel { id } => self.with(id, |running| Running::interrupt(running, Reason::Cancelled)),
        }
    }

    fn with(&self, id: u32, action: impl FnOnce(&Arc<Running>)) {
        // One that is unknown has ended: its last messages and this one crossed.
        let running = lock(&self.shared.running).get(&id).cloned();
        if let Some(running) = running {
            action(&running);
        }
    }

    /// Cancel all requests, kill the processes they wait for, and wait for them to end, but not longer than `patience`.
    pub fn stop(&self, patience: Duration) {
        self.shared.stop(patience);
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        for running in self.shared.all() {
            Running::interrupt(&running, Reason::Cancelled);
        }
    }
}

impl std::fmt::Debug for Agent {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Agent").field("running", &lock(&self.shared.running).len()).finish()
    }
}

impl Shared {
    pub(crate) fn send(&self, message: FromAgent) -> Result<(), FrameError> {
        (self.sink)(message)
    }

    /// Forget a request that was answered.
    pub(crate) fn end(&self, id: u32) {
        lock(&self.running).remove(&id);
        self.ended.notify_all();
    }

    fn all(&self) -> Vec<Arc<Running>> {
        lock(&self.running).values().cloned().collect()
    }

    fn stop(&self, patience: Duration) {
        for running in self.all() {
            Running::interrupt(&running, Reason::Cancelled);
        }
        let deadline = Instant::now() + patience;
        let mut running = lock(&self.running);
        while !running.is_empty() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            running = self.ended.wait_timeout(running, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
