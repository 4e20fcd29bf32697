//! The connection that a task runs on.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rprov_modules::Failure;
use rprov_modules::checksum::{Algorithm, Sums};
use rprov_wire::{Bytes, Map, Options, Source};
use tokio::sync::{OnceCell, mpsc};
use tokio::task::JoinHandle;

use super::is_failed;
use super::shared::Shared;
use crate::action::RawOutput;
use crate::connection::{
    AgentStore, BecomeSettings, Call, ConnectionError, InsideTransport, LocalTransport, Process, Program, Running,
    Session, Settings, Transport, Update, become_words, lock, ssh, start_shell,
};
use crate::report::{Delegate, Event};
use crate::source::Diagnostic;

/// Open connections, by host. A connection is made once, by the first task that needs it.
#[derive(Debug, Default)]
pub struct Connections {
    hosts: Mutex<HashMap<String, Vec<Arc<Host>>>>,
    store: Arc<AgentStore>,
}

/// One way to a host, with the agents on it.
#[derive(Debug)]
struct Host {
    settings: Settings,
    transport: OnceCell<Arc<dyn Transport>>,
    sessions: Mutex<Vec<Arc<Agent>>>,
}

/// One program of one user.
#[derive(Debug)]
struct Agent {
    program: Program,
    user: Option<BecomeSettings>,
    session: OnceCell<Session>,
}

impl Connections {
    /// No connections yet; agents come from `store`.
    pub fn new(store: AgentStore) -> Self {
        Self { hosts: Mutex::default(), store: Arc::new(store) }
    }

    fn host(&self, settings: &Settings) -> Arc<Host> {
        let mut hosts = lock(&self.hosts);
        let known = hosts.entry(settings.host.clone()).or_default();
        if let Some(host) = known.iter().find(|host| host.settings == *settings) {
            return Arc::clone(host);
        }
        let host =
            Arc::new(Host { settings: settings.clone(), transport: OnceCell::new(), sessions: Mutex::default() });
        known.push(Arc::clone(&host));
        host
    }

    /// Close the connections of a host; the next task opens new ones.
    pub async fn forget(&self, host: &str) {
        let gone = lock(&self.hosts).remove(host).unwrap_or_default();
        for host in gone {
            host.close().await;
        }
    }

    /// Let the agents end that run as a user, on all ways to a host.
    async fn leave_user(&self, host: &str, user: &str) {
        let ways = lock(&self.hosts).get(host).cloned().unwrap_or_default();
        for way in ways {
            let is_theirs = |agent: &Arc<Agent>| agent.user.as_ref().is_some_and(|settings| settings.user == user);
            let agents: Vec<Arc<Agent>> =
                lock(&way.sessions).iter().filter(|agent| is_theirs(agent)).cloned().collect();
            for agent in agents {
                if let Some(session) = agent.session.get() {
                    session.leave().await;
                }
            }
        }
    }

    /// Use a way to a host no more, because it takes no new agents. It closes with the last of its calls.
    fn discard(&self, gone: &Arc<Host>) {
        if let Some(known) = lock(&self.hosts).get_mut(&gone.settings.host) {
            known.retain(|host| !Arc::ptr_eq(host, gone));
        }
    }

    /// Close everything, without waiting for the other sides.
    pub async fn close(&self) {
        let all: Vec<Arc<Host>> = lock(&self.hosts).drain().flat_map(|(_, hosts)| hosts).collect();
        for host in all {
            host.close().await;
        }
    }
}

impl Host {
    async fn transport(&self, shared: &Shared) -> Result<&Arc<dyn Transport>, ConnectionError> {
        self.transport
            .get_or_try_init(|| async {
                match self.settings.connection.as_str() {
                    "ssh" => {
                        let transport = ssh::connect(&self.settings).await?;
                        for (reason, hint) in transport.warnings() {
                            let text = format!(
                                "{}: {reason}. With the host key check switched off it is used all the same, but gets no \
                                 password to log in with",
                                self.settings.host
                            );
                            let warning = Diagnostic::warning(text).hint(hint);
                            shared.reporter.send(Event::Diagnostic(warning));
                        }
                        Ok(transport)
                    }
                    "local" => Ok(Arc::new(LocalTransport::new()) as Arc<dyn Transport>),
                    _ if let Some(entry) = &self.settings.entry => {
                        Ok(Arc::new(InsideTransport::new(entry)?) as Arc<dyn Transport>)
                    }
                    other => Err(ConnectionError::Connect {
                        address: self.settings.address.clone(),
                        reason: format!("there is no connection named '{other}'"),
                        hint: Some("`ssh`, `local`, `docker`, `podman` and `chroot` are the connections that are built in".to_owned()),
                    }),
                }
            })
            .await
    }

    fn agent(&self, program: Program, user: Option<&BecomeSettings>) -> Arc<Agent> {
        let mut sessions = lock(&self.sessions);
        // An agent that has ended makes place for a new one.
        sessions.retain(|agent| agent.session.get().is_none_or(|session| session.lost().is_none()));
        if let Some(agent) = sessions.iter().find(|agent| agent.program == program && agent.user.as_ref() == user) {
            return Arc::clone(agent);
        }
        let agent = Arc::new(Agent { program, user: user.cloned(), session: OnceCell::new() });
        sessions.push(Arc::clone(&agent));
        agent
    }

    async fn close(&self) {
        let agents: Vec<Arc<Agent>> = lock(&self.sessions).drain(..).collect();
        for agent in agents {
            if let Some(session) = agent.session.get() {
                session.close();
            }
        }
        if let Some(transport) = self.transport.get() {
            transport.close().await;
        }
    }
}

/// The way to the host that a task runs on, as the user that it runs as. Nothing is opened before it is used.
#[derive(Clone, Debug)]
pub struct Remote {
    shared: Arc<Shared>,
    host: Arc<str>,
    delegate: Option<Arc<str>>,
    settings: Settings,
    r#become: Option<BecomeSettings>,
}

impl Remote {
    /// The way of one task.
    pub(super) fn new(
        shared: Arc<Shared>,
        host: Arc<str>,
        delegate: Option<Arc<str>>,
        settings: Settings,
        r#become: Option<BecomeSettings>,
    ) -> Self {
        Self { shared, host, delegate, settings, r#become }
    }

    /// The host that the task is delegated to.
    pub fn delegate(&self) -> Option<&Arc<str>> {
        self.delegate.as_ref()
    }

    /// The same, as it is shown.
    pub fn shown_delegate(&self) -> Option<Delegate> {
        self.delegate.as_ref().map(|name| Delegate {
            name: Arc::clone(name),
            address: Some(self.settings.address.as_str()).filter(|address| *address != &**name).map(Arc::from),
        })
    }

    /// What the connection is made from.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether it leads to the controller itself.
    pub fn is_local(&self) -> bool {
        self.settings.connection == "local"
    }

    /// Whether another way leads to the same agent.
    pub fn same_session(&self, other: &Remote) -> bool {
        self.settings == other.settings && self.r#become == other.r#become
    }

    /// Close it; the next use opens a new one.
    pub async fn reset(&self) {
        self.shared.connections.forget(&self.settings.host).await;
    }

    /// Run a command through the login shell, as the task's user.
    ///
    /// # Errors
    /// There is no way to the host.
    pub async fn raw(&self, command: &str) -> Result<RawOutput, ConnectionError> {
        if self.r#become.is_some() {
            // Only the agent knows how to be somebody else without giving a password away.
            let mut arguments = Map::new();
            arguments.insert("_raw_params".into(), command.into());
            let results = self.call("shell", &Options::default(), vec![arguments], Vec::new()).await?;
            let result = results.into_iter().next().unwrap_or_default();
            let text = |name: &str| result.get(name).and_then(rprov_wire::Value::as_str).unwrap_or_default().to_owned();
            return Ok(RawOutput {
                code: result.get("rc").and_then(rprov_wire::Value::as_int).unwrap_or(1),
                stdout: text("stdout"),
                stderr: text("stderr"),
            });
        }
        let host = self.shared.connections.host(&self.settings);
        let used = host.transport.initialized();
        let process = match host.transport(&self.shared).await?.exec(command).await {
            // The connection has gone since it was last used.
            Err(ConnectionError::Lost { .. }) if used => {
                self.shared.connections.discard(&host);
                self.shared.connections.host(&self.settings).transport(&self.shared).await?.exec(command).await?
            }
            process => process?,
        };
        crate::action::collect_raw(process).await
    }

    /// The same way, as the connection's own user.
    #[must_use]
    pub fn without_become(&self) -> Self {
        Self { r#become: None, ..self.clone() }
    }

    /// Start a shell of the task's user, which waits for its [`Script`](crate::connection::Script).
    ///
    /// # Errors
    /// There is no way to the host.
    pub async fn shell(&self) -> Result<Process, ConnectionError> {
        let connections = &self.shared.connections;
        loop {
            let host = connections.host(&self.settings);
            let used = host.transport.initialized();
            let transport = Arc::clone(host.transport(&self.shared).await?);
            match start_shell(transport.as_ref(), self.r#become.as_ref(), &connections.store).await {
                // The connection has gone since it was last used.
                Err(ConnectionError::Lost { .. }) if used => connections.discard(&host),
                started => return started,
            }
        }
    }

    /// The same on this machine.
    ///
    /// # Errors
    /// No shell can be started.
    pub async fn shell_here(&self) -> Result<Process, ConnectionError> {
        start_shell(&LocalTransport::new(), None, &self.shared.connections.store).await
    }

    /// `user@address`, as far as a user is known.
    pub fn login(&self) -> (Option<&str>, &str) {
        (self.settings.user.as_deref(), &self.settings.address)
    }

    /// Whether another way leads to the same host.
    pub fn same_host(&self, other: &Remote) -> bool {
        self.settings == other.settings || self.is_local() && other.is_local()
    }

    /// Call a module with one set of arguments for each item; one result for each comes back, in order.
    ///
    /// # Errors
    /// There is no way to the host, or it was lost on the way.
    pub async fn call(
        &self,
        module: &str,
        options: &Options,
        items: Vec<Map>,
        sources: Vec<Source>,
    ) -> Result<Vec<Map>, ConnectionError> {
        let Called { results, ended, .. } = self.call_items(module, options, items, sources).await;
        ended.map(|()| results)
    }

    /// As [`Remote::call`]; where the host is lost on the way, with the results that came before.
    pub(super) async fn call_items(
        &self,
        module: &str,
        options: &Options,
        items: Vec<Map>,
        sources: Vec<Source>,
    ) -> Called {
        self.run(module, options, items, sources, &mut None).await
    }

    /// Call a module that sends a file; it is stored beside `target`, and its path given back with these checksums.
    ///
    /// # Errors
    /// There is no way to the host, or it was lost on the way.
    pub async fn fetch(
        &self,
        module: &str,
        options: &Options,
        arguments: Map,
        target: &Path,
        sums: &'static [Algorithm],
    ) -> Result<(Map, Option<Received>), ConnectionError> {
        let mut sink = Some(FileSink::new(target, sums));
        let Called { mut results, ended, .. } = self.run(module, options, vec![arguments], Vec::new(), &mut sink).await;
        ended?;
        let mut result = results.pop().unwrap_or_default();
        let received = match sink {
            Some(sink) => sink.finish().await,
            None => Ok(None),
        };
        match received {
            Ok(received) => Ok((result, received)),
            // The last of it could not be written any more when the module had done its part.
            Err(error) => {
                let failure = Failure::new(format!("could not write {}: {error}", target.display()));
                if !is_failed(&result) {
                    result = failure.into_map();
                }
                Ok((result, None))
            }
        }
    }

    /// Start a call. An agent or a connection that has gone since it was last used is replaced: nothing was asked of
    /// the host yet.
    async fn begin(&self, call: Call) -> Result<(Arc<Agent>, Running), ConnectionError> {
        let connections = &self.shared.connections;
        let program = Program::with(&call.module);
        loop {
            let host = connections.host(&self.settings);
            let agent = host.agent(program, self.r#become.as_ref());
            let used = host.transport.initialized() || agent.session.initialized();
            let mut first = None;
            // A call that goes out with the start of the agent is made at most once: then nothing is tried again.
            let with = (!used && !self.is_local()).then(|| call.clone());
            let session = agent.session.get_or_try_init(|| async {
                let (session, running) = self.start(&host, program, with).await?;
                first = running;
                Ok(session)
            });
            let started = match (session.await, first) {
                (Ok(_), Some(running)) => Ok(running),
                (Ok(session), None) => session.call(call.clone()),
                (Err(error), _) => Err(error),
            };
            match started {
                Ok(running) => return Ok((agent, running)),
                Err(error @ ConnectionError::Lost { .. }) => {
                    if !agent.session.initialized() {
                        connections.discard(&host);
                    }
                    if !used {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Say which way is opened, to those who ask for a lot.
    fn tell_start(&self, host: &Host, program: Program) {
        let detail = |verbosity: u8, text: String| {
            let text = format!("<{}> {text}", self.settings.address);
            self.shared.reporter.send(Event::Detail { verbosity, text });
        };
        if !host.transport.initialized() {
            let kind = self.settings.connection.to_uppercase();
            let user = self.settings.user.as_deref().unwrap_or("None");
            detail(3, format!("ESTABLISH {kind} CONNECTION FOR USER: {user}"));
        }
        let user = self.r#become.as_ref().and_then(become_words);
        let words: Vec<&str> = user.iter().map(String::as_str).chain([program.name()]).collect();
        detail(3, format!("EXEC {}", words.join(" ")));
    }

    /// Start the agent, and make the first call where there is one.
    async fn start(
        &self,
        host: &Host,
        program: Program,
        call: Option<Call>,
    ) -> Result<(Session, Option<Running>), ConnectionError> {
        let store = &self.shared.connections.store.of(program);
        let user = self.r#become.as_ref();
        self.tell_start(host, program);
        if self.is_local() {
            return Ok((Session::local(user, store).await?, None));
        }
        let transport = Arc::clone(host.transport(&self.shared).await?);
        match call {
            Some(call) => {
                let (session, running) = Session::start_with(transport, user, store, call).await?;
                Ok((session, Some(running)))
            }
            None => Ok((Session::start(transport, user, store).await?, None)),
        }
    }

    /// A user with a process cannot be removed, and an agent is one.
    async fn leave_removed_users(&self, items: &[Map]) {
        let text = |item: &Map, name: &str| item.get(name).and_then(rprov_wire::Value::as_str).map(str::to_owned);
        for item in items.iter().filter(|item| text(item, "state").as_deref() == Some("absent")) {
            let own = self.r#become.as_ref().map(|settings| &settings.user);
            if let Some(name) = text(item, "name").filter(|name| own != Some(name)) {
                self.shared.connections.leave_user(&self.settings.host, &name).await;
            }
        }
    }

    async fn run(
        &self,
        module: &str,
        options: &Options,
        items: Vec<Map>,
        sources: Vec<Source>,
        sink: &mut Option<FileSink>,
    ) -> Called {
        if module == "user" && !options.check {
            self.leave_removed_users(&items).await;
        }
        let call = Call { module: module.to_owned(), options: options.clone(), items, sources };
        let mut called = Called { results: Vec::with_capacity(call.items.len()), ended: Ok(()), begun: false };
        let mut again = matches!(module, "ping" | "setup").then(|| call.clone());
        let mut next = Some(call);
        while let Some(call) = next.take() {
            called.ended = Ok(());
            let (agent, running) = match self.begin(call).await {
                Ok(begun) => begun,
                Err(error) => {
                    called.ended = Err(error);
                    break;
                }
            };
            called.begun = true;
            let Err(error) = self.hear(running, options, sink, &mut called.results).await else { break };
            let (error, mended) = self.mend(&agent, error).await;
            called.ended = Err(error);
            // What was under way may have been done or not: it is not for us to do it again, unless it changes nothing.
            if mended && called.results.is_empty() {
                next = again.take();
            }
        }
        called
    }

    /// Take what a call has to tell, until all of its items were answered.
    async fn hear(
        &self,
        mut running: Running,
        options: &Options,
        sink: &mut Option<FileSink>,
        results: &mut Vec<Map>,
    ) -> Result<(), ConnectionError> {
        while let Some(update) = running.next().await? {
            match update {
                Update::Result { result, .. } => results.push(result),
                Update::Output { stream, data } if !options.no_log => {
                    self.shared.reporter.send(Event::Output {
                        host: Arc::clone(&self.host),
                        stream,
                        text: String::from_utf8_lossy(&data).into_owned(),
                    });
                }
                Update::Output { .. } => {}
                Update::Data { data, last } => {
                    if let Some(sink) = sink
                        && let Err(error) = sink.write(data, last).await
                    {
                        running.refuse_data(format!("could not write {}: {error}", sink.target.display()));
                    }
                }
            }
        }
        Ok(())
    }

    /// An agent that crashes may be damaged on the host's disk: then it would crash in every run. Replace it, and say so;
    /// whether it was.
    async fn mend(&self, agent: &Agent, error: ConnectionError) -> (ConnectionError, bool) {
        let ConnectionError::Lost { reason, hint } = error else { return (error, false) };
        if !agent.session.get().is_some_and(Session::has_crashed) {
            return (ConnectionError::Lost { reason, hint }, false);
        }
        let host = self.shared.connections.host(&self.settings);
        let mended = async {
            let transport: Arc<dyn Transport> = match self.is_local() {
                true => Arc::new(LocalTransport::new()),
                false => Arc::clone(host.transport(&self.shared).await?),
            };
            Session::mend(transport, self.r#become.as_ref(), &self.shared.connections.store.of(agent.program)).await
        };
        match mended.await {
            Ok(Some(file)) => {
                let reason = format!("{reason}; its program {file} on the host was damaged, and has been replaced");
                (ConnectionError::Lost { reason, hint }, true)
            }
            // What went wrong first says more.
            Ok(None) | Err(_) => (ConnectionError::Lost { reason, hint }, false),
        }
    }
}

/// What became of a call.
pub(super) struct Called {
    /// The results that came, in the order of the items.
    pub(super) results: Vec<Map>,
    /// Why there are no more.
    pub(super) ended: Result<(), ConnectionError>,
    /// The agent had the call: where it ended early, the item behind the results was under way.
    pub(super) begun: bool,
}

/// A file that came from a host, beside the place where it belongs.
#[derive(Debug)]
pub struct Received {
    /// Where it is; whoever takes it gives it its name, or removes it.
    pub path: PathBuf,
    /// The checksums of what came, in hexadecimal digits, in the order of the algorithms.
    pub sums: Vec<String>,
}

/// Pieces that wait to be written: enough that neither side waits for the other.
const PIECES: usize = 16;

/// Stores what a module sends, on a thread that may block.
struct FileSink {
    target: PathBuf,
    sums: &'static [Algorithm],
    writer: Option<Writer>,
    complete: bool,
    problem: Option<String>,
}

struct Writer {
    pieces: mpsc::Sender<Bytes>,
    end: JoinHandle<std::io::Result<Stored>>,
}

/// A file that was written, and its checksums.
type Stored = (tempfile::NamedTempFile, Vec<String>);

impl FileSink {
    fn new(target: &Path, sums: &'static [Algorithm]) -> Self {
        Self { target: target.to_owned(), sums, writer: None, complete: false, problem: None }
    }

    /// Take a piece; why it cannot be stored, once.
    async fn write(&mut self, data: Bytes, last: bool) -> Result<(), String> {
        if self.problem.is_some() {
            return Ok(());
        }
        let writer = self.writer.get_or_insert_with(|| {
            let (pieces, receiver) = mpsc::channel(PIECES);
            let (target, sums) = (self.target.clone(), Sums::new(self.sums));
            Writer { pieces, end: tokio::task::spawn_blocking(move || store(&target, sums, receiver)) }
        });
        if writer.pieces.send(data).await.is_err() {
            let problem = match self.end().await {
                Some(Err(error)) => error.to_string(),
                _ => "the thread that writes it has died".to_owned(),
            };
            self.problem = Some(problem.clone());
            return Err(problem);
        }
        self.complete |= last;
        Ok(())
    }

    async fn end(&mut self) -> Option<std::io::Result<Stored>> {
        let Writer { pieces, end } = self.writer.take()?;
        drop(pieces);
        end.await.ok()
    }

    /// The stored file, if all of it came.
    async fn finish(mut self) -> Result<Option<Received>, String> {
        if let Some(problem) = self.problem {
            return Err(problem);
        }
        match self.end().await {
            Some(Ok((file, sums))) if self.complete => {
                let path = file.into_temp_path().keep().map_err(|error| error.to_string())?;
                Ok(Some(Received { path, sums }))
            }
            Some(Err(error)) => Err(error.to_string()),
            _ => Ok(None),
        }
    }
}

/// Write all pieces to a new file beside the target.
fn store(target: &Path, mut sums: Sums, mut pieces: mpsc::Receiver<Bytes>) -> std::io::Result<Stored> {
    let directory = target.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(directory)?;
    // As any new file: the umask says who may read it.
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let mut file = tempfile::Builder::new().permissions(permissions).tempfile_in(directory)?;
    while let Some(piece) = pieces.blocking_recv() {
        sums.update(&piece);
        file.write_all(&piece)?;
    }
    Ok((file, sums.finish()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    #[tokio::test]
    async fn a_file_is_stored_only_if_all_of_it_comes() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("below/target");
        let mut sink = FileSink::new(&target, &[Algorithm::Md5]);
        for _ in 0..100 {
            sink.write(vec![b'a'; 1000].into(), false).await.unwrap();
        }
        sink.write(Bytes::new(), true).await.unwrap();
        let received = sink.finish().await.unwrap().unwrap();
        assert_eq!(std::fs::read(&received.path).unwrap(), vec![b'a'; 100_000]);
        assert_eq!(received.sums, ["1af6d6f2f682f76f80e606aeaaee1680"]);
        std::fs::remove_file(&received.path).unwrap();

        let mut sink = FileSink::new(&target, &[Algorithm::Md5]);
        sink.write(vec![b'a'; 1000].into(), false).await.unwrap();
        assert!(sink.finish().await.unwrap().is_none());
        assert!(FileSink::new(&target, &[Algorithm::Md5]).finish().await.unwrap().is_none());
        assert_eq!(std::fs::read_dir(target.parent().unwrap()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn what_cannot_be_stored_is_said_once() {
        let mut sink = FileSink::new(Path::new("/proc/nowhere/target"), &[]);
        let mut problems = Vec::new();
        for _ in 0..2 * PIECES {
            problems.extend(sink.write(vec![1; 10].into(), false).await.err());
        }
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(sink.finish().await.unwrap_err(), problems[0]);
    }
}
