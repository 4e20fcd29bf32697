//! The connection that a task runs on.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rprov_wire::{Map, Options, Source};
use tokio::sync::OnceCell;

use super::shared::Shared;
use crate::action::RawOutput;
use crate::connection::{
    AgentStore, BecomeSettings, Call, ConnectionError, LocalTransport, Running, Session, Settings, Transport, Update,
    ssh,
};
use crate::report::{Delegate, Event};

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

/// The agent of one user.
#[derive(Debug)]
struct Agent {
    user: Option<BecomeSettings>,
    session: OnceCell<Session>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
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
    async fn transport(&self) -> Result<&Arc<dyn Transport>, ConnectionError> {
        self.transport
            .get_or_try_init(|| async {
                match self.settings.connection.as_str() {
                    "ssh" => ssh::connect(&self.settings).await,
                    "local" => Ok(Arc::new(LocalTransport::new()) as Arc<dyn Transport>),
                    other => Err(ConnectionError::Connect {
                        address: self.settings.address.clone(),
                        reason: format!("there is no connection named '{other}'"),
                        hint: Some("`ssh` and `local` are the connections that are built in".to_owned()),
                    }),
                }
            })
            .await
    }

    fn agent(&self, user: Option<&BecomeSettings>) -> Arc<Agent> {
        let mut sessions = lock(&self.sessions);
        // An agent that has ended makes place for a new one.
        sessions.retain(|agent| agent.session.get().is_none_or(|session| session.lost().is_none()));
        if let Some(agent) = sessions.iter().find(|agent| agent.user.as_ref() == user) {
            return Arc::clone(agent);
        }
        let agent = Arc::new(Agent { user: user.cloned(), session: OnceCell::new() });
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
        let process = match host.transport().await?.exec(command).await {
            // The connection has gone since it was last used.
            Err(ConnectionError::Lost { .. }) if used => {
                self.shared.connections.discard(&host);
                self.shared.connections.host(&self.settings).transport().await?.exec(command).await?
            }
            process => process?,
        };
        crate::action::collect_raw(process).await
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
        let mut sink = None;
        self.run(module, options, items, sources, &mut sink).await
    }

    /// Call a module that sends a file; it is stored beside `target`, and its path given back.
    ///
    /// # Errors
    /// There is no way to the host, or it was lost on the way.
    pub async fn fetch(
        &self,
        module: &str,
        options: &Options,
        arguments: Map,
        target: &Path,
    ) -> Result<(Map, Option<PathBuf>), ConnectionError> {
        let mut sink = Some(FileSink { target: target.to_owned(), file: None, complete: false });
        let mut results = self.run(module, options, vec![arguments], Vec::new(), &mut sink).await?;
        let data = sink.and_then(FileSink::finish);
        Ok((results.pop().unwrap_or_default(), data))
    }

    /// Start a call. An agent or a connection that has gone since it was last used is replaced: nothing was asked of
    /// the host yet.
    async fn begin(&self, call: Call) -> Result<(Arc<Agent>, Running), ConnectionError> {
        let connections = &self.shared.connections;
        loop {
            let host = connections.host(&self.settings);
            let agent = host.agent(self.r#become.as_ref());
            let used = host.transport.initialized() || agent.session.initialized();
            let started = match agent.session.get_or_try_init(|| self.start(&host)).await {
                Ok(session) => session.call(call.clone()),
                Err(error) => Err(error),
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

    async fn start(&self, host: &Host) -> Result<Session, ConnectionError> {
        let store = &self.shared.connections.store;
        if self.is_local() {
            return Session::local(self.r#become.as_ref(), store).await;
        }
        Session::start(Arc::clone(host.transport().await?), self.r#become.as_ref(), store).await
    }

    async fn run(
        &self,
        module: &str,
        options: &Options,
        items: Vec<Map>,
        sources: Vec<Source>,
        sink: &mut Option<FileSink>,
    ) -> Result<Vec<Map>, ConnectionError> {
        let count = items.len();
        let call = Call { module: module.to_owned(), options: options.clone(), items, sources };
        let mut results = Vec::with_capacity(count);
        let (_agent, mut running) = self.begin(call).await?;
        loop {
            // Where it is lost, what was under way may have been done or not: it is not for us to do it again.
            let Some(update) = running.next().await? else { break };
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
                        && let Err(error) = sink.write(&data, last)
                    {
                        running.refuse_data(format!("could not write {}: {error}", sink.target.display()));
                    }
                }
            }
        }
        Ok(results)
    }
}

/// Stores what a module sends, beside the place where it belongs.
struct FileSink {
    target: PathBuf,
    file: Option<tempfile::NamedTempFile>,
    complete: bool,
}

impl FileSink {
    fn write(&mut self, data: &[u8], last: bool) -> std::io::Result<()> {
        use std::io::Write;
        let file = match &mut self.file {
            Some(file) => file,
            None => {
                let directory = self.target.parent().unwrap_or(Path::new("."));
                std::fs::create_dir_all(directory)?;
                // As any new file: the umask says who may read it.
                let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
                self.file.insert(tempfile::Builder::new().permissions(permissions).tempfile_in(directory)?)
            }
        };
        file.write_all(data)?;
        self.complete |= last;
        Ok(())
    }

    /// The stored file, if all of it came.
    fn finish(self) -> Option<PathBuf> {
        let file = self.file.filter(|_| self.complete)?;
        file.into_temp_path().keep().ok()
    }
}
