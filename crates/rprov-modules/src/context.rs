//! What a running module may use beside its arguments.

use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rprov_wire::{Bytes, Content, Options, Stream};

use crate::outcome::Failure;

/// The module's way back to the controller, within its request.
pub trait Transport: Send + Sync {
    /// Read content that stayed on the controller; it starts to travel with this call.
    ///
    /// # Errors
    /// There is no such content, or the channel is gone.
    fn pull(&self, content: &Content) -> Result<Box<dyn Read + Send + '_>, Failure>;

    /// Send a piece of a file to the controller. An empty `data` with `last` ends it. Blocks while no credit is left.
    ///
    /// # Errors
    /// The channel is gone, or the controller could not store it.
    fn push(&self, data: Bytes, last: bool) -> Result<(), Failure>;

    /// Show what a command printed while it is still running. Never blocks for credit.
    fn output(&self, stream: Stream, data: &[u8]);
}

/// Tells a module that its request was cancelled, and kills the processes that it waits for.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    flag: Arc<AtomicBool>,
    groups: Arc<std::sync::Mutex<Vec<i32>>>,
}

impl Cancel {
    /// Cancel: from now on [`Cancel::is_cancelled`] is true, and every registered process group gets `SIGTERM`,
    /// then, a moment later, `SIGKILL`.
    pub fn cancel(&self) {
        self.flag.store(true, Ordering::SeqCst);
        self.signal(rustix::process::Signal::TERM);
        let patience = std::time::Instant::now() + std::time::Duration::from_millis(100);
        while self.groups.lock().is_ok_and(|groups| !groups.is_empty()) {
            if std::time::Instant::now() >= patience {
                self.signal(rustix::process::Signal::KILL);
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        // Under the lock, so that no group that was waited for meanwhile is hit under its new owner.
        if let Ok(groups) = self.groups.lock() {
            for pid in groups.iter().filter_map(|group| rustix::process::Pid::from_raw(*group)) {
                let _ = rustix::process::kill_process_group(pid, signal);
            }
        }
    }

    /// Whether the request was cancelled. Modules that wait or loop ask this between steps.
    pub fn is_cancelled(&self) -> bool {
        self.flag.load(Ordering::SeqCst)
    }

    /// Register a process group that is killed on cancellation (at once, if that has been); forgotten when the guard
    /// is dropped.
    pub fn guard(&self, group: u32) -> CancelGuard<'_> {
        let group = i32::try_from(group).unwrap_or(0);
        if let Ok(mut groups) = self.groups.lock() {
            groups.push(group);
            // Read under the lock: whoever cancels sets the flag first and then looks at the list.
            if let (true, Some(pid)) = (self.is_cancelled(), rustix::process::Pid::from_raw(group)) {
                let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
            }
        }
        CancelGuard { cancel: self, group }
    }
}

/// Keeps a process group registered with a [`Cancel`].
#[derive(Debug)]
pub struct CancelGuard<'a> {
    cancel: &'a Cancel,
    group: i32,
}

impl Drop for CancelGuard<'_> {
    fn drop(&mut self) {
        if let Ok(mut groups) = self.cancel.groups.lock() {
            groups.retain(|group| *group != self.group);
        }
    }
}

/// What a running module may use beside its arguments.
pub struct Context<'a> {
    /// Check mode, diff mode, environment and so on.
    pub options: &'a Options,
    /// The way back to the controller.
    pub transport: &'a dyn Transport,
    /// Tells whether the request was cancelled.
    pub cancel: &'a Cancel,
}

impl Context<'_> {
    /// Predict only: nothing on the machine may change.
    pub fn check(&self) -> bool {
        self.options.check
    }

    /// Diffs are wanted.
    pub fn diff(&self) -> bool {
        self.options.diff
    }

    /// A variable of the environment: the task's, or else the agent's; an empty one is none.
    pub fn variable(&self, name: &str) -> Option<String> {
        let of_task = self.options.environment.iter().rev().find(|(known, _)| known == name);
        of_task.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok()).filter(|value| !value.is_empty())
    }

    /// Stop here if the request was cancelled.
    ///
    /// # Errors
    /// It was.
    pub fn checkpoint(&self) -> Result<(), Failure> {
        if self.cancel.is_cancelled() { Err(Failure::new("cancelled")) } else { Ok(()) }
    }
}

impl std::fmt::Debug for Context<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Context").field("options", self.options).finish_non_exhaustive()
    }
}

/// A transport for tests and for modules that need no controller: nothing can be pulled, output is dropped.
#[derive(Debug, Default)]
pub struct Detached;

impl Transport for Detached {
    fn pull(&self, _content: &Content) -> Result<Box<dyn Read + Send + '_>, Failure> {
        Err(Failure::new("there is no controller to read from"))
    }

    fn push(&self, _data: Bytes, _last: bool) -> Result<(), Failure> {
        Err(Failure::new("there is no controller to send to"))
    }

    fn output(&self, _stream: Stream, _data: &[u8]) {}
}
