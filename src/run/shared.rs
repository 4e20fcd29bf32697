//! What all hosts of a run have in common.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

use super::options::Options;
use super::remote::Connections;
use crate::action::Library;
use crate::config::Config;
use crate::report::{Event, Reporter};
use crate::source::Diagnostic;
use crate::vars::RunFacts;

/// What all hosts of a run have in common. Nothing in it is locked while a task runs.
#[derive(Debug)]
pub struct Shared {
    /// Flags and settings.
    pub options: Options,
    /// `ansible.cfg` and the environment.
    pub config: Arc<Config>,
    /// Inventory, hosts' variables, and the rest of what templates can see.
    pub facts: Arc<RunFacts>,
    /// Modules of the user's own.
    pub library: Arc<Library>,
    /// Open connections, which may outlive the run.
    pub connections: Arc<Connections>,
    /// Where events go.
    pub reporter: Reporter,
    /// Ctrl-C.
    pub interrupt: Interrupt,
    /// Somebody watches what commands print while they run.
    pub live: bool,
    /// Directory of the first playbook.
    pub directory: PathBuf,
}

impl Shared {
    /// Ctrl-C was pressed: say so, start nothing new, cancel what runs. Returns how often it was pressed.
    pub fn press_interrupt(&self) -> u8 {
        // It is told before anything ends by it.
        if !self.interrupt.is_pressed() {
            let notice = Diagnostic::error("User interrupted execution")
                .hint("what runs is cancelled; press Ctrl-C again to quit at once");
            self.reporter.send(Event::Diagnostic(notice));
        }
        self.interrupt.press()
    }
}

/// Tells whether the person at the terminal wants the run to end.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<State>);

#[derive(Debug, Default)]
struct State {
    count: AtomicU8,
    notify: Notify,
}

impl Interrupt {
    /// Ctrl-C was pressed: start nothing new, cancel what runs. Returns how often it was pressed.
    pub fn press(&self) -> u8 {
        let count = self.0.count.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        self.0.notify.notify_waiters();
        count
    }

    /// Whether it was pressed.
    pub fn is_pressed(&self) -> bool {
        self.0.count.load(Ordering::SeqCst) > 0
    }

    /// Ends when it is pressed.
    pub async fn pressed(&self) {
        loop {
            let notified = self.0.notify.notified();
            if self.is_pressed() {
                return;
            }
            notified.await;
        }
    }
}
