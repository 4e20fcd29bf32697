//! HTTP requests as `uri`, `get_url` and `unarchive` make them.
//!
//! Redirects and authentication are followed here and not by the HTTP library, since Ansible lets the playbook choose
//! which redirects are safe and which headers may go along.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use base64::Engine;
use ureq::config::Config;
use ureq::http::{Request, Uri, header};
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::resolver::{ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectionDetails, Connector, DefaultConnector, Either, LazyBuffers, NextTimeout, RustlsConnector,
    Transport,
};

use crate::context::Context;
use crate::outcome::Failure;

/// Redirects that are followed at most.
const REDIRECTS: usize = 10;

/// Which redirects are followed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// None.
    None,
    /// Those of requests that change nothing: `GET` and `HEAD`.
    #[default]
    Safe,
    /// All of them.
    All,
    /// Those that Python's `urllib` follows: as `Safe`, and `POST`, which becomes a `GET`.
    Urllib,
}

/// A request to be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// Where to.
    pub url: String,
    /// `GET`, `POST` ...
    pub method: String,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
    /// What to send.
    pub body: Option<Vec<u8>>,
    /// Which redirects are followed.
    pub follow: Follow,
    /// Headers that do not go along with a redirect, in lower case.
    pub unredirected: Vec<String>,
    /// User name and password.
    pub login: Option<(String, String)>,
    /// Send the login at once, without being asked.
    pub force_login: bool,
    /// Each step of the exchange may take so long; `None` for no limit.
    pub timeout: Option<Duration>,
    /// Check the server's certificate.
    pub validate: bool,
    /// Certificates to trust, a PEM file or a directory of them; the host's own if not given.
    pub authorities: Option<PathBuf>,
    /// PEM file of the client's certificate, and its key if that is elsewhere.
    pub certificate: Option<(PathBuf, Option<PathBuf>)>,
    /// Use the proxies that the environment names.
    pub proxy: bool,
    /// Speak over this socket.
    pub socket: Option<PathBuf>,
    /// Have the server compress, and decompress.
    pub decompress: bool,
    /// A `file://` URL means a file of this host.
    pub files: bool,
}

impl Call {
    /// A plain `GET`.
    pub fn get(url: &str) -> Self {
        Call {
            url: url.to_owned(),
            method: "GET".to_owned(),
            headers: Vec::new(),
            body: None,
            follow: Follow::Urllib,
            unredirected: Vec::new(),
            login: None,
            force_login: false,
            timeout: Some(Duration::from_secs(10)),
            validate: true,
            authorities: None,
            certificate: None,
            proxy: true,
            socket: None,
            decompress: true,
            files: false,
        }
    }
}

/// A server's answer.
#[derive(Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// What the status code means (`Not Found`).
    pub reason: String,
    /// Where the answer came from, after redirects.
    pub url: String,
    /// Redirects were followed.
    pub redirected: bool,
    /// Headers, names in lower case, in order; repeated ones repeat.
    pub headers: Vec<(String, String)>,
    /// Time until the headers were there.
    pub elapsed: Duration,
    body: ureq::Body,
}

impl Answer {
    /// The first value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// A file of this host, which the URL names.
    fn of_file(url: &str, path: &str) -> Result<Self, Failure> {
        let path = PathBuf::from(decode(path));
        let read = || -> std::io::Result<(std::fs::File, u64)> {
            let file = std::fs::File::open(&path)?;
            let metadata = file.metadata()?;
            if metadata.is_dir() { Err(std::io::ErrorKind::IsADirectory.into()) } else { Ok((file, metadata.len())) }
        };
        let (file, size) =
            read().map_err(|error| Failure::new(format!("Request failed: {url}: could not read the file: {error}")))?;
        Ok(Answer {
            status: 200,
            reason: "OK".to_owned(),
            url: url.to_owned(),
            redirected: false,
            headers: vec![("content-length".to_owned(), size.to_string())],
            elapsed: Duration::ZERO,
            body: ureq::Body::builder().reader(file),
        })
    }

    /// The content, to be read once.
    pub fn reader(&mut self) -> impl Read + '_ {
        self.body.as_reader()
    }

    /// All of the content.
    ///
    /// # Errors
    /// The connection broke.
    pub fn content(&mut self) -> Result<Vec<u8>, Failure> {
        let mut content = Vec::new();
        let url = self.url.clone();
        self.body
            .as_reader()
            .read_to_end(&mut content)
            .map_err(|error| Failure::new(format!("the answer of {url} broke off: {error}")))?;
        Ok(content)
    }

    /// `OK (N bytes)`, or for errors `HTTP Error 404: Not Found`.
    pub fn message(&self) -> String {
        if self.status < 300 {
            format!("OK ({} bytes)", self.header("content-length").unwrap_or("unknown"))
        } else {
            format!("HTTP Error {}: {}", self.status, self.reason)
        }
    }

    /// The file name that the server suggests, or else the last part of the URL; never with a directory.
    pub fn file_name(&self) -> String {
        let suggested = self.header("content-disposition").and_then(|value| {
            value.split(';').find_map(|part| {
                let name = part.trim().strip_prefix("filename=")?.trim_matches('"');
                name.rsplit('/').next().filter(|name| !name.is_empty() && *name != "." && *name != "..")
            })
        });
        suggested.map_or_else(|| url_name(&self.url), str::to_owned)
    }
}

/// The path in a `file://` URL, as it is encoded there.
pub fn file_path(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let path = rest.strip_prefix("localhost").unwrap_or(rest);
    (scheme.eq_ignore_ascii_case("file") && path.starts_with('/')).then_some(path)
}

/// The last part of a URL's path, or `index.html`.
pub fn url_name(url: &str) -> String {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
    match path.rsplit('/').next() {
        Some(name) if !name.is_empty() && name != ".." && name != "." => name.to_owned(),
        _ => "index.html".to_owned(),
    }
}

/// Make the request, and follow redirects and a demand for a login.
///
/// # Errors
/// There was no answer. An answer with an error status is no error here.
pub fn send(call: &Call, context: &Context<'_>) -> Result<Answer, Failure> {
    if let (true, Some(path)) = (call.files, file_path(&call.url)) {
        return Answer::of_file(&call.url, path);
    }
    let started = Instant::now();
    let mut call = call.clone();
    let mut login_sent = call.force_login;
    let mut redirected = false;
    let original_host = host(&call.url);
    for _ in 0..=REDIRECTS {
        context.checkpoint()?;
        let agent = agent(&call, context)?;
        let url = encode_url(&call.url)?;
        let mut builder = Request::builder().method(call.method.as_str()).uri(&url);
        for (name, value) in &call.headers {
            builder = builder.header(name, value);
        }
        if let (true, Some((user, password))) = (login_sent && host(&call.url) == original_host, &call.login) {
            builder = builder.header(header::AUTHORIZATION, basic(user, password));
        }
        let wrong =
            |error: ureq::http::Error| Failure::new(format!("the request to {} cannot be made: {error}", call.url));
        let response = match call.body.clone() {
            Some(body) => agent.run(builder.body(body).map_err(wrong)?),
            None => agent.run(builder.body(()).map_err(wrong)?),
        };
        let response = response.map_err(|error| failure(&call, &error))?;
        let (parts, body) = response.into_parts();
        let headers: Vec<(String, String)> = parts
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            .collect();
        let answer = Answer {
            status: parts.status.as_u16(),
            reason: parts.status.canonical_reason().unwrap_or_default().to_owned(),
            url: url.clone(),
            redirected,
            headers,
            elapsed: started.elapsed(),
            body,
        };
        if answer.status == 401 && !login_sent && call.login.is_some() {
            let scheme = answer.header("www-authenticate").unwrap_or_default().to_ascii_lowercase();
            if scheme.contains("basic") {
                login_sent = true;
                continue;
            }
        }
        match answer.header("location").map(str::to_owned) {
            Some(location) if follows(&call, answer.status) => {
                redirect(&mut call, answer.status, &url, &location);
                redirected = true;
            }
            _ => return Ok(answer),
        }
    }
    Err(Failure::new(format!("{} leads from one redirect to the next, more than {REDIRECTS} times", call.url)))
}

fn follows(call: &Call, status: u16) -> bool {
    let reads = matches!(call.method.as_str(), "GET" | "HEAD");
    matches!(status, 301 | 302 | 303 | 307 | 308)
        && match call.follow {
            Follow::None => false,
            Follow::Safe => reads,
            Follow::All => true,
            Follow::Urllib => reads || call.method == "POST" && status < 307,
        }
}

/// Turn the call into the one that the redirect asks for.
fn redirect(call: &mut Call, status: u16, url: &str, location: &str) {
    let becomes_get = match status {
        303 => call.method != "HEAD",
        302 => call.method != "HEAD",
        301 => call.method == "POST",
        _ => false,
    };
    if becomes_get {
        call.method = "GET".to_owned();
        call.body = None;
    }
    let next = join(url, location);
    let elsewhere = host(url) != host(&next);
    call.headers.retain(|(name, _)| {
        let name = name.to_ascii_lowercase();
        let of_body = matches!(name.as_str(), "content-length" | "content-type" | "transfer-encoding");
        // A login for one server is no business of another.
        let of_login = matches!(name.as_str(), "authorization" | "cookie");
        let dropped = call.unredirected.contains(&name) || of_body && becomes_get || of_login && elsewhere;
        !dropped
    });
    call.url = next;
}

fn host(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase()
}

/// A location relative to a URL (RFC 3986).
fn join(base: &str, location: &str) -> String {
    if location.contains("://") {
        return location.to_owned();
    }
    let (scheme, rest) = base.split_once("://").unwrap_or(("http", base));
    if let Some(authority) = location.strip_prefix("//") {
        return format!("{scheme}://{authority}");
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if location.starts_with('/') {
        return format!("{scheme}://{authority}{location}");
    }
    let directory = path.split(['?', '#']).next().unwrap_or_default().rsplit_once('/').map_or("", |(head, _)| head);
    format!("{scheme}://{authority}{directory}/{location}")
}

fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")))
}

/// Percent-encode what must not stand in a URL, and drop the fragment.
fn encode_url(url: &str) -> Result<String, Failure> {
    let scheme = url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(Failure::new(format!("unknown url type: '{url}'; there are http:// and https://")));
    }
    let mut encoded = String::with_capacity(url.len());
    for byte in url.split('#').next().unwrap_or_default().bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    // A login in the URL is sent as a header.
    Ok(match encoded.split_once("://") {
        Some((scheme, rest)) => {
            let end = rest.find('/').unwrap_or(rest.len());
            let (authority, path) = rest.split_at(end);
            format!("{scheme}://{}{path}", authority.rsplit_once('@').map_or(authority, |(_, host)| host))
        }
        None => encoded,
    })
}

/// Percent-encode everything that is special in a path segment or a query value (RFC 3986).
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

/// User name and password from a URL, decoded.
pub fn login_in_url(url: &str) -> Option<(String, String)> {
    let (user, password) = written_login(url)?;
    Some((decode(user), decode(password)))
}

/// User name and password from a URL, as they are written there.
pub fn written_login(url: &str) -> Option<(&str, &str)> {
    let rest = url.split_once("://")?.1;
    let authority = rest.split(['/', '?', '#']).next()?;
    let login = authority.rsplit_once('@')?.0;
    Some(login.split_once(':').unwrap_or((login, "")))
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let ahead: Vec<u8> = rest.clone().take(2).collect();
        let code = std::str::from_utf8(&ahead).ok().and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, code, ahead.len()) {
            (b'%', Some(code), 2) => {
                bytes.push(code);
                rest.nth(1);
            }
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn failure(call: &Call, error: &ureq::Error) -> Failure {
    let advice = match error {
        ureq::Error::HostNotFound => "; check the name and the host's DNS",
        ureq::Error::Timeout(_) => "; raise `timeout`, or check the firewall",
        ureq::Error::Rustls(_) | ureq::Error::Tls(_) => {
            "; install the authority's certificate on the host, or name it with `ca_path`"
        }
        // TLS errors come wrapped as I/O errors.
        ureq::Error::Io(error) if error.to_string().contains("certificate") => {
            "; install the authority's certificate on the host, or name it with `ca_path`"
        }
        _ => "",
    };
    Failure::new(format!("Request failed: {}: {error}{advice}", call.url))
}

fn agent(call: &Call, context: &Context<'_>) -> Result<ureq::Agent, Failure> {
    let mut config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .allow_non_standard_methods(true)
        .max_idle_connections(0)
        .user_agent("")
        .accept("")
        .accept_encoding(if call.decompress { "gzip" } else { "" })
        .timeout_connect(call.timeout)
        .timeout_per_read(call.timeout)
        .timeout_per_write(call.timeout);
    if call.url.to_ascii_lowercase().starts_with("https://") {
        config = config.tls_config(tls(call)?);
    }
    config = config.proxy(proxy(call, context)?);
    let config = config.build();
    Ok(match &call.socket {
        None => ureq::Agent::with_parts(config, DefaultConnector::default(), Names),
        Some(socket) => {
            let connector = ().chain(SocketConnector(socket.clone())).chain(RustlsConnector::default());
            ureq::Agent::with_parts(config, connector, Nowhere)
        }
    })
}

/// The proxy that the task's environment, or else the agent's, names for this URL.
fn proxy(call: &Call, context: &Context<'_>) -> Result<Option<ureq::Proxy>, Failure> {
    if !call.proxy || call.socket.is_some() {
        return Ok(None);
    }
    let either = |name: &str| context.variable(name).or_else(|| context.variable(&name.to_ascii_uppercase()));
    let name = if call.url.starts_with("https") { "https_proxy" } else { "http_proxy" };
    let Some(address) = either(name).or_else(|| either("all_proxy")) else { return Ok(None) };
    let host = host(&call.url);
    let host = host.rsplit_once('@').map_or(host.as_str(), |(_, host)| host);
    let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
    let excepted = either("no_proxy").unwrap_or_default().split(',').map(str::trim).any(|entry| {
        let suffix = entry.trim_start_matches('.');
        entry == "*" || !suffix.is_empty() && (bare == suffix || bare.ends_with(&format!(".{suffix}")) || host == entry)
    });
    if excepted {
        return Ok(None);
    }
    ureq::Proxy::new(&address).map(Some).map_err(|error| {
        Failure::new(format!("the proxy {address} of the environment variable {name} cannot be used: {error}"))
    })
}

fn tls(call: &Call) -> Result<TlsConfig, Failure> {
    let mut builder = TlsConfig::builder()
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .disable_verification(!call.validate);
    if call.validate {
        let certificates = match &call.authorities {
            Some(path) => authorities(path)?,
            None => {
                let found = rustls_native_certs::load_native_certs();
                found.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect()
            }
        };
        if certificates.is_empty() {
            return Err(Failure::new(format!(
                "{} cannot be verified: the host knows no certificate authorities; install its package ca-certificates, or give `ca_path`",
                call.url
            )));
        }
        builder = builder.root_certs(RootCerts::new_with_certs(&certificates));
    }
    if let Some((certificate, key)) = &call.certificate {
        let pem = read(certificate)?;
        let key_pem = match key {
            Some(key) => read(key)?,
            None => pem.clone(),
        };
        let chain: Vec<Certificate<'static>> = certificates_in(&pem);
        let key = PrivateKey::from_pem(&key_pem).map_err(|error| {
            Failure::new(format!("no private key found in {}: {error}", key.as_ref().unwrap_or(certificate).display()))
        })?;
        if chain.is_empty() {
            return Err(Failure::new(format!("no certificate found in {}", certificate.display())));
        }
        builder = builder.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    Ok(builder.build())
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(path).map_err(|error| crate::write::explain("read", path, &error))
}

fn certificates_in(pem: &[u8]) -> Vec<Certificate<'static>> {
    parse_pem(pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect()
}

fn authorities(path: &Path) -> Result<Vec<Certificate<'static>>, Failure> {
    if !path.is_dir() {
        return Ok(certificates_in(&read(path)?));
    }
    let entries = std::fs::read_dir(path).map_err(|error| crate::write::explain("list", path, &error))?;
    let files = entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file());
    Ok(files.filter_map(|file| std::fs::read(file).ok()).flat_map(|pem| certificates_in(&pem)).collect())
}

/// Names are looked up by `getent`, as a static program must not load the C library's plug-ins.
#[derive(Debug)]
struct Names;

impl Resolver for Names {
    fn resolve(&self, uri: &Uri, _config: &Config, _timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let default = if uri.scheme_str() == Some("https") { 443 } else { 80 };
        let port = uri.port_u16().unwrap_or(default);
        let found: Vec<IpAddr> = match host.parse() {
            Ok(address) => vec![address],
            Err(_) => look_up(host),
        };
        let mut addresses = self.empty();
        // More would not fit.
        for address in found.into_iter().take(16) {
            addresses.push(SocketAddr::new(address, port));
        }
        if addresses.is_empty() { Err(ureq::Error::HostNotFound) } else { Ok(addresses) }
    }
}

/// For a Unix socket: the name in the URL is for the server alone.
#[derive(Debug)]
struct Nowhere;

impl Resolver for Nowhere {
    fn resolve(&self, _uri: &Uri, _config: &Config, _timeout: NextTimeout) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut addresses = self.empty();
        addresses.push(SocketAddr::from(([127, 0, 0, 1], 0)));
        Ok(addresses)
    }
}

fn look_up(host: &str) -> Vec<IpAddr> {
    if host.is_empty() || host.starts_with('-') {
        return Vec::new();
    }
    match std::process::Command::new("getent").args(["ahosts", host]).output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            addresses
        }
        Err(_) => {
            use std::net::ToSocketAddrs;
            (host, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
        }
    }
}

/// Connects to a Unix socket, whatever the URL's host is.
#[derive(Debug)]
struct SocketConnector(PathBuf);

impl<In: Transport> Connector<In> for SocketConnector {
    type Out = Either<In, SocketTransport>;

    fn connect(&self, details: &ConnectionDetails<'_>, _chained: Option<In>) -> Result<Option<Self::Out>, ureq::Error> {
        let stream = UnixStream::connect(&self.0)?;
        let buffers = LazyBuffers::new(details.config.input_buffer_size(), details.config.output_buffer_size());
        Ok(Some(Either::B(SocketTransport { stream, buffers })))
    }
}

#[derive(Debug)]
struct SocketTransport {
    stream: UnixStream,
    buffers: LazyBuffers,
}

fn timed(error: std::io::Error, timeout: NextTimeout) -> ureq::Error {
    match error.kind() {
        std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => ureq::Error::Timeout(timeout.reason),
        _ => error.into(),
    }
}

impl Transport for SocketTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        self.stream.set_write_timeout(timeout.not_zero().map(|limit| *limit))?;
        let output = self.buffers.output();
        self.stream.write_all(output.get(..amount).unwrap_or_default()).map_err(|error| timed(error, timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        self.stream.set_read_timeout(timeout.not_zero().map(|limit| *limit))?;
        let amount = self.stream.read(self.buffers.input_append_buf()).map_err(|error| timed(error, timeout))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_are_relative_to_the_url() {
        assert_eq!(join("http://h/a/b?q", "c"), "http://h/a/c");
        assert_eq!(join("http://h/a/b", "/c"), "http://h/c");
        assert_eq!(join("https://h/a", "//g/c"), "https://g/c");
        assert_eq!(join("http://h", "http://g/"), "http://g/");
    }

    #[test]
    fn urls_are_encoded_and_logins_taken_out() {
        assert_eq!(encode_url("http://u:p@h/a b?é#f").unwrap_or_default(), "http://h/a%20b?%C3%A9");
        assert_eq!(login_in_url("http://u:p%40@h/"), Some(("u".to_owned(), "p@".to_owned())));
        assert_eq!(login_in_url("http://h/a@b"), None);
        assert!(encode_url("nonsense").is_err());
        assert_eq!(url_name("http://h/a/b.tar.gz?x=1"), "b.tar.gz");
        assert_eq!(url_name("http://h"), "index.html");
    }

    #[test]
    fn a_redirect_to_another_server_takes_no_login_along() {
        let mut call = Call::get("http://a/");
        call.headers = vec![("Authorization".to_owned(), "x".to_owned()), ("X-A".to_owned(), "y".to_owned())];
        redirect(&mut call, 302, "http://a/", "http://b/");
        assert_eq!(call.headers, [("X-A".to_owned(), "y".to_owned())]);
    }
}
