//! `uri`: a request to a web service, and its answer.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use rprov_wire::{Content, Map, Value};

use crate::argument::{Raw, Rule, Secret};
use crate::attributes::{self, FileAttributes};
use crate::checksum::Algorithm;
use crate::context::Context;
use crate::http::{self, Answer, Call, Follow};
use crate::json;
use crate::outcome::{Failure, Outcome};
use crate::shell_pattern::any_exists;
use crate::write::{self, explain};
use crate::{arguments, choices};

choices! {
    /// How the body is written.
    pub enum Format {
        FormUrlencoded = "form-urlencoded",
        Json = "json",
        Raw = "raw",
        FormMultipart = "form-multipart",
    }
}

choices! {
    /// Which redirects are followed.
    pub enum Redirects {
        All = "all",
        No = "no",
        None = "none",
        Safe = "safe",
        Urllib2 = "urllib2",
        Yes = "yes",
    }
}

arguments! {
    /// Interact with web services.
    pub struct Arguments + FileAttributes {
        /// Where to: `http://` or `https://`.
        url: String,
        /// File or directory on the host that the content is written to.
        dest: Option<PathBuf>,
        /// User name.
        url_username | user: Option<String>,
        /// Password.
        url_password | password: Option<Secret>,
        /// What to send: text, or a structure that `body_format` writes out.
        body: Option<Raw>,
        /// How the body is written.
        body_format: Format = Format::Raw,
        /// `GET`, `POST` ...
        method: String = "GET".to_owned(),
        /// Return the content even if it is not JSON and the status is the right one.
        return_content: bool = false,
        /// Send the login at once, without being asked.
        force_basic_auth: bool = false,
        /// Which redirects are followed.
        follow_redirects: Redirects = Redirects::Safe,
        /// Do nothing if this file exists.
        creates: Option<PathBuf>,
        /// Do nothing if this file does not exist.
        removes: Option<PathBuf>,
        /// Status codes that are a success.
        status_code: Vec<u16> = vec![200],
        /// Seconds that each step of the exchange may take.
        timeout: u32 = 30,
        /// Headers.
        headers: Map = Map::new(),
        /// Check the server's certificate.
        validate_certs: bool = true,
        /// PEM file of the client's certificate.
        client_cert: Option<PathBuf>,
        /// PEM file of the client's key.
        client_key: Option<PathBuf>,
        /// Certificates to trust, a PEM file or a directory of them.
        ca_path: Option<PathBuf>,
        /// File that holds the body.
        src: Option<PathBuf>,
        /// `src` is on the host.
        remote_src: bool = false,
        /// Have proxies fetch the answer anew.
        force: bool = false,
        /// Use the proxies that the environment names.
        use_proxy: bool = true,
        /// Speak over this socket.
        unix_socket: Option<PathBuf>,
        /// The `User-Agent`.
        http_agent: String = "ansible-httpget".to_owned(),
        /// Headers that do not go along with a redirect.
        unredirected_headers: Vec<String> = Vec::new(),
        /// Not supported: GSSAPI.
        use_gssapi: bool = false,
        /// Take the login from `~/.netrc` where none is given.
        use_netrc: bool = true,
        /// Not supported: a choice of ciphers.
        ciphers: Option<Vec<String>>,
        /// Decompress the answer.
        decompress: bool = true,
        /// The content of `src`, on the controller.
        _content: Option<Content>,
    }
    rules: [Rule::Exclusive(&["body", "src"])]
}

/// Ask, and look at the answer.
///
/// # Errors
/// There was no answer, or its status is none of `status_code`; what came is among the failure's values.
pub fn run(arguments: Arguments, context: &Context<'_>) -> Result<Outcome, Failure> {
    refuse_unsupported(arguments.use_gssapi, arguments.ciphers.is_some())?;
    if context.check() {
        // What a request does to a service cannot be predicted.
        return Ok(Outcome::unchanged()
            .with("skipped", true)
            .with("msg", "This action (uri) does not support check mode."));
    }
    if let Some(path) = arguments.creates.as_ref().filter(|path| any_exists(path, None)) {
        return Ok(skipped(format!("skipped, since '{}' exists", path.display())));
    }
    if let Some(path) = arguments.removes.as_ref().filter(|path| !any_exists(path, None)) {
        return Ok(skipped(format!("skipped, since '{}' does not exist", path.display())));
    }
    let wanted = arguments.attributes.resolve()?;
    let call = call(&arguments, context)?;
    let mut answer = http::send(&call, context).map_err(|failure| {
        Failure::new(format!("Status code was -1 and not {:?}: {}", arguments.status_code, failure.message))
            .with("status", -1)
            .with("url", arguments.url.as_str())
            .with("redirected", false)
            .with("elapsed", 0)
    })?;
    let mut values = describe(&answer);
    let accepted = arguments.status_code.contains(&answer.status);
    if !accepted {
        let message =
            format!("Status code was {} and not {:?}: {}", answer.status, arguments.status_code, answer.message());
        let content = answer.content().unwrap_or_default();
        let mut failure = Failure { message, values };
        if arguments.return_content {
            failure = failure.with("content", String::from_utf8_lossy(&content).into_owned());
        }
        add_json(&answer, &content, &mut failure.values);
        failure.values.shift_remove("msg");
        return Err(failure);
    }
    let mut changed = false;
    if let Some(dest) = &arguments.dest {
        let path = if dest.is_dir() { dest.join(answer.file_name()) } else { dest.clone() };
        let mut staged = write::Staged::new(&path, wanted.unsafe_writes)?;
        staged.copy_from(&mut answer.reader())?;
        let same = path.is_file() && Algorithm::Sha1.of_file(&path)? == Algorithm::Sha1.of_file(staged.path()?)?;
        if !same {
            staged.commit(&wanted)?;
            changed = true;
        }
        changed |= wanted.apply(&path, false)?.changed;
        values.insert("path".to_owned(), path.display().to_string().into());
        values.extend(attributes::describe(&path));
        if arguments.return_content {
            let content = std::fs::read(&path).map_err(|error| Failure::io("read", &path, error))?;
            values.insert("content".to_owned(), String::from_utf8_lossy(&content).into_owned().into());
        }
        return Ok(Outcome::new(changed).with_all(values));
    }
    let content = answer.content()?;
    add_json(&answer, &content, &mut values);
    let text = String::from_utf8_lossy(&content).into_owned();
    if answer.status >= 300 {
        values.insert("body".to_owned(), text.as_str().into());
    }
    if arguments.return_content {
        values.insert("content".to_owned(), text.into());
    }
    Ok(Outcome::new(changed).with_all(values))
}

/// Options that would be ignored silently.
pub(crate) fn refuse_unsupported(gssapi: bool, ciphers: bool) -> Result<(), Failure> {
    if gssapi {
        return Err(Failure::new("use_gssapi is not supported; use a login or a client certificate"));
    }
    if ciphers {
        return Err(Failure::new(
            "ciphers is not supported: TLS 1.2 and 1.3 are used with their safe ciphers; leave it out",
        ));
    }
    Ok(())
}

fn skipped(text: String) -> Outcome {
    Outcome::unchanged().with("stdout_lines", vec![text.as_str()]).with("stdout", text)
}

fn call(arguments: &Arguments, context: &Context<'_>) -> Result<Call, Failure> {
    let mut headers = header_list(&arguments.headers);
    let has = |headers: &[(String, String)], name: &str| headers.iter().any(|(key, _)| key.eq_ignore_ascii_case(name));
    if !has(&headers, "user-agent") {
        headers.push(("User-Agent".to_owned(), arguments.http_agent.clone()));
    }
    if arguments.force && !has(&headers, "cache-control") {
        headers.push(("Cache-Control".to_owned(), "no-cache".to_owned()));
    }
    let (body, kind) = body(arguments, context)?;
    if let Some(kind) = kind
        && !has(&headers, "content-type")
    {
        headers.push(("Content-Type".to_owned(), kind));
    }
    let given = arguments.url_username.clone().map(|user| {
        (user, arguments.url_password.as_ref().map(|secret| secret.expose().to_owned()).unwrap_or_default())
    });
    let netrc = || arguments.use_netrc.then(|| netrc(&arguments.url)).flatten();
    Ok(Call {
        method: arguments.method.to_ascii_uppercase(),
        headers,
        body,
        follow: match arguments.follow_redirects {
            Redirects::All | Redirects::Yes => Follow::All,
            Redirects::No | Redirects::None => Follow::None,
            Redirects::Safe => Follow::Safe,
            Redirects::Urllib2 => Follow::Urllib,
        },
        unredirected: arguments.unredirected_headers.iter().map(|name| name.to_ascii_lowercase()).collect(),
        force_login: arguments.force_basic_auth || given.is_none(),
        login: given.or_else(|| http::login_in_url(&arguments.url)).or_else(netrc),
        timeout: seconds(arguments.timeout),
        validate: arguments.validate_certs,
        authorities: arguments.ca_path.clone(),
        certificate: arguments.client_cert.clone().map(|certificate| (certificate, arguments.client_key.clone())),
        proxy: arguments.use_proxy,
        socket: arguments.unix_socket.clone(),
        decompress: arguments.decompress,
        ..Call::get(&arguments.url)
    })
}

/// A time limit; 0 for none.
pub(crate) fn seconds(number: u32) -> Option<Duration> {
    (number > 0).then(|| Duration::from_secs(number.into()))
}

/// Headers as text.
pub(crate) fn header_list(headers: &Map) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

/// The login that `~/.netrc` has for a URL's host.
pub(crate) fn netrc(url: &str) -> Option<(String, String)> {
    let path = std::env::var_os("NETRC").map_or_else(|| crate::account::expand_path("~/.netrc"), PathBuf::from);
    let text = std::fs::read_to_string(path).ok()?;
    let host = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    netrc_entry(&text, host)
}

fn netrc_entry(text: &str, host: &str) -> Option<(String, String)> {
    let mut words = text.lines().filter(|line| !line.trim_start().starts_with('#')).flat_map(str::split_whitespace);
    let mut inside = false;
    let (mut login, mut password) = (None, None);
    while let Some(word) = words.next() {
        match word {
            "machine" | "default" => {
                if inside && login.is_some() {
                    break;
                }
                inside = word == "default" || words.next() == Some(host);
            }
            "login" if inside => login = words.next().map(str::to_owned),
            "password" if inside => password = words.next().map(str::to_owned),
            "login" | "password" | "account" => {
                words.next();
            }
            _ => {}
        }
    }
    Some((login?, password.unwrap_or_default()))
}

/// The body and its type.
fn body(arguments: &Arguments, context: &Context<'_>) -> Result<(Option<Vec<u8>>, Option<String>), Failure> {
    let urlencoded = || Some("application/x-www-form-urlencoded".to_owned());
    if let Some(content) = &arguments._content {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut context.transport.pull(content)?, &mut bytes)
            .map_err(|error| Failure::new(format!("src could not be read from the controller: {error}")))?;
        return Ok((Some(bytes), urlencoded()));
    }
    if let Some(src) = &arguments.src {
        let bytes = std::fs::read(src)
            .map_err(|error| Failure::new(format!("Unable to open source file {}: {error}", src.display())))?;
        return Ok((Some(bytes), urlencoded()));
    }
    let Some(Raw(value)) = &arguments.body else { return Ok((None, None)) };
    Ok(match arguments.body_format {
        Format::Json => {
            let text = match value {
                Value::String(text) => text.clone(),
                other => json::to_text(other, &json::Style::default()),
            };
            (Some(text.into_bytes()), Some("application/json".to_owned()))
        }
        Format::FormUrlencoded => (Some(form(value)?.into_bytes()), urlencoded()),
        Format::FormMultipart => {
            let (bytes, boundary) = multipart(value)?;
            (Some(bytes), Some(format!("multipart/form-data; boundary=\"{boundary}\"")))
        }
        Format::Raw => {
            let text = match value {
                Value::Map(_) | Value::List(_) => json::to_text(value, &json::Style::default()),
                other => plain(other),
            };
            (Some(text.into_bytes()), urlencoded())
        }
    })
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => if *flag { "True" } else { "False" }.to_owned(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn form(value: &Value) -> Result<String, Failure> {
    let mut pairs = Vec::new();
    let mut add = |name: &str, value: &Value| match value {
        Value::List(items) => pairs.extend(items.iter().map(|item| format!("{}={}", quote(name), quote(&plain(item))))),
        other => pairs.push(format!("{}={}", quote(name), quote(&plain(other)))),
    };
    match value {
        Value::String(text) => return Ok(text.clone()),
        Value::Map(map) => map.iter().for_each(|(name, value)| add(name, value)),
        Value::List(items) => {
            for item in items {
                match item {
                    Value::List(pair) => {
                        if let [name, value] = pair.as_slice() {
                            add(&plain(name), value);
                        }
                    }
                    Value::Map(map) => map.iter().for_each(|(name, value)| add(name, value)),
                    _ => {
                        return Err(Failure::new(
                            "failed to parse body as form_urlencoded: a list must hold pairs of name and value",
                        ));
                    }
                }
            }
        }
        _ => return Err(Failure::new("failed to parse body as form_urlencoded: give a map")),
    }
    Ok(pairs.join("&"))
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

/// A multipart body (RFC 7578) and its boundary.
fn multipart(value: &Value) -> Result<(Vec<u8>, String), Failure> {
    let Value::Map(fields) = value else {
        return Err(Failure::new("failed to parse body as form-multipart: body must be a map of fields"));
    };
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for (name, field) in fields {
        let fault =
            |reason: &str| Failure::new(format!("failed to parse body as form-multipart: field {name} {reason}"));
        let mut disposition = format!("form-data; name=\"{name}\"");
        let mut lines = Vec::new();
        let content = match field {
            Value::Map(field) => {
                let text = |key: &str| field.get(key).filter(|value| !value.is_null()).map(plain);
                let filename = text("filename");
                let mime = text("mime_type");
                if let Some(filename) = &filename {
                    let base = filename.rsplit('/').next().unwrap_or(filename);
                    disposition.push_str(&format!("; filename=\"{base}\""));
                }
                let (bytes, default, encoded) = match (text("content"), &filename) {
                    (Some(content), _) => (content.into_bytes(), "text/plain", false),
                    (None, Some(filename)) => {
                        let path = crate::account::expand_path(filename);
                        (
                            std::fs::read(&path).map_err(|error| explain("read", &path, &error))?,
                            "application/octet-stream",
                            true,
                        )
                    }
                    (None, None) => return Err(fault("needs `content` or `filename`")),
                };
                if encoded && text("multipart_encoding").as_deref() != Some("7or8bit") {
                    lines.push("Content-Transfer-Encoding: base64".to_owned());
                    lines.push(format!("Content-Type: {}", mime.as_deref().unwrap_or(default)));
                    let mut text = base64::engine::general_purpose::STANDARD.encode(&bytes).into_bytes();
                    let mut wrapped = Vec::with_capacity(text.len() + text.len() / 38);
                    while !text.is_empty() {
                        let rest = text.split_off(text.len().min(76));
                        wrapped.extend_from_slice(&text);
                        wrapped.extend_from_slice(b"\r\n");
                        text = rest;
                    }
                    wrapped
                } else {
                    lines.push(format!("Content-Type: {}", mime.as_deref().unwrap_or(default)));
                    bytes
                }
            }
            Value::List(_) => return Err(fault("is a list; give text or a map")),
            other => {
                lines.push("Content-Type: text/plain".to_owned());
                plain(other).into_bytes()
            }
        };
        lines.push(format!("Content-Disposition: {disposition}"));
        let mut part = lines.join("\r\n").into_bytes();
        part.extend_from_slice(b"\r\n\r\n");
        part.extend_from_slice(&content);
        parts.push(part);
    }
    let boundary = boundary(&parts);
    let mut out = Vec::new();
    for part in &parts {
        out.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        out.extend_from_slice(part);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok((out, boundary))
}

/// A line that none of the parts contains, and that is the same for the same parts.
fn boundary(parts: &[Vec<u8>]) -> String {
    let sums: String = parts.iter().map(|part| Algorithm::Sha1.of_bytes(part)).collect();
    let mut sum = Algorithm::Sha1.of_bytes(sums.as_bytes());
    loop {
        let boundary = format!("==============={sum}==");
        if !parts.iter().any(|part| part.windows(boundary.len()).any(|window| window == boundary.as_bytes())) {
            return boundary;
        }
        sum = Algorithm::Sha1.of_bytes(sum.as_bytes());
    }
}

/// Status, message, headers and cookies as return values.
fn describe(answer: &Answer) -> Map {
    let mut values = Map::new();
    let mut cookies = Map::new();
    for (name, value) in &answer.headers {
        if name == "set-cookie"
            && let Some((key, value)) = value.split(';').next().and_then(|pair| pair.split_once('='))
        {
            cookies.insert(key.trim().to_owned(), value.trim().trim_matches('"').into());
        }
        let key = name.to_ascii_lowercase().replace('-', "_");
        let joined = match values.get(&key).and_then(Value::as_str) {
            Some(earlier) => format!("{earlier}, {value}"),
            None => value.clone(),
        };
        values.insert(key, joined.into());
    }
    if answer.status < 300 {
        let text: Vec<String> = cookies.iter().map(|(name, value)| format!("{name}={}", plain(value))).collect();
        values.insert("cookies_string".to_owned(), text.join("; ").into());
        values.insert("cookies".to_owned(), cookies.into());
    }
    if let Some(location) = values.get("location").and_then(Value::as_str).map(str::to_owned)
        && !location.contains("://")
    {
        let base = answer.url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/");
        if location.starts_with('/') {
            values.insert("location".to_owned(), format!("{base}{location}").into());
        }
    }
    values.insert("status".to_owned(), u32::from(answer.status).into());
    values.insert("msg".to_owned(), answer.message().into());
    values.insert("url".to_owned(), answer.url.as_str().into());
    values.insert("redirected".to_owned(), answer.redirected.into());
    values.insert("elapsed".to_owned(), answer.elapsed.as_secs().into());
    values
}

/// The content as a structure, where the server says that it is JSON.
fn add_json(answer: &Answer, content: &[u8], values: &mut Map) {
    let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if (kind.ends_with("/json") || kind.ends_with("+json") || kind.ends_with("/javascript"))
        && let Ok(json) = serde_json::from_slice::<serde_json::Value>(content)
    {
        values.insert("json".to_owned(), Value::from_json(&json));
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Bench, Server};

    fn text(value: &Value) -> String {
        value.as_str().unwrap().to_owned()
    }

    #[test]
    fn an_answer_has_status_headers_cookies_and_json() {
        let (bench, server) = (Bench::new(), Server::new());
        let result = bench.apply("uri", json!({"url": server.url("/json")}));
        assert_eq!((&result["status"], &result["msg"]), (&Value::Int(200), &Value::from("OK (7 bytes)")));
        assert_eq!(result["json"].get("a"), Some(&Value::Int(1)));
        assert_eq!(result["cookies_string"], Value::from("k=v; l=w"));
        assert_eq!((&result["x_a_b"], result.get("content")), (&Value::from("c"), None));
        assert_eq!(result["changed"], Value::Bool(false));
    }

    #[test]
    fn another_status_is_a_failure_unless_it_is_listed() {
        let (bench, server) = (Bench::new(), Server::new());
        let arguments = json!({"url": server.url("/404"), "return_content": true});
        let failure = bench.run("uri", arguments, false).unwrap_err();
        assert_eq!(failure.message, "Status code was 404 and not [200]: HTTP Error 404: Not Found");
        assert_eq!((&failure.values["status"], &failure.values["content"]), (&Value::Int(404), &Value::from("nope")));
        let result = bench.apply("uri", json!({"url": server.url("/404"), "status_code": [200, 404]}));
        assert_eq!(result["body"], Value::from("nope"));
    }

    #[test]
    fn redirects_are_followed_as_asked() {
        let (bench, server) = (Bench::new(), Server::new());
        let result = bench.apply("uri", json!({"url": server.url("/redirect")}));
        assert_eq!((&result["redirected"], &result["url"]), (&Value::Bool(true), &Value::from(server.url("/json"))));
        bench.apply("uri", json!({"url": server.url("/redirect"), "follow_redirects": "none", "status_code": 302}));
        let failure = bench.fails("uri", json!({"url": server.url("/redirect"), "method": "POST"}));
        assert!(failure.starts_with("Status code was 302"), "{failure}");
        let result =
            bench.apply("uri", json!({"url": server.url("/redirect"), "method": "POST", "follow_redirects": "all"}));
        assert_eq!(result["redirected"], Value::Bool(true));
    }

    #[test]
    fn bodies_are_written_in_every_format() {
        let (bench, server) = (Bench::new(), Server::new());
        let file = bench.file("up", "hello\n");
        let sent = |arguments: serde_json::Value| {
            let mut arguments = arguments;
            arguments["url"] = server.url("/echo").into();
            arguments["return_content"] = true.into();
            text(&bench.apply("uri", arguments)["content"])
        };
        let echo = sent(json!({"method": "POST", "body": {"a": 1, "b": ["x", "é"]}, "body_format": "json"}));
        assert!(
            echo.contains("content-type: application/json") && echo.ends_with(r#"{"a": 1, "b": ["x", "\u00e9"]}"#),
            "{echo}"
        );
        let echo =
            sent(json!({"method": "PUT", "body": {"a": 1, "b": ["x", "y z&"]}, "body_format": "form-urlencoded"}));
        assert!(echo.starts_with("PUT") && echo.ends_with("a=1&b=x&b=y+z%26"), "{echo}");
        let body =
            json!({"a": "1", "f": {"filename": file}, "g": {"content": "xx", "filename": "q", "mime_type": "text/x"}});
        let echo = sent(json!({"method": "POST", "body": body, "body_format": "form-multipart"}));
        assert!(echo.contains("name=\"f\"; filename=\"up\"\r\n\r\naGVsbG8K\r\n"), "{echo}");
        assert!(
            echo.contains(
                "Content-Type: text/x\r\nContent-Disposition: form-data; name=\"g\"; filename=\"q\"\r\n\r\nxx\r\n"
            ),
            "{echo}"
        );
        let echo = sent(json!({"method": "GET", "body": "raw", "headers": {"X-Y": "z"}}));
        assert!(
            echo.starts_with("GET")
                && echo.contains("x-y: z")
                && echo.contains("user-agent: ansible-httpget")
                && echo.ends_with("raw"),
            "{echo}"
        );
        let echo = sent(json!({"method": "PROPFIND"}));
        assert!(echo.starts_with("PROPFIND"), "{echo}");
    }

    #[test]
    fn a_login_is_sent_when_asked_for_or_at_once() {
        let (bench, server) = (Bench::new(), Server::new());
        for force in [false, true] {
            let arguments = json!({"url": server.url("/auth"), "user": "u", "password": "p", "return_content": true, "force_basic_auth": force});
            assert_eq!(text(&bench.apply("uri", arguments)["content"]), "Basic dTpw");
        }
        assert!(bench.fails("uri", json!({"url": server.url("/auth")})).starts_with("Status code was 401"));
        assert_eq!(netrc_entry("machine a login u password p\nmachine b login v", "a"), Some(("u".into(), "p".into())));
        assert_eq!(netrc_entry("machine a login u password p\nmachine b login v", "c"), None);
    }

    #[test]
    fn content_is_written_once_and_check_mode_asks_nothing() {
        let (bench, server) = (Bench::new(), Server::new());
        let arguments = json!({"url": server.url("/file.txt"), "dest": bench.path("f"), "mode": "0600"});
        let result = bench.run("uri", arguments.clone(), true).unwrap();
        assert_eq!((&result["skipped"], server.requests()), (&Value::Bool(true), 0));
        let result = bench.apply("uri", arguments.clone());
        assert_eq!((&result["changed"], &result["path"]), (&Value::Bool(true), &Value::from(bench.path("f"))));
        assert_eq!(bench.read("f"), "hello\n");
        bench.settled("uri", arguments);
        let result = bench.apply("uri", json!({"url": server.url("/file.txt"), "dest": bench.path("")}));
        assert_eq!(result["path"], Value::from(bench.path("named.txt")));
    }

    #[test]
    fn a_socket_serves_as_well() {
        let bench = Bench::new();
        let socket = bench.path("s");
        let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let served = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0; 1024];
            let count = stream.read(&mut buffer).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").unwrap();
            String::from_utf8_lossy(&buffer[..count]).into_owned()
        });
        let result =
            bench.apply("uri", json!({"url": "http://docker/info", "unix_socket": socket, "return_content": true}));
        assert_eq!(result["content"], Value::from("hi"));
        assert!(served.join().unwrap().starts_with("GET /info HTTP/1.1"));
    }

    /// Answers one request over TLS, with the certificate in `tests/tls`; the URL.
    fn serve_tls() -> String {
        use std::io::{Read, Write};
        let item = |pem: &'static [u8]| ureq::tls::parse_pem(pem).next().unwrap().unwrap();
        let ureq::tls::PemItem::Certificate(certificate) = item(include_bytes!("../../tests/tls/server.pem")) else {
            panic!()
        };
        let ureq::tls::PemItem::PrivateKey(key) = item(include_bytes!("../../tests/tls/server.key")) else { panic!() };
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().to_vec().into()],
                rustls::pki_types::PrivatePkcs8KeyDer::from(key.der().to_vec()).into(),
            )
            .unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let (stream, _) = listener.accept().unwrap();
            let connection = rustls::ServerConnection::new(std::sync::Arc::new(config)).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            // A client that does not trust the certificate hangs up here.
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
        url
    }

    #[test]
    fn a_certificate_must_be_trusted_unless_the_task_says_otherwise() {
        let bench = Bench::new();
        let authority = bench.file("ca.pem", include_bytes!("../../tests/tls/authority.pem"));
        let result = bench.apply("uri", json!({"url": serve_tls(), "ca_path": authority, "return_content": true}));
        assert_eq!(result["content"], Value::from("secret"));
        let result = bench.apply("uri", json!({"url": serve_tls(), "validate_certs": false, "return_content": true}));
        assert_eq!(result["content"], Value::from("secret"));
        let other = bench.file("other.pem", include_bytes!("../../tests/tls/server.pem"));
        let message = bench.fails("uri", json!({"url": serve_tls(), "ca_path": other}));
        assert!(message.contains("ca_path") && message.contains("certificate"), "{message}");
    }

    #[test]
    fn nothing_is_asked_when_creates_or_removes_say_so() {
        let (bench, server) = (Bench::new(), Server::new());
        bench.file("there", "");
        let result = bench.apply("uri", json!({"url": server.url("/json"), "creates": bench.path("th*")}));
        assert!(text(&result["stdout"]).starts_with("skipped, since"));
        bench.apply("uri", json!({"url": server.url("/json"), "removes": bench.path("none")}));
        assert_eq!(server.requests(), 0);
    }

    #[test]
    fn an_unreachable_server_and_a_wrong_url_are_explained() {
        let bench = Bench::new();
        let failure = bench.run("uri", json!({"url": "http://127.0.0.1:1/"}), false).unwrap_err();
        assert!(failure.message.contains("Request failed: http://127.0.0.1:1/"), "{failure}");
        assert_eq!(failure.values["status"], Value::Int(-1));
        assert!(bench.fails("uri", json!({"url": "nonsense"})).contains("unknown url type"));
        assert!(
            bench.fails("uri", json!({"url": "http://x/", "body": "a", "src": "b"})).contains("mutually exclusive")
        );
    }
}
