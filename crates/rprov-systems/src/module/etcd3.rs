//! `etcd3`: keys of an etcd cluster, over the JSON form of its third interface.
//!
//! <https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/>

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use rprov_modules::argument::{Rule, Secret};
use rprov_modules::context::Context;
use rprov_modules::http::{self, Call, Follow};
use rprov_modules::outcome::{Failure, Outcome};
use rprov_modules::{arguments, choices};

choices! {
    /// Whether the key is to be there.
    pub enum State { Present = "present", Absent = "absent" }
}

arguments! {
    /// Set or delete key value pairs of an etcd cluster.
    pub struct Arguments {
        /// The key.
        key: String,
        /// Its value.
        value: String,
        /// Host of the cluster.
        host: String = "localhost".to_owned(),
        /// Port of the cluster.
        port: u16 = 2379,
        /// Whether the key is to be there.
        state: State,
        /// User to log in as.
        user: Option<String>,
        /// The user's password.
        password: Option<Secret>,
        /// Certificates of authorities to trust, as PEM file; TLS is spoken where it is given.
        ca_cert: Option<PathBuf>,
        /// The client's certificate, as PEM file.
        client_cert: Option<PathBuf>,
        /// The client's key, as PEM file.
        client_key: Option<PathBuf>,
        /// Seconds that each step may take.
        timeout: Option<u64>,
    }
    rules: [Rule::Together(&["client_cert", "client_key"]), Rule::Together(&["user", "password"])]
}

/// How long a step may take where nothing is said.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bring the key to its state.
///
/// # Errors
/// The cluster cannot be reached, or refuses.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    if arguments.client_cert.is_some() && arguments.ca_cert.is_none() {
        return Err(Failure::new(
            "The 'ca_cert' parameter must be defined when 'client_cert' and 'client_key' are present.",
        ));
    }
    let mut cluster = Cluster::new(&arguments, context);
    cluster.authenticate()?;
    let key = STANDARD.encode(&arguments.key);
    let answer = cluster.post("kv/range", &json!({"key": key}))?;
    let old = match answer.pointer("/kvs/0") {
        // What is empty is left out.
        Some(pair) => Some(decoded(pair.get("value").and_then(Json::as_str).unwrap_or_default())?),
        None => None,
    };
    let changed = match arguments.state {
        State::Absent => old.is_some(),
        State::Present => old.as_deref() != Some(arguments.value.as_bytes()),
    };
    if changed && !context.check() {
        match arguments.state {
            State::Absent => cluster.post("kv/deleterange", &json!({"key": key}))?,
            State::Present => {
                cluster.post("kv/put", &json!({"key": key, "value": STANDARD.encode(&arguments.value)}))?
            }
        };
    }
    // The reference says so, too, where there was nothing.
    let old = old.map_or_else(|| "None".to_owned(), |old| String::from_utf8_lossy(&old).into_owned());
    Ok(Outcome::new(changed).with("key", arguments.key).with("old_value", old))
}

fn decoded(text: &str) -> Result<Vec<u8>, Failure> {
    STANDARD.decode(text).map_err(|_| Failure::new("Cannot reach data: the value in etcd's answer is not base64"))
}

struct Cluster<'a> {
    arguments: &'a Arguments,
    context: &'a Context<'a>,
    base: String,
    /// The interface's name, which depends on the version; the newest first.
    version: &'static str,
    token: Option<String>,
}

/// Names of the interface: since etcd 3.4, in 3.3, and in 3.2.
const VERSIONS: [&str; 3] = ["v3", "v3beta", "v3alpha"];

impl<'a> Cluster<'a> {
    fn new(arguments: &'a Arguments, context: &'a Context<'a>) -> Self {
        let scheme = if arguments.ca_cert.is_some() { "https" } else { "http" };
        let host = &arguments.host;
        let host = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.clone() };
        let base = format!("{scheme}://{host}:{}", arguments.port);
        Self { arguments, context, base, version: "", token: None }
    }

    fn authenticate(&mut self) -> Result<(), Failure> {
        let (Some(user), Some(password)) = (&self.arguments.user, &self.arguments.password) else { return Ok(()) };
        let answer = self.post("auth/authenticate", &json!({"name": user, "password": password.expose()}));
        match answer {
            Ok(answer) => self.token = answer.get("token").and_then(Json::as_str).map(str::to_owned),
            // Whoever is let in without a name is let in with one.
            Err(failure) if failure.message.contains("authentication is not enabled") => {}
            Err(failure) => return Err(Failure::new(format!("{}; check `user` and `password`", failure.message))),
        }
        Ok(())
    }

    /// One call, in the newest version of the interface that the server has.
    fn post(&mut self, path: &str, body: &Json) -> Result<Json, Failure> {
        let known = VERSIONS.iter().copied().filter(|version| self.version.is_empty() || *version == self.version);
        for version in known {
            let url = format!("{}/{version}/{path}", self.base);
            let (status, text) = self.send(&url, body)?;
            // Without a body of its own: there is no such path.
            if status == 404 && !text.starts_with('{') {
                continue;
            }
            self.version = version;
            let answer: Json = serde_json::from_str(&text).map_err(|_| {
                Failure::new(format!("Cannot reach data: {url} answers with status {status} and no JSON; is it etcd?"))
            })?;
            if status < 300 {
                return Ok(answer);
            }
            let words = ["message", "error"].iter().find_map(|name| answer.get(name)?.as_str()).unwrap_or("no reason");
            return Err(Failure::new(format!("Cannot reach data: {url}: {words}")));
        }
        Err(Failure::new(format!(
            "Cannot reach data: {} has no JSON interface ({}); check `host` and `port`, and that etcd runs with \
             enable-grpc-gateway",
            self.base,
            VERSIONS.join(", ")
        )))
    }

    fn send(&self, url: &str, body: &Json) -> Result<(u16, String), Failure> {
        let arguments = self.arguments;
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        if let Some(token) = &self.token {
            headers.push(("Authorization".to_owned(), token.clone()));
        }
        let call = Call {
            method: "POST".to_owned(),
            headers,
            body: Some(body.to_string().into_bytes()),
            follow: Follow::None,
            timeout: Some(arguments.timeout.map_or(PATIENCE, Duration::from_secs)),
            authorities: arguments.ca_cert.clone(),
            certificate: arguments.client_cert.clone().map(|certificate| (certificate, arguments.client_key.clone())),
            proxy: false,
            ..Call::get(url)
        };
        let failed = |failure: Failure| {
            Failure::new(format!(
                "Cannot reach data: etcd connection failed: {}",
                failure.message.replace("ca_path", "ca_cert")
            ))
        };
        let mut answer = http::send(&call, self.context).map_err(failed)?;
        let text = String::from_utf8_lossy(&answer.content()?).into_owned();
        Ok((answer.status, text))
    }
}
