//! The stream of events: the engine sends, one thread reads and hands each event to all readers.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::mpsc;
use std::thread::JoinHandle;

use super::event::Event;

/// A reader of events.
pub trait Sink: Send {
    /// Take one event.
    fn event(&mut self, event: &Event);

    /// There are no more events.
    fn finish(&mut self) {}

    /// Whether it shows the whole results of tasks that went well, and not only what became of them.
    fn shows_results(&self) -> bool {
        false
    }
}

/// What travels to the readers' thread.
enum Message {
    Event(Event),
    /// All that was sent before has been read once this answers.
    Settle(mpsc::Sender<()>),
}

/// The engine's end of the stream. Cheap to share; sending never blocks.
#[derive(Debug)]
pub struct Reporter {
    sender: Mutex<Option<mpsc::Sender<Message>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    shows_results: bool,
}

impl Reporter {
    /// Hand all events to these readers, in a thread of their own.
    pub fn start(mut sinks: Vec<Box<dyn Sink>>) -> Self {
        let shows_results = sinks.iter().any(|sink| sink.shows_results());
        let (sender, receiver) = mpsc::channel::<Message>();
        let thread = std::thread::spawn(move || {
            for message in receiver {
                match message {
                    Message::Event(event) => sinks.iter_mut().for_each(|sink| sink.event(&event)),
                    // Who asked may have gone.
                    Message::Settle(done) => drop(done.send(())),
                }
            }
            for sink in &mut sinks {
                sink.finish();
            }
        });
        Self { sender: Mutex::new(Some(sender)), thread: Mutex::new(Some(thread)), shows_results }
    }

    /// Whether any reader shows the whole results of tasks that went well.
    pub fn shows_results(&self) -> bool {
        self.shows_results
    }

    /// Tell something.
    pub fn send(&self, event: Event) {
        if let Some(sender) = &*self.sender.lock().unwrap_or_else(PoisonError::into_inner) {
            // The reader only ends with the stream.
            let _ = sender.send(Message::Event(event));
        }
    }

    /// Wait until everything that was sent so far was told, so that a question comes behind it.
    pub fn settle(&self) {
        let (done, answer) = mpsc::channel();
        match &*self.sender.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(sender) => drop(sender.send(Message::Settle(done))),
            None => return,
        }
        // An error means that there is no reader any more.
        let _ = answer.recv();
    }

    /// Wait until everything was told.
    pub fn finish(&self) {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = thread.join();
        }
    }
}
