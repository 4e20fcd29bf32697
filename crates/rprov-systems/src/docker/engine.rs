//! Requests to the Engine.

use std::io::{self, BufReader, Read, Write};
use std::time::Duration;

use serde_json::Value as Json;

use super::connection::{Connection, DEFAULT_HOST};
use super::endpoint::{Endpoint, Stream};
use super::error::EngineError;
use super::message::{BodyReader, ChunkWriter, Head, read_head};
use rprov_modules::context::{Cancel, Context};
use rprov_modules::http::encode;

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
        let variable = |name: &str| context.variable(name);
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
        self.json_with(method, path, query, &[], body, patience)
    }

    /// As [`Engine::json`], with headers.
    ///
    /// # Errors
    /// As [`Engine::json`].
    pub fn json_with(
        &self,
        method: &'static str,
        path: &str,
        query: Query<'_>,
        headers: &[(&str, String)],
        body: Option<&Json>,
        patience: Patience,
    ) -> Result<Json, EngineError> {
        let body = body.map_or(Body::None, Body::Json);
        let mut answer = self.send(method, path, query, headers, body, patience)?;
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::io::BufRead;
    use std::os::unix::net::UnixListener;

    use rprov_wire::{Map, Options, Value};

    use super::*;
    use rprov_modules::argument::Arguments;
    use rprov_modules::context::Detached;

    const PING: &str = "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK";

    /// An Engine on a socket that gives one answer per connection, and tells what it was asked.
    fn fake(answers: Vec<&'static str>) -> (tempfile::TempDir, std::thread::JoinHandle<Vec<String>>, Map) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("docker.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let thread = std::thread::spawn(move || answers.into_iter().map(|answer| serve(&listener, answer)).collect());
        let options = [
            ("docker_host".to_owned(), Value::from(format!("unix://{}", path.display()))),
            ("timeout".to_owned(), Value::Int(1)),
        ];
        (directory, thread, options.into_iter().collect())
    }

    fn serve(listener: &UnixListener, answer: &str) -> String {
        let (mut stream, _) = listener.accept().unwrap();
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut request = String::new();
        while !request.ends_with("\r\n\r\n") {
            if reader.read_line(&mut request).unwrap() == 0 {
                break;
            }
        }
        let length = request.lines().find_map(|line| line.strip_prefix("Content-Length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or(0)];
        reader.read_exact(&mut body).unwrap();
        if request.contains("chunked") {
            while !body.ends_with(b"0\r\n\r\n") {
                let data = reader.fill_buf().unwrap().to_vec();
                reader.consume(data.len());
                body.extend(data);
            }
        }
        if answer == "silence" {
            std::thread::sleep(Duration::from_millis(1500));
        } else {
            stream.write_all(answer.as_bytes()).unwrap();
        }
        request + &String::from_utf8_lossy(&body)
    }

    fn connect(options: &Map) -> Result<Engine, EngineError> {
        let request = Options::default();
        let context = Context { options: &request, transport: &Detached, cancel: &Cancel::default() };
        Engine::new(&Connection::decode(options).unwrap(), &context)
    }

    #[test]
    fn the_version_is_agreed_on_and_requests_carry_query_and_json() {
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n3\r\n 1}\r\n0\r\n\r\n";
        let (_directory, thread, options) = fake(vec![PING, chunked, "HTTP/1.1 204 No Content\r\n\r\n"]);
        let engine = connect(&options).unwrap();
        assert_eq!(engine.version(), (1, 41));
        assert_eq!(engine.get("/x", &[("q", "a b/c".to_owned())]).unwrap(), serde_json::json!({"a": 1}));
        assert_eq!(engine.post("/y", &[], Some(&serde_json::json!({"b": 2}))).unwrap(), Json::Null);
        let requests = thread.join().unwrap();
        assert!(requests[0].starts_with("GET /_ping HTTP/1.1\r\n"), "{requests:?}");
        assert!(requests[1].starts_with("GET /v1.41/x?q=a%20b%2Fc HTTP/1.1\r\n"), "{requests:?}");
        assert!(requests[2].starts_with("POST /v1.41/y HTTP/1.1\r\n") && requests[2].ends_with("\r\n\r\n{\"b\":2}"));
    }

    #[test]
    fn refusals_are_told_in_the_engines_words_and_what_is_missing_is_no_error() {
        let missing = "HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\n{\"message\":\"no c1\"}\n";
        let text = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 4\r\n\r\nboom";
        let (_directory, thread, options) = fake(vec![PING, missing, missing, text]);
        let engine = connect(&options).unwrap();
        assert_eq!(engine.find("/containers/c1/json").unwrap(), None);
        let error = engine.delete("/containers/c1", &[]).unwrap_err();
        assert_eq!(error.to_string(), "DELETE /containers/c1: the Docker Engine answers 404: no c1");
        assert_eq!(engine.get("/info", &[]).unwrap_err().to_string(), "GET /info: the Docker Engine answers 500: boom");
        thread.join().unwrap();
    }

    #[test]
    fn an_archive_travels_in_chunks() {
        let (_directory, thread, options) = fake(vec![PING, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"]);
        let engine = connect(&options).unwrap();
        let mut write = |writer: &mut dyn Write| writer.write_all(b"archive");
        engine.send("POST", "/build", &[], &[], Body::Tar(&mut write), Patience::Normal).unwrap();
        assert!(thread.join().unwrap()[1].ends_with("\r\n\r\n7\r\narchive\r\n0\r\n\r\n"));
    }

    #[test]
    fn silence_ends_with_the_timeout_and_a_closed_connection_is_said_to_be_one() {
        let (_directory, thread, options) = fake(vec![PING, "silence"]);
        let engine = connect(&options).unwrap();
        let error = engine.get("/info", &[]).unwrap_err().to_string();
        assert!(error.contains("no answer for 1 seconds; raise `timeout`"), "{error}");
        thread.join().unwrap();
        let (_directory, thread, options) = fake(vec![PING, ""]);
        let engine = connect(&options).unwrap();
        let error = engine.get("/info", &[]).unwrap_err().to_string();
        assert!(error.contains("look at its log"), "{error}");
        thread.join().unwrap();
    }

    #[test]
    fn an_engine_that_is_not_there_is_explained() {
        let at = |address: &str| {
            let options = [("docker_host".to_owned(), Value::from(address))].into_iter().collect();
            connect(&options).unwrap_err().to_string()
        };
        assert!(at("unix:///no/such.sock").contains("install Docker on this host"));
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dead.sock");
        drop(UnixListener::bind(&path).unwrap());
        assert!(at(&format!("unix://{}", path.display())).contains("start the daemon"));
        assert!(at("/var/run/docker.sock").contains("the scheme is missing"));
        assert!(at("ssh://host").contains("not needed"));
    }

    #[test]
    fn an_engine_that_is_too_old_is_refused() {
        let (_directory, thread, options) = fake(vec!["HTTP/1.1 200 OK\r\nApi-Version: 1.12\r\n\r\n"]);
        assert!(connect(&options).unwrap_err().to_string().contains("`1.12`"));
        thread.join().unwrap();
    }
}
