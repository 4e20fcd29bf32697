//! Files of other machines, and HTTP as Galaxy's servers speak it.

use std::io::Read;
use std::path::Path;
use std::time::Duration;

use rprov_modules::context::Detached;
use rprov_modules::http::{Call, send};
use rprov_modules::{Cancel, Context};

use super::requirement::without_password;
use crate::source::Diagnostic;

/// How servers are spoken to.
#[derive(Clone, Debug)]
pub struct Way {
    /// Check the certificates of servers.
    pub validate: bool,
    /// How long a server may be silent.
    pub timeout: Duration,
}

impl Default for Way {
    fn default() -> Self {
        Self { validate: true, timeout: Duration::from_secs(60) }
    }
}

/// Bytes that are downloaded at most.
const LIMIT: u64 = 1 << 30;

/// Download a file.
///
/// # Errors
/// There is no answer, or none that holds the file.
pub fn download(url: &str, authorization: Option<&str>, way: &Way, into: &Path) -> Result<(), Diagnostic> {
    let shown = without_password(url);
    let broken = |cause: String| {
        Diagnostic::error(format!("`{shown}` cannot be downloaded"))
            .cause(cause)
            .hint("check the URL, the network, and the proxy (`https_proxy`)")
    };
    let mut answer = ask(url, authorization, way).map_err(&broken)?;
    if answer.status >= 300 {
        return Err(broken(answer.message()));
    }
    let expected: Option<u64> = answer.header("content-length").and_then(|length| length.parse().ok());
    let mut file = std::fs::File::create(into).map_err(|error| broken(error.to_string()))?;
    let size = std::io::copy(&mut answer.reader().take(LIMIT + 1), &mut file)
        .map_err(|error| broken(format!("the answer broke off: {error}")))?;
    match expected {
        _ if size > LIMIT => Err(broken(format!("it is larger than {LIMIT} bytes"))),
        Some(expected) if answer.header("content-encoding").is_none() && size < expected => {
            Err(broken(format!("the answer broke off after {size} of {expected} bytes")))
        }
        _ => Ok(()),
    }
}

/// What a server answers in JSON; nothing where it says that there is no such thing.
///
/// # Errors
/// There is no answer, or one that cannot be understood.
pub fn json(url: &str, authorization: Option<&str>, way: &Way) -> Result<Option<serde_json::Value>, Diagnostic> {
    let broken = |cause: String| {
        Diagnostic::error(format!("the Galaxy server does not answer at `{}`", without_password(url)))
            .cause(cause)
            .hint("name another server by `-s`, or install from git (`git+URL`), an archive or a path")
    };
    let mut answer = ask(url, authorization, way).map_err(&broken)?;
    if answer.status == 404 {
        return Ok(None);
    }
    if answer.status >= 300 {
        return Err(broken(answer.message()));
    }
    let mut content = Vec::new();
    answer
        .reader()
        .take(64 << 20)
        .read_to_end(&mut content)
        .map_err(|error| broken(format!("the answer broke off: {error}")))?;
    serde_json::from_slice(&content).map(Some).map_err(|error| broken(format!("the answer is no JSON: {error}")))
}

fn ask(url: &str, authorization: Option<&str>, way: &Way) -> Result<rprov_modules::http::Answer, String> {
    let options = rprov_wire::Options::default();
    let context = Context { options: &options, transport: &Detached, cancel: &Cancel::default() };
    let mut call = Call::get(url);
    call.validate = way.validate;
    call.timeout = Some(way.timeout);
    if let Some(value) = authorization {
        call.headers.push(("Authorization".to_owned(), value.to_owned()));
        call.unredirected.push("authorization".to_owned());
    }
    send(&call, &context).map_err(|failure| failure.message)
}
