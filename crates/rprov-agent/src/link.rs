//! A running module's way to the controller: content that it pulls, files that it pushes, live output.

use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use rprov_modules::{Failure, Transport};
use rprov_wire::message::WINDOW;
use rprov_wire::{Bytes, CHUNK, Content, FromAgent, Stream};
use serde_bytes::ByteBuf;

use crate::agent::{Shared, lock};

/// A piece of pulled content and whether it was the last, or why there is none.
pub(crate) type Piece = Result<(Bytes, bool), String>;

/// Chunks that are consumed before credit for them is granted: a part of the window, so that the controller never
/// runs dry, but not so few that the grants crowd the channel.
const GRANT: u32 = WINDOW / 4;

/// What outlives the items of a request.
#[derive(Debug)]
pub(crate) struct Flow {
    next_pull: AtomicU32,
    push: Mutex<Push>,
    changed: Condvar,
}

#[derive(Debug)]
struct Push {
    credit: u32,
    refused: Option<String>,
}

impl Default for Flow {
    fn default() -> Self {
        let push = Mutex::new(Push { credit: WINDOW, refused: None });
        Self { next_pull: AtomicU32::new(0), push, changed: Condvar::new() }
    }
}

impl Flow {
    pub(crate) fn grant(&self, chunks: u32) {
        let mut push = lock(&self.push);
        push.credit = push.credit.saturating_add(chunks);
        self.changed.notify_all();
    }

    pub(crate) fn refuse(&self, message: String) {
        lock(&self.push).refused = Some(message);
        self.changed.notify_all();
    }
}

/// The way to the controller within one item.
pub(crate) struct Link {
    shared: Arc<Shared>,
    flow: Arc<Flow>,
    id: u32,
    /// The item was answered, or cancelled: nothing goes out or comes in any more.
    closed: AtomicBool,
    pulls: Mutex<HashMap<u32, Sender<Piece>>>,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, flow: Arc<Flow>, id: u32) -> Self {
        lock(&flow.push).refused = None;
        Self { shared, flow, id, closed: AtomicBool::new(false), pulls: Mutex::default() }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        // Readers that wait see the end of their senders, and pushers the flag.
        lock(&self.pulls).clear();
        let _push = lock(&self.flow.push);
        self.flow.changed.notify_all();
    }

    pub(crate) fn chunk(&self, pull: u32, piece: Piece) {
        // A pull that is unknown has been given up.
        if let Some(sender) = lock(&self.pulls).get(&pull) {
            let _ = sender.send(piece);
        }
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    fn send(&self, message: FromAgent) -> Result<(), Failure> {
        if self.is_closed() {
            return Err(Failure::new("cancelled"));
        }
        self.shared
            .send(message)
            .map_err(|error| Failure::new(format!("the channel to the controller failed: {error}")))
    }

    /// Wait until a chunk may be sent.
    fn acquire(&self) -> Result<(), Failure> {
        let mut push = lock(&self.flow.push);
        loop {
            if self.is_closed() {
                return Err(Failure::new("cancelled"));
            }
            if let Some(message) = &push.refused {
                return Err(Failure::new(message.clone()));
            }
            if push.credit > 0 {
                push.credit -= 1;
                return Ok(());
            }
            push = self.flow.changed.wait(push).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Transport for Link {
    fn pull(&self, content: &Content) -> Result<Box<dyn Read + Send + '_>, Failure> {
        let pull = self.flow.next_pull.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = mpsc::channel();
        lock(&self.pulls).insert(pull, sender);
        if self.is_closed() {
            lock(&self.pulls).clear();
        }
        self.send(FromAgent::Pull { id: self.id, pull, content: content.index })?;
        let reader = Puller { link: self, pull, receiver, current: Bytes::new(), offset: 0, consumed: 0, over: false };
        Ok(Box::new(reader))
    }

    fn push(&self, mut data: Bytes, last: bool) -> Result<(), Failure> {
        while last || !data.is_empty() {
            self.acquire()?;
            let piece = data.split_to(data.len().min(CHUNK));
            let last = last && data.is_empty();
            self.send(FromAgent::Chunk { id: self.id, last, data: piece })?;
            if last {
                break;
            }
        }
        Ok(())
    }

    fn output(&self, stream: Stream, data: &[u8]) {
        // In pieces, so that the answers of other requests get in between.
        for piece in data.chunks(CHUNK) {
            if self.send(FromAgent::Output { id: self.id, stream, data: ByteBuf::from(piece) }).is_err() {
                return;
            }
        }
    }
}

/// Reads one pulled content.
struct Puller<'a> {
    link: &'a Link,
    pull: u32,
    receiver: Receiver<Piece>,
    current: Bytes,
    offset: usize,
    consumed: u32,
    over: bool,
}

impl Read for Puller<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.current.get(self.offset..).unwrap_or_default();
            if !rest.is_empty() || buffer.is_empty() {
                let count = rest.len().min(buffer.len());
                let (Some(target), Some(source)) = (buffer.get_mut(..count), rest.get(..count)) else { return Ok(0) };
                target.copy_from_slice(source);
                self.offset += count;
                return Ok(count);
            }
            if self.over {
                return Ok(0);
            }
            if self.consumed >= GRANT {
                let credit = FromAgent::Credit { id: self.link.id, pull: self.pull, chunks: self.consumed };
                self.consumed = 0;
                self.link.send(credit).map_err(io::Error::other)?;
            }
            match self.receiver.recv() {
                Ok(Ok((data, last))) => {
                    self.current = data;
                    self.offset = 0;
                    self.over = last;
                    self.consumed += 1;
                }
                Ok(Err(message)) => {
                    self.over = true;
                    return Err(io::Error::other(message));
                }
                Err(_) => return Err(io::Error::other("cancelled")),
            }
        }
    }
}

impl Drop for Puller<'_> {
    fn drop(&mut self) {
        lock(&self.link.pulls).remove(&self.pull);
        if !self.over {
            let _ = self.link.send(FromAgent::PullEnd { id: self.link.id, pull: self.pull });
        }
    }
}
