//! `url`: what a web server answers.

use std::time::Duration;

use base64::Engine;
use minijinja::{Error, Value};

use super::{Request, Run, blocking};
use crate::template::filter::python::{pairs, text};
use crate::template::filter::text::split_lines;

pub(super) const LOOKUPS: &[(&str, Run)] = &[("url", url)];

fn url(request: &Request<'_>) -> Result<Vec<Value>, Error> {
    const UNSUPPORTED: [&str; 5] = ["ca_path", "ciphers", "unix_socket", "use_gssapi", "use_netrc"];
    for name in UNSUPPORTED {
        if request.option(name).is_some_and(|value| value.is_true()) {
            return Err(request.fail(format!("the option '{name}' is not supported; use the `uri` module instead")));
        }
    }
    let mut out = Vec::new();
    for term in &request.terms {
        let address = text(term)?;
        let body =
            blocking(|| fetch(request, &address)).map_err(|error| request.fail(format!("{address}: {error}")))?;
        if request.truth_option("split_lines", true) {
            out.extend(split_lines(&body, false).into_iter().map(Value::from));
        } else {
            out.push(Value::from(body));
        }
    }
    Ok(out)
}

fn fetch(request: &Request<'_>, address: &str) -> Result<String, Box<dyn std::error::Error>> {
    let seconds: f64 = request.text_option("timeout", "10")?.parse()?;
    let redirects = match request.text_option("follow_redirects", "urllib2")?.as_str() {
        "no" | "none" | "False" => 0,
        _ => 10,
    };
    let tls = ureq::tls::TlsConfig::builder()
        .unversioned_rustls_crypto_provider(std::sync::Arc::new(rustls::crypto::ring::default_provider()))
        .root_certs(roots())
        .disable_verification(!request.truth_option("validate_certs", true))
        .build();
    let mut config = ureq::Agent::config_builder()
        .timeout_global(Some(Duration::try_from_secs_f64(seconds)?))
        .max_redirects(redirects)
        .tls_config(tls)
        .user_agent(request.text_option("http_agent", "ansible-httpget")?);
    if !request.truth_option("use_proxy", true) {
        config = config.proxy(None);
    }
    let agent: ureq::Agent = config.build().into();
    let mut call = agent.get(address);
    if let Some(headers) = request.option("headers") {
        for (name, value) in pairs(headers)? {
            call = call.header(text(&name)?, text(&value)?);
        }
    }
    if request.option("username").is_some() {
        let credentials = format!("{}:{}", request.text_option("username", "")?, request.text_option("password", "")?);
        call = call.header(
            "Authorization",
            format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials)),
        );
    }
    if request.truth_option("force", false) {
        call = call.header("Cache-Control", "no-cache");
    }
    Ok(call.call()?.body_mut().with_config().limit(1 << 30).read_to_string()?)
}

/// The certificates that the system trusts.
fn roots() -> ureq::tls::RootCerts {
    let found = rustls_native_certs::load_native_certs();
    let certificates: Vec<_> =
        found.certs.iter().map(|certificate| ureq::tls::Certificate::from_der(certificate).to_owned()).collect();
    ureq::tls::RootCerts::new_with_certs(&certificates)
}
