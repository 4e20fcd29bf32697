//! Requests to the Engine.

use std::io::{self, BufReader, Read, Write};
use std::time::Duration;

use serde_json::Value as Json;

use super::connection::{Connection, DEFAULT_HOST};
use super::endpoint::{Endpoint, Stream};
use super::error::EngineError;
use super::message::{BodyReader, ChunkWriter, Head, encode, read_head};
use crate::context::{Cancel, Context};

/// The newest version of the API whose meaning this client knows.
const NEWEST: (u32, u32) = (1, 47);

/// The oldest version that has all that the modules use.
const OLDEST: (u32, u32) = (1, 25);

/// Parameters of a request, after the `?`.
pub type Query<'a> = &'a [(&'a str, String)];

/// What goes along with a request.
pub enum Body<'a> {
    /// Nothing.
    None,
    /// JSON.
    Json(&'a Json),
    /// A tar archive, written by the function while it is sent.
    Tar(&'a mut dyn FnMut(&mut dyn Write) -> io::Result<()>),
}

/// How long silence is borne.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// As the option `timeout` says.
    Normal,
    /// As long as it takes; for what waits for a container.
    Endless,
    /// So long.
    Of(Duration),
}

/// An answer whose body is still to be read.
pub struct Answer {
    /// Status and headers.
    pub head: Head,
    body: BodyReader<BufReader<Box<dyn Stream>>>,
    address: String,
    method: &'static str,
    path: String,
}

impl Answer {
    /// Turn an I/O error while reading the body into an error that says which request it was.
    pub fn error(&self, error: io::Error) -> EngineError {
        EngineError::broken(&self.address, self.method, &self.path, error)
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.body.read(buffer)
    }
}

/// A connection to the Engine that runs after a request was upgraded to a plain stream.
pub struct Hijacked {
    /// To be read, and written through [`BufReader::get_mut`].
    pub stream: BufReader<Box<dyn Stream>>,
}

/// An Engine, and the version of the API that is spoken with it.
#[derive(Clone)]
pub struct Engine {
    endpoint: Endpoint,
    version: String,
    timeout: Duration,
    cancel: Cancel,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Engine({}, v{})", self.endpoint.address(), self.version)
    }
}

impl Engine {
    /// Reach the Engine that the options name, and agree on a version.
    ///
    /// # Errors
    /// It cannot be reached, or speaks no version that is known here.
    pub fn new(options: &Connection, context: &Context<'_>) -> Result<Self, EngineError> {
        let variable = |name: &str| {
            let of_task = context.options.environment.iter().rev().find(|(key, _)| key == name);
            of_task.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok()).filter(|text| !text.is_empty())
        };
        let address =
            options.docker_host.clone().or_else(|| variable("DOCKER_HOST")).unwrap_or_else(|| DEFAULT_HOST.to_owned());
        let timeout =
            options.timeout.or_else(|| variable("DOCKER_TIMEOUT").and_then(|text| text.parse().ok())).unwrap_or(60);
        let mut engine = Engine {
            endpoint: Endpoint::new(&address, options)?,
            version: String::new(),
            timeout: Duration::from_secs(timeout.max(1)),
            cancel: context.cancel.clone(),
        };
        let version = options.api_version.clone().or_else(|| variable("DOCKER_API_VERSION"));
        engine.version = match version.as_deref() {
            None | Some("auto" | "") => engine.negotiate()?,
            Some(version) => version.trim_start_matches('v').to_owned(),
        };
        Ok(engine)
    }

    fn negotiate(&self) -> Result<String, EngineError> {
        let answer = self.send("GET", "/_ping", &[], &[], Body::None, Patience::Normal)?;
        let version = match answer.head.header("api-version") {
            Some(version) => version.to_owned(),
            None => {
                let answer = self.get("/version", &[])?;
                answer.get("ApiVersion").and_then(Json::as_str).unwrap_or_default().to_owned()
            }
        };
        let spoken = parse_version(&version).map(|version| version.min(NEWEST)).filter(|version| *version >= OLDEST);
        spoken.map(|(major, minor)| format!("{major}.{minor}")).ok_or_else(|| EngineError::Answer {
            method: "GET",
            path: "/_ping".to_owned(),
            reason: format!(
                "it speaks version `{version}` of its API, and {}.{} is the oldest that is known here; upgrade Docker",
                OLDEST.0, OLDEST.1
            ),
        })
    }

    /// The version of the API that is spoken.
    pub fn version(&self) -> (u32, u32) {
        parse_version(&self.version).unwrap_or(OLDEST)
    }

    /// The Engine's address, for messages.
    pub fn address(&self) -> String {
        self.endpoint.address()
    }

    /// Make a request. An answer with an error status is an error.
    ///
    /// # Errors
    /// The Engine cannot be reached, or refuses.
    pub fn send(
        &self,
        method: &'static str,
        path: &str,
        query: Query<'_>,
        headers: &[(&str, String)],
        body: Body<'_>,
        patience: Patience,
    ) -> Result<Answer, EngineError> {
        let limit = match patience {
            Patience::Normal => Some(self.timeout),
            Patience::Endless => None,
            Patience::Of(duration) => Some(duration),
        };
        let stream = self.endpoint.connect(limit, &self.cancel)?;
        let mut reader = BufReader::new(stream);
        let broken = |error| EngineError::broken(&self.endpoint.address(), method, path, error);
        let head = self.head(method, path, query, headers);
        // A daemon that refuses a request may close its side before it has read everything; its answer says why.
        let written = write_request(reader.get_mut().as_mut(), head, body);
        let head = match (read_head(&mut reader), written) {
            (Ok(head), _) => head,
            (Err(_), Err(error)) | (Err(error), Ok(())) => return Err(broken(error)),
        };
        let mut answer = Answer {
            body: BodyReader::new(reader, &head),
            head,
            address: self.endpoint.address(),
            method,
            path: path.to_owned(),
        };
        if answer.head.status >= 400 {
            return Err(refusal(&mut answer));
        }
        Ok(answer)
    }

    fn head(&self, method: &str, path: &str, query: Query<'_>, headers: &[(&str, String)]) -> String {
        let mut head = format!("{method} ");
        if !self.version.is_empty() {
            head.push_str(&format!("/v{}", self.version));
        }
        head.push_str(path);
        for (index, (name, value)) in query.iter().enumerate() {
            head.push_str(&format!("{}{}={}", if index == 0 { '?' } else { '&' }, encode(name), encode(value)));
        }
        let host = match &self.endpoint {
            Endpoint::Unix(_) => "docker",
            Endpoint::Tcp { host, .. } => host,
        };
        head.push_str(&format!(" HTTP/1.1\r\nHost: {host}\r\nUser-Agent: rprov\r\n"));
        for (name, value) in headers {
            // A line break in a value would start a header of its own.
            head.push_str(&format!("{name}: {}\r\n", value.replace(['\r', '\n'], " ")));
        }
        head
    }

    /// Make a request with a JSON answer; `null` where the body is empty.
    ///
    /// # Errors
    /// The Engine cannot be reached, refuses, or answers something else.
    pub fn json(
        &self,
        method: &'static str,
        path: &str,
        query: Query<'_>,
        body: Option<&Json>,
        patience: Patience,
    ) -> Result<Json, EngineError> {
        let body = body.map_or(Body::None, Body::Json);
        let mut answer = self.send(method, path, query, &[], body, patience)?;
        let mut text = Vec::new();
        if let Err(error) = answer.read_to_end(&mut text) {
            return Err(answer.error(error));
        }
        if text.iter().all(u8::is_ascii_whitespace) {
            return Ok(Json::Null);
        }
        serde_json::from_slice(&text).map_err(|error| EngineError::Answer {
            method,
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    /// `GET`.
    ///
    /// # Errors
    /// As [`Engine::json`].
    pub fn get(&self, path: &str, query: Query<'_>) -> Result<Json, EngineError> {
        self.json("GET", path, query, None, Patience::Normal)
    }

    /// `GET` of something that may not exist.
    ///
    /// # Errors
    /// As [`Engine::json`], other than for what is missing.
    pub fn find(&self, path: &str) -> Result<Option<Json>, EngineError> {
        match self.get(path, &[]) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// `POST`, with JSON or without.
    ///
    /// # Errors
    /// As [`Engine::json`].
    pub fn post(&self, path: &str, query: Query<'_>, body: Option<&Json>) -> Result<Json, EngineError> {
        self.json("POST", path, query, body, Patience::Normal)
    }

    /// `DELETE`.
    ///
    /// # Errors
    /// As [`Engine::json`].
    pub fn delete(&self, path: &str, query: Query<'_>) -> Result<Json, EngineError> {
        self.json("DELETE", path, query, None, Patience::Normal)
    }

    /// Make a request after which the connection is a plain stream in both directions.
    ///
    /// # Errors
    /// The Engine cannot be reached, or refuses.
    pub fn hijack(&self, path: &str, body: &Json) -> Result<Hijacked, EngineError> {
        let mut reader = BufReader::new(self.endpoint.connect(None, &self.cancel)?);
        let broken = |error| EngineError::broken(&self.endpoint.address(), "POST", path, error);
        let headers = [("Upgrade", "tcp".to_owned()), ("Content-Type", "application/json".to_owned())];
        let text = body.to_string();
        let head = self.head("POST", path, &[], &headers);
        let request = format!("{head}Connection: Upgrade\r\nContent-Length: {}\r\n\r\n{text}", text.len());
        reader.get_mut().write_all(request.as_bytes()).and_then(|()| reader.get_mut().flush()).map_err(broken)?;
        let head = read_head(&mut reader).map_err(broken)?;
        if head.status >= 400 {
            let mut answer = Answer {
                body: BodyReader::new(reader, &head),
                head,
                address: self.endpoint.address(),
                method: "POST",
                path: path.to_owned(),
            };
            return Err(refusal(&mut answer));
        }
        Ok(Hijacked { stream: reader })
    }
}

fn write_request(stream: &mut dyn Stream, mut head: String, body: Body<'_>) -> io::Result<()> {
    head.push_str("Connection: close\r\n");
    match body {
        Body::None => {
            head.push_str("Content-Length: 0\r\n\r\n");
            stream.write_all(head.as_bytes())?;
        }
        Body::Json(json) => {
            let text = json.to_string();
            head.push_str(&format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}", text.len()));
            stream.write_all(head.as_bytes())?;
        }
        Body::Tar(write) => {
            head.push_str("Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n");
            stream.write_all(head.as_bytes())?;
            let mut writer = io::BufWriter::with_capacity(64 * 1024, ChunkWriter(stream));
            write(&mut writer)?;
            writer.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
            return Ok(());
        }
    }
    stream.flush()
}

/// What the Engine said against a request: `{"message": ...}`, or text.
fn refusal(answer: &mut Answer) -> EngineError {
    let mut text = String::new();
    let _ = answer.body.by_ref().take(64 * 1024).read_to_string(&mut text);
    let message = serde_json::from_str::<Json>(&text)
        .ok()
        .and_then(|json| Some(json.get("message")?.as_str()?.to_owned()))
        .unwrap_or_else(|| text.trim().to_owned());
    EngineError::Refused {
        method: answer.method,
        path: answer.path.clone(),
        status: answer.head.status,
        message: message.trim_end().to_owned(),
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
