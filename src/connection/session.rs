//! One agent, for one user of one host, for the whole run.
//!
//! Any number of calls share a session. What they say goes out through one queue; what the agent answers is handed to
//! the call that it is for. When the agent ends, all calls that are under way end with the same reason.

use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use rprov_wire::message::WINDOW;
use rprov_wire::{
    CHUNK, FrameError, FromAgent, Hello, MAX_FRAME, Map, Message as _, Options, Request, Source, Stream, ToAgent,
    decode, encode, head,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};
use tokio::task::AbortHandle;

use super::r#become::Become;
use super::bootstrap::{self, First, Started, Trust, is_crash, last_characters, printable};
use super::error::{ConnectionError, Loss};
use super::local::signal_name;
use super::lock;
use super::settings::BecomeSettings;
use super::store::AgentStore;
use super::transport::{Ending, Exit, Transport};

/// Bytes of the agent's standard error that are kept, to explain its end.
const LAST_WORDS: usize = 4096;

/// Chunks of pushed data that are consumed before credit for them is granted.
const GRANT: u32 = WINDOW / 4;

/// Chunks of content that wait to be written to the agent. Credit says what the agent can take; this, what is worth
/// holding in memory for it.
const ROOM: usize = 8;

/// How long to wait for the exit code once the agent's output has ended.
const EPILOGUE: Duration = Duration::from_secs(2);

/// How long an agent that does nothing may take to end.
const LEAVE: Duration = Duration::from_secs(5);

/// One agent, for one user of one host. Calls may run at the same time. When it is dropped, the agent ends.
#[derive(Debug)]
pub struct Session {
    link: Arc<Link>,
    hello: Hello,
    /// Its other side goes with the agent's process.
    gone: watch::Receiver<()>,
}

/// A module call: one task on one host.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The module's short name.
    pub module: String,
    /// What holds for every item.
    pub options: Options,
    /// One set of arguments for each loop item.
    pub items: Vec<Map>,
    /// The contents that the arguments refer to by [`Content::index`](rprov_wire::Content::index).
    pub sources: Vec<Source>,
}

impl Call {
    /// Whether it holds nothing that a user of the host must not see, so that it may be on a command line there.
    fn is_public(&self) -> bool {
        let plain = self.module == "setup" || self.items.iter().all(Map::is_empty);
        plain && !self.options.no_log && self.options.environment.is_empty()
    }
}

/// What a running call has to tell.
#[derive(Clone, Debug, PartialEq)]
pub enum Update {
    /// An item's result. They come in the order of the items.
    Result {
        /// Index in [`Call::items`].
        item: u32,
        /// The module's result.
        result: Map,
    },
    /// Live output of the running item.
    Output {
        /// Which of the two streams.
        stream: Stream,
        /// What was printed, raw.
        data: Vec<u8>,
    },
    /// A piece of a file that the running item's module sends.
    Data {
        /// The bytes.
        data: Bytes,
        /// The file is complete. If the item's result comes before this, it is not.
        last: bool,
    },
}

/// A call that runs. Dropping it cancels it.
#[derive(Debug)]
pub struct Running {
    id: u32,
    link: Arc<Link>,
    answers: UnboundedReceiver<FromAgent>,
    sources: Vec<Source>,
    pulls: HashMap<u32, Pull>,
    consumed: u32,
    /// The item that runs: as many were answered.
    item: u32,
    done: bool,
}

#[derive(Debug)]
struct Pull {
    credit: Arc<Semaphore>,
    task: AbortHandle,
}

impl Drop for Pull {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the session and its calls share.
#[derive(Debug)]
struct Link {
    next: AtomicU32,
    calls: Mutex<HashMap<u32, UnboundedSender<FromAgent>>>,
    outgoing: Mutex<Option<Outgoing>>,
    lost: OnceLock<Loss>,
    /// The agent ended in a way in which a damaged program does.
    crashed: AtomicBool,
    room: Arc<Semaphore>,
}

/// Where messages to the agent go.
#[derive(Clone, Debug)]
enum Outgoing {
    /// To a process, as frames.
    Frames(UnboundedSender<Frame>),
    /// To an agent within this process.
    Here(Arc<rprov_agent::Agent>),
}

/// A frame that waits to be written, and the room that it takes.
#[derive(Debug)]
struct Frame {
    head: Vec<u8>,
    content: Bytes,
    _room: Option<OwnedSemaphorePermit>,
}

impl Session {
    /// Start the agent on a host, as the transport's user or as another.
    ///
    /// # Errors
    /// [`ConnectionError::Become`] if the other user cannot be become, [`ConnectionError::Agent`] if the agent cannot be
    /// installed or started, and what the transport says.
    pub async fn start(
        transport: Arc<dyn Transport>,
        r#become: Option<&BecomeSettings>,
        store: &AgentStore,
    ) -> Result<Session, ConnectionError> {
        Self::launch(transport, r#become, store, None).await.map(|(session, _)| session)
    }

    /// Start the agent on a host and make the first call at once, which saves a round trip: where it is short, it goes
    /// out together with the command that starts the agent.
    ///
    /// # Errors
    /// As [`Session::start`] and [`Session::call`]. The call may have been made or not then.
    pub async fn start_with(
        transport: Arc<dyn Transport>,
        r#become: Option<&BecomeSettings>,
        store: &AgentStore,
        call: Call,
    ) -> Result<(Session, Running), ConnectionError> {
        match Self::launch(transport, r#become, store, Some(call)).await? {
            (session, Some(running)) => Ok((session, running)),
            (session, None) => Err(session.link.loss()),
        }
    }

    async fn launch(
        transport: Arc<dyn Transport>,
        r#become: Option<&BecomeSettings>,
        store: &AgentStore,
        call: Option<Call>,
    ) -> Result<(Session, Option<Running>), ConnectionError> {
        let r#become = r#become.map(Become::new).transpose()?;
        let (sender, frames) = mpsc::unbounded_channel();
        let link = Arc::new(Link::new(Outgoing::Frames(sender.clone())));
        let public = call.as_ref().is_some_and(Call::is_public);
        let (running, first) = match call {
            Some(call) => {
                let (running, request) = link.begin(call);
                (Some(running), Some(encode(&request).map_err(unsendable)?))
            }
            None => (None, None),
        };
        let with = first.as_deref().map(|frame| First { frame, public });
        let started = bootstrap::start(transport.as_ref(), r#become.as_ref(), store, with, Trust::Name).await?;
        if let Some(first) = first.filter(|_| !started.asked) {
            let _ = sender.send(Frame { head: first, content: Bytes::new(), _room: None });
        }
        drop(sender);
        let session = Self::greet(link, frames, started, transport).await?;
        Ok((session, running))
    }

    /// An agent within this process, for `connection: local` without become. Modules run on threads of their own.
    pub fn here() -> Session {
        Self::here_with(super::entry)
    }

    fn here_with(find: rprov_agent::Find) -> Session {
        let link = Arc::new_cyclic(|link: &Weak<Link>| {
            let link = Weak::clone(link);
            let sink = move |message| {
                if let Some(link) = link.upgrade() {
                    link.route(message);
                }
                Ok(())
            };
            Link::new(Outgoing::Here(Arc::new(rprov_agent::Agent::new(Box::new(sink), find))))
        });
        Session { link, hello: rprov_agent::Agent::hello(), gone: watch::channel(()).1 }
    }

    /// Who the agent is.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Why no more calls can be made, once the agent has ended.
    pub fn lost(&self) -> Option<&str> {
        self.link.lost.get().map(|loss| loss.reason.as_str())
    }

    /// Start a call.
    ///
    /// # Errors
    /// The agent has ended, or the arguments are larger than a frame.
    pub fn call(&self, call: Call) -> Result<Running, ConnectionError> {
        let (running, request) = self.link.begin(call);
        self.link.send(request)?;
        Ok(running)
    }

    /// Whether the agent ended in a way in which a damaged program does: then [`Session::mend`] tells.
    pub fn has_crashed(&self) -> bool {
        self.link.crashed.load(Ordering::Relaxed)
    }

    /// Hold the agent's file on a host against what it should be, and replace it where it is damaged, after an agent has
    /// crashed. The file that was damaged, if any was.
    ///
    /// # Errors
    /// As [`Session::start`].
    pub async fn mend(
        transport: Arc<dyn Transport>,
        r#become: Option<&BecomeSettings>,
        store: &AgentStore,
    ) -> Result<Option<String>, ConnectionError> {
        let r#become = r#become.map(Become::new).transpose()?;
        let started = bootstrap::start(transport.as_ref(), r#become.as_ref(), store, None, Trust::Content).await?;
        Ok(started.damaged)
    }

    /// Make a call and wait for the results of all of its items, where nothing else is of interest.
    ///
    /// # Errors
    /// As [`Session::call`] and [`Running::next`].
    pub async fn results(&self, call: Call) -> Result<Vec<Map>, ConnectionError> {
        let mut results = Vec::with_capacity(call.items.len());
        let mut running = self.call(call)?;
        while let Some(update) = running.next().await? {
            if let Update::Result { result, .. } = update {
                results.push(result);
            }
        }
        Ok(results)
    }

    /// Let the agent end: it kills what still runs. Calls that are under way end as lost.
    pub fn close(&self) {
        self.link.lose("the session was closed".to_owned().into());
    }

    /// Let an agent end that does nothing, and wait until it has.
    pub async fn leave(&self) {
        if !lock(&self.link.calls).is_empty() {
            return;
        }
        self.close();
        let mut gone = self.gone.clone();
        // A host that does not answer shows that to whoever calls it next.
        let _ = tokio::time::timeout(LEAVE, async { while gone.changed().await.is_ok() {} }).await;
    }

    async fn greet(
        link: Arc<Link>,
        outgoing: UnboundedReceiver<Frame>,
        started: Started,
        transport: Arc<dyn Transport>,
    ) -> Result<Session, ConnectionError> {
        let Started { stdin, stdout, stderr, exit, ending, frames, .. } = started;
        let words = Arc::new(Mutex::new(Vec::new()));
        let mut incoming = Incoming { stream: stdout, buffer: BytesMut::from(frames.as_slice()) };
        let hello = match tokio::time::timeout(Duration::from_secs(30), incoming.next()).await {
            Ok(Ok(Some(FromAgent::Hello(hello)))) => hello,
            Ok(Ok(Some(_) | None)) => return Err(bad_start("it said something else than hello")),
            Ok(Err(problem)) => return Err(bad_start(&problem)),
            Err(_) => return Err(bad_start("it said nothing")),
        };
        tokio::spawn(write(stdin, outgoing, Arc::downgrade(&link)));
        let listener = tokio::spawn(remember(stderr, Arc::clone(&words)));
        // The transport lives as long as the agent does.
        let (there, gone) = watch::channel(());
        let exit = async move {
            let exit = exit.await;
            drop(there);
            exit
        };
        tokio::spawn(read(incoming, Arc::downgrade(&link), (exit, ending), words, listener.abort_handle(), transport));
        Ok(Session { link, hello, gone })
    }
}

fn bad_start(problem: &str) -> ConnectionError {
    ConnectionError::Agent {
        reason: format!("its first words make no sense: {problem}"),
        hint: Some("remove ~/.cache/rprov on the host, so that the agent is copied there again".to_owned()),
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.close();
    }
}

impl Running {
    /// What the call has to tell next; `None` once all items were answered. It may be dropped while it waits.
    ///
    /// # Errors
    /// [`ConnectionError::Lost`] if the agent has ended.
    pub async fn next(&mut self) -> Result<Option<Update>, ConnectionError> {
        while !self.done {
            let Some(answer) = self.answers.recv().await else {
                self.done = true;
                return Err(self.link.loss());
            };
            if let Some(update) = self.take(answer)? {
                return Ok(Some(update));
            }
        }
        Ok(None)
    }

    fn take(&mut self, answer: FromAgent) -> Result<Option<Update>, ConnectionError> {
        match answer {
            FromAgent::Result { item, result, .. } => {
                self.pulls.clear();
                self.item = item.saturating_add(1);
                return Ok(Some(Update::Result { item, result }));
            }
            FromAgent::Output { stream, data, .. } => {
                return Ok(Some(Update::Output { stream, data: data.into_vec() }));
            }
            FromAgent::Chunk { data, last, .. } => {
                self.consumed += 1;
                if self.consumed >= GRANT || last {
                    self.link.send(ToAgent::Credit { id: self.id, chunks: self.consumed })?;
                    self.consumed = 0;
                }
                return Ok(Some(Update::Data { data, last }));
            }
            FromAgent::Pull { pull, content, .. } => self.pull(pull, content)?,
            FromAgent::Credit { pull, chunks, .. } => {
                if let Some(pull) = self.pulls.get(&pull) {
                    pull.credit.add_permits(chunks as usize);
                }
            }
            FromAgent::PullEnd { pull, .. } => {
                self.pulls.remove(&pull);
            }
            FromAgent::Done { .. } => {
                self.done = true;
                self.pulls.clear();
            }
            // Said once, before there are calls.
            FromAgent::Hello(_) => {}
        }
        Ok(None)
    }

    fn pull(&mut self, pull: u32, content: u32) -> Result<(), ConnectionError> {
        let source = usize::try_from(content).ok().and_then(|index| self.sources.get(index)).cloned();
        let Some(source) = source else {
            let message = format!("the controller has no content number {content} for this task: a fault of rprov");
            return self.link.send(ToAgent::ChunkFailed { id: self.id, pull, message });
        };
        let credit = Arc::new(Semaphore::new(WINDOW as usize));
        let task = tokio::spawn(supply(Arc::clone(&self.link), self.id, pull, source, Arc::clone(&credit)));
        self.pulls.insert(pull, Pull { credit, task: task.abort_handle() });
        Ok(())
    }

    /// Stop the call: the agent kills what it started, answers the running item as failed and skips the others. The
    /// answers still come by [`Running::next`].
    pub fn cancel(&self) {
        // Without an agent there is nothing to cancel.
        let _ = self.link.send(ToAgent::Cancel { id: self.id });
    }

    /// Fail the module that sends [`Update::Data`]: what it sends cannot be stored here, for this reason.
    pub fn refuse_data(&self, message: impl Into<String>) {
        // Without an agent there is nothing to fail.
        let _ = self.link.send(ToAgent::PushFailed { id: self.id, item: self.item, message: message.into() });
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        lock(&self.link.calls).remove(&self.id);
        if !self.done {
            self.cancel();
        }
    }
}

impl Link {
    fn new(outgoing: Outgoing) -> Self {
        Self {
            next: AtomicU32::new(1),
            calls: Mutex::default(),
            outgoing: Mutex::new(Some(outgoing)),
            lost: OnceLock::new(),
            crashed: AtomicBool::new(false),
            room: Arc::new(Semaphore::new(ROOM)),
        }
    }

    /// Make ready for the answers to a call; the request is still to be sent.
    fn begin(self: &Arc<Self>, call: Call) -> (Running, ToAgent) {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answers) = mpsc::unbounded_channel();
        lock(&self.calls).insert(id, sender);
        let Call { module, options, items, sources } = call;
        let running = Running {
            id,
            link: Arc::clone(self),
            answers,
            sources,
            pulls: HashMap::new(),
            consumed: 0,
            item: 0,
            done: false,
        };
        (running, ToAgent::Request(Request { id, module, options, items }))
    }

    fn send(&self, message: ToAgent) -> Result<(), ConnectionError> {
        self.send_bulk(message, None)
    }

    /// Send a message that takes room until it is on its way.
    fn send_bulk(&self, message: ToAgent, room: Option<OwnedSemaphorePermit>) -> Result<(), ConnectionError> {
        let outgoing = lock(&self.outgoing).clone();
        match outgoing {
            Some(Outgoing::Here(agent)) => {
                agent.receive(message);
                Ok(())
            }
            Some(Outgoing::Frames(sender)) => {
                let content = message.content().cloned().unwrap_or_default();
                let frame = Frame { head: head(&message).map_err(unsendable)?, content, _room: room };
                sender.send(frame).map_err(|_| self.loss())
            }
            None => Err(self.loss()),
        }
    }

    fn route(&self, message: FromAgent) {
        let id = match &message {
            FromAgent::Hello(_) => return,
            FromAgent::Result { id, .. }
            | FromAgent::Done { id }
            | FromAgent::Output { id, .. }
            | FromAgent::Pull { id, .. }
            | FromAgent::Credit { id, .. }
            | FromAgent::PullEnd { id, .. }
            | FromAgent::Chunk { id, .. } => *id,
        };
        // A call that is gone was dropped; its last messages are for nobody.
        if let Some(sender) = lock(&self.calls).get(&id) {
            let _ = sender.send(message);
        }
    }

    /// End all calls with that reason; the first reason stays.
    fn lose(&self, loss: Loss) {
        let _ = self.lost.set(loss);
        let outgoing = lock(&self.outgoing).take();
        lock(&self.calls).clear();
        match outgoing {
            // This process may be about to end; what its modules started must not outlive it.
            Some(Outgoing::Here(agent)) => agent.stop(Duration::from_millis(500)),
            Some(Outgoing::Frames(sender)) => {
                if let Ok(head) = encode(&ToAgent::Goodbye) {
                    // Where nobody takes it, the agent has ended.
                    let _ = sender.send(Frame { head, content: Bytes::new(), _room: None });
                }
            }
            None => {}
        }
    }

    fn loss(&self) -> ConnectionError {
        self.lost.get().cloned().unwrap_or_else(|| "the agent has ended".to_owned().into()).into()
    }
}

fn unsendable(error: FrameError) -> ConnectionError {
    ConnectionError::Agent {
        reason: format!("a task cannot be sent to it: {error}"),
        hint: Some("pass large data as a file, not as an argument".to_owned()),
    }
}

/// Send a content, as far as there is credit and the chunks sent before are on their way.
async fn supply(link: Arc<Link>, id: u32, pull: u32, source: Source, credit: Arc<Semaphore>) {
    let (sender, mut blocks) = mpsc::channel(1);
    // One thread for all of it: each would keep what it has used.
    tokio::task::spawn_blocking(move || {
        let mut source = Blocks::new(source);
        loop {
            let block = source.next();
            let over = block.as_ref().map_or(true, Bytes::is_empty);
            if sender.blocking_send(block).is_err() || over {
                return;
            }
        }
    });
    while let Some(block) = blocks.recv().await {
        let mut block = match block {
            Ok(block) => block,
            Err(message) => {
                // The call hears of a lost agent by itself.
                let _ = link.send(ToAgent::ChunkFailed { id, pull, message });
                return;
            }
        };
        let last = block.is_empty();
        loop {
            let Ok(permit) = credit.acquire().await else { return };
            permit.forget();
            let Ok(room) = Arc::clone(&link.room).acquire_owned().await else { return };
            let piece = block.split_to(block.len().min(CHUNK));
            let chunk = ToAgent::Chunk { id, pull, last, data: piece };
            if link.send_bulk(chunk, Some(room)).is_err() {
                return;
            }
            if block.is_empty() {
                break;
            }
        }
    }
}

/// A content in blocks of several chunks, so that a large file costs few switches to a thread that may block.
enum Blocks {
    Bytes(Bytes),
    Path(PathBuf),
    File(PathBuf, File),
}

const BLOCK: usize = 4 * CHUNK;

impl Blocks {
    fn new(source: Source) -> Self {
        match source {
            Source::Bytes(bytes) => Blocks::Bytes(Bytes::from_owner(bytes)),
            Source::File(path) => Blocks::Path(path),
        }
    }

    /// The next block; empty at the end.
    fn next(&mut self) -> Result<Bytes, String> {
        if let Blocks::Path(path) = self {
            let file = File::open(&*path).map_err(|error| problem(path, &error))?;
            *self = Blocks::File(std::mem::take(path), file);
        }
        match self {
            Blocks::Bytes(bytes) => Ok(bytes.split_to(bytes.len().min(BLOCK))),
            Blocks::File(path, file) => {
                let mut block = Vec::with_capacity(BLOCK);
                let read = file.by_ref().take(BLOCK as u64).read_to_end(&mut block);
                read.map_err(|error| problem(path, &error))?;
                Ok(block.into())
            }
            Blocks::Path(_) => Ok(Bytes::new()),
        }
    }
}

fn problem(path: &std::path::Path, error: &std::io::Error) -> String {
    format!("could not read {} on the controller: {error}", path.display())
}

/// Write frames until there is no one left to send any; then standard input closes, and the agent ends.
async fn write(mut stdin: Box<dyn AsyncWrite + Send + Unpin>, mut frames: UnboundedReceiver<Frame>, link: Weak<Link>) {
    while let Some(frame) = frames.recv().await {
        let mut result = stdin.write_all_buf(&mut Buf::chain(frame.head.as_slice(), frame.content)).await;
        if result.is_ok() && frames.is_empty() {
            result = stdin.flush().await;
        }
        if result.is_err() {
            // Why the agent has gone is known to the reader; it only must not go unnoticed.
            tokio::time::sleep(EPILOGUE * 2).await;
            if let Some(link) = link.upgrade() {
                link.lose("the agent takes no more messages".to_owned().into());
            }
            return;
        }
    }
    let _ = stdin.shutdown().await;
}

/// Keep the last words of standard error.
async fn remember(mut stderr: Box<dyn AsyncRead + Send + Unpin>, words: Arc<Mutex<Vec<u8>>>) {
    let mut buffer = vec![0; 1024];
    while let Ok(count @ 1..) = stderr.read(&mut buffer).await {
        let mut words = lock(&words);
        words.extend(buffer.get(..count).unwrap_or_default());
        let excess = words.len().saturating_sub(LAST_WORDS);
        words.drain(..excess);
    }
}

/// Hand the agent's messages to their calls, until it ends; then find out why.
async fn read(
    mut incoming: Incoming,
    link: Weak<Link>,
    (exit, ending): (impl Future<Output = Result<Exit, oneshot::error::RecvError>>, Ending),
    words: Arc<Mutex<Vec<u8>>>,
    listener: AbortHandle,
    transport: Arc<dyn Transport>,
) {
    let problem = loop {
        match incoming.next().await {
            Ok(Some(message)) => match link.upgrade() {
                Some(link) => link.route(message),
                // The session is gone; the stream is still read, so that the agent can end in peace.
                None => continue,
            },
            Ok(None) => break None,
            Err(problem) => break Some(problem),
        }
    };
    let exit = if problem.is_some() { None } else { tokio::time::timeout(EPILOGUE, exit).await.ok() };
    let crashed = problem.is_some() || matches!(&exit, Some(Ok(exit)) if is_crash(exit));
    let lost = lock(&ending).clone().filter(|_| matches!(&exit, Some(Err(_)) | None));
    let reason = match (problem, exit) {
        (Some(problem), _) => format!("the agent's stream is broken: {problem}"),
        (None, Some(Ok(Exit::Signal(signal)))) => format!("the agent was killed (signal {signal})"),
        // A shell or sudo in between reports a signal as this.
        (None, Some(Ok(Exit::Code(code @ 129..=192)))) => {
            format!("the agent was killed (signal {})", signal_name(code.cast_signed() - 128))
        }
        (None, Some(Ok(Exit::Code(code)))) => format!("the agent ended with exit code {code}"),
        (None, Some(Err(_))) => "the connection to the host broke".to_owned(),
        (None, None) => "the agent closed its output".to_owned(),
    };
    // Its last words may still be on their way.
    for _ in 0..10 {
        if listener.is_finished() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    listener.abort();
    if let Some(link) = link.upgrade() {
        let words = printable(&lock(&words));
        let words = last_characters(&words, 500);
        link.crashed.store(crashed, Ordering::Relaxed);
        link.lose(
            lost.unwrap_or_else(|| if words.is_empty() { reason.into() } else { format!("{reason}: {words}").into() }),
        );
    }
    drop(transport);
}

/// The stream of messages from the agent.
struct Incoming {
    stream: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
}

impl Incoming {
    async fn next(&mut self) -> Result<Option<FromAgent>, String> {
        loop {
            let mut missing = 4_usize.saturating_sub(self.buffer.len());
            if let Some((length, body)) = self.buffer.split_first_chunk::<4>() {
                let length = u32::from_le_bytes(*length) as usize;
                if length > MAX_FRAME {
                    return Err(format!("a frame of {length} bytes is larger than the limit of {MAX_FRAME}"));
                }
                if body.len() >= length {
                    self.buffer.advance(4);
                    let frame = self.buffer.split_to(length).freeze();
                    return decode(&frame).map(Some).map_err(|error| error.to_string());
                }
                missing = length - body.len();
            }
            self.buffer.reserve(missing.clamp(16 * 1024, 1 << 20));
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) if self.buffer.is_empty() => return Ok(None),
                Ok(0) => return Err("it ended inside a frame".to_owned()),
                Ok(_) => {}
                // A terminal (`su`, `doas`) whose other side has ended.
                Err(error) if error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error()) => return Ok(None),
                Err(error) => return Err(error.to_string()),
            }
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::Write;

    use rprov_modules::{Context, Failure, Outcome};
    use rprov_wire::{Content, Value};

    use super::*;

    static MODULES: &[(&str, rprov_modules::registry::Entry)] = &[("pull", pull), ("push", push), ("wait", wait)];

    fn find(name: &str) -> Option<rprov_modules::registry::Entry> {
        MODULES.iter().find(|(own, _)| *own == name).map(|(_, run)| *run)
    }

    /// Reads the content numbered `index`, or its first `limit` bytes.
    fn pull(arguments: &Map, context: &Context<'_>) -> Result<Outcome, Failure> {
        let index = arguments.get("index").and_then(Value::as_int).unwrap() as u32;
        let limit = arguments.get("limit").and_then(Value::as_int).map_or(u64::MAX, |limit| limit as u64);
        let (mut bytes, content) = (Vec::new(), Content { index, size: 0, sha1: String::new() });
        let reader = context.transport.pull(&content)?;
        reader.take(limit).read_to_end(&mut bytes).map_err(|error| Failure::new(error.to_string()))?;
        let sum: u64 = bytes.iter().map(|byte| u64::from(*byte)).sum();
        Ok(Outcome::unchanged().with("size", bytes.len()).with("sum", sum))
    }

    /// Sends `size` bytes.
    fn push(arguments: &Map, context: &Context<'_>) -> Result<Outcome, Failure> {
        let size = arguments.get("size").and_then(Value::as_int).unwrap() as usize;
        context.transport.push(vec![3; size].into(), true)?;
        Ok(Outcome::unchanged())
    }

    fn wait(_: &Map, context: &Context<'_>) -> Result<Outcome, Failure> {
        context.transport.output(Stream::Stderr, b"waiting");
        while !context.cancel.is_cancelled() {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Outcome::unchanged())
    }

    fn call(module: &str, items: &[&[(&str, i64)]], sources: Vec<Source>) -> Call {
        let item = |item: &&[(&str, i64)]| -> Map {
            item.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
        };
        Call { module: module.to_owned(), items: items.iter().map(item).collect(), sources, ..Call::default() }
    }

    #[tokio::test]
    async fn modules_pull_what_the_call_has_and_other_contents_fail_with_the_reason() {
        let session = Session::here_with(find);
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&vec![5; 20_000_001]).unwrap();
        let sources = vec![
            Source::File(file.path().to_owned()),
            Source::Bytes(vec![1; 700_000].into()),
            Source::Bytes(Vec::new().into()),
            Source::File("/nonexistent/x".into()),
        ];
        let items: &[&[(&str, i64)]] = &[
            &[("index", 0), ("limit", 100)],
            &[("index", 0)],
            &[("index", 1)],
            &[("index", 2)],
            &[("index", 3)],
            &[("index", 4)],
        ];
        let results = session.results(call("pull", items, sources)).await.unwrap();
        let sums: Vec<Option<i64>> = results.iter().map(|result| result.get("sum").and_then(Value::as_int)).collect();
        assert_eq!(sums, [Some(500), Some(100_000_005), Some(700_000), Some(0), None, None]);
        let message = |index: usize| results[index].get("msg").and_then(Value::as_str).unwrap();
        assert!(message(4).starts_with("could not read /nonexistent/x on the controller: No such file"));
        assert!(message(5).contains("no content number 4"));
    }

    #[tokio::test]
    async fn what_a_module_pushes_arrives_or_is_refused() {
        let session = Session::here_with(find);
        let size = 20_000_000;
        let mut running = session.call(call("push", &[&[("size", size)], &[("size", size)]], Vec::new())).unwrap();
        let (mut received, mut complete) = (0, 0);
        while let Some(update) = running.next().await.unwrap() {
            if let Update::Data { data, last } = update {
                received += data.len() as i64;
                complete += i32::from(last);
            }
        }
        assert_eq!((received, complete), (2 * size, 2));
        let mut running = session.call(call("push", &[&[("size", size)]], Vec::new())).unwrap();
        assert!(matches!(running.next().await.unwrap(), Some(Update::Data { .. })));
        running.refuse_data("the disk is full");
        let mut messages = Vec::new();
        while let Some(update) = running.next().await.unwrap() {
            if let Update::Result { result, .. } = update {
                messages.push(result.get("msg").cloned());
            }
        }
        assert_eq!(messages, [Some(Value::from("the disk is full"))]);
    }

    #[tokio::test]
    async fn a_cancelled_call_is_answered_and_a_dropped_one_is_cancelled() {
        let session = Session::here_with(find);
        let mut running = session.call(call("wait", &[&[], &[]], Vec::new())).unwrap();
        let output = Update::Output { stream: Stream::Stderr, data: b"waiting".to_vec() };
        assert_eq!(running.next().await.unwrap(), Some(output));
        running.cancel();
        let Some(Update::Result { item: 0, result }) = running.next().await.unwrap() else { panic!("no result") };
        assert_eq!(result.get("msg"), Some(&"cancelled".into()));
        assert_eq!(running.next().await.unwrap(), None);

        let mut running = session.call(call("wait", &[&[]], Vec::new())).unwrap();
        running.next().await.unwrap();
        drop(running);
        let agent = match &*lock(&session.link.outgoing) {
            Some(Outgoing::Here(agent)) => Arc::clone(agent),
            other => panic!("{other:?}"),
        };
        for _ in 0..200 {
            if format!("{agent:?}") == "Agent { running: 0 }" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("{agent:?}");
    }

    #[tokio::test]
    async fn a_stream_that_is_no_frames_is_an_error() {
        for (bytes, expected) in [
            (&[255, 255, 255, 255, 0][..], "larger than the limit"),
            (&[9, 0, 0, 0, 200, 0][..], "it ended inside a frame"),
            (&[1, 0, 0, 0, 200][..], "could not be decoded"),
        ] {
            let mut incoming = Incoming { stream: Box::new(bytes), buffer: BytesMut::new() };
            assert!(incoming.next().await.unwrap_err().contains(expected));
        }
    }
}
